"""The one fold: order, corrections, and a case as true on a day and as known at an instant (worked by hand)."""

from typing import Any

import pytest

from models.common_facts import ENGINE_ONLY
from models.facts import StoredFact
from statemachines.process import NotPermitted
from statemachines.replay import facts_in_force, replay
from tests.support.by_hand import CASE, SALT, TRUST, day, history, line

ASKED: dict[str, Any] = {"body": TRUST, "service": SALT}
OPENED = [("ehc_assessment_requested", "2 Feb 2026"), ("assessment_agreed", "20 Feb 2026")]


def state(lines: list[StoredFact], as_at: str | None = None, known_at: str | None = None) -> str:
    return replay(CASE, lines, day(as_at) if as_at else None, known_at).state


def sentence(lines: list[StoredFact]) -> str:
    with pytest.raises(NotPermitted) as refused:
        replay(CASE, lines)
    return refused.value.sentence


def test_the_fold_goes_by_the_day_and_not_by_the_order_of_recording() -> None:
    late_learned = history(OPENED[0], ("draft_plan_received", "1 Jun 2026"), ("assessment_agreed", "20 Feb 2026"))
    assert state(late_learned) == "drafting"
    assert [each.kind for each in facts_in_force(late_learned)] == [
        "ehc_assessment_requested",
        "assessment_agreed",
        "draft_plan_received",
    ]


def test_facts_of_one_day_go_in_the_order_of_recording() -> None:
    assert (
        state(history(OPENED[0], ("assessment_refused", "20 Feb 2026"), ("refusal_reversed", "20 Feb 2026")))
        == "assessing"
    )
    message = sentence(history(OPENED[0], ("refusal_reversed", "20 Feb 2026"), ("assessment_refused", "20 Feb 2026")))
    assert message.startswith("fact 2, refusal_reversed of 2026-02-20, is refused")


def test_a_refusal_names_the_fact_the_state_and_what_is_lawful() -> None:
    message = sentence(history(*OPENED, ("assessment_agreed", "1 Mar 2026")))
    assert message.startswith(
        "fact 3, assessment_agreed of 2026-03-01, is refused: on that day the case stands at 'Assessment under way'."
        " Lawful then: "
    )
    for kind in (
        "plan_refused",
        "draft_plan_received",
        "final_plan_received",
        "health_advice_requested",
        "case_withdrawn",
    ):
        assert kind in message
    assert "refusal_reversed" not in message
    assert not any(kind in message for kind in ENGINE_ONLY), "nobody can record what the engine writes"
    again = sentence(history(*OPENED, ("ehc_assessment_requested", "1 Mar 2026")))
    assert "the case is open already. Lawful then: " in again and "plan_refused" in again


@pytest.mark.parametrize("end", ["case_withdrawn", "case_closed"])
def test_a_case_that_is_over_accepts_nothing_more(end: str) -> None:
    message = sentence(history(*OPENED, (end, "1 Mar 2026"), ("draft_plan_received", "2 Mar 2026")))
    assert "fact 4, draft_plan_received" in message
    assert "health_advice_requested" not in message


def test_the_opening_is_once_and_first() -> None:
    assert "the case is open already" in sentence(history(*OPENED, ("ehc_assessment_requested", "1 Mar 2026")))
    assert "is dated before ehc_assessment_requested of 2026-02-02" in sentence(
        history(OPENED[0], ("assessment_agreed", "1 Feb 2026"))
    )
    with pytest.raises(NotPermitted, match="opens no process"):
        replay(CASE, history(OPENED[1]))


def test_advice_is_received_from_who_was_asked_and_has_not_answered() -> None:
    asked = ("health_advice_requested", "2 Mar 2026", ASKED)
    received = ("health_advice_received", "13 Apr 2026", ASKED)
    returned = ("health_advice_returned", "20 Apr 2026", {**ASKED, "reason": "p"})
    assert "was not asked for advice" in sentence(history(*OPENED, received))
    assert "nothing is outstanding" in sentence(
        history(*OPENED, asked, received, ("health_advice_received", "14 Apr 2026", ASKED))
    )
    assert "nothing is outstanding" in sentence(
        history(*OPENED, asked, ("health_advice_received", "1 Mar 2026", ASKED))
    )
    assert "only advice that was received can be returned" in sentence(history(*OPENED, asked, returned))
    again = ("health_advice_received", "27 Apr 2026", ASKED)
    assert not replay(CASE, history(*OPENED, asked, received, returned, again)).outstanding


