"""The saved searches of the Prefect UI, which show operations what to look at: the Runs page lists them by name.

Purpose: recordings are many and need nobody. Each view leaves them out, by tags that the runs have from their start.
"""

from __future__ import annotations

from typing import Any

from config.running_instance import api_address
from config.settings import Settings
from flows.run_labels import BY_HAND_TAG, JOB_TAG, NEEDS_A_PERSON_TAG
from flows.server_calls import ask

WEEK = {"type": "span", "seconds": -7 * 24 * 3600}
RED = ["Failed", "Crashed", "TimedOut"]
VIEWS: dict[str, dict[str, list[str]]] = {
    "1. Red: sendflow could not do its job": {"state": RED},
    "2. A person has something to decide": {"tag": [NEEDS_A_PERSON_TAG]},
    "3. Every job, without recordings": {"tag": [JOB_TAG]},
    "4. Jobs that a person started here": {"tag": [BY_HAND_TAG]},
}


def save_views(settings: Settings) -> None:
    """Make the views, or bring them up to date. Raises OSError or ValueError if the server does not answer."""
    for name, chosen in VIEWS.items():
        filters = [_filter(which, value) for which, value in chosen.items()]
        ask(settings, api_address(settings), "PUT", "saved_searches/", {"name": name, "filters": filters})


def _filter(which: str, value: Any) -> dict[str, Any]:
    return {"object": "flowRun", "property": which, "type": "", "operation": "", "value": value}
