"""The checks of `sendflow doctor` for the mailbox to which bodies reply: whether it is read, and who waits for whom.

What is known of the mailbox comes from the readings: the doctor does not connect to it. A fault that only a person can
repair is reported at once, one that may end by itself after an hour.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, select

from casework.context import AppContext
from casework.mailbox.read import JOB, READABLE
from casework.mailbox.tray import waiting_since
from models.tables import JOB_RUN
from runtime.diagnostics.finding import Finding

PATIENCE = timedelta(hours=1)
LONGEST_WAIT = timedelta(days=2)
THEN = "then sendflow replies read"


class _Fault(NamedTuple):
    """What is wrong and how to fix it. `at_once`: only a person can repair it."""

    message: str
    fix: str
    at_once: bool


FAULTS = {
    "unreachable": _Fault(
        "the server of the reply mailbox does not answer, or breaks off",
        f"see that it answers: openssl s_client -connect {{host}}:{{port}}; SENDFLOW_IMAP_HOST names it; {THEN}",
        False,
    ),
    "tls_refused": _Fault(
        "nobody vouches for the certificate of the reply mailbox's server, or it is for another name",
        f"SENDFLOW_TLS_CA names the authority's certificates, SENDFLOW_IMAP_HOST the name in the certificate; {THEN}",
        True,
    ),
    "login_refused": _Fault(
        "the server of the reply mailbox refuses the login",
        f"set SENDFLOW_IMAP_LOGIN as the server has it (Exchange Online needs SENDFLOW_IMAP_CLIENT); {THEN}",
        True,
    ),
    "token_refused": _Fault(
        "no token is given for the reply mailbox",
        f"set SENDFLOW_IMAP_CLIENT and SENDFLOW_IMAP_TOKEN_URL as the provider of the account has them; {THEN}",
        True,
    ),
    "no_folder": _Fault(
        "the reply mailbox has no folder of that name",
        f"set SENDFLOW_IMAP_FOLDER to a folder that is there, as INBOX; {THEN}",
        True,
    ),
}


def mailbox(context: AppContext, connection: Connection, _today: date) -> Iterator[Finding]:
    """Finds a mailbox that cannot be read, and senders for whom nobody vouches."""
    settings = context.settings.replies
    if settings is None:
        return
    if settings.authenticates is None:
        yield Finding(
            what="replies_not_vouched_for",
            message=(
                "no server vouches for the senders of answers by e-mail: a mail that does not reply to an e-mail of"
                " ours waits for a person"
            ),
            mend=(
                "set SENDFLOW_IMAP_TRUSTS to the name with which the receiving server begins its Authentication-Results"
                " lines"
            ),
        )
    rows = connection.execute(
        select(JOB_RUN.c.outcome, JOB_RUN.c.finished_at)
        .where(JOB_RUN.c.act == JOB)
        .order_by(JOB_RUN.c.finished_at.desc(), JOB_RUN.c.id.desc())
        .limit(1)
    ).all()
    fault = FAULTS.get(rows[0].outcome) if rows and rows[0].outcome != READABLE else None
    if fault is None:
        return
    why, since = rows[0].outcome, rows[0].finished_at
    if fault.at_once or context.now() - datetime.fromisoformat(since) > PATIENCE:
        yield Finding(
            what=f"replies_{why}",
            message=f"{fault.message} (since {since}): no answer by e-mail is read",
            mend=fault.fix.format(host=settings.host, port=settings.port),
        )


def tray(context: AppContext, connection: Connection, today: date) -> Iterator[Finding]:
    """Finds mails that have waited for a person for two days or more."""
    if count := waiting_since(connection, today - LONGEST_WAIT):
        yield Finding(
            what="replies_waiting",
            count=count,
            message="mails from bodies have waited for a person for more than two days",
            mend="sendflow replies lists them with the reason of each; sendflow replies decide settles one",
        )
