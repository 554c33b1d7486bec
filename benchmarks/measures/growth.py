"""What each act costs as the records grow: the generated caseload at several sizes on both databases, each act in a
process of its own.
"""

import csv
import dataclasses
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import text

from benchmarks.harness.caseload import Caseload, directory
from benchmarks.harness.copying import Copier
from benchmarks.harness.databases import Ground, OnPostgresql, OnSqlite
from benchmarks.harness.workload import ACTOR, TODAY
from benchmarks.measures import memory
from benchmarks.measures.memory import Taken
from benchmarks.measures.sweeping import asked_act
from casework.cases.record import Recorded, record_acts
from casework.context import AppContext
from config.directory import load_directory
from models.database import reading
from runtime.demo.tracker import COLUMNS, sample_rows

SIZES = (0.1, 0.33, 1.0)  # of the scale that was asked for
RECORDED = 0.01  # of England at most is recorded fact by fact; what is beyond is copies of that
DUE = 100
IMPORTED = 100


class Size(NamedTuple):
    """The caseload at one size on one database. `recorded` is facts a second on the way to it; `acts` what each act
    took then.
    """

    database: str
    share: float
    cases: int
    facts: int
    duties: int
    open_duties: int
    megabytes: float
    recorded: float
    acts: list[Taken]


def growing(ground: Ground, scale: float, say: Callable[[str], None], sizes: tuple[float, ...] = SIZES) -> list[Size]:
    """The caseload on every database that is here."""
    load = Caseload(scale)
    national = load.shares.national
    path = ground.shop.folder / "directory.toml"
    path.write_text(directory(national.authorities, national.boards), "utf-8")
    try:
        return [size for place in ground.places for size in _grown(place, load, path, say, sizes)]
    finally:
        path.unlink()


def _grown(
    place: OnSqlite | OnPostgresql, load: Caseload, path: Path, say: Callable[[str], None], sizes: tuple[float, ...]
) -> Iterator[Size]:
    fresh = place.fresh()
    context = dataclasses.replace(fresh, directory=load_directory(path))
    context.duty_rules, context.dates_of  # noqa: B018 (worked out once)
    if load.scale <= RECORDED:
        yield from _recorded(place, context, load, path, say, sizes)
    else:
        base = Caseload(RECORDED)
        yield from _recorded(place, context, base, path, say, (1.0,))
        yield from _copied(place, context, load.scale, path, say, sizes[1:])
    place.done(context)


def _recorded(
    place: OnSqlite | OnPostgresql,
    context: AppContext,
    load: Caseload,
    path: Path,
    say: Callable[[str], None],
    sizes: tuple[float, ...],
) -> Iterator[Size]:
    """Record every fact by sendflow's own act."""
    waves = list(sizes)
    total = sum(load.counts.values())
    facts = spent = 0.0
    for generated, wave in load.counted_waves():
        began = time.perf_counter()
        outcomes = record_acts(context, wave, ACTOR, "record")
        spent += time.perf_counter() - began
        assert all(isinstance(outcome, Recorded) for outcome in outcomes), "sendflow refused a fact of the caseload"
        facts += sum(len(act.drafts) for act in wave)
        if generated is not None and generated >= waves[0] * total:
            share = waves.pop(0) * load.scale
            say(f"{place.name} at {share:.2%} of England")
            yield _measured(place, context, path, share, facts / spent, len(sizes) - len(waves))
            facts = spent = 0.0


def _copied(
    place: OnSqlite | OnPostgresql,
    context: AppContext,
    scale: float,
    path: Path,
    say: Callable[[str], None],
    sizes: tuple[float, ...],
) -> Iterator[Size]:
    """The rest as copies of what has been recorded and swept."""
    copier = Copier(place, context)
    for number, size in enumerate(sizes):
        say(f"{place.name} at {size * scale:.2%} of England")
        before, began = copier.made, time.perf_counter()
        copier.copy(max(1, round(size * scale / RECORDED) - 1 - copier.made))
        facts = (copier.made - before) * len(copier.rows["fact"])
        yield _measured(place, context, path, size * scale, facts / (time.perf_counter() - began), 10 + number)


def _measured(
    place: OnSqlite | OnPostgresql, context: AppContext, path: Path, share: float, recorded: float, number: int
) -> Size:
    """Every act once. The sweep comes first, as it changes most; what it writes is verified with the rest."""
    with reading(context.engine) as connection:
        cases, ref = connection.execute(text("SELECT count(*), min(case_ref) FROM case_file")).one()
        duties, closed = connection.execute(text("SELECT count(*), count(closed_on) FROM duty")).one()
        facts = connection.execute(text("SELECT count(*) FROM fact")).scalar_one()
    # A hundred cases more, in which something is due on the day of the sweep.
    received = context.calendar.subtract_working_days(TODAY, 3)
    record_acts(context, [asked_act(800_000 - 1_000 * number + each, received) for each in range(DUE)], ACTOR, "record")
    context.engine.dispose()
    tracker = path.with_name(f"tracker-{place.name}-{number}.csv")
    _write_tracker(tracker, number)
    given = {"record in bulk": str(900_000 - 1_000 * number), "import": str(tracker), "one case page": str(ref)}
    taken = [
        memory.ask(act, context, given.get(act, ""))
        for act in ("sweep", *(act for act in memory.ACTS if act != "sweep"))
    ]
    tracker.unlink()
    return Size(place.name, share, cases, facts, duties, duties - closed, place.bytes(context) / 1e6, recorded, taken)


def _write_tracker(path: Path, number: int) -> None:
    """A sound tracker of rows that no other size has. No NHS numbers: the caseload has used up what may be invented."""
    rows = [row for row in sample_rows(TODAY) if row["Request received by LA"] and row["Ref"] < "SP00900"][:IMPORTED]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(row | {"Ref": f"IM{number}{row['Ref'][3:]}", "NHS number": ""} for row in rows)
