"""What an act asks of a few cases as its transaction begins, so that PostgreSQL is waited for once. [I/O]

Purpose: an act waits for the server at each statement whose answer it needs, and a server on another machine is far
away. The act of one fact locks its case, reads its facts and child id, and reads its duties, which it compares at its
end: all of that is sent with the beginning of its transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Connection

from casework.cases.projections import DutyKey, parsed_duties, send_duties
from models import ledger
from models.bulk_io import Row, in_one_go
from models.database import ASKED_AHEAD, Ahead
from models.facts import FactDraft, StoredFact
from models.locks import send_case_locks
from models.same_words import plain_reference, spellings
from statemachines.registry import opens_a_case

# The fields that say which child a case is about.
NAMES_A_CHILD = ("linked_to", "nhs_number")


class AskedCases(NamedTuple):
    """Cases that are locked, and the cursors that have their child ids, facts and duties.

    `children` is None where the caller had locked them.
    """

    refs: list[str]
    children: Any
    facts: Any
    duties: Any

    def child_ids(self) -> dict[str, str | None]:
        """The child id of each case that has a row: no other act can change it before this one ends."""
        return dict(self.children.fetchall()) if self.children is not None else {}

    def histories(self) -> dict[str, tuple[list[StoredFact], ledger.Tail]]:
        """The histories, as `ledger.read` gives them. Raises Damaged."""
        return ledger.parsed(self.facts.fetchall())

    def stored_duties(self) -> dict[str, dict[DutyKey, Row]]:
        """The duty rows of each case, also of one that has none."""
        return {ref: {} for ref in self.refs} | parsed_duties(self.duties.fetchall())


def send(connection: Connection, refs: Sequence[str], locked: bool = False) -> AskedCases:
    """Lock the cases (unless the caller has `locked` them) and ask, within `in_one_go`: a statement sees what others
    wrote before the lock was given.
    """
    children = None if locked else send_case_locks(connection, refs)
    return AskedCases(list(refs), children, ledger.send(connection, refs), send_duties(connection, refs))


def asked_cases(connection: Connection, refs: Sequence[str], locked: bool) -> AskedCases:
    """What the transaction asked as it began if it was about these cases; else it is asked now."""
    asked: AskedCases | None = connection.info.pop(ASKED_AHEAD, None)
    if asked is None or asked.refs != refs:
        with in_one_go(connection):
            asked = send(connection, refs, locked)
    return asked


def refs_to_load(case_ref: str, drafts: Sequence[FactDraft]) -> list[str]:
    """The cases that an act on one case loads first: where it may open a case, each spelling of its reference."""
    typed = plain_reference(case_ref)
    return list(spellings(typed)) if any(opens_a_case(each.kind, each.data) for each in drafts) else [typed]


def ahead_of_act(case_ref: str | None, drafts: Sequence[FactDraft]) -> Ahead | None:
    """What an act asks as its transaction begins. None if it names a child: that lock comes before one on a case."""
    return None if case_ref is None or names_a_child(drafts) else partial(send, refs=refs_to_load(case_ref, drafts))


def names_a_child(drafts: Sequence[FactDraft]) -> bool:
    """Whether facts say which child a case is about."""
    return any(draft.data.get(field) for draft in drafts for field in NAMES_A_CHILD)
