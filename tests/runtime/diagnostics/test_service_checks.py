"""The doctor says what is wrong with the relay as soon as it is known, and asks the Prefect server for more than that
it is well.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from casework.context import AppContext
from casework.delivery.daily_digest import digest
from casework.delivery.deliver import deliver
from casework.delivery.transport_state import note
from config.running_instance import Running, write_running
from config.settings import Settings
from models.database import reading, writing
from notifications.transport import MAIL_SERVER_FAILURES, Attempt, Letter, Outcome
from runtime.diagnostics.alerts import Alerted, alert
from runtime.diagnostics.checks import Finding, examine
from runtime.diagnostics.service_checks import AT_ONCE, other_transports, relay, relay_repair
from tests.support.team import Team

TODAY = "2 Mar 2026"


class Saying:
    """A relay that says one thing of every letter."""

    def __init__(self, why: str) -> None:
        self.said = Attempt(Outcome.LATER, why)

    def send(self, _letter: Letter) -> Attempt:
        return self.said


@pytest.fixture
def asked(team: Team) -> Team:
    """One letter that is to leave."""
    return team.opened(TODAY).asked(TODAY)


def doctor(team: Team, today: str = TODAY) -> dict[str, Finding]:
    return {each.what: each for each in examine(team.context(today).settings, quick=True).findings}


def later(context: AppContext, **by: int) -> set[str]:
    """What is said of the relay so much later, which a simulated day cannot show."""
    when = context.now() + timedelta(**by)
    with pytest.MonkeyPatch.context() as patch, reading(context.engine) as connection:
        patch.setattr(AppContext, "now", lambda _context: when)
        return {each.what for each in relay(context, connection, context.today())}


def test_a_transport_of_some_bodies_that_accepts_nothing_is_reported(asked: Team) -> None:
    """The others still send, so the last round says nothing of it."""
    context = asked.context(TODAY)

    def found(**by: int) -> list[str]:
        with pytest.MonkeyPatch.context() as patch, reading(context.engine) as connection:
            when = context.now() + timedelta(**by)
            patch.setattr(AppContext, "now", lambda _context: when)
            return [f"{each.what}: {each.mend}" for each in other_transports(context, connection, context.today())]

    for name, why in (("notify", "notify_login_refused"), ("smtp", "unreachable"), ("sink", "unreachable")):
        for _twice in range(2):
            with writing(context.engine) as connection:
                note(connection, name, Attempt(Outcome.LATER, why), context.now())
    (at_once,) = found()
    assert at_once.startswith("transport_notify: set SENDFLOW_NOTIFY_KEY")
    assert [each.partition(":")[0] for each in found(hours=2)] == ["transport_notify", "transport_smtp"]


def test_a_fault_that_only_a_person_can_fix_is_reported_at_once_with_the_fix(asked: Team) -> None:
    """It was said after a day, and only that the mail server was to answer."""
    settings = Settings.read(
        {"SENDFLOW_CARRIER": "smtp", "SENDFLOW_SMTP_HOST": "relay.icb.example", "SENDFLOW_SMTP_PORT": "587"}
    )
    for why, (message, _fix) in AT_ONCE.items():
        deliver(asked.context(TODAY), transport=Saying(why))
        with reading(asked.first.engine) as connection:
            found = next(relay(asked.context(TODAY), connection, asked.context(TODAY).today()))
        assert (found.what, found.count) == (f"relay_{why}", 1)
        assert message in found.message
        fix = relay_repair(settings, why)
        assert fix.endswith("then sendflow deliver")
        assert "{" not in fix
    asked.deliver(TODAY)
    assert later(asked.context(TODAY)) == set()


def test_the_alert_says_it_too(asked: Team) -> None:
    asked.sweep(TODAY)
    deliver(asked.context(TODAY), transport=Saying("login_refused"))
    settings = Settings.read(
        {"SENDFLOW_HOME": str(asked.home), "SENDFLOW_TODAY": "2026-03-02", "SENDFLOW_ALERT_TO": "it.oncall@icb.example"}
    )
    kept = asked.post
    assert (
        alert(settings, examine(settings, quick=True), datetime(2026, 3, 2, 9, tzinfo=UTC), post=kept) is Alerted.SENT
    )
    assert "relay login refused" in kept.letters[-1].subject
    assert "refuses the login" in kept.letters[-1].text


def test_what_may_come_back_by_itself_is_said_after_an_hour(asked: Team) -> None:
    for why in sorted(MAIL_SERVER_FAILURES - AT_ONCE.keys() - {"outcome_unknown"}):
        deliver(asked.context(TODAY), transport=Saying(why))
        assert later(asked.context(TODAY), minutes=60) == set()
        assert later(asked.context(TODAY), minutes=61) == {f"relay_{why}"}
    asked.deliver(TODAY)
    assert later(asked.context(TODAY), hours=30) == set()


def test_since_when_is_counted_from_the_first_that_failed(asked: Team) -> None:
    deliver(asked.context(TODAY), transport=Saying("unreachable"))
    deliver(asked.context("3 Mar 2026"), transport=Saying("unreachable"))
    found = doctor(asked, "3 Mar 2026")["relay_unreachable"]
    assert "since 2026-03-02T09:00" in found.message
    asked.record("3 Mar 2026", "case_withdrawn")
    asked.deliver("3 Mar 2026")
    assert "relay_unreachable" not in doctor(asked, "3 Mar 2026")


def test_a_digest_that_could_not_leave_says_it_before_any_letter(team: Team) -> None:
    """On a Saturday nothing else leaves."""
    team.opened(TODAY)
    team.sweep("7 Mar 2026")
    assert digest(team.context("7 Mar 2026"), transport=Saying("tls_refused")).state == "waiting"
    assert "relay_tls_refused" in doctor(team, "7 Mar 2026")
    assert digest(team.context("7 Mar 2026"), transport=team.post).state == "sent"
    assert doctor(team, "7 Mar 2026") == {}


@contextmanager
def server(status: int) -> Iterator[str]:
    """A Prefect server that says that it is well, and answers what needs its database with `status`; its address."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say(200)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._say(status if self.headers.get("Authorization") == "Basic ZGNvOmxvbmctZW5vdWdo" else 401)

        def _say(self, code: int) -> None:
            self.send_response(code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    made = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{made.server_address[1]}/api"
    finally:
        made.shutdown()
        made.server_close()


@pytest.mark.parametrize(
    ("status", "login", "what"),
    [
        (200, "dco:long-enough", set()),
        (500, "dco:long-enough", {"prefect_database"}),
        (200, "dco:another-one", {"prefect_login"}),
    ],
)
def test_a_server_that_is_well_is_asked_for_something_that_stands_in_its_database(
    team: Team, status: int, login: str, what: set[str]
) -> None:
    """Its database was emptied under it, every run failed to show, and sendflow doctor had no finding."""
    with server(status) as api:
        settings = Settings.read(
            {
                "SENDFLOW_HOME": str(team.home),
                "SENDFLOW_TODAY": "2026-03-02",
                "SENDFLOW_AUTH": login,
                "SENDFLOW_API_URL": api,
            }
        )
        assert {each.what for each in examine(settings, quick=True).findings} == what
        home = Settings.read({"SENDFLOW_HOME": str(team.home), "SENDFLOW_TODAY": "2026-03-02", "SENDFLOW_AUTH": login})
        write_running(
            home.running_file, Running(os.getpid(), "2026-03-02T09:00:00+00:00", api, api, "127.0.0.1", 9, "", {})
        )
        assert {each.what for each in examine(home, quick=True).findings} == what
