"""The hazard log names tests that exist, and its risks follow its matrix."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from tests.support.paths import ROOT

LOG = (ROOT / "docs" / "safety" / "hazard-log.md").read_text(encoding="utf-8")
HAZARDS = {part.split(" ", 1)[0]: part for part in re.split(r"^## ", LOG, flags=re.MULTILINE)[1:]}
GUARD = re.compile(r"`(tests/[a-z0-9_/]+\.py)::(test_[a-z0-9_]+)`")
RISK = re.compile(r"^- Before: ([a-z]+), ([a-z ]+), risk (\d)\. After: ([a-z]+), ([a-z ]+), risk (\d)\.$", re.MULTILINE)
ROWS = [line.strip("| ").split(" | ") for line in LOG.splitlines() if re.match(r"^\| (very |high|medium|low)", line)]
MATRIX = {likelihood: [int(risk) for risk in risks] for likelihood, *risks in ROWS}
SEVERITIES = ("minor", "significant", "considerable", "major", "catastrophic")


@cache
def defined_in(path: str) -> set[str]:
    """Return the names of the tests in a file."""
    return {
        node.name
        for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    }


def test_the_hazards_are_numbered_and_complete() -> None:
    """Each has a cause, an effect, controls, a risk before and after, and guards."""
    assert [f"H-{number:02d}" for number in range(1, len(HAZARDS) + 1)] == list(HAZARDS)
    assert len(HAZARDS) > 12
    for text in HAZARDS.values():
        assert [line.split(":")[0] for line in text.splitlines() if line.startswith("- ")] == [
            "- Cause",
            "- Effect",
            "- Controls",
            "- Before",
            "- Guards",
        ]


@pytest.mark.parametrize("hazard", HAZARDS)
def test_every_hazard_is_guarded_by_tests_that_exist(hazard: str) -> None:
    """A control without a test is a hope."""
    guards = GUARD.findall(HAZARDS[hazard].partition("- Guards:")[2])
    assert guards
    assert [
        f"{path}::{name}" for path, name in guards if not (ROOT / path).is_file() or name not in defined_in(path)
    ] == []


@pytest.mark.parametrize("hazard", HAZARDS)
def test_every_risk_follows_the_matrix_and_no_remaining_risk_is_high(hazard: str) -> None:
    """The same severity and likelihood always give the same number."""
    found = RISK.search(HAZARDS[hazard])
    assert found is not None
    before, after = found.groups()[:3], found.groups()[3:]
    for severity, likelihood, risk in (before, after):
        assert MATRIX[likelihood][SEVERITIES.index(severity)] == int(risk)
    assert int(after[2]) < int(before[2])
    assert int(after[2]) <= 2
