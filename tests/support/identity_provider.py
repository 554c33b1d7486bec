"""A small identity provider that can lie: OpenID Connect over HTTP, its tokens signed by `cryptography` alone.

It shares no code with what sendflow reads them by. `says` alters the claims of the next tokens, `writes` makes a whole
token in another way, `rotate` gives it another key. It checks the client's secret, the address and PKCE itself.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

from config.single_sign_on import SingleSignOn

CLIENT, SECRET = "sendflow-of-northshire", "a secret~of+the=client".replace(" ", "-")
Claims = dict[str, Any]


def encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def part(content: Claims) -> str:
    return encode(json.dumps(content).encode())


def signed(claims: Claims, key: RSAPrivateKey, **header: str) -> str:
    """A token signed by RS256."""
    head = f"{part({'alg': 'RS256', 'typ': 'JWT', **header})}.{part(claims)}"
    return f"{head}.{encode(key.sign(head.encode(), PKCS1v15(), SHA256()))}"


# Keys that no provider has now. To make one takes a tenth of a second.
_free: list[RSAPrivateKey] = []


def new_key() -> RSAPrivateKey:
    """A key that no provider has."""
    return _free.pop() if _free else generate_private_key(65537, 2048)


@cache
def key_of_nobody() -> RSAPrivateKey:
    """A key that no provider ever has."""
    return generate_private_key(65537, 2048)


class Provider(Protocol):
    """What a test needs of a provider: its name, the person who signs in there, and the settings."""

    issuer: str
    subject: str

    def access(self, **more: Any) -> SingleSignOn: ...


class LyingProvider:
    """The provider. `asked` counts requests by path."""

    def __init__(self) -> None:
        self.key, self.kid = new_key(), "key-1"
        self._keys = [self.key]
        self.subject = "subject-of-sam"
        self.says: Callable[[Claims], Claims] = lambda claims: claims
        self.writes: Callable[[Claims], str] | None = None
        self.publishes: Claims = {}
        self.codes: dict[str, dict[str, str]] = {}
        self.asked: dict[str, int] = {}
        self.denies = False
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.provider = self
        self.issuer = f"http://127.0.0.1:{self._server.server_address[1]}/tenant-a"

    def access(self, **more: Any) -> SingleSignOn:
        """What an installation needs to use it."""
        return SingleSignOn(self.issuer, CLIENT, SECRET, **{"name": "Trust login", **more})

    def rotate(self) -> None:
        """Sign by a new key from now on; the old one is published no longer."""
        self.key, self.kid = new_key(), f"key-{secrets.token_hex(4)}"
        self._keys.append(self.key)

    def metadata(self) -> Claims:
        found = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "end_session_endpoint": f"{self.issuer}/logout",
            "code_challenge_methods_supported": ["S256"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "authorization_response_iss_parameter_supported": True,
        }
        return {**found, **self.publishes}

    def keys(self) -> Claims:
        numbers = self.key.public_key().public_numbers()
        n, e = (encode(each.to_bytes((each.bit_length() + 7) // 8, "big")) for each in (numbers.n, numbers.e))
        encrypts = {"kty": "RSA", "use": "enc", "kid": self.kid, "n": n, "e": e}
        return {"keys": [encrypts, {"kty": "RSA", "use": "sig", "kid": self.kid, "alg": "RS256", "n": n, "e": e}]}

    def answer(self, asked: dict[str, str]) -> str:
        """Where the browser goes once the person has signed in here."""
        assert asked["response_type"] == "code" and asked["code_challenge_method"] == "S256"
        assert asked["scope"] == "openid", "neither name nor address is asked for"
        back = {"state": asked["state"], "iss": self.issuer}
        if self.denies:
            return f"{asked['redirect_uri']}?{urlencode({**back, 'error': 'access_denied'})}"
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({**back, 'code': code})}"

    def tokens(self, form: dict[str, str], login: str) -> tuple[int, Claims]:
        """Exchange a code, once."""
        if login != f"{CLIENT}:{SECRET}":
            return 401, {"error": "invalid_client"}
        asked = self.codes.pop(form.get("code", ""), None)
        proof = encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if asked is None or asked["redirect_uri"] != form["redirect_uri"] or asked["code_challenge"] != proof:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {"iss": self.issuer, "sub": self.subject, "aud": CLIENT, "iat": now, "exp": now + 300}
        claims = self.says({**claims, "nonce": asked["nonce"]})
        token = self.writes(claims) if self.writes else signed(claims, self.key, kid=self.kid)
        return 200, {"access_token": "opaque", "token_type": "Bearer", "expires_in": 300, "id_token": token}

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        _free.extend(self._keys)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    provider: LyingProvider


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        path, provider = urlsplit(self.path), self.server.provider
        name = path.path.rpartition("/")[2]
        provider.asked[name] = provider.asked.get(name, 0) + 1
        if name == "authorize":
            asked = {key: values[0] for key, values in parse_qs(path.query).items()}
            self.send_response(302)
            self.send_header("location", provider.answer(asked))
            self.end_headers()
            return
        found = {"openid-configuration": provider.metadata, "keys": provider.keys}.get(name)
        self._say(200 if found else 404, found() if found else {})

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", 0))
        form = {key: values[0] for key, values in parse_qs(self.rfile.read(length).decode()).items()}
        login = self.headers.get("authorization", "").removeprefix("Basic ")
        self._say(*self.server.provider.tokens(form, base64.b64decode(login).decode()))

    def _say(self, status: int, document: Claims) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""


@contextmanager
def lying_provider() -> Iterator[LyingProvider]:
    """A provider that answers while the block runs."""
    provider = LyingProvider()
    thread = threading.Thread(target=provider._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        provider.stop()
        thread.join(5)
