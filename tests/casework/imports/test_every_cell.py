"""A tracker gives the same facts in every form that is known; every filled cell is read, refused or named."""

import csv
import io
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import openpyxl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from casework.context import AppContext
from casework.imports.cells import blank
from casework.imports.rows import Plan, RowReader
from casework.imports.sheet import open_tracker
from casework.imports.tracker_import import import_file
from config.directory import load_directory
from config.tracker_columns import ANSWER, load_columns
from tests.support.examples import examples
from tests.support.team import Team

COLUMNS, DIRECTORY = load_columns(), load_directory()
TODAY = date(2026, 11, 1)
MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
# What a row says, by the meaning of its columns.
SAID: list[dict[str, Any]] = [
    {
        "reference": "AB00001",
        "la": "Northshire",
        "nhs_number": "9991234500",
        "name": "Zoë O’Brien-Hall",
        "date_of_birth": date(2015, 3, 2),
        "requested_on": date(2026, 3, 5),
        "decided_on": date(2026, 4, 7),
        "assess": "yes",
        "asked_on": date(2026, 4, 8),
        "services": ["speech_and_language_therapy", "camhs"],
        "answer:camhs": date(2026, 5, 6),
        "comments": "said £5, and “rang”; twice",
    },
    {
        "reference": "AB00002",
        "la": "Tarnford",
        "requested_on": date(2026, 1, 12),
        "decided_on": date(2026, 2, 3),
        "assess": "no",
    },
]
MEANINGS = list(SAID[0])


def day_texts(day: date) -> list[str]:
    month = MONTHS[day.month - 1]
    return [
        f"{day:%d/%m/%Y}",
        f"{day.day}/{day.month}/{day.year}",
        f"{day:%d-%m-%Y}",
        f"{day:%d.%m.%Y}",
        day.isoformat(),
        f"{day:%Y-%m-%d} 00:00:00",
        f"{day:%d/%m/%Y} 09:30",
        f"{day.day} {month} {day.year}",
        f"{day.day}{'th'} {month[:3]} {day.year}",
        f"{day:%A} {day.day} {month} {day.year}",
        f"{day.day}-{month[:3].upper()}-{day.year}",
    ]


@st.composite
def headers(draw: st.DrawFn, meaning: str) -> str:
    """A header in one of its spellings."""
    if meaning.startswith(ANSWER):
        service = DIRECTORY.service[meaning.removeprefix(ANSWER)]
        name = draw(st.sampled_from([service.name, *service.also]))
        ending = draw(st.sampled_from([*COLUMNS.answers.endings, "rec'd", "date returned", "retd"]))
        text = draw(
            st.sampled_from([f"{name} {ending}", f"{ending} {name}", f"Date {name} {ending}", f"{name} {ending}?"])
        )
    else:
        text = draw(st.sampled_from(COLUMNS.column[meaning].names))
    return draw(st.sampled_from([text, text.upper(), text.lower(), f" {text} ", f"{text}:"]))


@st.composite
def cell(draw: st.DrawFn, meaning: str, said: Any, typed: bool) -> Any:
    """What a row says, in one of the ways of writing it; `typed` where the file may hold a date itself."""
    if said is None:
        return draw(st.sampled_from(["", " "]))
    if isinstance(said, date):
        own = [datetime.combine(said, time()), datetime.combine(said, time(10, 5))] if typed else []
        return draw(st.sampled_from([*own, *day_texts(said)]))
    return draw(st.sampled_from(_ways(draw, meaning, said, typed)))


def _ways(draw: st.DrawFn, meaning: str, said: Any, typed: bool) -> list[Any]:
    words = COLUMNS.words
    if meaning == "services":
        services = [DIRECTORY.service[each] for each in said]
        names = [draw(st.sampled_from([service.name, *service.also])) for service in services]
        return [sign.join(names) for sign in ("; ", " + ", "/", "\n")]
    return {
        "assess": [each for word in (words.yes if said == "yes" else words.no) for each in (word, word.upper())],
        "la": [said, said.upper(), f"{said} Council", f" {said} "],
        "nhs_number": [said, f"{said[:3]} {said[3:6]} {said[6:]}", f"{said[:3]}-{said[3:]}"]
        + ([int(said)] if typed and meaning == "nhs_number" else []),
        "reference": [said, said.lower(), f" {said} "],
    }.get(meaning, [said])


@st.composite
def tables(draw: st.DrawFn, typed: bool) -> list[list[Any]]:
    order = draw(st.permutations(MEANINGS))
    head = [draw(headers(meaning)) for meaning in order]
    above = draw(st.sampled_from([[], [["SEND tracker"], []]]))
    return [*above, head, *([draw(cell(meaning, said.get(meaning), typed)) for meaning in order] for said in SAID)]


def as_text(table: list[list[Any]], encoding: str, delimiter: str) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows(table)
    return text.getvalue().encode(encoding)


