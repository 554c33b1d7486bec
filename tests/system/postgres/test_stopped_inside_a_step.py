"""PostgreSQL is stopped while a task of a run works, and started again: nothing is lost and no letter is doubled. The
run goes on by itself, or it is red and names the remedy, and the next run finishes.

Prefect's server is a real one. A lock of the test, or the mail server, shows that the task is at work.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from casework.cases.record import record
from casework.context import AppContext
from flows.run_ends import EndState
from models.facts import FactDraft
from runtime.local_postgres import LocalPostgres
from tests.support.installation import wait_until
from tests.support.mail_server import running_mail_server
from tests.support.prefect_server import PrefectServer, tasks_of
from tests.support.trackers import SOUND, tracker
from tests.system.installation.runs.test_faults_in_prefect import DELIVER, Hour
from tests.system.postgres.test_faults_of_the_server import back

pytestmark = [pytest.mark.installation, pytest.mark.timeout(300)]
HELD = 4711  # the number of the test's lock
HOLD = f"""
CREATE FUNCTION held() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN IF NEW.case_ref = TG_ARGV[0] THEN PERFORM pg_advisory_xact_lock({HELD}); END IF; RETURN NEW; END $$
"""
AT_THE_LOCK = "SELECT count(*) FROM pg_locks WHERE NOT granted AND (objid = %s OR relation = 'letter'::regclass)"
PAEDS, PHYSIO, OT = "community_paediatrics", "physiotherapy", "occupational_therapy"
ASKED = {
    "northshire": [("QX101", service) for service in (PAEDS, PHYSIO, OT)],
    "eastmere": [("QX102", PAEDS), ("QX102", PHYSIO), ("QX103", OT)],
}
DOUBLED = "SELECT case_ref, kind, text FROM fact GROUP BY 1, 2, 3 HAVING count(*) > 1"


class Stopped(Hour):
    """An installation on PostgreSQL, whose server stops and starts."""

    def __init__(self, prefect: PrefectServer, mail: Any, postgres: LocalPostgres, database_url: str) -> None:
        """Start the process of the jobs."""
        super().__init__(prefect, prefect.settings.home, mail, database_url)
        self.postgres, self.plain = postgres, database_url.replace("+psycopg", "")
        self.beside = ThreadPoolExecutor(1)

    def stop(self) -> None:
        """End them."""
        super().stop()
        self.beside.shutdown()

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.plain, autocommit=True) as connection:
            return connection.execute(query, values).fetchall()

    def begin(self, what: str, job: str, given: dict[str, Any] | None = None) -> Future[str | None]:
        """Begin a job beside this thread; the future is what it raised."""
        return self.beside.submit(self.do, what, job, given=given or {})

    @contextmanager
    def holding(self, table: str, case: str = "") -> Iterator[Callable[[], Any]]:
        """Hold who writes to this case, or who reads the table. Gives what waits until a job is held."""
        connection = psycopg.connect(self.plain, autocommit=True)
        try:
            if case:
                connection.execute(HOLD.replace("TG_ARGV[0]", f"'{case}'"))
                connection.execute(f"CREATE TRIGGER held BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION held()")
                connection.execute("SELECT pg_advisory_lock(%s)", (HELD,))
            else:
                connection.execute("BEGIN")
                connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            yield lambda: wait_until(lambda: self.rows(AT_THE_LOCK, HELD)[0][0], 60)
        finally:
            connection.close()
            back(self.postgres)
            with psycopg.connect(self.plain, autocommit=True) as after:
                after.execute("DROP FUNCTION IF EXISTS held CASCADE")

    def ended(self, since: datetime) -> dict[str, Any]:
        """The one run since an instant."""
        (run,) = self.runs(since)
        return run

    def all_is_well(self) -> None:
        """No fact is there twice, and a verification finds nothing."""
        assert self.rows(DOUBLED) == []
        began = datetime.now(UTC)
        assert self.do("by a person", "verify") is None
        assert self.ended(began)["state_name"] == EndState.INTACT


@pytest.fixture(scope="module")
def stopped(
    tmp_path_factory: pytest.TempPathFactory, postgres: LocalPostgres, database: Callable[..., str]
) -> Iterator[Stopped]:
    """An installation whose sweeps, verifications and imports have many steps."""
    prefect = PrefectServer(tmp_path_factory.mktemp("stopped") / "var")
    with running_mail_server() as mail:
        made = Stopped(prefect.started(), mail, postgres, database())
        try:
            assert made.do("small steps") is None
            yield made
        finally:
            made.stop()
            prefect.stop()


def cases(stopped: Stopped, series: str, days_ago: int = 60, la: str = "northshire") -> list[str]:
    """Three cases of a series, whose advice was asked for so many days ago."""
    context = AppContext.load(stopped.settings)
    on = context.today() - timedelta(days=days_ago)
    refs = [f"{series}{number:04d}" for number in range(3)]
    for ref, (body, service) in zip(refs, ASKED[la], strict=True):
        facts: list[tuple[str, dict[str, Any]]] = [
            ("ehc_assessment_requested", {"la": la}),
            ("assessment_agreed", {}),
            ("health_advice_requested", {"body": body, "service": service}),
        ]
        record(context, ref, [FactDraft(kind, on, data) for kind, data in facts], "dco.team", confirmed=True)
    context.engine.dispose()
    return refs


def is_red_and_names_the_remedy(stopped: Stopped, run: dict[str, Any], then: str) -> None:
    said = run["state"]["message"]
    assert (run["state_type"], run["state_name"]) == ("FAILED", EndState.COULD_NOT_FINISH), said
    assert "a person sees to the database: check that it runs" in said and said.endswith(then), said
    assert stopped.first_line(run) == said


def kinds(stopped: Stopped, refs: list[str]) -> list[list[str]]:
    """The kinds of the facts of each case."""
    found = stopped.rows("SELECT case_ref, kind FROM fact WHERE case_ref = ANY(%s) ORDER BY case_ref, seq", refs)
    return [[kind for ref, kind in found if ref == wanted] for wanted in refs]


def test_a_sweep_goes_on_when_the_database_is_back(stopped: Stopped) -> None:
    """The step of the second case is repeated, and the run is not red."""
    refs, began = cases(stopped, "NX60"), datetime.now(UTC)
    with stopped.holding("fact", refs[1]) as until_held:
        job = stopped.begin("job", "sweep")
        until_held()
        stopped.postgres.stop()
        back(stopped.postgres)
        assert job.result(60) is None
    run = stopped.ended(began)
    assert run["state_type"] == "COMPLETED", run["state"]["message"]
    first, second, third = kinds(stopped, refs)
    assert "breached" in first and first == second == third
    steps = tasks_of(stopped.ask, run, at_least=3)
    assert sorted((each["name"], each["run_count"]) for each in steps) == [
        ("cases 1 to 1", 1),
        ("cases 2 to 2", 2),
        ("cases 3 to 3", 1),
    ]
    stopped.all_is_well()


def test_a_sweep_whose_database_stays_away_is_finished_by_the_next(stopped: Stopped) -> None:
    refs, began = cases(stopped, "NX61"), datetime.now(UTC)
    with stopped.holding("fact", refs[1]) as until_held:
        job = stopped.begin("job", "sweep")
        until_held()
        stopped.postgres.stop(at_once=True)
        assert job.result(60) is not None
    run = stopped.ended(began)
    is_red_and_names_the_remedy(stopped, run, "sendflow then does it at its next time")
    assert list(stopped.failed_tasks(run)) == ["cases 2 to 2"]
    done = kinds(stopped, refs)
    assert "breached" in done[0] and "breached" not in [*done[1], *done[2]], "what was committed stays"
    assert stopped.do("job", "sweep") is None
    first, second, third = kinds(stopped, refs)
    assert first == done[0] == second == third
    stopped.all_is_well()


@contextmanager
def stopped_at_the_second_letter(stopped: Stopped, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """The mail server takes a second letter, and PostgreSQL is gone before sendflow has the answer."""
    mail, gone = stopped.mail, threading.Event()
    mail.arrived.clear()
    as_before = mail.handle_DATA

    async def stops(server: SMTP, session: Session, envelope: Envelope) -> str:
        answer = await as_before(server, session, envelope)
        if len(mail.arrived) == 2 and not gone.is_set():
            stopped.postgres.stop()
            gone.set()
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(mail, "handle_DATA", stops)
        yield gone
    back(stopped.postgres)


def deliver(stopped: Stopped) -> Future[str | None]:
    """Begin a delivery of all that is open."""
    return stopped.begin(*DELIVER)


def states(stopped: Stopped) -> set[str]:
    """The states of all letters."""
    return {state for (state,) in stopped.rows("SELECT state FROM letter")}


def test_a_letter_that_left_while_the_database_went_away_leaves_once(
    stopped: Stopped, monkeypatch: pytest.MonkeyPatch
) -> None:
    """sendflow knows that it left, and records so when the database is back."""
    cases(stopped, "NX62", days_ago=0)
    began = datetime.now(UTC)
    with stopped_at_the_second_letter(stopped, monkeypatch) as gone:
        job = deliver(stopped)
        assert gone.wait(60)
        back(stopped.postgres)
        assert job.result(60) is None
    run = stopped.ended(began)
    assert run["state_type"] == "COMPLETED", run["state"]["message"]
    arrived = list(stopped.mail.ids())
    assert len(arrived) > 2 and len(set(arrived)) == len(arrived)
    assert deliver(stopped).result(60) is None
    assert stopped.mail.ids() == arrived, "nothing is left, and nothing leaves again"
    assert states(stopped) == {"sent"}
    stopped.all_is_well()


def test_a_delivery_whose_database_stays_away_is_finished_by_the_next(
    stopped: Stopped, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody recorded that the letter left, so it goes once more under its Message-ID. No other letter is doubled."""
    cases(stopped, "NX63", days_ago=0, la="eastmere")
    began = datetime.now(UTC)
    with stopped_at_the_second_letter(stopped, monkeypatch):
        assert deliver(stopped).result(60) is not None
    run = stopped.ended(began)
    is_red_and_names_the_remedy(stopped, run, "sendflow then does it at its next time")
    assert list(stopped.failed_tasks(run)) == ["letters by the mail server"]
    unknown = stopped.mail.ids()[1]
    assert deliver(stopped).result(60) is None
    arrived = Counter(stopped.mail.ids())
    assert len(arrived) == 3 and arrived.pop(unknown) == 2 and set(arrived.values()) == {1}
    assert states(stopped) == {"sent", "sent_perhaps_twice"}
    stopped.all_is_well()


