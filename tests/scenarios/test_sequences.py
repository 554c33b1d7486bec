"""Sequences of real life, fact by fact (tests/scenarios/sequences/*.toml): what happened is recorded, lawful or not,
and the duties have the standing that the law gives them.

A file holds the sequences of one process, or of two that act on each other. References, days and children are invented;
`source` names a published decision that has the kind of sequence. Each sequence has an installation of its own.

[[sequence]]         id, title, provision; note, source
[[sequence.step]]    case, fact, on; data = {...}; why
    expect = "refused"      it cannot have happened; `says` is a part of the refusal
    expect = "either"       the sequence asks nothing of it
    marked = true | false   whether the record marks it as out of order
    corrects = N            it corrects or withdraws fact N of the case
[[sequence.holds]]   as_at, why, and
    case               whose duties are read; left out with `overdue` alone
    state              the state of the case on that day
    rule               and of its duties, narrowed down by body, service, started_on:
    due, strict_due, standing, days_late, met_on, ended_on     one of them has all the values that are given
    not_standing = [...]     there is one, and none has any of these standings
    open, met = true | false    one (none) of them is open, is met, on that day; `met = false` asks for a duty
    none = true        there is no such duty
    overdue = N        the worklist of that day has N lines of the rule
"""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from casework.cases.record import record
from casework.cases.validation import Refused
from casework.reports.case_models import CaseReport, DutyShown
from casework.reports.case_report import report
from casework.reports.worklists import overdue
from models.enums import DutyStatus
from models.facts import FactDraft
from tests.support.team import Team

FOLDER = Path(__file__).parent / "sequences"
FILES = sorted(FOLDER.glob("*.toml"))
# Later than every day in the files. What is recorded on a day to come is a simulation.
TODAY = "2026-11-20"
SEQUENCE = {"id", "title", "provision", "note", "source", "step", "holds"}
STEP = {"case", "fact", "on", "data", "why", "expect", "says", "marked", "corrects"}
NARROW = ("body", "service", "started_on")
VALUES = ("due", "strict_due", "standing", "days_late", "met_on", "ended_on")
OF_DUTIES = {*VALUES, "not_standing", "open", "met", "none"}
HOLDS = {"case", "as_at", "rule", "why", "state", "overdue", *NARROW, *OF_DUTIES}
Table = Mapping[str, Any]
SEQUENCES: list[tuple[str, Table]] = [
    (file.stem, each) for file in FILES for each in tomllib.loads(file.read_text(encoding="utf-8"))["sequence"]
]


def test_each_sequence_is_written_as_the_test_reads_it() -> None:
    ids = [each["id"] for _file, each in SEQUENCES]
    assert len(set(ids)) == len(ids), "two sequences have the same id"
    for name, each in SEQUENCES:
        where = f"{name}.toml, {each['id']}"
        assert set(each) <= SEQUENCE, where
        assert each["title"] and each["provision"], where
        assert each.get("holds") or any(step.get("expect") == "refused" for step in each["step"]), f"{where}: no claim"
        for step in each["step"]:
            assert {"case", "fact", "on"} <= set(step) <= STEP, where
            assert step.get("expect", "accepted") in ("accepted", "refused", "either"), where
        for hold in each.get("holds", []):
            assert {"as_at", "why"} <= set(hold) <= HOLDS, where
            assert set(hold) & {*OF_DUTIES, "state", "overdue"}, f"{where}: a line that says nothing"
            assert "case" in hold or set(hold) & {*OF_DUTIES, "state"} == set(), where
            assert "rule" in hold or set(hold) & {*OF_DUTIES, "overdue"} == set(), where
            named = [*hold.get("not_standing", []), *([hold["standing"]] if "standing" in hold else [])]
            assert set(named) <= {status.value for status in DutyStatus}, where


@pytest.mark.parametrize("each", [each for _file, each in SEQUENCES], ids=[each["id"] for _file, each in SEQUENCES])
def test_what_happened_is_recorded_and_the_duties_stand_as_the_law_says(
    each: Table, teams: Callable[[str], Team]
) -> None:
    team = teams(each["id"])
    for number, step in enumerate(each["step"], 1):
        _play(team, step, f"step {number}, {step['case']} {step['fact']} of {step['on']}")
    found = [problem for number, hold in enumerate(each.get("holds", []), 1) for problem in _wrong(team, number, hold)]
    assert found == []


