"""What a case will send to whom on which day if nothing is recorded, and the record that a person chased by hand."""

from __future__ import annotations

from casework.delivery.by_hand import chased_by_hand
from casework.delivery.holds import NothingToHold
from casework.delivery.ladder import ladder as run_ahead
from casework.privacy.case_looks import note_look
from models.facts import REFERENCE
from web.answers import Answer, GoTo, Page
from web.asked import Asked
from web.faults import fault, no_page

LONGEST = 2_000


def ladder(asked: Asked) -> Answer:
    """The letters of the case to come, in order."""
    ref = asked.place["ref"].upper()
    if not REFERENCE.fullmatch(ref):
        return no_page(404)
    try:
        ahead = run_ahead(asked.context, ref)
    except LookupError:
        return no_page(404)
    note_look(asked.context, ahead.case_ref, asked.account, "ladder")
    values = {"title": f"Letters to come: {ahead.case_ref}", "ahead": ahead, "done": asked.query.get("done", "")}
    return Page("ladder.html", values)


def chased(asked: Asked) -> Answer:
    """Record that a person chased by hand, so that the reminders of the case wait three working days."""
    ref, note = asked.place["ref"], asked.form.get("note", "").strip()
    if not note or len(note) > LONGEST:
        return fault("Nothing was recorded", "Say in a few words whom you asked, and for what.", status=400)
    how = asked.form.get("how", "message")
    if how not in ("call", "meeting", "message"):
        return fault("Nothing was recorded", "Choose how you chased.", status=400)
    try:
        report = chased_by_hand(asked.context, ref, asked.account, note, how)  # type: ignore[arg-type]  # checked above
    except (NothingToHold, LookupError):
        return no_page(404)
    return GoTo(f"/cases/{ref}/ladder?done={report.until}")
