"""The e-mails: what left, what waits and why, what is on hold; each as its reader sees it."""

from __future__ import annotations

from casework.delivery.release import notices_on_hold, release
from casework.privacy.case_looks import note_looks
from casework.reports.letters import NoSuchLetter, listed, shown
from casework.reports.letters import letters as all_letters
from models.errors import Refusal
from web.answers import Answer, GoTo, Page
from web.asked import Asked
from web.export import Column, Sheet, as_file
from web.faults import fault, no_page

STATES = {
    "sent": "Sent",
    "waiting": "Waiting",
    "failed": "Failed",
    "sent_perhaps_twice": "Sent perhaps twice",
    "sending": "Leaving now",
    "withdrawn": "No longer needed",
}
COLUMNS = (Column("Day", "on"), Column("To", "mailbox"), Column("Subject", "subject"), Column("State", "state"))


def letters(asked: Asked) -> Answer:
    """The e-mails by state, the newest first, and the notices that have no e-mail yet."""
    context = asked.context
    state = asked.query.get("state", "")
    found = [each for each in reversed(all_letters(context)) if not state or each.state == state]
    kind = asked.query.get("format", "")
    if kind in ("csv", "xlsx"):
        sheet = Sheet(f"e-mails-{context.today()}", f"e-mails; state: {state or 'all'}", COLUMNS, found)
        return as_file(asked, sheet, kind)
    waiting = [each for each in listed(context) if each.letter is None and each.state == "created"]
    return Page(
        "letters.html",
        {
            "title": "E-mails",
            "found": found[:200],
            "total": len(found),
            "state": state,
            "states": STATES,
            "waiting": waiting,
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
    cases = sorted({each.case_ref for each in listed(asked.context) if each.letter == found.id})
    note_looks(asked.context, cases, asked.account, "e-mail")
    return Page("letter.html", {"title": found.subject, "found": found, "cases": cases, "states": STATES})


def release_held(asked: Asked) -> Answer:
    """Release what a first import put on hold, after a person looked at it."""
    if asked.form.get("sure") != "yes":
        return fault("Nothing was released", "Tick the box to say that the list was looked at.", status=400)
    release(asked.context)
    return GoTo("/letters")
