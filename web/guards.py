"""What guards every page: the host's name, the site of a change, the size of a form, and headers of safety.

Order: host (421), site of a change (403), size (413). Every answer, also a refusal, has the headers. A page of this
server may ask this server only, runs no inline script without the nonce of its answer, and is stored by no cache.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from email import message_from_bytes
from email.policy import HTTP
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson

from config.text import readable

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

LARGEST_FORM = 262_144
LARGEST_FILE, LARGEST_TRACKER = 2 * 1024 * 1024, 10 * 1024 * 1024
TRACKERS = ("/imports/file", "/sen2/file")
# Where a form may have a file: its path ends so, and it may be as large as this.
WITH_A_FILE = {"/answers": LARGEST_FILE} | dict.fromkeys(TRACKERS, LARGEST_TRACKER + LARGEST_FORM)
MOST_FIELDS = 300
MOST_PARTS = 20
LARGEST_DOCUMENT = 16_384
DOCUMENTS = frozenset({"/notify/receipts"})  # addresses that programs send JSON to
PROGRAMS, LARGEST_CALL = "/api/", 262_144  # whose bodies are JSON, and the app below reads them
TRACKER_TOO_LARGE = (413, "The file is larger than 10 MB. Nothing was recorded. Split it, and send its parts.")
TOO_LARGE = (413, "The body is too large. Nothing was recorded.")
SAFE = frozenset({"GET", "HEAD"})
HOST = re.compile(r"(\[[0-9a-f:.]{2,45}\]|[\w.-]{1,253})(:[0-9]{1,5})?", re.IGNORECASE)
HEADERS = {
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


def policy(nonce: str) -> str:
    """What a browser may do with a page of ours."""
    return (
        f"default-src 'none'; style-src 'self'; script-src 'self' 'nonce-{nonce}'; img-src 'self' data:;"
        " font-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


class Guards:
    """The ASGI app in front of the pages. `hosts`: the names, without ports, under which they may be called."""

    def __init__(self, app: App, hosts: Iterable[str]) -> None:
        """Takes the app and the names."""
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        nonce = secrets.token_urlsafe(16)
        scope["sendflow"] = {"nonce": nonce, "form": {}, "file": None}
        send = _with_headers(send, nonce, static=scope["path"].startswith("/static/"))
        headers = _headers(scope)
        refused = self._wrong_host(headers) or _other_site(scope["method"], headers)
        program = scope["path"].startswith(PROGRAMS)
        if refused is None and program:
            body = await _whole(receive, LARGEST_CALL)
            refused = TOO_LARGE if body is None else None
            receive = _again(body or b"")
        elif refused is None and scope["method"] == "POST":
            refused = await _read_form(scope, headers, receive)
        if refused is not None:
            await (_refuse_program if program else _refuse)(send, *refused)
        else:
            await self._app(scope, receive, send)

    def _wrong_host(self, headers: dict[str, list[str]]) -> tuple[int, str] | None:
        hosts = headers.get("host", [])
        name = _name(hosts[0]) if len(hosts) == 1 else None
        if name is None or name not in self._hosts:
            return 421, "This server does not answer under that name. Set SENDFLOW_HOSTS to the names it has."
        return None


def _name(host: str) -> str | None:
    found = HOST.fullmatch(host)
    return found[1].strip("[]").lower() if found else None


def _headers(scope: Message) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return found


def _other_site(method: str, headers: dict[str, list[str]]) -> tuple[int, str] | None:
    """A change comes from a page of this server: the browser says so in Sec-Fetch-Site, an old one in Origin."""
    if method in SAFE:
        return None
    sites, origins = headers.get("sec-fetch-site", ["none"]), headers.get("origin", [])
    host = headers["host"][0].lower()
    same = all(urlsplit(origin).netloc.lower() == host for origin in origins)
    if len(sites) > 1 or len(origins) > 1 or sites[0] not in ("same-origin", "none") or not same:
        return 403, "A page of another site may change nothing here."
    return None


async def _read_form(scope: Message, headers: dict[str, list[str]], receive: Receive) -> tuple[int, str] | None:
    kind = headers.get("content-type", [""])[0]
    most = next((most for end, most in WITH_A_FILE.items() if scope["path"].endswith(end)), 0)
    with_file = bool(most) and kind.lower().startswith("multipart/form-data")
    largest = most if with_file else LARGEST_FORM
    body = await _whole(receive, LARGEST_DOCUMENT if scope["path"] in DOCUMENTS else largest)
    if body is None:
        return TRACKER_TOO_LARGE if most > LARGEST_FILE else (413, "The form is too large. Nothing was recorded.")
    if scope["path"] in DOCUMENTS:
        return _read_document(scope, body)
    if with_file:
        scope["sendflow"] |= _parts(kind, body)
        return None
    if body and kind.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        return 415, "This server reads forms only."
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        return 400, "The form cannot be read. Nothing was recorded."
    scope["sendflow"]["form"] = {name: readable(value) for name, value in pairs}
    return None


async def _whole(receive: Receive, largest: int) -> bytes | None:
    """The body of a request; None where it is larger than `largest` bytes."""
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message["type"] == "http.request" and bool(message.get("more_body"))
        if len(body) > largest:
            return None
    return body


def _again(body: bytes) -> Receive:
    """Gives a body that was read already."""
    left: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return left.pop() if left else {"type": "http.disconnect"}

    return receive


def _read_document(scope: Message, body: bytes) -> tuple[int, str] | None:
    try:
        document = orjson.loads(body) if body else {}
    except orjson.JSONDecodeError:
        return 400, "The document cannot be read. Nothing was recorded."
    scope["sendflow"]["document"] = document if isinstance(document, dict) else {}
    return None


def _parts(kind: str, body: bytes) -> dict[str, Any]:
    """The fields and the one file of a form with a file. A part that is neither is left out."""
    head = b"Content-Type: " + kind.encode("latin-1", "replace") + b"\r\n\r\n"
    form: dict[str, str] = {}
    file: bytes | None = None
    for part in islice(message_from_bytes(head + body, policy=HTTP).walk(), MOST_PARTS):
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if not isinstance(name, str) or not isinstance(content, bytes):
            continue
        if part.get_filename() is not None:
            file = content
        else:
            form[name] = readable(content.decode("utf-8", "replace"))
    return {"form": form, "file": file}


def _with_headers(send: Send, nonce: str, *, static: bool) -> Send:
    cache = "public, max-age=31536000, immutable" if static else "no-store"
    own = {**HEADERS, "content-security-policy": policy(nonce), "cache-control": cache}
    lines = [(name.encode(), value.encode()) for name, value in own.items()]

    async def send_with(message: Message) -> None:
        if message["type"] == "http.response.start":
            known = [(name, value) for name, value in message.get("headers", []) if name.lower() != b"cache-control"]
            message = {**message, "headers": [*known, *lines]}
        await send(message)

    return send_with


async def _refuse(send: Send, status: int, sentence: str) -> None:
    body = (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>sendflow</title><h1>sendflow</h1><p>{sentence}</p></html>\n"
    ).encode()
    await _send(send, status, body, b"text/html; charset=utf-8")


async def _refuse_program(send: Send, status: int, sentence: str) -> None:
    problem = {"type": "about:blank", "title": "Refused", "status": status, "detail": sentence, "code": "refused"}
    await _send(send, status, orjson.dumps(problem), b"application/problem+json")


async def _send(send: Send, status: int, body: bytes, kind: bytes) -> None:
    start = [(b"content-type", kind), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": body})
