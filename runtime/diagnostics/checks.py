"""The doctor: looks over the whole house and names what a person must mend, and how.

Purpose: every fault that the house cannot mend by itself is said here in one sentence with the command that mends it.
It looks and changes nothing. References and mailboxes are named, persons never. It also speaks where the house cannot
be opened at all: that is its first finding.
"""

import os
import shutil
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, func, inspect, select
from sqlalchemy.exc import SQLAlchemyError

from audit.verify import verify
from casework.cases.unit_of_work import UnitOfWork, load_readable
from casework.cases.warnings import gives
from casework.clock_check import COMMAND, doubts, message
from casework.context import LONDON, AppContext, instant
from casework.delivery.deliverer import is_expired
from casework.job_runs import LONGEST_TIME_BETWEEN_SWEEPS, last_finished, last_sweep_had_problems
from config.directory import DirectoryError
from config.escalation_policy import EscalationPolicyError
from config.law import LawError, NoAnswer
from config.running_instance import read_running
from config.settings import Settings, SettingsError
from config.toml_reader import ConfigFault
from models.database import HEAD, MIGRATIONS, missing_triggers, reading, revision
from models.database_errors import cause
from models.encryption import EncryptionError, WrongKey
from models.enums import LetterState, NoticeState, Party
from models.errors import DatabaseUnusable
from models.key_checks import count_undecryptable
from models.read_only import open_as_it_is
from models.tables import CASE, DUTY, FACT, JOB_RUN, LETTER, NOTICE
from runtime.diagnostics import service_checks
from runtime.diagnostics.finding import Finding

MOST = 10
WEEK, FORTNIGHT = timedelta(days=7), timedelta(days=14)
SLACK = timedelta(minutes=5)  # between two machines' clocks
LITTLE_ROOM = 1024**3  # bytes
ADDRESSED = (Party.SERVICE, Party.SERVICE_MANAGER, Party.PROVIDER_SEND_LEAD)
BROKEN = (
    SettingsError,
    ConfigFault,
    LawError,
    NoAnswer,
    EscalationPolicyError,
    DirectoryError,
    EncryptionError,
    DatabaseUnusable,
)  # whose words are our own


class DoctorReport(BaseModel):
    """What the doctor found. `well` where there is nothing to mend; `not_looked_at` names what could not be, or was not
    asked for.
    """

    model_config = ConfigDict(frozen=True)
    looked_at: str
    well: bool
    open: bool
    findings: list[Finding]
    not_looked_at: list[str] = []
    simulation: bool = False


def examine(settings: Settings, quick: bool = False) -> DoctorReport:
    """Look over the house of these settings. `quick` leaves out the verify of every case, which reads the whole
    history.
    """
    found = [*_room(settings), *_key(settings)]
    left: list[str] = []
    context: AppContext | None = None
    other = _revision(settings)
    if settings.database_url is None and not settings.records.exists():
        found.append(
            Finding(
                what="no_records",
                message=f"there are no records in {settings.home}",
                mend="name the folder of the house, as in SENDFLOW_HOME=./var; make up makes a new one",
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
                    mend="restore person.key from its own backup, then ask again",
                )
            )
        except BROKEN as problem:
            found.append(
                Finding(
                    what="cannot_open",
                    message=f"the house cannot be opened: {problem}",
                    mend="mend what it names, then ask again",
                )
            )
        except (SQLAlchemyError, OSError) as problem:
            found.append(_not_to_be_read("cannot_open", "the records cannot be read or written just now", problem))
    if context is None:
        left.append("everything inside the records")
        now = datetime.now(LONDON)
    else:
        now = context.now()
        try:
            found += _inside(context, quick)
        except SQLAlchemyError as problem:
            left.append("the rest of the records")
            found.append(_not_to_be_read("unreadable", "the records could not be read to the end", problem))
        finally:
            context.engine.dispose()
        if quick:
            left.append("the history of every case (sendflow doctor without --quick)")
    found += service_checks.processes(settings)
    return DoctorReport(
        looked_at=instant(now),
        well=not found,
        open=settings.api_url is not None or read_running(settings) is not None,
        findings=found,
        not_looked_at=left,
        simulation=context is not None and context.simulated,
    )


