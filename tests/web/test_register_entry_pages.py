"""Entries of registers by the pages alone, in this process: a gap is opened, put to commissioners, and listed."""

import pytest

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
    assert "It is at <strong>Open</strong>" in page and "No answer of children&#39;s commissioner" in page
    assert "Alex" not in page
    sheet = browser.get("/registers/commissioning_gap").text
    assert case in sheet and "sensory support" in sheet and "No answer of children&#39;s commissioner" in sheet
    names = browser.get("/registers").text
    for title in ("Training log", "Templates of advice writers", "Joint arrangements", "Policies", "Engagement log"):
        assert title in names
    recorded(browser, case, "register_entry_ended", "2025-05-30", why="met")
    assert case not in browser.get("/registers/commissioning_gap").text
    team.case = case
    assert team.verify("2 Jun 2025").intact


Step = tuple[str, dict[str, str]]
# What each other register asks of an entry, what is recorded of it, and what its sheet then says.
ENTRIES: dict[str, tuple[dict[str, str], list[Step], str]] = {
    "training": (
        {"audience": "therapists"},
        [
            ("register_version_made", {"version": "v3"}),
            ("register_attended", {"role": "therapist", "people": "12", "expires_on": "2027-03-10"}),
        ],
        "12 people took part.",
    ),
    "advice_template": (
        {"services": "speech_and_language_therapy", "review_on": "2026-03-02"},
        [("register_version_made", {"version": "v2", "held_in": "team_drive"})],
        "v2",
    ),
    "joint_arrangement": (
        {
            "services": "equipment",
            "decides": "joint_board",
            "dispute_step": "chief_executives",
            "review_on": "2026-03-02",
        },
        [("register_entry_reviewed", {"outcome": "unchanged", "review_on": "2027-03-01"})],
        "Mon 1 Mar 2027",
    ),
    "policy": (
        {"review_on": "2026-03-02"},
        [
            ("register_version_made", {"version": "v1"}),
            ("register_communicated", {"communicated_to": "schools", "how": "message"}),
            ("register_version_made", {"version": "v2"}),
        ],
        "not communicated to: schools",
    ),
    "engagement": (
        {"audience": "heads"},
        [
            ("register_promise_made", {"item": "leaflet", "promised_to": "heads", "words": "a leaflet for Alex"}),
            ("register_promise_made", {"item": "visit", "promised_to": "heads", "words": "a visit to Alex"}),
            ("register_promise_met", {"item": "leaflet"}),
            ("register_promise_not_met", {"item": "visit"}),
        ],
        "Promises: 0 open, 1 met, 1 not met.",
    ),
}


@pytest.mark.parametrize("register", ENTRIES)
def test_an_entry_of_each_register_is_recorded_by_pages_from_opening_to_end(team: Team, register: str) -> None:
    asks, steps, said = ENTRIES[register]
    browser = signed_in(team, "2 Jun 2025")
    opening = {"team_register": register, "topic": "section_g", "entry_owner": "kim.roe", "title": "of Alex", **asks}
    where = recorded(browser, "new", "register_entry_opened", "2025-03-03", **opening)
    case = where.split("/")[2].partition("?")[0]
    for number, (kind, data) in enumerate(steps):
        recorded(browser, case, kind, f"2025-03-{10 + number}", **data)
    sheet = browser.get(f"/registers/{register}").text
    assert case in sheet and "kim.roe" in sheet and said in sheet
    assert case in browser.get(f"/registers/{register}?format=csv").text
    assert "Alex" not in sheet and "Alex" not in browser.get(f"/cases/{case}").text
    recorded(browser, case, "register_entry_ended", "2025-05-30", why="replaced")
    recorded(browser, case, "case_closed", "2025-06-02")
    assert case not in browser.get(f"/registers/{register}").text
    team.case = case
    assert team.verify("2 Jun 2025").intact
