"""Finds cases: by our reference, the authority's, the team's own, or by NHS number, whose use is logged."""

from sqlalchemy import Connection, and_, or_, select

from casework.cases.references import by_la_reference
from casework.context import AppContext, instant
from config.purposes import SEARCHED
from models import people
from models.aliases import find_aliases
from models.database import reading, writing
from models.same_words import plain_reference, spellings
from models.tables import CASE

MOST = 200


def find_references(context: AppContext, connection: Connection, typed: str) -> list[str]:
    """References of the cases that are meant: by the first letters of ours, by the authority's, by the team's own."""
    text = typed.strip()
    begins = plain_reference(text)
    if not begins or len(begins) > 40:
        return []
    ours = select(CASE.c.case_ref).where(
        or_(and_(CASE.c.case_ref >= begins, CASE.c.case_ref < _after(begins)), CASE.c.case_ref.in_(spellings(text)))
    )
    team = find_aliases(connection, context.cipher, [text]).values()
    return sorted({*connection.scalars(ours.limit(MOST)), *by_la_reference(connection, text)[:MOST], *team})


def find_by_nhs_number(context: AppContext, typed: str, actor: str) -> list[str]:
    """References of the cases of a child. The access log records the search on each of them before it is answered."""
    number = "".join(character for character in typed if character.isdigit())
    with reading(context.engine) as connection:
        child = people.find_children(connection, context.cipher, [number]).get(number) if len(number) == 10 else None
        if child is None:
            return []
        refs = sorted(connection.scalars(select(CASE.c.case_ref).where(CASE.c.child_key == child)))
    with writing(context.engine) as connection:
        for ref in refs:
            people.log_read(connection, ref, actor, SEARCHED, instant(context.now()))
    return refs


def _after(begins: str) -> str:
    """The first text that does not begin so, in the order of bytes: an index answers with one range."""
    return begins[:-1] + chr(ord(begins[-1]) + 1)
