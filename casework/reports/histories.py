"""Read the histories of cases that have to exist."""

from sqlalchemy import Connection

from models import ledger
from models.errors import NoSuchCase
from models.facts import StoredFact


def read_histories(connection: Connection, *case_refs: str) -> list[list[StoredFact]]:
    """Give the facts of each case in the order of their numbers. Raises NoSuchCase."""
    histories = ledger.read(connection, case_refs)
    if not histories.keys() >= set(case_refs):
        raise NoSuchCase
    return [histories[ref][0] for ref in case_refs]
