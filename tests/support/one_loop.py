"""One event loop for all browsers of tests in this process.

Without it starlette's TestClient makes an event loop and two threads for each request, and the threads open the
database again: a tenth of what a page costs. A server has one loop too.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import cache

from anyio.from_thread import BlockingPortal, start_blocking_portal

_OPEN = ExitStack()


@cache
def portal() -> BlockingPortal:
    """The way into the loop, which runs in a thread of its own until `close`."""
    return _OPEN.enter_context(start_blocking_portal())


def close() -> None:
    """End the loop, if it runs."""
    _OPEN.close()
    portal.cache_clear()
