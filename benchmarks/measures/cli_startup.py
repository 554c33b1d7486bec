"""The start-up of commands that only read, against importing the libraries that any such program needs."""

import os
import subprocess
import sys
from statistics import median
from time import perf_counter

from benchmarks.harness.measuring import Measured, Side, alternate, times_theirs
from benchmarks.harness.workload import ACTOR, TODAY, Workshop, drafts, reference
from casework.cases.record import record
from casework.context import AppContext
from config.settings import Settings

ROUNDS = 5
LIBRARIES = "import sqlalchemy, pydantic, typer"
COMMAND = "import sys; from cli import main; sys.exit(main())"
COMMANDS = (("overdue",), ("case", reference(0)), ("due", "ehc_body_advice_respond", "--on", str(TODAY)))


def cli_startup(shop: Workshop, rounds: int = ROUNDS) -> Measured:
    """The time of one command as a multiple of a process that imports three libraries, each in a new process."""
    home = shop.folder / "startup"
    home.mkdir(exist_ok=True)
    context = AppContext.load(Settings(home=home, today=TODAY))
    record(context, reference(0), drafts(0), ACTOR)
    context.engine.dispose()
    environment = {**os.environ, "SENDFLOW_HOME": str(home), "SENDFLOW_TODAY": str(TODAY)}
    times: dict[str, list[float]] = {command[0]: [] for command in COMMANDS}

    def start(code: str, *arguments: str) -> None:
        process = [sys.executable, "-c", code, *arguments]
        subprocess.run(process, env=environment, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def ours(_given: object, number: int) -> None:
        began = perf_counter()
        start(COMMAND, *COMMANDS[number])
        times[COMMANDS[number][0]].append(perf_counter() - began)

    measured = alternate(
        "cli_startup",
        Side("overdue, case and due", lambda: None, ours, len(COMMANDS), len(COMMANDS)),
        Side(LIBRARIES, lambda: None, lambda _given, _number: start(LIBRARIES), len(COMMANDS), len(COMMANDS)),
        times_theirs,
        [],
        rounds,
    )
    notes = [f"{name}: {median(some) * 1e3:.0f} ms" for name, some in times.items()]
    return measured._replace(notes=[*measured.notes, *notes])
