"""When each job last finished, and how: rows of `job_run`, from which silence is noticed.

Purpose: sendflow's worst failure is that it stops without a message. The digest, `sendflow doctor`, the health
endpoints and the scheduler all ask here.
"""

import re
from datetime import date, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, exists, select

from casework.context import AppContext, instant
from models.change_log import insert_logged
from models.enums import LetterState
from models.tables import JOB_RUN

# A day without a finished sweep: 24 hours, one more for the end of summer time, and one to sweep in.
LONGEST_TIME_BETWEEN_SWEEPS = timedelta(hours=26)
RETENTION = "retention"  # the monthly count of what is past retention
BACKUP, RESTORE_TRIAL = "backup", "restore_trial"  # of deploy/backup, which no scheduler starts
MAIL_SERVER_ACCEPTS = "works"  # in the detail of a delivery; otherwise a word for why the mail server accepts nothing


def record_job_run(
    connection: Connection, context: AppContext, job: str, as_at: date, outcome: str, detail: str
) -> None:
    """Record that a job for the day `as_at` has finished now."""
    row: dict[str, Any] = {
        "act": job,
        "as_at": as_at,
        "finished_at": instant(context.now()),
        "outcome": outcome,
        "detail": detail,
    }
    insert_logged(connection, JOB_RUN, [row], row["finished_at"])


def last_finished(connection: Connection, job: str) -> str | None:
    """Give the instant at which a job last finished (ISO 8601 UTC); None if it never did."""
    newest = select(JOB_RUN.c.finished_at).where(JOB_RUN.c.act == job).order_by(JOB_RUN.c.finished_at.desc())
    return connection.scalar(newest.limit(1))


def last_sweep_had_problems(connection: Connection) -> bool:
    """Whether the last finished sweep could not evaluate every case."""
    newest = select(JOB_RUN.c.outcome).where(JOB_RUN.c.act == "sweep")
    newest = newest.order_by(JOB_RUN.c.finished_at.desc(), JOB_RUN.c.id.desc()).limit(1)
    return connection.scalar(newest) == "troubled"


def finished_for(connection: Connection, job: str, day: date) -> bool:
    """Whether a job has finished for a day or a later one. A digest that could not be sent yet has not."""
    done = (JOB_RUN.c.act == job, JOB_RUN.c.as_at >= day, JOB_RUN.c.outcome != LetterState.WAITING)
    return bool(connection.scalar(select(exists().where(*done))))


class RipeCount(BaseModel):
    """How many records of a child, or of a case about none, are past retention on a day; `free` may be erased."""

    model_config = ConfigDict(frozen=True)
    as_at: date
    ripe: int
    free: int

    @property
    def detail(self) -> str:
        """The numbers as the row of the job has them."""
        return f"{self.ripe} ripe, {self.free} free"


_RIPE = re.compile(r"([0-9]{1,9}) ripe, ([0-9]{1,9}) free")


def last_ripe_count(connection: Connection) -> RipeCount | None:
    """The newest count of what is past retention; None before the first."""
    query = select(JOB_RUN.c.as_at, JOB_RUN.c.detail).where(JOB_RUN.c.act == RETENTION)
    row = connection.execute(query.order_by(JOB_RUN.c.finished_at.desc()).limit(1)).first()
    said = _RIPE.fullmatch(row.detail) if row is not None else None
    if row is None or said is None:
        return None
    return RipeCount(as_at=row.as_at, ripe=int(said[1]), free=int(said[2]))
