"""`sendflow bodies`: the bodies that the directory lists."""

from typing import TYPE_CHECKING

import typer

from cli.installation import check_named_home
from cli.options import Json
from cli.output import emit

if TYPE_CHECKING:
    from config.directory_entries import Body


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("bodies")(bodies)


def bodies(json_: Json = False) -> None:
    """List the bodies of the directory: code, name, role and the services that each provides.

    Of a body that did not always exist, or was abolished, also its first and last day and its successor.
    """
    from config.directory import load_directory
    from config.settings import Settings
    from config.toml_reader import own_file

    check_named_home()
    directory = load_directory(own_file(Settings.read().home, "directory.toml"))
    document = [each.model_dump(mode="json") for each in directory.bodies]
    emit(document, json_, lambda: "\n".join(_listed(each) for each in directory.bodies))


def _listed(body: "Body") -> str:
    from config.text import full_day

    services = ", ".join(body.services) or "gives no advice itself"
    line = f"{body.body}  {body.name} ({body.role.replace('_', ' ')}): {services}"
    if body.first_day is not None:
        line += f"; from {full_day(body.first_day)}"
    if body.last_day is not None:
        line += f"; until {full_day(body.last_day)}, then {body.successor or 'no successor named'}"
    return line
