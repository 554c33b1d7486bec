"""`sendflow policy` and `sendflow columns`: the escalation policy and the tracker's columns, shown and changed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from cli.directory import month_in_words
from cli.installation import Access, open_installation
from cli.options import Json, check_actor
from cli.output import Exit, emit, fail
from cli.policy_parts import parts_command

if TYPE_CHECKING:
    from casework.context import AppContext
    from casework.policy_changes import StepChange
    from config.policy_edit import StepForm

EXAMPLE = "Example: sendflow policy set ehc_body_advice_respond reminder_3_weeks distance=4 --actor dco.team"
COLUMNS_EXAMPLE = "Example: sendflow columns set column.reference Ref 'Case ref' --actor dco.team"


@dataclass(frozen=True)
class _Called:
    """What the command is asked to do."""

    act: str
    rule: str
    step: str
    values: dict[str, str]


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command("policy")(policy)
    app.command("columns")(columns)


def policy(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[set|try RULE STEP FIELD=VALUE ... | leave-out|try-out RULE STEP | parts"
            " | set-part|try-part PART FIELD=VALUE ...]",
            help="set changes or adds (STEP is new) a step, leave-out takes one away. set-part changes a part besides"
            " the steps, as parts lists them. try, try-out and try-part write nothing.",
        ),
    ] = None,
    actor: Annotated[str | None, typer.Option("--actor", help="The account name of the person who does this.")] = None,
    json_: Json = False,
) -> None:
    """List the escalation steps of each rule, or change one: distance, unit, counted_from, to, level and others.

    A change says which e-mails of the next four weeks differ. Where SENDFLOW_SECOND_PERSON names adoptions, a second
    person does the same. `try` exits with 1 if an e-mail would reach nobody or never leave.
    """
    given = arguments or []
    if not given:
        rows = _rows(open_installation("policy"))
        emit(rows, json_, lambda: "\n".join(_line(row) for row in rows))
        return
    if given[0] in ("parts", "set-part", "try-part"):
        parts_command(given, actor, json_)
        return
    if given[0] not in ("set", "try", "leave-out", "try-out") or len(given) < 3:
        expected = "set, try, leave-out or try-out, with a rule and a step; or parts, set-part or try-part"
        fail(Exit.WRONG_CALL, f"Expected {expected}. {EXAMPLE}")
    called = _Called(given[0], given[1], given[2], _values(given[3:]))
    if called.act in ("try", "try-out"):
        _try(called, json_)
    elif actor is None:
        fail(Exit.WRONG_CALL, f"Expected --actor. {EXAMPLE}")
    else:
        _set(called, check_actor(actor), json_)


def columns(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[set|try LIST WORD ...]",
            help="set gives a list other words, and try says what it would change. Default: list all.",
        ),
    ] = None,
    actor: Annotated[str | None, typer.Option("--actor", help="The account name of the person who does this.")] = None,
    tracker: Annotated[
        Path | None, typer.Option("--tracker", help="With try: a tracker, of which each header is looked at too.")
    ] = None,
    json_: Json = False,
) -> None:
    """List how the columns of a tracker are called, or give one list other words.

    `try` writes nothing, and exits with 1 if an import of the tracker would refuse the file or ask.
    """
    from casework.own_file_changes import WrongChange
    from casework.tracker_words import record_words, word_lists

    given = arguments or []
    if not given:
        found = word_lists(open_installation("columns"))
        lines = [f"{each.place}: {', '.join(each.words)}" for each in found]
        emit([each._asdict() for each in found], json_, lambda: "\n".join(lines))
        return
    if given[0] not in ("set", "try") or len(given) < 3:
        fail(Exit.WRONG_CALL, f"Expected set or try, a list and its words. {COLUMNS_EXAMPLE}")
    if given[0] == "try":
        _try_words(given[1], given[2:], tracker, json_)
        return
    if actor is None:
        fail(Exit.WRONG_CALL, f"Expected --actor. {COLUMNS_EXAMPLE}")
    by = check_actor(actor)
    try:
        record_words(open_installation("columns", access=Access.CHANGES), given[1], given[2:], by, "columns")
    except WrongChange as problem:
        fail(Exit.REFUSED, f"Nothing was changed: {problem}")
    emit({"list": given[1]}, json_, lambda: f"{given[1]} is recorded, for the next import on every machine.")


def _try_words(place: str, words: list[str], tracker: Path | None, json_: bool) -> None:
    from casework.imports.raw_rows import SheetError
    from casework.own_file_changes import WrongChange
    from casework.tracker_words import headers_in, propose_words

    context = open_installation("columns")
    try:
        own = headers_in(context, place, words, tracker) if tracker is not None else []
        found = propose_words(context, place, words, own)
    except WrongChange as problem:
        fail(Exit.REFUSED, f"Nothing was recorded: {problem}")
    except SheetError as problem:
        fail(Exit(problem.exit_code), f"Nothing was recorded: {problem.sentence}")
    rows = [*found.differ, *(each for each in found.own if each not in found.differ)]
    lines = [f"{each.header}: {each.now or 'not read'}, then {each.then or 'not read'}" for each in rows]
    lines = ["Nothing was recorded.", *found.problems, *lines, f"{found.same} other known headers mean the same."]
    emit(found.model_dump(mode="json"), json_, lambda: "\n".join(lines))
    if found.problems:
        raise typer.Exit(Exit.REFUSED)


def _try(called: _Called, json_: bool) -> None:
    from casework.own_file_changes import WrongChange
    from casework.policy_changes import propose_step
    from config.toml_reader import ConfigFault

    context = open_installation("policy")
    try:
        found = propose_step(context, _change(context, called))
    except (WrongChange, ConfigFault) as problem:
        fail(Exit.REFUSED, _said(problem))
    document = {"problems": found.problems, "month": [row.model_dump(mode="json") for row in found.month]}
    lines = ["Nothing was recorded.", *found.problems, *month_in_words(found.month, context.escalation_policy)]
    emit(document, json_, lambda: "\n".join(lines))
    if found.problems:
        raise typer.Exit(Exit.REFUSED)


def _set(called: _Called, by: str, json_: bool) -> None:
    from casework.cases.fact_form import Refused
    from casework.own_file_changes import WrongChange
    from casework.policy_changes import record_step
    from config.toml_reader import ConfigFault

    context = open_installation("policy", access=Access.CHANGES)
    try:
        record_step(context, _change(context, called), by, "policy")
    except Refused as refused:
        fail(Exit.REFUSED, refused.message)
    except (WrongChange, ConfigFault) as problem:
        fail(Exit.REFUSED, _said(problem))
    document = {"rule": called.rule, "step": called.step}
    emit(document, json_, lambda: "The change is recorded, and in force on every machine.")


def _said(problem: Exception) -> str:
    from config.policy_edit import StepError

    field = f"{problem.field}: " if isinstance(problem, StepError) and problem.field else ""
    return f"Nothing was changed. {field}{problem}. {EXAMPLE}"


def _change(context: AppContext, called: _Called) -> StepChange:
    """The change that is asked for: what the step says now, with these values."""
    from casework.own_file_changes import WrongChange
    from casework.policy_changes import StepChange, steps_of
    from config.policy_edit import NEW, form_of

    try:
        steps = steps_of(context, called.rule)
    except WrongChange as problem:
        fail(Exit.WRONG_CALL, f"{str(problem)[0].upper()}{str(problem)[1:]}")
    step = next((each for each in steps if each.id == called.step), None)
    if called.act in ("leave-out", "try-out"):
        return StepChange(called.rule, called.step, None)
    if step is None and called.step != NEW:
        fail(
            Exit.WRONG_CALL,
            f"The rule has no such step: expected one of {', '.join(each.id for each in steps)}, or new",
        )
    known = form_of(step)._asdict() if step is not None else dict(EMPTY, level=len(steps) + 1)
    return StepChange(called.rule, called.step, _answers(known, called.values))


EMPTY = {
    "distance": 0,
    "unit": "days",
    "counted_from": "after_due",
    "to": [],
    "to_if_ours": [],
    "to_if_others": [],
    "unless": None,
    "id": "",
    "fact": "",
    "template": "",
    "called": None,
}


def _answers(known: dict[str, Any], values: dict[str, str]) -> StepForm:
    from config.policy_edit import RECIPIENTS, UNITS, StepForm

    for name, value in values.items():
        if name not in known:
            fail(Exit.WRONG_CALL, f"There is no field {name}: expected some of {', '.join(known)}. {EXAMPLE}")
        if name in ("distance", "level"):
            if not (value.isascii() and value.isdecimal() and len(value) <= 3):
                fail(Exit.WRONG_CALL, f"{name} expects a whole number, as in {name}=3")
            known[name] = int(value)
        elif name in RECIPIENTS:
            known[name] = [each.strip() for each in value.split(",") if each.strip()]
        else:
            known[name] = value or None
    if known["unit"] not in UNITS:
        fail(Exit.WRONG_CALL, f"unit expects one of {', '.join(UNITS)}")
    return StepForm(**cast("Any", known))


def _values(given: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in given:
        name, sign, value = each.partition("=")
        if not sign:
            fail(Exit.WRONG_CALL, f"Expected a field and its value, as in distance=4. {EXAMPLE}")
        found[name] = value.strip()
    return found


def _rows(context: AppContext) -> list[dict[str, Any]]:
    from config.policy_edit import form_of, when

    return [
        {"rule": rule, "when": when(step), **form_of(step)._asdict()}
        for rule, steps in context.escalation_policy.rung.items()
        for step in steps
    ]


def _line(row: dict[str, Any]) -> str:
    to = ", ".join(row["to"])
    return f"{row['rule']} {row['level']}. {row['id']}: {row['when']}, to {to} ({row['template']})"
