"""Each role opens the pages of its table, and no other: every route with every role."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from config.rights import roles
from runtime.demo.load import PEOPLE
from tests.support.paths import ROOT
from tests.web.conftest import Browser
from web.routes import ROUTES

D, A, S, U, P, C = "dco", "administrator", "operations", "auditor", "provider", "council"
EVERYBODY = {D, A, S, U, P, C}
TEAM = {D, A, U}
# Written out by hand, and compared with config/rights.toml and web/routes.py by what the pages answer.
MATRIX: dict[tuple[str, str], set[str]] = {
    ("GET", "/"): EVERYBODY,
    ("GET", "/sign-in"): EVERYBODY,
    ("POST", "/sign-in"): EVERYBODY,
    ("GET", "/sign-in/sso"): EVERYBODY,
    ("POST", "/sign-in/sso"): EVERYBODY,
    ("GET", "/sign-in/sso/back"): EVERYBODY,
    ("GET", "/sign-out/sso"): EVERYBODY,
    ("POST", "/sign-out/sso/ended"): EVERYBODY,
    ("GET", "/start"): EVERYBODY,
    ("POST", "/start"): EVERYBODY,
    ("GET", "/reset"): EVERYBODY,
    ("POST", "/reset"): EVERYBODY,
    ("GET", "/reply/{token}"): EVERYBODY,
    ("POST", "/reply/{token}"): EVERYBODY,
    ("GET", "/reply/{token}/answers"): EVERYBODY,
    ("POST", "/reply/{token}/answers"): EVERYBODY,
    ("GET", "/second-factor"): EVERYBODY,
    ("POST", "/second-factor"): EVERYBODY,
    ("GET", "/sign-out"): EVERYBODY,
    ("POST", "/sign-out"): EVERYBODY,
    ("GET", "/password"): EVERYBODY,
    ("POST", "/password"): EVERYBODY,
    ("GET", "/today"): TEAM,
    ("GET", "/lists/{name}"): TEAM,
    ("GET", "/decide"): {D, A},
    ("POST", "/decide/{ref}/{seq:int}"): {D, A},
    ("POST", "/decide/{number:int}"): {D, A},
    ("GET", "/cases"): TEAM,
    ("POST", "/views"): TEAM,
    ("POST", "/views/{id}"): TEAM,
    ("POST", "/together"): {D, A},
    ("POST", "/cases/by-nhs-number"): {D, A},
    ("GET", "/cases/{ref}"): TEAM,
    ("GET", "/cases/{ref}/why/{rule}/{seq:int}"): TEAM,
    ("POST", "/cases/{ref}/owner"): {D, A},
    ("GET", "/cases/{ref}/papers"): TEAM,
    ("GET", "/cases/{ref}/papers/minutes"): TEAM,
    ("GET", "/cases/{ref}/papers/items/{item}"): TEAM,
    ("GET", "/cases/{ref}/ladder"): TEAM,
    ("POST", "/cases/{ref}/ladder"): {D, A},
    ("POST", "/cases/{ref}/release"): {D, A},
    ("GET", "/cases/{ref}/looks"): {D, U},
    ("GET", "/cases/{ref}/bundle"): {D, U},
    ("POST", "/cases/{ref}/bundle"): {D, U},
    ("GET", "/cases/{ref}/identity"): {D, A},
    ("POST", "/cases/{ref}/identity"): {D, A},
    ("GET", "/cases/{ref}/subject-access"): {D, A},
    ("POST", "/cases/{ref}/subject-access"): {D, A},
    ("GET", "/cases/{ref}/record"): {D, A},
    ("GET", "/cases/{ref}/record/{kind}"): {D, A},
    ("POST", "/cases/{ref}/record/{kind}"): {D, A},
    ("GET", "/children"): TEAM,
    ("GET", "/children/{ref}"): TEAM,
    ("POST", "/children/{ref}/identity"): {D, A},
    ("POST", "/children/{ref}/correct"): {D, A},
    ("POST", "/children/{ref}/part"): {D, A},
    ("GET", "/children/{ref}/with/{other}"): TEAM,
    ("POST", "/children/{ref}/with/{other}"): {D, A},
    ("POST", "/children/{ref}/with/{other}/identity"): {D, A},
    ("GET", "/registers"): TEAM,
    ("GET", "/registers/{name}"): TEAM,
    ("GET", "/law"): TEAM,
    ("GET", "/law/rules/{rule}"): TEAM,
    ("POST", "/law/rules/{rule}"): TEAM,
    ("GET", "/law/packs"): TEAM,
    ("GET", "/law/packs/{pack}"): TEAM,
    ("POST", "/law/packs/{pack}"): {D, A},
    ("GET", "/imports"): {D, A},
    ("POST", "/imports/file"): {D, A},
    ("GET", "/sen2"): {D, A},
    ("POST", "/sen2/file"): {D, A},
    ("GET", "/imports/{id}"): {D, A},
    ("POST", "/imports/{id}"): {D, A},
    ("GET", "/imports/{id}/refused"): {D, A},
    ("GET", "/imports/{id}/rows/{sheet:int}/{line:int}"): {D, A},
    ("POST", "/imports/{id}/rows/{sheet:int}/{line:int}"): {D, A},
    ("GET", "/law/watch"): TEAM,
    ("POST", "/law/watch"): {D, A},
    ("GET", "/policy"): TEAM,
    ("GET", "/policy/parts/{part}"): {D, A},
    ("POST", "/policy/parts/{part}"): {D, A},
    ("GET", "/policy/{rule}/{step}"): {D, A},
    ("POST", "/policy/{rule}/{step}"): {D, A},
    ("GET", "/columns"): {D, A},
    ("GET", "/columns/{place}"): {D, A},
    ("POST", "/columns/{place}"): {D, A},
    ("GET", "/organisations"): TEAM,
    ("GET", "/organisations/month"): TEAM,
    ("GET", "/organisations/bodies/{body}"): TEAM,
    ("GET", "/organisations/entries/{sort}/{key}"): {D, A},
    ("POST", "/organisations/entries/{sort}/{key}"): {D, A},
    ("POST", "/organisations/mailboxes"): {D, A},
    ("GET", "/organisations/mailboxes/{id}"): {D, A},
    ("POST", "/organisations/mailboxes/{id}"): {D, A},
    ("GET", "/letters"): {D, A, S, U},
    ("GET", "/letters/{id}"): {D, A, S, U},
    ("GET", "/tomorrow"): {D, A, S, U},
    ("GET", "/held"): {D, A, S, U},
    ("GET", "/templates"): {D, A, S, U},
    ("GET", "/templates/{id}"): {D, A, S, U},
    ("POST", "/release"): {D, A},
    ("GET", "/mails"): {D, A},
    ("GET", "/mails/{id}"): {D, A},
    ("POST", "/mails/{id}"): {D, A},
    ("GET", "/own"): {P, C},
    ("GET", "/own/reply"): {P},
    ("POST", "/own/reply"): {P},
    ("GET", "/own/reply/answers"): {P},
    ("POST", "/own/reply/answers"): {P},
    ("GET", "/unusual"): {D},
    ("GET", "/retention"): TEAM,
    ("POST", "/retention/holds"): {D, A},
    ("POST", "/retention/holds/{number:int}"): {D, A},
    ("POST", "/retention/erasures"): {D, A},
    ("GET", "/retention/erasures/{number:int}"): TEAM,
    ("POST", "/retention/erasures/{number:int}"): {D, A},
    ("POST", "/retention/erasures/{number:int}/certificate"): TEAM,
    ("GET", "/audit"): {D, S, U},
    ("GET", "/audit/health"): {D, S, U},
    ("GET", "/audit/looks"): {D, U},
    ("GET", "/audit/people"): {D, S, U},
    ("GET", "/audit/webhooks"): {D, S, U},
    ("POST", "/audit/bundle"): {D, U},
    ("GET", "/help"): EVERYBODY,
    ("GET", "/help/glossary"): EVERYBODY,
    ("GET", "/help/accessibility"): EVERYBODY,
    ("GET", "/help/components"): EVERYBODY,
    ("GET", "/people"): {A, S},
    ("POST", "/people"): {A, S},
    ("POST", "/people/invite"): {A, S},
    ("POST", "/people/identity"): {A, S},
    ("POST", "/people/second-factor"): {A, S},
    ("POST", "/people/tokens"): {A, S},
    ("POST", "/people/tokens/end"): {A, S},
    ("GET", "/calendar/{name}/{token}"): EVERYBODY,
    ("POST", "/notify/receipts"): EVERYBODY,
    ("POST", "/next-day"): {D, A, S},
}
PLACES = {
    "{name}": "late",
    "{ref}": "SP90001",
    "{other}": "SP90002",
    "{rule}": "none",
    "{pack}": "none",
    "{body}": "QX101",
    "{seq:int}": "1",
    "{sheet:int}": "1",
    "{line:int}": "2",
    "{number:int}": "99999",
    "{kind}": "none",
    "{item}": "none",
    "{id}": "none",
    "{token}": "A" * 32,
    "{step}": "none",
    "{part}": "letter.health_advice_requested",
    "{place}": "words.yes",
    "{sort}": "la",
    "{key}": "northshire",
}
PROGRAMS = {"/notify/receipts", "/calendar/{name}/{token}", "/sign-out/sso/ended"}
PUBLIC = {"/sign-in", "/start", "/reset", "/reply/{token}", "/reply/{token}/answers"}
PUBLIC |= {"/sign-in/sso", "/sign-in/sso/back", "/sign-out/sso", "/help/accessibility"}
ACCOUNTS = {role: account for account, role, _scope in PEOPLE}


def test_the_table_has_every_route() -> None:
    assert [(way.method, way.path) for way in ROUTES] == list(MATRIX)


def address(path: str) -> str:
    return re.sub(r"\{[^}]*\}", lambda found: PLACES[found[0]], path)


@pytest.mark.parametrize("role", sorted(EVERYBODY))
def test_a_role_opens_its_pages_and_no_other(browsers: Callable[[str], Browser], role: str) -> None:
    """A form without its token is refused before anything else is done, so the walk changes nothing."""
    person = browsers(ACCOUNTS[role])
    wrong = []
    for (method, path), allowed in MATRIX.items():
        answer = person.request(method, address(path), follow_redirects=False)
        refused = "You may not open this page" in answer.text
        if refused == (role in allowed) or answer.status_code >= 500 or (refused and answer.status_code != 403):
            wrong.append((method, path, answer.status_code))
    assert wrong == []


def test_nobody_without_a_session_opens_anything_but_the_sign_in(nobody: Browser) -> None:
    opened = {
        (method, path)
        for method, path in MATRIX
        if nobody.request(method, address(path), follow_redirects=False).status_code
        not in ((401, 404) if path in PROGRAMS else (401,))
    }
    assert opened == {(method, path) for method, path in MATRIX if path in PUBLIC}


def test_the_document_has_the_same_table() -> None:
    text = (ROOT / "docs" / "reference" / "rights.md").read_text("utf-8")
    pages = text.partition("## Programs")[0]
    rows = dict(re.findall(r"^\| `((?:GET|POST) [^`]+)` \| (.+) \|$", pages, re.MULTILINE))
    titles = {word: each.title for word, each in roles().items()}
    assert rows == {
        f"{method} {path}": "everybody"
        if path in PUBLIC
        else "who has its token"
        if path in PROGRAMS
        else "who is signed in"
        if allowed == EVERYBODY
        else ", ".join(sorted(titles[role] for role in allowed))
        for (method, path), allowed in MATRIX.items()
    }
