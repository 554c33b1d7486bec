"""Works out what 200 days must produce, without sendflow's law, calendar, escalation policy, replay or outbox.

It reads the rows of the demo data as text, counts weeks in days and working days against the bank holidays below. It
follows each request for advice by itself: when each escalation step is due, on which day its letter can leave, and
whether the letter is still needed on that day.
"""

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from typing import NamedTuple

from tests.support.paths import ROOT

BANK_HOLIDAYS = {
    date(2024, 12, 25),
    date(2024, 12, 26),
    date(2025, 1, 1),
    date(2025, 4, 18),
    date(2025, 4, 21),
    date(2025, 5, 5),
    date(2025, 5, 26),
    date(2025, 8, 25),
    date(2025, 12, 25),
    date(2025, 12, 26),
    date(2026, 1, 1),
    date(2026, 4, 3),
    date(2026, 4, 6),
    date(2026, 5, 4),
    date(2026, 5, 25),
    date(2026, 8, 31),
}
DAY = timedelta(days=1)
DIRECTORY = tomllib.loads((ROOT / "config" / "directory.toml").read_text("utf-8"))
# Step, origin, weeks and working days from the origin, recipients. The origin is the receipt, or the day after the six
# weeks.
LADDER: tuple[tuple[str, str, int, int, tuple[str, ...]], ...] = (
    ("acknowledgement_missing", "receipt", 0, 3, ("service",)),
    ("reminder_3_weeks", "receipt", 3, 0, ("service",)),
    ("reminder_5_weeks", "receipt", 5, 0, ("service",)),
    ("breach", "breach", 0, 0, ("service_manager",)),
    ("escalation_provider", "breach", 0, 5, ("provider_send_lead", "dco")),
    ("escalation_icb", "breach", 0, 10, ("icb_executive_lead",)),
)


class SentNotice(NamedTuple):
    """One notice to one recipient about one request, with the day on which its letter left."""

    day: date
    mailbox: str
    case_ref: str
    service: str
    rung: str
    recipient: str


class StepRecorded(NamedTuple):
    """An escalation step that sendflow recorded, with its day."""

    day: date
    case_ref: str
    service: str
    rung: str


