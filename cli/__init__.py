"""The `sendflow` program: one thin command per act. The commands stand in this folder's modules, each with
`register(app)`.

Heavy rooms are imported inside the commands, so that `sendflow due` does not wait for a database and no looking command
for Prefect.
"""

import importlib
import pkgutil
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from models.errors import SendflowError


class NoEchoGroup(TyperGroup):
    """Says what is wrong with a call without the words that were typed: an argument too many may be a child's name."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was named."""
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
        "Statutory SEND casework of a Designated Clinical Officer team: what may happen, by when, who was told, and"
        " proof of it."
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
    """Run the program. What goes wrong is one line: never a traceback, whose values might be a child's."""
    try:
        app()
    except (KeyboardInterrupt, BrokenPipeError):
        sys.exit(3)
    except Exception as problem:
        sys.stderr.write(f"sendflow could not finish: {_plain(problem)}\n")
        sys.exit(problem.exit_code if isinstance(problem, SendflowError) else 3)


def _plain(problem: Exception) -> str:
    """A sentence for problems whose words are ours; for any other only what kind it is."""
    if isinstance(problem, SendflowError) and str(problem):
        return str(problem)
    from models.database_errors import cause

    name = type(problem).__name__
    if (why := cause(problem)) is not None:
        return f"the records cannot be read or written just now: {why.named}; nothing was half done. {why.advice}"
    if name == "OperationalError":
        return (
            "the records cannot be read or written just now (locked, full, no records file, or no database that"
            " answers); nothing was half done"
        )
    return f"{name} (nothing was half done; sendflow verify says whether the records are intact)"
