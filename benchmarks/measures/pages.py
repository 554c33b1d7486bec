"""What the pages take: Today, the list, a case and a recording, beside an empty page of the same framework and the raw
reads, while another process records fifty facts a second.

The processes of the pages are real ones, asked over HTTP on loopback by one client over one connection. A page
and the empty page take turns, so that what else the machine does falls on both. Ratios are of medians.
"""

import dataclasses
import http.client
import os
import re
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

from sqlalchemy import text

from benchmarks.harness.background_load import ROOT, background_load, environment_of
from benchmarks.harness.caseload import Caseload, directory
from benchmarks.harness.copying import Copier
from benchmarks.harness.databases import Ground, OnPostgresql, OnSqlite
from benchmarks.harness.measuring import Measured
from benchmarks.harness.web_process import BARE, EMPTY
from benchmarks.harness.workload import ACTOR, SPEECH, TODAY
from benchmarks.measures.growth import RECORDED
from benchmarks.measures.latency import Waited
from casework.access import accounts, sessions
from casework.cases.record import RecordCommand, record_acts
from casework.context import AppContext
from casework.reports.case_list import CaseFilter, case_list
from casework.reports.case_report import report
from casework.reports.today import today_of
from config.directory import load_directory
from models.database import reading, transact, writing
from models.facts import FactDraft
from models.tables import DUTY
from notifications.local_smtp import free_port

Place = OnSqlite | OnPostgresql
CASE, TODAY_SIZE, P99, PROCESSES = (
    "case_page_against_empty",
    "today_3m_against_10k",
    "page_p99_against_p50",
    "two_processes_against_empty",
)
NAMES = (CASE, TODAY_SIZE, P99, PROCESSES)
MANY, FEW, LATE = 3_000_000, 10_000, 200
TIMES, WARM = 200, 10
TODAYS = 60
ROUNDS, ROUND_SECONDS, CLIENTS = 7, 2.0, 8
START_SECONDS = 60.0
ACCOUNT = "bench.dco"
AHEAD = date(2027, 1, 4)


class Client:
    """A browser of one person: one connection to one process, and the cookie of a session. `process` is its number."""

    def __init__(self, port: int, cookie: str, process: int = 0) -> None:
        self.process = process
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {"cookie": cookie, "sec-fetch-site": "same-origin"}

    def get(self, path: str) -> str:
        """The page; raises AssertionError where it is none."""
        return self._ask("GET", path, None, 200)

    def post(self, path: str, form: dict[str, str]) -> str:
        """Send a form that is answered by the address of another page."""
        return self._ask("POST", path, urlencode(form), 303)

    def _ask(self, method: str, path: str, body: str | None, expected: int) -> str:
        kind = {"content-type": "application/x-www-form-urlencoded"} if body is not None else {}
        self._connection.request(method, path, body, {**self._headers, **kind})
        answer = self._connection.getresponse()
        said = answer.read().decode()
        assert answer.status == expected, f"{method} {path.split('?')[0]}: {answer.status}"
        return said


def pages(ground: Ground, scale: float, say: Callable[[str], None]) -> tuple[list[Measured], list[Waited]]:
    """Every measure of the pages, the worst of the databases, and the times of each page."""
    ratios: dict[str, list[float]] = {name: [] for name in NAMES}
    notes: dict[str, list[str]] = {name: [] for name in NAMES}
    waited: list[Waited] = []

    def note(name: str, ratio: float, line: str) -> None:
        ratios[name].append(ratio)
        notes[name].append(f"{line}: {ratio:.2f}")

    national = Caseload(scale).shares.national
    path = ground.shop.folder / "directory.toml"
    path.write_text(directory(national.authorities, national.boards), "utf-8")
    try:
        for place in ground.places:
            say(f"pages on {place.name}: loading")
            context = _loaded(place, scale, path)
            say(f"pages on {place.name}: asking")
            with _served(context, 2) as clients, background_load(context):
                waited += _one_person(place.name, context, clients[0][0], note)
                _two_processes(place.name, _ref(context), clients, note)
            place.done(context)
            say(f"pages on {place.name}: Today among {MANY:,}")
            waited += _todays(place, note)
    finally:
        path.unlink()
    worst = {PROCESSES: min}
    measured = [
        Measured(name, worst.get(name, max)(found), min(found), max(found), len(found), notes[name])
        for name, found in ratios.items()
    ]
    return measured, waited


Note = Callable[[str, float, str], None]


