"""`sendflow import`, `who`, `erase`, `bodies`: what comes in, whom a case is about, and who answers for what.

Purpose: thin commands; none of them ever repeats a file's name or what stands in a cell. Prefect is touched by `import`
alone, where it answers.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.cases import Json, actor_of
from cli.letters import tell_held
from cli.output import Exit, counted, emit, fail, tell

if TYPE_CHECKING:
    from casework.imports.tracker_import import ImportReport
    from casework.privacy.access import PersonReport
    from casework.privacy.erasure import ErasureReport
    from config.directory import Body

SHOWN = 40


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command("import")(import_)
    app.command("who")(who)
    app.command("erase")(erase)
    app.command("key-lost")(reset_person_key)
    app.command("bodies")(bodies)


def import_(
    file: Annotated[
        list[str],
        typer.Argument(
            help="The tracker: a CSV file, or an Excel workbook (.xlsx).", metavar="FILE", show_default=False
        ),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing; say what would be.")] = False,
    accept_changes: Annotated[
        bool, typer.Option("--accept-changes", help="Record corrections where a cell differs from the record.")
    ] = False,
    actor: Annotated[
        str, typer.Option("--actor", help="Who imports it: an account name, such as dco.team.")
    ] = "importer",
    json_: Json = False,
) -> None:
    """Import a tracker. Each row is accepted whole, or refused with what was expected; the same file twice changes
    nothing.
    """
    from casework.context import AppContext
    from casework.imports.sheet import SheetError
    from casework.imports.tracker_import import import_file
    from flows.jobs import run_job

    if len(file) != 1:
        # A name with blanks in it, typed without quotation marks, arrives in pieces; a name may be a child's, so it is
        # not repeated.
        fail(
            Exit.WRONG_CALL,
            'one file was expected; put its name in quotation marks where it has blanks. Example: sendflow import "our'
            ' tracker.csv"',
        )
    actor_of(actor)
    context = AppContext.load()
    try:
        if dry_run:
            report = import_file(context, Path(file[0]), True, accept_changes, actor)
        else:
            report = run_job(
                "import", context, path=Path(file[0]), accept_changes=accept_changes, actor=actor, say=tell
            )
    except SheetError as problem:
        fail(Exit(problem.exit_code), f"Nothing was imported: {problem.sentence}.")
    emit(report.model_dump(mode="json"), json_, lambda: _imported(report))
    tell_held(context)
    if report.refused:
        raise typer.Exit(Exit.REFUSED)


def _imported(report: ImportReport) -> str:
    would = "would be " if report.dry_run else ""
    said = (
        f"{counted(report.rows, 'row')}: {report.accepted} {would}accepted ({report.unchanged} of them with nothing"
        " new)"
    )
    lines = [f"{said}, {report.refused} {would}refused."]
    mended = f", {counted(report.corrections, 'correction')} {would}made" if report.corrections else ""
    lines.append(f"{counted(report.facts_added, 'fact')} {would}added{mended}.")
    lines.extend(f"Note: {remark}." for remark in report.remarks)
    if report.named:
        told = ", ".join(f"line {each.line} is {each.case_ref}" for each in report.named[:SHOWN])
        more = len(report.named) - SHOWN
        rest = f" and {more} more (--json)." if more > 0 else "."
        lines.append(f"Kept under a reference of the house, as their own has not the form of one: {told}{rest}")
    if report.claims_to_decide:
        cases = ", ".join(claim.case_ref for claim in report.claims_to_decide[:SHOWN])
        more = len(report.claims_to_decide) - SHOWN
        lines.append(
            f"Exceptions for a person to decide ({len(report.claims_to_decide)}): {cases}"
            + (f" and {more} more." if more > 0 else ".")
        )
        lines.append(
            "They excuse nothing until decided: sendflow who CASE --words shows what was written, sendflow record CASE"
            " excuse_decided decides."
        )
    if report.refusals:
        lines.append("Refused, each row whole; mend the cells and import the file again:")
        lines.extend(f"  line {told.line}: {told.message}." for told in report.refusals)
    if report.dry_run:
        lines.append("Nothing was written: this was a dry run.")
    return "\n".join(lines)


def who(
    case: Annotated[str, typer.Argument(help="The case's reference, such as NX00042.")],
    actor: Annotated[str, typer.Option("--actor", help="Who looks: an account name, such as dco.team.")],
    purpose: Annotated[
        str, typer.Option("--purpose", help="What for, in a few words. They are sealed with the person.")
    ],
    words: Annotated[
        bool, typer.Option("--words", help="Show the words kept of the case as well: exceptions, comments, reasons.")
    ] = False,
    json_: Json = False,
) -> None:
    """Whom a case is about. The look is logged, with who looked, when and what for, before anything is shown."""
    from casework.context import AppContext
    from casework.privacy.access import read_person

    actor_of(actor)
    if not purpose.strip() or len(purpose) > 500:
        fail(
            Exit.WRONG_CALL,
            '--purpose says in a few words (at most 500 characters) why: for example --purpose "the provider asks which'
            ' child"',
        )
    try:
        report = read_person(AppContext.load(), case, actor, purpose.strip(), words)
    except LookupError as problem:
        fail(Exit.WRONG_CALL, str(problem.args[0]))
    tell("This look is logged.")
    emit(report.model_dump(mode="json"), json_, lambda: _person(report))


def _person(report: PersonReport) -> str:
    rows = (
        ("Case", report.case_ref),
        ("NHS number", report.nhs_number),
        ("Date of birth", report.date_of_birth),
        ("Name", report.name),
        ("Team's reference", report.reference),
        ("LA's reference", report.la_reference),
    )
    lines = [f"{label:<17}{value}" for label, value in rows if value]
    if not report.known:
        lines.append("Nothing is known of the person, or it has been erased.")
    for said in report.words or []:
        where = f"fact {said.seq}, {said.kind}, {said.field}" if said.seq else "comment"
        lines.append(f"{where}: {said.words if said.words is not None else 'erased'}")
    return "\n".join(lines)


def erase(
    case: Annotated[str, typer.Argument(help="A case of the child, such as NX00042.")],
    actor: Annotated[str, typer.Option("--actor", help="Who erases: an account name, such as dco.team.")],
    ground: Annotated[
        str, typer.Option("--ground", help="Why: retention_ended, erasure_request, court_order or entered_in_error.")
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Really erase. Without it, only what would go is said.")] = False,
    json_: Json = False,
) -> None:
    """Erase who a child's cases are about, and the words kept of them, for ever. The history stays and still verifies.
    The act is logged.
    """
    from casework.context import AppContext
    from casework.privacy.erasure import Ground, StillOpen
    from casework.privacy.erasure import erase as erase_person

    actor_of(actor)
    if ground not in set(Ground):
        fail(Exit.WRONG_CALL, f"--ground is one of {', '.join(Ground)}: for example --ground retention_ended")
    try:
        report = erase_person(AppContext.load(), case, actor, Ground(ground), really=yes)
    except LookupError as problem:
        fail(Exit.WRONG_CALL, str(problem.args[0]))
    except StillOpen as problem:
        fail(Exit.REFUSED, str(problem))
    emit(report.model_dump(mode="json"), json_, lambda: _erased(report))


def reset_person_key(
    actor: Annotated[str, typer.Option("--actor", help="Who gives it up: an account name, such as dco.team.")],
    yes: Annotated[
        bool, typer.Option("--yes", help="Really give it up. Without it, only what is lost is said.")
    ] = False,
    json_: Json = False,
) -> None:
    """Give up what only a lost person.key could open, so that the house opens again under a new one. The history stays
    and still verifies.
    """
    from datetime import UTC, datetime

    from casework.privacy.lost_key import KeyIsThere
    from casework.privacy.lost_key import reset_person_key as give_up
    from config.settings import Settings

    actor_of(actor)
    try:
        report = give_up(Settings.read(), actor, datetime.now(UTC), really=yes)
    except KeyIsThere as problem:
        fail(Exit.WRONG_CALL, str(problem))
    did = "Given up" if report.given_up else "Nothing was given up; without the key, and with --yes, it would be"
    after = (
        " There is a new person.key: back it up apart from the records. The next import tells who the children are."
        if report.given_up
        else ""
    )
    what = (
        f"{report.persons} persons, {report.passages} passages of words, {report.references} references that are kept"
        " as digests."
    )
    emit(report.model_dump(mode="json"), json_, lambda: f"{did}: {what}{after}")


def _erased(report: ErasureReport) -> str:
    did = "Erased" if report.erased else "Nothing was erased. With --yes it would be, and could never be brought back"
    lines = [
        f"{did}: the person of {', '.join(report.cases)}, and {report.passages}"
        f" passage{'' if report.passages == 1 else 's'} of words."
    ]
    if report.open_cases:
        lines.append(f"A duty is still open on {', '.join(report.open_cases)}.")
    if report.erased:
        lines.append(
            "It stands in the log. Backups that were taken before still hold the sealed person, until they end."
        )
    return "\n".join(lines)


def bodies(json_: Json = False) -> None:
    """The bodies of the directory: code, name, role, and the services each gives."""
    from config.directory import DirectoryError, load_directory
    from config.settings import Settings

    own = Settings.read().home / "directory.toml"
    try:
        directory = load_directory(own if own.exists() else None)
    except DirectoryError as problem:
        fail(Exit.NOT_FINISHED, str(problem))
    document = [each.model_dump(mode="json") for each in directory.bodies]
    emit(document, json_, lambda: "\n".join(_listed(each) for each in directory.bodies))


def _listed(body: Body) -> str:
    services = ", ".join(body.services) or "gives no advice itself"
    return f"{body.body}  {body.name} ({body.role.replace('_', ' ')}): {services}"
