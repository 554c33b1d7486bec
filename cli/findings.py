"""`sendflow findings`: lists what verification found altered or missing, and closes a finding with a reason."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from cli.installation import Access, open_installation
from cli.options import Json, check_actor, refuse_identifier
from cli.output import Exit, emit, fail
from config.text import counted

if TYPE_CHECKING:
    from casework.findings import StoredFinding

EXAMPLE = "for example sendflow findings close 3 --actor it.oncall --reason 'backup of 3 March restored'"
MOST_LETTERS, MOST_NUMBERS = 500, 1_000


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("findings")(findings)


def findings(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[close NUMBER ...]", help="Close findings: 3, or 3-9. Default: list the open ones."),
    ] = None,
    actor: Annotated[
        str | None, typer.Option("--actor", help="The account name of the person who closes, such as it.oncall.")
    ] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", help="What it was and what was done. Names no child. Stored for ever.")
    ] = None,
    understood: Annotated[
        bool,
        typer.Option("--understood", help="The difference is known and stays, so that it is not reported again."),
    ] = False,
    all_: Annotated[bool, typer.Option("--all", help="List the closed findings too.")] = False,
    json_: Json = False,
) -> None:
    """List what verification found altered or missing, or close a finding in the name of a person.

    While a finding is open, no head of the history is published. The exit code of the list is 1 if one is open.
    """
    given = arguments or []
    if not given:
        if actor is not None or reason is not None or understood:
            fail(Exit.WRONG_CALL, f"--actor, --reason and --understood go with close: {EXAMPLE}")
        _list(all_, json_)
        return
    numbers = [number for word in given[1:] for number in _numbers(word)]
    if given[0] != "close" or not numbers or all_:
        fail(Exit.WRONG_CALL, f"Expected close and the numbers of findings: {EXAMPLE}")
    if actor is None or reason is None or not reason.strip() or actor == "sendflow":
        fail(Exit.WRONG_CALL, f"A person closes a finding, by name and with a reason: {EXAMPLE}")
    if len(reason) > MOST_LETTERS or not reason.isprintable():
        fail(Exit.WRONG_CALL, f"--reason expects one line of at most {MOST_LETTERS} letters: {EXAMPLE}")
    refuse_identifier(reason, "--reason", "Name the case by its reference")
    _close(numbers, check_actor(actor), reason.strip(), understood, json_)


def _numbers(word: str) -> range:
    """The numbers of 3 or of 3-9; none of anything else."""
    found = re.fullmatch(r"([0-9]{1,9})(?:-([0-9]{1,9}))?", word)
    if found is None:
        return range(0)
    first = int(found[1])
    return range(first, min(int(found[2] or first), first + MOST_NUMBERS) + 1)


def _list(closed: bool, json_: bool) -> None:
    from casework.findings import listed
    from models.database import reading

    context = open_installation("findings")
    with reading(context.engine) as connection:
        found = listed(connection, closed=closed)
    emit([each.model_dump(mode="json") for each in found], json_, lambda: _text(found))
    if any(each.closed_at is None for each in found):
        raise typer.Exit(Exit.REFUSED)


def _text(found: list[StoredFinding]) -> str:
    still_open = [each for each in found if each.closed_at is None]
    if still_open:
        are = f"{counted(len(still_open), 'finding is', 'findings are')} open. No head of the history is published."
    else:
        are = "No finding is open."
    lines = [are]
    for each in found:
        fact = f", fact {each.seq}" if each.seq else ""
        lines.append(
            f"{each.number:>4}  {each.found_at[:16].replace('T', ' ')} UTC  {each.case_ref or 'records'}{fact}"
        )
        lines.append(f"      {each.message}")
        if each.closed_at is not None:
            how = ", understood: it stays" if each.understood else ""
            lines.append(f"      closed by {each.actor}, {each.closed_at[:10]}{how}: {each.reason}")
    if still_open:
        lines.append(f"To close one: {EXAMPLE}")
    return "\n".join(lines)


def _close(numbers: list[int], actor: str, reason: str, understood: bool, json_: bool) -> None:
    from casework.findings import AlreadyClosed, NoSuchFinding, close

    context = open_installation("findings", access=Access.CHANGES)
    try:
        closed = close(context, numbers, actor, reason, understood=understood)
    except NoSuchFinding as problem:
        fail(Exit.WRONG_CALL, str(problem))
    except AlreadyClosed as problem:
        fail(Exit.REFUSED, str(problem))
    after = (
        "The difference is not reported again while it stays the same."
        if understood
        else "The next verification opens it again if the difference is still there."
    )
    document = [each.model_dump(mode="json") for each in closed]
    emit(document, json_, lambda: f"{counted(len(closed), 'finding')} closed by {actor}. {after}")
