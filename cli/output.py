"""How commands speak: one JSON document on standard output, every other word on standard error; one line that says why,
and an exit code.
"""

import sys
from collections.abc import Callable
from enum import IntEnum
from typing import Any, NoReturn

import orjson
import typer


class Exit(IntEnum):
    """0 done, 1 done with something refused or damaged, 2 wrong call, 3 not finished."""

    DONE = 0
    REFUSED = 1
    WRONG_CALL = 2
    NOT_FINISHED = 3


def emit(document: Any, json_: bool, human: Callable[[], str]) -> None:
    """Print the document as JSON, or what a person would read."""
    if json_:
        sys.stdout.write(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        sys.stdout.write(human().rstrip("\n") + "\n")


def counted(number: int, what: str, many: str | None = None) -> str:
    """A number with what it counts, one or many: "1 due date", "0 due dates", "2 mailboxes"."""
    return f"{number} {what if number == 1 else many or what + 's'}"


def tell(line: str) -> None:
    """A word to the person, on standard error."""
    typer.echo(line, err=True)


def fail(code: Exit, message: str) -> NoReturn:
    """End with a code after one line that says why."""
    tell(message)
    raise typer.Exit(code)
