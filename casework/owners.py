"""Who in the team looks after a case: an account that the case is assigned to, or nobody.

It is no fact: it moves no date, gives nobody a right and is in no letter. The rows are only added to, so that it can be
said later who looked after a case on a day. Instants are in UTC.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, Connection, bindparam, func, select

from casework.context import AppContext, instant
from models.bulk_io import in_chunks
from models.change_log import insert_logged
from models.database import transact
from models.errors import NoSuchCase, Refusal
from models.facts import ACTOR
from models.locks import lock_exclusive
from models.questions import Question
from models.tables import CASE, CASE_OWNER
from models.visibility import hidden_among

NOBODY = ""
UNOWNED = "-"  # in a filter: the cases that nobody looks after


class WrongOwner(Refusal, ValueError):
    """The owner is no account name."""

    default_code = "bad_owner"


def assign(context: AppContext, case_ref: str, owner: str, actor: str) -> bool:
    """Assign a case to an account, or to nobody. Gives whether that is a change. Raises NoSuchCase or WrongOwner."""
    if owner != NOBODY and not ACTOR.fullmatch(owner):
        raise WrongOwner("an owner is an account name, for example admin.team")

    def work(connection: Connection) -> bool:
        lock_exclusive(connection, "owners")
        known = connection.scalar(select(CASE.c.case_ref).where(CASE.c.case_ref == case_ref)) is not None
        if not known or hidden_among(connection, [case_ref]):
            raise NoSuchCase
        if (owner_of(connection, case_ref) or NOBODY) == owner:
            return False
        number = (connection.scalar(select(func.max(CASE_OWNER.c.number))) or 0) + 1
        at = instant(context.now())
        row = {"number": number, "at": at, "actor": actor, "case_ref": case_ref, "owner": owner}
        insert_logged(connection, CASE_OWNER, [row], at)
        return True

    return transact(context.engine, work)


def owners_of(connection: Connection, case_refs: Collection[str]) -> dict[str, str]:
    """The owner of each of these cases that has one."""
    found: dict[str, str] = {}
    for chunk in in_chunks(list(case_refs)):
        newest = select(func.max(CASE_OWNER.c.number)).where(CASE_OWNER.c.case_ref.in_(chunk))
        query = select(CASE_OWNER.c.case_ref, CASE_OWNER.c.owner).where(
            CASE_OWNER.c.number.in_(newest.group_by(CASE_OWNER.c.case_ref)), CASE_OWNER.c.owner != NOBODY
        )
        found |= {row.case_ref: row.owner for row in connection.execute(query)}
    return found


OWNER = Question(
    select(CASE_OWNER.c.owner)
    .where(CASE_OWNER.c.case_ref == bindparam("ref"))
    .order_by(CASE_OWNER.c.number.desc())
    .limit(1)
)


def owner_of(connection: Connection, case_ref: str) -> str | None:
    """The owner of a case; None where nobody looks after it."""
    return OWNER.scalar(connection, ref=case_ref) or None


def owner_then(connection: Connection, case_ref: str, until: str) -> str | None:
    """Who looked after a case at an instant; None where nobody did."""
    query = select(CASE_OWNER.c.owner).where(CASE_OWNER.c.case_ref == case_ref, CASE_OWNER.c.at <= until)
    return connection.scalar(query.order_by(CASE_OWNER.c.number.desc()).limit(1)) or None


def everyone(connection: Connection) -> list[str]:
    """The accounts that look after a case now, by name."""
    newest = select(func.max(CASE_OWNER.c.number)).group_by(CASE_OWNER.c.case_ref)
    query = select(CASE_OWNER.c.owner).where(CASE_OWNER.c.number.in_(newest), CASE_OWNER.c.owner != NOBODY)
    return sorted(connection.scalars(query.distinct()))


def is_of_owner(owner: str) -> ColumnElement[bool]:
    """Whether a case (a row of `case_file`) is of an owner; with UNOWNED, whether nobody looks after it."""
    newest = select(func.max(CASE_OWNER.c.number)).group_by(CASE_OWNER.c.case_ref)
    query = select(CASE_OWNER.c.case_ref).where(CASE_OWNER.c.number.in_(newest), CASE_OWNER.c.owner != NOBODY)
    if owner == UNOWNED:
        return CASE.c.case_ref.not_in(query)
    return CASE.c.case_ref.in_(query.where(CASE_OWNER.c.owner == owner))
