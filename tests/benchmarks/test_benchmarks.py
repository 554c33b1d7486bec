"""The benchmark's own words: every goal has a measure, the caseload has the shares that it documents, and every measure
runs at a tiny size.
"""

import json
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import islice
from pathlib import Path

import pytest

from audit.verify import verify
from benchmarks import __main__ as bench
from benchmarks import report
from benchmarks.harness.caseload import SHARES, Caseload, directory, scale_of
from benchmarks.harness.copying import Copier
from benchmarks.harness.databases import Ground, OnSqlite, postgresql
from benchmarks.harness.measuring import Measured, Side, Unmeasured, alternate, goals, of_theirs, rotate
from benchmarks.harness.phases import phase_of, profile, unknown_modules
from benchmarks.harness.workload import Workshop, drafts
from benchmarks.harness.workload import acts as work_acts
from benchmarks.measures import growth, latency, memory, pages
from benchmarks.measures.cli_startup import cli_startup
from benchmarks.measures.growth import Size
from benchmarks.measures.memory import Taken
from benchmarks.measures.recording import bulk_postgres
from benchmarks.measures.verifying import flat_memory, in_two, since_last
from benchmarks.plots import plots
from casework.cases.record import Recorded, record_acts
from casework.context import AppContext
from config.directory import load_directory
from models import bulk_io
from models.database import reading
from models.facts import Fact
from notifications.local_smtp import LocalSmtpServer

ASKED = {
    "bulk_record_sqlite": 0.25,
    "bulk_record_postgres": 0.6,
    "one_fact": 0.5,
    "one_fact_postgres": 0.5,
    "refold_against_eventsourcing": 4.0,
    "verify_in_two_processes": 0.9,
    "verify_memory_at_four_times": 1.25,
    "verify_since_last_at_four_times": 1.5,
    "sweep_by_two_workers": 0.9,
    "deliver_by_two_workers": 0.9,
    "verify_by_two_workers": 0.9,
    "sweep_3m_against_10k": 1.5,
    "record_against_empty_prefect_flow": 1.25,
    "working_days_against_loop": 50.0,
    "cli_startup": 1.8,
    "case_page_against_empty": 6.0,
    "today_3m_against_10k": 1.5,
    "page_p99_against_p50": 10.0,
    "two_processes_against_empty": 0.9,
}
ON_POSTGRESQL = (
    "bulk_record_postgres",
    "one_fact_postgres",
    "sweep_by_two_workers",
    "deliver_by_two_workers",
    "verify_by_two_workers",
)
ABSENT = "not measured: PostgreSQL is not here"


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


@pytest.fixture
def here(shop: Workshop) -> Ground:
    return Ground(shop, OnSqlite(shop), ABSENT)


def national(context: AppContext) -> AppContext:
    """An installation with the directory of the generated caseload."""
    path = context.settings.home / "national.toml"
    shares = Caseload(1.0).shares.national
    path.write_text(directory(shares.authorities, shares.boards), "utf-8")
    return replace(context, directory=load_directory(path))


def test_every_goal_that_was_asked_for_has_a_measure() -> None:
    assert {name: goal.goal for name, goal in goals().items()} == ASKED
    assert bench.MEASURES.keys() | set(pages.NAMES) == ASKED.keys()


@pytest.mark.parametrize(
    ("measure", "ratio", "held"),
    [
        ("one_fact", 0.5, True),
        ("one_fact", 0.49, False),
        ("sweep_3m_against_10k", 1.5, True),
        ("sweep_3m_against_10k", 1.51, False),
    ],
)
def test_a_ratio_is_judged_on_the_right_side(measure: str, ratio: float, held: bool) -> None:
    assert goals()[measure].holds(ratio) is held


def test_bench_json_has_the_four_keys_of_every_measure(tmp_path: Path) -> None:
    measured = [Measured(name, 1.0, 0.9, 1.1, 9, []) for name in ASKED if name not in ON_POSTGRESQL]
    report.write_goals(
        tmp_path / "bench.json", [*measured, *(Unmeasured(name, ABSENT) for name in ON_POSTGRESQL)], goals()
    )
    written = json.loads((tmp_path / "bench.json").read_text("utf-8"))
    assert [row["measure"] for row in written] == list(goals())
    assert all(row.keys() == {"measure", "ratio", "goal", "held"} for row in written)
    absent = next(row for row in written if row["measure"] == "bulk_record_postgres")
    assert (absent["ratio"], absent["held"]) == (None, False)


