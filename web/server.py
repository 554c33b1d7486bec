"""Runs the pages: one process of an installation, beside any number of others on one database."""

from __future__ import annotations

import gc
import logging

import uvicorn

from config.settings import Settings
from web.app import create_app
from web.installation import Installation

MOST_AT_ONCE = 200
ALLOCATED_BETWEEN_SEARCHES = 20_000  # objects; Python's own number is 700, and a page of a case makes thousands


def run_web(settings: Settings) -> None:
    """Serve the pages until the process is stopped. Addresses go into no log: they may hold a token."""
    installation = Installation(settings)
    leave_out_of_searches()
    log = logging.getLogger("sendflow.web")
    log.setLevel(logging.INFO)
    log.addHandler(logging.StreamHandler())
    uvicorn.run(
        create_app(installation),
        host=settings.bind,
        port=settings.pages_port,
        access_log=False,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips="127.0.0.1,::1",
        limit_concurrency=MOST_AT_ONCE,
        timeout_graceful_shutdown=3,
        log_level="warning",
    )


def leave_out_of_searches() -> None:
    """Let Python's search for unreachable objects pass over what is loaded: modules, law and templates end with the
    process. A search through all of it takes a tenth of a second, for which every page that is being made waits.

    It also searches less often: by its own measure it would search several times in the middle of each page, whose
    objects are all in use then.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(ALLOCATED_BETWEEN_SEARCHES, 10, 10)
