"""The morning digest to the Designated Clinical Officer: what is late, what is coming, what waits for a person, and the
head of the history.

Purpose: one letter a morning from which the team can start its day, and with which the head of the ledger leaves the
building. It is the house's own letter to itself, so it goes whenever it is written, on any day and at any hour; notices
that wait for the same mailbox ride in it, so that the DCO too has one message a day. A day without a finished sweep is
its first sentence, because silence is the worst fault.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, func, insert, select
from sqlalchemy.exc import IntegrityError

from casework.cases.unit_of_work import LoadedCase, UnitOfWork, open_readable
from casework.context import LONDON, AppContext, instant
from casework.delivery import compose
from casework.delivery.deliver import MORNING
from casework.delivery.lease import Sender, abandoned
from casework.delivery.send import UNSURE, Round, as_it_stands, carrier, claim_values, open_letter, send
from casework.reports.worklists import BoardRow, overdue, week
from casework.sweep import TICK, WrongDay, finish
from models import ledger
from models.database import LEDGER, alone, transact, writing
from models.enums import LetterState, NoticeState
from models.ledger import FACT
from models.tables import CheckpointRow
from notifications import outbox
from notifications.outbox import LETTER, NOTICE, Claimed
from notifications.render import newest
from notifications.transport import Transport

ANCHOR = CheckpointRow.__table__  # type: ignore[attr-defined]  # SQLModel sets the table at class creation
DAY, WEEK = timedelta(days=1), timedelta(days=7)
MOST = 40
ENDED = (LetterState.SENT, LetterState.SENT_PERHAPS_TWICE, LetterState.FAILED)


class DigestReport(BaseModel):
    """One morning's digest: its letter and that letter's state, what it counted, and the head that it carries. `alert`:
    no sweep finished.
    """

    model_config = ConfigDict(frozen=True)
    as_at: date
    letter: str
    state: str
    late: int
    soon: int
    person: int
    alert: bool
    head: str
    cases: int
    facts: int
    before: str


def digest(
    context: AppContext, as_at: date | None = None, run: str | None = None, transport: Transport | None = None
) -> DigestReport:
    """Write and send the digest of `as_at` (today unless said), once a day however often it runs. Raises WrongDay for a
    day to come.
    """
    today = context.today()
    as_at = as_at or today
    if as_at > today:
        raise WrongDay(
            f"a digest is for today or an earlier day: expected {today.isoformat()} or before, for example --as-at"
            f" {today.isoformat()}"
        )
    context.ensure_ruleset_active("digest")
    with Sender() as sender, carrier(context.settings, transport) as carried:
        work = Round(context, sender, run, True, carried)
        try:
            claimed = _claim(work, as_at)
        except IntegrityError:
            # Another run wrote this morning's digest in the same moment.
            claimed = None
        send(work, claimed)
    with writing(context.engine) as connection:
        row = connection.execute(select(LETTER).where(LETTER.c.id == _id(as_at))).one()
        report = _report(as_at, row)
        finish(
            connection,
            context,
            "digest",
            as_at,
            report.state,
            f"{report.late} late, {report.soon} soon, {report.person} for a person",
        )
    return report


def _id(as_at: date) -> str:
    return f"digest-{as_at:%Y%m%d}"


def _report(as_at: date, row: Any) -> DigestReport:
    fields = orjson.loads(row.fields)
    return DigestReport(
        as_at=as_at,
        letter=row.id,
        state=row.state,
        late=fields["late_count"],
        soon=fields["soon_count"],
        person=fields["person_count"],
        alert=fields["alert"] is not None,
        **fields["head"],
    )


def _claim(work: Round, as_at: date) -> Claimed | None:
    """The day's digest, claimed: a new one, or one whose sending did not come to an end; None where it did, or where
    another run has it.
    """
    return transact(work.context.engine, lambda connection: _claim_within(work, connection, as_at))


def _claim_within(work: Round, connection: Connection, as_at: date) -> Claimed | None:
    context = work.context
    alone(connection, f"mailbox/{context.directory.dco}")
    row = connection.execute(select(LETTER).where(LETTER.c.id == _id(as_at))).first()
    if row is None:
        alone(connection, LEDGER)
        _drop_stale(connection, context)
        return _written(work, connection, as_at)
    if row.state in ENDED or (
        row.state == LetterState.SENDING and not abandoned(row.claimed_by, row.claimed_at, context.now())
    ):
        return None
    again = row.state == LetterState.SENDING or row.why == UNSURE
    values = {**claim_values(work), "attempts": row.attempts + 1, "why": UNSURE if again else row.why}
    outbox.change_letter(connection, row.id, LetterState(row.state), values)
    return as_it_stands(connection, row, again)


def _drop_stale(connection: Connection, context: AppContext) -> None:
    """A digest of an earlier day that never left is of no use today: its notices ride in today's."""
    stale = select(LETTER.c.id).where(LETTER.c.template == MORNING, LETTER.c.state == LetterState.WAITING)
    for id_ in list(connection.scalars(stale)):
        outbox.move(
            connection,
            [draft.key for draft in outbox.notices_of(connection, id_)],
            (NoticeState.CLAIMED,),
            NoticeState.CREATED,
        )
        outbox.change_letter(
            connection, id_, LetterState.WAITING, {"state": LetterState.WITHDRAWN, "next_try_at": None}
        )


