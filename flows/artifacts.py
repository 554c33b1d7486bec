"""The three pages worth opening in Prefect: what is overdue by body, what falls due this week, whether the history is intact.

Purpose: operations staff see from a run what it means today. Everything is read from the duty table (references, codes, names of organisations,
days); nothing here can name a child. The tables are worked out without Prefect, which only shows them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row, func, select

from flows.runs import Act, Work
from flows.shown import End, plain_day
from models.database import reading
from models.tables import CaseRow, DutyRow

if TYPE_CHECKING:
    from flows.house import House

DUTY = DutyRow.__table__  # type: ignore[attr-defined]  # SQLModel sets the table at class creation
CASE = CaseRow.__table__  # type: ignore[attr-defined]
OVERDUE_KEY = "overdue-by-body"
WEEK_KEY = "due-this-week"
VERIFY_KEY = "verification"
MOST_ROWS = 500
MOST_CASES = 12
WEEK = timedelta(days=7)


def overdue_by_body(house: House, as_at: date) -> list[dict[str, str | int]]:
    """One row for each body and service with duties past their due date, worst first; excused ones are not late."""
    late = (DUTY.c.closed_on.is_(None), DUTY.c.excused.is_(None), DUTY.c.due < as_at, DUTY.c.body.is_not(None))
    with reading(house.engine) as connection:
        found = connection.execute(select(DUTY).where(*late).order_by(DUTY.c.due, DUTY.c.case_ref)).all()
    groups: dict[tuple[str, str], list[Row[Any]]] = {}
    for row in found:
        groups.setdefault((row.body, row.service or ""), []).append(row)
    return [
        {
            "Body": body_name(house, code),
            "Code": code,
            "Service": service_name(house, service),
            "Overdue": len(rows),
            "Worst, days late": (as_at - rows[0].due).days,
            "Cases, worst first": _some([row.case_ref for row in rows]),
        }
        for (code, service), rows in sorted(groups.items(), key=lambda item: (item[1][0].due, -len(item[1])))
    ]


def due_this_week(house: House, as_at: date) -> list[dict[str, str | int]]:
    """One row for each open duty that falls due from `as_at` to seven days after it, soonest first."""
    soon = (DUTY.c.closed_on.is_(None), DUTY.c.excused.is_(None), DUTY.c.due >= as_at, DUTY.c.due <= as_at + WEEK)
    wanted = select(DUTY, CASE.c.la).join(CASE, CASE.c.case_ref == DUTY.c.case_ref).where(*soon)
    with reading(house.engine) as connection:
        found = connection.execute(wanted.order_by(DUTY.c.due, DUTY.c.case_ref, DUTY.c.rule).limit(MOST_ROWS)).all()
    return [
        {
            "Due": plain_day(row.due),
            "Act by": plain_day(row.act_by) if row.act_by else "",
            "Case": row.case_ref,
            "Who": body_name(house, row.body) if row.body else la_name(house, row.la),
            "Service": service_name(house, row.service or ""),
            "Duty": row.rule,
        }
        for row in found
    ]


def next_look(house: House, as_at: date) -> date | None:
    """The first day after `as_at` on which the ladder has something new to say; None where no open duty waits for one."""
    with reading(house.engine) as connection:
        found: date | None = connection.execute(select(func.min(DUTY.c.look_on)).where(DUTY.c.look_on > as_at)).scalar()
    return found


def verification(report: dict[str, Any]) -> str:
    """The verification report as a page: what was proved, of how much, and the head to compare with the morning digest's."""
    damage: Sequence[Any] = report.get("damage") or []
    lines = [
        "# The history is intact" if report.get("intact") else "# The history is damaged",
        "",
        f"* cases: {report.get('cases')}",
        f"* facts: {report.get('facts')}",
        f"* head: `{report.get('head')}`",
        "",
        "The head is one digest over the last fact of every case. Compare it with the one in the DCO's morning digest of the same day.",
    ]
    if damage:
        lines += ["", "## What was found", "", *(f"* {_finding(each)}" for each in damage[:MOST_ROWS])]
    return "\n".join(lines)


async def publish(work: Work, ended: End) -> End:
    """Puts the pages of an act into Prefect and returns how the run ended, with what the pages add to it."""
    from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact

    if work.act is Act.VERIFY:
        await acreate_markdown_artifact(verification(work.report.model_dump(mode="json")), key=VERIFY_KEY, description=ended.message)
    if work.act is not Act.SWEEP:
        return ended
    as_at: date = work.given["as_at"]
    following = next_look(work.house, as_at)
    look = f"next look: {plain_day(following)}" if following else "no duty waits for a next look"
    overdue, week = overdue_by_body(work.house, as_at), due_this_week(work.house, as_at)
    await acreate_table_artifact(
        overdue or [{"Body": "No body is overdue"}],
        key=OVERDUE_KEY,
        description=f"Overdue by body on {plain_day(as_at)}: {sum(int(row['Overdue']) for row in overdue)} duties; {look}",
    )
    await acreate_table_artifact(
        week or [{"Due": "Nothing falls due"}],
        key=WEEK_KEY,
        description=f"Due from {plain_day(as_at)} to {plain_day(as_at + WEEK)}: {len(week)} duties; {look}",
    )
    return replace(ended, message=f"{ended.message}; {look}")


def body_name(house: House, code: str) -> str:
    """What a body is called, or its code where the directory has lost it."""
    try:
        return house.directory.body(code).name
    except LookupError:
        return code


def service_name(house: House, slug: str) -> str:
    """What a service is called, or its word where the directory has lost it."""
    try:
        return house.directory.service_name(slug) if slug else ""
    except LookupError:
        return slug


def la_name(house: House, slug: str | None) -> str:
    """What a local authority is called, or its word where the directory has lost it."""
    try:
        return house.directory.la_name(slug) if slug else "local authority"
    except LookupError:
        return slug or "local authority"


def _some(references: list[str]) -> str:
    shown = ", ".join(references[:MOST_CASES])
    return shown if len(references) <= MOST_CASES else f"{shown} and {len(references) - MOST_CASES} more"


def _finding(each: Any) -> str:
    if isinstance(each, dict):
        return "; ".join(f"{key}: {value}" for key, value in each.items() if value is not None)
    return str(each)
