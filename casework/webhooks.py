"""Webhooks: which programs are to be informed that a case changed, and what waits to be sent to them.

Purpose: a council's system or an integration engine learns of a change without asking. What is sent is written in the
transaction of the facts, so that it exists if and only if they do. It has references, states and dates only: who is
informed reads the rest with a token. Cases of restricted processes, and of children of whom nothing leaves without a
person's release, are in none; that is asked again before it leaves (`casework.delivery.webhook_calls`). Each row of an
address is compared with the change log. Instants are in UTC.
"""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, insert, select, update

from casework.context import AppContext, instant
from config.webhook_address import wrong_address
from models.change_log import insert_logged, is_as_recorded, log_keys
from models.database import OPEN_WEBHOOKS, reading, transact
from models.encryption import Place
from models.errors import Refusal
from models.tables import DUTY, WEBHOOK, WEBHOOK_EVENT

CASE_CHANGED, DUTY_CHANGED = "case.changed", "duty.changed"
PREFIX = "whsec_"
TRIED = 4  # times, after 36 minutes: then operations staff have to know
MOST_OPEN = 20
_DUTY = tuple(DUTY.columns.keys())
_CASE = ("case_ref", "process", "state", "seq")
_SAID = ("rule", "opened_seq", "body", "service", "due", "closed_on")


class Webhook(BaseModel):
    """An address that is informed, without its secret. `la`: of one authority's cases only; empty: of all."""

    model_config = ConfigDict(frozen=True)
    id: str
    address: str
    la: str
    made_at: str
    made_by: str
    ended_at: str | None
    ended_by: str | None


class WebhookEvent(BaseModel):
    """One message. `outcome`: sent, gave_up, withheld or ended; None while it waits. `tries` counts what was sent."""

    model_config = ConfigDict(frozen=True)
    number: int
    webhook: str
    case_ref: str
    kind: str
    at: str
    tries: int
    next_at: str
    done_at: str | None
    outcome: str | None


class WrongWebhook(Refusal):
    """An address cannot be informed, or there is none of that id."""

    default_code = "bad_webhook"


class ChangedCase(NamedTuple):
    """A case that an act changed, as it is after it."""

    case_ref: str
    process: str
    state: str
    la: str | None
    seq: int


class OpenWebhook(NamedTuple):
    """An address with what signs its messages."""

    id: str
    address: str
    secret: bytes
    la: str


def make(context: AppContext, address: str, la: str, actor: str) -> tuple[str, Webhook]:
    """Inform an address from now on: the secret, which is returned once, and what a list shows. Raises WrongWebhook."""
    if (why := wrong_address(address, context.settings.webhook_hosts)) is not None:
        raise WrongWebhook(why)
    if la and la not in context.directory.la:
        raise WrongWebhook(f"there is no authority {la} in the directory: expected {', '.join(context.directory.la)}")
    id_, at = f"w-{secrets.token_hex(4)}", instant(context.now())
    secret = PREFIX + b64encode(secrets.token_bytes(32)).decode()
    row = {
        "id": id_,
        "address": address,
        "sealed": context.cipher.encrypt(secret, place_of(id_)),
        "la": la,
        "made_at": at,
        "made_by": actor,
        "ended_at": None,
        "ended_by": None,
    }

    def once(connection: Connection) -> None:
        if len(connection.execute(_OPEN).all()) >= MOST_OPEN:
            raise WrongWebhook(f"{MOST_OPEN} addresses are informed already: end one first (sendflow webhooks)")
        insert_logged(connection, WEBHOOK, [row], at)

    transact(context.engine, once)
    return secret, _shown(row)


def end(context: AppContext, id_: str, actor: str) -> Webhook:
    """Inform an address no longer; what waits for it is not sent. Raises WrongWebhook."""
    at = instant(context.now())

    def once(connection: Connection) -> Webhook:
        if not end_row(connection, id_, actor, at):
            raise WrongWebhook("there is no such webhook, or it has ended: sendflow webhooks lists them by their ids")
        return _shown(connection.execute(select(WEBHOOK).where(WEBHOOK.c.id == id_)).one()._asdict())

    return transact(context.engine, once)


