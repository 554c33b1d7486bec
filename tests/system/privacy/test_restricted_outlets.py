"""Nobody who is not named for a restricted process finds a trace of its cases where no page and no command shows it.

Metrics, runs, events, artifacts, logs, webhooks, programs, imports, calendars and letters of two installations are
compared, as in `test_restricted_walk.py`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.exposition import generate_latest
from sqlalchemy import func, select, update

from casework import job_log
from casework.access.seen import as_seen_by
from casework.context import AppContext
from casework.delivery.calendar import calendar
from casework.imports.trial import try_import
from casework.reports.operations_events import new_events
from flows import artifacts
from models.database import reading, writing
from models.tables import CASE_LOOK, JOB_RUN, LETTER, NOTICE
from models.visibility import SERIES
from runtime.demo import cases as demo_cases
from runtime.health.metrics import collect_metrics
from tests.support.calling import sendflow
from tests.support.restricted_lives import CHILD, HIDDEN, TOMORROW, UNKNOWN, Life, plain
from tests.support.sample_home import copy_sample
from tests.support.trackers import SOUND, tracker
from tests.web.api.conftest import program_of, token_for
from tests.web.conftest import browser_of
from web.installation import Installation

pytestmark = pytest.mark.timeout(900)


PROGRAM_PATHS = (
    "/cases?show=all",
    "/cases?search=SR",
    "/duties?show=open",
    "/duties?show=late",
    "/letters",
    "/processes",
)
AT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)")


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


def test_the_log_of_looks_does_not_name_a_restricted_case(lives: tuple[Life, Life]) -> None:
    """The person who is named has looked at it, and the log says so to them alone."""
    browser_of(lives[0].installation).sign_in("safeguarding.lead").get(f"/cases/{HIDDEN[0]}")
    with reading(lives[0].context.engine) as connection:
        assert connection.scalar(select(func.count()).where(CASE_LOOK.c.case_ref == HIDDEN[0]))
    env = {"SENDFLOW_HOME": str(lives[0].home), "SENDFLOW_TODAY": TOMORROW.isoformat()}
    for words in (("looks", "--most", "10000", "--json"), ("looks", "--unusual", "--json")):
        said = sendflow(*words, env=env)
        assert said.exit_code == 0 and not any(ref in said.output for ref in HIDDEN)


def test_a_webhook_says_nothing_of_a_restricted_case(lives: tuple[Life, Life]) -> None:
    said = [sorted(AT.sub("NOW", each) for each in one.calls) for one in lives]
    assert said[0], "the authority learns of its own cases"
    assert said[0] == said[1]
    assert not any(ref in each for each in said[0] for ref in HIDDEN)


@pytest.mark.parametrize(
    ("role", "paths"),
    [
        ("administrator", PROGRAM_PATHS),
        ("dco", PROGRAM_PATHS),
        ("auditor", PROGRAM_PATHS),
        ("council_system", ("/own/cases?show=all", "/own/duties")),
    ],
)
def test_no_program_reads_a_restricted_case(lives: tuple[Life, Life], role: str, paths: tuple[str, ...]) -> None:
    said = []
    for each in lives:
        token = token_for(each.context, f"a.program.of.{role.replace('_', '.')}", role=role)
        program = program_of(each.installation, token)
        answers = {path: program.read(path) for path in paths}
        said.append({path: (answer.status_code, plain(answer.text)) for path, answer in answers.items()})
        own = "/own" if role == "council_system" else ""
        hidden, unknown = (program.read(f"{own}/cases/{ref}") for ref in ("SR00002", UNKNOWN))
        assert hidden.status_code == unknown.status_code == 404
        assert plain(hidden.text).replace("SR00002", "REF") == plain(unknown.text).replace(UNKNOWN, "REF")
    assert any(status == 200 for status, _text in said[0].values())
    assert said[0] == said[1]


def test_an_import_that_is_tried_says_nothing_of_a_restricted_case(lives: tuple[Life, Life], tmp_path: Path) -> None:
    """The row has the NHS number of a child with a restricted case, and reaches the child's other cases."""
    number = demo_cases.nhs_numbers()[CHILD]
    file = tracker(tmp_path, {**SOUND, "NHS number": number, "DOB": ""}, {**SOUND, "Ref": "AB002", "NHS number": "1"})
    said = []
    for each in lives:
        env = {"SENDFLOW_HOME": str(each.home), "SENDFLOW_TODAY": TOMORROW.isoformat()}
        dry = sendflow("import", str(file), "--dry-run", "--json", "--actor", "dco.team", env=env)
        seen = as_seen_by(each.context, "dco.team")
        tried = try_import(seen, file.read_bytes(), "dco.team")
        said.append((dry.exit_code, plain(dry.output), plain(str(tried))))
    assert said[0] == said[1]


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


def test_what_is_on_hold_names_a_hidden_case_to_nobody_who_may_not_see_it(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """The walk of the pages finds nothing on hold. Here every e-mail that ever was is put on hold."""
    installation = Installation(copy_sample(tmp_path_factory, tmp_path_factory.mktemp("held") / "var"))
    with writing(installation.engine) as connection:
        connection.execute(update(NOTICE).values(state="held"))
        refs = set(connection.scalars(select(NOTICE.c.case_ref)))
    hidden = {ref for ref in refs if ref.startswith(SERIES)}
    assert hidden
    for account in ("dco.team", "admin.team", "operations", "auditor", "safeguarding.lead"):
        browser = browser_of(installation).sign_in(account)
        pages = [browser.get(f"/held?page={number}").text for number in (1, 2, 3)] + [browser.get("/letters").text]
        shown = {ref for ref in hidden for page in pages if ref in page}
        assert "app-letter" in pages[0]
        assert bool(shown) == (account == "safeguarding.lead"), account
    installation.close()
