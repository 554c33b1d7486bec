"""Take one mail in: store it, and record what it says, in one transaction. [I/O]

The same mail is taken in once, also by two readers, and by one that dies: its place and its content are looked up in
the transaction that stores it. What a mail says becomes a fact only if it is clear (`match`); every other mail waits
for a person. A mail that a machine wrote gets no reply of ours, so that there is no loop.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import NamedTuple

from sqlalchemy import Connection

from casework import fault_points
from casework.cases.commit import commit
from casework.cases.fact_form import Refused
from casework.cases.of_the_child import withheld_cases
from casework.cases.unit_of_work import UnitOfWork
from casework.context import AppContext, instant
from casework.delivery.came_back import say_that_it_was_undelivered
from casework.mailbox.automatic import is_automatic
from casework.mailbox.bounces import Bounce, read_bounce
from casework.mailbox.codes import code_lines
from casework.mailbox.identities import Names, another_child, nhs_numbers_in
from casework.mailbox.imap import Fetched
from casework.mailbox.incoming import Incoming, header, read_mail
from casework.mailbox.match import (
    Named,
    Unclear,
    Why,
    case_refs_of,
    letter_named,
    mailbox_of,
    replies_meant,
)
from casework.replies.record import VIA_MAIL, apply_reply
from models import people
from models.database import transact
from models.incoming_mail import MailState, NewMail, Summary, insert_mail, is_repeated, known_ids, mail_id
from models.locks import lock_exclusive

LOCK = "incoming mail"
ACTOR = "sendflow"
BOUNCES = "letters"  # by which way a fact about a letter is recorded
SHOWN = 4_000  # characters that a person reads
# What anti-virus programs find in a file that is none (EICAR), in parts, so that this file is not found.
TEST_STRING = b"$EICAR-STANDARD-" + b"ANTIVIRUS-TEST-FILE!"
# Headers that make two deliveries of one mail differ are not among these.
CONTENT_HEADERS = ("Message-ID", "From", "Date", "Subject", "In-Reply-To", "Content-Type")


class Received(NamedTuple):
    """What became of one mail."""

    id: str
    state: MailState
    why: str | None = None
    known: bool = False


class _Read(NamedTuple):
    """One mail, read before the transaction."""

    fetched: Fetched
    mail: Incoming
    bounce: Bounce | None
    automatic: bool
    digest: str


def receive(context: AppContext, fetched: Fetched, names: Callable[[], Names]) -> Received:
    """Take one mail in. `names` gives the names of every child, when they are first needed."""
    mail = read_mail(fetched.raw)
    whole = mail.whole and fetched.size <= len(fetched.raw)
    read = _Read(
        fetched,
        mail._replace(whole=whole),
        read_bounce(mail),
        is_automatic(mail),
        _digest(mail, fetched.raw),
    )
    try:
        return _in_one_transaction(context, read, lambda connection: _act(context, connection, read, names))
    except Unclear as unclear:
        why = unclear.why
    except Refused:
        why = Why.REFUSED
    return _in_one_transaction(context, read, lambda connection: _wait(context, connection, read, why))


def store_unread(context: AppContext, fetched: Fetched) -> Received:
    """Store a mail that could not be taken in, so that it waits for a person and stops no other."""
    empty = Summary("", "", "", "", ())
    mail = NewMail(fetched.place, sha256(fetched.raw).hexdigest(), fetched.raw, fetched.size, empty, MailState.WAITING)

    def store(connection: Connection) -> Received:
        lock_exclusive(connection, LOCK)
        if known_ids(connection, [mail_id(fetched.place)]):
            return Received(mail_id(fetched.place), MailState.REPEATED, known=True)
        now = instant(context.now())
        why = Why.NOT_READABLE
        return Received(insert_mail(connection, context.cipher, mail._replace(why=why), now), MailState.WAITING, why)

    return transact(context.engine, store)


def _in_one_transaction(context: AppContext, read: _Read, act: Callable[[Connection], Received]) -> Received:
    def once(connection: Connection) -> Received:
        lock_exclusive(connection, LOCK)
        id_ = mail_id(read.fetched.place)
        if known_ids(connection, [id_]):
            return Received(id_, MailState.REPEATED, known=True)
        if is_repeated(connection, read.digest):
            return _store(context, connection, read, MailState.REPEATED)
        fault_points.here("mail_before_act")
        received = act(connection)
        fault_points.here("mail_before_commit")
        return received

    received = transact(context.engine, once)
    fault_points.here("mail_after_commit")
    return received


def _act(context: AppContext, connection: Connection, read: _Read, names: Callable[[], Names]) -> Received:
    """Record what a clear mail says. Raises Unclear or Refused; the transaction is then undone."""
    mail = read.mail
    _refuse_test_string(read)
    if read.bounce is not None:
        return _note_bounce(context, connection, read, read.bounce)
    named = _named(context, connection, mail.answers)
    letter = named.letter if named is not None else None
    if read.automatic:
        return _store(context, connection, read, MailState.AUTOMATIC, letter=letter)
    if mail.attachments:
        raise Unclear(Why.ATTACHMENT)
    if not mail.whole:
        raise Unclear(Why.NOT_READABLE)
    unit = UnitOfWork(context, connection, actor=ACTOR, via=VIA_MAIL)
    try:
        meant = replies_meant(unit, mail, named, code_lines(mail.text))
    except Unclear:
        _refuse_another_child(context, connection, mail, case_refs_of(connection, letter), names)
        raise
    cases = sorted({asked.case_ref for asked, _reply in meant})
    _refuse_another_child(context, connection, mail, cases, names)
    if withheld_cases(connection).keys() & set(cases):
        raise Unclear(Why.WITHHELD)
    for asked, reply in meant:
        unit.actor = asked.actor
        apply_reply(unit, asked, reply)
    commit(unit)
    return _store(context, connection, read, MailState.ANSWERED, letter=letter, cases=tuple(cases))


def _note_bounce(context: AppContext, connection: Connection, read: _Read, bounce: Bounce) -> Received:
    named = _named(context, connection, bounce.message_ids)
    letter = named.letter if named is not None else None
    if not bounce.final:
        return _store(context, connection, read, MailState.AUTOMATIC, letter=letter, why="still_trying")
    to = mailbox_of(connection, letter).lower() if letter is not None else ""
    if named is None or letter is None or (bounce.mailboxes and to not in bounce.mailboxes):
        raise Unclear(Why.BOUNCE_NOT_MATCHED)
    if not named.proved:
        raise Unclear(Why.BOUNCE_NOT_PROVED)
    unit = UnitOfWork(context, connection, actor=ACTOR, via=BOUNCES)
    say_that_it_was_undelivered(unit, letter, bounce.cause)
    commit(unit)
    return _store(context, connection, read, MailState.UNDELIVERED, letter=letter, why=bounce.cause)


def _wait(context: AppContext, connection: Connection, read: _Read, why: Why) -> Received:
    named = _named(context, connection, read.bounce.message_ids if read.bounce is not None else read.mail.answers)
    letter = named.letter if named is not None else None
    return _store(context, connection, read, MailState.WAITING, letter=letter, why=why)


def _named(context: AppContext, connection: Connection, message_ids: tuple[str, ...]) -> Named | None:
    return letter_named(connection, context.cipher, message_ids, context.today())


def _store(  # noqa: PLR0913 (what is stored of a mail)
    context: AppContext,
    connection: Connection,
    read: _Read,
    state: MailState,
    *,
    letter: str | None = None,
    why: str | None = None,
    cases: tuple[str, ...] = (),
) -> Received:
    mail, fetched = read.mail, read.fetched
    summary = Summary(mail.sender or "", mail.sender_name, mail.subject, mail.text[:SHOWN], mail.attachments)
    row = NewMail(fetched.place, read.digest, fetched.raw, fetched.size, summary, state, why, letter, cases)
    return Received(insert_mail(connection, context.cipher, row, instant(context.now())), state, why)


def _refuse_test_string(read: _Read) -> None:
    if TEST_STRING in read.fetched.raw or any(TEST_STRING in part for part in read.mail.parts):
        raise Unclear(Why.TEST_STRING)


def _refuse_another_child(
    context: AppContext, connection: Connection, mail: Incoming, cases: list[str], names: Callable[[], Names]
) -> None:
    """Raises Unclear if the mail names a child who is not of its cases. The names are compared in memory only."""
    text = f"{mail.subject}\n{mail.text}"
    children = set(people.child_keys(connection, cases).values())
    own = {
        child: person.get("nhs_number")
        for child, person in people.read_people(connection, context.cipher, children).items()
    }
    known = people.find_children(connection, context.cipher, list(nhs_numbers_in(text)))
    if another_child(text, names(), {**dict.fromkeys(children), **own}, known, mail.sender_name):
        raise Unclear(Why.ANOTHER_CHILD)


def _digest(mail: Incoming, raw: bytes) -> str:
    """The digest of what the sender sent: servers add lines above, which differ where a mail arrives twice."""
    if not mail.message_id:
        return sha256(raw).hexdigest()
    lines = "\n".join(header(mail.message, name) for name in CONTENT_HEADERS)
    body = raw.partition(b"\r\n\r\n")[2] or raw.partition(b"\n\n")[2]
    return sha256(lines.encode("utf-8", "surrogatepass") + b"\n" + body).hexdigest()
