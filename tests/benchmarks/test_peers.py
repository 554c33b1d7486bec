"""The peers of the benchmark: what their processes speak, what happens where one fails or cannot be had, and each of
them where it is installed.
"""

import ast
import json
import sys
import textwrap
import venv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import report
from benchmarks.harness.databases import Ground, OnSqlite
from benchmarks.harness.measuring import Side, Took, rotate
from benchmarks.harness.workload import Workshop
from benchmarks.measures import comparison, operations
from benchmarks.peers import hiring
from benchmarks.peers.hiring import NotMade, NotMeasured, Staff, Worker, environment, whole
from benchmarks.peers.work import Work

TOY = """
    import sys
    from contextlib import contextmanager
    from benchmarks.peers.work import Run, serve, timed

    @contextmanager
    def counting(work):
        print("a library that talks")
        left = list(range(3))

        def run():
            with timed() as watch:
                left.pop()
            return watch.seconds

        yield Run(work.facts, run)

    @contextmanager
    def dying(work):
        yield Run(1, lambda: sys.exit("the toy is broken"))

    @contextmanager
    def clinging(work):
        yield Run(1, lambda: 0.5)
        raise OSError("cannot let go")

    serve({"counting": counting, "dying": dying, "clinging": clinging})
"""
DEAF = "import sys; sys.stdin.read()"


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """Starts toys of peers, and ends them."""
    made: list[Worker] = []

    def start(code: str = TOY, **more: Any) -> Worker:
        made.append(Worker("toy", [sys.executable, "-c", textwrap.dedent(code)], tmp_path, **more))
        return made[-1]

    yield start
    for each in made:
        if not each.ended:
            each.end()
        assert each.ended


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("shop"))


def toys(act: str) -> dict[str, Any]:
    """A little work for a toy."""
    return Work(
        act, "", None, [("BN000001", [{"kind": "ehc_assessment_requested"}] * 24)], {}, "requested", {}
    )._asdict()


def test_a_peer_gets_its_work_and_reports_its_time(workers: Callable[..., Worker]) -> None:
    worker = workers()
    assert worker.ask("open", work=toys("counting")) == {"amount": 24}
    assert 0 < worker.ask("run")["seconds"] < 1
    assert worker.ask("close") == {}
    with pytest.raises(NotMeasured, match="nothing is open"):
        worker.ask("run")


def test_a_peer_that_fails_at_one_act_is_asked_for_the_next(workers: Callable[..., Worker]) -> None:
    worker = workers()
    worker.ask("open", work=toys("counting"))
    for _ in range(3):
        worker.ask("run")
    with pytest.raises(NotMeasured, match="toy: IndexError: pop from empty list"):
        worker.ask("run")
    worker.ask("close")
    assert worker.ask("open", work=toys("counting")) == {"amount": 24}


def test_a_peer_that_ends_or_does_not_answer_is_not_measured(workers: Callable[..., Worker]) -> None:
    worker = workers()
    worker.ask("open", work=toys("dying"))
    with pytest.raises(NotMeasured, match="its process ended: the toy is broken"):
        worker.ask("run")
    assert worker.ended
    deaf = workers(DEAF, patience=0.05)
    with pytest.raises(NotMeasured, match="no answer within"):
        deaf.ask("run")
    assert deaf.ended


def test_a_peer_that_cannot_let_go_is_ended_and_its_run_counts(workers: Callable[..., Worker], shop: Workshop) -> None:
    staff = Staff(shop.folder, Path(sys.executable))
    staff._workers["DBOS"] = worker = workers()
    with staff.side("DBOS", OnSqlite(shop), Work(**toys("clinging"))) as side:
        assert side.run(None) == Took(0.5)
    assert worker.ended


def test_the_seconds_of_a_peer_are_its_own() -> None:
    slow = Side("peer", lambda: None, lambda _given: Took(40.0), 4)
    each, (ratio,) = rotate(Side("ours", lambda: None, lambda _given: Took(1.0)), [slow], 2)
    assert (each, ratio) == (1.0, 10.0)


def test_a_peer_that_fails_on_the_way_is_left_out_and_the_rest_is_measured() -> None:
    def failing(_given: object) -> None:
        raise NotMeasured("DBOS", "its process ended")

    ours, raw, fine, bad = (
        Side(name, lambda: None, run)
        for name, run in (("ours", sum_up), ("raw", sum_up), ("eventsourcing", sum_up), ("DBOS", failing))
    )
    unmeasured: dict[str, str] = {}
    _each, against, found = comparison._rotated(
        operations.Compared("sweep", "fact", ours, [raw]), [fine, bad], unmeasured, 1
    )
    assert against.keys() == {"raw"} and found.keys() == {"eventsourcing"}
    assert unmeasured == {"DBOS": "its process ended"}


def sum_up(_given: object) -> int:
    return sum(range(1_000))


def fake_environment(home: Path, pip: str) -> None:
    """An environment whose interpreter does this and nothing else."""
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "python").write_text(f"#!/bin/sh\n{pip}\n", "utf-8")
    (home / "bin" / "python").chmod(0o755)


