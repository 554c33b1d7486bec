"""`sendflow sweep`, `deliver` and `digest`: runs one job of the scheduler by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.installation import open_installation
from cli.letters import notify_letters_on_hold
from cli.options import AsAt, Json, parse_day, refuse_identifier
from cli.output import Exit, emit, fail, notify
from config.text import counted, full_day

if TYPE_CHECKING:
    from casework.context import AppContext
    from casework.delivery.daily_digest import DigestReport
    from casework.delivery.deliver import DeliveryReport
    from casework.sweep import SweepReport
    from flows.work_pool import Shared

REASON_EXAMPLE = "for example sendflow deliver --now --reason 'hearing tomorrow'"


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command("sweep")(sweep)
    app.command("deliver")(deliver)
    app.command("digest")(digest)


def sweep(
    as_at: AsAt = None,
    workers: Annotated[
        int, typer.Option("--workers", min=0, max=99, help="Share the sweep among this many workers of the work pool.")
    ] = 0,
    json_: Json = False,
) -> None:
    """Evaluate every duty that is due for a check, and record reminders, breaches and escalations."""
    from casework.sweep import WrongDay
    from flows.runner import run_job

    context = open_installation("sweep")
    day = parse_day(as_at, "--as-at") or context.today()
    if workers and day <= context.today():
        from flows.work_pool import sweep_of

        _share(context, sweep_of(day), workers)
    try:
        report: SweepReport = run_job("sweep", context, as_at=day, say=notify)
    except WrongDay as problem:
        fail(Exit.WRONG_CALL, str(problem))
    for trouble in report.troubles:
        notify(f"{trouble.case_ref}: {trouble.message}")
    emit(report.model_dump(mode="json"), json_, lambda: _swept(report))
    if report.troubles:
        raise typer.Exit(Exit.REFUSED)


def _share(context: AppContext, work: Shared, workers: int) -> None:
    from flows.work_pool import THE, NoPool, share

    try:
        share(context, work, workers, notify)
    except NoPool as problem:
        notify(f"{THE[work.job].capitalize()} is not shared. It runs in this process: {problem}.")


def _swept(report: SweepReport) -> str:
    following = f" Next day with something to record: {report.look_next.isoformat()}." if report.look_next else ""
    return (
        f"Sweep as at {full_day(report.as_at)}: {counted(report.cases_looked_at, 'case')} evaluated,"
        f" {counted(report.facts_written, 'fact')} and {counted(report.notices_written, 'notice')} written.{following}"
    )


def deliver(
    now: Annotated[bool, typer.Option("--now", help="Do not wait for a working day, 08:00 to 18:00.")] = False,
    reason: Annotated[
        str | None, typer.Option("--reason", help="Why the e-mails cannot wait. Stored with the run. Needs --now.")
    ] = None,
    workers: Annotated[
        int,
        typer.Option("--workers", min=0, max=99, help="Share the delivery among this many workers of the work pool."),
    ] = 0,
    json_: Json = False,
) -> None:
    """Send the e-mails that are due: one a day to each mailbox, on working days."""
    from config.settings import Carrier
    from flows.runner import run_job

    if reason is not None and not now:
        fail(Exit.WRONG_CALL, f"--reason needs --now: {REASON_EXAMPLE}")
    if workers and now:
        fail(
            Exit.WRONG_CALL,
            "--workers and --now exclude each other, because a reason does not pass through Prefect: expected one of"
            " them, for example sendflow deliver --workers 4",
        )
    refuse_identifier(reason or "", "--reason", "Name a case by its reference")
    context = open_installation("deliver")
    if now and not (reason and reason.strip()) and context.settings.carrier is not Carrier.SINK:
        fail(Exit.WRONG_CALL, f"E-mails that reach people outside working hours need a reason: {REASON_EXAMPLE}")
    if workers:
        from flows.work_pool import delivery

        _share(context, delivery(context.settings), workers)
    report: DeliveryReport = run_job("deliver", context, now=now, reason=reason, say=notify)
    emit(report.model_dump(mode="json"), json_, lambda: _delivered(report))
    notify_letters_on_hold(context)
    if report.failed:
        raise typer.Exit(Exit.REFUSED)


def _delivered(report: DeliveryReport) -> str:
    parts = [f"{counted(report.sent, 'letter')} sent"]
    if report.failed:
        parts.append(f"{report.failed} failed: run sendflow letters to see which and why")
    if report.waiting:
        parts.append(
            f"{report.waiting} waiting: for a working day between 08:00 and 18:00, for tomorrow's one message, or for a"
            " mail server that answers"
        )
    if report.mail_server_error is not None:
        parts.append(
            f"the mail server accepts no e-mail ({report.mail_server_error.replace('_', ' ')}): run sendflow doctor for"
            " the fix"
        )
    if report.withdrawn:
        were = "was cancelled because it is" if report.withdrawn == 1 else "were cancelled because they are"
        parts.append(f"{counted(report.withdrawn, 'notice')} {were} out of date")
    return "; ".join(parts) + "."


def digest(as_at: AsAt = None, json_: Json = False) -> None:
    """Send the Designated Clinical Officer's daily digest. A second run on the same day sends nothing."""
    from casework.sweep import WrongDay
    from flows.runner import run_job

    day = parse_day(as_at, "--as-at")
    context = open_installation("digest")
    try:
        report: DigestReport = run_job("digest", context, as_at=day or context.today(), say=notify)
    except WrongDay as problem:
        fail(Exit.WRONG_CALL, str(problem))
    emit(report.model_dump(mode="json"), json_, lambda: _digested(report))
    if report.state == "failed" or report.findings:
        raise typer.Exit(Exit.REFUSED)


def _digested(report: DigestReport) -> str:
    altered = ""
    if report.findings:
        altered = "THE RECORDS ARE ALTERED OR INCOMPLETE, so the digest publishes no head. Run sendflow findings. "
    alert = " NO SWEEP HAS FINISHED FOR A DAY: no reminders are sent until one does." if report.alert else ""
    return (
        f"{altered}The digest of {full_day(report.as_at)} is {report.state.replace('_', ' ')}:"
        f" {report.late} late, {report.soon} due in seven days, {report.person} for a person.{alert} Read it with:"
        f" sendflow letters {report.letter}"
    )
