"""Asks the identity provider who a person is: OpenID Connect, the code flow with PKCE, state and nonce.

Purpose: a person proves to their own organisation who they are, and sendflow believes what that organisation signed.
An ID token counts if its issuer is exactly the one of the settings, it is for this installation and this attempt, a
key of the issuer signed it, and it is valid now, give or take a minute. Keys and addresses are read again after an
hour, and once more as soon as a token names a key that is not known. A logout token, by which the provider ends
sessions here, is believed by the same rules, and never for an ID token. Source: OpenID Connect Core 1.0, OpenID Connect
Back-Channel Logout 1.0, RFC 7636, RFC 9207. Instants are in UTC.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlencode

from config.public_authorities import public_authorities
from config.single_sign_on import SingleSignOn, is_safe
from models.errors import SendflowError

# Only signatures that somebody with the issuer's private key can make: never `none`, and never one by our own secret.
ALGORITHMS = ("RS256", "PS256", "ES256")
METHOD = "S256"
CLOCK_SKEW_SECONDS = 60
MOST_AGE_SECONDS = 3600.0
WAIT_SECONDS = 10.0
LONGEST_SUBJECT = 255
LONGEST_TOKEN = 16_384
ADDRESSES = ("authorization_endpoint", "token_endpoint", "jwks_uri")
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
LOGOUT_TYPES = frozenset({"", "jwt", "logout+jwt", "application/logout+jwt"})
LOGOUT_AGE_SECONDS = 600


class NotSignedIn(SendflowError):
    """The identity provider did not say who the person is, or what it said cannot be believed. The code says why."""

    default_code = "not_signed_in"


class Identity(NamedTuple):
    """Who a person is: the issuer and the subject, and the app roles that the token names. `session`: the session at
    the provider, if the token names it.
    """

    issuer: str
    subject: str
    app_roles: frozenset[str]
    session: str = ""


class SignedOut(NamedTuple):
    """Whose sessions the provider ended: those of a subject, or one session. `token` is the token's own id."""

    issuer: str
    token: str
    subject: str = ""
    session: str = ""


class Proofs(NamedTuple):
    """What ties an answer of the identity provider to one attempt in one browser."""

    state: str
    nonce: str
    verifier: str


