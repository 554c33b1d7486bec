"""What a changed directory or escalation policy would send in the next four weeks, beside what is sent now.

It looks at every live case that its reader may see, if nothing else is recorded meanwhile. Writes nothing.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict

from casework.context import AppContext
from casework.pack_letters import AHEAD, LetterAhead, letters_ahead
from casework.rule_packs import live_duties
from casework.sweep import Trouble
from deadlines.duties import Duty
from models.casefile import CaseFile
from models.enums import Party
from notifications.letter_fields import CaseView

What = Literal["sent", "withheld", "another_day", "another_mailbox"]


class MonthChange(BaseModel):
    """The e-mails of one step to one recipient that would change in one way: how many, of how many cases.

    `first` and `last` are the days of the e-mails after the change, or now for those that would not be sent. The
    mailboxes are those now and then; null where there is none, or no one for all.
    """

    model_config = ConfigDict(frozen=True)
    what: What
    process: str
    rung: str
    recipient: str
    mailbox: str | None
    mailbox_then: str | None
    letters: int
    cases: int
    first: date
    last: date


def month_change(context: AppContext, changed: AppContext) -> list[MonthChange]:
    """How the e-mails of the next four weeks would differ, the most first."""
    until, troubles = context.today() + AHEAD, list[Trouble]()
    found: dict[tuple[What, str, str, str, str | None, str | None], list[tuple[date, str]]] = {}
    for file, now, then in live_duties(context, changed, troubles):
        before = _addressed(context, file, now, until)
        after = _addressed(changed, file, then, until)
        for letter in before.keys() | after.keys():
            (on, mailbox), (on_then, mailbox_then) = before.get(letter, NOTHING), after.get(letter, NOTHING)
            what = _difference(context.today(), (on, mailbox), (on_then, mailbox_then))
            day = on_then or on
            if what is not None and day is not None:
                key = (what, file.process, letter.rung, letter.recipient, mailbox, mailbox_then)
                found.setdefault(key, []).append((day, file.case_ref))
    rows = [
        MonthChange(
            what=what,
            process=process,
            rung=rung,
            recipient=recipient,
            mailbox=mailbox,
            mailbox_then=mailbox_then,
            letters=len(each),
            cases=len({ref for _on, ref in each}),
            first=min(each)[0],
            last=max(each)[0],
        )
        for (what, process, rung, recipient, mailbox, mailbox_then), each in found.items()
    ]
    return sorted(rows, key=lambda row: (-row.letters, row.what, row.process, row.rung, row.recipient))


NOTHING: tuple[date | None, str | None] = (None, None)


def _difference(today: date, now: tuple[date | None, str | None], then: tuple[date | None, str | None]) -> What | None:
    """In which way one e-mail would differ. A day up to today means that it leaves with the next delivery."""
    (on, mailbox), (on_then, mailbox_then) = now, then
    if on is None or on_then is None:
        return "sent" if on is None else "withheld"
    if on != on_then and max(on, on_then) > today:
        return "another_day"
    return "another_mailbox" if mailbox != mailbox_then and on_then > today else None


def _addressed(
    context: AppContext, file: CaseFile, duties: list[Duty], until: date
) -> dict[LetterAhead, tuple[date | None, str | None]]:
    """Each e-mail of a case to come, with its day and the mailbox of that day."""
    view = CaseView(context.escalation_policy, context.directory, context.calendar, file, duties, context.team_roles)
    owed = {(duty.rule, duty.opened_seq): duty for duty in duties}
    found: dict[LetterAhead, tuple[date | None, str | None]] = {}
    for letter, on in letters_ahead(context, file, duties, until).items():
        duty = owed[letter.rule, letter.opened_seq]
        found[letter] = on, view.mailbox(letter.rule, (duty.body, duty.service), Party(letter.recipient), on)
    return found
