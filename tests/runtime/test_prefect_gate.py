"""The gate before Prefect: host, site, credential and rights, for every address that Prefect has.

The addresses come from Prefect's own description, so that a new one fails these tests until somebody has judged it.
"""

from __future__ import annotations

import asyncio
import base64
import re
from typing import Any

import httpx
import orjson
import pytest

from runtime.prefect_bodies import only_cancellation, only_known_parameters
from runtime.prefect_gate import CANCEL, NONE_TO_SEE, READ, START, Gate, Message, Receive, Send

LOGIN = "sendflow:kestrel-under-glass"
BASIC = {"authorization": "Basic " + base64.b64encode(LOGIN.encode()).decode()}
SESSION = {"cookie": "sendflow_session=" + "s" * 43}
BROWSER = {"sec-fetch-site": "same-origin", "origin": "http://127.0.0.1:4200"}
ID = "0198c0de-0000-7000-8000-000000000001"
# What a signed-in person may send that is no reading: written by hand.
PERSONS = {
    ("POST", "/api/deployments/{id}/create_flow_run"),
    ("POST", "/api/deployments/{id}/create_flow_run/bulk"),
    ("POST", "/api/flow_runs/{id}/set_state"),
    ("POST", "/api/flow_runs/bulk_set_state"),
}
# What Prefect writes, by the last word of its address.
READING = re.compile(
    r"/(filter|count|paginate|history|lateness|counts|concurrency_status|count-task-runs|count-deployments|next-runs"
    r"|validate|\{countable\})$"
)


class Installation:
    """One account, signed in with one secret, and one link."""

    def __init__(self) -> None:
        self.spent: set[str] = set()
        self.left: list[str] = []

    async def who(self, secret: str) -> str | None:
        return "dco.team" if secret == "s" * 43 else None

    async def enter(self, token: str) -> str | None:
        if token != "t" * 43 or token in self.spent:
            return None
        self.spent.add(token)
        return "s" * 43

    async def leave(self, secret: str) -> None:
        self.left.append(secret)


class Prefect:
    """Replaces Prefect's app, and records what reaches it."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, bytes, dict[str, str]]] = []

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        body = (await receive()).get("body", b"") if scope["method"] not in ("GET", "HEAD") else b""
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.seen.append((scope["method"], scope["path"], body, headers))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": b'{"auth": "BASIC"}'})


@pytest.fixture
def prefect() -> Prefect:
    return Prefect()


def ask(prefect: Prefect, method: str, path: str, headers: dict[str, str], **more: Any) -> httpx.Response:
    """One request through the gate."""
    gate = Gate(prefect, LOGIN, ["127.0.0.1", "localhost", "::1", "sendflow.icb.example"], Installation())

    async def sent() -> httpx.Response:
        transport = httpx.ASGITransport(app=gate)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:4200") as client:
            return await client.request(method, path, headers=headers, **more)

    return asyncio.run(sent())


@pytest.fixture(scope="module")
def operations() -> list[tuple[str, str]]:
    """Every method and address of Prefect's API that is not a GET, from its own description."""
    from prefect.server.api.server import create_api_app

    paths = create_api_app().openapi()["paths"]
    found = [(method.upper(), f"/api{path}") for path, methods in paths.items() for method in methods]
    assert len(found) > 150
    return [each for each in found if each[0] not in ("GET", "HEAD")]


def filled(path: str) -> str:
    """An address with an id or a name where its description has a variable."""
    return re.sub(r"\{(\w+)\}", lambda match: ID if match[1] in ("id", "schedule_id", "lease_id") else "a-name", path)


def test_nobody_changes_anything_without_a_login(prefect: Prefect, operations: list[tuple[str, str]]) -> None:
    """An account of the same machine, by every address that writes, with and without what a browser sends."""
    for method, path in operations:
        for headers in ({}, BROWSER, {"cookie": "sendflow_session=" + "x" * 43}, {"authorization": "Basic eDp5"}):
            assert ask(prefect, method, filled(path), headers, json={}).status_code == 401, (method, path, headers)
    assert prefect.seen == []


