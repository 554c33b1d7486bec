"""`sendflow import`: reads a tracker. It never repeats a file's name or the text of a cell: either may be a name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.installation import Access, open_installation
from cli.letters import notify_letters_on_hold
from cli.options import ConfirmChild, Json, check_actor, refuse_identifier
from cli.output import Exit, emit, fail, notify
from config.files import write_for_person
from config.text import counted

if TYPE_CHECKING:
    from casework.imports.preview import Preview
    from casework.imports.tracker_import import ImportReport

SHOWN = 40


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("import")(import_)
    app.command("preview")(preview)


def import_(  # noqa: PLR0913 (Typer maps each parameter to an option)
    file: Annotated[
        list[str],
        typer.Argument(
            help="The tracker: a CSV file, or an Excel workbook (.xlsx).", metavar="FILE", show_default=False
        ),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing. Show what the import would do.")] = False,
    accept_changes: Annotated[
        bool, typer.Option("--accept-changes", help="Record a correction where a cell differs from the history.")
    ] = False,
    ignore_columns: Annotated[
        bool, typer.Option("--ignore-columns", help="Go on although columns that look like answers are not read.")
    ] = False,
    confirm_child: ConfirmChild = False,
    to_correct: Annotated[
        Path | None,
        typer.Option("--to-correct", help="Write the refused rows to this Excel workbook, each with what to correct."),
    ] = None,
    actor: Annotated[
        str, typer.Option("--actor", help="The account name of the person who imports, such as dco.team.")
    ] = "importer",
    json_: Json = False,
) -> None:
    """Import a tracker. Each row is accepted whole or refused with the reason.

    The same file twice changes nothing.
    """
    from casework.imports.raw_rows import SheetError
    from casework.imports.tracker_import import Choices, import_file
    from casework.imports.trial import Seen, file_to_correct
    from flows.runner import run_job

    path = _one_file(file)
    if to_correct is not None:
        refuse_identifier(
            to_correct.name, "The name of the file to correct", "Nothing was imported: give it another name"
        )
    check_actor(actor)
    seen = Seen()
    context = open_installation("import", access=Access.TRIES if dry_run else None)
    try:
        if dry_run:
            choices: Choices = {"actor": actor, "ignore_columns": ignore_columns, "confirmed": confirm_child}
            choices["watcher"] = seen
            report = import_file(context, path, True, accept_changes, **choices)
        else:
            options = {"accept_changes": accept_changes, "ignore_columns": ignore_columns, "actor": actor}
            options |= {"confirmed": confirm_child}
            report = run_job("import", context, path=path, say=notify, **options, watcher=seen)
    except SheetError as problem:
        fail(Exit(problem.exit_code), f"Nothing was imported: {problem.sentence}.")
    emit(report.model_dump(mode="json"), json_, lambda: _imported(report))
    notify_letters_on_hold(context)
    if to_correct is not None and seen.rows:
        _write(to_correct, file_to_correct(seen.rows))
        notify(f"Wrote the refused rows to {to_correct}. Correct the cells, and import that file. It may hold names.")
    if report.refused:
        raise typer.Exit(Exit.REFUSED)


def preview(
    file: Annotated[
        list[str],
        typer.Argument(
            help="The tracker: a CSV file, or an Excel workbook (.xlsx).", metavar="FILE", show_default=False
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", help="Write the page to this HTML file. It replaces a file of that name.")
    ] = Path("preview.html"),
    json_: Json = False,
) -> None:
    """Make one HTML page of what a tracker holds: late, due in 7 days, refused, not read, and what an import would do.

    It needs no installation, makes none and records nothing. The page shows references only.
    """
    from casework.context import AppContext
    from casework.imports.preview import preview as read
    from casework.imports.preview_page import page
    from casework.imports.raw_rows import SheetError

    path = _one_file(file)
    context = AppContext.load_in_memory()
    try:
        found = read(context, path)
    except SheetError as problem:
        fail(Exit(problem.exit_code), f"No page was made: {problem.sentence}.")
    finally:
        context.engine.dispose()
    text = page(found, context.directory)
    _write(output, text)
    emit(found.model_dump(mode="json"), json_, lambda: _previewed(found))
    notify(f"Wrote the page to {output}. Nothing was recorded.")


def _write(file: Path, content: str | bytes) -> None:
    try:
        write_for_person(file, content)
    except OSError as problem:
        fail(
            Exit.NOT_FINISHED,
            f"The file was not written ({problem.strerror}). Name a file in a folder that you may write to",
        )


def _previewed(found: Preview) -> str:
    report = found.report
    late, soon = (sum(group.count for group in groups) for groups in (found.late, found.soon))
    lines = [
        f"{counted(report.rows, 'row')}: {late} late, {soon} due in 7 days, {report.refused} refused.",
        _cells(report),
    ]
    if found.stopped:
        lines.append(f"An import would stop: {found.stopped}.")
    return "\n".join(lines)


def _one_file(file: list[str]) -> Path:
    """The one file that was named. A name with spaces, typed without quotation marks, arrives in pieces."""
    if len(file) != 1:
        fail(
            Exit.WRONG_CALL,
            'Expected one file. If its name has spaces, use quotation marks: for example sendflow import "our'
            ' tracker.csv"',
        )
    refuse_identifier(Path(file[0]).name, "The file's name", "Nothing was read: give the file another name")
    return Path(file[0])


def _imported(report: ImportReport) -> str:
    # The file is not named: its name may be a child's.
    would = "would be " if report.dry_run else ""
    unchanged = f"({report.unchanged} of them unchanged)"
    corrected = f", {counted(report.corrections, 'correction')} {would}made" if report.corrections else ""
    lines = [
        f"{counted(report.rows, 'row')}: {report.accepted} {would}accepted {unchanged},"
        f" {report.refused} {would}refused.",
        f"{counted(report.facts_added, 'fact')} {would}added{corrected}.",
        _cells(report),
        *(f"Note: {remark}." for remark in report.remarks),
        *_new_references(report),
        *_exceptions(report),
    ]
    if report.refusals:
        lines.append("Refused rows. Correct the cells and import the file again:")
        lines.extend(f"  line {refusal.line}: {refusal.message}." for refusal in report.refusals)
    if report.dry_run:
        lines.append("Nothing was written: this was a dry run.")
    return "\n".join(lines)


def _cells(report: ImportReport) -> str:
    """Where every filled cell of the file is: none is left out without a word."""
    cells = report.cells
    not_read = cells.unread_columns + cells.unread_rows + cells.unread_sheets
    return (
        f"{counted(cells.filled, 'filled cell')}: {cells.accepted_rows} in accepted rows, {cells.refused_rows} in"
        f" refused rows, {cells.headings} headings, {not_read} not read"
        + (" (the notes name them)." if not_read else ".")
    )


def _new_references(report: ImportReport) -> list[str]:
    if not report.named:
        return []
    named = ", ".join(f"line {each.line} is {each.case_ref}" for each in report.named[:SHOWN])
    more = len(report.named) - SHOWN
    rest = f" and {more} more (--json)." if more > 0 else "."
    return [f"These rows had no usable reference and got a new one: {named}{rest}"]


def _exceptions(report: ImportReport) -> list[str]:
    if not report.claims_to_decide:
        return []
    cases = ", ".join(claim.case_ref for claim in report.claims_to_decide[:SHOWN])
    more = len(report.claims_to_decide) - SHOWN
    return [
        f"Exceptions for a person to decide ({len(report.claims_to_decide)}): {cases}"
        + (f" and {more} more." if more > 0 else "."),
        "An exception has no effect until it is decided. To read it: sendflow person CASE --free-text. To decide it:"
        " sendflow record CASE excuse_decided",
    ]
