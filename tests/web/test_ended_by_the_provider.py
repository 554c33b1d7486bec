"""Back-channel logout: the identity provider ends sessions here, and nobody else does, nor with what is not so."""

from __future__ import annotations

import hmac
import json
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from casework.access import identity_provider, limits, sessions
from models.database import reading, transact
from models.tables import LOGOUT_TOKEN, SESSION
from tests.support.identity_provider import (
    CLIENT,
    SECRET,
    Claims,
    LyingProvider,
    encode,
    key_of_nobody,
    lying_provider,
    part,
    signed,
)
from tests.support.team import Team
from tests.web.conftest import Browser, browser_of
from tests.web.test_single_sign_on import installed, known, link_for, place, provider, sign_in, team_of_two
from web.installation import Installation

__all__ = ["place", "provider", "team_of_two"]
EVENT: Claims = {"http://schemas.openid.net/event/backchannel-logout": {}}
PATH = "/sign-out/sso/ended"


def said(provider: LyingProvider, **more: Any) -> Claims:
    """What a logout token says of the provider's person; None leaves a claim out."""
    now = int(time.time())
    claims = {
        "iss": provider.issuer,
        "aud": CLIENT,
        "iat": now,
        "exp": now + 120,
        "jti": f"{time.monotonic_ns()}",
        "events": EVENT,
        "sub": provider.subject,
        **more,
    }
    return {name: value for name, value in claims.items() if value is not None}


def token_of(provider: LyingProvider, **more: Any) -> str:
    return signed(said(provider, **more), provider.key, kid=provider.kid, typ="logout+jwt")


def call(place: Installation, token: str) -> httpx2.Response:
    """Call as the provider's server does: without a cookie and without a form of ours."""
    caller = browser_of(place)
    del caller.headers["sec-fetch-site"]
    return caller.request("POST", PATH, data={"logout_token": token})


def is_in(person: Browser) -> bool:
    return bool(person.get("/today").status_code == 200)


def with_session(provider: LyingProvider, session: str) -> None:
    """The next ID tokens name this session at the provider."""
    provider.says = lambda claims: {**claims, "sid": session}


def test_a_subject_alone_ends_every_session_of_its_account_in_every_process(
    team_of_two: Team, provider: LyingProvider
) -> None:
    first, second = installed(team_of_two, provider), installed(team_of_two, provider)
    known(first, provider)
    people = [browser_of(first), browser_of(second)]
    for each in people:
        sign_in(each)
    by_link, other = browser_of(first).sign_in("sam.lee"), browser_of(first).sign_in("admin.team")
    invitation = link_for(first, "sam.lee")
    answer = call(second, token_of(provider))
    assert (answer.status_code, answer.content, answer.headers["cache-control"]) == (200, b"", "no-store")
    assert [is_in(each) for each in (*people, by_link, other)] == [False, False, False, True]
    with reading(first.engine) as connection:
        assert sessions.is_open_link(connection, invitation, datetime.now(UTC)), "an invitation is no session"
    assert sign_in(browser_of(first)).url.path == "/today", "the person may come in again"
    first.close()
    second.close()


def test_a_session_of_the_provider_ends_the_one_that_came_from_it(place: Installation, provider: LyingProvider) -> None:
    known(place, provider)
    people = {}
    for session in ("at-the-desk", "at-home"):
        with_session(provider, session)
        people[session] = browser_of(place)
        sign_in(people[session])
    assert call(place, token_of(provider, sub=None, sid="at-the-desk")).status_code == 200
    assert {name: is_in(each) for name, each in people.items()} == {"at-the-desk": False, "at-home": True}
    assert call(place, token_of(provider, sid="of-nobody")).status_code == 200
    assert is_in(people["at-home"]), "another session of the same person"
    assert call(place, token_of(provider, sub="somebody-else", sid="at-home")).status_code == 200
    assert is_in(people["at-home"]), "the session is not that person's"
    assert call(place, token_of(provider, sid="at-home")).status_code == 200
    assert not is_in(people["at-home"])


