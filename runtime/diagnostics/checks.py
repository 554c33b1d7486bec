"""`sendflow doctor`: examines the whole installation and lists what a person must repair, and how.

Each fault that sendflow cannot repair by itself gets one sentence and the command that repairs it. The doctor changes
nothing. It names references and mailboxes, and never a person. It also reports an installation that cannot be opened.
"""

import os
import shutil
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, inspect
from sqlalchemy.exc import SQLAlchemyError

from audit.verify import verify
from casework.context import LONDON, AppContext, instant
from config.database_cause import cause_here
from config.directory import DirectoryError
from config.escalation_policy import EscalationPolicyError
from config.law import LawError, NoAnswer
from config.own_files import unreadable
from config.private_files import open_to_others
from config.running_instance import read_running
from config.settings import Settings, SettingsError
from config.toml_reader import ConfigFault
from models.append_only import missing_triggers
from models.database import reading
from models.encryption import EncryptionError, WrongKey
from models.errors import DatabaseUnusable
from models.key_checks import count_undecryptable
from models.read_only import open_as_it_is
from models.schema import HEAD, MIGRATIONS, revision
from models.schema_revision import altered_revision
from runtime.diagnostics import (
    backup_checks,
    log_checks,
    reply_checks,
    service_checks,
    sign_in_checks,
    webhook_checks,
    work_checks,
)
from runtime.diagnostics.finding import MOST_CASES, Finding

LEAST_FREE_SPACE = 1024**3  # bytes
BROKEN = (
    SettingsError,
    ConfigFault,
    LawError,
    NoAnswer,
    EscalationPolicyError,
    DirectoryError,
    EncryptionError,
    DatabaseUnusable,
)  # sendflow wrote their messages, so that they quote nothing private


class DoctorReport(BaseModel):
    """What the doctor found. `well` is True where nothing needs repair; `not_looked_at` names what was left out."""

    model_config = ConfigDict(frozen=True)
    looked_at: str
    well: bool
    open: bool
    findings: list[Finding]
    not_looked_at: list[str] = []
    simulation: bool = False


def examine(settings: Settings, quick: bool = False) -> DoctorReport:
    """Examine the installation of these settings. `quick` omits the verification of every case, which reads the whole
    history.
    """
    found = [*_disk_space(settings), *_open_files(settings), *_key(settings), *_own_files(settings)]
    left: list[str] = []
    context: AppContext | None = None
    other = _revision(settings)
    if settings.database_url is None and not settings.records.exists():
        found.append(
            Finding(
                what="no_records",
                message=f"there are no records in {settings.home}",
                mend="set SENDFLOW_HOME to the right folder, as in SENDFLOW_HOME=./var; make up creates a new one",
            )
        )
    elif other is not None:
        found.append(other)
    else:
        try:
            context = AppContext.load_read_only(settings)
        except WrongKey as problem:
            found.append(
                Finding(
                    what="key_other",
                    message=str(problem),
                    mend="restore person.key from its own backup, then run sendflow doctor again",
                )
            )
        except BROKEN as problem:
            found.append(
                Finding(
                    what="cannot_open",
                    message=f"sendflow cannot open the installation: {problem}",
                    mend="correct what the message names, run sendflow check, then sendflow doctor again",
                )
            )
        except (SQLAlchemyError, OSError) as problem:
            found.append(
                _not_to_be_read(settings, "cannot_open", "the records cannot be read or written just now", problem)
            )
    if context is None:
        left.append("everything inside the records")
        now = datetime.now(LONDON)
    else:
        now = context.now()
        try:
            found += _inside(context, quick)
        except SQLAlchemyError as problem:
            left.append("the rest of the records")
            found.append(_not_to_be_read(settings, "unreadable", "the records could not be read to the end", problem))
        finally:
            context.engine.dispose()
        if quick:
            left.append("the history of every case (sendflow doctor without --quick)")
    found += service_checks.processes(settings)
    found += sign_in_checks.single_sign_on(settings)
    return DoctorReport(
        looked_at=instant(now),
        well=not found,
        open=settings.api_url is not None or read_running(settings) is not None,
        findings=found,
        not_looked_at=left,
        simulation=context is not None and context.simulated,
    )


def _not_to_be_read(settings: Settings, what: str, message: str, problem: BaseException) -> Finding:
    """The finding with its cause where that is known: a wrong password needs another repair than a full disk."""
    if (why := cause_here(problem, settings)) is not None:
        return Finding(what=what, message=f"{message}: {why.named}", mend=why.fix)
    mend = "check that the disk has free space and the database answers; if the file is damaged, restore the backup"
    return Finding(what=what, message=f"{message} ({type(problem).__name__})", mend=mend)


def _own_files(settings: Settings) -> Iterator[Finding]:
    """Files of the installation that are not read when it opens, but when a tracker comes or a letter leaves."""
    for fault in unreadable(settings.home, "directory.toml", "ladder.toml", "transports.toml"):
        mend = "correct the file, then run sendflow check"
        yield Finding(what="configuration_file", message=f"a configuration file cannot be used: {fault}", mend=mend)


