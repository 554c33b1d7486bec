"""An hour of an installation with Prefect's real server: no run is red without a fault, and with each fault exactly the
right run is, and names the remedy.

The installation goes by the real day, and its letters leave by a mail server of the test.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from casework.cases.record import record
from casework.context import AppContext
from flows.run_ends import EndState
from models.facts import FactDraft
from notifications.local_smtp import free_port
from tests.support.by_hand import SALT, TRUST
from tests.support.installation import ROOT, wait_until
from tests.support.mail_server import ScriptedMailServer, running_mail_server
from tests.support.prefect_server import PrefectServer, tasks_of
from tests.support.trackers import SOUND, tracker

pytestmark = [pytest.mark.installation, pytest.mark.timeout(400)]
LIMITS = {"sendflow-sink": 4, "sendflow-smtp": 4, "sendflow-file": 4, "sendflow-notify": 4, "sendflow-verify": 1}
RED = {"FAILED", "CRASHED", "CANCELLED"}
SERVICES = ("physiotherapy", "community_paediatrics", "occupational_therapy")  # a letter a day to each
CASES = ("NX90001", "NX90002", "NX90003")


class Hour:
    """An installation of the real day, the Prefect server that shows its runs, and the process that runs its jobs."""

    def __init__(
        self, prefect: PrefectServer, home: Path, mail: ScriptedMailServer, database_url: str | None = None
    ) -> None:
        """Start the process of the jobs. On SQLite unless `database_url` names a database."""
        self.mail, self.ask = mail, prefect.ask
        self.settings = replace(prefect.of(home), database_url=database_url)
        AppContext.load(self.settings).engine.dispose()
        environment = prefect.environment(self.settings) | {
            "SENDFLOW_CARRIER": "smtp",
            "SENDFLOW_SMTP_PORT": str(mail.port),
        }
        command = [sys.executable, "-m", "tests.support.jobs_by_line"]
        self.jobs = subprocess.Popen(
            command, env=environment, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def stop(self) -> None:
        self.jobs.kill()
        self.jobs.communicate()

    def do(self, what: str, job: str = "", environment: dict[str, str] | None = None, **more: Any) -> str | None:
        """Run a job in the process of the jobs; return what it raised."""
        assert self.jobs.stdin is not None and self.jobs.stdout is not None
        order = {"do": what, "job": job, "environment": environment or {}, **more}
        self.jobs.stdin.write(json.dumps(order) + "\n")
        self.jobs.stdin.flush()
        answer: str | None = json.loads(self.jobs.stdout.readline())
        return answer

    def runs(self, since: datetime) -> list[dict[str, Any]]:
        """The runs that were made since an instant, with their states, the first first."""
        wanted = {"flow_runs": {"expected_start_time": {"after_": since.isoformat()}}, "limit": 200}
        found: list[dict[str, Any]] = self.ask("flow_runs/filter", wanted)
        return sorted(found, key=lambda run: str(run["expected_start_time"]))

    def failed_tasks(self, run: dict[str, Any]) -> dict[str, str]:
        """The tasks of a run that failed, with what they say. The server stores them after the run's end, and the text
        of a state after its type.
        """
        wanted = {"flow_runs": {"id": {"any_": [run["id"]]}}, "task_runs": {"state": {"type": {"any_": ["FAILED"]}}}}

        def stored() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = self.ask("task_runs/filter", wanted)
            return found if all(each["state"] is not None for each in found) else []

        return {each["name"]: each["state"]["message"] for each in wait_until(stored, 60)}

    def first_line(self, run: dict[str, Any]) -> str:
        """The first line of a run's log."""
        wanted = {"logs": {"flow_run_id": {"any_": [run["id"]]}}, "sort": "TIMESTAMP_ASC", "limit": 1}
        (line,) = self.ask("logs/filter", wanted)
        return str(line["message"])


@pytest.fixture(scope="module")
def hour(prefect: PrefectServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hour]:
    """Three cases whose advice was asked for today, so that letters are due."""
    home = tmp_path_factory.mktemp("hour") / "var"
    with running_mail_server() as mail:
        made = Hour(prefect, home, mail)
        try:
            context = AppContext.load(made.settings)
            for case in CASES:
                asked(context, case)
            context.engine.dispose()
            yield made
        finally:
            made.stop()