def test_an_import_that_was_cut_off_is_completed_by_importing_again(stopped: Stopped, tmp_path: Path) -> None:
    """sendflow has no copy of the file, so the run asks for it. What was recorded stays, and is not recorded twice."""
    refs = [f"AB9{number:02d}" for number in range(4)]
    file = tracker(tmp_path, *(SOUND | {"Ref": ref, "NHS number": ""} for ref in refs))
    given, began = {"path": str(file), "piece": 1}, datetime.now(UTC)
    with stopped.holding("fact", refs[2]) as until_held:
        job = stopped.begin("job", "import", given)
        until_held()
        stopped.postgres.stop()
        assert job.result(60) is not None
    run = stopped.ended(began)
    is_red_and_names_the_remedy(stopped, run, "what was recorded stays, and is not recorded twice")
    assert list(stopped.failed_tasks(run)) == ["rows on lines 4 to 4"]
    done = kinds(stopped, refs)
    assert done[0] and done[0] == done[1] and not done[2] and not done[3]
    assert stopped.do("job", "import", given=given) is None
    assert kinds(stopped, refs) == [done[0]] * 4
    stopped.all_is_well()


def test_a_verification_that_was_cut_off_is_red_and_the_next_is_whole(stopped: Stopped) -> None:
    """Its snapshot is gone with the server, so no step of it is repeated."""
    began = datetime.now(UTC)
    with stopped.holding("letter") as until_held:
        job = stopped.begin("by a person", "verify")
        until_held()
        stopped.postgres.stop()
        back(stopped.postgres)
        assert job.result(60) is None, "who started it in Prefect reads its state there"
    run = stopped.ended(began)
    is_red_and_names_the_remedy(stopped, run, "sendflow then does it at its next time")
    assert len(stopped.failed_tasks(run)) == 1
    stopped.all_is_well()
