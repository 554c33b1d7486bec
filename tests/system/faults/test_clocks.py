"""A clock that jumps forward and back, and a clock through both changes of summer time: facts stay in order, and a
mailbox gets one letter a day.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta

import pytest

from audit.verify import verify
from casework.cases.record import record
from casework.context import LONDON, AppContext
from casework.delivery import deliverer
from casework.delivery.deliver import deliver
from casework.sweep import sweep
from models.facts import FactDraft
from notifications.transport import Attempt, Letter
from tests.support.fault_judge import history, letters_are_sent_once
from tests.support.mail_server import ScriptedMailServer, letters
from tests.support.team import Team
from tests.system.faults.test_killed_at_random import opening


class OddClock(AppContext):
    """A context whose clock shows the time that the test sets."""

    says: list[datetime]

    def now(self) -> datetime:
        return self.says[0]


def with_clock(team: Team, says: list[datetime]) -> OddClock:
    """Return the team's context with another clock."""
    first = team.first
    made = OddClock(**{each.name: getattr(first, each.name) for each in fields(first)})
    object.__setattr__(made, "says", says)
    return made


@contextmanager
def on_another_machine(name: str) -> Iterator[None]:
    """Set the name of the machine that a deliverer records, and the deliverers that it can see."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deliverer, "_host", lambda: name)
        yield


def live(context: OddClock, mail_server: ScriptedMailServer, moments: list[datetime]) -> None:
    """At each instant open a case, then sweep and deliver."""
    for number, moment in enumerate(moments):
        context.says[0] = moment
        today = context.today()
        facts = [
            FactDraft("ehc_assessment_requested", today, {"la": "northshire"}),
            FactDraft("health_advice_requested", today, {"body": "QX101", "service": "speech_and_language_therapy"}),
        ]
        record(context, f"NX{number:05d}", facts, "dco.team")
        sweep(context)
        deliver(context, transport=mail_server.transport)


def in_order(team: Team, cases: int) -> None:
    """Instants never go back within a case, and no escalation fact is stored twice."""
    for ref, lines in history(team, [f"NX{number:05d}" for number in range(cases)]).items():
        assert [line.recorded_at for line in lines] == sorted(line.recorded_at for line in lines)
        steps = [
            (
                line.kind,
                line.data.get("rung"),
                line.data.get("opened_seq"),
                line.data.get("recipient"),
                line.data.get("due"),
            )
            for line in lines
        ]
        assert len(set(steps)) == len(steps), ref


def test_a_clock_that_jumps_writes_nothing_twice(team: Team, mail_server: ScriptedMailServer) -> None:
    start = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    jumps = [0, 3, 2, 45, 4, 5, 46, 30, 60, 59, 61]  # in days; forward by six weeks and back again, twice
    moments = [start + timedelta(days=jump) for jump in jumps]
    context = with_clock(team, [start])
    live(context, mail_server, moments)
    for jump in range(62, 74):
        context.says[0] = start + timedelta(days=jump)
        sweep(context)
        deliver(context, transport=mail_server.transport)
    in_order(team, len(jumps))
    letters_are_sent_once(team, mail_server)
    report = verify(context)
    assert (report.damage, report.stale) == ([], 0)


@pytest.mark.parametrize(
    "change",
    [datetime(2026, 3, 29, 1, 0, tzinfo=UTC), datetime(2026, 10, 25, 1, 0, tzinfo=UTC)],
    ids=["forward", "back"],
)
def test_jobs_run_through_both_changes_of_summer_time(
    team: Team, mail_server: ScriptedMailServer, change: datetime
) -> None:
    """The clock advances by the minute around the change, by the hour around both midnights in London, and to the
    Monday after.
    """
    minutes = [change + timedelta(minutes=each) for each in (-61, -60, -1, 0, 1, 59, 60, 61)]
    hours = [change + timedelta(hours=each) for each in (-26, -25, 21, 22, 23, 24, 31, 32, 33, 41, 42)]
    moments = sorted({*minutes, *hours})
    context = with_clock(team, [moments[0]])
    live(context, mail_server, moments)
    in_order(team, len(moments))
    letters_are_sent_once(team, mail_server)
    assert {datetime.fromisoformat(moment.isoformat()).astimezone(LONDON).utcoffset() for moment in moments} == {
        timedelta(0),
        timedelta(hours=1),
    }
    assert verify(context).damage == []
    # Eight in the morning is eight in London: none left on the Sunday, one on the Monday.
    assert {str(mail["Date"])[:3] for mail in mail_server.arrived} <= {"Mon", "Fri"}
    assert len(mail_server.arrived) == 1


def test_two_machines_whose_clocks_disagree_write_one_history_and_send_one_letter(
    team: Team, mail_server: ScriptedMailServer
) -> None:
    """One machine is twenty minutes ahead, then a day, then behind. Both record, sweep and deliver in turn on the
    same cases.
    """
    start = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    here, there = with_clock(team, [start]), with_clock(team, [start])
    apart = [
        timedelta(minutes=20),
        timedelta(days=1),
        timedelta(hours=-15),
        timedelta(minutes=-20),
        timedelta(seconds=-1),
    ]
    for number in range(60):
        moment = start + timedelta(days=number, hours=number % 5)
        here.says[0], there.says[0] = moment, moment + apart[number % len(apart)]
        for name, context, other in (("east", here, there), ("west", there, here)):
            with on_another_machine(name):
                if number < 4:
                    ref, day = f"NX{number:04d}{'01'[context is there]}", min(context.today(), other.today())
                    asked = {"body": "QX101", "service": "speech_and_language_therapy"}
                    facts = [
                        FactDraft("ehc_assessment_requested", day, {"la": "northshire"}),
                        FactDraft("health_advice_requested", day, asked),
                    ]
                    record(context, ref, facts, "dco.team")
                    record(other, ref, [FactDraft("waiting_list_stated", day, asked | {"weeks": 10})], "dco.team")
                sweep(context)
                deliver(context, transport=mail_server.transport)
    for ref, lines in history(team, [f"NX{number:04d}{which}" for number in range(4) for which in range(2)]).items():
        assert [line.recorded_at for line in lines] == sorted(line.recorded_at for line in lines), ref
        assert sum(line.kind == "breached" for line in lines) == 1
    letters_are_sent_once(team, mail_server)
    assert (verify(here).damage, verify(there).damage) == ([], [])


def test_a_lease_of_another_machine_holds_until_it_expires_by_ones_own_clock(
    team: Team, mail_server: ScriptedMailServer
) -> None:
    """A machine whose clock is ahead may treat a live lease as expired. Then the same letter leaves twice with one
    Message-ID, and sendflow reports it.
    """
    start = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    here, there = with_clock(team, [start]), with_clock(team, [start + timedelta(minutes=20)])
    case, facts = opening(0, "2026-03-02")
    record(here, case, [FactDraft(kind, date.fromisoformat(on), data) for kind, on, data in facts], "dco.team")

    class Meanwhile:
        """A mail transport that lets the other machine act during a delivery."""

        def send(self, letter: Letter) -> Attempt:
            with on_another_machine("west"):
                deliver(there, transport=mail_server.transport)
            return mail_server.transport.send(letter)

    with on_another_machine("east"):
        deliver(here, transport=Meanwhile())
    assert (len(mail_server.arrived), len(set(mail_server.ids()))) == (2, 1)
    assert [state for _to, _day, state, _why in letters(team)] == ["sent_perhaps_twice"]
    letters_are_sent_once(team, mail_server)
    assert verify(here).damage == []
