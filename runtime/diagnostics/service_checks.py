"""The doctor's look at what the house needs beside its records: its own processes, the Prefect server, and the relay
that takes its letters.

Purpose: a relay that takes no letter at all is said at once where only a person can mend it (a login, a certificate,
TLS), and after an hour where it may come back by itself. What is known of it is what the rounds of letters found;
nobody is rung up for the sake of looking.
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
from sqlalchemy import Connection, select

from casework.context import AppContext
from casework.delivery.lease import DAILY_DIGEST
from casework.delivery.send import MAIL_SERVER_ACCEPTS
from config.running_instance import read_running, server_answers
from config.settings import Carrier, Settings
from models.enums import LetterState
from models.tables import JOB_RUN, LETTER
from notifications import outbox
from notifications.transport import MAIL_SERVER_FAILURES
from runtime.diagnostics.finding import Finding

PATIENCE = timedelta(hours=1)
LOOK_BACK = timedelta(days=3)
WELL, NO_LOGIN = 200, (401, 403)
THEN = "then sendflow deliver"
# Each is mended by a person and by nobody else, so that it is said as soon as it is known.
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
        "the mail server does not let this house send as the DCO's mailbox",
        (
            "have the relay let this login or machine send as that mailbox, or correct dco in directory.toml in"
            f" SENDFLOW_HOME; {THEN}"
        ),
    ),
    "greeting_refused": (
        "the mail server does not listen to this machine",
        f"have this machine's address let in at the relay; {THEN}",
    ),
    "folder_not_writable": (
        "letters cannot be written to their folder",
        f"make room on the disk of {{folder}}, and let this user write there; {THEN}",
    ),
}
LATER = (
    "the mail server does not answer, or breaks off",
    f"see that it answers: {{look}}; SENDFLOW_SMTP_HOST and SENDFLOW_SMTP_PORT name it; {THEN}",
)


def relay_mend(settings: Settings, why: str | None) -> str:
    """What mends a relay that gave this word for why no letter leaves."""
    look = f"openssl s_client -starttls smtp -connect {settings.smtp_host}:{settings.smtp_port}"
    if settings.carrier is Carrier.SINK:
        return (
            f"the local sink keeps letters in {settings.letters}: see that it can be written to; open the house again"
            f" with make up; {THEN}"
        )
    return AT_ONCE.get(why or "", LATER)[1].format(look=look, folder=settings.letters)


class _Heard(NamedTuple):
    """What one round of letters, or one digest, found of the relay, and when (ISO 8601 UTC)."""

    at: str
    why: str


def relay(context: AppContext, connection: Connection, today: date) -> Iterator[Finding]:
    """What keeps every letter from leaving; nothing where none waits, or where the last that was tried left."""
    heard = list(_heard(connection, today))
    if not heard or heard[-1].why == MAIL_SERVER_ACCEPTS or not outbox.anything_open(connection):
        return
    why, since = heard[-1].why, heard[-1].at
    for each in reversed(heard):
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
        mend=relay_mend(context.settings, why),
    )


def _heard(connection: Connection, today: date) -> Iterator[_Heard]:
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
                yield _Heard(at, digest)
            elif outcome != LetterState.WAITING and as_at not in left:
                # Asked again on the same day it sends nothing, and shows nothing.
                left.add(as_at)
                yield _Heard(at, MAIL_SERVER_ACCEPTS)
        elif '"relay":' in detail:
            yield _Heard(at, str(orjson.loads(detail)["relay"]))


def processes(settings: Settings) -> Iterator[Finding]:
    """What runs, or should: the house's own processes, and the Prefect server with its database."""
    if settings.api_url is not None:
        # The house is several services, perhaps on several machines: what can be asked from here is the server.
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
                "systemctl restart sendflow-server, on the machine that has it: it makes an empty database anew",
            )
        return
    running = read_running(settings)
    if running is None:
        if settings.running_file.exists():
            yield Finding(
                what="supervisor",
                message="the house was open and whoever kept it open was killed: nothing sweeps or sends by itself",
                mend="make up; what was under way is finished by the next sweep and delivery",
            )
        return
    if not server_answers(running.api_url, settings.auth):
        yield Finding(
            what="prefect",
            message=(
                "the house is open and its Prefect server does not answer: facts are recorded all the same, runs are"
                " not shown"
            ),
            mend=f"see {settings.logs / 'server.log'}; the supervisor starts it again by itself within a minute",
        )
    else:
        yield from _reads(
            settings, running.api_url, f"see {settings.logs / 'server.log'}; close the house and open it again"
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
            mend=f"see {settings.logs}; open the house again",
        )


def _reads(settings: Settings, api_url: str, mend: str) -> Iterator[Finding]:
    """A server says that it is well without asking its database; so it is asked for something that stands there."""
    status = _count_runs(settings, api_url)
    if status in NO_LOGIN:
        yield Finding(
            what="prefect_login",
            message=(
                "the Prefect server does not take the login of this house: facts are recorded all the same, runs are"
                " not shown"
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