def end_row(connection: Connection, id_: str, actor: str, at: str) -> bool:
    """End a webhook in the caller's transaction; whether it was open."""
    ended = connection.execute(
        update(WEBHOOK).where(WEBHOOK.c.id == id_, WEBHOOK.c.ended_at.is_(None)).values(ended_at=at, ended_by=actor)
    )
    if ended.rowcount:
        log_keys(connection, WEBHOOK, [id_], at)
        waiting = WEBHOOK_EVENT.c.webhook == id_, WEBHOOK_EVENT.c.done_at.is_(None)
        connection.execute(update(WEBHOOK_EVENT).where(*waiting).values(done_at=at, outcome="ended"))
    return bool(ended.rowcount)


def listed(context: AppContext) -> list[Webhook]:
    """Every webhook, the newest first."""
    with reading(context.engine) as connection:
        rows = connection.execute(select(WEBHOOK).order_by(WEBHOOK.c.made_at.desc(), WEBHOOK.c.id)).all()
    return [_shown(row._asdict()) for row in rows]


def events(context: AppContext, webhook: str = "", most: int = 100) -> list[WebhookEvent]:
    """The messages of a webhook, or of all, the newest first."""
    query = select(WEBHOOK_EVENT).order_by(WEBHOOK_EVENT.c.number.desc()).limit(most)
    if webhook:
        query = query.where(WEBHOOK_EVENT.c.webhook == webhook)
    with reading(context.engine) as connection:
        rows = connection.execute(query).all()
    return [
        WebhookEvent(kind=orjson.loads(row.body)["type"], **{name: getattr(row, name) for name in _EVENT})
        for row in rows
    ]


def are_awaited(connection: Connection) -> bool:
    """Whether an address may be informed of changes: not if there was none as the transaction began."""
    return connection.info.get(OPEN_WEBHOOKS) != 0


def note_changes(
    connection: Connection,
    context: AppContext,
    cases: Iterable[ChangedCase],
    duties: Sequence[Sequence[Any]],
    at: str,
) -> None:
    """Write what is to be sent of an act, in its transaction. `duties`: the rows of duties that it wrote."""
    informed = connection.execute(_OPEN).all()
    rows = []
    for case in cases:
        if not informed or case.process in context.restricted:
            continue
        bodies = [_body(CASE_CHANGED, at, {name: getattr(case, name) for name in _CASE})]
        bodies += [_body(DUTY_CHANGED, at, _duty(row)) for row in duties if row[0] == case.case_ref]
        rows += [
            {"webhook": each.id, "case_ref": case.case_ref, "body": body, "at": at, "tries": 0, "next_at": at}
            for each in informed
            if each.la in ("", case.la)
            for body in bodies
        ]
    if rows:
        connection.execute(insert(WEBHOOK_EVENT), rows)


def open_webhook(context: AppContext, connection: Connection, id_: str) -> OpenWebhook | None:
    """A webhook that is open, with its secret; None where it has ended or its row was altered."""
    row = connection.execute(select(WEBHOOK).where(WEBHOOK.c.id == id_)).first()
    if row is None or row.ended_at is not None or not is_as_recorded(connection, WEBHOOK, tuple(row)):
        return None
    secret = context.cipher.decrypt(bytes(row.sealed), place_of(id_))
    return OpenWebhook(row.id, row.address, secret.removeprefix(PREFIX).encode(), row.la)


def place_of(id_: str) -> Place:
    """Where the secret of a webhook is encrypted."""
    return Place("webhook", "sealed", id_)


_OPEN = select(WEBHOOK.c.id, WEBHOOK.c.la).where(WEBHOOK.c.ended_at.is_(None))
_EVENT = ("number", "webhook", "case_ref", "at", "tries", "next_at", "done_at", "outcome")


def _body(kind: str, at: str, data: dict[str, Any]) -> str:
    return orjson.dumps({"type": kind, "timestamp": at, "data": data}).decode()


def _duty(row: Sequence[Any]) -> dict[str, Any]:
    values = dict(zip(_DUTY, row, strict=True))
    said = {name: values[name] for name in _SAID}
    return {"case_ref": row[0], **{name: v if v is None or isinstance(v, int) else str(v) for name, v in said.items()}}


def _shown(row: Mapping[str, Any]) -> Webhook:
    return Webhook(**{name: row[name] for name in Webhook.model_fields})
