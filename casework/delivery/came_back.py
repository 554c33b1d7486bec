"""A letter that the mail server had accepted did not arrive: a person says that it came back, or a mail server says so.

It is one act. The letter counts as not delivered, each case gets a fact about each notice, and each notice is written
again under a key of its own; higher steps wait for it, so that the steps count again.

A person says why in words (`notice_came_back`): the notice leaves for the mailbox that the directory has then, once.
A mail server gives a cause (`notice_undelivered`). A full mailbox is tried again after 1, 2 and 3 days. Otherwise the
notice goes at once to the recipient's mailbox of today if that is another one, and else to the fallback: the next post
that has another mailbox.
"""

from datetime import date, timedelta
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, Row, select

from casework.cases.commit import commit
from casework.cases.unit_of_work import UnitOfWork, load_readable
from casework.context import AppContext
from casework.delivery.holds import VIA
from models.common_facts import CAME_BACK, RETURNED, UNDELIVERED
from models.database import transact
from models.enums import LetterState, NoticeState, Party
from models.errors import Refusal
from models.facts import FactDraft, StoredFact
from models.tables import LETTER, NOTICE
from notifications import outbox
from notifications.message_ids import as_it_is_stored
from notifications.notices import NoticeDraft
from notifications.recipients import Place, mailbox_at

SENT = (NoticeState.SENT, NoticeState.SENT_PERHAPS_TWICE)
MOST = 2  # how often the same notice comes back, as a person says, before it is not sent again
FULL = "mailbox_full"
FULL_AGAIN_DAYS = (1, 2, 3)  # calendar days until a full mailbox is tried again
# Who is written to in place of whom, the first one with another mailbox.
FALLBACK = (Party.SERVICE, Party.SERVICE_MANAGER, Party.PROVIDER_SEND_LEAD, Party.DCO)


class NotSent(Refusal, LookupError):
    """No letter of that id was accepted by a mail server."""

    default_code = "no_such_letter"


class CameBack(BaseModel):
    """A letter that came back: its mailbox, its cases, and how many of its notices will be sent again."""

    model_config = ConfigDict(frozen=True)
    letter: str
    mailbox: str
    cases: list[str]
    notices: int
    again: int


class _Why(NamedTuple):
    """The kind of fact, and what it says besides the notice."""

    kind: str
    field: str
    value: str


class _Next(NamedTuple):
    """To whom a notice goes again, at which mailbox, and from which day."""

    recipient: Party
    mailbox: str | None
    on: date


def came_back(context: AppContext, name: str, actor: str, reason: str) -> CameBack:
    """Record that a letter came back. `name` is its id or its Message-ID. Raises NotSent."""

    def once(connection: Connection) -> CameBack:
        unit = UnitOfWork(context, connection, actor=actor, via=VIA)
        returned = say_that_it_came_back(unit, name, reason)
        commit(unit)
        return returned

    return transact(context.engine, once)


def say_that_it_came_back(unit: UnitOfWork, name: str, reason: str) -> CameBack:
    """The same within the caller's transaction, who commits the unit. Raises NotSent."""
    query = select(LETTER).where((LETTER.c.id == name) | (LETTER.c.message_id == as_it_is_stored(name)))
    row = unit.connection.execute(query).first()
    if row is None or row.state not in SENT:
        raise NotSent(
            f"no e-mail {name} was accepted by a mail server: sendflow letters lists the ids, for example"
            " 20260414-3d559e323b"
        )
    return _returned(unit, row, _Why(CAME_BACK, "reason", reason))


def say_that_it_was_undelivered(unit: UnitOfWork, letter: str, cause: str) -> CameBack | None:
    """Append what a mail server said of a letter; the caller commits the unit. None: it does not count as sent."""
    row = unit.connection.execute(select(LETTER).where(LETTER.c.id == letter)).first()
    if row is None or row.state not in SENT:
        return None
    return _returned(unit, row, _Why(UNDELIVERED, "cause", cause))


