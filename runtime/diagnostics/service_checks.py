"""The checks of `sendflow doctor` for the services of an installation: its processes, Prefect and the mail server.

A mail fault that only a person can repair is reported at once; one that may end by itself is reported after an hour.
What is known of the mail server comes from the rounds of letters: the doctor does not connect to it.
"""

import base64
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import orjson
from sqlalchemy import Connection, func, select

from casework.context import AppContext
from casework.delivery import transport_state
from casework.job_runs import MAIL_SERVER_ACCEPTS
from casework.replies.links import address_for_answers
from casework.reports.for_a_person import DAILY_DIGEST
from config.running_instance import read_running, server_answers
from config.settings import Carrier, Settings
from config.toml_reader import ConfigFault
from config.transports import TransportsError, transport_rules
from models.enums import LetterState
from models.tables import JOB_RUN, LETTER, RECEIPT
from notifications import outbox
from notifications.transport import MAIL_SERVER_FAILURES
from runtime.diagnostics.finding import Finding

PATIENCE = timedelta(hours=1)
LOOK_BACK = timedelta(days=3)
WELL, NO_LOGIN = 200, (401, 403)
THEN = "then sendflow deliver"
# Only a person can repair these, so the doctor reports each as soon as it is known.
AT_ONCE = {
    "no_tls": (
        "the mail server offers no TLS, and letters go by TLS or not at all",
        f"have STARTTLS switched on at the relay (SENDFLOW_SMTP_TLS=offered goes without); {THEN}",
    ),
    "tls_refused": (
        (
            "nobody vouches for the mail server's certificate, it has run out, or it is for another name than"
            " SENDFLOW_SMTP_HOST"
        ),
        (
            "SENDFLOW_TLS_CA names the authority's certificates, SENDFLOW_SMTP_HOST the name in the certificate"
            f" ({{look}} shows it); {THEN}"
        ),
    ),
    "login_refused": (
        "the mail server refuses the login",
        f"set SENDFLOW_SMTP_LOGIN=user:password as the relay has it, and start the services again; {THEN}",
    ),
    "login_needed": (
        "the mail server asks for a login, and none is set",
        f"set SENDFLOW_SMTP_LOGIN=user:password, and start the services again; {THEN}",
    ),
    "no_login_offered": (
        "the mail server takes no login, and one is set",
        f"unset SENDFLOW_SMTP_LOGIN, or set SENDFLOW_SMTP_PORT to where the relay takes one (587 as a rule); {THEN}",
    ),
    "sender_refused": (
        "the mail server does not let this installation send as the DCO's mailbox",
        (
            "have the relay let this login or machine send as that mailbox, or correct dco in directory.toml in"
            f" SENDFLOW_HOME; {THEN}"
        ),
    ),
    "greeting_refused": (
        "the mail server does not listen to this machine",
        f"have this machine's address let in at the relay; {THEN}",
    ),
    "notify_not_set": (
        "the directory names GOV.UK Notify as a body's transport, and no key of it is set",
        f"set SENDFLOW_NOTIFY_KEY and SENDFLOW_NOTIFY_TEMPLATE, and start the services again; {THEN}",
    ),
    "notify_login_refused": (
        "GOV.UK Notify refuses the key, or the clock of this machine is more than 30 seconds wrong",
        f"set SENDFLOW_NOTIFY_KEY to a live key of the service, and see that the clock is right; {THEN}",
    ),
    "notify_rejected": (
        "GOV.UK Notify takes no e-mail to these mailboxes: the service is in trial mode, the key is a team key, or the"
        " template has other fields than subject and body",
        f"see the service's page at GOV.UK Notify: live mode, a live key, the template's fields; {THEN}",
    ),
    "notify_day_limit": (
        "GOV.UK Notify has taken as many e-mails as it takes from this service in a day",
        f"a service in trial mode may send 50 a day: ask Notify to make it live, or wait for tomorrow; {THEN}",
    ),
    "folder_not_writable": (
        "letters cannot be written to their folder",
        f"free space on the disk of {{folder}}, and let this user write there; {THEN}",
    ),
}
LATER = (
    "the mail server does not answer, or breaks off",
    f"see that it answers: {{look}}; SENDFLOW_SMTP_HOST and SENDFLOW_SMTP_PORT name it; {THEN}",
)


def relay_repair(settings: Settings, why: str | None) -> str:
    """The repair for a mail server that fails for the reason `why`."""
    if settings.carrier is Carrier.SINK:
        return (
            f"the local SMTP server writes letters to {settings.letters}: make that folder writable; start the"
            f" installation again with make up; {THEN}"
        )
    return _repair(settings, why)


