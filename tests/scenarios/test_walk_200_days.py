"""A walk of 200 days over the sample: every letter to every recipient, counted against `walk`, which shares no code
with the product.

The same life is walked daily, twice a day, asleep from 10 to 20 April, and with the mail server down for three
days; and swept by two processes at once. Among the cases is the one whose receipt is corrected on 28 April
(Easter 2026; reg 8(1)), its letters written out by hand.
"""

import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from casework.imports.tracker_import import import_file
from models import ledger
from models.database import reading
from runtime.demo.tracker import DOUBTFUL, sample_rows, write_demo_tracker
from tests.support.by_hand import SALT, TRUST
from tests.support.mail_server import running_mail_server
from tests.support.paths import ROOT
from tests.support.team import Team
from tests.support.walk import DAY, Fell, Request, Told, fallen, sample_requests, told, working

FIRST, LAST = date(2026, 2, 2), date(2026, 8, 20)  # 200 days, over Easter, three bank holidays and into August
ASLEEP = (date(2026, 4, 10), date(2026, 4, 20))
DOWN = (date(2026, 5, 27), date(2026, 5, 29))  # Wednesday to Friday
STORY = "NX90001"
ASKED: dict[str, Any] = {"body": TRUST, "service": SALT}
SERVICES = ("speech_and_language_therapy", "occupational_therapy", "community_paediatrics", "physiotherapy", "camhs")
RUNGS = {"reminder_due", "breached", "escalation_due"}
Act = tuple[str, str, int | None, dict[str, Any]]


@dataclass
class Life:
    """What the team does on which day, and the requests that come of it."""

    requests: list[Request]
    acts: dict[date, list[Act]] = field(default_factory=dict)

    def do(self, on: date, case: str, kind: str, corrects: int | None = None, **data: Any) -> None:
        self.acts.setdefault(on, []).append((case, kind, corrects, data))


def awake(on: date) -> bool:
    return not ASLEEP[0] <= on <= ASLEEP[1]


def lived() -> Life:
    """A life made from one seed: answers to what the sample left open, new requests, and the story. Nothing is done
    while the house may sleep.
    """
    choose = random.Random(36)
    rows = sample_rows(FIRST)
    refused = set(range(len(rows) - len(DOUBTFUL), len(rows)))
    life = Life(sample_requests(rows, FIRST, lambda name: name.lower().replace(" ", "_"), refused))
    for number in range(14):
        on = FIRST + DAY * choose.randrange(1, 130)
        on = on if awake(on) else ASLEEP[1] + DAY
        case, service = f"NX9100{number:02d}", choose.choice(SERVICES)
        life.requests.append(Request(case, "northshire", service, on))
        life.do(on, case, "ehc_assessment_requested", la="northshire")
        life.do(on, case, "health_advice_requested", service=service)
    for request in life.requests:
        on = max(request.received, FIRST) + DAY * choose.randrange(1, 110)
        if not awake(on) or on > LAST:
            continue
        how = choose.random()
        if how < 0.4:
            request.answered, request.thanked = on, True
            life.do(on, request.case_ref, "health_advice_received", service=request.service)
        elif how < 0.5:
            request.answered = on
            life.do(on, request.case_ref, "health_advice_answered", service=request.service, answer="discharged")
        elif how < 0.7:
            request.heard = on
            life.do(on, request.case_ref, "health_advice_acknowledged", service=request.service)
    life.do(FIRST, STORY, "ehc_assessment_requested", la="northshire")
    life.do(date(2026, 3, 2), STORY, "health_advice_requested", **ASKED)
    life.do(date(2026, 3, 4), STORY, "health_advice_acknowledged", **ASKED)
    life.do(date(2026, 4, 27), STORY, "health_advice_received", **ASKED)
    life.do(date(2026, 4, 28), STORY, "fact_corrected", 2, occurred_on="2026-03-09")
    return life


SLT, MANAGER = "slt.advice@northshire-community.example", "therapies.manager@northshire-community.example"
LEAD, DCO = "send.lead@northshire-community.example", "send.dco@northernvales-icb.example"


def story(asleep: bool) -> set[Told]:
    """The letters of the corrected receipt, by hand. Asleep, what fell on 14 April leaves on the 21st; both rungs of
    that day go to others.
    """
    breach = "2026-04-21" if asleep else "2026-04-14"
    hand = [
        ("2026-03-02", SLT, "request_received", "service"),
        ("2026-03-23", SLT, "reminder_3_weeks", "service"),
        ("2026-04-07", SLT, "reminder_5_weeks", "service"),
        (breach, MANAGER, "breach", "service_manager"),
        ("2026-04-21", LEAD, "escalation_provider", "provider_send_lead"),
        ("2026-04-21", DCO, "escalation_provider", "dco"),
        ("2026-04-27", SLT, "thanks", "service"),
        ("2026-04-28", SLT, "rung_withdrawn", "service"),
        ("2026-04-28", MANAGER, "rung_withdrawn", "service_manager"),
        ("2026-04-28", LEAD, "rung_withdrawn", "provider_send_lead"),
        ("2026-04-28", DCO, "rung_withdrawn", "dco"),
    ]
    return {
        Told(date.fromisoformat(on), mailbox, STORY, SALT, rung, recipient) for on, mailbox, rung, recipient in hand
    }


