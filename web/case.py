"""One case: where it is, what may be recorded, its duties, its history, on any day and as known at any instant."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup

from casework.access.accounts import WITH_A_ROLE, accounts
from casework.cases.fact_form import Refused
from casework.context import AppContext, instant
from casework.declared_changes import declared_of
from casework.delivery.holds import held_notices, release_held
from casework.owners import assign, owner_of, owner_then
from casework.privacy.case_looks import Look as LookAt
from casework.privacy.case_looks import looks_at
from casework.reports.about_a_case import ask_about, questions_about
from casework.reports.case_letters import letters_of, linked_cases
from casework.reports.case_models import CaseReport, DutyShown, LateDaysShown
from casework.reports.case_report import CaseRead, NothingKnownThen, read_case, report, report_of, viewed
from casework.reports.effects import effects
from casework.reports.item_words import item_words
from casework.reports.recordable import RecordableFact, usual_facts
from casework.reports.who_acted import mostly, who_acted
from casework.reports.why_this_date import why_this_date
from casework.rules.diagram_svg import Move, draw, moves_of
from config.rights import roles
from config.text import counted, short_weekday
from models.common_facts import OF_THE_CHILD
from models.database import reading
from models.facts import REFERENCE
from models.questions import Question
from statemachines.registry import processes
from web import labels
from web.answers import Answer, GoTo, Look, Page
from web.asked import Asked
from web.charts import Bar, bars
from web.faults import fault, no_page
from web.labels import first_capital
from web.timeline import FILTERS, SHOWN, SHOWN_LOOKS, timeline

LONDON = ZoneInfo("Europe/London")
MOST_USUAL = 5
ENDINGS = ("case_withdrawn", "case_closed")
TAGS = {
    "breached": "red",
    "met_late": "orange",
    "due_soon": "yellow",
    "running": "blue",
    "met": "green",
    "excused": "purple",
    "no_date": "grey",
    "too_early": "orange",
}


HOLDERS = {
    "authority": "the local authority",
    "body": "a body of the NHS",
    "family": "the family",
    "tribunal": "the Tribunal",
    "school": "the school",
    "mediation_adviser": "the mediation adviser",
    "our_team": "our own team",
    "other_party": "who was to do it",
}


class View:
    """The two dates of a replay. `link` is the query that cites the view; empty where it is now."""

    def __init__(self, query: Mapping[str, str]) -> None:
        """Reads the two dates. Raises ValueError where one is no day or no instant."""
        self.as_at = date.fromisoformat(query["as_at"]) if query.get("as_at") else None
        self.known_at = _instant(query["known_at"]) if query.get("known_at") else None
        self.typed = {name: query.get(name, "") for name in ("as_at", "known_at")}

    @property
    def is_now(self) -> bool:
        """Whether it is the case of now."""
        return self.as_at is None and self.known_at is None


def asked_ahead(place: Mapping[str, str]) -> list[tuple[Question, Mapping[str, Any]]]:
    """What the page will ask of a reader who may see it; the page of another reader does not have it."""
    ref = place["ref"].upper()
    return questions_about(ref, [WITH_A_ROLE], who_acted=True) if REFERENCE.fullmatch(ref) else []


def case(asked: Asked) -> Answer:
    """The case of now, or a replay of it."""
    ref, context = asked.place["ref"].upper(), asked.context
    if not REFERENCE.fullmatch(ref):
        return no_page(404)
    try:
        view = View(asked.query)
    except ValueError:
        back = f"/cases/{ref}", f"Back to {ref}"
        return fault("That is no day", "Give the two days as in the fields: 2026-04-14.", status=400, back=back)
    try:
        ask_about(context, ref, [WITH_A_ROLE], who_acted=asked.may("acting"))
        read = read_case(context, ref)
        now = report_of(context, read)
        then = None if view.is_now else viewed(context, read, view.as_at, view.known_at)
        found = now if then is None else report_of(context, then)
    except NothingKnownThen as problem:
        back = f"/cases/{ref}#replay", f"Back to {ref}"
        said = f"{first_capital(problem.since)}. Choose a later day."
        return fault("Nothing was known of this case then", said, status=404, back=back)
    except LookupError:
        return no_page(404)
    recorded = asked.query.get("recorded", "")
    acted = who_acted(context, ref) if asked.may("acting") else {}
    return Page(
        "case.html",
        {
            "title": f"{ref}: {context.processes[found.process].title}",
            "found": found,
            "item_words": item_words(context.processes[found.process], found.facts, found.items),
            "papers": context.processes[found.process].papers,
            "view": view,
            "differences": {} if view.is_now else _differences(found, now),
            "entries": timeline(
                found, letters_of(context, ref), asked.query, context.escalation_policy, _looks(asked, ref)
            ),
            "shown": SHOWN | SHOWN_LOOKS if asked.may("looks") else SHOWN,
            "show": asked.query.get("show", "all"),
            "leave_out": asked.query.get("not") == "yes",
            "order": asked.query.get("order", "newest"),
            "kind_options": sorted(
                ((kind, labels.fact(kind)) for kind in {each.kind for each in found.facts}), key=_text
            ),
            "actor_options": [(actor, actor) for actor in sorted({fact.actor for fact in found.facts})],
            "filter": {name: asked.query.get(name, "") for name in FILTERS},
            "first_day": min(fact.occurred_on for fact in now.facts),
            "runs_at": f"{context.settings.ui_url}/runs/flow-run",
            "owner": _owner(context, ref, view),
            "waits": _waits(context, now) if view.is_now and asked.may("release") else 0,
            "team": team_accounts(asked) if asked.may("record") else [],
            "linked": linked_cases(context, ref) if now.same_child else [],
            "usual": _usual(asked, read) if view.is_now and asked.may("record") else [],
            "bars": _bars(context, found),
            "diagram": _drawn(found.process, found.state, found.state_name),
            "onward": _onward(found.process, found.state),
            "rules": context.law.rules,
            "tags": TAGS,
            "holder": lambda run: _holder(context, run),
            "acted": acted,
            "mostly": mostly(acted),
            "whose": _whose(context, found),
            "effects": effects(context, ref, int(recorded) - 1) if recorded.isdigit() and view.is_now else None,
        },
        look=Look(ref, "case" if view.is_now else "replay"),
    )


def _looks(asked: Asked, ref: str) -> Sequence[LookAt]:
    """The looks at a case, if its reader asks for them in its history and may see them."""
    asks = asked.query.get("show") in SHOWN_LOOKS and asked.may("looks")
    return looks_at(asked.context, ref) if asks else []


def assign_owner(asked: Asked) -> Answer:
    """Assign the case to an account of the team, or to nobody."""
    ref, owner = asked.place["ref"], asked.form.get("owner", "")
    if owner not in ("", *team_accounts(asked)):
        return fault("That account is none of the team", "Choose an account from the list of the case.", status=400)
    try:
        assign(asked.context, ref, owner, asked.account)
    except LookupError:
        return no_page(404)
    return GoTo(f"/cases/{ref}#owner")


def release_all(asked: Asked) -> Answer:
    """Release the e-mails of a case that wait for a person."""
    ref, reason = asked.place["ref"], asked.form.get("reason", "").strip()
    if not reason:
        return fault("Nothing was released", "Say why the e-mails may leave.", status=400)
    try:
        release_held(asked.context, ref, asked.account, reason)
    except LookupError:
        return no_page(404)
    except Refused as problem:  # a second person has to agree, or this one asked before
        return fault("Nothing is released yet", first_capital(problem.message) + ".", status=409)
    return GoTo(f"/cases/{ref}")


def _waits(context: AppContext, now: CaseReport) -> int:
    """How many e-mails of a case wait for a person, because of a death or a sensitive flag."""
    if not any(fact.stands and fact.kind in OF_THE_CHILD for fact in now.facts):
        return 0
    return sum(each.why in OF_THE_CHILD for each in held_notices(context, now.case_ref))


def team_accounts(asked: Asked) -> list[str]:
    """The accounts that may record, by name: those to whom a case can be assigned."""
    with reading(asked.context.engine) as connection:
        found = accounts(connection)
    return [each.account for each in found if each.role in roles() and "record" in roles()[each.role].may]


def why(asked: Asked) -> Answer:
    """Why a duty has its date: the count, day by day, with the provision and the version of the law."""
    ref, rule, seq = asked.place["ref"], asked.place["rule"], int(asked.place["seq"])
    try:
        view = View(asked.query)
        found = report(asked.context, ref, view.as_at, view.known_at)
    except (LookupError, ValueError):
        return no_page(404)
    duty = next((each for each in found.duties if (each.rule, each.opened_seq) == (rule, seq)), None)
    if duty is None:
        return no_page(404)
    values = {"title": f"Why this date: {ref}", "found": found, "duty": duty, "tags": TAGS}
    answer = why_this_date(asked.context, found, duty)
    changes = declared_of(asked.context, rule)
    return Page(
        "why.html",
        {**values, "why": answer, "rule": asked.context.law.rules[rule], "changes": changes},
        look=Look(ref, "why"),
    )


def _instant(typed: str) -> str:
    """An instant as typed: one with its zone, or a day or a minute of London. A day alone means its end."""
    if re.fullmatch(r"\d{4}-\d\d-\d\d", typed):
        return instant(datetime.combine(date.fromisoformat(typed), time(23, 59, 59, 999999), LONDON))
    moment = datetime.fromisoformat(typed.replace(" ", "+"))
    return instant(moment if moment.tzinfo else moment.replace(tzinfo=LONDON))


def _differences(then: CaseReport, now: CaseReport) -> dict[str, Any]:
    """What differs between the view and now: the state, and each duty by its rule and number."""
    later = {(duty.rule, duty.opened_seq): duty for duty in now.duties}
    duties: dict[tuple[str, int], str] = {}
    for duty in then.duties:
        said = _difference(duty, later.get((duty.rule, duty.opened_seq)))
        if said:
            duties[duty.rule, duty.opened_seq] = said
    seen = {(duty.rule, duty.opened_seq) for duty in then.duties}
    later_duties = sum(key not in seen for key in later)
    later_facts = len({fact.seq for fact in now.facts} - {fact.seq for fact in then.facts})
    came = [counted(later_duties, "duty", "duties")] if later_duties else []
    came += [counted(later_facts, "fact")] if later_facts else []
    return {
        "state": now.state_name if now.state != then.state else None,
        "duties": duties,
        "came": f"{' and '.join(came)} came later" if came else "",
    }


def _difference(then: DutyShown, now: DutyShown | None) -> str:
    if now is None:
        return "now: there is no such duty"
    parts = []
    if now.due != then.due:
        parts.append(f"due {short_weekday(now.due) if now.due else 'on no date'}")
    if now.standing != then.standing or now.days_late != then.days_late:
        late = f", {now.days_late} days late" if now.days_late else ""
        parts.append(labels.status(now.standing) + late)
    return f"now: {'; '.join(parts)}" if parts else ""


def _owner(context: AppContext, ref: str, view: View) -> str | None:
    """Who looks after the case; in a replay, who did at its instant, or at the end of its day."""
    with reading(context.engine) as connection:
        if view.is_now:
            return owner_of(connection, ref)
        return owner_then(connection, ref, view.known_at or _instant(view.typed["as_at"]))


def _text(option: tuple[str, str]) -> str:
    return option[1]


def _whose(context: AppContext, found: CaseReport) -> list[tuple[str, int]]:
    """How many late days are whose, the most first."""
    names = context.directory.body_names
    days: dict[str, int] = {}
    for run in found.whose_days:
        name = names.get(run.body, run.body) if run.body else _holder(context, run)
        days[name] = days.get(name, 0) + run.days
    return sorted(days.items(), key=lambda each: -each[1])


def _holder(context: AppContext, run: LateDaysShown) -> str:
    """Whose late days are that are no body's: of another party, who the duty says it is."""
    return (
        context.law.rules[run.rule].duty_on or HOLDERS[run.holder]
        if run.holder == "other_party"
        else HOLDERS[run.holder]
    )


