"""One, two and eight workers on the same cases leave the same facts and letters, and a commit whose answer is lost is
not repeated.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from notifications.message_ids import as_it_is_stored
from tests.support.fault_judge import accepted, all_is_well, facts_are_there_once, history
from tests.support.fault_workers import Order, nursery
from tests.support.mail_server import HOST, ScriptedMailServer, running_mail_server
from tests.support.team import Team
from tests.system.faults.test_killed_at_random import opening

DAYS = ("2026-03-02", "2026-04-14")
CASES = 3
WORKERS = (1, 2, 8) if "ROUNDS" in os.environ else (1, 8)


@contextmanager
def lived(team: Team, workers: int, tmp_path: Path) -> Iterator[ScriptedMailServer]:
    """Take some cases from their opening to the last escalation step, with so many workers of each job at once."""
    confirmed = tmp_path / f"accepted-{workers}"
    with nursery(team) as children, running_mail_server() as mail_server:
        for today in DAYS:
            orders = [Order("sweep", today) for _ in range(workers)]
            if today == DAYS[0]:
                plan = [opening(number, today) for number in range(CASES)]
                # Each worker begins elsewhere, and all of them want every act.
                orders += [
                    Order("record", today, (str(confirmed), plan[start:] + plan[:start])) for start in range(workers)
                ]
            assert [end.code for end in children.all_at_once(*orders)] == [0] * len(orders)
            assert [
                end.code
                for end in children.all_at_once(
                    *(Order("deliver", today, (HOST, mail_server.port, 5.0)) for _ in range(workers))
                )
            ] == [0] * workers
        assert len(accepted(confirmed)) == CASES
        yield mail_server


def remembered(team: Team) -> dict[str, list[tuple[str, str, Any, Any]]]:
    """Return the content of the histories, without instants and without the order of the workers."""
    found = history(team, [f"NX{number:05d}" for number in range(CASES)])
    return {
        ref: sorted(
            (line.kind, line.occurred_on.isoformat(), str(line.data.get("rung")), str(line.data.get("recipient")))
            for line in lines
        )
        for ref, lines in found.items()
    }


def test_one_two_and_eight_workers_leave_the_same(teams: Callable[[str], Team], tmp_path: Path) -> None:
    ends = []
    for workers in WORKERS:
        team = teams(f"house-{workers}")
        with lived(team, workers, tmp_path) as mail_server:
            all_is_well(team, mail_server, DAYS[-1])
            ends.append(
                (
                    remembered(team),
                    sorted({as_it_is_stored(each) for each in mail_server.ids()}),
                    len(mail_server.arrived),
                )
            )
    assert len(ends[0][0]) == CASES
    assert ends[0][2] > CASES
    assert ends[1:] == [ends[0]] * (len(WORKERS) - 1)


def test_a_commit_whose_answer_was_lost_is_stored_once_after_any_number_of_repeats(team: Team, tmp_path: Path) -> None:
    confirmed, today = tmp_path / "accepted", "2026-03-02"
    plan = [opening(number, today) for number in range(3)]
    nowhere = tmp_path / "no folder" / "accepted"
    with nursery(team) as children:
        lost = children.one("record", today, str(nowhere), plan[:1])
        assert (lost.code, lost.answer) == (1, "FileNotFoundError")  # it dies between the commit and the answer
        again = children.one("record", today, str(confirmed), plan)
        assert [said for _case, said in again.answer] == ["recorded_already", 2, 2]
    facts_are_there_once(team, plan, plan)
    assert team.verify(today).intact