STORY_FELL = [
    ("2026-03-23", "reminder_3_weeks"),
    ("2026-04-06", "reminder_5_weeks"),
    ("2026-04-14", "breach"),
    ("2026-04-21", "escalation_provider"),
    ("2026-04-21", "breach"),
]


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A house with the sample in it, imported on the first day; each walk goes on from a copy."""
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


def walk(team: Team, life: Life, each_day: Callable[[Team, date], None], until: date = LAST) -> None:
    on = FIRST
    while on <= until:
        for case, kind, corrects, data in life.acts.get(on, ()):
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


def fell(team: Team) -> list[Fell]:
    return sorted(
        Fell(line.occurred_on, ref, line.data["service"], line.data["rung"])
        for ref, line in histories(team)
        if line.kind in RUNGS and ref != STORY
    )


def said(team: Team, mailboxes: dict[str, str]) -> list[Told]:
    """What the history says that anyone was told; `mailboxes` gives each letter's."""
    return sorted(
        Told(
            line.occurred_on,
            mailboxes[line.data["letter"]],
            ref,
            line.data["service"],
            line.data["rung"],
            line.data["recipient"],
        )
        for ref, line in histories(team)
        if line.kind == "notice_sent"
    )


def letters(team: Team) -> list[tuple[date, str]]:
    return sorted((letter.written_at.date(), letter.mailbox) for letter in team.post.letters)


def check(team: Team, life: Life, asleep: bool = False, leaves: Callable[[date], bool] = lambda _on: True) -> None:
    """Rungs, recipients and letters are exactly those worked out apart: none missing, none more, none twice."""
    wanted = told(life.requests, LAST, leaves) | story(asleep)
    assert fell(team) == sorted(fallen(life.requests, LAST))
    mailboxes = {letter.id: letter.mailbox for letter in team.post.letters}
    assert said(team, mailboxes) == sorted(wanted)
    assert letters(team) == sorted({(each.day, each.mailbox) for each in wanted}), "one message to a mailbox a day"
    assert [
        (line.occurred_on.isoformat(), line.data["rung"])
        for ref, line in histories(team)
        if ref == STORY and line.kind in RUNGS
    ] == STORY_FELL
    assert all(working(on) for on, _mailbox in letters(team))
    assert len({letter.message_id for letter in team.post.letters}) == len(team.post.letters)
    assert team.verify(LAST.isoformat()).intact


def test_daily(walker: Team) -> None:
    life = lived()
    walk(walker, life, daily)
    check(walker, life)
    assert len(walker.post.letters) > 150, "a walk that says something"
    assert {each.recipient for each in told(life.requests, LAST, lambda _on: True)} == {
        "service",
        "service_manager",
        "provider_send_lead",
        "dco",
        "icb_executive_lead",
    }


def test_twice_a_day(walker: Team) -> None:
    def twice(team: Team, on: date) -> None:
        team.sweep(on.isoformat())
        team.day(on.isoformat())
        team.deliver(on.isoformat())

    life = lived()
    walk(walker, life, twice)
    check(walker, life)


def test_asleep_from_10_to_20_april(walker: Team) -> None:
    life = lived()
    assert any(not awake(each.day) for each in fallen(life.requests, LAST)), "something fell while the house slept"
    walk(walker, life, lambda team, on: daily(team, on) if awake(on) else None)
    check(walker, life, asleep=True, leaves=awake)


def test_the_mail_sink_down_for_three_days(walker: Team) -> None:
    """A real mail server, taken away and brought back: what could not leave leaves on the first morning after, once."""
    with running_mail_server() as mail_server:

        def one(team: Team, on: date) -> None:
            if on == DOWN[0]:
                mail_server.close()
            if on == DOWN[1] + DAY:
                mail_server.open()
            team.day(on.isoformat())

        def send(letter: Any) -> Any:
            attempt = mail_server.transport.send(letter)
            if attempt.outcome == "accepted":
                walker.post.letters.append(letter)
            return attempt

        walker.post.send = send  # type: ignore[method-assign]  # the same post, over a real line
        life = lived()
        assert any(DOWN[0] <= each.day <= DOWN[1] for each in told(life.requests, LAST, lambda _on: True)), (
            "something had to leave in those days"
        )
        walk(walker, life, one)
        check(walker, life, leaves=lambda on: not DOWN[0] <= on <= DOWN[1])
        assert sorted(mail_server.ids()) == sorted(letter.message_id for letter in walker.post.letters), (
            "what the server took is what was sent"
        )


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
    sweepers = [
        subprocess.Popen(
            [sys.executable, "-c", SWEEPER, str(both.home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for _ in range(2)
    ]
    for sweeper in sweepers:
        assert sweeper.stdout is not None
        assert sweeper.stdout.readline() == "ready\n"
    for sweeper in sweepers:
        assert sweeper.stdin is not None
        sweeper.stdin.write("go\n")
        sweeper.stdin.flush()
    written = [int(sweeper.communicate(timeout=60)[0]) for sweeper in sweepers]
    assert [sweeper.returncode for sweeper in sweepers] == [0, 0]
    assert sum(written) == alone.facts_written, "each fact was written by one of them"
    assert fell(both) == fell(once)
    assert sorted(both.notices()) == sorted(once.notices())
    assert both.verify("2026-06-01").intact
    for team in (once, both):
        team.first.engine.dispose()
