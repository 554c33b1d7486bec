"""`sendflow log`: shows the transparency log, replaces its keys, or goes on after a restored backup."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.installation import Access, open_installation
from cli.options import Json, check_actor, refuse_identifier
from cli.output import Exit, emit, fail

if TYPE_CHECKING:
    from casework.proof.report import LogReport

EXAMPLE = "for example sendflow log rotate --actor it.oncall --reason 'the machine was replaced'"
MOST_LETTERS = 500


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("log")(log)


def log(
    act: Annotated[
        str | None, typer.Argument(metavar="[rotate|continue]", help="What to do. Default: show the log.")
    ] = None,
    actor: Annotated[str | None, typer.Option("--actor", help="The account name of the person who acts.")] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", help="Why. Names no child. Stored for ever.", show_default=False)
    ] = None,
    json_: Json = False,
) -> None:
    """Show the transparency log: its newest signed checkpoint and the keys with which anyone verifies it.

    rotate replaces the keys. continue goes on from the present records after a backup was restored.
    """
    from casework.proof.report import log_report
    from casework.proof.sequencer import continue_log, rotate

    if act is None:
        if actor is not None or reason is not None:
            fail(Exit.WRONG_CALL, f"--actor and --reason go with rotate or continue: {EXAMPLE}")
        report = log_report(open_installation("log"))
        emit(report.model_dump(mode="json"), json_, lambda: _shown(report))
        return
    if act not in ("rotate", "continue"):
        fail(Exit.WRONG_CALL, f"Expected rotate or continue: {EXAMPLE}")
    if actor is None or reason is None or not reason.strip() or actor == "sendflow":
        fail(Exit.WRONG_CALL, f"A person does this, by name and with a reason: {EXAMPLE}")
    if len(reason) > MOST_LETTERS or not reason.isprintable():
        fail(Exit.WRONG_CALL, f"--reason has at most {MOST_LETTERS} characters on one line: {EXAMPLE}")
    check_actor(actor)
    refuse_identifier(reason, "--reason", "Say why without naming anybody")
    context = open_installation("log", access=Access.CHANGES)
    done = (rotate if act == "rotate" else continue_log)(context, actor, reason)
    if done.refused is not None:
        fail(Exit.REFUSED, done.refused)
    report = log_report(context)
    emit(report.model_dump(mode="json"), json_, lambda: _shown(report))


def _shown(report: LogReport) -> str:
    if report.checkpoint is None:
        return "The log has no signed checkpoint yet. sendflow up signs one every 15 minutes; sendflow digest too."
    text, _, signatures = report.checkpoint.partition("\n\n")
    here = "" if report.signs_here else "\nThis machine has no log.key: another machine signs."
    acts = "\n".join(
        f"  {act.at[:19]}Z {act.kind} by {act.actor}, at leaf {act.size}: {act.reason}" for act in report.acts
    )
    where = "\n".join(f"  {folder}" for folder in report.folders)
    keys = "\n".join(f"  {key if len(key) < 120 else key[:60] + '... (--json has all of it)'}" for key in report.keys)
    return (
        f"Signed checkpoint of {report.at}, with {len(signatures.splitlines())} signatures:\n\n{text}\n\n"
        f"Facts and changes that are not in it yet: {report.unsigned}\n"
        f"Keys to verify it. Store them where this machine cannot change them:\n{keys}\n"
        f"It leaves to:\n{where}\nWhat was done to the log:\n{acts}{here}"
    )
