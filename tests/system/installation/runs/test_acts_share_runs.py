"""Recordings at nearly the same time share one Prefect run; none waits for Prefect longer than a fifth of a second."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from casework.access import accounts
from config.settings import Settings
from flows import server_calls, shared_runs
from flows.shared_runs import AGAIN_SECONDS, WINDOW_SECONDS, SharedRuns
from models.database import transact
from statemachines.fact_labels import fact
from tests.support.by_hand import CASE, SALT
from tests.support.installation import wait_until
from tests.support.prefect_server import PrefectServer
from tests.support.team import Team
from tests.web.conftest import browser_of
from tests.web.test_recording import fields, send
from web.installation import Installation

pytestmark = pytest.mark.installation
ACTS = 24


@pytest.fixture(scope="module")
def served(prefect: PrefectServer) -> Settings:
    """The settings of an installation whose Prefect server runs."""
    return prefect.settings


def ask(settings: Settings, path: str, body: Any) -> Any:
    return SharedRuns(settings)._ask(str(settings.api_url), "POST", path, body)


def lines_of(settings: Settings, run: str) -> list[str]:
    """The log of a run, the first line first."""
    wanted = {"logs": {"flow_run_id": {"any_": [run]}}, "sort": "TIMESTAMP_ASC"}
    return [line["message"] for line in ask(settings, "logs/filter", wanted)]


def at_once(runs: SharedRuns, acts: int) -> list[str | None]:
    """So many acts in threads that begin together; the run of each."""
    found: list[str | None] = []
    together = threading.Barrier(acts)

    def one(number: int) -> None:
        together.wait()
        with runs.act(f"NX9{number:04d}", "assessment_agreed") as run:
            found.append(run)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.mark.timeout(300)
def test_recordings_at_once_share_one_run_that_names_them_all(served: Settings) -> None:
    first = SharedRuns(served)
    with first.act("NX90000", "assessment_agreed"):
        pass  # the first calls to a new server take longer
    first.close()
    runs = SharedRuns(served)
    given = at_once(runs, ACTS)
    runs.close()
    [shown] = ask(served, "flow_runs/filter", {"flow_runs": {"name": {"any_": [f"{ACTS} recordings"]}}})
    assert (shown["state"]["name"], shown["state_type"]) == ("Recorded", "COMPLETED")
    assert len(given) == ACTS and set(given) <= {shown["id"], None}, "None where a busy machine took longer"
    assert "pages" in shown["tags"] and shown["parameters"] == {}
    said, *logs = lines_of(served, shown["id"])
    assert said == shown["state"]["message"] == f"{ACTS} recorded, 0 refused; nobody is needed"
    assert set(logs) == {
        f"NX9{number:04d} {fact('assessment_agreed')}: {served.pages_url}/cases/NX9{number:04d}"
        for number in range(ACTS)
    }


@pytest.mark.timeout(300)
def test_a_case_leads_to_the_run_that_recorded_a_fact_and_the_run_to_the_case(
    served: Settings, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_runs, "WINDOW_SECONDS", 3.0)  # a busy machine may take longer than a fifth of a second
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    context = team.context("16 Mar 2026")
    transact(context.engine, context.keep_time)
    transact(context.engine, lambda each: accounts.change_role(each, "dco.team", "dco", "", "test"))
    settings = replace(context.settings, port=served.port, auth=served.auth, api_url=served.api_url)
    installation = Installation(settings)
    person, path = browser_of(installation).sign_in("dco.team"), f"/cases/{CASE}/record/health_advice_received"

    checked = send(person, path, body="QX101", service=SALT)
    done = person.post(path, data={**fields(checked), "step": "record"}).text
    found = re.search(rf'href="{re.escape(settings.ui_url)}/runs/flow-run/([0-9a-f-]+)"', done)
    assert found is not None
    run = found[1]
    installation.close()
    assert team.lines()[-1].run == run
    [shown] = ask(served, "flow_runs/filter", {"flow_runs": {"id": {"any_": [run]}}})
    assert shown["name"] == f"{CASE} {fact('health_advice_received')}"
    (address,) = (line.rpartition(": ")[2] for line in lines_of(served, run)[1:])
    assert address.startswith(settings.pages_url)
    assert (
        CASE
        in browser_of(Installation(settings)).sign_in("dco.team").get(address.removeprefix(settings.pages_url)).text
    )


@pytest.mark.timeout(300)
def test_a_refusal_passes_through_and_is_shown_without_its_text(served: Settings) -> None:
    runs = SharedRuns(served)
    seen: list[str | None] = []
    with pytest.raises(ValueError, match="a name"), runs.act("NX90001", "health_advice_received") as run:
        seen.append(run)
        raise ValueError("a name")
    runs.close()
    if seen != [None]:
        [shown] = ask(served, "flow_runs/filter", {"flow_runs": {"id": {"any_": seen}}})
        assert (shown["name"], shown["state"]["name"]) == (
            f"NX90001 {fact('health_advice_received')}: refused",
            "Refused",
        )


@pytest.fixture
def silent(tmp_path: Path) -> Iterator[Settings]:
    """The settings of an installation whose Prefect server takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        yield Settings(home=tmp_path, api_url=f"http://127.0.0.1:{port}/api", auth="sendflow:long-enough-words")


