"""A relay that as a whole does not work ends the round at the second letter in a row; what it says of one letter, or of
one mailbox, does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import repeat

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy import text

from casework.delivery import deliver as delivering
from casework.delivery.deliver import DeliveryReport, Extent, deliver
from cli.jobs import _delivered
from models.database import reading
from notifications.transport import Attempt, Letter, Outcome
from tests.support.mail_server import ScriptedMailServer, letters, run_delivery
from tests.support.team import Team

TODAY, TOMORROW = "2 Mar 2026", "3 Mar 2026"
SERVICES = ("camhs", "community_paediatrics", "occupational_therapy", "physiotherapy", "speech_and_language_therapy")
TAKEN = Attempt(Outcome.ACCEPTED)


class Relay:
    """A mail transport with prepared answers that stores the letters."""

    def __init__(self, said: Iterator[Attempt] | Callable[[Letter], Attempt]) -> None:
        self.said = said
        self.tried: list[Letter] = []

    def send(self, letter: Letter) -> Attempt:
        self.tried.append(letter)
        return self.said(letter) if callable(self.said) else next(self.said)


@pytest.fixture
def five(team: Team) -> Team:
    """Five services that are to be written to, each in a mailbox of its own."""
    team.opened(TODAY)
    for service in SERVICES:
        team.asked(TODAY, service)
    return team


def send(team: Team, relay: Relay, today: str = TODAY, seconds: float | None = None) -> DeliveryReport:
    return deliver(team.context(today), transport=relay, extent=Extent(seconds))


@pytest.mark.parametrize("why", ["unreachable", "login_refused", "outcome_unknown"])
def test_a_relay_that_does_not_work_is_tried_twice_and_not_once_for_each_mailbox(five: Team, why: str) -> None:
    """The rest stay unclaimed; once it works again they leave, and a letter tried before has the same Message-ID."""
    outcome = Outcome.UNKNOWN if why == "outcome_unknown" else Outcome.LATER
    down = Relay(repeat(Attempt(outcome, why)))
    report = send(five, down)
    assert (len(down.tried), report.waiting, report.mail_server_error) == (2, 5, why)
    assert report.model_dump() == {"sent": 0, "failed": 0, "waiting": 5, "withdrawn": 0, "held": 0}
    assert [(state, said) for _to, _on, state, said in letters(five)] == [("waiting", why)] * 2
    assert [state for _rung, _to, state in five.notices()].count("created") == 3
    up = Relay(repeat(TAKEN))
    assert (send(five, up, TOMORROW).sent, up.tried[-1].mailbox, len(up.tried)) == (5, down.tried[-1].mailbox, 5)
    assert {letter.message_id for letter in down.tried} <= {letter.message_id for letter in up.tried}
    with reading(five.first.engine) as connection:
        details = [
            row[0] for row in connection.execute(text("SELECT detail FROM job_run WHERE act = 'deliver' ORDER BY id"))
        ]
    assert [f'"relay":"{word}"' in detail for word, detail in zip((why, "works"), details, strict=True)] == [True, True]


@pytest.mark.parametrize("said", [Attempt(Outcome.LATER, "smtp_451"), Attempt(Outcome.REFUSED, "smtp_550")])
def test_what_a_relay_says_of_a_mailbox_ends_no_round(five: Team, said: Attempt) -> None:
    relay = Relay(repeat(said))
    assert send(five, relay).mail_server_error is None
    assert len(relay.tried) == 5


def test_the_deliver_command_names_the_mail_servers_error() -> None:
    assert "accepts no e-mail (login refused): run sendflow doctor" in _delivered(
        DeliveryReport(waiting=5, mail_server_error="login_refused")
    )
    assert "doctor" not in _delivered(DeliveryReport(sent=5, waiting=1))


def test_one_lost_line_between_others_ends_no_round(five: Team) -> None:
    lost = Attempt(Outcome.UNREACHABLE, "line_lost_before_data")
    relay = Relay(iter([lost, TAKEN, lost, TAKEN, lost]))
    assert (send(five, relay).sent, len(relay.tried)) == (2, 5)


def test_letters_that_always_break_the_line_do_not_stand_before_the_others(five: Team) -> None:
    """Two of them would end every run: letters that were not tried yet come first."""

    def said(letter: Letter) -> Attempt:
        return (
            Attempt(Outcome.UNREACHABLE, "line_lost_before_data")
            if letter.mailbox < "d" or letter.mailbox.startswith("o")
            else TAKEN
        )

    relay = Relay(said)
    sent = [send(five, relay).sent for _ in range(3)]
    assert (
        sum(sent)
        == sum(said(letter) is TAKEN for letter in {letter.mailbox: letter for letter in relay.tried}.values())
        == 2
    )


def test_a_slow_relay_has_so_long_for_a_round_and_the_next_round_goes_on(
    five: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]

    def slowly(_letter: Letter) -> Attempt:
        clock[0] += 140.0
        return TAKEN

    monkeypatch.setattr(delivering, "monotonic", lambda: clock[0])
    relay = Relay(slowly)
    assert [send(five, relay, seconds=300).sent for _ in range(3)] == [3, 2, 0]
    assert len({letter.mailbox for letter in relay.tried}) == len(relay.tried) == 5


class Strict(ScriptedMailServer):
    """It answers the sender, or the greeting, as a test sets it."""

    answer_mail = "250 OK"

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        return self.answer_mail


@pytest.mark.parametrize(
    ("answer", "why"),
    [("530 5.7.0 Authentication required", "login_needed"), ("553 5.7.1 not your address", "sender_refused")],
)
def test_a_no_to_the_sender_is_no_end_of_any_letter(five: Team, answer: str, why: str) -> None:
    """All letters have the same sender. Over one setting every one of them failed for good, and nobody was informed."""
    mail_server = Strict()
    mail_server.answer_mail = answer
    mail_server.open()
    try:
        assert run_delivery(five, TODAY, mail_server).mail_server_error == why
        assert {(state, said) for _to, _on, state, said in letters(five)} == {("waiting", why)}
        mail_server.answer_mail = "250 OK"
        assert run_delivery(five, TODAY, mail_server).sent == 5
    finally:
        mail_server.close()
