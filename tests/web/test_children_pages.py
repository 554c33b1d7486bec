"""Children on the pages: all clocks of a child, identity for a purpose, corrections, joining and parting."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from casework.access import accounts
from casework.cases.child_questions import CONFIRM
from casework.cases.fact_form import Refused
from casework.cases.part_and_join import join
from casework.privacy.case_looks import looks_at
from casework.reports.case_report import report
from models.database import transact
from tests.support.team import Team
from tests.web.conftest import Browser, browser_of
from tests.web.test_retention_page import post
from tests.web.test_same_as_the_commands import text_of
from web.installation import Installation

TODAY = "10 Mar 2026"
CASE, OTHER, THIRD, HIDDEN = "NX90001", "NX90002", "AR90003", "SR00042"
NUMBER, SECOND = "999 000 0018", "999 123 4500"
ROLES = (("dco.team", "dco"), ("aud", "auditor"))


@pytest.fixture
def place(team: Team) -> Iterator[Installation]:
    """Two children: one with two cases and a restricted one, one with a case whose date of birth differs."""
    first: dict[str, Any] = {"la": "northshire", "nhs_number": NUMBER, "date_of_birth": "2018-05-20"}
    team.record("2 Feb 2026", "ehc_assessment_requested", case=CASE, **first)
    team.record("3 Feb 2026", "health_advice_requested", case=CASE, service="physiotherapy")
    team.record("4 Feb 2026", "ehc_assessment_requested", case=OTHER, la="northshire", date_of_birth="2018-05-21")
    said: dict[str, Any] = {"how": "form", "referred_to": "multi_agency_hub", "parents_informed": "yes"}
    team.record("3 Feb 2026", "safeguarding_referral_made", case=HIDDEN, **{**first, **said})
    context = team.context(TODAY)
    for account, role in ROLES:
        transact(context.engine, partial(_give, account=account, role=role))
    installation = Installation(context.settings, context)
    yield installation
    installation.close()


def _give(connection: Any, account: str, role: str) -> None:
    accounts.change_role(connection, account, role, "", "sam.lee")


@pytest.fixture
def dco(place: Installation) -> Browser:
    return browser_of(place).sign_in("dco.team")


def looks(place: Installation, ref: str) -> set[tuple[str, str | None]]:
    return {(each.what, each.code) for each in looks_at(place.context(), ref)}


def test_all_cases_of_a_child_are_on_one_page_with_all_clocks_and_no_identity(
    place: Installation, dco: Browser
) -> None:
    join(place.context(), CASE, OTHER, "dco.team", confirmed=True)
    page = dco.get(f"/children/{OTHER.lower()}").text
    for ref in (CASE, OTHER):
        for duty in report(place.context(), ref).duties:
            assert f"/cases/{ref}/why/{duty.rule}/{duty.opened_seq}" in page
    assert HIDDEN not in page and NUMBER not in page and NUMBER.replace(" ", "") not in page
    assert "2018" not in text_of(page) and "0018" not in text_of(page)
    assert "cases of one child joined" in page
    for ref in (CASE, OTHER):
        assert ("child", None) in looks(place, ref)


def test_who_the_child_is_is_shown_for_a_purpose_that_is_logged_on_each_case(place: Installation, dco: Browser) -> None:
    join(place.context(), CASE, OTHER, "dco.team", confirmed=True)
    refused = post(dco, f"/children/{CASE}/identity", purpose="because")
    assert refused.status_code == 400 and "0018" not in text_of(refused.text)
    assert ("identity", "because") not in looks(place, CASE)
    shown = text_of(post(dco, f"/children/{CASE}/identity", purpose="same_child").text)
    assert "9990000018" in shown.replace(" ", "") and "the case itself said 2018-05-20" in shown, shown
    for ref in (CASE, OTHER):
        assert ("identity", "same_child") in looks(place, ref)
    auditor = browser_of(place).sign_in("aud")
    assert post(auditor, f"/children/{CASE}/identity", purpose="audit").status_code == 403


def test_two_cases_side_by_side_are_joined_after_a_check(place: Installation, dco: Browser) -> None:
    path = f"/children/{CASE}/with/{OTHER}"
    assert "They are known as cases of two children." in text_of(dco.get(path).text)
    both = text_of(post(dco, f"{path}/identity", purpose="same_child").text)
    assert "2018-05-20" in both and "2018-05-21" in both
    check = text_of(post(dco, path).text)
    with pytest.raises(Refused) as asked:
        join(place.context(), CASE, OTHER, "dco.team")
    assert asked.value.code == CONFIRM
    assert asked.value.message.partition(" Nothing was written.")[0] in check and "--" not in check
    assert OTHER not in report(place.context(), CASE).same_child
    done = post(dco, path, step="do")
    assert f"{CASE}, {OTHER} are about one child now." in text_of(done.text)
    assert OTHER in report(place.context(), CASE).same_child
    assert post(dco, path, step="do").status_code == 409, "they are one child already"
    assert "known as one child" in text_of(dco.get(path).text)


def test_cases_of_two_children_are_separated_after_a_check(place: Installation, dco: Browser, team: Team) -> None:
    join(place.context(), CASE, OTHER, "dco.team", confirmed=True)
    path = f"/children/{OTHER}/part"
    assert post(dco, path, other="NX99999").status_code == 400
    check = post(dco, path, other=CASE)
    assert f"Separate {OTHER} from {CASE}" in text_of(check.text) and HIDDEN not in check.text
    assert "about two children now" in text_of(post(dco, path, other=CASE, step="do").text)
    assert OTHER not in report(place.context(), CASE).same_child
    page = text_of(dco.get(f"/children/{CASE}").text)
    assert f"cases of two children separated from {OTHER}" in page
    assert team.verify(TODAY).intact


def test_an_identity_is_corrected_after_a_check_and_the_history_names_no_value(
    place: Installation, dco: Browser
) -> None:
    path, born = f"/children/{OTHER}/correct", {"date_of_birth-day": "20", "date_of_birth-month": "5"}
    assert post(dco, path).status_code == 400
    wrong = post(dco, path, **born, **{"date_of_birth-year": "two"})
    assert (wrong.status_code, "There is a problem" in wrong.text) == (400, True)
    form = {**born, "date_of_birth-year": "2018", "nhs_number": SECOND, "reason": "the card says so"}
    check = post(dco, path, **form)
    assert "Check before it is recorded" in check.text and "NHS number and Date of birth" in text_of(check.text)
    done = post(dco, path, **form, step="record", confirm_child="yes")
    assert done.url.path == f"/children/{OTHER}" and "The correction is recorded." in done.text
    assert "correction of EHC assessment requested" in text_of(done.text)
    assert SECOND not in done.text and "the card says so" not in done.text
    shown = text_of(post(dco, f"/children/{OTHER}/identity", purpose="correction").text)
    assert "2018-05-20" in shown and SECOND.replace(" ", "") in shown.replace(" ", "")


def test_a_number_of_another_child_is_asked_about_and_garbage_is_refused(place: Installation, dco: Browser) -> None:
    asked = post(dco, f"/children/{OTHER}/correct", nhs_number=NUMBER)
    assert CASE in asked.text and "I have checked that this is the same child" in asked.text
    assert HIDDEN not in asked.text, "a restricted case of the child is not named"
    without = post(dco, f"/children/{OTHER}/correct", nhs_number=NUMBER, step="record")
    assert (without.status_code, OTHER in report(place.context(), CASE).same_child) == (400, False)
    assert "Say that you have checked" in without.text and "Error: Check before" in without.text
    assert f'name="nhs_number" value="{NUMBER}"' in without.text, "nothing that was typed is lost"
    done = post(dco, f"/children/{OTHER}/correct", nhs_number=NUMBER, step="record", confirm_child="yes")
    assert "The correction is recorded." in done.text and OTHER in report(place.context(), CASE).same_child
    garbage = post(dco, f"/children/{OTHER}/correct", nhs_number="12")
    assert (garbage.status_code, "NHS number has ten digits" in garbage.text) == (400, True)


def test_what_waits_leads_to_the_two_side_by_side(place: Installation, dco: Browser, team: Team) -> None:
    moved = dco.get(f"/children?case={CASE}&other={OTHER.lower()}", follow_redirects=False)
    assert moved.headers["location"] == f"/children/{CASE}/with/{OTHER}"
    assert dco.get("/children?case=NX99999").status_code == 400
    for missing in (f"/children/{HIDDEN}", f"/children/{CASE}/with/{HIDDEN}", f"/children/{CASE}/with/{CASE}"):
        assert dco.get(missing).status_code == 404
    assert dco.get(f"/children?case={HIDDEN}").status_code == 400
    assert not re.search(HIDDEN, dco.get("/children").text)


def test_an_auditor_reads_and_changes_nothing(place: Installation) -> None:
    auditor: Callable[..., Any] = browser_of(place).sign_in("aud").post
    for path in (f"/children/{CASE}/correct", f"/children/{CASE}/part", f"/children/{CASE}/with/{OTHER}"):
        assert auditor(path, data={}).status_code == 403
