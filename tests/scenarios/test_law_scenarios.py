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

LAW, ALMANAC = load_law(), load_calendar()
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


@pytest.mark.parametrize(
    ("process", "told"), SCENARIOS, ids=[f"{told['rule']} {told['on']}: {told['says'][:60]}" for _, told in SCENARIOS]
)
def test_scenario(process: str, told: dict[str, Any]) -> None:
    assert set(told) <= KNOWN, "a scenario says something that nothing checks"
    assert told["from"], "a scenario names its source"
    assert LAW.rule(told["rule"]).process == process
    if "error" in told:
        with pytest.raises(NoAnswer, match=told["error"]):
            calculate(LAW, ALMANAC, told["rule"], told["on"], told.get("given", {}))
        return
    answer = calculate(LAW, ALMANAC, told["rule"], told["on"], told.get("given", {}))
    assert (answer.due, answer.strict_due, answer.act_by) == (
        told.get("due"),
        told.get("strict_due"),
        told.get("act_by"),
    )
    assert answer.enabled is told.get("enabled", True)
    if "due_at" in told:
        assert answer.model_dump(mode="json")["due_at"] == told["due_at"]
    if "version_from" in told:
        assert str(answer.version_from or "none") == told["version_from"]
    if "excuses" in told:
        assert list(answer.excuses) == told["excuses"]
    assert told.get("reason", "") in (answer.reason or "")
    assert (answer.reason is None) == ("reason" not in told)
    for words in told.get("steps_say", ()):
        assert any(words in step for step in answer.steps), f"no step says {words!r}: {answer.steps}"


def test_every_rule_has_a_scenario() -> None:
    assert {told["rule"] for _, told in SCENARIOS} == set(LAW.rules)


def test_every_excuse_of_the_process_is_met_in_a_scenario() -> None:
    listed = {
        ground
        for rule in LAW.for_process("ehc_needs_assessment")
        for period in rule.period
        for ground in period.excuses
    }
    met = {
        ground for process, told in SCENARIOS if process == "ehc_needs_assessment" for ground in told.get("excuses", ())
    }
    assert met == listed | {"coronavirus"}


def test_the_corrected_receipt_date_moves_all_three_dates() -> None:
    before, after = (
        calculate(LAW, ALMANAC, "ehc_body_advice_respond", day) for day in (date(2026, 3, 2), date(2026, 3, 9))
    )
    assert [str(after.due), str(after.strict_due), str(after.act_by)] == ["2026-04-20", "2026-04-19", "2026-04-17"]
    assert before.due != after.due
