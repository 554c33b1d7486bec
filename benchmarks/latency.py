"""How long until the mail server says yes: from `record`, and from the start of a sweep; while another process records
fifty facts a second.

The house's own code throughout: a fact and its notice in one transaction, the letter claimed in another, SMTP to a real
server, the outcome recorded in a third. A letter's time ends at the server's yes. What waiting for the alarm clock adds
is measured in `waking`.
"""

import dataclasses
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from itertools import count
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel

from benchmarks import waking
from benchmarks.caseload import Caseload, directory
from benchmarks.histories import SERVICES, body_code, la_slug
from benchmarks.places import Ground
from benchmarks.remembering import RECORDS
from benchmarks.sweeping import look_days
from benchmarks.workload import ACTOR, TODAY
from casework.cases.record import RecordCommand, record, record_acts
from casework.context import AppContext
from casework.delivery.deliver import deliver
from casework.sweep import sweep
from config.directory import load_directory
from config.settings import Settings
from models.database import create_or_upgrade_schema, open_engine
from models.facts import FactDraft
from notifications.local_smtp import LocalSmtpServer
from notifications.transport import Attempt, Letter, SmtpTransport

RECORDS_TIMED, SWEPT, DAYS = 50, 100, 2
EVERY = 1 / 50
ROOT = Path(__file__).parents[1]


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
        self._post = SmtpTransport("127.0.0.1", port)
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
    woken: int = waking.TIMES
    scheduled: int = waking.SCHEDULED


def waits(ground: Ground, sizes: Sizes | None = None) -> list[Waited]:
    """Every wait on every database that is here, and those of a whole house with Prefect's beside them."""
    sizes = sizes or Sizes()
    national = Caseload(1.0).shares.national
    text = directory(national.authorities, national.boards)
    path = ground.shop.folder / "directory.toml"
    path.write_text(text, "utf-8")
    found: list[Waited] = []
    try:
        with LocalSmtpServer(ground.shop.folder / "letters") as sink:
            for place in ground.places:
                for measure in (records, sweeps):
                    context = dataclasses.replace(place.fresh(), directory=load_directory(path))
                    with loaded(context):
                        what, seconds = measure(context, sink.port, sizes)
                    found.append(Waited.of(what, place.name, seconds))
                    place.done(context)
    finally:
        path.unlink()
    if sizes.woken:
        home = ground.shop.folder / "woken"
        home.mkdir()
        (home / "directory.toml").write_text(text, "utf-8")
        told = waking.ask(home, sizes.woken, sizes.scheduled)
        found += [Waited.of(what, "sqlite", seconds) for what, seconds in told.items()]
    return found


def records(context: AppContext, port: int, sizes: Sizes) -> tuple[str, list[float]]:
    """One person's act after another, each followed by a delivery, as the alarm clock would begin one."""
    post = Timed(port)
    seconds: list[float] = []
    for number in range(sizes.records):
        began = time.perf_counter()
        record(context, f"LT-{number:06d}", asked(number, TODAY), ACTOR)
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
        record_acts(
            context,
            [RecordCommand(f"LS-{number:03d}{each:04d}", asked(each, received)) for each in range(sizes.swept)],
            ACTOR,
            "record",
        )
        on_day = dataclasses.replace(context, settings=dataclasses.replace(context.settings, today=day))
        post = Timed(port)
        began = time.perf_counter()
        sweep(on_day, day)
        sent = deliver(on_day, transport=post).sent
        assert sent == len(post.yes) >= sizes.swept
        seconds += [yes - began for yes in post.yes]
    return f"the start of a sweep with {sizes.swept} letters to each yes", seconds


def asked(number: int, day: date) -> list[FactDraft]:
    """A case whose one body is asked on a day; each number has a mailbox of its own."""
    trust, service = number % waking.TRUSTS, SERVICES[number // waking.TRUSTS % len(SERVICES)]
    return [
        FactDraft("ehc_assessment_requested", day, {"la": la_slug(trust)}),
        FactDraft("assessment_agreed", day),
        FactDraft("health_advice_requested", day, {"body": body_code(trust), "service": service}),
    ]


@contextmanager
def loaded(context: AppContext) -> Iterator[None]:
    """Another process records on the same records while the block runs."""
    environment = {
        **os.environ,
        "SENDFLOW_HOME": str(context.settings.home),
        "SENDFLOW_TODAY": str(context.settings.today),
        RECORDS: context.engine.url.render_as_string(hide_password=False),
    }
    command = [sys.executable, "-m", "benchmarks.latency"]
    with subprocess.Popen(
        command, env=environment, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.readline() == "recording\n"
        try:
            yield
        finally:
            process.stdin.close()
            process.wait()
            assert process.returncode == 0, "the process that was to make load ended by itself"


def load(ended: Callable[[], bool]) -> None:
    """Record a fact fifty times a second, on one case after another, until told to end."""
    context = dataclasses.replace(AppContext.load(Settings.read()), engine=open_engine(os.environ[RECORDS]))
    create_or_upgrade_schema(context.engine)
    due = time.perf_counter()
    for number in count():
        if ended():
            return
        record(context, f"LD-{number:06d}", [FactDraft("ehc_assessment_requested", TODAY, {"la": "northshire"})], ACTOR)
        if number == 0:
            print("recording", flush=True)
        due = max(due + EVERY, time.perf_counter())
        time.sleep(max(0.0, due - time.perf_counter()))


def main() -> None:
    """Make load until standard input ends."""
    import select

    load(lambda: bool(select.select([sys.stdin], [], [], 0)[0]))


if __name__ == "__main__":
    main()
