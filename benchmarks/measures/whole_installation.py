"""A whole installation at work, with the real scheduler, a real Prefect server and real SMTP: the time from `record` to
the mail server's acceptance, beside Prefect's own scheduling of an empty flow on the same server.

`python -m benchmarks.measures.whole_installation HOME TIMES SCHEDULED` prints one JSON document. The scheduler checks
every second here (every minute in production), so that waiting for it is a small part of the time.
"""

import asyncio
import contextlib
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from benchmarks.harness.background_load import TRUSTS, background_load, request
from benchmarks.harness.workload import ACTOR, TODAY
from casework.cases.record import record
from casework.context import AppContext
from config.process_environment import child_environment, fix_caller_environment
from config.running_instance import Running, server_answers, write_running
from config.settings import Settings
from models.facts import FactDraft
from notifications.local_smtp import WriteEveryDelivery, free_port
from runtime.supervisor import Supervisor

TIMES, SCHEDULED = 20, 6
TICK = 1
APART = 3.0
PATIENCE = 120.0
ROOT = Path(__file__).parents[2]
RECORD = f"record to the mail server's yes, by the scheduler (looks every {TICK} s) and Prefect"
EMPTY = "Prefect: an empty flow in this process"
EMPTY_SCHEDULED = "Prefect: an empty flow scheduled on a served deployment, to its end"


class Noting(WriteEveryDelivery):
    """The local sink's own handler; notes when each mailbox was written to."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.yes: dict[str, float] = {}

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Store one message, and note the time."""
        said = await super().handle_DATA(server, session, envelope)
        self.yes.update(dict.fromkeys(envelope.rcpt_tos, time.perf_counter()))
        return said


def measure(home: Path, times: int, scheduled: int) -> dict[str, list[float]]:
    """Seconds by what was waited for."""
    command = [sys.executable, "-m", "benchmarks.measures.whole_installation", str(home), str(times), str(scheduled)]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main(home: Path, times: int, scheduled: int) -> None:
    """Start an installation, take the times, and stop it."""
    os.environ |= {"SENDFLOW_TODAY": str(TODAY), "SENDFLOW_TICK_SECONDS": str(TICK)}
    settings = Settings(home=home, today=TODAY, port=free_port(), tick_seconds=TICK)
    context = AppContext.load(settings)
    processes = Supervisor(settings, lambda line: print(line, file=sys.stderr))
    api_url = f"{settings.ui_url}/api"
    noting = Noting(settings.letters)
    mail = Controller(noting, hostname="127.0.0.1", port=free_port())
    mail.start()
    seconds_by_wait: dict[str, list[float]] = {}
    try:
        processes.start("server")
        processes.wait_for("server", lambda: server_answers(api_url, settings.auth, 1.0), PATIENCE, lambda: None)
        write_running(
            settings.running_file,
            Running(
                os.getpid(),
                datetime.now(UTC).isoformat(),
                api_url,
                settings.ui_url,
                "127.0.0.1",
                mail.port,
                str(settings.letters),
                {},
            ),
        )
        processes.start("scheduler")
        fix_caller_environment(settings, api_url)
        with background_load(context):
            seconds_by_wait[RECORD] = _records(context, noting, times)
            seconds_by_wait[EMPTY] = _empty(times)
            seconds_by_wait[EMPTY_SCHEDULED] = _scheduled(settings, api_url, scheduled)
    finally:
        processes.stop()
        mail.stop()
        settings.running_file.unlink(missing_ok=True)
    print(json.dumps(seconds_by_wait))


def _records(context: AppContext, noting: Noting, times: int) -> list[float]:
    _until(lambda: bool(noting.yes))  # the clock's first look, with the day's sweep and digest
    chance, began = random.Random(TIMES), {}
    for number in range(times):
        drafts = request(number, TODAY)
        began[mailbox(number, drafts)] = time.perf_counter()
        record(context, f"LW-{number:06d}", drafts, ACTOR)
        time.sleep(chance.random() * 2 * TICK)
    _until(lambda: began.keys() <= noting.yes.keys())
    return [noting.yes[box] - start for box, start in began.items()]


def mailbox(number: int, drafts: list[FactDraft]) -> str:
    """The mailbox that the directory of the caseload has for the body that is asked last."""
    return f"{drafts[-1].data['service']}@trust-{number % TRUSTS:03d}.example"


def _until(true: Any) -> None:
    give_up = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > give_up:
            raise TimeoutError(f"what was waited for did not come within {PATIENCE:.0f} s")
        time.sleep(0.02)


def _empty(times: int) -> list[float]:
    from benchmarks.measures.empty_flow import empty

    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        asyncio.run(empty())
        seconds.append(time.perf_counter() - began)
    return seconds


def _scheduled(settings: Settings, api_url: str, times: int) -> list[float]:
    """Runs asked for one after another; each is begun by Prefect's runner, in a process of its own, when it
    next looks.
    """
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.objects import FlowRun

    async def ask_for() -> list[FlowRun]:
        async with get_client() as client:
            deployment = await _deployment(client)
            runs = []
            for _ in range(times):
                runs.append(await client.create_flow_run_from_deployment(deployment))
                await asyncio.sleep(APART)  # or the runs' own processes wait for each other
            give_up = time.monotonic() + PATIENCE
            while not all(run.end_time for run in runs):
                assert time.monotonic() < give_up, "Prefect did not end the empty flows"
                await asyncio.sleep(1.0)
                runs = [run if run.end_time else await client.read_flow_run(run.id) for run in runs]
            return runs

    with _served(settings, api_url):
        return [
            (run.end_time - run.created).total_seconds()
            for run in asyncio.run(ask_for())
            if run.end_time and run.created
        ]


async def _deployment(client: Any) -> Any:
    from prefect.exceptions import ObjectNotFound

    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        with contextlib.suppress(ObjectNotFound):
            return (await client.read_deployment_by_name("empty/empty")).id
        await asyncio.sleep(0.5)
    raise TimeoutError("Prefect did not serve the empty flow")


@contextlib.contextmanager
def _served(settings: Settings, api_url: str) -> Iterator[None]:
    environment = {**child_environment(settings, api_url), "PYTHONPATH": str(ROOT)}
    with (settings.logs / "empty.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.measures.empty_flow"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
