"""`sendflow doctor`: lists every problem of the installation with its fix."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import Json
from cli.output import Exit, emit, fail, notify
from config.text import full_day

if TYPE_CHECKING:
    from config.settings import Settings
    from runtime.diagnostics.checks import DoctorReport


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("doctor")(doctor)


def doctor(
    quick: Annotated[bool, typer.Option("--quick", help="Do not verify every case.")] = False,
    alert: Annotated[
        bool, typer.Option("--alert", help="E-mail the problems to SENDFLOW_ALERT_TO, once a day; for a timer.")
    ] = False,
    json_: Json = False,
) -> None:
    """Check the whole installation and list each problem with its fix. Changes nothing.

    The exit code is 0 without problems, 1 with problems, and 3 if there is no installation.
    """
    from config.settings import Settings
    from runtime.diagnostics.checks import examine

    settings = Settings.read()
    report = examine(settings, quick)
    if alert:
        _send_alert(settings, report)
    emit(report.model_dump(mode="json"), json_, lambda: _text(report))
    if any(finding.what == "no_records" for finding in report.findings):
        raise typer.Exit(Exit.NOT_FINISHED)
    if not report.well:
        raise typer.Exit(Exit.REFUSED)


def _send_alert(settings: Settings, report: DoctorReport) -> None:
    from datetime import UTC, datetime

    from runtime.diagnostics.alerts import Alerted, alert

    try:
        outcome = alert(settings, report, datetime.now(UTC))
    except ValueError as problem:
        fail(Exit.WRONG_CALL, str(problem))
    notify(f"The alert: {outcome}.")
    if outcome is Alerted.NOT_SENT:
        raise typer.Exit(Exit.NOT_FINISHED)


def _text(report: DoctorReport) -> str:
    lines = ["No problems found."] if report.well else [f"Problems to fix: {len(report.findings)}"]
    for finding in report.findings:
        count = f" ({finding.count})" if finding.count > 1 else ""
        cases = f" [{', '.join(finding.cases)}]" if finding.cases else ""
        lines += [f"  {finding.message}{count}{cases}", f"    -> {finding.mend}"]
    lines += [f"Not checked: {each}." for each in report.not_looked_at]
    if report.simulation:
        today = full_day(date.fromisoformat(report.looked_at[:10]))
        lines.append(f"SIMULATION: the day is {today}, and nobody gets these letters.")
    if not report.open:
        lines.append("sendflow is not running: no sweep and no delivery starts by itself until you run make up.")
    return "\n".join(lines)
