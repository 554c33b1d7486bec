"""The list of cases, whose filters are in its address, and the search by NHS number, which is logged."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from pydantic import ValidationError

from casework.bulk_acts import MOST
from casework.cases.search import find_by_nhs_number
from casework.reports.case_list import CaseFilter, ListedCase, Show, case_list
from casework.saved_views import WrongView, delete_view, save_view, views_of
from models.same_words import reference_key
from web.answers import Answer, GoTo, Page
from web.asked import Asked
from web.export import Column, Sheet, as_file, filter_words
from web.faults import fault, no_page
from web.labels import first_capital
from web.today import owner_options, unknown_filters

SHOWN_AS = {
    Show.OPEN: "Open cases",
    Show.LATE: "With a late duty",
    Show.SOON: "With a duty due in 7 days",
    Show.NO_DATE: "With a duty without a date set by law",
    Show.ALL: "All cases",
}
NONE_CHOSEN = "No case was chosen. Tick the cases first."
COLUMNS = (
    Column("Case", "case_ref"),
    Column("Process", "process"),
    Column("State", "state"),
    Column("Authority", "la"),
    Column("Authority's reference", "la_reference"),
    Column("Opened", "opened_on"),
    Column("Soonest due", "due"),
    Column("Days late", "late"),
    Column("Open duties", "open_duties"),
    Column("Case owner", "owner"),
)


def cases(asked: Asked) -> Answer:
    """A page of the list, or all of it as a file."""
    try:
        wanted, context = _filter_of(asked.query), asked.context
    except ValidationError as problem:
        named = " and ".join(sorted({str(each["loc"][0]) for each in problem.errors()}))
        said = f"The list of cases does not know what the address gives for {named}. Choose on the page Cases."
        return fault("The list has no such filter", said, status=400, back=("/cases", "Go to Cases"))
    if wanted.search and not asked.query.get("page"):
        found = case_list(context, wanted.model_copy(update={"show": Show.ALL}), context.today())
        if found.total == 1 and _is_of(found.rows[0], wanted.search):
            return GoTo(f"/cases/{found.rows[0].case_ref}")
    kind = asked.query.get("format", "")
    if kind in ("csv", "xlsx"):
        rows = case_list(context, wanted, context.today(), 0).rows
        shows = f"cases; filter: {filter_words(wanted, 'page', 'search')}"
        return as_file(asked, Sheet(f"cases-{context.today()}", shows, COLUMNS, rows), kind)
    return _page(asked, wanted)


def save(asked: Asked) -> Answer:
    """Save the filters of the list as a view of this account."""
    given = dict(parse_qsl(asked.form.get("filter", "")))
    try:
        view = save_view(asked.context, asked.account, asked.form.get("name", ""), given)
    except WrongView as problem:
        try:
            wanted = _filter_of(given)
        except ValidationError:  # the sentence says so
            wanted = CaseFilter()
        return _page(asked, wanted, first_capital(str(problem)))
    return GoTo(f"/cases?{view.query}")


def forget(asked: Asked) -> Answer:
    """Delete a view of this account."""
    try:
        delete_view(asked.context, asked.account, asked.place["id"])
    except WrongView:
        return no_page(404)
    return GoTo("/cases")


def by_nhs_number(asked: Asked) -> Answer:
    """The cases of the child with an NHS number. It is in no address, and the search is in the log of accesses."""
    refs = find_by_nhs_number(asked.context, asked.form.get("nhs_number", ""), asked.account)
    if len(refs) == 1:
        return GoTo(f"/cases/{refs[0]}")
    values = {"title": "Cases of this NHS number", "refs": refs}
    return Page("nhs_number.html", values)


def _is_of(row: ListedCase, typed: str) -> bool:
    """Whether the whole reference of a case was typed: ours, or the authority's."""
    return reference_key(typed) in {reference_key(each) for each in (row.case_ref, row.la_reference) if each}


def _filter_of(query: Mapping[str, str]) -> CaseFilter:
    """The filter of an address. Raises ValidationError."""
    given = {name: value for name, value in query.items() if name in CaseFilter.model_fields and value}
    return CaseFilter.model_validate(given)


def _page(asked: Asked, wanted: CaseFilter, error: str = "") -> Answer:
    context = asked.context
    found = case_list(context, wanted, context.today())
    values = wanted.model_dump(mode="json", exclude={"page"}, exclude_defaults=True)
    errors = [{"text": error, "href": "#name"}] if error else []
    if asked.query.get("none") == "yes" and found.rows:
        errors.append({"text": NONE_CHOSEN, "href": f"#tick-{found.rows[0].case_ref}"})
    return Page(
        "cases.html",
        {
            "title": "Cases",
            "found": found,
            "wanted": wanted,
            "unknown": unknown_filters(asked, wanted),
            "shown_as": SHOWN_AS,
            "las": context.directory.la,
            "bodies": context.directory.bodies,
            "owner_options": owner_options(asked),
            "query": values,
            "views": views_of(context, asked.account),
            "view_name": asked.form.get("name", ""),
            "error": error,
            "errors": errors,
            "most": MOST,
        },
        400 if error else 200,
    )
