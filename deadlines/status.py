"""The status of a duty on a day, and how many calendar days late it is. Comparisons are open-ended."""

from datetime import date, timedelta

from deadlines.duties import Duty
from models.enums import DutyStatus

SOON = timedelta(days=7)
DAY = timedelta(days=1)


def status_of(duty: Duty, as_at: date) -> DutyStatus:
    """Return the status at the end of `as_at` (London). A duty that ended unmet has the status of the day it ended."""
    if duty.bound == "not_before" and duty.due is None and duty.met_on is not None:
        return DutyStatus.TOO_EARLY  # the day from which it is lawful had not come (CFA 2014 s45(4)(b))
    if duty.due is None or duty.bound == "window":
        return DutyStatus.NO_DATE if duty.met_on is None else DutyStatus.MET
    if duty.bound == "not_before":
        return _status_of_minimum_period(duty, duty.due)
    if duty.met_on is not None:
        return _status_once_met(duty, duty.due, duty.met_on)
    return _status_while_unmet(duty, duty.due, as_at)


def _status_of_minimum_period(duty: Duty, due: date) -> DutyStatus:
    if duty.met_on is None:
        return DutyStatus.RUNNING
    # The last day of a minimum period still belongs to the person who has it (reg 13(1)(a): fifteen days,
    # beginning with service).
    first_lawful = due + DAY if duty.lawful_from == "day_after_due" else due
    return DutyStatus.TOO_EARLY if duty.met_on < first_lawful else DutyStatus.MET


def _status_once_met(duty: Duty, due: date, met_on: date) -> DutyStatus:
    if met_on <= due or duty.open_ended or duty.met_before:
        return DutyStatus.MET
    return DutyStatus.EXCUSED if duty.excuse else DutyStatus.MET_LATE


def _status_while_unmet(duty: Duty, due: date, as_at: date) -> DutyStatus:
    """Four kinds of duty have no date that is missed.

    A contingent duty (notice of a refusal, reg 4(1), 10(1)) has none until the decision is known, and none once it has
    gone the other way. A provisional duty has none until its start is confirmed. A right
    that was not used in its time has none (r20(1)(c): an appeal). What the law asks for as soon as possible after a day
    has no day by which it is late.
    """
    if duty.excuse:
        return DutyStatus.EXCUSED
    if duty.ended_on is not None:
        if duty.contingent:
            return DutyStatus.NO_DATE
        as_at = min(as_at, duty.ended_on)
    if as_at > due:
        return DutyStatus.NO_DATE if _has_no_missed_day(duty) else DutyStatus.BREACHED
    return DutyStatus.DUE_SOON if as_at >= due - SOON else DutyStatus.RUNNING


def _has_no_missed_day(duty: Duty) -> bool:
    undecided = duty.ended_on is None and (duty.contingent or duty.provisional)
    return duty.may_lapse or duty.open_ended or undecided


def days_late(duty: Duty, as_at: date) -> int:
    """Return the calendar days from the due date until the duty was met or ended, or until `as_at`.

    0 for a duty that is in time or cannot be late.
    """
    if (
        duty.due is None
        or duty.bound != "by"
        or (duty.met_on is None and (duty.contingent or (duty.provisional and duty.ended_on is None)))
    ):
        return 0
    if duty.open_ended or duty.met_before or (duty.may_lapse and duty.met_on is None):
        return 0
    until = duty.met_on or (min(as_at, duty.ended_on) if duty.ended_on else as_at)
    return max(0, (until - duty.due).days)