def test_a_person_reads_starts_and_cancels_and_nothing_else(
    prefect: Prefect, operations: list[tuple[str, str]]
) -> None:
    """What passes is what is written by hand above, or an address that reads."""
    passed = {
        (method, path)
        for method, path in operations
        if path != NONE_TO_SEE
        and ask(prefect, method, filled(path), SESSION | BROWSER, json={"state": {"type": "CANCELLING"}}).status_code
        == 200
    }
    assert {each for each in passed if not READING.search(each[1])} == PERSONS
    assert {method for method, _path in passed} == {"POST"}
    assert all(not re.search("block|schedule|increment|install|template", path) for _method, path in passed)


def test_the_event_feed_is_answered_that_there_are_no_blocks(prefect: Prefect) -> None:
    """It showed a fault and an advertisement where the question was refused. Prefect itself is not asked."""
    answer = ask(prefect, "POST", NONE_TO_SEE, SESSION | BROWSER, json={})
    assert (answer.status_code, answer.json()) == (200, [])
    assert prefect.seen == []
    assert ask(prefect, "POST", NONE_TO_SEE, {}, json={}).status_code == 401


@pytest.mark.parametrize("path", ["/api/events/filter", "/api/events/count-by/time"])
def test_the_event_feed_shows_events_of_sendflow_unless_others_are_asked_for(prefect: Prefect, path: str) -> None:
    """As the feed asks when it opens, and as it asks when a person has chosen an event or a resource."""
    opened = {"any_resource": {"id_prefix": []}, "event": {"prefix": [], "name": [], "exclude_name": ["x"]}}

    def passed(filter_: dict[str, Any], credential: dict[str, str] = SESSION) -> dict[str, Any]:
        assert ask(prefect, "POST", path, credential, json={"filter": filter_, "limit": 50}).status_code == 200
        question: dict[str, Any] = orjson.loads(prefect.seen[-1][2])
        assert question["limit"] == 50
        wanted: dict[str, Any] = question["filter"]
        return wanted

    assert passed(opened)["event"] == {"prefix": ["sendflow."], "name": [], "exclude_name": ["x"]}
    assert passed({})["event"] == {"prefix": ["sendflow."]}
    for chosen in (
        {"event": {"prefix": ["prefect.flow-run."]}},
        {"event": {"name": ["prefect.artifact.created"]}},
        {"any_resource": {"id": [f"prefect.flow-run.{ID}"]}},
        {"any_resource": {"id_prefix": ["prefect.worker."]}},
        {"id": {"id": [ID]}},
    ):
        assert passed(opened | chosen) == opened | chosen
    assert passed(opened, BASIC) == opened, "a program gets what it asks for"


def test_every_address_that_is_let_through_is_one_of_prefect_s(operations: list[tuple[str, str]]) -> None:
    """A line of the list that matches nothing would be a hole for an address to come."""
    known = [filled(path) for method, path in operations if method == "POST"]
    for pattern in (READ, START, CANCEL):
        for each in pattern.pattern.split("|/"):
            one = re.compile(("" if each.startswith("/") else "/") + each)
            assert any(one.fullmatch(path) for path in known), each


@pytest.mark.parametrize("host", ["evil.example", "evil.example:4200", "127.0.0.1.evil.example", "127.0.0.1@evil", ""])
@pytest.mark.parametrize("credential", [BASIC, SESSION, {}])
def test_another_host_name_is_refused_before_anything(prefect: Prefect, host: str, credential: dict[str, str]) -> None:
    """DNS rebinding: the browser believes that it speaks to its own site."""
    answer = ask(prefect, "POST", "/api/deployments/", {**credential, "host": host}, json={})
    assert (answer.status_code, prefect.seen) == (421, [])


