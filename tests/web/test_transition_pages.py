"""The way to adult services by the pages alone, in this process: opened, planned, a service declines."""

from tests.support.team import Team
from tests.web.walking import recorded, signed_in


def test_a_transition_is_recorded_by_pages(team: Team) -> None:
    browser = signed_in(team, "2 Nov 2026")
    given = {"la": "northshire", "nhs_number": "9990000018", "date_of_birth": "2010-06-17", "continuing_care": "yes"}
    where = recorded(browser, "new", "transition_opened", "2024-01-08", **given)
    case = where.split("/")[2].partition("?")[0]
    recorded(browser, case, "planning_begun", "2024-04-08", note="Alex likes music")
    recorded(browser, case, "capacity_considered", "2026-05-11", outcome="decides_with_support")
    recorded(browser, case, "adult_service_expected", "2026-05-11", item="adult_therapy")
    recorded(browser, case, "adult_service_referred", "2026-09-07", item="adult_therapy")
    recorded(browser, case, "adult_service_declined", "2026-10-05", item="adult_therapy", why="no_such_service")
    page = browser.get(f"/cases/{case}").text
    assert "It is at <strong>Planning</strong>" in page and "The adult service adult therapy: Declined" in page
    assert "No adult service takes over for adult therapy: a gap to put to commissioners." in page
    assert "assess adult care needs, or say why not" in page
    assert "Alex" not in page and "17 June 2010" not in page and "2010-06-17" not in page
    team.case = case
    assert team.verify("2 Nov 2026").intact