def test_the_environment_is_made_once_for_each_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock, home, made = tmp_path / "peers.lock", tmp_path / "build" / "peers", []

    def create(path: Path, with_pip: bool) -> None:
        made.append(path)
        fake_environment(path, f'echo "$@" >{tmp_path}/asked')

    monkeypatch.setattr(venv, "create", create)
    lock.write_text("one==1", "utf-8")
    assert whole(home, lock) is None
    assert environment(home, lock) == environment(home, lock) == whole(home, lock) == home / "bin" / "python"
    assert len(made) == 1
    asked = (tmp_path / "asked").read_text("utf-8")
    assert f"--require-hashes --no-deps -r {lock}" in asked
    lock.write_text("one==2", "utf-8")
    assert whole(home, lock) is None
    environment(home, lock)
    assert len(made) == 2


@pytest.mark.parametrize(
    ("pip", "why"),
    [
        (
            "echo 'WARNING: Retrying' >&2; echo 'ERROR: No matching distribution found for dbos' >&2; exit 1",
            "No matching distribution found for dbos",
        ),
        ("exit 2", "pip gave no reason"),
    ],
)
def test_without_a_registry_the_peers_say_why_they_are_not_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pip: str, why: str
) -> None:
    monkeypatch.setattr(venv, "create", lambda home, with_pip: fake_environment(home, pip))
    home = tmp_path / "build" / "peers"
    with pytest.raises(NotMade, match=f"could not be made: {why}"):
        environment(home)
    assert not home.exists(), "half an environment would be taken for a whole one"


def test_where_no_peer_can_be_had_each_column_says_so_and_the_rest_is_measured(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent() -> Path:
        raise NotMade("their environment could not be made: no registry answers")

    monkeypatch.setattr(hiring, "environment", absent)
    found = {each.act: each for each in comparison.beside(Ground(shop, OnSqlite(shop), "not here"), rounds=1, cases=1)}
    for act, each in found.items():
        assert each.unmeasured.keys() == {peer for peer, (_module, theirs) in hiring.PEERS.items() if act in theirs}
        assert each.peers.keys() == set(comparison.COLUMNS)
        assert (each.peers["eventsourcing"] is None) == (act in ("sweep", "deliver"))
    lines = report.unmeasured_lines(list(found.values()))
    assert len(lines) == len(hiring.PEERS)
    assert "APScheduler not measured: their environment could not be made: no registry answers: sweep (sqlite)" in lines
    columns = {str(column.header): list(column.cells) for column in report.beside_table(list(found.values())).columns}
    assert columns["Temporal"].count("not measured") == 2 and columns["Temporal"].count("-") == len(found) - 2
    report.write_rest(shop.folder / "bench", list(found.values()), [], [])
    assert [each["act"] for each in json.loads((shop.folder / "bench" / "beside.json").read_text("utf-8"))] == list(
        found
    )
    written = (shop.folder / "bench" / "beside.md").read_text("utf-8").splitlines()
    assert len(written) == 2 + len(found) and {line.count(" | ") for line in written} == {len(columns) - 1}


@pytest.mark.parametrize("peer", hiring.PEERS)
def test_each_peer_does_the_acts_that_its_column_promises(peer: str) -> None:
    module, promised = hiring.PEERS[peer]
    tree = ast.parse((hiring.ROOT / f"{module.replace('.', '/')}.py").read_text("utf-8"))
    (table,) = [
        node.value for node in tree.body if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == "ACTS"
    ]
    assert isinstance(table, ast.Dict)
    assert {ast.literal_eval(key) for key in table.keys if key is not None} == promised


# Each peer itself, where `make bench` has made their environment.

SOME = {
    "SpiffWorkflow": ("record one fact", "sweep"),
    "DBOS": ("record one fact",),
    "Temporal": ("refold",),
    "APScheduler": ("sweep",),
}
REFOLDING = ("SpiffWorkflow", "Temporal")


@pytest.mark.parametrize("peer", SOME)
def test_a_peer_does_its_work_and_one_that_comes_to_another_end_is_found_out(peer: str, shop: Workshop) -> None:
    staff = Staff(shop.folder, whole(), "their environment is not here")

    def seconds(act: str, **more: Any) -> float:
        """One run on two cases of the workload, or on three due of seven."""
        with staff.side(
            peer, OnSqlite(shop), operations.work_of(act, shop.context, 2)._replace(due=3, waiting=4, **more)
        ) as side:
            assert side.amount == (3 if act == "sweep" else 24)
            return float(side.run(None).seconds)  # type: ignore[attr-defined]  # a peer's run says what it took

    try:
        if whole() is None:  # make bench makes it; a test never does
            with pytest.raises(NotMeasured, match="not here"):
                seconds(SOME[peer][0])
            return
        assert all(seconds(act) > 0 for act in SOME[peer])
        if peer in REFOLDING:
            with pytest.raises(NotMeasured, match=r"AssertionError|another state"):
                seconds("refold", ends={"BN000000": "ceased", "BN000001": "planned"})
    finally:
        staff.end()
