"""The sheets of registers by the pages alone: the support register, steps to adult services, and their files."""

import pytest

from tests.support.team import Team
from tests.web.conftest import Browser
from tests.web.walking import recorded, signed_in

CHILD = {"la": "northshire", "nhs_number": "9990000018", "date_of_birth": "2010-06-17"}


def listed(team: Team, today: str = "2 Jun 2025") -> tuple[Browser, str]:
    """Somebody on the register, recorded by pages: the browser and the case."""
    browser = signed_in(team, today)
    where = recorded(browser, "new", "dsr_referred", "2025-03-03", **CHILD, referred_by="family", autism="yes")
    case = where.split("/")[2].partition("?")[0]
    recorded(browser, case, "dsr_consent_given", "2025-03-05", given_by="parent", sharing="yes", note="Alex agrees")
    recorded(browser, case, "dsr_rated", "2025-03-10", rating="red", reason="night terrors")
    return browser, case


def test_a_person_is_listed_by_consent_and_gone_with_it(team: Team) -> None:
    browser, case = listed(team)
    assert "Dynamic support register" in browser.get("/registers").text
    page = browser.get("/registers/dynamic_support").text
    assert f'<a href="/cases/{case}">{case}</a>' in page and "Mon 10 Mar 2025" in page and "red" in page
    assert "Alex" not in page and "night terrors" not in page
    recorded(
        browser,
        case,
        "admitted_to_hospital",
        "2025-03-18",
        legal_status="informal",
        community_review="not_held",
        has_plan="yes",
    )
    page = browser.get("/registers/dynamic_support").text
    assert "blue" in page and "admitted without a community review" in page
    said = browser.get("/registers/dynamic_support?format=csv").text
    assert case in said and "Rated on" in said
    recorded(browser, case, "dsr_consent_withdrawn", "2025-05-30", said_by="the_person")
    for address in ("", "?format=csv"):
        assert case not in browser.get(f"/registers/dynamic_support{address}").text
    assert "No list, e-mail or digest names this case." in browser.get(f"/cases/{case}").text
    team.case = case
    assert team.verify("2 Jun 2025").intact


def test_the_steps_to_adult_services_that_are_missing_are_a_page(team: Team) -> None:
    browser = signed_in(team, "2 Nov 2026")
    where = recorded(browser, "new", "transition_opened", "2024-01-08", **CHILD)
    case = where.split("/")[2].partition("?")[0]
    page = browser.get("/registers/transition").text
    assert case in page and "planning has not begun; capacity was not considered; no adult service is named" in page
    recorded(browser, case, "person_flagged_sensitive", "2026-11-02", reason="a witness")
    page = browser.get("/registers/transition").text
    assert case not in page and "1 row is not in this list" in page
    assert "1 row is not in this list" in browser.get("/registers/transition?format=csv").text


@pytest.mark.parametrize("name", ["nothing", "dynamic-support"])
def test_there_is_no_page_of_another_name(team: Team, name: str) -> None:
    assert signed_in(team, "2 Nov 2026").get(f"/registers/{name}").status_code == 404


def test_the_page_of_a_case_has_days_and_abbreviations_as_people_write_them(team: Team) -> None:
    """The page said "Ratings: red on 2025-03-10" and "Cetr held"."""
    browser, case = listed(team)
    page = browser.get(f"/cases/{case}").text
    assert "Ratings: red on 10 Mar 2025." in page
    assert "C(E)TR held" in browser.get(f"/cases/{case}/record").text
