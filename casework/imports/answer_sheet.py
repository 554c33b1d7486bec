"""A workbook of answers: what a mailbox is asked for, written for a provider, and its answers read back.

A line is found again by its name in the column Line. Cells are read by the readers of trackers: no formula is
calculated, and what is not understood is named by its cell and never guessed. The file holds references, services and
dates only.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from openpyxl.utils import get_column_letter

from casework.cases.fact_form import Refused
from casework.context import AppContext
from casework.imports.cells import Cell, Doubt, blank, plain_day, words
from casework.imports.raw_rows import RawRow, SheetError
from casework.imports.workbook import read_raw_workbook
from casework.replies.answers import Reply, drafts_of
from casework.replies.owed import Owed
from casework.replies.words import Choice, reply_of, services

HEADINGS = (
    "Reference",
    "Authority's reference",
    "Service",
    "Organisation",
    "What is asked",
    "Due",
    "Answer",
    "Day",
    "Sent on to",
    "Line",
)
READ = {"Answer": "answer", "Day": "day", "Sent on to": "to", "Line": "line"}
LARGEST = 2 * 1024 * 1024
MOST = 60  # answers that are sent at once
HOW = (
    "Write an answer in the column Answer, and its day if it has one. Leave a line empty to answer it later.",
    "Please write no name, date of birth, NHS number or clinical detail. The column Line says which line it is.",
)


class Read(NamedTuple):
    """One answer that was understood."""

    owed: Owed
    choice: Choice
    reply: Reply
    to: str


class NotUnderstood(NamedTuple):
    """One cell that was not understood: where it is, and what was expected. Never the cell."""

    cell: str
    why: str


def rows_of(context: AppContext, owed: Sequence[Owed]) -> list[list[object]]:
    """The rows of the workbook: how to use it, the answers, the headings, and a line for each thing, worst first."""
    directory = context.directory
    texts = dict.fromkeys(choice.text for one in owed for choice in one.choices)
    head: list[list[object]] = [[text] for text in ("sendflow: what you are asked for", *HOW, "Answers:", *texts, "")]
    lines: list[list[object]] = [
        [
            one.asked.case_ref,
            one.la_reference,
            directory.service_name(one.asked.service) if one.asked.service else "",
            directory.body(one.asked.body).name,
            one.action,
            one.duty.due if one.duty is not None else None,
            "",
            "",
            "",
            one.name,
        ]
        for one in owed
        if one.choices
    ]
    return [*head, list(HEADINGS), *lines]


def read_answers(context: AppContext, content: bytes, owed: Sequence[Owed]) -> tuple[list[Read], list[NotUnderstood]]:
    """The answers of a workbook, and the cells that were not understood. Raises SheetError for another file."""
    known = {one.name: one for one in owed}
    found: list[Read] = []
    wrong: list[NotUnderstood] = []
    header: dict[str, int] = {}
    for sheet in read_raw_workbook(content).sheets:
        for row in sheet.read():
            if not header:
                header = _header(row)
                continue
            try:
                answer = _answer(context, row, header, known)
            except _Doubted as doubted:
                wrong.append(NotUnderstood(f"{get_column_letter(header[doubted.what] + 1)}{row.line}", doubted.why))
                continue
            if answer is None:
                continue
            if any(answer.owed.name == earlier.owed.name for earlier in found):
                place = f"{get_column_letter(header['line'] + 1)}{row.line}"
                wrong.append(NotUnderstood(place, "this line has an answer above: the first one is read"))
                continue
            found.append(answer)
    if not header:
        raise SheetError("the file has no columns Answer and Line: download the list here, fill it in, and send that")
    return found, wrong


class _Doubted(Refused):
    """A cell of the column `what` is not understood."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__("not_understood", why)
        self.what, self.why = what, why


def _header(row: RawRow) -> dict[str, int]:
    """The places of the columns that are read, by their names; empty where the row is no header."""
    places = {READ[text]: place for place, cell in row.cells.items() if (text := words(cell)) in READ}
    return places if {"answer", "line", "day", "to"} <= places.keys() else {}


def _answer(context: AppContext, row: RawRow, header: Mapping[str, int], known: Mapping[str, Owed]) -> Read | None:
    cells = {what: row.cells.get(place) for what, place in header.items()}
    if blank(cells["answer"]):
        return None
    for what, place in header.items():
        if place in row.doubts:
            raise _Doubted(what, row.doubts[place].expected)
    one = known.get(words(cells["line"]))
    if one is None or one.duty is None or not one.choices:
        raise _Doubted("line", "this line is not owed any more, or is not of this list")
    choice = _choice(one, words(cells["answer"]))
    on = _day(cells["day"]) if choice.asks in ("past_day", "coming_day") else None
    to = _service(context, one, words(cells["to"])) if choice.asks == "service" else ""
    reply = reply_of(choice.value, on, to, one.asked.recipient)
    try:
        drafts_of(context, one.replayed.casefile, one.duty, reply)
    except Refused as refused:
        what = {"on": "day", "to": "to"}.get(refused.field or "", "answer")
        raise _Doubted(what, refused.message) from None
    return Read(one, choice, reply, to)


def _choice(one: Owed, text: str) -> Choice:
    wanted = _plain(text)
    for choice in one.choices:
        if wanted in (_plain(choice.text), _plain(choice.value)):
            return choice
    raise _Doubted("answer", "expected one of the answers that are listed above the table, in the same words")


def _day(cell: Cell) -> date | None:
    if blank(cell):
        return None
    try:
        return plain_day(cell)
    except Doubt as doubt:
        raise _Doubted("day", doubt.expected) from None


def _service(context: AppContext, one: Owed, text: str) -> str:
    assert one.duty is not None
    for value, name in services(context, one.duty):
        if _plain(text) == _plain(name):
            return value
    raise _Doubted("to", "expected the service and its organisation, for example Physiotherapy, Northshire Trust")


def _plain(text: str) -> str:
    return " ".join(text.replace("_", " ").lower().split())


def sent_by(found: Sequence[Read]) -> dict[str, str]:
    """What the form of a link to all sends for these answers."""
    sent: dict[str, str] = {}
    for read in found:
        name, on = read.owed.name, read.reply.on
        sent[f"c.{name}"] = f"{read.choice.value}|{read.to}" if read.to else read.choice.value
        if on is not None:
            parts = {"day": on.day, "month": on.month, "year": on.year}
            sent |= {f"d.{name}-{part}": str(value) for part, value in parts.items()}
    return sent
