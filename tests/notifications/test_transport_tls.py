"""Letters to a relay: by TLS or not at all where that is asked for, with a login only inside it, and every no is a word
of ours.
"""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP as Server
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session

from casework.delivery.transports import mail_transport
from config.settings import Settings, SettingsError
from notifications import transport
from notifications.local_smtp import free_port
from notifications.transport import Attempt, Letter, Outcome, SmtpTransport

HOST = "127.0.0.1"
PASSPHRASE = "osprey-over-water-31"
LETTER = Letter(
    "n1",
    "<n1@icb.example>",
    "slt@trust.example",
    "DCO",
    "dco@icb.example",
    "Advice",
    "Text\n",
    "<p>Text</p>",
    datetime(2026, 3, 2, 9, tzinfo=UTC),
)


class Relay:
    """What arrived, and whether by TLS."""

    def __init__(self) -> None:
        self.arrived: list[bool] = []

    async def handle_DATA(self, server: Server, session: Session, envelope: Envelope) -> str:
        self.arrived.append(session.ssl is not None)
        return "250 OK"


def asked(_server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
    right = isinstance(given, LoginPassword) and (given.login, given.password) == (
        b"sendflow",
        PASSPHRASE.encode(),
    )
    return AuthResult(success=right, handled=right)


@pytest.fixture
def relay(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Relay, int]]:
    """A relay with TLS and a login, or ("plain") with neither."""
    handler, port = Relay(), free_port()
    more: dict[str, Any] = {}
    if getattr(request, "param", "tls") == "tls":
        pem = tmp_path / "relay.pem"
        made = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            str(pem),
            "-out",
            str(pem) + ".crt",
        ]
        subprocess.run(
            [*made, "-days", "2", "-subj", "/CN=relay", "-addext", "subjectAltName=IP:127.0.0.1"],
            check=True,
            capture_output=True,
        )
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(str(pem) + ".crt", str(pem))
        more = {"tls_context": context, "authenticator": asked, "auth_required": True, "auth_require_tls": True}
    controller = Controller(handler, hostname=HOST, port=port, **more)
    controller.start()
    yield handler, port
    controller.stop()


def test_with_tls_and_the_login_a_letter_goes(relay: tuple[Relay, int]) -> None:
    handler, port = relay
    assert (
        SmtpTransport(HOST, port, 10, login=f"sendflow:{PASSPHRASE}", only_by_tls=True).send(LETTER).outcome
        is Outcome.ACCEPTED
    )
    assert handler.arrived == [True]


def test_a_refused_login_is_tried_again_later_and_says_nothing_more(relay: tuple[Relay, int]) -> None:
    handler, port = relay
    assert SmtpTransport(HOST, port, 10, login="sendflow:not-these", only_by_tls=True).send(LETTER) == Attempt(
        Outcome.LATER, "login_refused"
    )
    assert handler.arrived == []


@pytest.mark.parametrize("relay", ["plain"], indirect=True)
def test_a_relay_without_tls_gets_nothing_where_it_is_asked_for(relay: tuple[Relay, int]) -> None:
    handler, port = relay
    assert SmtpTransport(HOST, port, 10, only_by_tls=True).send(LETTER) == Attempt(Outcome.LATER, "no_tls")
    assert handler.arrived == []
    assert SmtpTransport(HOST, port, 10).send(LETTER).outcome is Outcome.ACCEPTED
    assert handler.arrived == [False]


def test_a_relay_elsewhere_is_asked_for_tls_unless_somebody_says_otherwise() -> None:
    assert Settings.read({"SENDFLOW_SMTP_HOST": "relay.icb.example"}).smtp_tls
    assert not Settings.read({"SENDFLOW_SMTP_HOST": "relay.icb.example", "SENDFLOW_SMTP_TLS": "offered"}).smtp_tls
    assert not Settings.read({}).smtp_tls
    settings = Settings.read(
        {"SENDFLOW_SMTP_HOST": "relay.icb.example", "SENDFLOW_SMTP_LOGIN": f"sendflow:{PASSPHRASE}"}
    )
    assert PASSPHRASE not in repr(settings)
    for wrong in (
        {"SENDFLOW_SMTP_LOGIN": f"sendflow:{PASSPHRASE}"},
        {"SENDFLOW_SMTP_LOGIN": PASSPHRASE, "SENDFLOW_SMTP_TLS": "required"},
    ):
        with pytest.raises(SettingsError, match="SENDFLOW_SMTP_LOGIN") as refused:
            Settings.read(wrong)
        assert PASSPHRASE not in str(refused.value)


