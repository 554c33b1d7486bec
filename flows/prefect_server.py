"""The Prefect server as this house runs it: its own pages and interface, shut to every other site and calling none.

Purpose: Prefect's second set of pages counts its visitors at an outside service whatever its settings say, and a page of any other site could
read an interface on loopback. Both are stopped in the answer's headers, where no setting of Prefect's can undo it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from prefect.server.api.server import create_app

from config.settings import Settings

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


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


def create_server() -> App:
    """Makes the app that uvicorn serves."""
    return OwnPagesOnly(create_app(), content_policy(Settings.read()))
