"""The log of looks at a case: who saw which page of which case, and when. It is append-only.

Purpose: UK GDPR art 5(2). A look at a child's identity is in the log of accesses with its purpose; this log has every
look at a case, which shows references only.
"""

from collections.abc import Iterable
from dataclasses import replace

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from casework.context import AppContext, instant
from casework.privacy.purposes import purposes_of
from config.purposes import OF_A_TEXT
from models.change_log import insert_logged
from models.database import open_engine, reading, transact
from models.errors import SendflowError
from models.free_text import read_free_texts
from models.read_only import can_write
from models.schema import HEAD, revision
from models.tables import ACCESS, CASE_LOOK

BY_A_PROGRAM = "api"  # `what` of a look by the interface for programs


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


def note_looks(context: AppContext, case_refs: Iterable[str], actor: str, what: str) -> None:
    """Log a look at each of these cases, before a page or a file shows them."""
    at = instant(context.now())
    rows = [{"case_ref": ref, "actor": actor, "what": what, "at": at} for ref in dict.fromkeys(case_refs)]
    if rows:
        transact(context.engine, lambda connection: insert_logged(connection, CASE_LOOK, rows, at))


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
        found.append(Look(at=row.read_at, actor=row.actor, what="identity", purpose=said, code=code))
    return sorted(found, key=lambda look: look.at, reverse=True)
