"""Today: what is late or due in seven days, meetings, what a person decides, and what changed since yesterday."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from casework.owners import UNOWNED, everyone
from casework.reports.case_list import CaseFilter
from casework.reports.chased import DutyKey, LastChase, duty_key, last_chases
from casework.reports.today import MOST_CHANGED, Today, Wanted, today_of
from casework.reports.worklists import BoardRow
from models.database import reading
from web.answers import Answer, Page
from web.asked import Asked, page_of
from web.export import Column, Sheet, as_file, filter_words
from web.faults import no_page

SHOWN = 10
ROWS = 200
TITLES = {
    "late": "Late",
    "soon": "Due in the next 7 days",
    "meetings": "Meetings, promises and reviews in the next 7 days",
    "decide": "For a person to decide",
    "changed": "Recorded since yesterday",
}
DUTY = (
    Column("Case", "case_ref"),
    Column("Authority's reference", "la_reference"),
    Column("Authority", "la"),
    Column("Body", "body_name"),
    Column("Service", "service"),
    Column("What is owed", "action"),
    Column("Started", "started_on"),
    Column("Due", "due"),
    Column("Act by", "act_by"),
    Column("Days", "days"),
    Column("Says sent", "says_sent"),
)
MEETING = (
    Column("Case", "case_ref"),
    Column("Authority's reference", "la_reference"),
    Column("Authority", "la"),
    Column("Day", "on"),
    Column("What", "what"),
    Column("Fact", "kind"),
    Column("Body", "body"),
    Column("Service", "service"),
)
CHANGED = (
    Column("Case", "case_ref"),
    Column("Number", "seq"),
    Column("Fact", "kind"),
    Column("Happened", "occurred_on"),
    Column("Recorded (UTC)", "recorded_at"),
    Column("By", "actor"),
)


def today(asked: Asked) -> Answer:
    """The page that a day starts from."""
    values = _values(asked, SHOWN)
    found: Today = values["found"]
    chases = _chases(asked, [*found.late[:SHOWN], *found.soon[:SHOWN]])
    return Page("today.html", {"title": "Today", "shown": SHOWN, "chases": chases, "duty_key": duty_key, **values})


def one_list(asked: Asked) -> Answer:
    """One list of Today in full, or as a file."""
    name = asked.place["name"]
    if name not in TITLES:
        return no_page(404)
    values = _values(asked)
    found: Today = values["found"]
    kind = asked.query.get("format", "")
    if kind in ("csv", "xlsx") and name != "decide":
        lists: dict[str, tuple[Sequence[Any], Sequence[Column]]] = {
            "late": (found.late, DUTY),
            "soon": (found.soon, DUTY),
            "meetings": (found.meetings, MEETING),
            "changed": (found.changed, CHANGED),
        }
        rows, columns = lists[name]
        shows = f"{TITLES[name]}; filter: {filter_words(values['wanted'])}"
        return as_file(asked, Sheet(f"{name}-{found.as_at}", shows, columns, rows), kind)
    rows = {"late": found.late, "soon": found.soon}.get(name, [])
    pages = max(1, -(-len(rows) // ROWS))
    page = min(page_of(asked.query), pages)
    shown = rows[(page - 1) * ROWS : page * ROWS]
    values |= {"chases": _chases(asked, shown), "duty_key": duty_key, "rows": shown, "page": page, "pages": pages}
    return Page("list.html", {"title": TITLES[name], "name": name, "shown": 100_000, **values})


def _chases(asked: Asked, rows: Sequence[BoardRow]) -> dict[DutyKey, LastChase]:
    with reading(asked.context.engine) as connection:
        return last_chases(connection, rows)


def owner_options(asked: Asked) -> list[tuple[str, str]]:
    """Whose cases may be asked for: one's own, nobody's, and those of everybody who has one."""
    with reading(asked.context.engine) as connection:
        others = [each for each in everyone(connection) if each != asked.account]
    return [(asked.account, "me"), (UNOWNED, "nobody"), *((each, each) for each in others)]


def unknown_filters(asked: Asked, wanted: Wanted | CaseFilter) -> list[str]:
    """What a filter names that this installation does not have: the lists are empty for it, and nothing is in order."""
    directory = asked.context.directory
    known = {
        "authority": (wanted.la, set(directory.la)),
        "organisation": (wanted.body, {each.body for each in directory.bodies}),
        "process": (wanted.process, set(asked.context.processes)),
    }
    return [
        f"There is no {what} {value} here" for what, (value, there) in known.items() if value and value not in there
    ]


def _values(asked: Asked, most_changed: int = MOST_CHANGED) -> dict[str, Any]:
    context, query = asked.context, asked.query
    wanted = Wanted(**{name: query.get(name, "") for name in Wanted.model_fields})
    return {
        "found": today_of(context, context.today(), wanted, most_changed),
        "wanted": wanted,
        "unknown": unknown_filters(asked, wanted),
        "week_later": context.today() + timedelta(days=7),
        "rules": context.law.rules,
        "query": urlencode({name: value for name, value in wanted.model_dump().items() if value}),
        "la_options": [(la, each.name) for la, each in context.directory.la.items()],
        "body_options": [(each.body, each.name) for each in context.directory.bodies],
        "owner_options": owner_options(asked),
        "process_options": [(each.name, each.title) for each in context.processes.values()],
    }
