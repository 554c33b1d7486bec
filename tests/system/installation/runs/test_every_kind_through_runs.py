"""Every kind of fact of every process is recorded through a real run of Prefect, and no run is red.

Kinds with a digit in their names were recorded once, and their runs were red: the server refused a parameter.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flows.run_ends import EndState
from models.common_facts import ENGINE_ONLY
from models.facts import StoredFact
from statemachines.registry import processes
from tests.support import each_kind, fork_server
from tests.support.canaries import CANARIES
from tests.support.prefect_server import PrefectServer
from tests.support.team import Team

pytestmark = [pytest.mark.installation, pytest.mark.timeout(900)]
RESTRICTED = {name for name, process in processes().items() if process.restricted}


class Recorded:
    """What a process recorded through runs: its acts, the runs of the server by id, and the facts by case."""

    def __init__(self, prefect: PrefectServer, home: Path) -> None:
        """Record each act by a run of its own, as a command does."""
        team = Team(home)
        before = {run["id"] for run in prefect.every_run()}
        environment = prefect.environment(prefect.of(home, each_kind.TODAY))
        program = "from tests.support.each_kind import main; main()"
        done = fork_server.run(program, env=environment, prefect=prefect.address)
        assert (done.returncode, done.stderr) == (0, "")
        self.acts = [json.loads(line) for line in done.stdout.splitlines()]
        self.runs = {run["id"]: run for run in prefect.every_run() if run["id"] not in before}
        self.facts: dict[str, list[StoredFact]] = {act["case"]: team.lines(act["case"]) for act in self.acts}
        team.first.engine.dispose()
        self.stored = prefect.stored


@pytest.fixture(scope="module")
def recorded(prefect: PrefectServer, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """The whole walk, once for the tests below."""
    return Recorded(prefect, tmp_path_factory.mktemp("each-kind") / "var")


def test_every_kind_of_every_process_is_in_the_history_by_its_run(recorded: Recorded) -> None:
    """A process that is added is walked too. A kind that no run recorded fails here."""
    found: dict[str, set[str]] = {name: set() for name in processes()}
    for act in recorded.acts:
        for fact in recorded.facts[act["case"]]:
            if fact.run is not None and fact.kind not in ENGINE_ONLY:
                shown = recorded.runs[fact.run]["parameters"]
                assert shown["case"] == act["case"]
                # The items of a sample are drawn with it: no person names them.
                assert fact.kind in shown["fact"].split(",") or fact.kind == "item_drawn"
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
