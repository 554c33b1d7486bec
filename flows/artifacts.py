"""The three pages worth opening in Prefect: what is overdue by body, what falls due this week, whether the history is
intact.

Purpose: operations staff see from a run what it means today. Everything is read from the duty table (references, codes,
names of organisations, days); nothing here can name a child. The tables are worked out without Prefect, which only
shows them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from casework import findings
from casework.context import AppContext
from casework.reports.withheld import may_be_named, not_to_be_named
from casework.reports.worklists import BoardRow, overdue, soon_until, week
from config.text import short_day
from flows.jobs import Job, JobExecution
from flows.run_ends import End

OVERDUE_KEY = "overdue-by-body"
WEEK_KEY = "due-this-week"
VERIFY_KEY = "verification"
MOST_ROWS = 500
MOST_CASES = 12


def overdue_by_body(context: AppContext, as_at: date) -> list[dict[str, str | int]]:
    """One row for each body and service with duties past their due date, the worst first; excused ones are not late."""
    groups: dict[tuple[str, str], list[BoardRow]] = {}
    for row in may_be_named(context, overdue(context, as_at))[0]:
        if row.body is not None:
            groups.setdefault((row.body, row.service or ""), []).append(row)
    return [
        {
            "Body": rows[0].body_name or code,
            "Service": context.directory.service_name(service),
            "Overdue": len(rows),
            "Worst, days late": rows[0].days,
            "Cases, worst first": _some([row.case_ref for row in rows]),
            "Code": code,
        }
        for (code, service), rows in sorted(groups.items(), key=lambda item: (-item[1][0].days, -len(item[1])))
    ]


def due_this_week(context: AppContext, as_at: date) -> list[dict[str, str | int]]:
    """One row for each open duty that falls due from `as_at` to seven days after it, the soonest first."""
    return [
        {
            "Due": short_day(row.due),
            "Act by": short_day(row.act_by) if row.act_by else "",
            "Case": row.case_ref,
            "Who": (
                row.body_name
                or row.body
                or (context.directory.la_name(row.la) if row.la else None)
                or row.duty_on
                or ""
            ),
            "Service": context.directory.service_name(row.service) if row.service else "",
            "Duty": row.action,
        }
        for row in may_be_named(context, week(context, as_at))[0][:MOST_ROWS]
    ]


def verification(report: dict[str, Any]) -> str:
    """The verification report as a page: what was proved, of how much, and the head to compare with the morning
    digest's.
    """
    damage: Sequence[Any] = report.get("damage") or []
    lines = [
        "# The history is intact" if report.get("intact") else "# The history is damaged",
        "",
        f"* cases: {report.get('cases')}",
        f"* facts: {report.get('facts')}",
        f"* head: `{report.get('head')}`",
        "",
        (
            "The head is one digest over the last fact of every case. Compare it with the one in the DCO's morning"
            " digest of the same day."
        ),
    ]
    if still_open := report.get("open"):
        lines += ["", f"**{still_open} findings are open**, and no head is published. Run `sendflow findings`."]
    if damage:
        lines += ["", "## What was found", "", *(f"* {_finding(each)}" for each in damage[:MOST_ROWS])]
    return "\n".join(lines)


async def publish(execution: JobExecution, ended: End) -> End:
    """Publish the artifacts of a job in Prefect. Returns the end of the run with what the artifacts add to it."""
    from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact

    if execution.job is Job.VERIFY:
        await acreate_markdown_artifact(
            verification(shown(execution.context, execution.report)), key=VERIFY_KEY, description=ended.message
        )
    if execution.job is not Job.SWEEP:
        return ended
    as_at: date = execution.arguments["as_at"]
    following: date | None = execution.report.look_next
    look = f"next look: {short_day(following)}" if following else "no duty waits for a next look"
    altered = f"{said}. " if (said := findings.notice(execution.context)) else ""
    late, soon = overdue_by_body(execution.context, as_at), due_this_week(execution.context, as_at)
    pages = execution.context.settings.pages_url
    soon = [{**row, "Case": f"[{row['Case']}]({pages}/cases/{row['Case']})"} for row in soon]
    await acreate_table_artifact(
        late or [{"Body": "No body is overdue"}],
        key=OVERDUE_KEY,
        description=(
            f"{altered}Overdue by body on {short_day(as_at)}: {sum(int(row['Overdue']) for row in late)} duties; {look}"
        ),
    )
    await acreate_table_artifact(
        soon or [{"Due": "Nothing falls due"}],
        key=WEEK_KEY,
        description=(
            f"{altered}Due from {short_day(as_at)} to {short_day(soon_until(as_at))}: {len(soon)} duties; {look}"
        ),
    )
    return replace(
        ended,
        message=f"{ended.message}; {look}",
        lines=(*ended.lines, "The Artifacts tab shows what is overdue by body and what falls due this week."),
    )


def shown(context: AppContext, report: Any) -> dict[str, Any]:
    """The report of a job as Prefect may show it: nothing that it says about a restricted case."""
    document: dict[str, Any] = report.model_dump(mode="json")
    for name in ("troubles", "damage"):
        about = document.get(name) or []
        hidden = not_to_be_named(context, {each["case_ref"] for each in about if each.get("case_ref")})
        if hidden:
            document[name] = [each for each in about if each["case_ref"] not in hidden]
    return document


def _some(references: list[str]) -> str:
    shown = ", ".join(references[:MOST_CASES])
    return shown if len(references) <= MOST_CASES else f"{shown} and {len(references) - MOST_CASES} more"


def _finding(each: Any) -> str:
    if isinstance(each, dict):
        return "; ".join(f"{key}: {value}" for key, value in each.items() if value is not None)
    return str(each)
