"""What may happen in every state of a place on the support register, by hand from NHS England's policy of 2023."""

from collections.abc import Sequence
from typing import Any

import pytest

from config.law import load_law
from deadlines.duties import duties_of
from deadlines.duty_rules import DutyRules
from models.casefile import CaseFile
from models.common_facts import CORRECTIONS, ENGINE_ONLY, OF_THE_CHILD, SHARED
from models.facts import StoredFact
from statemachines.dynamic_support import PROCESS, UNNAMED, may_share, plan_to_cease, rating
from statemachines.replay import replay
from tests.support.by_hand import book, dates_of, history
from tests.support.hand_table import HandTable, asked_before

OPEN = set(SHARED)
AFTERWARDS = CORRECTIONS | ENGINE_ONLY | OF_THE_CHILD
AGREED = {"dsr_consent_given", "dsr_best_interests_decided"}
OF_ANYBODY = {"keyworker_named", "ordinary_residence_settled", "dsr_plan_goes_on", "dsr_plan_ceased"}
AT_RISK = {"admission_considered", "laep_held", "dsr_plan_to_cease", "admitted_to_hospital"}
INSIDE = {"mha_applicable_day_came", "inpatient_plan_to_cease", "inpatient_plan_checked", "discharged_from_hospital"}
WITH_CONSENT = {"dsr_rated", "cetr_held", "cetr_report_sent", "action_agreed", "action_done", "action_dropped"}
NAMED = ("referred", "referred_inside", "listed", "in_hospital", "removed")
WITHOUT = ("declined", "consent_withdrawn", "withdrawn_inside")


def of_an_action(before: Sequence[StoredFact], fact: StoredFact) -> bool:
    """Whether an action of that code was agreed."""
    return any(each.kind == "action_agreed" and each.data["item"] == fact.data["item"] for each in before)


def of_a_new_action(before: Sequence[StoredFact], fact: StoredFact) -> bool:
    """Whether no action has that code yet."""
    return not of_an_action(before, fact)


def with_its_day(_before: Sequence[StoredFact], fact: StoredFact) -> bool:
    """A community review that was held before an admission has a day."""
    return fact.data["community_review"] == "not_held" or "last_review_on" in fact.data


