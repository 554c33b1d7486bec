"""Read the histories of cases that have to exist."""

from sqlalchemy import Connection

from models import ledger
from models.errors import Refusal
from models.facts import StoredFact


class NoSuchCase(Refusal, LookupError):
    """The database has no case with that reference."""

    default_code = "no_such_case"

    def __init__(self) -> None:
        super().__init__("there is no such case: its reference is at the head of its letters, for example NX00042")


def read_histories(connection: Connection, *case_refs: str) -> list[list[StoredFact]]:
    """Give the facts of each case in the order of their numbers. Raises NoSuchCase."""
    histories = ledger.read(connection, case_refs)
    if not histories.keys() >= set(case_refs):
        raise NoSuchCase
    return [histories[ref][0] for ref in case_refs]
