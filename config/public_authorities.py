"""The public authorities whose certificates this machine believes."""

from __future__ import annotations

import os
import ssl
from functools import lru_cache


def public_authorities() -> ssl.SSLContext:
    """Read them, once in a process for each place that SSL_CERT_FILE and SSL_CERT_DIR name.

    To read a hundred and forty certificates takes 30 ms of CPU, which is longer than a call.
    """
    return _read(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@lru_cache(maxsize=4)
def _read(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    return ssl.create_default_context()
