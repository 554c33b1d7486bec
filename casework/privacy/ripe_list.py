"""The monthly list of records past retention: how many there are, and of how many nothing prevents the erasure.

Purpose: UK GDPR art 5(1)(e): somebody has to look each month. The numbers are those of a reader who is named for no
restricted process, because everybody of the team sees them. Nothing here erases, and the list itself is not stored.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from casework.context import AppContext
from casework.job_runs import RETENTION, RipeCount, finished_for, record_job_run
from casework.privacy.ripe import ripe_records
from models.database import reading, writing
from models.visibility import hiding


def list_ripe(context: AppContext, as_at: date | None = None) -> RipeCount:
    """Count what is ripe on a day (today unless given), and record that it was counted."""
    day = as_at or context.today()
    found = ripe_records(replace(context, engine=hiding(context.engine, context.restricted)), day)
    counted = RipeCount(as_at=day, ripe=len(found), free=sum(each.is_free for each in found))
    with writing(context.engine) as connection:
        record_job_run(connection, context, RETENTION, day, "done", counted.detail)
    return counted


def list_is_called_for(context: AppContext) -> bool:
    """Whether this month has no list yet. A month in which sendflow was stopped has its list when it starts."""
    with reading(context.engine) as connection:
        return not finished_for(connection, RETENTION, context.today().replace(day=1))
