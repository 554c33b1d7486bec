"""Sends what webhooks are to say: signed, one after the other for each address, again until it is taken.

A message is claimed in a transaction, sent outside it, and its outcome recorded. A process that dies between the two
leaves it claimed; after five minutes it is sent again under the same id, by which a receiver knows it. A message that
is not taken is sent again after a minute, then later and later, for about four days; those after it wait, so that an
address learns of changes in their order. An address that answers 410 is ended. Headers and signature are those of
Standard Webhooks: HMAC-SHA-256 over id, time and body. Instants are in UTC.
"""

from __future__ import annotations

import hmac
import socket
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, select, update

from casework import webhooks
from casework.context import AppContext
from casework.reports.withheld import not_to_be_named, not_to_be_shared
from config.public_authorities import public_authorities
from config.webhook_address import is_public, target_of, wrong_address
from models.database import reading, transact
from models.encryption import EncryptionError
from models.tables import CASE, WEBHOOK_EVENT

AFTER_MINUTES = (1, 5, 30, 120, 360, 720, 1440, 1440, 1440)
CLAIM = timedelta(minutes=5)
STORED_FOR = timedelta(days=30)
AT_ONCE = 100
SECONDS = 10.0
GONE = 410


class _Claimed(NamedTuple):
    number: int
    body: str
    tries: int
    to: webhooks.OpenWebhook


def calls_are_due(context: AppContext) -> bool:
    """Whether a message is to be sent now."""
    with reading(context.engine) as connection:
        return _next(connection, datetime.now(UTC)) is not None


def send_calls(context: AppContext) -> int:
    """Send what is due, 100 messages at most; returns how many were taken."""
    taken = 0
    for _number in range(AT_ONCE):
        claimed = transact(context.engine, lambda connection: _claim(context, connection))
        if claimed is None:
            break
        if isinstance(claimed, _Claimed):
            status = call(context, claimed.to, claimed.number, claimed.body)
            transact(context.engine, partial(_record, claimed=claimed, status=status))
            taken += status is not None and 200 <= status < 300
    return taken


def call(context: AppContext, to: webhooks.OpenWebhook, number: int, body: str) -> int | None:
    """Send one message: the status of the answer; None where there was none, or where the address may not be asked."""
    import httpx2

    target = target_of(to.address)
    allowed = context.settings.webhook_hosts
    if target is None or wrong_address(to.address, allowed) is not None:
        return None
    if context.simulated and target.host not in allowed:
        return None  # what is simulated is true of no child
    try:
        found = {str(each[4][0]) for each in socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)}
    except OSError:
        return None
    if target.host not in allowed and not all(is_public(each) for each in found):
        return None
    # The connection goes to an address that was checked, also if the name means another a moment later.
    ip = sorted(found, key=lambda each: (":" in each, each))[0]
    shown = f"[{ip}]" if ":" in ip else ip
    try:
        # The body is not read: it could be without end, and the next message waits.
        with (
            httpx2.Client(timeout=SECONDS, trust_env=False, verify=public_authorities()) as client,
            client.stream(
                "POST",
                f"{target.scheme}://{shown}:{target.port}{target.path}",
                content=body.encode(),
                headers={
                    "host": target.host if target.port in (80, 443) else f"{target.host}:{target.port}",
                    **signed(to.secret, number, body, datetime.now(UTC)),
                },
                extensions={"sni_hostname": target.host},
            ) as answer,
        ):
            return int(answer.status_code)
    except (httpx2.HTTPError, ValueError, OSError):
        return None


def signed(secret: bytes, number: int, body: str, now: datetime) -> dict[str, str]:
    """The headers of a message. `secret`: base64, as it was given without its prefix."""
    name, at = f"evt_{number}", str(int(now.timestamp()))
    mac = hmac.digest(b64decode(secret), f"{name}.{at}.{body}".encode(), "sha256")
    return {
        "content-type": "application/json",
        "user-agent": "sendflow",
        "webhook-id": name,
        "webhook-timestamp": at,
        "webhook-signature": f"v1,{b64encode(mac).decode()}",
    }


def _next(connection: Connection, now: datetime) -> int | None:
    """The message to send: the first that waits for its address, if its time has come and nobody sends it."""
    first = (
        select(func.min(WEBHOOK_EVENT.c.number).label("number"))
        .where(WEBHOOK_EVENT.c.done_at.is_(None))
        .group_by(WEBHOOK_EVENT.c.webhook)
        .subquery()
    )
    query = (
        select(WEBHOOK_EVENT.c.number)
        .join(first, first.c.number == WEBHOOK_EVENT.c.number)
        .where(WEBHOOK_EVENT.c.next_at <= _text(now))
        .order_by(WEBHOOK_EVENT.c.number)
        .limit(1)
    )
    found = connection.scalar(query)
    return int(found) if found is not None else None


def _claim(context: AppContext, connection: Connection) -> _Claimed | int | None:
    """Take the message that is due; its number if it is not sent; None if none is due."""
    now = datetime.now(UTC)
    number = _next(connection, now)
    if number is None:
        connection.execute(delete(WEBHOOK_EVENT).where(WEBHOOK_EVENT.c.done_at < _text(now - STORED_FOR)))
        return None
    # The second of two senders changes no row: the claim moves the time of the next try.
    mine = connection.execute(
        update(WEBHOOK_EVENT)
        .where(
            WEBHOOK_EVENT.c.number == number,
            WEBHOOK_EVENT.c.done_at.is_(None),
            WEBHOOK_EVENT.c.next_at <= _text(now),
        )
        .values(next_at=_text(now + CLAIM), tries=WEBHOOK_EVENT.c.tries + 1)
    )
    row = connection.execute(select(WEBHOOK_EVENT).where(WEBHOOK_EVENT.c.number == number)).first()
    if mine.rowcount != 1 or row is None:
        return number
    try:
        to = webhooks.open_webhook(context, connection, row.webhook)
    except EncryptionError:
        to = None
    if to is None or _is_withheld(context, connection, row.case_ref, to.la):
        _finish(connection, number, "ended" if to is None else "withheld", now)
        return number
    return _Claimed(number, row.body, row.tries, to)


def _is_withheld(context: AppContext, connection: Connection, case_ref: str, la: str) -> bool:
    """Whether nothing of the case may leave to this address now: it may have changed since the message was written."""
    found = connection.execute(select(CASE.c.la).where(CASE.c.case_ref == case_ref)).first()
    if found is None or (la and found.la != la):
        return True
    return bool((not_to_be_shared if la else not_to_be_named)(context, [case_ref]))


def _record(connection: Connection, claimed: _Claimed, status: int | None) -> None:
    now = datetime.now(UTC)
    if status is not None and 200 <= status < 300:
        _finish(connection, claimed.number, "sent", now)
    elif status == GONE:
        webhooks.end_row(connection, claimed.to.id, "sendflow", _text(now))
    elif claimed.tries > len(AFTER_MINUTES):
        _finish(connection, claimed.number, "gave_up", now)
    else:
        later = now + timedelta(minutes=AFTER_MINUTES[claimed.tries - 1])
        waits = WEBHOOK_EVENT.c.number == claimed.number, WEBHOOK_EVENT.c.done_at.is_(None)
        connection.execute(update(WEBHOOK_EVENT).where(*waits).values(next_at=_text(later)))


def _finish(connection: Connection, number: int, outcome: str, now: datetime) -> None:
    open_ = WEBHOOK_EVENT.c.number == number, WEBHOOK_EVENT.c.done_at.is_(None)
    connection.execute(update(WEBHOOK_EVENT).where(*open_).values(done_at=_text(now), outcome=outcome))


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")
