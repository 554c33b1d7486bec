"""The Prefect server as this house runs it: its own pages and interface, shut to every other site and calling none.

Also the door for words that somebody types on those pages. Prefect keeps whatever a run is started with: its form has a
switch that lets any value pass, names that the flow does not know pass always, and there are fields for a name, tags
and a message; each could be a child's name, and none is needed.

Purpose: Prefect's second set of pages counts its visitors at an outside service whatever its settings say, and a page
of any other site could read an interface on loopback. Both are stopped in the answer's headers, where no setting of
Prefect's can undo it.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson
from prefect.server.api.server import create_app

from config.settings import Settings

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
STARTS = re.compile(r"/api/deployments/[^/]+/create_flow_run(/bulk)?/?")
CHANGES = re.compile(r"/api/flow_runs/([^/]+/set_state|bulk_set_state)/?")
TAGS = ("by-hand", "shared")
PARAMETERS = (
    "as_at",
    "part",
    "now",
    "case",
)  # of the four deployments; Prefect's own check lets any other name pass, and keeps it
LARGEST = 65_536


def content_policy(settings: Settings) -> str:
    """What a browser may fetch for these pages: this server's own, and nothing else."""
    hosts = sorted({"127.0.0.1", "localhost", settings.bind})
    own = " ".join(f"{scheme}://{host}:{settings.port}" for scheme in ("http", "ws") for host in hosts)
    # The pages make scripts and styles of their own as they go; where they may be fetched from is what counts.
    return (
        f"default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; connect-src 'self' data: {own}; "
        "frame-ancestors 'none'; form-action 'self'; base-uri 'self'"
    )


class OwnPagesOnly:
    """Adds the policy to every answer of an ASGI app."""

    def __init__(self, app: App, policy: str) -> None:
        """Takes the app and the policy."""
        self._app = app
        self._headers = [
            (b"content-security-policy", policy.encode()),
            (b"referrer-policy", b"no-referrer"),
            (b"x-content-type-options", b"nosniff"),
        ]

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answers one request."""

        async def with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *self._headers]
            await send(message)

        await self._app(scope, receive, with_policy if scope["type"] == "http" else send)


class WordsStayOutside:
    """Lets a run be started with what its deployment asks for and nothing else, and a state be changed by a browser
    without a reason in free words.
    """

    def __init__(self, app: App) -> None:
        """Takes the app."""
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answers one request."""
        path = str(scope.get("path", ""))
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
        elif STARTS.fullmatch(path):
            await self._filtered(scope, receive, send, only_what_is_asked_for)
        elif CHANGES.fullmatch(path) and any(
            name in (b"origin", b"sec-fetch-site") for name, _value in scope["headers"]
        ):
            await self._filtered(scope, receive, send, without_a_reason)
        else:
            await self._app(scope, receive, send)

    async def _filtered(self, scope: Message, receive: Receive, send: Send, change: Callable[[Any], Any]) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if message["type"] != "http.request" or len(body) > LARGEST or not message.get("more_body"):
                break
        try:
            said = orjson.loads(body[: LARGEST + 1])
            told = orjson.dumps([change(each) for each in said] if isinstance(said, list) else change(said))
        except (ValueError, TypeError):
            # what is neither an object nor a list of them is refused by the server in its own words, without these
            told = b"null"
        headers = [
            (name, value) for name, value in scope["headers"] if name not in (b"content-length", b"transfer-encoding")
        ]
        scope = {**scope, "headers": [*headers, (b"content-length", str(len(told)).encode())]}
        given = iter([{"type": "http.request", "body": told, "more_body": False}])

        async def receive_told() -> Message:
            message = next(given, None)
            return await receive() if message is None else message

        await self._app(scope, receive_told, send)


def only_what_is_asked_for(body: Any) -> dict[str, Any]:
    """A start of a run: its parameters, always held to the deployment's schema, when it is to begin, and of the tags
    those that are ours.
    """
    told = _object(body)
    state = _object(told.get("state") or {})
    details = _object(state.get("state_details") or {})
    begin = {"scheduled_time": details["scheduled_time"]} if details.get("scheduled_time") is not None else {}
    tags = [each for each in told.get("tags") or [] if each in TAGS]
    given = _object(told.get("parameters") or {})
    return {
        "parameters": {name: given[name] for name in PARAMETERS if name in given},
        "enforce_parameter_schema": True,
        "tags": tags,
        "state": {"type": "SCHEDULED", "state_details": begin},
    }


def without_a_reason(body: Any) -> dict[str, Any]:
    """A change of state by somebody on the pages: to what, and nothing that was typed."""
    told = _object(body)
    state = _object(told.get("state") or {})
    return {
        "state": {"type": state.get("type"), "message": "changed by hand, on the pages"},
        "force": bool(told.get("force")),
    }


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError
    return value


def create_server() -> App:
    """Makes the app that uvicorn serves."""
    return OwnPagesOnly(WordsStayOutside(create_app()), content_policy(Settings.read()))
