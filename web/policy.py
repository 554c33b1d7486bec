"""The escalation policy: each step in words, a form that changes it, and what it would send in the next four weeks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from casework.cases.fact_form import Refused
from casework.delivery.ladder_check import check
from casework.own_file_changes import WrongChange, own_text
from casework.policy_changes import (
    Proposed,
    StepChange,
    letters_for,
    parts_of,
    propose_step,
    record_step,
    steps_of,
)
from casework.rules.config_held import LADDER
from config.escalation_policy import EscalationStep
from config.policy_edit import FACTS, FROM, NEW, PARTIES, RECIPIENTS, UNITS, StepError, StepForm, form_of, when
from config.settings import ADOPTIONS
from config.step_words import step_name
from config.toml_reader import ConfigFault
from web import labels
from web.answers import Answer, GoTo, Page
from web.asked import Asked
from web.faults import no_page
from web.forms import Field, check_one, fill
from web.policy_words import PARTS, in_words, title_of

LEAVE_OUT = "leave_out"
MEANWHILE = "the policy was changed meanwhile. Look at it again, then send the form again"
NAME_HINT = "As the pages call the step, for example third reminder. Without one, the word above is its name."
FACT_WORDS = {
    "reminder_due": "a reminder",
    "breached": "the duty is breached",
    "escalation_due": "an escalation",
}
LABELS = {
    "to": "Who gets it",
    "to_if_ours": "Who else gets it where our own board owes the duty (optional)",
    "to_if_others": "Who else gets it where another body owes the duty (optional)",
}


def overview(asked: Asked) -> Answer:
    """Every step by process and rule, in words."""
    context = asked.context
    by_process: dict[str, list[tuple[str, str, list[tuple[EscalationStep, str]]]]] = {}
    for rule, steps in context.escalation_policy.rung.items():
        known = context.law.rules.get(rule)
        process, action = (known.process, known.action) if known is not None else ("", rule)
        by_process.setdefault(process, []).append((rule, action, [(step, when(step)) for step in steps]))
    values: dict[str, Any] = {"title": "Escalation policy", "by_process": by_process, "problems": check(context)}
    values |= {"others": _others(asked)}
    values |= {"policy": context.escalation_policy, "own": own_text(context, LADDER) is not None}
    return Page("policy.html", values | {"two": _two(asked), "done": asked.query.get("done", "")})


def _others(asked: Asked) -> dict[str, list[tuple[str, str, str]]]:
    """The parts besides the steps, by what they are about: each with its title and what it says."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    for part, said in parts_of(asked.context).items():
        about = PARTS[part.partition(".")[0]]
        found.setdefault(about, []).append((part, title_of(asked.context, part), in_words(said)))
    return found


def form(asked: Asked) -> Answer:
    """The form of one step, with what it says now."""
    found = _step(asked)
    if found is None:
        return no_page(404)
    return _page(asked, _fields(asked, found[0], None))


def change(asked: Asked) -> Answer:
    """Say what the change would do; then record it, or that this person asked for it."""
    found = _step(asked)
    if found is None:
        return no_page(404)
    fields = _fields(asked, found[0], asked.form)
    leaves_out = LEAVE_OUT in asked.form
    # Each field says what is wrong, and not the first alone.
    well = [check_one(field) and is_known(field) for field in fields]
    if not leaves_out and not all(well):
        return _page(asked, fields, status=400)
    answers = None if leaves_out else _answers(asked, fields, found[0])
    step = StepChange(asked.place["rule"], asked.place["step"], answers)
    try:
        ensure_as_seen(asked)
        if asked.form.get("step") != "record":
            return _page(asked, fields, propose_step(asked.context, step))
        record_step(asked.context, step, asked.account, "page")
    except Refused as refused:
        return _page(asked, fields, error=refused.message, status=409)
    except (WrongChange, ConfigFault) as problem:
        note_error(fields, problem)
        return _page(asked, fields, status=400)
    return GoTo("/policy?done=step")


def ensure_as_seen(asked: Asked) -> None:
    """Raise WrongChange where the policy is not the one that the person saw."""
    if asked.form.get("base") != asked.context.escalation_policy.digest:
        raise WrongChange(MEANWHILE)


def note_error(fields: list[Field], problem: Exception) -> None:
    """Say what is wrong beside the field that it is about, or the first one."""
    name = problem.field if isinstance(problem, StepError) else ""
    field = next((each for each in fields if each.name == name), fields[0])
    field.error = labels.first_capital(str(problem))


def shared_values(asked: Asked, fields: list[Field], proposal: Proposed | None, error: str) -> dict[str, Any]:
    """What the page of a step and the page of a part both have: errors, answers, what they would do, and the policy."""
    first = {field.name: f"{field.name}-{field.options[0][0]}" for field in fields if field.kind == "boxes"}
    errors = [{"text": each.error, "href": f"#{first.get(each.name, each.name)}"} for each in fields if each.error]
    errors += [{"text": error, "href": "#check-title"}] if error else []
    base = asked.context.escalation_policy.digest
    values: dict[str, Any] = {"fields": fields, "errors": errors, "proposal": proposal, "base": base}
    return values | {"hidden": sent_of(fields) | {"base": base}, "two": _two(asked)}


