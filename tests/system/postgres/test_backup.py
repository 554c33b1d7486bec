"""A backup of a PostgreSQL database has no data keys, and its trial restores it into a private server and verifies."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from casework.job_runs import RESTORE_TRIAL, last_finished
from models.database import reading
from models.tables import DATA_KEY
from runtime.backup import BackupFailed, back_up
from tests.runtime.test_backup import pair, two
from tests.support.team import Team

__all__ = ["pair", "two"]


def test_a_backup_is_restored_on_trial_into_a_private_server(
    two: Team, tmp_path: Path, pair: tuple[Path, Path]
) -> None:
    with reading(two.first.engine) as connection:
        subjects = list(connection.scalars(select(DATA_KEY.c.subject)))
    assert len(subjects) == 4
    kept = back_up(two.first.settings, tmp_path / "plain")
    dump = (kept / "records" / "sendflow.dump").read_bytes()
    assert not any(subject.encode() in dump for subject in subjects)
    back_up(two.first.settings, tmp_path / "encrypted", pair[0], trial=True)
    with reading(two.first.engine) as connection:
        assert last_finished(connection, RESTORE_TRIAL) is not None


def test_a_backup_of_altered_records_fails_its_trial(two: Team, tmp_path: Path) -> None:
    with two.first.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE passage SET salt = 'x'")
    with pytest.raises(BackupFailed, match="verification finds"):
        back_up(two.first.settings, tmp_path / "backups", trial=True)
    assert list((tmp_path / "backups").iterdir()) == []
