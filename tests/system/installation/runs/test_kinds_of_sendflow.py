"""Each kind of fact that no person may record occurs in one installation, by its commands and a real Prefect server.

tests/system/installation/runs/test_every_kind_through_runs.py has the kinds that a person records.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from casework.cases.record import record
from casework.context import AppContext
from casework.mailbox.imap import Fetched
from casework.mailbox.read import AllNames
from casework.mailbox.receive import receive
from config.settings import Settings
from flows.jobs import Job
from flows.run_ends import EndState
from models import ledger
from models.common_facts import ENGINE_ONLY
from models.database import reading
from models.facts import FactDraft, StoredFact
from models.incoming_mail import MailState
from models.tables import CASE
from tests.casework.mailbox.samples import status_notification
from tests.support import fork_server
from tests.support.by_hand import SALT, TRUST
from tests.support.mail_server import ScriptedMailServer
from tests.support.prefect_server import PrefectServer
from tests.support.trackers import SOUND, tracker

pytestmark = [pytest.mark.installation, pytest.mark.timeout(300)]
# In which runs a kind occurs. The others are acts on a letter or a child, and mails that come in: those have no run of
# their own.
BY_RUNS_OF: Mapping[str, Job] = {
    "reminder_due": Job.SWEEP,
    "breached": Job.SWEEP,
    "escalation_due": Job.SWEEP,
    "notice_sent": Job.DELIVER,
    "notice_failed": Job.DELIVER,
    "chasing_began": Job.IMPORT,
    "rung_withdrawn": Job.SWEEP,
    "child_joined": Job.RECORD,
}
LATE, OTHER, THIRD = "NX90001", "NX90002", "NX90003"
NUMBER = "9991234500"  # of the case that the tracker brings


class Service:
    """An installation of the real day, whose commands show runs, and whose letters leave by a mail server."""

    def __init__(self, prefect: PrefectServer, home: Path, mail: ScriptedMailServer) -> None:
        """Make it, without a case."""
        self.prefect, self.mail = prefect, mail
        smtp = {"SENDFLOW_CARRIER": "smtp", "SENDFLOW_SMTP_PORT": str(mail.port)}
        self.environment = prefect.environment(prefect.of(home)) | smtp
        self.context = AppContext.load(Settings(home=home))
        self.today = self.context.today()

    def __call__(self, *words: str, also: tuple[int, ...] = ()) -> Any:
        """Run a command; return its document."""
        done = fork_server.sendflow(*words, "--json", env=self.environment, prefect=self.prefect.address)
        assert done.returncode in (0, *also), f"{words}: {done.stderr}"
        return json.loads(done.stdout)

    def record(self, case: str, kind: str, days_ago: int, *more: str, **data: str) -> None:
        """Record a fact, by a run."""
        on = (self.today - timedelta(days=days_ago)).isoformat()
        fields = [word for name, value in data.items() for word in ("--data", f"{name}={value}")]
        self("record", case, kind, "--on", on, "--actor", "dco.team", "--confirm-child", *fields, *more)

    def asked(self, case: str, days_ago: int, service: str = SALT) -> None:
        """A case whose advice was asked for."""
        on = self.today - timedelta(days=days_ago)
        facts: list[tuple[str, dict[str, Any]]] = [
            ("ehc_assessment_requested", {"la": "northshire"}),
            ("assessment_agreed", {}),
            ("health_advice_requested", {"body": TRUST, "service": service}),
        ]
        record(self.context, case, [FactDraft(kind, on, data) for kind, data in facts], "dco.team", confirmed=True)

    def deliver(self) -> None:
        """Send all that is open."""
        self("deliver", "--now", "--reason", "a test", also=(1,))

    def bounced(self, sent: EmailMessage) -> None:
        """A mail server says that this e-mail did not arrive."""
        raw = status_notification("5.1.1").replace(b"slt@trust.example", str(sent["To"]).encode())
        raw = raw.replace(b"<20260302-0123456789.sendflow@icb.example>", str(sent["Message-ID"]).encode())
        found = receive(self.context, Fetched("dco@imap.example/INBOX/1/1", "1", raw, len(raw)), AllNames(self.context))
        assert found.state is MailState.UNDELIVERED, found

    def facts(self) -> list[StoredFact]:
        """Every fact of the installation."""
        with reading(self.context.engine) as connection:
            refs = list(connection.scalars(select(CASE.c.case_ref)))
            return [fact for facts, _head in ledger.read(connection, refs).values() for fact in facts]


def lived(service: Service, folder: Path) -> None:
    """What happens in months, in one go: what is late, what leaves, what comes back, and who is one child."""
    service.asked(LATE, 60)
    service("sweep")
    for act in ("hold", "release"):
        service("letters", act, LATE, "--actor", "dco.team", "--reason", "a test")
    service.asked(OTHER, 0)
    service.asked("NX90004", 0, "community_paediatrics")
    service.deliver()
    service.mail.answer_rcpt = "550 5.1.1 no such mailbox"
    service.asked("NX90005", 0, "physiotherapy")
    service.deliver()
    first, second, *_others = service.mail.arrived
    service.bounced(first)
    service("letters", "came-back", str(second["Message-ID"]), "--actor", "dco.team", "--reason", "a test")
    service.record(LATE, "fact_corrected", 0, "--corrects", "3", occurred_on=service.today.isoformat())
    service("sweep")
    service("import", str(tracker(folder, SOUND)))
    private = folder / "private"
    private.touch(0o600)
    private.write_text(f"nhs_number={NUMBER}\n", "utf-8")
    given = {"la": "northshire", "linked_to": OTHER}
    service.record(THIRD, "ehc_assessment_requested", 0, "--data-from", str(private), **given)
    service("part", THIRD, "--from", OTHER, "--actor", "dco.team", "--confirm-child")


def test_each_kind_of_sendflows_own_occurs_and_names_the_run_in_which_it_does(
    prefect: PrefectServer, mail_server: ScriptedMailServer, tmp_path: Path
) -> None:
    """A kind that is added fails here until it occurs."""
    service = Service(prefect, tmp_path / "var", mail_server)
    began = {run["id"] for run in prefect.every_run()}
    try:
        lived(service, tmp_path)
        facts = service.facts()
    finally:
        service.context.engine.dispose()
    flows = {flow["id"]: flow["name"] for flow in prefect.ask("flows/filter", {})}
    runs = {run["id"]: run for run in prefect.every_run() if run["id"] not in began}
    found = defaultdict[str, set[str | None]](set)
    for fact in facts:
        if fact.kind in ENGINE_ONLY:
            found[fact.kind].add(flows[runs[fact.run]["flow_id"]] if fact.run else None)
    assert found == {kind: {str(BY_RUNS_OF[kind]) if kind in BY_RUNS_OF else None} for kind in ENGINE_ONLY}
    red = {run["state_name"] for run in runs.values() if run["state_type"] != "COMPLETED"}
    assert red == {EndState.LETTERS_NEED_A_PERSON}, "the mail server refused a mailbox"
