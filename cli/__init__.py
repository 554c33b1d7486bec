"""The `sendflow` program: one thin command per act. The commands stand in this folder's modules, each with `register(app)`.

Heavy rooms are imported inside the commands, so that `sendflow due` does not wait for a database and no looking command for Prefect.
"""

import importlib
import pkgutil
import sys

import typer

app = typer.Typer(
    help="Statutory SEND casework of a Designated Clinical Officer team: what may happen, by when, who was told, and proof of it.",
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
)  # fmt: skip

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
        sys.exit(3)


def _plain(problem: Exception) -> str:
    """A sentence for problems whose words are ours; for any other only what kind it is."""
    kinds = {"SettingsError", "LawError", "NoAnswer", "ConfigFault", "AlmanacRange", "LadderError", "DirectoryError", "SealError", "RecordsError", "Contended"}
    if any(kind.__name__ in kinds for kind in type(problem).__mro__):
        return str(problem)
    name = type(problem).__name__
    if name == "OperationalError":
        return "the records cannot be read or written just now (locked, full, or not a records file); nothing was half done"
    return f"{name} (nothing was half done; sendflow verify says whether the records are intact)"
