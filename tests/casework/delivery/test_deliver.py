"""Delivery against a real mail server: who gets a letter on which day, what is withdrawn, and what every refusal and
silence leaves behind.
"""

from datetime import UTC, datetime
from typing import Any

import pytest

from casework.delivery.deliver import delivery_is_due, may_leave
from tests.support.by_hand import PAEDS, SALT
from tests.support.mail_server import (
    DCO,
    LEAD,
    MANAGER,
    SERVICE,
    ScriptedMailServer,
    days,
    letters,
    outcomes,
    run_delivery,
)
from tests.support.team import Team


def asked(team: Team, today: str = "2 Mar 2026") -> Team:
    return team.opened(today).asked(today)


def test_the_story_of_one_late_answer(team: Team, mail_server: ScriptedMailServer) -> None:
    """Design section 3: every letter to every recipient, day by day, Easter Monday and the corrected receipt among
    them.
    """
    asked(team)
    sent: dict[str, int] = {}
    for today in days("2 Mar 2026", 56):
        team.sweep(today.isoformat())
        report = run_delivery(team, today, mail_server)
        assert not (report.failed or report.withdrawn)
        if report.sent:
            sent[today.isoformat()] = report.sent
    assert sent == {
        "2026-03-02": 1,
        "2026-03-05": 1,
        "2026-03-23": 1,
        "2026-04-07": 1,
        "2026-04-14": 1,
        "2026-04-21": 2,
    }
    team.record("27 Apr 2026", "health_advice_received", body="QX101")
    run_delivery(team, "27 Apr 2026", mail_server)
    team.record("28 Apr 2026", "fact_corrected", corrects=3, occurred_on="2026-03-09")
    team.sweep("28 Apr 2026")
    assert run_delivery(team, "28 Apr 2026", mail_server).sent == 4
    assert [to for to, _ in mail_server.received()] == [SERVICE] * 4 + [MANAGER, DCO, LEAD, SERVICE] + [
        to for to, _ in mail_server.received()[8:]
    ]
    assert sorted(to for to, _ in mail_server.received()[8:]) == sorted([SERVICE, MANAGER, LEAD, DCO])
    assert all(
        "our earlier letter is withdrawn; the due date is 20 April 2026" in subject
        for _, subject in mail_server.received()[8:]
    )
    assert len(set(mail_server.ids())) == 12
    assert [each[1:] for each in outcomes(team)[:7]] == [
        ("request_received", "service", "2026-03-02"),
        ("acknowledgement_missing", "service", "2026-03-05"),
        ("reminder_3_weeks", "service", "2026-03-23"),
        ("reminder_5_weeks", "service", "2026-04-07"),
        ("breach", "service_manager", "2026-04-14"),
        ("escalation_provider", "dco", "2026-04-21"),
        ("escalation_provider", "provider_send_lead", "2026-04-21"),
    ]
    assert team.verify("28 Apr 2026").intact


def test_a_message_can_be_answered_and_says_that_a_machine_wrote_it(
    team: Team, mail_server: ScriptedMailServer
) -> None:
    asked(team)
    run_delivery(team, "2 Mar 2026", mail_server)
    (message,) = mail_server.arrived
    assert message["Reply-To"] == DCO
    assert message["Auto-Submitted"] == "auto-generated"
    assert str(message["Date"]).startswith("Mon, 02 Mar 2026 09:00:00")
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    text, html = (part.get_content() for part in message.iter_parts())
    assert "NX90001" in text and "Monday 13 April 2026" in text
    assert "NX90001" in html and 'lang="en-GB"' in html


@pytest.mark.parametrize(
    ("moment", "leaves"),
    [
        ("2026-04-14T07:59:59+01:00", False),
        ("2026-04-14T08:00:00+01:00", True),
        ("2026-04-14T17:59:59+01:00", True),
        ("2026-04-14T18:00:00+01:00", False),
        ("2026-01-14T08:00:00+00:00", True),
        ("2026-04-11T10:00:00+01:00", False),
        ("2026-04-12T10:00:00+01:00", False),
        ("2026-04-06T10:00:00+01:00", False),
        ("2026-04-03T10:00:00+01:00", False),
        ("2026-12-28T10:00:00+00:00", False),
        ("2026-12-29T10:00:00+00:00", True),
    ],
)
def test_letters_leave_on_working_days_between_eight_and_six(team: Team, moment: str, leaves: bool) -> None:
    assert may_leave(team.first, datetime.fromisoformat(moment).astimezone(UTC)) is leaves


