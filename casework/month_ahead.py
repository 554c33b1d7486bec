"""What the escalation steps would send in the next four weeks, if nothing else is recorded: counted, for who sets them.

It evaluates the live cases that its reader may see and that have a step in these weeks, found by an index, under the
law and the policy in force. Writes nothing.
"""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ConfigDict

from casework.context import AppContext
from casework.pack_letters import AHEAD, letters_ahead
from casework.rule_packs import live_duties
from casework.sweep import Trouble


class Ahead(BaseModel):
    """One step of a process to one recipient: how many e-mails, and the first and the last day on which one is due."""

    model_config = ConfigDict(frozen=True)
    process: str
    rung: str
    recipient: str
    letters: int
    cases: int
    first: date
    last: date


def month_ahead(context: AppContext) -> list[Ahead]:
    """The e-mails of the next four weeks, by process, step and recipient; the most first."""
    today, troubles = context.today(), list[Trouble]()
    days: dict[tuple[str, str, str], list[tuple[date, str]]] = {}
    for file, now, _then in live_duties(context, context, troubles, today + AHEAD):
        for letter, on in letters_ahead(context, file, now, today + AHEAD).items():
            if on > today:
                days.setdefault((file.process, letter.rung, letter.recipient), []).append((on, file.case_ref))
    found = [
        Ahead(
            process=process,
            rung=rung,
            recipient=recipient,
            letters=len(each),
            cases=len({ref for _on, ref in each}),
            first=min(each)[0],
            last=max(each)[0],
        )
        for (process, rung, recipient), each in days.items()
    ]
    return sorted(found, key=lambda each: (-each.letters, each.process, each.rung, each.recipient))
