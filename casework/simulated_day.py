"""A simulation goes to its next working day: sweep, digest and delivery for it, and what they did."""

from dataclasses import replace
from datetime import date, timedelta

from pydantic import BaseModel, ConfigDict

from casework.context import AppContext
from casework.delivery.daily_digest import digest
from casework.delivery.deliver import DeliveryReport, deliver
from casework.reports.today import DAY
from casework.sweep import SweepReport, sweep
from models.errors import Refusal

LONGEST = 40


class NotASimulation(Refusal):
    """The installation goes by the real clock."""

    default_code = "not_a_simulation"


class NewDay(BaseModel):
    """What sendflow did on the new day, in numbers."""

    model_config = ConfigDict(frozen=True)
    day: date
    sweep: SweepReport
    delivery: DeliveryReport


def go_to_next_working_day(context: AppContext) -> NewDay:
    """Set the simulated day to the next working day and run its jobs. Raises NotASimulation."""
    if not context.simulated:
        raise NotASimulation("This installation is real: it goes by the real clock, and nothing was changed.")
    day = context.today() + DAY
    while not context.calendar.is_working_day(day):
        day += timedelta(days=1)
    then = replace(context, settings=replace(context.settings, today=day))
    swept = sweep(then, day)
    digest(then, day)
    delivered = deliver(then)
    return NewDay(day=day, sweep=swept, delivery=delivered)
