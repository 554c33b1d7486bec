"""GOV.UK Notify calls an address of the pages: only with its token, and nobody learns which e-mails there are."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from casework.delivery.deliver import deliver
from models.database import reading
from notifications.notify import NotifyTransport
from tests.support.notify_double import TOKEN, NotifyDouble, running_notify
from tests.support.team import Team
from tests.web.conftest import Browser, browser_of
from web.installation import Installation

PATH = "/notify/receipts"
RIGHT = {"authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def called(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Browser, NotifyDouble, Team]]:
    """An installation whose letter left by Notify, and its pages."""
    team = Team(tmp_path_factory.mktemp("receipts") / "var").opened("2 Mar 2026").asked("2 Mar 2026")
    with running_notify() as double:
        deliver(team.context("2 Mar 2026"), transport=NotifyTransport(double.access, 5))
        context = team.context("2 Mar 2026")
        context = replace(context, settings=replace(context.settings, notify=double.access))
        installation = Installation(context.settings, context)
        browser = browser_of(installation)
        del browser.headers["sec-fetch-site"]
        yield browser, double, team
        installation.close()


def status_of(team: Team) -> str | None:
    with reading(team.first.engine) as connection:
        return connection.execute(text("SELECT status FROM receipt")).scalar_one()  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "headers",
    [{}, {"authorization": ""}, {"authorization": TOKEN}, {"authorization": "Bearer "}, {"authorization": "Bearer x"}],
)
def test_a_call_without_the_token_is_refused(
    called: tuple[Browser, NotifyDouble, Team], headers: dict[str, str]
) -> None:
    browser, double, team = called
    answer = browser.post(PATH, json=double.report(0, "permanent-failure"), headers=headers)
    assert (answer.status_code, answer.content, status_of(team)) == (401, b"", None)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({}, 400),
        ([], 400),
        ("words", 400),
        ({"reference": 1, "id": "x", "status": "delivered"}, 400),
        ({"reference": "x", "id": None, "status": "delivered"}, 400),
        ({"reference": "20260302-0000000000", "id": "x", "status": "permanent-failure"}, 204),
        ({"reference": "x" * 20_000, "id": "x", "status": "delivered"}, 413),
    ],
)
def test_what_is_no_report_of_a_letter_changes_nothing(
    called: tuple[Browser, NotifyDouble, Team], sent: Any, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    browser, _double, team = called
    before = team.dump()
    with caplog.at_level(logging.WARNING, "sendflow.web"):
        assert browser.post(PATH, json=sent, headers=RIGHT).status_code == status
    assert (team.dump(), status_of(team)) == (before, None)
    assert "20260302-0000000000" not in caplog.text


def test_bytes_that_are_no_json_are_refused(called: tuple[Browser, NotifyDouble, Team]) -> None:
    browser, _double, _team = called
    for raw in (b"\xff\xfe", b"{", b"[" * 9_000, b'{"id": NaN}'):
        answer = browser.post(PATH, content=raw, headers={**RIGHT, "content-type": "application/json"})
        assert answer.status_code == 400, raw[:10]


def test_a_browser_of_another_site_cannot_call(called: tuple[Browser, NotifyDouble, Team]) -> None:
    browser, double, team = called
    headers = {**RIGHT, "sec-fetch-site": "cross-site"}
    assert browser.post(PATH, json=double.report(0, "delivered"), headers=headers).status_code == 403
    assert status_of(team) is None


def test_a_report_is_stored(called: tuple[Browser, NotifyDouble, Team]) -> None:
    browser, double, team = called
    assert browser.post(PATH, json=double.report(0, "delivered"), headers=RIGHT).status_code == 204
    assert status_of(team) == "delivered"
    assert browser.get(PATH).status_code in (404, 405)


def test_without_a_token_in_the_settings_no_call_is_taken(called: tuple[Browser, NotifyDouble, Team]) -> None:
    _browser, double, team = called
    context = team.context("2 Mar 2026")
    access = double.access._replace(callback_token=None)
    installation = Installation(context.settings, replace(context, settings=replace(context.settings, notify=access)))
    for headers in ({}, RIGHT, {"authorization": "Bearer "}, {"authorization": "Bearer None"}):
        assert browser_of(installation).post(PATH, json={}, headers=headers).status_code == 401
