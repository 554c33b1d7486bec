"""Compare a head that left the installation, in a daily digest, with the head that the database gives now."""

from collections.abc import Callable

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection

from models import ledger


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
