"""Records facts by their pages, as a person of the team does, in this process."""

import re

from casework.access.accounts import change_role
from models.database import writing
from tests.support.team import Team
from tests.web.conftest import Browser, browser_of
from web.installation import Installation


def signed_in(team: Team, today: str) -> Browser:
    context = team.context(today)
    with writing(context.engine) as connection:
        change_role(connection, "dco.team", "dco", "", "dco.team")
    return browser_of(Installation(context.settings, context)).sign_in("dco.team")


def recorded(browser: Browser, case: str, kind: str, on: str, **answers: str) -> str:
    """Record one fact by its pages: the check page, then the button. The address that it leads to."""
    address = f"/cases/{case}/record/{kind}"
    token = re.search(r'name="token" value="([^"]+)"', browser.get(address).text)
    assert token is not None
    year, month, day = on.split("-")
    form = {"token": token[1], "on-day": day, "on-month": month, "on-year": year}
    for name, value in answers.items():
        if re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            form |= dict(zip((f"{name}-year", f"{name}-month", f"{name}-day"), value.split("-"), strict=True))
        else:
            form[name] = value
    check = browser.post(address, data={**form, "step": "check"})
    assert check.status_code == 200, check.text
    done = browser.post(address, data={**form, "step": "record"}, follow_redirects=False)
    assert done.status_code == 303, done.text
    return str(done.headers["location"])
