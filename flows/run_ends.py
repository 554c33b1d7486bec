"""How a run ends: the name of its state, its message, tags and log, in words for operations staff. Knows no Prefect.

A business outcome (a breach, a refused row) is never shown as a failure: red means that a person must fix something.
Only references, kinds of fact, codes, days and counts pass through here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from casework.imports.problem_words import problem
from config.text import counted
from flows.alerts import AlertOutcome, in_a_sentence
from flows.jobs import Job
from flows.remedies import AGAIN, ASKED_AGAIN, remedy
from flows.run_labels import NEEDS_A_PERSON_TAG
from models.enums import LetterState
from models.errors import Refusal

MOST_LINES = 50


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
    LETTERS_ON_HOLD = "Letters on hold"
    LETTERS_CANNOT_LEAVE = "Letters cannot leave"
    LETTERS_NEED_A_PERSON = "Letters need a person"
    REPLIES_READ = "Replies read"
    REPLIES_NEED_A_PERSON = "Replies need a person"
    NO_NEW_MAIL = "No new mail"
    MAILBOX_NOT_READ = "Mailbox not read"
    DIGESTED = "Digest written"
    INTACT = "Intact"
    DAMAGED = "Damaged"
    FINDINGS_OPEN = "Findings open"
    PART_VERIFIED = "Part verified"
    PART_NOT_NEEDED = "Part not needed"
    ALERTED = "Operator alerted"
    NOTHING_TO_FIX = "Nothing to fix"
    RECORDS_RIPE = "Records past retention"
    NOTHING_RIPE = "Nothing past retention"
    NOBODY_TO_ALERT = "Nobody to alert"
    COULD_NOT_FINISH = "Could not finish"


@dataclass(frozen=True, slots=True)
class End:
    """The end of a run. `state` is the name of its state; `message` says what happened, and `needs` what a person has
    to do; empty where nobody is needed. `broken`: sendflow could not do its job.
    """

    name: str
    state: EndState
    message: str
    needs: str = ""
    broken: bool = False
    tags: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """What happened and what is needed, in one sentence."""
        return f"{self.message[:1].upper()}{self.message[1:]}; {self.needs or 'nobody is needed'}"

    @property
    def diary(self) -> tuple[str, ...]:
        """What the run's log says: the sentence, and what a person should look at."""
        return (self.sentence, *self.lines)


def end(job: Job, name: str, report: Mapping[str, Any]) -> End:
    """How the run ended, from the name it bore and the report's JSON."""
    ended = ENDS[job](name, report)
    said = (str(tag) for key in ("processes", "bodies") for tag in report.get(key) or ())
    decides = (NEEDS_A_PERSON_TAG,) if ended.needs and not ended.broken else ()
    return replace(ended, tags=(*decides, *said))


def left_alone(ended: End, limits: Sequence[str]) -> End:
    """The end of a run that left something to others, because they had every slot of these limits."""
    said = tuple(f"Others had every slot of the limit {name}: what was left waits for the next time" for name in limits)
    return replace(ended, lines=(*ended.lines, *said))


def of_problem(job: Job, name: str, problem: Exception) -> End:
    """How a run ended whose job raised."""
    return refused(job, name, problem) if isinstance(problem, Refusal) else broken(job, name, problem)


def refused(job: Job, name: str, problem: Refusal) -> End:
    """Give the end of a run whose job was refused: no failure, because sendflow did what it is for."""
    said = f"{job} was refused ({problem.code}) and nothing was written; who asked has the reason"
    return End(name, EndState.REFUSED, said)


def broken(job: Job, name: str, problem: Exception) -> End:
    """The end of a run that a person must look into."""
    what, needs = remedy(problem)
    said = f"{job} could not be finished: {what}"
    # A file or a person's facts are with who gave them: sendflow cannot begin again by itself.
    again = ASKED_AGAIN if job in (Job.IMPORT, Job.RECORD) else AGAIN
    return End(name, EndState.COULD_NOT_FINISH, said, f"{needs}; {again}", broken=True)


def _import_end(name: str, report: Mapping[str, Any]) -> End:
    rows, accepted, refused_rows, added = (
        _count(report, key) for key in ("rows", "accepted", "refused", "facts_added")
    )
    to_decide = _count(report, "claims_to_decide")
    said = f"{accepted} of {rows} rows accepted, {refused_rows} refused, {counted(added, 'fact')}"
    state = EndState.SOME_REFUSED if refused_rows else (EndState.IMPORTED if added else EndState.NOTHING_NEW)
    needs = [
        *([f"a person corrects {counted(refused_rows, 'row')} and imports the file again"] if refused_rows else []),
        *([f"the team decides {counted(to_decide, 'claimed exception')} (To decide)"] if to_decide else []),
    ]
    refusals = report.get("refusals") or []
    lines = [f"Refused: line {each['line']}: {problem(str(each['code']))}" for each in refusals[:MOST_LINES]]
    if len(refusals) > MOST_LINES:
        lines.append(f"and {len(refusals) - MOST_LINES} more: sendflow import FILE --dry-run lists every one")
    return End(f"{name}: {said}", state, said, ", and ".join(needs), lines=tuple(lines))


