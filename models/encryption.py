"""The key of a house: it seals what names a child, opens it again, and makes the digests under which a child is found.
[I/O]

Purpose: UK GDPR art 32(1)(a). Fernet: AES-128-CBC with HMAC-SHA256. The key stands in SENDFLOW_HOME/person.key and
nowhere else; what is sealed lies in the records (`people`). It is made once and never replaced, because no other key
opens what it sealed.
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
    """The person key is missing, unreadable or not the one that the records were sealed with. The text names no
    content.
    """

    default_code = "person_key"


class WrongKey(EncryptionError):
    """The key is one that sendflow made, and opens nothing that these records hold: it is another house's, or an old
    one.
    """


class Cipher:
    """The house's key. Seals text, opens it again, and makes keyed digests under which a value can be found but not
    read.
    """

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
        """Reads the key file. Raises EncryptionError where it is missing or of no use: a new key would open nothing
        that is sealed.
        """
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
        """The key at `path`, made with mode 0600 where there is none. Two processes that make it at once get the same
        one.
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
                # A link never replaces what is there: the first key made is the key.
                if not path.exists():
                    _link(fresh, path)
            finally:
                fresh.unlink()
        return cls.open(path)

    def seal(self, words: str, at: str | None = None) -> bytes:
        """`words`, sealed; dated by the instant `at` (ISO 8601) where the house knows it, so that a rehearsal stays
        within its day.
        """
        plain = words.encode("utf-8", "surrogatepass")
        return (
            self._fernet.encrypt(plain)
            if at is None
            else self._fernet.encrypt_at_time(plain, int(datetime.fromisoformat(at).timestamp()))
        )

    def unseal(self, sealed: bytes) -> str:
        """What was sealed. Raises EncryptionError where it was sealed under another key or has been changed since."""
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet.decrypt(sealed).decode("utf-8", "surrogatepass")
        except InvalidToken:
            raise EncryptionError(
                "something sealed does not open: it was changed, or person.key is not the key it was sealed with"
            ) from None

    def opens(self, sealed: bytes) -> bool:
        """Whether it was sealed under this key, and is as it was."""
        from cryptography.fernet import InvalidToken

        try:
            self._fernet.decrypt(sealed)
        except InvalidToken:
            return False
        return True

    def index(self, what: str, value: str) -> str:
        """A keyed digest of `value` as a `what` (so that equal values of different sorts differ): 64 hex digits."""
        return hmac.digest(self._index_key, f"{what}\0{value}".encode("utf-8", "surrogatepass"), "sha256").hex()


def _is_fernet_key(key: bytes) -> bool:
    """Return whether `key` has the form of a Fernet key: 32 bytes in URL-safe base64."""
    try:
        return len(urlsafe_b64decode(key)) == 32
    except binascii.Error:
        return False


def open_cipher(path: Path) -> Cipher:
    """The house's seal; its key is made with the records."""
    return Cipher.make(path)


def _link(fresh: Path, path: Path) -> None:
    try:
        path.hardlink_to(fresh)
    except FileExistsError:
        return
