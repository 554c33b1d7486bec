"""What may happen in every state of a Section 23 notification, written out by hand from CFA 2014 s23 and s24(1)(b)."""

from collections.abc import Sequence
from typing import Any

import pytest

from models.casefile import CaseFile
from models.facts import StoredFact
from statemachines.process import NotPermitted
from statemachines.replay import replay
from statemachines.section23 import PROCESS, remarks
from tests.support.by_hand import duties, history
from tests.support.hand_table import HandTable

# Said by anyone of a case that is not over.
SHARED = {
    "excuse_claimed",
    "excuse_decided",
    "chasing_paused",
    "contact_made",
    "case_linked",
    "case_unlinked",
    "dco_attended",
    "body_replied",
}
ENDS = {"case_withdrawn", "case_closed"}
ALWAYS = {"fact_corrected", "fact_withdrawn", "person_died", "person_flagged_sensitive"}
ENGINE = {
    "chasing_began",
    "child_joined",
    "child_parted",
    "reminder_due",
    "breached",
    "escalation_due",
    "rung_withdrawn",
    "notice_sent",
    "notice_failed",
    "notice_came_back",
    "notice_undelivered",
    "letters_held",
    "letters_released",
}
# s23(4) has no place in the order: the body informs the parent whenever it thinks that an organisation could help.
VOLUNTARY = {"voluntary_organisation_identified", "voluntary_organisation_named"}
OPEN = SHARED | ENDS | ALWAYS | ENGINE | VOLUNTARY
OUTCOMES = {"la_agreed_to_assess", "la_refused_to_assess"}

PERMITTED = {
    # s23(2)(a): the body informs the parent first.
    "formed": OPEN | {"parent_informed"},
    # s23(2)(b): then has an opportunity to discuss.
    "informed": OPEN | {"discussion_offered"},
    # s23(3): "must then bring" it to the authority's attention.
    "offered": OPEN | {"la_notified"},
    # The authority acknowledges or states the outcome, or its decision comes from the case of the assessment.
    "notified": OPEN | OUTCOMES | {"la_acknowledged", "la_outcome_stated"},
    "acknowledged": OPEN | OUTCOMES | {"la_outcome_stated"},
    "answered": OPEN | OUTCOMES,
    "withdrawn": ALWAYS | ENGINE,
    "closed": ALWAYS | ENGINE,
}
MOVES = {
    ("formed", "parent_informed"): "informed",
    ("informed", "discussion_offered"): "offered",
    ("offered", "la_notified"): "notified",
    ("notified", "la_acknowledged"): "acknowledged",
    ("notified", "la_outcome_stated"): "answered",
    ("notified", "la_agreed_to_assess"): "answered",
    ("notified", "la_refused_to_assess"): "answered",
    ("acknowledged", "la_outcome_stated"): "answered",
    ("acknowledged", "la_agreed_to_assess"): "answered",
    ("acknowledged", "la_refused_to_assess"): "answered",
} | {
    (state, kind): end
    for state in ("formed", "informed", "offered", "notified", "acknowledged", "answered")
    for kind, end in (("case_withdrawn", "withdrawn"), ("case_closed", "closed"))
}

NOT_NOTIFIED = ("formed", "informed", "offered")


def own_body(before: Sequence[StoredFact], fact: StoredFact) -> bool:
    """The duties lie on the body that formed the opinion (s23(2) to (4))."""
    return str(before[0].data["body"]) == str(fact.data["body"])