def test_with_a_subject_and_a_session_those_that_name_none_end_too(
    place: Installation, provider: LyingProvider
) -> None:
    known(place, provider)
    person = browser_of(place)
    sign_in(person)
    by_link = browser_of(place).sign_in("sam.lee")
    assert call(place, token_of(provider, sub=None, sid="one")).status_code == 200
    assert is_in(person), "nothing says that it is this one"
    assert call(place, token_of(provider, sid="one")).status_code == 200
    assert (is_in(person), is_in(by_link)) == (False, True)


def test_the_session_after_a_second_factor_ends_too(team_of_two: Team, provider: LyingProvider) -> None:
    settings = replace(
        team_of_two.context("16 Mar 2026").settings, single_sign_on=provider.access(), second_factor=("dco",)
    )
    place = Installation(settings)
    known(place, provider)
    with_session(provider, "at-the-desk")
    person = browser_of(place)
    assert sign_in(person).url.path == "/second-factor"
    with reading(place.engine) as connection:
        row = connection.execute(SESSION.select().where(SESSION.c.awaits.is_not(None))).one()
    half = sessions.Session(row.account, row.digest, datetime.now(UTC), row.awaits)
    secret = transact(place.engine, lambda each: sessions.complete(each, half, datetime.now(UTC)))
    whole = browser_of(place)
    whole.cookies.set("sendflow_session", secret)
    assert is_in(whole)
    assert call(place, token_of(provider, sub=None, sid="at-the-desk")).status_code == 200
    assert not is_in(whole)
    place.close()


LIES: dict[str, Claims] = {
    "another issuer": {"iss": "https://login.other.example/tenant"},
    "no issuer": {"iss": None},
    "another audience": {"aud": "another-program"},
    "no audience": {"aud": None},
    "no instant": {"iat": None},
    "an instant that is a word": {"iat": "now"},
    "issued tomorrow": {"iat": int(time.time()) + 86_400},
    "issued an hour ago": {"iat": int(time.time()) - 3_600, "exp": int(time.time()) + 86_400},
    "expired": {"exp": int(time.time()) - 120},
    "no end": {"exp": None},
    "an end that is no number": {"exp": True},
    "no id": {"jti": None},
    "an empty id": {"jti": ""},
    "an id that is a number": {"jti": 7},
    "no event": {"events": None},
    "another event": {"events": {"http://schemas.openid.net/event/other": {}}},
    "an event that is a list": {"events": list(EVENT)},
    "an event without an object": {"events": {next(iter(EVENT)): True}},
    "a nonce, so that it is an ID token": {"nonce": "of-an-attempt"},
    "an empty nonce": {"nonce": ""},
    "neither subject nor session": {"sub": None},
    "an empty subject": {"sub": ""},
    "a subject that is a list": {"sub": ["subject-of-sam"]},
    "a session that is a number": {"sid": 7},
    "a subject with a line feed": {"sub": "subject\nof-sam"},
}


@pytest.mark.parametrize("lie", LIES)
def test_a_logout_token_that_says_something_else_ends_nothing(
    place: Installation, provider: LyingProvider, lie: str
) -> None:
    known(place, provider)
    person = browser_of(place)
    sign_in(person)
    answer = call(place, token_of(provider, **LIES[lie]))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert answer.headers["cache-control"] == "no-store"
    assert is_in(person)
    assert call(place, token_of(provider)).status_code == 200
    assert not is_in(person), "the same, with a true token"


def by_our_secret(provider: LyingProvider) -> str:
    head = f"{part({'alg': 'HS256'})}.{part(said(provider))}"
    return f"{head}.{encode(hmac.digest(SECRET.encode(), head.encode(), 'sha256'))}"


