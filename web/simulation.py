"""In a simulation: the next working day, with what sendflow does on it."""

from __future__ import annotations

from dataclasses import replace

from casework.access.seen import as_sendflow
from casework.simulated_day import NotASimulation, go_to_next_working_day
from config.text import full_weekday
from web.answers import Answer, Page
from web.asked import Asked
from web.faults import fault


def next_day(asked: Asked) -> Answer:
    """Sweep and deliver for the next working day, and show what changed."""
    try:
        found = go_to_next_working_day(as_sendflow(asked.context))
    except NotASimulation as problem:
        return fault("The day cannot be changed", str(problem), status=409)
    then = replace(asked.context, settings=replace(asked.context.settings, today=found.day))
    title = f"What happened until {full_weekday(found.day)}"
    # The frame of the page says the new day too.
    new_day = {"today": found.day, "simulation": then.simulation_notice}
    return Page("next_day.html", {"title": title, "found": found, **new_day})