def asked(context: AppContext, case: str, service: str = SALT, days_ago: int = 0) -> None:
    """A case whose advice was asked for today, or so many days ago."""
    on = context.today() - timedelta(days=days_ago)
    for kind, data in (
        ("ehc_assessment_requested", {"la": "northshire"}),
        ("assessment_agreed", {}),
        ("health_advice_requested", {"body": TRUST, "service": service}),
    ):
        record(context, case, [FactDraft(kind, on, data)], "dco.team", confirmed=True)


def test_letters_wait_where_others_have_every_slot_of_their_transport(hour: Hour) -> None:
    """The limits are Prefect's own. A delivery without a slot says so, is not red, and leaves the letters."""

    def taken() -> dict[str, tuple[int, int]]:
        found = hour.ask("v2/concurrency_limits/filter", {})
        return {each["name"]: (each["active_slots"], each["limit"]) for each in found}

    now = {"now": True, "reason": "a test"}
    nobody = {name: (0, most) for name, most in LIMITS.items()}
    assert hour.do("register") is None
    assert taken() == nobody
    slots = {"slots": 4, "names": ["sendflow-smtp"], "lease_duration": 300}
    held = hour.ask("v2/concurrency_limits/increment-with-lease", slots)
    began = datetime.now(UTC)
    assert hour.do("job", "deliver", given=now) is None
    (run,) = hour.runs(began)
    assert (run["state_type"], hour.mail.arrived) == ("COMPLETED", [])
    lines = hour.ask("logs/filter", {"logs": {"flow_run_id": {"any_": [run["id"]]}}, "sort": "TIMESTAMP_ASC"})
    assert any("every slot of the limit sendflow-smtp" in line["message"] for line in lines), lines
    assert hour.do("register") is None
    assert taken()["sendflow-smtp"] == (4, 4), "a start gives nobody's slot to another"
    hour.ask("v2/concurrency_limits/decrement-with-lease", {"lease_id": held["lease_id"]})
    assert hour.do("job", "deliver", given=now) is None
    assert hour.mail.arrived
    assert taken() == nobody, "the delivery gave its slot back"


def test_no_run_is_red_in_an_hour_without_faults(hour: Hour, tmp_path: Path) -> None:
    """Sixty rounds of the scheduler with what they do, the night's verification, and each job that a person starts."""
    began = datetime.now(UTC)
    assert hour.do("ticks", number=60) is None
    assert hour.do("job", "deliver", given={"now": True, "reason": "a test"}) is None
    assert hour.do("job", "import", given={"path": str(tracker(tmp_path, SOUND))}) is None
    for job in ("sweep", "digest", "deliver", "verify", "alert"):
        assert hour.do("by a person", job) is None
    runs = hour.runs(began)
    assert [(run["name"], run["state"]["message"]) for run in runs if run["state_type"] in RED] == []
    flows = {run["name"].split()[0].rstrip(":") for run in runs}
    assert {"sweep", "deliver", "digest", "verify", "import", "alert"} <= flows
    assert len(runs) < 20, "what has nothing to do makes no run"
    assert hour.mail.arrived, "letters left"
    # The tracker's cases are old: their letters wait for a release, which a person decides.
    asks = {EndState.LETTERS_ON_HOLD, EndState.NOBODY_TO_ALERT}
    assert {run["state_name"] for run in runs if "nobody is needed" not in hour.first_line(run)} == asks


@contextmanager
def server_closed(hour: Hour, _folder: Path) -> Iterator[dict[str, str]]:
    yield {"SENDFLOW_SMTP_PORT": str(free_port())}


@contextmanager
def mailbox_refused(hour: Hour, _folder: Path) -> Iterator[dict[str, str]]:
    hour.mail.answer_rcpt = "550 5.1.1 no such mailbox"
    yield {}
    hour.mail.answer_rcpt = "250 OK"


