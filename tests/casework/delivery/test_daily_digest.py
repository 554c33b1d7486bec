"""The daily digest: what it says on which morning, that it goes once, and that the head in it is one that verify can
hold the records to.
"""

from functools import partial
from typing import Any

import orjson
from sqlalchemy import select, text

from casework.delivery.daily_digest import DigestReport, digest
from casework.replies.links import link_to_all, store_links
from casework.reports.letters import shown
from casework.reports.worklists import overdue
from models.database import reading, transact
from models.tables import ANSWER_LINK
from tests.support.by_hand import day
from tests.support.mail_server import DCO, ScriptedMailServer, letters, run_delivery
from tests.support.team import Team


def written(team: Team, today: str, mail_server: ScriptedMailServer) -> DigestReport:
    return digest(team.context(today), transport=mail_server.transport)


def said(team: Team, report: DigestReport) -> str:
    return " ".join(shown(team.first, report.letter).text.split())


def test_on_empty_records_it_is_quiet_and_goes_all_the_same(team: Team, mail_server: ScriptedMailServer) -> None:
    report = written(team, "1 Mar 2026", mail_server)
    assert report.model_dump(include={"state", "late", "soon", "person", "alert", "facts"}) == {
        "state": "sent",
        "late": 0,
        "soon": 0,
        "person": 0,
        "alert": False,
        "facts": 0,
    }
    subject = "SIMULATION: Daily digest 1 March 2026: 0 late, 0 due in seven days, 0 to decide or fix"
    assert mail_server.received() == [(DCO, subject)]


def test_it_goes_once_a_day_however_often_it_runs(team: Team, mail_server: ScriptedMailServer) -> None:
    first, second = written(team, "2 Mar 2026", mail_server), written(team, "2 Mar 2026", mail_server)
    assert first == second
    assert len(mail_server.arrived) == 1
    written(team, "3 Mar 2026", mail_server)
    assert len(mail_server.arrived) == 2


def test_it_says_what_is_late_what_is_coming_and_what_waits_for_a_person(
    team: Team, mail_server: ScriptedMailServer
) -> None:
    team.opened("2 Mar 2026").asked("2 Mar 2026").asked("9 Mar 2026", service="community_paediatrics")
    team.record(
        "10 Apr 2026", "excuse_claimed", ground="absent_4_weeks", body="QX101", evidence="words that stay in a passage"
    )
    team.sweep("14 Apr 2026")
    report = written(team, "14 Apr 2026", mail_server)
    assert (report.late, report.soon, report.person) == (1, 1, 1)
    text_ = said(team, report)
    assert "Northshire Community Health NHS Trust 1 1 day, NX90001 1 To see each case" in text_
    claim = "NX90001 / NS-04412 claim 5 of 10 Apr 2026: absent 4 weeks, Community Paediatrics and Speech and Language"
    assert f"{claim} Therapy (words recorded)" in text_
    assert "sendflow record CASE excuse_decided --data claim=NUMBER --data decision=accepted" in text_
    assert "words that stay" not in text_


def test_it_counts_what_nobody_is_reminded_of_by_who_owes_it(team: Team, mail_server: ScriptedMailServer) -> None:
    """A school's report is not the authority's, and our own team's answer is not a health body's."""
    team.opened("2 Feb 2026")  # the authority's plan is due in June
    team.record("2 Mar 2026", "plan_made", case="NX90005", la="northshire")
    team.record("2 Mar 2026", "review_meeting_held", case="NX90005")
    enquiry: dict[str, Any] = {
        "sorted_as": "concern",
        "sender_is": "parent",
        "topic": "waiting_list",
        "channel": "telephone",
    }
    team.record("2 Mar 2026", "enquiry_received", case="NX90006", la="northshire", **enquiry)
    team.sweep("7 Apr 2026")
    report = written(team, "7 Apr 2026", mail_server)
    text_ = said(team, report)
    assert "Our own team 2 34 days, NX90006 0" in text_
    assert (
        "sendflow sends no reminders about some dates, and the numbers above do not count them. Of local authorities'"
        " own dates, 2 have passed and none falls due in seven days. Of the dates of everybody else (such as schools,"
        " families and mediation advisers), 1 has passed and none falls due in seven days."
    ) in text_
    assert len(overdue(team.context("7 Apr 2026"), day("7 Apr 2026"))) == 5


def test_an_accepted_excuse_comes_up_again_on_the_day_that_was_named(
    team: Team, mail_server: ScriptedMailServer
) -> None:
    team.opened("2 Mar 2026").asked()
    team.record(
        "10 Apr 2026",
        "excuse_claimed",
        ground="absent_4_weeks",
        body="QX101",
        began_on="2026-03-05",
        ended_on="2026-04-05",
    )
    claim = team.lines()[-1].seq
    team.record("11 Apr 2026", "excuse_decided", claim=claim, decision="accepted", look_again_on="2026-04-20")
    assert written(team, "19 Apr 2026", mail_server).person == 0
    report = written(team, "20 Apr 2026", mail_server)
    assert report.person == 1
    assert "review the accepted exception (absent 4 weeks); the review date was 20 Apr 2026" in said(team, report)


