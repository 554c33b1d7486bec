"""The benchmark's own words: every goal has a measure, bench.json has its shape, a ratio is judged on the right side of its goal."""

import json
from pathlib import Path

import pytest

from benchmarks import __main__ as bench
from benchmarks.measuring import Measured, Side, alternate, goals, of_theirs
from benchmarks.workload import Workshop, drafts
from benchmarks.workload import acts as work_acts
from flows.recording import Recorded, record_acts
from flows.verifying import verify

ASKED = {
    "bulk_record_sqlite": 0.25, "one_fact": 0.5, "refold_against_eventsourcing": 4.0, "sweep_3m_against_10k": 1.5,
    "record_against_empty_prefect_flow": 1.25, "working_days_against_loop": 50.0,
}  # fmt: skip


def test_every_goal_that_was_asked_for_has_a_measure() -> None:
    assert {name: goal.goal for name, goal in goals().items()} == ASKED
    assert bench.MEASURES.keys() == ASKED.keys()


@pytest.mark.parametrize(("measure", "ratio", "held"), [
    ("one_fact", 0.5, True), ("one_fact", 0.49, False), ("sweep_3m_against_10k", 1.5, True), ("sweep_3m_against_10k", 1.51, False),
])  # fmt: skip
def test_a_ratio_is_judged_on_the_right_side(measure: str, ratio: float, held: bool) -> None:
    assert goals()[measure].holds(ratio) is held


def test_bench_json_has_the_four_keys_of_every_measure(tmp_path: Path) -> None:
    measured = [Measured(name, 1.0, 0.9, 1.1, 9, []) for name in ASKED]
    bench.write(tmp_path / "bench.json", measured, goals())
    told = json.loads((tmp_path / "bench.json").read_text("utf-8"))
    assert [row["measure"] for row in told] == list(goals())
    assert all(row.keys() == {"measure", "ratio", "goal", "held"} for row in told)


def test_a_measure_that_is_not_known_is_a_wrong_call(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["as_fast_as_light"]) == 2
    told = capsys.readouterr()
    assert "one_fact" in told.err
    assert "light" not in told.err


def test_the_ratio_is_the_median_of_the_rounds() -> None:
    taken = iter(range(1_000))
    side = Side("counting", lambda: None, lambda _given: next(taken))
    measured = alternate("one_fact", side, side, of_theirs, [], rounds=3)
    assert measured.rounds == 3
    assert measured.lowest <= measured.ratio <= measured.highest


def test_the_workload_is_accepted_whole_and_verifies(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    house = shop.fresh_house()
    outcomes = record_acts(house, work_acts(3), "bench", "record")
    assert all(isinstance(outcome, Recorded) and outcome.state == "planned" for outcome in outcomes)
    report = verify(house)
    assert (report.facts, report.intact) == (3 * len(drafts(0)), True)
    house.engine.dispose()
