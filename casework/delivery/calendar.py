"""Due dates as an iCalendar (RFC 5545) of the team or of one body: references, services and dates, and no name.

The calendar of the team has the duties of every body and of our own team. Each open duty has an all-day event on its
due date, and one on the day to act by if that is earlier. The identifier of an event never changes, and its sequence
grows with the facts of the case, so that a date that moved moves the event. An event of a duty that ended, was taken
back or went to another body in the last 30 days is cancelled; older ones are left out. Restricted cases are in no
calendar. The same facts give the same bytes. A calendar reads the address every few hours at most, so the e-mail
remains the notice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from icalendar import Calendar, Event, vDuration
from sqlalchemy import Connection, and_, or_, select

from casework.access.calendar_addresses import TEAM
from casework.cases.loaded_case import UNREADABLE, replay_case
from casework.cases.of_the_child import withheld_cases
from casework.context import AppContext, instant
from models import ledger
from models.common_facts import CORRECTIONS
from models.database import reading
from models.facts import StoredFact
from models.owner import OwnerKind
from models.tables import CASE, DUTY, FACT

DAY = timedelta(days=1)
CANCELLED_FOR = timedelta(days=30)
REFRESH = timedelta(hours=4)


class Entry(NamedTuple):
    """One duty in a calendar. `sequence` and `at` (an instant) are those of the newest fact of its case."""

    case_ref: str
    rule: str
    opened_seq: int
    service: str | None
    due: date
    act_by: date | None
    cancelled: bool
    sequence: int
    at: str

    @property
    def duty(self) -> tuple[str, str, int]:
        """What identifies the duty."""
        return (self.case_ref, self.rule, self.opened_seq)


def calendar(context: AppContext, name: str) -> bytes:
    """The calendar of the team, or of the body with this code."""
    with reading(context.engine) as connection:
        entries = {entry.duty: entry for entry in _stored(context, connection, name)}
        for entry in _taken_back(context, connection, name):
            entries.setdefault(entry.duty, entry)
        withheld = withheld_cases(connection)
        entries = {duty: entry for duty, entry in entries.items() if entry.case_ref not in withheld}
    made = Calendar()
    made.add("prodid", "-//sendflow//due dates//EN")
    made.add("version", "2.0")
    made.add("method", "PUBLISH")
    title = "the team" if name == TEAM else context.directory.body(name).name
    made.add("x-wr-calname", f"sendflow: due dates of {title}")
    refresh = vDuration(REFRESH)
    made.add("x-published-ttl", vDuration(REFRESH))
    refresh.params["VALUE"] = "DURATION"  # the property has no type of its own in RFC 5545
    made["refresh-interval"] = refresh
    for entry in sorted(entries.values()):
        for event in _events(context, entry):
            made.add_component(event)
    return bytes(made.to_ical())


def _events(context: AppContext, entry: Entry) -> Iterator[Event]:
    if entry.act_by is not None and entry.act_by < entry.due:
        yield _event(context, entry, "act by", entry.act_by)
    yield _event(context, entry, "due", entry.due)


def _event(context: AppContext, entry: Entry, what: str, day: date) -> Event:
    rule = context.law.rules.get(entry.rule)
    action = rule.action if rule is not None else entry.rule.replace("_", " ")
    service = f", {context.directory.service_name(entry.service)}" if entry.service else ""
    written = datetime.fromisoformat(entry.at)
    event = Event()
    key = f"{entry.case_ref}\0{entry.rule}\0{entry.opened_seq}\0{what}"
    event.add("uid", f"{context.cipher.index('calendar event', key)[:32]}@sendflow")
    event.add("dtstamp", written)
    event.add("last-modified", written)
    event.add("sequence", entry.sequence)
    event.add("dtstart", day)
    event.add("dtend", day + DAY)
    event.add("summary", f"{entry.case_ref} {what}: {action}{service}")
    event.add("status", "CANCELLED" if entry.cancelled else "CONFIRMED")
    event.add("transp", "TRANSPARENT")
    event.add("class", "PRIVATE")
    return event


def _stored(context: AppContext, connection: Connection, name: str) -> Iterator[Entry]:
    """The duties that are open, or were closed lately."""
    today = context.today()
    live = or_(DUTY.c.closed_on.is_(None), DUTY.c.closed_on >= today - CANCELLED_FOR)
    query = (
        select(DUTY, CASE.c.seq, FACT.c.recorded_at)
        .join(CASE, CASE.c.case_ref == DUTY.c.case_ref)
        .join(FACT, and_(FACT.c.case_ref == CASE.c.case_ref, FACT.c.seq == CASE.c.seq))
        .where(live, DUTY.c.due.is_not(None), CASE.c.process.not_in(context.restricted))
    )
    for row in connection.execute(query):
        if _is_of(context, name, row.rule, row.body) and _has_a_date(context, row.rule):
            yield Entry(
                row.case_ref,
                row.rule,
                row.opened_seq,
                row.service,
                row.due,
                row.act_by,
                row.closed_on is not None or row.excused is not None,
                row.seq,
                row.recorded_at,
            )


def _taken_back(context: AppContext, connection: Connection, name: str) -> Iterator[Entry]:
    """Duties that a correction of the last days took away, or gave to another body: as they were before it."""
    since = instant(context.now() - CANCELLED_FOR)
    query = (
        select(FACT.c.case_ref)
        .join(CASE, CASE.c.case_ref == FACT.c.case_ref)
        .where(FACT.c.kind.in_(CORRECTIONS), FACT.c.recorded_at >= since, CASE.c.process.not_in(context.restricted))
        .distinct()
    )
    for ref, (facts, _tail) in ledger.read(connection, list(connection.scalars(query))).items():
        for number, fact in enumerate(facts):
            if fact.kind in CORRECTIONS and fact.recorded_at >= since:
                yield from _before(context, name, ref, facts, number)


def _before(context: AppContext, name: str, ref: str, facts: list[StoredFact], number: int) -> Iterable[Entry]:
    last = facts[-1]
    try:
        duties = replay_case(context, ref, facts[:number]).duties if number else []
    except UNREADABLE:
        return []
    return [
        Entry(
            ref, duty.rule, duty.opened_seq, duty.service, duty.due, duty.dates.act_by, True, last.seq, last.recorded_at
        )
        for duty in duties
        if duty.due is not None and _is_of(context, name, duty.rule, duty.body) and _has_a_date(context, duty.rule)
    ]


def _is_of(context: AppContext, name: str, rule: str, body: str | None) -> bool:
    """Whether a duty is of a calendar. A duty without a body is the team's own, or somebody's who has no calendar."""
    if body is not None:
        return name in (TEAM, body, context.directory.body_on(body, context.today()))
    known = context.law.rules.get(rule)
    return name == TEAM and known is not None and known.owned_by[0] is OwnerKind.TEAM


def _has_a_date(context: AppContext, rule: str) -> bool:
    known: Any = context.law.rules.get(rule)
    return known is not None and known.bound == "by" and not known.contingent