def _repair(settings: Settings, why: str | None) -> str:
    look = f"openssl s_client -starttls smtp -connect {settings.smtp_host}:{settings.smtp_port}"
    return AT_ONCE.get(why or "", LATER)[1].format(look=look, folder=settings.letters)


def other_transports(context: AppContext, connection: Connection, _today: date) -> Iterator[Finding]:
    """Finds a transport of some bodies that accepts no letter. The one of SENDFLOW_CARRIER is found by `relay`."""
    for state in transport_state.states(connection).values():
        if state.name == context.settings.carrier or state.failures < transport_state.ENOUGH or state.since is None:
            continue
        if state.why not in AT_ONCE and context.now() - datetime.fromisoformat(state.since) <= PATIENCE:
            continue
        why = state.why or ""
        said = f"{AT_ONCE.get(why, LATER)[0]} ({why.replace('_', ' ')}, since {state.since})"
        yield Finding(
            what=f"transport_{state.name}",
            message=f"{said}: no letter leaves by {state.name}",
            mend=_repair(context.settings, state.why),
        )


def links(context: AppContext, connection: Connection, today: date) -> Iterator[Finding]:
    """Finds letters that leave without a link to answer them, because nobody has said where the pages are."""
    if context.settings.carrier is Carrier.SINK or context.simulated or address_for_answers(context.settings):
        return
    sent = select(LETTER.c.id).where(LETTER.c.on > today - LOOK_BACK, LETTER.c.state == LetterState.SENT).limit(1)
    if connection.scalar(sent) is not None:
        yield Finding(
            what="letters_without_links",
            message="letters leave without a link to answer them: sendflow does not know the address of its pages",
            mend="set SENDFLOW_PAGES_URL, as in SENDFLOW_PAGES_URL=https://cases.icb.example, and start it again",
        )


def other_words(_context: AppContext, connection: Connection, today: date) -> Iterator[Finding]:
    """Finds e-mails that GOV.UK Notify sent with other words than sendflow wrote: its template has changed."""
    query = select(func.count()).select_from(RECEIPT)
    since = (today - LOOK_BACK).isoformat()
    if count := connection.scalar(query.where(RECEIPT.c.same_words.is_(False), RECEIPT.c.accepted_at >= since)):
        yield Finding(
            what="notify_other_words",
            count=count,
            message="GOV.UK Notify sent e-mails with other words than sendflow wrote",
            mend="at GOV.UK Notify, give the template ((subject)) as its subject and ((body)) as its message, no more",
        )


def accreditations(context: AppContext, _connection: Connection, today: date) -> Iterator[Finding]:
    """Finds accreditations of the secure email standard that have ended: their domains get [secure] again."""
    try:
        ended = transport_rules(context.settings).secure_mail.ended(today)
    except (TransportsError, ConfigFault) as fault:
        yield Finding(what="transports_file", message=str(fault), mend="correct transports.toml in SENDFLOW_HOME")
        return
    for each in ended:
        yield Finding(
            what="accreditation_ended",
            message=f"the accreditation of {each.domain} ended on {each.ends_on}: its e-mails have [secure]",
            mend="look it up in the DCB1596 list of NHS England, and change or remove it in transports.toml",
        )


class _RelayAttempt(NamedTuple):
    """What one round of letters, or one digest, found of the relay, and when (ISO 8601 UTC)."""

    at: str
    why: str


def relay(context: AppContext, connection: Connection, today: date) -> Iterator[Finding]:
    """Finds a mail server that stops every letter; nothing where none waits, or where the last attempt succeeded."""
    attempts = list(_relay_attempts(connection, today))
    if not attempts or attempts[-1].why == MAIL_SERVER_ACCEPTS or not outbox.anything_open(connection):
        return
    why, since = attempts[-1].why, attempts[-1].at
    for each in reversed(attempts):
        if each.why == MAIL_SERVER_ACCEPTS:
            break
        since = each.at
    if why not in AT_ONCE and context.now() - datetime.fromisoformat(since) <= PATIENCE:
        return
    waiting = len(outbox.mailboxes_to_write(connection))
    yield Finding(
        what=f"relay_{why}",
        count=max(waiting, 1),
        message=f"{AT_ONCE.get(why, LATER)[0]} ({why.replace('_', ' ')}, since {since}): no letter leaves",
        mend=relay_repair(context.settings, why),
    )


