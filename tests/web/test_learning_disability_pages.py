"""The yearly learning-disability health check by the pages alone, in this process."""

from tests.support.team import Team
from tests.web.walking import recorded, signed_in


def test_a_check_is_recorded_by_pages(team: Team) -> None:
    browser = signed_in(team, "2 Jun 2025")
    given = {"la": "northshire", "nhs_number": "9990000018", "date_of_birth": "2010-06-17", "on_register": "no"}
    where = recorded(browser, "new", "ld_check_watched", "2024-01-08", **given)
    case = where.split("/")[2].partition("?")[0]
    recorded(browser, case, "ld_register_joined", "2024-05-13", note="Alex likes music")
    recorded(browser, case, "ld_check_done", "2025-05-05", where="practice", action_plan="yes")
    page = browser.get(f"/cases/{case}").text
    assert "It is at <strong>Checked</strong>" in page
    assert "The action plan of the last check is in no annual review yet." in page
    assert "put the health action plan into the annual review" in page
    assert "Alex" not in page and "2010-06-17" not in page and "17 June 2010" not in page
    team.case = case
    assert team.verify("2 Jun 2025").intact
