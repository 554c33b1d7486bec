"""Organisations: the directory, what of it would reach nobody, and changes, each recorded with who made it.

A new mailbox counts once somebody gives back the code of its test message. Days and a successor are shown with what
they change, and then recorded.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from casework import organisations as directory_changes
from casework.delivery.ladder_check import check
from casework.month_ahead import month_ahead
from casework.own_file_changes import WrongChange, history
from casework.rules.config_held import DIRECTORY
from config.directory_edit import mailboxes
from config.directory_entries import Provider
from web.answers import Answer, GoTo, Page
from web.asked import Asked
from web.faults import no_page
from web.forms import Field, fill
from web.labels import first_capital

DAY_FIELDS = (("first_day", "First day (optional)"), ("last_day", "Last day (optional)"))


def overview(asked: Asked) -> Answer:
    """Who is who, with services, mailboxes, days and successors; what would reach nobody; and every change."""
    return _overview(asked)


def one(asked: Asked) -> Answer:
    """One organisation: its services and mailboxes, and the form of its days and its successor."""
    body = _body(asked)
    return no_page(404) if body is None else _one(asked, body, _days_of(body))


def change_days(asked: Asked) -> Answer:
    """Say what a first day, a last day or a successor changes; then record it."""
    body = _body(asked)
    if body is None:
        return no_page(404)
    days = _days_of(None, asked)
    successor = asked.form.get("successor", "").strip().upper() or None
    wrong = next((each for each in days if each.error), None)
    if wrong is not None:
        return _one(asked, body, days, error=(f"{wrong.name}-day", wrong.error))
    first, last = (date.fromisoformat(each.value) if each.value else None for each in days)
    try:
        text = directory_changes.with_days(asked.context, body.body, first, last, successor)
        if asked.form.get("step") != "record":
            problems = directory_changes.new_problems(asked.context, text)
            return _one(asked, body, days, check_=problems)
        directory_changes.record_days(asked.context, asked.account, body.body, first, last, successor)
    except WrongChange as problem:
        return _one(asked, body, days, error=("first_day-day", _said(problem)))
    return GoTo("/organisations?done=days#changes")


def ask_mailbox(asked: Asked) -> Answer:
    """Send a test message to a new mailbox."""
    place, mailbox = asked.form.get("place", ""), asked.form.get("mailbox", "").strip()
    if not place:
        return _overview(asked, ("place", "Choose whose mailbox it is."))
    try:
        id_ = directory_changes.ask_mailbox(asked.context, asked.account, place, mailbox)
    except WrongChange as problem:
        return _overview(asked, ("mailbox", _said(problem)))
    return GoTo(f"/organisations/mailboxes/{id_}")


def mailbox(asked: Asked) -> Answer:
    """The question for the code of a test message."""
    return _mailbox(asked)


def confirm_mailbox(asked: Asked) -> Answer:
    """Let a new mailbox count, by the code of its test message."""
    try:
        directory_changes.asked_for(asked.context, asked.place["id"])
    except WrongChange:
        return no_page(404)
    try:
        directory_changes.confirm_mailbox(asked.context, asked.account, asked.place["id"], asked.form.get("code", ""))
    except WrongChange as problem:
        return _mailbox(asked, _said(problem))
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


def _one(
    asked: Asked,
    body: Provider,
    days: list[Field],
    *,
    check_: list[str] | None = None,
    error: tuple[str, str] | None = None,
) -> Page:
    successor = asked.form.get("successor", body.successor or "")
    others = [each for each in asked.context.directory.bodies if each.body != body.body]
    values: dict[str, Any] = {"title": body.name, "body": body, "days": days, "successor": successor.upper()}
    values |= {"others": others, "check": check_, "error": error, "errors": bool(error)}
    return Page("organisation.html", values, 400 if error else 200)


def _mailbox(asked: Asked, error: str = "") -> Page:
    try:
        row = directory_changes.asked_for(asked.context, asked.place["id"])
    except WrongChange:
        return no_page(404)
    whose = next((each.whose for each in mailboxes(asked.context.directory) if each.place.word == row["place"]), "")
    values = {"title": "Confirm a mailbox", "row": row, "whose": whose, "id": asked.place["id"], "error": error}
    return Page("organisation_mailbox.html", {**values, "errors": bool(error)}, 400 if error else 200)


def _body(asked: Asked) -> Provider | None:
    return next((each for each in asked.context.directory.body_ if each.body == asked.place["body"]), None)


def _days_of(body: Provider | None, asked: Asked | None = None) -> list[Field]:
    made = []
    for name, label in DAY_FIELDS:
        field = Field(name, label, "", "day", False)
        known = getattr(body, name) if body is not None else None
        if asked is not None:
            fill(field, asked.form)
        elif known is not None:
            field.value, field.parts = known.isoformat(), (str(known.day), str(known.month), str(known.year))
        made.append(field)
    return made


def _said(problem: WrongChange) -> str:
    return first_capital(str(problem))


def month(asked: Asked) -> Answer:
    """What the escalation steps would send in the next four weeks, and what of them would reach nobody."""
    context = asked.context
    values = {"title": "The next four weeks", "ahead": month_ahead(context), "problems": check(context)}
    return Page("organisations_month.html", values)
