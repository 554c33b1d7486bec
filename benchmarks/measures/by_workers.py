"""Sweeping, delivering and verifying by 1, 2, 4 and 8 workers on PostgreSQL, beside as many processes of a raw loop.

A worker is a process that executes the shard of a job, as a run of Prefect's does; it has started and loaded its
installation before the time begins, because a start costs the same however much there is to do. A gain is the time of
one by the time of several; the ratio is our gain from the second worker by that of the raw loop in the same run.

The raw loops: psycopg writes the very rows that the sweep leaves; smtplib sends the very bytes; one SHA-256 of the text
of each fact.
"""

from __future__ import annotations

import dataclasses
import smtplib
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import timedelta
from hashlib import sha256
from multiprocessing import get_context
from typing import Any, NamedTuple

import psycopg

from audit.processes import snapshot_of
from audit.workers import Ticket, verify_shard
from benchmarks.harness.background_load import request
from benchmarks.harness.caseload import Caseload, directory
from benchmarks.harness.databases import Ground, OnPostgresql
from benchmarks.harness.measuring import Measured, Unmeasured
from benchmarks.harness.workload import ACTOR, TABLES, TODAY, acts
from benchmarks.measures.operations import LOGIN
from benchmarks.measures.sweeping import asked_act, look_days
from casework.cases.record import RecordCommand, record_acts
from casework.context import AppContext, instant
from casework.delivery.deliver import Extent, deliver
from casework.sweep import BATCH, Shard, sweep
from config.directory import load_directory
from config.settings import Settings
from models.database import open_engine, reading
from notifications.local_smtp import LocalSmtpServer
from notifications.transport import SmtpTransport

WORKERS = (1, 2, 4, 8)
GOAL = (1, 2)  # measured in each round, because the goal is about them; the others in the first round
ROUNDS = 3
SIZES = {"sweep": 800, "deliver": 80, "verify": 12_000}  # duties that are due, letters, cases of twelve facts
AT_ONCE = 1_000
RAW_ROWS = 5_000  # at a time: with few, a loop alone waits at each answer, and gains more than the second processor
RAW_TIMES = 8  # that the raw loop of a verification reads and hashes the texts


class Load(NamedTuple):
    """What each worker is given: the installation's settings, the address of the records, and its shard's input."""

    settings: Settings
    url: str
    given: Any


def _sweep(context: AppContext, shard: Shard, given: Any) -> None:
    sweep(context, given, part=shard)


def _deliver(context: AppContext, shard: Shard, given: Any) -> None:
    port, file = given
    known = dataclasses.replace(context, directory=load_directory(file))
    deliver(known, transport=SmtpTransport("127.0.0.1", port, login=LOGIN), extent=Extent(part=shard))


def _verify(context: AppContext, shard: Shard, given: Any) -> None:
    report = verify_shard(context, given, shard)
    assert not (report.ended or report.no_slot or report.differences), report


def _write_rows(context: AppContext, _shard: Shard, given: Any) -> None:
    url = context.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, options="-c synchronous_commit=on") as connection:
        for batch in given:
            OnPostgresql.write_over(NotImplemented, connection, batch)  # it uses nothing of its own


def _send(_context: AppContext, _shard: Shard, given: Any) -> None:
    port, letters = given
    for mailbox, text in letters:
        with smtplib.SMTP("127.0.0.1", port) as server:
            server.login(*LOGIN.split(":"))
            server.sendmail("sendflow@icb.example", [mailbox], text)


def _hash(context: AppContext, _shard: Shard, given: Any) -> None:
    """Several times over: the loop takes a tenth of our time, and a moment's wait would decide the ratio."""
    first, after = given
    url = context.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    previous = ""
    with psycopg.connect(url) as connection:
        for _time in range(RAW_TIMES):
            with connection.cursor("texts") as cursor:
                cursor.itersize = RAW_ROWS
                query = "SELECT text FROM fact WHERE case_ref >= %s AND case_ref < %s ORDER BY case_ref, seq"
                cursor.execute(query, (first, after))
                for (text,) in cursor:
                    previous = sha256((previous + text).encode()).hexdigest()


Work = Callable[[AppContext, Shard, Any], None]
# Of a side ("ours" or "raw") and a number of workers: the work, and what each worker is given.
Prepared = Callable[[str, int], AbstractContextManager[tuple[Work, list[Load]]]]


