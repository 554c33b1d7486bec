"""Simulates 200 days with the demo data and compares every letter with tests.support.walk, which shares no code with
sendflow.

The jobs run daily; or twice a day, but not at all from 10 to 20 April, and with the mail server down for three days in
May; and two processes sweep at once. One case has a receipt that is corrected on 28 April (Easter 2026; reg 8(1)); its
letters are listed by hand.
"""

import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from casework.imports.tracker_import import import_file
from models import ledger
from models.common_facts import ESCALATION_FACTS
from models.database import reading
from runtime.demo.tracker import DOUBTFUL, sample_rows, write_demo_tracker
from tests.support.by_hand import SALT, TRUST
from tests.support.fork_server import Waiting
from tests.support.mail_server import running_mail_server
from tests.support.team import Team
from tests.support.walk import (
    DAY,
    Request,
    SentNotice,
    StepRecorded,
    expected_notices,
    expected_steps,
    sample_requests,
    working,
)

FIRST, LAST = date(2026, 2, 2), date(2026, 8, 20)  # 200 days, over Easter, three bank holidays and into August
SWITCHED_OFF = (date(2026, 4, 10), date(2026, 4, 20))
DOWN = (date(2026, 5, 27), date(2026, 5, 29))  # Wednesday to Friday
STORY = "NX90001"
OWN_CHECK = "draft_plan_check"
ASKED: dict[str, Any] = {"body": TRUST, "service": SALT}
SERVICES = ("speech_and_language_therapy", "occupational_therapy", "community_paediatrics", "physiotherapy", "camhs")
Act = tuple[str, str, int | None, dict[str, Any]]


@dataclass
class Plan:
    """What the team does on which day, and the requests that come of it."""

    requests: list[Request]
    acts: dict[date, list[Act]] = field(default_factory=dict)

    def do(self, on: date, case: str, kind: str, corrects: int | None = None, **data: Any) -> None:
        self.acts.setdefault(on, []).append((case, kind, corrects, data))


def running(on: date) -> bool:
    return not SWITCHED_OFF[0] <= on <= SWITCHED_OFF[1]


def planned() -> Plan:
    """Plan the team's acts from one seed: answers to open requests of the demo data, new requests, and the story.

    The team does nothing on the days on which sendflow may be switched off.
    """
    choose = random.Random(36)
    rows = sample_rows(FIRST)
    refused = set(range(len(rows) - len(DOUBTFUL), len(rows)))
    plan = Plan(sample_requests(rows, FIRST, lambda name: name.lower().replace(" ", "_"), refused))
    for number in range(14):
        on = FIRST + DAY * choose.randrange(1, 130)
        on = on if running(on) else SWITCHED_OFF[1] + DAY
        case, service = f"NX9100{number:02d}", choose.choice(SERVICES)
        plan.requests.append(Request(case, "northshire", service, on))
        plan.do(on, case, "ehc_assessment_requested", la="northshire")
        plan.do(on, case, "health_advice_requested", service=service)
    for request in plan.requests:
        on = max(request.received, FIRST) + DAY * choose.randrange(1, 110)
        if not running(on) or on > LAST:
            continue
        how = choose.random()
        if how < 0.4:
            request.answered, request.thanked = on, True
            plan.do(on, request.case_ref, "health_advice_received", service=request.service)
        elif how < 0.5:
            request.answered = on
            plan.do(on, request.case_ref, "health_advice_answered", service=request.service, answer="discharged")
        elif how < 0.7:
            request.acknowledged = on
            plan.do(on, request.case_ref, "health_advice_acknowledged", service=request.service)
    plan.do(FIRST, STORY, "ehc_assessment_requested", la="northshire")
    plan.do(date(2026, 3, 2), STORY, "health_advice_requested", **ASKED)
    plan.do(date(2026, 3, 4), STORY, "health_advice_acknowledged", **ASKED)
    plan.do(date(2026, 4, 27), STORY, "health_advice_received", **ASKED)
    plan.do(date(2026, 4, 28), STORY, "fact_corrected", 2, occurred_on="2026-03-09")
    return plan


SLT, MANAGER = "slt.advice@northshire-community.example", "therapies.manager@northshire-community.example"
LEAD, DCO = "send.lead@northshire-community.example", "send.dco@northernvales-icb.example"


