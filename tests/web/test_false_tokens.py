"""Tokens of the identity provider that say what is not so, or that somebody else made: nobody comes in by one."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable

import pytest

from tests.support.identity_provider import SECRET, Claims, LyingProvider, encode, key_of_nobody, part, signed
from tests.web.conftest import browser_of
from tests.web.test_single_sign_on import known, place, provider, sign_in, team_of_two, title
from web.installation import Installation

__all__ = ["place", "provider", "team_of_two"]
Lie = Callable[[Claims], Claims]

LIES: dict[str, Lie] = {
    "another issuer": lambda claims: {**claims, "iss": claims["iss"].replace("tenant-a", "tenant-b")},
    "an issuer with a stroke more": lambda claims: {**claims, "iss": claims["iss"] + "/"},
    "another audience": lambda claims: {**claims, "aud": "another-program"},
    "two audiences and no party": lambda claims: {**claims, "aud": [claims["aud"], "another-program"]},
    "two audiences and another party": lambda claims: {
        **claims,
        "aud": [claims["aud"], "another-program"],
        "azp": "another-program",
    },
    "another nonce": lambda claims: {**claims, "nonce": "of-another-attempt"},
    "no nonce": lambda claims: {key: value for key, value in claims.items() if key != "nonce"},
    "expired": lambda claims: {**claims, "iat": int(time.time()) - 900, "exp": int(time.time()) - 600},
    "not valid yet": lambda claims: {**claims, "nbf": int(time.time()) + 600},
    "issued tomorrow": lambda claims: {**claims, "iat": int(time.time()) + 86_400},
    "no subject": lambda claims: {key: value for key, value in claims.items() if key != "sub"},
    "an empty subject": lambda claims: {**claims, "sub": ""},
    "a subject that is a list": lambda claims: {**claims, "sub": [claims["sub"]]},
    "an end that is a word": lambda claims: {**claims, "exp": "never"},
    "no end": lambda claims: {key: value for key, value in claims.items() if key != "exp"},
}


@pytest.mark.parametrize("lie", LIES)
def test_a_token_that_says_something_else_is_refused(place: Installation, provider: LyingProvider, lie: str) -> None:
    known(place, provider)
    provider.says = LIES[lie]
    person = browser_of(place)
    answer = sign_in(person)
    assert answer.status_code == 502, title(answer)
    assert person.get("/today").status_code == 401
    provider.says = lambda claims: claims
    assert sign_in(person).url.path == "/today", "the same person, with a true token"


def hidden_by_secret(claims: Claims) -> str:
    """A token by our own secret, which the client knows too."""
    head = f"{part({'alg': 'HS256'})}.{part(claims)}"
    return f"{head}.{encode(hmac.digest(SECRET.encode(), head.encode(), 'sha256'))}"


FORGERIES: dict[str, Callable[[LyingProvider], Callable[[Claims], str]]] = {
    "no signature": lambda _provider: lambda claims: f"{part({'alg': 'none'})}.{part(claims)}.",
    "no signature, written otherwise": lambda each: (
        lambda claims: f"{part({'alg': 'nOnE', 'kid': each.kid})}.{part(claims)}."
    ),
    "our own secret": lambda _provider: hidden_by_secret,
    "another key under the same name": lambda each: lambda claims: signed(claims, key_of_nobody(), kid=each.kid),
    "a key that is not published": lambda _provider: (
        lambda claims: signed(claims, key_of_nobody(), kid="key-of-nobody")
    ),
    "a key that the token brings": lambda each: (
        lambda claims: signed(claims, key_of_nobody(), jku="http://127.0.0.1:1/keys")
    ),
    "a signature of other claims": lambda each: (
        lambda claims: ".".join(
            (
                part({"alg": "RS256", "kid": each.kid}),
                part({**claims, "sub": each.subject}),
                signed({**claims, "sub": "somebody"}, each.key, kid=each.kid).split(".")[2],
            )
        )
    ),
    "no token at all": lambda _provider: lambda _claims: "not.a.token",
    "a token with a letter beyond ASCII": lambda _provider: lambda _claims: "é.é.é",
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_token_that_the_issuer_did_not_sign_is_refused(
    place: Installation, provider: LyingProvider, forgery: str
) -> None:
    known(place, provider)
    provider.writes = FORGERIES[forgery](provider)
    person = browser_of(place)
    assert sign_in(person).status_code == 502
    assert person.get("/today").status_code == 401
