"""Which letters of the next four weeks a rule pack would add, keep back or move, for each live case. Pure.

It looks at the steps that become due by then if nothing else is recorded, under both escalation policies.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from casework.context import AppContext
from deadlines.duties import Duty
from deadlines.escalation import evaluate
from models.casefile import CaseFile
from notifications.letter_fields import CaseView

AHEAD = timedelta(weeks=4)


class LetterChange(BaseModel):
    """One letter to one recipient that would leave only under the pack, only without it, or on another day.

    A day before today means that it would leave with the next delivery. `on` is the day now, `on_then` under the pack.
    """

    model_config = ConfigDict(frozen=True)
    change: Literal["sent", "withheld", "another_day"]
    case_ref: str
    rule: str
    body: str | None
    service: str | None
    rung: str
    recipient: str
    on: date | None
    on_then: date | None


class LetterAhead(NamedTuple):
    """What makes two letters the same: the duty, the step and the recipient."""

    rule: str
    opened_seq: int
    rung: str
    recipient: str


def letter_changes(
    context: AppContext, changed: AppContext, file: CaseFile, now: Sequence[Duty], then: Sequence[Duty]
) -> Iterator[LetterChange]:
    """The letters of one case that the pack would change."""
    today = context.today()
    before, after = letters_ahead(context, file, now, today + AHEAD), letters_ahead(changed, file, then, today + AHEAD)
    for letter in sorted(before.keys() | after.keys()):
        on, on_then = before.get(letter), after.get(letter)
        if on == on_then or (on is not None and on_then is not None and max(on, on_then) <= today):
            continue
        about = next(duty for duty in (*then, *now) if (duty.rule, duty.opened_seq) == (letter.rule, letter.opened_seq))
        yield LetterChange(
            change="sent" if on is None else "withheld" if on_then is None else "another_day",
            case_ref=file.case_ref,
            rule=letter.rule,
            body=about.body,
            service=about.service,
            rung=letter.rung,
            recipient=letter.recipient,
            on=on,
            on_then=on_then,
        )


def letters_ahead(
    context: AppContext, file: CaseFile, duties: Sequence[Duty], until: date
) -> Mapping[LetterAhead, date]:
    """The letters of the steps that become due by a day and are not recorded yet, each with its day."""
    policy = context.escalation_policy
    view = CaseView(policy, context.directory, context.calendar, file, duties, context.team_roles)
    by_opening = {(duty.rule, duty.opened_seq): duty for duty in duties}
    found: dict[LetterAhead, date] = {}
    for draft in evaluate(file, duties, context.step_days, until, ended=False).drafts:
        rule, opened_seq, rung = str(draft.data["rule"]), int(str(draft.data["opened_seq"])), str(draft.data["rung"])
        step, duty = policy.step(rule, rung), by_opening.get((rule, opened_seq))
        if draft.kind != "rung_withdrawn" and step is not None and duty is not None:
            for party in step.parties(view.is_our_own(duty)):
                found[LetterAhead(rule, opened_seq, rung, str(party))] = draft.occurred_on
    return found
