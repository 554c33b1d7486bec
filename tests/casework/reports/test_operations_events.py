"""What operations staff are shown of the work: derived from what was committed, once, with codes and days only."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from pathlib import Path

import pytest

from casework import findings
from casework.context import AppContext
from casework.findings import Found
from casework.imports.tracker_import import import_file
from casework.reports.operations_events import (
    ALTERED,
    LETTERS_FAILING,
    NO_SWEEP,
    REPLY_TO_DECIDE,
    ROWS_REFUSED,
    SWEPT,
    OperationsEvent,
    new_events,
)
from casework.reports.restricted import is_restricted, restricted_references
from casework.sweep import sweep
from models.change_log import insert_logged
from models.database import reading, writing
from models.facts import FactDraft
from models.incoming_mail import MailState
from models.tables import INCOMING_MAIL
from statemachines import registry
from tests.support.by_hand import ADVICE, CASE, PROCESS, SALT, TRUST
from tests.support.team import Team
from tests.support.trackers import SOUND, tracker

BEFORE_ALL = "2000-01-01T00:00:00.000000Z"


def events(
    context: AppContext, since: str = BEFORE_ALL, known: Collection[str] = (), most: int = 500
) -> list[OperationsEvent]:
    with reading(context.engine) as connection:
        return new_events(connection, context, since, known, most).events


def named(found: list[OperationsEvent], name: str) -> list[OperationsEvent]:
    return [each for each in found if each.name == name]


@pytest.fixture
def late(team: Team) -> Team:
    """A case whose advice is late: a breach and an escalation, swept through a run."""
    team.opened().asked()
    sweep(team.context("21 Apr 2026"), run="5f1c4f2e-0000-4000-8000-000000000001")
    return team


def test_a_breach_is_an_event_with_its_case_body_process_and_run(late: Team) -> None:
    (breach,) = named(events(late.context("21 Apr 2026")), "sendflow.duty.breached")
    assert (breach.case_ref, breach.process, breach.body) == (CASE, PROCESS, TRUST)
    assert breach.run == "5f1c4f2e-0000-4000-8000-000000000001"
    assert breach.data["service"] == SALT
    assert breach.data["due"] == "2026-04-13"
    assert named(events(late.context("21 Apr 2026")), "sendflow.duty.escalation_due")


def test_the_same_rows_give_the_same_events_and_known_ones_do_not_come_again(late: Team) -> None:
    context = late.context("21 Apr 2026")
    first = events(context)
    assert first == events(context)
    assert events(context, known={each.key for each in first}) == []
    assert len({each.key for each in first}) == len(first)
    assert named(events(context, since="2026-04-22T00:00:00.000000Z"), "sendflow.duty.breached") == []


def test_the_urgent_come_first_and_are_not_left_out(late: Team) -> None:
    context = late.context("21 Apr 2026")
    findings.store(context, "verify", [Found(CASE, 1, "hash", "altered"), Found(CASE, 2, "hash", "altered")])
    found = events(context, most=1)
    assert found[0].name in (ALTERED, SWEPT)
    (altered,) = named(found, ALTERED)
    assert altered.data == {"findings": 2, "found_by": "verify"}
    assert altered.case_ref is None


def test_a_day_without_a_sweep_is_an_event_once(late: Team) -> None:
    assert named(events(late.context("22 Apr 2026")), NO_SWEEP) == []
    (missing,) = named(events(late.context("23 Apr 2026")), NO_SWEEP)
    assert [each.key for each in named(events(late.context("24 Apr 2026")), NO_SWEEP)] == [missing.key]
    late.sweep("24 Apr 2026")
    assert named(events(late.context("24 Apr 2026")), NO_SWEEP) == []
    assert [each.data["day"] for each in named(events(late.context("24 Apr 2026")), SWEPT)] == [
        "2026-04-21",
        "2026-04-24",
    ]


def test_letters_that_cannot_leave_are_one_event_a_day_and_cause(late: Team) -> None:
    late.post.down = True
    late.deliver("21 Apr 2026", now=True)
    late.deliver("21 Apr 2026", now=True)
    (failing,) = named(events(late.context("21 Apr 2026")), LETTERS_FAILING)
    assert failing.data == {"why": "unreachable"}
    late.post.down = False
    late.deliver("22 Apr 2026", now=True)
    assert len(named(events(late.context("22 Apr 2026")), LETTERS_FAILING)) == 1


def test_refused_rows_are_an_event_that_names_the_file_by_its_digest(team: Team, tmp_path: Path) -> None:
    path = tracker(tmp_path, SOUND | {"DOB": "31/02/2015", "Name": "Zebediah"}).rename(tmp_path / "Zebediah.csv")
    report = import_file(team.context("2 Mar 2026"), path)
    assert report.refused == 1
    (refused,) = named(events(team.context("2 Mar 2026")), ROWS_REFUSED)
    assert (refused.data["rows"], refused.data["refused"]) == (1, 1)
    assert "Zebediah" not in str(refused)


def test_a_reply_that_waits_for_a_person_is_an_event_with_its_reason(team: Team) -> None:
    columns = {"place": "imap", "digest": "d" * 64, "read_at": "2026-04-14T09:00:00.000000Z", "size": 9}
    row = {"id": "m1", **columns, "state": MailState.WAITING, "why": "no_code", "sealed": b"x", "summary": b"y"}
    with writing(team.first.engine) as connection:
        insert_logged(connection, INCOMING_MAIL, [row, {**row, "id": "m2", "state": MailState.DECIDED}])
    (reply,) = events(team.context("14 Apr 2026"))
    assert (reply.name, reply.key, reply.data) == (REPLY_TO_DECIDE, "mail/m1", {"why": "no_code"})


def test_an_event_repeats_codes_and_days_and_no_words(late: Team) -> None:
    claimed = {"rule": ADVICE, "ground": "absent_4_weeks", "body": TRUST, "service": SALT}
    late.act("21 Apr 2026", ("excuse_claimed", "21 Apr 2026", {**claimed, "evidence": "Zebediah was seen"}))
    found = events(late.context("21 Apr 2026"))
    assert named(found, "sendflow.exception.to_decide")
    assert "Zebediah" not in str(found)
    assert {name for each in found for name in each.data} <= {
        *("rule", "rung", "service", "due", "why", "ground", "day", "findings", "found_by", "last", "rules"),
        *("rows", "refused", "accepted", "file"),
    }


def test_a_restricted_process_gives_no_event_and_its_cases_are_known(
    late: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert PROCESS not in registry.restricted_processes()
    monkeypatch.setattr(registry, "restricted_processes", lambda: frozenset({PROCESS}))
    hidden = Team(late.home)
    context = hidden.context("21 Apr 2026")
    assert [each for each in events(context) if each.case_ref or each.process or each.body] == []
    assert is_restricted(context, CASE)
    assert is_restricted(context, "nx 90001"), "however it is typed"
    assert is_restricted(context, "new", ["ehc_assessment_requested"])
    assert not is_restricted(context, "NX99999")
    assert not is_restricted(context, "new", ["section23_opinion_formed"])
    assert restricted_references(context, [CASE, "NX99999"]) == {CASE}
    hidden.record("22 Apr 2026", "health_advice_requested", service="physiotherapy")
    swept = hidden.sweep("9 Jun 2026")
    assert hidden.escalations(), "they were written"
    assert (swept.facts_written, swept.kinds) == (0, {}), "no report counts them"
    assert (swept.processes, swept.bodies) == ([], []), "a run has no label of a restricted case"
    hidden.first.engine.dispose()


def test_a_process_is_restricted_by_its_definition() -> None:
    """The registry reads the definition's text, so that a command need not build every process."""
    assert {name for name, process in registry.processes().items() if process.restricted} == set(
        registry.restricted_processes()
    )
    assert registry.RESTRICTED.search("PROCESS = define_process(\n    Machine,\n    restricted=True,\n)")
    assert FactDraft("breached", date(2026, 3, 2)).data == {}
