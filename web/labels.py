"""Words for what is stored as words with underscores: facts, steps, recipients, statuses, reasons."""

from __future__ import annotations

from functools import lru_cache

from casework.imports.preview_page import MEANINGS
from config.text import in_words

# Where the stored word is unclear, or is a word that the glossary replaces.
FACTS = {
    "excuse_claimed": "exception claimed",
    "excuse_decided": "decision on an exception",
    "chasing_began": "sendflow began to chase",
    "chasing_paused": "reminders paused",
    "contact_made": "call or meeting",
    "body_replied": "reply of a body",
    "case_linked": "linked to a case",
    "case_unlinked": "link to a case ended",
    "dco_attended": "panel, review or hearing attended",
    "reminder_due": "a reminder fell due",
    "escalation_due": "an escalation fell due",
    "breached": "the due date passed",
    "rung_withdrawn": "an earlier step was withdrawn",
    "notice_sent": "e-mail sent",
    "notice_failed": "e-mail failed",
    "notice_came_back": "e-mail came back",
    "notice_undelivered": "e-mail not delivered",
    "letters_held": "e-mails put on hold",
    "letters_released": "e-mails released",
    "fact_corrected": "correction",
    "fact_withdrawn": "withdrawal",
    "child_parted": "cases of two children separated",
    "child_joined": "cases of one child joined",
    "case_withdrawn": "request withdrawn",
    "case_closed": "case closed",
    "person_died": "child died",
    "person_flagged_sensitive": "child flagged as sensitive",
}
STEPS = {
    "acknowledgement_missing": "no acknowledgement yet",
    "breach": "the due date has passed",
    "escalation_provider": "first escalation",
    "escalation_icb": "second escalation",
    "rung_withdrawn": "an earlier e-mail is withdrawn",
}
PEOPLE = {
    "dco": "DCO",
    "service_manager": "service's manager",
    "provider_send_lead": "provider's SEND lead",
    "icb_executive_lead": "integrated care board's executive lead",
    "local_authority": "local authority",
}
FIELDS = {
    "la": "authority",
    "la_reference": "authority's reference",
    "rung": "step",
    "rule": "duty",
    "due": "due date",
    "due_now": "due date now",
    "agreed_by": "agreed by",
}
PROBLEMS = {
    **MEANINGS,
    "another_child": "An NHS number of another child",
    "authoritys_reference": "The authority's reference of a stored case",
    "bad_value": "A word that is none of those expected",
    "confirm_child": "It may be about the child of a stored case",
    "contradiction": "Cells that contradict each other",
    "differs": "Another value than is recorded",
    "look_again": "A probable slip",
    "open_already": "A case of the child is open already",
    "undecided_already": "An earlier request for the child is undecided",
    "unlawful": "A fact that cannot be true there",
}
STATUSES = {"no_date": "cannot be late", "excused": "exception accepted", "breached": "late"}


def words(value: object) -> str:
    """Words without underscores, with the abbreviations in capitals."""
    return _words(str(value if value is not None else ""))


@lru_cache(maxsize=4096)
def _words(stored: str) -> str:
    return in_words(stored)


def fact(kind: str) -> str:
    """The name of a kind of fact."""
    return FACTS.get(kind) or words(kind)


def step(rung: str) -> str:
    """The name of a step of the escalation policy, or of another reason for an e-mail."""
    return STEPS.get(rung) or words(rung)


def field(name: str) -> str:
    """The name of a field of a fact."""
    return FIELDS.get(name) or words(name)


def problem(code: str) -> str:
    """Why a row of a tracker was refused."""
    found = PROBLEMS.get(code) or words(code)
    return found[:1].lower() + found[1:]


def person(recipient: str | None) -> str:
    """The name of a post that gets e-mails."""
    return PEOPLE.get(recipient or "") or words(recipient)


def status(word: str) -> str:
    """The name of a status of a duty."""
    return STATUSES.get(word) or words(word)


def first_capital(text: str) -> str:
    """The text with a capital first; the rest stays, for it may be a name."""
    return text[:1].upper() + text[1:]