def story(switched_off: bool) -> set[SentNotice]:
    """List the letters about the corrected receipt by hand.

    If sendflow is switched off, the letter of the step of 14 April leaves on the 21st. Those to lead and DCO would
    leave five working days later, on the 28th, when the correction withdraws them.
    """
    breach = "2026-04-21" if switched_off else "2026-04-14"
    hand = [
        ("2026-03-02", SLT, "request_received", "service"),
        ("2026-03-23", SLT, "reminder_3_weeks", "service"),
        ("2026-04-07", SLT, "reminder_5_weeks", "service"),
        (breach, MANAGER, "breach", "service_manager"),
        ("2026-04-27", SLT, "thanks", "service"),
        ("2026-04-28", SLT, "rung_withdrawn", "service"),
        ("2026-04-28", MANAGER, "rung_withdrawn", "service_manager"),
    ]
    if not switched_off:
        hand += [
            ("2026-04-21", LEAD, "escalation_provider", "provider_send_lead"),
            ("2026-04-21", DCO, "escalation_provider", "dco"),
            ("2026-04-28", LEAD, "rung_withdrawn", "provider_send_lead"),
            ("2026-04-28", DCO, "rung_withdrawn", "dco"),
        ]
    return {
        SentNotice(date.fromisoformat(on), mailbox, STORY, SALT, rung, recipient)
        for on, mailbox, rung, recipient in hand
    }


STORY_STEPS = [
    ("2026-03-23", "reminder_3_weeks"),
    ("2026-04-06", "reminder_5_weeks"),
    ("2026-04-14", "breach"),
    ("2026-04-21", "escalation_provider"),
    ("2026-04-21", "breach"),
]


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation with the demo data, imported on the first day. Each test continues from a copy of it."""
    folder = tmp_path_factory.mktemp("walk")
    team = Team(folder / "var")
    write_demo_tracker(folder / "sample.csv", FIRST)
    report = import_file(team.context(FIRST), folder / "sample.csv")
    assert report.refused == len(DOUBTFUL)
    team.first.engine.dispose()
    return team.home


@pytest.fixture
def walker(imported: Path, tmp_path: Path) -> Iterator[Team]:
    shutil.copytree(imported, tmp_path / "var")
    team = Team(tmp_path / "var")
    yield team
    team.first.engine.dispose()


def walk(team: Team, plan: Plan, each_day: Callable[[Team, date], None], until: date = LAST) -> None:
    on = FIRST
    while on <= until:
        for case, kind, corrects, data in plan.acts.get(on, ()):
            team.record(on.isoformat(), kind, case=case, corrects=corrects, **data)
        each_day(team, on)
        on += DAY


def daily(team: Team, on: date) -> None:
    team.day(on.isoformat())


def histories(team: Team) -> Iterator[tuple[str, Any]]:
    """Every fact, with its case."""
    with reading(team.first.engine) as connection:
        refs = [ref for ref, _rows in ledger.scan(connection)]
        for ref, (lines, _tail) in ledger.read(connection, refs).items():
            for line in lines:
                yield ref, line


def steps_recorded(team: Team) -> list[StepRecorded]:
    return sorted(
        StepRecorded(line.occurred_on, ref, line.data["service"], line.data["rung"])
        for ref, line in histories(team)
        if line.kind in ESCALATION_FACTS and ref != STORY and line.data["rule"] != OWN_CHECK
    )


def sent_notices(team: Team, mailboxes: dict[str, str]) -> list[SentNotice]:
    """Return the notices that the histories record as sent; `mailboxes` maps a letter's id to its mailbox."""
    return sorted(
        SentNotice(
            line.occurred_on,
            mailboxes[line.data["letter"]],
            ref,
            line.data["service"],
            line.data["rung"],
            line.data["recipient"],
        )
        for ref, line in histories(team)
        if line.kind == "notice_sent" and line.data["rule"] != OWN_CHECK
    )


def letters_of_the_own_check(team: Team, mailboxes: dict[str, str]) -> set[tuple[date, str]]:
    """The day and mailbox of each message about drafts that our own team is to check, which no request counts."""
    sent = (line for _ref, line in histories(team) if line.kind == "notice_sent" and line.data["rule"] == OWN_CHECK)
    return {(line.occurred_on, mailboxes[line.data["letter"]]) for line in sent}


def letters(team: Team) -> list[tuple[date, str]]:
    return sorted((letter.written_at.date(), letter.mailbox) for letter in team.post.letters)