def _written(work: Round, connection: Connection, as_at: date) -> Claimed:
    context, mailbox = work.context, work.context.directory.dco
    asked = compose.ask(work.unit(connection), outbox.created_for(connection, mailbox, as_at), as_at)
    fields = {
        **compose.common_fields(context, as_at),
        **_fields(context, connection, as_at),
        "items": compose.items_of(asked.called_for),
    }
    letter = open_letter(
        work, connection, mailbox, _id(as_at), (MORNING, newest(MORNING).version, fields), asked.called_for
    )
    compose.settle(connection, asked, letter.id)
    return letter


def _fields(context: AppContext, connection: Connection, as_at: date) -> dict[str, Any]:
    late, soon = overdue(context, as_at), week(context, as_at)
    claims, look_again = _excuses(context, connection, as_at)
    letters = list(_letters(connection, context, as_at))
    held, held_mailboxes = outbox.count_held(connection)
    troubled = _last_sweep_troubled(connection)
    things = {"claims": claims, "look_again": look_again, "letters": letters}
    person = sum(len(some) for some in things.values()) + bool(held) + troubled
    shown = {name: some[:MOST] for name, some in things.items()}
    return {
        "late": [_row(context, row) for row in late if row.chased][:MOST],
        "late_count": sum(row.chased for row in late),
        "more_late": max(0, sum(row.chased for row in late) - MOST),
        "la_late": sum(not row.chased for row in late),
        "soon": [_row(context, row) for row in soon if row.chased][:MOST],
        "soon_count": sum(row.chased for row in soon),
        "more_soon": max(0, sum(row.chased for row in soon) - MOST),
        "la_soon": sum(not row.chased for row in soon),
        **shown,
        "person_count": person,
        "more_for_person": person - sum(len(some) for some in shown.values()) - bool(held) - troubled,
        "held": held,
        "held_mailboxes": held_mailboxes,
        "troubled": troubled,
        "alert": _alert(context, connection, as_at),
        "head": _anchored(context, connection),
        "almanac_ends": context.almanac.last.isoformat() if as_at >= date(context.almanac.last.year, 7, 1) else None,
    }


def _row(context: AppContext, row: BoardRow) -> dict[str, Any]:
    return {
        "ref": row.case_ref,
        "la": context.directory.la_name(row.la) if row.la else "no local authority recorded",
        "body": row.body_name or row.body or "",
        "service": context.directory.service_name(row.service) if row.service else None,
        "due": row.due.isoformat(),
        "act_by": row.act_by.isoformat() if row.act_by else None,
        "days_late": row.days,
    }


