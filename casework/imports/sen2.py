"""A council's person-level SEN2 extract, read as a tracker and compared with the record. Nothing is written.

Purpose: the council returns SEN2 to the Department for Education each spring. Where its days differ from what health
recorded, one of the two is wrong, and both are published. An extract is a CSV file or an Excel workbook with one row
for each request, or the XML of the return. Its headings are the names of the return's data items. A request is found by
the authority's reference, else by the child's name and date of birth, of which only a keyed digest is compared. Names
leave this module in no form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, select

from casework.cases.references import by_la_reference
from casework.context import AppContext
from casework.imports.cells import Cell, Doubt, birth_day, blank, plain_day, words
from casework.imports.packed_parts import parse_document
from casework.imports.raw_rows import FORMS, MEGABYTE, RawRow, SheetError
from casework.imports.text_table import read_raw_text
from casework.imports.workbook import read_raw_workbook
from casework.reports.case_models import FactShown
from casework.reports.case_report import report
from config.tracker_columns import header_key
from models.alike import alike_index
from models.database import reading
from models.errors import NoSuchCase
from models.tables import CASE, PERSON

PROCESS = "ehc_needs_assessment"
LARGEST = 10 * MEGABYTE
MOST_LISTED = 1_000
# What a data item of the return is called, without blanks and capitals, and what it is here.
ITEMS = {
    "surname": "surname",
    "forename": "forename",
    "personbirthdate": "born",
    "dateofbirth": "born",
    "receiveddate": "received",
    "daterequestwasreceived": "received",
    "requestoutcomedate": "decided",
    "requestoutcome": "decision",
    "assessmentoutcomedate": "plan_decided",
    "assessmentoutcome": "plan_decision",
    "startdate": "plan",
    "ehcplanstartdate": "plan",
    "lareference": "la_reference",
    "lacasereference": "la_reference",
    "councilreference": "la_reference",
}
DAYS = {
    "received": "the day of the request",
    "decided": "the day of the decision on the assessment",
    "plan_decided": "the day of the decision on the plan",
    "plan": "the day of the plan",
}
NEEDED = frozenset({"received", "born"})
YES, NO = "Y", "N"
ASKED, AGREED, REFUSED = "ehc_assessment_requested", "assessment_agreed", "assessment_refused"
REVERSED = "refusal_reversed"
NO_PLAN, PLAN = "plan_refused", "final_plan_received"


class Difference(BaseModel):
    """What the council's extract and the record say otherwise; None: it says nothing."""

    model_config = ConfigDict(frozen=True)
    what: str
    council: str | None
    record: str | None


class CaseDifference(BaseModel):
    """A case that differs from the request on a line of the extract (in XML, the request of that number)."""

    model_config = ConfigDict(frozen=True)
    case_ref: str
    line: int
    differences: list[Difference]


class Unclear(BaseModel):
    """A line that could not be compared: the data item, and what was expected."""

    model_config = ConfigDict(frozen=True)
    line: int
    item: str
    expected: str


class Sen2Report(BaseModel):
    """The comparison. `not_here` are lines whose request has no case; `not_in_file` the authority's cases whose
    requests are of the extract's time and are not in it; at most 1,000 of each are listed.
    """

    model_config = ConfigDict(frozen=True)
    la: str
    requests: int
    matched: int
    same: int
    differing: list[CaseDifference]
    not_here: list[int]
    not_in_file: list[str]
    unclear: list[Unclear]


class _Request(NamedTuple):
    """One request of the extract, as its cells are."""

    line: int
    cells: Mapping[str, Cell]


class _Known(NamedTuple):
    """One request whose cells were understood."""

    line: int
    la_reference: str
    alike: str
    days: Mapping[str, date]
    decision: str
    plan_decision: str