def _usual(asked: Asked, read: CaseRead) -> list[RecordableFact]:
    return usual_facts(asked.context, read.casefile, read.duties)[:MOST_USUAL]


def _bars(context: AppContext, found: CaseReport) -> Markup | None:
    names = context.directory.body_names
    # A duty that runs from a birth has its bar from the day on which the case was opened.
    opened = min((fact.occurred_on for fact in found.facts), default=found.as_at)
    shown = [
        Bar(
            (names.get(duty.body or "", duty.body) or context.law.rules[duty.rule].action)
            + (f", {context.directory.service_name(duty.service)}" if duty.service else ""),
            max(duty.started_on, opened) if opened <= duty.due else duty.started_on,
            duty.due,
            duty.met_on or duty.ended_on,
            duty.standing,
        )
        for duty in found.duties
        if duty.due is not None and context.law.rules[duty.rule].bound == "by"
    ]
    return bars(shown, found.as_at) if shown else None


@lru_cache(maxsize=256)
def _onward(name: str, present: str) -> Sequence[tuple[str, str]]:
    """What usually leads on from the present state, in words, and to which state; endings are left out."""
    process = processes()[name]
    return [
        (labels.fact(kind), process.states[target])
        for (state, kind), target in process.usual_moves.items()
        if state == present != target and kind not in ENDINGS
    ]


@lru_cache(maxsize=256)
def _drawn(name: str, present: str, state_name: str) -> Markup:
    """The states with the present one drawn dark; every move is also in `sendflow explain`."""
    process = processes()[name]
    states = {state: f"▶ {label}" if state == present else label for state, label in process.states.items()}
    moves = [
        Move(source, target, tuple(map(labels.fact, kinds)))
        for source, target, kinds in moves_of(process.usual_moves, ENDINGS)
    ]
    title = f"{process.title}: the case is at {state_name}"
    return Markup(draw(title, states, process.initial, moves, present))  # noqa: S704 (escaped there)
