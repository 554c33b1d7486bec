"""Read the identity and the free text of a case. Each access is logged before anything is shown.

Purpose: UK GDPR art 5(2): a team can say who read about which child, when and why. The access log is append-only. A
purpose is a word of purposes.toml, because free text could name the child and would outlive an erasure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, select

from casework.cases.not_yet_shown import NOTHING, not_yet_shown
from casework.cases.references import find_case
from casework.context import AppContext, instant
from casework.privacy.purposes import check_purpose
from models import ledger, people
from models.database import writing
from models.facts import StoredFact
from models.free_text import free_text_id, read_free_texts
from models.tables import ACCESS
from statemachines.registry import process_of


class FreeTextShown(BaseModel):
    """One free text of a case, with the fact and the field that refer to it. `words` is null once it is erased.

    `seq`, `kind` and `field` are null for free text that no fact refers to, such as a comment of a tracker.
    `not_yet_shown`: nobody is shown it yet, such as what a first marker wrote before the second one; then `words` is
    null too.
    """

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)
    seq: int | None
    kind: str | None
    field: str | None
    words: str | None
    not_yet_shown: bool = False


class PersonReport(BaseModel):
    """The person of a case; unknown values are null. `known` is false if nothing was recorded, or all was erased."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)
    case_ref: str
    known: bool
    nhs_number: str | None
    date_of_birth: str | None
    name: str | None
    reference: str | None
    la_reference: str | None
    words: list[FreeTextShown] | None


def read_person(context: AppContext, case: str, actor: str, purpose: str, with_free_text: bool = False) -> PersonReport:
    """Log the access and give the person of a case, and its free text if asked.

    `case` is our reference or the team's own. Raises NoSuchCase, or WrongPurpose for a purpose that is no word.
    """
    check_purpose(context, purpose)
    with writing(context.engine) as connection:
        ref = find_case(connection, context.cipher, case)
        people.log_read(connection, ref, actor, purpose, instant(context.now()))
    with writing(context.engine) as connection:  # the log entry is committed before anything is decrypted
        person = people.person_of(connection, context.cipher, ref) or {}
        texts = _free_texts(context, connection, ref) if with_free_text else None
    return PersonReport(
        case_ref=ref,
        known=bool(person),
        nhs_number=person.get("nhs_number"),
        date_of_birth=person.get("date_of_birth"),
        name=person.get("name"),
        reference=person.get("reference"),
        la_reference=person.get("la_reference"),
        words=texts,
    )


def _free_texts(context: AppContext, connection: Connection, ref: str) -> list[FreeTextShown]:
    """All free text of a case in the order of its facts, without purposes of before they were words."""
    facts, _tail = ledger.read(connection, [ref])[ref]
    hidden = not_yet_shown(process_of(facts), facts)
    referring: dict[str, tuple[StoredFact, str]] = {
        free_text_id(value): (fact, key)
        for fact in facts
        for key, value in fact.data.items()
        if isinstance(value, str) and "." in value
    }
    purposes = set(connection.execute(select(ACCESS.c.purpose).where(ACCESS.c.case_ref == ref)).scalars())
    texts = read_free_texts(connection, context.cipher, [ref]).get(ref, [])
    shown = [_shown(text.words, referring.get(text.id), hidden) for text in texts if text.id not in purposes]
    return sorted(shown, key=lambda text: text.seq or 0)


def _shown(
    words: str | None, referring: tuple[StoredFact, str] | None, hidden: Mapping[int, frozenset[str]]
) -> FreeTextShown:
    if referring is None:
        return FreeTextShown(seq=None, kind=None, field=None, words=words)
    fact, field = referring
    later = field in hidden.get(fact.seq, NOTHING)
    return FreeTextShown(seq=fact.seq, kind=fact.kind, field=field, words=None if later else words, not_yet_shown=later)


class ChildOfCase(BaseModel):
    """What is known of the child of one case, and what the case itself said. Unknown values are absent."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)
    case_ref: str
    known: dict[str, str]
    given: dict[str, str]


def read_children(context: AppContext, refs: Sequence[str], actor: str, purpose: str) -> list[ChildOfCase]:
    """Log the access to each of these cases, then give side by side who each is about, and what each itself said.

    Raises WrongPurpose for a purpose that is no word, and NoSuchCase for a case that the reader does not see.
    """
    check_purpose(context, purpose)
    at = instant(context.now())
    with writing(context.engine) as connection:
        for ref in refs:
            people.log_read(connection, find_case(connection, context.cipher, ref), actor, purpose, at)
    with writing(context.engine) as connection:  # the log entries are committed before anything is decrypted
        children = people.child_keys(connection, refs)
        held = people.read_people(connection, context.cipher, set(children.values()))
    return [_of_case(ref, held.get(children.get(ref, ""), {})) for ref in refs]


def _of_case(ref: str, person: Mapping[str, str]) -> ChildOfCase:
    given = {name: person[key] for name in people.OF_A_CHILD if (key := f"{people.GIVEN}/{ref}/{name}") in person}
    known = {name: person[name] for name in people.OF_A_CHILD if name in person}
    return ChildOfCase(case_ref=ref, known=known, given=given)
