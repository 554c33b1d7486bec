"""A mail server says that a letter was not delivered: to whom it goes then, on which day, and what the history says.

The request of 2 March 2026 goes to the service that day. Northshire's service, its manager and the SEND lead have
mailboxes of their own.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Connection

from casework.cases.commit import commit
from casework.cases.unit_of_work import UnitOfWork
from casework.delivery.came_back import CameBack, say_that_it_was_undelivered
from config.directory import DEFAULT as DIRECTORY
from config.directory import load_directory
from models.database import transact
from tests.casework.delivery.test_holds import days, log
from tests.support.mail_server import DCO, LEAD, MANAGER, SERVICE
from tests.support.team import Team


def undelivered(team: Team, today: str, cause: str, letter: str | None = None) -> CameBack | None:
    context = team.context(today)

    def once(connection: Connection) -> CameBack | None:
        unit = UnitOfWork(context, connection, actor="sendflow", via="letters")
        found = say_that_it_was_undelivered(unit, letter or team.post.letters[-1].id, cause)
        commit(unit)
        return found

    return transact(context.engine, once)


@pytest.fixture
def sent(team: Team) -> Team:
    """The request has left to the service."""
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    team.day("2 Mar 2026")
    assert [to for _on, to in log(team)] == [SERVICE]
    return team


def test_what_cannot_be_delivered_goes_to_the_next_post_at_once(sent: Team) -> None:
    found = undelivered(sent, "2 Mar 2026", "no_such_mailbox")
    assert found is not None and (found.notices, found.again) == (1, 1)
    sent.day("2 Mar 2026")
    assert log(sent) == [("2026-03-02", SERVICE), ("2026-03-02", MANAGER)]
    (fact,) = [line for line in sent.lines() if line.kind == "notice_undelivered"]
    assert (fact.actor, fact.data["cause"], fact.data["recipient"]) == ("sendflow", "no_such_mailbox", "service")
    assert "reason" not in fact.data
    assert [state for _rung, _to, state in sent.notices()] == ["came_back", "sent"]
    assert sent.verify("2 Mar 2026").intact


def test_a_chain_of_posts_ends_with_the_dco(sent: Team) -> None:
    for _post in range(4):
        undelivered(sent, "2 Mar 2026", "no_such_mailbox")
        sent.day("2 Mar 2026")
    assert [to for _on, to in log(sent)] == [SERVICE, MANAGER, LEAD, DCO]
    assert undelivered(sent, "2 Mar 2026", "no_such_mailbox") is None, "no letter is left that counts as sent"
    assert sent.verify("2 Mar 2026").intact


def test_a_full_mailbox_is_tried_again_over_days_and_then_the_next_post_is_written_to(sent: Team) -> None:
    """Tried on Tuesday 3, Thursday 5, and Sunday 8 March, which is Monday 9; then the manager at once."""
    undelivered(sent, "2 Mar 2026", "mailbox_full")
    for again in ("2 Mar 2026", "3 Mar 2026", "4 Mar 2026", "5 Mar 2026", "6 Mar 2026", "9 Mar 2026"):
        before = len(sent.post.letters)
        sent.deliver(again)
        if len(sent.post.letters) > before:
            undelivered(sent, again, "mailbox_full")
    sent.deliver("9 Mar 2026")
    assert log(sent) == [
        ("2026-03-02", SERVICE),
        ("2026-03-03", SERVICE),
        ("2026-03-05", SERVICE),
        ("2026-03-09", SERVICE),
        ("2026-03-09", MANAGER),
    ]
    assert sent.verify("9 Mar 2026").intact


def test_a_mailbox_that_was_put_right_meanwhile_gets_the_letter(sent: Team) -> None:
    path = sent.home / "directory.toml"
    path.write_text(DIRECTORY.read_text("utf-8").replace(SERVICE, "slt.new@northshire-community.example"), "utf-8")
    sent.first = replace(sent.first, directory=load_directory(path))
    sent._contexts.clear()
    undelivered(sent, "3 Mar 2026", "no_such_mailbox")
    sent.deliver("3 Mar 2026")
    assert log(sent)[1:] == [("2026-03-03", "slt.new@northshire-community.example")]


def test_the_steps_count_again_from_the_letter_that_arrived(sent: Team) -> None:
    """The 3-week reminder of 23 March is not delivered; the manager has it that day, and chasing goes on."""
    days(sent, "3 Mar 2026", "23 Mar 2026")
    assert log(sent)[-1] == ("2026-03-23", SERVICE)
    undelivered(sent, "23 Mar 2026", "mailbox_disabled")
    days(sent, "23 Mar 2026", "14 Apr 2026")
    assert log(sent)[-3:] == [("2026-03-23", MANAGER), ("2026-04-07", SERVICE), ("2026-04-14", MANAGER)]
    assert sent.verify("14 Apr 2026").intact


def test_a_letter_says_that_an_earlier_one_was_not_delivered(sent: Team) -> None:
    undelivered(sent, "2 Mar 2026", "no_such_mailbox")
    days(sent, "2 Mar 2026", "14 Apr 2026")
    breach = next(letter for letter in sent.post.letters if letter.mailbox == MANAGER and "overdue" in letter.subject)
    assert "a letter to the service could not be delivered" in " ".join(breach.text.split())