def test_an_answer_for_one_service_leaves_the_others_outstanding() -> None:
    two = [
        ("health_advice_requested", "2 Mar 2026", {"body": TRUST, "service": each}) for each in (SALT, "physiotherapy")
    ]
    answered = ("health_advice_answered", "9 Mar 2026", {**ASKED, "answer": "not_known"})
    assert list(replay(CASE, history(*OPENED, *two, answered)).outstanding) == [(TRUST, "physiotherapy")]


def test_a_corrected_day_moves_the_fact_and_the_corrected_fact_stays_as_written() -> None:
    lines = [*history(*OPENED), line(3, "fact_corrected", "1 Mar 2026", corrects=2, occurred_on="2026-02-25")]
    assert [(each.kind, each.occurred_on.isoformat()) for each in facts_in_force(lines)][1] == (
        "assessment_agreed",
        "2026-02-25",
    )
    assert lines[1].occurred_on.isoformat() == "2026-02-20"
    assert state(lines, "24 Feb 2026") == "requested"
    assert state(lines, "25 Feb 2026") == "assessing"


def test_the_last_correction_of_a_fact_holds_and_a_withdrawn_one_does_not() -> None:
    lines = [
        *history(*OPENED),
        line(3, "fact_corrected", "1 Mar 2026", corrects=2, occurred_on="2026-02-25"),
        line(4, "fact_corrected", "2 Mar 2026", corrects=2, occurred_on="2026-02-27"),
    ]
    assert facts_in_force(lines)[1].occurred_on.isoformat() == "2026-02-27"
    lines.append(line(5, "fact_withdrawn", "3 Mar 2026", corrects=4))
    assert facts_in_force(lines)[1].occurred_on.isoformat() == "2026-02-25"
    lines.append(line(6, "fact_withdrawn", "4 Mar 2026", corrects=3))
    assert facts_in_force(lines)[1].occurred_on.isoformat() == "2026-02-20"
    lines.append(line(7, "fact_withdrawn", "5 Mar 2026", corrects=6))
    assert facts_in_force(lines)[1].occurred_on.isoformat() == "2026-02-25", (
        "a withdrawal that is withdrawn gives back what it took"
    )


def test_a_withdrawn_fact_leaves_the_fold_and_takes_what_leant_on_it_to_an_error() -> None:
    lines = history(
        *OPENED, ("health_advice_requested", "2 Mar 2026", ASKED), ("health_advice_acknowledged", "4 Mar 2026", ASKED)
    )
    lines.append(line(5, "fact_withdrawn", "5 Mar 2026", corrects=3))
    assert sentence(lines).startswith(
        "fact 4, health_advice_acknowledged of 2026-03-04, is refused: this body was not asked"
    )


def test_particulars_are_corrected_one_by_one() -> None:
    lines = history(*OPENED, ("health_advice_requested", "2 Mar 2026", {**ASKED, "asked_because": "request"}))
    lines.append(line(4, "fact_corrected", "5 Mar 2026", corrects=3, service="physiotherapy"))
    assert dict(facts_in_force(lines)[2].data) == {
        "body": TRUST,
        "service": "physiotherapy",
        "asked_because": "request",
    }


# Both readings at once, by hand. The receipt of 2 Mar was learned on 2 Mar; that it was 9 Mar was learned on 28 Apr;
# the advice came
# on 27 Apr and was learned on 29 Apr; the assessment was agreed on 20 Feb and learned on 3 Mar.
BITEMPORAL = [
    line(1, "ehc_assessment_requested", "2 Feb 2026", recorded="2026-02-03T09:00:00.000000Z"),
    line(2, "health_advice_requested", "2 Mar 2026", recorded="2026-03-02T09:00:00.000000Z", **ASKED),
    line(3, "assessment_agreed", "20 Feb 2026", recorded="2026-03-03T09:00:00.000000Z"),
    line(
        4, "fact_corrected", "28 Apr 2026", corrects=2, recorded="2026-04-28T08:00:00.000000Z", occurred_on="2026-03-09"
    ),
    line(5, "health_advice_received", "27 Apr 2026", recorded="2026-04-29T08:00:00.000000Z", **ASKED),
]
NOW = "2026-05-01T00:00:00.000000Z"


