"""What may happen in every state of the way to adult services, written by hand from a local transition pathway."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from models.casefile import CaseFile
from models.common_facts import CORRECTIONS, ENGINE_ONLY, OF_THE_CHILD, SHARED
from models.facts import StoredFact
from statemachines.replay import replay
from statemachines.transition import PROCESS, missing, months_of_age, reached
from tests.support.by_hand import duties, history
from tests.support.hand_table import HandTable

OPEN = set(SHARED)
AFTERWARDS = CORRECTIONS | ENGINE_ONLY | OF_THE_CHILD
STEPS = {
    "continuing_care_need_learned",
    "worker_named",
    "transition_meeting_held",
    "capacity_considered",
    "adult_checklist_done",
    "decided_in_principle",
    "adult_care_assessed",
    "adult_paper_ready",
}
OF_SERVICES = {
    "adult_service_referred",
    "adult_service_accepted",
    "adult_service_declined",
    "adult_practitioner_met",
    "first_appointment_given",
    "first_appointment_attended",
    "first_appointment_missed",
    "missed_appointment_followed_up",
}
ANY_TIME = STEPS | OF_SERVICES | {"adult_service_expected"}
ALIVE = ("opened", "planning", "handed_over", "ended")


def expected(before: Sequence[StoredFact], fact: StoredFact) -> bool:
    """Whether an adult service of that code was named."""
    return any(each.kind == "adult_service_expected" and each.data["item"] == fact.data["item"] for each in before)


def not_expected(before: Sequence[StoredFact], fact: StoredFact) -> bool:
    """Whether no adult service has that code yet."""
    return not expected(before, fact)


TABLE = HandTable(
    usual={
        "opened": OPEN | ANY_TIME | {"planning_begun"},
        "planning": OPEN | ANY_TIME | {"handover_completed"},
        "handed_over": OPEN | ANY_TIME | {"transition_ended"},
        "ended": OPEN,
        "withdrawn": AFTERWARDS,
        "closed": AFTERWARDS,
    },
    moves={
        ("opened", "planning_begun"): "planning",
        ("planning", "handover_completed"): "handed_over",
        ("handed_over", "transition_ended"): "ended",
        **{(state, "case_withdrawn"): "withdrawn" for state in ALIVE},
        **{(state, "case_closed"): "closed" for state in ALIVE},
    },
    unusual_moves={
        ("opened", "handover_completed"): "handed_over",
        ("opened", "transition_ended"): "ended",
        ("planning", "transition_ended"): "ended",
    },
    leaves={
        **dict.fromkeys(ANY_TIME, "nothing: what happens after the end is on the record"),
        "transition_meeting_held": "the next meeting, in a year",
        "adult_service_referred": "the answer of the service",
        "first_appointment_missed": "following the missed appointment up",
        "planning_begun": "the next meeting, in a year",
        "handover_completed": "nothing: adult services have taken over",
        "transition_ended": "nothing: it had ended, or ends before the handover",
    },
    possible={**dict.fromkeys(OF_SERVICES, expected), "adult_service_expected": not_expected},
)

CASE = "TR00001"
BORN = {"birth_month": "2010-06-01", "born_by": "2010-06-30", "learning_disability": "not_known"}
TO_COME = dict.fromkeys(("before_14", "before_16", "before_17", "before_18"), "yes")


def opening(**other: str) -> tuple[Any, ...]:
    return ("transition_opened", "2024-01-08", {**BORN, **TO_COME, "continuing_care": "not_known", **other})


def now(*facts: tuple[Any, ...], **said: str) -> CaseFile:
    return replay(CASE, history(opening(**said), *facts))


def service(kind: str, on: str, **more: str) -> tuple[Any, ...]:
    return (kind, on, {"item": "adult_epilepsy", **more})


@pytest.mark.parametrize(
    ("day", "months", "age"),
    [
        ("2024-05-31", 167, None),
        ("2024-06-01", 168, "14"),
        ("2026-05-31", 191, "14"),
        ("2026-06-30", 192, "16"),
        ("2027-06-01", 204, "17"),
        ("2027-11-30", 209, "17"),
        ("2027-12-01", 210, "17 and a half"),
        ("2028-06-01", 216, "18"),
        ("2034-01-01", 283, "18"),
    ],
)
def test_an_age_is_reached_with_the_month_of_the_birthday(day: str, months: int, age: str | None) -> None:
    assert months_of_age(now(), date.fromisoformat(day)) == months
    assert reached(months) == age


def test_only_with_continuing_care_in_question_are_its_steps_missing() -> None:
    at_18 = date(2028, 6, 1)
    without, with_it = missing(now(), at_18), missing(now(continuing_care="yes"), at_18)
    assert set(with_it) - set(without) == {
        "the adult checklist was not completed",
        "nothing is decided in principle",
    }
    learned = ("continuing_care_need_learned", "2026-01-05", {"continuing_care": "yes"})
    assert missing(now(learned), at_18) == with_it
    declined = ("continuing_care_need_learned", "2026-01-05", {"continuing_care": "no"})
    assert missing(now(declined, continuing_care="yes"), at_18) == without


def test_a_service_has_an_answer_once_it_accepts_or_declines() -> None:
    at = date(2027, 12, 1)
    named = service("adult_service_expected", "2026-05-04")
    referred = service("adult_service_referred", "2026-09-07")
    assert "no answer of adult epilepsy" in missing(now(named, referred), at)
    for kind, more in (("adult_service_accepted", {}), ("adult_service_declined", {"why": "age"})):
        answer = service(kind, "2026-10-05", **more)
        assert not any("answer" in each for each in missing(now(named, referred, answer), at))
    again = now(
        named,
        referred,
        service("adult_service_declined", "2026-10-05", why="age"),
        service("adult_service_referred", "2027-01-11"),
    )
    assert again.items["adult_epilepsy"].state == "referred" and again.out_of_order == {}


def test_each_service_has_its_own_answer_and_a_missed_appointment_is_followed_up() -> None:
    lines = now(
        service("adult_service_expected", "2026-03-02"),
        service("adult_service_referred", "2026-03-09"),
        ("adult_service_expected", "2026-03-02", {"item": "adult_therapy"}),
        ("adult_service_referred", "2026-03-09", {"item": "adult_therapy"}),
        ("adult_service_accepted", "2026-03-16", {"item": "adult_therapy"}),
        ("first_appointment_given", "2026-03-16", {"item": "adult_therapy", "appointment_on": "2026-03-30"}),
        ("first_appointment_missed", "2026-03-30", {"item": "adult_therapy"}),
        ("missed_appointment_followed_up", "2026-04-01", {"item": "adult_therapy", "result": "new_appointment"}),
    ).lines
    found = {(duty.rule, duty.item): duty for duty in duties(lines, process="transition") if duty.item}
    assert str(found["transition_service_answer", "adult_epilepsy"].due) == "2026-04-22", "30 working days over Easter"
    assert found["transition_service_answer", "adult_epilepsy"].closed_on is None
    assert str(found["transition_service_answer", "adult_therapy"].met_on) == "2026-03-16"
    assert str(found["transition_missed", "adult_therapy"].due) == "2026-04-15"
    assert str(found["transition_missed", "adult_therapy"].met_on) == "2026-04-01"


def test_a_handover_ends_what_is_owed_before_it() -> None:
    file = now(("planning_begun", "2024-03-04", {}), ("handover_completed", "2028-05-01", {}))
    found = {duty.rule: duty for duty in duties(file.lines, process="transition")}
    assert str(found["transition_handover"].met_on) == "2028-05-01"
    assert str(found["transition_care_assessment"].ended_on) == "2028-05-01"
    assert file.out_of_order == {}
    assert 2 in now(("handover_completed", "2028-05-01", {})).out_of_order


def test_a_service_that_does_not_exist_is_said_to_be_a_gap() -> None:
    file = now(
        service("adult_service_expected", "2026-05-04"),
        service("adult_service_referred", "2026-09-07"),
        service("adult_service_declined", "2026-10-05", why="no_such_service"),
    )
    assert PROCESS.remarks is not None
    assert PROCESS.remarks(file) == [
        "Adult services: 1. They are at: 1 declined.",
        "No adult service takes over for adult epilepsy: a gap to put to commissioners.",
    ]
