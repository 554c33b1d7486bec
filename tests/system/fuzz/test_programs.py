"""schemathesis calls every address of /api/v1 as nobody and with a token of each role.

Each answer is one that the description has, in the form that it gives; no fault is ours; and no call opens more than
the token may.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from casework.access import api_tokens
from casework.context import AppContext
from config.rights import roles
from tests.support.examples import examples
from tests.support.paths import ROOT
from tests.support.sample_home import copy_sample
from tests.web.api.conftest import token_for
from tests.web.api.test_example_client import serving
from tests.web.api.test_rights import NEEDS
from web.api.app import PATH
from web.app import create_app
from web.installation import Installation

NOBODY = "nobody"
SCHEMA = schemathesis.openapi.from_dict(
    json.loads((ROOT / "docs" / "reference" / "api.openapi.json").read_text("utf-8"))
)
OPERATIONS = {
    (operation.method.upper(), operation.path): operation
    for operation in (each.ok() for each in SCHEMA.get_all_operations())  # type: ignore[union-attr]
}
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)
PHASES = (Phase.explicit, Phase.generate)
QUIET = settings(max_examples=examples(4), deadline=None, suppress_health_check=list(HealthCheck), phases=PHASES)
KNOWN = st.sampled_from(["SP90001", "SP90002", "sp90003", "NX99999"])


@pytest.fixture(scope="module")
def called_at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    """A server with the demo data, which these calls change, and a token of each role."""
    patch = pytest.MonkeyPatch()
    for name in ("CALLS", "WRONG_TOKENS"):
        patch.setattr(api_tokens, name, getattr(api_tokens, name)._replace(most=10**9))
    given_settings = copy_sample(tmp_path_factory, tmp_path_factory.mktemp("called") / "var")
    context = AppContext.load(given_settings)
    made = {role: token_for(context, f"{role}.system", role=role) for role in roles()}
    context.engine.dispose()
    installation = Installation(given_settings)
    with serving(create_app(installation)) as origin:
        yield f"{origin}{PATH}", made
    installation.close()
    patch.undo()


def test_every_address_is_described() -> None:
    assert set(OPERATIONS) == set(NEEDS)


@pytest.mark.parametrize("role", [NOBODY, *sorted(roles())])
@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=[f"{method} {path}" for method, path in OPERATIONS])
def test_an_address_answers_as_it_is_described_and_by_the_rights_of_the_token(
    called_at: tuple[str, dict[str, str]], operation: Any, role: str
) -> None:
    right = NEEDS[operation.method.upper(), operation.path]
    may = role != NOBODY and (not right or right in roles()[role].may)
    address, tokens = called_at
    shown = {"Authorization": f"Bearer {tokens[role]}"} if role != NOBODY else {}

    @QUIET
    @given(case=operation.as_strategy(), ref=KNOWN, known=st.booleans())
    def called(case: Any, ref: str, known: bool) -> None:
        if known and "ref" in (case.path_parameters or {}):
            case.path_parameters["ref"] = ref
        answer = case.call(base_url=address, headers=shown, timeout=30)
        for check in CHECKS:
            case.validate_response(answer, checks=[check])
        assert (answer.status_code == 401) is (role == NOBODY)
        if role != NOBODY and answer.status_code != 404:
            assert (answer.status_code == 403) is not may

    called()
