"""What may happen in every state of a continuing-care review, written out by hand from the National Framework 2016
(guidance, not law).
"""

from datetime import date
from typing import Any

import pytest
from statemachine.exceptions import TransitionNotAllowed

from models.facts import StoredFact
from statemachines.continuing_care import PROCESS, ContinuingCare, remarks
from statemachines.continuing_care_facts import DOMAINS
from statemachines.process import NotPermitted
from statemachines.released import released_tables, table_of
from statemachines.replay import replay
from tests.support.by_hand import history
from tests.support.hand_table import HandTable, Possible, asked_before

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
OPEN = (
    ENDS
    | ALWAYS
    | ENGINE
    | {
        "excuse_claimed",
        "excuse_decided",
        "chasing_paused",
        "contact_made",
        "case_linked",
        "case_unlinked",
        "dco_attended",
        "body_replied",
    }
)
PASSED = {"responsibility_passed"}
# The family is informed of every decision and may dispute it.
DECIDED = {"family_told", "decision_disputed", "dispute_answered"}
# Every eligible child may be referred to adult care.
ADULT = {
    "adult_commissioner_told",
    "adult_chc_referred",
    "adult_checklist_received",
    "adult_eligibility_agreed",
    "adult_eligibility_refused",
    "adult_package_started",
}
BUDGET = {"personal_health_budget_offered"}

PERMITTED = {
    "referred": (
        OPEN
        | PASSED
        | {
            "checklist_completed",
            "assessor_nominated",
            "continuing_care_referral_accepted",
            "continuing_care_referral_declined",
        }
    ),
    # Not accepted rests: a dispute, or a second look, may turn it.
    "declined": OPEN | PASSED | DECIDED | {"checklist_completed", "continuing_care_referral_accepted"},
    "accepted": (
        OPEN
        | PASSED
        | {"checklist_completed", "assessor_nominated", "evidence_received", "continuing_care_assessment_started"}
    ),
    "assessing": OPEN | PASSED | {"assessor_nominated", "evidence_received", "domains_assessed", "recommendation_made"},
    "recommended": (
        OPEN
        | PASSED
        | {
            "assessor_nominated",
            "evidence_received",
            "domains_assessed",
            "panel_held",
            "recommendation_returned",
            "continuing_care_agreed",
            "continuing_care_refused",
        }
    ),
    # Found not eligible rests: the answer to a dispute may turn it.
    "not_eligible": OPEN | PASSED | DECIDED | {"panel_held", "continuing_care_agreed"},
    "eligible": OPEN | PASSED | DECIDED | ADULT | BUDGET | {"package_started"},
    "supported": (
        OPEN
        | PASSED
        | DECIDED
        | ADULT
        | BUDGET
        | {
            "assessor_nominated",
            "evidence_received",
            "domains_assessed",
            "panel_held",
            "package_changed",
            "review_arranged",
            "continuing_care_reviewed",
            "continuing_care_refused",
        }
    ),
    # A package that could not wait: the way to the decision goes on, and the package is reviewed meanwhile.
    "urgent": (
        OPEN
        | PASSED
        | {
            "assessor_nominated",
            "evidence_received",
            "continuing_care_assessment_started",
            "domains_assessed",
            "recommendation_made",
            "recommendation_returned",
            "panel_held",
            "continuing_care_agreed",
            "continuing_care_refused",
            "package_changed",
            "review_arranged",
            "continuing_care_reviewed",
        }
    ),
    # A case that was handed over still accepts that the family is informed of the last decision and disputes it.
    "handed_over": OPEN | DECIDED,
    "passed": ALWAYS | ENGINE,
    "withdrawn": ALWAYS | ENGINE,
    "closed": ALWAYS | ENGINE,
}
LIVING = (
    "referred",
    "declined",
    "accepted",
    "assessing",
    "recommended",
    "not_eligible",
    "eligible",
    "supported",
    "urgent",
    "handed_over",
)
MOVES = (
    {
        ("referred", "continuing_care_referral_accepted"): "accepted",
        ("referred", "continuing_care_referral_declined"): "declined",
        ("declined", "continuing_care_referral_accepted"): "accepted",
        ("accepted", "continuing_care_assessment_started"): "assessing",
        ("assessing", "recommendation_made"): "recommended",
        ("recommended", "recommendation_returned"): "assessing",
        ("recommended", "continuing_care_agreed"): "eligible",
        ("recommended", "continuing_care_refused"): "not_eligible",
        ("not_eligible", "continuing_care_agreed"): "eligible",
        ("eligible", "package_started"): "supported",
        ("supported", "continuing_care_refused"): "not_eligible",
        ("eligible", "adult_package_started"): "handed_over",
        ("supported", "adult_package_started"): "handed_over",
        ("urgent", "continuing_care_agreed"): "supported",
        ("urgent", "continuing_care_refused"): "not_eligible",
    }
    | {
        (state, kind): end
        for state in LIVING
        for kind, end in (("case_withdrawn", "withdrawn"), ("case_closed", "closed"))
    }
    | {(state, "responsibility_passed"): "passed" for state in LIVING if state != "handed_over"}
)
# Another referral before the board has decided.
for _state in ("referred", "accepted", "assessing", "recommended", "urgent"):
    PERMITTED[_state] = PERMITTED[_state] | {"continuing_care_referral_repeated"}
