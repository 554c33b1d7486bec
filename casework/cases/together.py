"""What else a caller does in the transaction of an act: before anything is read, and after everything is written."""

from typing import Protocol, TypeVar

from sqlalchemy import Connection

Result = TypeVar("Result", contravariant=True)


class Together(Protocol[Result]):
    """Both may run more than once, as the transaction does. What they raise undoes the act."""

    def before(self, connection: Connection) -> None:
        """Runs first, without any lock on a case."""

    def after(self, connection: Connection, done: Result) -> None:
        """Runs last. `done` is what the act will return."""