def compare_sen2(context: AppContext, content: bytes, la: str) -> Sen2Report:
    """Compare an extract of one authority with its cases. Raises SheetError if it is none, or too large."""
    requests = list(_requests(content))
    unclear: list[Unclear] = []
    known = [one for each in requests if (one := _understood(context, each, unclear)) is not None]
    with reading(context.engine) as connection:
        cases = _cases_of(connection, la)
        found = {each.line: _case_of(context, connection, each, cases) for each in known}
    differing, same = [], 0
    for each in known:
        ref = found[each.line]
        if ref is None:
            continue
        differences = _differences(context, ref, each)
        same += not differences
        if differences:
            differing.append(CaseDifference(case_ref=ref, line=each.line, differences=differences))
    matched = {ref for ref in found.values() if ref is not None}
    received = [each.days["received"] for each in known]
    missing = [
        ref
        for ref, (opened, _child) in sorted(cases.items())
        if received and ref not in matched and min(received) <= opened <= max(received)
    ]
    return Sen2Report(
        la=la,
        requests=len(requests),
        matched=sum(ref is not None for ref in found.values()),
        same=same,
        differing=sorted(differing, key=lambda each: each.case_ref)[:MOST_LISTED],
        not_here=[each.line for each in known if found[each.line] is None][:MOST_LISTED],
        not_in_file=missing[:MOST_LISTED],
        unclear=unclear[:MOST_LISTED],
    )


def _requests(content: bytes) -> Iterator[_Request]:
    """The requests of a file of any of the three kinds."""
    if len(content) > LARGEST:
        raise SheetError(f"the file is larger than {LARGEST // MEGABYTE} MB: split it")
    if not content.strip():
        raise SheetError(f"the file is empty: {FORMS}, or the XML of a SEN2 return")
    if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        handler = _Return()
        parse_document(content, handler)
        if not handler.requests:
            raise SheetError("the XML has no element Requests with a ReceivedDate: expected a person-level SEN2 return")
        yield from handler.requests
        return
    raw = read_raw_workbook(content) if content.startswith(b"PK") else read_raw_text(content, _is_header)
    header: Mapping[int, str] = {}
    for sheet in raw.sheets:
        header = {}
        for row in sheet.read():
            if not header:
                header = _items(row) if _is_header(row) else {}
            elif row.cells:
                cells = {what: row.cells.get(place) for place, what in header.items()}
                if not all(blank(cell) for cell in cells.values()):
                    yield _Request(row.line, cells)
        if header:
            return
    raise SheetError(
        "no row has the headings of an extract: expected at least receiveddate and personbirthdate, besides surname and"
        " forename or the authority's reference (lareference)"
    )


def _items(row: RawRow) -> dict[int, str]:
    return {place: ITEMS[key] for place, cell in row.cells.items() if (key := header_key(words(cell))) in ITEMS}


def _is_header(row: RawRow) -> bool:
    return set(_items(row).values()) >= NEEDED


class _Return:
    """Takes the elements of a return: a person, below it requests, and below each an assessment and a plan."""

    def __init__(self) -> None:
        self.requests: list[_Request] = []
        self._person: dict[str, str] = {}
        self._request: dict[str, str] | None = None
        self._text: list[str] = []

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        key = header_key(name)
        self._text = []
        if key == "person":
            self._person = {}
        elif key == "requests":
            self._request = {}

    def text(self, data: str) -> None:
        self._text.append(data)

    def end(self, name: str) -> None:
        key, text = header_key(name), "".join(self._text).strip()
        self._text = []
        if key == "requests" and self._request is not None:
            if self._request.get("received"):
                self.requests.append(_Request(len(self.requests) + 1, {**self._person, **self._request}))
            self._request = None
        elif key in ITEMS and text:
            # Of several plans of one request, the first is the one that the request led to.
            (self._person if self._request is None else self._request).setdefault(ITEMS[key], text)


