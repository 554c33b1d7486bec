"""The registers of our team: the names of their lists, and one page for each list, also as a file."""

from __future__ import annotations

from datetime import date
from urllib.parse import urlencode

from casework.privacy.case_looks import note_looks
from casework.reports.registers.all import UnknownRegister, register
from casework.reports.registers.all import registers as known
from casework.reports.registers.shape import By, Listed, Of, RegisterList, Wanted
from casework.reports.withheld import withheld_words
from web.answers import Answer, Page
from web.asked import Asked
from web.export import Sheet, as_file
from web.faults import no_page

BY = {By.WHOLE: "the whole time", By.MONTH: "each month", By.QUARTER: "each quarter"}
MOST_DAYS = 3660
# What the form of a list asks, and so what its address may say.
ASKS = {Of.TODAY: (), Of.TIME: ("from_on", "to_on"), Of.TO_COME: ("days",)}


def registers(asked: Asked) -> Answer:
    """The names of the lists, each with what is in it."""
    return Page("registers.html", {"title": "Registers", "lists": known(asked.context)})


def one(asked: Asked) -> Answer:
    """One list, by what its address asks for, or all of it as a file. A look at each case in it is logged."""
    context = asked.context
    try:
        found = register(context, asked.place["name"])
    except UnknownRegister:
        return no_page(404)
    wanted, error = _wanted(asked, found)
    listed = found.rows(context, wanted) if not error else Listed([], 0)
    said = {name: asked.query[name] for name in _asks(found) if asked.query.get(name)}
    kind = asked.query.get("format", "")
    if kind in ("csv", "xlsx") and not error:
        shows = f"{found.title} {found.when(wanted)}" + (f"; of {wanted.la}" if wanted.la else "")
        name = f"{found.name}-{context.today()}"
        return as_file(asked, Sheet(name, shows, found.columns, listed.rows, listed.not_named, found.cells), kind)
    note_looks(context, (row.case_ref for row in listed.rows if hasattr(row, "case_ref")), asked.account, "register")
    return Page(
        "register.html",
        {
            "title": found.title,
            "list": found,
            "asks": _asks(found),
            "when": found.when(wanted),
            "headings": [column.heading for column in found.columns],
            "rows": [found.words(row) for row in listed.rows],
            "refs": [getattr(row, "case_ref", None) for row in listed.rows],
            "left_out": withheld_words(listed.not_named) if listed.not_named else "",
            "wanted": wanted,
            "error": error,
            "la_options": [(la, each.name) for la, each in context.directory.la.items()],
            "by_options": [(by.value, words) for by, words in BY.items()],
            "query": urlencode(said),
        },
        status=400 if error else 200,
    )


def _asks(found: RegisterList) -> tuple[str, ...]:
    return (*ASKS[found.of], *(("by",) if found.of_counts else ()), *(("la",) if found.by_authority else ()))


def _wanted(asked: Asked, found: RegisterList) -> tuple[Wanted, str]:
    """What the address asks for, and what is wrong with it in a sentence."""
    today = asked.context.today()
    given = {name: asked.query[name] for name in _asks(found) if asked.query.get(name)}
    try:
        first, last = (date.fromisoformat(given[name]) if name in given else None for name in ("from_on", "to_on"))
        others = {name: given[name] for name in ("by", "days", "la") if name in given}
        wanted = Wanted.of(today, first, last, **others)
    except (ValueError, OverflowError):
        return Wanted.of(today), "Give days as they are in a calendar, and a number of days from 1 to 3660."
    if not 1 <= wanted.days <= MOST_DAYS or not 0 <= (wanted.to_on - wanted.from_on).days < MOST_DAYS:
        return Wanted.of(today), "The last day comes after the first, ten years at most; and 1 to 3660 days to come."
    return wanted, ""
