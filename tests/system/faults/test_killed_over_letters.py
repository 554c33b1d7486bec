"""A process that is killed at any statement of a hold, a release, a letter that came back or a new mailbox leaves all
of it or nothing; and two workers over a ladder whose letters wait send what one sends, in the same order.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import pytest

from models.database import reading
from tests.casework.delivery.test_addresses import moved
from tests.casework.delivery.test_letter_order import check
from tests.support.by_hand import SALT, TRUST
from tests.support.fault_judge import all_is_well, nothing_is_half_done, records_are_whole
from tests.support.fault_workers import Nursery, Order, nursery
from tests.support.mail_server import HOST, SERVICE, ScriptedMailServer, run_delivery, running_mail_server
from tests.support.team import Team

ASKED: dict[str, Any] = {"body": TRUST, "service": SALT}
# An old request is typed on Wednesday 20 May 2026: its letters have a grace period up to the 22nd. 25 May is a bank
# holiday. The manager's letter waits for the service's, and the SEND lead's for the manager's.
TYPED, FIRST_LETTER = "2026-05-20", "2026-05-22"
NEW_MAILBOX = "slt.new@northshire-community.example"
LADDER = ["2026-05-22", "2026-05-26", "2026-05-29", "2026-06-02", "2026-06-08", "2026-06-15"]
ACTS = ("hold", "release", "came_back", "readdress")
Arrived = list[tuple[str, str, str]]


def typed_late(team: Team) -> None:
    team.record(TYPED, "ehc_assessment_requested", "2026-02-02", la="northshire")
    team.record(TYPED, "health_advice_requested", "2026-03-02", **ASKED)
    team.sweep(TYPED)


def arrived(mail_server: ScriptedMailServer) -> Arrived:
    return [(str(one["Date"])[:16], str(one["To"]), str(one["Subject"])) for one in mail_server.arrived]


def kinds(team: Team) -> list[str]:
    return [fact.kind for fact in team.lines()]


def killed_at_each_statement(team: Team, children: Nursery, act: str, today: str, given: Sequence[Any]) -> int:
    """Kill the act before its first statement, its second, and so on, until it ends. Returns how often."""
    before = team.dump()
    for point in count(1):
        end = children.one(act, today, *given, die_at=point)
        now = team.dump()
        records_are_whole(team, today)
        if end.code == 0 or now != before:  # it was killed after its commit, and before its answer
            assert now != before
            return point
        assert end.code == -signal.SIGKILL, end
    raise AssertionError


def lived(team: Team, act: str, kill: bool) -> tuple[Arrived, list[str]]:
    """Do the act once, killed at each statement or in peace, and then let the jobs run for some days."""
    typed_late(team)
    today, given = TYPED, [team.case, "dco.team", "the answers are being typed"]
    with running_mail_server() as mail_server:
        if act == "came_back":
            today = FIRST_LETTER
            run_delivery(team, today, mail_server)
            with reading(team.first.engine) as connection:
                letter = connection.exec_driver_sql("SELECT id FROM letter WHERE state = 'sent'").scalar()
            given[0] = str(letter)
        elif act == "readdress":
            moved(team, SERVICE, NEW_MAILBOX)
            team.context(TYPED).ensure_ruleset_active("deliver")  # as each delivery does first: it notes the directory
            given = []
        with nursery(team) as children:
            if kill:
                assert killed_at_each_statement(team, children, act, today, given) > 3
            else:
                assert children.one(act, today, *given).code == 0
            for day in LADDER[1:]:
                assert children.one("sweep", day).code == 0
                assert children.one("deliver", day, HOST, mail_server.port, 5.0).code == 0
        all_is_well(team, mail_server, LADDER[-1])
        nothing_is_half_done(team)
        check(team.lines())
        return arrived(mail_server), kinds(team)


@pytest.mark.parametrize("act", ACTS if "ROUNDS" in os.environ else ("release", "readdress"))
def test_an_act_on_letters_killed_at_any_statement_is_done_once_or_not_at_all(
    teams: Callable[[str], Team], act: str
) -> None:
    in_peace = lived(teams("in-peace"), act, kill=False)
    assert lived(teams("killed"), act, kill=True) == in_peace
    assert len(in_peace[0]) > 1
    if act == "readdress":
        assert not any(to == SERVICE for _on, to, _subject in in_peace[0])


def waited(team: Team, workers: int) -> tuple[Arrived, list[str]]:
    """Some days of sweeps and deliveries, so many at once each; the mail server accepts nothing on two of them."""
    typed_late(team)
    with nursery(team) as children, running_mail_server() as mail_server:
        for day in LADDER:
            mail_server.answer_rcpt = "451 later" if day in LADDER[1:3] else "250 OK"
            sweeps = [Order("sweep", day) for _ in range(workers)]
            deliveries = [Order("deliver", day, (HOST, mail_server.port, 5.0)) for _ in range(workers)]
            for orders in (sweeps, deliveries):
                assert [end.code for end in children.all_at_once(*orders)] == [0] * workers
        all_is_well(team, mail_server, LADDER[-1])
        check(team.lines())
        return arrived(mail_server), kinds(team)


def by_mailbox(arrived: Arrived) -> dict[str, Arrived]:
    """The letters of each mailbox in their order. Two workers share the mailboxes, so those have no common order."""
    return {to: [each for each in arrived if each[1] == to] for _on, to, _subject in arrived}


def test_two_workers_over_a_ladder_whose_letters_wait_send_what_one_sends_in_the_same_order(
    teams: Callable[[str], Team],
) -> None:
    alone, kinds_alone = waited(teams("one"), 1)
    together, kinds_together = waited(teams("two"), 2)
    assert by_mailbox(together) == by_mailbox(alone) and sorted(kinds_together) == sorted(kinds_alone)
    assert len({to for _on, to, _subject in alone}) > 2, "the steps went up the ladder"
