"""The checks of `sendflow doctor` that read the records: clock, sweeps, rules, letters, claims and the directory.

Each check reads through the connection that it is given, writes nothing, and yields one finding for each fault.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, func, select

from casework.cases.unit_of_work import UnitOfWork, load_readable
from casework.cases.warnings import gives
from casework.clock_check import COMMAND, doubts, message
from casework.context import AppContext, instant
from casework.delivery.addresses import mailboxes
from casework.delivery.deliverer import is_expired
from casework.delivery.ladder_check import check
from casework.findings import listed
from casework.job_runs import LONGEST_TIME_BETWEEN_SWEEPS, last_finished, last_sweep_had_problems
from casework.rules.checks.files import problems
from casework.rules.shared_files import FILES, held, unrecorded
from models.enums import LetterState, NoticeState, Party
from models.tables import CASE, DUTY, FACT, JOB_RUN, LETTER, NOTICE
from runtime.diagnostics import service_checks
from runtime.diagnostics.finding import MOST_CASES, Finding

WEEK, FORTNIGHT = timedelta(days=7), timedelta(days=14)
SLACK = timedelta(minutes=5)  # between two machines' clocks
ADDRESSED = (Party.SERVICE, Party.SERVICE_MANAGER, Party.PROVIDER_SEND_LEAD)


def open_findings(_context: AppContext, connection: Connection, _today: date) -> Iterator[Finding]:
    """Finds what a verification found before and nobody has closed, also where it can no longer be seen."""
    if found := listed(connection):
        yield Finding(
            what="findings_open",
            count=len(found),
            cases=sorted({each.case_ref for each in found if each.case_ref})[:MOST_CASES],
            message=(
                f"the records are altered or incomplete: findings of verification since {found[0].found_at[:10]} are"
                " open, and no head of the history is published"
            ),
            mend=(
                "sendflow findings lists them. Find out who and how, restore the last backup that verifies, then close"
                " each: sendflow findings close NUMBER --actor WHO --reason WHY"
            ),
        )


def clock(context: AppContext, connection: Connection, _today: date) -> Iterator[Finding]:
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
                "set the clock by a time server; the order of each history is unchanged, and so are the recorded"
                " instants"
            ),
        )


def silence(context: AppContext, connection: Connection, _today: date) -> Iterator[Finding]:
    if connection.scalar(select(FACT.c.seq).limit(1)) is None:
        return
    last = last_finished(connection, "sweep")
    if last is None or context.now() - datetime.fromisoformat(last) > LONGEST_TIME_BETWEEN_SWEEPS:
        when = f"since {last}" if last else "yet"
        message = f"no sweep has finished {when}: nobody is chased until one does"
        yield Finding(what="no_sweep", message=message, mend="sendflow sweep; then start the installation with make up")
    if last_sweep_had_problems(connection):
        yield Finding(
            what="sweep_troubled",
            message="the last sweep could not work out every case",
            mend="sendflow sweep names them; sendflow verify says why",
        )


def laws(context: AppContext, connection: Connection, today: date) -> Iterator[Finding]:
    """Finds machines with different rules. A machine with other rules writes nothing; sweeps that alternate between two
    sets of rules undo each other's work, and send the same letters again.
    """
    if (why_not := context.ruleset_guard.reason_not_writable(connection)) is not None:
        yield Finding(
            what="other_law",
            message=why_not,
            mend="install the same rules on every machine; sendflow rulesets shows the rules in force",
        )
    query = (
        select(JOB_RUN.c.detail)
        .where(JOB_RUN.c.act == "sweep", JOB_RUN.c.as_at >= today - timedelta(days=1))
        .order_by(JOB_RUN.c.finished_at, JOB_RUN.c.id)
    )
    under = [detail.rpartition(" under ")[2] for detail in connection.scalars(query) if " under " in detail]
    turns = [law for number, law in enumerate(under) if number == 0 or under[number - 1] != law]
    if len(turns) > len(set(turns)):
        yield Finding(
            what="two_laws",
            count=len(set(turns)),
            message="sweeps since yesterday alternated between different rules: each one evaluates every case again",
            mend=(
                "bring every machine of the installation to the same version, with the same rule packs and the same"
                " ladder.toml"
            ),
        )


def letters(context: AppContext, connection: Connection, today: date) -> Iterator[Finding]:
    now = context.now()
    recent = (
        connection.execute(select(LETTER.c.why).where(LETTER.c.state == LetterState.FAILED, LETTER.c.on > today - WEEK))
        .scalars()
        .all()
    )
    for why, count in sorted(Counter(why or "no reason recorded" for why in recent).items()):
        mend = {
            "outcome_unknown": "ask the mailbox's owner whether the letter arrived; sendflow does not count it as sent",
            "no_address": "add the mailbox to directory.toml in SENDFLOW_HOME",
        }.get(why, "sendflow letters lists them; correct the address or the mail server")
        message = f"letters failed in the last seven days ({why.replace('_', ' ')}); nobody received them"
        yield Finding(what="letters_failed", count=count, message=message, mend=mend)
    late = select(LETTER.c.why).where(LETTER.c.state == LetterState.WAITING, LETTER.c.on < today)
    if waiting := Counter(connection.scalars(late)):
        why = ", ".join(sorted({(each or "not tried yet").replace("_", " ") for each in waiting}))
        mend = service_checks.relay_repair(context.settings, waiting.most_common(1)[0][0])
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


def came_back(context: AppContext, connection: Connection, today: date) -> Iterator[Finding]:
    """Finds mailboxes of the directory from which a letter came back, until a later letter is accepted there."""
    listed = mailboxes(context.directory, today)
    last = {
        str(mailbox): day
        for mailbox, day in connection.execute(
            select(LETTER.c.mailbox, func.max(LETTER.c.on))
            .where(LETTER.c.state == LetterState.CAME_BACK)
            .group_by(LETTER.c.mailbox)
        )
    }
    accepted = (LetterState.SENT, LetterState.SENT_PERHAPS_TWICE)
    for mailbox in sorted(last.keys() & listed):
        later = select(LETTER.c.id).where(
            LETTER.c.mailbox == mailbox, LETTER.c.state.in_(accepted), LETTER.c.on > last[mailbox]
        )
        if connection.scalar(later.limit(1)) is None:
            yield Finding(
                what="letters_came_back",
                message=f"an e-mail to {mailbox} of {last[mailbox]} came back, and none was accepted there since",
                mend=f"find out whether {mailbox} is closed; if so, give the new mailbox in directory.toml",
            )


def claims(context: AppContext, connection: Connection, today: date) -> Iterator[Finding]:
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
        cases = sorted(set(waiting))[:MOST_CASES]
        message = "claims of a statutory exception have waited for a decision for a fortnight"
        yield Finding(
            what="claims_undecided",
            count=len(waiting),
            cases=cases,
            message=message,
            mend="decide each: sendflow record CASE excuse_decided",
        )
    if again:
        cases = sorted(set(again))[:MOST_CASES]
        message = "the review of accepted exceptions was due a fortnight ago"
        yield Finding(
            what="look_again",
            count=len(again),
            cases=cases,
            message=message,
            mend="sendflow case CASE, and record what was found",
        )


def own_files(context: AppContext, connection: Connection, _today: date) -> Iterator[Finding]:
    """Files of this machine that were edited by hand, where another text is in force."""
    for kind in unrecorded(held(connection), context.ruleset_guard.own_texts):
        yield Finding(
            what="file_not_recorded",
            message=f"{FILES[kind]} of this machine was edited by hand, and differs from what is recorded",
            mend=(
                "if the edit is right, do nothing: the next act records it, for every machine. If not, delete the file"
                " and open sendflow: it writes the recorded one"
            ),
        )


def directory(context: AppContext, connection: Connection, today: date) -> Iterator[Finding]:
    """Finds bodies with an open duty and no mailbox. A body that has left the directory has no mailbox either."""
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
            asked[key] = all(context.directory.mailbox(la, body, service, party, today) for party in ADDRESSED)
        if not asked[key]:
            nowhere.setdefault((body, service), []).append(ref)
        if service is not None and not gives(context.directory, body, service):
            elsewhere.setdefault((body, service), []).append(ref)
    for (body, service), refs in sorted(nowhere.items(), key=lambda one: (one[0][0], one[0][1] or "")):
        yield Finding(
            what="no_mailbox",
            count=len(refs),
            cases=sorted(set(refs))[:MOST_CASES],
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
            cases=sorted(set(refs))[:MOST_CASES],
            message=(
                f"body {body} was asked for {service}, which it does not give by the directory; it has to answer all"
                " the same"
            ),
            mend=(
                "record that it redirected the request and ask the right body, or add the service to it in"
                " directory.toml in SENDFLOW_HOME"
            ),
        )


def names(context: AppContext, _connection: Connection, _today: date) -> Iterator[Finding]:
    """Finds words of the configuration that name nothing: such a letter never leaves, and such a duty never opens."""
    found = problems(context.rule_folders, context.settings.home)
    if found:
        yield Finding(
            what="names",
            count=len(found),
            message=found[0].sentence,
            mend="correct the file; sendflow check lists every such word, with file and line",
        )


def ladder(context: AppContext, _connection: Connection, _today: date) -> Iterator[Finding]:
    """Finds steps that never send their letter, and services that nobody provides. No mailbox: see `directory`."""
    found = [each for each in check(context) if each.what != "no_address"]
    if found:
        yield Finding(
            what="ladder",
            count=len(found),
            message=found[0].message,
            mend=f"{found[0].fix}; sendflow ladder --check lists all",
        )
