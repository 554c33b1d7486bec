"""With SENDFLOW_OIDC_PASSWORDS=off the identity provider alone lets people in, and the operator's link."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from casework.access import accounts
from config.single_sign_on import read_single_sign_on
from models.database import transact
from tests.support.identity_provider import LyingProvider
from tests.support.team import Team
from tests.web.conftest import browser_of
from tests.web.test_recording import fields
from tests.web.test_single_sign_on import (
    installed,
    known,
    link_for,
    provider,  # noqa: F401 (a fixture)
    sign_in,
    team_of_two,  # noqa: F401 (a fixture)
    title,
)
from web.installation import Installation

PASSWORD = "three green bicycles"
CLOSED = "There are no passwords here"


@pytest.fixture
def alone(team_of_two: Team, provider: LyingProvider) -> Iterator[Installation]:  # noqa: F811
    digest = accounts.digest_for("sam.lee", PASSWORD)
    found = installed(team_of_two, provider, passwords=False)
    transact(found.engine, lambda each: accounts.set_password(each, "sam.lee", digest))
    yield found
    found.close()


def test_a_right_password_opens_nothing_and_the_provider_opens(
    alone: Installation,
    provider: LyingProvider,  # noqa: F811
) -> None:
    person = browser_of(alone)
    page = person.get("/sign-in").text
    assert "Sign in by Trust login" in page and "Password" not in page and "/reset" not in page
    link = link_for(alone, "sam.lee")
    token = fields(person.get("/start", params={"token": link}).text)["token"]
    for path in ("/sign-in", "/reset", "/start"):
        answer = person.post(path, data={"account": "sam.lee", "password": PASSWORD, "link": link, "token": token})
        assert (answer.status_code, title(answer)) == (403, CLOSED)
        assert person.get("/today").status_code == 401
    assert title(person.get("/reset")) == CLOSED
    known(alone, provider)
    assert sign_in(person).url.path == "/today"
    assert title(person.get("/password")) == CLOSED


def test_an_invitation_has_one_button_and_the_link_of_a_command_opens_a_session(alone: Installation) -> None:
    page = browser_of(alone).get("/start", params={"token": link_for(alone, "sam.lee")}).text
    assert "Use Trust login" in page and "Sign in with this link" not in page
    operator = browser_of(alone)
    operator.get("/sign-in", params={"token": link_for(alone, "sam.lee")})
    assert operator.get("/today").status_code == 200


def test_the_setting_is_read() -> None:
    env = {
        "SENDFLOW_OIDC_ISSUER": "http://127.0.0.1:9",
        "SENDFLOW_OIDC_CLIENT": "x",
        "SENDFLOW_OIDC_SECRET": "y",
    }
    for value, expected in (("off", False), ("on", True), ("", True)):
        found = read_single_sign_on({**env, "SENDFLOW_OIDC_PASSWORDS": value})
        assert found is not None and found.passwords is expected
