"""What is worth opening in Prefect: what is overdue by body, what falls due this week, whether the history is intact,
which rows an import refused and which cases a sweep could not evaluate.

Purpose: operations staff see from a run what it means today. Everything is read from the duty table (references, codes,
names of organisations, days); nothing here can name a child. The tables are worked out without Prefect, which only
shows them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import orjson

from casework import findings
from casework.context import AppContext
from casework.imports.problem_words import problem
from casework.reports.withheld import may_be_named, not_to_be_named
from casework.reports.worklists import BoardRow, overdue, soon_until, week
from config.text import counted, short_day
from flows.jobs import Job, JobExecution
from flows.run_ends import End, end, of_problem
from models.facts import REFERENCE

OVERDUE_KEY = "overdue-by-body"
WEEK_KEY = "due-this-week"
VERIFY_KEY = "verification"
REFUSED_KEY = "refused-rows"
CASES_KEY = "cases-that-need-a-person"
MOST_ROWS = 100
NAME, MATTER = 24, 30  # characters of a column
Post = Callable[[dict[str, Any]], Awaitable[None]]  # gives Prefect an artifact of the run


def overdue_by_body(context: AppContext, as_at: date) -> list[dict[str, str | int]]:
    """One row for each body and service with duties past their due date, the worst first; excused ones are not late.

    The columns fit a page of 1,280 pixels.
    """
    groups: dict[tuple[str, str], list[BoardRow]] = {}
    for row in may_be_named(context, overdue(context, as_at))[0]:
        if row.body is not None:
            groups.setdefault((row.body, row.service or ""), []).append(row)
    return [
        {
            "Body": _short(f"{code} {rows[0].body_name or ''}", NAME),
            "Service": _short(context.directory.service_name(service), MATTER),
            "Overdue": len(rows),
            "Days late": rows[0].days,
            "Worst": _linked(context, rows[0].case_ref),
        }
        for (code, service), rows in sorted(groups.items(), key=lambda item: (-item[1][0].days, -len(item[1])))
    ]


def due_this_week(context: AppContext, as_at: date) -> list[dict[str, str | int]]:
    """One row for each open duty that falls due from `as_at` to seven days after it, the soonest first.

    The columns fit as above: a duty is named by its service, or else by what has to be done.
    """
    return [
        {
            "Due": f"{row.due.day} {row.due:%b}",
            "Act by": f"{row.act_by.day} {row.act_by:%b}" if row.act_by else "",
            "Case": _linked(context, row.case_ref),
            "Who": _short(
                f"{row.body} {row.body_name or ''}"
                if row.body
                else (context.directory.la_name(row.la) if row.la else None) or row.duty_on or "",
                NAME,
            ),
            "Duty": _short(context.directory.service_name(row.service) if row.service else row.action, MATTER),
        }
        for row in may_be_named(context, week(context, as_at))[0]
    ]


def refused_rows(report: dict[str, Any]) -> list[dict[str, str | int]]:
    """One row for each doubtful cell of a refused row: its line and the reason, and nothing that the cell says."""
    return [{"Line": each["line"], "Reason": problem(str(each["code"]))} for each in report.get("refusals") or []]


def cases_to_look_at(context: AppContext, report: dict[str, Any]) -> list[dict[str, str | int]]:
    """One row for each case that a sweep could not evaluate, with what a person does."""
    refs = [str(each["case_ref"]) for each in report.get("troubles") or []]
    return [{"Case": _linked(context, ref), "What to do": f"sendflow verify {ref}"} for ref in refs]


def verification(report: dict[str, Any]) -> str:
    """The verification report as a page: what was proved, of how much, and the head to compare with the daily
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
            "The head is one digest over the last fact of every case. Compare it with the one in the DCO's daily"
            " digest of the same day."
        ),
    ]
    if still_open := report.get("open"):
        are_open = counted(still_open, "finding is open", "findings are open")
        lines += ["", f"**{are_open}**, and no head is published. Run `sendflow findings`."]
    if damage:
        lines += ["", "## What was found", "", *(f"* {_finding(each)}" for each in damage[:MOST_ROWS])]
    return "\n".join(lines)


