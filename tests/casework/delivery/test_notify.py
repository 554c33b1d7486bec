"""Letters by GOV.UK Notify, to a server that answers as its API does: each leaves once, also after a lost answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import text

from casework.context import AppContext
from casework.delivery import receipts
from casework.delivery.deliver import DeliveryReport, deliver
from casework.replies.links import Scope, find_link
from config.process_environment import child_environment
from config.settings import Settings
from models.database import reading, writing
from notifications.notify import NotifyTransport
from notifications.transport import Attempt, Letter, Outcome
from runtime.diagnostics.service_checks import other_words
from tests.support.by_hand import SALT
from tests.support.fork_server import run
from tests.support.mail_server import MANAGER, SERVICE, letters, outcomes
from tests.support.notify_double import SECRET, NotifyDouble, running_notify
from tests.support.paths import ROOT
from tests.support.team import Team

TODAY = "2 Mar 2026"
DELIVER = """
import sys
from dataclasses import replace
from casework.context import AppContext
from casework.delivery.deliver import deliver
from config.notify_settings import NotifyAccess
from notifications.notify import NotifyTransport
access = NotifyAccess(*sys.argv[1:5])
print(deliver(AppContext.load(), transport=NotifyTransport(access)).model_dump_json())
"""


@pytest.fixture
def notify() -> Iterator[NotifyDouble]:
    with running_notify() as double:
        yield double


@pytest.fixture
def asked(team: Team) -> Team:
    return team.opened(TODAY).asked(TODAY)


def send(team: Team, notify: NotifyDouble, today: str = TODAY) -> DeliveryReport:
    return deliver(team.context(today), transport=NotifyTransport(notify.access, 5))


def receipt_of(team: Team) -> list[tuple[str, int, bool, str | None]]:
    with reading(team.first.engine) as connection:
        rows = connection.execute(text("SELECT letter, template_version, same_words, status FROM receipt"))
        return [(row[0], row[1], bool(row[2]), row[3]) for row in rows]


def test_a_letter_leaves_by_notify_with_its_reference_and_where_replies_go(asked: Team, notify: NotifyDouble) -> None:
    assert send(asked, notify).sent == 1
    (taken,) = notify.taken
    ((letter, version, same_words, status),) = receipt_of(asked)
    assert (taken["email_address"], taken["reference"], taken["email_reply_to_id"]) == (
        SERVICE,
        letter,
        notify.access.reply_to,
    )
    assert (version, same_words, status) == (3, True, None)
    assert "NX90001" in taken["personalisation"]["subject"]
    assert letters(asked) == [(SERVICE, "2026-03-02", "sent", None)]
    assert asked.verify(TODAY).intact


def test_a_letter_by_notify_has_links_that_work_also_after_a_lost_answer(asked: Team, notify: NotifyDouble) -> None:
    asked.first = replace(asked.first, settings=replace(asked.first.settings, pages_at="https://cases.icb.example"))
    asked._contexts.clear()
    notify.answers = ["lost"]
    assert send(asked, notify).sent == 1
    (taken,) = notify.taken
    tokens = re.findall(r"https://cases\.icb\.example/reply/([A-Za-z0-9_-]{32})", taken["personalisation"]["body"])
    context = asked.context(TODAY)
    with reading(context.engine) as connection:
        scopes = {find_link(connection, context.cipher, token, context.now()).scope for token in tokens}
    assert scopes == {Scope.DUTY, Scope.MAILBOX}
    assert receipt_of(asked)[0][2], "Notify has the words with the links, as they left"
    assert not [token for token in tokens if token in str(asked.dump())]


def test_the_doctor_names_a_template_at_notify_that_changes_the_words(asked: Team, notify: NotifyDouble) -> None:
    assert send(asked, notify).sent == 1
    context = asked.context(TODAY)
    with reading(context.engine) as connection:
        assert list(other_words(context, connection, context.today())) == []
    with writing(context.engine) as connection:
        connection.execute(text("UPDATE receipt SET same_words = false"))
    with reading(context.engine) as connection:
        (found,) = other_words(context, connection, context.today())
    assert (found.what, found.count) == ("notify_other_words", 1)


def test_a_lost_answer_to_a_letter_that_was_taken_is_no_second_letter(asked: Team, notify: NotifyDouble) -> None:
    """The client says the same of a dead server; so the reference is asked for."""
    notify.answers = ["lost"]
    assert send(asked, notify).sent == 1
    assert len(notify.taken) == 1
    assert letters(asked) == [(SERVICE, "2026-03-02", "sent", None)]


def test_a_letter_that_was_perhaps_taken_is_looked_for_before_it_is_sent_again(
    asked: Team, notify: NotifyDouble
) -> None:
    notify.answers = ["lost_before"]
    assert send(asked, notify).waiting == 1
    assert letters(asked)[0][2:] == ("waiting", "outcome_unknown")
    assert send(asked, notify, "3 Mar 2026").waiting == 1
    assert letters(asked)[0][2:] == ("waiting", "not_taken")
    assert send(asked, notify, "3 Mar 2026").sent == 1
    assert [each.partition("?")[0] for each in notify.asked[-2:]] == [
        "GET /v2/notifications",
        "POST /v2/notifications/email",
    ]
    assert (len(notify.taken), letters(asked)[0][2]) == (1, "sent")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((429, "RateLimitError"), "notify_minute_limit"),
        ((429, "TooManyRequestsError"), "notify_day_limit"),
        ((400, "BadRequestError"), "notify_rejected"),
        ((400, "ValidationError"), "notify_rejected"),
        ((403, "AuthError"), "notify_login_refused"),
        ((500, "InternalServerError"), "notify_error"),
        ((504, "GatewayTimeout"), "notify_error"),
    ],
)
def test_what_notify_refuses_waits_and_is_no_failure_of_the_letter(
    asked: Team, notify: NotifyDouble, answer: tuple[int, str], why: str
) -> None:
    """A wrong key, a service in trial mode and a limit are about every letter: none ends as failed."""
    notify.answers = [answer]
    report = send(asked, notify)
    assert (report.sent, report.failed, report.waiting, report.mail_server_error) == (0, 0, 1, why)
    assert letters(asked) == [(SERVICE, "2026-03-02", "waiting", why)]
    assert send(asked, notify, "3 Mar 2026").sent == 1
    assert len(notify.taken) == 1


def test_a_limit_ends_the_use_of_notify_in_a_run_at_once(asked: Team, notify: NotifyDouble) -> None:
    asked.asked(TODAY, "physiotherapy")
    notify.answers = [(429, "RateLimitError")]
    assert send(asked, notify).waiting == 2
    assert (len(notify.asked), len(notify.taken)) == (1, 0)


def test_a_wrong_key_is_refused_and_nothing_is_taken(asked: Team, notify: NotifyDouble) -> None:
    wrong = notify.access._replace(key=notify.access.key.replace(SECRET, "0" * 8 + SECRET[8:]))
    report = deliver(asked.context(TODAY), transport=NotifyTransport(wrong, 5))
    assert (report.mail_server_error, notify.taken) == ("notify_login_refused", [])


def test_an_outage_of_weeks_ends_with_the_newest_step_only(asked: Team, notify: NotifyDouble) -> None:
    notify.down = True
    for today in ("2 Mar 2026", "5 Mar 2026", "23 Mar 2026", "7 Apr 2026"):
        asked.sweep(today)
        assert send(asked, notify, today).sent == 0
    notify.down = False
    send(asked, notify, "8 Apr 2026")
    assert send(asked, notify, "8 Apr 2026").sent == 1
    assert notify.mailboxes() == [SERVICE]
    steps = [(step, state) for step, to, state in asked.notices() if to == "service"]
    assert [step for step, state in steps if state == "sent"][-1] == "reminder_5_weeks"
    assert ("reminder_3_weeks", "superseded") in steps


@pytest.mark.parametrize("point", ["after_claim", "after_send_before_record", "after_record"])
def test_a_deliverer_killed_at_any_point_sends_each_letter_once(asked: Team, notify: NotifyDouble, point: str) -> None:
    """SMTP can only send again; Notify knows the reference, so that nobody gets a letter twice."""
    access = notify.access
    environment = child_environment(Settings(home=asked.home)) | {
        "SENDFLOW_TODAY": "2026-03-02",
        "SENDFLOW_KILL_AT": point,
        "PYTHONPATH": str(ROOT),
    }
    given = [access.key, access.template, str(access.reply_to), access.url]
    process = run(DELIVER, *given, env=environment, cwd=asked.home)
    assert process.returncode == -9, process.stderr[-2000:]
    for _round in range(2):
        send(asked, notify)
    assert len(notify.taken) == 1
    assert letters(asked) == [(SERVICE, "2026-03-02", "sent", None)]
    assert outcomes(asked) == [("notice_sent", "request_received", "service", "2026-03-02")]
    assert asked.verify(TODAY).intact


def test_delivered_is_stored_and_stops_no_reminder(asked: Team, notify: NotifyDouble) -> None:
    send(asked, notify)
    report = notify.report(0, "delivered")
    for _twice in range(2):
        assert receipts.note_report(asked.context(TODAY), report["reference"], report["id"], "delivered")
    assert [row[3] for row in receipt_of(asked)] == ["delivered"]
    asked.sweep("5 Mar 2026")
    assert send(asked, notify, "5 Mar 2026").sent == 1
    assert asked.verify("5 Mar 2026").intact


@pytest.mark.parametrize("status", sorted(receipts.FAILED))
def test_a_failure_that_notify_reports_is_a_letter_that_was_not_delivered(
    asked: Team, notify: NotifyDouble, status: str
) -> None:
    """The same report twice, and a late "delivered", change nothing more. The next post is written to at once."""
    send(asked, notify)
    report = notify.report(0, status)
    context = asked.context("3 Mar 2026")
    for said in (status, status, "delivered", "sending"):
        assert receipts.note_report(context, report["reference"], report["id"], said)
    kinds = [line.kind for line in asked.lines()]
    assert (kinds.count("notice_undelivered"), receipt_of(asked)[0][3]) == (1, status)
    assert send(asked, notify, "3 Mar 2026").sent == 1
    assert notify.mailboxes() == [SERVICE, MANAGER]
    assert asked.verify("3 Mar 2026").intact


def test_a_report_about_another_letter_changes_nothing(asked: Team, notify: NotifyDouble) -> None:
    send(asked, notify)
    letter, id_ = notify.taken[0]["reference"], notify.taken[0]["id"]
    before = asked.dump()
    context = asked.context(TODAY)
    assert not receipts.note_report(context, letter, "00000000-0000-0000-0000-000000000000", "permanent-failure")
    assert not receipts.note_report(context, "20260302-0000000000", id_, "permanent-failure")
    assert receipts.note_report(context, letter, id_, "a status of next year")
    assert asked.dump() == before


def at(context: AppContext, days: int) -> AppContext:
    return replace(context, settings=replace(context.settings, today=date(2026, 3, 2) + timedelta(days=days)))


def test_what_is_not_reported_is_asked_for_until_notify_forgets_it(asked: Team, notify: NotifyDouble) -> None:
    send(asked, notify)
    transport = NotifyTransport(notify.access, 5)
    notify.taken[0]["status"] = "permanent-failure"
    assert receipts.ask(at(asked.first, 0), transport) == 0, "within an hour it is not asked for"
    assert receipts.ask(at(asked.first, 8), transport) == 0, "after seven days Notify has forgotten it"
    notify.down = True
    assert receipts.ask(at(asked.first, 1), transport) == 0
    notify.down = False
    assert receipts.ask(at(asked.first, 1), transport) == 1
    assert receipt_of(asked)[0][3] == "permanent-failure"
    assert receipts.ask(at(asked.first, 1), transport) == 0, "its fate is known"


def test_nothing_that_leaves_by_notify_names_a_child(team: Team, notify: NotifyDouble) -> None:
    canaries = ("Quintessa", "Marlowe-Fenn", "999 000 0018", "9990000018", "2015-04-01", "1 April 2015", "epilepsy")
    team.record(
        TODAY,
        "ehc_assessment_requested",
        la="northshire",
        la_reference="NS-04412",
        nhs_number="999 000 0018",
        date_of_birth="2015-04-01",
    )
    team.record(TODAY, "assessment_agreed")
    team.asked(TODAY, SALT, note="Quintessa Marlowe-Fenn has epilepsy, born 1 April 2015.")
    for today in ("2 Mar 2026", "5 Mar 2026", "23 Mar 2026", "7 Apr 2026", "14 Apr 2026"):
        team.sweep(today)
        send(team, notify, today)
    left = json.dumps(notify.taken) + " ".join(notify.asked)
    assert len(notify.taken) >= 4
    assert [canary for canary in canaries if canary in left] == []


def test_words_of_another_template_at_notify_are_noticed(asked: Team, notify: NotifyDouble) -> None:
    """The template is at Notify, where somebody may write more around the letter's words, or less."""
    took = notify.take

    def other(posted: dict[str, object]) -> tuple[int, dict[str, object]]:
        status, body = took(posted)
        return status, {**body, "content": {"subject": "Something else", "body": "Nothing of ours"}}

    notify.take = other  # type: ignore[method-assign]
    assert send(asked, notify).sent == 1
    assert [row[2] for row in receipt_of(asked)] == [False]


def test_a_machine_that_does_not_answer_is_waited_for(asked: Team) -> None:
    with running_notify() as gone:
        access = gone.access
    letter = Letter("id", "<id>", SERVICE, "office", SERVICE, "subject", "text", "html", asked.first.now())
    attempt = NotifyTransport(access, 5).send(letter)
    assert attempt == Attempt(Outcome.UNKNOWN, "notify_unreachable")
    assert NotifyTransport(access, 5).send(letter._replace(again=True)).outcome is Outcome.UNREACHABLE
