"""A program in another language, written from docs/reference/history-format.md alone, replays every golden history.

Of the histories that sendflow refuses, it refuses those that the transition table refuses. Guards are in words there.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from models.facts import parse_fact
from statemachines.replay import replay
from tests.scenarios.test_histories import FILES, FOLDER, YOUNGER
from tests.support.paths import ROOT

PAGE = ROOT / "docs" / "reference" / "history-format.md"
PROGRAM = Path(__file__).with_name("replay.mjs")
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="needs node, to run the program in JavaScript")
BY_THE_TABLE = "is refused: on that day the case "


@cache
def found() -> dict[str, dict[str, Any]]:
    """What the program prints of every golden history, by the name of its file."""
    run = subprocess.run(
        [str(NODE), str(PROGRAM), str(PAGE), *map(str, FILES)], capture_output=True, text=True, timeout=120, check=True
    )
    rows = [json.loads(line) for line in run.stdout.splitlines()]
    return {Path(row["file"]).stem: row for row in rows}


def expected_of(file: Path) -> dict[str, Any]:
    first: dict[str, Any] = json.loads(file.read_text("utf-8").partition("\n")[0])
    return first


GIVEN = {file.stem: expected_of(file) for file in FILES}
STORED = [stem for stem, given in GIVEN.items() if "refused" not in given]
REFUSED = [stem for stem, given in GIVEN.items() if BY_THE_TABLE in given.get("refused", "")]


@pytest.mark.parametrize("stem", STORED)
def test_it_derives_the_state_the_items_the_duties_and_their_dates(stem: str) -> None:
    row, given = found()[stem], GIVEN[stem]
    assert "error" not in row, row
    known = {duty["rule"] for duty in given["duties"]}
    duties = [duty for duty in row["duties"] if duty["rule"] in known or duty["rule"] not in YOUNGER]
    assert (row["state"], row["head"], row["steps"]) == (given["state"], given["head"], given["rungs"])
    assert duties == given["duties"]
    lines = (FOLDER / f"{stem}.jsonl").read_bytes().splitlines()[1:]
    items = replay(json.loads(lines[0])["case_ref"], map(parse_fact, lines)).items
    assert row["items"] == {code: item.state for code, item in items.items()}


@pytest.mark.parametrize("stem", REFUSED)
def test_it_refuses_what_the_table_does_not_permit(stem: str) -> None:
    assert GIVEN[stem]["refused"].startswith(found()[stem]["refused"])


def test_the_histories_of_every_process_are_among_them() -> None:
    assert len(STORED) > 80
    assert len(REFUSED) >= 2
    assert any(row.get("items") for row in found().values())
