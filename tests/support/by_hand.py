"""Histories written by hand and their replay: for tests of packages that need no installation."""

from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from typing import Any

from config.law import load_law
from deadlines.calculator import dates_for
from deadlines.duties import Duty, duties_of
from deadlines.duty_rule import Dates, DatesOf
from deadlines.duty_rules import DutyRules
from deadlines.working_calendar import WorkingCalendar, load_calendar
from models.facts import StoredFact
from statemachines.replay import replay

PROCESS = "ehc_needs_assessment"
CASE = "NX90001"
TRUST, PHYSIO_TRUST = "QX101", "QX102"
SALT, PAEDS, PHYSIO = "speech_and_language_therapy", "community_paediatrics", "physiotherapy"
ADVICE = "ehc_body_advice_respond"


def day(text: str) -> date:
    """Parse a day: "2 Mar 2026" or "2026-03-02"."""
    if "-" in text:
        return date.fromisoformat(text)
    number, month, year = text.split()
    return date(
        int(year),
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"].index(month) + 1,
        int(number),
    )


def line(
    seq: int,
    kind: str,
    on: str,
    corrects: int | None = None,
    recorded: str | None = None,
    via: str = "record",
    **data: Any,
) -> StoredFact:
    """Make a fact, recorded at 09:00 UTC of its day if no instant is given."""
    when = day(on)
    return StoredFact(
        seq=seq,
        kind=kind,
        version=1,
        machine=1,
        occurred_on=when,
        recorded_at=recorded or f"{when.isoformat()}T09:00:00.000000Z",
        actor="dco.team",
        via=via,
        corrects=corrects,
        data=data,
    )


def history(*facts: tuple[Any, ...]) -> list[StoredFact]:
    """Make facts with sequence numbers from 1, each from (kind, day) or (kind, day, data)."""
    return [line(seq, each[0], each[1], **(each[2] if len(each) > 2 else {})) for seq, each in enumerate(facts, 1)]


@cache
def almanac() -> WorkingCalendar:
    return load_calendar()


@cache
def dates_of() -> DatesOf:
    """Calculate the dates of a rule from a start day and the further days that the facts give."""
    law, known = load_law(), load_calendar()
    inputs = {rule.id: tuple(rule.inputs) for rule in law.rules.values()}

    def asked(rule: str, started_on: date, data: Mapping[str, Any]) -> Dates:
        return dates_for(
            law,
            known,
            rule,
            started_on,
            {name: date.fromisoformat(data[name]) for name in inputs[rule] if data.get(name)},
        )

    return asked


@cache
def book(process: str = PROCESS) -> DutyRules:
    """Return the duty rules of a process, borrowed rules included."""
    return DutyRules.of(load_law().duties_of(process))


def duties(lines: Iterable[StoredFact], as_at: str | None = None, process: str = PROCESS) -> list[Duty]:
    """Return every duty that a history opens."""
    casefile = replay(CASE, list(lines), day(as_at) if as_at else None)
    return duties_of(casefile.lines, book(process), dates_of(), casefile.claims.values())


def advice(lines: Iterable[StoredFact], service: str | None = None) -> Duty:
    """Return the one advice duty of a history."""
    found = [duty for duty in duties(lines) if duty.rule == ADVICE and service in (None, duty.service)]
    assert len(found) == 1, f"{len(found)} advice duties"
    return found[0]
