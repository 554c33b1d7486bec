"""The page People makes and ends tokens of programs, shows each once, and gives nobody a right that is not theirs."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from casework.access import accounts, api_tokens
from models.database import transact
from tests.support.team import Team
from tests.web.api.conftest import program_of
from tests.web.conftest import Browser, browser_of
from web.installation import Installation


@pytest.fixture
def installation(team: Team) -> Iterator[Installation]:
    """An installation with an account for a program."""
    context = team.context("16 Mar 2026")
    transact(context.engine, context.keep_time)
    for account, role in (
        ("admin.team", "administrator"),
        ("operations", "operations"),
        ("it.system", "administrator"),
    ):
        transact(context.engine, lambda each, a=account, r=role: accounts.change_role(each, a, r, "", "test"))  # type: ignore[misc]
    made = Installation(context.settings)
    yield made
    made.close()


def sent(person: Browser, path: str, **form: str) -> tuple[int, str]:
    token = re.search(r'name="token" value="([0-9a-f]{32})"', person.get("/people").text)
    assert token is not None
    answer = person.post(path, data={"token": token[1], **form})
    return answer.status_code, answer.text


def secret_in(page: str) -> str:
    found = re.search(r"<code>(sendflow_[A-Za-z0-9_-]{43})</code>", page)
    assert found is not None, page
    return found[1]


def test_an_administrator_makes_a_token_that_is_shown_once_and_ends_it(installation: Installation) -> None:
    person = browser_of(installation).sign_in("admin.team")
    form = {"account": "it.system", "scope-case": "yes", "scope-cases": "yes", "days": "30"}
    status, page = sent(person, "/people/tokens", **form)
    assert status == 200
    secret = secret_in(page)
    (made,) = api_tokens.listed(installation.context())
    assert (made.account, made.scopes, made.made_by) == ("it.system", ["cases", "case"], "admin.team")
    program = program_of(installation, secret)
    assert program.read("/cases").status_code == 200
    listed = person.get("/people").text
    assert made.id in listed
    assert secret not in listed
    assert "never" not in listed.partition("Tokens of programs")[2].partition("</table>")[0]
    status, page = sent(person, "/people/tokens/end", token_id=made.id)
    assert (status, f"The token <strong>{made.id}</strong> has ended" in page) == (200, True)
    assert program.read("/cases").status_code == 401
    assert sent(person, "/people/tokens/end", token_id=made.id)[0] == 400


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"account": "it.system", "days": "30"}, "one scope or more"),
        ({"account": "it.system", "days": "0", "scope-case": "yes"}, "1 to 366 days"),
        ({"account": "it.system", "days": "９", "scope-case": "yes"}, "1 to 366 days"),
        ({"account": "nobody.here", "days": "30", "scope-case": "yes"}, "has no role"),
        ({"account": "it.system", "days": "30", "scope-own": "yes"}, "has no right own"),
    ],
)
def test_a_token_that_cannot_be_is_said_to_be_so(installation: Installation, form: dict[str, str], says: str) -> None:
    status, page = sent(browser_of(installation).sign_in("admin.team"), "/people/tokens", **form)
    assert (status, says in page) == (400, True)
    assert api_tokens.listed(installation.context()) == []


def test_operations_staff_cannot_read_cases_by_a_token(installation: Installation) -> None:
    person = browser_of(installation).sign_in("operations")
    status, page = sent(person, "/people/tokens", **{"account": "it.system", "days": "30", "scope-case": "yes"})
    assert (status, "cannot give the right case" in page) == (400, True)
    status, page = sent(person, "/people/tokens", **{"account": "it.system", "days": "30", "scope-letters": "yes"})
    assert status == 200
    assert program_of(installation, secret_in(page)).read("/letters").status_code == 200
