"""`sendflow deliver`, `letters`, `digest`: what was said to whom, in which words, and the sending of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.cases import day_of
from cli.output import Exit, counted, emit, fail, tell

if TYPE_CHECKING:
    from casework.context import AppContext
    from casework.delivery.daily_digest import DigestReport
    from casework.delivery.deliver import DeliveryReport

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command("deliver")(deliver)
    app.command("letters")(letters)
    app.command("digest")(digest)


def deliver(
    now: Annotated[bool, typer.Option("--now", help="Do not wait for a working day's hours, 08:00 to 18:00.")] = False,
    reason: Annotated[
        str | None,
        typer.Option("--reason", help="Why it cannot wait: kept with the record of the run. Goes with --now."),
    ] = None,
    json_: Json = False,
) -> None:
    """Send the letters that are due: one message to a mailbox a day, on working days."""
    from casework.context import AppContext
    from config.settings import Carrier
    from flows.jobs import run_job

    if reason is not None and not now:
        fail(
            Exit.WRONG_CALL, "--reason goes with --now: for example sendflow deliver --now --reason 'hearing tomorrow'"
        )
    context = AppContext.load()
    if now and not (reason and reason.strip()) and context.settings.carrier is not Carrier.SINK:
        fail(
            Exit.WRONG_CALL,
            "Letters that reach people outside working hours need a reason: for example sendflow deliver --now --reason"
            " 'hearing tomorrow'",
        )
    report: DeliveryReport = run_job("deliver", context, now=now, reason=reason, say=tell)
    emit(report.model_dump(mode="json"), json_, lambda: _delivered(report))
    tell_held(context)
    if report.failed:
        raise typer.Exit(Exit.REFUSED)


def _delivered(report: DeliveryReport) -> str:
    said = [f"{counted(report.sent, 'letter')} sent"]
    if report.failed:
        said.append(f"{report.failed} failed: sendflow letters says which and why")
    if report.waiting:
        said.append(
            f"{report.waiting} waiting: for a working day between 08:00 and 18:00, for tomorrow's one message, or for a"
            " mail server that answers"
        )
    if report.mail_server_error is not None:
        said.append(
            f"the mail server accepts no e-mail ({report.mail_server_error.replace('_', ' ')}): run sendflow doctor for"
            " the fix"
        )
    if report.withdrawn:
        said.append(f"{counted(report.withdrawn, 'notice')} withdrawn, because what they said is no longer called for")
    return "; ".join(said) + "."


def letters(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID | show ID | release]", help="A letter to read, or release. Nothing: list them."),
    ] = None,
    html: Annotated[bool, typer.Option("--html", help="The letter as HTML.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Release without being asked again.")] = False,
    json_: Json = False,
) -> None:
    """List every notice and letter, read one letter as it was sent, or release those that the first import
    holds back.
    """
    from casework.context import AppContext

    given = words or []
    if given[:1] == ["show"]:
        given = given[1:]
        if not given:
            fail(Exit.WRONG_CALL, "A letter's id was expected: for example sendflow letters show 20260414-3d559e323b")
    if len(given) > 1:
        fail(
            Exit.WRONG_CALL,
            "One letter's id, or release, was expected: for example sendflow letters 20260414-3d559e323b",
        )
    if html and given in ([], ["release"]):
        fail(Exit.WRONG_CALL, "--html goes with one letter: for example sendflow letters 20260414-3d559e323b --html")
    if yes and given != ["release"]:
        fail(Exit.WRONG_CALL, "--yes goes with release: sendflow letters release --yes")
    context = AppContext.load()
    if not given:
        _list(context, json_)
    elif given == ["release"]:
        _release(context, yes, json_)
    else:
        _show(context, given[0], html, json_)


def _list(context: AppContext, json_: bool) -> None:
    from casework.reports import letters

    notices = letters.listed(context)
    emit([notice.model_dump(mode="json") for notice in notices], json_, lambda: _listing(context))


def _listing(context: AppContext) -> str:
    from casework.reports import letters

    found = letters.letters(context)
    unsent = [notice for notice in letters.listed(context) if notice.state in ("created", "held")]
    lines = [
        f"{one.id:<24} {one.on}  {one.state.replace('_', ' ')}{f' ({one.why})' if one.why else '':<2}  to"
        f" {one.mailbox or 'no address'}\n    {one.subject}"
        for one in found
    ]
    if unsent:
        lines.append(f"{counted(len(unsent), 'notice')} without a letter yet:")
        lines += [
            f"    {one.case_ref}  {one.rung.replace('_', ' ')}  to the {one.recipient.replace('_', ' ')}  {one.state}"
            for one in unsent
        ]
    lines.append("Read one with: sendflow letters ID" if found else "No letter has been written yet.")
    return "\n".join(lines)


def _show(context: AppContext, letter: str, html: bool, json_: bool) -> None:
    from casework.reports import letters
    from notifications.render import RenderError

    try:
        found = letters.shown(context, letter)
    except letters.NoSuchLetter as problem:
        fail(Exit.WRONG_CALL, str(problem))
    except RenderError as problem:
        fail(Exit.NOT_FINISHED, f"The letter cannot be shown: {problem}")
    if html and not json_:
        sys.stdout.write(found.html)
        return
    document: dict[str, Any] = found.model_dump(mode="json", exclude=set() if html else {"html"})
    head = [
        f"To: {found.mailbox or 'no address'}",
        f"Subject: {found.subject}",
        f"Message-ID: {found.message_id}",
        f"State: {found.state.replace('_', ' ')}",
    ]
    if found.sent_at:
        head.append(f"Sent: {found.sent_at}")
    emit(document, json_, lambda: "\n".join(head) + "\n\n" + found.text)


def tell_held(context: AppContext) -> None:
    """Say that letters of a first import wait for a person, where they do: nothing else would remind whoever only
    delivers.
    """
    from casework.delivery.release import notices_on_hold

    if held := notices_on_hold(context):
        boxes = len({one.mailbox for one in held})
        notices = counted(sum(one.notices for one in held), "notice")
        tell(
            f"Held: {notices} to {counted(boxes, 'mailbox', 'mailboxes')}, until a person lets them go: sendflow"
            " letters release shows how many go to whom."
        )


def _release(context: AppContext, yes: bool, json_: bool) -> None:
    from casework.delivery.release import notices_on_hold, release

    held = notices_on_hold(context)
    total = sum(one.notices for one in held)
    said = [
        f"{counted(one.notices, 'notice')} to {one.mailbox or 'no address'} ({one.recipient.replace('_', ' ')})"
        for one in held
    ]
    if not json_:
        tell("\n".join([f"Held: {counted(total, 'notice')} to {counted(len(held), 'mailbox', 'mailboxes')}.", *said]))
    if total and not yes and not json_ and sys.stdin.isatty():
        yes = typer.confirm("Let them go with the next delivery?", err=True)
    released = release(context) if total and yes else 0
    document = {
        "held": total - released,
        "released": released,
        "mailboxes": [one.model_dump(mode="json") for one in held],
    }
    waiting = "Nothing was released: add --yes to let them go." if total else "Nothing is held."
    emit(document, json_, lambda: f"{released} released: they leave with the next delivery." if released else waiting)


def digest(
    as_at: Annotated[
        str | None, typer.Option("--as-at", help="The day of the digest, as 2026-04-14. Today unless said.")
    ] = None,
    json_: Json = False,
) -> None:
    """Write and send the Designated Clinical Officer's morning digest: once a day, however often it runs."""
    from casework.context import AppContext
    from casework.sweep import WrongDay
    from flows.jobs import run_job

    day = day_of(as_at, "--as-at")
    context = AppContext.load()
    try:
        report: DigestReport = run_job("digest", context, as_at=day or context.today(), say=tell)
    except WrongDay as problem:
        fail(Exit.WRONG_CALL, str(problem))
    emit(report.model_dump(mode="json"), json_, lambda: _digested(report))
    if report.state == "failed":
        raise typer.Exit(Exit.REFUSED)


def _digested(report: DigestReport) -> str:
    alert = " NO SWEEP HAS FINISHED FOR A DAY: nobody is chased until one does." if report.alert else ""
    return (
        f"The digest of {report.as_at.day} {report.as_at:%B %Y} is {report.state.replace('_', ' ')}: {report.late}"
        f" late, {report.soon} due in seven days, {report.person} for a person.{alert} Read it with: sendflow letters"
        f" {report.letter}"
    )
