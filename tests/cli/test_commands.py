"""The list of commands, from which a call finds the module that it imports."""

import pkgutil
from importlib import import_module

import typer

import cli


def test_each_module_registers_the_commands_that_the_list_gives_it() -> None:
    registered = {}
    for module in pkgutil.iter_modules(cli.__path__):
        app = typer.Typer()
        if (register := getattr(import_module(f"cli.{module.name}"), "register", None)) is not None:
            register(app)
            registered[module.name] = tuple(str(command.name) for command in app.registered_commands)
    assert registered == cli.MODULES


def test_a_call_with_no_command_of_that_name_has_every_command() -> None:
    assert len(cli.program().registered_commands) == sum(map(len, cli.MODULES.values()))
    assert [command.name for command in cli.program("worklists").registered_commands] == ["overdue", "due-soon"]