def as_workbook(table: list[list[Any]], path: Path) -> None:
    book = openpyxl.Workbook()
    for row in table:
        book.active.append([each if each != "" else None for each in row])
    book.save(path)


def said_by(path: Path) -> list[Any]:
    """All that the rows of a file say, without where they say it."""
    reader = RowReader(COLUMNS, DIRECTORY, TODAY)
    found = []
    for row in open_tracker(path, COLUMNS, DIRECTORY).rows():
        plan = reader.read(row)
        assert isinstance(plan, Plan), plan
        found.append((plan.reference, plan.la, plan.facts, dict(plan.person), plan.comments))
    return found


def plain(tmp_path: Path) -> list[Any]:
    path = tmp_path / "plain.csv"
    table = [[COLUMNS.header(meaning, DIRECTORY) for meaning in MEANINGS]]
    table += [
        [
            f"{said[meaning]:%d/%m/%Y}"
            if isinstance(said.get(meaning), date)
            else "; ".join(said[meaning])
            if meaning == "services" and meaning in said
            else said.get(meaning, "")
            for meaning in MEANINGS
        ]
        for said in SAID
    ]
    path.write_bytes(as_text(table, "utf-8", ","))
    return said_by(path)


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    table=tables(typed=False),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16"]),
    delimiter=st.sampled_from(",;\t|"),
)
def test_a_file_of_text_gives_the_same_facts_in_every_form(
    tmp_path: Path, table: list[list[str]], encoding: str, delimiter: str
) -> None:
    path = tmp_path / "any.csv"
    path.write_bytes(as_text(table, encoding, delimiter))
    assert said_by(path) == plain(tmp_path)


@settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(table=tables(typed=True))
def test_a_workbook_gives_the_same_facts_in_every_form(tmp_path: Path, table: list[list[Any]]) -> None:
    as_workbook(table, tmp_path / "any.xlsx")
    assert said_by(tmp_path / "any.xlsx") == plain(tmp_path)


words = st.one_of(
    st.just(""),
    st.sampled_from(["x", "Total", "Northshire", "05/01/2026", "31/02/2026", "Yes", "SALT", "Ref", "n/k", "AB00009"]),
)
HEADINGS = ["Ref", "Local authority", "Request received by LA", "School", "Comments", "Year group"]


@settings(max_examples=examples(80), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    above=st.lists(st.lists(words, max_size=6), max_size=2),
    rows=st.lists(st.lists(words, min_size=6, max_size=7), max_size=6),
    other=st.lists(st.lists(words, max_size=3), max_size=2),
    workbook=st.booleans(),
)
def test_every_filled_cell_is_read_refused_or_counted_as_not_read(
    team: Team, tmp_path: Path, above: list[list[str]], rows: list[list[str]], other: list[list[str]], workbook: bool
) -> None:
    context = team.context("14 Apr 2026")
    table = [*above, HEADINGS, *rows]
    path = tmp_path / ("any.xlsx" if workbook else "any.csv")
    if workbook:
        book = openpyxl.Workbook()
        for sheet, part in ((book.active, table), (book.create_sheet("Lists"), other)):
            for row in part:
                sheet.append([each or None for each in row])
        book.save(path)
    else:
        path.write_bytes(as_text(table, "utf-8", ","))
    filled = sum(not blank(each) for row in [*table, *(other if workbook else [])] for each in row)
    report = import_file(context, path)
    _check(report.cells.model_dump(), filled)
    named = sum(remark_cells(remark) for remark in report.remarks)
    assert named == report.cells.unread_columns + report.cells.unread_sheets
    assert report.refused == len({refusal.line for refusal in report.refusals})
    lines = sum(" not read: line" in remark for remark in report.remarks)
    assert bool(lines) == bool(report.cells.unread_rows)


def _check(cells: dict[str, int], filled: int) -> None:
    assert cells.pop("filled") == filled == sum(cells.values())


def remark_cells(remark: str) -> int:
    """The number of filled cells that a remark names."""
    return int(remark.split("(")[1].split(" filled")[0]) if " filled cell" in remark else 0


def test_the_report_says_where_every_cell_is(team: Team, tmp_path: Path) -> None:
    context: AppContext = team.context("14 Apr 2026")
    path = tmp_path / "any.csv"
    path.write_text(
        "Our tracker\nRef,Local authority,Request received by LA,School\nAB00001,Northshire,05/01/2026,Hill\n"
        "AB00002,Northshire,31/02/2026,Hill\nTotal,2\n",
        encoding="utf-8",
    )
    cells = import_file(context, path).cells
    assert cells.model_dump() == {
        "filled": 15,
        "accepted_rows": 3,
        "refused_rows": 3,
        "headings": 4,
        "unread_columns": 2,
        "unread_rows": 3,
        "unread_sheets": 0,
    }
