"""`sendflow person` and `reset-person-key`: the identity of a child, shown with a logged purpose; a lost key.

No command repeats what was typed: it may be a child's name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.installation import open_installation
from cli.options import Actor, CaseReference, Json, check_actor
from cli.output import Exit, emit, fail, notify
from config.text import counted

if TYPE_CHECKING:
    from casework.privacy.access import PersonReport


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command("person")(person)
    app.command("reset-person-key")(reset_person_key)


def person(
    case: CaseReference,
    actor: Actor,
    purpose: Annotated[
        str,
        typer.Option("--purpose", metavar="WORD", help="Why: a word of purposes.toml, as in --purpose which_child."),
    ],
    free_text: Annotated[
        bool, typer.Option("--free-text", help="Also show the case's free text: exceptions, comments, reasons.")
    ] = False,
    json_: Json = False,
) -> None:
    """Show the child of a case. The access log records who looked, when and why, before anything is shown."""
    from casework.privacy.access import read_person
    from casework.privacy.purposes import WrongPurpose
    from models.errors import NoSuchCase

    check_actor(actor)
    try:
        report = read_person(open_installation("person"), case, actor, purpose, free_text)
    except (NoSuchCase, WrongPurpose) as problem:
        fail(Exit.WRONG_CALL, str(problem))
    notify("This access is logged.")
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
    from models.marks import NOT_YET

    lines = [f"{label:<17}{value}" for label, value in rows if value]
    if not report.known:
        lines.append("No identity is stored, or it has been erased.")
    for text in report.words or []:
        where = f"fact {text.seq}, {text.kind}, {text.field}" if text.seq else "comment"
        instead = NOT_YET if text.not_yet_shown else "erased"
        lines.append(f"{where}: {text.words if text.words is not None else instead}")
    return "\n".join(lines)


def reset_person_key(
    actor: Actor,
    yes: Annotated[bool, typer.Option("--yes", help="Delete. Without it, only show what would be deleted.")] = False,
    json_: Json = False,
) -> None:
    """Delete identities and free text that only the lost person.key could decrypt, and create a new key.

    The case history stays and still verifies.
    """
    from datetime import UTC, datetime

    from casework.privacy.lost_key import KeyIsThere
    from casework.privacy.lost_key import reset_person_key as reset
    from config.settings import Settings

    check_actor(actor)
    try:
        report = reset(Settings.read(), actor, datetime.now(UTC), really=yes)
    except KeyIsThere as problem:
        fail(Exit.WRONG_CALL, str(problem))
    did = "Deleted" if report.given_up else "Nothing was deleted. Without the key, --yes deletes"
    after = (
        " There is a new person.key: back it up apart from the database. The next import stores the identities again."
        if report.given_up
        else ""
    )
    what = (
        f"{counted(report.persons, 'identity', 'identities')}, {counted(report.passages, 'passage')} of free text,"
        f" {counted(report.references, 'reference')} stored as digests."
    )
    emit(report.model_dump(mode="json"), json_, lambda: f"{did}: {what}{after}")
