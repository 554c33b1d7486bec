"""The status of a duty on a day, and how many calendar days late it is. Comparisons are open-ended."""

from datetime import date, timedelta

from deadlines.duties import Duty
from models.enums import DutyStatus

SOON = timedelta(days=7)
DAY = timedelta(days=1)


def standing(duty: Duty, as_at: date) -> DutyStatus:
    """The standing at the end of `as_at` (London). A duty that ended unmet has the status of the day it ended.

    A contingent duty (notice of a refusal, reg 4(1), 10(1)) has no date any more once the decision has gone the other
    way, and neither has a right that was not used in its time (r20(1)(c): an appeal). What is owed as soon as possible
    from a day on has no date by which it is late.
    """
    due = duty.due
    if duty.bound == "window":
        return DutyStatus.MET if duty.met_on is not None else DutyStatus.NO_DATE
    if due is None:
        return DutyStatus.MET if duty.met_on is not None else DutyStatus.NO_DATE
    if duty.bound == "not_before":
        if duty.met_on is None:
            return DutyStatus.RUNNING
        # The last day of a minimum period still belongs to the person who has it (reg 13(1)(a): fifteen days,
        # beginning with service).
        first_lawful = due + DAY if duty.lawful_from == "day_after_due" else due
        return DutyStatus.TOO_EARLY if duty.met_on < first_lawful else DutyStatus.MET
    if duty.met_on is not None:
        if duty.met_on <= due or duty.open_ended:
            return DutyStatus.MET
        return DutyStatus.EXCUSED if duty.excuse else DutyStatus.MET_LATE
    if duty.excuse:
        return DutyStatus.EXCUSED
    if duty.ended_on is not None:
        if duty.contingent:
            return DutyStatus.NO_DATE
        as_at = min(as_at, duty.ended_on)
    if as_at > due:
        return DutyStatus.NO_DATE if duty.may_lapse or duty.open_ended else DutyStatus.BREACHED
    return DutyStatus.DUE_SOON if as_at >= due - SOON else DutyStatus.RUNNING


def days_late(duty: Duty, as_at: date) -> int:
    """Calendar days after the due date: until met, until ended, or until `as_at`; 0 where in time or where nothing can
    be late.
    """
    if (
        duty.due is None
        or duty.bound != "by"
        or (duty.contingent and duty.met_on is None and duty.ended_on is not None)
    ):
        return 0
    if duty.open_ended or (duty.may_lapse and duty.met_on is None):
        return 0
    until = duty.met_on or (min(as_at, duty.ended_on) if duty.ended_on else as_at)
    return max(0, (until - duty.due).days)


def in_days(number: int) -> str:
    """A number of calendar days in words: "1 day", "14 days"."""
    return f"{number} day" if number == 1 else f"{number} days"
