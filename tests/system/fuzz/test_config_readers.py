"""The reader of a configuration file accepts any content or refuses it with its own message: it raises no other
exception, and it ends.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.directory import DirectoryError, load_directory
from config.escalation_policy import EscalationPolicyError, load_escalation_policy
from config.law import LawError, NoAnswer, load_law
from config.toml_reader import ConfigFault
from config.tracker_columns import TrackerError, load_columns
from deadlines.working_calendar import load_calendar
from tests.support.examples import examples
from tests.support.paths import ROOT

CONFIG = ROOT / "config"
QUIET = settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
TOKENS = (
    "0",
    "-1",
    "99999999999999999999",
    "1.5",
    "nan",
    "inf",
    "true",
    '""',
    '"x"',
    "[]",
    "[[]]",
    "{}",
    "{a = 1}",
    "1979-05-27",
    "9999-12-31",
    "0001-01-01",
    "12:00:00",
    "1979-05-27T07:32:00Z",
    '"\\u0000"',
    '"\u202e"',
    '"' + "a" * 5000 + '"',
    '[1, "a"]',
    '"2026-02-30"',
    '"weeks"',
    '"\\n"',
)


def changed(raw: bytes, data: Any) -> bytes:
    """Change a few values, lines or bytes of a shipped file: most remain TOML, so more than the first reader is
    tested.
    """
    lines = raw.decode("utf-8").split("\n")
    places = [number for number, line in enumerate(lines) if line.strip() and not line.startswith("#")]
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.sampled_from(places))
        match data.draw(st.sampled_from(("value", "value", "value", "drop", "double", "key", "swap", "bytes"))):
            case "value":
                key, equals, _old = lines[at].partition("=")
                lines[at] = f"{key}{equals} {data.draw(st.sampled_from(TOKENS))}" if equals else lines[at]
            case "drop":
                lines[at] = ""
            case "double":
                lines[at] += "\n" + lines[at]
            case "key":
                lines[at] = f"{data.draw(st.sampled_from(('unknown', 'id', 'from', 'on', 'ünï')))} = 1\n{lines[at]}"
            case "swap":
                other = data.draw(st.sampled_from(places))
                lines[at], lines[other] = lines[other], lines[at]
            case _:
                made = bytearray("\n".join(lines).encode())
                made[data.draw(st.integers(0, len(made) - 1))] = data.draw(st.integers(0, 255))
                return bytes(made)
    return "\n".join(lines).encode()


def read_or_refuse(read: Callable[[], object], *own: type[Exception]) -> None:
    """Read the file. A refusal is a sentence of limited length, in few lines and without a dump."""
    try:
        read()
    except own as problem:
        assert 10 < len(str(problem)) < 4000
        assert "Traceback" not in str(problem)
        assert "pydantic.dev" not in str(problem)


@QUIET
@given(data=st.data())
def test_the_directory(tmp_path: Path, data: Any) -> None:
    file = tmp_path / "directory.toml"
    file.write_bytes(changed((CONFIG / "directory.toml").read_bytes(), data))
    read_or_refuse(lambda: load_directory(file), DirectoryError)


@QUIET
@given(data=st.data())
def test_the_columns_of_a_tracker(tmp_path: Path, data: Any) -> None:
    file = tmp_path / "tracker.toml"
    file.write_bytes(changed((CONFIG / "tracker.toml").read_bytes(), data))
    read_or_refuse(lambda: load_columns(file), TrackerError)


@pytest.mark.parametrize("name", ["ehc_needs_assessment.toml", "continuing_care.toml", "tribunal.toml"])
@QUIET
@given(data=st.data())
def test_a_ladder(tmp_path: Path, name: str, data: Any) -> None:
    file = tmp_path / name
    file.write_bytes(changed((CONFIG / "ladder" / name).read_bytes(), data))
    read_or_refuse(lambda: load_escalation_policy(file), EscalationPolicyError, ConfigFault)


@pytest.mark.parametrize("name", ["bank_holidays.toml", "tribunal.toml"])
@QUIET
@given(data=st.data())
def test_the_working_day_calendar(tmp_path: Path, name: str, data: Any) -> None:
    over = tmp_path / "almanac"
    over.mkdir(exist_ok=True)
    (over / name).write_bytes(changed((CONFIG / "almanac" / name).read_bytes(), data))
    read_or_refuse(lambda: load_calendar(CONFIG / "almanac", over), ConfigFault, NoAnswer)


@pytest.mark.parametrize(
    "name",
    [
        "statute/ehc_needs_assessment.toml",
        "statute/tribunal.orders.toml",
        "statute/personal_budget.toml",
        "grounds.toml",
    ],
)
@QUIET
@given(data=st.data())
def test_the_statute(tmp_path: Path, name: str, data: Any) -> None:
    folder = tmp_path / "config"
    if not folder.exists():
        shutil.copytree(CONFIG / "statute", folder / "statute")
        shutil.copy(CONFIG / "grounds.toml", folder)
    (folder / name).write_bytes(changed((CONFIG / name).read_bytes(), data))
    read_or_refuse(lambda: load_law(folder), ConfigFault, LawError, NoAnswer)
