"""When a letter's sender counts as dead."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from casework.delivery.lease import LEASE, Sender, abandoned

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
AT = NOW.isoformat()


def test_a_run_is_alive_until_it_ends() -> None:
    with Sender() as sender:
        assert not abandoned(sender.name, AT, NOW + timedelta(days=1))
    assert abandoned(sender.name, AT, NOW)


def test_a_process_that_ended_is_dead_at_once_and_so_is_one_whose_number_was_given_again() -> None:
    host = Sender().name.split("/")[0]
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, text=True) as process:
        with Path(f"/proc/{process.pid}/stat").open() as stat:
            start = stat.read().rpartition(")")[2].split()[19]
        alive = f"{host}/{process.pid}/{start}/run"
        assert not abandoned(alive, AT, NOW)
        assert abandoned(f"{host}/{process.pid}/1/run", AT, NOW)
        process.communicate("\n")
    assert abandoned(alive, AT, NOW)


def test_of_another_machine_only_the_lease_is_known() -> None:
    elsewhere = f"another-machine/{os.getpid()}/1/run"
    assert not abandoned(elsewhere, AT, NOW + LEASE)
    assert abandoned(elsewhere, AT, NOW + LEASE + timedelta(seconds=1))


def test_a_claim_that_says_nothing_is_nobodys() -> None:
    assert abandoned(None, None, NOW)
    assert abandoned("odd", AT, NOW)
