"""hypothesis sends any JSON and bytes to the address of reports, with the right token: no fault, and no change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from casework.delivery.deliver import deliver
from casework.delivery.receipts import FAILED
from notifications.notify import NotifyTransport
from tests.support.examples import examples
from tests.support.notify_double import TOKEN, running_notify
from tests.support.team import Team
from tests.web.conftest import Browser, browser_of
from web.installation import Installation

PATH, RIGHT = "/notify/receipts", {"authorization": f"Bearer {TOKEN}"}
QUIET = settings(max_examples=examples(25), deadline=None, suppress_health_check=list(HealthCheck))
TEXT = st.text(max_size=40)
NAMES = st.sampled_from(("id", "reference", "status", "to", "template_version", ""))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT | st.sampled_from(("delivered", *FAILED)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | TEXT, inner, max_size=4),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def called(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Browser, Team]]:
    team = Team(tmp_path_factory.mktemp("callbacks") / "var").opened("2 Mar 2026").asked("2 Mar 2026")
    with running_notify() as double:
        deliver(team.context("2 Mar 2026"), transport=NotifyTransport(double.access, 5))
        context = team.context("2 Mar 2026")
        context = replace(context, settings=replace(context.settings, notify=double.access))
        installation = Installation(context.settings, context)
        browser = browser_of(installation)
        del browser.headers["sec-fetch-site"]
        yield browser, team
        installation.close()


def test_any_document_is_answered_and_changes_nothing(called: tuple[Browser, Team]) -> None:
    browser, team = called
    before = team.dump()

    @QUIET
    @given(st.dictionaries(NAMES, VALUES, max_size=5) | VALUES)
    def tried(document: Any) -> None:
        try:
            raw = orjson.dumps(document)
        except TypeError:  # text that is no UTF-8
            return
        answer = browser.post(PATH, content=raw, headers={**RIGHT, "content-type": "application/json"})
        assert answer.status_code in (204, 400)

    tried()
    assert team.dump() == before


def test_any_bytes_are_answered_and_change_nothing(called: tuple[Browser, Team]) -> None:
    browser, team = called
    before = team.dump()

    @QUIET
    @given(st.binary(max_size=200), st.sampled_from(("application/json", "text/plain", "")))
    def tried(raw: bytes, kind: str) -> None:
        answer = browser.post(PATH, content=raw, headers={**RIGHT, "content-type": kind})
        assert answer.status_code in (204, 400)

    tried()
    assert team.dump() == before
