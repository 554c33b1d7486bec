"""Who may do what on the Prefect server: nobody without a login, and people only what the proxy lets them do.

Purpose: anyone who may write a deployment, a work pool, a block or an automation can run programs as this installation,
and any account of the machine reaches loopback. So every request is checked before Prefect sees it, in this order: the
host it names, the site it comes from, its credential, and what that credential may do.

Two credentials exist. The machine's login (config/login.py) is held by the server, the workers and the commands and
may do everything. A session (casework/access/sessions.py) belongs to a person, who may read, start a shipped
deployment with checked parameters, and cancel a run.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from contextlib import suppress
from http.cookies import CookieError, SimpleCookie
from typing import Any, NamedTuple, Protocol
from urllib.parse import parse_qs, urlsplit

import orjson

from casework.access.sessions import COOKIE
from runtime.prefect_bodies import (
    FEED,
    diary_unless_asked_for_more,
    json_object,
    only_cancellation,
    only_known_parameters,
)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

SAFE = frozenset({"GET", "HEAD"})
ID = r"[0-9a-f-]{32,36}"
NAME = r"[^/]+"
# POST addresses that only read, each written out: a new one of Prefect's is refused until somebody has looked at it.
READS = (
    "/artifacts/count",
    "/artifacts/filter",
    "/artifacts/latest/count",
    "/artifacts/latest/filter",
    "/automations/count",
    "/automations/filter",
    "/concurrency_limits/filter",
    "/deployments/count",
    "/deployments/filter",
    "/deployments/paginate",
    f"/events/count-by/{NAME}",
    "/events/filter",
    "/flow_runs/count",
    "/flow_runs/filter",
    "/flow_runs/history",
    "/flow_runs/lateness",
    "/flow_runs/paginate",
    "/flows/count",
    "/flows/filter",
    "/flows/paginate",
    "/logs/filter",
    "/saved_searches/filter",
    "/task_runs/count",
    "/task_runs/filter",
    "/task_runs/history",
    "/task_runs/paginate",
    "/task_workers/filter",
    "/ui/flow_runs/count-task-runs",
    "/ui/flow_runs/history",
    "/ui/flows/count-deployments",
    "/ui/flows/next-runs",
    "/ui/schemas/validate",
    "/ui/task_runs/count",
    "/ui/task_runs/dashboard/counts",
    "/v2/concurrency_limits/filter",
    "/variables/count",
    "/variables/filter",
    "/work_pools/count",
    "/work_pools/filter",
    f"/work_pools/{NAME}/concurrency_status",
    f"/work_pools/{NAME}/queues/filter",
    f"/work_pools/{NAME}/workers/filter",
    "/work_queues/filter",
    f"/work_queues/{ID}/concurrency_status",
)
STARTS = (f"/deployments/{ID}/create_flow_run", f"/deployments/{ID}/create_flow_run/bulk")
CANCELS = (f"/flow_runs/{ID}/set_state", "/flow_runs/bulk_set_state")
# Reading addresses that could name what a program is given: blocks and where results are stored.
PRIVATE = re.compile(r"/api/(admin/storage|block_documents|block_types/slug/[^/]+/block_documents)(/.*)?")
# The event feed asks for the blocks, and shows a fault without an answer. A person is answered that there are none.
NONE_TO_SEE = "/api/block_documents/filter"
# Web sockets by which the pages follow runs; those by which programs write are not among them.
FOLLOWED = frozenset({"/api/events/out", "/api/logs/out"})
LARGEST = 65_536


def _any_of(paths: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"/api{path}/?" for path in paths))


READ, START, CANCEL = _any_of(READS), _any_of(STARTS), _any_of(CANCELS)


class Doorkeeper(Protocol):
    """What the gate asks of the installation. `who` returns the account of a session's secret, None where none is open.

    `enter` spends a one-time token and returns the secret of a new session; None where the token is good for nothing.
    """

    async def who(self, secret: str) -> str | None:
        """The account that is signed in."""
        ...

    async def enter(self, token: str) -> str | None:
        """Start a session."""
        ...

    async def leave(self, secret: str) -> None:
        """End a session."""
        ...


class Refusal(NamedTuple):
    """An answer in place of Prefect's."""

    status: int
    what: str


