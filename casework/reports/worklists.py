"""Worklists: open duties that are overdue, or due within the next days, by body or local authority if asked.

Both are read from the duty projection.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, Row, func, select

from casework.context import AppContext
from config.rule_schema import Rule
from deadlines.replies import says_sent
from deadlines.status import SOON
from models import ledger
from models.bulk_io import read_among
from models.common_facts import REPLIED
from models.database import reading
from models.owner import OwnerShown, owner_of
from models.tables import CASE, DUTY, FACT


class BoardRow(BaseModel):
    """One open duty. `days` is calendar days late (overdue) or left (week). `says_sent`: the day on
    which the body says that it sent what is asked for, not confirmed. `owner`: who owes it.
    """

    model_config = ConfigDict(frozen=True)
    case_ref: str
    la_reference: str | None
    la: str | None
    rule: str
    action: str
    duty_on: str | None
    body: str | None
    body_name: str | None
    service: str | None
    started_on: date
    due: date
    strict_due: date | None
    act_by: date | None
    days: int
    standing: str
    chased: bool
    says_sent: date | None = None
    owner: OwnerShown | None = None


class BoardGroup(BaseModel):
    """The rows of one body or one local authority, worst first."""

    model_config = ConfigDict(frozen=True)
    key: str | None
    name: str
    count: int
    worst_days: int
    rows: list[BoardRow]


def overdue(context: AppContext, as_at: date) -> list[BoardRow]:
    """Give the open duties past their due date without an accepted exception; the longest overdue first.

    Contingent and provisional duties are not late: the first may never be owed, the second has no confirmed start.
    """
    rows = _read(context, DUTY.c.due < as_at, lambda due: (as_at - due).days, "breached")
    return sorted(rows, key=lambda row: (-row.days, row.case_ref, row.rule, row.service or ""))


def week(context: AppContext, as_at: date) -> list[BoardRow]:
    """Give the duties due from `as_at` to seven days later; the soonest first."""
    within = (DUTY.c.due >= as_at) & (DUTY.c.due <= as_at + SOON)
    rows = _read(context, within, lambda due: (due - as_at).days, "due_soon")
    return sorted(rows, key=lambda row: (row.days, row.case_ref, row.rule, row.service or ""))


def open_duties(context: AppContext, as_at: date) -> list[BoardRow]:
    """Give the open duties that are late or have a day to come, the soonest first. `days` left is below 0 if late."""
    late = [row.model_copy(update={"days": -row.days}) for row in overdue(context, as_at)]
    coming = _read(context, DUTY.c.due >= as_at, lambda due: (due - as_at).days, "running")
    return sorted([*late, *coming], key=lambda row: (row.days, row.case_ref, row.rule, row.service or ""))


def count_cases(context: AppContext) -> int:
    """Count all cases, in every state."""
    with reading(context.engine) as connection:
        return connection.scalar(select(func.count()).select_from(CASE)) or 0


def grouped(context: AppContext, rows: Iterable[BoardRow], by: str) -> list[BoardGroup]:
    """Group rows by body, successor or la, the largest group first. By body, an authority's own duties are under its
    name. By successor, those of a body that was abolished are under the body that has its duties today.
    """
    groups: dict[tuple[str | None, str], list[BoardRow]] = {}
    names = context.directory.body_names
    for row in rows:
        la_name = context.directory.la_name(row.la) if row.la else "No local authority recorded"
        if by != "la" and row.body is not None:
            body = row.body
            if by == "successor":
                body = context.directory.body_on(body, context.today()) or body
            key: tuple[str | None, str] = (body, names.get(body, body))
        else:
            key = (row.la, la_name)
        groups.setdefault(key, []).append(row)
    made = [
        BoardGroup(key=key, name=name, count=len(some), worst_days=max(row.days for row in some), rows=some)
        for (key, name), some in groups.items()
    ]
    return sorted(made, key=lambda group: (-group.count, group.name))


def _read(context: AppContext, where: Any, days: Callable[[date], int], standing: str) -> list[BoardRow]:
    query = (
        select(DUTY, CASE.c.la, CASE.c.la_reference)
        .join(CASE, CASE.c.case_ref == DUTY.c.case_ref)
        .where(DUTY.c.closed_on.is_(None), DUTY.c.excused.is_(None), where)
    )
    rows: list[BoardRow] = []
    names = context.directory.body_names
    rules = context.law.rules
    with reading(context.engine) as connection:
        found = [row for row in connection.execute(query) if row.rule in rules and rules[row.rule].bound == "by"]
        if standing == "breached":
            found = _that_can_be_late(connection, rules, found)
        said = _said_sent(connection, found)
        for row in found:
            rule = rules[row.rule]
            rows.append(
                BoardRow(
                    case_ref=row.case_ref,
                    la_reference=row.la_reference,
                    la=row.la,
                    rule=row.rule,
                    action=rule.action,
                    duty_on=rule.duty_on,
                    body=row.body,
                    body_name=names.get(row.body) if row.body else None,
                    service=row.service,
                    started_on=row.started_on,
                    due=row.due,
                    strict_due=row.strict_due,
                    act_by=row.act_by,
                    days=days(row.due),
                    standing=standing,
                    chased=(row.body is not None or rule.per != "body")
                    and bool(context.escalation_policy.steps(row.rule)),
                    owner=OwnerShown(**owner_of(rule.owned_by, row.body, row.service, row.la)._asdict()),
                    says_sent=said.get((row.case_ref, row.rule, row.opened_seq)),
                )
            )
    return rows


def _said_sent(connection: Connection, rows: Sequence[Row[Any]]) -> dict[tuple[str, str, int], date]:
    """The day on which the body says that it sent what is asked for, by duty; those that nobody has confirmed."""
    refs = {row.case_ref for row in rows if row.body is not None}
    replied = refs & set(connection.scalars(select(FACT.c.case_ref).distinct().where(FACT.c.kind == REPLIED)))
    if not replied:
        return {}
    from statemachines.replay import facts_in_force  # here, because the library of the machines is slow to import

    histories = ledger.read(connection, sorted(replied))
    in_force = {ref: facts_in_force(facts) for ref, (facts, _tail) in histories.items()}
    found = {}
    for row in rows:
        if row.case_ref in in_force and (day := says_sent(in_force[row.case_ref], row)) is not None:
            found[row.case_ref, row.rule, row.opened_seq] = day
    return found


def _that_can_be_late(connection: Connection, rules: Mapping[str, Rule], rows: Sequence[Row[Any]]) -> list[Row[Any]]:
    """Leave out what no day makes late: contingent duties that nobody has decided on, and provisional ones."""
    may_be_provisional = {row.case_ref for row in rows if rules[row.rule].provisional is not None}
    opening: dict[tuple[str, int], str] = {}
    for ref, seq, kind in read_among(connection, FACT, ("case_ref", "seq", "kind"), "case_ref", may_be_provisional):
        opening[ref, seq] = kind
    late: list[Row[Any]] = []
    for row in rows:
        rule = rules[row.rule]
        provisional = rule.provisional is not None and opening[row.case_ref, row.opened_seq] in rule.provisional.starts
        if not (rule.may_lapse or rule.open_ended or rule.contingent or provisional):
            late.append(row)
    return late


def soon_until(as_at: date) -> date:
    """Give the last day that `week` shows."""
    return as_at + timedelta(days=SOON.days)
