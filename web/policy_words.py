"""The parts of the escalation policy besides its steps, in words."""

from __future__ import annotations

from casework.context import AppContext
from config.policy_parts import CONFIRM, ENDED, GRACE, GRACE_DAYS, LETTER, QUIET, SAID_SENT, PartValues
from config.text import counted
from web import labels

PARTS = {
    LETTER: "Letters about a fact",
    ENDED: "Letters where a duty ends without being met",
    SAID_SENT: "Where a body says that it has sent it",
    GRACE: "How long letters about a fact recorded late wait",
}
ANSWERS = (("yes", "it is owed until somebody confirms the receipt"), ("no", "it is met by the body's word"))
SAID, OVER = "The body says that it has sent it", "It ends without being met"
ALSO = {"to": "", "to_if_ours": "; of our own board's duties also to ", "to_if_others": "; of other bodies' also to "}


def title_of(context: AppContext, part: str) -> str:
    """What a part is about, in words."""
    sort, _, key = part.partition(".")
    if sort == LETTER:
        return f"Letter about: {labels.fact(key)}"
    if sort == GRACE:
        process = context.processes.get(key)
        return f"A fact recorded late: {process.title if process is not None else 'all processes'}"
    rule = context.law.rules.get(key)
    action = rule.action if rule is not None else key
    return f"{SAID if sort == SAID_SENT else OVER}: {action}"


def in_words(values: PartValues) -> str:
    """What a part says, in a sentence."""
    if GRACE_DAYS in values:
        return f"letters wait {counted(int(str(values[GRACE_DAYS])), 'working day')}"
    if CONFIRM in values:
        quiet = counted(int(str(values[QUIET])), "working day")
        return f"{dict(ANSWERS)['yes' if values[CONFIRM] else 'no']}; no step falls due for {quiet}"
    said = "".join(
        ALSO[name] + ", ".join(labels.person(each) for each in value)
        for name, value in values.items()
        if isinstance(value, list) and value
    )
    return f"to {said}" if said else "to those who got an e-mail about it"
