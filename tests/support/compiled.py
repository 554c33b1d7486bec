"""Statements that SQLAlchemy compiled, shared by the engines of one database.

Each test and each program that a test starts has an engine of its own, which would compile each statement again.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, event


class _CompiledStatements(dict[tuple[Any, ...], Any]):
    """By the name of the database in place of the dialect, of which each engine has its own."""

    def get(self, key: tuple[Any, ...], default: Any = None) -> Any:
        return super().get((key[0].name, *key[1:]), default)

    def __setitem__(self, key: tuple[Any, ...], value: Any) -> None:
        super().__setitem__((key[0].name, *key[1:]), value)


_COMPILED = _CompiledStatements()


def share_compiled(connection: Connection) -> None:
    """Let the engine of this connection use what the others compiled. A listener to `engine_connect`."""
    connection.engine.__dict__["_compiled_cache"] = _COMPILED


def share_in_this_process() -> None:
    """Let each engine of this process, and of those that fork from it, do so."""
    event.listen(Engine, "engine_connect", share_compiled)
