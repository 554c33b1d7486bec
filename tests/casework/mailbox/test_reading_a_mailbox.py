"""The job that reads a real mailbox: each mail once, also with two readers and one that dies; nothing is lost.

The request of 2 March 2026 (NX90001) has left to the service. Four mails come in on the 3rd: an answer, a bounce of
another letter, an absence notice, and words for a person.
"""

from __future__ import annotations

import signal
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest
from sqlalchemy import select

from casework.context import AppContext
from casework.mailbox.read import NoMailbox, RepliesReport, read_replies, reading_is_due
from casework.mailbox.receive import receive
from casework.mailbox.tray import show, waiting
from models.database import reading
from models.incoming_mail import MailState
from models.tables import INCOMING_MAIL
from tests.casework.mailbox.samples import reply, status_notification
from tests.support.fault_workers import Nursery, Order, nursery
from tests.support.imap_server import PASSWORD, USER, ImapServer
from tests.support.mail_server import SERVICE
from tests.support.team import Team

DAY, ISO_DAY = "3 Mar 2026", "2026-03-03"
COUNTS = RepliesReport(read=4, answered=1, undelivered=1, automatic=1, waiting=1)


def context_of(team: Team, server: ImapServer, on: str = DAY) -> AppContext:
    context = team.context(on)
    return replace(context, settings=replace(context.settings, replies=server.settings(), tls_ca=server.certificate))


@pytest.fixture
def sent(team: Team, server: ImapServer) -> Iterator[Team]:
    """The request has left, and four mails have come in."""
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    team.day("2 Mar 2026")
    message_id = team.post.letters[0].message_id
    bounce = status_notification("5.2.2").replace(b"slt@trust.example", SERVICE.encode())
    for raw in (
        reply("RECEIVED NX90001", SERVICE, message_id, Message_ID="<1@trust.example>"),
        bounce.replace(b"<20260302-0123456789.sendflow@icb.example>", message_id.encode()),
        reply("I am away", SERVICE, message_id, Message_ID="<2@trust.example>", Auto_Submitted="auto-replied"),
        reply("Please call us", SERVICE, message_id, Message_ID="<3@trust.example>"),
    ):
        server.deliver(raw)
    yield team
    assert team.verify("5 Mar 2026").intact


def stored(team: Team) -> Counter[str]:
    with reading(team.first.engine) as connection:
        return Counter(connection.scalars(select(INCOMING_MAIL.c.state)))


def is_as_after_one_reading(team: Team, server: ImapServer) -> None:
    """Four mails are stored, each once, their facts once, and all four are in the folder of what was read.

    Two readers that move one mail at the same time may make the server copy it.
    """
    assert stored(team) == {"answered": 1, "undelivered": 1, "automatic": 1, "waiting": 1}
    kinds = Counter(line.kind for line in team.lines())
    assert (kinds["health_advice_acknowledged"], kinds["notice_undelivered"]) == (1, 1)
    assert (len(server.stored()), len(set(server.stored("sendflow")))) == (0, 4)


def test_each_mail_is_taken_in_and_moved(sent: Team, server: ImapServer) -> None:
    context = context_of(sent, server)
    assert reading_is_due(context)
    assert read_replies(context) == COUNTS
    is_as_after_one_reading(sent, server)
    assert not reading_is_due(context)
    assert read_replies(context) == RepliesReport()


def test_a_folder_that_was_numbered_again_changes_nothing(sent: Team, server: ImapServer) -> None:
    context = context_of(sent, server)
    raws = server.stored()
    read_replies(context)
    for raw in raws:
        server.deliver(raw)
    server.renumber()
    assert read_replies(context) == RepliesReport(read=4, repeated=4)
    kinds = Counter(line.kind for line in sent.lines())
    assert (kinds["health_advice_acknowledged"], kinds["notice_undelivered"]) == (1, 1)


