"""Today: what is late, due in seven days, for a person to decide, and what changed since yesterday."""

from __future__ import annotations

from casework.reports.today import today_of
from web.answers import Answer, Page
from web.asked import Asked

SHOWN = 10


def today(asked: Asked) -> Answer:
    """The page that a day starts from."""
    found = today_of(asked.context, asked.context.today())
    return Page("today.html", {"title": "Today", "found": found, "shown": SHOWN})
