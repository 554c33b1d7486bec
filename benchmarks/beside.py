"""Every act on both databases beside its raw limit and beside a peer on the same work, in turn and in one run; and what its time goes into.

The raw limit of writing is the driver writing the very rows that the act left; of reading, the driver fetching the same rows; of
verifying, one SHA-256 of the same bytes. Ratios say how much of the other's speed ours has: 1 is as fast, 4 is four times as fast.
"""

import csv
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import peers
from benchmarks.measuring import Side, rotate
from benchmarks.phases import largest, profile
from benchmarks.places import TABLES, Ground, OnPostgresql, OnSqlite, Rows
from benchmarks.recording import steps
from benchmarks.sweeping import asked_act, look_days
from benchmarks.workload import ACTOR, TODAY, acts, drafts, reference
from flows.casereport import report
from flows.house import House
from flows.importing import import_file
from flows.recording import record, record_acts
from flows.sample import COLUMNS, sample_rows
from flows.sweeping import sweep
from flows.verifying import refold, verify
from models import ledger
from models.database import reading

CASES, SINGLE, PEERS, IMPORTED, PAGES = 300, 15, 40, 108, 60
ROUNDS = 3
Place = OnSqlite | OnPostgresql


class Beside(NamedTuple):
    """One act on one database. `against` has ratios by name; `phases` the shares of its time, `lines` the functions that take most of it."""

    act: str
    database: str
    unit: str
    microseconds: float
    against: dict[str, float]
    phases: dict[str, float]
    lines: list[str]


class Compared(NamedTuple):
    """What is measured: ours, and what it is measured against."""

    act: str
    unit: str
    ours: Side
    others: list[Side]


def beside(ground: Ground, rounds: int = ROUNDS, cases: int = CASES) -> list[Beside]:
    """Every act on every database that is here."""
    found: list[Beside] = []
    for place in ground.places:
        for prepare in ACTS:
            with ExitStack() as stack:
                compared = prepare(place, cases, stack)
                each, ratios = rotate(compared.ours, compared.others, rounds)
                phases = _profiled(compared.ours)
                named = {side.name: round(ratio, 3) for side, ratio in zip(compared.others, ratios, strict=True)}
                found.append(Beside(compared.act, place.name, compared.unit, round(each * 1e6, 1), named, phases.shares(),
                                    [name for name, _spent in largest(phases.lines)[:5]]))  # fmt: skip
    return found


def _profiled(ours: Side) -> Any:
    given = ours.prepare()
    phases = profile(partial(ours.run, given))
    if ours.after is not None:
        ours.after(given)
    return phases


def _recording(place: Place, cases: int, stack: ExitStack) -> Compared:
    """Many facts in one act."""
    work, facts = acts(cases), cases * len(drafts(0))
    rows = _left(place, lambda house: record_acts(house, work, ACTOR, "record"))
    app = stack.enter_context(peers.at(place, "recording"))
    some = min(PEERS, cases)
    return Compared(
        "record in bulk", "fact", Side("ours", place.fresh, lambda house: record_acts(house, work, ACTOR, "record"), facts, after=place.done),
        [*_written(place, rows, facts), _peer("eventsourcing, load and save", lambda: peers.record_each(app, place.shop.house, range(some)), some)],
    )  # fmt: skip


def _one_fact(place: Place, cases: int, stack: ExitStack) -> Compared:
    """Each fact an act of its own."""
    some = min(SINGLE, cases)
    told = steps(place, some)

    def ours(house: House) -> None:
        for number in range(some):
            for draft in drafts(number):
                record(house, reference(number), [draft], ACTOR)

    def raw(connection: Any) -> None:
        for step in told:
            place.write_over(connection, step)

    app = stack.enter_context(peers.at(place, "one-fact"))
    return Compared(
        "record one fact", "fact", Side("ours", place.fresh, ours, len(told), after=place.done),
        [
            Side("the same rows, a commit each", place.empty, raw, len(told), after=place.close),
            _peer("eventsourcing, load and save", lambda: peers.record_each(app, place.shop.house, range(some)), some),
        ],
    )  # fmt: skip


def _sweeping(place: Place, cases: int, stack: ExitStack) -> Compared:
    """A sweep on a day on which every case has something to say."""
    house = place.fresh()
    stack.callback(place.done, house)
    day = look_days(house, 1)[0]
    received = house.almanac.subtract_working_days(day, 3)
    record_acts(house, [asked_act(number, received) for number in range(cases)], ACTOR, "record")
    before = place.rows(house)

    def swept(again: House) -> None:
        done = sweep(again, day)
        assert (done.facts_written, done.troubles) == (cases, [])

    after = place.again(house)
    swept(after)
    rows = {table: some for table, all_ in place.rows(after).items() if (some := sorted(set(all_) - set(before[table]), key=str))}
    place.done(after)

    def written_over(again: House) -> None:
        connection = place.driver(again)
        place.write_over(connection, rows)
        connection.close()

    return Compared(
        "sweep", "fact", Side("ours", partial(place.again, house), swept, cases, after=place.done),
        [Side("the same rows written", partial(place.again, house), written_over, cases, after=place.done)],
    )  # fmt: skip


