"""The name, tags, end state and log of a run, in words for operations staff. Knows reports, and nothing of Prefect.

A business outcome (a breach, a refused row) is never shown as a failure: red means that a person must fix something.
Only references, kinds of fact, codes, days and counts pass through here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

from config.text import short_day
from flows.jobs import Job, JobExecution
from models.enums import LetterState
from models.errors import Refusal
from models.facts import REFERENCE

NEW, UNKNOWN = "new", "unknown"
MOST_LINES = 50
MOST_KINDS = 50
# Tags, by which the views of the Prefect UI choose runs.
JOB_TAG, RECORDING_TAG = "job", "recording"
BY_HAND_TAG, NEEDS_A_PERSON_TAG = "by-hand", "needs-a-person"


class EndState(StrEnum):
    """The names under which runs end; the automation that notices dead runs waits for any of them."""

    RECORDED = "Recorded"
    IMPORTED = "Imported"
    SOME_REFUSED = "Some rows refused"
    NOTHING_NEW = "Nothing new"
    REFUSED = "Refused"
    ESCALATED = "Escalated"
    BREACHES = "Breaches found"
    CHASED = "Chased"
    NOTHING_DUE = "Nothing due"
    CASES_NEED_A_PERSON = "Some cases need a person"
    SENT = "Sent"
    WAITING = "Waiting"
    NOTHING_TO_SEND = "Nothing to send"
    LETTERS_NEED_A_PERSON = "Letters need a person"
    DIGESTED = "Digest written"
    INTACT = "Intact"
    DAMAGED = "Damaged"
    FINDINGS_OPEN = "Findings open"
    COULD_NOT_FINISH = "Could not finish"


@dataclass(frozen=True, slots=True)
class End:
    """The end of a run: `broken` is True where a person must fix something; `state` is the name of its state."""

    name: str
    state: EndState
    message: str
    broken: bool = False
    tags: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()

    @property
    def diary(self) -> tuple[str, ...]:
        """What the run's log says: the message and what a person should look at."""
        return (self.message[:1].upper() + self.message[1:], *self.lines)


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
    """What a file is called in Prefect: half of its SHA-256, as its name may hold a child's; "unreadable" where it
    cannot be read.
    """
    try:
        with path.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()[:32]
    except OSError:
        return "unreadable"


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
        case Job.SWEEP if given.get("part") is not None:
            return {"as_at": given["as_at"].isoformat(), "part": str(given["part"])}
        case Job.SWEEP | Job.DIGEST:
            return {"as_at": given["as_at"].isoformat()}
        case Job.DELIVER:
            return {"now": bool(given.get("now", False))}
        case Job.VERIFY:
            return {"case": _reference(given["case"]) if given.get("case") else None}


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
        *(["rehearsed"] if execution.context.simulated else []),
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
            return f"record {shown['case']} {shown['fact']}"
        case Job.IMPORT:
            return f"import {str(shown['digest'])[:8]}"
        case Job.SWEEP | Job.DIGEST:
            part = f", part {str(shown['part']).replace('/', ' of ')}" if shown.get("part") else ""
            return (
                f"{job} {short_day(date.fromisoformat(shown['as_at']))}" if is_day(shown["as_at"]) else f"{job} today"
            ) + part
        case Job.DELIVER:
            return "deliver now" if shown["now"] else "deliver"
        case Job.VERIFY:
            return f"verify {shown['case'] or 'every case'}"


def end(job: Job, name: str, report: Mapping[str, Any]) -> End:
    """How the run ended, from the name it bore and the report's JSON."""
    ended = _end(job, name, report)
    return replace(ended, tags=tuple(str(tag) for key in ("processes", "bodies") for tag in report.get(key) or ()))


def _end(job: Job, name: str, report: Mapping[str, Any]) -> End:
    match job:
        case Job.SWEEP:
            return _sweep_end(name, report)
        case Job.DELIVER:
            return _deliver_end(name, report)
        case Job.VERIFY:
            return _verify_end(name, report)
        case Job.IMPORT:
            return _import_end(name, report)
        case Job.RECORD:
            return _record_end(name, report)
        case Job.DIGEST:
            return _digest_end(name, report)


def refused(job: Job, name: str, problem: Refusal) -> End:
    """Give the end of a run whose job was refused: no failure, because sendflow did what it is for."""
    return End(
        name,
        EndState.REFUSED,
        f"{job} was refused: {problem.code}; nothing was written",
    )


def broken(job: Job, name: str, problem: Exception) -> End:
    """The end of a run that a person must look into. The problem's text is not shown: it may quote what nobody may read
    here.
    """
    where = problem.__traceback__
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    place = (
        f"{Path(where.tb_frame.f_code.co_filename).name}:{where.tb_lineno}" if where is not None else "no place known"
    )
    return End(
        name,
        EndState.COULD_NOT_FINISH,
        f"{job} could not be finished: {type(problem).__name__} at {place}",
        broken=True,
    )


