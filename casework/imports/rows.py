"""Read one row of a tracker as facts of a case, or report which of its cells are doubtful. Pure.

Purpose: a row is accepted whole or refused whole. All doubtful cells are reported at once, so a person corrects them
together. A problem has the column, what was expected and an example. It may quote days, never an identifying cell.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import NamedTuple, TypeVar

from casework.imports import cells as read
from casework.imports.cells import Cell, Doubt
from casework.imports.sheet import SheetRow
from config.directory import Directory
from config.directory_entries import Body
from config.text import full_day
from config.tracker_columns import ANSWER, TrackerColumns, header_key

Read = TypeVar("Read")
DECISIONS = {True: "assessment_agreed", False: "assessment_refused"}

NOT_ASSESSED = (
    "a plan is dated though the authority decided not to assess; expected an empty cell, or Yes to the assessment"
)
NOT_ASKED = (
    "an answer is dated though this service is not among those asked; expected an empty cell, or the service named"
)


class Problem(NamedTuple):
    """One doubtful cell: its column as a person reads it, a code for programs, and what was expected.

    `message` begins with the cell's place and ends with `expected`; `column` is its column as programs name it.
    """

    field: str
    code: str
    message: str
    column: str = ""
    expected: str = ""


class RowFact(NamedTuple):
    """One fact in a row: its column, kind and day, and for advice the service and the body."""

    column: str
    kind: str
    day: date
    service: str | None = None
    body: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What one sound row says about one case.

    `reference` is None if the row's own (`original`) has another form, and so may only be stored encrypted.
    """

    row: SheetRow
    reference: str | None
    original: str
    la: str
    la_reference: str | None
    facts: tuple[RowFact, ...]
    person: Mapping[str, str]
    exception: str
    comments: str
    remarks: tuple[str, ...] = ()


def as_own_case(plan: Plan) -> Plan:
    """The plan of a row that has the reference of another child's row or case: a case with a reference of its own.

    It is known again by its reference and who it is about, so that the next import of the tracker finds the same case.
    """
    who = plan.person.get("nhs_number") or "/".join(plan.person.get(name, "") for name in ("date_of_birth", "name"))
    who = who.strip("/") or f"line {plan.row.line}"
    person = {**plan.person, "reference": plan.original}
    return replace(plan, reference=None, original=f"{plan.original} / {who}", person=person)


class RowReader:
    """Reads rows under one set of columns, one directory and one day."""

    def __init__(self, columns: TrackerColumns, directory: Directory, today: date) -> None:
        self.columns = columns
        self.directory = directory
        self.today = today
        self._yes = {header_key(word) for word in columns.words.yes}
        self._no = {header_key(word) for word in columns.words.no}

    def reference(self, row: SheetRow) -> str:
        """Give the row's reference as it is compared with others: letter case, blanks and hyphens do not matter."""
        return read.reference_key(row.cells.get("reference"))

    def read(self, row: SheetRow) -> Plan | list[Problem]:
        """Read a row as facts, or give every doubtful cell of it."""
        return _Reading(self, row).outcome()

    def problem(self, row: SheetRow, column: str, code: str, expected: str) -> Problem:
        """Give a problem of one cell. Its message has the header and the cell as a person sees them in the file."""
        header = self.columns.header(column, self.directory)
        return Problem(header, code, f"{self.where(row, column)}: {expected}", column, expected)

    def where(self, row: SheetRow, column: str) -> str:
        """A cell by the file's own header and its place; by the known header where the file has no such column."""
        own = row.headers.get(column)
        if own is None:
            return self.columns.header(column, self.directory)
        place = f"column {own.letter}" if row.is_text else f"cell {own.letter}{row.line}"
        return f"{own} ({place})"

    def yes_or_no(self, cell: Cell) -> bool:
        """Read a yes or no. Raises Doubt for any other word."""
        word = header_key(read.words(cell))
        if word in self._yes or word in self._no:
            return word in self._yes
        raise Doubt("bad_value", "the cell has neither yes nor no; expected Yes or No")

    def authority(self, cell: Cell) -> str:
        """Give the slug of a local authority. Raises Doubt if the directory has none of that name."""
        found = self.directory.find_la(read.words(cell))
        if found is None:
            known = ", ".join(each.name for each in self.directory.la.values())
            raise Doubt("unknown_la", f"the directory has no such local authority; expected one of {known}")
        return found

    def services(self, cell: Cell) -> tuple[str, ...]:
        """Give the services named in a cell, in order. Raises Doubt if one is not in the directory."""
        text = read.words(cell)
        whole = self.directory.find_service(text)
        if whole is not None:
            return (whole,)
        found: list[str] = []
        for part in re.split(r"[;,/|+\r\n]", text):
            if not part.strip():
                continue
            service = self.directory.find_service(part)
            if service is None:
                known = ", ".join(each.name for each in self.directory.service.values())
                raise Doubt(
                    "unknown_service",
                    f"a service is not in the directory; expected some of {known}, with semicolons between them",
                )
            if service not in found:
                found.append(service)
        return tuple(found)


