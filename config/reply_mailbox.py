"""Reads the settings of the mailbox to which bodies reply, which sendflow reads over IMAP.

Purpose: an answer by e-mail is recorded, and nothing that comes back is lost. TLS always; a password, or OAuth2 where
the server takes no password (Exchange Online). A secret is never part of a message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from config.connection_urls import LOOPBACK, SettingsError

EXCHANGE_SCOPE = "https://outlook.office365.com/.default"
FOLDER = re.compile(r"[A-Za-z0-9 ._/&+,-]{1,200}")
HOST = re.compile(r"[A-Za-z0-9.-]{1,253}|::1")


@dataclass(frozen=True, slots=True)
class ReplyMailbox:
    """The mailbox that is read.

    - `password`, or `token_url`, `client` and `secret`: how sendflow proves that it may read it
    - `folder`: where mail arrives; `read_folder`: where mail is moved once it has been read, if the server can move
    - `authenticates`: the name under which the receiving server writes what it found of a sender (RFC 8601); None if it
      writes nothing
    """

    host: str
    port: int
    user: str
    password: str | None = field(default=None, repr=False)
    token_url: str | None = None
    client: str | None = None
    secret: str | None = field(default=None, repr=False)
    scope: str = EXCHANGE_SCOPE
    folder: str = "INBOX"
    read_folder: str = "sendflow"
    authenticates: str | None = None

    @property
    def name(self) -> str:
        """What names the folder in a row of the database: mailbox, server and folder."""
        return f"{self.user}@{self.host}/{self.folder}"


def read_reply_mailbox(env: Mapping[str, str]) -> ReplyMailbox | None:
    """Read the settings; None without SENDFLOW_IMAP_HOST. Raises SettingsError, which names each that is wrong."""
    host = env.get("SENDFLOW_IMAP_HOST") or ""
    if not host:
        return None
    if wrong := list(_wrong(env, host)):
        raise SettingsError("; ".join(wrong))
    user, _, password = (env.get("SENDFLOW_IMAP_LOGIN") or "").partition(":")
    client, _, secret = (env.get("SENDFLOW_IMAP_CLIENT") or "").partition(":")
    return ReplyMailbox(
        host=host,
        port=int(env.get("SENDFLOW_IMAP_PORT") or 993),
        user=user,
        password=password or None,
        token_url=env.get("SENDFLOW_IMAP_TOKEN_URL") or None,
        client=client or None,
        secret=secret or None,
        scope=env.get("SENDFLOW_IMAP_SCOPE") or EXCHANGE_SCOPE,
        folder=env.get("SENDFLOW_IMAP_FOLDER") or "INBOX",
        read_folder=env.get("SENDFLOW_IMAP_READ_FOLDER") or "sendflow",
        authenticates=env.get("SENDFLOW_IMAP_TRUSTS") or None,
    )


def _wrong(env: Mapping[str, str], host: str) -> Iterator[str]:
    if not HOST.fullmatch(host):
        yield "SENDFLOW_IMAP_HOST is not a host name: expected one, as in SENDFLOW_IMAP_HOST=outlook.office365.com"
    port = env.get("SENDFLOW_IMAP_PORT") or "993"
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= 65535:
        yield "SENDFLOW_IMAP_PORT is not a port: expected a whole number from 1 to 65535, as in SENDFLOW_IMAP_PORT=993"
    by_token = bool(env.get("SENDFLOW_IMAP_TOKEN_URL") or env.get("SENDFLOW_IMAP_CLIENT"))
    login = env.get("SENDFLOW_IMAP_LOGIN") or ""
    if not re.fullmatch(r"[^:\s]+" if by_token else r"[^:\s]+:\S+", login):
        yield (
            "SENDFLOW_IMAP_LOGIN is not a mailbox and its password (it is not repeated here), as in"
            " SENDFLOW_IMAP_LOGIN=send.dco@icb.example:words; with SENDFLOW_IMAP_CLIENT, the mailbox alone"
        )
    if by_token and not re.fullmatch(r"[^:\s]+:\S+", env.get("SENDFLOW_IMAP_CLIENT") or ""):
        yield (
            "SENDFLOW_IMAP_CLIENT is not the id and the secret of an application (they are not repeated here), as in"
            " SENDFLOW_IMAP_CLIENT=11111111-2222-3333-4444-555555555555:words"
        )
    if by_token and not _is_safe(env.get("SENDFLOW_IMAP_TOKEN_URL") or ""):
        yield (
            "SENDFLOW_IMAP_TOKEN_URL is not an https address, as in"
            " SENDFLOW_IMAP_TOKEN_URL=https://login.microsoftonline.com/TENANT/oauth2/v2.0/token"
        )
    for name in ("SENDFLOW_IMAP_FOLDER", "SENDFLOW_IMAP_READ_FOLDER"):
        if (folder := env.get(name)) and not FOLDER.fullmatch(folder):
            yield f"{name} is not the name of a folder of a mailbox, as in {name}=INBOX"
    if (trusts := env.get("SENDFLOW_IMAP_TRUSTS")) and not HOST.fullmatch(trusts):
        yield "SENDFLOW_IMAP_TRUSTS is not the name of a server, as in SENDFLOW_IMAP_TRUSTS=mx.icb.example"
    if env.get("SENDFLOW_TODAY"):
        yield (
            "SENDFLOW_TODAY is for simulations, and SENDFLOW_IMAP_HOST would read the answers of real people into one:"
            " unset one of them"
        )


def _is_safe(url: str) -> bool:
    """Whether a secret may be sent to the address: by https, or to this machine."""
    return bool(re.fullmatch(r"https://[^\s/]+/\S*", url)) or any(
        re.fullmatch(rf"http://{re.escape(each)}(:[0-9]+)?/\S*", url) for each in LOOPBACK
    )
