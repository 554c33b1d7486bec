"""Each letter of a process that came later has a golden reading: its fields, and the text that a person reviewed."""

from pathlib import Path

import orjson
import pytest

from tests.support.add_histories import LETTERS, reading_of
from tests.support.release_templates import released_digests

pytestmark = pytest.mark.all_processes
SAMPLES = sorted(LETTERS.glob("*.json"))


def test_every_letter_that_was_released_by_name_has_a_reading() -> None:
    named = released_digests(shipped=False)
    assert {Path(name).stem for name in named if name.endswith(".md")} <= {sample.stem for sample in SAMPLES}, (
        "python -m tests.support.add_histories PROCESS writes it from a history whose jobs send the letter"
    )


def test_every_letter_with_a_reading_reads_as_reviewed() -> None:
    for sample in SAMPLES:
        content = orjson.loads(sample.read_bytes())
        assert reading_of(content) == sample.with_suffix(".txt").read_text("utf-8"), sample.name
