"""A real IMAP server, once for each file of tests that asks for it; without Dovecot those files are not collected."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.imap_server import DOVECOT, ImapServer, imap_server

collect_ignore = [] if DOVECOT else ["test_imap.py", "test_reading_a_mailbox.py"]


@pytest.fixture(scope="module")
def running() -> Iterator[ImapServer]:
    """The server. Not under pytest's own folder: the account that owns the mailbox may not enter it."""
    home = Path(tempfile.mkdtemp(prefix="sendflow-imap-"))
    try:
        with imap_server(home) as server:
            yield server
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def server(running: ImapServer) -> ImapServer:
    """The server with an empty mailbox."""
    running.empty()
    return running