FORGERIES: dict[str, Callable[[LyingProvider], str]] = {
    "no signature": lambda each: f"{part({'alg': 'none'})}.{part(said(each))}.",
    "our own secret": by_our_secret,
    "another key under the same name": lambda each: signed(said(each), key_of_nobody(), kid=each.kid),
    "a key that is not published": lambda each: signed(said(each), key_of_nobody(), kid="key-of-nobody"),
    "a token of another kind": lambda each: signed(said(each), each.key, kid=each.kid, typ="at+jwt"),
    "no token": lambda _each: "",
    "words": lambda _each: "not.a.token",
    "letters beyond ASCII": lambda _each: "é.é.é",
    "one that is too long": lambda each: token_of(each, more="x" * 20_000),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_logout_token_that_the_issuer_did_not_sign_ends_nothing(
    place: Installation, provider: LyingProvider, forgery: str
) -> None:
    known(place, provider)
    person = browser_of(place)
    sign_in(person)
    assert call(place, FORGERIES[forgery](provider)).status_code == 400
    assert is_in(person)


def test_a_token_of_another_provider_ends_nothing(place: Installation, provider: LyingProvider) -> None:
    known(place, provider)
    person = browser_of(place)
    sign_in(person)
    with lying_provider() as foreign:
        assert call(place, token_of(foreign)).status_code == 400
        assert call(place, token_of(foreign, iss=provider.issuer)).status_code == 400
    assert is_in(person)


def test_a_token_counts_once_also_in_another_process(team_of_two: Team, provider: LyingProvider) -> None:
    first, second = installed(team_of_two, provider), installed(team_of_two, provider)
    known(first, provider)
    token = token_of(provider)
    assert call(first, token).status_code == 200
    person = browser_of(first)
    sign_in(person)
    assert call(second, token).status_code == 400, "replayed"
    assert is_in(person)
    with reading(first.engine) as connection:
        (row,) = connection.execute(LOGOUT_TOKEN.select()).all()
    assert datetime.fromisoformat(row.expires_at) > datetime.now(UTC)
    transact(first.engine, lambda each: each.execute(LOGOUT_TOKEN.update().values(expires_at="2026-01-01")))
    assert call(first, token_of(provider)).status_code == 200
    with reading(first.engine) as connection:
        assert len(connection.execute(LOGOUT_TOKEN.select()).all()) == 1, "what could not come again is forgotten"
    first.close()
    second.close()


def test_a_new_key_of_the_issuer_is_read_and_an_old_one_ends_nothing_after_an_hour(
    place: Installation, provider: LyingProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(place, provider)
    person = browser_of(place)
    sign_in(person)
    old, name = provider.key, provider.kid
    provider.rotate()
    assert call(place, token_of(provider)).status_code == 200
    assert not is_in(person)
    sign_in(person)
    monkeypatch.setattr(identity_provider, "MOST_AGE_SECONDS", -1.0)
    assert call(place, signed(said(provider), old, kid=name)).status_code == 400
    assert is_in(person)


def test_only_wrong_tokens_count_against_an_address(
    place: Installation, provider: LyingProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LOGOUT_TOKENS", limits.LOGOUT_TOKENS._replace(most=3))
    for _each in range(5):
        assert call(place, token_of(provider)).status_code == 200
    for _each in range(3):
        assert call(place, "not.a.token").status_code == 400
    assert call(place, token_of(provider)).status_code == 429


def test_an_id_token_and_a_logout_token_are_never_taken_for_each_other(
    place: Installation, provider: LyingProvider
) -> None:
    known(place, provider)
    tokens: list[str] = []

    def written(claims: Claims) -> str:
        tokens.append(signed(claims, provider.key, kid=provider.kid))
        return tokens[-1]

    provider.writes = written
    person = browser_of(place)
    sign_in(person)
    assert call(place, tokens[0]).status_code == 400
    assert is_in(person)
    provider.writes = lambda _claims: token_of(provider)
    assert sign_in(browser_of(place)).status_code == 502


def test_nothing_of_a_token_is_in_a_log_or_an_answer(
    place: Installation, provider: LyingProvider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    known(place, provider)
    answers = [call(place, token_of(provider, sid="at-the-desk", nonce="x")), call(place, token_of(provider))]
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("sendflow")]
    said_by_us = json.dumps([ours, *(each.text for each in answers)])
    assert "a logout token was refused (bad_token)" in ours
    assert provider.subject not in said_by_us and "at-the-desk" not in said_by_us and "eyJ" not in said_by_us


def test_another_site_ends_nothing_and_without_a_provider_there_is_no_such_address(
    team_of_two: Team, place: Installation, provider: LyingProvider
) -> None:
    other = {"origin": "https://other.example", "sec-fetch-site": "cross-site"}
    answer = browser_of(place).request("POST", PATH, data={"logout_token": token_of(provider)}, headers=other)
    assert answer.status_code == 403
    alone = Installation(team_of_two.context("16 Mar 2026").settings)
    assert call(alone, token_of(provider)).status_code == 404
    alone.close()