def execute(execution: JobExecution, run: str | None, name: str) -> tuple[End, dict[str, Any] | None]:
    """Execute a job for a run of this name. Returns how it ended, and what Prefect may show of its report."""
    try:
        document = shown(execution.context, execution.execute(run))
    except Exception as problem:
        return of_problem(execution.job, name, problem), None
    return end(execution.job, name, document), document


async def publish(execution: JobExecution, document: dict[str, Any], ended: End, post: Post) -> End:
    """Publish the artifacts of a job in Prefect. Returns the end of the run with what the artifacts add to it."""
    match execution.job:
        case Job.VERIFY if "intact" in document:
            await post(
                {
                    "type": "markdown",
                    "key": VERIFY_KEY,
                    "data": verification(document),
                    "description": ended.sentence,
                }
            )
            if document.get("damage"):
                return replace(ended, lines=(*ended.lines, "The Artifacts tab lists what was found."))
        case Job.IMPORT if document["refusals"]:
            await post(_table(REFUSED_KEY, refused_rows(document), f"Refused rows: {ended.sentence}"))
        case Job.SWEEP:
            return await _publish_sweep(execution, ended, cases_to_look_at(execution.context, document), post)
    return ended


async def _publish_sweep(
    execution: JobExecution, ended: End, to_look_at: list[dict[str, str | int]], post: Post
) -> End:
    context, as_at = execution.context, execution.arguments["as_at"]
    following: date | None = execution.report.look_next
    look = f"next look: {short_day(following)}" if following else "no duty waits for a next look"
    altered = f"{said}. " if (said := findings.notice(context)) else ""
    late, soon = overdue_by_body(context, as_at), due_this_week(context, as_at)
    overdue_now = sum(int(row["Overdue"]) for row in late)
    await post(
        _table(
            OVERDUE_KEY,
            late or [{"Body": "No body is overdue"}],
            f"{altered}Overdue by body on {short_day(as_at)}: {overdue_now} duties; {look}",
        )
    )
    await post(
        _table(
            WEEK_KEY,
            soon or [{"Due": "Nothing falls due"}],
            f"{altered}Due from {short_day(as_at)} to {short_day(soon_until(as_at))}: {len(soon)} duties; {look}",
        )
    )
    if to_look_at:
        await post(_table(CASES_KEY, to_look_at, f"Cases that need a person: {len(to_look_at)}"))
    return replace(
        ended,
        message=f"{ended.message}; {look}",
        lines=(*ended.lines, "The Artifacts tab shows what is overdue by body and what falls due this week."),
    )


def _table(key: str, rows: list[dict[str, str | int]], description: str) -> dict[str, Any]:
    """A table of at most so many rows, the first ones, that says how many are left out."""
    left = f"; {len(rows) - MOST_ROWS} more rows are left out" if len(rows) > MOST_ROWS else ""
    table = orjson.dumps(rows[:MOST_ROWS]).decode()
    return {"type": "table", "key": key, "data": table, "description": f"{description}{left}"}


def shown(context: AppContext, report: Any) -> dict[str, Any]:
    """The report of a job as Prefect may show it: nothing that it says about a restricted case."""
    document: dict[str, Any] = report.model_dump(mode="json")
    if server := getattr(report, "mail_server_error", None):
        document["mail_server_error"] = server  # no part of the document of the command
    for name in ("troubles", "damage"):
        about = document.get(name) or []
        hidden = not_to_be_named(context, {each["case_ref"] for each in about if each.get("case_ref")})
        if hidden:
            document[name] = [each for each in about if each["case_ref"] not in hidden]
    return document


def _short(text: str, most: int) -> str:
    """The text, cut to so many characters: Prefect does not wrap a cell, and cuts off what is to the right of it."""
    text = text.strip()
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def _linked(context: AppContext, reference: str) -> str:
    """The reference as a link to the case's page."""
    return f"[{reference}]({context.settings.pages_url}/cases/{reference})"


def _finding(each: Mapping[str, Any]) -> str:
    """What differs, after the case that it is in, or the e-mail or other row."""
    where = str(each.get("case_ref") or "outside the cases")
    return f"{'case ' if REFERENCE.fullmatch(where) else ''}{where}: {each.get('message')}"
