"""A real IMAP server for tests: Dovecot with TLS, one mailbox, a password or a signed token. Nothing else is imitated.

Where Dovecot is not installed, `DOVECOT` is None and the tests that need it are not collected.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from config.reply_mailbox import ReplyMailbox

DOVECOT = shutil.which("dovecot") or shutil.which("dovecot", path="/usr/sbin")
USER, PASSWORD = "dco", "four-plain-words"
KEY = b"a key that only this test knows, of 32 bytes or more"
ISSUER = "https://login.test.example"
CONFIG = """
protocols = imap
base_dir = {folder}/run
log_path = {folder}/log
info_log_path = {folder}/log
mail_location = maildir:{folder}/mail/%u
mail_uid = {mail_user}
mail_gid = {mail_group}
first_valid_uid = 1
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
disable_plaintext_auth = yes
ssl = required
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
auth_failure_delay = 0
auth_mechanisms = plain login xoauth2
namespace inbox {{
  inbox = yes
}}
passdb {{
  driver = passwd-file
  mechanisms = plain login
  args = scheme=plain username_format=%u {folder}/users
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {folder}/oauth2.ext
}}
userdb {{
  driver = static
  args = uid={mail_user} gid={mail_group} home={folder}/mail/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    address = 127.0.0.1
    port = {port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"""
OAUTH2 = """
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={folder}/keys/
username_attribute = sub
issuers = {issuer}
"""


class ImapServer:
    """A running server: its port, its certificate, and its mailbox as a folder of files."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.certificate = folder / "cert.pem"
        self._sent = 0

    def settings(self, **changes: object) -> ReplyMailbox:
        """The settings that read it."""
        given: dict[str, object] = {"host": "localhost", "port": self.port, "user": USER, "password": PASSWORD}
        return ReplyMailbox(**{**given, **changes})  # type: ignore[arg-type]

    def deliver(self, raw: bytes, folder: str = "") -> None:
        """Put a mail into the mailbox, as a mail server does: written whole, then moved to `new`."""
        self._sent += 1
        maildir = self.folder / "mail" / USER / folder
        name = f"{time.time():.6f}.{self._sent:06d}.test"
        _as_owner(self.folder, [maildir / part for part in ("tmp", "new", "cur")])
        (maildir / "tmp" / name).write_bytes(raw)
        _as_owner(self.folder, [maildir / "tmp" / name])
        (maildir / "tmp" / name).rename(maildir / "new" / name)

    def stored(self, folder: str = "") -> list[bytes]:
        """The mails of a folder; the inbox without a name."""
        maildir = self.folder / "mail" / USER / (f".{folder}" if folder else "")
        return [path.read_bytes() for part in ("cur", "new") for path in sorted((maildir / part).glob("*"))]

    def seen(self) -> list[str]:
        """The names of the inbox's files, which end with their flags."""
        maildir = self.folder / "mail" / USER
        return sorted(path.name for part in ("cur", "new") for path in (maildir / part).glob("*"))

    def renumber(self) -> None:
        """Give the inbox another UIDVALIDITY, as a server does that lost its index."""
        numbers = self.folder / "mail" / USER / "dovecot-uidlist"
        first, _, _others = numbers.read_text().partition("\n")
        number = first.split(" V")[1].split(" ")[0]
        numbers.write_text(f"3 V{int(number) + 1_000} N1\n")

    def empty(self) -> None:
        """Take every mail away; the server then numbers the folder again."""
        shutil.rmtree(self.folder / "mail" / USER, ignore_errors=True)


def token(subject: str = USER, issuer: str = ISSUER, key: bytes = KEY, valid_seconds: int = 300) -> str:
    """A signed token as a provider gives it."""
    now = int(time.time())
    claims = {"iss": issuer, "sub": subject, "iat": now - 5, "nbf": now - 5, "exp": now + valid_seconds}
    signed = ".".join(_encoded(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    return f"{signed}.{_encoded(hmac.digest(key, signed.encode(), hashlib.sha256))}"


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


@contextmanager
def imap_server(folder: Path) -> Iterator[ImapServer]:
    """Run a server in `folder` until the block ends."""
    assert DOVECOT is not None
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = ImapServer(folder, port)
    _write(server)
    process = subprocess.Popen([DOVECOT, "-F", "-c", str(folder / "dovecot.conf")], stderr=subprocess.PIPE)
    try:
        _wait(server, process)
        yield server
    finally:
        process.terminate()
        process.wait(timeout=20)
        if process.stderr is not None:
            process.stderr.close()


def _write(server: ImapServer) -> None:
    folder = server.folder
    mail_user, mail_group = _owner()
    user = pwd.getpwuid(os.getuid()).pw_name if os.getuid() else "dovecot"
    given = {"folder": folder, "port": server.port, "user": user, "group": user}
    (folder / "dovecot.conf").write_text(CONFIG.format(**given, mail_user=mail_user, mail_group=mail_group))
    (folder / "oauth2.ext").write_text(OAUTH2.format(folder=folder, issuer=ISSUER))
    (folder / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n")
    keys = folder / "keys" / "default" / "HS256"
    keys.mkdir(parents=True)
    (keys / "default").write_text(base64.b64encode(KEY).decode())
    (folder / "mail").mkdir()
    certificate(folder)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    _as_owner(folder, [folder / "mail"])


def _owner() -> tuple[str, str]:
    """Who owns the mailbox: Dovecot refuses root."""
    found = pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
    return str(found.pw_uid), str(found.pw_gid)


def _as_owner(folder: Path, paths: list[Path]) -> None:
    user, group = map(int, _owner())
    for path in paths:
        if not path.exists():
            path.mkdir(parents=True)
        if os.getuid() == 0:
            for each in (path, *path.parents):
                if each == folder:
                    break
                os.chown(each, user, group)


def certificate(folder: Path, name: str = "localhost") -> None:
    """Write a certificate that is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    called = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(called)
        .issuer_name(called)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, *private))
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))


def _wait(server: ImapServer, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 20
    while True:
        if process.poll() is not None:
            said = process.stderr.read().decode() if process.stderr is not None else ""
            raise AssertionError(f"dovecot ended: {said}")
        try:
            socket.create_connection(("127.0.0.1", server.port), timeout=1).close()
            return
        except OSError:
            assert time.monotonic() < until, "dovecot does not answer"
