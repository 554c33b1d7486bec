"""What a monitoring system reads about the installation: numbers by standing, state and process, and the ages for
alerts.

Purpose: silence is the worst fault, so every age grows by itself when nothing happens. Nothing here names a case, a
body or a mailbox.
Units: seconds and counts, in the names. All is read in one consistent view, from the caches.
"""

import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from sqlalchemy import Connection, exists, func, select

from casework import job_log
from casework.access.seen import as_seen_by
from casework.clock_check import doubts
from casework.context import AppContext
from casework.findings import count_open
from casework.job_runs import BACKUP, LONGEST_TIME_BETWEEN_SWEEPS, RESTORE_TRIAL, last_finished
from casework.sweep import DueDuties
from config.law import Rule
from deadlines.status import SOON
from models.database import reading
from models.enums import DutyStatus, LetterState, NoticeState
from models.tables import CASE, CHECKPOINT, DUTY, FACT, IMPORT_FILE, LETTER, NOTICE

NEVER = datetime(1970, 1, 1, tzinfo=UTC)
NO_ROOM = 1024**2  # bytes: what is written for one case fits, and hardly more


def collect_metrics(context: AppContext) -> Iterator[Metric]:
    """Every number, read now. Raises what the database raises."""
    now, today = context.now(), context.today()
    with reading(context.engine) as connection:
        findings_open = count_open(connection)
    with reading(as_seen_by(context, None).engine) as connection:
        empty = connection.scalar(select(FACT.c.seq).limit(1)) is None
        yield _by(
            "sendflow_duties_open",
            "Duties that are neither met nor ended, by standing today.",
            "standing",
            _standings(context, connection, today),
        )
        yield _by(
            "sendflow_cases",
            "Cases by process, ended ones among them.",
            "process",
            _counted(connection, CASE.c.process),
        )
        yield _by("sendflow_letters", "Letters by state.", "state", _counted(connection, LETTER.c.state, LetterState))
        yield _by(
            "sendflow_notices",
            "Notices of the outbox by state.",
            "state",
            _counted(connection, NOTICE.c.state, NoticeState),
        )
        waiting = select(func.min(NOTICE.c.created_at)).where(
            NOTICE.c.state.in_((NoticeState.CREATED, NoticeState.CLAIMED)), NOTICE.c.on <= today
        )
        oldest = connection.scalar(waiting)
        age = _age(now, oldest) if oldest else 0
        yield _one(
            "sendflow_letter_oldest_unsent_seconds",
            "Age of the oldest notice that could have left; 0 where none waits.",
            age,
        )
        due = DueDuties.of(context, today).count(connection)
        yield _one("sendflow_duties_to_look_at", "Duties that the next sweep will look at.", due)
        for act in ("sweep", "deliver", "digest"):
            last = last_finished(connection, act)
            age = 0 if empty else _age(now, last)
            if act == "sweep" or last is not None:
                yield _one(
                    f"sendflow_{act}_lag_seconds",
                    f"Time since a {act} last finished; since 1970 where none ever has.",
                    age,
                )
        for act, name in ((BACKUP, "backup"), (RESTORE_TRIAL, "restore_trial")):
            if (last := last_finished(connection, act)) is not None:
                says = f"Time since the last {name.replace('_', ' ')}."
                yield _one(f"sendflow_{name}_age_seconds", says, _age(now, last))
        head = connection.scalar(select(func.max(CHECKPOINT.c.before)))
        age = 0 if empty else _age(now, head)
        yield _one(
            "sendflow_head_age_seconds",
            "Time since the head of the history last left the building; since 1970 where it never has.",
            age,
        )
        yield _one(
            "sendflow_findings_open",
            "Findings of verification that no person has closed; no head leaves while one is open.",
            findings_open,
        )
        rows = connection.scalar(select(func.coalesce(func.sum(IMPORT_FILE.c.refused), 0))) or 0
    yield CounterMetricFamily(
        "sendflow_import_rows_refused", "Rows of imported trackers that were refused.", value=float(rows)
    )
    refused = CounterMetricFamily(
        "sendflow_facts_refused", "Acts that were refused this month, by code.", labels=("act", "code")
    )
    for (act, code), count in sorted(job_log.refused(context).items()):
        refused.add_metric((act, code), count)
    yield refused
    yield _one("sendflow_disk_free_bytes", "Free space on the disk of SENDFLOW_HOME.", _room(context))
    yield _one(
        "sendflow_almanac_days_left", "Days until the known bank holidays end.", (context.calendar.last - today).days
    )