def test_two_readers_at_once_take_each_mail_in_once(sent: Team, server: ImapServer) -> None:
    reports: list[RepliesReport] = []
    readers = [
        threading.Thread(target=lambda: reports.append(read_replies(context_of(sent, server)))) for _reader in range(2)
    ]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(60)
    assert sum(each.read for each in reports) == 4
    read_replies(context_of(sent, server))
    is_as_after_one_reading(sent, server)


def test_a_reader_that_is_killed_at_any_statement_loses_no_mail_and_takes_none_in_twice(
    sent: Team, server: ImapServer
) -> None:
    given = ("localhost", server.port, USER, PASSWORD, str(server.certificate))
    with nursery(sent) as children:
        kills = killed_at_each_statement(sent, children, given)
        both = [Order("replies", ISO_DAY, given) for _reader in range(2)]
        assert [end.code for end in children.all_at_once(*both)] == [0, 0]
    assert kills > 20
    is_as_after_one_reading(sent, server)


def killed_at_each_statement(team: Team, children: Nursery, given: tuple[object, ...]) -> int:
    """Kill the reading before its first statement, its second, and so on, until it ends. Returns how often."""
    for point in count(1, step=3):
        end = children.one("replies", ISO_DAY, *given, die_at=point)
        if end.code == 0:
            return point
        assert end.code == -signal.SIGKILL, end
    raise AssertionError


def test_one_mail_that_cannot_be_taken_in_waits_and_stops_no_other(
    sent: Team, server: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, ordinary = context_of(sent, server), receive

    def broken(*given: object) -> object:
        if b"Please call us" in given[1].raw:  # type: ignore[attr-defined]
            raise ZeroDivisionError
        return ordinary(*given)  # type: ignore[arg-type]

    monkeypatch.setattr("casework.mailbox.read.receive", broken)
    assert read_replies(context) == COUNTS
    (mail,) = waiting(context)
    assert (mail.why, mail.said[:17]) == ("not_readable", "it is too large o")
    is_as_after_one_reading(sent, server)


def test_a_large_mail_waits_for_a_person_with_its_beginning(sent: Team, server: ImapServer) -> None:
    server.empty()
    server.deliver(reply("RECEIVED NX90001", SERVICE, sent.post.letters[0].message_id) + b"x" * 70 + b"\nx" * 3_000_000)
    context = context_of(sent, server)
    assert read_replies(context) == RepliesReport(read=1, waiting=1)
    (mail,) = waiting(context)
    assert mail.why == "not_readable" and mail.size > 6_000_000
    assert show(context, mail.id, "dco.team").subject == "RE: NX00042: please send health advice"


def test_a_mailbox_that_cannot_be_read_is_reported_once_and_again_when_it_can(sent: Team, server: ImapServer) -> None:
    right = context_of(sent, server)
    box = server.settings(password="other-words")
    wrong = replace(right, settings=replace(right.settings, replies=box))
    assert reading_is_due(wrong)
    assert read_replies(wrong).error == "login_refused"
    assert not reading_is_due(wrong), "nothing is new: no run each minute"
    server.empty()
    assert reading_is_due(right), "the doctor is to learn that it works"
    assert read_replies(right).error is None
    assert not reading_is_due(right)


def test_without_a_mailbox_the_job_says_which_settings_are_needed(team: Team) -> None:
    assert not reading_is_due(team.context(DAY))
    with pytest.raises(NoMailbox, match="SENDFLOW_IMAP_HOST and SENDFLOW_IMAP_LOGIN"):
        read_replies(team.context(DAY))


def test_the_words_of_a_settled_mail_about_no_case_are_erased_after_30_days(sent: Team, server: ImapServer) -> None:
    read_replies(context_of(sent, server))
    later = sent.context(DAY).today() + timedelta(days=32)
    read_replies(replace(context_of(sent, server), settings=replace(context_of(sent, server).settings, today=later)))
    with reading(sent.first.engine) as connection:
        rows = connection.execute(select(INCOMING_MAIL.c.state, INCOMING_MAIL.c.erased_at)).all()
    erased = {row.state for row in rows if row.erased_at is not None}
    assert erased == {MailState.UNDELIVERED, MailState.AUTOMATIC}
