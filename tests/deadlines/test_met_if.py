"""A duty that an answer meets by what it says, and a start that an earlier fact bars (`met_if`, `not_after`)."""

from typing import Any

from deadlines.duties import Duty
from tests.support.by_hand import day, duties, history

MADE = ("health_recommendation_made", "24 Jun 2025", {"body": "QX900"})
APPEALED = ("appeal_registered", "3 Mar 2025", {"la": "northshire", "appeal": "ceasing"})


def answer(on: str, sent_to: str, **more: str) -> tuple[Any, ...]:
    return ("health_recommendation_answered", on, {"body": "QX900", "sent_to": sent_to, **more})


def of(rule: str, *facts: tuple[Any, ...]) -> list[Duty]:
    lines = [each._replace(machine=2) for each in history(APPEALED, *facts)]
    return [duty for duty in duties(lines, process="tribunal") if duty.rule == rule]


def answered(*facts: tuple[Any, ...]) -> str | None:
    decided = ("hearing_held", "10 Jun 2025"), ("order_to_continue_and_amend_made", "24 Jun 2025")
    (duty,) = of("ftt_health_recommendation_respond", *decided, MADE, *facts)
    return duty.met_on.isoformat() if duty.met_on else None


def test_an_answer_to_one_of_two_meets_nothing_until_the_other_has_one_too() -> None:
    la, parent = (
        answer("21 Jul 2025", "la_only", follows="in_full"),
        answer("8 Aug 2025", "parent_only", follows="in_full"),
    )
    assert answered(la) is None
    assert answered(la, parent) == "2025-08-08"
    assert answered(parent) is None
    assert answered(answer("21 Jul 2025", "parent_and_la", follows="in_full")) == "2025-07-21"


def test_an_answer_that_does_not_follow_gives_reasons() -> None:
    assert answered(answer("21 Jul 2025", "parent_and_la", follows="in_part")) is None
    assert answered(answer("21 Jul 2025", "parent_and_la", follows="in_part", reasons_given="yes")) == "2025-07-21"


def test_the_copy_to_the_secretary_of_state_runs_from_what_the_authority_received() -> None:
    decided = ("hearing_held", "10 Jun 2025"), ("order_to_continue_and_amend_made", "24 Jun 2025")
    rule = "ftt_response_copy_to_sos"
    assert of(rule, *decided, MADE, answer("21 Jul 2025", "parent_only", follows="in_full")) == []
    (copy,) = of(rule, *decided, MADE, answer("21 Jul 2025", "la_only", follows="in_full"))
    assert copy.due == day("27 Jul 2025"), "a week beginning with 21 July (reg 6(6))"


def test_a_concession_after_the_response_starts_no_time_of_reg_45() -> None:
    conceded, responded = ("ceasing_conceded", "22 Apr 2025"), ("la_responded", "14 Apr 2025")
    (owed,) = of("unopposed_cease", conceded)
    assert owed.due == day("27 May 2025"), "five weeks of 22 April"
    assert of("unopposed_cease", responded, conceded) == []
