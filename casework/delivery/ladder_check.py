"""Whether the escalation policy can do what it says: every role has a mailbox, and every step can send its letter.

`sendflow check` asks whether each word names something. This asks what would become of each letter.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select

from casework.context import AppContext
from config.directory import Directory
from config.escalation_policy import EscalationStep
from config.law import LawError, NoAnswer
from config.text import full_day
from deadlines.duty_rule import Dates
from deadlines.escalation import step_day
from deadlines.working_calendar import OutsideCalendarRange
from models.database import reading
from models.enums import Party
from models.tables import CASE, DUTY

if TYPE_CHECKING:
    from deadlines.duties import Duty

INPUT_LATER = timedelta(days=28)  # a further day that a rule takes, for an example


class LadderProblem(BaseModel):
    """One letter that would reach nobody, or a step that never sends one; `where` names the place, `fix` what to do."""

    model_config = ConfigDict(frozen=True)
    what: Literal["no_provider", "no_address", "never_sent", "ended_body"]
    where: str
    message: str
    fix: str


class _Example(NamedTuple):
    """What of a duty a step's day depends on, for a duty that begins on a day."""

    dates: Dates
    started_on: date
    opened_on: date


def check(context: AppContext) -> list[LadderProblem]:
    """Everything that is wrong on this day, by kind; then what will be wrong from a day on which something ends."""
    today = context.today()
    found = [*_no_provider(context, today), *_no_address(context, today), *_never_sent(context), *_ended(context)]
    seen = {(each.what, each.where) for each in found}
    for day in _days_ahead(context.directory, today):
        for each in (*_no_provider(context, day), *_no_address(context, day)):
            if (each.what, each.where) not in seen:
                seen.add((each.what, each.where))
                found.append(each.model_copy(update={"message": f"from {full_day(day)}, {each.message}"}))
    return found


def _days_ahead(directory: Directory, today: date) -> list[date]:
    """The days after which a body or a service of the directory has its last one."""
    ends = {each.last_day for each in directory.body_}
    ends |= {given.last_day for each in directory.body_ for given in each.provides}
    return sorted(day + timedelta(days=1) for day in ends if day is not None and today <= day < date.max)


def _no_provider(context: AppContext, on: date) -> Iterator[LadderProblem]:
    directory = context.directory
    for la in directory.la:
        for service in directory.service:
            if directory.provider(la, service, on) is None:
                yield LadderProblem(
                    what="no_provider",
                    where=f"{la}, {service}",
                    message=(
                        f"the directory has no body that provides {directory.service_name(service)} for"
                        f" {directory.la_name(la)}: a request without a body has nobody to remind"
                    ),
                    fix=f'add service = "{service}" with la = ["{la}"] to a [[body.provides]] of directory.toml',
                )


def _no_address(context: AppContext, on: date) -> Iterator[LadderProblem]:
    """Open duties of which a step's recipient has no mailbox."""
    query = (
        select(CASE.c.la, DUTY.c.body, DUTY.c.service, DUTY.c.rule)
        .join(CASE, CASE.c.case_ref == DUTY.c.case_ref)
        .where(DUTY.c.closed_on.is_(None), DUTY.c.body.is_not(None))
        .distinct()
    )
    with reading(context.engine) as connection:
        rows = sorted(connection.execute(query), key=str)
    seen: set[tuple[str, str | None, Party]] = set()
    for la, body, service, rule in rows:
        for step in context.escalation_policy.steps(rule):
            for party in step.parties(body == context.directory.icb.body):
                place = (body, service, party)
                if place in seen or context.directory.mailbox(la, body, service, party, on) is not None:
                    continue
                seen.add(place)
                named = f"{body}, {service or 'every service'}, {party}"
                yield LadderProblem(
                    what="no_address",
                    where=named,
                    message=(
                        f"the {party.replace('_', ' ')} of body {body} has no mailbox, and an open duty of"
                        f" {rule} has letters to it"
                    ),
                    fix="give the body, or its successor, in directory.toml; sendflow bodies lists what is there",
                )


def _never_sent(context: AppContext) -> Iterator[LadderProblem]:
    for rule, steps in context.escalation_policy.rung.items():
        days = _days(context, rule, steps)
        for step in steps:
            higher = next((one for one in steps if _covers(one, step) and _not_after(days, one, step)), None)
            if higher is not None:
                yield LadderProblem(
                    what="never_sent",
                    where=f"{rule}, {step.id}",
                    message=(
                        f"the step {step.id} of {rule} falls due on {days[step.id]}, not before the higher step"
                        f" {higher.id} ({days[higher.id]}) to the same recipients, if the duty begins today: its letter"
                        " never leaves"
                    ),
                    fix="put the steps of the rule in the order of their days in ladder.toml, or leave the step out",
                )


def _covers(higher: EscalationStep, step: EscalationStep) -> bool:
    return higher.rank > step.rank and set(step.parties(False)) <= set(higher.parties(False))


def _not_after(days: dict[str, date], higher: EscalationStep, step: EscalationStep) -> bool:
    return higher.id in days and step.id in days and days[higher.id] <= days[step.id]


def _days(context: AppContext, rule: str, steps: tuple[EscalationStep, ...]) -> dict[str, date]:
    """The day of each step of a duty that begins today; none where the law has no answer for an example."""
    today = context.today()
    known = context.law.rules.get(rule)
    if known is None:
        return {}
    given = dict.fromkeys(known.inputs, (today + INPUT_LATER).isoformat())
    found: dict[str, date] = {}
    try:
        example = _Example(context.dates_of(rule, today, given), today, today)
        for step in steps:
            day = step_day(cast("Duty", example), step, context.calendar)
            if day is not None:
                found[step.id] = day
    except (LawError, NoAnswer, OutsideCalendarRange):
        return {}
    return found


def _ended(context: AppContext) -> Iterator[LadderProblem]:
    """Mailboxes of a body that has ended, which a body of today still has."""
    directory, today = context.directory, context.today()
    ended = [each for each in directory.body_ if each.last_day is not None and each.last_day < today]
    living = [each for each in directory.body_ if each not in ended]
    for body in ended:
        for other in living:
            for mailbox in sorted(body.mailboxes & other.mailboxes):
                yield LadderProblem(
                    what="ended_body",
                    where=f"{body.body}, {mailbox}",
                    message=(
                        f"{mailbox} is a mailbox of body {body.body}, which ended on {body.last_day}, and body"
                        f" {other.body} still has it"
                    ),
                    fix=f"ask body {other.body} for its own mailbox, and give it in directory.toml",
                )
