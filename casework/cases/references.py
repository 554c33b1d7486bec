"""Case references: new ones, SF-000001 to SF-999999 and then SFA-000000 onwards, and stored ones as people type them.

PT00011, "pt 00011" and PT-00011 are one reference. [I/O]

All references have one length within a series, so the highest text is the last reference and an index finds it.
"""

from dataclasses import dataclass, field
from string import ascii_uppercase

from sqlalchemy import Connection, func, select

from casework.context import AppContext
from models.aliases import find_aliases
from models.bulk_io import begun, mark, run
from models.database import reading
from models.encryption import Cipher
from models.errors import NoSuchCase, SeveralCases
from models.facts import REFERENCE
from models.locks import lock_exclusive
from models.same_words import plain_reference, reference_key, spellings
from models.tables import CASE
from models.visibility import SERIES as RESTRICTED
from models.visibility import as_seen, hidden_among

SERIES = ("SF-", *(f"SF{letter}-" for letter in ascii_uppercase))
RESTRICTED_SERIES = f"{RESTRICTED}-"
OF_SERIES = 1_000_000
LONGEST = 60  # an authority's reference, of four parts


@dataclass(slots=True)
class ReferenceGenerator:
    """References that no case has yet, one after another, for one transaction."""

    connection: Connection
    last: int = field(default=-1)
    last_restricted: int = field(default=-1)

    def next(self, *, restricted: bool = False) -> str:
        """The next free reference. Holds a lock until the transaction ends: no other transaction gets the same one.

        A restricted case gets one of its own series: a gap in the numbers of other cases would betray it.
        """
        if restricted:
            if self.last_restricted < 0:
                lock_exclusive(self.connection, "minter")
                self.last_restricted = self._highest_of(RESTRICTED_SERIES) or 0
            self.last_restricted += 1
            return f"{RESTRICTED_SERIES}{self.last_restricted:06d}"
        if self.last < 0:
            lock_exclusive(self.connection, "minter")
            self.last = self._highest()
        self.last += 1
        return f"{SERIES[self.last // OF_SERIES]}{self.last % OF_SERIES:06d}"

    def _highest_of(self, prefix: str) -> int | None:
        ref = CASE.c.case_ref
        within = (ref >= f"{prefix}000000", ref <= f"{prefix}999999", func.length(ref) == len(prefix) + 6)
        highest = self.connection.scalar(select(func.max(ref)).where(*within))
        return None if highest is None else int(highest.removeprefix(prefix))

    def _highest(self) -> int:
        last = 0
        for place, prefix in enumerate(SERIES):
            highest = self._highest_of(prefix)
            if highest is None:
                break
            last = place * OF_SERIES + highest
            if last % OF_SERIES < OF_SERIES - 1:
                break
        return last


def stored_reference(connection: Connection, typed: str) -> str:
    """The reference of the stored case that is meant, however it is typed; as typed, in its plain form, if none is."""
    forms = list(spellings(typed))
    stored = set(connection.scalars(select(CASE.c.case_ref).where(CASE.c.case_ref.in_(forms))))
    return next((form for form in forms if form in stored), forms[0])


def reference_meant(context: AppContext, typed: str) -> str:
    """The reference of the stored case that a person means. Raises NoSuchCase."""
    with reading(context.engine) as connection:
        return find_case(connection, context.cipher, typed)


def find_case(connection: Connection, cipher: Cipher, typed: str) -> str:
    """Find the reference of an existing case: by it, by the authority's reference, or by the team's own.

    Capital letters, blanks and hyphens make no difference. Raises NoSuchCase, also for a case that the connection's
    reader does not see; or SeveralCases.
    """
    if REFERENCE.fullmatch(plain_reference(typed)):
        ref = stored_reference(connection, typed)
        known = connection.scalar(select(CASE.c.case_ref).where(CASE.c.case_ref == ref)) is not None
        if known and not hidden_among(connection, [ref]):
            return ref
    other = find_other_reference(connection, cipher, typed)
    if other is None:
        raise NoSuchCase
    return other


def find_other_reference(connection: Connection, cipher: Cipher, typed: str) -> str | None:
    """Find a case by the authority's reference or the team's own. Raises SeveralCases if it is of several."""
    own = find_aliases(connection, cipher, [typed]).get(typed)
    if own is not None and not hidden_among(connection, [own]):
        return own
    found = by_la_reference(connection, typed)
    if len(found) > 1:
        raise SeveralCases(found)
    return found[0] if found else None


def by_la_reference(connection: Connection, typed: str) -> list[str]:
    """The references of the cases to which an authority gave this reference, however it is spelt."""
    key = reference_key(typed)
    if not key or len(key) > LONGEST:
        return []
    asked = as_seen(connection, _BY_LA_REFERENCE.format(mark=mark(connection)))
    found = [row[0] for row in run(begun(connection), asked, (key,)).fetchall()]
    return [ref for ref in found if ref not in hidden_among(connection, found)]


# In the words of the index (revision 013): a database uses an index of an expression for the same text alone.
_BY_LA_REFERENCE = (
    "SELECT case_ref FROM case_file WHERE replace(la_reference, '-', '') = {mark} AND la_reference IS NOT NULL"
    " ORDER BY case_ref"
)