def _two(asked: Asked) -> bool:
    return ADOPTIONS in asked.context.settings.second_person


def _step(asked: Asked) -> tuple[EscalationStep | None] | None:
    """The step of the address; none of a new one, and nothing for an unknown one."""
    try:
        steps = steps_of(asked.context, asked.place["rule"])
    except WrongChange:
        return None
    if asked.place["step"] == NEW:
        return (None,)
    found = next((each for each in steps if each.id == asked.place["step"]), None)
    return None if found is None else (found,)


def _fields(asked: Asked, step: EscalationStep | None, form: Mapping[str, str] | None) -> list[Field]:
    context, rule = asked.context, asked.place["rule"]
    steps = steps_of(context, rule)
    parties = [(party, labels.first_capital(labels.person(party))) for party in PARTIES]
    levels = len(steps) + (step is None)
    made: list[Field] = []
    if step is None:
        made.append(
            Field("id", "A word for the step", "Lower-case letters and _, for example third_reminder.", "line", True)
        )
        made.append(Field("called", "Its name", NAME_HINT, "line", False))
        made.append(Field("fact", "What it records", "", "select", True, [(each, FACT_WORDS[each]) for each in FACTS]))
    letters = [(each, labels.first_capital(labels.words(each))) for each in letters_for(context, rule)]
    made += [
        Field("template", "Which letter", "", "select", True, letters),
        Field("distance", "How many", "", "number", True),
        Field(
            "unit",
            "Days, weeks or working days",
            "",
            "select",
            True,
            [(unit, f"{word}s") for unit, word in UNITS.items()],
        ),
        Field("counted_from", "Counted from", "", "select", True, list(FROM.items())),
        *(Field(name, LABELS[name], "", "boxes", name == "to", parties) for name in RECIPIENTS),
        Field("unless", "Left out if the body was in contact", "", "select", False, [("contact", "yes")]),
        Field("level", "Level", f"1 to {levels}: a later step outranks the earlier ones.", "number", True),
    ]
    known = {} if step is None else _stored(form_of(step))
    for field in made:
        if form is not None:
            filled(field, form)
        else:
            field.value = known.get(field.name, str(levels) if field.name == "level" else "")
    return made


def _stored(answers: StepForm) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in answers._asdict().items():
        found[name] = ",".join(value) if isinstance(value, list) else str(value if value is not None else "")
    return found


def filled(field: Field, form: Mapping[str, str]) -> None:
    """Put in what was typed; of several boxes those that are ticked."""
    if field.kind == "boxes":
        field.value = ",".join(value for value, _text in field.options if f"{field.name}-{value}" in form)
    else:
        fill(field, form)


def is_known(field: Field) -> bool:
    """Whether a number is one and a choice is of its list; the field says what is wrong."""
    if field.kind == "number" and not (field.value.isascii() and field.value.isdecimal() and len(field.value) <= 3):
        field.error = f"{field.label}: enter a whole number, for example 3"
    elif field.kind == "select" and field.value and field.value not in dict(field.options):
        field.error = f"{field.label}: choose one of the list"
    return not field.error


def _answers(asked: Asked, fields: list[Field], step: EscalationStep | None) -> StepForm:
    given = {field.name: field.value for field in fields}
    listed = {name: [each for each in given[name].split(",") if each] for name in RECIPIENTS}
    return StepForm(
        distance=int(given["distance"]),
        unit=cast("Any", given["unit"]),
        counted_from=given["counted_from"],
        unless=given["unless"] or None,
        level=int(given["level"]),
        id=step.id if step is not None else given["id"],
        fact=step.fact if step is not None else given["fact"],
        template=given["template"],
        called=step.called if step is not None else given["called"] or None,
        **listed,
    )


def sent_of(fields: list[Field]) -> dict[str, str]:
    """What a form sends for these fields."""
    sent: dict[str, str] = {}
    for field in fields:
        if field.kind == "boxes":
            sent |= {f"{field.name}-{value}": "yes" for value in field.value.split(",") if value}
        else:
            sent |= field.sent()
    return sent


def _page(
    asked: Asked, fields: list[Field], proposal: Proposed | None = None, *, error: str = "", status: int = 200
) -> Page:
    context, rule, step = asked.context, asked.place["rule"], asked.place["step"]
    steps = [(each, when(each)) for each in steps_of(context, rule)]
    title = "Add a step" if step == NEW else f"Change a step: {step_name(step, context.escalation_policy)}"
    values: dict[str, Any] = {"title": title, "rule": context.law.rules[rule], "step": step, "steps": steps}
    values |= shared_values(asked, fields, proposal, error)
    return Page("policy_step.html", values | {"leaves_out": LEAVE_OUT in asked.form}, status)
