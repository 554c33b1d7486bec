"""`sendflow up`: runs the whole installation in the foreground until Ctrl-C."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from cli.output import Exit, fail


class Terminal:
    """Prints progress line by line. On a terminal it shows a spinner while a step runs."""

    def __init__(self) -> None:
        """Print to standard output, without colours if it is not a terminal."""
        from rich.console import Console  # lazy: no other command needs it

        self._console = Console(highlight=False, soft_wrap=True)

    def say(self, line: str) -> None:
        """Print one line at once, also into a pipe."""
        self._console.print(line, markup=False)
        sys.stdout.flush()

    @contextmanager
    def working(self, step: str) -> Iterator[None]:
        """Show that a step is running, and after it how many seconds it took."""
        started = time.monotonic()
        if self._console.is_terminal:
            with self._console.status(step):
                yield
        else:
            self.say(f"{step} ...")
            yield
        self.say(f"{step}: done in {time.monotonic() - started:.0f} s")


def up(
    postgres: Annotated[
        bool,
        typer.Option(
            "--postgres",
            help="Create a local PostgreSQL for a new installation, from the binaries on this machine.",
        ),
    ] = False,
    no_sample: Annotated[
        bool, typer.Option("--no-sample", help="Load no demo data: for a database of real cases.")
    ] = False,
) -> None:
    """Run sendflow: database, Prefect with its UI, scheduler, e-mail. Ctrl-C stops it."""
    from config.settings import Settings, SettingsError
    from runtime.supervisor import CannotStart
    from runtime.up import run_installation

    try:
        run_installation(Settings.read(), Terminal(), postgres, demo=not no_sample)
    except (SettingsError, CannotStart) as problem:
        fail(Exit.NOT_FINISHED, f"sendflow cannot start: {problem}")
    sys.stdout.flush()
    sys.stderr.flush()
    # Every process has ended and every transaction is committed. Prefect's threads would wait for a stopped server.
    os._exit(Exit.DONE)


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("up")(up)
