"""The page of a bundle: for whom is asked, the look is logged, and the file verifies."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from casework.access import accounts
from casework.bundles import verifier
from casework.privacy.case_looks import looks_at
from models.database import transact
from tests.support.team import Team
from tests.web.conftest import Browser, browser_of
from web.installation import Installation

CASE = "NX90001"
PATH = f"/cases/{CASE}/bundle"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Browser, Team]]:
    team = Team(tmp_path_factory.mktemp("bundle") / "var").opened("2 Mar 2026").asked("2 Mar 2026")
    context = team.context("2 Mar 2026")
    transact(context.engine, lambda connection: accounts.change_role(connection, "aud", "auditor", "", "sam.lee"))
    installation = Installation(context.settings, context)
    yield browser_of(installation).sign_in("aud"), team
    installation.close()


def test_an_auditor_says_for_whom_and_takes_a_bundle_that_verifies(page: tuple[Browser, Team]) -> None:
    browser, team = page
    shown = browser.get(PATH)
    assert "Whom is it for?" in shown.text
    assert f'href="{PATH}"' in browser.get(f"/cases/{CASE}").text
    token = re.findall(r'name="token" value="([0-9a-f]{32})"', shown.text)[0]
    for whom in ("", "a friend"):
        refused = browser.post(PATH, data={"token": token, "whom": whom, "looks": "yes"})
        assert (refused.status_code, "Say for whom it is" in refused.text) == (400, True)
        assert "checked" in refused.text
    taken = browser.post(PATH, data={"token": token, "whom": "inspection", "looks": "yes"})
    assert (taken.status_code, taken.headers["content-type"]) == (200, "application/zip")
    assert re.search(rf'filename="?bundle-{CASE}-[0-9]+\.zip', taken.headers["content-disposition"])
    found = verifier.verify(taken.content)
    assert (found.case, found.facts) == (CASE, len(team.lines()))
    looks = {(look.actor, look.what) for look in looks_at(team.context("2 Mar 2026"), CASE)}
    assert ("aud", "bundle_inspection") in looks


def test_there_is_no_bundle_of_a_case_that_is_not_there(page: tuple[Browser, Team]) -> None:
    browser, _team = page
    token = re.findall(r'name="token" value="([0-9a-f]{32})"', browser.get(PATH).text)[0]
    assert browser.get("/cases/NX99999/bundle").status_code == 404
    assert browser.post("/cases/NX99999/bundle", data={"token": token, "whom": "court"}).status_code == 404
