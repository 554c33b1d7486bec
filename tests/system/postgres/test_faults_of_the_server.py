"""Faults of the PostgreSQL server: it is killed, its disk is full, it is down for a while, or its answer to a commit is
lost.
"""

from __future__ import annotations

import errno
import os
import random
import resource
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError

import cli
from casework.cases.record import record
from casework.cases.validation import Refused
from casework.context import AppContext
from casework.delivery.daily_digest import digest
from casework.delivery.deliver import deliver
from casework.imports.tracker_import import import_file
from casework.sweep import sweep
from config.settings import Settings
from models import when_back
from models.database import open_engine, writing
from models.facts import FactDraft
from runtime.diagnostics.checks import examine
from runtime.health.server import HealthServer, Heartbeat
from runtime.local_postgres import HOST as POSTGRES_HOST
from runtime.local_postgres import LocalPostgres, LocalPostgresError
from runtime.scheduler import Scheduler
from runtime.supervisor import Supervisor
from tests.support.by_hand import day
from tests.support.fault_judge import (
    Planned,
    accepted,
    all_is_well,
    facts_are_there_once,
    history,
    nothing_is_half_done,
    records_are_whole,
)
from tests.support.fault_workers import Order, nursery
from tests.support.installation import wait_until
from tests.support.lost_connection import Cut, lost_line
from tests.support.mail_server import HOST, ScriptedMailServer
from tests.support.team import Team
from tests.system.faults.conftest import chance, rounds
from tests.system.faults.test_killed_at_random import opening, working_days

TODAY = "2026-03-02"
GONE = {"OperationalError", "InterfaceError", "Contended"}


@pytest.fixture
def server(postgres: LocalPostgres) -> Iterator[LocalPostgres]:
    """The local PostgreSQL; it runs again for the next test."""
    yield postgres
    back(postgres)


def back(cluster: LocalPostgres) -> None:
    """Start it again, as a supervisor does: until it succeeds."""

    def started() -> bool:
        if cluster.answers():
            return True
        try:
            cluster.start()
        except LocalPostgresError:
            return False
        return True

    wait_until(started, 60)


def refuses(port: int) -> bool:
    """Whether nothing takes connections at a port of this machine."""
    with socket.socket() as tried:
        return tried.connect_ex((POSTGRES_HOST, port)) == errno.ECONNREFUSED


def postmaster(cluster: LocalPostgres) -> int:
    return int((cluster.data / "postmaster.pid").read_text().split("\n")[0])


def sessions(cluster: LocalPostgres) -> list[int]:
    """Return the ids of the server's client processes."""
    found = []
    for pid in Path(f"/proc/{postmaster(cluster)}/task/{postmaster(cluster)}/children").read_text().split():
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].split()
        if any(HOST.encode() in word for word in words):
            found.append(int(pid))
    return found


@pytest.mark.timeout(7200)
def test_a_server_that_is_killed_loses_nothing_that_it_said_was_done(
    server: LocalPostgres,
    team: Team,
    mail_server: ScriptedMailServer,
    rounds: Callable[[int], int],
    chance: random.Random,
    tmp_path: Path,
) -> None:
    """The test kills the postmaster, or the process of one client, after which the postmaster ends all others."""
    accepted_file, wanted, died = tmp_path / "accepted", list[Planned](), 0
    days = iter(working_days(team.first.calendar, date(2026, 3, 2), rounds(2) + 12))

    def kill(whole: bool) -> None:
        some = [] if whole else sessions(server)
        os.kill(chance.choice(some) if some else postmaster(server), signal.SIGKILL)

    with nursery(team) as children:
        assert children.one("sweep", "2026-03-01").code == 0
        for number, today in enumerate(days):
            new = [opening(4 * number + each, today) for each in range(4)]
            wanted += new
            death = threading.Timer(chance.uniform(0.02, 0.25), kill, (number % 2 == 0,))
            death.start()
            orders = [
                ("record", (str(accepted_file), new[:3])),
                ("record", (str(accepted_file), new[1:])),
                ("sweep", ()),
                ("deliver", (HOST, mail_server.port, 5.0)),
            ]
            ends = children.all_at_once(*(Order(act, today, given) for act, given in orders))
            death.join()
            back(server)
            wait_until(lambda: children.one("sweep", "2026-03-01").code == 0, 30)
            assert {end.answer for end in ends if end.code} <= GONE
            died += sum(end.code != 0 for end in ends)
            facts_are_there_once(team, accepted(accepted_file), wanted)
            again = children.one("record", today, str(accepted_file), new)
            assert {said for _case, said in again.answer if isinstance(said, str)} <= {"recorded_already"}
            assert (
                children.one("sweep", today).code,
                children.one("deliver", today, HOST, mail_server.port, 5.0).code,
            ) == (
                0,
                0,
            )
            facts_are_there_once(team, wanted, wanted)
            all_is_well(team, mail_server, today)
            if number + 1 >= rounds(2) and died:  # repeat a round whose kill came after all jobs
                break
        for today in islice(days, 2):
            assert (
                children.one("sweep", today).code,
                children.one("deliver", today, HOST, mail_server.port, 5.0).code,
            ) == (
                0,
                0,
            )
    all_is_well(team, mail_server, today)
    assert died > 0


