"""How commands print: one JSON document or text on standard output, messages on standard error, and an exit code."""

import sys
from collections.abc import Callable
from enum import IntEnum
from typing import Any, NoReturn

import typer


class Exit(IntEnum):
    """Exit codes: 0 done, 1 done with a refusal or a finding, 2 wrong call, 3 not finished."""

    DONE = 0
    REFUSED = 1
    WRONG_CALL = 2
    NOT_FINISHED = 3


def emit(document: Any, json_: bool, human: Callable[[], str]) -> None:
    """Print the document as JSON, or the text that `human` returns."""
    if json_:
        import orjson  # lazy: only JSON output needs it

        sys.stdout.write(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        sys.stdout.write(human().rstrip("\n") + "\n")


def notify(line: str) -> None:
    """Print a message on standard error."""
    typer.echo(line, err=True)


def fail(code: Exit, message: str) -> NoReturn:
    """Print a message on standard error and end the command with an exit code."""
    notify(message)
    raise typer.Exit(code)
