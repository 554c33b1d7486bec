"""The `sendflow` program: a thin command for each job and report. Each module adds its commands by `register(app)`.

Heavy modules are imported inside the commands: `sendflow due` needs no database, and no report needs Prefect.
"""

import gc
import importlib
import re
import sys
from functools import cache
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from config.private_files import protect_process
from models.errors import Refusal, SendflowError

# The commands of each module. A call imports the module of its command only: an import of all takes a quarter of the
# time of a command that only reads.
MODULES = {
    "account": ("account",),
    "audit": ("verify",),
    "bulk": (
        "bulk",
        "views",
    ),
    "bundle": (
        "bundle",
        "bundle-cohort",
        "verify-bundle",
    ),
    "calendar": ("calendar",),
    "cases": (
        "record",
        "case",
    ),
    "check": ("check",),
    "children": (
        "part",
        "join",
    ),
    "components": (
        "deployments",
        "run",
    ),
    "confirm_clock": ("confirm-clock",),
    "database": (
        "migrate",
        "copy-to-postgresql",
    ),
    "directory": (
        "bodies",
        "directory",
    ),
    "doctor": ("doctor",),
    "files": ("files",),
    "findings": ("findings",),
    "guide": (
        "explain",
        "processes",
    ),
    "imports": (
        "import",
        "preview",
    ),
    "jobs": (
        "sweep",
        "deliver",
        "digest",
    ),
    "joint_review": ("joint-review",),
    "ladder": ("ladder",),
    "letters": ("letters",),
    "log": ("log",),
    "papers": ("papers",),
    "policy": (
        "policy",
        "columns",
    ),
    "people": (
        "person",
        "reset-person-key",
    ),
    "reading": (
        "looks",
        "verifications",
        "people",
        "child",
    ),
    "registers": ("register",),
    "replies": ("replies",),
    "restore_keys": ("restore-keys",),
    "retention": (
        "retention",
        "holds",
        "erase",
    ),
    "rule_packs": (
        "dry-run",
        "adopt",
        "adoptions",
        "rulesets",
    ),
    "rules": (
        "due",
        "rules",
    ),
    "law_watch": ("law-watch",),
    "samples": ("sample",),
    "transitions": ("transitions",),
    "sen2": ("sen2",),
    "sign_in": ("sign-in",),
    "subject_access": ("subject-access",),
    "to_decide": (
        "to-decide",
        "assign",
    ),
    "single_sign_on": ("single-sign-on",),
    "tokens": ("tokens",),
    "up": ("up",),
    "webhooks": ("webhooks",),
    "worklists": (
        "overdue",
        "due-soon",
    ),
}

# Commands that read a little and end. Collecting garbage while they start takes a sixth of their time.
SHORT_COMMANDS = frozenset(
    {
        "adoptions",
        "bodies",
        "case",
        "due",
        "due-soon",
        "explain",
        "joint-review",
        "letters",
        "overdue",
        "processes",
        "rules",
        "rulesets",
    }
)


class NoEchoGroup(TyperGroup):
    """Reports a wrong call without the words that were typed: a superfluous argument may be a child's name."""

    def invoke(self, ctx: Any) -> Any:
        """Run the named command."""
        words = {part for word in (*ctx._protected_args, *ctx.args) for part in (word, *word.split("="))}
        try:
            return super().invoke(ctx)
        except Exception as problem:
            # Every wrong call has a message that is shown; whichever library's own class it is.
            message = getattr(problem, "message", None)
            if isinstance(message, str) and hasattr(problem, "format_message"):
                typed = words - _own_words()
                for word in sorted((each for each in typed if len(each) > 2), key=len, reverse=True):
                    # Whole words only: "overdu" is a part of the command that the message suggests.
                    message = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", "...", message)
                problem.message = message.replace("Value error, ", "")  # type: ignore[attr-defined]  # as was just asked
            raise


@cache
def _own_words() -> frozenset[str]:
    """Return the names of all commands and options: the only words of a wrong call that its message may repeat."""
    commands = get_group(program()).commands
    options = {
        name for command in commands.values() for each in command.params for name in (*each.opts, *each.secondary_opts)
    }
    return frozenset(options | set(commands))


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version  # lazy: reading the metadata takes time

        typer.echo(f"sendflow {version('sendflow')}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version of sendflow.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    del version  # shown by its callback


def program(*modules: str) -> typer.Typer:
    """Return the program with the commands of these modules; with every command if none is named."""
    app = typer.Typer(
        cls=NoEchoGroup,
        help=(
            "Statutory SEND casework of a Designated Clinical Officer team: what may happen, by when, which e-mails"
            " were sent, and proof of it."
        ),
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_options)
    for module in modules or MODULES:
        importlib.import_module(f"{__name__}.{module}").register(app)
    return app


def main() -> None:
    """Run the program. A failure is one line and never a traceback, whose values may belong to a child."""
    protect_process()
    called = sys.argv[1] if len(sys.argv) > 1 else ""
    if called in SHORT_COMMANDS:
        gc.disable()
    try:
        get_group(program(*(module for module, commands in MODULES.items() if called in commands)))()
    except (KeyboardInterrupt, BrokenPipeError):
        sys.exit(3)
    except Exception as problem:
        refused = isinstance(problem, Refusal)
        sys.stderr.write(f"sendflow {'refused this' if refused else 'could not finish'}: {_plain(problem)}\n")
        sys.exit(problem.exit_code if isinstance(problem, SendflowError) else 3)
    finally:
        if not gc.isenabled():
            gc.freeze()  # Python would otherwise examine every object once more as it ends
            gc.enable()


def _plain(problem: Exception) -> str:
    """Return sendflow's own message; of any other exception only its class, because its text may quote data."""
    if isinstance(problem, SendflowError) and str(problem):
        from config.toml_reader import HELP, ConfigFault

        return f"{str(problem).rstrip('.')}. {HELP}" if isinstance(problem, ConfigFault) else str(problem)
    from config.database_cause import cause_here

    name = type(problem).__name__
    if (why := cause_here(problem)) is not None:
        return f"the database cannot be read or written: {why.named}. Nothing was written in part. {why.advice}"
    if name == "OperationalError":
        return (
            "the database cannot be read or written (it is locked, full, missing or does not answer). Nothing was"
            " written in part. Run sendflow doctor for the cause"
        )
    return f"{name}. Nothing was written in part. To check the history: sendflow verify"
