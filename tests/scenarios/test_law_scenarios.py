"""Scenarios in law's words: a start day, and the dates that a person works out with a paper calendar
(tests/scenarios/law/*.toml).
"""

import tomllib
from datetime import date
from typing import Any

import pytest

from config.law import NoAnswer, load_law
from deadlines.calculator import calculate
from deadlines.working_calendar import load_calendar
from tests.support.paths import LAW as LAW_FOLDER

LAW, CALENDAR = load_law(), load_calendar()
FILES = sorted(LAW_FOLDER.glob("*.toml"))
KNOWN = {
    "says",
    "from",
    "rule",
    "on",
    "given",
    "due",
    "strict_due",
    "act_by",
    "due_at",
    "reason",
    "error",
    "version_from",
    "excuses",
    "steps_say",
    "enabled",
}
SCENARIOS: list[tuple[str, dict[str, Any]]] = [
    (file.name.split(".")[0], scenario)
    for file in FILES
    for scenario in tomllib.loads(file.read_text(encoding="utf-8"))["scenario"]
]


@pytest.mark.each_process
@pytest.mark.parametrize(
    ("process", "row"),
    SCENARIOS,
    ids=[f"{process}: {row['rule']} {row['on']}: {row['says'][:60]}" for process, row in SCENARIOS],
)
def test_scenario(process: str, row: dict[str, Any]) -> None:
    assert set(row) <= KNOWN, "a scenario says something that nothing checks"
    assert row["from"], "a scenario names its source"
    assert LAW.rule(row["rule"]).process == process
    if "error" in row:
        with pytest.raises(NoAnswer, match=row["error"]):
            calculate(LAW, CALENDAR, row["rule"], row["on"], row.get("given", {}))
        return
    answer = calculate(LAW, CALENDAR, row["rule"], row["on"], row.get("given", {}))
    assert (answer.due, answer.strict_due, answer.act_by) == (
        row.get("due"),
        row.get("strict_due"),
        row.get("act_by"),
    )
    assert answer.enabled is row.get("enabled", True)
    if "due_at" in row:
        assert answer.model_dump(mode="json")["due_at"] == row["due_at"]
    if "version_from" in row:
        assert str(answer.version_from or "none") == row["version_from"]
    if "excuses" in row:
        assert list(answer.excuses) == row["excuses"]
    assert row.get("reason", "") in (answer.reason or "")
    assert (answer.reason is None) == ("reason" not in row)
    for words in row.get("steps_say", ()):
        assert any(words in step for step in answer.steps), f"no step says {words!r}: {answer.steps}"


@pytest.mark.all_processes
def test_every_rule_has_a_scenario() -> None:
    assert {row["rule"] for _, row in SCENARIOS} == set(LAW.rules)


def test_every_excuse_of_the_process_is_met_in_a_scenario() -> None:
    listed = {
        ground
        for rule in LAW.for_process("ehc_needs_assessment")
        for period in rule.period
        for ground in period.excuses
    }
    met = {
        ground for process, row in SCENARIOS if process == "ehc_needs_assessment" for ground in row.get("excuses", ())
    }
    assert met == listed | {"coronavirus"}


def test_the_corrected_receipt_date_moves_all_three_dates() -> None:
    before, after = (
        calculate(LAW, CALENDAR, "ehc_body_advice_respond", day) for day in (date(2026, 3, 2), date(2026, 3, 9))
    )
    assert [str(after.due), str(after.strict_due), str(after.act_by)] == ["2026-04-20", "2026-04-19", "2026-04-17"]
    assert before.due != after.due
