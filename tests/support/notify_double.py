"""A local server that answers as the API of GOV.UK Notify does, and stores every e-mail that it took.

It checks each token with the client's own function. `answers` are what it says next: a status with an error's name,
"lost" (it takes the e-mail and closes the connection), or "lost_before" (it closes it and takes nothing).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid5

from notifications_python_client.authentication import decode_jwt_token, get_token_issuer
from notifications_python_client.errors import TokenError

from config.notify_settings import NotifyAccess

SERVICE, SECRET = "26785a09-ab16-4eb0-8407-a37497a57506", "3d844edf-8d35-48ac-975b-e847b4f122b0"
TEMPLATE, REPLY_TO = "f33517ff-2a88-4f6e-b855-c550268ce08a", "8e222534-7f05-4972-86e3-17c5d9f894e2"
TOKEN = "a-long-token-of-the-callback-41"
SMOKE = "simulate-delivered@notifications.service.gov.uk"


class NotifyDouble:
    """The server. `taken` are the e-mails, each as it was posted, with its id and status."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.answers: list[str | tuple[int, str]] = []
        self.asked: list[str] = []
        self.down = False
        self.team_only: set[str] = set()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.double = self

    @property
    def access(self) -> NotifyAccess:
        """What an installation needs to use it."""
        port = self._server.server_address[1]
        return NotifyAccess(f"double-{SERVICE}-{SECRET}", TEMPLATE, REPLY_TO, f"http://127.0.0.1:{port}", TOKEN)

    def mailboxes(self) -> list[str]:
        """To whom it took an e-mail, in order."""
        return [each["email_address"] for each in self.taken]

    def report(self, number: int, status: str) -> dict[str, Any]:
        """The body of its call about an e-mail whose fate it now knows."""
        each = self.taken[number]
        each["status"] = status
        return {
            "id": each["id"],
            "reference": each["reference"],
            "to": each["email_address"],
            "status": status,
            "notification_type": "email",
            "template_id": TEMPLATE,
            "template_version": 3,
        }

    def shown(self, each: dict[str, Any]) -> dict[str, Any]:
        """One e-mail as its GET shows it."""
        words = each["personalisation"]
        return {
            "id": each["id"],
            "reference": each["reference"],
            "email_address": each["email_address"],
            "type": "email",
            "status": each["status"],
            "template": {"id": TEMPLATE, "version": 3},
            "subject": words["subject"],
            "body": words["body"],
        }

    def take(self, posted: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Answer a POST of an e-mail."""
        if posted["email_address"] in self.team_only:
            return _error(400, "BadRequestError")
        if set(posted["personalisation"]) != {"subject", "body"} or posted["template_id"] != TEMPLATE:
            return _error(400, "BadRequestError")
        id_ = str(uuid5(UUID(SERVICE), f"{len(self.taken)}"))
        each = {**posted, "id": id_, "status": "created"}
        self.taken.append(each)
        words = posted["personalisation"]
        return 201, {
            "id": id_,
            "reference": posted["reference"],
            "content": {"subject": words["subject"], "body": words["body"], "from_email": "sendflow@notify.example"},
            "template": {"id": TEMPLATE, "version": 3, "uri": ""},
            "uri": "",
            "scheduled_for": None,
        }


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    double: NotifyDouble


@contextmanager
def running_notify() -> Iterator[NotifyDouble]:
    """Run the server on a free port of this machine."""
    double = NotifyDouble()
    thread = threading.Thread(target=double._server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield double
    finally:
        double._server.shutdown()
        double._server.server_close()
        thread.join()


def _error(status: int, name: str) -> tuple[int, dict[str, Any]]:
    return status, {"status_code": status, "errors": [{"error": name, "message": "words that quote an address"}]}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""

    def do_GET(self) -> None:
        if (refused := self._refused()) is not None:
            self._say(*refused)
            return
        parts = urlsplit(self.path)
        if parts.path == "/v2/notifications":
            wanted = parse_qs(parts.query)["reference"][0]
            found = [self.server.double.shown(each) for each in self.server.double.taken if each["reference"] == wanted]
            self._say(200, {"notifications": found, "links": {}})
            return
        each = next((one for one in self.server.double.taken if one["id"] == parts.path.rpartition("/")[2]), None)
        self._say(*((200, self.server.double.shown(each)) if each else _error(404, "NoResultFound")))

    def do_POST(self) -> None:
        posted = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if (refused := self._refused()) is not None:
            self._say(*refused)
            return
        answer = self.server.double.answers.pop(0) if self.server.double.answers else ""
        if isinstance(answer, tuple):
            self._say(*_error(*answer))
            return
        if answer == "lost_before":
            self.close_connection = True
            return
        status, body = self.server.double.take(posted)
        if answer == "lost":
            self.close_connection = True
            return
        self._say(status, body)

    def _refused(self) -> tuple[int, dict[str, Any]] | None:
        self.server.double.asked.append(f"{self.command} {self.path}")
        if self.server.double.down:
            return _error(500, "InternalServerError")
        token = self.headers.get("authorization", "").removeprefix("Bearer ")
        try:
            assert get_token_issuer(token) == SERVICE  # type: ignore[no-untyped-call]
            decode_jwt_token(token, SECRET)  # type: ignore[no-untyped-call]
        except (AssertionError, TokenError):
            return _error(403, "AuthError")
        return None

    def _say(self, status: int, body: dict[str, Any]) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)
