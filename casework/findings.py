"""Findings: what verification found altered or missing, open until a named person closes each with a reason.

Purpose: damage that only one run saw was forgotten by the next morning. A finding is a row, its closure another;
neither is ever changed. While one is open, every surface says so, and no head of the ledger leaves the installation.
A finding names a case by its reference and never a person.
"""

import re
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, Connection, func, select

from casework.context import AppContext, instant
from config.text import counted
from models.change_log import insert_logged
from models.database import reading, transact
from models.errors import Refusal
from models.facts import REFERENCE
from models.identifiers import NHS_NUMBER, identifier_in
from models.locks import lock_exclusive
from models.questions import Question
from models.tables import FINDING, FINDING_CLOSED

MOST = 100  # rows that one verification writes; more of them say nothing that these do not
UNNAMED = (
    "the records differ from what was recorded; the words of this finding may identify a person and are not stored"
)
LOCK = "findings"
OUR_DIGITS = re.compile(r"[0-9a-f]{16,}|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z")  # heads and instants


class Found(NamedTuple):
    """Something that is altered or missing. `case_ref` and `seq` are None if it is not about one case or fact."""

    case_ref: str | None
    seq: int | None
    what: str
    message: str


class StoredFinding(BaseModel):
    """A finding with its closure, if a person has closed it. Instants are ISO 8601 UTC.

    `understood`: the person knows the difference, and it stays.
    """

    model_config = ConfigDict(frozen=True)
    number: int
    found_at: str
    found_by: str
    what: str
    case_ref: str | None
    seq: int | None
    message: str
    closed_at: str | None
    actor: str | None
    reason: str | None
    understood: bool | None


class NoSuchFinding(Refusal, LookupError):
    """No finding has this number. The message says how to list them."""

    default_code = "no_such_finding"


class AlreadyClosed(Refusal, ValueError):
    """The finding was closed before. The message says by whom."""

    default_code = "finding_closed"


def stored_form(found: Found) -> Found:
    """Give a finding without what may identify a person: altered records may hold anything, also in a reference."""
    ref = found.case_ref if found.case_ref and REFERENCE.fullmatch(found.case_ref) else None
    if (found.case_ref and ref is None) or identifier_in(OUR_DIGITS.sub("", found.message)) == NHS_NUMBER:
        return found._replace(case_ref=ref, message=UNNAMED)
    return found


def digest_of(found: Found) -> str:
    """Give what two findings of the same difference have in common."""
    return sha256("\n".join(str(part) for part in stored_form(found)).encode()).hexdigest()


def without_understood(connection: Connection, found: Iterable[Found]) -> list[Found]:
    """Leave out the differences that a person has closed as understood."""
    known = set(
        connection.scalars(
            select(FINDING.c.digest)
            .join(FINDING_CLOSED, FINDING_CLOSED.c.number == FINDING.c.number)
            .where(FINDING_CLOSED.c.understood)
        )
    )
    return [each for each in found if not known or digest_of(each) not in known]


def store(context: AppContext, found_by: str, found: Sequence[Found]) -> int:
    """Store what is not open already, and return how many rows that gave. Differences that are understood are none."""
    if not found:
        return 0
    return transact(context.engine, lambda connection: _store(connection, context, found_by, found))


def _store(connection: Connection, context: AppContext, found_by: str, found: Sequence[Found]) -> int:
    lock_exclusive(connection, LOCK)
    known = set(connection.scalars(select(FINDING.c.digest).where(_is_open())))
    number = connection.scalar(select(func.max(FINDING.c.number))) or 0
    found_at = instant(context.now())
    rows: dict[str, dict[str, object]] = {}
    for each in without_understood(connection, _at_most(found)):
        digest = digest_of(each)
        if digest not in known and digest not in rows:
            row = {"number": number + len(rows) + 1, "found_at": found_at, "found_by": found_by, "digest": digest}
            rows[digest] = row | stored_form(each)._asdict()
    if rows:
        insert_logged(connection, FINDING, list(rows.values()), found_at)
    return len(rows)


def _at_most(found: Sequence[Found]) -> list[Found]:
    if len(found) <= MOST:
        return list(found)
    return [
        *found[:MOST],
        Found(None, None, "more", f"more than {MOST} differences: sendflow verify lists all of them"),
    ]


def _is_open() -> ColumnElement[bool]:
    closed = select(FINDING_CLOSED.c.number).where(FINDING_CLOSED.c.number == FINDING.c.number)
    return ~closed.exists()


COUNT_OPEN = Question(select(func.count()).select_from(FINDING).where(_is_open()))  # every page asks


def count_open(connection: Connection) -> int:
    """Count the findings that nobody has closed."""
    return COUNT_OPEN.scalar(connection) or 0


def open_since(connection: Connection) -> str | None:
    """Give the instant of the earliest open finding; None if none is open."""
    first: str | None = connection.scalar(select(func.min(FINDING.c.found_at)).where(_is_open()))
    return first


def listed(connection: Connection, *, closed: bool = False) -> list[StoredFinding]:
    """List the open findings, the earliest first; also the closed ones if asked."""
    columns = [column for column in FINDING.c if column.name != "digest"]
    answers = (FINDING_CLOSED.c.closed_at, FINDING_CLOSED.c.actor, FINDING_CLOSED.c.reason, FINDING_CLOSED.c.understood)
    query = (
        select(*columns, *answers)
        .join(FINDING_CLOSED, FINDING_CLOSED.c.number == FINDING.c.number, isouter=True)
        .order_by(FINDING.c.number)
    )
    rows = connection.execute(query if closed else query.where(FINDING_CLOSED.c.number.is_(None)))
    return [StoredFinding.model_validate(dict(row._mapping)) for row in rows]


def close(
    context: AppContext, numbers: Sequence[int], actor: str, reason: str, *, understood: bool
) -> list[StoredFinding]:
    """Close findings in the name of a person: all or none. Raises NoSuchFinding or AlreadyClosed.

    `understood`: the difference is known and stays, so that it is no finding again. Otherwise the next verification
    opens it again if it is still there.
    """

    def work(connection: Connection) -> list[StoredFinding]:
        lock_exclusive(connection, LOCK)
        there = {each.number: each for each in listed(connection, closed=True)}
        for number in numbers:
            if number not in there:
                raise NoSuchFinding(f"there is no finding {number}. To list the open ones: sendflow findings")
            if there[number].closed_at is not None:
                by = f"{there[number].actor} at {there[number].closed_at}"
                raise AlreadyClosed(f"finding {number} was closed by {by}. Nothing was written")
        closed_at = instant(context.now())
        closing: dict[str, Any] = {"closed_at": closed_at, "actor": actor, "reason": reason, "understood": understood}
        chosen = sorted(set(numbers))
        insert_logged(connection, FINDING_CLOSED, [{"number": number, **closing} for number in chosen], closed_at)
        return [there[number].model_copy(update=closing) for number in chosen]

    return transact(context.engine, work)


def sentence(count: int) -> str:
    """Say what open findings mean and what to do."""
    are = counted(count, "finding is", "findings are")
    return (
        f"THE RECORDS ARE ALTERED OR INCOMPLETE: {are} open, and what follows may be wrong. To read: sendflow findings"
    )


def notice(context: AppContext) -> str | None:
    """What every page says first while a finding is open; None otherwise."""
    with reading(context.engine) as connection:
        count = count_open(connection)
    return sentence(count) if count else None