def _worker(pipe: Any) -> None:
    """Load what is given, say so, work when asked, and say that it is done."""
    context: AppContext | None = None
    while True:
        try:
            work, load, shard = pipe.recv()
        except EOFError:  # nothing more is asked
            return
        context = context or AppContext.load(dataclasses.replace(load.settings, database_url=load.url))
        own = dataclasses.replace(context, engine=open_engine(load.url))
        with own.engine.connect():
            pipe.send("loaded")
        pipe.recv()
        work(own, shard, load.given)
        pipe.send("done")
        own.engine.dispose()


class Fleet:
    """Processes that wait for work."""

    def __init__(self, stack: ExitStack) -> None:
        """Start as many as are ever used."""
        method = get_context("spawn")
        self._pipes: list[Any] = []
        for _ in range(max(WORKERS)):
            ours, theirs = method.Pipe()
            process = method.Process(target=_worker, args=(theirs,), daemon=True)
            process.start()
            stack.callback(process.join)
            stack.callback(ours.close)
            self._pipes.append(ours)

    def seconds(self, work: Work, loads: Sequence[Load]) -> float:
        """How long the shards take, from the word to the last that is done."""
        at_work = self._pipes[: len(loads)]
        for number, (pipe, load) in enumerate(zip(at_work, loads, strict=True), 1):
            pipe.send((work, load, Shard(number, len(loads))))
        for pipe in at_work:
            assert pipe.recv() == "loaded"
        began = time.perf_counter()
        for pipe in at_work:
            pipe.send("go")
        for pipe in at_work:
            assert pipe.recv() == "done"
        return time.perf_counter() - began


def by_workers(ground: Ground, job: str, size: int | None = None) -> Measured | Unmeasured:
    """One job (`sweep`, `deliver`, `verify`) by workers, beside its raw loop. `size` is in the unit of SIZES."""
    name = f"{job}_by_two_workers"
    if isinstance(ground.postgres, str):
        return Unmeasured(name, ground.postgres)
    times: dict[tuple[str, int], list[float]] = {}
    with ExitStack() as stack:
        fleet, prepared = Fleet(stack), JOBS[job](ground.postgres, stack, size or SIZES[job])
        for round_ in range(ROUNDS):
            numbers = GOAL if round_ else WORKERS
            for number in numbers if round_ % 2 else reversed(numbers):
                for side in ("ours", "raw"):
                    with prepared(side, number) as (work, loads):
                        times.setdefault((side, number), []).append(fleet.seconds(work, loads))
    return _measured(name, times)


def _measured(name: str, times: dict[tuple[str, int], list[float]]) -> Measured:
    def gains(side: str, number: int) -> list[float]:
        return [one / several for one, several in zip(times[side, 1], times[side, number], strict=False)]

    ratios = [ours / raw for ours, raw in zip(gains("ours", 2), gains("raw", 2), strict=True)]

    def said(side: str, number: int) -> str:
        seconds, gain = statistics.median(times[side, number]), statistics.median(gains(side, number))
        return f"{seconds:.2f} s, gain {gain:.2f}"

    notes = [f"{number} workers: {said('ours', number)}; raw loop: {said('raw', number)}" for number in WORKERS]
    return Measured(name, statistics.median(ratios), min(ratios), max(ratios), len(ratios), notes)


def _filled(place: OnPostgresql, stack: ExitStack, acts_: Iterator[list[RecordCommand]]) -> AppContext:
    context = place.fresh()
    stack.callback(place.done, context)
    for some in acts_:
        record_acts(context, some, ACTOR, "record")
    return context


def _in_batches(total: int, make: Callable[[int], RecordCommand]) -> Iterator[list[RecordCommand]]:
    for first in range(0, total, AT_ONCE):
        yield [make(number) for number in range(first, min(total, first + AT_ONCE))]


def _url(context: AppContext) -> str:
    return context.engine.url.render_as_string(hide_password=False)


