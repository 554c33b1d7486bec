"""The calendar of due dates, read by three parsers: a date that moves moves its event, and no name is in it."""

from __future__ import annotations

import warnings
from dataclasses import replace
from datetime import date
from time import perf_counter
from typing import Any, NamedTuple

import pytest
import vobject  # type: ignore[import-untyped]  # it has no annotations
from icalendar import Calendar
from sqlalchemy import text

from casework.access import calendar_addresses
from casework.access.calendar_addresses import NoSuchCalendar, end, listed, make, opens
from casework.delivery.calendar import calendar
from models.database import writing
from tests.support.by_hand import PAEDS, PHYSIO, PHYSIO_TRUST, SALT, TRUST
from tests.support.team import Team

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its grammar has escapes of an earlier Python
    import ics  # type: ignore[import-untyped]  # it has none either

TODAY = "2 Mar 2026"


class Shown(NamedTuple):
    """What one parser makes of an event."""

    uid: str
    day: date
    summary: str
    status: str
    sequence: int


def read(context: Any, name: str = "team") -> list[Shown]:
    """The events as `icalendar` reads them, after the two other parsers were found to agree."""
    raw = calendar(context, name)
    found = [
        Shown(
            str(each["uid"]),
            each.decoded("dtstart"),
            str(each["summary"]),
            str(each["status"]),
            int(str(each.decoded("sequence"))),
        )
        for each in Calendar.from_ical(raw).walk("VEVENT")
    ]
    other = vobject.readOne(raw.decode())
    events = getattr(other, "vevent_list", [])
    assert sorted(
        (e.uid.value, e.dtstart.value, e.summary.value, e.status.value, int(e.sequence.value)) for e in events
    ) == (sorted(tuple(each) for each in found))
    third = sorted((e.uid, e.begin.date(), e.name, str(e.status)) for e in ics.Calendar(raw.decode()).events)
    assert third == sorted((each.uid, each.day, each.summary, each.status) for each in found)
    return found


def by_summary(shown: list[Shown]) -> dict[str, Shown]:
    return {each.summary.partition(":")[0]: each for each in shown}


@pytest.fixture
def asked(team: Team) -> Team:
    """Advice of a service asked on 2 March: due on 13 April, to act by Friday 10 April."""
    return team.opened().asked(TODAY)


def test_a_duty_has_an_event_on_its_due_date_and_on_the_day_to_act_by(asked: Team) -> None:
    raw = calendar(asked.context(TODAY), "team")
    found = by_summary(read(asked.context(TODAY)))
    assert {name: each.day.isoformat() for name, each in found.items()} == {
        "NX90001 due": "2026-04-13",
        "NX90001 act by": "2026-04-10",
    }
    assert found["NX90001 due"].summary.endswith("Speech and Language Therapy")
    assert raw.count(b"DTSTART;VALUE=DATE:") == raw.count(b"DTEND;VALUE=DATE:") == 2
    assert b"DTEND;VALUE=DATE:20260414" in raw, "an all-day event ends on the day after"
    assert b"VTIMEZONE" not in raw
    assert b"REFRESH-INTERVAL;VALUE=DURATION:PT4H" in raw


def test_the_same_facts_give_the_same_bytes(asked: Team) -> None:
    first = calendar(asked.context(TODAY), TRUST)
    assert first == calendar(asked.context(TODAY), TRUST)
    assert all(len(line) <= 75 for line in first.split(b"\r\n"))


def test_a_date_that_moves_moves_its_event(asked: Team) -> None:
    """The day of receipt is corrected: the same event with a higher sequence, on another day."""
    before = by_summary(read(asked.context(TODAY)))["NX90001 due"]
    asked.record("9 Mar 2026", "fact_corrected", corrects=3, occurred_on="2026-02-23")
    after = by_summary(read(asked.context("9 Mar 2026")))["NX90001 due"]
    assert (before.day, after.day) == (date(2026, 4, 13), date(2026, 4, 6))
    assert before.uid == after.uid
    assert before.sequence < after.sequence


def test_a_duty_that_is_met_is_cancelled_and_after_a_month_left_out(asked: Team) -> None:
    asked.record("9 Mar 2026", "health_advice_received", service=SALT)
    assert {each.status for each in read(asked.context("9 Mar 2026"))} == {"CANCELLED"}
    assert {each.status for each in read(asked.context("8 Apr 2026"))} == {"CANCELLED"}
    assert read(asked.context("9 Apr 2026")) == []


def test_a_request_that_was_recorded_by_mistake_is_cancelled(asked: Team) -> None:
    """Its duty is in no table any more; a calendar would show the event for ever."""
    before = {each.uid for each in read(asked.context(TODAY))}
    asked.record("9 Mar 2026", "fact_withdrawn", corrects=3, reason="another case")
    after = read(asked.context("9 Mar 2026"))
    assert ({each.uid for each in after}, {each.status for each in after}) == (before, {"CANCELLED"})
    assert read(asked.context("10 Apr 2026")) == []


def test_a_request_that_was_of_another_body_is_cancelled_there_and_new_here(asked: Team) -> None:
    before = {each.uid for each in read(asked.context(TODAY), TRUST)}
    asked.record("9 Mar 2026", "fact_corrected", corrects=3, body=PHYSIO_TRUST, service=PHYSIO)
    context = asked.context("9 Mar 2026")
    assert {(each.uid, each.status) for each in read(context, TRUST)} == {(uid, "CANCELLED") for uid in before}
    assert {(each.uid, each.status) for each in read(context, PHYSIO_TRUST)} == {(uid, "CONFIRMED") for uid in before}


