"""Encrypts what identifies a child, decrypts it, and makes the keyed digests that find a child. [I/O]

Purpose: UK GDPR art 32(1)(a). Fernet: AES-128-CBC with HMAC-SHA256. The key is in SENDFLOW_HOME/person.key only; the
encrypted values are in the database (`people`, `free_text`). sendflow makes the key once and never replaces it, because
no other key decrypts those values.
"""

from __future__ import annotations

import binascii
import hmac
import os
import secrets
from base64 import urlsafe_b64decode
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from models.errors import SendflowError

if TYPE_CHECKING:
    from cryptography.fernet import Fernet


class EncryptionError(SendflowError, RuntimeError):
    """The person key is missing, unreadable or not the key of the database. The message shows no content."""

    default_code = "person_key"


class WrongKey(EncryptionError):
    """sendflow made this key, but it decrypts nothing in this database: it is an old key or another installation's."""


class Cipher:
    """Encrypts and decrypts text with the person key, and makes keyed digests that do not show the value."""

    def __init__(self, key: bytes) -> None:
        if not _is_fernet_key(key):
            raise EncryptionError(
                "the person key is not one that sendflow made: restore person.key from the backup of SENDFLOW_HOME"
            )
        self._key = key
        self._index_key = hmac.digest(key, b"sendflow index", "sha256")

    @cached_property
    def _fernet(self) -> Fernet:
        from cryptography.fernet import Fernet  # most commands that only read decrypt nothing

        return Fernet(self._key)

    @classmethod
    def open(cls, path: Path) -> Cipher:
        """Read the key file. Raises EncryptionError where it is missing or not a key: a new key would not do."""
        try:
            return cls(path.read_bytes().strip())
        except OSError as problem:
            why = problem.strerror or type(problem).__name__
            raise EncryptionError(
                f"person.key cannot be read ({why}): restore it from the backup of SENDFLOW_HOME, as no other key"
                " will do"
            ) from None

    @classmethod
    def make(cls, path: Path) -> Cipher:
        """Read the key at `path`; where there is none, make it with mode 0600. Raises EncryptionError.

        Two processes that make it at the same time get the same key.
        """
        if not path.exists():
            from cryptography.fernet import Fernet

            fresh = path.with_name(f".{path.name}-{os.getpid()}-{secrets.token_hex(4)}")
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                with os.fdopen(handle, "wb") as key:
                    key.write(Fernet.generate_key() + b"\n")
                    key.flush()
                    os.fsync(key.fileno())
                # A hard link never replaces a file: the first key made is the key.
                if not path.exists():
                    _link(fresh, path)
            finally:
                fresh.unlink()
        return cls.open(path)

    @classmethod
    def for_nothing(cls) -> Cipher:
        """Make a key that is stored nowhere, to read a database that holds nothing encrypted and has no key yet."""
        from cryptography.fernet import Fernet

        return cls(Fernet.generate_key())

    def encrypt(self, words: str, at: str | None = None) -> bytes:
        """Return `words` encrypted. The token is dated by the instant `at` (ISO 8601), or by the system clock.

        A simulated day gives `at`, so that no real instant enters its database.
        """
        plain = words.encode("utf-8", "surrogatepass")
        return (
            self._fernet.encrypt(plain)
            if at is None
            else self._fernet.encrypt_at_time(plain, int(datetime.fromisoformat(at).timestamp()))
        )

    def decrypt(self, encrypted: bytes) -> str:
        """Return the decrypted text. Raises EncryptionError where another key encrypted it or it was changed since."""
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet.decrypt(encrypted).decode("utf-8", "surrogatepass")
        except InvalidToken:
            raise EncryptionError(
                "an encrypted value does not open: it was changed, or person.key is not the key that encrypted it"
            ) from None

    def opens(self, encrypted: bytes) -> bool:
        """Return whether this key encrypted the value and the value was not changed since."""
        from cryptography.fernet import InvalidToken

        try:
            self._fernet.decrypt(encrypted)
        except InvalidToken:
            return False
        return True

    def index(self, what: str, value: str) -> str:
        """Return a keyed digest of `value`, 64 hex digits; it differs for each sort of value (`what`)."""
        return hmac.digest(self._index_key, f"{what}\0{value}".encode("utf-8", "surrogatepass"), "sha256").hex()


def _is_fernet_key(key: bytes) -> bool:
    """Return whether `key` has the form of a Fernet key: 32 bytes in URL-safe base64."""
    try:
        return len(urlsafe_b64decode(key)) == 32
    except binascii.Error:
        return False


def open_cipher(path: Path) -> Cipher:
    """Return the cipher of the installation; make its key where there is none."""
    return Cipher.make(path)


def _link(fresh: Path, path: Path) -> None:
    try:
        path.hardlink_to(fresh)
    except FileExistsError:
        return
