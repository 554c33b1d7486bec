"""Backups, and the tests of tests/system/faults on PostgreSQL: random kills, clocks that disagree, older programs."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

from sqlalchemy.engine import URL, make_url

from casework.privacy.stored_keys import restore_keys
from config.settings import Settings
from runtime.local_postgres import LocalPostgres, binaries
from tests.support.fault_judge import all_is_well, history, records_are_whole
from tests.support.fault_workers import Order, nursery
from tests.support.mail_server import HOST, ScriptedMailServer
from tests.support.paths import ROOT
from tests.support.team import Team
from tests.system.faults.conftest import chance, rounds
from tests.system.faults.test_clocks import (
    test_two_machines_whose_clocks_disagree_write_one_history_and_send_one_letter as test_two_clocks,
)
from tests.system.faults.test_killed_at_random import opening
from tests.system.faults.test_killed_at_random import (
    test_a_process_killed_at_any_time_loses_nothing_and_sends_nothing_twice as test_random_kills,
)
from tests.system.faults.test_killed_over_letters import (
    test_an_act_on_letters_killed_at_any_statement_is_done_once_or_not_at_all as test_killed_acts_on_letters,
)
from tests.system.faults.test_killed_over_letters import (
    test_two_workers_over_a_ladder_whose_letters_wait_send_what_one_sends_in_the_same_order as test_a_waiting_ladder,
)
from tests.system.faults.test_older_programs import program
from tests.system.faults.test_older_programs import (
    test_a_program_that_ran_during_a_migration_writes_no_more as test_an_older_program,
)
from tests.system.faults.test_older_programs import (
    test_a_writer_during_a_migration_is_first_or_refused as test_brought_up_to_date,
)

TODAY = "2026-03-02"


def backup(team: Team, url: str, to: Path) -> Path:
    """Back up an installation with deploy/backup and return the backup's folder."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SENDFLOW_")} | {
        "SENDFLOW_HOME": str(team.home),
        "SENDFLOW_DATABASE_URL": url,
        "PATH": f"{binaries()}:{os.environ['PATH']}",
    }
    done = subprocess.run(
        [ROOT / "deploy" / "backup", to], env=environment, capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


def test_a_backup_taken_while_others_write_is_restored_as_a_whole_installation(
    postgres: LocalPostgres, database: Callable[..., str], team: Team, mail_server: ScriptedMailServer, tmp_path: Path
) -> None:
    """The test follows docs/operate/backup.md: deploy/backup, pg_restore into a new database, verify. Then it records
    the missing facts again.
    """
    accepted_file, plan = tmp_path / "accepted", [opening(number, TODAY) for number in range(60)]
    with nursery(team) as children:
        assert children.one("record", TODAY, str(accepted_file), plan[:20]).code == 0
        writing = threading.Thread(
            target=children.all_at_once,
            args=[Order("record", TODAY, (str(accepted_file), plan[each::2])) for each in range(2)],
        )
        writing.start()
        kept = backup(team, str(team.first.settings.database_url), tmp_path / "backups")
        writing.join()
    empty = database(empty=True)
    into = f"--dbname={empty.replace('+psycopg', '')}"
    restore = [
        f"{binaries()}/pg_restore",
        "--exit-on-error",
        "--single-transaction",
        into,
        str(kept / "records" / "sendflow.dump"),
    ]
    done = subprocess.run(restore, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (tmp_path / "restored").mkdir()
    (tmp_path / "restored" / "person.key").write_bytes((kept / "key" / "person.key").read_bytes())
    keys = tmp_path / "backups" / "keys" / "data_keys.json"
    restore_keys(Settings(home=tmp_path / "restored", database_url=empty), keys)
    restored = Team(tmp_path / "restored", database_url=empty)
    found = history(restored, [case for case, _facts in plan])
    assert 20 <= len(found) <= 60
    assert {len(lines) for lines in found.values()} == {2}
    records_are_whole(restored, TODAY)
    with nursery(restored) as children:
        again = children.one(
            "record", TODAY, str(tmp_path / "again"), [act for act in plan if act[0] not in found]
        ).answer
        assert {said for _case, said in again} <= {2}
        for today in (TODAY, "2026-03-03"):
            assert (
                children.one("sweep", today).code,
                children.one("deliver", today, HOST, mail_server.port, 5.0).code,
            ) == (
                0,
                0,
            )
    all_is_well(restored, mail_server, "2026-03-03")
    assert len(history(restored, [case for case, _facts in plan])) == 60
    restored.first.engine.dispose()


__all__ = [
    "chance",
    "program",
    "rounds",
    "test_a_waiting_ladder",
    "test_an_older_program",
    "test_brought_up_to_date",
    "test_killed_acts_on_letters",
    "test_random_kills",
    "test_two_clocks",
]


def test_a_backup_is_taken_through_a_socket(postgres: LocalPostgres, team: Team, tmp_path: Path) -> None:
    """SQLAlchemy puts the folder of the socket into the query of the address."""
    on_tcp = make_url(str(team.first.settings.database_url))
    socket = {"host": str(postgres.folder), "port": str(on_tcp.port)}
    url = URL.create(on_tcp.drivername, on_tcp.username, on_tcp.password, database=on_tcp.database, query=socket)
    kept = backup(team, url.render_as_string(hide_password=False), tmp_path / "backups")
    listed = subprocess.run(
        [f"{binaries()}/pg_restore", "--list", kept / "records" / "sendflow.dump"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "TABLE DATA public fact" in listed.stdout
