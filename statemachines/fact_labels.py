"""What people call the kinds of facts and their fields: on pages, in commands and in lists. Pure.

They are stored words that never change. Where one is unclear, its process gives it a label.
"""

from collections.abc import Mapping
from functools import cache

from config.text import in_words
from statemachines.process import Process
from statemachines.registry import processes

# Of the facts that every process has: where the word is unclear, or is one that the glossary replaces.
SHARED = {
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

FIELDS = {
    "la": "authority",
    "la_reference": "authority's reference",
    "rung": "step",
    "rung_seq": "number of the step",
    "opened_seq": "number of the fact that opened it",
    "rule": "duty",
    "due": "due date",
    "due_now": "due date now",
    "agreed_by": "agreed by",
}


@cache
def _labels() -> Mapping[str, str]:
    return SHARED | {kind: label for each in processes().values() for kind, label in each.labels.items()}


def fact(kind: str) -> str:
    """What people call a kind of fact of any process. Builds every process."""
    return _labels().get(kind) or in_words(kind)


def field(name: str) -> str:
    """What people call a field of a fact."""
    return FIELDS.get(name) or _labels().get(name) or in_words(name)


def fact_of(process: Process, kind: str) -> str:
    """What people call a kind of fact of one process."""
    return process.labels.get(kind) or SHARED.get(kind) or in_words(kind)
