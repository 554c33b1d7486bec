"""What operations staff see in Prefect, with its real server: events, automations, tasks, states.

The tests share one server and one installation. Jobs run in processes of their own, as those of a person do.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import insert

from casework.access.sign_in import Place, sign_in_link
from casework.context import AppContext, instant
from casework.findings import Found, store
from casework.reports.operations_events import LETTERS_FAILING, SWEPT
from flows import events
from flows.automations import DAMAGE, FAILING, SILENT
from flows.events import EventFeed
from flows.run_ends import EndState
from flows.run_labels import JOB_TAG, NEEDS_A_PERSON_TAG, RECORDING_TAG
from models.tables import JOB_RUN
from tests.support import fork_server
from tests.support.by_hand import ADVICE, CASE, SALT, TRUST, day
from tests.support.installation import answered, wait_until
from tests.support.prefect_server import PrefectServer, tasks_of
from tests.support.team import Team
from tests.support.trackers import SOUND, tracker

pytestmark = [pytest.mark.installation, pytest.mark.timeout(400)]
TODAY = "2026-04-21"


class Operations:
    """An installation on a simulated day, the Prefect server that shows its runs, and the commands of its team."""

    def __init__(self, prefect: PrefectServer) -> None:
        """Make the installation in the folder of the server, which knows the sessions of its people."""
        self.began = datetime.now(UTC)
        self.prefect, self.ask = prefect, prefect.ask
        self.team = Team(prefect.settings.home)
        self.settings = replace(prefect.settings, today=day(TODAY))
        self.environment = prefect.environment(self.settings)

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of sendflow."""
        return fork_server.sendflow(*words, env=self.environment, prefect=self.prefect.address)

    def context(self) -> AppContext:
        """The context of a job on this day."""
        return replace(self.team.context(day(TODAY)), settings=self.settings)

    def events(self) -> list[dict[str, Any]]:
        """The events of sendflow that the server has."""
        since = {"since": self.began.isoformat()}
        wanted = {"filter": {"event": {"prefix": ["sendflow."]}, "occurred": since, "order": "ASC"}, "limit": 50}
        found: list[dict[str, Any]] = self.ask("events/filter", wanted)["events"]
        return found

    def tasks(self, run: dict[str, Any]) -> list[dict[str, Any]]:
        """The tasks of a run that has ended, in order."""
        return tasks_of(self.ask, run)

    def runs(self, flow: str) -> list[dict[str, Any]]:
        """The runs of a flow, the newest first."""
        since = {"expected_start_time": {"after_": self.began.isoformat()}}
        wanted = {"flows": {"name": {"any_": [flow]}}, "flow_runs": since, "sort": "EXPECTED_START_TIME_DESC"}
        found: list[dict[str, Any]] = self.ask("flow_runs/filter", wanted)
        return found


@pytest.fixture(scope="module")
def operations(prefect: PrefectServer) -> Iterator[Operations]:
    """An installation with a case whose advice is late."""
    made = Operations(prefect)
    try:
        made.team.opened().asked()
        done = made.command("deployments", "--json")
        assert done.returncode == 0, done.stderr
        yield made
    finally:
        made.team.first.engine.dispose()


def test_the_automations_are_made_once_and_need_no_block(operations: Operations) -> None:
    def ids() -> dict[str, str]:
        found = operations.ask("automations/filter", {})
        assert {each["actions"][0]["type"] for each in found} == {"run-deployment", "change-flow-run-state"}
        return {each["name"]: each["id"] for each in found}

    before = ids()
    assert {DAMAGE, FAILING, SILENT} <= before.keys()
    assert operations.command("deployments", "--json").returncode == 0
    assert ids() == before, "an automation that was made again would begin to count again"
    assert operations.ask("block_documents/filter", {}) == []


def test_a_sweep_through_a_run_gives_events_that_name_it(operations: Operations) -> None:
    done = operations.command("sweep", "--json")
    assert done.returncode == 0, done.stderr
    feed = EventFeed(operations.settings)
    sent = feed.emit(operations.context())
    assert sent > 2
    found = wait_until(lambda: each if len(each := operations.events()) >= sent else None, 60)
    breach = next(each for each in found if each["event"] == "sendflow.duty.breached")
    assert breach["resource"]["prefect.resource.id"] == f"sendflow.case.{CASE}"
    (run,) = operations.runs("sweep")
    assert f"prefect.flow-run.{run['id']}" in [each["prefect.resource.id"] for each in breach["related"]]
    tasks = operations.tasks(run)
    assert [(each["name"], each["state_type"]) for each in tasks] == [("cases 1 to 1", "COMPLETED")]