class Request:
    """What the gate reads of a request: its headers, each once."""

    def __init__(self, scope: Message) -> None:
        """Reads the headers. A header given twice counts as wrong, because nobody knows which is meant."""
        self.headers: dict[str, str] = {}
        self.doubled: set[str] = set()
        for name, value in scope["headers"]:
            key = name.decode("latin-1").lower()
            if key in self.headers:
                self.doubled.add(key)
            self.headers[key] = value.decode("latin-1")
        self.kind = str(scope["type"])
        self.method = str(scope.get("method", "GET"))
        self.path = str(scope.get("path", ""))
        self.query = scope.get("query_string", b"").decode("latin-1")

    @property
    def changes(self) -> bool:
        """Whether the request may change something."""
        return self.kind == "websocket" or self.method not in SAFE

    @property
    def secret(self) -> str | None:
        """The secret in the session's cookie."""
        try:
            morsel = SimpleCookie(self.headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return None
        return morsel.value if morsel is not None else None

    @property
    def is_browser(self) -> bool:
        """Whether a browser sent it: no program sends these headers."""
        return bool(self.headers.keys() & {"sec-fetch-site", "sec-fetch-mode", "origin"})

    @property
    def is_page(self) -> bool:
        """Whether a browser asks for a page, and a sentence is worth more than JSON."""
        return self.method in SAFE and "text/html" in self.headers.get("accept", "")


class Gate:
    """The ASGI app in front of Prefect's. `hosts`: the names, without ports, under which this server may be called."""

    def __init__(self, app: App, login: str, hosts: Iterable[str], doorkeeper: Doorkeeper) -> None:
        """Takes the app, the machine's login and what the installation answers."""
        self._app = app
        self._basic = b"Basic " + base64.b64encode(login.encode())
        self._login = login
        self._hosts = frozenset(host.lower() for host in hosts)
        self._doorkeeper = doorkeeper

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        refusal = self._wrong_host(request) or self._other_site(request)
        if refusal is not None:
            await _refuse(request, refusal, receive, send)
        elif request.kind == "http" and request.path in ("/sign-in", "/sign-out"):
            await self._session_page(request, send)
        elif request.kind == "websocket" and request.secret is None and not request.is_browser:
            # Programs show the login in their first message, where the protocol of Prefect has its place.
            await self._app(scope, self._first_message(receive, self._is_login), send)
        elif self._is_machine(request):
            # Prefect stores every parameter of every run.
            change = only_known_parameters if request.method == "POST" and START.fullmatch(request.path) else None
            await (self._checked(scope, receive, send, change) if change else self._app(scope, receive, send))
        else:
            await self._as_person(request, scope, receive, send)

    def _is_machine(self, request: Request) -> bool:
        """Basic authentication is for programs: a browser that remembers a password would send it for any page."""
        given = request.headers.get("authorization", "").encode("latin-1", "replace")
        return not request.is_browser and hmac.compare_digest(given, self._basic)

    def _wrong_host(self, request: Request) -> Refusal | None:
        host = request.headers.get("host", "")
        name = urlsplit(f"//{host}").hostname if re.fullmatch(r"[\w.\-:\[\]]+", host) else None
        if "host" in request.doubled or name is None or name.lower() not in self._hosts:
            return Refusal(421, "This server does not answer under that name. Set SENDFLOW_HOSTS to the names it has.")
        return None

    def _other_site(self, request: Request) -> Refusal | None:
        if not request.changes:
            return None
        site = request.headers.get("sec-fetch-site", "none")
        origin = request.headers.get("origin")
        same = origin is None or urlsplit(origin).netloc.lower() == request.headers["host"].lower()
        if request.doubled & {"sec-fetch-site", "origin"} or site not in ("same-origin", "none") or not same:
            return Refusal(403, "A page of another site may change nothing here.")
        return None

    async def _session_page(self, request: Request, send: Send) -> None:
        if request.path == "/sign-out":
            if request.secret is not None:
                await self._doorkeeper.leave(request.secret)
            gone = f"{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"
            await _answer(send, 200, _page("You are signed out."), {"set-cookie": gone})
            return
        tokens = parse_qs(request.query).get("token", [])
        secret = await self._doorkeeper.enter(tokens[0]) if len(tokens) == 1 and request.method == "GET" else None
        if secret is None:
            said = (
                "This sign-in link has been used, is too old, or is not complete. Run sendflow sign-in for a new one."
            )
            await _answer(send, 403, _page(said))
            return
        secure = "; Secure" if request.headers.get("x-forwarded-proto") == "https" else ""
        cookie = f"{COOKIE}={secret}; Path=/; HttpOnly; SameSite=Lax{secure}"
        await _answer(send, 303, b"", {"location": "/", "set-cookie": cookie})

    async def _as_person(self, request: Request, scope: Message, receive: Receive, send: Send) -> None:
        secret = request.secret
        account = await self._doorkeeper.who(secret) if secret is not None else None
        if account is None:
            said = "Sign in first: open the link that sendflow up printed, or run sendflow sign-in for a new one."
            await _refuse(request, Refusal(401, said), receive, send)
        elif request.kind == "websocket":
            if request.path in FOLLOWED:
                await self._app(scope, self._first_message(receive, self._with_login), send)
            else:
                await _refuse(request, Refusal(403, ""), receive, send)
        elif request.method == "POST" and request.path.rstrip("/") == NONE_TO_SEE:
            await _answer(send, 200, b"[]", {"content-type": "application/json"})
        elif not _may(request):
            said = "People read, start a deployment and cancel a run here. Everything else needs the machine's login."
            await _refuse(request, Refusal(403, said), receive, send)
        else:
            scope = {
                **scope,
                "headers": [*_without(scope, b"authorization", b"cookie"), (b"authorization", self._basic)],
            }
            change = _change_of(request.path) if request.method == "POST" else None
            if change is not None:
                await self._checked(scope, receive, send, change)
            else:
                await self._app(scope, receive, _without_prompt(send) if request.path == "/ui-settings" else send)

    def _is_login(self, message: dict[str, Any]) -> Message:
        if not hmac.compare_digest(str(message.get("token")).encode(), self._login.encode()):
            return {"type": "websocket.disconnect", "code": 1008}
        return {"type": "websocket.receive", "text": orjson.dumps(message).decode()}

    def _with_login(self, message: dict[str, Any]) -> Message:
        return {"type": "websocket.receive", "text": orjson.dumps({**message, "token": self._login}).decode()}

    def _first_message(self, receive: Receive, change: Callable[[dict[str, Any]], Message]) -> Receive:
        """Passes on a web socket's messages, the first changed or refused: Prefect reads a login there."""
        first = True

        async def receive_changed() -> Message:
            nonlocal first
            message = await receive()
            if not first or message["type"] != "websocket.receive":
                return message
            first = False
            try:
                return change(json_object(orjson.loads(message.get("text") or message.get("bytes") or b"")))
            except (ValueError, TypeError):
                return {"type": "websocket.disconnect", "code": 1008}

        return receive_changed

    async def _checked(self, scope: Message, receive: Receive, send: Send, change: Callable[[Any], Any]) -> None:
        """Passes on what a start or a cancellation may say, and nothing that somebody typed beside it."""
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if message["type"] != "http.request" or len(body) > LARGEST or not message.get("more_body"):
                break
        try:
            given = orjson.loads(body[: LARGEST + 1])
            wanted = orjson.dumps([change(each) for each in given] if isinstance(given, list) else change(given))
        except (ValueError, TypeError, PermissionError) as problem:
            allowed = not isinstance(problem, PermissionError)
            said = "The request is not understood: it is no JSON object." if allowed else str(problem)
            kind = {"content-type": "application/json"}
            await _answer(send, 422 if allowed else 403, orjson.dumps({"detail": said}), kind)
            return
        headers = [*_without(scope, b"content-length", b"transfer-encoding"), (b"content-length", b"%d" % len(wanted))]
        passed = iter([{"type": "http.request", "body": wanted, "more_body": False}])

        async def receive_wanted() -> Message:
            message = next(passed, None)
            return await receive() if message is None else message

        await self._app({**scope, "headers": headers}, receive_wanted, send)


def _change_of(path: str) -> Callable[[Any], Any] | None:
    if START.fullmatch(path):
        return only_known_parameters
    if path.rstrip("/") in FEED:
        return diary_unless_asked_for_more
    return only_cancellation if CANCEL.fullmatch(path) else None


def _may(request: Request) -> bool:
    """What a signed-in person may ask for."""
    if request.method in SAFE:
        return not PRIVATE.fullmatch(request.path)
    return request.method == "POST" and any(
        pattern.fullmatch(request.path) is not None for pattern in (READ, START, CANCEL)
    )


def _without(scope: Message, *names: bytes) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in scope["headers"] if name.lower() not in names]


