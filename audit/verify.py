"""Verify the history: hash every chain, replay every case under the machines of its time, compare copies and
projections with the facts, and calculate the ledger head.

A whole verification is done in parts (`audit.parts`), one after another or in several processes (`audit.processes`).
Memory is that of one case however many facts there are. Nothing is repaired: a finding says which case, which fact and
what differs.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from audit.case_check import ReplayedCase, check_and_replay
from audit.parts import Checked, Failures, Part, check_part
from audit.published_head import Compared, PublishedHead, compare_head
from audit.report import VerificationFailure, VerifyReport
from audit.since import NothingVerified, check_since, last_verified, note_verified
from audit.verify_changes import check_changes
from audit.verify_encrypted import check_encrypted
from audit.verify_letters import check_letters_of
from audit.verify_log import check_log
from audit.whole import How, check_whole
from casework import findings, published_heads
from casework.context import AppContext, instant
from config.settings import Settings
from models.append_only import missing_triggers
from models.bulk_io import day_form
from models.database import reading
from models.errors import NoSuchCase
from models.mac_keys import Demanded
from models.read_only import can_write, open_as_it_is
from models.schema import HEAD, revision
from models.schema_check import schema_differences

__all__ = [
    "Compared",
    "How",
    "NothingVerified",
    "ReplayedCase",
    "VerificationFailure",
    "VerifyReport",
    "check_and_replay",
    "parse_instant",
    "store_found",
    "verify",
    "verify_and_store",
    "verify_since_last",
]
PUBLISHED = "published_head"


def verify(
    context: AppContext,
    case: str | None = None,
    before: str | None = None,
    head: str | None = None,
    how: How = How(),  # noqa: B008 (a tuple of constants)
) -> VerifyReport:
    """Verify every case, or one. `head` is a head that left the installation, of the instant `before`.

    Raises NoSuchCase for a case of which the database has nothing.
    """
    before = before or instant(context.now() + timedelta(microseconds=1))
    published: PublishedHead | None = None
    witnesses = published_heads.Witnesses.read(context)
    failures = Failures()
    with reading(context.engine) as connection:
        check_schema(context, connection, failures)
        if case is None:
            done = check_whole(context, connection, before, how, witnesses)
        else:
            done = _check_one(context, connection, case, before)
        failures.found += done.failures
        if head is not None:
            published = compare_head(connection, head, before, done.head, partial(failures, None, None, PUBLISHED))
        found = failures.as_models()
        known = without_understood(connection, found)
        still_open = findings.count_open(connection)
        macs = Demanded.read(connection).word
    if case is not None and done.cases == 0 and not found:
        raise NoSuchCase
    return VerifyReport(
        cases=done.cases,
        facts=done.facts,
        intact=not known,
        head=done.head,
        before=before,
        published=published,
        stale=done.stale,
        open=still_open,
        understood=len(found) - len(known),
        damage=known,
        macs=macs,
        resumed=done.resumed,
    )


def check_schema(context: AppContext, connection: Connection, failures: Failures) -> None:
    """Report triggers that are gone, and each difference of the schema."""
    for name in missing_triggers(connection):
        failures(None, None, "trigger", f"the trigger {name} is gone: rows could be changed or deleted unseen")
    # A later program's revision has columns that this one does not know; the doctor names the revision.
    for difference in schema_differences(connection) if revision(context.engine) == HEAD else ():
        failures(None, None, "schema", difference)


def _check_one(context: AppContext, connection: Connection, case: str, before: str) -> Checked:
    done = check_part(context, connection, Part("cases", only=case), before)
    failures = Failures(done.failures)
    check_letters_of(connection, case, day_form(connection), failures.of_letters)
    check_log(context, connection, case, failures)
    check_changes(connection, case, failures.of_rows)
    check_encrypted(connection, context.cipher, case, failures.of_rows)
    return done


def without_understood(connection: Connection, failures: Sequence[VerificationFailure]) -> list[VerificationFailure]:
    """Leave out what a person has closed as understood."""
    found = [findings.Found(**dict(each)) for each in failures]
    return [VerificationFailure(**each._asdict()) for each in findings.without_understood(connection, found)]


def store_found(settings: Settings, report: VerifyReport) -> VerifyReport | None:
    """Store what a look at the installation found; None if its database cannot be written or is of another revision.

    Raises what AppContext.load_existing raises.
    """
    if settings.database_url is None and not can_write(settings.records):
        return None
    engine = open_as_it_is(settings.records_url)
    if engine is None or revision(engine) != HEAD:
        return None
    context = AppContext.load_existing(settings)
    try:
        return _stored(context, report, "verify")
    finally:
        context.engine.dispose()


def verify_and_store(
    context: AppContext, case: str | None = None, by: str = "verify", how: How | None = None, **given: str | None
) -> VerifyReport:
    """Verify, and store what was found as findings that stay open until a person closes them.

    `given` is a head that left the installation, and its instant. `how` is how a whole verification is done: in as many
    processes as are worth it, if nothing is said. Who only looks stores nothing. Raises NoSuchCase as `verify` does.
    """
    report = verify(context, case, how=how or How(None), **given)
    if context.read_only:
        return report
    if report.intact and case is None:
        note_verified(context, report.before)
    return _stored(context, report, by, heads=report.intact and case is None)


def verify_since_last(context: AppContext, by: str = "verify") -> VerifyReport:
    """Verify what was recorded since the last verification that found nothing, and store what is found.

    Raises NothingVerified if there was none.
    """
    since = last_verified(context)
    failures = Failures()
    before = instant(context.now() + timedelta(microseconds=1))
    with reading(context.engine) as connection:
        check_schema(context, connection, failures)
        done = check_since(context, connection, since, before, failures)
        found = failures.as_models()
        known = without_understood(connection, found)
        still_open = findings.count_open(connection)
        macs = Demanded.read(connection).word
    report = VerifyReport(
        cases=done.cases,
        facts=done.facts,
        intact=not known,
        head="",
        before=before,
        stale=done.stale,
        open=still_open,
        understood=len(found) - len(known),
        damage=known,
        macs=macs,
        since=since.at,
    )
    if context.read_only:
        return report
    if report.intact:
        note_verified(context, before)
    return _stored(context, report, by)


def _stored(context: AppContext, report: VerifyReport, by: str, *, heads: bool = False) -> VerifyReport:
    # A head that a person mistyped is no finding of the database.
    found = [findings.Found(**dict(each)) for each in report.damage if each.what != PUBLISHED]
    findings.store(context, by, found)
    with reading(context.engine) as connection:
        if heads:
            published_heads.note(context, connection)
        return report.model_copy(update={"open": findings.count_open(connection)})


def parse_instant(value: str) -> str:
    """Parse a person's instant into the form of the database. Raises ValueError without a time zone."""
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("an instant has a zone, for example 2026-04-14T09:00:00+01:00")
    return instant(moment)
