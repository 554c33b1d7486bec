"""The replies tray: the mails that wait for a person, one mail with its words, and the decision about it.

The list shows no word of a mail, and no address of a page does. Every look at a mail is logged before it is shown.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from casework.cases.fact_form import Refused
from casework.mailbox import tray
from casework.mailbox.tray import Decision, MailShown, NoSuchMail
from casework.replies.answers import Possible
from casework.replies.record import Asked as Question
from casework.replies.words import LABELS
from models.answers import Answer as Said
from models.errors import NoSuchCase
from web.answers import Answer, GoTo, Page
from web.asked import Asked
from web.faults import fault, no_page
from web.forms import Field, day_field
from web.labels import first_capital

MOST = 200
DECISIONS = {
    Decision.NOTHING_TO_RECORD: "Nothing is to be recorded",
    Decision.BELONGS_TO: "It belongs to a case, and stays with it",
    Decision.UNDELIVERED: "It says that our e-mail was not delivered",
    Decision.NOT_OURS: "It is not for this team",
}
# What a person records of a mail with the words of the regulations is recorded on the case itself.
BY_MAIL = tuple(each for each in Said if each is not Said.EXCEPTIONAL)


def mails(asked: Asked) -> Answer:
    """The mails that wait, the oldest first, with the reason of each."""
    found = tray.waiting(asked.context)
    values = {"title": "Replies", "found": found[:MOST], "total": len(found), "done": asked.query.get("done", "")}
    return Page("mails.html", values)


def mail(asked: Asked) -> Answer:
    """One mail with its words; the look is logged."""
    try:
        found = tray.show(asked.context, asked.place["id"], asked.account)
    except NoSuchMail:
        return no_page(404)
    return _page(asked, found)


def decide(asked: Asked) -> Answer:
    """Record what a person decides about a mail; then the list follows."""
    form, id_ = asked.form, asked.place["id"]
    what, case = form.get("what", ""), form.get("case", "").strip()
    errors: dict[str, str] = {}
    try:
        if what in set(Decision):
            if what == Decision.BELONGS_TO and not case:
                errors["case"] = "Enter the case that the mail belongs to, for example NX00042"
            else:
                wanted = case if what == Decision.BELONGS_TO else None
                tray.decide(asked.context, id_, Decision(what), asked.account, wanted)
        else:
            errors = _answer(asked, id_, what)
    except NoSuchMail as problem:
        return fault("This mail does not wait", first_capital(str(problem)), status=409)
    except NoSuchCase:
        errors["case"] = "There is no such case: enter its reference, for example NX00042"
    except Refused as refused:
        field = {"on": "on", "to": "service"}.get(refused.field or "", "what")
        errors[field] = first_capital(refused.message)
    if not errors:
        return GoTo("/mails?done=settled")
    try:
        found = tray.show(asked.context, id_, asked.account)
    except NoSuchMail:
        return no_page(404)
    return _page(asked, found, errors)


def _answer(asked: Asked, id_: str, what: str) -> dict[str, str]:
    """Record an answer about a duty; gives what is wrong with the form. Raises NoSuchMail or Refused."""
    found = tray.show(asked.context, id_, asked.account)
    chosen = next((each for each in _choices(asked, found) if each[0] == what), None)
    if chosen is None:
        return {"what": "Choose what the mail says, or what is to be done with it"}
    _value, _label, question, said = chosen
    day = _day(asked)
    if day.error:
        return {"on": day.error}
    on = date.fromisoformat(day.value) if day.value else None
    reply = tray.reply_typed(asked.context, question, said, on, asked.form.get("service", ""))
    tray.answer(asked.context, id_, question, reply, asked.account)
    return {}


def _choices(asked: Asked, found: MailShown) -> list[tuple[str, str, Question, Said]]:
    """Each answer about each open duty that the mail may be about: what the form sends, and its words."""
    about: list[tuple[Question, list[Possible]]] = tray.things_asked(asked.context, found)
    directory = asked.context.directory
    made: list[tuple[str, str, Question, Said]] = []
    for question, possible in about:
        whose = directory.service_name(question.service) if question.service else directory.body(question.body).name
        for each in possible:
            if each.answer in BY_MAIL:
                value = f"{question.case_ref}.{question.rule}.{question.opened_seq}.{each.answer}"
                made.append((value, f"{question.case_ref}, {whose}: {LABELS[each.answer]}", question, each.answer))
    return made


def _day(asked: Asked) -> Field:
    return day_field("on", "Day that the mail names", "", asked.form)


def _page(asked: Asked, found: MailShown, errors: dict[str, str] | None = None) -> Page:
    directory = asked.context.directory
    waits = found.state == "waiting"
    values: dict[str, Any] = {
        "title": "A reply",
        "found": found,
        "waits": waits,
        "choices": [each[:2] for each in _choices(asked, found)] if waits else [],
        "decisions": DECISIONS,
        "day": _day(asked),
        "services": sorted((slug, called.name) for slug, called in directory.service.items()),
        "form": asked.form,
        "problems": errors or {},
        "errors": [{"text": text, "href": f"#{name}"} for name, text in (errors or {}).items()],
    }
    return Page("mail.html", values, 400 if errors else 200)
