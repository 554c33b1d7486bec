"""Which other cases were known as the same child's, now or at an instant. [I/O]

What parted and joined cases since is taken back, as the case's own facts say it, and so are cases opened since.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from casework.reports.case_letters import LINKED
from models.common_facts import CHILD_FACTS
from models.facts import StoredFact
from models.tables import FACT


def cases_of_the_child(
    connection: Connection, case_ref: str, facts: Sequence[StoredFact], known_at: str | None
) -> list[str]:
    """The references of the other cases of the child, in order, as known at an instant (UTC); None: as known now."""
    found = {str(row.case_ref) for row in LINKED.rows(connection, ref=case_ref)}
    if known_at is not None:
        for fact in reversed([each for each in facts if each.kind in CHILD_FACTS and each.recorded_at > known_at]):
            if fact.kind == "child_parted":
                found |= set(fact.data["from_cases"])
            else:
                found -= set(fact.data["with_cases"])
        first = select(FACT.c.case_ref).where(FACT.c.seq == 1, FACT.c.recorded_at <= known_at)
        found = {str(ref) for ref in connection.scalars(first.where(FACT.c.case_ref.in_(sorted(found))))}
    return sorted(found - {case_ref})
