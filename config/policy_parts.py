"""The parts of the escalation policy besides its steps, as forms, and the text with one of them changed.

Purpose: a team decides who gets the letter about a fact or about an end, what follows a body's word that it has sent
something, and how long letters about a late record wait. A part is called `letter.FACT`, `ended.RULE`,
`said_sent.RULE` or `grace.FILE`. Comments and the rest of the text stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from config.escalation_policy import EscalationPolicy, EscalationPolicyError, policy_of
from config.policy_edit import PARTIES, RECIPIENTS, StepError
from config.toml_edit import edited

LETTER, ENDED, SAID_SENT, GRACE = "letter", "ended", "said_sent", "grace"
CONFIRM, QUIET, GRACE_DAYS = "confirm", "quiet_working_days", "grace_working_days"
FIELDS = {LETTER: RECIPIENTS, ENDED: ("to",), SAID_SENT: (CONFIRM, QUIET), GRACE: (GRACE_DAYS,)}
PartValue = list[str] | bool | int
PartValues = Mapping[str, PartValue]


def parts(policy: EscalationPolicy, file: str) -> dict[str, PartValues]:
    """Every part of the policy of one file, with what it says now."""
    found: dict[str, PartValues] = {}
    for sort in (LETTER, ENDED):
        for key, each in getattr(policy, sort).items():
            found[f"{sort}.{key}"] = {name: [str(one) for one in getattr(each, name)] for name in FIELDS[sort]}
    for rule, said in policy.said_sent.items():
        found[f"{SAID_SENT}.{rule}"] = {CONFIRM: said.confirm, QUIET: said.quiet_working_days}
    found[f"{GRACE}.{file}"] = {GRACE_DAYS: policy.grace_working_days}
    return found


def with_part(text: str, file: str, part: str, values: PartValues, on: date) -> str:
    """The text with other values of a part, decided on a day; those that are not given stay.

    Raises StepError, which names the question, also where the file would have to be changed by hand.
    """
    known = parts(policy_of(text), file).get(part)
    if known is None:
        raise StepError("there is no such part: sendflow policy parts lists them")
    sort, _, key = part.partition(".")
    if odd := sorted(values.keys() - known.keys()):
        raise StepError(f"there is no field {odd[0]}: expected some of {', '.join(known)}", odd[0])
    asked = {**known, **values}
    _validate(sort, asked)
    changed = {name: value for name, value in asked.items() if value != known[name]}
    made = edited(text, lambda content: _put(content, sort, key, changed, on), StepError)
    try:
        policy_of(made)
    except EscalationPolicyError as problem:
        raise StepError(str(problem).removeprefix("ladder.toml: "), FIELDS[sort][-1]) from None
    return made


def _validate(sort: str, asked: PartValues) -> None:
    for name in FIELDS[sort]:
        value = asked[name]
        if isinstance(value, list) and (unknown := [each for each in value if each not in PARTIES]):
            raise StepError(f"{unknown[0]} gets no e-mails: expected some of {', '.join(PARTIES)}", name)
    if sort == LETTER and not asked["to"]:
        raise StepError("choose at least one recipient", "to")


def _put(content: Any, sort: str, key: str, changes: PartValues, on: date) -> None:
    """Put the changes into the document, or into its plain content."""
    content["decided_on"] = on
    table = content if sort == GRACE else content[sort][key]
    for name, value in changes.items():
        if value == [] and name in table:
            del table[name]
        elif value != []:
            table[name] = value
