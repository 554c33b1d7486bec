"""The checks of `sendflow doctor` for backups: when the newest was made, and when one was last restored on trial."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, func, select

from casework.context import AppContext
from casework.job_runs import BACKUP, RESTORE_TRIAL, last_finished
from models.tables import RULESET
from runtime.diagnostics.finding import Finding

OLDEST_BACKUP = timedelta(hours=26)  # one each night, and the hour of the end of summer time
OLDEST_TRIAL = timedelta(days=8)  # one each week, and a day
FIRST_DAYS = timedelta(days=7)


def backups(context: AppContext, connection: Connection, _today: date) -> Iterator[Finding]:
    """Finds a newest backup that is old, a trial that is old, and an installation of which there is none."""
    if context.simulated:
        return
    made, tried = last_finished(connection, BACKUP), last_finished(connection, RESTORE_TRIAL)
    if made is None:
        began = connection.scalar(select(func.min(RULESET.c.taken_at)))
        if began is not None and context.now() - datetime.fromisoformat(began) > FIRST_DAYS:
            yield Finding(
                what="no_backup",
                message="no backup of this installation was ever made",
                mend="enable sendflow-backup.timer and sendflow-restore-trial.timer, or run deploy/backup FOLDER --try",
            )
        return
    if context.now() - datetime.fromisoformat(made) > OLDEST_BACKUP:
        yield Finding(
            what="backup_old",
            message=f"the newest backup is of {made}",
            mend="journalctl -u sendflow-backup.service says why none was made since; then deploy/backup FOLDER",
        )
    if tried is None or context.now() - datetime.fromisoformat(tried) > OLDEST_TRIAL:
        when = f"since {tried}" if tried else "ever"
        yield Finding(
            what="restore_not_tried",
            message=f"no backup was restored on trial {when}",
            mend="journalctl -u sendflow-restore-trial.service says why; then deploy/backup FOLDER --try",
        )
