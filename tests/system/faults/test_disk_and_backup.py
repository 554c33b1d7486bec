"""A disk that fills while sendflow writes, and a backup that is taken while sendflow writes."""

from __future__ import annotations

import random
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from casework.cases.record import record
from casework.context import AppContext
from models.facts import FactDraft
from tests.support.by_hand import day
from tests.support.fault_judge import (
    accepted,
    all_is_well,
    facts_are_there_once,
    history,
    nothing_is_left,
    records_are_whole,
)
from tests.support.fault_workers import Order, nursery
from tests.support.mail_server import HOST, ScriptedMailServer
from tests.support.team import Team
from tests.system.faults.test_killed_at_random import opening

TODAY = "2026-03-02"


@pytest.mark.timeout(3600)
def test_a_full_disk_undoes_a_whole_transaction_and_a_repeat_succeeds_when_there_is_space(
    team: Team, mail_server: ScriptedMailServer, rounds: Callable[[int], int], chance: random.Random, tmp_path: Path
) -> None:
    confirmed = tmp_path / "accepted"
    plan, full = [], 0
    with nursery(team) as children:
        for number in range(rounds(3)):
            new = [opening(4 * number + each, TODAY) for each in range(4)]
            plan += new
            records = team.home / "sendflow.db"
            # Neither the records nor their journal may grow beyond a size that they are about to reach.
            limit = records.stat().st_size + chance.randrange(1, 60) * 1024
            orders = (("record", (str(confirmed), new)), ("sweep", ()), ("deliver", (HOST, mail_server.port, 5.0)))
            ends = children.all_at_once(*(Order(act, TODAY, given, limit=limit) for act, given in orders))
            assert {end.answer for end in ends if end.code} <= {"OperationalError"}
            full += sum(end.code == 1 for end in ends)
            facts_are_there_once(team, accepted(confirmed), plan)
            records_are_whole(team, TODAY)
            assert children.one("record", TODAY, str(confirmed), new).code == 0
        facts_are_there_once(team, plan, plan)
        for today in (TODAY, "2026-03-03", "2026-03-04"):
            assert (
                children.one("sweep", today).code,
                children.one("deliver", today, HOST, mail_server.port, 5.0).code,
            ) == (
                0,
                0,
            )
    all_is_well(team, mail_server, "2026-03-04")
    nothing_is_left(team)
    assert full > 0


def test_a_backup_taken_during_writes_starts_as_a_complete_installation(
    team: Team, teams: Callable[[str], Team], mail_server: ScriptedMailServer
) -> None:
    backup = team.home.parent / "backup"
    backup.mkdir()
    stop, written = threading.Event(), list[int]()

    def write() -> None:
        context: AppContext = team.context("2 Mar 2026")
        number = 0
        while not stop.is_set():
            record(
                context,
                f"NX{number:05d}",
                [FactDraft(kind, day(on), data) for kind, on, data in opening(number, TODAY)[1]],
                "dco.team",
            )
            written.append(number)
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with (
            closing(sqlite3.connect(team.home / "sendflow.db")) as source,
            closing(sqlite3.connect(backup / "sendflow.db")) as target,
        ):
            while len(written) < 20:
                stop.wait(0.01)
            before = len(written)
            source.backup(target, pages=8, sleep=0.001)
    finally:
        stop.set()
        writer.join()
    shutil.copy2(team.home / "person.key", backup / "person.key")
    restored = teams("backup")
    kept = history(restored, [f"NX{number:05d}" for number in written])
    assert before <= len(kept) <= len(written)
    assert {len(lines) for lines in kept.values()} == {2}
    records_are_whole(restored, "2 Mar 2026")
    # sendflow continues from there, and what was written after the backup can be recorded again.
    missing = [opening(number, TODAY) for number in written if f"NX{number:05d}" not in kept]
    with nursery(restored) as children:
        assert children.one("record", TODAY, str(backup / "accepted"), missing).code == 0
        for today in (TODAY, "2026-03-03"):
            assert (
                children.one("sweep", today).code,
                children.one("deliver", today, HOST, mail_server.port, 5.0).code,
            ) == (
                0,
                0,
            )
    all_is_well(restored, mail_server, "2026-03-03")
    assert len(history(restored, [f"NX{number:05d}" for number in written])) == len(written)
