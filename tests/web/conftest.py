"""The pages over one sample installation, in this process: made once for all tests of the folder that only read."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from casework.access import accounts, sessions
from casework.context import AppContext
from models.database import transact
from tests.support.one_loop import portal
from tests.support.sample_home import copy_sample
from web.app import create_app
from web.installation import Installation

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Starlette prefers another client library than Prefect
    from starlette.testclient import TestClient

ADDRESS = "http://localhost"


class Browser(TestClient):
    """A person's browser: it stores cookies and says that its forms come from the same site."""

    def sign_in(self, account: str) -> Browser:
        """Open a new one-time link."""
        context = self.installation.context()
        token = transact(context.engine, lambda each: sessions.create_link(each, account, datetime.now(UTC)))
        assert "does not work" not in self.get("/sign-in", params={"token": token}).text
        return self

    def sign_in_again(self, account: str) -> str:
        """Open a new one-time link, and return the page that it leads to."""
        context = self.installation.context()
        token = transact(context.engine, lambda each: sessions.create_link(each, account, datetime.now(UTC)))
        return str(self.get("/sign-in", params={"token": token}).text)

    installation: Installation


def browser_of(installation: Installation) -> Browser:
    """A browser in which nobody is signed in. Those of one installation share its pages, as those of a server do."""
    known = vars(installation)
    if "pages_of_tests" not in known:
        known["pages_of_tests"] = create_app(installation)
    made = Browser(known["pages_of_tests"], ADDRESS, raise_server_exceptions=False)
    made.portal = portal()
    made.headers["sec-fetch-site"] = "same-origin"
    made.installation = installation
    return made


def words_of(page: Any) -> str:
    """The words of a page's main part."""
    return " ".join(re.sub(r"<[^>]+>", " ", page.text.partition("<main")[2]).split())


def with_roles(context: AppContext, **roles: str) -> AppContext:
    """Give accounts their roles, as dco_team="dco": the account dco.team."""
    transact(context.engine, context.keep_time)
    for account, role in roles.items():
        name = account.replace("_", ".")
        transact(context.engine, partial(accounts.change_role, account=name, role=role, scope="", actor="test"))
    return context


@pytest.fixture
def installation(context: AppContext) -> Iterator[Installation]:
    """The pages over the installation of a test module's own fixture `context`."""
    made = Installation(context.settings)
    yield made
    made.close()


@pytest.fixture
def person(installation: Installation) -> Browser:
    """The browser of dco.team, who is signed in."""
    return browser_of(installation).sign_in("dco.team")


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation with the demo data, as `make up` loads it. Tests of this fixture change nothing in it."""
    installation = Installation(copy_sample(tmp_path_factory, tmp_path_factory.mktemp("pages") / "var"))
    yield installation
    installation.close()


@pytest.fixture(scope="session")
def browsers(sample: Installation) -> Callable[[str], Browser]:
    """Gives the browser of a person of the sample, signed in once."""
    made: dict[str, Browser] = {}

    def browser(account: str) -> Browser:
        if account not in made:
            made[account] = browser_of(sample).sign_in(account)
        return made[account]

    return browser


@pytest.fixture
def nobody(sample: Installation) -> Browser:
    """A browser in which nobody is signed in."""
    return browser_of(sample)