def _refolding(place: Place, cases: int, stack: ExitStack) -> Compared:
    """Each case from its facts alone, every hash checked."""
    house, facts = _filled(place, cases, stack)

    def ours(_given: object) -> None:
        with reading(house.engine) as connection:
            for ref, rows in ledger.scan(connection):
                assert refold(house, ref, rows, _damaged) is not None

    return _read(place, "refold", ours, house, cases, facts, stack)


def _verifying(place: Place, cases: int, stack: ExitStack) -> Compared:
    """The whole of `sendflow verify`."""
    house, facts = _filled(place, cases, stack)

    def ours(_given: object) -> None:
        assert verify(house).intact

    return _read(place, "verify", ours, house, cases, facts, stack)


def _read(place: Place, act: str, ours: Callable[[object], None], house: House, cases: int, facts: int, stack: ExitStack) -> Compared:
    app = stack.enter_context(peers.at(place, act))
    ids = peers.filled(app, house, min(PEERS, cases))
    texts = [row[6].encode() for row in place.rows(house, ("fact",))["fact"]]

    def fetched(_given: object) -> None:
        connection = place.driver(house)
        previous = ""
        for (text,) in connection.execute("SELECT text FROM fact ORDER BY case_ref, seq"):
            previous = sha256((previous + text).encode()).hexdigest()
        connection.close()

    def hashed(_given: object) -> None:
        previous = b""
        for text in texts:
            previous = sha256(previous + text).digest()

    return Compared(
        act, "fact", Side("ours", _nothing, ours, facts),
        [
            Side("fetch and sha256 of the same bytes", _nothing, fetched, facts), Side("sha256 of the same bytes", _nothing, hashed, facts),
            Side("eventsourcing, replay without a hash", _nothing, lambda _given: peers.replay(app, ids), len(ids) * len(drafts(0))),
        ],
    )  # fmt: skip


def _importing(place: Place, cases: int, stack: ExitStack) -> Compared:
    """A tracker into fresh records."""
    path = place.shop.folder / f"tracker-{place.name}.csv"
    stack.callback(path.unlink)
    count = _write_tracker(path, min(IMPORTED, cases))
    rows = _left(place, lambda house: import_file(house, path))
    assert rows["fact"]

    def ours(house: House) -> None:
        assert import_file(house, path).accepted == count

    def raw(connection: Any) -> None:
        with path.open(encoding="utf-8", newline="") as file:
            assert sum(1 for _row in csv.reader(file)) == count + 1
        place.write(connection, rows)

    return Compared(
        "import", "row", Side("ours", place.fresh, ours, count, after=place.done),
        [Side("csv.reader and the same rows written", place.empty, raw, count, after=place.close)],
    )  # fmt: skip


def _page(place: Place, cases: int, stack: ExitStack) -> Compared:
    """One case as an auditor reads it."""
    house, _facts = _filled(place, cases, stack)
    refs = [reference(number) for number in range(min(PAGES, cases))]
    mark = "?" if isinstance(place, OnSqlite) else "%s"
    connection = place.driver(house)
    stack.callback(connection.close)
    app = stack.enter_context(peers.at(place, "page"))
    ids = peers.filled(app, house, len(refs))

    def ours(_given: object) -> None:
        for ref in refs:
            assert report(house, ref).model_dump(mode="json")["facts"]

    def raw(_given: object) -> None:
        for ref in refs:
            assert connection.execute(f"SELECT * FROM fact WHERE case_ref = {mark} ORDER BY seq", (ref,)).fetchall()

    return Compared(
        "one case page", "page", Side("ours", _nothing, ours, len(refs)),
        [
            Side("fetch of the same rows", _nothing, raw, len(refs)),
            Side("eventsourcing, repository.get", _nothing, lambda _given: peers.replay(app, ids), len(ids)),
        ],
    )  # fmt: skip


ACTS: tuple[Callable[[Place, int, ExitStack], Compared], ...] = (_recording, _one_fact, _sweeping, _refolding, _verifying, _importing, _page)


def _filled(place: Place, cases: int, stack: ExitStack) -> tuple[House, int]:
    house = place.fresh()
    stack.callback(place.done, house)
    record_acts(house, acts(cases), ACTOR, "record")
    return house, cases * len(drafts(0))


def _left(place: Place, act: Callable[[House], object]) -> Rows:
    """What an act leaves in fresh records."""
    house = place.fresh()
    act(house)
    rows = place.rows(house, TABLES)
    place.done(house)
    return {table: some for table, some in rows.items() if some}


def _written(place: Place, rows: Rows, amount: float) -> Iterator[Side]:
    """The raw ways of writing these rows."""
    yield Side("executemany", place.empty, lambda connection: place.write(connection, rows), amount, after=place.close)
    if isinstance(place, OnPostgresql):
        yield Side("COPY", place.empty, lambda connection: place.copy(connection, rows), amount, after=place.close)


def _peer(name: str, act: Callable[[], None], cases: int) -> Side:
    return Side(name, _nothing, lambda _given: act(), cases * len(drafts(0)))


def _write_tracker(path: Path, count: int) -> int:
    """A tracker without doubtful cells."""
    sound = [row for row in sample_rows(TODAY) if row["Request received by LA"] and row["Ref"] < "SP00900"][:count]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(sound)
    return len(sound)


def _damaged(seq: int | None, what: str, message: str) -> None:
    raise AssertionError(f"{what} at fact {seq}: {message}")


def _nothing() -> None:
    return None

