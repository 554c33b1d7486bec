"""The acts that are measured: ours, the raw limit of each, and the work that its peers are given.

The raw limit of writing is the driver writing the very rows that the act left; of reading, the driver fetching the same
rows; of verifying, one SHA-256 of the same bytes; of delivering, smtplib sending the same bytes. A peer is given the
same cases with the same facts and the same data in each; where it is slow it is given fewer of them, and what counts is
the time for each.
"""

import csv
import dataclasses
import re
import smtplib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import date
from functools import partial
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from audit.verify import check_and_replay, verify
from benchmarks.harness.background_load import request
from benchmarks.harness.caseload import Caseload, directory
from benchmarks.harness.databases import TABLES, OnPostgresql, OnSqlite, Rows
from benchmarks.harness.measuring import Side
from benchmarks.harness.workload import ACTOR, TODAY, acts, drafts, reference
from benchmarks.measures.recording import steps
from benchmarks.measures.sweeping import asked_act, look_days
from benchmarks.peers import eventsourcing
from benchmarks.peers.work import Fact, Work
from casework.cases.record import RecordCommand, record, record_acts
from casework.context import AppContext
from casework.delivery.deliver import deliver
from casework.imports.tracker_import import import_file
from casework.reports.case_report import report
from casework.sweep import sweep
from config.directory import load_directory
from models import ledger
from models.database import reading
from models.facts import FactDraft
from notifications.local_smtp import LocalSmtpServer
from notifications.transport import SmtpTransport
from runtime.demo.tracker import COLUMNS, sample_rows
from statemachines.registry import processes

CASES, SINGLE, PEERS, IMPORTED, PEER_ROWS, PAGES, LETTERS = 300, 15, 40, 108, 30, 60, 100
LOGIN = "sendflow:measured-letters"
OPEN_FOR_ONE = 10  # so many cases are open for each that is due
OF_ONE = len(drafts(0))
Place = OnSqlite | OnPostgresql


class Compared(NamedTuple):
    """What is measured: ours, its raw limits, the peers in this process, and the work for those with a process of their
    own.
    """

    act: str
    unit: str
    ours: Side
    raw: list[Side]
    peers: Sequence[Side] = ()
    work: Work | None = None


class Filled(NamedTuple):
    """A database with cases of the workload, and the number of its cases and facts."""

    context: AppContext
    cases: int
    facts: int


def _recording(place: Place, cases: int, stack: ExitStack) -> Compared:
    """Many facts in one act."""
    work, facts = acts(cases), cases * OF_ONE
    rows = _left(place, lambda context: record_acts(context, work, ACTOR, "record"))
    app = stack.enter_context(eventsourcing.at(place, "recording"))
    some = [drafts(number) for number in range(min(PEERS, cases))]
    return Compared(
        "record in bulk",
        "fact",
        Side("ours", place.fresh, lambda context: record_acts(context, work, ACTOR, "record"), facts, after=place.done),
        [
            *_written(place, rows, facts),
            _es(lambda: eventsourcing.record_each(app, place.shop.context, some), len(some) * OF_ONE)._replace(
                name="eventsourcing, load and save"
            ),
        ],
        [_es(lambda: eventsourcing.filled(app, place.shop.context, cases), facts)],
        work_of("record in bulk", place.shop.context, cases),
    )


def _one_fact(place: Place, cases: int, stack: ExitStack) -> Compared:
    """Each fact an act of its own."""
    some = min(SINGLE, cases)
    commits = steps(place, some)

    def ours(context: AppContext) -> None:
        for number in range(some):
            for draft in drafts(number):
                record(context, reference(number), [draft], ACTOR)

    def raw(connection: Any) -> None:
        for step in commits:
            place.write_over(connection, step)

    app = stack.enter_context(eventsourcing.at(place, "one-fact"))
    given = [drafts(number) for number in range(some)]
    return Compared(
        "record one fact",
        "fact",
        Side("ours", place.fresh, ours, len(commits), after=place.done),
        [Side("a commit each", place.empty, raw, len(commits), after=place.close)],
        [_es(lambda: eventsourcing.record_each(app, place.shop.context, given), some * OF_ONE)],
        work_of("record one fact", place.shop.context, some),
    )