UNDECIDED = ("referred", "accepted", "assessing")
UNUSUAL = {
    # Not accepted after all, though work had begun.
    **{(state, "continuing_care_referral_declined"): "declined" for state in ("accepted", "assessing", "recommended")},
    # Steps that nobody recorded, or that were skipped; a second look after a refusal.
    **{
        (state, "continuing_care_assessment_started"): "assessing" for state in ("referred", "declined", "not_eligible")
    },
    **{(state, "recommendation_made"): "recommended" for state in ("referred", "declined", "accepted", "not_eligible")},
    ("not_eligible", "recommendation_returned"): "assessing",
    # Decided without a recommendation.
    **{(state, "continuing_care_agreed"): "eligible" for state in (*UNDECIDED, "declined")},
    **{(state, "continuing_care_refused"): "not_eligible" for state in (*UNDECIDED, "declined", "eligible")},
    # The package cannot wait for the decision.
    **{(state, "package_started"): "urgent" for state in (*UNDECIDED, "recommended")},
    # Adult care takes over what was left undone.
    **{
        (state, "adult_package_started"): "handed_over"
        for state in (*UNDECIDED, "declined", "recommended", "not_eligible", "urgent")
    },
    ("handed_over", "responsibility_passed"): "passed",
}
ANSWERED = asked_before(
    "continuing_care_agreed", "continuing_care_refused", "continuing_care_referral_declined", per_body=False
)


POSSIBLE: dict[str, Possible] = {
    # Children's continuing care ends with the 18th birthday.
    "continuing_care_agreed": lambda _before, fact: fact.data["under_18"] == "yes",
    "recommendation_returned": asked_before("recommendation_made", per_body=False),
    "family_told": ANSWERED,
    "decision_disputed": ANSWERED,
    # A dispute may be answered again, once there was one.
    "dispute_answered": asked_before("decision_disputed", per_body=False),
    "package_changed": asked_before("package_started", per_body=False),
}
BY_ITS_BIRTHDAY = "nothing: it meets what the Framework asks by that birthday, early or late"
TABLE = HandTable(
    usual=PERMITTED,
    moves=MOVES,
    unusual_moves=UNUSUAL,
    possible=POSSIBLE,
    leaves={
        "continuing_care_referral_repeated": "nothing: a new referral has a case of its own",
        "checklist_completed": "nothing: no duty hangs on it",
        "continuing_care_referral_accepted": "the decision in six weeks, as before, or again",
        "continuing_care_referral_declined": "the word to the family; the decision is pointless if none was made",
        "assessor_nominated": "nothing: no duty hangs on it",
        "continuing_care_assessment_started": "the decision in six weeks of the referral",
        "evidence_received": "nothing: no duty hangs on it",
        "domains_assessed": "nothing: no duty hangs on it",
        "recommendation_made": "the decision in six weeks of the referral",
        "recommendation_returned": "the decision in six weeks of the referral, which goes on",
        "panel_held": "the decision, if none was made",
        "continuing_care_agreed": "the way to adult care by the month of birth; the decision is met, early or late",
        "continuing_care_refused": "the word to the family; reviews of a package end with it",
        "family_told": "nothing of that word",
        "decision_disputed": "an answer, for which the Framework gives no day",
        "dispute_answered": "nothing of that dispute",
        "personal_health_budget_offered": "nothing: the right comes with eligibility",
        "package_started": "the first review in three months, and the decision that was not made",
        "package_changed": "nothing: the review stays by its day",
        "review_arranged": "the review, by its own day",
        "continuing_care_reviewed": "the next review in twelve months",
        "adult_commissioner_told": BY_ITS_BIRTHDAY,
        "adult_chc_referred": BY_ITS_BIRTHDAY,
        "adult_checklist_received": "the adult decision in 28 days",
        "adult_eligibility_agreed": BY_ITS_BIRTHDAY,
        "adult_eligibility_refused": BY_ITS_BIRTHDAY,
        "adult_package_started": "the adult decision, if a checklist asked for it; the child's own duties end",
        "responsibility_passed": "nothing here: the other board has a case of its own",
    },
)
EVENTS = sorted({kind for _state, kind in MOVES})
TOOL = dict.fromkeys(DOMAINS, "none") | {"breathing": "severe", "mobility": "high"}
YOUNG = {
    "birth_month": "2016-07-01",
    "under_18": "yes",
    "before_14": "yes",
    "before_16": "yes",
    "before_17": "yes",
    "before_18": "yes",
}
FOUND = ("continuing_care_agreed", "2026-03-10", {"body": "QX900", "reason": "w1", **YOUNG})


