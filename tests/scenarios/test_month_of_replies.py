"""Six weeks of three bodies that are chased: by link, by mail, by a bounce and silence. Every letter and fact by hand.

The request of 16 February 2026 (NX90003) is due on 30 March, those of 2 March on 13 April. No e-mail leaves on 9 and 10
March, and no mail is read on 4 March. Jobs are killed at their statements on five days, and started again.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from casework.mailbox.tray import waiting_mails
from casework.to_decide import waiting
from models.database import reading
from models.tables import ANSWER_GIVEN, INCOMING_MAIL, LETTER, NOTICE
from notifications.message_ids import as_it_is_stored
from tests.support.fault_workers import nursery
from tests.support.imap_server import DOVECOT, imap_server
from tests.support.mail_server import running_mail_server
from tests.support.month_of_replies import (
    BY_MAIL,
    LAST,
    LINKED,
    PAGES,
    PHYSIO,
    PHYSIO_MANAGER,
    SILENT,
    SLT,
    SPEECH,
    Month,
)
from tests.support.team import Team

pytestmark = pytest.mark.skipif(DOVECOT is None, reason="answers by e-mail need Dovecot: apt install dovecot-imapd")
LETTERS = [
    ("2026-02-16", PHYSIO, "NX90003: please acknowledge; health advice due 30 March 2026"),
    # It came back the next morning: the next post has it the same day.
    ("2026-02-17", PHYSIO_MANAGER, "NX90003: please acknowledge; health advice due 30 March 2026"),
    ("2026-02-19", PHYSIO, "NX90003: no acknowledgement yet; health advice due 30 March 2026"),
    ("2026-03-02", SLT, "NX90001: please acknowledge; health advice due 13 April 2026"),
    ("2026-03-02", SPEECH, "NX90002: please acknowledge; health advice due 13 April 2026"),
    # The link was used, so that "no acknowledgement yet" of 5 March goes to neither of the two: the mail of 4 March is
    # read on the 5th, before anything leaves.
    ("2026-03-03", SLT, "NX90001: your answer of 3 March 2026 is recorded"),
    # The reminder after 3 weeks fell due on Monday the 9th, in the outage; the one after 5 weeks waits two weeks more.
    ("2026-03-11", PHYSIO, "NX90003: please send health advice by 27 March 2026"),
    ("2026-03-23", SLT, "NX90001: please send health advice by 10 April 2026"),
    ("2026-03-23", SPEECH, "NX90002: please send health advice by 10 April 2026"),
    ("2026-03-24", SLT, "NX90001: your answer of 24 March 2026 is recorded"),
    ("2026-03-25", PHYSIO, "NX90003: please send health advice by 27 March 2026"),
    ("2026-03-26", SPEECH, "NX90002: health advice received 26 March 2026, thank you"),
    # Late on the 31st; its e-mail waits the 8 days that are between the two steps.
    ("2026-04-02", PHYSIO_MANAGER, "NX90003: health advice overdue since 30 March 2026"),
]
FACTS = {
    LINKED: [
        "03-02 ehc_assessment_requested",
        "03-02 health_advice_requested",
        "03-02 notice_sent request_received service",
        "03-03 health_advice_acknowledged",
        "03-03 notice_sent reply_receipt service",
        "03-23 reminder_due reminder_3_weeks",
        "03-23 notice_sent reminder_3_weeks service",
        "03-24 health_advice_answered not_known",
        "03-24 notice_sent reply_receipt service",
    ],
    BY_MAIL: [
        "03-02 ehc_assessment_requested",
        "03-02 health_advice_requested",
        "03-02 notice_sent request_received service",
        "03-05 health_advice_acknowledged",
        "03-23 reminder_due reminder_3_weeks",
        "03-23 notice_sent reminder_3_weeks service",
        "03-24 body_replied service sent",
        "03-26 health_advice_received",
        "03-26 notice_sent thanks service",
    ],
    SILENT: [
        "02-16 ehc_assessment_requested",
        "02-16 health_advice_requested",
        "02-16 notice_sent request_received service",
        "02-17 notice_undelivered request_received service no_such_mailbox",
        "02-17 notice_sent request_received service_manager",
        "02-19 reminder_due acknowledgement_missing",
        "02-19 notice_sent acknowledgement_missing service",
        "03-09 reminder_due reminder_3_weeks",
        "03-11 notice_sent reminder_3_weeks service",
        "03-23 reminder_due reminder_5_weeks",
        "03-25 notice_sent reminder_5_weeks service",
        "03-31 breached breach",
        "04-02 notice_sent breach service_manager",
    ],
}
MAILS = {"answered": 2, "undelivered": 1, "automatic": 1, "waiting": 1}


def lived(team: Team) -> Iterator[Month]:
    """The weeks, lived on the installation of a team."""
    team.first = replace(team.first, settings=replace(team.first.settings, pages_at=PAGES))
    # Not under pytest's own folder: the account that owns the mailbox may not enter it.
    home = Path(tempfile.mkdtemp(prefix="sendflow-imap-"))
    try:
        with imap_server(home) as imap, running_mail_server() as mail_server, nursery(team) as children:
            month = Month(team, mail_server, imap, children)
            month.live()
            yield month
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Month]:
    """The weeks on SQLite."""
    yield from lived(Team(tmp_path_factory.mktemp("month") / "var"))


def test_every_letter_left_on_its_day_to_its_mailbox_and_no_other_letter_left(month: Month) -> None:
    assert month.arrived() == LETTERS


def test_every_fact_is_there_once_and_no_other(month: Month) -> None:
    assert {case: month.facts(case) for case in FACTS} == FACTS


def test_nobody_else_got_anything(month: Month) -> None:
    """Not the managers and leads of the bodies that answered, no other service of them, no other body, not the DCO."""
    text = (Path(__file__).parents[2] / "config" / "directory.toml").read_text("utf-8")
    everybody = {word.strip('",') for word in text.split() if "@" in word}
    got = {str(each["To"]) for each in month.mail_server.arrived}
    assert got == {SLT, SPEECH, PHYSIO, PHYSIO_MANAGER}
    assert len(everybody - got) >= 18
    with reading(month.team.first.engine) as connection:
        assert set(connection.scalars(select(NOTICE.c.mailbox))) == got


def test_an_email_came_twice_only_where_a_killed_job_could_not_know(month: Month) -> None:
    arrived = Counter(as_it_is_stored(str(each["Message-ID"])) for each in month.mail_server.arrived)
    with reading(month.team.first.engine) as connection:
        rows = connection.execute(select(LETTER.c.message_id, LETTER.c.state)).all()
    states = {row.message_id: row.state for row in rows}
    assert len(states) == len(LETTERS)
    twice = {name for name, times in arrived.items() if times > 1}
    perhaps = {name for name, state in states.items() if state == "sent_perhaps_twice"}
    (returned,) = (name for name, state in states.items() if state == "came_back")
    assert perhaps <= twice <= perhaps | {returned} and max(arrived.values()) <= 2
    assert {state for name, state in states.items() if name not in perhaps | {returned}} == {"sent"}
    assert min(month.kills[name] for name in ("sweep", "deliver", "replies")) > 1


def test_every_mail_was_taken_in_once(month: Month) -> None:
    with reading(month.team.first.engine) as connection:
        assert Counter(connection.scalars(select(INCOMING_MAIL.c.state))) == MAILS
        assert {each.why for each in waiting_mails(connection)} == {"no_code"}
    assert (len(month.imap.stored()), len(set(month.imap.stored("sendflow")))) == (0, 5)


def test_the_two_answers_by_link_and_the_claim_that_ended_leave_nothing_open(month: Month) -> None:
    context = month.team.context(LAST)
    with reading(context.engine) as connection:
        assert list(connection.scalars(select(ANSWER_GIVEN.c.answer))) == ["received", "not_known"]
        assert waiting(context, connection) == [], "the receipt of what was said to be sent is recorded"


def test_the_history_and_the_outbox_verify(month: Month) -> None:
    assert month.team.verify(LAST.isoformat()).intact
