"""What is unusual in who read which case: for the DCO, who asks the person why.

Purpose: UK GDPR art 5(1)(f). Three signs: many cases in one hour; a child whose surname is a part of the reader's
account name; a look outside working hours. A sign is a reason to ask and no more. The children's names are compared
here and shown to nobody. What a program reads with a token of an account is not what the person reads: it has a number
of cases of its own, and no hours.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, false, select

from casework.context import LONDON, AppContext, instant
from casework.privacy.case_looks import BY_A_PROGRAM
from config.rights import unusual_reading
from models.bulk_io import in_chunks
from models.database import reading
from models.people import child_keys, read_people
from models.tables import ACCESS, CASE_LOOK

DAYS = 30
SHORTEST_SURNAME = 3


class Unusual(BaseModel):
    """One sign: who, when it began (UTC), how many cases, and the references of at most ten of them.

    `program`: a program looked, with a token of that account.
    """

    model_config = ConfigDict(frozen=True)
    sign: Literal["many_in_an_hour", "own_surname", "outside_hours"]
    actor: str
    at: str
    cases: int
    refs: list[str]
    program: bool = False


class _Look(NamedTuple):
    actor: str
    case_ref: str
    at: datetime
    program: bool = False


def unusual_reads(context: AppContext, days: int = DAYS) -> list[Unusual]:
    """The signs of the last days, the newest first."""
    since = instant(context.now() - timedelta(days=days))
    with reading(context.engine) as connection:
        looks = _looks(connection, since)
        surnames = _surnames(context, connection, {look.case_ref for look in looks})
    by_reader: dict[tuple[str, bool], list[_Look]] = defaultdict(list)
    for look in looks:
        by_reader[look.actor, look.program].append(look)
    limits = unusual_reading()
    found: list[Unusual] = []
    for (actor, program), own in by_reader.items():
        limit = limits.cases_in_an_hour_of_a_program if program else limits.cases_in_an_hour
        signs = [*_many_in_an_hour(actor, own, limit), *_own_surname(actor, own, surnames)]
        signs += [] if program else _outside_hours(context, actor, own)
        found += [sign.model_copy(update={"program": program}) for sign in signs]
    return sorted(found, key=lambda each: each.at, reverse=True)


def _looks(connection: Connection, since: str) -> list[_Look]:
    """Looks at pages and at identities, in order of time. What sendflow does by itself is none."""
    columns = (CASE_LOOK.c.actor, CASE_LOOK.c.case_ref, CASE_LOOK.c.at, CASE_LOOK.c.what == BY_A_PROGRAM)
    pages = select(*columns).where(CASE_LOOK.c.at >= since)
    identities = select(ACCESS.c.actor, ACCESS.c.case_ref, ACCESS.c.read_at, false()).where(ACCESS.c.read_at >= since)
    rows = [*connection.execute(pages), *connection.execute(identities)]
    looks = (_Look(row[0], row[1], datetime.fromisoformat(row[2]), bool(row[3])) for row in rows)
    return sorted(looks, key=lambda look: look.at)


def _surnames(context: AppContext, connection: Connection, refs: set[str]) -> Mapping[str, str]:
    """The surname of the child of each case that has a name."""
    found: dict[str, str] = {}
    for chunk in in_chunks(sorted(refs)):
        children = child_keys(connection, chunk)
        people = read_people(connection, context.cipher, set(children.values()))
        for ref, child in children.items():
            words = re.findall(r"[^\W\d_]+", people.get(child, {}).get("name", "").lower())
            if words:
                found[ref] = words[-1]
    return found


def _many_in_an_hour(actor: str, looks: list[_Look], limit: int) -> Iterable[Unusual]:
    """The busiest hour of each run of looks that has more cases than the limit."""
    first = 0
    until: datetime | None = None
    for number, look in enumerate(looks):
        while look.at - looks[first].at > timedelta(hours=1):
            first += 1
        if until is not None and look.at <= until:
            continue
        refs = {each.case_ref for each in looks[first : number + 1]}
        if len(refs) > limit:
            hour = {
                each.case_ref for each in looks if looks[first].at <= each.at <= looks[first].at + timedelta(hours=1)
            }
            until = looks[first].at + timedelta(hours=1)
            yield _of("many_in_an_hour", actor, looks[first].at, hour)


def _own_surname(actor: str, looks: list[_Look], surnames: Mapping[str, str]) -> Iterable[Unusual]:
    own = {part for part in re.split(r"[._@-]", actor.lower()) if len(part) >= SHORTEST_SURNAME}
    refs = {look.case_ref for look in looks if surnames.get(look.case_ref) in own}
    if refs:
        yield _of("own_surname", actor, max(look.at for look in looks if look.case_ref in refs), refs)


def _outside_hours(context: AppContext, actor: str, looks: list[_Look]) -> Iterable[Unusual]:
    """One sign for each day: before or after the team's hours, or on a day that is no working day."""
    hours = unusual_reading()
    by_day: dict[str, list[_Look]] = defaultdict(list)
    for look in looks:
        here = look.at.astimezone(LONDON)
        in_hours = hours.hours_from <= here.time() < hours.hours_until
        if not (in_hours and context.calendar.is_working_day(here.date())):
            by_day[here.date().isoformat()].append(look)
    for of_day in by_day.values():
        yield _of("outside_hours", actor, of_day[0].at, {look.case_ref for look in of_day})


def _of(
    sign: Literal["many_in_an_hour", "own_surname", "outside_hours"], actor: str, at: datetime, refs: set[str]
) -> Unusual:
    return Unusual(sign=sign, actor=actor, at=instant(at), cases=len(refs), refs=sorted(refs)[:10])