@pytest.fixture
def no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only one connection breaks, the server is there at the next try."""
    monkeypatch.setattr(when_back, "TRIED_AFTER", (0.01,))


@pytest.mark.timeout(3600)
@pytest.mark.usefixtures("no_wait")
@pytest.mark.parametrize("how", list(Cut) if os.environ.get("ROUNDS") else [Cut.AFTER])
def test_a_commit_whose_answer_is_lost_is_done_once_when_repeated(
    postgres: LocalPostgres,
    team: Team,
    mail_server: ScriptedMailServer,
    rounds: Callable[[int], int],
    tmp_path: Path,
    how: Cut,
) -> None:
    """The connection breaks at each commit of each job in turn. The test repeats the job until no connection breaks."""
    url = make_url(team.first.settings.records_url)
    first, plan = date(2026, 3, 2), list[Planned]()
    with lost_line(postgres.roles.port) as line:
        engine = open_engine(url.set(port=line.port).render_as_string(hide_password=False))
        lost = replace(team.first, engine=engine)

        def on(today: date) -> AppContext:
            return replace(lost, settings=replace(lost.settings, today=today))

        def broken(act: Callable[[], Any]) -> int:
            """Run an act with a break at its first commit, then at its second, and so on. Return how many it had."""
            at = 0
            while True:
                at += 1
                line.cut(at, how)
                with suppress(OperationalError, Refused):
                    act()
                if not line.broken:
                    return at - 1

        acts: dict[str, Callable[[AppContext], Any]] = {
            "sweep": sweep,
            "deliver": partial(deliver, transport=mail_server.transport),
            "digest": partial(digest, transport=mail_server.transport),
        }
        seen: dict[str, int] = {}
        for number in range(2):
            case, facts = opening(number, first.isoformat())
            drafts = [FactDraft(kind, date.fromisoformat(happened), data) for kind, happened, data in facts]
            plan.append((case, facts))
            seen["record"] = broken(partial(record, on(first), case, drafts, "dco.team"))
        tracker = tmp_path / "tracker.csv"
        tracker.write_text(
            "Ref,Local authority,Request received by LA\nNX70001,northshire,02/03/2026\nNX70002,eastmere,02/03/2026\n"
        )
        seen["import"] = broken(lambda: import_file(on(first), tracker))
        for after in (0, 21, 42, 43, 44, 45, 46) if rounds(0) else (0, 43, 44):
            today = first + timedelta(days=after)
            for name, act in acts.items():
                seen[name] = max(seen.get(name, 0), broken(partial(act, on(today))))
        engine.dispose()
    assert seen.keys() == {"record", "import", "sweep", "deliver", "digest"}
    assert min(seen.values()) >= 1
    facts_are_there_once(team, plan, plan)
    assert {len(lines) for ref, lines in history(team, ["NX70001", "NX70002"]).items()} == {1}
    all_is_well(team, mail_server, today.isoformat())
    nothing_is_half_done(team)


@pytest.mark.parametrize("what", ["data", "log"])
def test_a_full_disk_undoes_the_transaction_and_a_repeat_succeeds_when_there_is_space(
    server: LocalPostgres, team: Team, what: str
) -> None:
    """If the data files cannot grow, the server refuses one transaction. If its write-ahead log cannot, it restarts."""
    team.opened("2 Mar 2026")
    context = team.context("2 Mar 2026")
    case, facts = opening(1, TODAY)
    drafts = [FactDraft(kind, day(on), data) for kind, on, data in facts]
    with writing(context.engine) as connection:
        process = int(connection.scalar(text("SELECT pg_backend_pid()")) or 0)
        while (
            what == "log"
            and int(connection.scalar(text("SELECT (pg_current_wal_insert_lsn() - '0/0') % 16777216")) or 0) < 2**20
        ):
            connection.execute(text("SELECT pg_logical_emit_message(false, 'fill', repeat('x', 1000000))"))
    before = limit_files(process, 4096 if what == "data" else 2**19)
    with pytest.raises(DBAPIError):
        record(context, case, drafts, "dco.team")
    if what == "data":
        assert team.verify("2 Mar 2026").intact, "what was there can be read"
        limit_files(process, before)
    wait_until(lambda: well(context), 30)
    assert Path(f"/proc/{process}").exists() == (what == "data")
    facts_are_there_once(team, [], [(case, facts)])
    record(context, case, drafts, "dco.team")
    facts_are_there_once(team, [(case, facts)], [(case, facts)])
    team.day("2 Mar 2026")
    records_are_whole(team, "2 Mar 2026")


def limit_files(process: int, size: int) -> int:
    """Limit the size of files that another process writes, and return the limit before. A child does it under the
    account of that process, because some containers do not permit it to root.
    """
    limit, answer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            whose = Path(f"/proc/{process}").stat()
            os.setresgid(*[whose.st_gid] * 3)
            os.setresuid(*[whose.st_uid] * 3)
            soft, hard = resource.prlimit(process, resource.RLIMIT_FSIZE)
            resource.prlimit(process, resource.RLIMIT_FSIZE, (size, hard))
            os.write(answer, str(soft).encode())
        finally:
            os._exit(0)
    os.close(answer)
    os.waitpid(child, 0)
    with os.fdopen(limit, "rb") as pipe:
        return int(pipe.read())


def well(context: AppContext) -> bool:
    try:
        sweep(context)
    except DBAPIError:
        return False
    return True


def test_a_server_that_is_down_for_a_while_is_one_clear_line_and_jobs_continue_when_it_is_back(
    server: LocalPostgres, team: Team, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every command ends with 3 and one line. The scheduler reports it once, waits, then sweeps without a restart."""
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    settings = team.context("14 Apr 2026").settings
    environment = {
        "SENDFLOW_HOME": str(team.home),
        "SENDFLOW_TODAY": "2026-04-14",
        "SENDFLOW_DATABASE_URL": settings.records_url,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def command(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["sendflow", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    clock = Scheduler(settings)
    server.stop()
    wait_until(lambda: refuses(server.roles.port), 20)
    for words in (
        (
            "record",
            "NX90001",
            "health_advice_acknowledged",
            "--on",
            "2026-03-03",
            "--data",
            "service=physiotherapy",
            "--actor",
            "dco.team",
            "--json",
        ),
        ("sweep", "--json"),
        ("deliver",),
        ("overdue", "--json"),
        ("case", "NX90001"),
        ("verify",),
        ("migrate",),
    ):
        code, out, err = command(*words)
        lines = [line for line in err.splitlines() if "runs directly" not in line]
        assert (code, out, len(lines)) == (3, "", 1), (words, err)
        assert "(connection_refused)" in lines[0], words
    assert [each.what for each in examine(settings).findings] == ["cannot_open"]
    assert "systemctl status postgresql" in examine(settings).findings[0].mend
    clock.tick()
    clock.tick()
    assert capsys.readouterr().err.count("the records do not answer") == 1
    with HealthServer(replace(settings, metrics_port=None), Heartbeat()) as watch:
        assert b"the_records_cannot_be_read" in watch.answer("/ready")[2]
    with pytest.raises(OperationalError):
        team.record("14 Apr 2026", "health_advice_acknowledged", service="speech_and_language_therapy")
    back(server)
    clock.tick()
    said = capsys.readouterr().err
    assert "the records answer again" in said
    assert "could not be finished" not in said
    assert list((team.home / "letters").glob("*.eml")), "the letters that are due leave"
    assert "breached" in {kind for kind, _rung, _day in team.escalations()}
    # The same installation, with the same engine, in the same process.
    team.record("14 Apr 2026", "health_advice_acknowledged", service="speech_and_language_therapy")
    assert command("overdue", "--json")[0] == 0
    with HealthServer(replace(settings, metrics_port=None), Heartbeat()) as watch:
        assert [watch.answer(path)[0] for path in ("/ready", "/metrics")] == [200, 200]
    assert [each.what for each in examine(settings).findings] == []
    records_are_whole(team, "14 Apr 2026")


def test_a_local_server_that_dies_is_restarted_with_the_other_components() -> None:
    """A supervisor starts the server before the other components; the one that restarts them restarts it too."""
    home = Path(tempfile.mkdtemp(prefix="sendflow-home-"))
    home.chmod(0o755)
    cluster, said = LocalPostgres(home / "postgres", fast=True), list[str]()
    cluster.make()
    before = Supervisor(Settings.read({"SENDFLOW_HOME": str(home)}), said.append)
    others = Supervisor(Settings.read({"SENDFLOW_HOME": str(home)}), said.append, beside=before)
    try:
        before.start("postgres")
        wait_until(cluster.answers, 60)
        assert others.pids.keys() == {"postgres"}
        os.kill(postmaster(cluster), signal.SIGKILL)
        wait_until(others.restart_ended, 60)
        wait_until(cluster.answers, 60)
        assert len(said) == 1
        assert "The postgres process ended" in said[0]
    finally:
        others.stop()
        before.stop()
        shutil.rmtree(home)


__all__ = ["chance", "rounds"]
