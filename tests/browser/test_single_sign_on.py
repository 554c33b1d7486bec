"""Single sign-on in a browser, with its policy and cookies: the way there and back, and what each page looks like."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser

from casework.access import sessions
from config.settings import Settings
from models.database import transact
from tests.browser.conftest import Visitor, serving
from tests.browser.looking import faults_of
from tests.support.identity_provider import LyingProvider, lying_provider
from tests.support.team import Team
from tests.web.test_single_sign_on import known, team_of_two
from web.installation import Installation

__all__ = ["team_of_two"]


@pytest.fixture
def provider() -> Iterator[LyingProvider]:
    with lying_provider() as found:
        yield found


@pytest.fixture
def person(team_of_two: Team, provider: LyingProvider, chromium: Browser) -> Iterator[Visitor]:
    """A person at a browser of an installation with this provider."""
    settings: Settings = replace(team_of_two.context("16 Mar 2026").settings, single_sign_on=provider.access())
    installation = Installation(settings)
    with serving(installation) as origin:
        assert installation.provider is not None
        installation.provider.back_to = f"{origin}/sign-in/sso/back"
        page = chromium.new_context(viewport={"width": 320, "height": 800}).new_page()
        yield Visitor(page, origin, installation)
        page.context.close()
    installation.close()


def test_a_person_goes_there_and_comes_back_signed_in(person: Visitor, provider: LyingProvider) -> None:
    known(person.installation, provider)
    person.open("/sign-in")
    assert faults_of(person) == []
    person.press("Sign in by Trust login")
    assert person.heading.startswith("Today")
    person.open("/sign-out")
    person.press("Sign out")
    assert person.says("Sign out of Trust login too")
    assert faults_of(person) == []


def test_an_invited_person_goes_there_by_a_button_and_a_link(person: Visitor) -> None:
    engine = person.installation.engine
    link = transact(engine, lambda each: sessions.create_link(each, "sam.lee", datetime.now(UTC)))
    person.open(f"/start?token={link}")
    assert faults_of(person) == []
    person.press("Use Trust login")
    assert faults_of(person) == []
    person.press("Go on to Trust login")
    assert person.heading.startswith("Today")


def test_who_is_not_invited_reads_whom_to_ask(person: Visitor) -> None:
    person.open("/sign-in")
    person.press("Sign in by Trust login")
    assert person.heading == "Nobody has invited this account"
    assert person.says("administrator")
    assert faults_of(person) == []