def _sweeps(place: OnPostgresql, stack: ExitStack, size: int) -> Prepared:
    day = look_days(place.shop.context, 1)[0]
    received = place.shop.context.calendar.subtract_working_days(day, 3)
    filled = _filled(place, stack, _in_batches(size, lambda number: asked_act(number, received)))
    settings = place.shop.context.settings
    swept = place.again(filled)
    before = place.rows(swept, TABLES)
    sweep(swept, day)
    after = {table: sorted(set(rows) - set(before[table])) for table, rows in place.rows(swept, TABLES).items()}
    place.done(swept)
    del after["change_log"]  # a chain of one writer: the loop would write its numbers twice
    refs = sorted({row[0] for row in after["fact"]})

    @contextmanager
    def prepared(side: str, number: int) -> Iterator[tuple[Work, list[Load]]]:
        context = place.again(filled)
        if side == "ours":
            yield _sweep, [Load(settings, _url(context), day)] * number
        else:
            shards = [Shard(each, number) for each in range(1, number + 1)]
            yield _write_rows, [Load(settings, _url(context), _batches(refs, after, shard)) for shard in shards]
        place.done(context)

    return prepared


def _batches(refs: list[str], rows: dict[str, list[Any]], shard: Shard) -> list[dict[str, list[Any]]]:
    mine = [ref for ref in refs if shard.holds(ref)]
    places = {table: 1 if table == "notice" else 0 for table in rows}  # of the case's reference in a row
    found = []
    for start in range(0, len(mine), BATCH):
        some = set(mine[start : start + BATCH])
        batch = {table: [row for row in each if row[places[table]] in some] for table, each in rows.items()}
        found.append({table: each for table, each in batch.items() if each})
    return found


def _deliveries(place: OnPostgresql, stack: ExitStack, size: int) -> Prepared:
    national = Caseload(1.0).shares.national
    file = place.shop.folder / "directory-workers.toml"
    file.write_text(directory(national.authorities, national.boards), "utf-8")
    letters = place.shop.folder / "letters-workers"
    sink = stack.enter_context(LocalSmtpServer(letters, LOGIN))
    filled = place.fresh()
    stack.callback(place.done, filled)
    known = dataclasses.replace(filled, directory=load_directory(file))
    made = [RecordCommand(f"LT-{number:06d}", request(number, TODAY)) for number in range(size)]
    record_acts(known, made, ACTOR, "record")
    settings = place.shop.context.settings
    first = place.again(filled)
    _deliver(first, Shard(1, 1), (sink.port, file))
    place.done(first)
    sent = [(_to(text), text) for text in (each.read_bytes() for each in sorted(letters.glob("*.eml")))]
    assert len(sent) == size

    @contextmanager
    def prepared(side: str, number: int) -> Iterator[tuple[Work, list[Load]]]:
        context = place.again(filled)
        if side == "ours":
            yield _deliver, [Load(settings, _url(context), (sink.port, file))] * number
        else:
            yield _send, [Load(settings, _url(context), (sink.port, sent[each::number])) for each in range(number)]
        place.done(context)

    return prepared


def _to(text: bytes) -> str:
    line = next(each for each in text.splitlines() if each.lower().startswith(b"to:"))
    return line.partition(b":")[2].strip().decode()


def _verifications(place: OnPostgresql, stack: ExitStack, size: int) -> Prepared:
    filled = _filled(place, stack, (acts(min(AT_ONCE, size - first), first) for first in range(0, size, AT_ONCE)))
    settings = place.shop.context.settings
    edges = [f"BN{size * each // max(WORKERS):06d}" for each in range(max(WORKERS) + 1)]

    @contextmanager
    def prepared(side: str, number: int) -> Iterator[tuple[Work, list[Load]]]:
        if side == "raw":
            step = max(WORKERS) // number
            ends = zip(edges[::step], edges[step::step], strict=False)
            yield _hash, [Load(settings, _url(filled), each) for each in ends]
            return
        with reading(filled.engine) as connection:
            snapshot = snapshot_of(connection, filled.engine)
            assert snapshot is not None
            ticket = Ticket(snapshot, instant(filled.now() + timedelta(microseconds=1)))
            yield _verify, [Load(settings, _url(filled), ticket)] * number

    return prepared


JOBS: dict[str, Callable[[OnPostgresql, ExitStack, int], Prepared]] = {
    "sweep": _sweeps,
    "deliver": _deliveries,
    "verify": _verifications,
}
