"""New case references: SF-000001 to SF-999999, then SFA-000000 onwards. [I/O]

All references have one length within a series, so the highest text is the last reference and an index finds it.
"""

from dataclasses import dataclass, field
from string import ascii_uppercase

from sqlalchemy import Connection, func, select

from models.locks import lock_exclusive
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
