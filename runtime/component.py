"""One process of a running house: `python -m runtime.component server|deployments|wake|postgres`, started by the
supervisor and never outliving it.

Its standard input is a pipe that only the supervisor holds open. When that end closes, however the supervisor went,
this process ends its whole group: no server, runner or half-finished run is left behind.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from config.running_instance import read_running
from config.settings import Settings, fix_prefect_environment

GRACE_SECONDS = 8.0


def end_with_the_supervisor() -> None:
    """Starts to watch standard input; when it ends, asks the whole process group to stop and, after a
    grace, makes it.
    """

    def watch() -> None:
        while os.read(0, 1024):
            continue
        threading.Timer(GRACE_SECONDS, lambda: os.killpg(os.getpgid(0), signal.SIGKILL)).start()
        os.killpg(os.getpgid(0), signal.SIGTERM)

    threading.Thread(target=watch, name="end-with-the-supervisor", daemon=True).start()


def server(settings: Settings) -> None:
    """Runs the Prefect server with its pages, on its own SQLite file, until it is told to stop."""
    import uvicorn

    os.environ["PREFECT__SERVER_FINAL"] = "1"
    uvicorn.run(
        "runtime.prefect_server:create_server",
        factory=True,
        host=settings.bind,
        port=settings.port,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=3,
        log_level="warning",
    )


def deployments(settings: Settings) -> None:
    """Serves what a person may start from the Prefect pages."""
    from flows.deployments import serve_deployments

    running = read_running(settings)
    serve_deployments(datetime.fromisoformat(running.started) if running else datetime.now(UTC))


def wake(settings: Settings) -> None:
    """Runs the alarm clock."""
    from runtime.scheduler import run_scheduler

    run_scheduler(settings)


def postgres(settings: Settings) -> None:
    """Runs the house's private PostgreSQL cluster until it is told to stop; its sessions are cut off then."""

    def stop(_number: int, _frame: object) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    from runtime.local_postgres import LocalPostgres  # when whoever tells this process to stop is already heard

    cluster = LocalPostgres(settings.cluster)
    try:
        cluster.start()
        cluster.wait()
    finally:
        cluster.stop()
        cluster.stop_old()


PARTS: dict[str, Callable[[Settings], None]] = {
    "server": server,
    "deployments": deployments,
    "wake": wake,
    "postgres": postgres,
}


def main() -> int:
    """Runs the part that is named in the arguments."""
    if len(sys.argv) != 2 or sys.argv[1] not in PARTS:
        sys.stderr.write(f"expected one of {', '.join(PARTS)}, as in: python -m runtime.component server\n")
        return 2
    end_with_the_supervisor()
    settings = Settings.read()
    fix_prefect_environment(settings)
    PARTS[sys.argv[1]](settings)
    return 0


if __name__ == "__main__":
    sys.exit(main())
