"""What a page answers: a rendered page, an address to go to, a file, or bytes for a program."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Look(NamedTuple):
    """A look at a case: its reference, and what of it is shown. It is logged before the page is shown."""

    case_ref: str
    what: str


class Page(NamedTuple):
    """A template with its values. `look` is noted once the page is made: what it shows is read before."""

    template: str
    values: Mapping[str, Any]
    status: int = 200
    headers: Mapping[str, str] = {}
    look: Look | None = None


class GoTo(NamedTuple):
    """Another page, asked for by GET."""

    address: str
    headers: Mapping[str, str] = {}


class File(NamedTuple):
    """A file to store: its name, its type and its bytes."""

    name: str
    kind: str
    content: bytes


class Plain(NamedTuple):
    """An answer to a program: its status, its bytes, if any, and their type."""

    status: int
    content: bytes = b""
    kind: str = "text/plain"
    headers: Mapping[str, str] = {}


Answer = Page | GoTo | File | Plain
