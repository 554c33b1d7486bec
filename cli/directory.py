"""`sendflow bodies`: the bodies that the directory lists."""

from typing import TYPE_CHECKING

import typer

from cli.installation import check_named_home
from cli.options import Json
from cli.output import Exit, emit, fail

if TYPE_CHECKING:
    from config.directory import Body


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("bodies")(bodies)


def bodies(json_: Json = False) -> None:
    """List the bodies of the directory: code, name, role and the services that each provides."""
    from config.directory import DirectoryError, load_directory
    from config.settings import Settings

    check_named_home()
    own = Settings.read().home / "directory.toml"
    try:
        directory = load_directory(own if own.exists() else None)
    except DirectoryError as problem:
        fail(Exit.NOT_FINISHED, str(problem))
    document = [each.model_dump(mode="json") for each in directory.bodies]
    emit(document, json_, lambda: "\n".join(_listed(each) for each in directory.bodies))


def _listed(body: "Body") -> str:
    services = ", ".join(body.services) or "gives no advice itself"
    return f"{body.body}  {body.name} ({body.role.replace('_', ' ')}): {services}"
