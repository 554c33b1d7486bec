"""Links by which anybody at a mailbox answers a letter without an account.

A token is a keyed digest of what it is for: the case, duty, body and service, the mailbox, and the notice that a letter
has; or the mailbox and the week, for all that it owes. The same letter sent again has the same link. The database has
the digest of a token and never the token; the stored letter has a placeholder, and the link is put in as it leaves. A
row that was altered opens nothing, because its token is worked out again. The key is derived from person.key, which is
outside the database: a new key ends every link. Instants are in UTC.
"""

import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple

from sqlalchemy import Connection, Row, delete, insert, select, update

from casework.replies.record import Asked
from config.running_instance import read_running
from config.settings import Carrier, Settings
from models.encryption import Cipher
from models.enums import Party
from models.errors import Refusal
from models.facts import canonical
from models.tables import ANSWER_LINK

TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")
LIFETIME = timedelta(weeks=8)
LIFETIME_OF_ALL = timedelta(weeks=2)
FORGOTTEN_AFTER = timedelta(weeks=4)  # after the end of a link
PLACEHOLDER = re.compile(r"https://answer\.invalid/([0-9a-f]{32})")
NO_LINK = "(no link: please reply to this e-mail)"
# Who answers for a body. The others of the escalation policy are asked to step in, not to answer.
ANSWERS_FOR_THE_BODY = frozenset({Party.SERVICE, Party.SERVICE_MANAGER, Party.PROVIDER_SEND_LEAD})


class Scope(StrEnum):
    """What a link answers: one thing that a letter asks for, or all that a mailbox owes."""

    DUTY = "duty"
    MAILBOX = "mailbox"


class Link(NamedTuple):
    """A link, without its token. `asked` is the thing that it answers; None for all that the mailbox owes."""

    scope: Scope
    mailbox: str
    made_for: str
    asked: Asked | None = None


class NoSuchLink(Refusal):
    """A token opens nothing. The message is a word for the log: nobody who asks learns it."""

    default_code = "no_such_link"


def link_to_duty(asked: Asked, mailbox: str, notice: str) -> Link:
    """The link of one notice: it answers one duty."""
    return Link(Scope.DUTY, mailbox, notice, asked)


def link_to_all(mailbox: str, day: date) -> Link:
    """The link of a mailbox for the week of a day: it answers all that the mailbox owes."""
    year, week, _day = day.isocalendar()
    return Link(Scope.MAILBOX, mailbox, f"{year}-W{week:02}")


def token_of(cipher: Cipher, link: Link) -> str:
    """The token of a link: 32 letters that nobody can guess."""
    values = {"scope": str(link.scope), "mailbox": link.mailbox, "for": link.made_for}
    about = link.asked._asdict() if link.asked is not None else {}
    text = canonical({**values, **about}).decode()
    return urlsafe_b64encode(bytes.fromhex(cipher.index("answer link", text))[:24]).decode()


def digest_of(token: str) -> str:
    """What the database has of a token."""
    return sha256(token.encode()).hexdigest()


def placeholder_of(cipher: Cipher, link: Link) -> str:
    """What a stored letter has in place of a link."""
    return f"https://answer.invalid/{digest_of(token_of(cipher, link))[:32]}"


def store_links(connection: Connection, cipher: Cipher, links: Iterable[Link], now: datetime) -> None:
    """Store the links of a letter that leaves now. The life of one that is stored begins again, because a letter may
    wait for longer than a link lives, and what it says of the end of its links has to be true.
    """
    rows = {digest_of(token_of(cipher, link)): link for link in links}
    known = set(connection.scalars(select(ANSWER_LINK.c.digest).where(ANSWER_LINK.c.digest.in_(list(rows)))))
    for digest, link in rows.items():
        ends = {"expires_at": _text(now + (LIFETIME if link.scope is Scope.DUTY else LIFETIME_OF_ALL))}
        if digest in known:
            earlier = ANSWER_LINK.c.digest == digest, ANSWER_LINK.c.expires_at < ends["expires_at"]
            connection.execute(update(ANSWER_LINK).where(*earlier).values(**ends))
            continue
        about = link.asked._asdict() if link.asked is not None else {}
        own = {"digest": digest, "scope": str(link.scope), "mailbox": link.mailbox, "made_for": link.made_for}
        connection.execute(insert(ANSWER_LINK).values(**own, **about, made_at=_text(now), **ends))


def forget_expired(connection: Connection, now: datetime) -> int:
    """Delete the links that ended four weeks ago; who opened one learns the same as before. Which answers were given,
    and by which link, is not deleted. Gives how many.
    """
    return connection.execute(
        delete(ANSWER_LINK).where(ANSWER_LINK.c.expires_at <= _text(now - FORGOTTEN_AFTER))
    ).rowcount


def find_link(connection: Connection, cipher: Cipher, token: str, now: datetime) -> Link:
    """The link of a token. Raises NoSuchLink for one that is forged, altered or too old: all are alike to who asks."""
    if not TOKEN.fullmatch(token):
        raise NoSuchLink("not a token")
    row = connection.execute(select(ANSWER_LINK).where(ANSWER_LINK.c.digest == digest_of(token))).first()
    if row is None:
        raise NoSuchLink("unknown")
    link = _link_of(row)
    if link is None or token_of(cipher, link) != token:
        raise NoSuchLink("altered")
    if row.expires_at <= _text(now):
        raise NoSuchLink("expired")
    return link


def address_for_answers(settings: Settings) -> str | None:
    """Where links lead: SENDFLOW_PAGES_URL, or this machine where a local SMTP server gets the letters; else None."""
    if settings.pages_at is not None:
        return settings.pages_at
    if settings.carrier is not Carrier.SINK:
        return None
    running = read_running(settings)
    return running.pages_url or None if running is not None else None


def with_links(text: str, cipher: Cipher, links: Iterable[Link], address: str | None) -> str:
    """A rendered text with its links in place of their placeholders."""
    tokens: Mapping[str, str] = {digest_of(token := token_of(cipher, link))[:32]: token for link in links}

    def put_in(found: re.Match[str]) -> str:
        token = tokens.get(found[1])
        return f"{address}/reply/{token}" if token is not None and address is not None else NO_LINK

    return PLACEHOLDER.sub(put_in, text)


def _link_of(row: Row[tuple[object, ...]]) -> Link | None:
    try:
        scope = Scope(row.scope)
    except ValueError:
        return None
    if scope is Scope.MAILBOX:
        return Link(scope, row.mailbox, row.made_for)
    if row.case_ref is None or row.rule is None or row.opened_seq is None or row.body is None:
        return None
    asked = Asked(row.case_ref, row.rule, row.opened_seq, row.body, row.service, row.recipient)
    return Link(scope, row.mailbox, row.made_for, asked)


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")
