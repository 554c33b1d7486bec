"""Single sign-on by two identity providers of others, each started here: oidc-provider-mock, and node's oidc-provider.

The second one runs if node finds it in build/oidc-provider: npm install --prefix build/oidc-provider
oidc-provider@9.13.3
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx2
import pytest
import uvicorn

from config.single_sign_on import SingleSignOn
from tests.support.installation import wait_until
from tests.support.paths import ROOT
from tests.support.team import Team
from tests.web.conftest import browser_of
from tests.web.test_single_sign_on import installed, known, provider, team_of_two, title
from web.app import create_app
from web.installation import Installation

__all__ = ["provider", "team_of_two"]
NODE = shutil.which("node")
MODULES = ROOT / "build" / "oidc-provider" / "node_modules"
CLIENT, SECRET = "sendflow", "a-secret-of-the-client-which-is-long-enough"
SCRIPT = """
import { Provider } from '%(module)s';
const provider = new Provider('http://localhost:%(port)d', {
  clients: [{ client_id: '%(client)s', client_secret: '%(secret)s', redirect_uris: ['%(back)s'],
    post_logout_redirect_uris: ['%(pages)s/sign-in'], backchannel_logout_uri: '%(calls)s/sign-out/sso/ended',
    backchannel_logout_session_required: true }],
  features: { backchannelLogout: { enabled: true } },
  fetch: (url, options) => fetch(url, { ...options, dispatcher: undefined, signal: AbortSignal.timeout(30000) }),
  cookies: { keys: ['of', 'a', 'test'] },
  claims: { openid: ['sub', 'roles'] }, conformIdTokenClaims: false,
  findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => ({ sub, roles: ['Sendflow.Dco'] }) }),
});
provider.listen(%(port)d, '127.0.0.1');
"""


class Other:
    """A provider of others, in the place of ours."""

    def __init__(self, issuer: str, subject: str, secret: str = SECRET) -> None:
        self.issuer, self.subject, self.secret = issuer, subject, secret
        self.calls: socket.socket | None = None  # where it calls when a session ended

    def access(self, **more: Any) -> SingleSignOn:
        return SingleSignOn(self.issuer, CLIENT, self.secret, name="Trust login", **more)


@pytest.fixture(scope="module")
def mock() -> Iterator[Other]:
    """oidc-provider-mock: Flask and Authlib."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from oidc_provider_mock import run_server_in_thread
    with run_server_in_thread() as server:
        yield Other(f"http://localhost:{server.server_port}", "sam@icb.example")


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Other]:
    """oidc-provider of npm: another language, another library for signatures, and a client secret that it checks."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    module = (MODULES / "oidc-provider" / "lib" / "index.js").as_uri()
    pages = "http://127.0.0.1:8300"
    calls = socket.create_server(("127.0.0.1", 0))
    called = f"http://127.0.0.1:{calls.getsockname()[1]}"
    values = {"module": module, "port": port, "client": CLIENT, "secret": SECRET, "pages": pages, "calls": called}
    script = tmp_path_factory.mktemp("node") / "provider.mjs"
    script.write_text(SCRIPT % {**values, "back": f"{pages}/sign-in/sso/back"}, "utf-8")
    assert NODE is not None
    process = subprocess.Popen([NODE, str(script)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    issuer = f"http://localhost:{port}"
    try:
        wait_until(lambda: _answers(issuer) or process.poll() is not None)
        assert process.poll() is None
        found = Other(issuer, "sam.at.the.trust")
        found.calls = calls
        yield found
    finally:
        calls.close()
        process.kill()
        process.wait(10)


def _answers(issuer: str) -> bool:
    try:
        return httpx2.get(f"{issuer}/.well-known/openid-configuration").status_code == 200
    except httpx2.HTTPError:
        return False


def by_mock(address: str, other: Other) -> str:
    """Sign in at the mock: one form with the subject."""
    return str(httpx2.post(address, data={"sub": other.subject}).headers["location"])


def by_node(address: str, other: Other, at_provider: httpx2.Client | None = None) -> str:
    """Sign in at node's provider: a form with a name, a form of consent, and redirections between them."""
    with at_provider or httpx2.Client() as client:
        page = client.get(address)
        for _step in range(12):
            if page.is_redirect:
                target = urljoin(str(page.url), page.headers["location"])
                if urlsplit(target).path == "/sign-in/sso/back":
                    return target
                page = client.get(target)
                continue
            action = re.search(r'action="([^"]+)"', page.text)
            prompt = re.search(r'name="prompt" value="([^"]+)"', page.text)
            assert action and prompt, page.text
            form = {"prompt": prompt[1], "login": other.subject, "password": "any"}
            page = client.post(urljoin(str(page.url), action[1]), data=form)
    raise AssertionError("the provider leads nowhere")