NOTHING = "nothing: the person is on no register by consent"
TABLE = HandTable(
    usual={
        "referred": OPEN | AGREED | OF_ANYBODY | AT_RISK | {"dsr_consent_declined", "dsr_removed"},
        "referred_inside": OPEN | AGREED | OF_ANYBODY | INSIDE | {"dsr_consent_declined", "dsr_removed"},
        "listed": OPEN | AGREED | OF_ANYBODY | AT_RISK | WITH_CONSENT | {"dsr_consent_withdrawn", "dsr_removed"},
        "in_hospital": OPEN | AGREED | OF_ANYBODY | INSIDE | WITH_CONSENT | {"dsr_consent_withdrawn"},
        "removed": OPEN | AGREED | {"dsr_consent_withdrawn"},
        **dict.fromkeys(WITHOUT, OPEN | AGREED),
        "withdrawn": AFTERWARDS,
        "closed": AFTERWARDS,
        "ended_without_consent": AFTERWARDS,
    },
    moves={
        **{
            (state, kind): "listed"
            for state in ("referred", "listed", "declined", "consent_withdrawn", "removed")
            for kind in AGREED
        },
        **{
            (state, kind): "in_hospital"
            for state in ("referred_inside", "in_hospital", "withdrawn_inside")
            for kind in AGREED
        },
        ("referred", "dsr_consent_declined"): "declined",
        ("referred_inside", "dsr_consent_declined"): "declined",
        ("listed", "dsr_consent_withdrawn"): "consent_withdrawn",
        ("removed", "dsr_consent_withdrawn"): "consent_withdrawn",
        ("in_hospital", "dsr_consent_withdrawn"): "withdrawn_inside",
        ("listed", "admitted_to_hospital"): "in_hospital",
        ("referred", "admitted_to_hospital"): "referred_inside",
        ("in_hospital", "discharged_from_hospital"): "listed",
        ("referred_inside", "discharged_from_hospital"): "referred",
        **{(state, "dsr_removed"): "removed" for state in ("referred", "referred_inside", "listed")},
        **{(state, "case_withdrawn"): "withdrawn" for state in NAMED},
        **{(state, "case_closed"): "closed" for state in NAMED},
        **{(state, kind): "ended_without_consent" for state in WITHOUT for kind in ("case_withdrawn", "case_closed")},
    },
    unusual_moves={
        ("listed", "dsr_consent_declined"): "declined",
        ("removed", "dsr_consent_declined"): "declined",
        ("in_hospital", "dsr_consent_declined"): "withdrawn_inside",
        ("referred", "dsr_consent_withdrawn"): "consent_withdrawn",
        ("referred_inside", "dsr_consent_withdrawn"): "withdrawn_inside",
        ("consent_withdrawn", "admitted_to_hospital"): "withdrawn_inside",
        ("removed", "admitted_to_hospital"): "in_hospital",
        ("withdrawn_inside", "discharged_from_hospital"): "consent_withdrawn",
        ("in_hospital", "dsr_removed"): "removed",
    },
    leaves={
        **dict.fromkeys(WITH_CONSENT | OF_ANYBODY | AT_RISK | INSIDE, NOTHING),
        "dsr_consent_declined": "nothing: consent was given or refused before",
        "dsr_consent_withdrawn": "nothing: there was no consent",
        "dsr_removed": NOTHING,
    },
    possible={
        "action_agreed": of_a_new_action,
        "action_done": of_an_action,
        "action_dropped": of_an_action,
        "admitted_to_hospital": with_its_day,
        "cetr_report_sent": asked_before("cetr_held", per_body=False),
    },
)

CASE = "DS00001"
OPENED = ("dsr_referred", "2025-03-03", {"referred_by": "family", "has_plan": "yes"})
CONSENT = ("dsr_consent_given", "2025-03-05", {"given_by": "the_person", "sharing": "yes"})
WITHDRAWN = ("dsr_consent_withdrawn", "2025-03-20", {"said_by": "the_person"})


def rated(on: str, colour: str) -> Any:
    return ("dsr_rated", on, {"rating": colour, "reason": "w1"})


def admitted(on: str, under_18: str = "yes", review: str = "not_held", plan: str = "yes", **more: str) -> Any:
    said = {"legal_status": "detained", "community_review": review, "has_plan": plan, "under_18": under_18}
    return ("admitted_to_hospital", on, said | more)


def reviewed(on: str, setting: str = "inpatient", under: str = "yes", under_act: str = "no") -> Any:
    said = {"setting": setting, "outcome": "stays_in_hospital", "present": ["education"]}
    return ("cetr_held", on, said | {"under_act": under_act, "under_18_at_the_next": under})


def now(*facts: tuple[Any, ...]) -> CaseFile:
    return replay(CASE, history(OPENED, *facts))


def owed(*facts: tuple[Any, ...], act_in_force: bool = False) -> list[tuple[str, str, str, str]]:
    """The duties, by their rule: due, met and ended. `act_in_force`: as if the Act of 2025 had commenced."""
    rules = book("dynamic_support")
    if act_in_force:
        every = load_law().for_process("dynamic_support")
        rules = DutyRules.of(rule.model_copy(update={"enabled": True}) for rule in every)
    found = duties_of(now(*facts).lines, rules, dates_of(), ())
    return [(each.rule, str(each.due), str(each.met_on), str(each.ended_on)) for each in found]


