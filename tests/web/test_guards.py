"""Who may call the pages, from where, and what a browser may do with what they answer."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.web.conftest import Browser
from web.templating import FOLDER


def test_nobody_sees_anything_without_a_session(nobody: Browser) -> None:
    answer = nobody.get("/today")
    assert answer.status_code == 401
    assert "Sign in first" in answer.text
    assert "NX0" not in answer.text


def test_a_link_signs_in_once(nobody: Browser) -> None:
    nobody.sign_in("dco.team")
    assert nobody.get("/today").status_code == 200
    assert "does not work" in nobody.get("/sign-in", params={"token": "x" * 43}).text


def test_a_request_under_another_name_is_refused(nobody: Browser) -> None:
    assert nobody.get("/", headers={"host": "evil.example"}).status_code == 421
    assert nobody.get("/", headers={"host": "localhost:80:80"}).status_code == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:4200"},
    ],
)
def test_a_page_of_another_site_changes_nothing(browsers: Callable[[str], Browser], headers: dict[str, str]) -> None:
    person = browsers("dco.team")
    assert person.post("/sign-out", data={"token": token_of(person)}, headers=headers).status_code == 403
    assert person.get("/today").status_code == 200


def token_of(person: Browser) -> str:
    found = re.search(r'name="token" value="([0-9a-f]{32})"', person.get("/sign-out").text)
    assert found is not None
    return found[1]


def test_a_form_without_its_token_changes_nothing(browsers: Callable[[str], Browser]) -> None:
    person = browsers("dco.team")
    for data in ({}, {"token": ""}, {"token": "0" * 32}):
        answer = person.post("/sign-out", data=data)
        assert (answer.status_code, "too old" in answer.text) == (403, True)
    assert person.get("/today").status_code == 200


def test_signing_out_ends_the_session(nobody: Browser) -> None:
    nobody.sign_in("dco.team")
    secret = nobody.cookies["sendflow_session"]
    assert "You are signed out" in nobody.post("/sign-out", data={"token": token_of(nobody)}).text
    nobody.cookies.set("sendflow_session", secret)
    assert nobody.get("/today").status_code == 401


@pytest.mark.parametrize("size", [262_145, 2_000_000])
def test_a_form_that_is_too_large_is_refused(nobody: Browser, size: int) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    assert nobody.post("/sign-out", content=b"a=" + b"x" * size, headers=headers).status_code == 413


def test_every_answer_has_the_headers_of_safety(nobody: Browser, browsers: Callable[[str], Browser]) -> None:
    for answer in (nobody.get("/today"), nobody.get("/nowhere"), browsers("dco.team").get("/today"), nobody.put("/")):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe-inline" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"


def test_a_page_asks_no_other_site_and_has_no_inline_style(browsers: Callable[[str], Browser]) -> None:
    html = browsers("dco.team").get("/today").text
    assert re.findall(r'(?:src|href|action)="(https?:|//)', html) == []
    assert " style=" not in html
    assert all('nonce="' in tag or 'src="/static/' in tag for tag in re.findall(r"<script[^>]*>", html))


def test_the_static_files_ask_no_other_site() -> None:
    sheet = (FOLDER / "static" / "nhsuk-frontend.css").read_text("utf-8")
    assert "https://" not in sheet
    assert "@font-face" not in sheet
    assert "sourceMappingURL" not in sheet + (FOLDER / "static" / "nhsuk-frontend.js").read_text("utf-8")


def test_static_files_are_stored_by_caches_and_pages_are_not(nobody: Browser) -> None:
    answer = nobody.get("/static/app.css")
    assert (answer.status_code, "immutable" in answer.headers["cache-control"]) == (200, True)
    assert nobody.get("/static/../app.py").status_code == 404
    assert nobody.get("/static/%2e%2e/app.py").status_code == 404
