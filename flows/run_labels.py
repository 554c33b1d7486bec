"""The name, parameters and first tags of a run, in words for operations staff. Knows nothing of Prefect.

Only references, kinds of fact, codes, days and counts pass through here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from config.text import short_day
from flows.jobs import Job, JobExecution
from models.errors import Refusal
from models.facts import REFERENCE
from statemachines.fact_labels import fact

NEW, UNKNOWN = "new", "unknown"
MOST_KINDS = 50
FEW_KINDS = 3  # in the name of a run
UNREADABLE = "unreadable"  # in place of the digest of a file
# Tags, by which the views of the Prefect UI choose runs.
JOB_TAG, RECORDING_TAG = "job", "recording"
BY_HAND_TAG, NEEDS_A_PERSON_TAG = "by-hand", "needs-a-person"


class NoSuchDay(Refusal, ValueError):
    """A day that the calendar does not have, such as 2026-02-30."""

    default_code = "no_such_day"


def is_day(text: object) -> bool:
    """Says whether `text` is a day of the calendar, as in 2026-04-14."""
    try:
        return date.fromisoformat(str(text)) is not None
    except ValueError:
        return False


def day_of(text: str | None) -> date | None:
    """The day that somebody typed; None where nothing was. Raises NoSuchDay."""
    if text and not is_day(text):
        raise NoSuchDay
    return date.fromisoformat(text) if text else None


def file_digest(path: Path) -> str:
    """What a file is called in Prefect: half of its SHA-256, as its name may hold a child's; `UNREADABLE` where it
    cannot be read.
    """
    try:
        with path.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()[:32]
    except OSError:
        return UNREADABLE


def parameters(execution: JobExecution) -> dict[str, Any]:
    """Give the only parameters that Prefect stores: reference, kinds of fact, day, digest of the file."""
    given = execution.arguments
    match execution.job:
        case Job.RECORD:
            drafts = given["drafts"]
            known = {kind for process in execution.context.processes.values() for kind in process.facts}
            # What is no kind of fact may be anything that somebody typed.
            kinds = ",".join(draft.kind if draft.kind in known else UNKNOWN for draft in drafts[:MOST_KINDS])
            return {
                "case": _reference(given["case"]),
                "fact": kinds,
                "on": drafts[0].occurred_on.isoformat() if drafts else None,
            }
        case Job.IMPORT:
            return {"digest": file_digest(Path(given["path"]))}
        case Job.SWEEP | Job.DIGEST | Job.RETENTION:
            part = {"part": str(given["part"])} if given.get("part") is not None else {}
            return {"as_at": given["as_at"].isoformat(), **part}
        case Job.DELIVER:
            extent = given.get("extent")
            part = {"part": str(extent.part)} if extent is not None and extent.part is not None else {}
            return {"now": bool(given.get("now", False)), **part}
        case Job.VERIFY:
            shard = {"part": str(given["part"]), **given["ticket"]._asdict()} if "part" in given else None
            return shard or {"case": _reference(given["case"]) if given.get("case") else None}
        case Job.REPLIES | Job.ALERT:
            return {}


def _reference(case: str | None) -> str:
    return case if case == NEW or (case and REFERENCE.fullmatch(case)) else UNKNOWN


def tags_at_the_start(execution: JobExecution) -> tuple[str, ...]:
    """Whether it is a job or a recording; of a recording its process, and the bodies that it names, by ODS code."""
    if execution.job is not Job.RECORD:
        return (JOB_TAG,)
    bodies = {str(draft.data.get("body")) for draft in execution.arguments["drafts"]} & {
        body.body for body in execution.context.directory.bodies
    }
    return (
        RECORDING_TAG,
        *(["simulated"] if execution.context.simulated else []),
        *_process_of(execution),
        *sorted(bodies),
    )


def _process_of(execution: JobExecution) -> tuple[str, ...]:
    """The one process that knows these kinds; of a kind that several share nothing is said."""
    found = [
        name
        for name, process in execution.context.processes.items()
        if all(draft.kind in process.facts for draft in execution.arguments["drafts"])
    ]
    return tuple(found) if len(found) == 1 else ()


def begin(job: Job, shown: Mapping[str, Any]) -> str:
    """The run's name while it runs, from its parameters."""
    match job:
        case Job.RECORD:
            return f"record {shown['case']} {_in_words(str(shown['fact']).split(','))}"
        case Job.IMPORT:
            digest = str(shown["digest"])
            return "import of an unreadable file" if digest == UNREADABLE else f"import {digest[:8]}"
        case Job.SWEEP | Job.DIGEST | Job.RETENTION:
            return (
                f"{job} {short_day(date.fromisoformat(shown['as_at']))}" if is_day(shown["as_at"]) else f"{job} today"
            ) + _part(shown)
        case Job.DELIVER:
            return ("deliver now" if shown["now"] else "deliver") + _part(shown)
        case Job.VERIFY:
            return f"verify {shown.get('case') or 'every case'}" + _part(shown)
        case Job.REPLIES | Job.ALERT:
            return str(job)


def _in_words(kinds: Sequence[str]) -> str:
    """What people call the first kinds, and how many there are besides."""
    more = f" and {len(kinds) - FEW_KINDS} more" if len(kinds) > FEW_KINDS else ""
    return ", ".join(fact(kind) for kind in kinds[:FEW_KINDS]) + more


def _part(shown: Mapping[str, Any]) -> str:
    return f", part {str(shown['part']).replace('/', ' of ')}" if shown.get("part") else ""
