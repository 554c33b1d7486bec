"""schemathesis requests every address of the health endpoints, with inputs that their description allows and others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from config.login import basic
from config.settings import Settings
from runtime.health.server import HealthServer, Heartbeat
from tests.support.by_hand import day
from tests.support.examples import examples
from tests.support.paths import ROOT
from tests.support.team import Team

PAGE = ROOT / "docs" / "reference" / "health.openapi.json"
DESCRIBED = schemathesis.openapi.from_dict(json.loads(PAGE.read_text("utf-8")))
OPERATIONS: list[Any] = [each.ok() for each in DESCRIBED.get_all_operations()]  # type: ignore[union-attr]
QUIET = settings(max_examples=examples(8), deadline=None, suppress_health_check=list(HealthCheck))
CHECKS: list[Any] = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
METHODS = st.sampled_from(("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW"))
TEXT = st.text(max_size=30)
LATIN = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60)
HEADERS = st.dictionaries(
    st.sampled_from(("Authorization", "Cookie", "Range", "Accept", "X-Forwarded-For", "Content-Length")),
    LATIN,
    max_size=3,
).map(
    lambda made: {
        name: "0" if name == "Content-Length" else f"Basic {value}" if name == "Authorization" else value
        for name, value in made.items()
    }
)
LOGIN = "dco:kestrel-under-glass-41"


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Two installations, one with a case and one with a broken database; each with a login and without."""
    home = tmp_path_factory.mktemp("installation")
    team = Team(home)
    team.opened("2 Feb 2026").asked("2 Mar 2026").sweep("14 Apr 2026")
    spoilt = tmp_path_factory.mktemp("spoilt")
    (spoilt / "sendflow.db").write_bytes(b"no records" * 1000)
    made = {
        "well": HealthServer(Settings(home=home, auth=LOGIN, today=day("14 Apr 2026")), Heartbeat()),
        "locked": HealthServer(Settings(home=home, auth=LOGIN), Heartbeat()),
        "spoilt": HealthServer(Settings(home=spoilt, auth=LOGIN), Heartbeat(beat=-1e9)),
    }
    for each in made.values():
        each.__enter__()
    yield {name: f"http://127.0.0.1:{each.port}" for name, each in made.items()}
    for each in made.values():
        each.__exit__(None, None, None)
    team.first.engine.dispose()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.path)
@pytest.mark.parametrize("installation_state", ["well", "locked", "spoilt"])
def test_every_answer_is_as_described(addresses: dict[str, str], operation: Any, installation_state: str) -> None:
    """The addresses take no input. What a request sends besides, such as any login, changes nothing."""

    @QUIET
    @given(
        case=operation.as_strategy(),
        query=st.dictionaries(TEXT, TEXT, max_size=3),
        headers=HEADERS,
    )
    def ask(case: Any, query: dict[str, str], headers: dict[str, str]) -> None:
        shown = headers if installation_state == "locked" else {**headers, **basic(LOGIN)}
        answer = case.call(base_url=addresses[installation_state], params=query, headers=shown, timeout=10)
        case.validate_response(answer, checks=CHECKS + ([not_a_server_error] if installation_state != "spoilt" else []))
        assert (answer.status_code == 401) is (installation_state == "locked")

    ask()


@QUIET
@given(method=METHODS, path=st.sampled_from(("/live", "/ready", "/metrics", "/")), body=st.binary(max_size=64))
def test_no_other_method_does_anything(addresses: dict[str, str], method: str, path: str, body: bytes) -> None:
    answer = requests.request(method, f"{addresses['well']}{path}", data=body, timeout=10)
    assert answer.status_code in {400, 405, 501}
    assert "Traceback" not in answer.text


def test_the_description_names_every_address_and_no_other(addresses: dict[str, str]) -> None:
    assert {each.path for each in OPERATIONS} == {"/live", "/ready", "/metrics"}
    found = {
        path: requests.get(f"{addresses['well']}{path}", headers=basic(LOGIN), timeout=10).status_code
        for path in ("/", "/docs", "/openapi.json", "/metrics/x", "/ready/")
    }
    assert set(found.values()) == {404}