def _one_person(database: str, context: AppContext, client: Client, note: Note) -> list[Waited]:
    """Each page beside the empty one, and the raw reads of each."""
    ref = _ref(context)
    token = _token(client)
    number = iter(range(1_000_000))

    def record() -> None:
        form = {"token": token, "step": "record", "la": "northshire", "la_reference": f"PG-{next(number):06d}"}
        days = {"on-day": str(TODAY.day), "on-month": str(TODAY.month), "on-year": str(TODAY.year)}
        client.post("/cases/new/record/ehc_assessment_requested", {**form, **days})

    asked: dict[str, Callable[[], object]] = {
        "Today": lambda: client.get("/today"),
        "the list of cases": lambda: client.get("/cases"),
        "a case": lambda: client.get(f"/cases/{ref}"),
        "a recording": record,
    }
    raw: dict[str, Callable[[], object]] = {
        "Today": lambda: today_of(context, context.today()),
        "the list of cases": lambda: case_list(context, CaseFilter(), context.today()),
        "a case": lambda: report(context, ref),
    }
    waited = []
    for what, ask in asked.items():
        page, empty, bare, reads = _in_turn(ask, lambda: client.get(EMPTY), lambda: client.get(BARE), raw.get(what))
        shown = Waited.of(f"page: {what}", database, page)
        waited += [shown, Waited.of("  an empty page beside it", database, empty)]
        waited.append(Waited.of("  without a template", database, bare))
        if reads:
            waited.append(Waited.of("  its raw reads", database, reads))
        note(P99, shown.p99 / shown.p50, f"{what} on {database}")
        if what == "a case":
            note(CASE, shown.p50 / statistics.median(empty), f"on {database}")
    return waited


def _in_turn(*asked: Callable[[], object] | None, times: int = TIMES) -> list[list[float]]:
    """The seconds of each, all in turn."""
    taken: list[list[float]] = [[] for _ in asked]
    for number in range(times + WARM):
        for place, ask in enumerate(asked):
            if ask is None:
                continue
            began = time.perf_counter()
            ask()
            if number >= WARM:
                taken[place].append(time.perf_counter() - began)
    return taken


