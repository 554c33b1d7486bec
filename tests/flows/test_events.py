"""An event reaches Prefect once, also after its server was away, and no act waits for it."""

from __future__ import annotations

import time
from typing import Any

import pytest

from casework.context import AppContext
from casework.reports.operations_events import new_events
from flows import events
from flows.events import AT_ONCE, EventFeed, event_id
from models.database import reading
from statemachines import registry
from tests.support.by_hand import ADVICE, CASE, PROCESS, SALT, TRUST
from tests.support.team import Team


class FakeServer:
    """Prefect's server as the feed sees it: it may be away, and it stores what it takes when `settle` is called."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.stored: dict[str, dict[str, Any]] = {}
        self.away = False
        self.asked: list[str] = []

    def ask(self, _settings: object, _server: str, _method: str, path: str, body: Any) -> Any:
        if self.away:
            raise ConnectionRefusedError
        self.asked.append(path)
        if path == "events":
            self.taken += body
            return None
        if path == "events/filter":
            wanted = body["filter"]["id"]["id"]
            assert len(wanted) <= body["limit"] <= 50
            return {"events": [self.stored[each] for each in wanted if each in self.stored]}
        assert path == "flow_runs/bulk_delete"
        return {"deleted": []}

    def settle(self) -> None:
        self.stored |= {each["id"]: each for each in self.taken}

    def names(self) -> list[str]:
        return [each["event"] for each in self.taken]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    made = FakeServer()
    monkeypatch.setattr(events, "ask", made.ask)
    monkeypatch.setattr(events, "find_server", lambda _settings: "http://127.0.0.1:9/api")
    return made


@pytest.fixture
def late(team: Team) -> Team:
    team.opened().asked()
    team.sweep("21 Apr 2026")
    return team


def feed_of(team: Team) -> tuple[EventFeed, AppContext]:
    context = team.context("21 Apr 2026")
    return EventFeed(context.settings), context


def test_an_event_names_its_case_body_and_process(late: Team, server: FakeServer) -> None:
    feed, context = feed_of(late)
    assert feed.emit(context) == len(server.taken) > 2
    breach = next(each for each in server.taken if each["event"] == "sendflow.duty.breached")
    assert breach["resource"]["prefect.resource.id"] == f"sendflow.case.{CASE}"
    related = {each["prefect.resource.role"]: each["prefect.resource.id"] for each in breach["related"]}
    assert related == {"body": "sendflow.body.QX101", "process": f"sendflow.process.{PROCESS}"}
    assert breach["payload"]["due"] == "2026-04-13"


def test_nothing_is_emitted_twice_in_one_process_or_by_the_next(late: Team, server: FakeServer) -> None:
    feed, context = feed_of(late)
    feed.emit(context)
    first = list(server.taken)
    assert feed.emit(context) == 0, "the server takes some seconds to store what it was given"
    server.settle()
    assert feed.emit(context) == 0
    assert EventFeed(context.settings).emit(context) == 0, "another process asks the server what it has"
    assert server.taken == first


def test_what_was_lost_while_the_server_was_away_is_emitted_once_afterwards(late: Team, server: FakeServer) -> None:
    feed, context = feed_of(late)
    server.away = True
    with pytest.raises(ConnectionRefusedError):
        feed.emit(context)
    late.record(
        "21 Apr 2026",
        "excuse_claimed",
        rule=ADVICE,
        ground="absent_4_weeks",
        body=TRUST,
        service=SALT,
        evidence="words",
    )
    server.away = False
    feed.emit(context)
    server.settle()
    feed.emit(context)
    assert sorted(server.names()) == sorted({each["id"]: each["event"] for each in server.taken}.values())
    assert {"sendflow.duty.breached", "sendflow.exception.to_decide"} <= set(server.names())


def test_what_the_server_took_and_lost_is_sent_again(
    late: Team, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stores events some seconds after it has taken them, and may be killed between."""
    feed, context = feed_of(late)
    sent = feed.emit(context)
    monkeypatch.setattr(events, "SETTLE_SECONDS", 0.0)
    assert feed.emit(context) == sent
    assert len({each["id"] for each in server.taken}) == sent, "under the ids of before, so the server stores each once"


def test_when_all_is_stored_older_rows_are_not_read_again(late: Team, server: FakeServer) -> None:
    feed, context = feed_of(late)
    feed.emit(context)
    server.settle()
    feed.emit(context)
    asked = len(server.asked)
    feed.emit(context)
    assert len(server.asked) == asked, "nothing is new, and the server is not asked"
    late.sweep("22 Apr 2026")
    later = late.context("22 Apr 2026")
    feed.emit(later)
    assert [each["payload"].get("day") for each in server.taken if each["event"] == "sendflow.sweep.finished"] == [
        "2026-04-21",
        "2026-04-22",
    ]


def test_a_restricted_process_emits_nothing(late: Team, server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "restricted_processes", lambda: frozenset({PROCESS}))
    again = Team(late.home)
    feed, context = feed_of(again)
    feed.emit(context)
    assert CASE not in str(server.taken) and PROCESS not in str(server.taken)
    again.first.engine.dispose()


def test_many_events_come_in_rounds(team: Team, server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "AT_ONCE", 3)
    for number in range(6):
        case = f"NX9100{number}"
        team.act(
            "2 Feb 2026",
            ("ehc_assessment_requested", "2 Feb 2026", {"la": "northshire"}),
            ("assessment_agreed", "2 Feb 2026", {}),
            case=case,
        )
        team.record("2 Mar 2026", "health_advice_requested", case=case, service="physiotherapy")
    team.sweep("21 Apr 2026")
    monkeypatch.setattr("casework.reports.operations_events.CHUNK", 2)
    feed, context = feed_of(team)
    rounds = 0
    while feed.emit(context):
        server.settle()
        rounds += 1
        assert rounds < 20
    breaches = [each for each in server.taken if each["event"] == "sendflow.duty.breached"]
    assert len(breaches) == 6 and rounds > 2
    assert AT_ONCE > 50


def test_without_a_server_nothing_is_asked(late: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "find_server", lambda _settings: None)
    feed, context = feed_of(late)
    began = time.monotonic()
    assert feed.emit(context) == 0
    assert time.monotonic() - began < 1.0


def test_the_id_of_an_event_never_changes(late: Team, server: FakeServer) -> None:
    """A newer program must not emit again what an older one has."""
    feed, context = feed_of(late)
    feed.emit(context)
    breach = next(each for each in server.taken if each["event"] == "sendflow.duty.breached")
    with reading(context.engine) as connection:
        found = new_events(connection, context, "2000", (), 500).events
    same = next(each for each in found if each.name == "sendflow.duty.breached")
    assert (same.key, str(event_id(same))) == ("fact/NX90001/7", breach["id"])
    assert breach["id"] == "979acddd-5e6d-5104-a29b-e370dc11c8ae"
