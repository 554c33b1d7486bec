"""When a letter's deliverer counts as dead."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from casework.delivery.deliverer import LEASE, Deliverer, is_expired

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
AT = NOW.isoformat()


def test_a_run_is_alive_until_it_ends() -> None:
    with Deliverer() as deliverer:
        assert not is_expired(deliverer.name, AT, NOW + timedelta(days=1))
    assert is_expired(deliverer.name, AT, NOW)


def test_a_process_that_ended_is_dead_at_once_and_so_is_one_whose_number_was_given_again() -> None:
    host = Deliverer().name.split("/")[0]
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, text=True) as process:
        with Path(f"/proc/{process.pid}/stat").open() as stat:
            start = stat.read().rpartition(")")[2].split()[19]
        alive = f"{host}/{process.pid}/{start}/run"
        assert not is_expired(alive, AT, NOW)
        assert is_expired(f"{host}/{process.pid}/1/run", AT, NOW)
        process.communicate("\n")
    assert is_expired(alive, AT, NOW)


def test_of_another_machine_only_the_lease_is_known() -> None:
    elsewhere = f"another-machine/{os.getpid()}/1/run"
    assert not is_expired(elsewhere, AT, NOW + LEASE)
    assert is_expired(elsewhere, AT, NOW + LEASE + timedelta(seconds=1))


def test_a_claim_that_says_nothing_is_nobodys() -> None:
    assert is_expired(None, None, NOW)
    assert is_expired("odd", AT, NOW)
