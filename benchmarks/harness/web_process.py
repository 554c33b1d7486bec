"""A process of the pages on the database that the environment names, with empty pages of the same framework beside.

`python -m benchmarks.harness.web_process PORT` serves until its standard input ends. `/empty` is an empty page as the
framework makes it, Starlette with the NHS templates: no session, no database and no content. `/bare` has no template.
"""

import sys
import threading

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from benchmarks.harness.background_load import context_from_environment
from web.app import create_app
from web.guards import Message, Receive, Send
from web.installation import Installation
from web.server import leave_out_of_searches
from web.templating import render

EMPTY, BARE = "/empty", "/bare"
PAGE = "<!doctype html><html lang=en><title>Empty</title><h1>Empty</h1></html>"


def _empty(_request: Request) -> HTMLResponse:
    return HTMLResponse(render("layout.html", {"title": "Empty", "assetPath": "/static", "cspNonce": "0"}))


def _bare(_request: Request) -> HTMLResponse:
    return HTMLResponse(PAGE)


def main(port: int) -> None:
    """Serve the pages and the empty page."""
    context = context_from_environment()
    installation = Installation(context.settings, context)
    pages = create_app(installation)
    empty = Starlette(routes=[Route(EMPTY, _empty), Route(BARE, _bare)])

    async def either(scope: Message, receive: Receive, send: Send) -> None:
        app = empty if scope.get("path") in (EMPTY, BARE) else pages
        await app(scope, receive, send)

    leave_out_of_searches()
    server = uvicorn.Server(
        uvicorn.Config(either, host="127.0.0.1", port=port, access_log=False, timeout_keep_alive=600, log_level="error")
    )

    def wait() -> None:
        sys.stdin.read()
        server.should_exit = True

    threading.Thread(target=wait, daemon=True).start()
    server.run()


if __name__ == "__main__":
    main(int(sys.argv[1]))
