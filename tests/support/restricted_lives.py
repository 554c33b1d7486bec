"""Two installations with the same life: one has restricted cases and one has none, and no outlet may say which."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from casework import webhooks
from casework.cases.record import record
from casework.context import AppContext
from casework.delivery.webhook_calls import send_calls
from casework.saved_views import save_view
from config.settings import Settings
from flows.jobs import Job, JobExecution
from models.facts import FactDraft
from runtime.demo import cases as demo_cases
from runtime.demo.load import PEOPLE
from tests.support.sample_home import TODAY, copy_sample, load_sample
from tests.support.webhook_receiver import HERE, receiving
from web.installation import Installation

TOMORROW = date(2026, 4, 15)
VISIBLE, CHILD = "SC44001", 61  # a case of the sample and the number of its child
HIDDEN = ("SR00001", "SR00002", "SR00003", "SR-000001")
UNKNOWN = "SR00009"
UNNAMED = [account for account, _role, scope in PEOPLE if scope != "safeguarding_referral"]


class Life(NamedTuple):
    """One installation after the same days, with or without restricted cases. `calls`: what its webhook said."""

    home: Path
    context: AppContext
    installation: Installation
    calls: list[str]


def load_without(home: Path, folder: Path) -> None:
    """Load the demo data with the cases of another folder."""
    before = demo_cases.load_demo_cases.__defaults__
    demo_cases.load_demo_cases.__defaults__ = (folder,)
    try:
        load_sample(home)
    finally:
        demo_cases.load_demo_cases.__defaults__ = before


def lived(home: Path, *, with_restricted: bool) -> Life:
    """Two days of work over the demo data. With restricted cases also what is recorded about them."""
    context = AppContext.load(Settings(home=home, today=TODAY))
    save_view(context, "dco.team", "everything", {"show": "all"})
    with receiving() as receiver:
        allowed = replace(context, settings=replace(context.settings, webhook_hosts=(HERE,)))
        webhooks.make(allowed, receiver.address, "northshire", "it.oncall")
        later = _two_days(context, with_restricted)
        while send_calls(replace(later, settings=replace(later.settings, webhook_hosts=(HERE,)))):
            pass
        calls = [each.body for each in receiver.taken]
    return Life(home, later, Installation(later.settings, later), calls)


def _two_days(context: AppContext, with_restricted: bool) -> AppContext:
    """What is recorded on two days, and the jobs of both. The context of the second day."""
    if with_restricted:
        child = demo_cases.nhs_numbers()[CHILD]
        made = {"la": "northshire", "how": "form", "referred_to": "multi_agency_hub", "parents_informed": "yes"}
        about = {"nhs_number": child, "concern": "Quillfeather was seen", "linked_to": VISIBLE}
        drafts = [FactDraft("safeguarding_referral_made", date(2026, 4, 1), {**made, **about})]
        act = {"actor": "safeguarding.lead", "confirmed": True}
        opened = JobExecution(Job.RECORD, context, {"case": "new", "drafts": drafts, **act}).execute(None)
        assert opened.case_ref == HIDDEN[-1], "a restricted case has a reference of its own series"
        link = FactDraft("case_linked", date(2026, 4, 1), {"to_case": VISIBLE})
        JobExecution(Job.RECORD, context, {"case": opened.case_ref, "drafts": [link], **act}).execute(None)
    later = replace(context, settings=replace(context.settings, today=TOMORROW))
    for each in (context, later):
        for job in (Job.SWEEP, Job.DELIVER):
            JobExecution(job, each, {"as_at": each.today()} if job is Job.SWEEP else {}).execute(None)
    for kind in ("person_died",):
        record(later, VISIBLE, [FactDraft(kind, TOMORROW)], "dco.team", confirmed=True)
    new = FactDraft("enquiry_received", TOMORROW, {"sorted_as": "enquiry", "sender_is": "school", "topic": "training"})
    record(later, "new", [new], "dco.team")
    JobExecution(Job.SWEEP, later, {"as_at": TOMORROW}).execute(None)
    JobExecution(Job.DIGEST, later, {"as_at": TOMORROW}).execute(None)
    return later


def two_lives(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Life, Life]]:
    """The installation with restricted cases, and the one without."""
    without = tmp_path_factory.mktemp("demo")
    for file in demo_cases.FOLDER.glob("*.toml"):
        if file.stem != "safeguarding_referral":
            shutil.copy(file, without)
    homes = [tmp_path_factory.mktemp(name) / "var" for name in ("with", "without")]
    copy_sample(tmp_path_factory, homes[0])
    load_without(homes[1], without)
    one, other = (lived(home, with_restricted=home is homes[0]) for home in homes)
    yield one, other
    for each in (one, other):
        each.installation.close()


# Sessions, tokens and jobs have real instants. The tests may pass midnight.
REAL_DAYS = [datetime.now(UTC).date() + timedelta(days=days) for days in (0, 1)]
REAL_NOW = [(rf"{day}T[\d:.]+Z?|{day.day} {day:%b %Y} at \d\d:\d\d", "NOW") for day in REAL_DAYS]
CHANGING = (
    (r'nonce="[^"]+"|nonce-[\w-]+', "NONCE"),
    (r'name="token" value="[^"]+"', "TOKEN"),
    (r"[0-9a-f]{32,64}", "DIGEST"),
    (r"\b[0-9a-z]{20}\.DIGEST", "TEXT"),
    *REAL_NOW,
    # The proof covers every fact, and says of how many.
    (r"(?<![\d,])[\d,]+ (?:cases and [\d,]+ facts|facts in [\d,]+ cases|facts\.)", "ALL"),
    (r"sendflow-[0-9a-f]{8}, [\d,]+ leaves, root", "LOG"),
    (r"sendflow-[0-9a-f]{8}\+\w+\+[A-Za-z0-9+/=]+", "KEY"),
    (r"of the log sendflow-[0-9a-f]{8}", "NAMED"),
    # The signs before a run are looked at first: without, each sign of each word begins a try.
    (r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{40,}=*(, signature|\.)|DIGEST; [\d,]+ cases,", "SIGNED"),
    (r'"reason":"w[0-9a-f]{20}"', "REASON"),
    (r"\bw-[0-9a-f]{8}\b", "HOOK"),
    (r"http://127\.0\.0\.1:\d+", "RECEIVER"),
    (r'"id": "[0-9a-f]{12}"|(?<=view=)[0-9a-f]{12}|(?<=value=")[0-9a-f]{12}(?=")|(?<=/views/)[0-9a-f]{12}', "VIEW"),
    (r"pytest-of-\w+/pytest-\d+/\w+/var", "HOME"),
)


def plain(text: str) -> str:
    """A text without what differs between any two installations."""
    for pattern, word in CHANGING:
        text = re.sub(pattern, word, text)
    return text
