"""The head of the ledger in the daily digest: published if the records still give every earlier head, else refused.

A head over altered records would sign the alteration in. While a finding is open, the digest names the last good head
instead, and no checkpoint is stored.
"""

from base64 import b64encode
from typing import Any

from sqlalchemy import Connection, func, select

from casework import findings, published_heads
from casework.context import AppContext, instant
from casework.findings import Found
from casework.proof.keys import known_keys
from casework.proof.leaves import newest_checkpoint
from models import change_log, ledger
from models.checkpoints import difference_message, differences
from models.database import reading
from models.signed_note import ED25519, NoteError, signature_of
from models.tables import CHECKPOINT

MOST_CLOSED = 10
NO_HEAD = {"before": "", "head": "", "cases": 0, "facts": 0}


def check_heads(context: AppContext, by: str) -> list[Found]:
    """Calculate every earlier head again, compare with `heads.log`, and store what differs as findings of `by`."""
    witnesses = published_heads.Witnesses.read(context)
    with reading(context.engine) as connection:
        found = published_heads.check(connection, witnesses)
        if different := differences(connection):
            found.append(Found(None, None, "head", difference_message(different)))
    findings.store(context, by, found)
    return found


def head_fields(context: AppContext, connection: Connection) -> dict[str, Any]:
    """Give the head of the ledger now, stored as a checkpoint; if findings are open, the last good head and how many.

    The caller's transaction holds the lock LEDGER, so that no transaction can still add a fact with an earlier instant.
    """
    closed = _closed_since_the_last_head(connection)
    since = findings.open_since(connection)
    if since is None:
        head = _publish(context, connection)
        return {"head": head, "log": _signed_log(connection), "findings": 0, "closed": closed}
    good = published_heads.last_good(context, connection, since)
    return {
        "head": good._asdict() if good is not None else NO_HEAD,
        "last_good": good is not None,
        "findings": findings.count_open(connection),
        "findings_since": since[:10],
        "closed": closed,
    }


def _publish(context: AppContext, connection: Connection) -> dict[str, Any]:
    before = instant(context.now())
    change_log.newest(connection)  # from here on others wait before they add to the change log
    head, cases, facts = ledger.head(connection, before)
    if connection.scalar(select(CHECKPOINT.c.head).where(CHECKPOINT.c.before == before)) is None:
        row = {"before": before, "head": head, "cases": cases, "facts": facts}
        change_log.insert_logged(connection, CHECKPOINT, [row], before)
    return {"before": before, "head": head, "cases": cases, "facts": facts}


def _signed_log(connection: Connection) -> dict[str, Any] | None:
    """The newest signed checkpoint of the log, with its Ed25519 signature alone: the other one fills a page.

    None if there is none, or if its row was altered, which verification finds.
    """
    last = newest_checkpoint(connection)
    if last is None:
        return None
    try:
        head = last.checkpoint()
        signature = signature_of(last.note, ED25519, known_keys(connection))
    except NoteError:
        return None
    root = b64encode(head.root).decode()
    return {"origin": head.origin, "size": head.size, "root": root, "signature": signature}


def _closed_since_the_last_head(connection: Connection) -> list[dict[str, Any]]:
    last = connection.scalar(select(func.max(CHECKPOINT.c.before))) or ""
    closed = [
        {
            "number": each.number,
            "actor": each.actor,
            "on": each.closed_at[:10],
            "reason": each.reason,
            "understood": bool(each.understood),
        }
        for each in findings.listed(connection, closed=True)
        if each.closed_at is not None and each.closed_at > last
    ]
    return closed[:MOST_CLOSED]