@dataclass
class _Known:
    """What the identity provider publishes, and when it was read (seconds of this process)."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    metadata: dict[str, Any] = field(default_factory=dict)
    metadata_at: float = 0.0
    keys: Any = None
    keys_at: float = 0.0


class IdentityProvider:
    """The identity provider of an installation. One for each process, because it holds what was read."""

    def __init__(self, access: SingleSignOn, back_to: str) -> None:
        """Takes the settings, and the address to which the provider sends people back."""
        self.access = access
        self.back_to = back_to
        self._known = _Known()

    def begin(self, proofs: Proofs) -> str:
        """The address at which the person goes on. Raises NotSignedIn if the provider cannot be asked."""
        metadata = self.metadata()
        with self._client(metadata) as client:
            address, _state = client.create_authorization_url(
                metadata["authorization_endpoint"],
                state=proofs.state,
                nonce=proofs.nonce,
                code_verifier=proofs.verifier,
            )
        return str(address)

    def finish(self, answer: Mapping[str, str], proofs: Proofs) -> Identity:
        """Who the person is, by the answer that the browser brought back. Raises NotSignedIn."""
        metadata = self.metadata()
        said = answer.get("iss", "")
        must_say = metadata.get("authorization_response_iss_parameter_supported") is True
        if (said or must_say) and said != self.access.issuer:
            raise NotSignedIn("the answer names another identity provider", code="foreign_issuer")
        if answer.get("error") or not answer.get("code"):
            raise NotSignedIn("the identity provider signed nobody in", code="provider_refused")
        given = self._tokens(metadata, answer["code"], proofs.verifier)
        claims = self._claims(given, proofs.nonce)
        session = claims.get("sid")
        named = str(session) if _is_name(session) else ""
        return Identity(str(claims["iss"]), str(claims["sub"]), self._app_roles(claims), named)

    def signed_out(self, token: str) -> SignedOut:
        """Whose sessions ended at the provider, by a logout token that a program sent. Raises NotSignedIn.

        The caller sees to it that each token counts once.
        """
        from joserfc import jwt
        from joserfc.errors import JoseError

        wanted = jwt.JWTClaimsRegistry(
            leeway=CLOCK_SKEW_SECONDS,
            iss={"essential": True, "value": self.access.issuer},
            aud={"essential": True, "value": self.access.client},
            iat={"essential": True},
            exp={"essential": True},
            jti={"essential": True},
        )
        try:
            if not 0 < len(token) <= LONGEST_TOKEN:
                raise ValueError
            found = jwt.decode(token, self._key_of(token), algorithms=ALGORITHMS)
            wanted.validate(found.claims)
        except (JoseError, ValueError, TypeError) as problem:
            word = getattr(problem, "claim", None) or type(problem).__name__
            raise NotSignedIn(f"the logout token cannot be believed ({word})", code="bad_token") from None
        if wrong := _wrong_logout(found.header, found.claims):
            raise NotSignedIn(f"the logout token cannot be believed ({wrong})", code="bad_token")
        named = (str(found.claims.get(name, "")) for name in ("sub", "sid"))
        return SignedOut(self.access.issuer, found.claims["jti"], *named)

    def sign_out_address(self, back_to: str) -> str | None:
        """Where the session at the identity provider ends; None where it publishes no such address."""
        address = self.metadata().get("end_session_endpoint")
        if not isinstance(address, str) or not is_safe(address):
            return None
        joint = "&" if "?" in address else "?"
        asked = {"client_id": self.access.client, "post_logout_redirect_uri": back_to}
        return f"{address}{joint}{urlencode(asked)}"

    def metadata(self) -> dict[str, Any]:
        """What the provider publishes of itself. Raises NotSignedIn if it is another provider, or cannot be used."""
        known = self._known
        with known.lock:
            if not known.metadata or time.monotonic() - known.metadata_at > MOST_AGE_SECONDS:
                found = self._read(f"{self.access.issuer.rstrip('/')}/.well-known/openid-configuration")
                self._check(found)
                known.metadata, known.metadata_at = found, time.monotonic()
            return known.metadata

    def _check(self, found: Mapping[str, Any]) -> None:
        if found.get("issuer") != self.access.issuer:
            raise NotSignedIn(
                "the identity provider calls itself by another name than SENDFLOW_OIDC_ISSUER", code="foreign_issuer"
            )
        wrong = [name for name in ADDRESSES if not isinstance(found.get(name), str) or not is_safe(found[name])]
        if wrong:
            raise NotSignedIn(f"the identity provider publishes no https address as {wrong[0]}", code="provider_unfit")
        methods, signed = (
            found.get("code_challenge_methods_supported"),
            found.get("id_token_signing_alg_values_supported"),
        )
        if isinstance(methods, list) and METHOD not in methods:
            raise NotSignedIn(f"the identity provider does not know PKCE by {METHOD}", code="provider_unfit")
        if isinstance(signed, list) and not set(ALGORITHMS) & {str(each) for each in signed}:
            raise NotSignedIn(f"the identity provider signs by none of {', '.join(ALGORITHMS)}", code="provider_unfit")

    def keys(self, *, again: bool = False) -> Any:
        """The keys of the issuer: as they were read within the hour, or `again`. Raises NotSignedIn."""
        from joserfc.jwk import KeySet

        address = self.metadata()["jwks_uri"]
        known = self._known
        with known.lock:
            if again or known.keys is None or time.monotonic() - known.keys_at > MOST_AGE_SECONDS:
                published = self._read(address)
                usable = [each for each in published.get("keys", []) if _may_sign(each)]
                try:
                    known.keys = KeySet.import_key_set({"keys": usable})
                except Exception:
                    raise NotSignedIn(
                        "the keys of the identity provider cannot be read", code="provider_unfit"
                    ) from None
                known.keys_at = time.monotonic()
            return known.keys

    def _client(self, metadata: Mapping[str, Any]) -> Any:
        from authlib.integrations.httpx_client import OAuth2Client

        ways = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        way = "client_secret_basic" if "client_secret_basic" in ways else "client_secret_post"
        return OAuth2Client(
            client_id=self.access.client,
            client_secret=self.access.secret,
            token_endpoint_auth_method=way,
            scope="openid",  # neither name nor e-mail address is asked for
            redirect_uri=self.back_to,
            code_challenge_method=METHOD,
            timeout=WAIT_SECONDS,
            follow_redirects=False,
            verify=public_authorities(),
        )

    def _tokens(self, metadata: Mapping[str, Any], code: str, verifier: str) -> Mapping[str, Any]:
        from authlib.integrations.base_client import OAuthError

        try:
            with self._client(metadata) as client:
                given = client.fetch_token(
                    metadata["token_endpoint"], grant_type="authorization_code", code=code, code_verifier=verifier
                )
        except OAuthError as problem:
            named = "SENDFLOW_OIDC_CLIENT or its secret" if problem.error == "invalid_client" else "the code"
            fault = "wrong_client" if problem.error == "invalid_client" else "wrong_code"
            raise NotSignedIn(f"the identity provider does not accept {named}", code=fault) from None
        except Exception as problem:  # of the network, or an answer that is no JSON
            raise _unreachable(problem) from None
        if not isinstance(given.get("id_token"), str):
            raise NotSignedIn("the identity provider gave no ID token", code="bad_token")
        return dict(given)

    def _claims(self, given: Mapping[str, Any], nonce: str) -> Mapping[str, Any]:
        """What a token says, once it is known to be true. Raises NotSignedIn."""
        from authlib.oidc.core import CodeIDToken
        from joserfc import jwt
        from joserfc.errors import JoseError

        wanted = {
            "iss": {"essential": True, "value": self.access.issuer},
            "aud": {"essential": True, "value": self.access.client},
        }
        tied = {"nonce": nonce, "client_id": self.access.client, "access_token": given.get("access_token")}
        try:
            token = jwt.decode(given["id_token"], self._key_of(given["id_token"]), algorithms=ALGORITHMS)
            claims = CodeIDToken(token.claims, token.header, wanted, tied)
            claims.validate(leeway=CLOCK_SKEW_SECONDS)
        except (JoseError, ValueError, TypeError) as problem:
            word = getattr(problem, "claim", None) or type(problem).__name__
            raise NotSignedIn(f"the ID token cannot be believed ({word})", code="bad_token") from None
        subject = claims["sub"]
        if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT:
            raise NotSignedIn("the ID token names no subject", code="bad_token")
        return claims

    def _key_of(self, token: str) -> Any:
        """The key that a token names. Keys are read again once if it is unknown: the issuer may have a new one."""
        from joserfc.jws import extract_compact

        name = extract_compact(token.encode("ascii")).headers().get("kid")
        for again in (False, True):
            published = self.keys(again=again).keys
            found = [key for key in published if key.kid == name or (name is None and len(published) == 1)]
            if found:
                return found[0]
        raise NotSignedIn("the ID token is signed by a key that the issuer does not publish", code="bad_token")

    def _app_roles(self, claims: Mapping[str, Any]) -> frozenset[str]:
        """The app roles of the token. Raises NotSignedIn where the provider left them out because they are too many."""
        elsewhere = claims.get("_claim_names")
        left_out = isinstance(elsewhere, Mapping) and self.access.claim in elsewhere
        if self.access.claim == "groups" and (left_out or claims.get("hasgroups")):
            raise NotSignedIn("the account is in more groups than a token can name", code="too_many_groups")
        named = claims.get(self.access.claim, [])
        return frozenset(str(each) for each in (named if isinstance(named, list) else [named]))

    def _read(self, address: str) -> dict[str, Any]:
        import httpx2

        try:
            answer = httpx2.get(address, timeout=WAIT_SECONDS, follow_redirects=False, verify=public_authorities())
            found = answer.raise_for_status().json()
        except (httpx2.HTTPError, ValueError) as problem:
            raise _unreachable(problem) from None
        if not isinstance(found, dict):
            raise _unreachable(TypeError())
        return found


def _may_sign(key: object) -> bool:
    return isinstance(key, dict) and key.get("kty") in ("RSA", "EC") and key.get("use") in (None, "sig")


def _wrong_logout(header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    """What of a signed token makes it no logout token of now; empty if it is one."""
    events, named = claims.get("events"), [claims[name] for name in ("sub", "sid") if name in claims]
    wrong = {
        "typ": str(header.get("typ") or "").lower() not in LOGOUT_TYPES,
        "nonce": "nonce" in claims,  # then it is an ID token
        "events": not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict),
        "iat": claims["iat"] < time.time() - LOGOUT_AGE_SECONDS - CLOCK_SKEW_SECONDS,
        "jti": not _is_name(claims["jti"]),
        "sub": not named or not all(map(_is_name, named)),
    }
    return next((name for name, is_wrong in wrong.items() if is_wrong), "")


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_SUBJECT and value.isprintable()


def _unreachable(problem: Exception) -> NotSignedIn:
    return NotSignedIn(f"the identity provider does not answer ({type(problem).__name__})", code="provider_unreachable")
