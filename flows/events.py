"""The events that operations staff read in Prefect, emitted after what they are about was committed. [I/O]

Purpose: the event feed is the diary of the service. Each event is derived from stored rows and has an id that follows
from them; Prefect is asked which it has, and gets the others. So an event that was lost while the server was away
comes once afterwards, and one that is sent twice is stored once. Nothing here writes to the database, and no act waits
for it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from casework.context import AppContext, instant
from casework.reports.operations_events import OperationsEvent, new_events
from config.running_instance import find_server
from config.settings import Settings
from flows.run_labels import RECORDING_TAG
from flows.server_calls import ask
from models.database import reading

INSTALLATION = "sendflow.installation"
LOOK_BACK = timedelta(days=7)  # of a process that has just started
OVERLAP = timedelta(minutes=15)  # a transaction commits later than the instant of its facts
AT_ONCE = 200  # events of one round: a first sweep of thousands of cases does not delay the server's other work
PAGE = 50  # what the server gives in one answer
SETTLE_SECONDS = 30.0  # the server stores events some seconds after it has taken them
TRIM_EVERY_SECONDS = 3600.0
RECORDINGS_LIVE = timedelta(days=7)
TRIM_AT_ONCE, TRIM_ROUNDS = 50, 20  # the server deletes fifty runs in one call


class EventFeed:
    """What one process has emitted. One thread calls it."""

    def __init__(self, settings: Settings) -> None:
        """Takes where the server is. Nothing is asked yet."""
        self._settings = settings
        self._since: str | None = None
        self._stored: dict[str, str] = {}  # keys of events that Prefect has, with their instants
        # Events that it was given and has not stored yet, by key, with the time (monotonic).
        self._sent: dict[str, tuple[OperationsEvent, float]] = {}
        self._trimmed = float("-inf")

    def emit(self, context: AppContext) -> int:
        """Emit what is new, and return how many events were sent. Raises OSError or ValueError if Prefect does not
        answer; the next call sends what was not sent.
        """
        server = find_server(self._settings)
        if server is None:
            return 0
        self._trim(server)
        now = context.now()
        due = self._not_stored(server, [each for each, _when in self._sent.values()])
        due = [each for each in due if time.monotonic() - self._sent[each.key][1] > SETTLE_SECONDS]
        with reading(context.engine) as connection:
            since, known = self._since or instant(now - LOOK_BACK), self._stored.keys() | self._sent.keys()
            found = new_events(connection, context, since, known, AT_ONCE)
        due += self._not_stored(server, found.events)
        for start in range(0, len(due), PAGE):
            page = due[start : start + PAGE]
            ask(self._settings, server, "POST", "events", [_document(context, each) for each in page])
            self._sent.update({each.key: (each, time.monotonic()) for each in page})
        if not (self._sent or found.more):
            self._move_on(instant(now - OVERLAP))
        return len(due)

    def _not_stored(self, server: str, events: Sequence[OperationsEvent]) -> list[OperationsEvent]:
        """Ask Prefect which of the events it has, note those, and return the others."""
        for start in range(0, len(events), PAGE):
            page = events[start : start + PAGE]
            wanted = {"filter": {"id": {"id": [str(event_id(each)) for each in page]}}, "limit": PAGE}
            there = {each["id"] for each in ask(self._settings, server, "POST", "events/filter", wanted)["events"]}
            for each in page:
                if str(event_id(each)) in there:
                    self._stored[each.key] = each.at
                    self._sent.pop(each.key, None)
        return [each for each in events if each.key not in self._stored]

    def _move_on(self, since: str) -> None:
        """Prefect has everything: rows from before this instant are not read again."""
        self._since = max(since, self._since or since)
        self._stored = {key: at for key, at in self._stored.items() if at >= self._since}

    def _trim(self, server: str) -> None:
        """Delete the runs of recordings that ended a week ago: a team makes hundreds a day, and their facts stay."""
        if time.monotonic() - self._trimmed < TRIM_EVERY_SECONDS:
            return
        before = (datetime.now(UTC) - RECORDINGS_LIVE).isoformat()
        old = {"tags": {"all_": [RECORDING_TAG]}, "end_time": {"before_": before}}
        wanted = {"flow_runs": old, "limit": TRIM_AT_ONCE}
        for _round in range(TRIM_ROUNDS):
            gone = ask(self._settings, server, "POST", "flow_runs/bulk_delete", wanted)["deleted"]
            if len(gone) < TRIM_AT_ONCE:
                break
        self._trimmed = time.monotonic()


def event_id(event: OperationsEvent) -> UUID:
    """The id of an event: the same rows always give the same."""
    return uuid5(NAMESPACE_URL, f"sendflow:{event.name}:{event.key}")


def _document(context: AppContext, event: OperationsEvent) -> dict[str, Any]:
    """The event as Prefect stores it. In a simulation it happens now, because Prefect deletes what is old."""
    related: list[dict[str, str]] = []
    if event.body is not None:
        body = next((each for each in context.directory.bodies if each.body == event.body), None)
        if body is not None:
            related.append(_resource(f"sendflow.body.{event.body}", body.name, "body"))
    if event.process is not None:
        related.append(_resource(f"sendflow.process.{event.process}", event.process, "process"))
    if event.run is not None:
        related.append({"prefect.resource.id": f"prefect.flow-run.{event.run}", "prefect.resource.role": "flow-run"})
    about = (
        _resource(f"sendflow.case.{event.case_ref}", event.case_ref)
        if event.case_ref is not None
        else _resource(INSTALLATION, "sendflow")
    )
    return {
        "id": str(event_id(event)),
        "occurred": datetime.now(UTC).isoformat() if context.simulated else event.at,
        "event": event.name,
        "resource": about,
        "related": related,
        "payload": {**event.data, "recorded_at": event.at},
    }


def _resource(name_id: str, name: str, role: str | None = None) -> dict[str, str]:
    resource = {"prefect.resource.id": name_id, "prefect.resource.name": name}
    return resource if role is None else {**resource, "prefect.resource.role": role}