def test_a_server_that_does_not_answer_delays_an_act_by_a_fifth_of_a_second_at_most(silent: Settings) -> None:
    runs = SharedRuns(silent)
    waited = []
    for _act in range(3):
        began = time.monotonic()
        with runs.act("NX90001", "assessment_agreed") as run:
            waited.append(time.monotonic() - began)
            assert run is None
    assert max(waited) < WINDOW_SECONDS + 0.1, "0.1 s for a machine that is busy"
    runs.close()
    began = time.monotonic()
    assert runs._not_before > began and runs._not_before - began <= AGAIN_SECONDS
    with runs.act("NX90001", "assessment_agreed") as run:
        assert run is None
    assert time.monotonic() - began < 0.1, "a server that did not answer is not waited for again at once"


class BusyPrefect(ThreadingHTTPServer):
    """Prefect's server behind a program that answers 503, as Prefect does while its SQLite file is locked."""

    def __init__(self, prefect: PrefectServer) -> None:
        """Refuse nothing yet. `refuse` has the ends of paths, each as often as it is there; an empty one is of all."""
        super().__init__(("127.0.0.1", 0), Forwarding)
        self.to, self.refuse = prefect, Counter[str]()
        address = f"http://127.0.0.1:{self.server_address[1]}/api"
        self.settings = replace(prefect.settings, api_url=address)


class Forwarding(BaseHTTPRequestHandler):
    """Passes a request on, or refuses it."""

    server: BusyPrefect

    def do_GET(self) -> None:
        """Pass it on."""
        refuse = self.server.refuse
        end = next((end for end, times in refuse.items() if times and self.path.endswith(end)), None)
        if end is not None:
            refuse[end] -= 1
            self.answer(503, b"")
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))) or None
        address = f"{self.server.to.address.removesuffix('/api')}{self.path}"
        with urlopen(Request(address, body, dict(self.headers), method=self.command), timeout=30) as answer:
            self.answer(answer.status, answer.read())

    do_POST = do_PATCH = do_GET

    def answer(self, code: int, body: bytes) -> None:
        """Send an answer."""
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_said: object) -> None:
        """Nothing is printed."""


