"""Health's part in a Local Offer by the pages alone, in this process: listed, checked, finished, and the next cycle."""

from tests.support.team import Team
from tests.web.walking import recorded, signed_in


def test_a_cycle_is_recorded_by_pages_and_opens_the_next_one(team: Team) -> None:
    browser = signed_in(team, "2 Jun 2025")
    where = recorded(browser, "new", "local_offer_review_begun", "2025-03-03", la="northshire")
    case = where.split("/")[2].partition("?")[0]
    recorded(browser, case, "offer_entry_listed", "2025-03-03", item="epilepsy_clinic", entry_owner="kim.roe")
    recorded(browser, case, "offer_comments_published", "2025-04-07", with_response="no", names_nobody="yes")
    page = browser.get(f"/cases/{case}").text
    assert "It is at <strong>Under review</strong>" in page and "without a response (reg 56(2))" in page
    assert "check the entry" in page and "3 Sep 2025" in page
    recorded(browser, case, "local_offer_reviewed", "2025-05-30", note="Alex wrote it")
    page = browser.get(f"/cases/{case}").text
    assert "is followed by" in page and "Alex" not in page
    sheet = browser.get("/registers/local_offer").text
    assert "epilepsy clinic" in sheet and "Wed 3 Sep 2025" in sheet and case not in sheet, "it is in the next cycle"
    team.case = case
    assert team.verify("2 Jun 2025").intact
