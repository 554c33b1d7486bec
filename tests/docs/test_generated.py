"""Generated pages are up to date, and every decision record governs modules that exist."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import name_of
from tests.support.paths import ROOT
from tools.generated_docs import WRITTEN, Decision, decisions

RECORDS = list(decisions())


@pytest.mark.all_processes
@pytest.mark.parametrize("page", WRITTEN, ids=name_of)
def test_a_generated_page_is_up_to_date(page: Path) -> None:
    assert page.read_text("utf-8") == WRITTEN[page](), f"{name_of(page)}: run .venv/bin/python -m tools.generated_docs"


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.number)
def test_a_decision_record_governs_modules_that_exist(record: Decision) -> None:
    assert record.governs
    assert [path for path in record.governs if not (ROOT / path).exists()] == []


def test_each_number_is_one_record() -> None:
    numbers = [record.number for record in RECORDS]
    merged = {number for record in RECORDS for number in record.includes}
    assert len(numbers) == len(set(numbers))
    assert set(numbers) & merged == set()
    assert all(record.path.name.startswith(record.number) for record in RECORDS)
