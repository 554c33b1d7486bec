"""The page of the letters to come, and the form that says that a person chased by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from casework.access import accounts
from models.database import transact
from tests.support.team import Team
from tests.web.conftest import Browser, browser_of
from web.installation import Installation

PATH = "/cases/NX90001/ladder"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Browser, Team]]:
    team = Team(tmp_path_factory.mktemp("ladder") / "var").opened("2 Mar 2026").asked("2 Mar 2026")
    context = team.context("2 Mar 2026")
    transact(context.engine, lambda connection: accounts.change_role(connection, "dco.team", "dco", "", "sam.lee"))
    installation = Installation(context.settings, context)
    yield browser_of(installation).sign_in("dco.team"), team
    installation.close()


def test_the_page_lists_each_letter_to_come(page: tuple[Browser, Team]) -> None:
    browser, team = page
    shown = browser.get(PATH)
    assert shown.status_code == 200
    assert [step in shown.text for step in ("23 Mar 2026", "14 Apr 2026", "executive.lead.send@")] == [True] * 3
    assert 'href="/cases/NX90001/ladder"' in browser.get("/cases/NX90001").text
    assert browser.get("/cases/NX99999/ladder").status_code == 404
    assert team.post.letters == []


def test_a_person_records_that_they_chased_by_hand(page: tuple[Browser, Team]) -> None:
    browser, team = page
    token = re.findall(r'name="token" value="([0-9a-f]{32})"', browser.get(PATH).text)[0]
    before = len(team.lines())
    assert browser.post(PATH, data={"token": token, "note": " "}).status_code == 400
    assert browser.post(PATH, data={"token": token, "note": "x", "how": "pigeon"}).status_code == 400
    assert len(team.lines()) == before
    answer = browser.post(PATH, data={"token": token, "note": "I rang the therapist.", "how": "call"})
    assert "wait up to and including 2026-03-04" in answer.text
    assert [line.kind for line in team.lines()[before:]] == ["contact_made", "letters_held"]
    assert {line.actor for line in team.lines()[before:]} == {"dco.team"}
