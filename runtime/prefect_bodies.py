"""What the gate changes in the body of a request before Prefect reads it: what a person may start, cancel and read.

Purpose: Prefect stores what it is given, and shows what it has. Each function takes a decoded body and returns the one
that Prefect gets. Raises TypeError if it is no JSON object, and PermissionError for what a person may not do.
"""

from __future__ import annotations

from typing import Any

TAGS = ("by-hand", "shared")
PARAMETERS = ("as_at", "part", "now", "case", "snapshot", "before")  # of the deployments; Prefect would store any other
CANCELLING = frozenset({"CANCELLING", "CANCELLED"})
# Addresses by which the event feed asks for its events and for their number over time.
FEED = frozenset({"/api/events/filter", "/api/events/count-by/time"})
DIARY = "sendflow."


def only_known_parameters(body: Any) -> dict[str, Any]:
    """The start of a run: its parameters, held to the deployment's schema, its time, and those tags that are ours."""
    start = json_object(body)
    state = json_object(start.get("state") or {})
    details = json_object(state.get("state_details") or {})
    begin = {"scheduled_time": details["scheduled_time"]} if details.get("scheduled_time") is not None else {}
    parameters = json_object(start.get("parameters") or {})
    return {
        "parameters": {name: parameters[name] for name in PARAMETERS if name in parameters},
        "enforce_parameter_schema": True,
        "tags": [each for each in start.get("tags") or [] if each in TAGS],
        "state": {"type": "SCHEDULED", "state_details": begin},
    }


def only_cancellation(body: Any) -> dict[str, Any]:
    """The cancellation of a run, or of several. No free text passes."""
    change = json_object(body)
    state = json_object(change.get("state") or {})
    if state.get("type") not in CANCELLING:
        raise PermissionError("A person may cancel a run, and give it no other state.")
    runs = change.get("flow_run_ids")
    return {
        **({"flow_run_ids": runs} if runs is not None else {}),
        "state": {"type": state["type"], "message": "cancelled by a person, in the Prefect UI"},
        "force": False,
    }


def diary_unless_asked_for_more(body: Any) -> dict[str, Any]:
    """A question of the event feed. One that names neither events nor a resource gets the events of sendflow.

    Prefect's own (each state of each run and task, heartbeats, artifacts) are fifty to one of them. Who chooses an
    event or a resource in the feed gets those.
    """
    question = json_object(body)
    wanted = json_object(question.get("filter") or {})
    event = json_object(wanted.get("event") or {})
    about = (json_object(wanted.get(each) or {}) for each in ("any_resource", "resource", "related", "id"))
    if event.get("prefix") or event.get("name") or any(part for each in about for part in each.values()):
        return question
    return {**question, "filter": {**wanted, "event": {**event, "prefix": [DIARY]}}}


def json_object(value: Any) -> dict[str, Any]:
    """The value, if it is a JSON object. Raises TypeError."""
    if not isinstance(value, dict):
        raise TypeError
    return value
