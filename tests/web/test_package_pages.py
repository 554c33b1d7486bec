"""A package of care by the pages alone, in this process: proposed, with a line, approved, live, with a care plan."""

import re

from tests.support.team import Team
from tests.web.walking import recorded, signed_in


def test_a_package_is_recorded_by_pages_with_each_kind_of_field(team: Team) -> None:
    browser = signed_in(team, "1 Apr 2026")
    where = recorded(browser, "new", "package_proposed", "2026-03-02", la="northshire")
    case = where.split("/")[2].partition("?")[0]
    line = {
        "item": "line_1",
        "basis": "section_g",
        "quantity": "4",
        "unit": "visit",
        "per": "week",
        "times_a_year": "52",
        "unit_cost_pence": "52.50",
        "shares": "health=60, social_care=40",
        "starts_on": "2026-04-01",
        "provider_name": "a nurse called Alex",
    }
    recorded(browser, case, "line_proposed", "2026-03-02", **line)
    assert "£10,920.00 a year: health £6,552.00; social care £4,368.00" in browser.get(f"/cases/{case}").text
    form = browser.get(f"/cases/{case}/record/package_approved", params={"on": "given"})
    assert "Commissioner of the integrated care board" in form.text, "who may approve is offered by name"
    recorded(browser, case, "agreed_in_principle", "2026-03-11")
    recorded(browser, case, "package_approved", "2026-03-20", approver="icb_commissioner")
    recorded(
        browser,
        case,
        "care_plan_agreed",
        "2026-03-25",
        first_review_on="2026-06-01",
        notice_days="28",
        coordinator="community_nurse",
        amount_pence="840",
        interval="four_weekly",
        needs="words of Alex",
        outcomes="words of Alex",
        services="words of Alex",
    )
    recorded(browser, case, "package_went_live", "2026-04-01")
    page = browser.get(f"/cases/{case}").text
    assert "It is at <strong>Live</strong>" in page and re.search(r"The line 1 \([^)]*section G[^)]*\): Proposed", page)
    assert "review the direct payment on the day that the care plan names" in page
    assert "Alex" not in page
    team.case = case
    assert team.verify("1 Apr 2026").intact
