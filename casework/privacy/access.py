"""Looking at who a case is about, and at the words kept of it: every look is logged before anything is shown.

Purpose: UK GDPR art 5(2): a team can say who read of which child, when and why. The log is only ever added to; the
purpose may hold a name, so that its words are sealed and the log keeps the passage's id.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, select

from casework.context import AppContext, instant
from models import ledger, people
from models.database import writing
from models.encryption import Cipher
from models.facts import REFERENCE, StoredFact
from models.tables import ACCESS, CASE


class Said(BaseModel):
    """One passage of a case: the fact that keeps it (its number, kind and field), where one does, and the words, None
    once erased.
    """

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)
    seq: int | None
    kind: str | None
    field: str | None
    words: str | None


class PersonReport(BaseModel):
    """What is known of the person, null where nothing is. `known` is false where nothing ever was, or it has been
    erased.
    """

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)
    case_ref: str
    known: bool
    nhs_number: str | None
    date_of_birth: str | None
    name: str | None
    reference: str | None
    la_reference: str | None
    words: list[Said] | None


def who(context: AppContext, case: str, actor: str, purpose: str, words: bool = False) -> PersonReport:
    """Logs a look at a case's person (and, if asked, its passages) and gives what is known. Raises LookupError where
    there is no such case.
    """
    with writing(context.engine) as connection:
        ref = case_of(connection, context.cipher, case)
        people.log_read(connection, context.cipher, ref, actor, purpose, instant(context.now()))
    with writing(context.engine) as connection:  # the look stands in the log before anything of it is shown
        person = people.person_of(connection, context.cipher, ref)
        said = _words(connection, context.cipher, ref) if words else None
    told = person or {}
    return PersonReport(
        case_ref=ref,
        known=bool(told),
        nhs_number=told.get("nhs_number"),
        date_of_birth=told.get("date_of_birth"),
        name=told.get("name"),
        reference=told.get("reference"),
        la_reference=told.get("la_reference"),
        words=said,
    )


def case_of(connection: Connection, seal: Cipher, case: str) -> str:
    """The reference of a case that stands, asked for by it or by the one that the team gave it. Raises LookupError
    where there is none.
    """
    kept = case.strip().upper()
    if not REFERENCE.fullmatch(kept):
        kept = people.find_aliases(connection, seal, [case]).get(case, "")
    if not kept or connection.execute(select(CASE.c.case_ref).where(CASE.c.case_ref == kept)).scalar() is None:
        raise LookupError(
            "there is no case with that reference (it is not repeated here); sendflow overdue and sendflow week list"
            " cases"
        )
    return kept


def _words(connection: Connection, seal: Cipher, ref: str) -> list[Said]:
    lines = ledger.read(connection, [ref])[ref][0]
    kept_by = {
        people.passage_id(value): (line, key)
        for line in lines
        for key, value in line.data.items()
        if isinstance(value, str) and "." in value
    }
    purposes = set(connection.execute(select(ACCESS.c.purpose).where(ACCESS.c.case_ref == ref)).scalars())
    kept_here = people.read_free_texts(connection, seal, [ref]).get(ref, [])
    shown = [_said(kept, kept_by.get(kept.id)) for kept in kept_here if kept.id not in purposes]
    return sorted(shown, key=lambda said: said.seq or 0)


def _said(kept: people.Kept, by: tuple[StoredFact, str] | None) -> Said:
    line, key = by if by is not None else (None, None)
    return Said(seq=line.seq if line else None, kind=line.kind if line else None, field=key, words=kept.words)
