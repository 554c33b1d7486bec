"""Who acted when each fact of a case was recorded, beside the actor that the fact claims.

Purpose: `--actor` is what somebody typed. An auditor asks from which account of which machine it was typed, or who was
signed in (decision 281). Facts of before revision 027 name nobody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import bindparam, select

from casework.context import AppContext
from models.database import reading
from models.questions import Question
from models.tables import ACTING, FACT

WHO_ACTED = Question(
    select(FACT.c.seq, ACTING.c.account, ACTING.c.machine, ACTING.c.how)
    .join(ACTING, ACTING.c.number == FACT.c.acting)
    .where(FACT.c.case_ref == bindparam("ref"))
    .order_by(FACT.c.seq)
)


class ActedBy(BaseModel):
    """An account and a machine. `how`: `machine`, the account of its operating system, or `signed_in` on its pages."""

    model_config = ConfigDict(frozen=True)
    account: str
    machine: str
    how: Literal["machine", "signed_in"]


def who_acted(context: AppContext, case_ref: str) -> dict[int, ActedBy]:
    """Who recorded each fact of a case, by its number; facts without an entry are of before it was recorded."""
    with reading(context.engine) as connection:
        return {
            row.seq: ActedBy(account=row.account, machine=row.machine, how=row.how)
            for row in WHO_ACTED.rows(connection, ref=case_ref)
        }


def mostly(acted: Mapping[int, ActedBy]) -> ActedBy | None:
    """Who recorded more of these facts than anybody else, so that a list names the others only; None for one fact."""
    if not acted:
        return None
    times = Counter((each.account, each.machine, each.how) for each in acted.values())
    account, machine, how = max(times, key=times.__getitem__)
    if times[account, machine, how] == 1:
        return None
    return ActedBy(account=account, machine=machine, how=how)
