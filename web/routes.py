"""Every address of the pages, with the right that it needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from web import sign_in, today
from web.answers import Answer
from web.asked import Asked

PUBLIC = ""


class Way(NamedTuple):
    """One address: its method, path, the right that it needs (none: anybody), and its handler."""

    method: str
    path: str
    right: str
    handler: Callable[[Asked], Answer]


ROUTES: tuple[Way, ...] = (
    Way("GET", "/", "today", today.today),
    Way("GET", "/sign-in", PUBLIC, sign_in.enter),
    Way("GET", "/sign-out", "signed_in", sign_in.ask_to_leave),
    Way("POST", "/sign-out", "signed_in", sign_in.leave),
)


class MenuItem(NamedTuple):
    """A link of the menu."""

    text: str
    address: str


MENU = (MenuItem("Today", "/"),)