def test_an_import_shows_its_rows_and_lists_what_it_refused(operations: Operations, tmp_path: Path) -> None:
    refused = SOUND | {"Ref": "AB002", "DOB": "31/02/2015", "Name": "Zebediah Quillfeather"}
    done = operations.command("import", str(tracker(tmp_path, SOUND, refused)), "--json")
    assert done.returncode == 1, done.stderr
    (run,) = operations.runs("import")
    assert (run["state_type"], run["state_name"]) == ("COMPLETED", EndState.SOME_REFUSED)
    assert NEEDS_A_PERSON_TAG in run["tags"]
    wanted = {"logs": {"flow_run_id": {"any_": [run["id"]]}}, "sort": "TIMESTAMP_ASC"}
    lines = [each["message"] for each in operations.ask("logs/filter", wanted)]
    assert "1 refused" in lines[0] and "a person corrects 1 row" in lines[0]
    assert lines[1] == "Refused: line 3: A day that does not exist"
    (table,) = operations.ask("artifacts/filter", {"artifacts": {"key": {"any_": ["refused-rows"]}}})
    assert json.loads(table["data"]) == [{"Line": 3, "Reason": "A day that does not exist"}]
    assert [each["name"] for each in operations.tasks(run)] == ["rows on lines 2 to 3"]


def test_the_event_feed_that_a_person_opens_is_the_diary(operations: Operations) -> None:
    """Prefect's own events are many more. They are shown to a person who asks for them, and artifacts make none."""
    with httpx.Client(base_url=operations.settings.ui_url) as person:
        link = sign_in_link(operations.settings, "operations", Place.PREFECT)
        assert person.get(link).status_code == 303

        def feed(**chosen: Any) -> list[str]:
            opened = {"any_resource": {"id_prefix": []}, "event": {"prefix": [], "exclude_name": []}} | chosen
            found = answered(lambda: person.post("/api/events/filter", json={"filter": opened}).raise_for_status())
            return [each["event"] for each in found.json()["events"]]

        wait_until(lambda: feed(event={"prefix": ["prefect.task-run."]}), 60)
        diary = feed()
        assert "sendflow.duty.breached" in diary
        assert {name.partition(".")[0] for name in diary} == {"sendflow"}
        run = operations.runs("sweep")[0]["id"]
        of_the_run = feed(any_resource={"id": [f"prefect.flow-run.{run}"]})
        assert any(name.startswith("prefect.flow-run.") for name in of_the_run), (
            "the page of a run shows all of its own"
        )
        assert operations.ask("artifacts/count", {}) > 2
        assert feed(event={"prefix": ["prefect.artifact."]}) == []


def test_a_case_that_cannot_be_evaluated_is_a_task_that_failed(operations: Operations) -> None:
    """The run is not red: sendflow swept the others, and a person looks at this one."""
    lost = "NX90077"
    for kind in ("ehc_assessment_requested", "assessment_agreed"):
        data = {"la": "northshire"} if kind == "ehc_assessment_requested" else {}
        operations.team.act("2 Feb 2026", (kind, "2 Feb 2026", data), case=lost)
    operations.team.record("2 Mar 2026", "health_advice_requested", case=lost, service="physiotherapy")
    with operations.team.first.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER fact_no_update")
        connection.exec_driver_sql(f"UPDATE fact SET text = 'Zebediah' WHERE case_ref = '{lost}' AND seq = 2")
    assert operations.command("sweep", "--json").returncode == 1
    run = operations.runs("sweep")[0]
    assert (run["state_type"], run["state_name"]) == ("COMPLETED", EndState.CASES_NEED_A_PERSON)
    failed = [each for each in operations.tasks(run) if each["state_type"] == "FAILED"]
    assert [each["name"] for each in failed] == [f"case {lost}"]
    assert f"sendflow verify {lost}" in failed[0]["state"]["message"]


def test_what_another_process_emitted_does_not_come_again(operations: Operations) -> None:
    """tests/flows/test_events.py takes the server away between; here it is the real one that knows its events."""
    feed = EventFeed(operations.settings)
    wait_until(lambda: feed.emit(operations.context()) == 0 and not feed._sent, 60)
    feed = EventFeed(operations.settings)
    assert feed.emit(operations.context()) == 0
    claimed = {"rule": ADVICE, "ground": "absent_4_weeks", "body": TRUST, "service": SALT}
    operations.team.act(TODAY, ("excuse_claimed", TODAY, claimed))
    assert feed.emit(operations.context()) == 1
    wait_until(lambda: "sendflow.exception.to_decide" in [each["event"] for each in operations.events()], 60)
    assert feed.emit(operations.context()) == 0
    named = [each["event"] for each in operations.events()]
    assert (named.count("sendflow.exception.to_decide"), named.count("sendflow.duty.breached")) == (1, 1)