BY = {"mock": by_mock, "node": by_node}
NEEDS_NODE = pytest.mark.skipif(
    NODE is None or not (MODULES / "oidc-provider").is_dir(), reason="needs node and build/oidc-provider"
)
BOTH = pytest.mark.parametrize("which", ["mock", pytest.param("node", marks=NEEDS_NODE)])


@BOTH
def test_a_known_person_comes_in(team_of_two: Team, which: str, request: pytest.FixtureRequest) -> None:
    other = request.getfixturevalue(which)
    place = installed(team_of_two, other)
    person = browser_of(place)
    back = urlsplit(BY[which](person.get("/sign-in/sso", follow_redirects=False).headers["location"], other))
    answer = person.get(f"{back.path}?{back.query}")
    assert title(answer) == "Nobody has invited this account", "the same person, before anybody named the account"
    known(place, other)
    back = urlsplit(BY[which](person.get("/sign-in/sso", follow_redirects=False).headers["location"], other))
    assert person.get(f"{back.path}?{back.query}").url.path == "/today"
    assert title(person.get(f"{back.path}?{back.query}")) == "Start signing in again", "replayed"
    place.close()


@BOTH
def test_a_provider_that_calls_itself_otherwise_is_refused(
    team_of_two: Team, which: str, request: pytest.FixtureRequest
) -> None:
    other = request.getfixturevalue(which)
    place = installed(team_of_two, Other(other.issuer.replace("localhost", "127.0.0.1") + "/", other.subject))
    assert browser_of(place).get("/sign-in/sso").status_code == 502
    place.close()


@contextmanager
def called(place: Installation, listening: socket.socket) -> Iterator[None]:
    """The pages answer to the provider's server at the address that it knows."""
    config = uvicorn.Config(create_app(place), log_level="error", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening.dup()]}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(20)


@NEEDS_NODE
def test_who_signs_out_there_is_signed_out_here_by_its_call(team_of_two: Team, request: pytest.FixtureRequest) -> None:
    other: Other = request.getfixturevalue("node")
    assert other.calls is not None
    place = installed(team_of_two, other)
    known(place, other)
    person, elsewhere = browser_of(place), browser_of(place)
    for browser in (elsewhere, person):
        cookies = httpx2.Cookies()
        there = httpx2.Client(cookies=cookies)
        back = urlsplit(by_node(browser.get("/sign-in/sso", follow_redirects=False).headers["location"], other, there))
        assert browser.get(f"{back.path}?{back.query}").url.path == "/today"
        cookies = there.cookies
    asked = person.get("/sign-out/sso", follow_redirects=False).headers["location"]
    with called(place, other.calls), httpx2.Client(cookies=cookies) as client:
        page = client.get(asked)
        action, xsrf = re.search(r'action="([^"]+)"', page.text), re.search(r'name="xsrf" value="([^"]+)"', page.text)
        assert action and xsrf, page.text
        answer = client.post(action[1], data={"xsrf": xsrf[1], "logout": "yes"})
    assert answer.headers["location"] == "http://127.0.0.1:8300/sign-in"
    assert person.get("/today").status_code == 401
    assert elsewhere.get("/today").status_code == 200, "another session of the same person there"
    place.close()


@NEEDS_NODE
def test_app_roles_come_from_its_token_and_a_wrong_secret_is_refused(
    team_of_two: Team, request: pytest.FixtureRequest
) -> None:
    other = request.getfixturevalue("node")
    for secret, path in ((SECRET, "/today"), ("another-secret-that-is-as-long-as-the-first", "/sign-in/sso/back")):
        tried = Other(other.issuer, other.subject, secret)
        place = installed(team_of_two, tried, roles=(("Sendflow.Dco", "dco"),))
        known(place, tried)
        person = browser_of(place)
        back = urlsplit(by_node(person.get("/sign-in/sso", follow_redirects=False).headers["location"], other))
        assert person.get(f"{back.path}?{back.query}").url.path == path
        place.close()
