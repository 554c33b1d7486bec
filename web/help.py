"""Help: what each page is for, the glossary, the accessibility statement, and the parts that our pages share."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from config.toml_reader import read_toml
from web.answers import Answer, Page
from web.asked import Asked
from web.charts import Bar, bars

FILE, GLOSSARY = Path(__file__).with_name("help.toml"), Path(__file__).with_name("glossary.json")
# The gallery's own days: nothing of it is of a case.
BEGAN, DUE, LATE, AS_AT = date(2026, 3, 2), date(2026, 4, 13), date(2026, 3, 23), date(2026, 4, 6)


class PageHelp(NamedTuple):
    """What a page is for. `id` names it in the address of Help; `command` says the same at a terminal."""

    id: str
    title: str
    starts: str
    right: str
    text: str
    command: str


@cache
def pages() -> tuple[PageHelp, ...]:
    """The help of every page, in the order of the menu. Raises ConfigFault."""
    return tuple(PageHelp(id=word, **each) for word, each in read_toml(FILE)["page"].items())


@cache
def glossary() -> list[dict[str, Any]]:
    """The words that sendflow uses, by part, with their meaning: made from docs/glossary.md."""
    found: list[dict[str, Any]] = orjson.loads(GLOSSARY.read_bytes())
    return found


def help_of(path: str) -> str:
    """The id of the help for a page; empty where it has none."""
    fitting = [each for each in pages() if f"{path}/".startswith(f"{each.starts}/")]
    return max(fitting, key=lambda each: len(each.starts)).id if fitting else ""


def overview(asked: Asked) -> Answer:
    """What each page is for that the account may open."""
    shown = [each for each in pages() if not each.right or asked.may(each.right)]
    return Page("help.html", {"title": "Help", "entries": shown})


def words(asked: Asked) -> Answer:
    """The glossary; `search` leaves the words that have these letters."""
    search = asked.query.get("search", "").strip()
    parts = [
        {
            **part,
            "words": [each for each in part["words"] if search.lower() in f"{each['word']} {each['meaning']}".lower()],
        }
        for part in glossary()
    ]
    values = {"title": "Glossary", "parts_of": [each for each in parts if each["words"]], "search": search}
    return Page("help_glossary.html", values)


def accessibility(_asked: Asked) -> Answer:
    """How accessible the pages are, and whom to ask. Anybody may read it, also who cannot sign in."""
    return Page("help_accessibility.html", {"title": "Accessibility statement"})


def components(_asked: Asked) -> Answer:
    """Our own parts beside those of the NHS design system, each with an example."""
    example = [
        Bar("Northshire Community Health, Physiotherapy", BEGAN, DUE, None, "running"),
        Bar("Eastmere Hospitals, CAMHS", BEGAN, LATE, None, "breached"),
    ]
    return Page("help_components.html", {"title": "Components", "chart": bars(example, AS_AT)})