def test_damage_that_verification_finds_starts_the_alert(operations: Operations) -> None:
    before = len(operations.runs("alert"))
    store(operations.context(), "verify", [Found(CASE, 1, "hash", "the hash differs")])
    EventFeed(operations.settings).emit(operations.context())
    started = wait_until(lambda: runs if len(runs := operations.runs("alert")) > before else None, 60)
    assert len(started) == before + 1
    assert started[0]["state_type"] in {"SCHEDULED", "PENDING"}, "no worker of this installation takes it"
    assert started[0]["parameters"] == {}


def test_letters_that_fail_start_the_alert(operations: Operations) -> None:
    """The event as the feed gives it of a delivery whose mail server accepts nothing."""
    before = len(operations.runs("alert"))
    context = operations.context()
    detail = json.dumps({"waiting": 1, "relay": "unreachable"})
    row = {"act": "deliver", "as_at": context.today(), "outcome": "failed", "detail": detail}
    with context.engine.begin() as connection:
        connection.execute(insert(JOB_RUN), {**row, "finished_at": instant(context.now())})
    EventFeed(operations.settings).emit(context)
    started = wait_until(lambda: runs if len(runs := operations.runs("alert")) > before else None, 60)
    assert len(started) == before + 1
    wanted = {"filter": {"event": {"name": [LETTERS_FAILING]}}, "limit": 5}
    (event,) = wait_until(lambda: operations.ask("events/filter", wanted)["events"], 60)
    assert event["payload"]["why"] == "unreachable"


def test_a_day_without_a_sweep_starts_the_alert(operations: Operations) -> None:
    """The shipped automation with a window of ten seconds, the shortest of Prefect, in place of 26 hours."""
    (shipped,) = [each for each in operations.ask("automations/filter", {}) if each["name"] == SILENT]
    assert shipped["trigger"]["within"] == 26 * 3600
    wanted = {name: shipped[name] for name in ("description", "enabled", "trigger", "actions")}
    wanted["trigger"] = {**wanted["trigger"], "within": 10, "id": None}
    del wanted["trigger"]["id"]
    made = operations.ask("automations/", {**wanted, "name": f"{SILENT} (ten seconds)"})
    before = len(operations.runs("alert"))
    swept = next(each for each in operations.events() if each["event"] == SWEPT)
    event = {name: swept[name] for name in ("event", "resource", "related", "payload")}
    operations.ask("events", [{**event, "id": str(uuid4()), "occurred": datetime.now(UTC).isoformat()}])
    began = time.monotonic()
    wait_until(lambda: len(operations.runs("alert")) > before, 120)
    assert time.monotonic() - began > 9, "not at the sweep, but when none has followed"
    assert operations.runs("alert")[0]["deployment_id"] == shipped["actions"][0]["deployment_id"]
    operations.ask(f"automations/{made['id']}", None, "DELETE")


def test_old_recordings_are_deleted_and_nothing_else(operations: Operations, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server gives no run an end in the past, so the age is made shorter here."""
    flow = operations.ask("flows/", {"name": "record"})["id"]
    made = {"ended": RECORDING_TAG, "not ended": RECORDING_TAG, "a job": JOB_TAG}

    def there() -> set[str]:
        found = operations.ask("flow_runs/filter", {"flow_runs": {"name": {"any_": list(made)}}})
        return {each["name"] for each in found}

    for name, tag in made.items():
        run = operations.ask("flow_runs/", {"flow_id": flow, "name": name, "tags": [tag], "state": {"type": "RUNNING"}})
        if name != "not ended":
            state = {"type": "COMPLETED", "name": "Recorded"}
            operations.ask(f"flow_runs/{run['id']}/set_state", {"state": state, "force": True})
    answered(lambda: EventFeed(operations.settings).emit(operations.context()))
    assert there() == made.keys(), "a recording of today is shown"
    monkeypatch.setattr(events, "RECORDINGS_LIVE", timedelta(0))
    answered(lambda: EventFeed(operations.settings).emit(operations.context()))
    assert there() == {"not ended", "a job"}


def test_nothing_of_a_child_is_anywhere_in_prefect(operations: Operations) -> None:
    """Every byte of its database: parameters, events, artifacts, logs, tags, names."""
    operations.team.first.engine.dispose()
    content = operations.prefect.stored
    assert b"rows on lines 2 to 3" in content, "the search reads what is stored"
    assert [each for each in (b"Zebediah", b"Quillfeather", b"9991234500", b"31/02/2015") if each in content] == []