@contextmanager
def folder_cannot_be_written(hour: Hour, folder: Path) -> Iterator[dict[str, str]]:
    """Where the folder of letters belongs is a file: no account may write there, root neither."""
    hour.settings.letters.rename(folder / "letters") if hour.settings.letters.exists() else None
    hour.settings.letters.write_text("", "utf-8")
    yield {"SENDFLOW_CARRIER": "file"}
    hour.settings.letters.unlink()


@contextmanager
def key_missing(hour: Hour, folder: Path) -> Iterator[dict[str, str]]:
    key = hour.settings.home / "person.key"
    key.rename(folder / "person.key")
    yield {}
    (folder / "person.key").rename(key)


@contextmanager
def rule_file_broken(hour: Hour, _folder: Path) -> Iterator[dict[str, str]]:
    file = hour.settings.home / "directory.toml"
    file.write_text("body = 'Zebediah\n", "utf-8")
    yield {}
    file.unlink()


@contextmanager
def database_away(hour: Hour, _folder: Path) -> Iterator[dict[str, str]]:
    """Another process has the database for itself, for longer than a job waits."""
    with closing(sqlite3.connect(hour.settings.records, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield {}
        other.execute("ROLLBACK")


@contextmanager
def disk_full(hour: Hour, _folder: Path) -> Iterator[dict[str, str]]:
    """The database takes no further page, and the sweep has much to write."""
    context = AppContext.load(hour.settings)
    for number in range(12):
        asked(context, f"NX6{number:04d}", days_ago=60)
    context.engine.dispose()
    yield {"DISK_IS_FULL": "yes"}


@contextmanager
def mailbox_of_replies_away(hour: Hour, _folder: Path) -> Iterator[dict[str, str]]:
    yield {
        "SENDFLOW_IMAP_HOST": "127.0.0.1",
        "SENDFLOW_IMAP_PORT": str(free_port()),
        "SENDFLOW_IMAP_LOGIN": "dco@icb.example:four-plain-words",
    }


@contextmanager
def clock_jumped(hour: Hour, _folder: Path) -> Iterator[dict[str, str]]:
    """The newest finished job is of more than 31 days ago: the machine was off for as long, or its clock is wrong."""
    with _altered(hour, "UPDATE job_run SET finished_at = '2020-01-01T00:00:00.000000Z'"):
        yield {}


@contextmanager
def row_altered(hour: Hour, _folder: Path) -> Iterator[dict[str, str]]:
    with _altered(hour, "UPDATE fact SET actor = 'sam.lee' WHERE case_ref = 'NX90002' AND seq = 1"):
        yield {}


@contextmanager
def revision_of_a_later_program(hour: Hour, _folder: Path) -> Iterator[dict[str, str]]:
    with _altered(hour, "UPDATE alembic_version SET version_num = '999'"):
        yield {}


@contextmanager
def _altered(hour: Hour, statement: str) -> Iterator[None]:
    """The database with altered rows, and afterwards as it was."""
    with closing(sqlite3.connect(hour.settings.records)) as file:
        before = "\n".join(file.iterdump())
    with closing(sqlite3.connect(hour.settings.records, isolation_level=None)) as file:
        triggers = file.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _sql in triggers:
            file.execute(f"DROP TRIGGER {name}")
        assert file.execute(statement).rowcount
        for _name, sql in triggers:
            file.execute(sql)
    yield
    with closing(sqlite3.connect(":memory:")) as memory, closing(sqlite3.connect(hour.settings.records)) as file:
        memory.executescript(before)
        memory.backup(file)


Fault = Callable[[Hour, Path], Any]
DELIVER = ("job", "deliver", {"now": True, "reason": "a test"})
FAULTS: list[tuple[Fault, tuple[str, str, dict[str, Any]], EndState, str]] = [
    (server_closed, DELIVER, EndState.LETTERS_CANNOT_LEAVE, "sendflow doctor"),
    (mailbox_refused, DELIVER, EndState.LETTERS_NEED_A_PERSON, "sendflow letters"),
    (folder_cannot_be_written, DELIVER, EndState.LETTERS_CANNOT_LEAVE, "sendflow doctor"),
    (mailbox_of_replies_away, ("job", "replies", {}), EndState.MAILBOX_NOT_READ, "sendflow doctor"),
    (key_missing, ("by a person", "sweep", {}), EndState.COULD_NOT_FINISH, "restores person.key"),
    (rule_file_broken, ("by a person", "sweep", {}), EndState.COULD_NOT_FINISH, "the file that sendflow doctor names"),
    (database_away, ("by a person", "sweep", {}), EndState.COULD_NOT_FINISH, "the database"),
    (disk_full, ("by a person", "sweep", {}), EndState.COULD_NOT_FINISH, "disk"),
    (clock_jumped, ("by a person", "sweep", {}), EndState.COULD_NOT_FINISH, "sendflow confirm-clock"),
    (revision_of_a_later_program, ("by a person", "verify", {}), EndState.COULD_NOT_FINISH, "installs the version"),
    (row_altered, ("by a person", "verify", {}), EndState.DAMAGED, "sendflow findings"),
]


@pytest.mark.parametrize(("fault", "asked_for", "state", "remedy"), FAULTS, ids=[each[0].__name__ for each in FAULTS])
def test_a_fault_turns_the_right_run_red_and_its_text_names_the_remedy(
    hour: Hour, tmp_path: Path, fault: Fault, asked_for: tuple[str, str, dict[str, Any]], state: EndState, remedy: str
) -> None:
    context = AppContext.load(hour.settings)
    number = [each[0] for each in FAULTS].index(fault)
    asked(context, f"NX8{number:04d}", SERVICES[number % len(SERVICES)])
    context.engine.dispose()
    began = datetime.now(UTC)
    how, job, given = asked_for
    with fault(hour, tmp_path) as environment:
        hour.do(how, job, environment, given=given)
    runs = hour.runs(began)
    assert [run["state_name"] for run in runs] == [state], [run["state"]["message"] for run in runs]
    (run,) = runs
    assert run["state_type"] == "FAILED"
    assert remedy in run["state"]["message"], run["state"]["message"]
    assert hour.first_line(run) == run["state"]["message"]
    assert "a person" in run["state"]["message"] and "Zebediah" not in run["state"]["message"]
    if fault is row_altered:
        assert hour.failed_tasks(run) == {
            "case NX90002": "case NX90002 is not as it was written: run sendflow findings"
        }
    began = datetime.now(UTC)
    assert hour.do("job", "deliver", given={"now": True, "reason": "a test"}) is None
    green = {run["state_type"] for run in hour.runs(began)}
    assert green == {"COMPLETED"} or fault is mailbox_refused, "the fault is gone, and so is the red"


def test_a_job_of_many_steps_shows_its_progress_to_the_end(hour: Hour, tmp_path: Path) -> None:
    """A large sweep, a verification and an import in pieces: one progress artifact each, which ends at 100 and holds a
    number and nothing else.
    """
    context = AppContext.load(hour.settings)
    for number in range(3):
        asked(context, f"NX7{number:04d}", days_ago=60)
    context.engine.dispose()
    rows = [SOUND | {"Ref": f"PR00{number}", "NHS number": ""} for number in range(3)]
    assert hour.do("small steps") is None
    began = datetime.now(UTC)
    assert hour.do("job", "sweep") is None
    assert hour.do("by a person", "verify") is None
    assert hour.do("job", "import", given={"path": str(tracker(tmp_path, *rows)), "piece": 1}) is None
    runs = hour.runs(began)
    assert [run["name"].split()[0].rstrip(":") for run in runs] == ["sweep", "verify", "import"]
    for run in runs:
        wanted = {"artifacts": {"flow_run_id": {"any_": [run["id"]]}, "type": {"any_": ["progress"]}}}
        (shown,) = hour.ask("artifacts/filter", wanted)
        assert (shown["key"], float(shown["data"])) == (run["name"].split()[0].rstrip(":"), 100.0)
        assert (shown["description"], shown["metadata_"]) == (None, None)
        tasks_of(hour.ask, run, at_least=2)  # fails if the server has one task for all steps
