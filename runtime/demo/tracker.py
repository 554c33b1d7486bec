"""The demo tracker: invented rows relative to a day, made by a seeded generator, and facts that a tracker cannot hold.

A newcomer sees current cases on any date. Every child, number and organisation is invented (NHS numbers of the 999
range, which the NHS never issues). `write_demo_tracker` makes the file. `live_before` records a few cases on a
simulated day before the import, because a mailbox gets one letter a day. `record_demo_events` adds facts after it.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from casework.cases.fact_form import Refused
from casework.cases.record import record
from casework.context import AppContext
from casework.delivery.deliver import deliver
from casework.sweep import sweep
from config.settings import Carrier
from models import ledger
from models.database import reading
from models.facts import FactDraft
from models.identifiers import check_digit
from models.tables import IMPORT_FILE

SEED = 20140901
ROWS = 120
ACTOR = "sample"
LIVED = 9
DAY = timedelta(days=1)
COLUMNS = (
    "Ref",
    "Child name",
    "LA ref",
    "Local authority",
    "NHS number",
    "DOB",
    "Request received by LA",
    "LA decision to assess",
    "Assess?",
    "Health request received",
    "Services asked",
    "Community Paediatrics returned",
    "Speech and Language Therapy returned",
    "Occupational Therapy returned",
    "CAMHS returned",
    "Physiotherapy returned",
    "Draft plan received",
    "Section G agreed",
    "Final plan",
    "Exception",
    "Comments",
)
AUTHORITIES = ("Northshire", "Eastmere", "Tarnford", "Holme Vale")
SERVICES = ("Community Paediatrics", "Speech and Language Therapy", "Occupational Therapy", "CAMHS", "Physiotherapy")
FIRST = (
    "Ada",
    "Bram",
    "Cleo",
    "Dara",
    "Elin",
    "Farid",
    "Gwen",
    "Hari",
    "Isla",
    "Jude",
    "Kofi",
    "Lena",
    "Milo",
    "Nia",
    "Omar",
    "Pia",
    "Rhys",
    "Sana",
)
LAST = (
    "Ashgrove",
    "Bellweather",
    "Cragthorpe",
    "Dunnoway",
    "Ellerside",
    "Fennimore",
    "Garsdale",
    "Hollinbeck",
    "Inglewhite",
    "Kestrelby",
)
COMMENTS = (
    "",
    "",
    "",
    "chased by phone",
    "parent rang",
    "emailed the admin team",
    "not known to SALT",
    "sibling also open, see other sheet",
)
EXCEPTIONS = ("School closed (summer)", "Family abroad 5 weeks", "DNA paeds appt", "waiting list")


def write_demo_tracker(path: Path, today: date, seed: int = SEED) -> None:
    """Writes the sample tracker, CSV in UTF-8, as it would stand on `today`. The same day and seed give the
    same file.
    """
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(sample_rows(today, seed))


def sample_rows(today: date, seed: int = SEED) -> list[dict[str, str]]:
    """The rows of the sample: first the few that are lived with, then many, then some with a doubtful cell each."""
    maker = _Maker(today, seed)
    rows = [
        maker.open_case(f"SP{number:05d}", weeks, services, la, exception)
        for number, weeks, services, la, exception in KNOWN
    ]
    rows += [maker.any_case(f"SP{number:05d}") for number in range(100, 100 + ROWS - len(KNOWN) - len(DOUBTFUL))]
    rows += [maker.doubtful(f"SP{number:05d}", column, cell) for number, (column, cell) in enumerate(DOUBTFUL, 900)]
    rows[-1]["Ref"] = rows[0]["Ref"]
    return rows


# Reference number, weeks since the body received the request, services, authority, exception: open cases
# that
# `live_a_little` goes on with.
KNOWN: tuple[tuple[int, int, tuple[str, ...], str, str], ...] = (
    (1, 9, ("Community Paediatrics",), "Eastmere", "Family abroad 5 weeks"),
    (2, 5, ("Speech and Language Therapy",), "Tarnford", ""),
    (3, 5, ("Occupational Therapy", "Physiotherapy"), "Northshire", ""),
    (4, 4, ("CAMHS",), "Holme Vale", ""),
    (5, 8, ("Occupational Therapy",), "Eastmere", "waiting list"),
    (6, 11, ("CAMHS", "Physiotherapy"), "Tarnford", ""),
)
# One doubtful cell in each row: the column and its text. `+` and `-` are days from today; the last
# row uses a
# reference again.
DOUBTFUL: tuple[tuple[str, str], ...] = (
    ("Request received by LA", "31/02/2026"),
    ("Request received by LA", "13/25/2026"),
    ("Request received by LA", "n/k"),
    ("Request received by LA", ""),
    ("Request received by LA", "+900"),
    ("Health request received", "05/03/26"),
    ("NHS number", "9990000000"),
    ("Services asked", "Community Paediatrics; Music Therapy"),
    ("Local authority", "Westlandshire"),
    ("Community Paediatrics returned", "-1500"),
    ("LA decision to assess", ""),
    ("Comments", ""),
)


class _Maker:
    """Makes rows: everything random comes from one seeded source, and everything dated from one day."""

    def __init__(self, today: date, seed: int) -> None:
        self.today = today
        self.random = random.Random(seed)  # noqa: S311 (a sample, not a secret)

    def _ago(self, days: int) -> str:
        return (self.today - timedelta(days=days)).strftime("%d/%m/%Y")

    def _child(self) -> dict[str, str]:
        while True:
            nine = f"999{self.random.randrange(1_000, 1_000_000):06d}"
            digit = check_digit(nine)
            if digit is not None:
                break
        name = f"{self.random.choice(FIRST)} {self.random.choice(LAST)}"
        return {
            "Child name": name,
            "NHS number": f"{nine}{digit}",
            "DOB": self._ago(self.random.randrange(3 * 365, 17 * 365)),
        }

    def _row(self, ref: str, la: str) -> dict[str, str]:
        number = self.random.randrange(10_000, 100_000)
        initials = "".join(word[0] for word in la.upper().split()) * 2
        blank = dict.fromkeys(COLUMNS, "")
        return (
            blank
            | self._child()
            | {
                "Ref": ref,
                "Local authority": la,
                "LA ref": f"{initials[:2]}-{number}",
                "Comments": self.random.choice(COMMENTS),
            }
        )

    def open_case(self, ref: str, weeks: int, services: Sequence[str], la: str, exception: str) -> dict[str, str]:
        """A case whose bodies have not answered, asked so many weeks ago."""
        row = self._row(ref, la)
        row |= {
            "Request received by LA": self._ago(weeks * 7 + 40),
            "LA decision to assess": self._ago(weeks * 7 + 5),
            "Assess?": "Yes",
            "Health request received": self._ago(weeks * 7),
            "Services asked": "; ".join(services),
            "Exception": exception,
        }
        return row

    def any_case(self, ref: str) -> dict[str, str]:
        """A case anywhere on its way, from a request of yesterday to a final plan of last year."""
        row = self._row(ref, self.random.choice(AUTHORITIES))
        begun = self.random.randrange(1, 420)
        decided = begun - self.random.randrange(14, 70)
        row["Request received by LA"] = self._ago(begun)
        if decided < 0:
            return row
        row |= {"LA decision to assess": self._ago(decided), "Assess?": "Yes"}
        if self.random.random() < 0.2:
            return row | {"Assess?": "No"}
        asked = decided - self.random.randrange(0, 12)
        if asked < 0:
            return row
        chosen = self.random.sample(SERVICES, self.random.choice((1, 2, 2, 3, 4)))
        row |= {"Health request received": self._ago(asked), "Services asked": "; ".join(chosen)}
        for service in chosen:
            if self.random.random() < 0.06:
                continue  # never answered, as happens
            answered = asked - self.random.randrange(8, 75)
            if answered >= 0:
                row[f"{service} returned"] = self._ago(answered)
        self._plan(row, asked)
        if self.random.random() < 0.08:
            row["Exception"] = self.random.choice(EXCEPTIONS)
        return row

    def _plan(self, row: dict[str, str], asked: int) -> None:
        draft = asked - self.random.randrange(50, 120)
        agreed = draft - self.random.randrange(2, 14)
        final = agreed - self.random.randrange(10, 45)
        for column, day in (("Draft plan received", draft), ("Section G agreed", agreed), ("Final plan", final)):
            if day >= 0:
                row[column] = self._ago(day)

    def doubtful(self, ref: str, column: str, cell: str) -> dict[str, str]:
        """A case with one cell that cannot be relied on."""
        row = self.open_case(ref, 3, ("Community Paediatrics",), self.random.choice(AUTHORITIES), "")
        days = int(cell) if cell[:1] in {"+", "-"} else None
        return row | {column: self._ago(-days) if days is not None else cell}


@dataclass(frozen=True, slots=True)
class _LetterCase:
    """A demo case that came by letter and not by tracker. `answer` is a kind of fact, from the service."""

    ref: str
    la: str
    service: str
    asked_days_ago: int
    answer: str | None = None


LIVED_CASES = (
    _LetterCase("SP90001", "tarnford", "physiotherapy", 75),
    _LetterCase("SP90002", "eastmere", "speech_and_language_therapy", 12),
    _LetterCase("SP90003", "northshire", "camhs", 1),
    _LetterCase("SP90004", "northshire", "occupational_therapy", 20, "health_advice_received"),
)


def live_before(context: AppContext) -> None:
    """Record a few cases and let the days before the import pass: every step of the ladder leaves in its own time, the
    lower one first, and an answer is thanked.

    Does nothing where something has been imported, or where letters leave not by the local SMTP server. May be called
    again.
    """
    if context.settings.carrier is not Carrier.SINK or _imports(context):
        return
    last = context.today() - timedelta(days=LIVED)
    day = last - timedelta(days=max(case.asked_days_ago for case in LIVED_CASES))
    while day <= last:
        then = replace(context, settings=replace(context.settings, today=day))
        for case in LIVED_CASES:
            if day >= last - timedelta(days=case.asked_days_ago):
                _record_lived(then, last, case)
        if context.calendar.is_working_day(day) or day == last:
            sweep(then, day)
            deliver(then, now=True, reason="a simulated day; the local SMTP server stores every letter")
        day += DAY


def _record_lived(then: AppContext, last: date, case: _LetterCase) -> None:
    """Record the request on the day on which it was made, and its answer on the last day."""
    today = then.today()
    _record_case(then, today, replace(case, asked_days_ago=(today - last).days + case.asked_days_ago, answer=None))
    if case.answer is not None and today == last:
        asked = last - timedelta(days=case.asked_days_ago)
        _once(then, case.ref, FactDraft(case.answer, today, _advice(then, case, asked)))


def record_demo_events(context: AppContext) -> None:
    """Record what a tracker has no column for: answers, an accepted exception, a corrected receipt, a pause.

    May be called again.
    """
    today = context.today()
    _decide_claim(context, "SP00001", "absent_4_weeks", today)
    _once(
        context,
        "SP00002",
        FactDraft(
            "health_advice_answered",
            today,
            {
                "service": "speech_and_language_therapy",
                "answer": "not_known",
                "reason": "no referral has been received by the service",
            },
        ),
    )
    _once(context, "SP00003", FactDraft("health_advice_received", today, {"service": "occupational_therapy"}))
    _once(context, "SP00004", FactDraft("health_advice_acknowledged", today, {"service": "camhs"}))
    _once(context, "SP00005", FactDraft("waiting_list_stated", today, {"service": "occupational_therapy", "weeks": 18}))
    until = today + timedelta(days=10)
    _once(
        context,
        "SP00006",
        FactDraft(
            "chasing_paused",
            today,
            {
                "until": until.isoformat(),
                "reason": "the service manager has agreed a date with the family",
            },
        ),
    )
    _correct_receipt(context, "SP90001", today - timedelta(days=25))
    _record_case(context, today, _LetterCase("SP90005", "holme_vale", "occupational_therapy", 0))
    _record_case(context, today, _LetterCase("SP90006", "eastmere", "physiotherapy", 38, "health_advice_acknowledged"))
    _record_case(context, today, _LetterCase("SP90007", "northshire", "physiotherapy", 30, "appointment_missed"))


def _record_case(context: AppContext, day: date, case: _LetterCase) -> None:
    """Record the case up to `day`: opened, agreed, one service asked, and the service's answer on `day`."""
    asked = day - timedelta(days=case.asked_days_ago)
    advice = _advice(context, case, asked)
    drafts = [
        FactDraft("ehc_assessment_requested", asked - timedelta(days=35), {"la": case.la}),
        FactDraft("assessment_agreed", asked - timedelta(days=1)),
        FactDraft("health_advice_requested", asked, advice),
        *([FactDraft(case.answer, day, advice)] if case.answer else []),
    ]
    if not _lines(context, case.ref):
        record(context, case.ref, drafts, ACTOR)


