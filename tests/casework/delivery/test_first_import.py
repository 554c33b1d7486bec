"""A first import chases nobody for the past: one digest a mailbox with the highest step addressed to it, held where
people would get it.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from casework.cases.record import RecordCommand, record_acts
from casework.delivery.deliver import deliver
from casework.delivery.next_day_letters import letters_on_hold
from casework.delivery.release import notices_on_hold, release
from casework.reports.letters import letters as list_of_letters
from casework.reports.letters import shown
from config.settings import Carrier
from models.facts import FactDraft
from tests.support.by_hand import PAEDS, SALT, day
from tests.support.mail_server import DCO, LEAD, MANAGER, SERVICE, ScriptedMailServer, letters, run_delivery
from tests.support.team import Team

ICB = "executive.lead.send@northernvales-icb.example"


def imported(team: Team, today: str, case: str, carrier: Carrier, *facts: tuple[str, str, Mapping[str, Any]]) -> None:
    context = replace(team.context(today), settings=replace(team.context(today).settings, carrier=carrier))
    opening = FactDraft("ehc_assessment_requested", day("2 Feb 2026"), {"la": "northshire"})
    drafts = [opening, *(FactDraft(kind, day(on), data) for kind, on, data in facts)]
    (outcome,) = record_acts(context, [RecordCommand(case, drafts, begin_chasing=True)], "importer", "import")
    assert getattr(outcome, "facts", 0) > 1, outcome


def asked(on: str, service: str = SALT) -> tuple[str, str, dict[str, str]]:
    return ("health_advice_requested", on, {"body": "QX101", "service": service})


def test_each_mailbox_gets_one_digest_with_the_highest_rung_addressed_to_it(
    team: Team, mail_server: ScriptedMailServer
) -> None:
    imported(team, "24 Apr 2026", "NX90001", Carrier.SINK, asked("2 Mar 2026"))
    imported(team, "24 Apr 2026", "NX90002", Carrier.SINK, asked("30 Mar 2026"))
    imported(
        team,
        "24 Apr 2026",
        "NX90003",
        Carrier.SINK,
        asked("2 Mar 2026", PAEDS),
        ("health_advice_received", "9 Apr 2026", {"body": "QX101"}),
    )
    assert team.sweep("24 Apr 2026").facts_written == 0
    assert run_delivery(team, "24 Apr 2026", mail_server).sent == 1
    assert [to for to, _ in mail_server.received()] == [SERVICE]
    for today in ("30 Apr 2026", "1 May 2026", "8 May 2026", "11 May 2026"):
        run_delivery(team, today, mail_server)
    assert [to for to, _ in mail_server.received()] == [SERVICE, MANAGER, DCO, LEAD], "lower steps first"
    assert [letter[:2] for letter in letters(team)][1:] == [
        (MANAGER, "2026-05-01"),
        (DCO, "2026-05-11"),
        (LEAD, "2026-05-11"),
    ], "seven days after the service; five working days after the manager, over the bank holiday of 4 May"
    with team.first.engine.connect() as connection:
        steps = connection.exec_driver_sql("SELECT case_ref, rung, recipient FROM notice ORDER BY 1, rank, 3").all()
    assert [tuple(row) for row in steps] == [
        ("NX90001", "reminder_5_weeks", "service"),
        ("NX90001", "breach", "service_manager"),
        ("NX90001", "escalation_provider", "dco"),
        ("NX90001", "escalation_provider", "provider_send_lead"),
        ("NX90002", "reminder_3_weeks", "service"),
    ]
    service = next(str(one["Message-ID"]) for one in mail_server.arrived if one["To"] == SERVICE)
    text = shown(team.first, service[1:].split(".")[0]).text
    assert "this is its first letter to you" in " ".join(text.split())
    assert text.index("NX90001") < text.index("NX90002")
    assert team.verify("24 Apr 2026").intact


def test_a_mailbox_that_had_letters_before_gets_no_introduction(team: Team, mail_server: ScriptedMailServer) -> None:
    imported(team, "24 Apr 2026", "NX90001", Carrier.SINK, asked("2 Mar 2026"))
    run_delivery(team, "24 Apr 2026", mail_server)
    imported(team, "27 Apr 2026", "NX90004", Carrier.SINK, asked("9 Mar 2026"))
    run_delivery(team, "27 Apr 2026", mail_server)
    later = [one for one in mail_server.arrived if one["To"] == SERVICE][-1]
    text = " ".join(shown(team.first, str(later["Message-ID"])[1:].split(".")[0]).text.split())
    assert "NX90004" in text and "first letter to you" not in text


def test_what_was_covered_is_never_chased_again_and_what_comes_later_is(
    team: Team, mail_server: ScriptedMailServer
) -> None:
    imported(team, "24 Apr 2026", "NX90001", Carrier.SINK, asked("2 Mar 2026"))
    run_delivery(team, "24 Apr 2026", mail_server)
    before = len(mail_server.arrived)
    team.sweep("27 Apr 2026")
    run_delivery(team, "27 Apr 2026", mail_server)
    assert len(mail_server.arrived) == before
    for today in ("28 Apr 2026", "1 May 2026", "11 May 2026", "15 May 2026", "18 May 2026"):
        team.sweep(today)
        run_delivery(team, today, mail_server)
    assert [to for to, _ in mail_server.received()[before:]] == [MANAGER, DCO, LEAD, ICB]


@pytest.mark.parametrize("carrier", [Carrier.SMTP, Carrier.FILE])
def test_where_people_would_get_them_they_wait_for_a_person(
    team: Team, mail_server: ScriptedMailServer, carrier: Carrier
) -> None:
    imported(team, "24 Apr 2026", "NX90001", carrier, asked("2 Mar 2026"))
    assert run_delivery(team, "24 Apr 2026", mail_server).model_dump() == {
        "sent": 0,
        "failed": 0,
        "waiting": 0,
        "withdrawn": 0,
        "held": 4,
    }
    waiting = notices_on_hold(team.first)
    assert {(one.mailbox, one.notices) for one in waiting} == {(SERVICE, 1), (MANAGER, 1), (LEAD, 1), (DCO, 1)}
    assert release(team.context("24 Apr 2026"), "sam.reed") == 4
    assert release(team.context("24 Apr 2026"), "sam.reed") == 0
    (fact,) = [line for line in team.lines("NX90001") if line.kind == "letters_released"]
    assert (fact.actor, fact.via) == ("sam.reed", "letters")
    assert [run_delivery(team, today, mail_server).sent for today in ("24 Apr 2026", "1 May 2026")] == [1, 1]


def test_what_is_on_hold_is_shown_as_it_leaves_when_it_is_released(team: Team, mail_server: ScriptedMailServer) -> None:
    imported(team, "24 Apr 2026", "NX90001", Carrier.SMTP, asked("2 Mar 2026"))
    imported(team, "24 Apr 2026", "NX90002", Carrier.SMTP, asked("30 Mar 2026"))
    context, before = team.context("24 Apr 2026"), team.dump()
    shown_now = letters_on_hold(context)
    assert team.dump() == before
    assert (shown_now.unneeded, shown_now.nowhere, shown_now.pages) == (0, 0, 1)
    assert {each.mailbox for each in shown_now.letters if each.later} == {MANAGER, DCO, LEAD}
    (first,) = (each for each in shown_now.letters if not each.later)
    assert (first.mailbox, first.cases) == (SERVICE, ["NX90001", "NX90002"])
    release(context, "sam.reed")
    assert run_delivery(team, "24 Apr 2026", mail_server).sent == 1
    (left,) = list_of_letters(context)
    assert (left.mailbox, shown(context, left.id).text) == (first.mailbox, first.text)
    assert letters_on_hold(context).letters == []


def test_what_is_on_hold_and_not_needed_any_more_is_counted(team: Team) -> None:
    imported(team, "27 Mar 2026", "NX90001", Carrier.SMTP, asked("2 Mar 2026"))
    team.record("30 Mar 2026", "health_advice_answered", case="NX90001", body="QX101", answer="not_known")
    found = letters_on_hold(team.context("30 Mar 2026"))
    assert (found.letters, found.unneeded) == ([], 1)


def test_what_was_answered_while_it_was_held_is_withdrawn_and_what_was_said_meanwhile_is_not_said_lower(
    team: Team, mail_server: ScriptedMailServer
) -> None:
    imported(team, "27 Mar 2026", "NX90001", Carrier.SMTP, asked("2 Mar 2026"))
    imported(team, "27 Mar 2026", "NX90002", Carrier.SMTP, asked("2 Mar 2026"))
    team.record("30 Mar 2026", "health_advice_answered", case="NX90002", body="QX101", answer="not_known")
    team.sweep("7 Apr 2026")
    run_delivery(team, "7 Apr 2026", mail_server)
    assert [to for to, _ in mail_server.received()] == [SERVICE]
    release(team.context("7 Apr 2026"), "sam.reed")
    assert run_delivery(team, "8 Apr 2026", mail_server).model_dump() == {
        "sent": 0,
        "failed": 0,
        "waiting": 0,
        "withdrawn": 1,
        "held": 0,
    }
    with team.first.engine.connect() as connection:
        states = connection.exec_driver_sql("SELECT case_ref, rung, state FROM notice ORDER BY 1, rank").all()
    assert [tuple(row) for row in states] == [
        ("NX90001", "reminder_3_weeks", "superseded"),
        ("NX90001", "reminder_5_weeks", "sent"),
        ("NX90002", "reminder_3_weeks", "withdrawn"),
    ]


def test_no_letter_of_receipt_or_thanks_follows_from_an_imported_fact(
    team: Team, mail_server: ScriptedMailServer
) -> None:
    imported(team, "3 Mar 2026", "NX90001", Carrier.SINK, asked("2 Mar 2026"))
    imported(
        team,
        "3 Mar 2026",
        "NX90002",
        Carrier.SINK,
        asked("2 Feb 2026"),
        ("health_advice_received", "20 Feb 2026", {"body": "QX101"}),
    )
    assert run_delivery(team, "3 Mar 2026", mail_server).sent == 0
    assert letters(team) == []


def test_the_local_smtp_server_is_started_if_none_listens_and_writes_every_delivery(team: Team) -> None:
    team.opened("2 Mar 2026").asked()
    assert deliver(team.context("2 Mar 2026")).sent == 1
    (stored,) = (team.home / "letters").glob("*.eml")
    assert b"NX90001" in stored.read_bytes()


def test_the_file_carrier_leaves_one_file_a_letter(team: Team) -> None:
    team.opened("2 Mar 2026").asked()
    context = team.context("2 Mar 2026")
    assert deliver(replace(context, settings=replace(context.settings, carrier=Carrier.FILE))).sent == 1
    (stored,) = (team.home / "letters").iterdir()
    assert stored.name.startswith("20260302-") and stored.suffix == ".eml"
