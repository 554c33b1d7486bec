"""The e-mails: what left, what waits and why, what is on hold; each as its reader sees it."""

from __future__ import annotations

from itertools import pairwise

from sqlalchemy import select

from casework.cases.fact_form import Refused
from casework.context import AppContext
from casework.delivery.next_day_letters import letters_on_hold, next_day_letters
from casework.delivery.release import notices_on_hold, release
from casework.privacy.case_looks import note_looks
from casework.reports.letter_events import letter_events
from casework.reports.letters import MOST_COUNTED, NoSuchLetter, cases_in, letters_page, not_in_a_letter, shown
from casework.reports.letters import letters as all_letters
from models.database import reading
from models.errors import Refusal
from models.tables import LETTER
from notifications.render import Template, shelf
from notifications.template_facts import changes, fields_of, parts_of, reading_age
from web.answers import Answer, GoTo, Page
from web.asked import Asked, page_of
from web.export import Column, Sheet, as_file
from web.faults import fault, no_page
from web.labels import first_capital

PAGE = 50
SEVERAL = "Any process"
WAITING_SHOWN = 10
MOST_WAITING = 500
STATES = {
    "sent": "Sent",
    "waiting": "Waiting",
    "failed": "Failed",
    "came_back": "Came back",
    "sent_perhaps_twice": "Sent perhaps twice",
    "sending": "Leaving now",
    "withdrawn": "No longer needed",
}
EVENTS = {
    "row_changed": "sendflow began to send it, or recorded the answer of the mail server",
    "notice_sent": "The mail server accepted it",
    "notice_failed": "It failed: its reader was not notified",
    "notice_came_back": "It came back: its reader was not notified",
    "notice_undelivered": "It was not delivered: its reader was not notified",
}
COLUMNS = (Column("Day", "on"), Column("To", "mailbox"), Column("Subject", "subject"), Column("State", "state"))


def letters(asked: Asked) -> Answer:
    """The e-mails by state, the newest first, and the notices that have no e-mail yet."""
    context = asked.context
    state = asked.query.get("state", "")
    if state and state not in STATES:
        return fault(
            "E-mails have no such state", f"Choose one on the page E-mails: {', '.join(STATES.values())}.", status=400
        )
    kind = asked.query.get("format", "")
    if kind in ("csv", "xlsx"):
        found = list(reversed(all_letters(context, state)))
        sheet = Sheet(f"e-mails-{context.today()}", f"e-mails; state: {state or 'all'}", COLUMNS, found)
        return as_file(asked, sheet, kind)
    page = page_of(asked.query)
    found, total = letters_page(context, state, page, PAGE)
    most = MOST_WAITING if asked.query.get("waiting") == "all" else WAITING_SHOWN
    waiting, waiting_total = not_in_a_letter(context, most)
    return Page(
        "letters.html",
        {
            "title": "E-mails",
            "found": found,
            "total": total,
            "most_counted": MOST_COUNTED,
            "page": page,
            "pages": max(1, -(-total // PAGE)),
            "state": state,
            "states": STATES,
            "waiting": waiting,
            "waiting_total": waiting_total,
            "most_waiting": MOST_WAITING,
            "held": notices_on_hold(context),
        },
    )


def letter(asked: Asked) -> Answer:
    """One e-mail as its reader sees it."""
    try:
        found = shown(asked.context, asked.place["id"])
    except NoSuchLetter:
        return no_page(404)
    except Refusal as problem:
        return fault("This e-mail cannot be shown", str(problem), status=409)
    cases = cases_in(asked.context, found.id)
    note_looks(asked.context, cases, asked.account, "e-mail")
    values = {"title": found.subject, "found": found, "cases": cases, "states": STATES, "events": EVENTS}
    return Page("letter.html", {**values, "became": letter_events(asked.context, found.id)})


def tomorrow(asked: Asked) -> Answer:
    """What would leave on the next working day if nothing happened until then."""
    found = next_day_letters(asked.context, page_of(asked.query))
    note_looks(asked.context, {ref for each in found.letters for ref in each.cases}, asked.account, "e-mail")
    return Page("tomorrow.html", {"title": "What would leave next", "found": found})


def held(asked: Asked) -> Answer:
    """What a first import put on hold, as each mailbox would read it today, with the button that releases it."""
    context = asked.context
    found = letters_on_hold(context, page_of(asked.query))
    note_looks(context, {ref for each in found.letters for ref in each.cases}, asked.account, "e-mail")
    return Page("held.html", {"title": "E-mails on hold", "found": found, "held": notices_on_hold(context)})


def templates(asked: Asked) -> Answer:
    """Every template of an e-mail by process, with its purpose, its newest version and the age at which it can be
    read.
    """
    groups: dict[str, list[tuple[Template, int | None]]] = {}
    for _name, each in sorted(shelf().newest.items()):
        groups.setdefault(_processes_of(asked.context, each), []).append((each, reading_age(each)))
    return Page("templates.html", {"title": "Templates of e-mails", "groups": sorted(groups.items())})


def _processes_of(context: AppContext, template: Template) -> str:
    """Of which process the e-mails of a template are: those of the rules that it cites."""
    rules, known = context.law.rules, context.processes
    titles = sorted({known[rules[rule].process].title for rule in template.cites if rule in rules})
    if len(titles) != 1 or template.id not in context.escalation_policy.templates:
        return SEVERAL
    return titles[0]


def template(asked: Asked) -> Answer:
    """One template: its fields and parts, the text of each released version, what each changed, and the newest e-mails
    that were made of it.
    """
    versions = [each for each in shelf().templates.values() if each.id == asked.place["id"]]
    if not versions:
        return no_page(404)
    query = select(LETTER.c.id, LETTER.c.on).where(LETTER.c.template == asked.place["id"])
    with reading(asked.context.engine) as connection:
        examples = connection.execute(query.order_by(LETTER.c.on.desc(), LETTER.c.id).limit(3)).all()
    versions.sort(key=lambda each: -each.version)
    newest = versions[0]
    return Page(
        "template.html",
        {
            "title": f"Template {newest.id}",
            "versions": versions,
            "examples": examples,
            "ages": {each.version: reading_age(each) for each in versions},
            "fields": fields_of(newest),
            "parts": parts_of(newest),
            "changes": {after.version: changes(before, after) for after, before in pairwise(versions)},
        },
    )


def release_held(asked: Asked) -> Answer:
    """Release what a first import put on hold, after a person looked at it."""
    if asked.form.get("sure") != "yes":
        return fault("Nothing was released", "Tick the box to say that the e-mails were looked at.", status=400)
    try:
        release(asked.context, asked.account)
    except Refused as problem:  # a second person has to agree, or this one asked before
        return fault("Nothing is released yet", first_capital(problem.message) + ".", status=409)
    return GoTo("/letters")
