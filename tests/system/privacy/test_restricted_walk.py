"""Nobody who is not named for a restricted process finds a trace of its cases: two installations are compared.

One has restricted cases, of a child who has other cases too, with links, letters and late duties. The other has had the
same life without them. Every page, list, letter, calendar, digest, export, metric, Prefect object, log line and refusal
has to be the same in both, word for word and count for count, for every role. The person who is named sees them all.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from prometheus_client.exposition import generate_latest
from sqlalchemy import select

from casework import job_log
from casework.cases.record import record
from casework.context import AppContext
from casework.delivery.calendar import calendar
from casework.reports.operations_events import new_events
from config.settings import Settings
from flows import artifacts
from flows.jobs import Job, JobExecution
from models.database import reading
from models.facts import FactDraft
from models.tables import ACCESS, CASE_LOOK, CASE_OWNER, FACT, FREE_TEXT, JOB_RUN, LETTER, NOTICE
from runtime.demo import cases as demo_cases
from runtime.demo.load import PEOPLE, load_demo_data
from runtime.health.metrics import collect_metrics
from tests.support.calling import sendflow
from tests.support.page_walk import walked
from tests.web.conftest import Browser, Silent, browser_of
from web.installation import Installation

TODAY, TOMORROW = date(2026, 4, 14), date(2026, 4, 15)
VISIBLE, CHILD = "SC44001", 61  # a case of the sample and the number of its child
HIDDEN = ("SR00001", "SR00002", "SR00003", "SR-000001")
UNNAMED = [account for account, _role, scope in PEOPLE if scope != "safeguarding_referral"]


class Life(NamedTuple):
    """One installation after the same days, with or without restricted cases."""

    home: Path
    context: AppContext
    installation: Installation


def lived(home: Path, folder: Path, *, with_restricted: bool) -> Life:
    """The sample, and two days of work. With restricted cases also what is recorded about them."""
    settings = Settings(home=home, today=TODAY)
    context = AppContext.load(settings)
    before = demo_cases.load_demo_cases.__defaults__
    demo_cases.load_demo_cases.__defaults__ = (folder,)
    try:
        load_demo_data(settings, context, Silent())
    finally:
        demo_cases.load_demo_cases.__defaults__ = before
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
    later = replace(context, settings=replace(settings, today=TOMORROW))
    for each in (context, later):
        for job in (Job.SWEEP, Job.DELIVER):
            JobExecution(job, each, {"as_at": each.today()} if job is Job.SWEEP else {}).execute(None)
    for kind in ("person_died",):
        record(later, VISIBLE, [FactDraft(kind, TOMORROW)], "dco.team", confirmed=True)
    new = FactDraft("enquiry_received", TOMORROW, {"sorted_as": "enquiry", "sender_is": "school", "topic": "training"})
    record(later, "new", [new], "dco.team")
    JobExecution(Job.SWEEP, later, {"as_at": TOMORROW}).execute(None)
    JobExecution(Job.DIGEST, later, {"as_at": TOMORROW}).execute(None)
    return Life(home, later, Installation(later.settings, later))


pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Life, Life]]:
    """The installation with restricted cases, and the one without."""
    without = tmp_path_factory.mktemp("demo")
    for file in demo_cases.FOLDER.glob("*.toml"):
        if file.stem != "safeguarding_referral":
            shutil.copy(file, without)
    one = lived(tmp_path_factory.mktemp("with") / "var", demo_cases.FOLDER, with_restricted=True)
    other = lived(tmp_path_factory.mktemp("without") / "var", without, with_restricted=False)
    yield one, other
    for each in (one, other):
        each.installation.close()


CHANGING = (
    (r'nonce="[^"]+"|nonce-[\w-]+', "NONCE"),
    (r'name="token" value="[^"]+"', "TOKEN"),
    (r"[0-9a-f]{32,64}", "DIGEST"),
    (r"\b[0-9a-z]{20}\.DIGEST", "TEXT"),
    (r"2026-11-30T[\d:.]+Z?|30 Nov 2026 at \d\d:\d\d", "NOW"),
    # The proof covers every fact, and says of how many.
    (r"(?<![\d,])[\d,]+ (?:cases and [\d,]+ facts|facts in [\d,]+ cases|facts\.)", "ALL"),
    (r"sendflow-[0-9a-f]{8}, [\d,]+ leaves, root", "LOG"),
    (r"sendflow-[0-9a-f]{8}\+\w+\+[A-Za-z0-9+/=]+", "KEY"),
    (r"of the log sendflow-[0-9a-f]{8}", "NAMED"),
    # The signs before a run are looked at first: without, each sign of each word begins a try.
    (r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{40,}=*(, signature|\.)|DIGEST; [\d,]+ cases,", "SIGNED"),
    (r'"reason":"w[0-9a-f]{20}"', "REASON"),
    (r"pytest-of-\w+/pytest-\d+/\w+/var", "HOME"),
)


def plain(text: str) -> str:
    """A text without what differs between any two installations."""
    for pattern, word in CHANGING:
        text = re.sub(pattern, word, text)
    return text


def pages(browser: Browser) -> dict[str, str]:
    """Every page that a person reaches by links from the first one."""
    return {address: f"{status}\n{plain(text)}" for address, status, text in walked(browser)}


def different(one: dict[str, str], other: dict[str, str]) -> list[str]:
    """What differs between two walks, line by line, for the message of the test."""
    found = [f"only in one: {address}" for address in sorted(one.keys() ^ other.keys())]
    for address in sorted(one.keys() & other.keys()):
        pairs = zip(one[address].splitlines(), other[address].splitlines(), strict=False)
        found += [f"{address}: {first[:300]!r} and {second[:300]!r}" for first, second in pairs if first != second][:2]
        if len(one[address].splitlines()) != len(other[address].splitlines()):
            found.append(f"{address}: of another length")
    return found


@pytest.mark.parametrize("account", UNNAMED)
def test_no_page_differs_for_who_is_not_named(lives: tuple[Life, Life], account: str) -> None:
    walks = [pages(browser_of(each.installation).sign_in(account)) for each in lives]
    assert len(walks[0]) > 3
    assert different(*walks) == []


def test_the_person_who_is_named_sees_all(lives: tuple[Life, Life]) -> None:
    browser = browser_of(lives[0].installation).sign_in("safeguarding.lead")
    for ref in HIDDEN:
        answer = browser.get(f"/cases/{ref}")
        assert answer.status_code == 200, ref
        assert "Safeguarding referral" in answer.text
    assert HIDDEN[0] in browser.get("/cases?search=SR").text
    assert HIDDEN[-1] in browser.get(f"/cases/{VISIBLE}").text, "the named person sees the link from both sides"
    assert "SR00002" in browser.get("/lists/late").text
    with reading(lives[0].context.engine) as connection:
        letters = list(
            connection.scalars(select(NOTICE.c.letter).where(NOTICE.c.case_ref == "SR00002", NOTICE.c.letter != ""))
        )
    assert letters
    assert browser.get(f"/letters/{letters[0]}").status_code == 200


ADDRESSES = (
    *("/cases/{}", "/cases/{}/record", "/cases/{}/ladder", "/cases/{}/looks", "/cases/{}/bundle", "/cases/{}/identity"),
    "/cases/{}/subject-access",
    *("/cases/{}/papers", "/cases/{}/why/safeguarding_chase/1", "/cases/{}/record/case_closed", "/cases?search={}"),
)
FORMS = {
    "/cases/{}/owner": {"owner": "dco.team"},
    "/cases/{}/release": {},
    "/cases/{}/ladder": {"how": "call", "note": "rang"},
    "/cases/{}/bundle": {"whom": "audit", "purpose": "audit"},
    "/cases/{}/identity": {"purpose": "contact"},
    "/cases/{}/subject-access": {"purpose": "subject_access"},
    "/cases/{}/record/case_closed": {"on-day": "15", "on-month": "4", "on-year": "2026", "step": "record"},
    "/cases/{}/record/contact_made": {"on-day": "15", "on-month": "4", "on-year": "2026", "step": "record"},
    "/decide/{}/1": {"decision": "accepted"},
}
UNKNOWN = "SR00009"


@pytest.mark.parametrize("account", UNNAMED)
def test_an_address_of_a_restricted_case_answers_as_one_of_no_case(lives: tuple[Life, Life], account: str) -> None:
    one = lives[0]
    browser = browser_of(one.installation).sign_in(account)
    token = re.search(r'name="token" value="([^"]+)"', browser.get("/sign-out").text)
    assert token is not None
    before = rows_of(one)
    for address in ADDRESSES:
        answers = [browser.get(address.format(ref)) for ref in ("SR00002", UNKNOWN)]
        texts = [plain(each.text).replace(ref, "REF") for each, ref in zip(answers, ("SR00002", UNKNOWN), strict=True)]
        assert (answers[0].status_code, texts[0]) == (answers[1].status_code, texts[1]), address
    for address, form in FORMS.items():
        answers = [
            browser.post(address.format(ref), data={**form, "token": token[1]}, follow_redirects=False)
            for ref in ("SR00002", UNKNOWN)
        ]
        texts = [plain(each.text).replace(ref, "REF") for each, ref in zip(answers, ("SR00002", UNKNOWN), strict=True)]
        assert (answers[0].status_code, texts[0]) == (answers[1].status_code, texts[1]), address
    assert rows_of(one) == before, "nothing was written about the restricted case"


def rows_of(life: Life) -> dict[str, int]:
    """How many rows of each table are about restricted cases."""
    with reading(life.context.engine) as connection:
        return {
            table.name: len(connection.execute(select(table.c.case_ref).where(table.c.case_ref.like("SR%"))).all())
            for table in (FACT, CASE_OWNER, CASE_LOOK, ACCESS, NOTICE, FREE_TEXT)
        }


LOOKS = (
    ("overdue", "--json"),
    ("due-soon", "--json"),
    ("letters", "--json"),
    ("ladder", "--json"),
    ("to-decide", "--json"),
    ("replies", "--json"),
    ("findings", "--json"),
    ("joint-review", "--json"),
    ("retention", "--as-at", "2060-01-01", "--json"),
    ("holds", "--json"),
    ("erase", "--all", "--json"),
    ("erase", VISIBLE, "--ground", "court_order", "--actor", "dco.team", "--json"),
    ("doctor", "--quick", "--json"),
    ("people", "--json"),
    ("verifications", "--json"),
    ("bulk", "assign", "--nobody", "--filter", "show=all", "--actor", "dco.team", "--try", "--json"),
    ("overdue",),
    ("letters",),
)


@pytest.mark.parametrize("command", LOOKS, ids=" ".join)
def test_no_command_says_anything_to_who_is_not_named(lives: tuple[Life, Life], command: tuple[str, ...]) -> None:
    said = []
    for each in lives:
        ended = sendflow(*command, env={"SENDFLOW_HOME": str(each.home), "SENDFLOW_TODAY": TOMORROW.isoformat()})
        said.append((ended.exit_code, plain(ended.stdout)))
    assert said[0] == said[1]


@pytest.mark.parametrize(
    "words",
    [
        ("case", "{}"),
        ("case", "{}", "--json"),
        ("person", "{}", "--actor", "dco.team", "--purpose", "contact"),
        ("record", "{}", "case_closed", "--on", "2026-04-15", "--actor", "dco.team"),
        ("record", VISIBLE, "case_linked", "--on", "2026-04-15", "--actor", "dco.team", "--data", "to_case={}"),
        ("record", VISIBLE, "fact_corrected", "--corrects", "1", "--actor", "dco.team", "--data", "linked_to={}"),
        ("assign", "{}", "dco.team", "--actor", "dco.team"),
        ("bulk", "assign", "--nobody", "--case", "{}", "--actor", "dco.team"),
        ("child", "{}"),
        ("looks", "--case", "{}"),
        ("ladder", "{}"),
        ("letters", "release", "--case", "{}", "--actor", "dco.team", "--reason", "seen"),
        ("papers", "{}"),
        ("bundle", "{}", "--for", "audit", "--actor", "dco.team"),
        ("verify", "{}"),
        ("holds", "begin", "{}", "--reason", "complaint", "--actor", "dco.team"),
        ("erase", "{}", "--ground", "court_order", "--actor", "dco.team"),
        ("subject-access", "{}", "--actor", "dco.team", "--to", "none"),
        ("part", "{}", "--from", VISIBLE, "--actor", "dco.team"),
        ("join", "{}", "--with", VISIBLE, "--actor", "dco.team"),
    ],
    ids=lambda words: " ".join(words[:3]),
)
def test_a_command_about_a_restricted_case_says_what_it_says_of_none(
    lives: tuple[Life, Life], words: tuple[str, ...]
) -> None:
    one, before = lives[0], rows_of(lives[0])
    said = []
    for ref in ("SR00002", UNKNOWN):
        env = {"SENDFLOW_HOME": str(one.home), "SENDFLOW_TODAY": TOMORROW.isoformat()}
        ended = sendflow(*(word.format(ref) for word in words), env=env)
        said.append((ended.exit_code, plain(ended.output).replace(ref, "REF")))
    assert said[0] == said[1]
    assert rows_of(one) == before


def test_a_person_who_is_named_on_this_machine_sees_the_case(
    lives: tuple[Life, Life], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "safeguarding.lead")
    env = {"SENDFLOW_HOME": str(lives[0].home), "SENDFLOW_TODAY": TOMORROW.isoformat()}
    assert sendflow("case", "SR00002", env=env).exit_code == 0
    assert sendflow("verify", "SR00002", env=env).exit_code == 0
    assert "SR00002" in sendflow("overdue", env=env).stdout


def test_no_metric_event_label_or_artifact_differs(lives: tuple[Life, Life]) -> None:
    found = []
    for each in lives:
        context = each.context
        metrics = generate_latest(closing_registry(context)).decode()
        with reading(context.engine) as connection:
            events = [
                (event.name, event.key, dict(event.data), event.case_ref, event.process, event.body)
                for event in new_events(connection, context, "2026-01-01", frozenset(), 10_000).events
            ]
            runs = [(row.act, row.as_at, row.outcome, row.detail) for row in connection.execute(select(JOB_RUN))]
        found.append(
            {
                # What other tests of this module were refused is no trace.
                "metrics": re.sub(r"(disk_free_bytes|_seconds) [\d.e+]+|sendflow_facts_refused.*\n", "", metrics),
                "events": sorted(map(str, events)),
                "runs": plain(str(runs)),
                "overdue": str(artifacts.overdue_by_body(context, TOMORROW)),
                "due": str(artifacts.due_this_week(context, TOMORROW)),
            }
        )
    for name in found[0]:
        assert found[0][name] == found[1][name], name


def closing_registry(context: AppContext):  # type: ignore[no-untyped-def]
    from prometheus_client import CollectorRegistry

    class Ours:
        def collect(self):  # type: ignore[no-untyped-def]
            yield from collect_metrics(context)

    registry = CollectorRegistry()
    registry.register(Ours())
    return registry


def test_no_calendar_and_no_letter_to_others_differs(lives: tuple[Life, Life]) -> None:
    calendars, letters = [], []
    for each in lives:
        calendars.append(
            [
                re.sub(rb"UID:.*?@sendflow", b"UID", calendar(each.context, name)).decode()
                for name in ("team", *(body.body for body in each.context.directory.bodies))
            ]
        )
        with reading(each.context.engine) as connection:
            query = select(LETTER.c.id, LETTER.c.mailbox, LETTER.c.state, LETTER.c.fields).order_by(LETTER.c.id)
            own = "safeguarding.lead@northernvales-icb.example"
            letters.append([plain(str(row)) for row in connection.execute(query.where(LETTER.c.mailbox != own))])
    assert calendars[0] == calendars[1]
    hashes = re.compile(r'"head":\{[^}]*\}|"facts":\d+|"cases":\d+')  # the head of the history covers every case
    assert [hashes.sub("", each) for each in letters[0]] == [hashes.sub("", each) for each in letters[1]]


def test_the_log_of_jobs_does_not_differ(lives: tuple[Life, Life]) -> None:
    lines = []
    for each in lives:
        text = job_log.path(each.context, datetime(2026, 4, 15, tzinfo=UTC)).read_text("utf-8")
        days = [line for line in text.splitlines() if '"act":"verify"' not in line and '"refused"' not in line]
        lines.append(re.sub(r'"seconds":[\d.e-]+|"(facts|cases)":\d+', "", "\n".join(days)))
    assert "Quillfeather" not in lines[0]
    assert lines[0] == lines[1]
