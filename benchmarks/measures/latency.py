"""How long until the mail server says yes: from `record`, and from the start of a sweep; while another process records
fifty facts a second.

sendflow's own code throughout: a fact and its notice in one transaction, the letter claimed in another, SMTP to a real
server, the outcome recorded in a third. A letter's time ends at the server's yes. What waiting for the scheduler adds
is measured in `waking`.
"""

import dataclasses
import statistics
import time
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel

from benchmarks.harness.background_load import background_load, request
from benchmarks.harness.caseload import Caseload, directory
from benchmarks.harness.databases import Ground
from benchmarks.harness.workload import ACTOR, TODAY
from benchmarks.measures import whole_installation
from benchmarks.measures.sweeping import look_days
from casework.cases.record import RecordCommand, record, record_acts
from casework.context import AppContext
from casework.delivery.deliver import deliver
from casework.sweep import sweep
from config.directory import load_directory
from notifications.local_smtp import LocalSmtpServer
from notifications.transport import Attempt, Letter, SmtpTransport

RECORDS_TIMED, SWEPT, DAYS = 50, 100, 2
LOGIN = "sendflow:measured-letters"
EVERY = 1 / 50
ROOT = Path(__file__).parents[2]


class Waited(BaseModel):
    """Seconds from something to something, so many times."""

    what: str
    database: str
    times: int
    p50: float
    p99: float
    most: float

    @classmethod
    def of(cls, what: str, database: str, seconds: list[float]) -> "Waited":
        """Percentiles of at least one time."""
        ordered = sorted(seconds)
        p99 = ordered[min(len(ordered) - 1, round(0.99 * (len(ordered) - 1)))]
        return cls(
            what=what, database=database, times=len(ordered), p50=statistics.median(ordered), p99=p99, most=ordered[-1]
        )


class Timed:
    """A post that notes when each letter was taken over."""

    def __init__(self, port: int) -> None:
        self._post = SmtpTransport("127.0.0.1", port, login=LOGIN)
        self.yes: list[float] = []

    def send(self, letter: Letter) -> Attempt:
        """Sends it on."""
        attempt = self._post.send(letter)
        self.yes.append(time.perf_counter())
        return attempt


class Sizes(NamedTuple):
    """How often each is done."""

    records: int = RECORDS_TIMED
    swept: int = SWEPT
    days: int = DAYS
    woken: int = whole_installation.TIMES
    scheduled: int = whole_installation.SCHEDULED


def waits(ground: Ground, sizes: Sizes | None = None) -> list[Waited]:
    """Every wait on every database that is here, and those of a whole installation with Prefect's beside them."""
    sizes = sizes or Sizes()
    national = Caseload(1.0).shares.national
    text = directory(national.authorities, national.boards)
    path = ground.shop.folder / "directory.toml"
    path.write_text(text, "utf-8")
    found: list[Waited] = []
    try:
        with LocalSmtpServer(ground.shop.folder / "letters", LOGIN) as sink:
            for place in ground.places:
                for measure in (records, sweeps):
                    context = dataclasses.replace(place.fresh(), directory=load_directory(path))
                    with background_load(context):
                        what, seconds = measure(context, sink.port, sizes)
                    found.append(Waited.of(what, place.name, seconds))
                    place.done(context)
    finally:
        path.unlink()
    if sizes.woken:
        home = ground.shop.folder / "woken"
        home.mkdir()
        (home / "directory.toml").write_text(text, "utf-8")
        installation_waits = whole_installation.measure(home, sizes.woken, sizes.scheduled)
        found += [Waited.of(what, "sqlite", seconds) for what, seconds in installation_waits.items()]
    return found


def records(context: AppContext, port: int, sizes: Sizes) -> tuple[str, list[float]]:
    """One recorded case after another, each followed by a delivery, as the scheduler would start it."""
    post = Timed(port)
    seconds: list[float] = []
    for number in range(sizes.records):
        began = time.perf_counter()
        record(context, f"LT-{number:06d}", request(number, TODAY), ACTOR)
        assert deliver(context, transport=post).sent == 1
        seconds.append(post.yes[-1] - began)
    return "record to the mail server's yes", seconds


def sweeps(context: AppContext, port: int, sizes: Sizes) -> tuple[str, list[float]]:
    """A sweep on a day on which so many mailboxes are to be written to, then the delivery: each letter's time is from
    the sweep's start.
    """
    seconds: list[float] = []
    for number, day in enumerate(look_days(context, sizes.days)):
        received = context.calendar.subtract_working_days(day, 3)
        # The reminder waits for the letter of the request and its interval: that letter leaves on its own day, untimed.
        asked = dataclasses.replace(context, settings=dataclasses.replace(context.settings, today=received))
        record_acts(
            asked,
            [RecordCommand(f"LS-{number:03d}{each:04d}", request(each, received)) for each in range(sizes.swept)],
            ACTOR,
            "record",
        )
        deliver(asked, transport=Timed(port))
        on_day = dataclasses.replace(context, settings=dataclasses.replace(context.settings, today=day))
        post = Timed(port)
        began = time.perf_counter()
        sweep(on_day, day)
        sent = deliver(on_day, transport=post).sent
        assert sent == len(post.yes) >= sizes.swept
        seconds += [yes - began for yes in post.yes]
    return f"the start of a sweep with {sizes.swept} letters to each yes", seconds
