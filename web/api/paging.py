"""Lists for programs: a page at a time, each with the cursor of the next one.

A cursor says after which row the next page begins, so that rows which come or go meanwhile neither repeat nor hide
others.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import date

import orjson
from pydantic import BaseModel, ConfigDict, Field

from web.api.problems import Problem

WORD = r"^[a-z][a-z0-9_]{0,59}$"
CODE = r"^[A-Z0-9]{3,8}$"
ACCOUNT = r"^[a-z][a-z0-9._@-]{0,63}$"


class Page(BaseModel):
    """What every list takes: how many rows, and after which."""

    model_config = ConfigDict(extra="forbid")
    limit: int = Field(100, ge=1, le=500, description="How many rows a page has at most.")
    cursor: str | None = Field(None, max_length=400, description="`next` of the page before.")


def cursor_of(*values: str | int | None) -> str:
    """The cursor of the page after the row that has these values."""
    return urlsafe_b64encode(orjson.dumps(values)).decode().rstrip("=")


def position(cursor: str | None, *kinds: type[str] | type[int] | type[date]) -> list[str] | None:
    """The values that a cursor has; None without one. Raises Problem for what is none of ours."""
    if cursor is None:
        return None
    try:
        values = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(values, list) or len(values) != len(kinds):
            raise ValueError
        for value, kind in zip(values, kinds, strict=True):
            if kind is date:
                date.fromisoformat(value)
            elif not isinstance(value, str) or any(ord(letter) < 32 for letter in value):
                raise ValueError
    except (ValueError, TypeError):
        raise Problem(
            400, "bad_cursor", "The cursor is not one that a list gave. Leave it out to begin again.", field="cursor"
        ) from None
    return values
