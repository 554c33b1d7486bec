"""Loads the demo data into the empty database of a simulation, and runs every job once. [I/O]"""

from __future__ import annotations

import json
import tempfile
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, func, select

from casework.access import accounts
from casework.context import AppContext
from casework.owners import assign
from config.files import write_whole
from config.settings import Settings
from flows.runner import run_job
from models.database import reading, transact
from models.errors import NoSuchCase
from models.tables import FACT
from runtime.demo.cases import load_demo_cases
from runtime.demo.tracker import live_before, record_demo_events, write_demo_tracker

SAMPLE = "sample.json"
# Account, role and scope of the sample's people. QX101 and northshire are in the shipped directory. The first one is
# named for a restricted process.
PEOPLE = (
    ("safeguarding.lead", "dco", "safeguarding_referral"),
    ("dco.team", "dco", ""),
    ("admin.team", "administrator", ""),
    ("operations", "operations", ""),
    ("auditor", "auditor", ""),
    ("provider", "provider", "QX101"),
    ("council", "council", "northshire"),
)
OWNERS = {"SP90001": "dco.team", "SP90002": "admin.team"}
FIRST_DELIVERY = "first delivery of the sample; the local SMTP server stores every letter and sends none on"


class Console(Protocol):
    """Prints to the person who started the installation."""

    def say(self, line: str) -> None:
        """Print one line."""

    def working(self, what: str) -> AbstractContextManager[None]:
        """Show that `what` is under way, and how long it took when it is done."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Whether the demo data is loaded, and for which day it was made.

    A load that was stopped finishes at the next start.
    """

    made_for: date
    finished: bool

    @classmethod
    def read(cls, path: Path) -> Sample | None:
        """Return what the file says; None if there is no such file."""
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            return cls(date.fromisoformat(document["made_for"]), bool(document["finished"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, path: Path) -> None:
        """Write the file atomically."""
        write_whole(path, json.dumps({"made_for": self.made_for.isoformat(), "finished": self.finished}) + "\n")


def load_demo_data(settings: Settings, context: AppContext, console: Console) -> None:
    """Load the demo data into an empty database, then sweep, write the digest, deliver and verify."""
    marker = settings.home / SAMPLE
    sample = Sample.read(marker)
    if not context.simulated:
        console.say("This installation is real: no demo data is loaded, and the records are used as they are.")
        return
    if sample is not None and not sample.finished:
        # An earlier start was stopped during the load, perhaps on the simulated day before the import.
        context = replace(context, settings=replace(context.settings, today=sample.made_for))
    if sample is None:
        if _count_facts(context):
            console.say("The records that are there are used as they are; nothing is imported.")
            return
        sample = Sample(context.today(), finished=False)
        sample.write(marker)
    if sample.finished:
        console.say("The records that are there are used as they are; nothing is imported again.")
        return
    with console.working("Recording a few cases on an earlier simulated day, so that there is a letter of every kind"):
        live_before(context)
    with tempfile.TemporaryDirectory(prefix="sendflow-sample-") as folder:
        # Outside SENDFLOW_HOME, which holds names encrypted only: the tracker has invented names in it.
        path = Path(folder) / "sample.csv"
        write_demo_tracker(path, sample.made_for)
        with console.working("Importing the demo tracker, a CSV file like a team's own"):
            imported = run_job("import", context, say=console.say, path=path)
    counts = f"{imported.accepted} of {imported.rows} rows accepted, {imported.facts_added} facts"
    console.say(
        f"  {counts}; {imported.refused} rows refused on purpose, each with a reason, to show what sendflow does with"
        " doubtful cells."
    )
    with console.working(
        "Recording what a tracker has no column for: answers, an accepted exception, a corrected date"
    ):
        record_demo_events(context)
    with console.working("Recording a few cases of every process"):
        left_out = load_demo_cases(context)
    for line in left_out:
        console.say(f"  Left out of the sample: {line}")
    with console.working("Sweeping: recording what has fallen due, and the notices that follow"):
        swept = run_job("sweep", context, say=console.say, as_at=context.today())
    console.say(
        f"  {swept.cases_looked_at} cases looked at, {swept.facts_written} facts and {swept.notices_written} notices"
        " written."
    )
    with console.working("Writing the DCO's daily digest"):
        digest = run_job("digest", context, say=console.say, as_at=context.today())
    console.say(
        f"  {digest.late} late, {digest.soon} due within seven days, {digest.person} waiting for a person; the digest"
        " states the head of the history."
    )
    with console.working("Delivering to the local SMTP server"):
        sent = run_job("deliver", context, say=console.say, now=True, reason=FIRST_DELIVERY)
    console.say(
        f"  {sent.sent} letters sent, {sent.failed} failed, {sent.waiting} waiting, {sent.withdrawn} no longer needed."
    )
    with console.working("Verifying the history"):
        proved = run_job("verify", context, say=console.say)
    console.say(
        f"  {proved.facts} facts in {proved.cases} cases are"
        f" {'intact' if proved.intact else 'DAMAGED: run sendflow verify'}."
    )
    give_sample_roles(context)
    Sample(sample.made_for, finished=True).write(marker)


def give_sample_roles(context: AppContext) -> None:
    """Give each of the sample's people a role, if nobody has one yet."""

    def work(connection: Connection) -> None:
        if not accounts.accounts(connection):
            for account, role, scope in PEOPLE:
                accounts.change_role(connection, account, role, scope, "sample")

    transact(context.engine, work)
    for case_ref, owner in OWNERS.items():
        with suppress(NoSuchCase):
            assign(context, case_ref, owner, "sample")


def _count_facts(context: AppContext) -> int:
    with reading(context.engine) as connection:
        return int(connection.execute(select(func.count()).select_from(FACT)).scalar() or 0)
