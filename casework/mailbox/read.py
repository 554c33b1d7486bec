"""The job that reads the mailbox: takes in every new mail, moves it away, and erases what is no longer needed. [I/O]

Each mail is taken in by a transaction of its own and moved only after it. Two readers at once, or a reader that dies,
take none in twice and lose none: a mail that is still in its folder and is stored is only moved. One mail that cannot
be taken in waits for a person and stops no other.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from time import monotonic

import orjson
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, select
from sqlalchemy.exc import SQLAlchemyError

from casework.context import AppContext, instant
from casework.job_runs import record_job_run
from casework.mailbox.identities import Names
from casework.mailbox.imap import MailboxFault, OpenMailbox, open_mailbox
from casework.mailbox.receive import Received, receive, store_unread
from config.reply_mailbox import ReplyMailbox
from models import people
from models.bulk_io import in_chunks
from models.database import reading, transact
from models.errors import Refusal, SendflowError
from models.incoming_mail import MailState, erase_settled_before, known_ids, mail_id
from models.tables import JOB_RUN, PERSON

JOB = "replies"
READABLE = "works"
AT_ONCE = 200  # mails of one run; the next one reads the rest
SECONDS = 300
STORED_FOR = timedelta(days=30)  # how long the words of a settled mail about no case are stored


class NoMailbox(Refusal, ValueError):
    """No mailbox is set."""

    default_code = "no_mailbox"


class RepliesReport(BaseModel):
    """What a reading of the mailbox did: how many mails, and what became of them.

    `error` is a word for why the mailbox cannot be read; null if it can.
    """

    model_config = ConfigDict(frozen=True)
    read: int = 0
    answered: int = 0
    undelivered: int = 0
    automatic: int = 0
    waiting: int = 0
    repeated: int = 0
    error: str | None = None


class AllNames:
    """The names of every child, read when they are first needed and dropped with the run."""

    def __init__(self, context: AppContext) -> None:
        self._context = context
        self._names: Names | None = None

    def __call__(self) -> Names:
        if self._names is None:
            with reading(self._context.engine) as connection:
                self._names = Names(list(_names(connection, self._context)))
        return self._names


def _names(connection: Connection, context: AppContext) -> list[tuple[str, str]]:
    children = list(connection.scalars(select(PERSON.c.child_key).where(PERSON.c.erased_at.is_(None))))
    found: list[tuple[str, str]] = []
    for chunk in in_chunks(children):
        persons = people.read_people(connection, context.cipher, chunk)
        found += [(child, person["name"]) for child, person in persons.items() if person.get("name")]
    return found


def mailbox_settings(context: AppContext) -> ReplyMailbox:
    """The mailbox that is read. Raises NoMailbox."""
    if context.settings.replies is None:
        raise NoMailbox(
            "no mailbox is set, so no mail is read: set SENDFLOW_IMAP_HOST and SENDFLOW_IMAP_LOGIN, for example"
            " SENDFLOW_IMAP_HOST=imap.icb.example (docs/operate/configure.md)"
        )
    return context.settings.replies


def read_replies(context: AppContext, *, seconds: float = SECONDS) -> RepliesReport:
    """Read the mailbox for `seconds` at most. Raises NoMailbox; a mailbox that cannot be read is in the report."""
    settings = mailbox_settings(context)
    found: Counter[MailState] = Counter()
    error: str | None = None
    try:
        with open_mailbox(settings, context.settings.tls_ca) as box:
            for received in _take_in(context, box, seconds):
                found[received.state] += not received.known
    except MailboxFault as fault:
        error = fault.why
    report = RepliesReport(
        read=found.total(), error=error, **{str(state): number for state, number in found.items() if number}
    )
    transact(context.engine, lambda connection: _finish(context, connection, report))
    return report


def _take_in(context: AppContext, box: OpenMailbox, seconds: float) -> list[Received]:
    """Take in the new mails, the oldest first."""
    until, names = monotonic() + seconds, AllNames(context)
    places = box.places()
    with reading(context.engine) as connection:
        known = known_ids(connection, [mail_id(place) for place in places])
    taken: list[Received] = []
    for place, uid in places.items():
        if len(taken) >= AT_ONCE or monotonic() > until:
            break
        if mail_id(place) not in known:
            fetched = box.fetch(place, uid)
            if fetched is None:
                continue
            try:
                taken.append(receive(context, fetched, names))
            except (SQLAlchemyError, SendflowError):
                raise  # the database, its key or its rule set: no mail can be taken in
            except Exception:  # a fault of ours with this mail must not lose it, nor stop the others
                taken.append(store_unread(context, fetched))
            if taken[-1].known:
                continue  # another reader has it, and moves it: a server may copy what two move
        box.put_away(uid)
    return taken


def _finish(context: AppContext, connection: Connection, report: RepliesReport) -> None:
    now = context.now()
    erase_settled_before(connection, instant(now - STORED_FOR), instant(now))
    detail = orjson.dumps(report.model_dump(mode="json")).decode()
    record_job_run(connection, context, JOB, context.today(), report.error or READABLE, detail)


def reading_is_due(context: AppContext) -> bool:
    """Whether the job has something to do: a new mail, or a mailbox whose state has changed since it was noted."""
    settings = context.settings.replies
    if settings is None:
        return False
    try:
        with open_mailbox(settings, context.settings.tls_ca) as box:
            ids = {mail_id(place) for place in box.places()}
        state = READABLE
    except MailboxFault as fault:
        ids, state = set(), fault.why
    with reading(context.engine) as connection:
        return bool(ids - known_ids(connection, ids)) or state != (last_state(connection) or READABLE)


def last_state(connection: Connection) -> str | None:
    """What the last reading found of the mailbox: `works`, or a word for why not; None if it was never read."""
    query = select(JOB_RUN.c.outcome).where(JOB_RUN.c.act == JOB)
    return connection.scalar(query.order_by(JOB_RUN.c.finished_at.desc(), JOB_RUN.c.id.desc()).limit(1))
