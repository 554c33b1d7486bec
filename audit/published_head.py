"""The head of the ledger now, and a head that left the installation in a daily digest, compared with it."""

from collections.abc import Callable, Sequence
from hashlib import sha256

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection

from models import ledger
from models.bulk_io import Row
from models.ledger import Stored


class Head:
    """The ledger head, built from one case after another in order of reference."""

    def __init__(self, before: str) -> None:
        self.before = before
        self.cases = self.facts = 0
        self._digest = sha256()

    def add(self, ref: str, rows: Sequence[Row]) -> None:
        """Include the last fact of a case that was recorded before the instant."""
        if not rows:
            return
        self.cases, self.facts = self.cases + 1, self.facts + len(rows)
        facts = map(Stored._make, reversed(rows))
        last = next((fact for fact in facts if fact.recorded_at < self.before), None)
        if last is not None:
            self._digest.update(f"{ref} {last.seq} {last.hash}\n".encode())

    def hex(self, line: str) -> str:
        """The head, with the line of the change log."""
        self._digest.update(line.encode())
        return self._digest.hexdigest()


class PublishedHead(BaseModel):
    """A head that left the installation, compared: `now` is the head of that instant by the database, with the cases
    and the facts that it has from before it.
    """

    model_config = ConfigDict(frozen=True)
    head: str
    before: str
    now: str
    matches: bool
    cases: int
    facts: int


class Compared(BaseModel):
    """What a comparison with checkpoints that left found.

    `last_good` is the instant of the newest checkpoint that the records give, `parted` that of the first that they do
    not; `day`, `case_ref` and `seq` name where they part, as far as the file says it.
    """

    model_config = ConfigDict(frozen=True)
    compared: int
    unknown: int
    matches: bool
    last_good: str | None
    last_good_size: int
    parted_size: int | None = None
    day: str | None = None
    case_ref: str | None = None
    seq: int | None = None
    message: str | None = None


def compare_head(
    connection: Connection, head: str, before: str, calculated: str, report: Callable[[str], None]
) -> PublishedHead:
    """Compare a head that left the installation with the one of its instant."""
    _head, cases, facts = ledger.head(connection, before)
    found = PublishedHead(
        head=head, before=before, now=calculated, matches=head == calculated, cases=cases, facts=facts
    )
    if not found.matches:
        report(
            f"the head that was given for {before} begins {head[:12]}, and the database gives {calculated[:12]}: what"
            f" was recorded before that instant is altered or missing, or the instant is another. The database has"
            f" {cases} cases and {facts} facts from before it: compare them with the digest that the head came from"
        )
    return found
