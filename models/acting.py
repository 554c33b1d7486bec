"""Who acted, beside the actor that a command claims: the machine's account, or the person who signed in. [I/O]

Purpose: `--actor` is what somebody typed. Each fact and each record of the change log has the number of a row of
`acting`: the account of the operating system and the machine, or the account that signed in on the pages of that
machine. There is one row for each that ever wrote. The MAC of a row covers the number, so it cannot be exchanged.
"""

from __future__ import annotations

import os
import pwd
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple

from sqlalchemy import Connection, select

from models.bulk_io import insert_missing
from models.tables import ACTING

MACHINE, SIGNED_IN = "machine", "signed_in"
LONGEST = 128


class Who(NamedTuple):
    """An account, the machine, and how the account is known: of the operating system, or because it signed in."""

    account: str
    machine: str
    how: str


_WHO: ContextVar[Who | None] = ContextVar("sendflow_who", default=None)


def who() -> Who:
    """Who acts in this thread."""
    return _WHO.get() or of_the_machine()


@lru_cache(maxsize=1)
def of_the_machine() -> Who:
    """The account of the operating system under which this process runs."""
    number = os.geteuid()
    try:
        account = pwd.getpwuid(number).pw_name
    except KeyError:
        account = f"uid-{number}"  # an account that the machine has no name for, as in some containers
    return Who(_printable(account), _printable(socket.gethostname()), MACHINE)


@contextmanager
def signed_in(account: str | None) -> Iterator[None]:
    """Within this block the account that signed in acts. None: the one who acted before."""
    if account is None:
        yield
        return
    token = _WHO.set(Who(_printable(account), of_the_machine().machine, SIGNED_IN))
    try:
        yield
    finally:
        _WHO.reset(token)


@contextmanager
def acting(as_: Who) -> Iterator[None]:
    """Within this block another thread acts for `as_`."""
    token = _WHO.set(as_)
    try:
        yield
    finally:
        _WHO.reset(token)


def found_or_new(connection: Connection, known: dict[Who, int]) -> tuple[int, tuple[int | str, ...] | None]:
    """The number of who acts; and the row, if this transaction stored it. `known` has the numbers that are stored."""
    while True:
        if (there := known.get(who())) is not None:
            return there, None
        number, is_stored = number_of(connection, known)
        if is_stored:
            return number, None
        row = (number, *who())
        if insert_missing(connection, ACTING, [row]):
            return number, row  # not noted as known: this transaction may be undone


def number_of(connection: Connection, known: dict[Who, int]) -> tuple[int, bool]:
    """The number of who acts, and whether it is stored. `known` has those that are.

    The number is made of the three words, so two machines that come at once need no lock.
    """
    now = who()
    if (number := known.get(now)) is not None:
        return number, True
    number = int.from_bytes(sha256("\0".join(now).encode()).digest()[:4], "big") >> 1
    while (there := connection.execute(select(ACTING).where(ACTING.c.number == number)).first()) is not None:
        if tuple(there)[1:] == now:
            known[now] = number
            return number, True
        number = (number + 1) % 2**31
    return number, False


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in text)[:LONGEST]