TABLE = HandTable(
    usual=PERMITTED,
    moves=MOVES,
    unusual_moves={
        ("formed", "discussion_offered"): "offered",
        ("formed", "la_notified"): "notified",
        ("informed", "la_notified"): "notified",
    },
    leaves={
        "parent_informed": "nothing, if both were said; the parent was informed late; the law has no number of days",
        "discussion_offered": "the parent's information, if that was skipped (s23(2)(a))",
        "la_notified": "what the parent is owed (s23(2)); the authority's six weeks run all the same (s24(1)(b))",
        "la_acknowledged": "nothing: it was acknowledged, or answered, before",
        "la_outcome_stated": "nothing: the authority had said what comes of it",
        "la_agreed_to_assess": "the body's notice (s23(3)), which another's request does not replace",
        "la_refused_to_assess": "the body's notice (s23(3)), from which six weeks run",
    },
    impossible={
        "la_acknowledged": (NOT_NOTIFIED, "an acknowledgement answers a notice"),
        "la_outcome_stated": (NOT_NOTIFIED, "what comes of a notice is said of a notice"),
    },
    opens_with={"under_compulsory_school_age": "yes"},
    possible=dict.fromkeys(("parent_informed", "discussion_offered", "la_notified", *VOLUNTARY), own_body),
)

CASE = "SX00001"
BODY = {"body": "QX101"}
OPINION = ("section23_opinion_formed", "2026-02-02", {"la": "northshire", **BODY, "under_compulsory_school_age": "yes"})
INFORMED = ("parent_informed", "2026-02-04", {**BODY, "of_opinion": "yes", "of_duty": "yes"})
OFFERED = ("discussion_offered", "2026-02-04", BODY)
NOTIFIED = ("la_notified", "2026-02-06", {**BODY, "says_sen": "yes"})


@pytest.mark.parametrize("state", sorted(PERMITTED))
def test_exactly_these_facts_are_lawful_in_each_state(state: str) -> None:
    assert set(PROCESS.permitted(state)) == PERMITTED[state]


def test_every_state_and_fact_is_in_the_table() -> None:
    assert set(PERMITTED) == set(PROCESS.states)
    assert set(PROCESS.facts) == set().union(*PERMITTED.values()) | {"section23_opinion_formed"}
    assert dict(PROCESS.usual_moves) == PROCESS.tables[1] == MOVES
    assert PROCESS.initial == "formed"
    assert PROCESS.final == {"withdrawn", "closed"}


def refused(*facts: tuple[Any, ...]) -> str:
    with pytest.raises(NotPermitted) as problem:
        replay(CASE, history(*facts))
    return problem.value.sentence


def test_a_child_of_compulsory_school_age_is_not_notified_under_s23() -> None:
    said = refused((OPINION[0], OPINION[1], {**OPINION[2], "under_compulsory_school_age": "no"}))
    assert said.startswith("fact 1, section23_opinion_formed of 2026-02-02, is refused: CFA 2014 s23(1)")
    assert "Education Act 1996 s8" in said and "ehc_assessment_requested" in said
    assert "cannot request an assessment under s36(1)" in said and "(s24(1)(b))" in said


@pytest.mark.parametrize(
    ("of_opinion", "of_duty", "left_out"),
    [
        ("yes", "no", "its duty to inform the local authority was left out"),
        ("no", "yes", "its opinion was left out"),
        ("no", "no", "its opinion and its duty to inform the local authority was left out"),
    ],
)
def test_the_parent_is_informed_of_the_opinion_and_of_the_duty(of_opinion: str, of_duty: str, left_out: str) -> None:
    said = refused(OPINION, ("parent_informed", "2026-02-04", {**BODY, "of_opinion": of_opinion, "of_duty": of_duty}))
    assert "CFA 2014 s23(2)(a)" in said and left_out in said


@pytest.mark.parametrize(
    "before",
    [(), (INFORMED,), (INFORMED, OFFERED, NOTIFIED)],
    ids=["parent not informed", "no discussion offered", "notified already"],
)
def test_the_authority_cannot_be_notified_before_the_parent_was_informed(before: tuple[tuple[Any, ...], ...]) -> None:
    said = refused(OPINION, *before, ("la_notified", "2026-02-09", {**BODY, "says_sen": "yes"}))
    assert (
        "CFA 2014 s23(2) and (3): the parent is told of the opinion and the duty, and offered a discussion, before the"
        " authority is told" in said
    )
    assert "Lawful then: " in said