@pytest.mark.parametrize(
    "site",
    [
        {"origin": "http://evil.example:4200"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
@pytest.mark.parametrize("credential", [BASIC, SESSION])
def test_another_site_changes_nothing(prefect: Prefect, site: dict[str, str], credential: dict[str, str]) -> None:
    """Also another port of this machine: another account may listen there."""
    path = f"/api/deployments/{ID}/create_flow_run"
    assert ask(prefect, "POST", path, {**credential, **site}, json={}).status_code == 403
    assert prefect.seen == []


def test_the_machine_s_login_is_for_programs(prefect: Prefect) -> None:
    """A password that a browser remembers would be sent for any page that asks."""
    assert ask(prefect, "POST", "/api/work_pools/", BASIC, json={}).status_code == 200
    assert ask(prefect, "POST", "/api/work_pools/", BASIC | BROWSER, json={}).status_code == 401
    assert "www-authenticate" not in ask(prefect, "GET", "/", {"accept": "text/html"}).headers


def test_a_link_opens_one_session_and_a_used_one_says_so(prefect: Prefect) -> None:
    answer = ask(prefect, "GET", "/sign-in?token=" + "t" * 43, {})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert answer.headers["set-cookie"] == f"sendflow_session={'s' * 43}; Path=/; HttpOnly; SameSite=Lax"
    for token in ("x" * 43, "", "t" * 43 + "&token=" + "t" * 43):
        wrong = ask(prefect, "GET", f"/sign-in?token={token}", {})
        assert wrong.status_code == 403 and "set-cookie" not in wrong.headers
    behind = ask(prefect, "GET", "/sign-in?token=" + "t" * 43, {"x-forwarded-proto": "https"})
    assert behind.headers["set-cookie"].endswith("; Secure")


def test_a_person_s_session_reaches_prefect_as_the_machine_and_the_ui_asks_for_no_password(prefect: Prefect) -> None:
    """The session's cookie stays outside: Prefect has no use for it."""
    answer = ask(prefect, "GET", "/ui-settings", SESSION)
    assert answer.json() == {"auth": None}
    _method, _path, _body, headers = prefect.seen[0]
    assert headers["authorization"] == BASIC["authorization"] and "cookie" not in headers


@pytest.mark.parametrize(
    "path", ["/api/admin/storage", "/api/block_documents/x", "/api/block_types/slug/secret/block_documents"]
)
def test_what_names_addresses_and_secrets_is_not_for_people(prefect: Prefect, path: str) -> None:
    assert ask(prefect, "GET", path, SESSION).status_code == 403
    assert ask(prefect, "GET", path, BASIC).status_code == 200


@pytest.mark.parametrize("credential", [SESSION, BASIC])
def test_what_somebody_types_beside_the_parameters_goes_nowhere(prefect: Prefect, credential: dict[str, str]) -> None:
    typed = {
        "name": "Kowalczyk",
        "parameters": {"as_at": "2026-03-02", "child": "Kowalczyk"},
        "tags": ["by-hand", "Kowalczyk"],
        "state": {"type": "SCHEDULED", "message": "Kowalczyk", "state_details": {"scheduled_time": None}},
        "job_variables": {"command": "sh"},
        "labels": {"who": "Kowalczyk"},
    }
    ask(prefect, "POST", f"/api/deployments/{ID}/create_flow_run", credential, json=typed)
    (_method, _path, body, _headers) = prefect.seen[0]
    assert b"Kowalczyk" not in body and b"job_variables" not in body and b"as_at" in body


def test_a_state_other_than_cancelled_is_refused() -> None:
    with pytest.raises(PermissionError):
        only_cancellation({"state": {"type": "COMPLETED"}, "force": True})
    cancelled = only_cancellation({"state": {"type": "CANCELLING", "message": "Kowalczyk"}, "force": True})
    assert cancelled["force"] is False and "Kowalczyk" not in str(cancelled)
    assert only_known_parameters({"parameters": {"x": 1}})["parameters"] == {}


def test_what_is_no_json_is_refused_in_words(prefect: Prefect) -> None:
    answer = ask(prefect, "POST", f"/api/flow_runs/{ID}/set_state", SESSION, content=b"{")
    assert (answer.status_code, prefect.seen) == (422, [])
