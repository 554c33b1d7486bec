"""Each address with each scope and each role: a token opens what it names and its role has, and nothing else."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable

import pytest

from casework.access import api_tokens
from casework.access.api_tokens import SCOPES
from config.rights import roles
from tests.support.paths import ROOT
from tests.web.api.conftest import Program
from tests.web.conftest import browser_of
from web.api.app import described
from web.installation import Installation

Programs = Callable[..., Program]
# Written out by hand. The right that each address needs; empty: any token.
NEEDS = {
    ("GET", "/me"): "",
    ("GET", "/cases"): "cases",
    ("POST", "/cases"): "record",
    ("GET", "/cases/{ref}"): "case",
    ("GET", "/cases/{ref}/recordable"): "record",
    ("GET", "/cases/{ref}/duties/{rule}/{seq}/why"): "case",
    ("POST", "/cases/{ref}/facts"): "record",
    ("POST", "/cases/{ref}/identity"): "identity",
    ("GET", "/duties"): "today",
    ("GET", "/own/duties"): "own",
    ("GET", "/own/cases"): "own_cases",
    ("GET", "/own/cases/{ref}"): "own_cases",
    ("POST", "/own/cases"): "hand_over",
    ("GET", "/own/requests"): "answer",
    ("POST", "/own/answers"): "answer",
    ("GET", "/letters"): "letters",
    ("GET", "/letters/{letter}"): "letters",
    ("GET", "/processes"): "",
    ("GET", "/processes/{name}/facts/{kind}"): "",
}
PLACES = {"{ref}": "NX90001", "{rule}": "none", "{seq}": "1", "{letter}": "none", "{name}": "none", "{kind}": "none"}


def address(path: str) -> str:
    return "/api/v1" + re.sub(r"\{[^}]*\}", lambda found: PLACES[found[0]], path)


def opened(program: Program) -> set[tuple[str, str]]:
    """The addresses that this program may call. An act without a body does nothing."""
    found = set()
    for method, path in NEEDS:
        answer = program.request(method, address(path))
        assert answer.status_code < 500
        if answer.status_code not in (401, 403):
            found.add((method, path))
        else:
            assert answer.json()["code"] in ("no_token", "not_allowed")
    return found


def test_the_table_has_every_address() -> None:
    paths = described()["paths"]
    assert {(method.upper(), path) for path, each in paths.items() for method in each} == set(NEEDS)


@pytest.mark.parametrize("role", sorted(roles()))
def test_a_token_with_all_of_its_roles_rights_opens_what_the_role_may(programs: Programs, role: str) -> None:
    program = programs(account=f"{role}.system", role=role)
    may = roles()[role].may & set(SCOPES)
    assert opened(program) == {place for place, right in NEEDS.items() if not right or right in may}


@pytest.mark.parametrize("scope", SCOPES)
def test_a_token_with_one_scope_opens_that_alone(programs: Programs, scope: str) -> None:
    by_scope = {"own": "provider", "answer": "provider", "own_cases": "council_system", "hand_over": "council_system"}
    role = by_scope.get(scope, "administrator")
    program = programs(scope, account=f"{role}.system", role=role)
    assert opened(program) == {place for place, right in NEEDS.items() if right in ("", scope)}


def test_without_a_token_nothing_opens_and_every_wrong_token_gets_the_same_answer(
    programs: Programs, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(api_tokens, "WRONG_TOKENS", api_tokens.WRONG_TOKENS._replace(most=1_000))
    program = programs("case")
    right = program.headers["authorization"].partition(" ")[2]
    wrong = ["", "Bearer", "Bearer x", f"Basic {right}", "Bearer sendflow_" + "A" * 43, f"Bearer {right.swapcase()}"]
    wrong += [f"Bearer {right}x", f"Bearer {right[:-1]}", "Bearer"]
    answers = []
    with caplog.at_level(logging.DEBUG):
        for shown in wrong:
            program.headers["authorization"] = shown
            assert opened(program) == set()
            answer = program.read("/me")
            answers.append((answer.status_code, answer.content, answer.headers["www-authenticate"]))
    assert len(set(answers)) == 1
    assert answers[0][0] == 401
    assert right not in caplog.text


def test_a_session_is_no_token_and_no_cookie_is_set(sample: Installation) -> None:
    browser = browser_of(sample).sign_in("dco.team")
    answer = browser.get("/api/v1/cases")
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert browser.get("/api/v1/openapi.json").status_code == 200


def test_too_many_calls_are_refused_with_the_time_to_wait(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_tokens, "CALLS", api_tokens.CALLS._replace(most=2))
    program = programs("case")
    assert [program.read("/me").status_code for _ in range(3)] == [200, 200, 429]
    answer = program.read("/me")
    assert (answer.headers["retry-after"], answer.json()["code"]) == ("60", "too_many_calls")


def test_the_document_has_the_same_table() -> None:
    text = (ROOT / "docs" / "reference" / "rights.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `((?:GET|POST) /api/v1[^`]*)` \| (.+) \|$", text, re.MULTILINE))
    assert rows == {
        f"{method} /api/v1{path}": f"`{right}`" if right else "any token" for (method, path), right in NEEDS.items()
    }
