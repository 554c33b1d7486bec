"""In a simulation: the next working day, with what sendflow does on it."""

from __future__ import annotations

from dataclasses import replace

from casework.access.seen import as_sendflow
from casework.reports.letters import letters_page
from casework.reports.today import changed_since
from casework.simulated_day import NotASimulation, go_to_next_working_day
from config.text import full_weekday
from models.database import reading
from web.answers import Answer, Page
from web.asked import Asked
from web.faults import fault

MOST = 100  # facts, and e-mails, on the page


def next_day(asked: Asked) -> Answer:
    """Sweep and deliver for the next working day, and show what changed."""
    try:
        found = go_to_next_working_day(as_sendflow(asked.context))
    except NotASimulation as problem:
        return fault("The day cannot be changed", str(problem), status=409)
    then = replace(asked.context, settings=replace(asked.context.settings, today=found.day))
    title = f"What happened until {full_weekday(found.day)}"
    # sendflow did it for all cases; the page names those that its reader may see.
    with reading(then.engine) as connection:
        facts = changed_since(connection, found.day)
    newest = letters_page(then, "", 1, MOST + 1)[0]
    of_the_day = [each for each in newest if each.on == found.day]
    # The frame of the page says the new day too.
    new_day = {"today": found.day, "simulation": then.simulation_notice}
    lists = {"facts": facts, "letters": of_the_day, "most": MOST}
    return Page("next_day.html", {"title": title, "found": found, **lists, **new_day})
