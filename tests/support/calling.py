"""Runs sendflow's commands in this process."""

from collections.abc import Callable, Mapping
from functools import cache

from typer import testing
from typer.testing import CliRunner, Result

from cli import program

Call = Callable[..., Result]
PROGRAM = program()
# Without the cache Typer builds every command again for each call, which takes longer than most commands.
testing._get_command = cache(testing._get_command)  # type: ignore[attr-defined]  # Typer's private name


def sendflow(*words: str, env: Mapping[str, str] | None = None) -> Result:
    """Run `sendflow` with these arguments; return output and exit code."""
    return CliRunner().invoke(PROGRAM, list(words), env=env)


def field_options(*pairs: str) -> list[str]:
    """Give the options of `sendflow record` for these fields; `corrects=3` becomes `--corrects 3`."""
    options: list[str] = []
    for pair in pairs:
        options += ["--corrects", pair.removeprefix("corrects=")] if pair.startswith("corrects=") else ["--data", pair]
    return options