def _record_end(name: str, report: Mapping[str, Any]) -> End:
    said = f"{report.get('case_ref')} is now {report.get('state')} (fact {report.get('seq')})"
    return End(name, EndState.RECORDED, said)


def _digest_end(name: str, report: Mapping[str, Any]) -> End:
    late, soon, person = (_count(report, key) for key in ("late", "soon", "person"))
    said = f"{late} late, {soon} due within seven days, {person} waiting for a person"
    if report.get("state") == LetterState.FAILED:
        return End(
            f"{name}: not delivered",
            EndState.LETTERS_NEED_A_PERSON,
            f"{said}; the DCO's mailbox refused the digest",
            "a person corrects the mailbox in directory.toml; sendflow doctor says more",
            broken=True,
        )
    alert = "; NO SWEEP has finished for a day" if report.get("alert") else ""
    if still_open := _count(report, "findings"):
        return End(
            f"{name}: {counted(still_open, 'finding')} open, no head published",
            EndState.FINDINGS_OPEN,
            f"THE RECORDS ARE ALTERED OR INCOMPLETE, so no head was published. {said}; its letter is"
            f" {report.get('state')}{alert}",
            "a person runs sendflow findings and closes each with a reason",
            broken=True,
        )
    return End(
        f"{name}: {late} late, {soon} soon",
        EndState.DIGESTED,
        f"{said}; its letter is {report.get('state')}{alert}",
        "a person runs sendflow doctor, which says why no sweep finishes" if alert else "",
    )


def _alert_end(name: str, report: Mapping[str, Any]) -> End:
    found = ", ".join(in_a_sentence(str(each)) for each in report.get("found") or ())
    match report.get("outcome"):
        case AlertOutcome.WRITTEN:
            said = f"the doctor found {found}, and the operator has an e-mail about it"
            return End(f"{name}: {found}", EndState.ALERTED, said, "a person does what sendflow doctor says")
        case AlertOutcome.NOTHING:
            return End(f"{name}: nothing to fix", EndState.NOTHING_TO_FIX, "the doctor found nothing that needs a fix")
        case AlertOutcome.NOBODY:
            needs = "a person sets SENDFLOW_ALERT_TO to a mailbox that somebody reads, and runs sendflow doctor"
            said = f"the doctor found {found or 'nothing'}, and nobody was alerted"
            return End(f"{name}: nobody to alert", EndState.NOBODY_TO_ALERT, said, needs)
        case _:
            said, needs = "the alert could not be sent", "a person runs sendflow doctor, which says what needs a fix"
            return End(f"{name}: not sent", EndState.COULD_NOT_FINISH, said, needs, broken=True)


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
    said = ", ".join(parts) or (counted(facts, "fact") if facts else "nothing due")
    wrote = f"{counted(facts, 'fact')} and {counted(notices, 'notice')}"
    message = f"looked at {counted(cases, 'case')}, wrote {wrote}"
    if unreckoned := report.get("troubles") or []:
        more = f"{counted(len(unreckoned), 'case')} could not be evaluated"
        lines = tuple(
            f"Action needed: case {each['case_ref']} could not be evaluated. Run sendflow verify {each['case_ref']}"
            for each in unreckoned[:MOST_LINES]
        )
        needs = "a person runs sendflow verify REFERENCE for each, as listed below"
        return End(f"{name}: {said}, {more}", EndState.CASES_NEED_A_PERSON, f"{message}; {more}", needs, lines=lines)
    if kinds.get("escalation_due"):
        return End(f"{name}: {said}", EndState.ESCALATED, message)
    if kinds.get("breached"):
        return End(f"{name}: {said}", EndState.BREACHES, message)
    return End(f"{name}: {said}", EndState.CHASED if facts else EndState.NOTHING_DUE, message)


