"""The log of looks at a case: who saw which page of which case, and when. It is append-only.

Purpose: UK GDPR art 5(2). A look at a child's identity is in the log of accesses with its purpose; this log has every
look at a case, which shows references only.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Column, Select, Table, false, select, true
from sqlalchemy.exc import SQLAlchemyError

from casework.context import LONDON, AppContext, instant
from casework.privacy.purposes import purposes_of
from config.purposes import OF_A_TEXT
from models.change_log import insert_logged
from models.database import open_engine, reading, transact
from models.errors import SendflowError
from models.free_text import read_free_texts
from models.last_row import transact_last, transact_while
from models.read_only import can_write
from models.schema import HEAD, revision
from models.tables import ACCESS, CASE_LOOK

BY_A_PROGRAM = "api"  # `what` of a look by the interface for programs
IDENTITY = "identity"


class Look(BaseModel):
    """One look. `what` is a page, or `identity`, whose `purpose` is shown in words, and as its word in `code`.

    A purpose of before they were words has no code, and is null once it is erased.
    """

    model_config = ConfigDict(frozen=True)
    at: str
    actor: str
    what: str
    purpose: str | None = None
    code: str | None = None


def note_look(context: AppContext, case_ref: str, actor: str, what: str) -> None:
    """Log a look before the page is shown."""
    note_looks(context, [case_ref], actor, what)


def noting_look(context: AppContext, case_ref: str, actor: str, what: str) -> AbstractContextManager[None]:
    """Log a look while the block makes the page: it is logged when the block ends, and the page is shown after that.

    The block reads no records (`models.last_row`).
    """
    at = instant(context.now())
    row = {"case_ref": case_ref, "actor": actor, "what": what, "at": at}
    return transact_while(context.engine, lambda connection: insert_logged(connection, CASE_LOOK, [row], at, last=True))


def note_looks(context: AppContext, case_refs: Iterable[str], actor: str, what: str) -> None:
    """Log a look at each of these cases, before a page or a file shows them."""
    at = instant(context.now())
    rows = [{"case_ref": ref, "actor": actor, "what": what, "at": at} for ref in dict.fromkeys(case_refs)]
    if rows:
        one = len(rows) == 1
        written = transact_last if one else transact
        written(context.engine, lambda connection: insert_logged(connection, CASE_LOOK, rows, at, last=one))


def note_look_of_a_command(context: AppContext, case_refs: Iterable[str], actor: str, what: str) -> bool:
    """Log that a command shows these cases, which it reads without any right to write. Gives whether it is logged.

    It is not where the records cannot be written, or are of another revision: a copy that somebody took away has no
    log that anybody would read.
    """
    refs = list(case_refs)
    if not refs or not context.read_only:
        note_looks(context, refs, actor, what)
        return True
    settings = context.settings
    if settings.database_url is None and not can_write(settings.records):
        return False
    engine = open_engine(settings.records_url)
    try:
        if revision(engine) != HEAD:
            return False
        note_looks(replace(context, engine=engine), refs, actor, what)
        return True
    except (SendflowError, SQLAlchemyError):
        return False
    finally:
        engine.dispose()


def looks_at(context: AppContext, case_ref: str) -> list[Look]:
    """Every look at a case and at its child's identity, the newest first."""
    with reading(context.engine) as connection:
        pages = connection.execute(select(CASE_LOOK).where(CASE_LOOK.c.case_ref == case_ref)).all()
        identity = connection.execute(select(ACCESS).where(ACCESS.c.case_ref == case_ref)).all()
        purposes = read_free_texts(connection, context.cipher, [case_ref]).get(case_ref, [])
    texts = {text.id: text.words for text in purposes}
    words = purposes_of(context)
    found = [Look(at=row.at, actor=row.actor, what=row.what) for row in pages]
    for row in identity:
        of_a_text = OF_A_TEXT.fullmatch(row.purpose) is not None
        said = texts.get(row.purpose) if of_a_text else words.said(row.purpose)
        code = None if of_a_text else row.purpose
        found.append(Look(at=row.read_at, actor=row.actor, what=IDENTITY, purpose=said, code=code))
    return sorted(found, key=lambda look: look.at, reverse=True)


class LookWanted(NamedTuple):
    """Which looks at which cases. `until` is a day that counts; `what` is a page, a command, or `identity`."""

    account: str = ""
    case_ref: str = ""
    since: date | None = None
    until: date | None = None
    what: str = ""


class LookAtACase(Look):
    """A look, with the reference of its case."""

    case_ref: str


def looks_of(context: AppContext, wanted: LookWanted, most: int, first: int = 0) -> list[LookAtACase]:
    """Looks at all cases, the newest first: `most` of them after the first `first`. Days are those of London.

    Both logs grow for ever, so no more of each is read than may be shown.
    """
    queries = [_looks_in(CASE_LOOK, CASE_LOOK.c.at, wanted), _looks_in(ACCESS, ACCESS.c.read_at, wanted)]
    with reading(context.engine) as connection:
        pages, identities = (connection.execute(query.limit(first + most)).all() for query in queries)
    words = purposes_of(context)
    found = [LookAtACase(case_ref=row.case_ref, at=row.at, actor=row.actor, what=row.what) for row in pages]
    for row in identities:
        code = None if OF_A_TEXT.fullmatch(row.what) else row.what
        said = words.said(code) if code is not None else None
        look = {"case_ref": row.case_ref, "at": row.at, "actor": row.actor, "purpose": said, "code": code}
        found.append(LookAtACase(what=IDENTITY, **look))
    return sorted(found, key=lambda look: look.at, reverse=True)[first : first + most]


def _looks_in(table: Table, at: Column[str], wanted: LookWanted) -> Select[Any]:
    what = table.c.what if table is CASE_LOOK else table.c.purpose
    query = select(table.c.case_ref, table.c.actor, at.label("at"), what.label("what")).order_by(table.c.id.desc())
    if wanted.account:
        query = query.where(table.c.actor == wanted.account)
    if wanted.case_ref:
        query = query.where(table.c.case_ref == wanted.case_ref)
    if wanted.since is not None:
        query = query.where(at >= _begins(wanted.since))
    if wanted.until is not None:
        query = query.where(at < _begins(wanted.until + timedelta(days=1)))
    if wanted.what:
        of_identities = table is ACCESS
        query = query.where(
            what == wanted.what if not of_identities else true() if wanted.what == IDENTITY else false()
        )
    return query


def _begins(day: date) -> str:
    return instant(datetime.combine(day, time(), LONDON))