def test_a_day_that_would_put_the_authority_before_the_parent_is_refused_however_it_was_learned() -> None:
    """The order is by the days on which things happened, not by when they were recorded."""
    said = refused(OPINION, INFORMED, OFFERED, ("la_notified", "2026-02-03", {**BODY, "says_sen": "yes"}))
    assert said.startswith("fact 4, la_notified of 2026-02-03, is refused")


@pytest.mark.parametrize(
    "fact",
    [INFORMED, OFFERED, NOTIFIED, ("voluntary_organisation_named", "2026-02-04", BODY)],
    ids=lambda fact: fact[0],
)
def test_the_duties_are_those_of_the_body_that_formed_the_opinion(fact: tuple[Any, ...]) -> None:
    before = {"parent_informed": (), "discussion_offered": (INFORMED,), "la_notified": (INFORMED, OFFERED)}.get(
        fact[0], ()
    )
    other = (fact[0], "2026-02-09", {**fact[2], "body": "QX102"})
    assert "lie on the body that formed the opinion" in refused(OPINION, *before, other)


def whole(*more: tuple[Any, ...], says_sen: str = "yes") -> list[StoredFact]:
    return history(OPINION, INFORMED, OFFERED, (*NOTIFIED[:2], {**NOTIFIED[2], "says_sen": says_sen}), *more)


def test_a_notice_that_says_sen_starts_the_authoritys_six_weeks_and_one_of_a_disability_alone_starts_none() -> None:
    """CFA 2014 s24(1)(b) with reg 5(1): received Friday 6 February, six weeks end on Friday 20 March 2026."""
    (clock,) = [duty for duty in duties(whole(), process="section23") if duty.rule == "s23_starts_la_clock"]
    assert (str(clock.due), str(clock.dates.strict_due), clock.body) == ("2026-03-20", "2026-03-19", None)
    assert [duty.rule for duty in duties(whole(says_sen="no"), process="section23")] == [
        "s23_inform_parent",
        "s23_offer_discussion",
        "s23_notify_la",
        "s23_la_acknowledge",
    ]


@pytest.mark.parametrize("met_by", ["la_outcome_stated", "la_agreed_to_assess", "la_refused_to_assess"])
def test_the_authoritys_word_meets_its_clock_and_stands_for_an_acknowledgement(met_by: str) -> None:
    data = {"outcome": "will_assess"} if met_by == "la_outcome_stated" else {}
    found = {duty.rule: duty for duty in duties(whole((met_by, "2026-03-02", data)), process="section23")}
    assert found["s23_starts_la_clock"].met_by == found["s23_la_acknowledge"].met_by == met_by


def test_no_step_of_the_section_has_a_date_and_each_is_met_by_its_own_fact() -> None:
    organisation = (
        ("voluntary_organisation_identified", "2026-02-05", BODY),
        ("voluntary_organisation_named", "2026-02-06", BODY),
    )
    lines = history(OPINION, INFORMED, OFFERED, *organisation, NOTIFIED, ("la_acknowledged", "2026-02-11"))
    found = {duty.rule: duty for duty in duties(lines, process="section23") if duty.rule != "s23_starts_la_clock"}
    assert {rule: (duty.due, duty.met_by) for rule, duty in found.items()} == {
        "s23_inform_parent": (None, "parent_informed"),
        "s23_offer_discussion": (None, "discussion_offered"),
        "s23_voluntary_org": (None, "voluntary_organisation_named"),
        "s23_notify_la": (None, "la_notified"),
        "s23_la_acknowledge": (None, "la_acknowledged"),
    }
    assert {duty.body for rule, duty in found.items() if rule != "s23_la_acknowledge"} == {"QX101"}


