"""One component of a running installation: `python -m runtime.component server|worker|scheduler|postgres`.

The supervisor starts it. Its standard input is a pipe that only the supervisor holds open. When the supervisor ends in
any way, the pipe closes and this process ends its whole process group: no server and no run is left behind.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from config.private_files import protect_process
from config.process_environment import fix_prefect_environment
from config.running_instance import read_running
from config.settings import Settings

GRACE_SECONDS = 8.0


def end_with_the_supervisor() -> None:
    """Watch standard input in a thread. When it ends, terminate the process group, and kill it 8 seconds later."""

    def watch() -> None:
        while os.read(0, 1024):
            continue
        threading.Timer(GRACE_SECONDS, lambda: os.killpg(os.getpgid(0), signal.SIGKILL)).start()
        os.killpg(os.getpgid(0), signal.SIGTERM)

    threading.Thread(target=watch, name="end-with-the-supervisor", daemon=True).start()


def server(settings: Settings) -> None:
    """Run the Prefect server with its UI until it is stopped."""
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


def worker(settings: Settings) -> None:
    """Execute the runs that a person starts from the Prefect UI."""
    from flows.worker import run_worker_of_up

    running = read_running(settings)
    run_worker_of_up(settings, datetime.fromisoformat(running.started) if running else datetime.now(UTC))


def scheduler(settings: Settings) -> None:
    """Run the scheduler."""
    from runtime.scheduler import run_scheduler

    run_scheduler(settings)


def postgres(settings: Settings) -> None:
    """Run the local PostgreSQL until it is stopped, which ends its sessions."""

    def stop(_number: int, _frame: object) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    from runtime.local_postgres import LocalPostgres  # lazy: the signal handler comes first

    cluster = LocalPostgres(settings.cluster)
    try:
        cluster.start()
        cluster.wait()
    finally:
        cluster.stop()
        cluster.stop_old()


COMPONENTS: dict[str, Callable[[Settings], None]] = {
    "server": server,
    "worker": worker,
    "scheduler": scheduler,
    "postgres": postgres,
}


def main() -> int:
    """Run the component that the argument names."""
    if len(sys.argv) != 2 or sys.argv[1] not in COMPONENTS:
        sys.stderr.write(f"expected one of {', '.join(COMPONENTS)}, as in: python -m runtime.component server\n")
        return 2
    protect_process()
    end_with_the_supervisor()
    settings = Settings.read()
    fix_prefect_environment(settings)
    COMPONENTS[sys.argv[1]](settings)
    return 0


if __name__ == "__main__":
    sys.exit(main())
