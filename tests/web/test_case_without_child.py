"""The page of a case about no child shows its items, and offers no identity and no other cases of a child."""

from pathlib import Path

from casework.access.accounts import change_role
from models.database import writing
from tests.casework.cases.test_items import RULES, panel
from tests.support.invented import registered, with_rules
from tests.support.team import Team
from tests.web.conftest import browser_of
from web.installation import Installation


def test_it_shows_items_and_no_identity(team: Team, tmp_path: Path) -> None:
    with registered(panel()):
        with_rules(team, tmp_path / "rules", "panel_of_test", RULES)
        team.case = "PA00001"
        team.record("2 Mar 2026", "panel_called")
        team.record("2 Mar 2026", "item_added", item="one")
        context = team.context("4 Mar 2026")
        with writing(context.engine) as connection:
            change_role(connection, "dco.team", "dco", "", "dco.team")
        browser = browser_of(Installation(context.settings, context)).sign_in("dco.team")
        page = browser.get("/cases/PA00001")
        assert page.status_code == 200
        assert "The agenda item one: Waiting, since <time" in page.text and "Mon 2 Mar 2026" in page.text
        assert "Who this case is about" not in page.text and "same child" not in page.text
        form = browser.get("/cases/PA00001/record/item_added")
        assert form.status_code == 200 and 'name="item"' in form.text
