"""Law: every rule with its text, citation and versions, a calculator, the range of the calendar, and the law watch.

The calculator takes days and nothing else, records nothing, and is sent by POST: a start day may be a date of birth.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from casework.context import AppContext
from casework.declared_changes import declared_of
from casework.law_watch import FOUND, LONGEST, WrongCheck, record_check, watched
from casework.rules.guide import COUNTING_RULE_TEXT
from config.law import Law, LawError, NoAnswer, Rule
from deadlines.calculator import Answer as Calculated
from deadlines.calculator import calculate
from web import labels
from web.answers import Answer, GoTo, Page
from web.asked import Asked
from web.faults import no_page
from web.forms import Field, day_field, fill
from web.recording import COMMAND_WORDS

HOLIDAYS_SHOWN = timedelta(days=400)
ON = "on"
SOURCES = {
    "read": "the provision itself was read",
    "secondary": "read in another source than the provision",
    "unverified": "the source could not be checked",
}
FOUND_WHAT = "Say what you found."
NO_DAY = "Enter the day on which the clock starts, for example 2 3 2026."


def law(asked: Asked) -> Answer:
    """Every rule by process, with its newest period and provision; and which days the calendar knows."""
    context = asked.context
    wanted = {name: asked.query.get(name, "").strip() for name in ("process", "search")}
    found = [rule for rule in context.law.rules.values() if _is_wanted(context.law, rule, wanted)]
    by_process: dict[str, list[Rule]] = {}
    for rule in found:
        by_process.setdefault(rule.process, []).append(rule)
    today, calendar = context.today(), context.calendar
    values: dict[str, Any] = {
        "title": "Law",
        "wanted": wanted,
        "by_process": by_process,
        "names": sorted({rule.process for rule in context.law.rules.values()}),
        "total": len(found),
        "calendar": calendar,
        "holidays": [
            (day, name) for day, name in sorted(calendar.holidays.items()) if today <= day <= today + HOLIDAYS_SHOWN
        ],
        "digest": context.law.digest,
        "grounds": context.law.grounds,
    }
    return Page("law.html", values)


def rule(asked: Asked) -> Answer:
    """One rule: its words, its versions, what starts, meets and ends it, and the calculator."""
    found = _rule(asked)
    return no_page(404) if found is None else _page(asked, found, _questions(found, {}))


def calculated(asked: Asked) -> Answer:
    """By when, if it came on a day. Records nothing."""
    found = _rule(asked)
    if found is None:
        return no_page(404)
    questions = _questions(found, asked.form)
    wrong = next((each for each in questions if each.error or (each.required and not each.value)), None)
    if wrong is not None:
        wrong.error = wrong.error or (NO_DAY if wrong.name == ON else f"Enter a day: {wrong.label}")
        return _page(asked, found, questions, error=(f"{wrong.name}-day", wrong.error))
    on, *given = questions
    days = {each.name.removeprefix("given-"): date.fromisoformat(each.value) for each in given if each.value}
    try:
        answer = calculate(asked.context.law, asked.context.calendar, found.id, date.fromisoformat(on.value), days)
    except (LawError, NoAnswer) as problem:
        said = labels.first_capital(COMMAND_WORDS.sub("", str(problem)).partition(" Example: ")[0])
        return _page(asked, found, questions, error=("on-day", said))
    return _page(asked, found, questions, answer=answer)


def _is_wanted(law_: Law, rule_: Rule, wanted: Mapping[str, str]) -> bool:
    if wanted["process"] and rule_.process != wanted["process"]:
        return False
    words = wanted["search"].lower()
    newest = rule_.period[-1]
    said = " ".join(filter(None, (rule_.id, rule_.action, newest.text, newest.cite, rule_.duty_on, rule_.note)))
    return words in said.lower()


def _rule(asked: Asked) -> Rule | None:
    return asked.context.law.rules.get(asked.place["rule"])


def _questions(found: Rule, form: Mapping[str, str]) -> list[Field]:
    """The day on which the clock starts, and the further days that the rule takes."""
    made = [day_field(ON, "If it came on", found.on_is or "", form)]
    for name, each in found.inputs.items():
        field = Field(f"given-{name}", labels.first_capital(each.meaning), "", "day", each.needed)
        if not each.needed:
            field.label += " (optional)"
        fill(field, form)
        made.append(field)
    return made


def _page(
    asked: Asked,
    found: Rule,
    questions: list[Field],
    *,
    answer: Calculated | None = None,
    error: tuple[str, str] | None = None,
) -> Page:
    context: AppContext = asked.context
    process = context.processes.get(found.process)
    values: dict[str, Any] = {
        "title": labels.first_capital(found.action),
        "rule": found,
        "process_title": process.title if process is not None else labels.words(found.process),
        "grounds": context.law.grounds,
        "changes": declared_of(context, found.id),
        "source": SOURCES[found.source_status],
        "counted": COUNTING_RULE_TEXT[found.period[-1].counts],
        "questions": questions,
        "answer": answer,
        "error": error,
        "errors": [{"text": error[1], "href": f"#{error[0]}"}] if error else [],
    }
    return Page("law_rule.html", values, 400 if error else 200)


def watch(asked: Asked) -> Answer:
    """What of the law may change, with who last checked it and when; what is due is marked."""
    return _watch(asked)


def record_law_check(asked: Asked) -> Answer:
    """Record that this account checked an entry."""
    word, found = asked.form.get("watch", ""), asked.form.get("found", "")
    try:
        record_check(asked.context, word, found, asked.account, "page")
    except WrongCheck as problem:
        at = f"found-{word}" if word in {each.id for each in watched(asked.context)} else "watch"
        said = FOUND_WHAT if at != "watch" else labels.first_capital(str(problem))
        return _watch(asked, (at, said))
    return GoTo(f"/law/watch?done={word}")


def _watch(asked: Asked, error: tuple[str, str] | None = None) -> Page:
    entries = watched(asked.context)
    done = next((each.title for each in entries if each.id == asked.query.get("done")), "")
    values: dict[str, Any] = {"title": "Law watch", "entries": entries, "found": FOUND, "days": LONGEST.days}
    values |= {"rules": asked.context.law.rules, "done": done, "error": error, "errors": bool(error)}
    return Page("law_watch.html", values, 400 if error else 200)
