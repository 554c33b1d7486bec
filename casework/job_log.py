"""The job log: one JSON line for each job that ran, with its outcome, its counts and its duration.

Purpose: a log collector reads it. It contains only sendflow's own words (job, outcome, code of a refusal, kind of a
fault) and whole numbers: no reference, no mailbox, no text. There is one file a month under SENDFLOW_HOME/logs. The
operator may delete old ones.
"""

import contextlib
import os
import re
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from casework.context import AppContext, instant

RECORDS = frozenset({"record", "import", "sweep"})
FACTS_OF = (b'"facts":', b'"facts_added":', b'"facts_written":')
WORD = re.compile(r"[A-Za-z_]{1,60}")


def path(context: AppContext, moment: datetime) -> Path:
    """Give the file of a month (UTC)."""
    return context.settings.logs / f"acts-{instant(moment)[:7]}.jsonl"


def note(
    context: AppContext,
    act: str,
    outcome: str,
    seconds: float,
    *,
    code: str | None = None,
    report: Mapping[str, Any] | None = None,
) -> None:
    """Add one line. Raises nothing if the disk fails, because the job is done all the same. Who only looks writes none.

    Of `report` only whole numbers and flags are written.
    """
    if context.read_only:
        return
    moment = context.now()
    entry: dict[str, Any] = {"at": instant(moment), "act": act, "outcome": outcome, "seconds": round(seconds, 4)}
    if code is not None:
        entry["code"] = code if WORD.fullmatch(code) else "other"
    if context.simulated:
        entry["rehearsed"] = True
    counts = {name: value for name, value in (report or {}).items() if type(value) in (int, bool)}
    line = orjson.dumps({**entry, **counts}) + b"\n"
    with contextlib.suppress(OSError):
        file = path(context, moment)
        file.parent.mkdir(parents=True, exist_ok=True)
        # One write of one line to the end, so that two processes never mix theirs.
        handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, line)
        finally:
            os.close(handle)


def last_recorded(context: AppContext) -> datetime | None:
    """Give the newest instant since which a fact must be in the database, by the log; None if the log says of none.

    That is the beginning of the last job that recorded facts on this machine.
    """
    for file in sorted(context.settings.logs.glob("acts-*.jsonl"), reverse=True):
        newest: datetime | None = None
        with contextlib.suppress(OSError), file.open("rb") as lines:
            for line in lines:
                if b'"outcome":"done"' in line and any(name in line for name in FACTS_OF):
                    with contextlib.suppress(ValueError, KeyError, TypeError):
                        newest = _began_recording(orjson.loads(line)) or newest
        if newest is not None:
            return newest
    return None


def _began_recording(entry: Mapping[str, Any]) -> datetime | None:
    counts = (entry.get(name) for name in ("facts_added", "facts_written", "facts"))
    if entry["act"] not in RECORDS or entry.get("dry_run") or not any(counts):
        return None
    return datetime.fromisoformat(entry["at"]) - timedelta(seconds=entry["seconds"])


def refused(context: AppContext) -> Counter[tuple[str, str]]:
    """Count the jobs that were refused this month, by job and code."""
    counted: Counter[tuple[str, str]] = Counter()
    with contextlib.suppress(OSError), path(context, context.now()).open("rb") as lines:
        for line in lines:
            if b'"outcome":"refused"' in line:
                with contextlib.suppress(ValueError):
                    entry = orjson.loads(line)
                    counted[entry["act"], entry.get("code", "other")] += 1
    return counted


def newest(context: AppContext, act: str, most: int) -> list[dict[str, Any]]:
    """The newest lines of a job on this machine, the newest first; of at most 12 months."""
    found: list[dict[str, Any]] = []
    named = b'"act":"%s"' % act.encode()
    for file in sorted(context.settings.logs.glob("acts-*.jsonl"), reverse=True)[:12]:
        lines: list[dict[str, Any]] = []
        with contextlib.suppress(OSError), file.open("rb") as opened:
            for line in opened:
                if named in line:
                    with contextlib.suppress(ValueError):
                        lines.append(orjson.loads(line))
        found += [entry for entry in lines if entry.get("act") == act][::-1]
        if len(found) >= most:
            break
    return found[:most]
