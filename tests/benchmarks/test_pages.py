"""The measures of the pages at a tiny size: they run, and each page is asked over HTTP."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.harness.databases import Ground, OnSqlite
from benchmarks.harness.workload import Workshop
from benchmarks.measures import pages


@pytest.mark.skipif("ROUNDS" not in os.environ, reason="it takes a minute: make faults runs it")
@pytest.mark.timeout(600)
def test_the_pages_are_measured_beside_an_empty_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a tiny size: each page is asked over HTTP while another process records."""
    tiny = {"MANY": 400, "FEW": 300, "TIMES": 3, "WARM": 1, "TODAYS": 2, "ROUNDS": 1, "ROUND_SECONDS": 0.3}
    for name, value in tiny.items():
        monkeypatch.setattr(pages, name, value)
    shop = Workshop(tmp_path)
    here = Ground(shop, OnSqlite(shop), "not measured")
    measured, waited = pages.pages(here, 1 / 20_000, lambda _line: None)
    assert [each.measure for each in measured] == list(pages.NAMES)
    assert all(each.ratio > 0 for each in measured)
    assert {each.what for each in waited if each.what.startswith("page: ")} == {
        "page: Today",
        "page: the list of cases",
        "page: a case",
        "page: a recording",
        "page: Today among 300 open duties, 200 late",
        "page: Today among 400 open duties, 200 late",
    }