@dataclass
class Request:
    """One request for advice. `began` is the day of the import that brought it, None where the team recorded it."""

    case_ref: str
    la: str
    service: str
    received: date
    began: date | None = None
    answered: date | None = None
    thanked: bool = False
    acknowledged: date | None = None
    steps: list[tuple[str, date, tuple[str, ...]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        breach = self.received + 6 * 7 * DAY + DAY
        for rung, origin, weeks, days, parties in LADDER:
            self.steps.append(
                (rung, working_days(self.received if origin == "receipt" else breach, days) + weeks * 7 * DAY, parties)
            )

    def mailbox(self, party: str) -> str:
        """Return the mailbox of a party from the directory file. Raises LookupError if no body provides the service."""
        if party in {"dco", "icb_executive_lead"}:
            return str(DIRECTORY["icb"]["dco" if party == "dco" else "executive_lead"])
        for body in DIRECTORY["body"]:
            for given in body["provides"]:
                if given["service"] == self.service and self.la in given["la"]:
                    return str(
                        {
                            "service": given["mailbox"],
                            "service_manager": given["manager"],
                            "provider_send_lead": body["send_lead"],
                        }[party]
                    )
        raise LookupError(f"nobody gives {self.service} in {self.la}")

    def steps_due(self) -> list[tuple[int, str, date, tuple[str, ...]]]:
        """Return the steps due while the request is open and after its import: rank, step, day, recipients."""
        return [
            (rank, rung, on, parties)
            for rank, (rung, on, parties) in enumerate(self.steps, 1)
            if not (rung == "acknowledgement_missing" and self.acknowledged is not None and self.acknowledged <= on)
            and (self.began is None or on > self.began)
            and (self.answered is None or on < self.answered or (rung == "breach" and on <= self.answered))
        ]


@cache
def working(day: date) -> bool:
    return day.weekday() < 5 and day not in BANK_HOLIDAYS


@cache
def working_days(start: date, count: int) -> date:
    day = start
    while count:
        day += DAY
        count -= working(day)
    return day


def expected_steps(requests: Iterable[Request], until: date) -> set[StepRecorded]:
    """Return the escalation steps that the histories must hold."""
    return {
        StepRecorded(on, each.case_ref, each.service, rung)
        for each in requests
        for _rank, rung, on, _parties in each.steps_due()
        if on <= until
    }


def expected_notices(requests: Iterable[Request], until: date, leaves: Callable[[date], bool]) -> set[SentNotice]:
    """Return the notices that must have left by a day. `leaves` says on which days letters can leave."""
    found: set[SentNotice] = set()
    for each in requests:
        wanted: list[tuple[int, str, date, str]] = []
        if each.began is None:
            wanted.append((0, "request_received", each.received, "service"))
        else:
            # A first import sends each mailbox one letter: about the highest step that was due by then and has it as a
            # recipient.
            highest = {
                party: (rank, rung)
                for rank, (rung, on, parties) in enumerate(each.steps, 1)
                if on <= each.began
                for party in parties
            }
            wanted += [(rank, rung, each.began, party) for party, (rank, rung) in highest.items()]
        wanted += [(rank, rung, on, party) for rank, rung, on, parties in each.steps_due() for party in parties]
        found |= set(_in_order(each, wanted, until, leaves))
        if each.thanked and each.answered is not None:
            leaving = _leaving(each.answered, until, leaves)
            if leaving is not None:
                found.add(
                    SentNotice(leaving, each.mailbox("service"), each.case_ref, each.service, "thanks", "service")
                )
    return found


def _in_order(
    request: Request, wanted: Iterable[tuple[int, str, date, str]], until: date, leaves: Callable[[date], bool]
) -> Iterator[SentNotice]:
    """Send, day by day, what may leave: each step after the lower ones and the time between them, and to each mailbox
    the highest alone.
    """
    unsent, sent = sorted(wanted), list[tuple[int, date]]()
    day = min((on for _rank, _rung, on, _party in unsent), default=until)
    while unsent and day <= until and (request.answered is None or day < request.answered):
        if working(day) and leaves(day):
            for rank, _rung, mailbox in _may_leave(request, unsent, sent, day):
                gone = [
                    one for one in unsent if one[2] <= day and request.mailbox(one[3]) == mailbox and one[0] <= rank
                ]
                unsent = [one for one in unsent if one not in gone]
                highest = gone[-1]
                yield SentNotice(day, mailbox, request.case_ref, request.service, highest[1], highest[3])
                sent.append((rank, day))
        day += DAY


def _may_leave(
    request: Request, unsent: Sequence[tuple[int, str, date, str]], sent: Sequence[tuple[int, date]], day: date
) -> list[tuple[int, str, str]]:
    """The highest step of each mailbox that may leave on a day, as things are in its morning."""
    highest: dict[str, tuple[int, str, str]] = {}
    for rank, rung, on, party in unsent:
        mailbox = request.mailbox(party)
        lower = [one for one in unsent if 0 < one[0] < rank and one[2] <= day and request.mailbox(one[3]) != mailbox]
        before = max(((when, other) for other, when in sent if 0 < other < rank), default=None)
        early = before is not None and day < _later(request, before[1], rank, before[0])
        if on <= day and (rank == 0 or not (lower or early)):
            highest[mailbox] = (rank, rung, mailbox)
    return sorted(highest.values())


def _later(request: Request, lower: int, higher: int, left_on: date) -> date:
    """The day as long after `left_on` as the letter of the higher step leaves after that of the lower one."""
    low, high = request.steps[lower - 1][1], request.steps[higher - 1][1]
    low_leaves, high_leaves = working_days(low - DAY, 1), working_days(high - DAY, 1)
    if not LADDER[higher - 1][0].startswith("escalation"):
        return left_on + min(high - low, high_leaves - low_leaves)
    count = 0
    while working_days(low_leaves, count) < high_leaves:
        count += 1
    return working_days(left_on, count)


def _leaving(on: date, until: date, leaves: Callable[[date], bool]) -> date | None:
    day = on
    while day <= until:
        if working(day) and leaves(day):
            return day
        day += DAY
    return None


def sample_requests(
    rows: Iterable[Mapping[str, str]], imported_on: date, slug: Callable[[str], str], refused: set[int]
) -> list[Request]:
    """The open requests of a tracker; `refused` are the rows (numbered from 0) that an import does not take."""
    found: list[Request] = []
    for number, row in enumerate(rows):
        if number in refused or not row["Health request received"]:
            continue
        asked = [each.strip() for each in row["Services asked"].split(";") if each.strip()]
        received = _uk(row["Health request received"])
        found += [
            Request(row["Ref"], slug(row["Local authority"]), slug(service), received, imported_on)
            for service in asked
            if not row[f"{service} returned"]
        ]
    return found


def _uk(text: str) -> date:
    day, month, year = (int(part) for part in text.split("/"))
    return date(year, month, day)