def _returned(unit: UnitOfWork, row: Row[Any], why: _Why) -> CameBack:
    connection = unit.connection
    stored = why.value if why.kind == UNDELIVERED else why.kind
    values = {"state": LetterState.CAME_BACK, "why": stored}
    if not outbox.update_letter(connection, row.id, LetterState(row.state), values):
        raise NotSent(f"the e-mail {row.id} was changed at the same time: try again")
    notices = outbox.sent_in(connection, row.id)
    cases = load_readable(unit, {notice.case_ref for notice in notices})
    outbox.change_state(connection, [notice.key for notice in notices], SENT, NoticeState.CAME_BACK, row.id)
    again = 0
    for notice in notices:
        case = cases.get(notice.case_ref)
        if case is None:
            continue
        before = [fact for fact in case.facts if _is_of(fact, notice)]
        draft = FactDraft(why.kind, unit.today, _data(row.id, notice, why))
        (fact,) = unit.append(case, [draft], via=VIA)
        goes = _next(unit, case.file.la, notice, before, why)
        if goes is not None and (goes.recipient == notice.recipient or not _has_it(connection, notice, goes.recipient)):
            again += 1
            unit.notices.append(_again(notice, fact, goes))
    return CameBack(letter=row.id, mailbox=row.mailbox, cases=sorted(cases), notices=len(notices), again=again)


def _next(unit: UnitOfWork, la: str | None, notice: NoticeDraft, before: list[StoredFact], why: _Why) -> _Next | None:
    """Where a notice goes after this return; `before` are its earlier ones. None: nowhere."""
    directory, recipient = unit.context.directory, Party(notice.recipient)
    place = Place(la, notice.body, notice.service, unit.context.team_roles.get(notice.rule))
    mailbox = mailbox_at(directory, place, recipient, unit.today)
    if why.kind == CAME_BACK:
        return _Next(recipient, mailbox, unit.today) if len(before) + 1 < MOST else None
    full = sum(fact.data.get("cause") == FULL for fact in before)
    if why.value == FULL and full < len(FULL_AGAIN_DAYS):
        return _Next(recipient, mailbox, unit.today + timedelta(days=FULL_AGAIN_DAYS[full]))
    if mailbox not in (None, notice.mailbox) and len(before) + 1 < MOST + len(FULL_AGAIN_DAYS):
        return _Next(recipient, mailbox, unit.today)
    if place.role is not None and place.role.alone:
        return None  # of a restricted case: nobody else gets its letters
    later = FALLBACK[FALLBACK.index(recipient) + 1 :] if recipient in FALLBACK else (Party.DCO,)
    for party in later:
        other = mailbox_at(directory, place, party, unit.today)
        if other not in (None, notice.mailbox, mailbox):
            return _Next(party, other, unit.today)
    return None


def _has_it(connection: Connection, notice: NoticeDraft, recipient: Party) -> bool:
    """Whether the fallback gets, or got, a letter about the same step of the same duty."""
    lost = (NoticeState.CAME_BACK, NoticeState.FAILED, NoticeState.WITHDRAWN, NoticeState.SUPERSEDED)
    query = select(NOTICE.c.key).where(
        NOTICE.c.case_ref == notice.case_ref,
        NOTICE.c.rule == notice.rule,
        NOTICE.c.opened_seq == notice.opened_seq,
        NOTICE.c.rung == notice.rung,
        NOTICE.c.fact_seq == notice.fact_seq,
        NOTICE.c.recipient == recipient,
        NOTICE.c.state.not_in(lost),
    )
    return connection.scalar(query.limit(1)) is not None


def _is_of(fact: StoredFact, notice: NoticeDraft) -> bool:
    return fact.kind in RETURNED and all(
        fact.data.get(name) == value
        for name, value in (
            ("rule", notice.rule),
            ("opened_seq", notice.opened_seq),
            ("rung", notice.rung),
            ("recipient", str(notice.recipient)),
            ("rung_seq", notice.fact_seq),
        )
    )


def _data(letter: str, notice: NoticeDraft, why: _Why) -> dict[str, object]:
    data: dict[str, object] = {
        "rule": notice.rule,
        "rung": notice.rung,
        "opened_seq": notice.opened_seq,
        "recipient": str(notice.recipient),
        "letter": letter,
        "due": notice.due.isoformat() if notice.due else None,
        "rung_seq": notice.fact_seq,
        "body": notice.body,
        "service": notice.service,
        why.field: why.value,
    }
    return {key: value for key, value in data.items() if value is not None}


def _again(notice: NoticeDraft, fact: StoredFact, goes: _Next) -> NoticeDraft:
    """The notice that is sent again, under a key of its own, which names its recipient."""
    parts = notice.key.split("/")
    parts[parts.index(notice.recipient, 6)] = goes.recipient
    return notice._replace(
        key=f"{'/'.join(parts)}/{fact.seq}",
        recipient=goes.recipient,
        mailbox=goes.mailbox,
        on=goes.on,
        state=NoticeState.CREATED,
    )