def test_each_command_that_only_reads_is_started_once_a_round(shop: Workshop) -> None:
    found = cli_startup(shop, rounds=1)
    assert (found.measure, found.rounds) == ("cli_startup", 1) and found.ratio > 0.5
    assert [note.split(":")[0] for note in found.notes[2:]] == ["overdue", "case", "due"]


def test_what_cannot_be_measured_here_says_why(here: Ground) -> None:
    assert bulk_postgres(here) == Unmeasured("bulk_record_postgres", ABSENT)


def test_without_postgresql_the_rest_is_measured_all_the_same(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.local_postgres.binaries", lambda: None)
    with postgresql(shop) as place:
        assert isinstance(place, str) and place.startswith(
            "not measured: PostgreSQL 15 or later is not on this machine"
        )
        assert [each.name for each in Ground(shop, OnSqlite(shop), place).places] == ["sqlite"]
        assert Ground(shop, OnSqlite(shop), place, "postgres").places == []


@pytest.mark.parametrize(
    "words",
    [
        ["as_fast_as_light"],
        ["--scale", "light"],
        ["--scale", "0"],
        ["--scale", "1.5"],
        ["--lightly"],
        ["--on", "paper"],
    ],
)
def test_what_is_not_known_is_a_wrong_call(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(words) == 2
    written = capsys.readouterr()
    assert "for example" in written.err or "usage" in written.err
    assert "as_fast_as_light" not in written.err


def test_the_ratio_is_the_median_of_the_rounds() -> None:
    taken = iter(range(1_000))
    side = Side("counting", lambda: None, lambda _given: next(taken))
    measured = alternate("one_fact", side, side, of_theirs, [], rounds=3)
    assert measured.rounds == 3
    assert measured.lowest <= measured.ratio <= measured.highest


def test_several_others_take_turns_with_ours_and_what_they_leave_is_taken_away() -> None:
    left: list[str] = []
    sides = [
        Side(name, partial(str, name), lambda _given: sum(range(2_000)), after=left.append)
        for name in ("ours", "one", "other")
    ]
    each, ratios = rotate(sides[0], sides[1:], 2)
    assert each > 0
    assert len(ratios) == 2
    assert Counter(left) == {"ours": 3, "one": 3, "other": 3}  # the first of each is not counted


def test_the_workload_is_accepted_whole_and_verifies(shop: Workshop) -> None:
    context = shop.fresh_context()
    outcomes = record_acts(context, work_acts(3), "bench", "record")
    assert all(isinstance(outcome, Recorded) and outcome.state == "planned" for outcome in outcomes)
    report = verify(context)
    assert (report.facts, report.intact) == (3 * len(drafts(0)), True)
    context.engine.dispose()


# The generated caseload.


def recorded_kinds(load: Caseload) -> Iterator[tuple[str, dict[str, object]]]:
    """Each case by its prefix, with the days of its facts."""
    for child in load.children():
        for stage in child.stages:
            for ref, some in stage.cases:
                yield (
                    (ref or "SF-")[:3],
                    {"kinds": [draft.kind for draft in some], "days": [draft.occurred_on for draft in some]},
                )


def test_every_share_names_where_it_is_from_and_the_shares_of_one_thing_make_one() -> None:
    shares = tomllib.loads(SHARES.read_text("utf-8"))
    assert all("source" in table or "assumed" in table for table in shares.values())
    request, advice, plan, appeal = (shares[name] for name in ("request", "advice", "plan", "appeal"))
    for together in (
        [request[name] for name in ("in_20_weeks", "in_20_to_52_weeks", "over_a_year")],
        advice["services"],
        plan["made_years_ago"],
        plan["health_invited"],
        [advice[name] for name in ("in_6_weeks", "in_7_to_20_weeks", "never")],
        [plan[name] for name in ("kept", "amended", "ceased")],
        [
            appeal[name]
            for name in ("contents", "refusal_to_assess", "refusal_to_issue", "refusal_to_reassess", "ceasing")
        ],
        [appeal[name] for name in ("conceded", "withdrawn", "ordered", "dismissed")],
    ):
        assert sum(together) == pytest.approx(1.0)


def test_the_caseload_has_the_shares_that_it_documents() -> None:
    load = Caseload(1 / 400)
    national, request = load.shares.national, load.shares.request
    year = load.today - timedelta(days=365)
    asked = agreed = decided = in_time = made = appeals = plans = 0
    for prefix, case in recorded_kinds(load):
        kinds, days = case["kinds"], case["days"]
        assert isinstance(kinds, list) and isinstance(days, list)
        on = dict(zip(kinds, days, strict=True))
        if prefix == "AS-":
            asked += days[0] > year
            if days[0] > year and days[0] < load.today - timedelta(days=60):
                decided += 1
                agreed += "assessment_agreed" in on
            if "final_plan_received" in on:
                plans += 1
                if on["final_plan_received"] <= year:
                    made += 1
                    in_time += (on["final_plan_received"] - days[0]).days <= 140
        appeals += prefix == "TB-" and any(
            on.get(kind, load.today) > year for kind in on if kind.endswith("appeal_registered")
        )
    assert asked == pytest.approx(national.requests_a_year * load.scale, rel=0.12)
    assert plans == pytest.approx(national.plans * load.scale, rel=0.05)
    assert appeals == pytest.approx(national.appeals_a_year * load.scale, rel=0.05)
    assert agreed / decided == pytest.approx(request["agreed"], abs=0.08)
    assert in_time / made == pytest.approx(request["in_20_weeks"], abs=0.05)


def test_the_same_scale_seed_and_day_give_the_same_histories() -> None:
    one, other = (list(islice(Caseload(1 / 10_000).waves(), 3)) for _ in range(2))
    assert one == other
    assert one != list(islice(Caseload(1 / 10_000, seed=7).waves(), 3))


def test_every_fact_of_the_caseload_is_permitted_and_the_totals_are_those_of_a_nation(shop: Workshop) -> None:
    load = Caseload(1 / 8_000)
    context = national(shop.fresh_context())
    for wave in load.waves():
        assert all(isinstance(outcome, Recorded) for outcome in record_acts(context, wave, "bench", "record"))
    with reading(context.engine) as connection:
        facts = connection.exec_driver_sql("SELECT count(*) FROM fact").scalar_one()
        open_ = connection.exec_driver_sql("SELECT count(*) FROM duty WHERE closed_on IS NULL").scalar_one()
    assert facts / load.scale == pytest.approx(21e6, rel=0.25)
    assert open_ / load.scale == pytest.approx(3e6, rel=0.3)
    assert verify(context).intact
    context.engine.dispose()


@pytest.mark.parametrize(("said", "scale"), [("national", 1.0), ("board", 1 / 42), ("0.25", 0.25)])
def test_a_scale_is_a_word_or_a_share(said: str, scale: float) -> None:
    assert scale_of(said) == scale


def test_what_is_copied_is_what_would_have_been_recorded(shop: Workshop) -> None:
    place = OnSqlite(shop)
    context = national(place.fresh())
    for wave in Caseload(1 / 100_000).waves():
        record_acts(context, wave, "bench", "record")
    facts = verify(context).facts
    assert facts > 100
    Copier(place, context).copy(30)
    report = verify(context)
    assert (report.facts, report.intact, report.stale) == (31 * facts, True, 0)
    assert (
        len({row[-1] for row in place.rows(context, ("case_file",))["case_file"]}) > 31
    )  # each copy has children of its own
    place.done(context)


# Every measure at a tiny size.


def test_the_growing_caseload_is_measured_at_each_size_and_drawn(
    here: Ground, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # What is asked of a process of its own is done here: starting eighteen of them takes longer than all the rest.
    monkeypatch.setattr(memory, "ask", lambda act, context, argument="": memory.do(act, context, argument))
    sizes = growth.growing(here, 1 / 40_000, lambda _line: None)
    assert [size.share for size in sizes] == pytest.approx([share / 40_000 for share in growth.SIZES])
    assert [size.facts for size in sizes] == sorted({size.facts for size in sizes})
    assert all({taken.act for taken in size.acts} == memory.ACTS.keys() for size in sizes)
    assert report.growing_table(sizes).row_count == 3
    assert report.memory_line(sizes).startswith("peak memory of verify: sqlite ")
    drawn = plots(tmp_path, sizes)
    assert all(
        path.read_text("utf-8").startswith("<svg") and "<script" not in path.read_text("utf-8") for path in drawn
    )
    report.write_rest(tmp_path / "bench", [], sizes, [])
    assert [path.name for path in (tmp_path / "bench").iterdir()] == ["scale.json"]


def size(database: str, share: float, facts: int, swept: int = 100) -> Size:
    """A size as a run would have measured it."""
    each = [
        Taken(act=act, amount=swept if act == "sweep" else 100, unit="fact", seconds=0.1, before=88.0, peak=120.0)
        for act in memory.ACTS
    ]
    return Size(database, share, facts // 9, facts, facts // 7, facts // 8, facts / 800, 4_780.0, each)


ONE, LARGE, SERVER = (
    size("sqlite", 0.01, 223_805),
    size("sqlite", 0.64, 15_356_480, swept=0),
    size("postgres", 0.64, 15_356_481),
)


@pytest.mark.parametrize(("sizes", "dots"), [([ONE], 6), ([LARGE], 5), ([ONE, LARGE], 11), ([ONE, LARGE, SERVER], 17)])
def test_however_few_sizes_were_measured_each_is_drawn_and_named(tmp_path: Path, sizes: list[Size], dots: int) -> None:
    for path in plots(tmp_path, sizes):
        drawn = path.read_text("utf-8")
        assert drawn.count('class="dot reactive tooltip-trigger"') == dots
        assert "15,356,48" in drawn or sizes == [ONE]
        assert "nan" not in drawn.lower()


def test_a_run_on_one_database_leaves_what_an_earlier_one_measured_on_the_other(tmp_path: Path) -> None:
    report.write_rest(tmp_path, [], [SERVER], [])
    both = report.with_earlier(tmp_path, [ONE, LARGE])
    assert both == [ONE, LARGE, SERVER]
    report.write_rest(tmp_path, [], both, [])
    assert report.with_earlier(tmp_path, [size("sqlite", 0.02, 450_000)])[1:] == [SERVER]
    assert report.with_earlier(tmp_path, []) == []


def test_a_run_that_fails_writes_what_it_has_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(written: bench.Results, *_call: object) -> None:
        written.sizes.append(ONE)
        raise OSError("disk full")

    monkeypatch.setenv("SENDFLOW_HOME", str(tmp_path))
    monkeypatch.setattr(bench, "run", failing)
    monkeypatch.setattr("benchmarks.__main__.signal.signal", lambda *_call: None)
    with pytest.raises(OSError, match="disk full"):
        bench.main([])
    assert "223,805" in capsys.readouterr().out
    assert json.loads((tmp_path / "bench" / "scale.json").read_text("utf-8"))[0]["facts"] == 223_805
    assert not (tmp_path / "bench.json").exists(), "a run that is not whole says nothing of the goals"


def test_the_time_until_the_mail_servers_yes_is_taken_for_every_letter(here: Ground) -> None:
    sizes = latency.Sizes(records=2, swept=3, days=1)
    with LocalSmtpServer(here.shop.folder / "letters", latency.LOGIN) as sink:
        for measure, times in ((latency.records, 2), (latency.sweeps, 3)):
            context = national(here.sqlite.fresh())
            what, seconds = measure(context, sink.port, sizes)
            assert len(seconds) == times
            assert latency.Waited.of(what, "sqlite", seconds).most == max(seconds)
            here.sqlite.done(context)


def test_percentiles_are_of_the_times_that_were_taken() -> None:
    waited = latency.Waited.of("waiting", "sqlite", [float(number) for number in range(1, 101)])
    assert (waited.times, waited.p50, waited.p99, waited.most) == (100, 50.5, 99.0, 100.0)


def test_every_module_of_the_profile_exists() -> None:
    assert unknown_modules() == []


def test_a_profile_charges_each_phase_to_a_module_or_its_caller(shop: Workshop) -> None:
    context = shop.fresh_context()
    phases = profile(lambda: record_acts(context, work_acts(40), "bench", "record"))
    assert sum(phases.shares().values()) == pytest.approx(1.0, abs=0.01)
    assert {"validate", "write"} & phases.shares().keys()
    assert phase_of(bulk_io.put_rows.__code__, "models.bulk_io") == "write"
    assert phase_of(bulk_io.read_among.__code__, "models.bulk_io") == "fetch"
    assert phase_of(Fact.text.__code__, "models.facts") == "hash"
    assert phase_of(json.loads.__code__, "json") is None
    context.engine.dispose()


def test_the_memory_of_a_verification_is_measured_at_two_sizes(shop: Workshop) -> None:
    measured = flat_memory(shop, cases=3, times=4)
    assert [note.partition(" facts")[0] for note in measured.notes] == ["36", "144"]
    assert 0 < measured.ratio < 3


def test_a_verification_in_two_processes_is_measured_beside_two_raw_loops(shop: Workshop) -> None:
    measured = in_two(shop, cases=6, rounds=1, loops=1)
    assert measured.ratio > 0
    assert "72 facts" in measured.notes[0]


def test_a_verification_of_what_is_new_is_measured_beside_a_whole_one(shop: Workshop) -> None:
    measured = since_last(shop, cases=3, times=2, day=2, rounds=1)
    assert measured.ratio > 0
    small, large = measured.notes
    assert "60 facts: the newest 24 in" in small and "96 facts: the newest 24 in" in large