class NoGreeting:
    """A port that says no in the place of a greeting, for good."""

    def __enter__(self) -> int:
        self._server = socket.create_server((HOST, 0))
        self._taker = threading.Thread(target=self._take)
        self._taker.start()
        return int(self._server.getsockname()[1])

    def _take(self) -> None:
        call, _ = self._server.accept()
        with call:
            call.sendall(b"554 no service here\r\n")

    def __exit__(self, *_: object) -> None:
        self._taker.join()
        self._server.close()


def test_a_machine_that_is_not_listened_to_has_no_letter_refused_for_good() -> None:
    with NoGreeting() as port:
        assert SmtpTransport(HOST, port, 10).send(LETTER) == Attempt(Outcome.LATER, "greeting_refused")


def test_an_untrusted_certificate_has_a_reason_and_the_installations_own_authority_is_trusted(
    relay: tuple[Relay, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was called a lost line, and SENDFLOW_TLS_CA was not asked."""
    handler, port = relay
    monkeypatch.setattr(transport, "_on_this_machine", lambda _host: False)
    refused = Attempt(Outcome.LATER, "tls_refused")
    login = f"sendflow:{PASSPHRASE}"
    assert SmtpTransport(HOST, port, 10, login=login, only_by_tls=True).send(LETTER) == refused
    own = tmp_path / "relay.pem.crt"
    other = tmp_path / "other.crt"
    made = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-keyout",
        "/dev/null",
        "-out",
        str(other),
    ]
    subprocess.run([*made, "-days", "2", "-subj", "/CN=127.0.0.1"], check=True, capture_output=True)
    for unfit in (other, tmp_path / "none.crt"):
        assert SmtpTransport(HOST, port, 10, login=login, only_by_tls=True, tls_ca=unfit).send(LETTER) == refused
    assert handler.arrived == []
    assert (
        SmtpTransport(HOST, port, 10, login=login, only_by_tls=True, tls_ca=own).send(LETTER).outcome
        is Outcome.ACCEPTED
    )
    settings = Settings.read(
        {
            "SENDFLOW_HOME": str(tmp_path),
            "SENDFLOW_CARRIER": "smtp",
            "SENDFLOW_SMTP_HOST": HOST,
            "SENDFLOW_SMTP_PORT": str(port),
            "SENDFLOW_SMTP_TLS": "required",
            "SENDFLOW_SMTP_LOGIN": login,
            "SENDFLOW_TLS_CA": str(own),
        }
    )
    with mail_transport(settings) as carried:
        assert carried.send(LETTER).outcome is Outcome.ACCEPTED
    assert handler.arrived == [True, True]


@pytest.mark.parametrize("relay", ["plain"], indirect=True)
def test_a_relay_that_takes_no_login_is_named(relay: tuple[Relay, int]) -> None:
    _handler, port = relay
    assert SmtpTransport(HOST, port, 10, login="sendflow:words").send(LETTER) == Attempt(
        Outcome.LATER, "no_login_offered"
    )


def test_a_line_that_is_lost_in_the_handshake_says_nothing_of_the_certificate() -> None:
    """It was called refused, and sendflow doctor reported an untrusted mail server at once."""
    with socket.create_server((HOST, 0)) as listening:

        def cut() -> None:
            line, _ = listening.accept()
            with line, line.makefile("rb") as said:
                line.sendall(b"220 relay.example\r\n")
                said.readline()
                line.sendall(b"250-relay.example\r\n250 STARTTLS\r\n")
                said.readline()
                line.sendall(b"220 go ahead\r\n")

        threading.Thread(target=cut, daemon=True).start()
        attempt = SmtpTransport(HOST, listening.getsockname()[1], 10, only_by_tls=True).send(LETTER)
    assert (attempt.outcome, attempt.why) == (Outcome.UNREACHABLE, "line_lost_before_data")
