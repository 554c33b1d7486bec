"""The lists of a time or of days to come: panels, approvals of packages, what ends or is to be reviewed."""

from __future__ import annotations

from datetime import date
from urllib.parse import urlencode

from casework.privacy.case_looks import note_looks
from casework.reports.period_lists.all import LISTS
from casework.reports.period_lists.shape import By, Listed, Wanted
from casework.reports.withheld import withheld_words
from web.answers import Answer, Page
from web.asked import Asked
from web.export import Sheet, as_file
from web.faults import no_page

BY = {By.WHOLE: "the whole time", By.MONTH: "each month", By.QUARTER: "each quarter"}
MOST_DAYS = 3660


def one_list(asked: Asked) -> Answer:
    """One list, by what its address asks for, or all of it as a file. A look at each case in it is logged."""
    found = LISTS.get(asked.place["name"])
    if found is None:
        return no_page(404)
    wanted, error = _wanted(asked)
    listed = found.rows(asked.context, wanted) if not error else Listed([], 0)
    kind = asked.query.get("format", "")
    said = wanted.model_dump(mode="json", exclude={"today"}, exclude_defaults=True)
    if kind in ("csv", "xlsx") and not error:
        shows = f"{found.shows}; filter: {wanted.model_dump_json(exclude={'today'})}"
        name = f"{found.name}-{asked.context.today()}"
        return as_file(asked, Sheet(name, shows, found.columns, listed.rows, listed.not_named, found.cells), kind)
    note_looks(
        asked.context, (row.case_ref for row in listed.rows if hasattr(row, "case_ref")), asked.account, "register"
    )
    return Page(
        "period_list.html",
        {
            "title": found.title,
            "list": found,
            "headings": [column.heading for column in found.columns],
            "rows": [found.words(row) for row in listed.rows],
            "refs": [getattr(row, "case_ref", None) for row in listed.rows],
            "left_out": withheld_words(listed.not_named) if listed.not_named else "",
            "wanted": wanted,
            "error": error,
            "la_options": [(la, each.name) for la, each in asked.context.directory.la.items()],
            "by_options": [(by.value, words) for by, words in BY.items()],
            "query": urlencode(said),
        },
        status=400 if error else 200,
    )


def _wanted(asked: Asked) -> tuple[Wanted, str]:
    """What the address asks for, and what is wrong with it in a sentence."""
    given, today = asked.query, asked.context.today()
    try:
        first, last = (date.fromisoformat(given[name]) if given.get(name) else None for name in ("from_on", "to_on"))
        others = {name: given[name] for name in ("by", "days", "la") if given.get(name)}
        wanted = Wanted.of(today, first, last, **others)
    except (ValueError, OverflowError):
        return Wanted.of(today), "Give days as they are in a calendar, and a number of days from 1 to 3660."
    if not 1 <= wanted.days <= MOST_DAYS or not 0 <= (wanted.to_on - wanted.from_on).days < MOST_DAYS:
        return Wanted.of(today), "The last day comes after the first, ten years at most; and 1 to 3660 days to come."
    return wanted, ""