def test_remarks_say_that_the_act_gives_no_days_and_what_a_disability_alone_means() -> None:
    assert ["no number of days" in each for each in remarks(replay(CASE, whole()))] == [True]
    assert "s24(1)" in remarks(replay(CASE, whole(says_sen="no")))[-1]


def test_where_the_authority_will_assess_a_remark_names_the_day_from_which_its_other_weeks_run() -> None:
    """Regs 10(1), 13(2): 16 and 20 weeks from the day on which the authority became responsible, where nobody else
    asked.
    """
    will = ("la_outcome_stated", "24 Feb 2026", {"outcome": "will_assess"})
    said = remarks(replay(CASE, whole(will)))[-1]
    assert f"ehc_assessment_requested of 2026-02-06 with linked_to={CASE}" in said
    assert "16 and 20 weeks" not in " ".join(
        remarks(replay(CASE, whole(("la_outcome_stated", "24 Feb 2026", {"outcome": "will_not_assess"}))))
    )
    assert "16 and 20 weeks" not in " ".join(remarks(replay(CASE, whole(will, says_sen="no"))))
    heard = [
        line._replace(caused_by="NX90001/2") if line.kind == "la_agreed_to_assess" else line
        for line in whole(("la_agreed_to_assess", "24 Feb 2026"))
    ]
    assert "16 and 20 weeks" not in " ".join(remarks(replay(CASE, heard))), "the assessment's own case has its clocks"


# Out of order -------------------------------------------------------------------------------------------------------


def now(*more: tuple[Any, ...]) -> CaseFile:
    return replay(CASE, [fact._replace(machine=PROCESS.version) for fact in history(OPINION, *more)])


def test_an_authority_that_is_notified_before_the_parent_has_its_six_weeks_and_the_parent_is_still_owed_both() -> None:
    notified = ("la_notified", "2026-02-04", {**BODY, "says_sen": "yes"})
    taken = now(notified)
    assert taken.state == "notified" and "CFA 2014 s23(2) and (3)" in taken.out_of_order[2]

    def found(*more: tuple[Any, ...]) -> dict[str, Any]:
        return {duty.rule: duty for duty in duties(now(notified, *more).lines, process="section23")}

    owed = found()
    assert str(owed["s23_starts_la_clock"].due) == "2026-03-18", "s24(1)(b), reg 5(1): 4 February and 42 days"
    assert owed["s23_inform_parent"].closed_on is owed["s23_offer_discussion"].closed_on is None
    done = found((INFORMED[0], "2026-02-10", INFORMED[2]), ("discussion_offered", "2026-02-12", BODY))
    assert str(done["s23_inform_parent"].met_on) == "2026-02-10"
    assert str(done["s23_notify_la"].met_on) == "2026-02-04", "the notice had come before it fell to be given"


def test_a_parent_who_is_informed_of_half_of_it_is_owed_the_rest() -> None:
    half = ("parent_informed", "2026-02-04", {**BODY, "of_opinion": "yes", "of_duty": "no"})
    taken = now(half)
    assert "its duty to inform the local authority was left out" in taken.out_of_order[2]
    owed = {duty.rule: duty for duty in duties(taken.lines, process="section23")}
    assert owed["s23_inform_parent"].met_on is None
    whole_of_it = now(half, ("parent_informed", "2026-02-09", INFORMED[2]))
    met = {duty.rule: duty for duty in duties(whole_of_it.lines, process="section23")}
    assert str(met["s23_inform_parent"].met_on) == "2026-02-09"


def test_a_notice_sent_twice_starts_one_clock_of_the_authority() -> None:
    again = ("la_notified", "2026-02-20", {**BODY, "says_sen": "yes"})
    found = duties(now(INFORMED, OFFERED, NOTIFIED, again).lines, process="section23")
    assert [str(duty.due) for duty in found if duty.rule == "s23_starts_la_clock"] == ["2026-03-20"]
    assert len([duty for duty in found if duty.rule == "s23_la_acknowledge"]) == 1
