"""schemathesis tries every page as nobody and as each role: no fault of ours, and the rights of the matrix, always.

The description is made from the routes and the models of the facts, because pages have none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from casework.access import passwords, sessions
from models.database import transact
from tests.support.examples import examples
from tests.support.sample_home import copy_sample
from tests.web.conftest import Browser, browser_of
from tests.web.pages_openapi import described
from tests.web.test_rights import ACCOUNTS, MATRIX, PROGRAMS, PUBLIC
from web.installation import Installation
from web.routes import ROUTES

NOBODY = "nobody"
PHASES = (Phase.explicit, Phase.generate)
QUIET = settings(max_examples=examples(3), deadline=None, suppress_health_check=list(HealthCheck), phases=PHASES)
SCHEMA = schemathesis.openapi.from_dict(described())
OPERATIONS = {
    (operation.method.upper(), operation.path): operation
    for operation in (each.ok() for each in SCHEMA.get_all_operations())  # type: ignore[union-attr]
}
PLAIN = {re.sub(r":\w+}", "}", path): path for _method, path in MATRIX}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation with the demo data, which these requests change."""
    from argon2 import PasswordHasher

    patch = pytest.MonkeyPatch()
    patch.setattr(passwords, "hasher", lambda: PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    passwords.digest_of_nobody.cache_clear()
    given_settings = copy_sample(tmp_path_factory, tmp_path_factory.mktemp("tried") / "var")
    installation = Installation(given_settings)
    yield installation
    installation.close()
    patch.undo()


def signed_in(pages: Installation, role: str) -> Browser:
    """A browser with a new session of the role's account; without one for nobody."""
    browser = browser_of(pages)
    if role != NOBODY:
        engine, now = pages.context().engine, datetime.now(UTC)
        secret = transact(engine, lambda each: sessions.start_session(each, ACCOUNTS[role], now))[0]
        browser.cookies.set(sessions.COOKIE, secret)
    return browser


def token_of(browser: Browser, role: str) -> str:
    page = browser.get("/sign-in" if role == NOBODY else "/sign-out").text
    found = re.search(r'name="token" value="([0-9a-f]{32})"', page)
    assert found is not None
    return found[1]


def test_every_route_is_described() -> None:
    assert {(method, PLAIN[path]) for method, path in OPERATIONS} == {(way.method, way.path) for way in ROUTES}


class Session(NamedTuple):
    """A browser of a role and the token of its forms."""

    browser: Browser
    token: str


def begun(pages: Installation, role: str) -> Session:
    """A new session of a role."""
    browser = signed_in(pages, role)
    return Session(browser, token_of(browser, role))


@pytest.fixture(scope="module")
def sessions_of_roles() -> dict[str, Session]:
    """Sessions that are open. What is sent may end any of them, so each is only used until a form was sent."""
    return {}


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=[f"{method} {path}" for method, path in OPERATIONS])
def test_a_page_answers_any_input_by_the_rights_of_the_matrix(
    pages: Installation, sessions_of_roles: dict[str, Session], operation: Any
) -> None:
    """Nobody and every role send each input."""
    method, path = operation.method.upper(), PLAIN[operation.path]

    @QUIET
    @given(case=operation.as_strategy(), has_token=st.booleans())
    def tried(case: Any, has_token: bool) -> None:
        for role in (NOBODY, *sorted(ACCOUNTS)):
            if role not in sessions_of_roles or path in ("/sign-out", "/password"):
                sessions_of_roles[role] = begun(pages, role)
            answer = answered(sessions_of_roles[role], method, case, has_token)
            try:
                is_right(answer, method, path, role)
            except AssertionError as problem:
                problem.add_note(f"asked by {role}")
                raise

    tried()
    if method == "POST":
        sessions_of_roles.clear()


def answered(session: Session, method: str, case: Any, has_token: bool) -> Any:
    """What a page answers to an input."""
    sent = case.body if isinstance(case.body, dict) else {}  # a form may come without a body
    form = {name: str(value) for name, value in sent.items()} if method == "POST" else None
    if form is not None and has_token:
        form["token"] = session.token
    content = form.pop("file", None) if form is not None else None
    return session.browser.request(
        method,
        case.formatted_path,
        params={name: str(value) for name, value in (case.query or {}).items()},
        data=form,
        files={"file": ("a file", content.encode("utf-8", "replace"))} if content is not None else None,
        follow_redirects=False,
    )


def is_right(answer: Any, method: str, path: str, role: str) -> None:
    """No fault of ours, and what the matrix of rights says."""
    may = path in PUBLIC or role in MATRIX[method, path]
    assert answer.status_code < 500
    if path in PROGRAMS:  # a session is no token
        unreadable = path == "/notify/receipts" and answer.status_code == 400  # a form is no JSON
        assert unreadable or (answer.status_code, answer.content) in ((401, b""), (404, b""))
        return
    kind = answer.headers.get("content-type", "text/html" if answer.status_code == 303 else "none")
    assert kind.startswith(("text/html", "text/csv", "application/vnd.openxml"))
    refused = "You may not open this page" in answer.text
    if role == NOBODY:
        assert may or answer.status_code == 401
    else:
        assert refused is not may
        assert answer.status_code != 401
