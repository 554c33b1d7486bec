"""How often somebody may try: counts in the database, so that every process of an installation goes by the same ones.

Purpose: passwords, codes and links cannot be guessed, and no stranger can make the server work. A count is stored by a
keyed digest of who tried, because a name that was typed into a wrong field may be a child's. Instants are in UTC.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from models.encryption import Cipher
from models.locks import lock_exclusive
from models.tables import ATTEMPT

FORGOTTEN_AFTER = timedelta(days=1)


class Limit(NamedTuple):
    """At most `most` attempts in a `span`; after that, none for a `span`."""

    name: str
    most: int
    span: timedelta


PASSWORD = Limit("password", 5, timedelta(minutes=15))
CODE = Limit("code", 5, timedelta(minutes=15))
ADDRESS = Limit("address", 30, timedelta(minutes=15))
SINGLE_SIGN_ON = Limit("single sign-on", 300, timedelta(minutes=15))  # a whole trust may have one address
LOGOUT_TOKENS = Limit("logout tokens", 300, timedelta(minutes=15))  # wrong ones; each may ask the provider for its keys
LINKS_OF_ACCOUNT = Limit("links", 3, timedelta(hours=1))
WRONG_REPLY_LINKS = Limit("wrong reply links", 30, timedelta(minutes=15))
REPLIES_OF_LINK = Limit("replies", 60, timedelta(minutes=15))
LINKS_OF_ADDRESS = Limit("links from", 10, timedelta(hours=1))


def take(connection: Connection, cipher: Cipher, limit: Limit, who: str, now: datetime) -> bool:
    """Count one attempt, before it is made; False if it is one too many. Whether `who` exists makes no difference."""
    subject = _subject(cipher, limit, who)
    lock_exclusive(connection, f"attempt/{subject}")
    connection.execute(delete(ATTEMPT).where(ATTEMPT.c.since < _text(now - FORGOTTEN_AFTER)))
    row = connection.execute(select(ATTEMPT).where(ATTEMPT.c.subject == subject)).first()
    if row is None:
        connection.execute(insert(ATTEMPT).values(subject=subject, count=1, since=_text(now)))
        return True
    if row.until is not None and row.until > _text(now):
        return False
    over = row.until is not None or row.since <= _text(now - limit.span)
    count = 1 if over else int(row._mapping["count"]) + 1
    values = {
        "count": count,
        "since": _text(now) if over else row.since,
        "until": _text(now + limit.span) if count >= limit.most else None,
    }
    connection.execute(update(ATTEMPT).where(ATTEMPT.c.subject == subject).values(**values))
    return True


def forget(connection: Connection, cipher: Cipher, limit: Limit, who: str) -> None:
    """Begin to count again: the attempt was right."""
    connection.execute(delete(ATTEMPT).where(ATTEMPT.c.subject == _subject(cipher, limit, who)))


def give_back(connection: Connection, cipher: Cipher, limit: Limit, who: str) -> None:
    """Count one attempt less: it was right. The wrong ones of the same address still count, as many people may share it
    and one of them may guess.
    """
    subject = _subject(cipher, limit, who)
    lock_exclusive(connection, f"attempt/{subject}")
    less = update(ATTEMPT).where(ATTEMPT.c.subject == subject, ATTEMPT.c["count"] > 0)
    connection.execute(less.values(count=ATTEMPT.c["count"] - 1, until=None))


def _subject(cipher: Cipher, limit: Limit, who: str) -> str:
    return cipher.index("attempt", f"{limit.name}\0{who}")


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")
