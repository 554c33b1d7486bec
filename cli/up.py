"""`sendflow up`: opens the house in the foreground until Ctrl-C."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from cli.output import Exit, fail


class Terminal:
    """Says what the house does, line by line, and on a terminal shows that something is under way."""

    def __init__(self) -> None:
        """Speaks on standard output, without colours where it is no terminal."""
        from rich.console import Console  # here, so that no other command waits for it

        self._console = Console(highlight=False, soft_wrap=True)

    def say(self, line: str) -> None:
        """Says one line at once, also into a pipe."""
        self._console.print(line, markup=False)
        sys.stdout.flush()

    @contextmanager
    def working(self, what: str) -> Iterator[None]:
        """Shows `what` with a moving mark while it is under way, and the seconds it took when it is done."""
        begun = time.monotonic()
        if self._console.is_terminal:
            with self._console.status(what):
                yield
        else:
            self.say(f"{what} ...")
            yield
        self.say(f"{what}: done in {time.monotonic() - begun:.0f} s")


def up(
    postgres: Annotated[
        bool,
        typer.Option(
            "--postgres",
            help=(
                "Give a new house a PostgreSQL of its own, from the binaries on this machine, for records and for"
                " Prefect."
            ),
        ),
    ] = False,
    no_sample: Annotated[
        bool, typer.Option("--no-sample", help="Leave a new house empty: for records of real cases.")
    ] = False,
) -> None:
    """Open the house: records, Prefect and its pages, alarm clock, letters. Ctrl-C closes it."""
    from config.settings import Settings, SettingsError
    from runtime.supervisor import CannotStart
    from runtime.up import open_house

    try:
        open_house(Settings.read(), Terminal(), postgres, sample=not no_sample)
    except (SettingsError, CannotStart) as problem:
        fail(Exit.NOT_FINISHED, f"The house cannot be opened: {problem}")
    sys.stdout.flush()
    sys.stderr.flush()
    # Every process has ended and every record is committed. Prefect's threads would otherwise wait for a server that
    # has gone.
    os._exit(Exit.DONE)


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("up")(up)
