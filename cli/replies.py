"""`sendflow replies`: reads the mailbox, lists the mails that wait for a person, shows one and decides about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.installation import Access, open_installation
from cli.options import Json, check_actor, parse_day
from cli.output import Exit, emit, fail, notify
from config.text import counted

if TYPE_CHECKING:
    from casework.context import AppContext
    from casework.mailbox.read import RepliesReport
    from casework.mailbox.tray import MailListed, MailShown
    from casework.replies.record import Asked

EXAMPLE = "for example sendflow replies decide 3f9a0b1c2d4e5f60 received --case NX00042 --actor dco.team"
ARGUMENTS = (
    "read: read the mailbox now. show ID: what a mail says; the look is logged. decide ID WHAT: not_ours, belongs_to"
    " (with --case), nothing_to_record, undelivered, or the answer that it gives, such as received or expected."
    " Default: list the mails that wait."
)


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("replies")(replies)


def replies(
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[read | show ID | decide ID WHAT]", help=ARGUMENTS)
    ] = None,
    case: Annotated[str | None, typer.Option("--case", help="The case that the mail is about, as NX00042.")] = None,
    on: Annotated[str | None, typer.Option("--on", help="The day that the mail names, as 2026-04-14.")] = None,
    service: Annotated[
        str | None, typer.Option("--service", help="The service to which the request was sent on, as paediatrics.")
    ] = None,
    actor: Annotated[
        str | None, typer.Option("--actor", help="The account name of the person who looks or decides.")
    ] = None,
    json_: Json = False,
) -> None:
    """Read the mailbox to which bodies reply, and decide about the mails that wait for a person."""
    given = arguments or []
    if given in ([], ["list"]):
        _list(json_)
    elif given == ["read"]:
        _read(json_)
    elif given[:1] == ["show"] and len(given) == 2:
        _show(given[1], _person(actor), json_)
    elif given[:1] == ["decide"] and len(given) == 3:
        _decide(given[1], given[2], _person(actor), {"case": case, "on": on, "service": service}, json_)
    else:
        fail(Exit.WRONG_CALL, f"Expected read, show ID or decide ID WHAT: {EXAMPLE}")


def _person(actor: str | None) -> str:
    if actor is None:
        fail(Exit.WRONG_CALL, f"A person looks and decides, by name: give --actor, {EXAMPLE}")
    return check_actor(actor)


def _list(json_: bool) -> None:
    from casework.mailbox.tray import waiting

    found = waiting(open_installation("replies"))
    emit([each.model_dump(mode="json") for each in found], json_, lambda: _listing(found))


def _listing(found: list[MailListed]) -> str:
    if not found:
        return "No mail waits for a person."
    lines = [f"{counted(len(found), 'mail waits', 'mails wait')} for a person:"]
    for each in found:
        about = f"  {', '.join(each.cases)}" if each.cases else ""
        lines += [f"{each.id}  {each.read_at[:16].replace('T', ' ')} UTC{about}", f"    It waits because {each.said}."]
    lines.append("To read one: sendflow replies show ID --actor WHO")
    return "\n".join(lines)


def _read(json_: bool) -> None:
    from casework.mailbox.read import NoMailbox
    from flows.runner import run_job

    context = open_installation("replies", access=Access.CHANGES)
    try:
        report: RepliesReport = run_job("replies", context, say=notify)
    except NoMailbox as problem:
        fail(Exit.WRONG_CALL, f"Nothing was read: {problem}")
    emit(report.model_dump(mode="json"), json_, lambda: _said(report))
    if report.error is not None:
        raise typer.Exit(Exit.NOT_FINISHED)


def _said(report: RepliesReport) -> str:
    parts = [
        f"{counted(report.read, 'mail')} read",
        *(
            f"{number} {words}"
            for number, words in (
                (report.answered, "recorded as answers"),
                (report.undelivered, "about e-mails that were not delivered"),
                (report.automatic, "automatic"),
                (report.repeated, "read before"),
                (report.waiting, "for a person: run sendflow replies"),
            )
            if number
        ),
    ]
    if report.error is not None:
        words = report.error.replace("_", " ")
        parts.append(f"the mailbox cannot be read ({words}): run sendflow doctor for the fix")
    return "; ".join(parts) + "."


def _show(id_: str, actor: str, json_: bool) -> None:
    from casework.mailbox.tray import NoSuchMail, show

    context = open_installation("replies", access=Access.CHANGES)
    try:
        found = show(context, id_, actor)
    except NoSuchMail as problem:
        fail(Exit.WRONG_CALL, _sentence(problem))
    emit(found.model_dump(mode="json"), json_, lambda: _shown(found))


def _shown(mail: MailShown) -> str:
    if mail.text is None:
        return f"The words of this mail are erased. It is settled: {mail.said}."
    attachments = ", ".join(mail.attachments) or "none"
    head = [
        f"From: {mail.sender or 'not one mailbox'}" + (f" ({mail.sender_name})" if mail.sender_name else ""),
        f"Subject: {mail.subject}",
        f"Read: {mail.read_at}",
        f"Attachments, not opened: {attachments}",
        f"State: {mail.state}, {mail.said}",
    ]
    if mail.letter is not None:
        head.append(f"Answers the e-mail: {mail.letter}")
    if mail.cases:
        head.append(f"Cases: {', '.join(mail.cases)}")
    return "\n".join(head) + f"\n\n{mail.text}\nTo decide: {EXAMPLE}"


def _decide(id_: str, what: str, actor: str, given: dict[str, str | None], json_: bool) -> None:
    from casework.cases.fact_form import Refused
    from casework.mailbox.tray import Decision, NoSuchMail, answer, decide
    from models.answers import Answer
    from models.errors import NoSuchCase

    words = [*map(str, Decision), *(str(each) for each in Answer if each is not Answer.EXCEPTIONAL)]
    if what not in words:
        fail(Exit.WRONG_CALL, f"Expected one of {', '.join(words)}: {EXAMPLE}")
    if what == Decision.BELONGS_TO and not given["case"]:
        fail(Exit.WRONG_CALL, "belongs_to needs --case: for example --case NX00042")
    context = open_installation("replies", access=Access.CHANGES)
    try:
        if what in set(Decision):
            found = decide(context, id_, Decision(what), actor, given["case"])
        else:
            asked, reply = _answer(context, id_, Answer(what), actor, given)
            found = answer(context, id_, asked, reply, actor)
    except (NoSuchMail, NoSuchCase) as problem:
        fail(Exit.WRONG_CALL, _sentence(problem))
    except Refused as refused:
        fail(Exit.REFUSED, f"Nothing was recorded: {refused.message}")
    about = f" on {', '.join(found.cases)}" if found.cases else ""
    emit(found.model_dump(mode="json"), json_, lambda: f"The mail is settled: {found.said}{about}.")


def _answer(context: AppContext, id_: str, what: Any, actor: str, given: dict[str, str | None]) -> tuple[Asked, Any]:
    """The duty that the answer is about, and the answer. Ends the command where it is not exactly one duty."""
    from casework.mailbox.tray import reply_typed, show, things_asked

    mail = show(context, id_, actor)
    fitting = [
        asked
        for asked, possible in things_asked(context, mail, given["case"])
        if what in [each.answer for each in possible]
    ]
    if len(fitting) != 1:
        found = "No open duty gets" if not fitting else f"{len(fitting)} open duties get"
        fail(Exit.REFUSED, f"Nothing was recorded: {found} that answer. Name the case with --case, or record the fact")
    (asked,) = fitting
    return asked, reply_typed(context, asked, what, parse_day(given["on"], "--on"), given["service"] or "")


def _sentence(problem: Exception) -> str:
    text = str(problem)
    return text[:1].upper() + text[1:]