def test_our_own_duties_are_in_the_calendar_of_the_team_and_in_no_other(team: Team) -> None:
    """An enquiry waits for our team, and the authority's own date of the assessment is in no calendar."""
    team.opened()
    enquiry: dict[str, Any] = {"sorted_as": "concern", "sender_is": "parent", "topic": "waiting_list"}
    team.record(TODAY, "enquiry_received", case="NX90006", la="northshire", channel="telephone", **enquiry)
    context = team.context(TODAY)
    mine = {each.summary.partition(" ")[0] for each in read(context)}
    assert mine == {"NX90006"} and {each.status for each in read(context)} == {"CONFIRMED"}
    assert read(context, TRUST) == []
    team.record("9 Mar 2026", "case_closed", case="NX90006")
    assert {each.status for each in read(team.context("9 Mar 2026"))} == {"CANCELLED"}


def test_a_body_sees_its_own_duties_only(asked: Team) -> None:
    asked.asked(TODAY, PHYSIO, body=PHYSIO_TRUST)
    mine, theirs = read(asked.context(TODAY), TRUST), read(asked.context(TODAY), PHYSIO_TRUST)
    assert {each.uid for each in mine} & {each.uid for each in theirs} == set()
    assert {each.uid for each in mine} | {each.uid for each in theirs} == {
        each.uid for each in read(asked.context(TODAY))
    }
    assert read(asked.context(TODAY), "QX104") == []


def test_nothing_in_a_calendar_names_a_child_or_says_what_was_written(team: Team) -> None:
    team.record(
        TODAY,
        "ehc_assessment_requested",
        la="northshire",
        la_reference="NS-04412",
        nhs_number="999 000 0018",
        date_of_birth="2015-04-01",
    )
    team.record(TODAY, "assessment_agreed")
    team.asked(TODAY, PAEDS, note="Quintessa Marlowe-Fenn has epilepsy.")
    raw = b"".join(calendar(team.context(TODAY), name) for name in ("team", TRUST)).replace(b"\r\n ", b"")
    assert raw.count(b"BEGIN:VEVENT") == 4
    canaries = (b"Quintessa", b"Marlowe", b"epilepsy", b"9990000018", b"999 000", b"2015", b"northshire-community")
    assert [canary for canary in canaries if canary in raw] == []


def test_a_restricted_case_is_in_no_calendar(asked: Team) -> None:
    context = asked.context(TODAY)
    context.__dict__["restricted"] = frozenset({"ehc_needs_assessment"})
    try:
        assert read(context) == []
        asked.record("9 Mar 2026", "fact_withdrawn", corrects=3, reason="another case")
        assert read(context) == []
    finally:
        del context.__dict__["restricted"]


def test_an_address_opens_its_own_calendar_until_it_is_ended_or_made_again(asked: Team) -> None:
    context = asked.context(TODAY)
    first = make(context, TRUST, "dco.team")
    team = make(context, "team", "dco.team")
    tokens = {each.name: each.path.rpartition("/")[2] for each in (first, team)}
    assert [opens(context, name, token) for name in tokens for token in tokens.values()] == [True, False, False, True]
    assert not opens(context, PHYSIO_TRUST, tokens[TRUST])
    again = make(context, TRUST, "dco.team")
    assert (again.path != first.path, opens(context, TRUST, tokens[TRUST])) == (True, False)
    token = again.path.rpartition("/")[2]
    assert opens(context, TRUST, token)
    end(context, TRUST, "sam.lee")
    assert not opens(context, TRUST, token)
    assert [(each.name, bool(each.path), each.changed_by) for each in listed(context)] == [
        (TRUST, False, "sam.lee"),
        ("team", True, "dco.team"),
    ]
    with pytest.raises(NoSuchCalendar):
        end(context, TRUST, "sam.lee")
    with pytest.raises(NoSuchCalendar):
        make(context, "QX999", "sam.lee")
    assert asked.verify(TODAY).intact


def test_a_row_that_was_altered_opens_nothing_and_is_found(asked: Team) -> None:
    """Somebody who can write the database gives an ended address back."""
    context = asked.context(TODAY)
    token = make(context, TRUST, "dco.team").path.rpartition("/")[2]
    end(context, TRUST, "dco.team")
    with writing(context.engine) as connection:
        connection.execute(text("UPDATE calendar_address SET ended_at = NULL"))
    assert not opens(context, TRUST, token)
    assert "the address of the calendar QX101" in str(asked.verify(TODAY).damage)


def test_the_key_is_not_in_the_database(asked: Team) -> None:
    context = asked.context(TODAY)
    path = make(context, TRUST, "dco.team").path
    token = path.rpartition("/")[2]
    assert token.encode() not in asked.first.settings.records.read_bytes()
    other = replace(context, cipher=type(context.cipher).for_nothing())
    assert not opens(other, TRUST, token)


def test_many_duties_are_a_calendar_within_seconds(asked: Team) -> None:
    """A bound against a mistake of an order, not a measurement."""
    with writing(asked.first.engine) as connection:
        for number in range(200):
            connection.execute(
                text(
                    "INSERT INTO duty SELECT case_ref, rule, :n, body, service, started_on, due, strict_due, act_by,"
                    " closed_on, met_on, excused, next_check_on, evaluated_under FROM duty WHERE opened_seq = 3"
                ),
                {"n": 1_000 + number},
            )
    began = perf_counter()
    raw = calendar(asked.context(TODAY), "team")
    assert raw.count(b"BEGIN:VEVENT") == 402
    assert perf_counter() - began < 30


def test_a_team_without_cases_has_an_empty_calendar(team: Team) -> None:
    assert read(team.context(TODAY)) == []
    assert calendar_addresses.listed(team.context(TODAY)) == []