def _play(team: Team, step: Table, where: str) -> None:
    """Record one step as it is expected to go."""
    data = {key: _plain(value) for key, value in step.get("data", {}).items()}
    draft = FactDraft(step["fact"], step["on"], data, step.get("corrects"))
    expect = step.get("expect", "accepted")
    try:
        recorded = record(team.context(TODAY), step["case"], [draft], "dco.team")
    except Refused as refused:
        assert expect != "accepted", f"{where}: refused, and it happens: {refused.message}"
        assert step.get("says", "") in refused.message, f"{where}: {refused.message}"
        return
    assert expect != "refused", f"{where}: accepted, and it cannot be"
    if "marked" in step:
        shown = report(team.context(TODAY), recorded.case_ref).facts
        words = next(fact.out_of_order for fact in shown if fact.seq == recorded.seq)
        assert (words is not None) is step["marked"], f"{where}: {words or 'not marked as out of order'}"


def _wrong(team: Team, number: int, hold: Table) -> Iterator[str]:
    """How a line of `holds` differs from what is found."""
    as_at: date = hold["as_at"]
    where = f"holds {number}, {hold.get('case', 'all cases')} as at {as_at}, {hold.get('rule', 'state')}"
    if "case" in hold:
        case = report(team.context(TODAY), hold["case"], as_at)
        if "state" in hold and case.state != hold["state"]:
            yield f"{where}: expected state {hold['state']}, is {case.state}"
        if "rule" in hold:
            yield from (f"{where}: {problem}" for problem in _judge(hold, case))
    if "overdue" in hold:
        lines = [row for row in overdue(team.context(as_at), as_at) if row.rule == hold["rule"]]
        if len(lines) != hold["overdue"]:
            yield f"{where}: the worklist has {len(lines)} lines of it, expected {hold['overdue']}"


def _judge(hold: Table, case: CaseReport) -> Iterator[str]:
    """How the duties of one rule differ from what is right on that day."""
    as_at: date = hold["as_at"]
    mine = [
        duty for duty in case.duties if duty.rule == hold["rule"] and _is(duty, {key: hold.get(key) for key in NARROW})
    ]
    wanted = {key: hold[key] for key in VALUES if key in hold}
    met = [duty for duty in mine if _by(duty.met_on, as_at)]
    still_open = [duty for duty in mine if not _by(duty.met_on, as_at) and not _by(duty.ended_on, as_at)]
    shown = "; ".join(_words(duty) for duty in mine) or "no such duty"
    right = {
        f"{wanted}": not wanted or any(_is(duty, wanted, exactly=True) for duty in mine),
        f"none of {hold.get('not_standing')}": "not_standing" not in hold
        or (bool(mine) and not any(duty.standing in hold["not_standing"] for duty in mine)),
        f"open {hold.get('open')}": "open" not in hold or hold["open"] is bool(still_open),
        f"met {hold.get('met')}": "met" not in hold or (bool(mine) and hold["met"] is bool(met)),
        "no such duty": not hold.get("none") or not mine,
    }
    return (f"expected {claim}; is {shown}" for claim, holds in right.items() if not holds)


def _is(duty: DutyShown, values: Table, exactly: bool = False) -> bool:
    """Whether a duty has these values; a value that is None narrows nothing unless `exactly`."""
    return all(getattr(duty, key) == value for key, value in values.items() if exactly or value is not None)


def _by(closed_on: date | None, as_at: date) -> bool:
    return closed_on is not None and closed_on <= as_at


def _words(duty: DutyShown) -> str:
    fields = ("started_on", "body", *VALUES)
    return ", ".join(f"{key} {getattr(duty, key)}" for key in fields if getattr(duty, key) is not None)


def _plain(value: object) -> object:
    """A TOML value as a person types it on the command line."""
    return value.isoformat() if isinstance(value, date) else str(value)