@pytest.mark.parametrize(
    ("colour", "rule", "due"),
    [
        ("red", "dsr_review_red", "2025-03-17"),
        ("amber", "dsr_review_amber", "2025-03-24"),
        ("green", "dsr_review_green", "2025-04-10"),
    ],
)
def test_the_next_review_of_the_register_goes_by_the_rating(colour: str, rule: str, due: str) -> None:
    assert (rule, due, "None", "None") in owed(CONSENT, rated("2025-03-10", colour))


@pytest.mark.parametrize(
    ("under_18", "rule", "due"),
    [
        ("yes", "cetr_policy_post_admission", "2025-04-01"),  # two weeks
        ("no", "ctr_policy_post_admission_adult", "2025-04-15"),  # 28 days
    ],
)
def test_an_admission_without_a_community_review_owes_one_by_age(under_18: str, rule: str, due: str) -> None:
    found = owed(CONSENT, admitted("2025-03-18", under_18))
    assert [each for each in found if "post_admission" in each[0]] == [(rule, due, "None", "None")]
    assert now(CONSENT, admitted("2025-03-18")).out_of_order, "it is marked: policy expects none"


def test_a_child_in_hospital_has_a_review_every_three_months_until_discharge() -> None:
    community = reviewed("2025-03-14", "community")
    inside = admitted("2025-03-18", review="held", last_review_on="2025-03-14")
    home = ("discharged_from_hospital", "2025-08-04", {"to": "home"})
    found = [each for each in owed(CONSENT, community, inside, reviewed("2025-06-10"), home) if "inpatient" in each[0]]
    assert found == [
        ("cetr_inpatient_first", "2025-06-14", "2025-06-10", "None"),
        ("cetr_inpatient", "2025-09-10", "None", "2025-08-04"),
    ]


@pytest.mark.parametrize(
    ("secure", "first", "following"),
    [
        ({}, ("ctr_inpatient_adult_first", "2025-09-14"), ("ctr_inpatient_adult", "2025-12-10")),
        ({"secure": "no"}, ("ctr_inpatient_adult_first", "2025-09-14"), ("ctr_inpatient_adult", "2025-12-10")),
        (
            {"secure": "yes"},
            ("ctr_inpatient_adult_first_secure", "2026-03-14"),
            ("ctr_inpatient_adult_secure", "2026-06-10"),
        ),
    ],
    ids=("not said", "not secure", "secure"),
)
def test_an_adult_in_hospital_has_a_review_every_six_or_twelve_months(
    secure: dict[str, str], first: tuple[str, str], following: tuple[str, str]
) -> None:
    """By hand, from the days of the reviews: 14 March 2025 in the community, 10 June 2025 in hospital."""
    community = reviewed("2025-03-14", "community", "no")
    inside = admitted("2025-03-18", "no", "held", last_review_on="2025-03-14", **secure)
    kind, on, said = reviewed("2025-06-10", "inpatient", "no")
    found = [each for each in owed(CONSENT, community, inside, (kind, on, said | secure)) if "inpatient" in each[0]]
    assert found == [(*first, "2025-06-10", "None"), (*following, "None", "None")]


def test_an_emergency_meeting_meets_no_review() -> None:
    considered = ("admission_considered", "2025-03-10", {"review_by": "2025-03-16"})
    meeting = ("laep_held", "2025-03-15", {"outcome": "admission_supported"})
    found = {rule: (due, met) for rule, due, met, _ended in owed(CONSENT, considered, meeting)}
    assert found["cetr_community"] == ("2025-03-16", "None")
    assert PROCESS.remarks is not None
    assert "An emergency protocol meeting counts as no review." in PROCESS.remarks(now(CONSENT, considered, meeting))


