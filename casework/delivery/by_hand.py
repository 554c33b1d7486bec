"""A person chased by hand: the automatic letters of the same duty wait for three working days, that day included.

Purpose: a service that was called in the morning gets no reminder that does not know of it at noon. It is one act with
two facts: who was contacted (`contact_made`), and that letters wait (`letters_held`). The wait ends by itself.
"""

from __future__ import annotations

from typing import Any, Literal

from sqlalchemy import Connection

from casework.cases.commit import commit
from casework.cases.unit_of_work import UnitOfWork
from casework.context import AppContext
from casework.delivery.holds import VIA, HoldReport, find_targets
from models.common_facts import CONTACT, HOLD
from models.database import transact
from models.enums import Party
from models.facts import FactDraft
from notifications import outbox

WORKING_DAYS = 3
REASON = "chased by hand"
WITH_WHOM = {
    Party.SERVICE: "service",
    Party.SERVICE_MANAGER: "service_manager",
    Party.PROVIDER_SEND_LEAD: "provider_send_lead",
    Party.ICB_EXECUTIVE_LEAD: "integrated_care_board",
    Party.DCO: "other",
    Party.PARTY: "other",
}
How = Literal["call", "meeting", "message"]


def chased_by_hand(context: AppContext, name: str, actor: str, note: str, how: How = "message") -> HoldReport:
    """Record that a person chased: about a case, or about the duty of a notice or e-mail that has not left.

    `note` is stored encrypted. Raises NothingToHold.
    """
    today = context.today()
    until = context.calendar.add_working_days(today, WORKING_DAYS - 1)

    def once(connection: Connection) -> HoldReport:
        found = find_targets(context, connection, name)
        unit = UnitOfWork(context, connection, actor=actor, via=VIA)
        cases = unit.load(sorted({target.case_ref for target in found}))
        waits = 0
        for target in found:
            draft = target.notice
            about: dict[str, Any] = {"with_whom": "service"}
            duty: dict[str, Any] = {}
            if draft is not None:
                about = {"with_whom": WITH_WHOM[Party(draft.recipient)], "body": draft.body, "service": draft.service}
                duty = {"rule": draft.rule, "opened_seq": draft.opened_seq}
            contact = {"how": how, "agreed": "nothing", "note": note, **about}
            unit.append(
                cases[target.case_ref],
                [
                    FactDraft(CONTACT, today, {key: value for key, value in contact.items() if value is not None}),
                    FactDraft(HOLD, today, {"until": until.isoformat(), "reason": REASON, **duty}),
                ],
            )
        commit(unit)
        for drafts in outbox.unsent(connection, cases).values():
            waits += len(drafts)
        return HoldReport(cases=sorted(cases), notices=waits, until=until)

    return transact(context.engine, once)