@pytest.mark.parametrize("state", sorted(PERMITTED))
def test_exactly_these_facts_are_lawful_in_each_state(state: str) -> None:
    assert set(PROCESS.permitted(state)) == PERMITTED[state]


def test_every_state_and_every_fact_is_in_the_table() -> None:
    assert set(PERMITTED) == set(PROCESS.states)
    assert set(PROCESS.facts) == set().union(*PERMITTED.values()) | {"continuing_care_referral_received"}
    assert PROCESS.initial == "referred"
    assert PROCESS.final == {"passed", "withdrawn", "closed"}


@pytest.mark.parametrize("state", sorted(PERMITTED))
@pytest.mark.parametrize("kind", sorted(PROCESS.facts))
def test_where_each_fact_leads_from_each_state(state: str, kind: str) -> None:
    assert PROCESS.usual_moves.get((state, kind)) == MOVES.get((state, kind))
    assert PROCESS.table.get((state, kind)) == {**MOVES, **UNUSUAL}.get((state, kind))
    assert (state in PROCESS.facts[kind].accepted_in) == (kind in PERMITTED[state] and (state, kind) not in MOVES)


@pytest.mark.parametrize("state", sorted(PERMITTED))
@pytest.mark.parametrize("kind", EVENTS)
def test_the_class_moves_as_the_table_says_and_refuses_what_it_does_not(state: str, kind: str) -> None:
    machine = ContinuingCare(start_value=state)
    target = {**MOVES, **UNUSUAL}.get((state, kind))
    if target is None:
        with pytest.raises(TransitionNotAllowed):
            machine.send(kind)
        assert machine.current_state_value == state
    else:
        machine.send(kind)
        assert machine.current_state_value == target


def test_the_table_is_read_off_the_class_and_equals_the_frozen_one() -> None:
    assert table_of(ContinuingCare) == dict(PROCESS.table) == {**MOVES, **UNUSUAL}
    assert released_tables(PROCESS.name)[PROCESS.version] == {**MOVES, **UNUSUAL}, (
        "a changed machine is a new version: add tables/NAME.vN.json, keep the old"
    )


def referred(*more: tuple[Any, ...]) -> list[StoredFact]:
    """A referral that was accepted and is being assessed, and what follows."""
    return history(
        ("continuing_care_referral_received", "2026-02-02", {"body": "QX900"}),
        ("continuing_care_referral_accepted", "2026-02-04", {"body": "QX900"}),
        ("continuing_care_assessment_started", "2026-02-09", {"body": "QX900"}),
        *more,
    )


def decided(*more: tuple[Any, ...]) -> list[StoredFact]:
    return referred(
        ("domains_assessed", "2026-02-20", TOOL),
        ("recommendation_made", "2026-02-25", {"recommends": "eligible"}),
        *more,
    )


def refused(lines: list[StoredFact]) -> str:
    with pytest.raises(NotPermitted) as problem:
        replay("CC90001", lines)
    return problem.value.sentence


def test_a_recommendation_rests_on_the_ten_domains() -> None:
    assert len(DOMAINS) == 10
    sentence = refused(referred(("recommendation_made", "2026-02-25", {"recommends": "eligible"})))
    assert "ten domains" in sentence
    assert "domains_assessed" in sentence


def test_a_decision_follows_a_recommendation_and_the_refusal_says_so() -> None:
    sentence = refused(referred(FOUND))
    assert "A decision follows the nominated assessor's recommendation" in sentence
    assert "recommendation_made" in sentence


def test_the_family_is_informed_of_something_that_has_been_decided() -> None:
    informed = ("family_told", "2026-03-11", {"body": "QX900"})
    assert replay("CC90001", decided(FOUND, informed)).state == "eligible"
    assert "stands at 'Recommendation made'" in refused(decided(informed))