@pytest.mark.parametrize("no", ["dsr_consent_declined", "dsr_consent_withdrawn"])
@pytest.mark.parametrize("inside", [False, True])
def test_every_duty_ends_on_the_day_on_which_the_person_says_no(no: str, inside: bool) -> None:
    before = [CONSENT, rated("2025-03-10", "red"), *([admitted("2025-03-18")] if inside else [])]
    before.append(
        ("action_agreed", "2025-03-18", {"item": "a", "agency": "school", "due_on": "2025-05-01", "what": "w2"})
    )
    said = (no, "2025-03-20", {"said_by": "the_person"})
    file = now(*before, said)
    assert file.state in UNNAMED and not may_share(file)
    assert {ended for _rule, _due, met, ended in owed(*before, said) if met == "None"} <= {"2025-03-20", "2025-03-18"}
    assert PROCESS.remarks is not None and len(PROCESS.remarks(file)) == 1, "nothing of the rating is said any more"


def test_consent_that_is_given_again_lists_the_person_where_they_are() -> None:
    again = ("dsr_consent_given", "2025-04-01", {"given_by": "the_person", "sharing": "no"})
    assert now(CONSENT, WITHDRAWN, again).state == "listed"
    file = now(CONSENT, admitted("2025-03-18"), WITHDRAWN, again)
    assert file.state == "in_hospital" and rating(file) == "blue" and not may_share(file)
    shared = ("action_agreed", "2025-04-02", {"item": "a", "agency": "school", "due_on": "2025-05-01", "what": "w2"})
    assert "covers the register and no sharing" in now(CONSENT, WITHDRAWN, again, shared).out_of_order[5]


@pytest.mark.parametrize(
    ("facts", "to_cease"),
    [
        ([admitted("2025-03-18", plan="to_cease")], True),
        ([admitted("2025-03-18"), ("inpatient_plan_to_cease", "2025-03-19", {"has_plan": "to_cease"})], True),
        (
            [("dsr_plan_to_cease", "2025-03-06", {"has_plan": "to_cease"}), admitted("2025-03-18", plan="not_known")],
            True,
        ),
        ([admitted("2025-03-18", plan="to_cease"), ("dsr_plan_goes_on", "2025-03-19", {})], False),
        ([admitted("2025-03-18", plan="to_cease"), ("dsr_plan_ceased", "2025-03-19", {})], False),
        ([admitted("2025-03-18")], False),
    ],
)
def test_the_case_warns_of_a_plan_that_is_to_cease_in_hospital(facts: list[Any], to_cease: bool) -> None:
    file = now(CONSENT, *facts)
    assert PROCESS.remarks is not None and plan_to_cease(file) is to_cease
    assert any("is to cease while they are in hospital" in each for each in PROCESS.remarks(file)) is to_cease


# The applicable day is 18 March 2025; by hand: 14 days that begin with it end on 31 March, 28 days on 14 April.
FIRST = [
    ("yes", "no", "mha2025_cetr_first", "2025-03-31"),
    ("yes", "yes", "mha2025_cetr_first", "2025-03-31"),
    ("no", "yes", "mha2025_cetr_first_with_plan", "2025-03-31"),
    ("no", "to_cease", "mha2025_cetr_first_with_plan", "2025-03-31"),
    ("no", "no", "mha2025_ctr_adult_first", "2025-04-14"),
]


@pytest.mark.parametrize(("under_18", "has_plan", "rule", "due"), FIRST)
def test_the_act_of_2025_is_off_and_gives_14_or_28_days_by_the_plan_once_it_is_on(
    under_18: str, has_plan: str, rule: str, due: str
) -> None:
    said = {"because": "detained", "has_plan": has_plan, "under_18": under_18}
    facts = (CONSENT, admitted("2025-03-17", under_18), ("mha_applicable_day_came", "2025-03-18", said))
    meeting = reviewed("2025-03-30", under_act="yes")
    assert not [each for each in owed(*facts, meeting) if each[0].startswith("mha2025")]
    found = [each[:3] for each in owed(*facts, meeting, act_in_force=True) if each[0].startswith("mha2025")]
    assert found == [
        (rule, due, "2025-03-30"),
        ("mha2025_cetr_report", "2025-04-12", "None"),
        ("mha2025_cetr_repeat", "2026-03-29", "None"),
    ]