def silent(context: AppContext) -> list[str]:
    """Why the installation is not doing its work now, in words for programs; empty if it is. Open findings are a reason
    beside any other. Raises what the database raises.
    """
    with reading(context.engine) as connection:
        altered = ["findings_open"] if count_open(connection) else []
    return [*altered, *_not_working(context)]


def _not_working(context: AppContext) -> list[str]:
    if context.settings.database_url is None and _room(context) < NO_ROOM:
        return ["no_room_on_the_disk"]  # what is looked at is answered, and nothing can be recorded
    with reading(context.engine) as connection:
        if not context.simulated and doubts(connection, context.settings.home):
            return ["clock_unconfirmed"]  # nothing is recorded, swept or sent until a person confirms the clock
        if not connection.scalar(select(exists().where(FACT.c.seq > 0))):
            return []
        if context.ruleset_guard.reason_not_writable(connection) is not None:
            return ["another_law_holds"]  # other machines may work; this one does nothing
        last = last_finished(connection, "sweep")
        return (
            ["no_sweep_for_a_day"]
            if last is None or _age(context.now(), last) > LONGEST_TIME_BETWEEN_SWEEPS.total_seconds()
            else []
        )


def _room(context: AppContext) -> int:
    return shutil.disk_usage(context.settings.home).free


def _standings(context: AppContext, connection: Connection, today: date) -> Counter[str]:
    rules = context.law.rules
    provisional = {rule.id: rule.provisional.starts for rule in rules.values() if rule.provisional is not None}
    columns = (DUTY.c.rule, DUTY.c.due, DUTY.c.excused.is_not(None))
    open_duties = select(*columns, func.count()).where(DUTY.c.closed_on.is_(None)).group_by(*columns)
    # Only the fact that opened a duty says whether it is provisional: few rules need to be asked.
    opening = open_duties.add_columns(FACT.c.kind).group_by(FACT.c.kind)
    opening = opening.join(FACT, (FACT.c.case_ref == DUTY.c.case_ref) & (FACT.c.seq == DUTY.c.opened_seq))
    counted = Counter(
        dict.fromkeys(
            (DutyStatus.RUNNING, DutyStatus.DUE_SOON, DutyStatus.BREACHED, DutyStatus.EXCUSED, DutyStatus.NO_DATE), 0
        )
    )
    for rule, due, excused, count in connection.execute(open_duties.where(DUTY.c.rule.not_in(provisional))):
        counted[_standing(rules.get(rule), due, bool(excused), today)] += count
    for rule, due, excused, count, kind in connection.execute(opening.where(DUTY.c.rule.in_(provisional))):
        standing = _standing(rules.get(rule), due, bool(excused), today)
        late = standing is DutyStatus.BREACHED and kind in provisional[rule]
        counted[DutyStatus.NO_DATE if late else standing] += count
    return Counter({str(standing): count for standing, count in counted.items()})


def _standing(rule: Rule | None, due: date | None, excused: bool, today: date) -> DutyStatus:
    """deadlines.status of a duty that is open, from its cached row."""
    if rule is None or due is None or rule.bound == "window":
        return DutyStatus.NO_DATE
    if rule.bound == "not_before":
        return DutyStatus.RUNNING
    if excused:
        return DutyStatus.EXCUSED
    if today > due:
        never_late = rule.may_lapse or rule.open_ended or rule.contingent
        return DutyStatus.NO_DATE if never_late else DutyStatus.BREACHED
    return DutyStatus.DUE_SOON if today >= due - SOON else DutyStatus.RUNNING


def _counted(
    connection: Connection, column: object, states: type[LetterState] | type[NoticeState] | None = None
) -> Counter[str]:
    """Rows by a column's value; known states are named also where none is in them."""
    counted = Counter({str(each): 0 for each in states or ()})
    query = select(column, func.count()).group_by(column)  # type: ignore[call-overload]  # an InstrumentedAttribute
    counted.update({str(value): count for value, count in connection.execute(query)})
    return counted


def _age(now: datetime, then: str | None) -> float:
    return max(0.0, (now - (datetime.fromisoformat(then) if then else NEVER)).total_seconds())


def _one(name: str, says: str, value: float) -> Metric:
    return GaugeMetricFamily(name, says, value=float(value))


def _by(name: str, says: str, label: str, counted: Counter[str]) -> Metric:
    made = GaugeMetricFamily(name, says, labels=(label,))
    for value, count in sorted(counted.items()):
        made.add_metric((value,), count)
    return made
