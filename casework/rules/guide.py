"""A page about a rule or a process in Markdown: diagram, text, law, local choices, and a worked example.

A reader who asks "why this date" or "what may happen next" gets the answer in words, from the files that sendflow
itself uses. It reads no database. casework/rules/guide_html.py makes the page HTML.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from casework.rules.duty_lifecycle import life_of, mermaid_of
from casework.rules.process_diagram import ENDINGS, mermaid
from casework.rules.unusual_facts import out_of_order, table
from config.escalation_policy import EscalationPolicy, EscalationStep
from config.law import Law, LawError, NoAnswer, UnknownRule
from config.period_schema import Period
from config.rule_schema import Rule
from config.text import counted, full_weekday
from deadlines.calculator import Answer, calculate
from deadlines.working_calendar import WorkingCalendar
from models.common_facts import SHARED
from statemachines.process import Process

EXAMPLE_DAY = date(2026, 3, 2)
APART = (28, 42, 7, 14, 120, -28, 1)

# How each count word of the statute files counts, for a reader who has never seen them.
COUNTING_RULE_TEXT: Mapping[str, str] = {
    "after": (
        "The day of the event is not counted. The period ends on the same weekday, and does not move for weekends or"
        " holidays."
    ),
    "beginning_with": "The day of the event is the first day counted. The end does not move for weekends or holidays.",
    "working_days_after": (
        "Only Mondays to Fridays that are no bank holiday of England and Wales count, from the day after the event."
    ),
    "working_days_beginning_with": (
        "Only working days count, and the day of the event is the first, where it is one; else the next working day is."
    ),
    "tribunal_working_days_after": "Working days count, less every day of August and from 25 December to 1 January.",
    "tribunal_days_after": (
        "Every day counts but those of August and from 25 December to 1 January; an end on a day off moves to the next"
        " working day."
    ),
    "corresponding_date": (
        "The day of the same number, that many months on; where that month has no such day, its last."
    ),
    "month_beginning_with": (
        "The months begin with the day itself, so that they end on the day before the day of the same number."
    ),
    "corresponding_date_tribunal_start": (
        "The day of the same number, that many months on; one that falls in August or over the New Year moves to the"
        " first working day after, and one on a day off to the next working day."
    ),
    "corresponding_date_tribunal_days": (
        "As many days as the months hold, counted without August and the days from 25 December to 1 January."
    ),
    "institution_days_after": "Working days count on which the school or college is open.",
    "closure_window": "The window before a school closes or opens again; it needs a closure of some length.",
    "appeal_period": "It runs from the day after another limit of the law has ended.",
    "prescribed_day": "The first of the days that the law prescribes, on or after the birthday.",
    "birthday": "The birthday of that age.",
    "days_before": "Counted back in days from an event to come.",
    "working_days_before": "Counted back in working days from an event to come.",
    "months_before": "Counted back in months from an event to come.",
    "before_fixed_date": "The day before a date of the calendar that the law names.",
    "as_directed": (
        "The date is the one that a direction names. A person enters it; it is never worked out and never moved."
    ),
    "as_named": "The date is the one that a fact names, such as the day of a sitting. It is never moved.",
    "none": "The law gives no number of days, and none is made up.",
    "immediate": "At once; the law gives no number of days.",
    "local": "The law gives no number; a locality may set one of its own, shown as local.",
}
BOUND = {
    "by": "a duty to act by a day",
    "not_before": "a minimum that others must be allowed: nothing is late by it, and acting sooner is too early",
    "window": "the edge of a window or of a right: nothing is ever late by it",
}


_SOURCE = {
    "read": "read in the law itself",
    "secondary": "read in a secondary source",
    "unverified": "not verified yet",
}


class Sources(NamedTuple):
    """What a page is written from: the law, the working-day calendar, the escalation policy and the machines."""

    law: Law
    almanac: WorkingCalendar
    ladder: EscalationPolicy
    processes: Mapping[str, Process]


def page_of(sources: Sources, name: str) -> str:
    """The page of a process or a rule. Raises UnknownRule, which lists the nearest names, where it is neither."""
    if name in sources.processes:
        return process_page(sources, sources.processes[name])
    try:
        return rule_page(sources, sources.law.rule(name))
    except UnknownRule as unknown:
        raise UnknownRule(f"{unknown} Processes: {', '.join(sources.processes)}.") from None


# A process
# ----------------------------------------------------------------------------------------------------------------


def process_page(sources: Sources, process: Process) -> str:
    """A process: what it is, its diagram and moves, what does not move it, its duties with their law, and the local
    choices.
    """
    law = sources.law
    duties = law.duties_of(process.name)
    used = {rule.id for rule in duties}
    idle = [rule for rule in law.for_process(process.name) if rule.id not in used]
    return _joined(
        [
            f"# {process.title}",
            f"`{process.name}`, version {process.version} of its machine.",
            _about(process),
            "## What may happen",
            (
                f"A case opens with {_kinds((process.opens, *sorted(process.opens_too)))} at"
                f" *{process.states[process.initial]}*."
            ),
            mermaid(process),
            _endings(process),
            _moves(process),
            "## What changes no state",
            *_stays(process),
            "## What people do that the law does not foresee",
            *out_of_order(process, law),
            *_links(process),
            "## By when",
            *_duties(duties, process.name),
            "## Rules that are worked out only" if idle else "",
            "\n".join(f"- `{rule.id}`: {rule.action}. {_reason(rule)}" for rule in idle),
            "## Local choices",
            *_local(sources, duties),
        ]
    )


def _about(process: Process) -> str:
    parts = (" ".join(part.split()) for part in (process.machine.__doc__ or "").split("\n\n"))
    return "\n\n".join(part for part in parts if part)


def _endings(process: Process) -> str:
    found = sorted({kind for _state, kind in process.table if kind in ENDINGS})
    final = " or ".join(f"*{process.states[state]}*" for state in process.states if state in process.final)
    return f"From anywhere {_kinds(found)} end it ({final}); the diagram leaves them out." if found else ""


def _moves(process: Process) -> str:
    rows = [
        (process.states[state], f"`{kind}`", process.states[target])
        for (state, kind), target in process.usual_moves.items()
        if kind not in ENDINGS
    ]
    return table(("state", "fact", "next state"), rows)


def _stays(process: Process) -> Iterator[str]:
    own = [(kind, fact.accepted_in) for kind, fact in process.facts.items() if fact.accepted_in and kind not in SHARED]
    if own:
        rows = [
            (f"`{kind}`", ", ".join(process.states[state] for state in process.states if state in states))
            for kind, states in sorted(own)
        ]
        yield table(("fact", "accepted in"), rows)
    yield "Corrections, exceptions, contacts, attendance and chasing come on any open case, and change no state."


def _links(process: Process) -> Iterator[str]:
    if not process.reactions:
        return
    yield "## What it copies from other cases of the child"
    yield table(
        ("from", "this fact", "is recorded here as"),
        [(f"`{each.process}`", f"`{each.kind}`", f"`{each.records}`") for each in process.reactions],
    )


def _duties(duties: Iterable[Rule], process: str) -> Iterator[str]:
    shown = list(duties)
    if not shown:
        yield "This process has no duty of its own."
        return
    rows = [
        (
            f"`{rule.id}`",
            rule.action,
            rule.duty_on or "-",
            rule.clock_starts,
            rule.period[-1].text,
            _cited(rule.period[-1]),
        )
        for rule in shown
    ]
    yield table(("rule", "duty", "whose", "from", "how long", "law"), rows)
    for rule in shown:
        newest = rule.period[-1]
        borrowed = "" if rule.process == process else f" Its rule is that of `{rule.process}`."
        yield (
            f"**`{rule.id}`**: opened by {_kinds(rule.starts)}{_if(rule)}; {_met(rule)}."
            f" {COUNTING_RULE_TEXT[newest.counts]}"
            f" Exceptions: {_excuses(newest)}.{borrowed}"
        )


def _reason(rule: Rule) -> str:
    if not rule.enabled:
        return "Switched off here; a locality may switch it." if rule.switchable else "Switched off: not in force."
    return (
        rule.calculation_only.rstrip(".").capitalize() + "."
        if rule.calculation_only
        else "No fact of this process starts it."
    )


def _bound(rule: Rule) -> str:
    if rule.open_ended:
        return "owed from the day on, as soon as possible: nothing is late by it"
    if rule.goes_on:
        return f"a continuing duty: {rule.goes_on}"
    return "a right that lapses where it is not used: nothing is late by it" if rule.may_lapse else BOUND[rule.bound]


# A rule
# -------------------------------------------------------------------------------------------------------------------


def rule_page(sources: Sources, rule: Rule) -> str:
    """A rule: whose duty, its diagram, every dated version, exceptions, which processes use it, who gets letters, and a
    worked example.
    """
    users = users_of(sources, rule)
    return _joined(
        [
            f"# {rule.action[:1].upper()}{rule.action[1:]}",
            f"`{rule.id}`, of process `{rule.process}`. {_bound(rule).capitalize()}.",
            table(
                ("", ""),
                [
                    ("Whose", rule.duty_on or "nobody's in particular"),
                    ("From", rule.clock_starts),
                    ("Start day given as", rule.on_is or "the day it happened"),
                    ("For each", "body that is asked" if rule.per == "body" else rule.per),
                    ("Source", _SOURCE[rule.source_status]),
                    ("In use", "yes" if rule.enabled else "switched off"),
                ],
            ),
            f"Note: {rule.note}." if rule.note else "",
            "## From its start to its end",
            mermaid_of(life_of(rule, [used for _name, used in users])),
            "## The law, version by version",
            *(_version(period, rule) for period in rule.period),
            *_overlays(rule),
            "## Further days that it takes" if rule.inputs else "",
            "\n".join(
                f"- `{name}`: {asked.meaning} ({'needed' if asked.needed else 'where there is one'})"
                for name, asked in rule.inputs.items()
            ),
            "## Who uses it",
            *_users(rule, users),
            "## Local choices",
            *_local(sources, [rule]),
            "## A sum, worked",
            *_worked(sources, rule),
        ]
    )


def users_of(sources: Sources, rule: Rule) -> list[tuple[str, Rule]]:
    """The processes that open a rule, each with the rule as it uses it."""
    return [(name, used) for name in sources.processes for used in sources.law.duties_of(name) if used.id == rule.id]


def _version(period: Period, rule: Rule) -> str:
    since = full_weekday(period.since) if period.since else "Any date"
    ended = " **Repealed from then on.**" if period.repealed else ""
    which = " where the clock started on or after that day" if period.since and not rule.by_due_date else ""
    return (
        f"**From {since}**{which}: {period.text}.{ended}\n\n- Law: {_cited(period)}"
        f" ({period.basis.replace('_', ' ')})\n- Counted as `{period.counts}`: {COUNTING_RULE_TEXT[period.counts]}"
        f"\n- Exceptions: {_excuses(period)}"
    )


def _overlays(rule: Rule) -> Iterator[str]:
    if not rule.excuse_overlay:
        return
    yield "Exceptions added for a while, by the day on which the duty was due:"
    rows = [
        (full_weekday(one.due_from), full_weekday(one.due_to), ", ".join(one.add), one.test or "-", one.cite)
        for one in rule.excuse_overlay
    ]
    yield table(("due from", "due to", "ground", "test", "law"), rows)


def _users(rule: Rule, users: list[tuple[str, Rule]]) -> Iterator[str]:
    for name, used in users:
        again = f"; reopened by {_kinds(used.reopened_by)}" if used.reopened_by else ""
        yield f"- `{name}`: opened by {_kinds(used.starts)}{_if(used)}; {_met(used)}{again}."
    if not users:
        yield f"No process opens it. {_reason(rule)} `sendflow due {rule.id} --on DATE` answers."


def _worked(sources: Sources, rule: Rule) -> Iterator[str]:
    answer, given, why = _example(sources, rule)
    if answer is None:
        yield f"No example can be worked out: {why}"
        return
    days = "".join(f" --given {name}={day.isoformat()}" for name, day in given.items())
    yield f"`sendflow due {rule.id} --on {answer.on.isoformat()}{days}`"
    yield "\n".join(f"{number}. {step}" for number, step in enumerate(answer.steps, 1))
    if answer.due is None:
        yield f"No date: {answer.reason}"
        return
    strict = (
        f"; on the stricter reading {full_weekday(answer.strict_due)}"
        if answer.strict_due and answer.strict_due != answer.due
        else ""
    )
    yield (
        "**Due"
        f" {full_weekday(answer.due)}**{strict}{f'; act by {full_weekday(answer.act_by)}' if answer.act_by else ''}."
    )


def _example(sources: Sources, rule: Rule) -> tuple[Answer | None, dict[str, date], str]:
    """The first of a few plain examples that has a date; else one that says why there is none."""
    since = rule.period[-1].since
    starts = [EXAMPLE_DAY, *([since] if since and since > EXAMPLE_DAY else [])]
    found: tuple[Answer | None, dict[str, date], str] = (None, {}, "the rule needs days that no plain example has.")
    needed = [name for name, asked in rule.inputs.items() if asked.needed]
    for start in starts:
        for apart in APART if needed else (0,):
            given = {name: start + timedelta(days=apart) for name in needed}
            try:
                answer = calculate(sources.law, sources.almanac, rule.id, start, given)
            except (LawError, NoAnswer) as problem:
                found = found if found[0] is not None else (None, given, str(problem))
                continue
            if answer.due is not None:
                return answer, given, ""
            found = found if found[0] is not None else (answer, given, "")
    return found


# What both say
# ------------------------------------------------------------------------------------------------------------


def _local(sources: Sources, rules: Sequence[Rule]) -> Iterator[str]:
    """Who gets which letter, and which readings and numbers are the locality's own."""
    rows: list[tuple[str, ...]] = []
    chosen: list[str] = []
    for rule in rules:
        rows += [
            (f"`{rule.id}`", step.id, _when(step), step.everyone, f"`{step.template}`")
            for step in sources.ladder.steps(rule.id)
        ]
        if (end := sources.ladder.ended.get(rule.id)) is not None:
            recipients = ", ".join(("everyone who had a letter about it", *end.to))
            rows.append((f"`{rule.id}`", "no_longer_needed", "when it ends unmet", recipients, f"`{end.template}`"))
        newest = rule.period[-1]
        if newest.basis == "local_standard":
            chosen.append(f"- `{rule.id}`: {newest.text}, which is the locality's own standard.")
        elif newest.counts in ("local", "none") and rule.starts and not rule.goes_on:
            chosen.append(f"- `{rule.id}`: no number in the law; a locality may set one of its own in locality.toml.")
        if rule.switchable:
            chosen.append(
                f"- `{rule.id}`: a reading that a locality may switch; here it is {'on' if rule.enabled else 'off'}."
            )
        if rule.starts_by_locality:
            steps = " or ".join(f"*{step}*" for step in rule.starts_by_locality)
            chosen.append(f"- `{rule.id}`: a locality may count from {steps}; here from *{rule.reading}*.")
    grace = {sources.ladder.grace.get(rule.id, 0) for rule in rules if sources.ladder.steps(rule.id)} - {0}
    chosen.extend(
        f"- Letters that a fact recorded late calls for wait {days} working day{'s' if days > 1 else ''}, so that the"
        " answers can be recorded first: `sendflow letters --held`."
        for days in sorted(grace)
    )
    if rows:
        yield table(("rule", "step", "when", "who gets a letter", "letter"), rows)
    if chosen:
        yield "\n".join(chosen)
    if not rows and not chosen:
        yield "None: nobody is chased for it, and the law leaves nothing to choose."


