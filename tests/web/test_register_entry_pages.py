"""Entries of registers by the pages alone, in this process: a gap is opened, put to commissioners, and listed."""

from tests.support.team import Team
from tests.web.walking import recorded, signed_in


def test_a_gap_is_recorded_by_pages_and_its_silence_is_listed(team: Team) -> None:
    browser = signed_in(team, "2 Jun 2025")
    said = {"team_register": "commissioning_gap", "topic": "sensory_support", "entry_owner": "kim.roe"}
    asks = {"need": "sensory", "area": "northshire", "evidence": "declined_referral, wait_over_target"}
    where = recorded(browser, "new", "register_entry_opened", "2025-03-03", title="Alex waits", **said, **asks)
    case = where.split("/")[2].partition("?")[0]
    recorded(browser, case, "register_put_to", "2025-03-10", item="paper", whom="childrens_commissioner")
    page = browser.get(f"/cases/{case}").text
    assert "It is at <strong>Open</strong>" in page and "No answer of childrens commissioner" in page
    assert "Alex" not in page
    sheet = browser.get("/registers/commissioning_gap").text
    assert case in sheet and "sensory support" in sheet and "No answer of childrens commissioner" in sheet
    names = browser.get("/registers").text
    for title in ("Training log", "Templates of advice writers", "Joint arrangements", "Policies", "Engagement log"):
        assert title in names
    recorded(browser, case, "register_entry_ended", "2025-05-30", why="met")
    assert case not in browser.get("/registers/commissioning_gap").text
    team.case = case
    assert team.verify("2 Jun 2025").intact