def test_what_is_escalated_to_the_dco_rides_in_the_digest_as_the_days_one_message(
    team: Team, mail_server: ScriptedMailServer
) -> None:
    team.opened("2 Mar 2026").asked()
    for today in ("2 Mar 2026", "5 Mar 2026", "23 Mar 2026", "7 Apr 2026", "14 Apr 2026"):
        team.sweep(today)
        run_delivery(team, today, mail_server)
    team.sweep("21 Apr 2026")
    report = written(team, "21 Apr 2026", mail_server)
    assert report.person == 1
    decision = "Speech and Language Therapy: agree with the provider when the advice will come (8 days late)"
    assert f"NX90001 / NS-04412 {decision}" in said(team, report)
    assert run_delivery(team, "21 Apr 2026", mail_server).sent == 1
    assert [to for to, _ in mail_server.received()].count(DCO) == 1
    assert ("escalation_provider", "dco", "sent") in team.notices()
    assert [
        str(line.data["letter"])
        for line in team.lines()
        if line.kind == "notice_sent" and line.data["recipient"] == "dco"
    ] == [report.letter]
    assert team.verify("21 Apr 2026").intact


def test_letters_that_failed_or_wait_are_named(team: Team, mail_server: ScriptedMailServer) -> None:
    team.opened("2 Mar 2026").asked()
    mail_server.answer_rcpt = "550 no such mailbox"
    run_delivery(team, "2 Mar 2026", mail_server)
    mail_server.answer_rcpt = "250 OK"
    team.sweep("3 Mar 2026")
    report = written(team, "3 Mar 2026", mail_server)
    assert report.person == 1
    assert "to slt.advice@northshire-community.example: failed, smtp 550; the recipient was not informed" in said(
        team, report
    )
    team.sweep("12 Mar 2026")
    assert written(team, "12 Mar 2026", mail_server).person == 0


def test_a_day_without_a_finished_sweep_alerts(team: Team, mail_server: ScriptedMailServer) -> None:
    team.opened("2 Mar 2026")
    assert written(team, "2 Mar 2026", mail_server).alert
    team.sweep("3 Mar 2026")
    assert not written(team, "3 Mar 2026", mail_server).alert
    assert not written(team, "4 Mar 2026", mail_server).alert
    report = written(team, "5 Mar 2026", mail_server)
    assert report.alert
    assert mail_server.received()[-1][1].startswith("SIMULATION: ALERT, deadlines are not being checked")
    assert "sendflow has not checked deadlines since 3 March 2026" in said(team, report)


def test_a_digest_that_could_not_leave_is_tried_again_and_gives_way_to_the_next_days(
    team: Team, mail_server: ScriptedMailServer
) -> None:
    mail_server.close()
    assert written(team, "2 Mar 2026", mail_server).state == "waiting"
    assert written(team, "3 Mar 2026", mail_server).state == "waiting"
    mail_server.open()
    assert [each[2] for each in letters(team)] == ["withdrawn", "waiting"]
    assert run_delivery(team, "3 Mar 2026", mail_server).sent == 1
    assert written(team, "3 Mar 2026", mail_server).state == "sent"
    assert len(mail_server.arrived) == 1


def test_a_checkpoint_proves_that_the_records_still_match_it(team: Team, mail_server: ScriptedMailServer) -> None:
    team.opened("2 Mar 2026").asked()
    report = written(team, "3 Mar 2026", mail_server)
    assert (report.cases, report.facts) == (1, 3)
    assert report.head in said(team, report).replace(" ", "")
    assert team.verify("3 Mar 2026").intact
    with reading(team.first.engine) as connection:
        anchors = connection.execute(text("SELECT before, head FROM anchor")).all()
    assert [tuple(anchor) for anchor in anchors] == [("2026-03-03T09:00:00.000000Z", report.head)]


def test_from_july_of_the_calendars_last_year_it_says_when_the_calendar_ends(
    team: Team, mail_server: ScriptedMailServer
) -> None:
    last = team.first.calendar.last
    assert "Bank holidays end" not in said(team, written(team, f"{last.year}-06-30", mail_server))
    assert "Bank holidays end" in said(team, written(team, f"{last.year}-07-01", mail_server))


def test_the_stored_digest_names_no_child(team: Team, mail_server: ScriptedMailServer) -> None:
    team.act(
        "2 Mar 2026",
        (
            "ehc_assessment_requested",
            "2 Mar 2026",
            {"la": "northshire", "nhs_number": "9990000018", "date_of_birth": "2018-07-21"},
        ),
    )
    team.asked()
    team.sweep("14 Apr 2026")
    written(team, "14 Apr 2026", mail_server)
    with reading(team.first.engine) as connection:
        stored = b"".join(
            orjson.dumps(list(row))
            for row in connection.execute(text("SELECT fields FROM letter UNION ALL SELECT fields FROM notice"))
        )
    assert b"NX90001" in stored
    assert b"9990000018" not in stored
    assert b"2018-07" not in stored


def test_writing_the_digest_forgets_links_that_ended_four_weeks_ago(team: Team) -> None:
    links = [link_to_all("a@trust.example", day("2 Mar 2026")), link_to_all("a@trust.example", day("20 Mar 2026"))]
    for link, on in zip(links, ("2 Mar 2026", "20 Mar 2026"), strict=True):
        context = team.context(on)
        transact(context.engine, context.keep_time)
        store = partial(store_links, cipher=context.cipher, links=[link], now=context.now())
        transact(context.engine, store)
    digest(team.context("14 Apr 2026"), transport=team.post)
    with reading(team.first.engine) as connection:
        assert list(connection.scalars(select(ANSWER_LINK.c.made_for))) == ["2026-W12"]
