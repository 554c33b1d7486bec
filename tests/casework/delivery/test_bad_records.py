"""One bad row stops its own letter and no other, and is named."""

import re

import orjson
import pytest
from sqlalchemy import text

from casework.delivery.daily_digest import digest
from models.database import reading, writing
from notifications.render import RenderError, render
from tests.support.letter_samples import asked, whole
from tests.support.mail_server import DCO, SERVICE, ScriptedMailServer, run_delivery
from tests.support.team import Team

OTHERS = ["community.paediatrics@northshire-community.example", "ot.advice@northshire-community.example"]


def three(team: Team) -> Team:
    """Three services of one body are asked, so three mailboxes get a letter."""
    team.opened("2 Mar 2026").asked("2 Mar 2026")
    return team.asked("2 Mar 2026", service="community_paediatrics").asked("2 Mar 2026", service="occupational_therapy")


def spoil(team: Team, statement: str, **values: str) -> None:
    with writing(team.first.engine) as connection:
        assert connection.execute(text(statement), {"box": SERVICE, **values}).rowcount == 1


def failed(team: Team) -> list[object]:
    """What the deliveries say of mailboxes that cannot be read."""
    with reading(team.first.engine) as connection:
        rows = connection.execute(text("SELECT detail FROM job_run WHERE act = 'deliver'")).scalars()
        return [detail["unreadable"] for detail in map(orjson.loads, rows) if "unreadable" in detail]


@pytest.mark.parametrize("fields", ["{", "[]", "null", "{}", '{"letter": "nobody"}', '{"letter": 7}', '"words"'])
def test_a_notice_that_cannot_be_read_stops_no_other_mailbox(
    team: Team, mail_server: ScriptedMailServer, fields: str
) -> None:
    three(team)
    spoil(team, "UPDATE notice SET fields = :fields WHERE mailbox = :box", fields=fields)
    report = run_delivery(team, "2 Mar 2026", mail_server)
    assert sorted(to for to, _ in mail_server.received()) == OTHERS
    assert report.sent == 2
    # It is named as unreadable, or waits until verification finds it: nothing is sent on a guess.
    assert (report.failed, failed(team)) in ((1, [[SERVICE]]), (0, []))
    with reading(team.first.engine) as connection:
        states = connection.execute(text("SELECT state FROM notice WHERE mailbox = :box"), {"box": SERVICE}).scalars()
        assert list(states) == ["created"]


def test_the_digest_names_the_mailbox_and_leaves_although_its_own_notice_is_bad(
    team: Team, mail_server: ScriptedMailServer
) -> None:
    three(team)
    spoil(team, "UPDATE notice SET fields = '{' WHERE mailbox = :box")
    run_delivery(team, "2 Mar 2026", mail_server)
    with writing(team.first.engine) as connection:
        connection.execute(text("UPDATE notice SET mailbox = :dco WHERE mailbox = :box"), {"dco": DCO, "box": SERVICE})
    team.sweep("3 Mar 2026")
    report = digest(team.context("3 Mar 2026"), transport=mail_server.transport)
    assert (report.state, report.person) == ("sent", 1)
    assert mail_server.received()[-1][0] == DCO
    said = " ".join(mail_server.arrived[-1].get_body().get_content().split())  # type: ignore[union-attr]
    assert f"{SERVICE}: a row cannot be read, so nothing was sent" in re.sub("<[^>]*>", "", said)


@pytest.mark.parametrize("fields", ["{", "[]", "{}", "null"])
def test_a_letter_whose_text_cannot_be_read_stops_no_other(
    team: Team, mail_server: ScriptedMailServer, fields: str
) -> None:
    """The outcome of its first attempt is unknown, so it is sent as it is stored."""
    three(team)
    first, *others = sorted([*OTHERS, SERVICE])
    mail_server.hang_up = True
    run_delivery(team, "2 Mar 2026", mail_server)
    mail_server.hang_up = False
    mail_server.arrived.clear()
    spoil(team, "UPDATE letter SET fields = :fields WHERE mailbox = :box", fields=fields, box=first)
    report = run_delivery(team, "3 Mar 2026", mail_server)
    assert sorted(to for to, _ in mail_server.received()) == others
    assert report.failed == 1


def test_an_address_that_no_header_holds_fails_alone_and_is_named(team: Team, mail_server: ScriptedMailServer) -> None:
    """The outcome of its first attempt is unknown, so it goes to the mailbox that is stored with it."""
    three(team)
    first, *others = sorted([*OTHERS, SERVICE])
    mail_server.hang_up = True
    run_delivery(team, "2 Mar 2026", mail_server)
    mail_server.hang_up = False
    mail_server.arrived.clear()
    bad = "slt@x.example\r\nBcc: y@x.example"
    spoil(team, "UPDATE letter SET mailbox = :bad WHERE mailbox = :box", bad=bad, box=first)
    report = run_delivery(team, "3 Mar 2026", mail_server)
    assert sorted(to for to, _ in mail_server.received()) == others
    assert (report.sent, report.failed) == (2, 1)
    with reading(team.first.engine) as connection:
        states = connection.execute(text("SELECT state, why FROM letter WHERE mailbox LIKE 'slt@%x.example'")).all()
    assert [tuple(row) for row in states] == [("failed", "cannot_be_written")]
    team.sweep("4 Mar 2026")
    said = digest(team.context("4 Mar 2026"), transport=mail_server.transport)
    assert said.state == "sent" and said.person == 1


def test_an_altered_mailbox_of_a_waiting_notice_reaches_nobody(team: Team, mail_server: ScriptedMailServer) -> None:
    three(team)
    spoil(team, "UPDATE notice SET mailbox = :other WHERE mailbox = :box", other="somebody@else.example")
    assert run_delivery(team, "2 Mar 2026", mail_server).sent == 3
    assert sorted(to for to, _ in mail_server.received()) == sorted([*OTHERS, SERVICE])


@pytest.mark.parametrize("key", sorted(whole(asked("breach", "service_manager"), "2026-04-14")))
def test_a_field_of_any_other_form_is_an_error_of_the_letter_and_nothing_else(key: str) -> None:
    """Every field as every kind of value: rendering raises RenderError or makes a letter."""
    fields = whole(asked("breach", "service_manager"), "2026-04-14")
    for value in (None, 7, [], {}, [1], {"a": 1}, "words", [None], True):
        for template, version in (("breach", 2), ("digest", 4)):
            item = {"template": "breach", "version": 2, "fields": {**fields, key: value}}
            several = {**fields, "items": [item, item], key: value} if template == "digest" else {**fields, key: value}
            try:
                made = render(template, version, several)
            except RenderError as error:
                assert "Northshire" not in str(error)
            else:
                assert made.text