def _excuses(
    context: AppContext, connection: Connection, as_at: date
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Claims that nobody has decided, and accepted excuses whose day to look again has come while the duty is still
    owed.
    """
    claims: list[dict[str, Any]] = []
    look_again: list[dict[str, Any]] = []
    for work in _cases_with_claims(context, connection):
        if work.ended:
            continue
        days = {line.seq: line.occurred_on for line in work.file.lines}
        claims += [
            {
                "ref": work.case_ref,
                "on": days[claim.seq].isoformat(),
                "ground": claim.ground,
                "body": _name(context, claim.body),
            }
            for claim in work.file.undecided()
        ]
        excusing = {
            duty.excuse.seq: duty.excuse for duty in work.duties if duty.excuse is not None and duty.closed_on is None
        }
        look_again += [
            {"ref": work.case_ref, "on": claim.look_again_on.isoformat(), "ground": claim.ground}
            for claim in excusing.values()
            if claim.look_again_on is not None and claim.look_again_on <= as_at
        ]
    return sorted(claims, key=lambda one: (one["on"], one["ref"])), sorted(
        look_again, key=lambda one: (one["on"], one["ref"])
    )


def _name(context: AppContext, body: str | None) -> str | None:
    return next((each.name for each in context.directory.bodies if each.body == body), body)


def _cases_with_claims(context: AppContext, connection: Connection) -> Iterable[LoadedCase]:
    refs = connection.scalars(select(FACT.c.case_ref).where(FACT.c.kind == "excuse_claimed").distinct())
    unit = UnitOfWork(context, connection, actor="sendflow", via="digest")
    return open_readable(unit, list(refs)).values()


def _letters(connection: Connection, context: AppContext, as_at: date) -> Iterator[dict[str, Any]]:
    """Letters that failed in the last seven days, and letters that could not leave for a day or more."""
    counted = select(NOTICE.c.letter, func.count().label("notices")).group_by(NOTICE.c.letter).subquery()
    query = (
        select(
            LETTER.c.id,
            LETTER.c.mailbox,
            LETTER.c.on,
            LETTER.c.state,
            LETTER.c.why,
            func.coalesce(counted.c.notices, 0).label("notices"),
        )
        .join(counted, counted.c.letter == LETTER.c.id, isouter=True)
        .where(LETTER.c.state.in_((LetterState.FAILED, LetterState.WAITING)), LETTER.c.template != MORNING)
        .order_by(LETTER.c.on, LETTER.c.id)
    )
    for row in connection.execute(query):
        why = str(row.why or "").replace("_", " ")
        if row.state == LetterState.FAILED and row.on > as_at - WEEK:
            yield {"id": row.id, "notices": row.notices, "to": row.mailbox, "what": f"failed, {why}; nobody was told"}
        elif row.state == LetterState.WAITING and row.on < as_at:
            yield {
                "id": row.id,
                "notices": row.notices,
                "to": row.mailbox,
                "what": f"waiting since an attempt that did not succeed, {why}",
            }


def _last_sweep_troubled(connection: Connection) -> bool:
    query = (
        select(TICK.c.outcome)
        .where(TICK.c.act == "sweep")
        .order_by(TICK.c.finished_at.desc(), TICK.c.id.desc())
        .limit(1)
    )
    return connection.scalar(query) == "troubled"


def _alert(context: AppContext, connection: Connection, as_at: date) -> dict[str, Any] | None:
    """Where neither this day nor the day before has had a finished sweep: the day of the last one. Records without a
    case need none.
    """
    last = connection.scalar(select(func.max(TICK.c.finished_at)).where(TICK.c.act == "sweep"))
    if last is None:
        return {"last": None} if connection.scalar(select(FACT.c.seq).limit(1)) is not None else None
    day = _london_day(last)
    return {"last": day.isoformat()} if day < as_at - DAY else None


def _london_day(moment: str) -> date:
    return datetime.fromisoformat(moment).astimezone(LONDON).date()


def _anchored(context: AppContext, connection: Connection) -> dict[str, Any]:
    """The head of the ledger now, kept as an anchor that verify compares with.

    It is worked out in a transaction that writes alone (`LEDGER`), so that no fact with an earlier instant is still on
    its way.
    """
    before = instant(context.now())
    head, cases, facts = ledger.head(connection, before)
    if connection.scalar(select(ANCHOR.c.head).where(ANCHOR.c.before == before)) is None:
        connection.execute(insert(ANCHOR), [{"before": before, "head": head, "cases": cases, "facts": facts}])
    return {"before": before, "head": head, "cases": cases, "facts": facts}
