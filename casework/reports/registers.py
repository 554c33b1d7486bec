"""The sheets of our team's registers, each as one table of cells: for the command, for pages and for files. [I/O]

Purpose: one shape for every sheet, so that a further register needs no page and no command of its own.
"""

from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from casework.cases.standards import standards_of
from casework.context import AppContext
from casework.reports.audit_grades import audit_grades
from casework.reports.local_offer import local_offer
from casework.reports.register_entries import EntryRow, register_entries
from casework.reports.reusable_answers import ReusableAnswerRow, reusable_answers
from casework.reports.support_register import SupportRow, support_register
from casework.reports.transitions import TransitionRow, transitions
from config.text import full_day
from models.errors import SendflowError


class UnknownRegister(SendflowError, ValueError):
    """There is no register of that name; the text lists those that there are."""

    default_code = "unknown_register"


class RegisterRow(BaseModel):
    """One line of a sheet: the case, and its cells by the key of their column."""

    model_config = ConfigDict(frozen=True)
    case_ref: str
    cells: dict[str, str]


class Register(BaseModel):
    """One sheet on a day. `columns`: key and heading. `not_named`: how many rows it may not name."""

    model_config = ConfigDict(frozen=True)
    name: str
    title: str
    says: str
    as_at: date
    columns: dict[str, str]
    rows: list[RegisterRow]
    not_named: int


def _of_register(word: str, context: AppContext, as_at: date) -> tuple[list[RegisterRow], int]:
    """The sheet of a register without a clock of its own: its entries."""
    rows = register_entries(context, word, as_at)
    return [RegisterRow(case_ref=row.case_ref, cells=_of_entry(row)) for row in rows], 0


def _of_entry(row: EntryRow) -> dict[str, str]:
    return {
        "topic": row.topic.replace("_", " "),
        "owner": row.owner,
        "version": row.version or "",
        "next": full_day(row.next_day) if row.next_day else "",
        "marked": "; ".join(row.remarks),
    }


class Sheet(NamedTuple):
    """How one sheet is made. `says`: what is in it, in a sentence."""

    title: str
    says: str
    columns: Mapping[str, str]
    rows: Callable[[AppContext, date], tuple[list[RegisterRow], int]]


def _transitions(context: AppContext, as_at: date) -> tuple[list[RegisterRow], int]:
    rows, hidden = transitions(context, as_at)
    return [RegisterRow(case_ref=row.case_ref, cells=_of_transition(context, row)) for row in rows], hidden


def _of_transition(context: AppContext, row: TransitionRow) -> dict[str, str]:
    return {"la": _authority(context, row.la), "reached": row.reached, "missing": "; ".join(row.missing)}


def _support(context: AppContext, as_at: date) -> tuple[list[RegisterRow], int]:
    rows, hidden = support_register(context, as_at)
    return [RegisterRow(case_ref=row.case_ref, cells=_of_support(context, row)) for row in rows], hidden


def _of_support(context: AppContext, row: SupportRow) -> dict[str, str]:
    marked = [
        *([] if row.sharing else ["share nothing"]),
        *(["plan to cease"] if row.plan_to_cease else []),
        *(["admitted without a community review"] if row.admitted_without_review else []),
        *(f"{agency.replace('_', ' ')}: {number} overdue" for agency, number in row.overdue_actions.items()),
    ]
    return {
        "la": _authority(context, row.la),
        "rating": row.rating or "not rated",
        "rated_on": full_day(row.rated_on) if row.rated_on else "",
        "due": full_day(row.due) if row.due else "",
        "marked": "; ".join(marked),
    }


def _local_offer(context: AppContext, as_at: date) -> tuple[list[RegisterRow], int]:
    rows = [
        RegisterRow(
            case_ref=row.case_ref,
            cells={
                "la": _authority(context, row.la),
                "entry": row.entry.replace("_", " "),
                "owner": row.owner,
                "checked_on": full_day(row.checked_on),
                "due": full_day(row.due) if row.due else "",
            },
        )
        for row in local_offer(context, as_at)
    ]
    return rows, 0


def _answers(context: AppContext, as_at: date) -> tuple[list[RegisterRow], int]:
    rows, hidden = reusable_answers(context, as_at)
    return [RegisterRow(case_ref=row.case_ref, cells=_of_answer(row)) for row in rows], hidden


