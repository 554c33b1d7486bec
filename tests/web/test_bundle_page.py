"""The page of a bundle: for whom is asked, the look is logged, and the file verifies."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from casework.access import accounts
from casework.bundles import verifier
from casework.bundles.build import CannotBundle, Identity, bundle
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


def test_who_may_read_identities_has_the_child_named_for_a_purpose(page: tuple[Browser, Team]) -> None:
    auditor, team = page
    assert "Does it name the child?" not in auditor.get(PATH).text
    context = team.context("2 Mar 2026")
    transact(context.engine, lambda connection: accounts.change_role(connection, "dco.team", "dco", "", "sam.lee"))
    dco = browser_of(auditor.installation).sign_in("dco.team")
    shown = dco.get(PATH)
    assert "Does it name the child?" in shown.text
    token = {"token": re.findall(r'name="token" value="([0-9a-f]{32})"', shown.text)[0]}
    refused = dco.post(PATH, data={**token, "whom": "court", "purpose": "because Ada asked"})
    assert (refused.status_code, "Ada" in refused.text) == (400, False)
    assert "identity.json" not in verifier.unpack(dco.post(PATH, data={**token, "whom": "court"}).content)
    taken = dco.post(PATH, data={**token, "whom": "court", "purpose": "outside_body"})
    assert b"identity yes" in verifier.unpack(taken.content)["manifest"]
    looks = {(look.what, look.code) for look in looks_at(context, CASE) if look.actor == "dco.team"}
    assert looks == {("bundle_court", None), ("identity", "outside_body")}
    own = {"token": re.findall(r'name="token" value="([0-9a-f]{32})"', auditor.get(PATH).text)[0]}
    assert auditor.post(PATH, data={**own, "whom": "court", "purpose": "outside_body"}).status_code == 400


def test_a_bundle_of_a_case_about_no_child_names_nobody(page: tuple[Browser, Team]) -> None:
    _auditor, team = page
    context = team.context("2 Mar 2026")
    team.record("2 Mar 2026", "sitting_called", case="PA90001", panel="ehc_weekly", sits_on="2026-03-18")
    transact(context.engine, lambda connection: accounts.change_role(connection, "dco.team", "dco", "", "sam.lee"))
    dco = browser_of(page[0].installation).sign_in("dco.team")
    path = "/cases/PA90001/bundle"
    shown = dco.get(path)
    assert (shown.status_code, "Does it name the child?" in shown.text) == (200, False)
    token = {"token": re.findall(r'name="token" value="([0-9a-f]{32})"', shown.text)[0]}
    assert dco.post(path, data={**token, "whom": "audit", "purpose": "outside_body"}).status_code == 400
    assert verifier.verify(dco.post(path, data={**token, "whom": "audit"}).content).case == "PA90001"
    with pytest.raises(CannotBundle, match="about no child"):
        bundle(context, "PA90001", "dco.team", Identity("outside_body"))