def _understood(context: AppContext, request: _Request, unclear: list[Unclear]) -> _Known | None:
    """The request with its days; None, and what was expected, where a cell is doubtful."""
    cells, today, doubts = request.cells, context.today(), len(unclear)
    days = {}
    for item, name in DAYS.items():
        day = _day(request, item, name, plain_day, unclear)
        if day is not None:
            days[item] = day
    born = _day(request, "born", "the date of birth", lambda cell: birth_day(cell, today), unclear)
    if len(unclear) == doubts and "received" not in days:
        said = "the cell is empty; expected, for example, 05/03/2026"
        unclear.append(Unclear(line=request.line, item=DAYS["received"], expected=said))
    if len(unclear) > doubts:
        return None
    name = f"{words(cells.get('forename'))} {words(cells.get('surname'))}".strip()
    alike = alike_index(context.cipher, {"name": name, "date_of_birth": born.isoformat()}) if born and name else ""
    outcome = (words(cells.get(item)).upper()[:1] for item in ("decision", "plan_decision"))
    return _Known(request.line, words(cells.get("la_reference")), alike, days, *outcome)


def _day(request: _Request, item: str, name: str, read: Callable[[Cell], date], unclear: list[Unclear]) -> date | None:
    cell = request.cells.get(item)
    if blank(cell):
        return None
    try:
        return read(cell)
    except Doubt as doubt:
        unclear.append(Unclear(line=request.line, item=name, expected=doubt.expected))
        return None


def _cases_of(connection: Connection, la: str) -> dict[str, tuple[date, str | None]]:
    """The assessments of an authority: the day of each request, and the child."""
    query = select(CASE.c.case_ref, CASE.c.opened_on, CASE.c.child_key).where(
        CASE.c.la == la, CASE.c.process == PROCESS
    )
    return {row.case_ref: (row.opened_on, row.child_key) for row in connection.execute(query)}


def _case_of(
    context: AppContext, connection: Connection, known: _Known, cases: Mapping[str, tuple[date, str | None]]
) -> str | None:
    """The case of a request: by the authority's reference, else the child's case whose request is nearest to it."""
    if known.la_reference:
        named = [ref for ref in by_la_reference(connection, known.la_reference) if ref in cases]
        if len(named) == 1:
            return named[0]
    if not known.alike:
        return None
    children = set(connection.scalars(select(PERSON.c.child_key).where(PERSON.c.alike_index == known.alike)))
    received = known.days["received"]
    own = [(abs((opened - received).days), ref) for ref, (opened, child) in cases.items() if child in children]
    return min(own)[1] if own else None


def _differences(context: AppContext, ref: str, known: _Known) -> list[Difference]:
    try:
        facts = [fact for fact in report(context, ref).facts if fact.stands]
    except NoSuchCase:
        return []
    asked, refused = _first(facts, ASKED), _first(facts, REFUSED)
    agreed = _first(facts, AGREED) or _first(facts, REVERSED)
    decided = agreed or refused
    no_plan, plan = _first(facts, NO_PLAN), _first(facts, PLAN)
    pairs: Sequence[tuple[str, str | None, str | None]] = (
        (DAYS["received"], _text(known.days.get("received")), _text(asked)),
        (DAYS["decided"], _text(known.days.get("decided")), _text(decided)),
        ("the decision to assess", _answer(known.decision), None if decided is None else _yes(agreed is not None)),
        ("the decision on the plan", _answer(known.plan_decision), "No" if no_plan else "Yes" if plan else None),
        (DAYS["plan"], _text(known.days.get("plan")), _text(plan)),
    )
    return [
        Difference(what=what, council=council, record=record)
        for what, council, record in pairs
        if council != record and not (council is None and what in UNSAID)
    ]


# What an extract may leave open while the record has it: the return asks for it only where it is settled.
UNSAID = frozenset({"the decision to assess", "the decision on the plan"})


def _first(facts: Iterable[FactShown], kind: str) -> date | None:
    return next((fact.corrected_to or fact.occurred_on for fact in facts if fact.kind == kind), None)


def _text(day: date | None) -> str | None:
    return day.isoformat() if day is not None else None


def _yes(answer: bool) -> str:
    return "Yes" if answer else "No"


def _answer(code: str) -> str | None:
    """Yes or No of a code of the return; its other codes (withdrawn, awaiting, historical) say neither."""
    return {YES: "Yes", NO: "No"}.get(code)