def _sweeping(place: Place, cases: int, stack: ExitStack) -> Compared:
    """A sweep on a day on which one open case in ten has something to say."""
    due = max(1, cases // 3)
    context = place.fresh()
    stack.callback(place.done, context)
    day = look_days(context, 1)[0]
    received = context.calendar.subtract_working_days(day, 3)
    record_acts(
        context,
        [asked_act(number, received if number < due else day) for number in range(OPEN_FOR_ONE * due)],
        ACTOR,
        "record",
    )
    before = place.rows(context)

    def swept(again: AppContext) -> None:
        done = sweep(again, day)
        assert (done.facts_written, done.troubles) == (due, [])

    after = place.again(context)
    swept(after)
    rows = {
        table: some
        for table, all_ in place.rows(after).items()
        if (some := sorted(set(all_) - set(before[table]), key=str))
    }
    place.done(after)

    def written_over(again: AppContext) -> None:
        connection = place.driver(again)
        place.write_over(connection, rows)
        connection.close()

    return Compared(
        "sweep",
        "fact",
        Side("ours", partial(place.again, context), swept, due, after=place.done),
        [Side("the rows written", partial(place.again, context), written_over, due, after=place.done)],
        work=work_of("sweep", context, 0)._replace(due=due, waiting=(OPEN_FOR_ONE - 1) * due),
    )


def _refolding(place: Place, cases: int, stack: ExitStack) -> Compared:
    """Each case from its facts alone, every hash checked."""
    filled = _filled(place, cases, stack)
    context = filled.context

    def ours(_given: object) -> None:
        with reading(context.engine) as connection:
            for ref, rows in ledger.scan(connection):
                assert check_and_replay(context, ref, rows, _damaged) is not None

    return _read(place, "refold", ours, filled, stack)


def _verifying(place: Place, cases: int, stack: ExitStack) -> Compared:
    """The whole of `sendflow verify`."""
    filled = _filled(place, cases, stack)

    def ours(_given: object) -> None:
        assert verify(filled.context).intact

    return _read(place, "verify", ours, filled, stack)


def _read(place: Place, act: str, ours: Callable[[object], None], filled: Filled, stack: ExitStack) -> Compared:
    context, cases, facts = filled
    app = stack.enter_context(eventsourcing.at(place, act))
    ids = eventsourcing.filled(app, context, cases)
    texts = [row[6].encode() for row in place.rows(context, ("fact",))["fact"]]

    def fetched(_given: object) -> None:
        connection = place.driver(context)
        previous = ""
        for (text,) in connection.execute("SELECT text FROM fact ORDER BY case_ref, seq"):
            previous = sha256((previous + text).encode()).hexdigest()
        connection.close()

    def hashed(_given: object) -> None:
        previous = b""
        for text in texts:
            previous = sha256(previous + text).digest()

    return Compared(
        act,
        "fact",
        Side("ours", _nothing, ours, facts),
        [Side("fetch and sha256", _nothing, fetched, facts), Side("sha256 alone", _nothing, hashed, facts)],
        [_es(lambda: eventsourcing.replay(app, ids), len(ids) * OF_ONE)],
        work_of(act, context, len(ids)),
    )


def _importing(place: Place, cases: int, stack: ExitStack) -> Compared:
    """A tracker into fresh records. The peers read the whole of it, and record the facts of its first rows."""
    path = place.shop.folder / f"tracker-{place.name}.csv"
    stack.callback(path.unlink)
    count = _write_tracker(path, min(IMPORTED, cases))
    rows = _left(place, lambda context: import_file(context, path))
    app = stack.enter_context(eventsourcing.at(place, "import"))
    by_case = _facts_by_case(rows["fact"], PEER_ROWS)

    def ours(context: AppContext) -> None:
        assert import_file(context, path).accepted == count

    def read() -> None:
        with path.open(encoding="utf-8", newline="") as file:
            assert sum(1 for _row in csv.reader(file)) == count + 1

    def raw(connection: Any) -> None:
        read()
        place.write(connection, rows)

    def theirs() -> None:
        read()
        eventsourcing.record_each(
            app, place.shop.context, [[_draft(fact) for fact in facts] for facts in by_case.values()]
        )

    return Compared(
        "import",
        "row",
        Side("ours", place.fresh, ours, count, after=place.done),
        [Side("csv and the rows written", place.empty, raw, count, after=place.close)],
        [_es(theirs, len(by_case))],
        work_of("import", place.shop.context, 0, by_case)._replace(tracker=str(path)),
    )


def _page(place: Place, cases: int, stack: ExitStack) -> Compared:
    """One case as an auditor reads it."""
    context = _filled(place, cases, stack).context
    refs = [reference(number) for number in range(min(PAGES, cases))]
    mark = "?" if isinstance(place, OnSqlite) else "%s"
    connection = place.driver(context)
    stack.callback(connection.close)
    app = stack.enter_context(eventsourcing.at(place, "page"))
    ids = eventsourcing.filled(app, context, len(refs))

    def ours(_given: object) -> None:
        for ref in refs:
            assert report(context, ref).model_dump(mode="json")["facts"]

    def raw(_given: object) -> None:
        for ref in refs:
            assert connection.execute(f"SELECT * FROM fact WHERE case_ref = {mark} ORDER BY seq", (ref,)).fetchall()

    return Compared(
        "one case page",
        "page",
        Side("ours", _nothing, ours, len(refs)),
        [Side("fetch of the rows", _nothing, raw, len(refs))],
        [_es(lambda: eventsourcing.replay(app, ids), len(ids))],
        work_of("one case page", context, len(refs)),
    )


def _delivering(place: Place, cases: int, stack: ExitStack) -> Compared:
    """Letters composed, claimed, sent over SMTP to the local sink, and what became of each recorded. No peer sends
    letters.
    """
    count = max(1, min(LETTERS, cases))
    national = Caseload(1.0).shares.national
    path = place.shop.folder / f"directory-{place.name}.toml"
    path.write_text(directory(national.authorities, national.boards), "utf-8")
    stack.callback(path.unlink)
    known = load_directory(path)
    letters = place.shop.folder / f"letters-{place.name}"
    sink = stack.enter_context(LocalSmtpServer(letters, LOGIN))
    context = dataclasses.replace(place.fresh(), directory=known)
    stack.callback(place.done, context)
    record_acts(
        context, [RecordCommand(f"LT-{number:06d}", request(number, TODAY)) for number in range(count)], ACTOR, "record"
    )

    def again() -> AppContext:
        return dataclasses.replace(place.again(context), directory=known)

    def delivered(fresh: AppContext) -> None:
        done = deliver(fresh, transport=SmtpTransport("127.0.0.1", sink.port, login=LOGIN))
        assert (done.sent, done.failed) == (count, 0)

    first = again()
    delivered(first)
    place.done(first)
    sent = [
        (_mailbox(raw, b"From"), _mailbox(raw, b"To"), raw)
        for raw in (each.read_bytes() for each in sorted(letters.glob("*.eml")))
    ]
    assert len(sent) == count

    def raw(_given: object) -> None:
        for sender, mailbox, text in sent:
            with smtplib.SMTP("127.0.0.1", sink.port) as server:
                server.login(*LOGIN.split(":"))
                server.sendmail(sender, [mailbox], text)

    return Compared(
        "deliver",
        "letter",
        Side("ours", again, delivered, count, after=place.done),
        [Side("smtplib, the same bytes", _nothing, raw, count)],
    )


ACTS: tuple[Callable[[Place, int, ExitStack], Compared], ...] = (
    _recording,
    _one_fact,
    _sweeping,
    _refolding,
    _verifying,
    _importing,
    _page,
    _delivering,
)


def work_of(act: str, context: AppContext, cases: int, by_case: dict[str, list[Fact]] | None = None) -> Work:
    """Describe the same work for a peer: the first cases of the workload, or the facts of `by_case`."""
    machine = processes()["ehc_needs_assessment"]
    moves: dict[str, dict[str, str]] = {}
    for (state, kind), to in machine.table.items():
        moves.setdefault(state, {})[kind] = to
    if by_case is None:
        by_case = {reference(number): [_fact(draft, context) for draft in drafts(number)] for number in range(cases)}
    work = Work(act, "", None, list(by_case.items()), moves, machine.initial, {})
    for ref, facts in work.cases:
        reached: str | None = None
        for fact in facts:
            reached = work.moved(reached, fact)
        work.ends[ref] = str(reached)
    return work


def _fact(draft: FactDraft, context: AppContext) -> Fact:
    data = {name: str(value) for name, value in draft.data.items()}
    common = {"actor": ACTOR, "via": "record", "law": context.law_version, "machine": 1}
    return {"kind": draft.kind, "occurred_on": draft.occurred_on.isoformat(), **common, "data": data}


def _draft(fact: Fact) -> FactDraft:
    return FactDraft(fact["kind"], date.fromisoformat(fact["occurred_on"]), fact["data"])


def _facts_by_case(rows: list[tuple[Any, ...]], cases: int) -> dict[str, list[Fact]]:
    """Return the facts that an act left, of its first cases."""
    by_case: dict[str, list[Fact]] = {}
    for ref, some in groupby(sorted(rows, key=lambda row: row[:2]), lambda row: str(row[0])):
        facts = [orjson.loads(row[6]) for row in some]
        by_case[ref] = [
            {name: fact[name] for name in ("kind", "occurred_on", "actor", "via", "law", "machine", "data")}
            for fact in facts
        ]
        if len(by_case) == cases:
            break
    return by_case


def _filled(place: Place, cases: int, stack: ExitStack) -> Filled:
    context = place.fresh()
    stack.callback(place.done, context)
    record_acts(context, acts(cases), ACTOR, "record")
    return Filled(context, cases, cases * OF_ONE)


def _left(place: Place, act: Callable[[AppContext], object]) -> Rows:
    """What an act leaves in fresh records."""
    context = place.fresh()
    act(context)
    rows = place.rows(context, TABLES)
    place.done(context)
    return {table: some for table, some in rows.items() if some}


def _written(place: Place, rows: Rows, amount: float) -> Iterator[Side]:
    """The raw ways of writing these rows."""
    yield Side("executemany", place.empty, lambda connection: place.write(connection, rows), amount, after=place.close)
    if isinstance(place, OnPostgresql):
        yield Side("COPY", place.empty, lambda connection: place.copy(connection, rows), amount, after=place.close)


def _es(act: Callable[[], object], amount: float) -> Side:
    return Side("eventsourcing", _nothing, lambda _given: act(), amount)


def _write_tracker(path: Path, count: int) -> int:
    """A tracker without doubtful cells."""
    sound = [row for row in sample_rows(TODAY) if row["Request received by LA"] and row["Ref"] < "SP00900"][:count]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(sound)
    return len(sound)


def _mailbox(raw: bytes, header: bytes) -> str:
    found = re.search(rb"(?m)^" + header + rb": .*?([^\s<>]+@[^\s<>]+)", raw)
    assert found is not None
    return found[1].decode("ascii")


def _damaged(seq: int | None, what: str, message: str) -> None:
    raise AssertionError(f"{what} at fact {seq}: {message}")


def _nothing() -> None:
    return None
