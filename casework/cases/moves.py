"""A child moved while the old authority's request is unanswered: sendflow asks a person and meanwhile chases nobody.

An assessment does not go with the child: the new authority is responsible for it (CFA 2014 s24), and whether the old
one's request ends is for a person to say. A machine reads its own case only, so nothing else would stop the chasing.
"""

from datetime import date

from casework.cases.child_questions import cases_of
from casework.cases.loaded_case import LoadedCase
from casework.cases.unit_of_work import UnitOfWork, load_readable
from casework.cases.validation import OWN
from models.facts import Fact, FactDraft
from statemachines.replay import facts_in_force

PAUSED = "chasing_paused"
WORKING_DAYS = 10  # in which a person says whether the request has ended
MOVES = ("move_known", "child_moved")


def pause_where_the_child_left(unit: UnitOfWork) -> list[str]:
    """Pause the reminders of cases that the child left, and ask; withdraw the pause with the move. Give follow-ups."""
    follow_ups: list[str] = []
    for case in list(unit.cases.values()):
        for fact in list(case.new_facts):
            if fact.kind == "fact_withdrawn":
                follow_ups += _withdraw(unit, case, fact)
            elif (moved := _moved_on(fact, unit.today)) is not None:
                follow_ups += _pause(unit, case, fact, moved)
    return follow_ups


def _moved_on(fact: Fact, today: date) -> date | None:
    """The day on which the child moved by this fact, if that has come."""
    if fact.kind not in MOVES:
        return None
    day = date.fromisoformat(str(fact.data["moved_on"])) if "moved_on" in fact.data else fact.occurred_on
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
        if not waiting or any(began <= unit.today <= end and body is None for began, end, body in other.file.pauses):
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
            f" If that request ended with the move: sendflow record {ref} case_closed. If it goes on: sendflow record"
            f" {ref} fact_withdrawn --corrects {paused.seq}"
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


def _withdraw(unit: UnitOfWork, case: LoadedCase, withdrawal: Fact) -> list[str]:
    """Withdraw the pauses that a move caused which did not happen."""
    target = next((fact for fact in case.facts if fact.seq == withdrawal.corrects), None)
    if target is None or target.kind not in MOVES:
        return []
    cause, follow_ups = f"{case.case_ref}/{target.seq}", []
    for other in _others(unit, case):
        for fact in facts_in_force(other.facts):
            if fact.kind == PAUSED and fact.caused_by == cause:
                draft = FactDraft(
                    "fact_withdrawn", unit.today, {}, fact.seq, caused_by=f"{case.case_ref}/{withdrawal.seq}"
                )
                unit.append(other, [draft], OWN)
                follow_ups.append(f"Case {other.case_ref} is chased again: the move that had paused it was withdrawn.")
    return follow_ups
