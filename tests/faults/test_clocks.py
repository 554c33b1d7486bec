"""A clock that jumps forward and back, and one that lives through both changes of summer time: facts keep their order, letters their one a day."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime, timedelta

import pytest

from flows.delivering import deliver
from flows.house import LONDON, House
from flows.recording import record
from flows.sweeping import sweep
from flows.verifying import verify
from models.facts import Draft
from tests.casework import Team
from tests.faults.judge import history, letters_are_told_once
from tests.letters.postroom import PostRoom


class OddClock(House):
    """A house whose clock says what the test sets."""

    says: list[datetime]

    def now(self) -> datetime:
        return self.says[0]


def with_clock(team: Team, says: list[datetime]) -> OddClock:
    """The team's house with another clock."""
    first = team.first
    made = OddClock(**{each.name: getattr(first, each.name) for each in fields(first)})
    object.__setattr__(made, "says", says)
    return made


def live(house: OddClock, room: PostRoom, moments: list[datetime]) -> None:
    """At each instant: a case is opened, then the sweep and the delivery of that instant."""
    for number, moment in enumerate(moments):
        house.says[0] = moment
        today = house.today()
        facts = [Draft("ehc_assessment_requested", today, {"la": "northshire"}),
                 Draft("health_advice_requested", today, {"body": "QX101", "service": "speech_and_language_therapy"})]  # fmt: skip
        record(house, f"NX{number:05d}", facts, "dco.team")
        sweep(house)
        deliver(house, post=room.post)


def in_order(team: Team, cases: int) -> None:
    """Instants never go back in a case, and no engine's fact stands twice."""
    for ref, lines in history(team, [f"NX{number:05d}" for number in range(cases)]).items():
        assert [line.recorded_at for line in lines] == sorted(line.recorded_at for line in lines)
        rungs = [(line.kind, line.data.get("rung"), line.data.get("opened_seq"), line.data.get("recipient"), line.data.get("due")) for line in lines]
        assert len(set(rungs)) == len(rungs), ref


def test_a_clock_that_jumps_writes_nothing_twice(team: Team, room: PostRoom) -> None:
    start = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    jumps = [0, 3, 2, 45, 4, 5, 46, 30, 60, 59, 61]  # in days; forward by six weeks and back again, twice
    moments = [start + timedelta(days=jump) for jump in jumps]
    house = with_clock(team, [start])
    live(house, room, moments)
    for jump in range(62, 74):
        house.says[0] = start + timedelta(days=jump)
        sweep(house)
        deliver(house, post=room.post)
    in_order(team, len(jumps))
    letters_are_told_once(team, room)
    report = verify(house)
    assert (report.damage, report.stale) == ([], 0)


@pytest.mark.parametrize("change", [datetime(2026, 3, 29, 1, 0, tzinfo=UTC), datetime(2026, 10, 25, 1, 0, tzinfo=UTC)], ids=["forward", "back"])
def test_both_changes_of_summer_time_are_lived_through(team: Team, room: PostRoom, change: datetime) -> None:
    """By the minute around the change, by the hour around both midnights in London, and the Monday after."""
    minutes = [change + timedelta(minutes=each) for each in (-61, -60, -1, 0, 1, 59, 60, 61)]
    hours = [change + timedelta(hours=each) for each in (-26, -25, 21, 22, 23, 24, 31, 32, 33, 41, 42)]
    moments = sorted({*minutes, *hours})
    house = with_clock(team, [moments[0]])
    live(house, room, moments)
    in_order(team, len(moments))
    letters_are_told_once(team, room)
    assert {datetime.fromisoformat(moment.isoformat()).astimezone(LONDON).utcoffset() for moment in moments} == {timedelta(0), timedelta(hours=1)}
    assert verify(house).damage == []
    # Eight in the morning is eight in London: none left on the Sunday, one on the Monday.
    assert {str(mail["Date"])[:3] for mail in room.arrived} <= {"Mon", "Fri"}
    assert len(room.arrived) == 1