@pytest.mark.parametrize(
    ("as_at", "known_at", "expected"),
    [
        # as true on / as known at: state, day of receipt if asked by then, whether advice is outstanding
        ("19 Feb 2026", NOW, ("requested", None, False)),
        ("20 Feb 2026", NOW, ("assessing", None, False)),
        ("20 Feb 2026", "2026-03-02T23:59:59.999999Z", ("requested", None, False)),
        ("2 Mar 2026", "2026-03-02T09:00:00.000000Z", ("requested", "2026-03-02", True)),
        ("2 Mar 2026", "2026-03-02T08:59:59.999999Z", ("requested", None, False)),
        ("2 Mar 2026", "2026-03-04T00:00:00.000000Z", ("assessing", "2026-03-02", True)),
        ("8 Mar 2026", "2026-04-28T07:59:59.999999Z", ("assessing", "2026-03-02", True)),
        ("8 Mar 2026", "2026-04-28T08:00:00.000000Z", ("assessing", None, False)),
        ("9 Mar 2026", "2026-04-28T08:00:00.000000Z", ("assessing", "2026-03-09", True)),
        ("27 Apr 2026", "2026-04-28T08:00:00.000000Z", ("assessing", "2026-03-09", True)),
        ("27 Apr 2026", NOW, ("assessing", "2026-03-09", False)),
        ("26 Apr 2026", NOW, ("assessing", "2026-03-09", True)),
    ],
)
def test_as_true_on_a_day_and_as_known_at_an_instant(
    as_at: str, known_at: str, expected: tuple[str, str | None, bool]
) -> None:
    found = replay(CASE, BITEMPORAL, day(as_at), known_at)
    asked = next((each.occurred_on.isoformat() for each in found.lines if each.kind == "health_advice_requested"), None)
    assert (found.state, asked, bool(found.outstanding)) == expected


def test_before_the_opening_nothing_was_known() -> None:
    for as_at, known_at in ((day("1 Feb 2026"), None), (None, "2026-02-03T08:59:59.999999Z")):
        with pytest.raises(NotPermitted, match="nothing was known") as unknown:
            replay(CASE, BITEMPORAL, as_at, known_at)
        assert unknown.value.seq == 0


def test_a_day_between_an_acknowledgement_and_a_receipt_corrected_to_a_later_day_can_be_shown() -> None:
    lines = history(
        *OPENED, ("health_advice_requested", "2 Mar 2026", ASKED), ("health_advice_acknowledged", "4 Mar 2026", ASKED)
    )
    lines.append(line(5, "fact_corrected", "28 Apr 2026", corrects=3, occurred_on="2026-03-09"))
    assert state(lines, "5 Mar 2026") == "assessing"


def test_claims_are_decided_once_they_stand() -> None:
    claim = ("excuse_claimed", "20 Mar 2026", {"ground": "absent_4_weeks", "body": TRUST})
    decided = (
        "excuse_decided",
        "25 Mar 2026",
        {"claim": 3, "decision": "accepted", "look_again_on": "2026-05-18", "began_on": "2026-03-02"},
    )
    file = replay(CASE, history(*OPENED, claim, decided))
    assert file.claims[3].decision == "accepted"
    assert file.claims[3].ground == "absent_4_weeks"
    assert file.claims[3].began_on is not None
    assert not file.undecided()
    early = ("excuse_decided", "19 Mar 2026", {"claim": 3, "decision": "refused"})
    assert "fact 3 is no claimed exception that is in force on that day" in sentence(history(*OPENED, claim, early))
    assert "no claim" in sentence(
        history(*OPENED, ("excuse_decided", "19 Mar 2026", {"claim": 1, "decision": "refused"}))
    )


def test_the_opening_cannot_be_withdrawn_and_the_sentence_says_what_can_be_done() -> None:
    lines = [*history(*OPENED), line(3, "fact_withdrawn", "1 Mar 2026", corrects=1)]
    message = sentence(lines)
    assert message.startswith(
        "fact 3, fact_withdrawn of 2026-03-01, is refused: it takes away the fact that opened the case."
    )
    assert "case_closed" in message


def test_a_fact_without_a_place_is_named_and_not_an_earlier_one_that_it_would_make_unlawful() -> None:
    message = sentence(
        history(
            ("appeal_registered", "2 Mar 2026", {"la": "northshire", "appeal": "ceasing"}),
            ("ceasing_upheld", "17 Apr 2026"),
            ("extended_appeal_registered", "8 May 2026", {"appeal": "contents", "issues": "health"}),
        )
    )
    assert (
        message.startswith("fact 3, extended_appeal_registered of 2026-05-08, is refused")
        and "Lawful then: " in message
    )