def _revision(settings: Settings) -> Finding | None:
    """Records of another version than this program: opening them would bring them up to date, and the doctor changes
    nothing.
    """
    engine = open_as_it_is(settings.records_url)
    if engine is None:
        return None
    try:
        found = revision(engine)
        unnumbered = found in (None, "None") and inspect(engine).has_table("fact")
        with reading(engine) as connection:
            altered = altered_revision(connection, found)
    except SQLAlchemyError:
        return None
    finally:
        engine.dispose()
    if altered is not None:
        mend = "restore the backup, or let the database's owner set alembic_version again; then run sendflow verify"
        return Finding(what="revision_altered", message=altered, mend=mend)
    if found == HEAD or (found in (None, "None") and not unnumbered):
        return None
    if unnumbered or list((MIGRATIONS / "versions").glob(f"r{found}_*.py")):
        message = f"the records are at revision {'none' if unnumbered else found}, this program is at {HEAD}"
        return Finding(what="records_older", message=message, mend="sendflow migrate, after a backup")
    return Finding(
        what="records_newer",
        message="the records are of a later version of sendflow than this program",
        mend="bring the program up to date",
    )


def _disk_space(settings: Settings) -> Iterator[Finding]:
    if not settings.home.exists():
        return
    free = shutil.disk_usage(settings.home).free
    if free < LEAST_FREE_SPACE:
        yield Finding(
            what="disk",
            message=f"the disk of {settings.home} has {free // 1024**2} MiB left",
            mend="free disk space, or move SENDFLOW_HOME to a larger disk",
        )


def _open_files(settings: Settings) -> Iterator[Finding]:
    """Files that another account of the machine could read or change: names and letters are among them."""
    key = settings.home / "person.key"  # has a finding of its own
    opened = sum(path != key for path in open_to_others(settings.home)) if settings.home.exists() else 0
    if opened:
        yield Finding(
            what="files_open_to_others",
            message=f"other accounts of this machine can read or change files or folders ({opened}) of {settings.home}",
            mend=f"chmod -R go-rwx {settings.home}; sendflow up and sendflow run do so when they start",
            count=opened,
        )


def _key(settings: Settings) -> Iterator[Finding]:
    key = settings.home / "person.key"
    if not key.exists():
        if settings.records.exists():
            yield Finding(
                what="key_missing",
                message=(
                    "person.key is missing: sendflow cannot show any name, and a new key cannot decrypt the persons"
                    " already recorded"
                ),
                mend="restore person.key from its own backup",
            )
        return
    status = key.stat()
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield Finding(
            what="key_readable",
            message="person.key can be read by other accounts of this machine",
            mend=f"chmod 600 {key}",
        )
    if status.st_uid != os.geteuid() and os.geteuid() != 0:
        yield Finding(
            what="key_owner",
            message="person.key belongs to another account than this one",
            mend=f"chown it to this account: {key}",
        )


def _inside(context: AppContext, quick: bool) -> Iterator[Finding]:
    today = context.today()
    looks: tuple[Callable[[AppContext, Connection, date], Iterable[Finding]], ...] = (
        work_checks.open_findings,
        log_checks.log,
        work_checks.clock,
        work_checks.silence,
        work_checks.laws,
        service_checks.relay,
        service_checks.other_transports,
        service_checks.links,
        service_checks.other_words,
        service_checks.accreditations,
        work_checks.letters,
        work_checks.came_back,
        reply_checks.mailbox,
        reply_checks.tray,
        work_checks.claims,
        work_checks.own_files,
        work_checks.directory,
        work_checks.names,
        work_checks.ladder,
        webhook_checks.webhooks,
        backup_checks.backups,
    )
    with reading(context.engine) as connection:
        gone = missing_triggers(connection)
        for look in looks:
            yield from look(context, connection, today)
    if today >= date(context.calendar.last.year, 7, 1):
        yield Finding(
            what="almanac",
            message=(
                f"bank holidays are known to {context.calendar.last.isoformat()} only; later dates cannot be calculated"
            ),
            mend="add the newly announced years to config/almanac and run make test",
        )
    if quick:
        if gone:
            yield _damage("trigger", len(gone), [], "append-only triggers are missing: " + ", ".join(gone))
        return
    with reading(context.engine) as connection:
        unopened = count_undecryptable(connection, context.cipher)
    if unopened:
        yield Finding(
            what="key_other",
            count=unopened,
            message=(
                "persons or texts do not open in their rows: another person.key encrypted them, or they were changed or"
                " moved since"
            ),
            mend=(
                "run sendflow verify, which names the rows. If a machine has another person.key, give it this one; then"
                " import the tracker again, which restores the children's names"
            ),
        )
    report = verify(context)
    for what, count in sorted(Counter(each.what for each in report.damage).items()):
        some = [each for each in report.damage if each.what == what]
        yield _damage(what, count, sorted({each.case_ref for each in some if each.case_ref}), some[0].message)
    if report.stale:
        yield Finding(
            what="stale",
            count=report.stale,
            message="cases whose duties were worked out under another law",
            mend="sendflow sweep",
        )


def _damage(what: str, count: int, cases: list[str], example: str) -> Finding:
    repairs = {
        "cache": ("nothing is lost: run sendflow sweep; if it does not repair this, restore the backup"),
        "unlawful": (
            "where a later version of sendflow wrote it, bring this program up to date; else it was changed from"
            " outside: restore the backup"
        ),
        "unanswered": "the rules or the calendar have no answer for this case: correct config, then run sendflow sweep",
    }
    mend = repairs.get(
        what,
        "the history was changed from outside: keep this file, restore the last backup that verifies, and find out who"
        " and how",
    )
    return Finding(
        what=f"damage_{what}",
        count=count,
        cases=cases[:MOST_CASES],
        message=f"the history does not verify, for example: {example}",
        mend=mend,
    )


__all__ = ["DoctorReport", "Finding", "examine"]