def _not_to_be_read(what: str, message: str, problem: BaseException) -> Finding:
    """With its cause, where that can be told: a wrong password is mended otherwise than a full disk."""
    if (why := cause(problem)) is not None:
        return Finding(what=what, message=f"{message}: {why.named}", mend=why.mend)
    mend = "see that the disk has room and that the database answers; where the file is spoilt, restore the backup"
    return Finding(what=what, message=f"{message} ({type(problem).__name__})", mend=mend)


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
    except SQLAlchemyError:
        return None
    finally:
        engine.dispose()
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


def _room(settings: Settings) -> Iterator[Finding]:
    if not settings.home.exists():
        return
    free = shutil.disk_usage(settings.home).free
    if free < LITTLE_ROOM:
        yield Finding(
            what="disk",
            message=f"the disk of {settings.home} has {free // 1024**2} MiB left",
            mend="make room, or move SENDFLOW_HOME",
        )


def _key(settings: Settings) -> Iterator[Finding]:
    key = settings.home / "person.key"
    if not key.exists():
        if settings.records.exists():
            yield Finding(
                what="key_missing",
                message=(
                    "person.key is missing: nobody's name can be shown, and no new one may be made where persons are"
                    " sealed"
                ),
                mend="restore person.key from its own backup",
            )
        return
    told = key.stat()
    if told.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield Finding(
            what="key_readable",
            message="person.key can be read by other accounts of this machine",
            mend=f"chmod 600 {key}",
        )
    if told.st_uid != os.geteuid() and os.geteuid() != 0:
        yield Finding(
            what="key_owner",
            message="person.key belongs to another account than this one",
            mend=f"chown it to this account: {key}",
        )


