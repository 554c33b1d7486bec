"""Reading a mailbox of a real IMAP server with TLS: login by password and by token, new mails, moving, faults."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from casework.mailbox.imap import LARGEST, MailboxFault, open_mailbox
from config.reply_mailbox import ReplyMailbox
from tests.casework.mailbox.samples import reply
from tests.support.imap_server import PASSWORD, ImapServer, certificate, token


def read_all(server: ImapServer, settings: ReplyMailbox | None = None) -> list[tuple[str, bytes]]:
    with open_mailbox(settings or server.settings(), server.certificate) as box:
        found = [box.fetch(place, uid) for place, uid in box.places().items()]
    return [(each.place, each.raw.replace(b"\r\n", b"\n")) for each in found if each is not None]


def test_mails_are_read_in_order_and_stay_unread(server: ImapServer) -> None:
    raws = [reply(f"RECEIVED NX0004{number}") for number in range(3)]
    for raw in raws:
        server.deliver(raw)
    found = read_all(server)
    assert [raw for _place, raw in found] == raws
    assert read_all(server) == found, "each mail has the same place again"
    assert all(not name.endswith("S") for name in server.seen()), "none is marked as seen"


def test_a_folder_that_was_numbered_again_has_other_places(server: ImapServer) -> None:
    server.deliver(reply("RECEIVED NX00042"))
    before = {place for place, _raw in read_all(server)}
    server.renumber()
    after = {place for place, _raw in read_all(server)}
    assert len(before) == len(after) == 1 and not before & after


def test_a_mail_that_was_read_is_moved_and_none_is_deleted(server: ImapServer) -> None:
    raws = [reply("RECEIVED NX00042"), reply("RECEIVED NX00043")]
    for raw in raws:
        server.deliver(raw)
    with open_mailbox(server.settings(), server.certificate) as box:
        uids = list(box.places().values())
        box.put_away(uids[0])
        assert list(box.places().values()) == uids[1:]
    assert (server.stored(), server.stored("sendflow")) == ([raws[1]], [raws[0]])


def test_of_a_large_mail_the_first_2_mb_are_fetched(server: ImapServer) -> None:
    server.deliver(reply("a" * 70 + "\n") + b"b" * 60 + b"\n" + b"c\n" * 2_000_000)
    with open_mailbox(server.settings(), server.certificate) as box:
        ((place, uid),) = box.places().items()
        found = box.fetch(place, uid)
    assert found is not None
    assert len(found.raw) == LARGEST < found.size


def test_a_token_opens_the_mailbox(server: ImapServer) -> None:
    server.deliver(reply("RECEIVED NX00042"))
    with token_server(token()) as (url, asked):
        by_token = server.settings(password=None, token_url=url, client="app", secret="words")
        assert len(read_all(server, by_token)) == 1
    assert asked == [
        "grant_type=client_credentials&client_id=app&client_secret=words"
        "&scope=https%3A%2F%2Foutlook.office365.com%2F.default"
    ]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (token(valid_seconds=-60), "login_refused"),
        (token(key=b"another key, which the server does not know"), "login_refused"),
        (token(issuer="https://elsewhere.example"), "login_refused"),
        (None, "token_refused"),
        ("", "token_refused"),
    ],
)
def test_a_token_that_is_expired_forged_or_foreign_opens_nothing(
    server: ImapServer, given: str | None, why: str
) -> None:
    with token_server(given) as (url, _asked), pytest.raises(MailboxFault, match=why):
        read_all(server, server.settings(password=None, token_url=url, client="app", secret="words"))


def test_each_fault_of_a_mailbox_has_its_word(server: ImapServer, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(MailboxFault, match="login_refused"):
        read_all(server, server.settings(password="other-words"))
    with pytest.raises(MailboxFault, match="unreachable"):
        read_all(server, server.settings(port=1))
    with pytest.raises(MailboxFault, match="no_folder"):
        read_all(server, server.settings(folder="Answers"))
    other = tmp_path_factory.mktemp("other")
    certificate(other)
    with pytest.raises(MailboxFault, match="tls_refused"), open_mailbox(server.settings(), other / "cert.pem"):
        pass
    with pytest.raises(MailboxFault, match="tls_refused"):
        read_all(server, server.settings(host="127.0.0.1")), "the certificate is for localhost"


def test_no_fault_repeats_a_secret(server: ImapServer) -> None:
    with pytest.raises(MailboxFault) as raised:
        read_all(server, server.settings(user="nobody"))
    assert PASSWORD not in f"{raised.value!r}{server.settings()!r}"


@contextmanager
def token_server(given: str | None) -> Iterator[tuple[str, list[str]]]:
    """A server that gives this token; an error for None, and no token for an empty one."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(200 if given is not None else 401)
            self.end_headers()
            self.wfile.write(b'{"access_token": "%s"}' % given.encode() if given else b"{}")

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    http = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{http.server_port}/token", asked
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
