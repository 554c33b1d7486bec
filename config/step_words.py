"""What a step of the escalation policy is called, on pages and by commands. [I/O: the shipped policy]

Purpose: a person reads "escalation after the due date" and not `enquiry_service_escalation`. The duty is named beside
it, so a step says only whether it comes before the due date or after it. No number of weeks is in a name: a team may
change the number. A step has its name in the policy (`called`); the ends of ids below name all others.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from config.text import in_words

if TYPE_CHECKING:
    from config.escalation_policy import EscalationPolicy

WITHDRAWN = {"rung_withdrawn": "an earlier e-mail is withdrawn"}  # of every process
_ENDS = (
    (re.compile(r".+_(soon|due|reminder|reminder_[0-9]+_(days?|weeks?))"), "reminder before the due date"),
    (re.compile(r".+_(late|overdue|breach)"), "reminder after the due date"),
    (re.compile(r".+_escalation"), "escalation after the due date"),
)


def step_name(rung: str, policy: EscalationPolicy) -> str:
    """The name of a step, or of another reason for an e-mail, such as a fact that somebody is notified of.

    A step that the policy no longer has is called what the policy of this release calls it.
    """
    return policy.names.get(rung) or _without_policy(rung)


@cache
def _without_policy(rung: str) -> str:
    from config.escalation_policy import load_escalation_policy  # pydantic: most commands show no step

    named = WITHDRAWN.get(rung) or load_escalation_policy().names.get(rung)
    return named or next((name for end, name in _ENDS if end.fullmatch(rung)), None) or in_words(rung)
