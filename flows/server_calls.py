"""Calls to Prefect's server over HTTP, by processes that do not import prefect, whose import is slow. [I/O]"""

from __future__ import annotations

import json
import ssl
import urllib.request
from typing import Any

from config.login import basic
from config.settings import Settings

CALL_SECONDS = 5.0


def ask(settings: Settings, server: str, method: str, path: str, body: Any) -> Any:
    """Send one request to the API at the address `server` and return its JSON; None if the answer is empty.

    Raises OSError or ValueError if the server does not answer within 5 seconds, or refuses.
    """
    headers = {"Content-Type": "application/json", **basic(settings.auth)}
    vouched = ssl.create_default_context(cafile=settings.tls_ca) if server.startswith("https:") else None
    asked = urllib.request.Request(  # noqa: S310 (our own address)
        f"{server}/{path}", json.dumps(body).encode(), headers, method=method
    )
    with urllib.request.urlopen(asked, timeout=CALL_SECONDS, context=vouched) as answer:  # noqa: S310 (the same)
        text = answer.read()
    return json.loads(text) if text else None
