"""The mails that came in: encrypted, erasable, and each stored once. [I/O]

Purpose: nothing that comes back is lost, and no word of it is stored in clear (UK GDPR art 5(1)(c) and (f), art 32).
What a mail says is encrypted twice: whole, as evidence, and as the few fields that a person reads. Callers open the
transaction; nothing here commits.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum
from hashlib import sha256
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, Row, and_, func, or_, select, update

from models.bulk_io import in_chunks
from models.change_log import insert_logged, log_keys
from models.data_keys import DataKeys, delete_data_keys, mail_subject
from models.encryption import Cipher, mail_place
from models.key_checks import check_key_for_writing
from models.tables import INCOMING_MAIL


class MailState(StrEnum):
    """What became of a mail. `waiting` is for a person; every other state is an end."""

    WAITING = "waiting"
    ANSWERED = "answered"
    UNDELIVERED = "undelivered"
    AUTOMATIC = "automatic"
    REPEATED = "repeated"
    DECIDED = "decided"


class Summary(NamedTuple):
    """What a person reads of a mail. `attachments`: their media types; none of them is ever opened."""

    sender: str
    sender_name: str
    subject: str
    text: str
    attachments: tuple[str, ...]


class NewMail(NamedTuple):
    """A mail to store. `digest`: of what its sender sent. `why`: why it waits, or the cause of what came back."""

    place: str
    digest: str
    raw: bytes
    size: int
    summary: Summary
    state: MailState
    why: str | None = None
    letter: str | None = None
    cases: tuple[str, ...] = ()


def mail_id(place: str) -> str:
    """The id of the mail at a place: the same place is the same mail."""
    return sha256(place.encode()).hexdigest()[:16]


def known_ids(connection: Connection, ids: Collection[str]) -> set[str]:
    """Those of the ids that are stored."""
    found: set[str] = set()
    for chunk in in_chunks(list(ids)):
        found |= set(connection.scalars(select(INCOMING_MAIL.c.id).where(INCOMING_MAIL.c.id.in_(chunk))))
    return found


def is_repeated(connection: Connection, digest: str) -> bool:
    """Whether the same mail was read at another place: delivered twice, or the folder was numbered again."""
    return connection.scalar(select(INCOMING_MAIL.c.id).where(INCOMING_MAIL.c.digest == digest).limit(1)) is not None


def insert_mail(connection: Connection, cipher: Cipher, mail: NewMail, at: str) -> str:
    """Store a mail and return its id. One that is repeated has no words. Raises WrongKey."""
    check_key_for_writing(connection, cipher)
    id_, has_words = mail_id(mail.place), mail.state is not MailState.REPEATED
    settled, summary = mail.state is not MailState.WAITING, orjson.dumps(tuple(mail.summary)).decode()
    keys = DataKeys(connection, cipher)
    row = {
        "id": id_,
        "place": mail.place,
        "digest": mail.digest,
        "read_at": at,
        "size": mail.size,
        "state": mail.state,
        "why": mail.why,
        "sealed": keys.encrypt(mail.raw.decode("latin-1"), mail_place("sealed", id_)) if has_words else b"",
        "summary": keys.encrypt(summary, mail_place("summary", id_)) if has_words else b"",
        "letter": mail.letter,
        "cases": joined(mail.cases),
        "settled_at": at if settled else None,
        "settled_by": "sendflow" if settled else None,
        "erased_at": None if has_words else at,
    }
    insert_logged(connection, INCOMING_MAIL, [row], at)
    return id_


def joined(cases: Iterable[str]) -> str | None:
    """References as the column has them: /NX00042/NX00043/; None for none."""
    refs = sorted(set(cases))
    return f"/{'/'.join(refs)}/" if refs else None


def summary_of(connection: Connection, cipher: Cipher, row: Row[Any]) -> Summary | None:
    """What a person reads of a stored mail; None once it is erased. Raises EncryptionError."""
    if row.erased_at is not None:
        return None
    plain = DataKeys(connection, cipher).decrypt(row.summary, mail_place("summary", row.id))
    sender, name, subject, text, attachments = orjson.loads(plain)
    return Summary(sender, name, subject, text, tuple(attachments))


def count_waiting_mails(connection: Connection) -> int:
    """How many mails wait for a person."""
    waiting = INCOMING_MAIL.c.state == MailState.WAITING
    return connection.scalar(select(func.count()).select_from(INCOMING_MAIL).where(waiting)) or 0


def settle(connection: Connection, id_: str, by: str, why: str, at: str, cases: Sequence[str] = ()) -> bool:
    """End the waiting of a mail; return whether it waited."""
    values = {"state": MailState.DECIDED, "why": why, "settled_at": at, "settled_by": by, "cases": joined(cases)}
    waiting = and_(INCOMING_MAIL.c.id == id_, INCOMING_MAIL.c.state == MailState.WAITING)
    log_keys(connection, INCOMING_MAIL, [id_], at)
    return connection.execute(update(INCOMING_MAIL).where(waiting).values(**values)).rowcount == 1


def erase_mails_of(connection: Connection, case_refs: Collection[str], at: str) -> int:
    """Erase the words of every mail about one of these cases; return how many."""
    about = or_(*(INCOMING_MAIL.c.cases.contains(f"/{ref}/", autoescape=True) for ref in case_refs))
    return _erase(connection, [about], at) if case_refs else 0


def erase_settled_before(connection: Connection, before: str, at: str) -> int:
    """Erase the words of mails about no case that were settled before an instant (ISO 8601 UTC); return how many."""
    return _erase(connection, [INCOMING_MAIL.c.cases.is_(None), INCOMING_MAIL.c.settled_at < before], at)


def mails_about(connection: Connection, case_refs: Collection[str]) -> list[str]:
    """The ids of the mails about one of these cases that have words."""
    if not case_refs:
        return []
    about = or_(*(INCOMING_MAIL.c.cases.contains(f"/{ref}/", autoescape=True) for ref in case_refs))
    return sorted(connection.scalars(select(INCOMING_MAIL.c.id).where(about, INCOMING_MAIL.c.erased_at.is_(None))))


def count_of(connection: Connection, case_refs: Collection[str]) -> int:
    """How many mails about one of these cases have words."""
    return len(mails_about(connection, case_refs))


def erase_every_mail(connection: Connection, at: str) -> int:
    """Erase the words of every mail, because nobody can decrypt them; a mail that waits waits no more."""
    gone = _erase(connection, [], at)
    waiting = INCOMING_MAIL.c.state == MailState.WAITING
    ids = list(connection.scalars(select(INCOMING_MAIL.c.id).where(waiting)))
    values = {"state": MailState.DECIDED, "why": "key_lost", "settled_at": at, "settled_by": "sendflow"}
    connection.execute(update(INCOMING_MAIL).where(waiting).values(**values))
    log_keys(connection, INCOMING_MAIL, ids, at)
    return gone


def erase_mails(connection: Connection, ids: Sequence[str], at: str) -> int:
    """Erase the words of these mails; return how many."""
    return sum(_erase(connection, [INCOMING_MAIL.c.id.in_(chunk)], at) for chunk in in_chunks(ids))


def _erase(connection: Connection, conditions: Sequence[Any], at: str) -> int:
    chosen = (*conditions, INCOMING_MAIL.c.erased_at.is_(None))
    ids = list(connection.scalars(select(INCOMING_MAIL.c.id).where(*chosen)))
    for chunk in in_chunks(ids):
        blank = {"sealed": b"", "summary": b"", "erased_at": at}
        connection.execute(update(INCOMING_MAIL).where(INCOMING_MAIL.c.id.in_(chunk)).values(**blank))
    delete_data_keys(connection, {mail_subject(id_) for id_ in ids})
    log_keys(connection, INCOMING_MAIL, ids, at)
    return len(ids)
