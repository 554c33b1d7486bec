"""The health server: the addresses /live, /ready and /metrics in the process of the scheduler, for the operator.
[I/O]

Purpose: something outside the installation must notice when it stops. It listens on the address that
the Prefect pages have (loopback unless set), and asks for the same login (SENDFLOW_AUTH) where there is one; without a
login nothing can leave loopback. The answers hold numbers and words of our own only, and an error's text never.
"""

from __future__ import annotations

import hmac
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from casework.context import AppContext
from config.login import LINE, basic, ensure_login
from config.settings import Settings
from runtime.health.metrics import collect_metrics, silent

if TYPE_CHECKING:
    from prometheus_client.core import Metric

STUCK_SECONDS = 3600.0
FRESH_SECONDS = 5.0
JSON, TEXT = "application/json", "text/plain; charset=utf-8"


@dataclass
class Heartbeat:
    """When the scheduler last began or finished a job, in seconds of the monotonic clock."""

    beat: float = field(default_factory=time.monotonic)

    def now(self) -> None:
        """The clock has moved."""
        self.beat = time.monotonic()

    def still(self) -> float:
        """For how many seconds it has not."""
        return time.monotonic() - self.beat


class Numbers(Collector):
    """The gauges of an installation, for the library that formats them."""

    def __init__(self, context: AppContext) -> None:
        self.context = context

    def collect(self) -> Iterable[Metric]:
        """Every number, read now."""
        return collect_metrics(self.context)


class HealthServer:
    """The three addresses, answered in threads of their own. A context manager; `port` 0 takes a free one, and `port`
    says which afterwards.
    """

    def __init__(
        self, settings: Settings, pulse: Heartbeat, opened: Callable[[Settings], AppContext] = AppContext.load
    ) -> None:
        """Begin to listen. Raises OSError where it cannot; the installation gets a login where it has none."""
        self._settings, self._pulse, self._opened = settings, pulse, opened
        self._lock = threading.Lock()
        self._cached: tuple[float, bytes] | None = None
        wanted = basic(settings.auth or ensure_login(settings.home))[LINE].encode()
        hosts = {"127.0.0.1", "localhost", "::1", settings.bind, *settings.hosts}
        watch = self

        class Answers(BaseHTTPRequestHandler):
            timeout = 10
            server_version, sys_version = "sendflow", ""

            def do_GET(self) -> None:
                given = self.headers.get("Authorization", "").encode("latin-1", "replace")
                if urlsplit(f"//{self.headers.get('Host', '')}").hostname not in hosts:
                    self._say(HTTPStatus.MISDIRECTED_REQUEST, TEXT, b"unknown host name: see SENDFLOW_HOSTS\n")
                    return
                if not hmac.compare_digest(given, wanted):
                    self._say(
                        HTTPStatus.UNAUTHORIZED,
                        TEXT,
                        b"a login is needed\n",
                        {"WWW-Authenticate": 'Basic realm="sendflow"'},
                    )
                    return
                self._say(*watch.answer(self.path))

            def _say(self, status: HTTPStatus, kind: str, body: bytes, more: dict[str, str] | None = None) -> None:
                self.send_response(status)
                for name, value in {
                    "Content-Type": kind,
                    "Content-Length": str(len(body)),
                    "Cache-Control": "no-store",
                    **(more or {}),
                }.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Log nothing: a request every few seconds would fill the log."""

        self._server = ThreadingHTTPServer((settings.bind, settings.metrics_port or 0), Answers)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])

    def __enter__(self) -> HealthServer:
        threading.Thread(target=self._server.serve_forever, name="watch", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str) -> tuple[HTTPStatus, str, bytes]:
        """The answer to one address: status, content type, body."""
        try:
            match path.partition("?")[0]:
                case "/live":
                    still = self._pulse.still()
                    return _judged(
                        "live",
                        [] if still < STUCK_SECONDS else ["the_alarm_clock_has_stopped"],
                        {"still_seconds": round(still)},
                    )
                case "/ready":
                    return _judged("ready", self._with_context(silent))
                case "/metrics":
                    return HTTPStatus.OK, CONTENT_TYPE_LATEST, self._numbers()
            return HTTPStatus.NOT_FOUND, TEXT, b"expected /live, /ready or /metrics\n"
        except SQLAlchemyError:
            return _judged("ready", ["the_records_cannot_be_read"])
        except Exception as problem:
            return _judged("ready", [f"the_house_cannot_be_opened_{type(problem).__name__}"])

    def _numbers(self) -> bytes:
        """Return the metrics, at most a few seconds old: several readers cost as much as one."""
        with self._lock:
            if self._cached is None or time.monotonic() - self._cached[0] > FRESH_SECONDS:
                self._cached = time.monotonic(), self._with_context(_written)
            return self._cached[1]

    def _with_context(self, asked: Callable[[AppContext], Any]) -> Any:
        context = self._opened(self._settings)
        try:
            return asked(context)
        finally:
            context.engine.dispose()


def _written(context: AppContext) -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Numbers(context))
    return generate_latest(registry)


def _judged(what: str, why: list[str], more: dict[str, Any] | None = None) -> tuple[HTTPStatus, str, bytes]:
    status = HTTPStatus.SERVICE_UNAVAILABLE if why else HTTPStatus.OK
    return status, JSON, orjson.dumps({what: not why, "why": why, **(more or {})}) + b"\n"
