"""The head of a case: the hash of its newest fact, or of one of its facts."""

from sqlalchemy import Connection, select

from models.tables import FACT


def head_of(connection: Connection, case_ref: str, seq: int | None = None) -> str | None:
    """The hash of the newest fact of a case, or of the one with the number `seq`; None if there is none."""
    query = select(FACT.c.hash).where(FACT.c.case_ref == case_ref)
    if seq is not None:
        query = query.where(FACT.c.seq == seq)
    return connection.scalar(query.order_by(FACT.c.seq.desc()).limit(1))
