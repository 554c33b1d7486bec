"""A question to the person at the terminal, where an act reaches other cases of the child. A script gives the flag."""

import sys
from collections.abc import Callable
from typing import TypeVar

import typer

from casework.cases.child_questions import CONFIRM
from casework.cases.validation import Refused

Result = TypeVar("Result")


def confirmed(act: Callable[[bool], Result], already: bool) -> Result:
    """Act, and ask at a terminal which child it is about. Raises Refused for a no, and in a script."""
    try:
        return act(already)
    except Refused as refused:
        if refused.code != CONFIRM or not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise
        typer.echo(refused.message, err=True)
        if not typer.confirm("Is all of it about the right child?", default=False, err=True):
            raise
    return act(True)
