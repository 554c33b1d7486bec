"""`sendflow verify`: proves that the history is unaltered."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.installation import Access, open_installation
from cli.options import Json
from cli.output import Exit, emit, fail, notify

if TYPE_CHECKING:
    from audit.verify import VerifyReport
    from audit.whole import How
    from casework.context import AppContext

HEX = re.compile(r"[0-9a-f]{64}")


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("verify")(verify)


def verify(  # noqa: PLR0913 (Typer maps each parameter to an option)
    case: Annotated[str | None, typer.Argument(help="One case's reference. Default: every case.")] = None,
    head: Annotated[
        str | None, typer.Option("--head", metavar="HEAD", help="A head from a daily digest, to compare.")
    ] = None,
    before: Annotated[
        str | None, typer.Option("--before", metavar="INSTANT", help="The instant of that head, from the same digest.")
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option("--against", metavar="FILE", help="A checkpoint, a log's folder or a digest that left."),
    ] = None,
    since_last: Annotated[
        bool,
        typer.Option("--since-last", help="Only what was recorded since the last one that found nothing."),
    ] = False,
    processes: Annotated[
        int | None,
        typer.Option("--processes", min=1, max=64, help="How many processes share it. Default: what is worth it."),
    ] = None,
    workers: Annotated[
        int, typer.Option("--workers", min=0, max=99, help="Share it among this many workers of the work pool.")
    ] = 0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Note how far it came, and go on if it was interrupted (12 hours).")
    ] = False,
    json_: Json = False,
) -> None:
    """Prove that the history is unaltered: check hashes, replay every case, compare projections, check the schema.

    With --head and --before, also compare with a head that left the installation in a daily digest. With --against,
    compare with signed checkpoints that left: the first day and case at which the records part from them.

    With --since-last, it takes seconds: new facts and changes, each case that has one, and signed checkpoints. An older
    row that was altered since is found without it.

    What is found is stored until a person closes it: sendflow findings. The exit code is 1 as long as one is open.
    """
    from cli.formatting import verification
    from cli.progress import progress_shown
    from flows.runner import run_job
    from models.errors import NoSuchCase

    given: dict[str, Any] = _published_head(case, head, before)
    if against is not None and (case is not None or not against.exists()):
        fail(Exit.WRONG_CALL, "--against names a file or a folder that is there, without a case")
    if workers and (case is not None or since_last):
        fail(Exit.WRONG_CALL, "--workers is for a verification of every case: sendflow verify --workers 4")
    if since_last and (case or given or against or resume or processes is not None):
        fail(Exit.WRONG_CALL, "--since-last takes no case and no other option: sendflow verify --since-last")
    context = open_installation("verify", access=Access.CHANGES if resume or since_last else None)
    if since_last:
        found = _since_last(context)
        emit(found.model_dump(mode="json"), json_, lambda: verification(found))
        if not found.intact or found.open:
            raise typer.Exit(Exit.REFUSED)
        return
    if case is None:
        from audit.whole import How

        given = {**given, "how": _how(context, How(processes, resume), workers)}
    try:
        reference = _meant(context, case) if case is not None else None
        with progress_shown():
            found = run_job("verify", context, case=reference, say=notify, **given)
    except NoSuchCase as problem:
        fail(Exit.WRONG_CALL, str(problem))
    if against is not None:
        found = _against(context, found, against)
    if not found.intact and context.read_only:
        found = _store(context, found)
    emit(found.model_dump(mode="json"), json_, lambda: verification(found))
    if not found.intact or found.open:
        raise typer.Exit(Exit.REFUSED)


def _how(context: AppContext, how: How, workers: int) -> How:
    if not workers:
        return how
    if context.settings.database_url is None:
        notify("The verification is not shared: its workers need PostgreSQL. On one machine, --processes shares it.")
        return how
    from flows.work_pool import shared_verification

    return how._replace(share=shared_verification(context, workers, notify).share)


def _since_last(context: AppContext) -> VerifyReport:
    from audit.verify import NothingVerified, verify_since_last

    try:
        return verify_since_last(context)
    except NothingVerified as problem:
        fail(Exit.WRONG_CALL, f"--since-last: {problem}")


def _against(context: AppContext, found: VerifyReport, file: Path) -> VerifyReport:
    from audit.against import NothingToCompare, compare, with_comparison

    try:
        return with_comparison(found, compare(context, file))
    except (NothingToCompare, OSError) as problem:
        fail(Exit.WRONG_CALL, f"--against: {problem}")


def _meant(context: AppContext, typed: str) -> str:
    """The case that is meant. One whose stored row is gone is verified by the reference as it is typed.

    The series of restricted cases is left out of that for who does not see them all: an answer would betray one.
    """
    from casework.access.seen import as_seen_by
    from casework.cases.references import reference_meant
    from cli.options import machine_account
    from models.errors import NoSuchCase, SeveralCases
    from models.same_words import case_reference
    from models.visibility import SERIES, hidden_processes

    seen = as_seen_by(context, machine_account())
    try:
        return reference_meant(seen, typed)
    except SeveralCases:
        raise
    except NoSuchCase:
        reference = case_reference(typed)
        if reference is None or (hidden_processes(seen.engine) and reference.startswith(SERIES)):
            raise
        return reference


def _published_head(case: str | None, head: str | None, before: str | None) -> dict[str, str]:
    """The arguments of a comparison with a head that left the installation."""
    from audit.verify import parse_instant

    if head is None and before is None:
        return {}
    if head is None or before is None or case is not None:
        fail(
            Exit.WRONG_CALL,
            "--head and --before go together, without a case: sendflow verify --head HEAD --before"
            " 2026-04-14T06:00:00.000000Z. Both are in each daily digest",
        )
    digest = head.strip().lower()
    if not HEX.fullmatch(digest):
        fail(Exit.WRONG_CALL, "A head has 64 digits and letters from a to f, as the daily digest prints it")
    try:
        return {"head": digest, "before": parse_instant(before.strip())}
    except ValueError as problem:
        fail(Exit.WRONG_CALL, f"--before: {problem}")


def _store(context: AppContext, found: VerifyReport) -> VerifyReport:
    """Store what was found if the installation can be written: damage that one person saw must not be forgotten."""
    from sqlalchemy.exc import SQLAlchemyError

    from audit.verify import store_found
    from models.errors import SendflowError

    try:
        stored = store_found(context.settings, found)
    except (SendflowError, SQLAlchemyError, OSError):
        stored = None
    if stored is None:
        notify(
            "The findings are not stored, because this database cannot be written here or is of another revision. Run"
            " sendflow verify where the installation runs, so that every surface says it"
        )
    return stored or found
