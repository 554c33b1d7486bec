"""`sendflow policy parts`, `set-part` and `try-part`: letters about facts and ends, claims, and waits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import typer

from cli.directory import month_in_words
from cli.installation import Access, open_installation
from cli.options import check_actor
from cli.output import Exit, emit, fail

if TYPE_CHECKING:
    from casework.context import AppContext
    from casework.policy_changes import PartChange
    from config.policy_parts import PartValue, PartValues

EXAMPLE = "Example: sendflow policy set-part letter.health_advice_requested to=service,dco --actor dco.team"


def parts_command(given: list[str], actor: str | None, json_: bool) -> None:
    """List the parts of the escalation policy besides its steps, or change or try one."""
    from casework.policy_changes import parts_of

    if given[0] == "parts":
        found = parts_of(open_installation("policy"))
        emit([{"part": part, **values} for part, values in found.items()], json_, lambda: _listed(found))
    elif len(given) < 3:
        fail(Exit.WRONG_CALL, f"Expected a part, a field and its value. {EXAMPLE}")
    elif given[0] == "try-part":
        _try(given[1], given[2:], json_)
    elif actor is None:
        fail(Exit.WRONG_CALL, f"Expected --actor. {EXAMPLE}")
    else:
        _set(given[1], given[2:], check_actor(actor), json_)


def _try(part: str, given: list[str], json_: bool) -> None:
    from casework.own_file_changes import WrongChange
    from casework.policy_changes import propose_part
    from config.toml_reader import ConfigFault

    context = open_installation("policy")
    try:
        found = propose_part(context, _change(context, part, given))
    except (WrongChange, ConfigFault) as problem:
        fail(Exit.REFUSED, f"Nothing was recorded: {problem}. {EXAMPLE}")
    lately = [each._asdict() for each in found.lately]
    document = {"problems": found.problems, "month": [row.model_dump(mode="json") for row in found.month]}
    lines = ["Nothing was recorded.", *found.problems, *month_in_words(found.month, context.escalation_policy)]
    lines += [f"In the last four weeks to {each.recipient}: {each.letters} of {each.cases}" for each in found.lately]
    emit({**document, "lately": lately}, json_, lambda: "\n".join(lines))
    if found.problems:
        raise typer.Exit(Exit.REFUSED)


def _set(part: str, given: list[str], by: str, json_: bool) -> None:
    from casework.cases.fact_form import Refused
    from casework.own_file_changes import WrongChange
    from casework.policy_changes import record_part
    from config.toml_reader import ConfigFault

    context = open_installation("policy", access=Access.CHANGES)
    try:
        record_part(context, _change(context, part, given), by, "policy")
    except Refused as refused:
        fail(Exit.REFUSED, refused.message)
    except (WrongChange, ConfigFault) as problem:
        fail(Exit.REFUSED, f"Nothing was changed: {problem}. {EXAMPLE}")
    emit({"part": part}, json_, lambda: "The change is recorded, and in force on every machine.")


def _change(context: AppContext, part: str, given: list[str]) -> PartChange:
    from casework.policy_changes import PartChange, parts_of

    known = parts_of(context).get(part)
    if known is None:
        fail(Exit.WRONG_CALL, f"There is no such part: sendflow policy parts lists them. {EXAMPLE}")
    values: dict[str, PartValue] = {}
    for each in given:
        name, sign, text = each.partition("=")
        if not sign or name not in known:
            fail(Exit.WRONG_CALL, f"Expected a field and its value, of {', '.join(known)}. {EXAMPLE}")
        values[name] = _value(name, text.strip(), known[name])
    return PartChange(part, values)


def _value(name: str, text: str, known: PartValue) -> PartValue:
    """What was typed, as the field that it is for takes it."""
    if isinstance(known, list):
        return [each.strip() for each in text.split(",") if each.strip()]
    if isinstance(known, bool):
        if text not in ("yes", "no"):
            fail(Exit.WRONG_CALL, f"{name} expects yes or no, as in {name}=yes")
        return text == "yes"
    if not (text.isascii() and text.isdecimal() and len(text) <= 3):
        fail(Exit.WRONG_CALL, f"{name} expects a whole number, as in {name}=3")
    return int(text)


def _listed(found: Mapping[str, PartValues]) -> str:
    return "\n".join(
        f"{part}: {', '.join(f'{name}={_said(value)}' for name, value in values.items() if value != [])}"
        for part, values in found.items()
    )


def _said(value: PartValue) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ",".join(value) if isinstance(value, list) else str(value)
