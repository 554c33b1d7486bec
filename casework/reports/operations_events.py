"""What has happened that operations staff have to know, from stored rows: the source of the events in Prefect.

Purpose: an event is derived from what was committed, so none is lost while the Prefect server is away, and none is
shown of what was rolled back. Only references, codes, days and counts are in an event, and nothing of a restricted
process or of a case that is withheld.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, func, select, tuple_

from casework.cases.of_the_child import withheld_cases
from casework.context import AppContext, instant
from casework.job_runs import LONGEST_TIME_BETWEEN_SWEEPS, MAIL_SERVER_ACCEPTS, last_finished
from casework.webhooks import TRIED
from models.common_facts import CAME_BACK
from models.incoming_mail import MailState
from models.tables import FACT, FINDING, IMPORT_FILE, INCOMING_MAIL, JOB_RUN, RULESET, WEBHOOK_EVENT

FACT_EVENTS = {
    "breached": "sendflow.duty.breached",
    "escalation_due": "sendflow.duty.escalation_due",
    "notice_failed": "sendflow.letter.failed",
    CAME_BACK: "sendflow.letter.came_back",
    "excuse_claimed": "sendflow.exception.to_decide",
}
ALTERED = "sendflow.records.altered"
LETTERS_FAILING = "sendflow.letters.failing"
NO_SWEEP = "sendflow.sweep.missing"
SWEPT = "sendflow.sweep.finished"
ROWS_REFUSED = "sendflow.import.rows_refused"
REPLY_TO_DECIDE = "sendflow.reply.to_decide"
RULES_CHANGED = "sendflow.ruleset.changed"
WEBHOOK_FAILING = "sendflow.webhook.failing"
URGENT = frozenset({ALTERED, LETTERS_FAILING, NO_SWEEP, SWEPT})
SHOWN = ("rule", "rung", "service", "due", "why", "ground")  # codes and days of a fact that an event may repeat
NEWEST = 500  # rows of a small table that are read
CHUNK = 100  # facts that are read at once


class OperationsEvent(NamedTuple):
    """One event. `key` is the same for the same rows; `at` is the instant (ISO 8601 UTC) at which they were recorded.

    `run` is the id of the Prefect run that recorded them.
    """

    name: str
    key: str
    at: str
    data: Mapping[str, str | int]
    case_ref: str | None = None
    process: str | None = None
    body: str | None = None
    run: str | None = None


class Candidates(NamedTuple):
    """New events, the urgent first and then the earliest; and whether there are more than were asked for."""

    events: list[OperationsEvent]
    more: bool


def new_events(
    connection: Connection, context: AppContext, since: str, known: Collection[str], most: int
) -> Candidates:
    """Read the events of rows that were recorded at `since` or later, without those whose keys are known.

    At most `most`, except that urgent ones are never left out.
    """
    small = [
        each
        for source in (_altered, _refused_rows, _replies, _rules, _sweeps, _failing_letters)
        for each in source(connection, since)
        if each.key not in known
    ]
    # What is so now: its row may be older than `since`.
    now = (_no_sweep(connection, context), *_failing_webhooks(connection))
    small += (each for each in now if each is not None and each.key not in known)
    facts: list[OperationsEvent] = []
    more = False
    withheld = withheld_cases(connection).keys()
    for chunk in _fact_keys(connection, since, known):
        if len(small) + len(facts) >= most:
            more = True
            break
        facts += (each for each in _of_facts(connection, context, chunk) if each.case_ref not in withheld)
    found = sorted([*small, *facts], key=lambda each: (each.name not in URGENT, each.at, each.key))
    return Candidates(found, more)


def _fact_keys(connection: Connection, since: str, known: Collection[str]) -> Iterator[list[tuple[str, int]]]:
    """The keys of facts that are events, in chunks, the earliest first."""
    columns = (FACT.c.case_ref, FACT.c.seq)
    query = select(*columns).where(FACT.c.recorded_at >= since, FACT.c.kind.in_(FACT_EVENTS))
    keys = [
        (row.case_ref, row.seq)
        for row in connection.execute(query.order_by(FACT.c.recorded_at, *columns))
        if fact_key(row.case_ref, row.seq) not in known
    ]
    for start in range(0, len(keys), CHUNK):
        yield keys[start : start + CHUNK]


def fact_key(case_ref: str, seq: int) -> str:
    """What identifies the event of a fact."""
    return f"fact/{case_ref}/{seq}"


def _of_facts(connection: Connection, context: AppContext, keys: list[tuple[str, int]]) -> Iterator[OperationsEvent]:
    query = select(FACT.c.case_ref, FACT.c.seq, FACT.c.kind, FACT.c.recorded_at, FACT.c.text)
    query = query.where(tuple_(FACT.c.case_ref, FACT.c.seq).in_(keys))
    for row in connection.execute(query.order_by(FACT.c.recorded_at, FACT.c.case_ref, FACT.c.seq)):
        try:
            text: dict[str, Any] = orjson.loads(row.text)
            process, data = str(text["process"]), dict(text["data"])
        except (ValueError, KeyError, TypeError):
            continue  # an altered fact: verification finds it
        if process in context.restricted:
            continue
        shown = {name: str(data[name]) for name in SHOWN if data.get(name)}
        yield OperationsEvent(
            FACT_EVENTS[row.kind],
            fact_key(row.case_ref, row.seq),
            row.recorded_at,
            shown,
            row.case_ref,
            process,
            str(data["body"]) if data.get("body") else None,
            text.get("run"),
        )


def _altered(connection: Connection, since: str) -> Iterator[OperationsEvent]:
    """One event for all that one verification found."""
    query = select(FINDING.c.found_at, FINDING.c.found_by).where(FINDING.c.found_at >= since)
    counts: dict[tuple[str, str], int] = {}
    for row in connection.execute(query):
        counts[row.found_at, row.found_by] = counts.get((row.found_at, row.found_by), 0) + 1
    for (at, by), count in counts.items():
        yield OperationsEvent(ALTERED, f"finding/{at}/{by}", at, {"findings": count, "found_by": by})


def _refused_rows(connection: Connection, since: str) -> Iterator[OperationsEvent]:
    newest = select(IMPORT_FILE).order_by(IMPORT_FILE.c.id.desc()).limit(NEWEST)
    for row in connection.execute(newest):
        if row.refused and row.imported_at >= since:
            counts = {"rows": row.rows, "refused": row.refused, "accepted": row.accepted, "file": row.digest[:32]}
            yield OperationsEvent(ROWS_REFUSED, f"import/{row.id}", row.imported_at, counts)


def _replies(connection: Connection, since: str) -> Iterator[OperationsEvent]:
    """Replies that a person has to decide, with the code of the reason."""
    query = select(INCOMING_MAIL.c.id, INCOMING_MAIL.c.read_at, INCOMING_MAIL.c.why)
    waiting = query.where(INCOMING_MAIL.c.state == MailState.WAITING, INCOMING_MAIL.c.read_at >= since)
    for row in connection.execute(waiting):
        yield OperationsEvent(REPLY_TO_DECIDE, f"mail/{row.id}", row.read_at, {"why": row.why} if row.why else {})


def _rules(connection: Connection, since: str) -> Iterator[OperationsEvent]:
    """The first rule set of an installation is no change."""
    for row in connection.execute(select(RULESET.c.number, RULESET.c.id, RULESET.c.taken_at)):
        if row.number > 1 and row.taken_at >= since:
            yield OperationsEvent(RULES_CHANGED, f"ruleset/{row.number}", row.taken_at, {"rules": row.id[:12]})


def _sweeps(connection: Connection, since: str) -> Iterator[OperationsEvent]:
    """The first finished sweep of each day: what the automation about a missing sweep waits for."""
    query = select(JOB_RUN.c.as_at, JOB_RUN.c.finished_at).where(JOB_RUN.c.act == "sweep")
    first: dict[str, str] = {}
    for row in connection.execute(query.order_by(JOB_RUN.c.id.desc()).limit(NEWEST)):
        first[row.as_at.isoformat()] = row.finished_at
    for day, at in first.items():
        if at >= since:
            yield OperationsEvent(SWEPT, f"sweep/{day}", at, {"day": day})


def _failing_letters(connection: Connection, since: str) -> Iterator[OperationsEvent]:
    """One event a day and cause: letters that were refused for good, or a mail server that accepts none."""
    query = select(JOB_RUN).where(JOB_RUN.c.act == "deliver").order_by(JOB_RUN.c.id.desc()).limit(NEWEST)
    seen: dict[str, OperationsEvent] = {}
    for row in connection.execute(query):
        detail = orjson.loads(row.detail)
        server = detail.get("relay", MAIL_SERVER_ACCEPTS)
        why = server if server != MAIL_SERVER_ACCEPTS else "letters_refused" if row.outcome == "failed" else None
        if why is None or row.finished_at < since:
            continue
        key = f"letters/{row.as_at.isoformat()}/{why}"
        seen[key] = OperationsEvent(LETTERS_FAILING, key, row.finished_at, {"why": why})
    yield from seen.values()


def _no_sweep(connection: Connection, context: AppContext) -> OperationsEvent | None:
    last = last_finished(connection, "sweep")
    if last is None or context.now() - datetime.fromisoformat(last) <= LONGEST_TIME_BETWEEN_SWEEPS:
        return None
    due = instant(datetime.fromisoformat(last) + LONGEST_TIME_BETWEEN_SWEEPS)
    return OperationsEvent(NO_SWEEP, f"no_sweep/{last}", due, {"last": last})


def _failing_webhooks(connection: Connection) -> Iterator[OperationsEvent]:
    """One event for each address that does not take its first message after several tries: those after it wait."""
    first = select(func.min(WEBHOOK_EVENT.c.number)).where(WEBHOOK_EVENT.c.done_at.is_(None))
    columns = (WEBHOOK_EVENT.c.webhook, WEBHOOK_EVENT.c.number, WEBHOOK_EVENT.c.at)
    waiting = select(*columns).where(WEBHOOK_EVENT.c.number.in_(first.group_by(WEBHOOK_EVENT.c.webhook)))
    for row in connection.execute(waiting.where(WEBHOOK_EVENT.c.tries >= TRIED).order_by(WEBHOOK_EVENT.c.number)):
        key = f"webhook/{row.webhook}/{row.number}"
        yield OperationsEvent(WEBHOOK_FAILING, key, row.at, {"webhook": row.webhook, "message": row.number})
