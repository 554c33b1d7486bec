"""The `sendflow` program: a thin command for each job and report. Each module adds its own by `register(app)`.

Heavy modules are imported inside the commands: `sendflow due` needs no database, and no report needs Prefect.
"""

import importlib
import pkgutil
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from config.private_files import protect_process
from models.errors import SendflowError


class NoEchoGroup(TyperGroup):
    """Reports a wrong call without the words that were typed: a superfluous argument may be a child's name."""

    def invoke(self, ctx: Any) -> Any:
        """Run the named command."""
        own = {
            name
            for command in self.commands.values()
            for each in command.params
            for name in (*each.opts, *each.secondary_opts)
        }
        typed = (
            {part for word in (*ctx._protected_args, *ctx.args) for part in (word, *word.split("="))}
            - set(self.commands)
            - own
        )
        try:
            return super().invoke(ctx)
        except Exception as problem:
            # Every wrong call has a message that is shown; whichever library's own class it is.
            message = getattr(problem, "message", None)
            if isinstance(message, str) and hasattr(problem, "format_message"):
                for word in sorted((each for each in typed if len(each) > 2), key=len, reverse=True):
                    message = message.replace(word, "...")
                problem.message = message  # type: ignore[attr-defined]  # as was just asked
            raise


app = typer.Typer(
    cls=NoEchoGroup,
    help=(
        "Statutory SEND casework of a Designated Clinical Officer team: what may happen, by when, which e-mails were"
        " sent, and proof of it."
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

for _module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
    _register = getattr(importlib.import_module(f"{__name__}.{_module.name}"), "register", None)
    if _register is not None:
        _register(app)


def main() -> None:
    """Run the program. A failure is one line and never a traceback, whose values may belong to a child."""
    protect_process()
    try:
        app()
    except (KeyboardInterrupt, BrokenPipeError):
        sys.exit(3)
    except Exception as problem:
        sys.stderr.write(f"sendflow could not finish: {_plain(problem)}\n")
        sys.exit(problem.exit_code if isinstance(problem, SendflowError) else 3)


def _plain(problem: Exception) -> str:
    """Return sendflow's own message; of any other exception only its class, because its text may quote data."""
    if isinstance(problem, SendflowError) and str(problem):
        return str(problem)
    from models.database_errors import cause

    name = type(problem).__name__
    if (why := cause(problem)) is not None:
        return f"the database cannot be read or written: {why.named}. Nothing was written in part. {why.advice}"
    if name == "OperationalError":
        return (
            "the database cannot be read or written (it is locked, full, missing or does not answer). Nothing was"
            " written in part. Run sendflow doctor for the cause"
        )
    return f"{name}. Nothing was written in part. To check the history: sendflow verify"
