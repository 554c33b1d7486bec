"""`sendflow part` and `join`: says that two cases are about different children, or about one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.installation import open_installation
from cli.options import Actor, CaseReference, ConfirmChild, Json, check_actor
from cli.output import Exit, emit, fail, notify

if TYPE_CHECKING:
    from collections.abc import Callable

    from casework.cases.part_and_join import ChildChange
    from casework.context import AppContext


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command("part")(part)
    app.command("join")(join)


def part(
    case: CaseReference,
    other: Annotated[str, typer.Option("--from", help="A case that was taken for the same child's, and is not.")],
    actor: Actor,
    along: Annotated[
        list[str] | None, typer.Option("--along", help="A further case that goes with CASE. Repeat it.")
    ] = None,
    confirm_child: ConfirmChild = False,
    json_: Json = False,
) -> None:
    """Say that two cases are about different children. Facts that one copied from the other are withdrawn."""
    from casework.cases.part_and_join import part as part_cases

    context = _begin("part", actor)
    change = _tried(lambda yes: part_cases(context, case, other, actor, along or (), yes), confirm_child)
    emit(change.model_dump(mode="json"), json_, lambda: _parted(change))


def join(
    case: CaseReference,
    other: Annotated[str, typer.Option("--with", help="A case of the same child.")],
    actor: Actor,
    confirm_child: ConfirmChild = False,
    json_: Json = False,
) -> None:
    """Say that two cases are about one child. What is known of the child of the other case holds for both."""
    from casework.cases.part_and_join import join as join_cases

    context = _begin("join", actor)
    change = _tried(lambda yes: join_cases(context, case, other, actor, yes), confirm_child)
    emit(change.model_dump(mode="json"), json_, lambda: _joined(change))


def _begin(command: str, actor: str) -> AppContext:
    check_actor(actor)
    return open_installation(command)


def _tried(act: Callable[[bool], ChildChange], already: bool) -> ChildChange:
    from casework.cases.validation import Refused
    from cli.confirmation import confirmed
    from models.errors import NoSuchCase

    try:
        change = confirmed(lambda yes, _again: act(yes), already)
    except Refused as refused:
        fail(Exit.WRONG_CALL if refused.wrong_call else Exit.REFUSED, refused.message)
    except NoSuchCase as problem:
        fail(Exit.WRONG_CALL, str(problem))
    for follow_up in change.unheard:
        notify(follow_up)
    return change


def _parted(change: ChildChange) -> str:
    lines = [
        f"Parted: {', '.join(change.cases)} from {', '.join(change.others)}. They are about different children now."
    ]
    if change.withdrawn:
        lines.append(f"Withdrawn, because they were copied between the two: {', '.join(change.withdrawn)}.")
    lines.append("What the cases of each side said of their child stays with them. To see it: sendflow person CASE")
    return "\n".join(lines)


def _joined(change: ChildChange) -> str:
    lines = [f"Joined: {', '.join(change.cases)} are about one child now."]
    if change.restored:
        lines.append(f"In force again: {', '.join(change.restored)}.")
    lines.append("What was recorded while they were parted was not copied between them: record it where it is missing.")
    return "\n".join(lines)