def _of_answer(row: ReusableAnswerRow) -> dict[str, str]:
    late = ", to be read again" if row.overdue else ""
    return {
        "topic": row.topic.replace("_", " "),
        "title": row.title,
        "words": row.words,
        "wording": row.wording,
        "owner": row.owner,
        "review_on": f"{full_day(row.review_on)}{late}",
        "used": str(row.used),
    }


def _grades(context: AppContext, as_at: date) -> tuple[list[RegisterRow], int]:
    rows = [
        RegisterRow(
            case_ref=row.case_ref,
            cells={
                "whose": ", ".join(
                    each
                    for each in (
                        context.directory.service_name(row.service) if row.service else "",
                        context.directory.body(row.body).name if row.body else "not said",
                    )
                    if each
                ),
                "opened_on": full_day(row.opened_on),
                "items": str(row.items),
                "grades": ", ".join(f"{times} {grade.replace('_', ' ')}" for grade, times in row.grades),
                "unusable": str(row.unusable_on_time),
                "weakest": ", ".join(each.replace("_", " ") for each in row.weakest),
            },
        )
        for row in audit_grades(context, as_at)
    ]
    return rows, 0


def _authority(context: AppContext, la: str | None) -> str:
    return context.directory.la_name(la) if la else ""


SHEETS: Mapping[str, Sheet] = {
    "audit_grades": Sheet(
        "Grades across rounds of audits",
        "What each round found of each service, the newest round of a service first. Ended rounds are in it.",
        {
            "whose": "Service",
            "opened_on": "Round of",
            "items": "Marked",
            "grades": "Grades",
            "unusable": "In time and unusable",
            "weakest": "Weakest criteria",
        },
        _grades,
    ),
    "local_offer": Sheet(
        "Entries of the Local Offer",
        "Each entry of health that is listed, with who checks it; the next check first.",
        {
            "la": "Authority",
            "entry": "Entry",
            "owner": "Who checks it",
            "checked_on": "Checked or listed on",
            "due": "Next check",
        },
        _local_offer,
    ),
    "dynamic_support": Sheet(
        "Dynamic support register",
        "Who is on the register by consent or best interests, the highest risk first. Blue is in hospital.",
        {"la": "Authority", "rating": "Rating", "rated_on": "Rated on", "due": "Next due", "marked": "Marked"},
        _support,
    ),
    "reusable_answers": Sheet(
        "Reusable answers",
        "What the team answers again and again, by topic. An answer to an enquiry names the wording that it used.",
        {
            "topic": "Topic",
            "title": "Title",
            "words": "Words",
            "wording": "Wording",
            "owner": "Owner",
            "review_on": "Read again by",
            "used": "Used",
        },
        _answers,
    ),
    "transition": Sheet(
        "Steps to adult services that are missing",
        "Who is 14, 16, 17, 17 and a half or 18 by the month of birth, with a step missing; the oldest first.",
        {"la": "Authority", "reached": "Age", "missing": "Missing"},
        _transitions,
    ),
}


OF_ENTRIES = {
    "topic": "Entry",
    "owner": "Who looks after it",
    "version": "Version",
    "next": "Next day",
    "marked": "What the record says",
}


def sheets(context: AppContext) -> dict[str, Sheet]:
    """The sheets of this installation: its own registers (config/registers.toml) after those of processes."""
    own = {
        word: Sheet(
            each.name, "The entries that have not ended; the next day first.", OF_ENTRIES, partial(_of_register, word)
        )
        for word, each in standards_of(context, "team_register").items()
    }
    return {**SHEETS, **own}


def register(context: AppContext, name: str, as_at: date) -> Register:
    """The sheet of a register on a day. Raises UnknownRegister, which lists the registers."""
    known = sheets(context)
    sheet = known.get(name)
    if sheet is None:
        raise UnknownRegister(f"There is no register of that name. Registers: {', '.join(known)}.")
    rows, hidden = sheet.rows(context, as_at)
    return Register(
        name=name,
        title=sheet.title,
        says=sheet.says,
        as_at=as_at,
        columns=dict(sheet.columns),
        rows=rows,
        not_named=hidden,
    )
