"""`sendflow letters`: lists notices and e-mails, shows one as it was sent, holds and releases them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.installation import Access, open_installation
from cli.letter_acts import ACTS, Signed, act, list_held
from cli.looks import log_look
from cli.options import Json, check_actor, machine_account
from cli.output import Exit, emit, fail, notify
from config.step_words import step_name
from config.text import counted

if TYPE_CHECKING:
    from casework.context import AppContext

ARGUMENTS = (
    "An e-mail to read; release what is on hold after the first import; or an act with a name: hold, release or"
    " chased (you chased by hand) with a case, a notice or an e-mail, came-back with an e-mail. Default: list all."
)
ACTOR = (
    "The account name of the person who holds, releases or records, such as dco.team. For release without a name it may"
    " be left out: it is then the account of this machine."
)
EXAMPLE = "for example sendflow letters 20260414-3d559e323b"


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("letters")(letters)


def letters(  # noqa: PLR0913 (one option each)
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID | release | ACT NAME]", help=ARGUMENTS),
    ] = None,
    held: Annotated[bool, typer.Option("--held", help="List what waits, why and until when, with a preview.")] = False,
    actor: Annotated[str | None, typer.Option("--actor", help=ACTOR)] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Why; stored encrypted.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="The last day of a hold, as 2026-04-14.")] = None,
    html: Annotated[bool, typer.Option("--html", help="Print the e-mail as HTML.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Release without a question.")] = False,
    json_: Json = False,
) -> None:
    """List notices and e-mails, read one as it was sent, hold or release letters, or record that one came back."""

    given = arguments or []
    if given[:1] in (["hold"], ["chased"], ["came-back"]) or (given[:1] == ["release"] and len(given) > 1):
        act(given, Signed(actor, reason, until), json_)
        return
    released_by = actor if given == ["release"] else None
    if (actor and not released_by) or reason or until:
        fail(Exit.WRONG_CALL, f"--actor, --reason and --until go with an act: {ACTS}")
    if held:
        list_held(given, json_)
        return
    if given[:1] == ["show"]:
        given = given[1:]
        if not given:
            fail(Exit.WRONG_CALL, f"Expected an e-mail's id: {EXAMPLE}")
    if len(given) > 1:
        fail(Exit.WRONG_CALL, f"Expected one e-mail's id, or release: {EXAMPLE}")
    if html and given in ([], ["release"]):
        fail(Exit.WRONG_CALL, f"--html needs one e-mail's id: {EXAMPLE} --html")
    if yes and given != ["release"]:
        fail(Exit.WRONG_CALL, "--yes goes with release: sendflow letters release --yes")
    context = open_installation("letters", access=Access.CHANGES if given == ["release"] else None)
    if not given:
        _list(context, json_)
    elif given == ["release"]:
        _release(context, check_actor(released_by or machine_account()), yes, json_)
    else:
        _show(context, given[0], html, json_)


def _list(context: AppContext, json_: bool) -> None:
    from casework.reports import letters

    notices = letters.listed(context)
    emit([notice.model_dump(mode="json") for notice in notices], json_, lambda: _marked_listing(context))


def _marked_listing(context: AppContext) -> str:
    from cli.formatting import marked

    return marked(context, _listing(context))


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
        lines.append(f"{counted(len(unsent), 'notice')} not yet in an e-mail (why it waits: sendflow letters --held):")
        lines += [
            f"    {one.case_ref}  {one.on}  {step_name(one.rung, context.escalation_policy)}"
            f"  to the {one.recipient.replace('_', ' ')}"
            + (f", {context.directory.service_name(one.service)}" if one.service else "")
            + f"  {one.state}"
            for one in unsent
        ]
    lines.append("To read one: sendflow letters ID" if found else "There is no e-mail yet.")
    return "\n".join(lines)


def _show(context: AppContext, letter: str, html: bool, json_: bool) -> None:
    from casework.reports import letters
    from notifications.render import RenderError

    try:
        found = letters.shown(context, letter)
    except letters.NoSuchLetter as problem:
        fail(Exit.WRONG_CALL, str(problem))
    except RenderError as problem:
        fail(Exit.NOT_FINISHED, f"The e-mail cannot be shown: {problem}")
    log_look(context, letters.cases_in(context, found.id), "letters")
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
    if found.warning:
        head.insert(0, found.warning)
    emit(document, json_, lambda: "\n".join(head) + "\n\n" + found.text)


def notify_letters_on_hold(context: AppContext) -> None:
    """Print how many notices are on hold after the first import, if any, and the command that releases them."""
    from casework.delivery.release import notices_on_hold

    if held := notices_on_hold(context):
        mailboxes = counted(len({one.mailbox for one in held}), "mailbox", "mailboxes")
        notices = counted(sum(one.notices for one in held), "notice")
        notify(
            f"On hold after the first import: {notices} to {mailboxes}. To see them and send them: sendflow letters"
            " release"
        )


def _release(context: AppContext, actor: str, yes: bool, json_: bool) -> None:
    from casework.delivery.release import notices_on_hold, release

    held = notices_on_hold(context)
    total = sum(one.notices for one in held)
    if not json_:
        rows = [
            f"{counted(one.notices, 'notice')} to {one.mailbox or 'no address'} ({one.recipient.replace('_', ' ')})"
            for one in held
        ]
        on_hold = f"{counted(total, 'notice')} to {counted(len(held), 'mailbox', 'mailboxes')}"
        notify("\n".join([f"On hold: {on_hold}.", *rows]))
        if total and not yes and sys.stdin.isatty():
            yes = typer.confirm("Send them with the next delivery?", err=True)
    released = release(context, actor) if total and yes else 0
    document = {
        "held": total - released,
        "released": released,
        "mailboxes": [one.model_dump(mode="json") for one in held],
    }
    waiting = "Nothing was released. To release: sendflow letters release --yes" if total else "Nothing is on hold."
    emit(
        document,
        json_,
        lambda: f"{released} released. The next delivery sends them." if released else waiting,
    )
