"""A calendar's address: its token is the only key, every wrong address gets the same answer, and no log has a token."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from casework.access.calendar_addresses import end, make
from tests.support.team import Team
from tests.web.conftest import Browser, browser_of
from web.installation import Installation


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Browser, Team]]:
    team = Team(tmp_path_factory.mktemp("calendar") / "var").opened("2 Mar 2026").asked("2 Mar 2026")
    context = team.context("2 Mar 2026")
    installation = Installation(context.settings, context)
    browser = browser_of(installation)
    del browser.headers["sec-fetch-site"]
    yield browser, team
    installation.close()


def test_a_program_reads_the_calendar_without_a_session(
    reader: tuple[Browser, Team], caplog: pytest.LogCaptureFixture
) -> None:
    browser, team = reader
    path = make(team.context("2 Mar 2026"), "QX101", "dco.team").path
    with caplog.at_level(logging.INFO, "sendflow.web"):
        answer = browser.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/calendar; charset=utf-8")
    assert answer.content.startswith(b"BEGIN:VCALENDAR\r\n")
    assert answer.headers["cache-control"] == "no-store"
    assert "the calendar of QX101 was fetched" in caplog.text
    assert path.rpartition("/")[2] not in caplog.text
    again = browser.get(path, headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert browser.get(path, headers={"if-none-match": '"another"'}).status_code == 200


def test_every_wrong_address_gets_the_same_answer(
    reader: tuple[Browser, Team], caplog: pytest.LogCaptureFixture
) -> None:
    browser, team = reader
    context = team.context("2 Mar 2026")
    path = make(context, "team", "dco.team").path
    token = path.rpartition("/")[2]
    make(context, "QX102", "dco.team")
    ended = make(context, "QX103", "dco.team").path
    end(context, "QX103", "dco.team")
    wrong = [
        ended,
        f"/calendar/QX102/{token}",
        f"/calendar/QX999/{token}",
        f"/calendar/team/{token[:-1]}",
        f"/calendar/team/{token}x",
        f"/calendar/team/{token.swapcase()}",
        "/calendar/team/%00",
        "/calendar/%F0%9F%93%85/x",
        "/calendar/team/" + "x" * 5_000,
    ]
    with caplog.at_level(logging.INFO, "sendflow.web"):
        answers = [browser.get(each) for each in wrong]
    assert {(each.status_code, each.content) for each in answers} == {(404, b"")}
    assert token not in caplog.text
    assert caplog.text.count("opens nothing") == len(wrong)
    assert browser.get(path).status_code == 200


def test_to_read_a_calendar_is_no_look_at_a_case_and_changes_nothing(reader: tuple[Browser, Team]) -> None:
    browser, team = reader
    path = make(team.context("2 Mar 2026"), "QX101", "dco.team").path
    before = team.dump()
    browser.get(path)
    assert team.dump() == before
    with team.first.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM case_look").scalar_one() == 0
    assert browser.post(path).status_code in (404, 405)