def _without_prompt(send: Send) -> Send:
    """Prefect's pages ask for a password where their server wants one; a session has been checked already."""
    start: Message = {}
    body = b""

    async def send_changed(message: Message) -> None:
        nonlocal start, body
        if message["type"] == "http.response.start":
            start = message
            return
        body += message.get("body", b"")
        if message.get("more_body"):
            return
        with suppress(ValueError, TypeError):
            body = orjson.dumps({**orjson.loads(body), "auth": None})
        headers = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
        await send({**start, "headers": [*headers, (b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})

    return send_changed


async def _refuse(request: Request, refusal: Refusal, receive: Receive, send: Send) -> None:
    if request.kind == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})
    elif request.is_page:
        await _answer(send, refusal.status, _page(refusal.what))
    else:
        body = orjson.dumps({"detail": refusal.what})
        await _answer(send, refusal.status, body, {"content-type": "application/json"})


async def _answer(send: Send, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
    sent = {
        "content-type": "text/html; charset=utf-8",
        "content-length": str(len(body)),
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        **(headers or {}),
    }
    lines = [(name.encode(), value.encode()) for name, value in sent.items()]
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": body})


def _page(sentence: str) -> bytes:
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>sendflow</title><h1>sendflow</h1><p>{sentence}</p></html>\n"
    ).encode()