def check(
    team: Team, plan: Plan, switched_off: bool = False, leaves: Callable[[date], bool] = lambda _on: True
) -> None:
    """Steps, recipients and letters are exactly those worked out by hand: none missing, none extra, none twice."""
    wanted = expected_notices(plan.requests, LAST, leaves) | story(switched_off)
    assert steps_recorded(team) == sorted(expected_steps(plan.requests, LAST))
    mailboxes = {letter.id: letter.mailbox for letter in team.post.letters}
    assert sent_notices(team, mailboxes) == sorted(wanted)
    days = {(each.day, each.mailbox) for each in wanted} | letters_of_the_own_check(team, mailboxes)
    assert letters(team) == sorted(days), "one message to a mailbox a day"
    assert [
        (line.occurred_on.isoformat(), line.data["rung"])
        for ref, line in histories(team)
        if ref == STORY and line.kind in ESCALATION_FACTS
    ] == STORY_STEPS
    assert all(working(on) for on, _mailbox in letters(team))
    assert len({letter.message_id for letter in team.post.letters}) == len(team.post.letters)
    assert team.verify(LAST.isoformat()).intact


def test_daily(walker: Team) -> None:
    plan = planned()
    walk(walker, plan, daily)
    check(walker, plan)
    assert len(walker.post.letters) > 150, "too few letters to prove anything"
    assert {each.recipient for each in expected_notices(plan.requests, LAST, lambda _on: True)} == {
        "service",
        "service_manager",
        "provider_send_lead",
        "dco",
        "icb_executive_lead",
    }


def test_twice_a_day_switched_off_in_april_and_without_a_mail_server_in_may(walker: Team) -> None:
    """A real mail server stops and returns: each postponed letter leaves once, on the first morning after."""
    with running_mail_server() as mail_server:

        def twice(team: Team, on: date) -> None:
            if on == DOWN[0]:
                mail_server.close()
            if on == DOWN[1] + DAY:
                mail_server.open()
            if running(on):
                team.sweep(on.isoformat())
                team.day(on.isoformat())
                team.deliver(on.isoformat())

        def send(letter: Any) -> Any:
            attempt = mail_server.transport.send(letter)
            if attempt.outcome == "accepted":
                walker.post.letters.append(letter)
            return attempt

        walker.post.send = send  # type: ignore[method-assign]  # the same transport, over SMTP
        plan = planned()
        due = expected_notices(plan.requests, LAST, lambda _on: True)
        assert any(not running(each.day) for each in expected_steps(plan.requests, LAST)), "no step was due while off"
        assert any(DOWN[0] <= each.day <= DOWN[1] for each in due), "nothing had to leave while the server was down"
        walk(walker, plan, twice)
        leaves = [on for on in _days() if running(on) and not DOWN[0] <= on <= DOWN[1]]
        check(walker, plan, switched_off=True, leaves=set(leaves).__contains__)
        assert sorted(mail_server.ids()) == sorted(letter.message_id for letter in walker.post.letters), (
            "what the server took is what was sent"
        )


def _days() -> Iterator[date]:
    return (FIRST + number * DAY for number in range((LAST - FIRST).days + 1))


SWEEPER = """
import sys
from datetime import date
from pathlib import Path
from config.settings import Settings
from casework.context import AppContext
from casework.sweep import sweep
context = AppContext.load(Settings(home=Path(sys.argv[1]), today=date(2026, 6, 1)))
print("ready", flush=True)
sys.stdin.readline()
report = sweep(context)
assert not report.troubles
print(report.facts_written)
"""


def test_two_sweeps_at_once_in_two_processes_write_what_one_would(imported: Path, tmp_path: Path) -> None:
    def context(name: str) -> Team:
        shutil.copytree(imported, tmp_path / name)
        return Team(tmp_path / name)

    once, both = context("once"), context("both")
    alone = once.sweep("2026-06-01")
    assert alone.facts_written > 50
    both.first.engine.dispose()
    sweepers = [Waiting(SWEEPER, str(both.home)) for _ in range(2)]
    for sweeper in sweepers:
        sweeper.go()
    codes, printed = zip(*(sweeper.end() for sweeper in sweepers), strict=True)
    written = [int(each) for each in printed]
    assert codes == (0, 0)
    assert sum(written) == alone.facts_written, "each fact was written by one of them"
    assert steps_recorded(both) == steps_recorded(once)
    assert sorted(both.notices()) == sorted(once.notices())
    assert both.verify("2026-06-01").intact
    for team in (once, both):
        team.first.engine.dispose()
