"""In a simulation: the next working day, with what sendflow does on it."""

from __future__ import annotations

from casework.simulated_day import NotASimulation, go_to_next_working_day
from web.answers import Answer, Page
from web.asked import Asked
from web.faults import fault


def next_day(asked: Asked) -> Answer:
    """Sweep and deliver for the next working day, and show what changed."""
    try:
        found = go_to_next_working_day(asked.context)
    except NotASimulation as problem:
        return fault("The day cannot be changed", str(problem), status=409)
    return Page(
        "next_day.html",
        {"title": f"What happened until {found.day:%A} {found.day.day} {found.day:%B %Y}", "found": found},
    )