def _when(step: EscalationStep) -> str:
    amounts = ((step.days, "day"), (step.weeks, "week"), (step.working_days, "working day"))
    number, unit = next((amount, word) for amount, word in amounts if amount is not None)
    unless = ", unless there was contact" if step.unless else ""
    where = {"start": "after the start", "due": "after the due date", "breach": "after the breach"}.get(
        step.after or "", "before the due date"
    )
    return f"{counted(number, unit)} {where}{unless}"


def _cited(period: Period) -> str:
    cite = period.cite or "no citation"
    return f"[{cite}]({period.url})" if period.url else cite


def _excuses(period: Period) -> str:
    listed = ", ".join(word.replace("_", " ") for word in period.excuses) or "none listed"
    return f"{listed} ({period.excuses_cite})" if period.excuses_cite else listed


def _met(rule: Rule) -> str:
    met = f"met by {_kinds(rule.met_by)}" if rule.met_by else "met by no fact"
    met += f", once they say {' and '.join(_said(each, ' or ') for each in rule.met_if)}" if rule.met_if else ""
    met += f"; {rule.goes_on}" if rule.goes_on else ""
    met += f"; ended by {_kinds(rule.ends)}" if rule.ends else ""
    met += f"; ended for good by {_kinds(rule.superseded_by)}" if rule.superseded_by else ""
    for kind, kinds in rule.counts_already.items():
        met += f"; {_kinds([kind])} counts though it came before{f', unless {_kinds(kinds)} followed' if kinds else ''}"
    after = (f"; {_kinds([kind])} counts only after {_kinds(kinds)}" for kind, kinds in rule.only_after.items())
    resumed = ((_kinds([kind]), _kinds(kinds)) for kind, kinds in rule.resumed_by.items())
    return "".join([met, *after, *(f"; owed again by {kind} where {kinds} had ended it" for kind, kinds in resumed)])


def _if(rule: Rule) -> str:
    said = f", where {_said(rule.starts_if, ' and ')}" if rule.starts_if else ""
    return f"{said}, unless {_kinds(rule.not_after)} came before" if rule.not_after else said


def _said(fields: Mapping[str, Iterable[str]], joined: str) -> str:
    """Fields and the words that each may have."""
    return joined.join(f"{key} is {' or '.join(words)}" for key, words in fields.items())


def _kinds(kinds: Iterable[str]) -> str:
    return ", ".join(f"`{kind}`" for kind in kinds)


def _joined(parts: Iterable[str]) -> str:
    text = "\n\n".join(part for part in parts if part)
    return re.sub(r"(?m)^(- .*)\n\n(?=- )", r"\1\n", text) + "\n"
