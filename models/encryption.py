"""Encrypts what identifies a child, decrypts it, and makes the keyed digests that find a child. [I/O]

Purpose: UK GDPR art 32(1)(a). AES-256-GCM. The key is in SENDFLOW_HOME/person.key only; it wraps the data keys of the
children (`data_keys`), which encrypt the values in the database (`people`, `free_text`, `incoming_mail`). Each value is
bound to its place: the table, the column, the key of the row and the case. In another row or column it does not
decrypt. sendflow makes the key once and never replaces it, because no other key unwraps those data keys.
"""

from __future__ import annotations

import binascii
import hmac
import os
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import orjson

from models.errors import SendflowError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

BOUND = b"\x02"  # the first byte of a value that is bound to its place
KEYED = b"\x03"  # the same, and encrypted with a data key (`models.data_keys`)
OLDER = b"gAAAA"  # how the values of revision 009 and before begin: Fernet, bound to nothing
NONCE = 12  # bytes, random for each value


class EncryptionError(SendflowError, RuntimeError):
    """The person key is missing, unreadable or not the key of the database. The message shows no content."""

    default_code = "person_key"


class WrongKey(EncryptionError):
    """sendflow made this key, but it decrypts nothing in this database: it is an old key or another installation's."""


class Place(NamedTuple):
    """Where an encrypted value is stored: table, column, key of the row, and the case of the row if it has one."""

    table: str
    column: str
    key: str
    case: str = ""


def person_place(child_key: str) -> Place:
    """Return the place of the encrypted person of a child."""
    return Place("person", "sealed", child_key)


def free_text_place(id_: str, case_ref: str) -> Place:
    """Return the place of an encrypted free text."""
    return Place("passage", "sealed", id_, case_ref)


def mail_place(column: str, id_: str) -> Place:
    """Return the place of a mail that came in: `sealed`, its bytes, or `summary`, what a person reads."""
    return Place("incoming_mail", column, id_)


class Cipher:
    """Encrypts and decrypts text with the person key, and makes keyed digests that do not show the value.

    `stored` is False for a key that is in no file: it decrypts nothing.
    """

    def __init__(self, key: bytes, *, stored: bool = True) -> None:
        if not _is_key(key):
            raise EncryptionError(
                "the person key is not one that sendflow made: restore person.key from the backup of SENDFLOW_HOME"
            )
        self._key = key
        self._index_key = hmac.digest(key, b"sendflow index", "sha256")
        self.stored = stored

    @cached_property
    def _aes(self) -> AESGCM:
        # Imported here, because most commands that only read decrypt nothing.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(hmac.digest(self._key, b"sendflow encryption", "sha256"))

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
            fresh = path.with_name(f".{path.name}-{os.getpid()}-{secrets.token_hex(4)}")
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                with os.fdopen(handle, "wb") as key:
                    key.write(_new_key() + b"\n")
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
        return cls(_new_key(), stored=False)

    def encrypt(self, words: str, place: Place) -> bytes:
        """Return `words` encrypted for one place."""
        nonce = secrets.token_bytes(NONCE)
        return BOUND + nonce + self._aes.encrypt(nonce, words.encode("utf-8", "surrogatepass"), associated(place))

    def decrypt(self, encrypted: bytes, place: Place) -> str:
        """Return the decrypted text. Raises EncryptionError where it is not the value that was encrypted for the place.

        That is: another key encrypted it, it was changed since, or it was moved here from another row or column.
        """
        from cryptography.exceptions import InvalidTag

        if encrypted.startswith(OLDER):
            raise EncryptionError(
                f"an encrypted value of table {place.table} was written by an earlier version of sendflow and is bound"
                " to no row. sendflow binds it when it next opens the database to write, if it is as it was recorded;"
                " sendflow verify names the row if it is not"
            )
        if encrypted.startswith(BOUND):
            nonce, sealed = encrypted[1 : 1 + NONCE], encrypted[1 + NONCE :]
            try:
                return self._aes.decrypt(nonce, sealed, associated(place)).decode("utf-8", "surrogatepass")
            except (InvalidTag, ValueError):
                pass
        raise EncryptionError(
            f"an encrypted value of table {place.table} does not open: it was changed, it was moved from another row,"
            " or person.key is not the key that encrypted it. sendflow verify names the row"
        )

    def opens(self, encrypted: bytes, place: Place) -> bool:
        """Return whether this key encrypted the value for this place and the value was not changed since."""
        try:
            self.decrypt(encrypted, place)
        except EncryptionError:
            return False
        return True

    def decrypt_older(self, encrypted: bytes) -> str | None:
        """Return the text of a value of revision 009 or before; None where it does not open with this key."""
        from cryptography.fernet import Fernet, InvalidToken

        try:
            return Fernet(self._key).decrypt(encrypted).decode("utf-8", "surrogatepass")
        except InvalidToken:
            return None

    def wrap(self, data_key: bytes, subject: str) -> bytes:
        """Return a data key encrypted under its name."""
        nonce = secrets.token_bytes(NONCE)
        return nonce + self._aes.encrypt(nonce, data_key, associated(_key_place(subject)))

    def unwrap(self, wrapped: bytes, subject: str) -> bytes:
        """Return a data key. Raises EncryptionError where it is not the one that was wrapped under this name."""
        from cryptography.exceptions import InvalidTag

        try:
            return self._aes.decrypt(wrapped[:NONCE], wrapped[NONCE:], associated(_key_place(subject)))
        except (InvalidTag, ValueError):
            raise EncryptionError(
                "a data key does not open: it was changed, or person.key is not the key that wrapped it. Restore the"
                " right person.key from its backup"
            ) from None

    def index(self, what: str, value: str) -> str:
        """Return a keyed digest of `value`, 64 hex digits; it differs for each sort of value (`what`)."""
        return hmac.digest(self._index_key, f"{what}\0{value}".encode("utf-8", "surrogatepass"), "sha256").hex()


def associated(place: Place) -> bytes:
    """Return the text that binds a value to its place."""
    return orjson.dumps(tuple(place))


def _key_place(subject: str) -> Place:
    return Place("data_key", "wrapped", subject)


def _new_key() -> bytes:
    return urlsafe_b64encode(secrets.token_bytes(32))


def _is_key(key: bytes) -> bool:
    """Return whether `key` has the form of a key: 32 bytes in URL-safe base64."""
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
