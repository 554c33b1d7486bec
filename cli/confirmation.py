"""Questions to the person at the terminal: an act reaches other cases of the child, or is probably a slip."""

import sys
from collections.abc import Callable
from typing import TypeVar

import typer

from casework.cases.child_questions import CONFIRM
from casework.cases.out_of_order import LOOK_AGAIN
from casework.cases.validation import Refused

Result = TypeVar("Result")
QUESTIONS = {CONFIRM: "Is all of it about the right child?", LOOK_AGAIN: "Did it happen as typed?"}


def confirmed(act: Callable[[bool, bool], Result], already: bool) -> Result:
    """Act, and ask at a terminal which child it is about and whether a probable slip is right.

    A script gives the flag for the child; a fact out of order is recorded there without a question. `act` is given
    whether a person has confirmed the child, and whether to look again. Raises Refused for a no, and in a script.
    """
    asks = sys.stdin.isatty() and sys.stderr.isatty()
    child, look_again = already, asks
    while True:
        try:
            return act(child, look_again)
        except Refused as refused:
            if refused.code not in QUESTIONS or not asks:
                raise
            typer.echo(refused.message, err=True)
            if not typer.confirm(QUESTIONS[refused.code], default=False, err=True):
                raise Refused(refused.code, "The answer was no, so nothing was changed") from None
            child, look_again = child or refused.code == CONFIRM, look_again and refused.code != LOOK_AGAIN
