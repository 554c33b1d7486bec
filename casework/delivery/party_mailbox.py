"""The mailbox of a party outside, such as an enquirer, at the moment at which a letter leaves. [I/O]

Purpose: UK GDPR art 32. Notices, letters, pages and logs have a word in its place (notifications/recipients.py); only
the message itself has the address. It is read from the encrypted words of the case, and an erasure deletes it.
"""

from __future__ import annotations

from casework.context import AppContext
from models import ledger
from models.database import reading
from models.fields import ADDRESS
from models.free_text import free_text_id, read_free_texts
from notifications.recipients import case_of
from statemachines.registry import process_of
from statemachines.replay import facts_in_force

NO_ADDRESS = "no_address_now"


def address_of(context: AppContext, mailbox: str) -> str | None:
    """The address to which a letter leaves; None where the case has none any more, because it was erased or ended."""
    ref = case_of(mailbox)
    if ref is None:
        return mailbox
    with reading(context.engine) as connection:
        facts, _tail = ledger.read(connection, [ref]).get(ref, ([], ledger.NEW_CASE))
        by = process_of(facts).party_mailbox if facts else None
        token = by.token(facts_in_force(facts)) if by is not None else None
        if token is None:
            return None
        texts = read_free_texts(connection, context.cipher, [ref]).get(ref, [])
    found = next((text.words for text in texts if text.id == free_text_id(token)), None)
    return found if found is not None and ADDRESS.fullmatch(found) else None
