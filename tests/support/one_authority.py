"""Lets the programs of a run of tests trust one certificate authority in place of the machine's 140.

Each TLS context reads all of them, which takes 25 ms. The one vouches for nothing: a test connects to no machine but
this one, by authorities that it makes and names itself.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from tests.support.webhook_receiver import certificate

_made: list[Path] = []


def trust_one_authority() -> None:
    """Do so in this process and its children, also if the caller named authorities."""
    folder = Path(tempfile.mkdtemp(prefix="sendflow-authority-"))
    folder.chmod(0o755)
    authority, _key = certificate(folder, "authority.invalid")
    authority.chmod(0o644)
    (folder / "more").mkdir()
    os.environ |= {"SSL_CERT_FILE": str(authority), "SSL_CERT_DIR": str(folder / "more")}
    _made.append(folder)


def forget_authority() -> None:
    """Remove what `trust_one_authority` made in this process."""
    while _made:
        shutil.rmtree(_made.pop(), ignore_errors=True)
