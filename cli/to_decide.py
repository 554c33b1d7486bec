"""`sendflow to-decide` and `assign`: answers what an act left for a person, and says who looks after a case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.installation import Access, open_installation
from cli.options import Actor, CaseReference, Json, check_actor, refuse_identifier
from cli.output import Exit, emit, fail
from config.text import counted

if TYPE_CHECKING:
    from casework.to_decide import WaitingItem

EXAMPLE = "sendflow to-decide answer 3 corrected --actor dco.team"
KINDS = {
    "refused_row": "a refused row",
    "duplicate": "two open cases",
    "alike": "possibly one child",
    "reply": "a reply",
}


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command("to-decide")(to_decide)
    app.command("assign")(assign)


def to_decide(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[answer NUMBER HOW]", help="Answer what waits. Default: list it, with the answers."),
    ] = None,
    actor: Annotated[
        str | None, typer.Option("--actor", help="The account name of the person who answers, such as dco.team.")
    ] = None,
    json_: Json = False,
) -> None:
    """List refused rows, possible duplicates and replies that wait for a person, or answer one.

    Exceptions that bodies claim wait too, and sendflow record decides them. The page To decide has everything.
    """
    given = arguments or []
    if not given:
        _list(json_)
        return
    if len(given) != 3 or given[0] != "answer" or not given[1].isdecimal() or len(given[1]) > 9:
        fail(Exit.WRONG_CALL, f"Expected answer, the number of what waits, and how: for example {EXAMPLE}")
    if actor is None:
        fail(Exit.WRONG_CALL, f"A person answers, by name: give --actor, for example {EXAMPLE}")
    _answer(int(given[1]), given[2], check_actor(actor), json_)


def _list(json_: bool) -> None:
    from casework.to_decide import waiting
    from models.database import reading

    context = open_installation("to-decide")
    with reading(context.engine) as connection:
        found = waiting(context, connection)
    emit([each.model_dump(mode="json") for each in found], json_, lambda: _listing(found))


def _listing(found: list[WaitingItem]) -> str:
    from casework.to_decide import ANSWERS

    if not found:
        return "No refused row, possible duplicate or reply waits for an answer."
    lines = [f"{counted(len(found), 'thing waits', 'things wait')} for an answer:"]
    lines += [f"{each.number:>5}  {_said(each)}" for each in found]
    for kind, answers in ANSWERS.items():
        if any(each.kind == kind for each in found):
            lines.append(f"Answers for {KINDS[kind]}: {'; '.join(f'{how} ({said})' for how, said in answers.items())}")
    return "\n".join([*lines, f"To answer one: {EXAMPLE}"])


def _said(each: WaitingItem) -> str:
    if each.kind == "duplicate":
        return f"{' and '.join(each.cases)} are open cases of one child, and the law knows one"
    if each.kind == "alike":
        return (
            f"{' and '.join(each.cases)} may be about one child: name and date of birth are the same, and an NHS number"
            f" is missing. The answer one_child joins {', '.join(each.reaches)}"
        )
    if each.reply is not None:
        service = f", {each.reply.service.replace('_', ' ')}" if each.reply.service else ""
        said = each.reply.said.replace("_", " ")
        return f"{each.cases[0]}: {each.reply.body}{service} answered '{said}' on {each.reply.on.isoformat()}"
    sheet = f" of sheet {each.sheet}" if each.sheet > 1 else ""
    problems = "; ".join(f"{field}: {code.replace('_', ' ')}" for field, code in each.problems)
    about = f". It may be about {', '.join(each.cases)}" if each.cases else ""
    return f"line {each.line}{sheet} of the tracker imported {each.at[:10]} was refused: {problems}{about}"


def _answer(number: int, how: str, actor: str, json_: bool) -> None:
    from casework.cases.answer_waiting import answer_waiting
    from casework.privacy.case_looks import note_looks
    from casework.to_decide import NothingWaits
    from models.errors import Refusal

    context = open_installation("to-decide", access=Access.CHANGES)
    try:
        found = answer_waiting(context, number, actor, how)
    except NothingWaits as problem:
        fail(Exit.WRONG_CALL, f"Nothing was answered: {problem}")
    except Refusal as refused:
        fail(Exit.WRONG_CALL if refused.code == "no_answer" else Exit.REFUSED, f"Nothing was answered: {refused}")
    note_looks(context, found.cases, actor, "decide")
    joined = f" {', '.join(found.reaches)} are about one child now." if how == "one_child" else ""
    emit(found.model_dump(mode="json"), json_, lambda: f"The answer to number {number} is stored: {how}.{joined}")


def assign(
    case: CaseReference,
    actor: Actor,
    owner: Annotated[str | None, typer.Argument(help="The account that looks after the case, as admin.team.")] = None,
    nobody: Annotated[bool, typer.Option("--nobody", help="Nobody looks after the case any more.")] = False,
    json_: Json = False,
) -> None:
    """Say who of the team looks after a case. It moves no date, and no e-mail says it."""
    from casework import owners
    from casework.cases.references import find_case
    from models.database import reading
    from models.errors import NoSuchCase

    check_actor(actor)
    if (owner is None) != nobody:
        fail(Exit.WRONG_CALL, "Expected an account or --nobody: sendflow assign NX00042 admin.team --actor dco.team")
    refuse_identifier(owner or "", "OWNER", "Give the account name alone, such as admin.team")
    context = open_installation("assign")
    try:
        with reading(context.engine) as connection:
            ref = find_case(connection, context.cipher, case)
        changed = owners.assign(context, ref, owner or owners.NOBODY, actor)
    except owners.WrongOwner as problem:
        fail(Exit.WRONG_CALL, f"Nothing was assigned: {problem}")
    except NoSuchCase as problem:
        fail(Exit.WRONG_CALL, str(problem))
    said = f"{owner or 'Nobody'} looks after {ref}{'' if changed else ', as before'}."
    emit({"case": ref, "owner": owner, "changed": changed}, json_, lambda: said)
