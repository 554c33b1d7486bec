"""Kills processes of a whole installation at random: Prefect's server, the process that runs deployments, the
scheduler, the database and the supervisor.

It runs only where ROUNDS is set (`make faults`): one start for twenty rounds, half a minute each. `make test` has the
smaller tests in tests/system/installation/up, where many tests share one installation.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from datetime import date
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from casework.context import AppContext
from casework.delivery.deliver import delivery_is_due
from config.running_instance import server_answers
from config.settings import Settings
from models.database import reading
from notifications import outbox
from runtime.demo.load import Sample
from runtime.diagnostics.checks import examine
from runtime.local_postgres import LocalPostgres, binaries
from runtime.scheduler import digest_is_called_for, sweep_is_called_for
from tests.support.fault_judge import Planned, all_is_well, facts_are_there_once
from tests.support.installation import OPEN, RunningInstallation, processes_of, wait_until
from tests.support.mail_server import ScriptedMailServer
from tests.support.prefect_database import put_prefect_database
from tests.support.team import Team
from tests.system.faults.test_killed_at_random import opening, working_days

ROUNDS = int(os.environ.get("ROUNDS") or 0)
BASES = ["file"] + ["cluster"] * (binaries() is not None)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the account of PostgreSQL may enter."""
    made = Path(tempfile.mkdtemp(prefix="sendflow-shot-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


def arrived_letters(home: Path) -> ScriptedMailServer:
    """Return a mail server that holds every letter of the local SMTP server."""
    server = ScriptedMailServer()
    for path in sorted((home / "letters").glob("*.eml")):
        mail = message_from_bytes(path.read_bytes(), policy=default)
        assert isinstance(mail, EmailMessage)
        server.arrived.append(mail)
    return server


def shoot(context: RunningInstallation, chance: random.Random) -> list[str]:
    """Kill some components, and on PostgreSQL perhaps the server itself. Return their names."""
    alive = processes_of(context.home)  # the supervisor may not have restarted one that was killed before
    parts = {name: pid for name, pid in context.running["pids"].items() if pid in alive}
    if not parts:
        return []
    shot = chance.sample(sorted(parts), chance.randint(1, len(parts)))
    for name in shot:
        os.kill(parts[name], signal.SIGKILL)
    pid = context.home / "postgres" / "data" / "postmaster.pid"
    if pid.exists() and chance.random() < 0.5:
        os.kill(int(pid.read_text().split("\n")[0]), signal.SIGKILL)
        shot.append("postmaster")
    return shot


def record_plan(context: RunningInstallation, plan: list[Planned], accepted: list[Planned]) -> None:
    """Record the planned facts by the command. Repeat each until it is accepted, as a person without an answer does."""
    for case, facts in plan:
        for kind, on, data in facts:
            options = (part for key, value in data.items() for part in ("--data", f"{key}={value}"))
            words = ["record", case, kind, "--on", on, "--actor", "dco.team", "--json", *options]

            def done(words: list[str] = words) -> bool:
                ended = context.ask(*words)
                assert "Traceback" not in ended.stderr, ended.stderr
                # 3 is "not finished": no database just now. 1 is "refused": it was done the first time, and its answer
                # was lost.
                assert ended.returncode in (0, 3) or "the history already has" in ended.stderr, ended.stderr
                return ended.returncode in (0, 1)

            try:
                wait_until(done, 120)
            except AssertionError:
                raise AssertionError(f"never recorded: {context.ask(*words).stderr}") from None
        accepted.append((case, facts))


def whole(context: RunningInstallation) -> None:
    """Wait until every component runs again."""

    def at_work() -> bool:
        running: dict[str, Any] = context.running
        return all(Path(f"/proc/{pid}").exists() for pid in running["pids"].values()) and server_answers(
            running["api_url"], context.login
        )

    wait_until(at_work)


def left_to_do(settings: Settings) -> set[str]:
    """Return the jobs that the scheduler has not done yet on this day."""
    context = AppContext.load(settings)
    try:
        with reading(context.engine) as connection:
            sending = bool(outbox.unfinished(connection))
        sweep = sweep_is_called_for(context, context.today())
        looked = {
            "letters": sending or delivery_is_due(context),
            "sweep": sweep,
            "digest": digest_is_called_for(context),
        }
    finally:
        context.engine.dispose()
    return {name for name, called_for in looked.items() if called_for}


def at_rest(home: Path, today: str) -> None:
    """Wait until no job is left to do."""
    settings = Settings.read({"SENDFLOW_HOME": str(home), "SENDFLOW_TODAY": today})
    left: set[str] = set()

    def nothing() -> bool:
        nonlocal left
        left = left_to_do(settings)
        return not left

    try:
        wait_until(nothing, 60)
    except AssertionError:
        raise AssertionError(
            f"never done: {left}; the scheduler's log: {(home / 'logs' / 'scheduler.log').read_text()[-2000:]}"
        ) from None


def is_open(context: RunningInstallation, times: int) -> bool:
    """Say whether it has printed that it is open for the nth time."""
    assert context.process.poll() is None, context.said[-2000:]
    return context.said.count(OPEN) == times


if ROUNDS:

    @pytest.mark.timeout(7200)
    @pytest.mark.parametrize("base", BASES)
    def test_an_installation_under_random_kills_loses_nothing_and_starts_again(
        folder: Path, chance: random.Random, base: str
    ) -> None:
        home = folder / "var"
        home.mkdir()
        home.chmod(0o755)
        put_prefect_database(home)
        Sample(date(2026, 3, 1), finished=True).write(home / "sample.json")
        if base == "cluster":
            LocalPostgres(home / "postgres").make()
        wanted: list[Planned] = []
        number = 0
        days = working_days(Team(folder / "calendar").first.calendar, date(2026, 3, 2), max(2, ROUNDS // 20))
        for opening_number, today in enumerate(days, 1):
            context = RunningInstallation(home, SENDFLOW_TICK_SECONDS="1", SENDFLOW_TODAY=today)
            try:
                wait_until(partial(is_open, context, opening_number))
                for _ in range(2):
                    plan = [opening(number + each, today) for each in range(2)]
                    number += 2
                    wanted += plan
                    accepted: list[Planned] = []
                    person = threading.Thread(target=record_plan, args=(context, plan, accepted))
                    person.start()
                    person.join(chance.uniform(0, 2))
                    shot = shoot(context, chance)
                    person.join()
                    assert accepted == plan, (
                        shot,
                        {path.name: path.read_text()[-1500:] for path in (home / "logs").glob("*.log")},
                        context.said[-1500:],
                    )
                whole(context)
                at_rest(home, today)
                team = Team(home, database_url=Settings.read({"SENDFLOW_HOME": str(home)}).database_url)
                facts_are_there_once(team, wanted, wanted)
                all_is_well(team, arrived_letters(home), today)
                found = examine(team.context(today).settings).findings
                assert {each.what for each in found} <= {"letters_unknown", "prefect"}, found
                team.first.engine.dispose()
                context.signal(chance.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM]))
                context.ended()
                wait_until(lambda: processes_of(home) == [], 40)
            finally:
                context.close()
        assert json.loads((home / "sample.json").read_text())["finished"]