def _inside(context: AppContext, quick: bool) -> Iterator[Finding]:
    today = context.today()
    looks: tuple[Callable[[AppContext, Connection, date], Iterable[Finding]], ...] = (
        _clock,
        _silence,
        _laws,
        service_checks.relay,
        _letters,
        _claims,
        _directory,
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
                "persons or words were sealed under another person.key, or changed since: nobody here can open them"
            ),
            mend=(
                "find the machine that has another person.key and give it this one; then import the tracker again,"
                " which tells who the children are"
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
    mends = {
        "cache": (
            "nothing is lost; tell whoever keeps the house, and restore the backup if sendflow sweep does not mend it"
        ),
        "unlawful": (
            "where a later version of sendflow wrote it, bring this program up to date; else it was changed from"
            " outside: restore the backup"
        ),
        "unanswered": "the law or the almanac has no answer for this case: mend config, then sendflow sweep",
    }
    mend = mends.get(
        what,
        "the history was changed from outside: keep this file, restore the last backup that verifies, and find out who"
        " and how",
    )
    return Finding(
        what=f"damage_{what}",
        count=count,
        cases=cases[:MOST],
        message=f"the history does not verify, for example: {example}",
        mend=mend,
    )


def _clock(context: AppContext, connection: Connection, _today: date) -> Iterator[Finding]:
    if not context.simulated and (found := doubts(connection, context.settings.home)):
        yield Finding(what="clock_unconfirmed", count=len(found), message=message(found), mend=COMMAND)
    limit = instant(context.now() + SLACK)
    ahead = connection.scalar(select(func.count()).select_from(FACT).where(FACT.c.recorded_at > limit)) or 0
    ticked = connection.scalar(select(func.count()).select_from(JOB_RUN).where(JOB_RUN.c.finished_at > limit)) or 0
    if ahead or ticked:
        yield Finding(
            what="clock",
            count=ahead or ticked,
            message=(
                "the records hold instants that have not come yet: this machine's clock was ahead, or is behind now"
            ),
            mend=(
                "set the clock by a time server; the order of each history is kept, and the instants stand as they were"
                " written"
            ),
        )


def _silence(context: AppContext, connection: Connection, _today: date) -> Iterator[Finding]:
    if connection.scalar(select(FACT.c.seq).limit(1)) is None:
        return
    last = last_finished(connection, "sweep")
    if last is None or context.now() - datetime.fromisoformat(last) > LONGEST_TIME_BETWEEN_SWEEPS:
        when = f"since {last}" if last else "yet"
        message = f"no sweep has finished {when}: nobody is chased until one does"
        yield Finding(what="no_sweep", message=message, mend="sendflow sweep; then open the house with make up")
    if last_sweep_had_problems(connection):
        yield Finding(
            what="sweep_troubled",
            message="the last sweep could not work out every case",
            mend="sendflow sweep names them; sendflow verify says why",
        )


def _laws(context: AppContext, connection: Connection, today: date) -> Iterator[Finding]:
    """A machine with another law writes nothing. Sweeps that take turns under two undo each other's work, and whoever
    is told is told again.
    """
    if (why_not := context.ruleset_guard.reason_not_writable(connection)) is not None:
        yield Finding(
            what="other_law",
            message=why_not,
            mend="see that every machine has the same law; sendflow rulesets shows the one that holds",
        )
    query = (
        select(JOB_RUN.c.detail)
        .where(JOB_RUN.c.act == "sweep", JOB_RUN.c.as_at >= today - timedelta(days=1))
        .order_by(JOB_RUN.c.finished_at, JOB_RUN.c.id)
    )
    under = [told.rpartition(" under ")[2] for told in connection.scalars(query) if " under " in told]
    turns = [law for number, law in enumerate(under) if number == 0 or under[number - 1] != law]
    if len(turns) > len(set(turns)):
        yield Finding(
            what="two_laws",
            count=len(set(turns)),
            message="sweeps since yesterday went back and forth between laws: cases are worked out anew each time",
            mend=(
                "bring every machine of the house to the same version, with the same rule packs and the same"
                " ladder.toml"
            ),
        )


def _letters(context: AppContext, connection: Connection, today: date) -> Iterator[Finding]:
    now = context.now()
    recent = (
        connection.execute(select(LETTER.c.why).where(LETTER.c.state == LetterState.FAILED, LETTER.c.on > today - WEEK))
        .scalars()
        .all()
    )
    for why, count in sorted(Counter(why or "no reason kept" for why in recent).items()):
        mend = {
            "outcome_unknown": "ask the mailbox's owner whether the letter came; nobody counts as told",
            "no_address": "add the mailbox to directory.toml in SENDFLOW_HOME",
        }.get(why, "see sendflow letters for which; mend the address or the mail server")
        message = f"letters failed in the last seven days ({why.replace('_', ' ')}); nobody was told"
        yield Finding(what="letters_failed", count=count, message=message, mend=mend)
    late = select(LETTER.c.why).where(LETTER.c.state == LetterState.WAITING, LETTER.c.on < today)
    if waiting := Counter(connection.scalars(late)):
        why = ", ".join(sorted({(each or "not tried yet").replace("_", " ") for each in waiting}))
        mend = service_checks.relay_mend(context.settings, waiting.most_common(1)[0][0])
        yield Finding(
            what="letters_waiting",
            count=waiting.total(),
            message=f"letters could not leave for a day or more ({why})",
            mend=mend,
        )
    sending = connection.execute(
        select(LETTER.c.claimed_by, LETTER.c.claimed_at).where(LETTER.c.state == LetterState.SENDING)
    ).all()
    if lost := sum(is_expired(row.claimed_by, row.claimed_at, now) for row in sending):
        yield Finding(
            what="letters_unknown",
            count=lost,
            message="letters whose sender died: what became of them is not known",
            mend="sendflow deliver",
        )
    if held := connection.scalar(select(func.count()).select_from(NOTICE).where(NOTICE.c.state == NoticeState.HELD)):
        yield Finding(
            what="letters_held",
            count=held,
            message="notices are held back since the first import",
            mend="sendflow letters release",
        )


def _claims(context: AppContext, connection: Connection, today: date) -> Iterator[Finding]:
    refs = list(connection.scalars(select(FACT.c.case_ref).where(FACT.c.kind == "excuse_claimed").distinct()))
    waiting, again = [], []
    for work in load_readable(UnitOfWork(context, connection, actor="sendflow", via="doctor"), refs).values():
        if work.ended:
            continue
        days = {line.seq: line.occurred_on for line in work.file.lines}
        waiting += [work.case_ref for claim in work.file.undecided() if days[claim.seq] <= today - FORTNIGHT]
        excusing = [duty.excuse for duty in work.duties if duty.excuse is not None and duty.closed_on is None]
        again += [
            work.case_ref
            for claim in excusing
            if claim.look_again_on is not None and claim.look_again_on <= today - FORTNIGHT
        ]
    if waiting:
        cases = sorted(set(waiting))[:MOST]
        message = "claims of an excuse have waited for a decision for a fortnight"
        yield Finding(
            what="claims_undecided",
            count=len(waiting),
            cases=cases,
            message=message,
            mend="decide each: sendflow record CASE excuse_decided",
        )
    if again:
        cases = sorted(set(again))[:MOST]
        message = "accepted excuses were to be looked at again a fortnight ago"
        yield Finding(
            what="look_again",
            count=len(again),
            cases=cases,
            message=message,
            mend="sendflow case CASE, and record what was found",
        )


def _directory(context: AppContext, connection: Connection, _today: date) -> Iterator[Finding]:
    """Whoever owes something now must be reachable. A body that no longer stands in the directory has no mailbox
    either.
    """
    query = (
        select(CASE.c.la, DUTY.c.body, DUTY.c.service, DUTY.c.case_ref)
        .join(CASE, CASE.c.case_ref == DUTY.c.case_ref)
        .where(DUTY.c.closed_on.is_(None), DUTY.c.body.is_not(None))
    )
    nowhere: dict[tuple[str, str | None], list[str]] = {}
    elsewhere: dict[tuple[str, str], list[str]] = {}
    asked: dict[tuple[str | None, str, str | None], bool] = {}
    for la, body, service, ref in connection.execute(query):
        key = (la, body, service)
        if key not in asked:
            asked[key] = all(context.directory.mailbox(la, body, service, party) for party in ADDRESSED)
        if not asked[key]:
            nowhere.setdefault((body, service), []).append(ref)
        if service is not None and not gives(context.directory, body, service):
            elsewhere.setdefault((body, service), []).append(ref)
    for (body, service), refs in sorted(nowhere.items(), key=lambda one: (one[0][0], one[0][1] or "")):
        yield Finding(
            what="no_mailbox",
            count=len(refs),
            cases=sorted(set(refs))[:MOST],
            message=(
                f"the directory has no mailbox for body {body}{f', service {service}' if service else ''}, which owes"
                " something"
            ),
            mend="add it to directory.toml in SENDFLOW_HOME; sendflow bodies shows what is there",
        )
    for (body, service), refs in sorted(elsewhere.items()):
        yield Finding(
            what="service_not_given",
            count=len(refs),
            cases=sorted(set(refs))[:MOST],
            message=(
                f"body {body} was asked for {service}, which it does not give by the directory; it has to answer all"
                " the same"
            ),
            mend=(
                "record that it redirected the request and ask the right body, or add the service to it in"
                " directory.toml in SENDFLOW_HOME"
            ),
        )


__all__ = ["DoctorReport", "Finding", "examine"]
