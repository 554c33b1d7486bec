"""Verification in several processes: each takes the next part that is left, until none is.

A process that ends in the middle of a part loses that part alone; the caller checks it. The processes are new ones
(`spawn`), because the caller may have threads, and are given the settings through a pipe and never on a command line.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.connection import Connection as Pipe
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from audit.parts import Checked, Part, check_part
from casework.context import AppContext
from config.settings import Settings
from models.database import is_postgresql, reading


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


def check_in_processes(shared: Shared, parts: Sequence[Part], processes: int) -> Iterator[Checked]:
    """Yield what each part found, as they end. What a process that was lost had taken is not among them.

    Raises what a part raises.
    """
    left, workers = deque(parts), dict[Pipe, SpawnProcess]()
    method = get_context("spawn")
    try:
        for _ in range(min(processes, len(left))):
            ours, theirs = method.Pipe()
            worker = method.Process(target=_work, args=(theirs, shared), daemon=True)
            worker.start()
            theirs.close()
            workers[ours] = worker
            ours.send(left.popleft())
        while workers:
            for pipe in wait(list(workers)):
                assert isinstance(pipe, Pipe)
                try:
                    found = pipe.recv()
                    if left:
                        pipe.send(left.popleft())
                    else:
                        pipe.send(None)
                        workers.pop(pipe).join()
                except (EOFError, OSError):
                    workers.pop(pipe, None)
                    continue
                if isinstance(found, Exception):
                    raise found
                yield found
    finally:
        for pipe, worker in workers.items():
            worker.terminate()
            worker.join()
            pipe.close()


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