def test_on_easter_monday_nothing_leaves_unless_a_person_says_now_and_why(
    team: Team, mail_server: ScriptedMailServer
) -> None:
    asked(team, "6 Apr 2026")
    assert run_delivery(team, "6 Apr 2026", mail_server).model_dump() == {
        "sent": 0,
        "failed": 0,
        "waiting": 1,
        "withdrawn": 0,
        "held": 0,
    }
    assert not delivery_is_due(team.context("6 Apr 2026"))
    assert run_delivery(team, "6 Apr 2026", mail_server, now=True, reason="the hearing is tomorrow").sent == 1
    with team.first.engine.connect() as connection:
        (detail,) = connection.exec_driver_sql("SELECT detail FROM job_run WHERE act = 'deliver'").scalars()
        assert '"now":true' in detail and "hearing" not in detail
        assert connection.exec_driver_sql("SELECT count(*) FROM passage WHERE case_ref = '-'").scalar() == 1


def test_one_message_a_day_to_a_mailbox_has_all_its_notices(team: Team, mail_server: ScriptedMailServer) -> None:
    asked(team)
    team.act("2 Mar 2026", ("ehc_assessment_requested", "2 Mar 2026", {"la": "northshire"}), case="NX90002")
    team.record("2 Mar 2026", "health_advice_requested", case="NX90002", service=SALT)
    team.record("2 Mar 2026", "health_advice_requested", case="NX90002", service=PAEDS)
    assert run_delivery(team, "2 Mar 2026", mail_server).sent == 2
    together = next(subject for to, subject in mail_server.received() if to == SERVICE)
    assert together.startswith("NX90001 (NS-04412) and 1 other case: please answer 2 requests")


def test_what_comes_up_later_the_same_day_waits_for_the_next_working_day(
    team: Team, mail_server: ScriptedMailServer
) -> None:
    team.opened("5 Mar 2026").asked("6 Mar 2026")
    assert run_delivery(team, "6 Mar 2026", mail_server).sent == 1
    team.act("6 Mar 2026", ("ehc_assessment_requested", "6 Mar 2026", {"la": "northshire"}), case="NX90002")
    team.record("6 Mar 2026", "health_advice_requested", case="NX90002", service=SALT)
    assert run_delivery(team, "6 Mar 2026", mail_server).model_dump() == {
        "sent": 0,
        "failed": 0,
        "waiting": 1,
        "withdrawn": 0,
        "held": 0,
    }
    assert not delivery_is_due(team.context("6 Mar 2026"))
    assert run_delivery(team, "6 Mar 2026", mail_server, now=True).sent == 0
    assert run_delivery(team, "7 Mar 2026", mail_server).sent == 0
    assert delivery_is_due(team.context("9 Mar 2026"))
    assert run_delivery(team, "9 Mar 2026", mail_server).sent == 1


def test_delivering_twice_sends_once(team: Team, mail_server: ScriptedMailServer) -> None:
    asked(team)
    assert [run_delivery(team, "2 Mar 2026", mail_server).sent for _ in range(3)] == [1, 0, 0]
    assert len(mail_server.arrived) == 1


def test_after_sleeping_each_mailbox_gets_the_highest_rung_addressed_to_it(
    team: Team, mail_server: ScriptedMailServer
) -> None:
    asked(team)
    run_delivery(team, "2 Mar 2026", mail_server)
    team.sweep("24 Apr 2026")
    sent = [
        run_delivery(team, today, mail_server).sent
        for today in ("24 Apr 2026", "30 Apr 2026", "1 May 2026", "8 May 2026", "11 May 2026")
    ]
    assert sent == [1, 0, 1, 0, 2], "the manager seven days after the service, lead and DCO five working days later"
    assert mail_server.received()[1:] == [
        (SERVICE, "NX90001 (NS-04412): please send health advice, due 13 April 2026"),
        (MANAGER, "NX90001 (NS-04412): health advice overdue since 13 April 2026"),
        (DCO, "NX90001 (NS-04412): please step in; health advice overdue since 13 April 2026"),
        (LEAD, "NX90001 (NS-04412): please step in; health advice overdue since 13 April 2026"),
    ]
    assert [notice for notice in team.notices() if notice[2] == "superseded"] == [
        ("acknowledgement_missing", "service", "superseded"),
        ("reminder_3_weeks", "service", "superseded"),
    ]


