"""A program's act that is killed at any statement is done once under its key, and its answer is with its facts."""

from __future__ import annotations

import signal
from itertools import count
from typing import Any

from models.database import reading, transact
from tests.support.fault_judge import records_are_whole
from tests.support.fault_workers import Order, nursery
from tests.support.team import Team
from tests.web.api.conftest import token_for

TODAY = "2026-03-20"
OPENS: dict[str, Any] = {
    "facts": [
        {
            "kind": "ehc_assessment_requested",
            "on": "2026-03-10",
            "data": {"la": "northshire", "la_reference": "NS-05555", "nhs_number": "9991234500"},
        }
    ]
}


def token_of(team: Team) -> str:
    context = team.context(TODAY)
    transact(context.engine, context.keep_time)
    return token_for(context, "council.system")


def written(team: Team) -> tuple[int, int]:
    """How many cases and stored answers there are."""
    with reading(team.first.engine) as connection:
        cases = connection.exec_driver_sql("SELECT count(*) FROM case_file").scalar()
        answers = connection.exec_driver_sql("SELECT count(*) FROM api_answer").scalar()
    return cases or 0, answers or 0


def test_an_act_killed_at_any_statement_is_done_with_its_answer_or_not_at_all(team: Team) -> None:
    given = (token_of(team), OPENS, "a-key")
    with nursery(team) as children:
        for point in count(1):
            end = children.one("call", TODAY, *given, die_at=point)
            if point % 8 == 0 or written(team) != (0, 0):  # a verification takes longer than the call
                records_are_whole(team, TODAY)
            assert written(team) in ((0, 0), (1, 1)), "the case and its answer are one"
            if end.code == 0 or written(team) != (0, 0):
                break
            assert end.code == -signal.SIGKILL, end
        assert point > 5
        first, again = (children.one("call", TODAY, *given) for _each in range(2))
        assert (first.answer[0], first.answer) == (201, again.answer)
        assert written(team) == (1, 1)


def test_of_calls_under_one_key_at_once_one_is_done_and_all_have_its_answer(team: Team) -> None:
    given = (token_of(team), OPENS, "a-key")
    with nursery(team) as children:
        ends = children.all_at_once(*(Order("call", TODAY, given) for _each in range(4)))
    assert [end.code for end in ends] == [0] * 4
    assert ends[0].answer[0] == 201, ends[0]
    assert all(end.answer == ends[0].answer for end in ends)
    assert written(team) == (1, 1)
    records_are_whole(team, TODAY)