def _deliver_end(name: str, report: Mapping[str, Any]) -> End:
    counts = {word: _count(report, word) for word in ("sent", "failed", "waiting")}
    said = ", ".join(f"{number} {word}" for word, number in counts.items() if number) or "nothing to send"
    name = f"{name}: {said}"
    if server := report.get("mail_server_error"):
        said = f"letters cannot leave ({str(server).replace('_', ' ')}): {said}"
        needs = "a person repairs what sendflow doctor names, unless the next try succeeds by itself"
        return End(name, EndState.LETTERS_CANNOT_LEAVE, said, needs, broken=True)
    if counts["failed"]:
        said = f"{counted(counts['failed'], 'letter')} cannot be delivered; {said}"
        needs = "a person corrects the address: sendflow letters says of which"
        return End(name, EndState.LETTERS_NEED_A_PERSON, said, needs, broken=True)
    if held := _count(report, "held"):
        needs = "the team releases them: sendflow letters release"
        return End(
            name,
            EndState.LETTERS_ON_HOLD,
            f"{said}; letters for {counted(held, 'mailbox', 'mailboxes')} are on hold",
            needs,
        )
    state = EndState.SENT if counts["sent"] else EndState.WAITING if counts["waiting"] else EndState.NOTHING_TO_SEND
    if counts["waiting"]:
        said += " for their day or for working hours"
    return End(name, state, said)


def _replies_end(name: str, report: Mapping[str, Any]) -> End:
    if error := report.get("error"):
        why = str(error).replace("_", " ")
        needs = "a person runs sendflow doctor, which says what to repair"
        return End(
            f"{name}: {why}", EndState.MAILBOX_NOT_READ, f"the mailbox cannot be read ({why})", needs, broken=True
        )
    words = ("answered", "undelivered", "automatic", "waiting", "repeated")
    said = ", ".join(f"{_count(report, word)} {word}" for word in words if _count(report, word)) or "no new mail"
    if waiting := _count(report, "waiting"):
        needs = f"a person decides {waiting} of them: sendflow replies"
        return End(f"{name}: {said}", EndState.REPLIES_NEED_A_PERSON, said, needs)
    return End(f"{name}: {said}", EndState.REPLIES_READ if report.get("read") else EndState.NO_NEW_MAIL, said)


def _retention_end(name: str, report: Mapping[str, Any]) -> End:
    ripe, free = _count(report, "ripe"), _count(report, "free")
    if not ripe:
        return End(f"{name}: nothing past retention", EndState.NOTHING_RIPE, "no records may be erased yet")
    said = f"{counted(ripe, 'record is', 'records are')} past retention; nothing prevents the erasure of {free}"
    needs = "a person looks at them and proposes erasures: sendflow retention" if free else ""
    return End(f"{name}: {ripe} past retention", EndState.RECORDS_RIPE, said, needs)


def _verify_end(name: str, report: Mapping[str, Any]) -> End:
    if "parts" in report:
        return _shard_end(name, report)
    cases, facts = _count(report, "cases"), _count(report, "facts")
    still_open = _count(report, "open")
    needs = "a person runs sendflow findings and closes each with a reason"
    if report.get("intact") and still_open:
        return End(
            f"{name}: intact now, {counted(still_open, 'finding')} open",
            EndState.FINDINGS_OPEN,
            f"{counted(cases, 'case')} and {counted(facts, 'fact')} verify now; earlier findings open: {still_open}",
            needs,
            broken=True,
        )
    if report.get("intact"):
        head = str(report.get("head"))[:16]
        return End(
            f"{name}: intact",
            EndState.INTACT,
            f"{counted(cases, 'case')} and {counted(facts, 'fact')} are as they were written; head {head}",
        )
    damage = len(report.get("damage") or [])
    return End(
        f"{name}: {damage} damaged",
        EndState.DAMAGED,
        f"{counted(damage, 'difference')} found among {counted(cases, 'case')}",
        needs,
        broken=True,
    )


def _shard_end(name: str, report: Mapping[str, Any]) -> End:
    """A worker's shard: the verification that asked for it says whether the history is intact."""
    if report.get("no_slot") or report.get("ended"):
        others = "others verify at the same time" if report.get("no_slot") else "the verification has ended"
        return End(f"{name}: nothing done", EndState.PART_NOT_NEEDED, f"{others}, so nothing was checked here")
    parts, cases, facts = (_count(report, key) for key in ("parts", "cases", "facts"))
    found = _count(report, "differences")
    said = f"{counted(parts, 'part')} checked with {counted(cases, 'case')} and {counted(facts, 'fact')}"
    more = f"; {counted(found, 'difference')} found, of which the whole verification says more" if found else ""
    return End(f"{name}: {parts} checked", EndState.PART_VERIFIED, said + more)


def _count(report: Mapping[str, Any], key: str) -> int:
    value = report.get(key)
    return value if isinstance(value, int) else len(value) if isinstance(value, list | tuple) else 0


ENDS: dict[Job, Callable[[str, Mapping[str, Any]], End]] = {
    Job.SWEEP: _sweep_end,
    Job.DELIVER: _deliver_end,
    Job.REPLIES: _replies_end,
    Job.VERIFY: _verify_end,
    Job.IMPORT: _import_end,
    Job.RECORD: _record_end,
    Job.DIGEST: _digest_end,
    Job.ALERT: _alert_end,
    Job.RETENTION: _retention_end,
}
