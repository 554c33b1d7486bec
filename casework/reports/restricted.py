"""Cases of restricted processes, of which Prefect shows nothing: operations staff may not know that they exist."""

from collections.abc import Collection, Iterable

from sqlalchemy import select

from casework.cases.references import find_case
from casework.context import AppContext
from models.bulk_io import in_chunks
from models.database import reading
from models.errors import Refusal
from models.tables import CASE


def is_restricted(context: AppContext, typed: str | None, kinds: Iterable[str] = ()) -> bool:
    """Whether a recording or a verification is about a case of a restricted process.

    `typed` is a reference as a person typed it, and `kinds` are the facts, one of which may open such a case.
    """
    if not context.restricted:
        return False
    from statemachines.registry import opened_by  # lazy: most installations have no restricted process

    if any(kind in opened_by() and opened_by()[kind].name in context.restricted for kind in kinds):
        return True
    if not typed:
        return False
    with reading(context.engine) as connection:
        try:
            ref = find_case(connection, context.cipher, typed)
        except Refusal:
            return False  # no case, or one of several: the job is refused
    return bool(restricted_references(context, [ref]))


def restricted_references(context: AppContext, refs: Collection[str]) -> frozenset[str]:
    """Those of the references that are of restricted cases."""
    if not context.restricted:
        return frozenset()
    with reading(context.engine) as connection:
        return frozenset(
            ref
            for chunk in in_chunks(sorted(refs))
            for ref in connection.scalars(
                select(CASE.c.case_ref).where(CASE.c.case_ref.in_(chunk), CASE.c.process.in_(context.restricted))
            )
        )
