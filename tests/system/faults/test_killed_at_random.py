"""SIGKILL of recorders, sweepers and deliverers at random instants, two of each at once, round after round on the
same database.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from deadlines.working_calendar import WorkingCalendar
from tests.support.fault_judge import Planned, accepted, all_is_well, facts_are_there_once, nothing_is_left
from tests.support.fault_workers import Order, nursery
from tests.support.mail_server import HOST, ScriptedMailServer
from tests.support.team import Team

PLACES = (
    ("northshire", "QX101", "speech_and_language_therapy"),
    ("northshire", "QX101", "community_paediatrics"),
    ("eastmere", "QX102", "community_paediatrics"),
    ("eastmere", "QX103", "speech_and_language_therapy"),
    ("holme_vale", "QX102", "physiotherapy"),
)
LONGEST = {
    "record": 0.15,
    "sweep": 0.15,
    "deliver": 0.5,
    "digest": 0.4,
    "import": 0.4,
}  # seconds, of eight at once on two cores: half of them die at work
CHILDREN = ("record", "record", "sweep", "sweep", "deliver", "deliver", "digest", "import")


def opening(number: int, on: str) -> Planned:
    """Plan one act of two facts: a request to assess, and a request for advice."""
    la, body, service = PLACES[number % len(PLACES)]
    return f"NX{number:05d}", [
        ("ehc_assessment_requested", on, {"la": la}),
        ("health_advice_requested", on, {"body": body, "service": service}),
    ]


def tracker(path: Path, number: int, on: str) -> list[Planned]:
    """Write a tracker with three cases; return the file and the facts it must leave."""
    opened = [(f"NY{number:04d}{each}", PLACES[each][0]) for each in range(3)]
    rows = [f"{case},{la},{date.fromisoformat(on):%d/%m/%Y}\n" for case, la in opened]
    path.write_text("Ref,Local authority,Request received by LA\n" + "".join(rows), encoding="utf-8")
    return [(case, [("ehc_assessment_requested", on, {"la": la})]) for case, la in opened]


def answers(number: int, on: str) -> Planned:
    """Plan one act of one fact on a case of an earlier round."""
    return f"NX{number:05d}", [("health_advice_acknowledged", on, {"service": PLACES[number % len(PLACES)][2]})]


def working_days(almanac: WorkingCalendar, first: date, count: int) -> list[str]:
    days: list[str] = []
    while len(days) < count:
        if almanac.is_working_day(first):
            days.append(first.isoformat())
        first += timedelta(days=1)
    return days


@pytest.mark.timeout(7200)
def test_a_process_killed_at_any_time_loses_nothing_and_sends_nothing_twice(
    team: Team, mail_server: ScriptedMailServer, rounds: Callable[[int], int], chance: random.Random, tmp_path: Path
) -> None:
    confirmed, wanted = tmp_path / "accepted", list[Planned]()
    killed = 0
    days = working_days(team.first.calendar, date(2026, 3, 2), rounds(3) + 4)
    with nursery(team) as children:
        for number, today in enumerate(days[:-4]):
            first = 4 * number
            new = [opening(first + each, today) for each in range(4)]
            late = [answers(each, today) for each in range(first - 40, first - 36) if each >= 0]
            rows = tracker(tmp_path / "tracker.csv", number, today)
            wanted += new + late + rows
            plans = iter([[*new[:2], *late[:2]], [*new[1:], *late[1:]]])  # two of them want the same act
            line = (HOST, mail_server.port, 5.0)
            given = {"deliver": line, "digest": line, "import": (str(tmp_path / "tracker.csv"),)}
            ends = children.all_at_once(
                *(
                    Order(
                        act,
                        today,
                        (str(confirmed), next(plans)) if act == "record" else given.get(act, ()),
                        die_after=chance.uniform(0.0, LONGEST[act]),
                    )
                    for act in CHILDREN
                )
            )
            assert {end.code for end in ends} <= {0, -9}, [end.answer for end in ends if end.code > 0]
            killed += sum(end.code == -9 for end in ends)
            facts_are_there_once(team, accepted(confirmed), wanted)
            # A caller without an answer asks again: facts that were written are refused, the others are written now.
            again = children.one("record", today, str(confirmed), [*new, *late])
            assert {said for _case, said in again.answer if isinstance(said, str)} <= {"recorded_already", "unlawful"}
            assert [
                children.one(act, today, *given.get(act, ())).code for act in ("import", "sweep", "deliver", "digest")
            ] == [0] * 4
            facts_are_there_once(team, [*wanted], wanted)
            all_is_well(team, mail_server, today)
        for today in days[-4:]:
            assert (children.one("sweep", today).code, children.one("deliver", today, *line).code) == (0, 0)
    all_is_well(team, mail_server, days[-1])
    nothing_is_left(team)
    assert killed > 0
    assert len(mail_server.arrived) > 0
