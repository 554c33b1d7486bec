"""Two real processes of the pages on one PostgreSQL database share sessions, form tokens and limits."""

from __future__ import annotations

import http.client
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

import pytest

from casework.access import accounts, passwords, sessions
from casework.context import AppContext
from models.database import transact
from notifications.local_smtp import free_port
from tests.support.by_hand import CASE
from tests.support.installation import wait_until
from tests.support.paths import ROOT
from tests.support.team import Team

WORDS = "three green bicycles"


class Process:
    """One process of the pages, as `sendflow run web` starts it."""

    def __init__(self, home: Path, url: str) -> None:
        self.port = free_port()
        given = {"SENDFLOW_HOME": str(home), "SENDFLOW_DATABASE_URL": url, "SENDFLOW_WEB_PORT": str(self.port)}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("SENDFLOW_")}
        self._process = subprocess.Popen(
            [sys.executable, "-c", "import cli; cli.main()", "run", "web"], cwd=ROOT, env={**inherited, **given}
        )
        self.cookie = ""

    def answers(self) -> bool:
        try:
            return self.ask("GET", "/sign-in")[0] == 200
        except OSError:
            return False

    def ask(self, method: str, path: str, form: dict[str, str] | None = None) -> tuple[int, str]:
        """The status and the page. A cookie that is set is sent from then on."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"cookie": self.cookie, "sec-fetch-site": "same-origin"}
        headers |= {"content-type": "application/x-www-form-urlencoded"} if form is not None else {}
        connection.request(method, path, urlencode(form) if form is not None else None, headers)
        answer = connection.getresponse()
        page = answer.read().decode()
        if answer.getheader("set-cookie"):
            self.cookie = str(answer.getheader("set-cookie")).partition(";")[0]
        connection.close()
        return answer.status, page

    def token(self, path: str = "/sign-out") -> str:
        found = re.search(r'name="token" value="([0-9a-f]{32})"', self.ask("GET", path)[1])
        assert found is not None
        return found[1]

    def end(self) -> None:
        self._process.terminate()
        self._process.wait(30)


class Two(NamedTuple):
    """Two processes on one database with a case, its context, and the account of a test."""

    first: Process
    second: Process
    context: AppContext
    account: str = ""


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory, database: Callable[..., str]) -> Iterator[Two]:
    """The processes, started once. Each test has an account of its own."""
    team = Team(tmp_path_factory.mktemp("pages") / "var", database_url=database())
    team.opened("2 Feb 2026")
    context = team.context("16 Mar 2026")
    transact(context.engine, context.keep_time)
    url = str(context.settings.database_url)
    made = Two(Process(team.home, url), Process(team.home, url), context)
    try:
        for each in made[:2]:
            wait_until(each.answers, 90)
        yield made
    finally:
        for each in made[:2]:
            each.end()
        context.engine.dispose()


@pytest.fixture
def two(started: Two, request: pytest.FixtureRequest) -> Two:
    """The processes, as a new browser opens them, and an account with a password that only this test has."""
    account = f"sam.{len(request.node.name)}"
    digest = passwords.digest_of(WORDS)
    for work in (
        lambda each: accounts.change_role(each, account, "dco", "", "test"),
        lambda each: accounts.set_password(each, account, digest),
    ):
        transact(started.context.engine, work)
    started.first.cookie = started.second.cookie = ""
    return started._replace(account=account)


def sign_in(two: Two) -> None:
    """In the first process."""
    link = transact(two.context.engine, lambda each: sessions.create_link(each, two.account, datetime.now(UTC)))
    assert two.first.ask("GET", f"/sign-in?token={link}")[0] == 303


def test_two_processes_share_sessions_and_the_tokens_of_forms(two: Two) -> None:
    first, second, *_ = two
    sign_in(two)
    second.cookie = first.cookie
    assert second.ask("GET", f"/cases/{CASE}")[0] == 200
    assert second.token() == first.token()
    assert second.ask("POST", "/sign-out", {"token": "0" * 32})[0] == 403
    assert second.ask("POST", "/sign-out", {"token": first.token(), "everywhere": "yes"})[0] == 200
    assert first.ask("GET", "/today")[0] == 401


def test_a_role_that_one_process_takes_away_is_gone_in_the_other(two: Two) -> None:
    first, _second, context, account = two
    sign_in(two)
    assert first.ask("GET", "/today")[0] == 200
    transact(context.engine, lambda each: accounts.change_role(each, account, "", "", "test"))
    assert first.ask("GET", "/today")[0] == 401


def test_two_processes_count_wrong_passwords_together(two: Two) -> None:
    wrong = {"account": two.account, "password": "x" * 12}
    for number in range(5):
        each = two[:2][number % 2]
        assert each.ask("POST", "/sign-in", {**wrong, "token": each.token("/sign-in")})[0] == 403
    right = {"account": two.account, "password": WORDS}
    for each in two[:2]:
        status, page = each.ask("POST", "/sign-in", {**right, "token": each.token("/sign-in")})
        assert (status, "locked" in page) == (403, True)


def test_a_link_opens_once_whichever_process_is_asked(two: Two) -> None:
    first, second, context, _account = two
    transact(context.engine, lambda each: accounts.change_role(each, "late.comer", "auditor", "", "test"))
    link = transact(context.engine, lambda each: sessions.create_link(each, "late.comer", datetime.now(UTC)))
    assert first.ask("GET", f"/sign-in?token={link}")[0] == 303
    assert second.ask("GET", f"/sign-in?token={link}")[0] == 403
    assert first.ask("GET", "/cases")[0] == 200
