"""No identity in clear: what a fact stores in clear holds no NHS number, no date of birth and not the child's name.

A fact is never erased. What identifies a child goes to the encrypted person, which can be.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from casework.cases.fact_form import EXAMPLES, NAMED, Refused
from models.facts import FactDraft, StoredFact
from models.identifiers import holds_name, identifier_in
from statemachines.process import Process

_ONLY_NAMES = frozenset(NAMED)
ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def refuse_identifiers(
    process: Process, lines: Sequence[StoredFact], draft: FactDraft, given: Mapping[str, Any], today: date
) -> None:
    """What is stored in clear is never erased: it holds no NHS number and no date of birth.

    In NAMED are the directory's words by now.
    """
    if draft.on_behalf_of is not None:
        refuse_identifier("on_behalf_of", draft.on_behalf_of, today)
    if given.keys() <= _ONLY_NAMES:
        return
    texts = {key: value for key, value in given.items() if key not in NAMED and isinstance(value, str)}
    if not texts:
        return
    kinds = {draft.kind}
    if draft.corrects is not None:
        kinds.update(line.kind for line in lines if line.seq == draft.corrects)
    encrypted: set[str] = set()
    for kind in kinds & process.facts.keys():
        model = process.facts[kind].model
        encrypted |= model.FREE_TEXT_FIELDS | model.IDENTITY_FIELDS
    for key, value in texts.items():
        if key not in encrypted and not ISO_DAY.fullmatch(value):
            refuse_identifier(key, value, today)


def refuse_identifier(field: str, value: str, today: date) -> None:
    """Refuse a value that is stored in clear and seems to hold an NHS number or a date of birth."""
    seen = identifier_in(value, today)
    if seen is not None:
        raise Refused(
            "identifier",
            f"{field} seems to hold {seen}. It is stored in clear and could never be erased, so nothing was written."
            f" Give a reference without it, for example {EXAMPLES.get(field, EXAMPLES['la_reference'])}",
            field=field,
            wrong_call=True,
        )


def refuse_name(field: str, value: str, name: str) -> None:
    """Refuse a value that is stored in clear and holds the full name of the case's child."""
    if holds_name(value, name):
        raise Refused(
            "identifier",
            f"{field} holds the name of the case's child. It is stored in clear and could never be erased, so nothing"
            " was written. Give it without the name",
            field=field,
            wrong_call=True,
        )
