"""A child is said to have moved while the old authority's request is unanswered: sendflow asks, and chases nobody.

`child_moved` ends what the old area owes (`child_moved_away` on its cases). `move_known` with a day that has come says
the move without it: until a person records it, the old area's bodies get no reminders.
"""

from datetime import date

from casework.cases.child_questions import cases_of
from casework.cases.loaded_case import LoadedCase
from casework.cases.unit_of_work import UnitOfWork, load_readable
from casework.cases.validation import OWN
from models.facts import Fact, FactDraft

PAUSED = "chasing_paused"
WORKING_DAYS = 10  # in which a person says whether the request has ended
MOVE = "move_known"


def pause_where_the_child_left(unit: UnitOfWork) -> list[str]:
    """Pause the reminders of cases that the child left, and ask what became of them. Gives the follow-ups."""
    follow_ups: list[str] = []
    for case in list(unit.cases.values()):
        for fact in list(case.new_facts):
            if (moved := _moved_on(fact, unit.today)) is not None:
                follow_ups += _pause(unit, case, fact, moved)
    return follow_ups


def _moved_on(fact: Fact, today: date) -> date | None:
    """The day on which the child moved by this fact, if that has come."""
    if fact.kind != MOVE:
        return None
    day = date.fromisoformat(str(fact.data["moved_on"]))
    return day if day <= today else None


def _others(unit: UnitOfWork, case: LoadedCase) -> list[LoadedCase]:
    unit.find_children([case])
    if case.child_id is None:
        return []
    refs = cases_of(unit, [case.child_id]).get(case.child_id, [])
    return [other for ref, other in load_readable(unit, refs).items() if ref != case.case_ref]


def _pause(unit: UnitOfWork, case: LoadedCase, fact: Fact, moved: date) -> list[str]:
    until = unit.context.calendar.add_working_days(unit.today, WORKING_DAYS)
    follow_ups: list[str] = []
    for other in _others(unit, case):
        waiting = _asked_bodies(other) if _was_left(case, other, moved) else []
        if not waiting or any(
            pause.body is None and pause.began <= unit.today <= pause.until for pause in other.file.pauses
        ):
            continue
        data = {"until": until.isoformat(), "reason": f"the child moved, by case {case.case_ref}"}
        draft = FactDraft(PAUSED, unit.today, data, caused_by=f"{case.case_ref}/{fact.seq}")
        (paused,) = unit.append(other, [draft], OWN)
        directory, ref = unit.context.directory, other.case_ref
        follow_ups.append(
            f"Case {ref} ({other.process.title if other.process else ''}) of the same child at"
            f" {directory.la_name(other.file.la or '')} is open, and"
            f" {' and '.join(directory.body(each).name for each in waiting)} was asked there. The child moved on"
            f" {moved.isoformat()}, so that sendflow sends no reminders there up to and including {until.isoformat()}."
            f" If the child has moved: sendflow record {case.case_ref} child_moved. If not, or if that request goes on:"
            f" sendflow record {ref} fact_withdrawn --corrects {paused.seq}"
        )
    return follow_ups


def _was_left(case: LoadedCase, other: LoadedCase, moved: date) -> bool:
    """Whether a case is one of the old authority: of the move's authority, and opened before the child moved."""
    opened = other.file.opened_on
    asks = other.process is not None and other.process.asks
    return bool(asks) and not other.ended and other.file.la == case.file.la and opened is not None and opened <= moved


def _asked_bodies(other: LoadedCase) -> list[str]:
    """The bodies that owe an answer on a case."""
    return sorted({duty.body for duty in other.duties if duty.closed_on is None and duty.body is not None})
