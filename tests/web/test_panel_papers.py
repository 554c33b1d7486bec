"""A sitting of a panel by the pages alone, in this process: called, with an item, a view, a decision and papers."""

from pathlib import Path

from tests.support.team import Team
from tests.web.walking import recorded, signed_in


def test_a_sitting_is_recorded_and_its_papers_are_read_by_pages(team: Team, tmp_path: Path) -> None:
    del tmp_path
    team.opened("2 Feb 2026").asked("2 Feb 2026")
    browser = signed_in(team, "2 Mar 2026")
    form = browser.get("/cases/new/record/sitting_called", params={"on": "given"})
    assert "EHC needs assessment panel" in form.text, "the types of panel are offered by name"
    where = recorded(browser, "new", "sitting_called", "2026-03-02", panel="ehc_weekly", sits_on="2026-03-18")
    sitting = where.split("/")[2].partition("?")[0]
    recorded(
        browser,
        sitting,
        "item_listed",
        "2026-03-02",
        item="item_1",
        question="issue_plan",
        about_case=team.case,
        note="words of Alex",
    )
    recorded(
        browser,
        sitting,
        "health_view_given",
        "2026-03-02",
        item="item_1",
        view="supports",
        given_by="dco",
        reasons="words of Alex",
    )
    case = browser.get(f"/cases/{sitting}").text
    assert f'href="/cases/{sitting}/papers"' in case and f"The agenda item 1 (issue plan, {team.case}): Listed" in case
    assert f"<b>item</b> item 1 (issue plan, {team.case})" in case, "the history has the words of the item too"
    assert "words of Alex" not in case
    pack = browser.get(f"/cases/{sitting}/papers").text
    assert "<h1>Sitting" in pack and "Thursday 12 March 2026 at 17:00 (local standard)" in pack
    brief = browser.get(f"/cases/{sitting}/papers/items/item_1").text
    assert "Item 1: issue plan" in brief and "Mon 16 Mar 2026" in brief and "supports (DCO, Mon 2 Mar 2026)" in brief
    minutes = browser.get(f"/cases/{sitting}/papers/minutes").text
    assert "What came of each item" in minutes
    for page in (pack, brief, minutes):
        assert "Alex" not in page
    looks = browser.get(f"/cases/{team.case}/looks").text
    assert "papers" in looks, "a person who reads a brief has looked at the case that it is about"
    assert browser.get(f"/cases/{sitting}/papers/items/item_9").status_code == 404
    assert browser.get(f"/cases/{team.case}/papers").status_code == 404