@pytest.fixture
def busy(prefect: PrefectServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[BusyPrefect]:
    """Prefect is asked again every fifth of a second, and an act waits longer than a busy machine takes."""
    monkeypatch.setattr(shared_runs, "AGAIN_SECONDS", 0.2)
    with BusyPrefect(prefect) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def acted(runs: SharedRuns, *references: str) -> list[str | None]:
    found = []
    for reference in references:
        with runs.act(reference, "assessment_agreed") as run:
            found.append(run)
    return found


@pytest.mark.timeout(300)
def test_an_act_has_a_run_where_prefect_is_busy_for_a_moment(
    busy: BusyPrefect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_runs, "WINDOW_SECONDS", 3.0)
    busy.refuse["/flow_runs/"] = 2
    runs = SharedRuns(busy.settings)
    (run,) = acted(runs, "NX90501")
    runs.close()
    assert run is not None and busy.refuse["/flow_runs/"] == 0
    shown = ask(busy.to.settings, "flow_runs/filter", {"flow_runs": {"name": {"like_": "NX90501"}}})
    assert [(each["id"], each["state_name"]) for each in shown] == [(run, "Recorded")]


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("end", "number"), [("", 50), ("/flow_runs/", 51)], ids=["away", "busy"])
def test_what_was_done_while_prefect_did_not_answer_is_shown_once_afterwards(
    busy: BusyPrefect, monkeypatch: pytest.MonkeyPatch, end: str, number: int
) -> None:
    monkeypatch.setattr(server_calls, "BUSY_SECONDS", 0.0)
    monkeypatch.setattr(shared_runs, "WINDOW_SECONDS", 0.01)
    references = [f"NX9{number}1{last}" for last in range(3)]
    busy.refuse[end] = 1000
    runs = SharedRuns(busy.settings)
    assert acted(runs, *references) == [None, None, None]
    with pytest.raises(ValueError, match="a name"), runs.act(f"NX9{number}20", "assessment_agreed"):
        raise ValueError("a name")

    def shown() -> list[dict[str, Any]]:
        wanted = {"flow_runs": {"name": {"any_": ["4 recordings"]}}, "sort": "EXPECTED_START_TIME_DESC"}
        found: list[dict[str, Any]] = ask(busy.to.settings, "flow_runs/filter", wanted)
        return [each for each in found if references[0] in " ".join(lines_of(busy.to.settings, each["id"]))]

    wait_until(lambda: sum(each.done for each in runs._owed) == 4)
    assert shown() == []
    busy.refuse.clear()
    (run,) = wait_until(shown, 30)
    wait_until(lambda: runs._shower is None)
    runs.close()
    said, *lines = lines_of(busy.to.settings, run["id"])
    assert said == "3 recorded, 1 refused, while Prefect did not answer; who asked has the reason"
    assert sorted(line.split()[0] for line in lines) == [*references, f"NX9{number}20"]
    (run,) = shown()
    assert (run["state_name"], run["state"]["message"]) == ("Recorded", said)


@pytest.mark.timeout(300)
def test_a_run_whose_end_prefect_did_not_take_ends_later(busy: BusyPrefect) -> None:
    busy.refuse["/set_state"] = 2
    runs = SharedRuns(busy.settings)
    acted(runs, "NX90601")

    def ended() -> list[dict[str, Any]]:
        wanted = {"flow_runs": {"name": {"like_": "NX90601"}, "state": {"type": {"any_": ["COMPLETED"]}}}}
        found: list[dict[str, Any]] = ask(busy.to.settings, "flow_runs/filter", wanted)
        return found

    (run,) = wait_until(ended, 30)
    runs.close()
    lines = lines_of(busy.to.settings, run["id"])
    assert len(lines) == 2 and lines[1].startswith("NX90601"), "no line is there twice"


def test_without_a_server_nothing_is_waited_for_but_once(tmp_path: Path) -> None:
    runs = SharedRuns(Settings(home=tmp_path))
    with runs.act("NX90001", "assessment_agreed") as run:
        assert run is None
    runs.close()
    began = time.monotonic()
    with runs.act("NX90001", "assessment_agreed") as run:
        assert run is None
    assert time.monotonic() - began < 0.1
