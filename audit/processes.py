"""Verification in several processes: each takes the next part that is left, until none is.

The caller's process is one of them, and begins while the others start. A process that ends in the middle of a part
loses that part alone; the caller checks it. The others are new ones (`spawn`), because the caller may have threads, and
are given the settings through a pipe and never on a command line.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.connection import Connection as Pipe
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from queue import SimpleQueue
from threading import Thread
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from audit.parts import Checked, Part, check_part
from casework.context import AppContext
from config.settings import Settings
from models.database import is_postgresql, reading

_NEW = get_context("spawn")


class Shared(NamedTuple):
    """What each process is given: the settings, the instant of the head, and the snapshot to read, if there is one."""

    settings: Settings
    before: str
    snapshot: str | None


def snapshot_of(connection: Connection, engine: Engine) -> str | None:
    """The name by which other connections read the same snapshot. SQLite has none: each part has its own."""
    if not is_postgresql(engine):
        return None
    # This connection waits for the others, for as long as a verification takes.
    connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
    return str(connection.exec_driver_sql("SELECT pg_export_snapshot()").scalar())


def check_in_processes(
    shared: Shared, parts: Sequence[Part], processes: int, here: Callable[[Part], Checked]
) -> Iterator[Checked]:
    """Yield what each part found, as they end. What a process that was lost had taken is not among them.

    This process is one of them: it checks with `here`, and a thread gives the others their next part meanwhile.
    Raises what a part raises.
    """
    left, found = deque(parts), SimpleQueue[Checked | Exception]()
    workers = dict[Pipe, SpawnProcess]()
    dealer = Thread(target=_deal, args=(workers, left, found), daemon=True)
    try:
        for _ in range(min(processes, len(parts)) - 1):
            _start(workers, shared)
        dealer.start()
        while left:
            with suppress(IndexError):  # the thread took the last one
                yield here(left.popleft())
            while not found.empty():
                yield _answer(found.get())
        dealer.join()
        while not found.empty():
            yield _answer(found.get())
    finally:
        left.clear()
        for worker in workers.values():
            worker.terminate()
        if dealer.ident is not None:
            dealer.join()  # each pipe has its end now
        for pipe, worker in workers.items():
            worker.join()
            pipe.close()


def _start(workers: dict[Pipe, SpawnProcess], shared: Shared) -> None:
    ours, theirs = _NEW.Pipe()
    worker = _NEW.Process(target=_work, args=(theirs, shared), daemon=True)
    worker.start()
    theirs.close()
    workers[ours] = worker


def _answer(found: Checked | Exception) -> Checked:
    if isinstance(found, Exception):
        raise found
    return found


def _deal(workers: Mapping[Pipe, SpawnProcess], left: deque[Part], found: SimpleQueue[Checked | Exception]) -> None:
    """Give each process its next part until none is left, and collect what they found."""
    waiting = list(workers)
    while waiting:
        for pipe in wait(waiting):
            assert isinstance(pipe, Pipe)
            try:
                if (answer := pipe.recv()) is not None:  # None: it has started
                    found.put(answer)
                pipe.send(left.popleft())
            except IndexError:
                waiting.remove(pipe)
                with suppress(OSError):
                    pipe.send(None)
            except (EOFError, OSError):
                waiting.remove(pipe)


def _work(pipe: Pipe, shared: Shared) -> None:
    """Check the parts that come through the pipe, until None does."""
    with suppress(EOFError, OSError):
        try:
            _check_all(pipe, shared)
        except Exception as problem:
            pipe.send(problem)


def _check_all(pipe: Pipe, shared: Shared) -> None:
    context = AppContext.load_read_only(shared.settings, without_key=True)
    try:
        pipe.send(None)
        while (part := pipe.recv()) is not None:
            # On SQLite each part reads what is there when it begins, so that it holds up no checkpoint of the file.
            with reading(context.engine) as connection:
                if shared.snapshot is not None:
                    connection.exec_driver_sql(f"SET TRANSACTION SNAPSHOT '{shared.snapshot}'")
                pipe.send(check_part(context, connection, part, shared.before))
    finally:
        context.engine.dispose()


def settings_of(context: AppContext) -> Settings | None:
    """The settings by which another process opens the same database; None for one in memory or of another place."""
    url = context.engine.url.render_as_string(hide_password=False)
    if url == context.settings.records_url:
        return context.settings
    if is_postgresql(context.engine):
        return replace(context.settings, database_url=url)
    return None
