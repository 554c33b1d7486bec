"""Calls to Prefect's server over HTTP, by processes that do not import prefect, whose import is slow. [I/O]"""

from __future__ import annotations

import json
import ssl
import time
import urllib.request
from http import HTTPStatus
from typing import Any
from urllib.error import HTTPError

from config.login import basic
from config.settings import Settings

CALL_SECONDS = 5.0
BUSY_SECONDS = 2.0  # Prefect answers 503 while its SQLite file is locked, which takes moments
BUSY_AGAIN_SECONDS = 0.05


def ask(settings: Settings, server: str, method: str, path: str, body: Any) -> Any:
    """Send one request to the API at the address `server` and return its JSON; None if the answer is empty.

    A server that is busy (503) is asked again for 2 seconds. Raises OSError or ValueError if the server does not answer
    within 5 seconds, or refuses.
    """
    busy_until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return _ask_once(settings, server, method, path, body)
        except HTTPError as refused:
            if refused.code != HTTPStatus.SERVICE_UNAVAILABLE or time.monotonic() > busy_until:
                raise
            refused.close()
        time.sleep(BUSY_AGAIN_SECONDS)


def _ask_once(settings: Settings, server: str, method: str, path: str, body: Any) -> Any:
    headers = {"Content-Type": "application/json", **basic(settings.auth)}
    vouched = ssl.create_default_context(cafile=settings.tls_ca) if server.startswith("https:") else None
    asked = urllib.request.Request(  # noqa: S310 (our own address)
        f"{server}/{path}", json.dumps(body).encode(), headers, method=method
    )
    with urllib.request.urlopen(asked, timeout=CALL_SECONDS, context=vouched) as answer:  # noqa: S310 (the same)
        text = answer.read()
    return json.loads(text) if text else None