def _relay_attempts(connection: Connection, today: date) -> Iterator[_RelayAttempt]:
    """The rounds of the last days that tried a letter, in their order."""
    digest = connection.scalar(
        select(LETTER.c.why)
        .where(LETTER.c.template == DAILY_DIGEST, LETTER.c.state == LetterState.WAITING)
        .order_by(LETTER.c.on.desc())
    )
    query = (
        select(JOB_RUN.c.act, JOB_RUN.c.as_at, JOB_RUN.c.finished_at, JOB_RUN.c.outcome, JOB_RUN.c.detail)
        .where(JOB_RUN.c.act.in_(("deliver", "digest")), JOB_RUN.c.as_at >= today - LOOK_BACK)
        .order_by(JOB_RUN.c.finished_at, JOB_RUN.c.id)
    )
    left: set[date] = set()
    for act, as_at, at, outcome, detail in connection.execute(query):
        if act == "digest":
            if outcome == LetterState.WAITING and digest in MAIL_SERVER_FAILURES:
                yield _RelayAttempt(at, digest)
            elif outcome != LetterState.WAITING and as_at not in left:
                # Asked again on the same day it sends nothing, and shows nothing.
                left.add(as_at)
                yield _RelayAttempt(at, MAIL_SERVER_ACCEPTS)
        elif '"relay":' in detail:
            yield _RelayAttempt(at, str(orjson.loads(detail)["relay"]))


def processes(settings: Settings) -> Iterator[Finding]:
    """Checks the installation's own processes, and the Prefect server with its database."""
    if settings.api_url is not None:
        # Several services run, perhaps on several machines: from here only the server can be asked.
        if not server_answers(settings.api_url, settings.auth, tls_ca=settings.tls_ca):
            yield Finding(
                what="prefect",
                message=(
                    "the Prefect server that SENDFLOW_API_URL names does not answer: facts are recorded all the same,"
                    " runs are not shown"
                ),
                mend="systemctl status sendflow-server, on the machine that has it",
            )
        else:
            yield from _reads(
                settings,
                settings.api_url,
                "systemctl restart sendflow-server, on the machine that has it: it creates a new, empty database",
            )
        return
    running = read_running(settings)
    if running is None:
        if settings.running_file.exists():
            yield Finding(
                what="supervisor",
                message="the supervisor of this installation was killed: no sweep runs and no letter leaves",
                mend="make up; the next sweep and delivery finish the interrupted work",
            )
        return
    if not server_answers(running.api_url, settings.auth):
        yield Finding(
            what="prefect",
            message=(
                "the installation runs and its Prefect server does not answer: facts are recorded all the same, runs"
                " are not shown"
            ),
            mend=f"see {settings.logs / 'server.log'}; the supervisor starts it again by itself within a minute",
        )
    else:
        yield from _reads(
            settings, running.api_url, f"see {settings.logs / 'server.log'}; stop the installation and start it again"
        )
    dead = (
        sorted(name for name, pid in running.pids.items() if not Path(f"/proc/{pid}").exists())
        if Path("/proc/self").exists()
        else []
    )
    if dead:
        yield Finding(
            what="process",
            count=len(dead),
            message=f"not running: {', '.join(dead)}",
            mend=f"see {settings.logs}; start the installation again",
        )


def _reads(settings: Settings, api_url: str, mend: str) -> Iterator[Finding]:
    """A server says that it is well without asking its database; so this asks for a count that needs the database."""
    status = _count_runs(settings, api_url)
    if status in NO_LOGIN:
        yield Finding(
            what="prefect_login",
            message=(
                "the Prefect server does not accept the login of this installation: facts are recorded all the same,"
                " runs are not shown"
            ),
            mend="SENDFLOW_AUTH has to be what the server was started with; start the services again after a change",
        )
    elif status != WELL:
        yield Finding(
            what="prefect_database",
            mend=mend,
            message=(
                "the Prefect server answers and cannot read its own database: facts are recorded all the same, runs are"
                " not shown"
            ),
        )


def _count_runs(settings: Settings, api_url: str) -> int | None:
    """The status of one question that needs the server's database; None where no answer came."""
    headers = {"Content-Type": "application/json"}
    if settings.auth:
        headers["Authorization"] = f"Basic {base64.b64encode(settings.auth.encode()).decode()}"
    asked = urllib.request.Request(f"{api_url}/flow_runs/count", b"{}", headers)  # noqa: S310 (our own address)
    try:
        vouched = ssl.create_default_context(cafile=settings.tls_ca) if api_url.startswith("https:") else None
        with urllib.request.urlopen(asked, timeout=10.0, context=vouched) as answer:  # noqa: S310 (as above)
            return int(answer.status)
    except urllib.error.HTTPError as problem:
        return problem.code
    except (OSError, ValueError):
        return None