def _advice(context: AppContext, case: _LetterCase, asked: date) -> dict[str, Any]:
    return {"service": case.service, "body": context.directory.provider(case.la, case.service, asked)}


def _once(context: AppContext, ref: str, draft: FactDraft) -> None:
    """Records a fact unless the case has one of its kind by hand, or is not there (a team's own directory may refuse
    its row).
    """
    lines = _lines(context, ref)
    if not lines or any(line.kind == draft.kind and line.via == "record" for line in lines):
        return
    try:
        record(context, ref, [draft], ACTOR)
    except Refused as refused:
        if refused.wrong_call:
            raise


def _decide_claim(context: AppContext, ref: str, ground: str, today: date) -> None:
    lines = _lines(context, ref)
    claim = next((line for line in lines if line.kind == "excuse_claimed"), None)
    asked = next((line for line in lines if line.kind == "health_advice_requested"), None)
    if claim is None or asked is None:
        return
    data: Mapping[str, Any] = {
        "claim": claim.seq,
        "decision": "accepted",
        "ground": ground,
        "body": asked.data["body"],
        "service": asked.data["service"],
        "began_on": (asked.occurred_on + timedelta(days=7)).isoformat(),
        "ended_on": (asked.occurred_on + timedelta(days=40)).isoformat(),
        "look_again_on": (today + timedelta(days=14)).isoformat(),
        "reason": "the school confirms the dates of the absence",
    }
    _once(context, ref, FactDraft("excuse_decided", today, data))


def _correct_receipt(context: AppContext, ref: str, received_on: date) -> None:
    asked = next((line for line in _lines(context, ref) if line.kind == "health_advice_requested"), None)
    if asked is not None:
        data = {"occurred_on": received_on.isoformat(), "reason": "the body's stamp shows a later day of receipt"}
        _once(context, ref, FactDraft("fact_corrected", context.today(), data, corrects=asked.seq))


def _lines(context: AppContext, ref: str) -> Sequence[Any]:
    with reading(context.engine) as connection:
        histories = ledger.read(connection, [ref])
    return histories[ref][0] if ref in histories else ()


def _imports(context: AppContext) -> int:
    with reading(context.engine) as connection:
        return int(connection.execute(select(func.count()).select_from(IMPORT_FILE)).scalar() or 0)
