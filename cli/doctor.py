"""`sendflow doctor`: what a person must mend, in one list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import Exit, emit, fail, tell

if TYPE_CHECKING:
    from config.settings import Settings
    from runtime.diagnostics.checks import DoctorReport

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("doctor")(doctor)


def doctor(
    quick: Annotated[bool, typer.Option("--quick", help="Leave out the verify of every case.")] = False,
    alert: Annotated[
        bool, typer.Option("--alert", help="Write to SENDFLOW_ALERT_TO what is to be mended, once a day; for a timer.")
    ] = False,
    json_: Json = False,
) -> None:
    """Look over the whole house and name what a person must mend. Exit 0 where there is nothing, 1 where there is.
    Changes nothing.
    """
    from config.settings import Settings
    from runtime.diagnostics.checks import examine

    settings = Settings.read()
    report = examine(settings, quick)
    if alert:
        _alert(settings, report)
    emit(report.model_dump(mode="json"), json_, lambda: _said(report))
    if not report.well:
        raise typer.Exit(Exit.REFUSED)


def _alert(settings: Settings, report: DoctorReport) -> None:
    from datetime import UTC, datetime

    from runtime.diagnostics.alerts import Alerted
    from runtime.diagnostics.alerts import alert as write

    try:
        became = write(settings, report, datetime.now(UTC))
    except ValueError as problem:
        fail(Exit.WRONG_CALL, str(problem))
    tell(f"The alert: {became}.")
    if became is Alerted.NOT_SENT:
        raise typer.Exit(Exit.NOT_FINISHED)


def _said(report: DoctorReport) -> str:
    lines = ["Nothing to mend."] if report.well else [f"To mend: {len(report.findings)}"]
    for each in report.findings:
        many = f" ({each.count})" if each.count > 1 else ""
        where = f" [{', '.join(each.cases)}]" if each.cases else ""
        lines += [f"  {each.message}{many}{where}", f"    -> {each.mend}"]
    lines += [f"Not looked at: {each}." for each in report.not_looked_at]
    if not report.open:
        lines.append("The house is closed: nothing sweeps or sends by itself until make up opens it.")
    return "\n".join(lines)
