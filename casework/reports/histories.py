"""Read the histories of cases that have to exist."""

from sqlalchemy import Connection, select

from casework.context import AppContext
from models import ledger
from models.database import reading
from models.errors import NoSuchCase
from models.facts import StoredFact
from models.tables import CASE


def read_histories(connection: Connection, *case_refs: str) -> list[list[StoredFact]]:
    """Give the facts of each case in the order of their numbers. Raises NoSuchCase."""
    histories = ledger.read(connection, case_refs)
    if not histories.keys() >= set(case_refs):
        raise NoSuchCase
    return [histories[ref][0] for ref in case_refs]


def process_of(context: AppContext, case_ref: str) -> str | None:
    """The process of a case; None if there is no such case, or the reader does not see it."""
    with reading(context.engine) as connection:
        return connection.scalar(select(CASE.c.process).where(CASE.c.case_ref == case_ref))
