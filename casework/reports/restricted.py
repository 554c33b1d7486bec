"""Cases of restricted processes, of which Prefect shows nothing: operations staff may not know that they exist."""

from collections.abc import Collection, Iterable

from sqlalchemy import select

from casework.cases.of_the_child import withheld_cases
from casework.cases.references import find_case
from casework.context import AppContext
from models.bulk_io import in_chunks
from models.common_facts import OF_THE_CHILD
from models.database import reading
from models.errors import Refusal
from models.same_words import plain_reference
from models.tables import CASE
from models.visibility import SERIES
from statemachines.registry import unnaming_facts


def is_restricted(context: AppContext, typed: str | None, kinds: Iterable[str] = ()) -> bool:
    """Whether a recording or a verification is about a case that Prefect may not name.

    That is one of a restricted process, or one of which nothing leaves without a person's release. `typed` is a
    reference as a person typed it, and `kinds` are the facts, one of which may make it such a case.
    """
    given = list(kinds)
    if not (OF_THE_CHILD | unnaming_facts()).isdisjoint(given) or is_of_restricted_process(context, typed, given):
        return True
    if not typed:
        return False
    with reading(context.engine) as connection:
        withheld = withheld_cases(connection)
        if not (withheld or context.restricted):
            return False
        try:
            ref = find_case(connection, context.cipher, typed)
        except Refusal:
            return False  # no case, or one of several: the job is refused
    return ref in withheld or bool(restricted_references(context, [ref]))


def is_of_restricted_process(context: AppContext, typed: str | None, kinds: Iterable[str]) -> bool:
    """Whether facts are recorded on a case of a restricted process, whether there is one of that reference or not."""
    if not context.restricted:
        return False
    if typed and plain_reference(typed).startswith(SERIES):
        return True
    from statemachines.registry import opened_by  # lazy: most installations have no restricted process

    return any(kind in opened_by() and opened_by()[kind].name in context.restricted for kind in kinds)


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
