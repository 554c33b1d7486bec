"""Case references: new ones, SF-000001 to SF-999999 and then SFA-000000 onwards, and stored ones as people type them.

PT00011, "pt 00011" and PT-00011 are one reference. [I/O]

All references have one length within a series, so the highest text is the last reference and an index finds it.
"""

from dataclasses import dataclass, field
from string import ascii_uppercase

from sqlalchemy import Connection, func, select

from casework.context import AppContext
from models.aliases import find_aliases
from models.database import reading
from models.encryption import Cipher
from models.errors import NoSuchCase
from models.facts import REFERENCE
from models.locks import lock_exclusive
from models.same_words import plain_reference, spellings
from models.tables import CASE

SERIES = ("SF-", *(f"SF{letter}-" for letter in ascii_uppercase))
OF_SERIES = 1_000_000


@dataclass(slots=True)
class ReferenceGenerator:
    """References that no case has yet, one after another, for one transaction."""

    connection: Connection
    last: int = field(default=-1)

    def next(self) -> str:
        """The next free reference. Holds a lock until the transaction ends: no other transaction gets the same one."""
        if self.last < 0:
            lock_exclusive(self.connection, "minter")
            self.last = self._highest()
        self.last += 1
        return f"{SERIES[self.last // OF_SERIES]}{self.last % OF_SERIES:06d}"

    def _highest(self) -> int:
        last = 0
        for place, prefix in enumerate(SERIES):
            ref = CASE.c.case_ref
            within = (ref >= f"{prefix}000000", ref <= f"{prefix}999999", func.length(ref) == len(prefix) + 6)
            highest = self.connection.scalar(select(func.max(ref)).where(*within))
            if highest is None:
                break
            last = place * OF_SERIES + int(highest.removeprefix(prefix))
            if last % OF_SERIES < OF_SERIES - 1:
                break
        return last


def stored_reference(connection: Connection, typed: str) -> str:
    """The reference of the stored case that is meant, however it is typed; as typed, in its plain form, if none is."""
    forms = list(spellings(typed))
    stored = set(connection.scalars(select(CASE.c.case_ref).where(CASE.c.case_ref.in_(forms))))
    return next((form for form in forms if form in stored), forms[0])


def reference_meant(context: AppContext, typed: str) -> str:
    """The reference of the stored case that a person who looks means, or what was typed in capital letters."""
    with reading(context.engine) as connection:
        return stored_reference(connection, typed)


def find_case(connection: Connection, cipher: Cipher, typed: str) -> str:
    """Find the reference of an existing case by it, or by the team's own reference. Raises NoSuchCase."""
    if REFERENCE.fullmatch(plain_reference(typed)):
        ref = stored_reference(connection, typed)
        if connection.scalar(select(CASE.c.case_ref).where(CASE.c.case_ref == ref)) is not None:
            return ref
    ref = find_aliases(connection, cipher, [typed]).get(typed, "")
    if not ref:
        raise NoSuchCase
    return ref