def _import_end(name: str, report: Mapping[str, Any]) -> End:
    rows, accepted, refused_rows, added = (
        _count(report, key) for key in ("rows", "accepted", "refused", "facts_added")
    )
    said = f"{accepted} of {rows} rows accepted, {refused_rows} refused, {added} facts"
    state = EndState.SOME_REFUSED if refused_rows else (EndState.IMPORTED if added else EndState.NOTHING_NEW)
    return End(f"{name}: {said}", state, said)


def _record_end(name: str, report: Mapping[str, Any]) -> End:
    return End(
        name,
        EndState.RECORDED,
        f"{report.get('case_ref')} is now {report.get('state')} (fact {report.get('seq')})",
    )


def _digest_end(name: str, report: Mapping[str, Any]) -> End:
    late, soon, person = (_count(report, key) for key in ("late", "soon", "person"))
    said = f"{late} late, {soon} due within seven days, {person} waiting for a person"
    if report.get("state") == LetterState.FAILED:
        return End(
            f"{name}: not delivered",
            EndState.LETTERS_NEED_A_PERSON,
            f"{said}; the DCO's mailbox refused it",
            broken=True,
        )
    alert = "; NO SWEEP has finished for a day" if report.get("alert") else ""
    if still_open := _count(report, "findings"):
        return End(
            f"{name}: {still_open} findings open, no head published",
            EndState.FINDINGS_OPEN,
            f"THE RECORDS ARE ALTERED OR INCOMPLETE, so no head was published: run sendflow findings. {said}; its"
            f" letter is {report.get('state')}{alert}",
            broken=True,
        )
    return End(
        f"{name}: {late} late, {soon} soon",
        EndState.DIGESTED,
        f"{said}; its letter is {report.get('state')}{alert}",
    )


def _sweep_end(name: str, report: Mapping[str, Any]) -> End:
    kinds: Mapping[str, int] = report.get("kinds") or {}
    words = {
        "breached": "breached",
        "reminder_due": "reminded",
        "escalation_due": "escalated",
        "rung_withdrawn": "withdrawn",
    }
    parts = [f"{kinds[kind]} {word}" for kind, word in words.items() if kinds.get(kind)]
    cases, facts, notices = (_count(report, key) for key in ("cases_looked_at", "facts_written", "notices_written"))
    said = ", ".join(parts) or (f"{facts} facts" if facts else "nothing due")
    message = f"looked at {cases} cases, wrote {facts} facts and {notices} notices"
    if unreckoned := report.get("troubles") or []:
        more = f"{len(unreckoned)} cases could not be evaluated"
        lines = tuple(
            f"Action needed: case {each['case_ref']} could not be evaluated. Run sendflow verify {each['case_ref']}"
            for each in unreckoned[:MOST_LINES]
        )
        return End(f"{name}: {said}, {more}", EndState.CASES_NEED_A_PERSON, f"{message}; {more}", lines=lines)
    if kinds.get("escalation_due"):
        return End(f"{name}: {said}", EndState.ESCALATED, message)
    if kinds.get("breached"):
        return End(f"{name}: {said}", EndState.BREACHES, message)
    return End(f"{name}: {said}", EndState.CHASED if facts else EndState.NOTHING_DUE, message)


def _deliver_end(name: str, report: Mapping[str, Any]) -> End:
    sent, failed, waiting = (_count(report, key) for key in ("sent", "failed", "waiting"))
    said = (
        ", ".join(
            f"{number} {word}" for number, word in ((sent, "sent"), (failed, "failed"), (waiting, "waiting")) if number
        )
        or "nothing to send"
    )
    if failed:
        return End(
            f"{name}: {said}",
            EndState.LETTERS_NEED_A_PERSON,
            f"{failed} letters cannot be delivered: see `sendflow letters`",
            broken=True,
        )
    return End(
        f"{name}: {said}", EndState.SENT if sent else (EndState.WAITING if waiting else EndState.NOTHING_TO_SEND), said
    )


def _verify_end(name: str, report: Mapping[str, Any]) -> End:
    cases, facts = _count(report, "cases"), _count(report, "facts")
    still_open = _count(report, "open")
    if report.get("intact") and still_open:
        return End(
            f"{name}: intact now, {still_open} findings open",
            EndState.FINDINGS_OPEN,
            f"{cases} cases and {facts} facts verify now; {still_open} earlier findings are open. Run sendflow"
            " findings",
            broken=True,
        )
    if report.get("intact"):
        head = str(report.get("head"))[:16]
        return End(
            f"{name}: intact", EndState.INTACT, f"{cases} cases and {facts} facts are as they were written; head {head}"
        )
    damage = len(report.get("damage") or [])
    return End(
        f"{name}: {damage} damaged",
        EndState.DAMAGED,
        f"{damage} findings among {cases} cases: see the artifact; {still_open} are open. Run sendflow findings",
        broken=True,
    )


def _count(report: Mapping[str, Any], key: str) -> int:
    value = report.get(key)
    return value if isinstance(value, int) else len(value) if isinstance(value, list | tuple) else 0
