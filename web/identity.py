"""Who a case is about: hidden until somebody asks with a purpose, which is logged before anything is shown."""

from __future__ import annotations

from typing import Any

from casework.context import AppContext
from casework.privacy.access import read_person
from casework.privacy.case_looks import looks_at, note_look
from casework.privacy.purposes import WrongPurpose, titles
from casework.privacy.unusual_reading import DAYS, unusual_reads
from casework.reports.histories import read_histories
from config.rights import unusual_reading
from models.database import reading
from models.marks import NOT_YET
from web.answers import Answer, Page
from web.asked import Asked
from web.faults import no_page

WHY = "Say why you need to know it: choose one of the list."
SIGNS = {
    "many_in_an_hour": "Many cases in an hour",
    "own_surname": "The child's surname is in the account's name",
    "outside_hours": "Outside working hours",
}


def ask(asked: Asked) -> Answer:
    """The question for the purpose."""
    return Page("identity.html", _values(asked))


def show(asked: Asked) -> Answer:
    """Log the access, then show the person and the confidential words."""
    ref, purpose, values = asked.place["ref"], asked.form.get("purpose", ""), _values(asked)
    try:
        found = read_person(asked.context, ref, asked.account, purpose, with_free_text=True)
    except WrongPurpose:
        return Page("identity.html", {**values, "error": WHY, "errors": True}, 400)
    except LookupError:
        return no_page(404)
    return Page("identity.html", {**values, "found": found})


def purpose_items(context: AppContext, chosen: str = "") -> list[dict[str, Any]]:
    """The choices of a question for the purpose."""
    return [{"value": word, "text": said, "selected": word == chosen} for word, said in titles(context).items()]


def _values(asked: Asked) -> dict[str, Any]:
    ref = asked.place["ref"]
    return {
        "title": f"Who case {ref} is about",
        "ref": ref,
        "purposes": purpose_items(asked.context),
        "not_yet": NOT_YET,
    }


def is_case(context: AppContext, ref: str) -> bool:
    """Whether there is a case of that reference."""
    try:
        with reading(context.engine) as connection:
            read_histories(connection, ref)
    except LookupError:
        return False
    return True


def looks(asked: Asked) -> Answer:
    """Who looked at a case, when and why."""
    ref = asked.place["ref"]
    if not is_case(asked.context, ref):
        return no_page(404)
    note_look(asked.context, ref, asked.account, "looks")
    return Page("looks.html", {"title": f"Who looked at {ref}", "ref": ref, "looks": looks_at(asked.context, ref)})


def unusual(asked: Asked) -> Answer:
    """What is unusual in who read which case."""
    values = {"title": "Unusual reading", "found": unusual_reads(asked.context), "days": DAYS, "signs": SIGNS}
    return Page("unusual.html", {**values, "limits": unusual_reading()})