def test_a_person_of_18_is_for_adult_care() -> None:
    grown = (*FOUND[:2], {**FOUND[2], "under_18": "no"})
    assert "18th birthday" in refused(decided(grown))


@pytest.mark.parametrize("outcome", ["changed", "to_be_assessed_again", "upheld"])
def test_a_refusal_turns_with_the_answer_to_a_dispute(outcome: str) -> None:
    no = ("continuing_care_refused", "2026-03-02", {"body": "QX900", "reason": "w2"})
    disputed, answered = ("decision_disputed", "2026-03-04"), ("dispute_answered", "2026-03-09", {"outcome": outcome})
    assert "dispute_answered" in refused(decided(no, FOUND))
    if outcome == "upheld":
        assert "dispute_answered" in refused(decided(no, disputed, answered, FOUND))
    else:
        assert replay("CC90001", decided(no, disputed, answered, FOUND)).state == "eligible"


def test_an_answer_needs_a_dispute_that_waits_for_one() -> None:
    answer = ("dispute_answered", "2026-03-12", {"outcome": "upheld"})
    assert "decision_disputed" in refused(decided(FOUND, answer))
    both = (("decision_disputed", "2026-03-11"), answer)
    assert "decision_disputed" in refused(
        decided(FOUND, *both, ("dispute_answered", "2026-03-13", {"outcome": "changed"}))
    )


def test_a_package_ends_after_a_review_of_it() -> None:
    started = ("package_started", "2026-03-16", {"body": "QX900"})
    no = ("continuing_care_refused", "2026-06-20", {"body": "QX900", "reason": "w2"})
    review = ("continuing_care_reviewed", "2026-06-10", {"body": "QX900", "outcome": "eligibility_in_doubt"})
    assert "continuing_care_reviewed first" in refused(decided(FOUND, started, no))
    assert replay("CC90001", decided(FOUND, started, review, no)).state == "not_eligible"


def test_an_adult_package_follows_the_adult_decision() -> None:
    package, agreed = ("adult_package_started", "2026-05-02"), ("adult_eligibility_agreed", "2026-05-01")
    assert "adult_eligibility_agreed first" in refused(decided(FOUND, package))
    assert replay("CC90001", decided(FOUND, agreed, package)).state == "handed_over"
    assert "once the child is 17" in refused(decided(FOUND, (*agreed, {"before_17": "yes"})))
    assert "18th birthday" in refused(decided(FOUND, agreed, (*package, {"under_18": "yes"})))
    assert (
        replay("CC90001", decided(FOUND, (*agreed, {"before_17": "no"}), (*package, {"under_18": "no"}))).state
        == "handed_over"
    )


@pytest.mark.parametrize(
    ("levels", "reached"),
    [
        ({"breathing": "priority"}, True),
        ({"seizures": "severe"}, True),
        ({"skin": "high", "mobility": "high", "medicines": "high"}, True),
        ({"skin": "high", "mobility": "high"}, False),
        ({}, False),
    ],
)
def test_the_rule_of_thumb_informs_and_never_decides(levels: dict[str, str], reached: bool) -> None:
    tool = dict.fromkeys(DOMAINS, "low") | levels
    lines = referred(
        ("domains_assessed", "2026-02-20", tool), ("recommendation_made", "2026-02-25", {"recommends": "not_eligible"})
    )
    (said,) = remarks(replay("CC90001", lines))
    assert ("is reached" in said, "is not reached" in said) == (reached, not reached)
    assert "never decides" in said
    no = ("continuing_care_refused", "2026-03-02", {"body": "QX900", "reason": "w2"})
    numbered = [line._replace(seq=seq) for seq, line in enumerate([*lines, *history(FOUND)], 1)]
    assert replay("CC90001", numbered).state == "eligible", "either decision is the board's"
    numbered = [line._replace(seq=seq) for seq, line in enumerate([*lines, *history(no)], 1)]
    assert replay("CC90001", numbered).state == "not_eligible"


def test_remarks_speak_of_the_budget_and_of_birthdays_that_had_passed() -> None:
    late = (*FOUND[:2], {**FOUND[2], "before_14": "no"})
    said = " ".join(remarks(replay("CC90001", decided(late))))
    assert "personal health budget" in said
    assert "14th birthday" in said
    done = decided(
        late,
        ("adult_commissioner_told", "2026-03-11", {"body": "QX900"}),
        ("personal_health_budget_offered", "2026-03-11"),
    )
    assert len(remarks(replay("CC90001", done))) == 1
    assert remarks(replay("CC90001", done, date(2026, 2, 3))) == []
