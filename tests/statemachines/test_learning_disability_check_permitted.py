"""What may happen in every state of the yearly health check, written by hand from the enhanced service."""

from typing import Any

from models.casefile import CaseFile
from models.common_facts import CORRECTIONS, ENGINE_ONLY, OF_THE_CHILD, SHARED
from statemachines.learning_disability_check import PROCESS
from statemachines.replay import replay
from tests.support.by_hand import duties, history
from tests.support.hand_table import HandTable

OPEN = set(SHARED)
AFTERWARDS = CORRECTIONS | ENGINE_ONLY | OF_THE_CHILD
ALIVE = ("watched", "registered", "checked", "ended")
TABLE = HandTable(
    usual={
        "watched": OPEN | {"ld_register_joined", "ld_check_declined", "ld_check_ended"},
        "registered": OPEN | {"ld_check_done", "ld_check_declined", "ld_check_ended"},
        "checked": OPEN | {"ld_check_done", "ld_check_declined", "ld_plan_shared", "ld_check_ended"},
        "ended": OPEN,
        "withdrawn": AFTERWARDS,
        "closed": AFTERWARDS,
    },
    moves={
        ("watched", "ld_register_joined"): "registered",
        ("registered", "ld_check_done"): "checked",
        ("checked", "ld_check_done"): "checked",
        **{(state, "ld_check_ended"): "ended" for state in ("watched", "registered", "checked")},
        **{(state, "case_withdrawn"): "withdrawn" for state in ALIVE},
        **{(state, "case_closed"): "closed" for state in ALIVE},
    },
    unusual_moves={("watched", "ld_check_done"): "checked"},
    leaves={
        "ld_register_joined": "the yearly check, in a year",
        "ld_check_done": "the next check, and its action plan in the review",
        "ld_check_declined": "nothing: nobody has to take the check",
        "ld_plan_shared": "nothing: no check is recorded",
        "ld_check_ended": "nothing: it had ended before",
    },
)

CASE = "LD00001"
OPENED = (
    "ld_check_watched",
    "2024-01-08",
    {"on_register": "no", "birth_month": "2010-06-01", "born_by": "2010-06-30", "before_14": "yes"},
)
JOINED: tuple[Any, ...] = ("ld_register_joined", "2024-05-13", {})


def done(on: str, action_plan: str = "yes") -> tuple[Any, ...]:
    return ("ld_check_done", on, {"where": "practice", "action_plan": action_plan})


def now(*facts: tuple[Any, ...]) -> CaseFile:
    return replay(CASE, history(OPENED, *facts))


def of(*facts: tuple[Any, ...]) -> dict[tuple[str, int], Any]:
    lines = now(*facts).lines
    return {(each.rule, each.opened_seq): each for each in duties(lines, process="learning_disability_check")}


def test_a_check_meets_the_year_that_was_owed_and_starts_the_next() -> None:
    found = of(JOINED, done("2025-05-05"))
    assert str(found["ld_check_register", 1].met_on) == "2024-05-13"
    assert str(found["ld_check_yearly", 2].due) == "2025-05-13"
    assert str(found["ld_check_yearly", 2].met_on) == "2025-05-05"
    assert str(found["ld_check_yearly", 3].due) == "2026-05-05"
    assert str(found["ld_plan_into_review", 3].due) == "2025-08-05"


def test_a_check_that_is_declined_is_not_owed_for_that_year() -> None:
    declined = ("ld_check_declined", "2025-04-07", {"declined_by": "young_person"})
    duty = of(JOINED, declined)["ld_check_yearly", 2]
    assert str(duty.ended_on) == "2025-04-07" and duty.met_on is None


def test_without_an_action_plan_nothing_goes_into_the_review_and_that_is_said() -> None:
    assert ("ld_plan_into_review", 3) not in of(JOINED, done("2025-05-05", "no"))
    assert PROCESS.remarks is not None
    assert "gave no health action plan" in PROCESS.remarks(now(JOINED, done("2025-05-05", "no")))[0]
    assert "in no annual review yet" in PROCESS.remarks(now(JOINED, done("2025-05-05")))[0]
    assert PROCESS.remarks(now(JOINED, done("2025-05-05"), ("ld_plan_shared", "2025-07-07", {}))) == []
    assert PROCESS.remarks(now(JOINED)) == []