def test_what_was_answered_before_the_letter_left_is_withdrawn(team: Team, mail_server: ScriptedMailServer) -> None:
    asked(team)
    run_delivery(team, "2 Mar 2026", mail_server)
    team.sweep("23 Mar 2026")
    team.record("23 Mar 2026", "health_advice_received", body="QX101")
    report = run_delivery(team, "23 Mar 2026", mail_server)
    assert (report.sent, report.withdrawn) == (1, 1)
    assert mail_server.received()[-1][1].endswith("health advice received 23 March 2026, thank you")


@pytest.mark.parametrize(
    ("kind", "data", "corrects"),
    [
        ("fact_corrected", {"occurred_on": "2026-03-09"}, 3),
        ("fact_withdrawn", {}, 3),
        ("case_withdrawn", {}, None),
        ("health_advice_answered", {"body": "QX101", "answer": "not_known"}, None),
    ],
)
def test_a_withdrawn_breach_is_never_sent(
    team: Team, mail_server: ScriptedMailServer, kind: str, data: dict[str, Any], corrects: int | None
) -> None:
    asked(team)
    run_delivery(team, "2 Mar 2026", mail_server)
    team.sweep("14 Apr 2026")
    team.record("14 Apr 2026", kind, corrects=corrects, **data)
    team.sweep("14 Apr 2026")
    run_delivery(team, "14 Apr 2026", mail_server)
    assert MANAGER not in [to for to, _ in mail_server.received()]
    assert ("breach", "service_manager", "withdrawn") in team.notices()


def test_a_missing_acknowledgement_that_came_is_not_asked_for(team: Team, mail_server: ScriptedMailServer) -> None:
    asked(team)
    run_delivery(team, "2 Mar 2026", mail_server)
    team.sweep("5 Mar 2026")
    team.record("5 Mar 2026", "health_advice_acknowledged", body="QX101")
    assert run_delivery(team, "5 Mar 2026", mail_server).model_dump() == {
        "sent": 0,
        "failed": 0,
        "waiting": 0,
        "withdrawn": 1,
        "held": 0,
    }


def test_paused_chasing_waits_for_the_end_of_the_pause_and_is_then_asked_again(
    team: Team, mail_server: ScriptedMailServer
) -> None:
    asked(team)
    run_delivery(team, "2 Mar 2026", mail_server)
    team.sweep("23 Mar 2026")
    team.record("23 Mar 2026", "chasing_paused", until="2026-03-25", reason="the trust asked for two days")
    assert run_delivery(team, "23 Mar 2026", mail_server).model_dump() == {
        "sent": 0,
        "failed": 0,
        "waiting": 1,
        "withdrawn": 0,
        "held": 0,
    }
    assert not delivery_is_due(team.context("24 Mar 2026"))
    assert run_delivery(team, "25 Mar 2026", mail_server).sent == 0
    assert run_delivery(team, "26 Mar 2026", mail_server).sent == 1


def test_a_recipient_without_an_address_is_a_recorded_failure(team: Team, mail_server: ScriptedMailServer) -> None:
    asked(team)
    assert run_delivery(team, "2 Mar 2026", mail_server).sent == 1
    team.without_body("QX101")
    team.sweep("5 Mar 2026")  # nobody has acknowledged, and no letter can say so
    report = run_delivery(team, "5 Mar 2026", mail_server)
    assert (report.sent, report.failed) == (0, 1)
    assert outcomes(team)[1:] == [("notice_failed", "acknowledgement_missing", "service", "2026-03-05")]
    assert letters(team)[1:] == [("", "2026-03-05", "failed", "no_address")]
    assert team.lines()[-1].data["why"] == "no_address"
    assert run_delivery(team, "6 Mar 2026", mail_server).failed == 0


def test_a_permanent_refusal_ends_as_failed_and_no_notice_as_sent(team: Team, mail_server: ScriptedMailServer) -> None:
    asked(team)
    mail_server.answer_rcpt = "550 no such mailbox"
    assert run_delivery(team, "2 Mar 2026", mail_server).model_dump() == {
        "sent": 0,
        "failed": 1,
        "waiting": 0,
        "withdrawn": 0,
        "held": 0,
    }
    assert letters(team) == [(SERVICE, "2026-03-02", "failed", "smtp_550")]
    assert outcomes(team) == [("notice_failed", "request_received", "service", "2026-03-02")]
    mail_server.answer_rcpt = "250 OK"
    team.sweep("5 Mar 2026")
    assert run_delivery(team, "5 Mar 2026", mail_server).sent == 1
    assert team.verify("5 Mar 2026").intact


