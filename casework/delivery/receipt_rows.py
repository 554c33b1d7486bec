"""Rows of `receipt`: what a mail transport that reports later gave for a letter when it accepted it."""

from __future__ import annotations

from sqlalchemy import Connection, delete

from casework.context import AppContext, instant
from casework.delivery.transports import transport_name
from models.change_log import insert_logged, log_keys
from models.tables import RECEIPT
from notifications.outbox import LeasedLetter
from notifications.transport import Receipt


def insert(context: AppContext, connection: Connection, letter: LeasedLetter, receipt: Receipt) -> None:
    """Store the receipt of a letter. A later one of the same letter replaces it."""
    row = {
        "letter": letter.id,
        "transport": transport_name(context, letter.mailbox),
        "carrier_id": receipt.id,
        "template_version": receipt.template_version,
        "same_words": receipt.same_words,
        "accepted_at": instant(context.now()),
    }
    if connection.execute(delete(RECEIPT).where(RECEIPT.c.letter == letter.id)).rowcount:
        log_keys(connection, RECEIPT, [letter.id])
    insert_logged(connection, RECEIPT, [row])
