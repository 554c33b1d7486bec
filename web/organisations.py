"""Organisations: the directory, what of it would reach nobody, and changes, each recorded with who made it.

A new mailbox counts once somebody gives back the code of its test message. `web/directory_entries.py` has the forms.
"""

from __future__ import annotations

from typing import Any

from casework.delivery.ladder_check import check
from casework.month_ahead import month_ahead
from casework.organisations import MAILBOX, Entry, WrongCode, called, confirm, record_entry, waiting
from casework.own_file_changes import WrongChange, history
from casework.rules.config_held import DIRECTORY
from config.directory import Directory
from config.directory_edit import mailboxes
from config.directory_entries import Person
from config.directory_forms import EntryError
from web.answers import Answer, GoTo, Page
from web.asked import Asked
from web.directory_entries import role_name
from web.faults import no_page
from web.labels import first_capital


def overview(asked: Asked) -> Answer:
    """Who is who, with services, mailboxes, days and successors; what would reach nobody; and every change."""
    return _overview(asked)


def one(asked: Asked) -> Answer:
    """One organisation: its services, mailboxes, people and days, each with the page that changes it."""
    directory, code = asked.context.directory, asked.place["body"]
    body = next((each for each in directory.body_ if each.body == code), None)
    if body is None:
        return no_page(404)
    values: dict[str, Any] = {"title": body.name, "body": body, "today": asked.context.today()}
    return Page("organisation.html", values | {"people": people_in_roles(directory, f"{body.body}:")})


def people_in_roles(directory: Directory, before: str = "") -> list[tuple[int, Person, str]]:
    """The people in roles, each with its number in the file and the name of its role; `before` begins the role."""
    return [
        (number, each, role_name(directory, each.role))
        for number, each in enumerate(directory.person, 1)
        if each.role.startswith(before)
    ]


def ask_mailbox(asked: Asked) -> Answer:
    """Send a test message to a new mailbox."""
    place, mailbox = asked.form.get("place", ""), asked.form.get("mailbox", "").strip()
    if not place:
        return _overview(asked, ("place", "Choose whose mailbox it is."))
    try:
        id_ = record_entry(asked.context, Entry(MAILBOX, place, {"mailbox": mailbox}), asked.account, "page")
    except WrongChange as problem:
        return _overview(asked, ("mailbox", _said(problem)))
    return GoTo(f"/organisations/mailboxes/{id_}" if id_ else "/organisations?done=mailbox#changes")


def mailbox(asked: Asked) -> Answer:
    """The question for the codes of the test messages."""
    return _mailbox(asked)


def confirm_mailbox(asked: Asked) -> Answer:
    """Let a change count, by the codes of its test messages."""
    try:
        row = waiting(asked.context, asked.place["id"])
    except WrongChange:
        return no_page(404)
    codes = {each: asked.form.get(f"code-{number}", "") for number, each in enumerate(row.mailboxes, 1)}
    try:
        confirm(asked.context, row.id, codes, asked.account, "page")
    except (WrongChange, EntryError) as problem:
        wrong = list(row.mailboxes).index(problem.mailbox) + 1 if isinstance(problem, WrongCode) else 1
        return _mailbox(asked, first_capital(str(problem)), wrong)
    return GoTo("/organisations?done=mailbox#changes")


def _overview(asked: Asked, error: tuple[str, str] | None = None) -> Page:
    context, form = asked.context, asked.form
    places = mailboxes(context.directory)
    items = [
        {
            "value": each.place.word,
            "text": f"{each.whose}: {each.value or 'none'}",
            "selected": each.place.word == form.get("place"),
        }
        for each in places
    ]
    values: dict[str, Any] = {
        "title": "Organisations",
        "bodies": context.directory.body_,
        "icb": context.directory.icb,
        "las": context.directory.la,
        "services": context.directory.service,
        "people": people_in_roles(context.directory),
        "team": context.directory.team,
        "problems": check(context),
        "history": history(context, DIRECTORY)[:20],
        "items": [{"value": "", "text": "Choose"}, *items],
        "form": form,
        "done": asked.query.get("done", ""),
        "error": error,
        "errors": bool(error),
    }
    return Page("organisations.html", values, 400 if error else 200)


def _mailbox(asked: Asked, error: str = "", wrong: int = 1) -> Page:
    try:
        row = waiting(asked.context, asked.place["id"])
    except WrongChange:
        return no_page(404)
    whose = called(asked.context, row.entry)
    typed = {name: value.strip() for name, value in asked.form.items() if name.startswith("code-")}
    values = {"title": "Confirm a mailbox", "row": row, "whose": whose, "error": error, "errors": bool(error)}
    values |= {"wrong": wrong, "typed": typed}
    return Page("organisation_mailbox.html", values, 400 if error else 200)


def _said(problem: WrongChange) -> str:
    return first_capital(str(problem))


def month(asked: Asked) -> Answer:
    """What the escalation steps would send in the next four weeks, and what of them would reach nobody."""
    context = asked.context
    values = {"title": "The next four weeks", "ahead": month_ahead(context), "problems": check(context)}
    return Page("organisations_month.html", values)