def _two_processes(database: str, ref: str, clients: list[list[Client]], note: Note) -> None:
    """How much more two processes answer than one, of a case and of the empty page, in turn.

    The client, the database and the recording process share the machine with them. So the line also says how much more
    of its processor a page of a case takes in two processes than in one: above 1, the processes are in each other's
    way; at 1, only the machine's processors bound the gain.
    """
    paths = {"case": f"/cases/{ref}", "empty": EMPTY}
    two = [*clients[0][: CLIENTS // 2], *clients[1][: CLIENTS // 2]]
    ratios, dearer = [], []
    for _round in range(ROUNDS):
        gain = {}
        for what, path in paths.items():
            one, seconds_in_one = _answered(clients[0], path)
            both, seconds_in_both = _answered(two, path)
            gain[what] = both / one
            if what == "case" and seconds_in_one:
                dearer.append(seconds_in_both / seconds_in_one)
        ratios.append(gain["case"] / gain["empty"])
    costs = f"; a page takes {statistics.median(dearer):.2f} times the processor time" if dearer else ""
    note(PROCESSES, statistics.median(ratios), f"on {database} (median of {len(ratios)} rounds{costs})")


def _answered(clients: list[Client], path: str) -> tuple[float, float]:
    """Answers a second, where each client asks again as soon as it has an answer; and the seconds of its processor that
    an answer took the processes of the pages.
    """
    counts = [0] * len(clients)
    processes = {client.process for client in clients}
    began = sum(map(_processor_seconds, processes))
    ends = time.perf_counter() + ROUND_SECONDS

    def ask(place: int) -> None:
        while time.perf_counter() < ends:
            clients[place].get(path)
            counts[place] += 1

    threads = [threading.Thread(target=ask, args=(place,)) for place in range(len(clients))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = sum(map(_processor_seconds, processes)) - began
    return sum(counts) / ROUND_SECONDS, taken / max(1, sum(counts))


def _processor_seconds(process: int) -> float:
    """What a process used of its processor so far, in seconds (Linux)."""
    user, system = Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _todays(place: Place, note: Note) -> list[Waited]:
    """Today among few and among many open duties, with as many late lines, in turn."""
    contexts = {count: _with_open_duties(place, count) for count in (FEW, MANY)}
    with ExitStack() as stack:
        clients = {count: stack.enter_context(_served(context, 1))[0][0] for count, context in contexts.items()}
        for context in contexts.values():
            stack.enter_context(background_load(context))
        few, many = _in_turn(lambda: clients[FEW].get("/today"), lambda: clients[MANY].get("/today"), times=TODAYS)
    for context in contexts.values():
        place.done(context)
    note(TODAY_SIZE, statistics.median(many) / statistics.median(few), f"on {place.name}")
    return [
        Waited.of(f"page: Today among {count:,} open duties, {LATE} late", place.name, seconds)
        for count, seconds in ((FEW, few), (MANY, many))
    ]


def _loaded(place: Place, scale: float, path: Path) -> AppContext:
    """The caseload, recorded a week ago; what is beyond a hundredth of England is copies."""
    fresh = dataclasses.replace(place.fresh(), directory=load_directory(path))
    earlier = dataclasses.replace(fresh, settings=dataclasses.replace(fresh.settings, today=TODAY - timedelta(days=7)))
    for wave in Caseload(min(scale, RECORDED)).waves():
        record_acts(earlier, wave, ACTOR, "record")
    if scale > RECORDED:
        Copier(place, earlier).copy(round(scale / RECORDED) - 1)
    _give_role(fresh)
    return fresh


def _with_open_duties(place: Place, count: int) -> AppContext:
    """Cases with as many late duties, and copies of one duty that is due later."""
    context = place.fresh()
    earlier = dataclasses.replace(
        context, settings=dataclasses.replace(context.settings, today=TODAY - timedelta(days=7))
    )
    record_acts(earlier, [_late(number) for number in range(LATE)], ACTOR, "record")
    _give_role(context)
    names = list(DUTY.columns.keys())
    postgres = isinstance(place, OnPostgresql)
    day = "date '{0}' + (n % 400)" if postgres else "date('{0}', '+' || (n % 400) || ' days')"
    given = {
        "case_ref": "'ZZ' || lpad(n::text, 7, '0')" if postgres else "printf('ZZ%07d', n)",
        "due": day.format(AHEAD.isoformat()),
        "next_check_on": day.format(AHEAD.isoformat()),
    }
    columns = ", ".join(given.get(name, name) for name in names)
    one = "(SELECT * FROM duty WHERE body IS NOT NULL AND closed_on IS NULL LIMIT 1) AS one"
    series = f"FROM generate_series(1, {count - LATE}) AS n, {one}" if postgres else f"FROM number, {one}"
    numbers = (
        ""
        if postgres
        else f"WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {count - LATE}) "
    )
    with writing(context.engine) as connection:
        connection.execute(text(f"{numbers}INSERT INTO duty ({', '.join(names)}) SELECT {columns} {series}"))
    with context.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE duty" if postgres else "SELECT 1")
    return context


def _late(number: int) -> RecordCommand:
    """A case whose one body was asked three months ago."""
    began = TODAY - timedelta(days=120)
    return RecordCommand(
        f"BN{number:06d}",
        [
            FactDraft("ehc_assessment_requested", began, {"la": "northshire"}),
            FactDraft("assessment_agreed", began + timedelta(days=14)),
            FactDraft("health_advice_requested", began + timedelta(days=30), SPEECH),
        ],
    )


def _give_role(context: AppContext) -> None:
    transact(context.engine, lambda connection: accounts.change_role(connection, ACCOUNT, "dco", "", ACTOR))


def _ref(context: AppContext) -> str:
    """A case in the middle of the caseload."""
    with reading(context.engine) as connection:
        refs = connection.scalars(text("SELECT case_ref FROM case_file ORDER BY case_ref LIMIT 1000")).all()
    return str(refs[len(refs) // 2])


def _token(client: Client) -> str:
    found = re.search(r'name="token" value="([0-9a-f]{32})"', client.get("/sign-out"))
    assert found is not None
    return found[1]


@contextmanager
def _served(context: AppContext, processes: int) -> Iterator[list[list[Client]]]:
    """Processes of the pages, each with clients of one session."""
    with ExitStack() as stack:
        ports = {}
        for _process in range(processes):
            port = free_port()
            command = [sys.executable, "-m", "benchmarks.harness.web_process", str(port)]
            process = stack.enter_context(
                subprocess.Popen(command, env=environment_of(context), cwd=ROOT, stdin=subprocess.PIPE)
            )
            assert process.stdin is not None
            stack.callback(process.stdin.close)
            ports[port] = process.pid
        token = transact(
            context.engine, lambda connection: sessions.create_link(connection, ACCOUNT, datetime.now(UTC))
        )
        secret = transact(context.engine, lambda connection: sessions.redeem(connection, token, datetime.now(UTC)))[0]
        for port in ports:
            _wait(port)
        cookie = f"{sessions.COOKIE}={secret}"
        yield [[Client(port, cookie, process) for _ in range(CLIENTS)] for port, process in ports.items()]


def _wait(port: int) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            Client(port, "").get(EMPTY)
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
