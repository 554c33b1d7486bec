"""Import: a tracker is sent, read, corrected and answered row by row, and recorded; each page says what it will do.

The same functions as `sendflow import`. A cell that may identify a child is shown on the page of its row alone, and
only to the account that sent the file; it is in no address. A page of work that goes on asks for itself again.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple
from urllib.parse import urlencode

from casework.imports import staged as files
from casework.imports.date_order import line_with_month_first
from casework.imports.raw_rows import SheetError
from casework.imports.row_choices import LONGEST_TYPED, Answers, RowChoice
from casework.imports.side_by_side import choices_of, on_record
from casework.imports.staged import Recorded, Staged, State, real_now
from casework.imports.trial import DUPLICATE, IDENTIFYING, RowRefused, Trial, file_to_correct
from casework.imports.work import is_done
from casework.privacy.case_looks import note_looks
from models.errors import Refusal
from web.answers import Answer, File, GoTo, Page
from web.asked import LONGEST_NUMBER, Asked, page_of
from web.export import XLSX
from web.faults import fault, no_page
from web.labels import first_capital
from web.recording import COMMAND_WORDS

ROWS = 25
LOOK = "import"
AGAIN_SECONDS = "3"
STILL = "The row was read again, and is still refused"
THEN = re.compile(r"([0-9]{1,4})-([0-9]{1,7})")  # the row to which a page goes on: its sheet and line
CHOICES = {
    RowChoice.OLD: "The record is right: leave it as it is, and record what is new in the row",
    RowChoice.NEW: "The file is right: correct the record",
    RowChoice.BOTH: "Both are right: they are two children (twins) or two matters, and this row is a case of its own",
    RowChoice.SAME: "It is the same child: I have checked it",
    RowChoice.LEAVE: "Leave this row out",
}
OF_TWO_ROWS = {
    RowChoice.OLD: "The first row is right: leave this one out",
    RowChoice.NEW: "This row is right: leave the first one out",
}


class Row(NamedTuple):
    """One refused row, its place among the others, and the answers so far."""

    staged: Staged
    trial: Trial
    row: RowRefused
    answers: Answers
    following: RowRefused | None


class MonthFirst(NamedTuple):
    """A line with the month first, the heading of its column, and how many days of it are doubtful for that reason."""

    sheet: int
    line: int
    header: str
    doubted: int


def overview(asked: Asked) -> Answer:
    """Where a file is sent, and the files that wait."""
    return _overview(asked)


def send(asked: Asked) -> Answer:
    """Take a file, and begin to read it."""
    if not asked.file:
        return _overview(asked, "Choose the tracker: a CSV file, or an Excel workbook saved as .xlsx", 400)
    try:
        id_ = files.stage(asked.context, asked.file, asked.account, real_now())
    except SheetError as problem:
        return _overview(asked, first_capital(problem.sentence), 400)
    except Refusal as problem:
        return _overview(asked, _said(problem), 409)
    _begin_and_wait(asked, id_)
    return GoTo(f"/imports/{id_}")


def one(asked: Asked) -> Answer:
    """What an import of the file would do, how far it is, or what it recorded."""
    try:
        staged = files.one_of(asked.context, asked.place["id"], asked.account)
    except files.NoSuchImport as problem:
        return fault("There is no such file", _said(problem), "Go to Import and send it again.", status=404)
    then = THEN.fullmatch(asked.query.get("then", ""))
    if then is not None and staged.state == State.READ:
        return _after(asked, staged.id, (int(then[1]), int(then[2])))
    return _shown(asked, staged)


def decide(asked: Asked) -> Answer:
    """Record the file, go on without columns, read it again, or end it."""
    context, step = asked.context, asked.form.get("step", "")
    try:
        staged = files.one_of(context, asked.place["id"], asked.account)
        if step == "end":
            files.end(context, staged)
            return GoTo("/imports?ended=yes")
        if step == "record":
            if staged.state == State.READ and staged.rows and not _may_record(asked, staged):
                return _shown(asked, staged, "Read what the file would record first: it was read again.", 409)
            files.begin(context, staged)
        elif step == "ignore":
            files.answer(context, staged, files.answers_of(context, staged.id), ignore_columns=True)
        elif step == "again":
            files.read_again(context, staged)
        else:
            return _shown(asked, staged, "Choose what to do with the file: use the page's buttons.", 400)
    except files.NoSuchImport as problem:
        return fault("It cannot be done any more", _said(problem), "Go to Import for what waits.", status=409)
    _begin_and_wait(asked, staged.id)
    return GoTo(f"/imports/{staged.id}")


def row(asked: Asked) -> Answer:
    """One refused row: its cells, what was expected, and what is on record beside it."""
    found = _row(asked)
    return _row_page(asked, found) if isinstance(found, Row) else found


def correct(asked: Asked) -> Answer:
    """Take the corrected cells and the choice for one row; the file is read again, and the next row follows."""
    found = _row(asked)
    if not isinstance(found, Row):
        return found
    place = (found.row.sheet, found.row.line)
    typed = {cell.column: asked.form.get(f"cell-{cell.column}", cell.text).strip() for cell in found.row.cells}
    long = next((cell for cell in found.row.cells if len(typed[cell.column]) > LONGEST_TYPED), None)
    if long is not None:
        return _row_page(asked, found, f"{long.header}: type at most {LONGEST_TYPED} characters", f"cell-{long.column}")
    known = {**found.answers.cells.get(place, {})}
    changed = {cell.column: typed[cell.column] for cell in found.row.cells if typed[cell.column] != cell.text}
    choice = asked.form.get("choice", "")
    allowed = choices_of(found.row)
    if choice and choice not in allowed:
        return _row_page(asked, found, "Choose one of the answers of the list", "choice")
    if not choice and not changed:
        return _row_page(asked, found, "Correct a cell, or choose what is done with the row", _first_field(found.row))
    answers = _answered(found, known | changed, RowChoice(choice) if choice else None)
    try:
        files.answer(asked.context, found.staged, answers)
    except files.NoSuchImport as problem:
        return fault("It cannot be done any more", _said(problem), "Go to Import for what waits.", status=409)
    _begin_and_wait(asked, found.staged.id)
    return _after(asked, found.staged.id, place)


def _answered(found: Row, cells: Mapping[str, str], choice: RowChoice | None) -> Answers:
    """The answers with those for this row. Of two rows with one reference, the first or this one may be right."""
    row = found.row
    place, first = (row.sheet, row.line), (row.sheet, row.first_line)
    if DUPLICATE in row.codes and choice is RowChoice.OLD:
        choice = RowChoice.LEAVE
    elif DUPLICATE in row.codes and choice is RowChoice.NEW:
        return found.answers.with_row(first, {}, RowChoice.LEAVE).with_row(place, cells, None)
    return found.answers.with_row(place, cells, choice)


def refused_rows(asked: Asked) -> Answer:
    """The refused rows as a workbook to correct."""
    try:
        staged = files.one_of(asked.context, asked.place["id"], asked.account)
    except files.NoSuchImport:
        return no_page(404)
    found = _found(asked, staged)
    if found is None or not found.rows:
        return no_page(404)
    note_looks(asked.context, [ref for each in found.rows for ref in each.cases], asked.account, LOOK)
    return File("refused-rows.xlsx", XLSX, file_to_correct(found.rows))


def _after(asked: Asked, id_: str, place: tuple[int, int]) -> Answer:
    """The same row again where it is still refused, else the next one, else the file. While the file is read, a page
    that says so, which goes on to the row by itself.
    """
    address = f"/imports/{id_}"
    if not is_done(asked.context, id_):
        return GoTo(f"{address}?corrected=yes&then={place[0]}-{place[1]}")
    trial = files.trial_of(asked.context, id_)
    if trial is None or not trial.rows:
        return GoTo(f"{address}?corrected=yes")
    if any((each.sheet, each.line) == place for each in trial.rows):
        return GoTo(f"{address}/rows/{place[0]}/{place[1]}?still=yes")
    following = next((each for each in trial.rows if (each.sheet, each.line) > place), trial.rows[0])
    return GoTo(f"{address}/rows/{following.sheet}/{following.line}?corrected=yes")


def _row(asked: Asked) -> Row | Answer:
    context = asked.context
    try:
        staged = files.one_of(context, asked.place["id"], asked.account)
    except files.NoSuchImport as problem:
        return fault("There is no such file", _said(problem), "Go to Import and send it again.", status=404)
    if staged.state != State.READ:
        return GoTo(f"/imports/{staged.id}")
    trial = files.trial_of(context, staged.id)
    sheet, line = (str(asked.place[name]) for name in ("sheet", "line"))
    if trial is None or len(sheet) > LONGEST_NUMBER or len(line) > LONGEST_NUMBER + 1:
        return no_page(404)
    place = int(sheet), int(line)
    rows = trial.rows
    number = next((number for number, each in enumerate(rows) if (each.sheet, each.line) == place), None)
    if number is None:
        return GoTo(f"/imports/{staged.id}?settled={line}")
    following = rows[number + 1] if number + 1 < len(rows) else None
    return Row(staged, trial, rows[number], files.answers_of(context, staged.id), following)


def _row_page(asked: Asked, found: Row, error: str = "", field: str = "") -> Page:
    context, place = asked.context, (found.row.sheet, found.row.line)
    note_looks(context, found.row.cases, asked.account, LOOK)
    problems: dict[str, list[str]] = {}
    for problem in found.row.problems:
        problems.setdefault(problem.column, []).append(first_capital(problem.expected))
    allowed = choices_of(found.row)
    texts = CHOICES | (OF_TWO_ROWS if DUPLICATE in found.row.codes else {})
    still = [{"text": STILL, "href": f"#{_first_field(found.row)}"}] if asked.query.get("still") == "yes" else []
    values: dict[str, Any] = {
        "title": f"Line {found.row.line}" + (f" of sheet {found.row.sheet}" if found.row.sheet > 1 else ""),
        "staged": found.staged,
        "row": found.row,
        "problems": problems,
        "cells": sorted(found.row.cells, key=lambda cell: cell.column not in problems),  # what is wrong comes first
        "typed": {name.removeprefix("cell-"): value for name, value in asked.form.items() if name.startswith("cell-")},
        "choices": [(choice, text) for choice, text in texts.items() if choice in allowed],
        "chosen": asked.form.get("choice", "") or str(found.answers.rows.get(place, "")),
        "record": on_record(context, found.row),
        "first": {cell.column: cell.text for cell in found.row.first},
        "following": found.following,
        "month_first": _month_first([found.row], found.trial),
        "number": found.trial.rows.index(found.row) + 1,
        "total": len(found.trial.rows),
        "corrected": asked.query.get("corrected") == "yes",
        "errors": [{"text": error, "href": f"#{field}"}] if error else still,
        "at": field,
        "error": error,
    }
    return Page("import_row.html", values, 400 if error else 200)


def _first_field(row: RowRefused) -> str:
    columns = [cell.column for cell in row.cells]
    first = next((problem.column for problem in row.problems if problem.column in columns), columns[0])
    return f"cell-{first}"


def _shown(asked: Asked, staged: Staged, error: str = "", status: int = 200) -> Answer:
    now = real_now()
    values: dict[str, Any] = {
        "title": "Import",
        "staged": staged,
        "error": error,
        "errors": [{"text": error}] if error else [],
    }
    if staged.state in files.WORKING:
        if not staged.is_busy(now):  # its process was killed, or it has just been asked for
            _begin(asked, staged.id)
        stops = asked.query.get("refresh") == "off"
        # A browser that is sent to its own address with a fragment only scrolls: the fragment is left out.
        address = f"{asked.path}?{urlencode(asked.query)}" if asked.query else asked.path
        headers: Mapping[str, str] = {} if stops else {"refresh": f"{AGAIN_SECONDS}; url={address}"}
        return Page("import_work.html", {**values, "title": _doing(staged), "stops": stops}, status, headers)
    found = _found(asked, staged)
    if found is None:
        return Page("import_work.html", {**values, "title": "The file was not read"}, status)
    if isinstance(found, Recorded):
        shown = {"title": "The import is recorded", "found": found, "report": found.report}
        return Page("import_done.html", {**values, **shown}, status)
    return Page("import.html", {**values, **_trial_values(asked, staged, found)}, status)


def _trial_values(asked: Asked, staged: Staged, trial: Trial) -> dict[str, Any]:
    reasons = Counter((problem.column, problem.code) for each in trial.rows for problem in each.problems)
    headers = {column.column: column.header for column in trial.columns if column.column}
    why = asked.query.get("why", "")
    rows = [each for each in trial.rows if not why or why in each.codes]
    pages = max(1, -(-len(rows) // ROWS))
    page = min(page_of(asked.query), pages)
    shown = rows[(page - 1) * ROWS : page * ROWS]
    answers = files.answers_of(asked.context, staged.id)
    return {
        "title": "Check the import before it is recorded",
        "trial": trial,
        "report": trial.report,
        "reasons": reasons.most_common(),
        "headers": headers,
        "month_first": _month_first(trial.rows, trial),
        "rows": shown,
        "two_of": [each for each in trial.rows if choices_of(each) - {RowChoice.LEAVE}],
        "cells": {(each.sheet, each.line): {cell.column: cell for cell in each.cells} for each in shown},
        "identifying": IDENTIFYING,
        "why": why,
        "page": page,
        "pages": pages,
        "number": len(rows),
        "corrected_rows": len({*answers.cells, *answers.rows}),
        "corrected": asked.query.get("corrected") == "yes",
        "settled": asked.query.get("settled", "")[:LONGEST_NUMBER],
        "same": _same_file(asked, staged),
        "mark": mark_of(trial),
    }


def _month_first(rows: Sequence[RowRefused], trial: Trial) -> list[MonthFirst]:
    """The refused rows whose day has the month first, and so makes days of these rows doubtful: correct them first."""
    headers = {(each.sheet, each.column): each.header for each in trial.columns}
    refused = {(each.sheet, each.line) for each in trial.rows}
    doubted: Counter[tuple[int, int, str]] = Counter()
    for each in rows:
        for problem in each.problems:
            if (line := line_with_month_first(problem.expected)) is not None:
                doubted[each.sheet, line, problem.column] += 1
    return [
        MonthFirst(sheet, line, headers.get((sheet, column), column), number)
        for (sheet, line, column), number in doubted.items()
        if (sheet, line) in refused
    ]


def mark_of(trial: Trial) -> str:
    """What a person saw who records: so many rows, facts and refusals."""
    report = trial.report
    return f"{report.rows}-{report.accepted}-{report.refused}-{report.facts_added}-{report.corrections}"


def _may_record(asked: Asked, staged: Staged) -> bool:
    """Whether the person saw what the file would record now."""
    trial = files.trial_of(asked.context, staged.id)
    return trial is not None and trial.stopped is None and asked.form.get("mark", "") == mark_of(trial)


def _same_file(asked: Asked, staged: Staged) -> Sequence[Staged]:
    return [each for each in files.listed(asked.context) if each.digest == staged.digest and each.id != staged.id]


def _found(asked: Asked, staged: Staged) -> Trial | Recorded | None:
    if staged.state == State.RECORDED:
        return files.recorded_of(asked.context, staged.id)
    return files.trial_of(asked.context, staged.id) if staged.state == State.READ else None


def _doing(staged: Staged) -> str:
    return "The file is being recorded" if staged.state == State.RECORDING else "The file is being read"


def _overview(asked: Asked, error: str = "", status: int = 200) -> Page:
    waiting = files.listed(asked.context)
    values: dict[str, Any] = {
        "title": "Import",
        "own": [each for each in waiting if each.account == asked.account],
        "others": [each for each in waiting if each.account != asked.account],
        "largest": files.LARGEST // 1024 // 1024,
        "ended": asked.query.get("ended") == "yes",
        "error": error,
        "errors": [{"text": error, "href": "#file"}] if error else [],
    }
    return Page("imports.html", values, status)


def _begin(asked: Asked, id_: str) -> None:
    if asked.imports is not None:
        asked.imports.begin(asked.context, id_, asked.account, _run_of(asked))


def _begin_and_wait(asked: Asked, id_: str) -> None:
    if asked.imports is not None:
        asked.imports.begin_and_wait(asked.context, id_, asked.account, _run_of(asked))


def _run_of(asked: Asked) -> Any:
    """How the recording is shown in Prefect: that a tracker was imported, and nothing of it."""
    runs = asked.runs

    def run() -> AbstractContextManager[str | None]:
        return runs.act("a tracker", "import") if runs is not None else nullcontext()

    return run


def _said(problem: Refusal) -> str:
    return first_capital(COMMAND_WORDS.sub("", str(problem)))
