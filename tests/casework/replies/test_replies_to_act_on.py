"""An answer on which a person acts waits under "To decide", by whichever way it came, until it is acted on."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from sqlalchemy import select

from casework import to_decide
from casework.delivery.daily_digest import digest
from casework.mailbox.imap import Fetched
from casework.mailbox.read import AllNames
from casework.mailbox.receive import receive
from casework.reports.today import today_of
from models.database import reading
from models.tables import DECIDED, LETTER
from tests.casework.mailbox.samples import reply
from tests.support.by_hand import ADVICE, CASE, PAEDS, PHYSIO, PHYSIO_TRUST, SALT, TRUST
from tests.support.team import Team

TODAY = "20 Mar 2026"
LATER = "30 Mar 2026"


@pytest.fixture
def asked(team: Team) -> Team:
    """Two services of one trust were asked for advice."""
    return team.opened().asked().asked(service=PAEDS)


def opened_seq(team: Team, service: str = SALT) -> int:
    return next(line.seq for line in team.lines() if line.data.get("service") == service)


def said(team: Team, what: str, service: str = SALT, on: str = TODAY, **more: Any) -> None:
    about: dict[str, Any] = {
        "body": TRUST,
        "service": service,
        "rule": ADVICE,
        "opened_seq": opened_seq(team, service),
    }
    team.record(on, "body_replied", said=what, **about, **more)


def waits(team: Team, on: str = TODAY) -> list[tuple[str, str | None]]:
    """What waits: what was said, and of which service."""
    context = team.context(on)
    with reading(context.engine) as connection:
        found = to_decide.waiting(context, connection)
    return [(each.reply.said, each.reply.service) for each in found if each.reply is not None]


def digested(team: Team) -> dict[str, Any]:
    """The fields of the digest."""
    with reading(team.first.engine) as connection:
        text = connection.scalar(select(LETTER.c.fields).where(LETTER.c.template == "morning_digest"))
    found: dict[str, Any] = orjson.loads(text or "{}")
    return found


@pytest.mark.parametrize("what", ["wrong_mailbox", "other_service", "not_known", "discharged"])
def test_an_answer_on_which_a_person_acts_waits_until_its_duty_has_ended(asked: Team, what: str) -> None:
    said(asked, what)
    assert waits(asked) == [(what, SALT)]
    asked.record(LATER, "health_advice_received", service=SALT)
    assert waits(asked, LATER) == []


@pytest.mark.parametrize("what", ["received", "expected", "missed_appointment"])
def test_an_answer_on_which_nobody_acts_does_not_wait(asked: Team, what: str) -> None:
    said(asked, what, **({} if what == "received" else {"day": "2026-03-20"}))
    assert waits(asked) == []


def test_a_person_answers_it_and_is_named(asked: Team) -> None:
    said(asked, "wrong_mailbox", recipient="service")
    context = asked.context(TODAY)
    with reading(context.engine) as connection:
        (found,) = to_decide.waiting(context, connection)
    assert (found.cases, found.reply and found.reply.recipient) == ([CASE], "service")
    to_decide.answer(context, found.number, "dco.team", "done")
    assert waits(asked) == []
    with reading(context.engine) as connection:
        assert connection.execute(select(DECIDED.c.actor, DECIDED.c.how)).all() == [("dco.team", "done")]
    assert asked.verify(TODAY).intact


def test_a_withdrawn_answer_waits_no_more_and_a_corrected_one_as_it_is_now(asked: Team) -> None:
    said(asked, "wrong_mailbox")
    asked.record(TODAY, "fact_withdrawn", corrects=len(asked.lines()), reason="another service's")
    assert waits(asked) == []
    said(asked, "received", PAEDS)
    about: dict[str, Any] = {"body": TRUST, "service": PAEDS, "rule": ADVICE, "opened_seq": opened_seq(asked, PAEDS)}
    asked.record(TODAY, "fact_corrected", corrects=len(asked.lines()), said="wrong_mailbox", **about)
    assert waits(asked) == [("wrong_mailbox", PAEDS)]


def test_the_same_mailbox_says_otherwise_and_another_one_does_not(asked: Team) -> None:
    said(asked, "wrong_mailbox", recipient="service_manager")
    said(asked, "received", recipient="service")
    assert waits(asked) == [("wrong_mailbox", SALT)]
    said(asked, "received", on=LATER, recipient="service_manager")
    assert waits(asked, LATER) == []


def test_a_request_that_belongs_elsewhere_waits_until_that_service_is_asked(asked: Team) -> None:
    said(asked, "other_service", to_body=PHYSIO_TRUST, to_service=PHYSIO)
    asked.record(TODAY, "health_advice_answered", service=SALT, answer="not_known")
    assert waits(asked) == [("other_service", SALT)], "the answer ends the duty, and the other service is not asked yet"
    asked.record(LATER, "health_advice_requested", body=PHYSIO_TRUST, service=PHYSIO)
    assert waits(asked, LATER) == []


def test_a_claim_that_it_was_sent_is_asked_about_once_its_quiet_days_are_over(asked: Team) -> None:
    said(asked, "sent", day="2026-03-19", paused_until="2026-03-27")
    assert (waits(asked, "27 Mar 2026"), waits(asked, LATER)) == ([], [("sent", SALT)])


def test_an_ended_case_has_nothing_to_act_on(asked: Team) -> None:
    said(asked, "wrong_mailbox")
    asked.record(LATER, "case_withdrawn")
    assert waits(asked, LATER) == []


def test_today_and_the_digest_count_the_answers_and_the_mails_alike(asked: Team) -> None:
    for what, service in (("wrong_mailbox", SALT), ("not_known", PAEDS)):
        said(asked, what, service)
    context = asked.context(TODAY)
    raw = reply("Please call us.", "somebody@nowhere.example", None)
    receive(context, Fetched("dco@imap.example/INBOX/1/1", "1", raw, len(raw)), AllNames(context))
    found = today_of(context, context.today())
    digest(context, transport=asked.post)
    fields = digested(asked)
    assert (found.mails, len(found.waiting)) == (1, 2) == (fields["mails"], len(fields["answers"]))
    assert found.to_decide == fields["person_count"] >= 3
    letter = asked.post.letters[-1]
    assert "our mailbox for it is the wrong one" in " ".join(letter.text.split())
    assert "Please call" not in letter.text


def test_the_digest_counts_an_answer_about_a_withheld_child_and_does_not_name_it(asked: Team) -> None:
    said(asked, "wrong_mailbox")
    asked.record(TODAY, "person_flagged_sensitive")
    context = asked.context(TODAY)
    digest(context, transport=asked.post)
    fields = digested(asked)
    assert fields["answers"] == [] and fields["more_for_person"] >= 1
    assert fields["person_count"] == today_of(context, context.today()).to_decide
    assert CASE not in asked.post.letters[-1].text
