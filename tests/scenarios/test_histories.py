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
# A kind that a process cannot have, and why. What is said here of the law is checked against it below.
CANNOT = {
    (
        "continuing_care",
        "excused",
    ): (
        "the National Framework of 2016 lists no ground on which a date may be missed, so that no claim can be accepted"
        " on a duty"
    ),
}


def stem(process: str, kind: str) -> str:
    return kind if process == "ehc_needs_assessment" else f"{process}_{kind}"


def test_the_kinds_of_history_that_must_replay_are_there() -> None:
    there = {file.stem for file in FILES}
    assert {"answered_without_advice", "returned_and_reopened", "refused_reversed_planned"} <= there
    for rule, history in YOUNGER.items():
        assert rule in {
            duty["rule"] for duty in orjson.loads((FOLDER / f"{history}.jsonl").read_bytes().splitlines()[0])["duties"]
        }
    missing = {(process, kind) for process in processes() for kind in KINDS if stem(process, kind) not in there}
    assert missing == set(CANNOT), (
        "python -m tests.support.add_history adds one; what cannot be has its reason in CANNOT"
    )
    assert not [
        rule.id
        for rule in load_law().duties_of("continuing_care")
        for period in rule.period
        if period.excuses or rule.excuse_overlay
    ]


@pytest.mark.parametrize(
    ("process", "kind"), [(process, kind) for process in processes() for kind in KINDS if (process, kind) not in CANNOT]
)
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
