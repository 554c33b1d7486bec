"""The journal of acts: one JSON line for each act that ran, with its outcome, its counts and how long it took, and
nothing about anybody.

Purpose: what a log collector reads. Only words of our own stand in it (the act, the outcome, a refusal's code, the kind
of a fault) and whole numbers; no reference, no mailbox, no text. One file a month under SENDFLOW_HOME/logs; an old one
may be deleted whenever its owner likes.
"""

import contextlib
import os
import re
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from casework.context import AppContext, instant

WORD = re.compile(r"[A-Za-z_]{1,60}")


def path(context: AppContext, moment: datetime) -> Path:
    """The file of a month (UTC)."""
    return context.settings.logs / f"acts-{instant(moment)[:7]}.jsonl"


def note(
    context: AppContext,
    act: str,
    outcome: str,
    seconds: float,
    *,
    code: str | None = None,
    told: Mapping[str, Any] | None = None,
) -> None:
    """Add one line. Never raises for what a disk does: an act that is done is done, also where it cannot be noted."""
    moment = context.now()
    said: dict[str, Any] = {"at": instant(moment), "act": act, "outcome": outcome, "seconds": round(seconds, 4)}
    if code is not None:
        said["code"] = code if WORD.fullmatch(code) else "other"
    if context.simulated:
        said["rehearsed"] = True
    counts = {name: value for name, value in (told or {}).items() if type(value) in (int, bool)}
    line = orjson.dumps({**said, **counts}) + b"\n"
    with contextlib.suppress(OSError):
        file = path(context, moment)
        file.parent.mkdir(parents=True, exist_ok=True)
        # One write of one line to the end, so that two processes never mix theirs.
        handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, line)
        finally:
            os.close(handle)


def refused(context: AppContext) -> Counter[tuple[str, str]]:
    """How many acts were refused this month, by act and code."""
    counted: Counter[tuple[str, str]] = Counter()
    with contextlib.suppress(OSError), path(context, context.now()).open("rb") as lines:
        for line in lines:
            if b'"outcome":"refused"' in line:
                with contextlib.suppress(ValueError):
                    said = orjson.loads(line)
                    counted[said["act"], said.get("code", "other")] += 1
    return counted
