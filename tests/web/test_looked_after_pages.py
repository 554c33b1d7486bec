"""The health of a looked-after child by the pages alone, in this process."""

from tests.support.team import Team
from tests.web.walking import recorded, signed_in


def test_an_assessment_is_recorded_by_pages(team: Team) -> None:
    browser = signed_in(team, "2 Jun 2025")
    given = {
        "la": "northshire",
        "nhs_number": "9990000018",
        "date_of_birth": "2021-06-10",
        "emergency": "yes",
        "has_plan": "yes",
    }
    where = recorded(browser, "new", "became_looked_after", "2025-03-10", **given)
    case = where.split("/")[2].partition("?")[0]
    recorded(browser, case, "health_notified", "2025-03-13", note="Alex is with an aunt")
    recorded(browser, case, "assessment_consent_received", "2025-03-17", given_by="parent")
    recorded(browser, case, "initial_assessment_done", "2025-04-04", assessed_by="medical_practitioner")
    page = browser.get(f"/cases/{case}").text
    assert "It is at <strong>Assessed</strong>" in page
    assert "3 the authority, until it notified health" in page
    assert "see that the health review is done" in page and "4 Oct 2025" in page
    assert "Alex" not in page and "2021-06-10" not in page and "10 June 2021" not in page
    team.case = case
    assert team.verify("2 Jun 2025").intact
