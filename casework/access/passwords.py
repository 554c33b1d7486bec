"""Digests of passwords by argon2id. One costs half a second of a core and 64 MB, so two are made at once at most."""

from __future__ import annotations

import threading
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST = 12
LONGEST = 200
_AT_ONCE = threading.Semaphore(2)


@cache
def hasher() -> PasswordHasher:
    """What digests passwords. Tests put a cheap one in its place."""
    return PasswordHasher()


def digest_of(password: str) -> str:
    """The digest that is stored."""
    with _AT_ONCE:
        return str(hasher().hash(password))


def is_right(digest: str, password: str) -> bool:
    """Whether a password is the one of a digest."""
    with _AT_ONCE:
        try:
            return bool(hasher().verify(digest, password))
        except (VerificationError, InvalidHashError):
            return False


@cache
def digest_of_nobody() -> str:
    """A digest that no password has: checked for an unknown name, so that its answer takes as long."""
    return digest_of("of-nobody-" + "x" * SHORTEST)


def too_weak(password: str, account: str) -> str | None:
    """Why a password is not accepted, as a sentence; None if it is."""
    if not SHORTEST <= len(password) <= LONGEST:
        return f"The password has {SHORTEST} to {LONGEST} characters: three words that do not belong together are good."
    if account.lower() in password.lower() or len(set(password)) < 5:
        return "The password must not contain the account's name or repeat a few characters."
    return None
