"""Holds: what stops the erasure of a child's records, from the day on which a person records it until its end.

Purpose: UK GDPR art 17(3)(b) and (e): an appeal, a complaint, a claim or an inquiry needs the records. A hold has a
reason of retention.toml and no words, because words could name the child. One hold, on any case of the child, stops the
erasure of all. Rows are only added. Days are those of London; instants are in UTC.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, Select, bindparam, func, or_, select

from casework.context import AppContext, instant
from config.retention import Retention, load_retention
from models.bulk_io import in_chunks
from models.change_log import insert_logged
from models.database import reading, transact
from models.errors import NoSuchCase, Refusal
from models.locks import lock_exclusive
from models.questions import Question
from models.tables import CASE, RETENTION_HOLD, RETENTION_HOLD_ENDED
from models.visibility import hidden_among

LOCK = "retention"


class Hold(BaseModel):
    """One hold. `title` is its reason in words. While it holds, `ended_on` is null."""

    model_config = ConfigDict(frozen=True)
    number: int
    case_ref: str
    reason: str
    title: str
    since: date
    actor: str
    at: str
    ended_on: date | None = None
    ended_by: str | None = None


class WrongHold(Refusal, ValueError):
    """The hold cannot be as it was given; the text says what was expected."""

    default_code = "bad_hold"


def retention_of(context: AppContext) -> Retention:
    """The classes and the reasons of this installation. Raises ConfigFault."""
    return load_retention(context.own_file("retention.toml"))


def begin_hold(context: AppContext, case_ref: str, reason: str, actor: str, since: date | None = None) -> Hold:
    """Record that something stops the erasure from a day on (today unless given).

    Raises NoSuchCase, or WrongHold for a reason that is none, a day to come, and a hold that is there already.
    """
    retention, today = retention_of(context), context.today()
    day = since or today
    if reason not in retention.hold:
        raise WrongHold(f"the reason of a hold is one of {', '.join(retention.hold)}: for example --reason complaint")
    if day > today:
        raise WrongHold(f"a hold begins today or began before: expected {today} or earlier, for example --on {today}")

    def work(connection: Connection) -> Hold:
        lock_exclusive(connection, LOCK)
        known = connection.scalar(select(CASE.c.case_ref).where(CASE.c.case_ref == case_ref))
        if known is None or hidden_among(connection, [case_ref]):
            raise NoSuchCase
        for each in holds_on(context, connection, [case_ref]):
            if each.reason == reason:
                raise WrongHold(f"hold {each.number} of {each.since} has this reason already, and has not ended")
        number, at = next_number(connection, RETENTION_HOLD), instant(context.now())
        row = {
            "number": number,
            "at": at,
            "actor": actor,
            "case_ref": case_ref,
            "reason": reason,
            "since": day,
        }
        insert_logged(connection, RETENTION_HOLD, [row], at)
        return Hold(title=retention.hold[reason].title, **row)

    return transact(context.engine, work)


def end_hold(context: AppContext, number: int, actor: str, ended_on: date | None = None) -> Hold:
    """Record that a hold has ended on a day (today unless given).

    Raises WrongHold for a number that holds nothing, and for a day before its beginning or to come.
    """
    today = context.today()
    day = ended_on or today

    def work(connection: Connection) -> Hold:
        lock_exclusive(connection, LOCK)
        found = next((each for each in _read(context, connection, _all()) if each.number == number), None)
        if found is None or found.ended_on is not None or hidden_among(connection, [found.case_ref]):
            raise WrongHold(f"no hold of number {number} holds anything. To list those that do: sendflow holds")
        if not found.since <= day <= today:
            raise WrongHold(
                f"a hold ends between its beginning and today: expected a day from {found.since} to {today}, for"
                f" example --on {today}"
            )
        at = instant(context.now())
        row = {"number": number, "at": at, "actor": actor, "ended_on": day}
        insert_logged(connection, RETENTION_HOLD_ENDED, [row], at)
        return found.model_copy(update={"ended_on": day, "ended_by": actor})

    return transact(context.engine, work)


def listed(context: AppContext, *, ended: bool = False) -> list[Hold]:
    """The holds of all cases by number; those that have ended only if asked for."""
    with reading(context.engine) as connection:
        return [each for each in _read(context, connection, _all()) if ended or each.ended_on is None]


def holds_on(context: AppContext, connection: Connection, refs: Collection[str], *, ended: bool = False) -> list[Hold]:
    """The holds recorded on these cases; those that have ended only if asked for."""
    found: list[Hold] = []
    for chunk in in_chunks(sorted(refs)):
        found += _read(context, connection, _ON_CASES, {"refs": chunk})
    return [each for each in found if ended or each.ended_on is None]


def holds_on_the_child(context: AppContext, connection: Connection, case_ref: str) -> list[Hold]:
    """The holds recorded on a case and on every other case of its child, ended ones among them."""
    rows = ON_THE_CHILD.rows(connection, ref=case_ref)
    return [_hold(retention_of(context), row._asdict()) for row in rows]


def count_holds(connection: Connection) -> int:
    """How many holds have not ended."""
    ended = select(RETENTION_HOLD_ENDED.c.number)
    query = select(func.count()).select_from(RETENTION_HOLD).where(RETENTION_HOLD.c.number.not_in(ended))
    return connection.scalar(query) or 0


def next_number(connection: Connection, table: Any) -> int:
    """The number of the next row of a table whose rows are numbered; the caller holds the lock."""
    return (connection.scalar(select(func.max(table.c.number))) or 0) + 1


def _all() -> Select[Any]:
    ended = RETENTION_HOLD_ENDED
    columns = (*RETENTION_HOLD.c, ended.c.ended_on, ended.c.actor.label("ended_by"))
    joined = RETENTION_HOLD.outerjoin(ended, ended.c.number == RETENTION_HOLD.c.number)
    return select(*columns).select_from(joined).order_by(RETENTION_HOLD.c.number)


# Of a case and of every other case of its child.
_CHILD = select(CASE.c.child_key).where(CASE.c.case_ref == bindparam("ref")).scalar_subquery()
ON_THE_CHILD = Question(
    _all().where(
        or_(
            RETENTION_HOLD.c.case_ref == bindparam("ref"),
            RETENTION_HOLD.c.case_ref.in_(select(CASE.c.case_ref).where(CASE.c.child_key == _CHILD)),
        )
    )
)
_ON_CASES = _all().where(RETENTION_HOLD.c.case_ref.in_(bindparam("refs", expanding=True)))


def _read(
    context: AppContext, connection: Connection, query: Select[Any], given: Mapping[str, Any] | None = None
) -> list[Hold]:
    rows = connection.execute(query, given).all()
    if not rows:  # the file is read where it says something: every page of a case asks
        return []
    retention = retention_of(context)
    return [_hold(retention, dict(row._mapping)) for row in rows]


def _hold(retention: Retention, row: Mapping[str, Any]) -> Hold:
    reason = retention.hold.get(row["reason"])
    return Hold(title=reason.title if reason else row["reason"].replace("_", " "), **row)
