"""Runs tests of mails that come in again on PostgreSQL, and two readers that take in the same mails at once."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import select

from casework.mailbox.imap import Fetched
from casework.mailbox.read import AllNames
from casework.mailbox.receive import Received, receive
from casework.mailbox.tray import waiting
from models.database import reading
from models.incoming_mail import MailState
from models.tables import INCOMING_MAIL
from tests.casework.mailbox.samples import reply
from tests.casework.mailbox.test_receive import (
    DAY,
    sent,
    test_a_bounce_goes_to_the_next_post_with_its_cause,
    test_a_code_line_in_a_reply_records_the_answer_in_the_name_of_the_mailbox,
    test_a_person_reads_a_mail_which_is_logged_and_decides,
    test_erasing_a_child_erases_the_mails_about_its_cases,
    test_the_same_mail_is_taken_in_once,
)
from tests.support.mail_server import SERVICE
from tests.support.team import Team

__all__ = [
    "sent",
    "test_a_bounce_goes_to_the_next_post_with_its_cause",
    "test_a_code_line_in_a_reply_records_the_answer_in_the_name_of_the_mailbox",
    "test_a_person_reads_a_mail_which_is_logged_and_decides",
    "test_erasing_a_child_erases_the_mails_about_its_cases",
    "test_the_same_mail_is_taken_in_once",
]


def test_two_readers_that_take_in_the_same_mails_at_once_store_each_once(sent: Team) -> None:
    context = sent.context(DAY)
    message_id = sent.post.letters[0].message_id
    texts = ("RECEIVED", "Hello", "EXPECTED 1 April 2026", "Good morning")
    mails = []
    for number, text in enumerate(texts):
        raw = reply(text, SERVICE, message_id, Message_ID=f"<{number}@trust.example>")
        mails.append(Fetched(f"dco@imap.example/INBOX/1/{number}", str(number), raw, len(raw)))

    def read_all(_reader: int) -> list[Received]:
        return [receive(context, each, AllNames(context)) for each in mails]

    with ThreadPoolExecutor(2) as readers:
        reports = list(readers.map(read_all, range(2)))
    assert sum(not each.known for report in reports for each in report) == len(mails)
    with reading(context.engine) as connection:
        states = Counter(connection.scalars(select(INCOMING_MAIL.c.state)))
    assert states == {MailState.ANSWERED: 2, MailState.WAITING: 2}
    assert len(waiting(context)) == 2
    kinds = Counter(line.kind for line in sent.lines())
    assert (kinds["health_advice_acknowledged"], kinds["body_replied"]) == (1, 1)
