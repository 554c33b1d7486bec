"""An answer by a link that is killed at any statement is given whole or not at all; of two at once, one is recorded."""

from __future__ import annotations

import signal
from itertools import count
from typing import Any

from casework.replies.links import link_to_duty, store_links, token_of
from casework.replies.record import Asked
from models.database import reading, transact
from tests.support.by_hand import ADVICE, CASE, SALT, TRUST
from tests.support.fault_judge import records_are_whole
from tests.support.fault_workers import Order, nursery
from tests.support.team import Team

TODAY = "2026-03-20"
MAILBOX = "slt@trust.example"


def asked_by_letter(team: Team) -> tuple[str, list[Any]]:
    """A case that waits for advice, and the link of its letter."""
    team.record("2026-02-02", "ehc_assessment_requested", la="northshire")
    team.record("2026-03-02", "health_advice_requested", body=TRUST, service=SALT)
    asked = Asked(CASE, ADVICE, 2, TRUST, SALT, "service")
    link = link_to_duty(asked, MAILBOX, "a notice")
    context = team.context(TODAY)
    transact(context.engine, context.keep_time)
    transact(context.engine, lambda each: store_links(each, context.cipher, [link], context.now()))
    return token_of(context.cipher, link), [list(asked), "not_known"]


def written(team: Team) -> tuple[int, int, int]:
    """How many facts of the mailbox, answers and receipts there are."""
    queries = (
        "SELECT count(*) FROM fact WHERE substr(actor, 1, 8) = 'mailbox.'",
        "SELECT count(*) FROM answer_given",
        "SELECT count(*) FROM notice WHERE rung = 'reply_receipt'",
    )
    with reading(team.first.engine) as connection:
        first, second, third = (connection.exec_driver_sql(query).scalar() or 0 for query in queries)
    return first, second, third


def test_an_answer_killed_at_any_statement_is_given_once_or_not_at_all(team: Team) -> None:
    token, asked = asked_by_letter(team)
    with nursery(team) as children:
        for point in count(1):
            end = children.one("reply", TODAY, token, asked, die_at=point)
            records_are_whole(team, TODAY)
            if end.code == 0 or written(team) != (0, 0, 0):
                break
            assert end.code == -signal.SIGKILL, end
        assert point > 5
        assert written(team) == (1, 1, 1), "the fact, the spent link and the receipt are one"
        again = children.one("reply", TODAY, token, asked)
        assert (again.code, again.answer) == (0, ["answered_already"])
    team.sweep("2026-04-14")
    assert [line.kind for line in team.lines() if line.kind in ("reminder_due", "breached")] == []


def test_of_two_answers_at_once_one_is_recorded(team: Team) -> None:
    token, asked = asked_by_letter(team)
    with nursery(team) as children:
        ends = children.all_at_once(*(Order("reply", TODAY, (token, asked)) for _each in range(4)))
    said = sorted(str(end.answer) for end in ends)
    assert [end.code for end in ends] == [0] * 4
    assert said == ["['answered_already']"] * 3 + ["[[3]]"], said
    assert written(team) == (1, 1, 1)
    records_are_whole(team, TODAY)
