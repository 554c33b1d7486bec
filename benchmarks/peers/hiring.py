"""Peers at work beside sendflow: an environment of their own, made once from benchmarks/peers.lock, and a process of
its own for each.

Where the environment cannot be made (no registry answers), or a peer fails, its column says "not measured" and why, and
the run goes on.
"""

import hashlib
import json
import os
import selectors
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

from benchmarks.harness.databases import OnPostgresql, OnSqlite
from benchmarks.harness.measuring import Side, Took
from benchmarks.peers.work import Work
from tools.environment import alone

ROOT = Path(__file__).resolve().parents[2]
LOCK, HOME = ROOT / "benchmarks" / "peers.lock", ROOT / "build" / "peers"
STAMP = "made-of"
INSTALLING, PATIENCE = 300.0, 180.0


class Peer(NamedTuple):
    """A peer that has a process of its own: its file here, and the acts that it has a counterpart for."""

    module: str
    acts: frozenset[str]


RECORDING = ("record in bulk", "record one fact", "sweep", "refold", "import", "one case page")
PEERS = {
    "SpiffWorkflow": Peer("benchmarks.peers.spiff", frozenset(RECORDING)),
    "DBOS": Peer("benchmarks.peers.dbos", frozenset(RECORDING)),
    "Temporal": Peer("benchmarks.peers.temporal", frozenset({"refold", "verify"})),
    "APScheduler": Peer("benchmarks.peers.apscheduler", frozenset({"sweep"})),
}


class NotMeasured(Exception):
    """A peer that could not be measured: who, and why, in a line."""

    def __init__(self, peer: str, why: str) -> None:
        super().__init__(f"{peer}: {why}")
        self.peer, self.why = peer, why


class NotMade(Exception):
    """The peers' environment could not be made; the text says why."""


def whole(home: Path = HOME, lock: Path = LOCK) -> Path | None:
    """The interpreter of the environment, where it is there and holds what is locked."""
    python, stamp = home / "bin" / "python", home / STAMP
    return python if python.exists() and stamp.exists() and stamp.read_text("utf-8") == _made_of(lock) else None


def environment(home: Path = HOME, lock: Path = LOCK, seconds: float = INSTALLING) -> Path:
    """The same, made where it is absent or holds something else. Raises NotMade."""
    home.parent.mkdir(exist_ok=True)
    with alone(home.parent):
        return whole(home, lock) or _made(home, lock, seconds)


def _made_of(lock: Path) -> str:
    return f"{sys.version.split()[0]} {hashlib.sha256(lock.read_bytes()).hexdigest()}"


def _made(home: Path, lock: Path, seconds: float) -> Path:
    python = home / "bin" / "python"
    shutil.rmtree(home, ignore_errors=True)
    # No resolving, every file checked against its hash; two tries, as a run is not to wait for a registry that is not
    # there.
    command = [
        str(python),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-input",
        "--disable-pip-version-check",
        "--retries",
        "1",
        "--timeout",
        "20",
    ]
    try:
        venv.create(home, with_pip=True)
        done = subprocess.run(
            [*command, "--require-hashes", "--no-deps", "-r", str(lock)],
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
        if done.returncode:
            said = [line.removeprefix("ERROR: ") for line in done.stderr.splitlines() if line.startswith("ERROR")]
            raise NotMade(f"their environment could not be made: {said[-1] if said else 'pip gave no reason'}")
    except (OSError, subprocess.SubprocessError, NotMade) as problem:
        shutil.rmtree(home, ignore_errors=True)
        raise (
            problem
            if isinstance(problem, NotMade)
            else NotMade(f"their environment could not be made ({type(problem).__name__})")
        ) from None
    (home / STAMP).write_text(_made_of(lock), "utf-8")
    return python


class Worker:
    """One peer's process. Every call is answered by a line, or the process is ended and the peer not measured."""

    def __init__(self, peer: str, command: list[str], folder: Path, patience: float = PATIENCE) -> None:
        self.peer, self.patience = peer, patience
        self.log = folder / f"{peer}.log"
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("SENDFLOW_", "PREFECT_"))
        }
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment | {"PYTHONDONTWRITEBYTECODE": "1"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )

    def ask(self, do: str, **more: Any) -> dict[str, Any]:
        """One message and its answer; raises NotMeasured."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps({"do": do} | more).encode() + b"\n")
            self._process.stdin.flush()
            answered = self._answers(self._process.stdout)
            line = self._process.stdout.readline() if answered else b""
        except OSError:
            answered, line = True, b""
        if not line:
            self.end()
            raise NotMeasured(
                self.peer,
                "its process ended" + self._last_word() if answered else f"no answer within {self.patience:.0f} s",
            )
        said: dict[str, Any] = json.loads(line)
        if "error" in said:
            raise NotMeasured(self.peer, said["error"])
        return said

    def _answers(self, stdout: IO[bytes]) -> bool:
        with selectors.DefaultSelector() as waiting:  # select alone knows no file beyond the thousandth that is open
            waiting.register(stdout, selectors.EVENT_READ)
            return bool(waiting.select(self.patience))

    def end(self) -> None:
        """Let the process end by itself, and end it where it does not."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.close()
            self._process.wait(5)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    @property
    def ended(self) -> bool:
        """Whether the process is gone."""
        return self._process.poll() is not None

    def _last_word(self) -> str:
        lines = self.log.read_text("utf-8", errors="replace").split("\n")
        said = [line.strip() for line in lines if line.strip()]
        return f": {said[-1][:200]}" if said else ""


class Staff:
    """The peers of a run, each hired when it is first needed. Without an interpreter for them `problem` says why none
    can be.
    """

    def __init__(self, folder: Path, python: Path | None, problem: str = "") -> None:
        self._folder, self._python, self._problem = folder, python, problem
        self._workers: dict[str, Worker] = {}

    @contextmanager
    def side(self, peer: str, place: OnSqlite | OnPostgresql, work: Work) -> Iterator[Side]:
        """A peer with its records made, ready to run an act; its records are removed afterwards. Raises NotMeasured."""
        if self._python is None:
            raise NotMeasured(peer, self._problem)
        worker = self._workers.get(peer)
        if worker is None or worker.ended:
            worker = self._workers[peer] = Worker(peer, [str(self._python), "-m", PEERS[peer].module], self._folder)
        with ExitStack() as stack:
            folder = stack.enter_context(
                tempfile.TemporaryDirectory(prefix=f"{PEERS[peer].module.rpartition('.')[2]}-", dir=self._folder)
            )
            url = stack.enter_context(place.spare()) if isinstance(place, OnPostgresql) else None
            amount = worker.ask("open", work=work._replace(folder=folder, url=url)._asdict())["amount"]
            try:
                yield Side(peer, _nothing, lambda _given: Took(worker.ask("run")["seconds"]), amount)
            finally:
                self._close(worker)

    @staticmethod
    def _close(worker: Worker) -> None:
        """What was measured is measured: a peer that does not stop is killed, and started again for its next act."""
        if not worker.ended:
            try:
                worker.ask("close")
            except NotMeasured:
                worker.end()

    def end(self) -> None:
        """Every process ends."""
        for worker in self._workers.values():
            if not worker.ended:
                worker.end()


@contextmanager
def staff(folder: Path) -> Iterator[Staff]:
    """The peers for a run; with nobody in it who cannot be had."""
    try:
        hired = Staff(folder, environment())
    except NotMade as problem:
        hired = Staff(folder, None, str(problem))
    try:
        yield hired
    finally:
        hired.end()


def _nothing() -> None:
    return None
