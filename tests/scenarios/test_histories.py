"""Golden histories replay for ever: each file holds facts as they were written, and what sendflow derived from them on
the day it was added.

A file is JSON lines. The first says what the history shows and what is expected of it (`state`, `duties`, `rungs`, and
`head`, the hash of the last fact); or `refused`, the beginning of the sentence with which it must be refused. Each
further line is one fact's canonical text. The test hashes and replays from the file alone: no database, no clock. A
file is never written again: a machine, a statute or a replay that no longer accepts one has broken the past. `python -m
tests.support.add_history` adds a new one.
"""

from pathlib import Path
from typing import Any

import orjson
import pytest

from config.law import load_law
from deadlines.duties import duties_of
from deadlines.status import days_late, status_of
from models.enums import About
from models.facts import GENESIS, canonical, parse_fact
from models.ledger import link
from statemachines.process import NotPermitted
from statemachines.registry import processes
from statemachines.replay import replay
from tests.support.by_hand import book, dates_of, day
from tests.support.paths import GOLDEN

FOLDER = GOLDEN / "histories"
FILES = sorted(FOLDER.glob("*.jsonl"))


def result_of(lines: list[bytes], as_at: str) -> dict[str, Any]:
    """Replay canonical texts up to a day: return state, head, duties and escalation facts in force.

    Raises NotPermitted.
    """
    head = GENESIS
    for text in lines:
        head = link(head, text)
    facts = [parse_fact(text) for text in lines]
    casefile = replay(orjson.loads(lines[0])["case_ref"], facts)
    duties = duties_of(casefile.lines, book(casefile.process), dates_of(), casefile.claims.values())
    when = day(as_at)
    return {
        "state": casefile.state,
        "head": head,
        "duties": [
            {
                "rule": duty.rule,
                "body": duty.body,
                "service": duty.service,
                "opened_seq": duty.opened_seq,
                "started_on": duty.started_on.isoformat(),
                "due": duty.dates.due and duty.dates.due.isoformat(),
                "strict_due": duty.dates.strict_due and duty.dates.strict_due.isoformat(),
                "met_on": duty.met_on and duty.met_on.isoformat(),
                "ended_on": duty.ended_on and duty.ended_on.isoformat(),
                # How a duty that ended unmet is shown is a matter of presentation, which may get better; its dates may
                # not.
                "standing": None if duty.ended_on else status_of(duty, when).value,
                "days_late": None if duty.ended_on else days_late(duty, when),
                "excuse": duty.excuse and duty.excuse.ground,
            }
            for duty in duties
        ],
        "rungs": [
            f"{rung.occurred_on.isoformat()} {rung.rung}"
            for rung in casefile.steps_recorded.values()
            if not rung.withdrawn
        ],
    }


# Rules that came into the folder after a history was written: they open a duty of their own on it, and change none that
# it had.
YOUNGER = {"rcb_take_part_mediation": "mediation_mixed"}  # and the first history that has it
KINDS = ("on_time", "late", "excused", "withdrawn", "corrected", "moved_area", "spoiled")


def stem(process: str, kind: str) -> str:
    return kind if process == "ehc_needs_assessment" else f"{process}_{kind}"


def owed(name: str) -> tuple[str, ...]:
    """The kinds of history that a process has to have, by what it can do.

    A process without an exception in its law has no excused duty. A case that names no authority cannot move.
    """
    process, rules = processes()[name], load_law().duties_of(name)
    can = {
        "late": any(period.counts not in ("none", "local") for rule in rules for period in rule.period),
        "excused": any(rule.excuse_overlay or period.excuses for rule in rules for period in rule.period),
        "withdrawn": "withdrawn" in process.final,
        "moved_area": process.about is About.CHILD and "la" in process.facts[process.opens].model.model_fields,
        "spoiled": any(fact.impossible_in or fact.guard for fact in process.facts.values()),
    }
    return tuple(kind for kind in KINDS if can.get(kind, True))


@pytest.mark.all_processes
def test_the_kinds_of_history_that_must_replay_are_there() -> None:
    there = {file.stem for file in FILES}
    assert {"answered_without_advice", "returned_and_reopened", "refused_reversed_planned"} <= there
    for rule, history in YOUNGER.items():
        assert rule in {
            duty["rule"] for duty in orjson.loads((FOLDER / f"{history}.jsonl").read_bytes().splitlines()[0])["duties"]
        }
    missing = {stem(name, kind) for name in processes() for kind in owed(name) if stem(name, kind) not in there}
    assert not missing, "python -m tests.support.add_histories PROCESS makes them from a file of cases"


def test_what_a_process_can_do_says_which_histories_it_owes() -> None:
    """The National Framework of 2016 lists no ground on which a date may be missed; every other law here does."""
    assert set(KINDS) - set(owed("continuing_care")) == {"excused"}
    assert owed("tribunal") == owed("ehc_needs_assessment") == KINDS


@pytest.mark.each_process
@pytest.mark.parametrize(("process", "kind"), [(process, kind) for process in processes() for kind in owed(process)])
def test_a_history_shows_what_its_name_says(process: str, kind: str) -> None:
    first, *lines = (FOLDER / f"{stem(process, kind)}.jsonl").read_bytes().splitlines()
    given, facts = orjson.loads(first), [orjson.loads(line) for line in lines]
    standings = {duty["standing"] for duty in given.get("duties", [])}
    assert {fact["process"] for fact in facts} == {process}
    shown = {
        "on_time": not standings & {"met_late", "breached", "excused"},
        "late": bool(standings & {"met_late", "breached"}),
        "excused": "excused" in standings,
        "withdrawn": given.get("state") == "withdrawn",
        "corrected": "fact_corrected" in {fact["kind"] for fact in facts},
        "moved_area": any(word in given["shows"] for word in ("move", "area", "another board")),
        "spoiled": "refused" in given,
    }
    assert shown[kind]


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_a_golden_history_replays(file: Path) -> None:
    first, *lines = file.read_bytes().splitlines()
    expected = orjson.loads(first)
    assert expected["shows"]
    for number, text in enumerate(lines, 1):
        assert canonical(orjson.loads(text)) == text, "a fact's text is canonical, to the byte"
        assert orjson.loads(text)["seq"] == number
    if "refused" in expected:
        with pytest.raises(NotPermitted) as refused:
            result_of(lines, expected["as_at"])
        assert refused.value.sentence.startswith(expected["refused"])
        return
    found = result_of(lines, expected["as_at"])
    known = {duty["rule"] for duty in expected["duties"]}
    found["duties"] = [duty for duty in found["duties"] if duty["rule"] in known or duty["rule"] not in YOUNGER]
    for part in ("state", "head", "duties", "rungs"):
        assert found[part] == expected[part], part