def _reported(row: SheetRow) -> list[tuple[str, Doubt]]:
    """The doubts of a row as they are reported: a row that is merged with the one above is one problem, not nine."""
    merged = [each for each in row.doubts if each[1].code == read.MERGED_BELOW]
    return [*merged[:1], *(each for each in row.doubts if each not in merged)]


class _Reading:
    """One row that is being read. A cell with a problem is left out of the comparisons."""

    def __init__(self, reader: RowReader, row: SheetRow) -> None:
        self.reader = reader
        self.row = row
        self.problems = [reader.problem(row, column, doubt.code, doubt.expected) for column, doubt in _reported(row)]
        self.doubtful = {column for column, _ in row.doubts}
        self.remarks: list[str] = []
        event = partial(read.event_day, today=reader.today)
        self.la = self._cell("la", reader.authority)
        self.requested_on = self._cell("requested_on", event)
        self.decided_on = self._cell("decided_on", event)
        self.assess = self._cell("assess", reader.yes_or_no)
        self.asked_on = self._cell("asked_on", event)
        self.services = self._cell("services", reader.services) or ()
        self.draft_on = self._cell("draft_on", event)
        self.section_g_on = self._cell("section_g_on", event)
        self.final_on = self._cell("final_on", event)
        self.answers = {
            column.removeprefix(ANSWER): day
            for column in row.cells
            if column.startswith(ANSWER) and (day := self._cell(column, event)) is not None
        }
        self.nhs_number = self._cell("nhs_number", read.nhs_number)
        self.born_on = self._cell("date_of_birth", partial(read.birth_day, today=reader.today))
        self.name = self._cell("name", read.long_words) or ""
        self.exception = self._cell("exception", read.long_words) or ""
        self.comments = self._cell("comments", read.long_words) or ""

    def _cell(self, column: str, form: Callable[[Cell], Read]) -> Read | None:
        cell = self.row.cells.get(column)
        if read.blank(cell) or column in self.doubtful:
            return None
        try:
            return form(cell)
        except Doubt as doubt:
            self.doubtful.add(column)
            self._report(column, doubt.code, doubt.expected)
            return None

    def _report(self, column: str, code: str, expected: str) -> None:
        self.problems.append(self.reader.problem(self.row, column, code, expected))

    def _sound(self, *columns: str) -> bool:
        return not self.doubtful.intersection(columns)

    def outcome(self) -> Plan | list[Problem]:
        """The row as facts, or every problem of it."""
        self._check_missing()
        self._check_decision()
        self._check_asked()
        self._check_order()
        if self.problems or self.la is None or self.requested_on is None:
            return self.problems
        original = read.words(self.row.cells.get("reference"))
        own_la_reference = read.words(self.row.cells.get("la_reference"))
        la_reference = read.la_reference(own_la_reference) if own_la_reference else None
        reference = read.own_reference(original)
        person = {
            "nhs_number": self.nhs_number or "",
            "date_of_birth": self.born_on.isoformat() if self.born_on else "",
            "name": self.name,
            "reference": "" if reference else original,
            "la_reference": "" if la_reference else own_la_reference[: read.LONGEST],
        }
        known = {name: value for name, value in person.items() if value}
        facts = tuple(self._facts(self.la, self.requested_on))
        said = tuple(self.remarks)
        return Plan(
            self.row, reference, original, self.la, la_reference, facts, known, self.exception, self.comments, said
        )

    def _check_missing(self) -> None:
        for column, example in (
            ("reference", "NX00042"),
            ("la", next(iter(self.reader.directory.la.values())).name),
            ("requested_on", "05/03/2026"),
        ):
            if column not in self.doubtful and read.blank(self.row.cells.get(column)):
                self._report(column, "missing", f"the cell is empty; expected, for example, {example}")
        if len(read.words(self.row.cells.get("reference"))) > 200:
            self._report("reference", "too_long", "expected a reference of at most 200 characters, for example NX00042")

    def _check_decision(self) -> None:
        if not self._sound("decided_on", "assess"):
            return
        if self.assess is not None and self.decided_on is None:
            self._report("decided_on", "missing", f"the cell is empty though the decision is given; {read.EXAMPLE}")
        if self.decided_on is not None and self.assess is None:
            self._report("assess", "missing", "the cell is empty though the decision is dated; expected Yes or No")
        later = [column for column in ("draft_on", "section_g_on", "final_on") if getattr(self, column) is not None]
        if later and self.assess is False:
            for column in later:
                self._report(column, "contradiction", NOT_ASSESSED)
        # Authorities assess and send plans without having notified a decision to assess: the record says so.

    def _check_asked(self) -> None:
        if not self._sound("services"):
            return
        if self.services and self.asked_on is None and self._sound("asked_on"):
            self._report("asked_on", "missing", f"the cell is empty though services are named; {read.EXAMPLE}")
        if self.asked_on is not None and not self.services:
            known = ", ".join(each.name for each in self.reader.directory.service.values())
            self._report(
                "services",
                "missing",
                f"the cell is empty though a request is dated; expected some of {known}, with semicolons between them",
            )
        for service in self.answers:
            if service not in self.services:
                self._report(ANSWER + service, "not_asked", NOT_ASKED)
        directory = self.reader.directory
        if self.la is not None:
            for service in self.services:
                if self.asked_on is not None and self._body(self.la, service, self.asked_on) is None:
                    self._report("services", "unmapped_service", _unmapped(directory, self.la, service, self.asked_on))

    def _check_order(self) -> None:
        def after(column: str, day: date | None, than: str, other: date | None) -> bool:
            """Report `day` if it is before `other`; True if it is not."""
            if day is None or other is None or day >= other:
                return True
            own = self.row.headers.get(than)
            header = own if own is not None else self.reader.columns.header(than, self.reader.directory)
            self._report(
                column,
                "out_of_order",
                f"{day:%d/%m/%Y} is before '{header}' ({other:%d/%m/%Y}); expected that day or a later one",
            )
            return False

        after("decided_on", self.decided_on, "requested_on", self.requested_on)
        after("asked_on", self.asked_on, "requested_on", self.requested_on)
        for service, day in self.answers.items():
            after(ANSWER + service, day, "asked_on", self.asked_on)
        for column, planned in (
            ("draft_on", self.draft_on),
            ("section_g_on", self.section_g_on),
            ("final_on", self.final_on),
        ):
            if after(column, planned, "requested_on", self.requested_on) and column != "section_g_on":
                after(column, planned, "decided_on", self.decided_on)
        after("final_on", self.final_on, "draft_on", self.draft_on)
        if self.born_on is not None and self.requested_on is not None and self.born_on > self.requested_on:
            self._report(
                "date_of_birth",
                "out_of_order",
                "the request was made before the birth; expected an earlier day of birth, or a later request",
            )

    def _body(self, la: str, service: str, on: date) -> str | None:
        """The body that gives a service for an authority on a day, or the successor of the one that did."""
        directory = self.reader.directory
        found = directory.provider(la, service, on)
        if found is None:
            once = [body for body in directory.providers_at_any_time(la, service) if (body.last_day or on) < on]
            found = directory.body_on(once[-1].body, on) if once else None
            if found is not None:
                self._remark_successor(once[-1], service, found)
        return found

    def _remark_successor(self, ended: Body, service: str, successor: str) -> None:
        directory = self.reader.directory
        assert ended.last_day is not None
        remark = (
            f"The request for {directory.service_name(service)} was recorded to {directory.body(successor).name}"
            f" ({successor}), the successor of {ended.name} ({ended.body}), which ended on {full_day(ended.last_day)}"
        )
        if remark not in self.remarks:
            self.remarks.append(remark)

    def _facts(self, la: str, requested_on: date) -> list[RowFact]:
        """The facts in the order of the process, so that those of one day are replayed in that order."""
        columns = self.reader.columns
        opening = columns.column["requested_on"].fact or ""
        facts = [RowFact("requested_on", opening, requested_on)]
        if self.decided_on is not None and self.assess is not None:
            facts.append(RowFact("decided_on", DECISIONS[self.assess], self.decided_on))
        if self.asked_on is not None:
            asking = columns.column["asked_on"].fact or ""
            facts.extend(
                RowFact("asked_on", asking, self.asked_on, service, self._body(la, service, self.asked_on))
                for service in self.services
            )
        facts.extend(
            RowFact(ANSWER + service, columns.answers.fact, day, service, self._body(la, service, self.asked_on or day))
            for service, day in sorted(self.answers.items(), key=lambda answer: answer[1])
        )
        for column, day in (
            ("draft_on", self.draft_on),
            ("section_g_on", self.section_g_on),
            ("final_on", self.final_on),
        ):
            if day is not None:
                facts.append(RowFact(column, columns.column[column].fact or "", day))
        return facts


def _unmapped(directory: Directory, la: str, service: str, on: date) -> str:
    name = directory.service_name(service)
    others = directory.providers_at_any_time(la, service)
    if not others:
        return f"the directory has no body that gives {name} for this local authority"
    body = others[-1]
    if body.last_day is not None and body.last_day < on:
        return (
            f"{body.name}, which gave {name} for this local authority, ended on {full_day(body.last_day)}, and the"
            ' directory names no successor; add it to directory.toml, for example successor = "QX102"'
        )
    return f"{body.name}, which gives {name} for this local authority, began after {full_day(on)}; check the day"
