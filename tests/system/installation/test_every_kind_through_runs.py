"""Every kind of fact of every process is recorded through a real run of Prefect, and no run is red.

Kinds with a digit in their names were recorded once, and their runs were red: the server refused a parameter.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.run_ends import EndState
from models.common_facts import ENGINE_ONLY
from models.facts import StoredFact
from statemachines.registry import processes
from tests.support import each_kind
from tests.support.canaries import CANARIES
from tests.support.installation import ROOT
from tests.system.installation.test_operations import Operations

pytestmark = [pytest.mark.installation, pytest.mark.timeout(900)]
RESTRICTED = {name for name, process in processes().items() if process.restricted}


class Recorded:
    """What a process recorded through runs: its acts, the runs of the server by id, and the facts by case."""

    def __init__(self, home: Path) -> None:
        """Record each act by a run of its own, as a command does."""
        made = Operations(home, each_kind.TODAY.isoformat())
        try:
            command = [sys.executable, "-m", "tests.support.each_kind"]
            done = subprocess.run(command, env=made.environment, cwd=ROOT, capture_output=True, text=True, check=False)
            assert (done.returncode, done.stderr) == (0, "")
            self.acts = [json.loads(line) for line in done.stdout.splitlines()]
            self.runs = {run["id"]: run for run in self._every_run(made)}
            self.facts: dict[str, list[StoredFact]] = {act["case"]: made.team.lines(act["case"]) for act in self.acts}
        finally:
            made.server.stop()
            made.team.first.engine.dispose()
        files = made.settings.prefect_home.rglob("prefect.db*")
        self.stored = b"".join(path.read_bytes() for path in files if path.is_file())

    @staticmethod
    def _every_run(made: Operations) -> Iterator[dict[str, Any]]:
        """Every run of the server, 200 at a time."""
        offset = 0
        while found := made.ask("flow_runs/filter", {"limit": 200, "offset": offset, "sort": "ID_DESC"}):
            yield from found
            offset += len(found)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """The whole walk, once for the tests below."""
    return Recorded(tmp_path_factory.mktemp("each-kind") / "var")


def test_every_kind_of_every_process_is_in_the_history_by_its_run(recorded: Recorded) -> None:
    """A process that is added is walked too. A kind that no run recorded fails here."""
    found: dict[str, set[str]] = {name: set() for name in processes()}
    for act in recorded.acts:
        for fact in recorded.facts[act["case"]]:
            if fact.run is not None and fact.kind not in ENGINE_ONLY:
                shown = recorded.runs[fact.run]["parameters"]
                assert shown["case"] == act["case"] and fact.kind in shown["fact"].split(",")
                found[act["process"]].add(fact.kind)
    named = {name: each_kind.kinds_of(process) - each_kind.not_named() for name, process in processes().items()}
    missing = {name: sorted(kinds - found[name]) for name, kinds in named.items() if name not in RESTRICTED}
    assert {name: kinds for name, kinds in missing.items() if kinds} == {}


def test_no_run_is_red_and_each_act_has_one(recorded: Recorded) -> None:
    ends = {(run["state_type"], run["state_name"]) for run in recorded.runs.values()}
    assert ends == {("COMPLETED", EndState.RECORDED)}
    acts = sorted((act["case"], act["kinds"]) for act in recorded.acts if act["shown"])
    shown = [run["parameters"] for run in recorded.runs.values()]
    assert sorted((each["case"], sorted(set(each["fact"].split(",")))) for each in shown) == acts


def test_what_prefect_may_not_name_is_recorded_without_a_run(recorded: Recorded) -> None:
    """Each kind of a restricted process, and of the others a death and a flag."""
    of_process: dict[str, set[str]] = {name: set() for name in processes()}
    for act in recorded.acts:
        for fact in recorded.facts[act["case"]]:
            if fact.run is None and fact.caused_by is None:
                of_process[act["process"]].add(fact.kind)
    for name, process in processes().items():
        kinds = each_kind.kinds_of(process)
        assert of_process[name] >= (kinds if name in RESTRICTED else kinds & each_kind.not_named()), name
    cases = {act["case"] for act in recorded.acts if act["process"] in RESTRICTED}
    assert cases and not {run["parameters"]["case"] for run in recorded.runs.values()} & cases


def test_no_words_of_a_person_are_in_prefect(recorded: Recorded) -> None:
    """Every byte of its database. The fields for words of a person had names and clinical words in them."""
    assert b"record KD" in recorded.stored, "the search reads what is stored"
    assert [canary for canary in (*CANARIES, "said so") if canary.encode() in recorded.stored] == []
