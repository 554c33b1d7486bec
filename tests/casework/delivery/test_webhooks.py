"""Webhooks: a real receiver takes signed messages of changes, and none that may not leave."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import signal
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from casework import to_decide, webhooks
from casework.context import AppContext
from casework.delivery import webhook_calls
from casework.delivery.webhook_calls import calls_are_due, send_calls
from casework.reports.operations_events import WEBHOOK_FAILING, OperationsEvent, new_events
from casework.webhooks import WrongWebhook
from models.database import reading, transact
from models.tables import WEBHOOK, WEBHOOK_EVENT
from runtime.diagnostics.webhook_checks import webhooks as examined
from tests.support.by_hand import CASE, SALT
from tests.support.fault_workers import Order, nursery
from tests.support.team import Team
from tests.support.webhook_receiver import HERE, Receiver, certificate, receiving

TODAY = "2 Mar 2026"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def allowing(team: Team, today: str = TODAY, *hosts: str) -> AppContext:
    """The installation on a day, which may ask these hosts of its own network; without one, this machine."""
    context = team.context(today)
    return replace(context, settings=replace(context.settings, webhook_hosts=hosts or (HERE,)))


def at_once(context: AppContext) -> None:
    """Let the time pass that a message waits."""
    old = (datetime.now(UTC) - timedelta(minutes=1)).isoformat(timespec="microseconds")
    transact(context.engine, lambda each: each.execute(update(WEBHOOK_EVENT).values(next_at=old)))


def outcomes(context: AppContext) -> list[str | None]:
    return [each.outcome for each in reversed(webhooks.events(context))]


def test_a_receiver_gets_signed_messages_of_case_and_duty_in_their_order(team: Team, receiver: Receiver) -> None:
    context = allowing(team)
    secret, made = webhooks.make(context, receiver.address, "", "it.oncall")
    team.opened("2 Feb 2026")
    team.record(TODAY, "health_advice_requested", body="QX101", service=SALT)
    waiting = webhooks.events(context)
    assert send_calls(context) == len(waiting) == len(receiver.taken) and waiting
    key = base64.b64decode(secret.removeprefix("whsec_"))
    for each in receiver.taken:
        text = f"{each.headers['webhook-id']}.{each.headers['webhook-timestamp']}.{each.body}"
        expected = base64.b64encode(hmac.digest(key, text.encode(), hashlib.sha256)).decode()
        assert each.headers["webhook-signature"] == f"v1,{expected}", "as Standard Webhooks has it"
        assert abs(int(each.headers["webhook-timestamp"]) - datetime.now(UTC).timestamp()) < 60
    said = [json.loads(each.body) for each in receiver.taken]
    assert [each["type"] for each in said if each["type"] == "case.changed"] == ["case.changed"] * 2
    assert said[-1]["data"] == {
        "case_ref": CASE,
        "rule": "ehc_body_advice_respond",
        "opened_seq": 3,
        "body": "QX101",
        "service": SALT,
        "due": "2026-04-13",
        "closed_on": None,
    }
    assert [each.headers["webhook-id"] for each in receiver.taken] == [
        f"evt_{each.number}" for each in reversed(waiting)
    ]
    assert not calls_are_due(context)
    with reading(context.engine) as connection:
        (row,) = connection.execute(WEBHOOK.select()).all()
    assert key not in bytes(row.sealed) and secret[6:].encode() not in bytes(row.sealed), "the secret is encrypted"
    assert webhooks.listed(context) == [made]


def test_a_message_has_references_states_and_dates_and_no_words_or_identity(team: Team, receiver: Receiver) -> None:
    context = allowing(team)
    webhooks.make(context, receiver.address, "", "it.oncall")
    team.record("2 Feb 2026", "ehc_assessment_requested", la="northshire", nhs_number="999 000 0018")
    team.record(TODAY, "health_advice_requested", body="QX101", service=SALT, note="The parents rang.")
    send_calls(context)
    said = " ".join(each.body for each in receiver.taken)
    assert CASE in said
    assert not [word for word in ("9990000018", "999 000 0018", "parents", "note", "nhs") if word in said]


def test_no_message_is_about_a_restricted_case_or_a_child_of_whom_nothing_leaves(
    team: Team, receiver: Receiver
) -> None:
    context = allowing(team)
    webhooks.make(context, receiver.address, "", "it.oncall")
    how: dict[str, Any] = {"how": "telephone", "referred_to": "childrens_social_care", "parents_informed": "yes"}
    team.record(TODAY, "safeguarding_referral_made", case="SR00042", la="northshire", **how)
    assert webhooks.events(context) == []
    team.opened("2 Feb 2026")
    team.record(TODAY, "person_flagged_sensitive")
    assert send_calls(context) == 0
    assert receiver.taken == [] and set(outcomes(context)) == {"withheld"}, "asked again before it leaves"


def test_a_council_is_informed_of_its_own_cases(team: Team, receiver: Receiver) -> None:
    context = allowing(team)
    webhooks.make(context, receiver.address, "northshire", "it.oncall")
    team.record(TODAY, "ehc_assessment_requested", case="NX90077", la="eastmere")
    assert webhooks.events(context) == []
    team.record(TODAY, "ehc_assessment_requested", case="NX90078", la="northshire")
    assert {each.case_ref for each in webhooks.events(context)} == {"NX90078"}


def failing_webhooks(context: AppContext) -> list[OperationsEvent]:
    """What operations staff are shown of addresses that take nothing; rows of any age."""
    with reading(context.engine) as connection:
        found = new_events(connection, context, "9999", (), 10).events
    return [each for each in found if each.name == WEBHOOK_FAILING]


def test_what_is_not_taken_is_sent_again_later_under_the_same_id_and_what_follows_waits(
    team: Team, receiver: Receiver
) -> None:
    context = allowing(team)
    webhooks.make(context, receiver.address, "", "it.oncall")
    team.opened("2 Feb 2026")
    receiver.answers = [500, 302, 401, None]
    for _each in range(4):
        assert send_calls(context) == 0 and not calls_are_due(context)
        at_once(context)
    with reading(context.engine) as connection:
        assert [each.what for each in examined(context, connection, context.today())] == ["webhook_waits"]
    (failing,) = failing_webhooks(context)
    assert failing.data == {"webhook": webhooks.listed(context)[0].id, "message": webhooks.events(context)[-1].number}
    assert failing.case_ref is None, "operations learn of the address, and of no case"
    assert len({each.headers["webhook-id"] for each in receiver.taken}) == 1
    total = len(webhooks.events(context))
    assert send_calls(context) == total and outcomes(context) == ["sent"] * total
    assert failing_webhooks(context) == []


def test_an_answer_without_an_end_holds_up_no_message(team: Team, receiver: Receiver) -> None:
    """Its status says enough. Read whole, it would fill the memory, and the next message would wait for ever."""
    context = allowing(team)
    webhooks.make(context, receiver.address, "", "it.oncall")
    team.opened("2 Feb 2026")
    receiver.endless.set()
    try:
        total = len(webhooks.events(context))
        receiver.answers = [200] * total  # of a 204 nobody reads a body
        assert send_calls(context) == total and outcomes(context) == ["sent"] * total
    finally:
        receiver.endless.clear()


def test_after_four_days_a_message_is_given_up_and_the_next_one_is_tried(team: Team, receiver: Receiver) -> None:
    context = allowing(team)
    webhooks.make(context, receiver.address, "", "it.oncall")
    team.opened("2 Feb 2026")
    receiver.answers = [500] * (len(webhook_calls.AFTER_MINUTES) + 1)
    for _each in range(len(webhook_calls.AFTER_MINUTES) + 1):
        at_once(context)
        send_calls(context)
    assert outcomes(context)[0] == "gave_up" and set(outcomes(context)[1:]) == {"sent"}


def test_an_address_that_is_gone_is_ended(team: Team, receiver: Receiver) -> None:
    context = allowing(team)
    webhooks.make(context, receiver.address, "", "it.oncall")
    team.opened("2 Feb 2026")
    receiver.answers = [410]
    send_calls(context)
    assert len(receiver.taken) == 1 and set(outcomes(context)) == {"ended"}
    assert webhooks.listed(context)[0].ended_by == "sendflow"


def test_an_address_that_was_altered_in_the_database_is_sent_nothing(team: Team, receiver: Receiver) -> None:
    context = allowing(team)
    webhooks.make(context, "https://case.northshire.example/hooks", "", "it.oncall")
    team.opened("2 Feb 2026")
    transact(context.engine, lambda each: each.execute(update(WEBHOOK).values(address=receiver.address)))
    assert send_calls(context) == 0 and receiver.taken == []


@pytest.mark.parametrize(
    "address",
    [
        "http://case.northshire.example/hooks",
        "https://127.0.0.1/hooks",
        "https://10.1.2.3/hooks",
        "https://169.254.169.254/latest",
        "https://[::1]/hooks",
        "https://[::ffff:10.0.0.1]/hooks",
        "https://user:words@case.northshire.example/",
        "https://case.northshire.example/#part",
        "ftp://case.northshire.example/",
        "case.northshire.example",
    ],
)
def test_an_address_inside_a_network_or_without_https_is_refused(team: Team, address: str) -> None:
    with pytest.raises(WrongWebhook, match="as in"):
        webhooks.make(team.context(TODAY), address, "", "it.oncall")


def test_a_name_that_means_a_private_address_is_not_asked(
    team: Team, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = allowing(team, TODAY, HERE)
    webhooks.make(context, f"https://localhost:{receiver.port}/hooks", "", "it.oncall")
    team.opened("2 Feb 2026")
    monkeypatch.setattr(AppContext, "simulated", False)
    assert send_calls(context) == 0 and receiver.connections == 0


@pytest.mark.parametrize(("name", "sent"), [("localhost", 1), ("other.example", 0)])
def test_a_receiver_with_tls_shows_a_certificate_of_its_own_name(
    team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, sent: int
) -> None:
    files = certificate(tmp_path, name)
    monkeypatch.setenv("SSL_CERT_FILE", str(files[0]))
    with receiving(files) as receiver:
        context = allowing(team, TODAY, "localhost")
        webhooks.make(context, receiver.address, "", "it.oncall")
        team.opened("2 Feb 2026")
        assert min(send_calls(context), 1) == sent
        assert bool(receiver.taken) is bool(sent)
        assert [each.headers["host"] for each in receiver.taken[:1]] == [f"localhost:{receiver.port}"] * sent


def test_a_simulation_informs_nobody_outside(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    context = team.context(TODAY)
    webhooks.make(context, "https://case.northshire.example/hooks", "", "it.oncall")
    team.opened("2 Feb 2026")
    asked: list[object] = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *given, **_more: asked.append(given))
    assert send_calls(context) == 0 and asked == []


def test_a_message_is_there_with_its_facts_or_neither_is(
    team: Team, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = allowing(team)
    webhooks.make(context, receiver.address, "", "it.oncall")
    team.opened("2 Feb 2026")
    before, written = team.dump(), len(webhooks.events(context))

    def broken(*_given: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(to_decide, "store", broken)  # what an act writes last
        with pytest.raises(RuntimeError):
            team.record(TODAY, "health_advice_requested", body="QX101", service=SALT)
    assert team.dump() == before and len(webhooks.events(context)) == written


def test_two_senders_at_once_send_each_message_once(team: Team, receiver: Receiver) -> None:
    context = allowing(team)
    webhooks.make(context, receiver.address, "", "it.oncall")
    team.opened("2 Feb 2026")
    with nursery(team) as children:
        ends = children.all_at_once(*(Order("webhooks", "2026-03-02") for _each in range(3)))
    assert [end.code for end in ends] == [0, 0, 0]
    ids = [each.headers["webhook-id"] for each in receiver.taken]
    assert len(ids) == len(set(ids)) == len(webhooks.events(context)) > 0
    assert set(outcomes(context)) == {"sent"}


def test_a_sender_killed_at_any_statement_loses_no_message_and_repeats_one_under_its_id(
    team: Team, receiver: Receiver
) -> None:
    context = allowing(team)
    webhooks.make(context, receiver.address, "", "it.oncall")
    team.opened("2 Feb 2026")
    expected = [each.number for each in reversed(webhooks.events(context))]
    with nursery(team) as children:
        for point in count(1):
            end = children.one("webhooks", "2026-03-02", die_at=point)
            at_once(context)
            if end.code == 0:
                break
            assert end.code == -signal.SIGKILL
    assert point > 5
    assert outcomes(context) == ["sent"] * len(expected)
    ids = [int(each.headers["webhook-id"].removeprefix("evt_")) for each in receiver.taken]
    assert sorted(set(ids)) == expected, "each at least once"
    bodies = {(each.headers["webhook-id"], each.body) for each in receiver.taken}
    assert len(bodies) == len(expected), "and the same each time"