@pytest.mark.parametrize("where", ["answer_rcpt", "answer_data"])
def test_a_letter_refused_for_now_waits_under_the_same_message_id(
    team: Team, mail_server: ScriptedMailServer, where: str
) -> None:
    asked(team)
    setattr(mail_server, where, "451 try again later")
    assert run_delivery(team, "2 Mar 2026", mail_server).model_dump() == {
        "sent": 0,
        "failed": 0,
        "waiting": 1,
        "withdrawn": 0,
        "held": 0,
    }
    assert letters(team) == [(SERVICE, "2026-03-02", "waiting", "smtp_451")]
    assert outcomes(team) == []
    setattr(mail_server, where, "250 OK")
    assert run_delivery(team, "2 Mar 2026", mail_server).sent == 1
    assert letters(team) == [(SERVICE, "2026-03-02", "sent", None)]
    assert mail_server.ids()[0].startswith("<20260302-")


def test_with_the_server_down_for_three_days_nothing_is_lost_and_nothing_is_said_twice(
    team: Team, mail_server: ScriptedMailServer
) -> None:
    asked(team)
    mail_server.close()
    for today in days("2 Mar 2026", 4):
        team.sweep(today.isoformat())
        assert run_delivery(team, today, mail_server).model_dump() == {
            "sent": 0,
            "failed": 0,
            "waiting": 1,
            "withdrawn": 0,
            "held": 0,
        }
    mail_server.open()
    team.act("6 Mar 2026", ("ehc_assessment_requested", "6 Mar 2026", {"la": "northshire"}), case="NX90002")
    team.record("6 Mar 2026", "health_advice_requested", case="NX90002", service=SALT)
    assert run_delivery(team, "6 Mar 2026", mail_server).sent == 1
    (only,) = mail_server.received()
    assert only[1].startswith("NX90001 (NS-04412) and 1 other case: please answer 2 requests")
    assert mail_server.ids()[0].startswith("<20260302-")
    assert ("request_received", "service", "superseded") in team.notices()
    assert ("acknowledgement_missing", "service", "sent") in team.notices()
    assert team.verify("6 Mar 2026").intact


def test_a_waiting_letter_of_which_nothing_is_called_for_any_more_is_withdrawn(
    team: Team, mail_server: ScriptedMailServer
) -> None:
    asked(team)
    mail_server.close()
    run_delivery(team, "2 Mar 2026", mail_server)
    team.record("3 Mar 2026", "health_advice_answered", body="QX101", answer="not_known")
    mail_server.open()
    assert run_delivery(team, "3 Mar 2026", mail_server).model_dump() == {
        "sent": 0,
        "failed": 0,
        "waiting": 0,
        "withdrawn": 1,
        "held": 0,
    }
    assert letters(team)[0][2] == "withdrawn"


def test_a_line_lost_after_the_data_is_sent_once_more_as_the_same_letter(
    team: Team, mail_server: ScriptedMailServer
) -> None:
    asked(team)
    mail_server.hang_up = True
    assert run_delivery(team, "2 Mar 2026", mail_server).model_dump() == {
        "sent": 0,
        "failed": 0,
        "waiting": 1,
        "withdrawn": 0,
        "held": 0,
    }
    assert letters(team) == [(SERVICE, "2026-03-02", "waiting", "outcome_unknown")]
    mail_server.hang_up = False
    assert run_delivery(team, "3 Mar 2026", mail_server).sent == 1
    assert letters(team) == [(SERVICE, "2026-03-03", "sent_perhaps_twice", "outcome_unknown")]
    first, second = mail_server.arrived
    assert first["Message-ID"] == second["Message-ID"]
    assert first.get_body().get_content() == second.get_body().get_content()  # type: ignore[union-attr]
    assert outcomes(team) == [("notice_sent", "request_received", "service", "2026-03-03")]


def test_an_outcome_unknown_twice_is_a_failure_for_a_person(team: Team, mail_server: ScriptedMailServer) -> None:
    asked(team)
    mail_server.hang_up = True
    run_delivery(team, "2 Mar 2026", mail_server)
    assert run_delivery(team, "3 Mar 2026", mail_server).failed == 1
    assert letters(team)[0][2:] == ("failed", "outcome_unknown")
    assert run_delivery(team, "4 Mar 2026", mail_server).sent == 0
    assert len(mail_server.arrived) == 2
