"""Reads transports.toml: which e-mails have [secure] in the subject, and how many may leave in a minute and a day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from config.settings import Settings
from config.toml_reader import first_fault, read_toml
from models.errors import ConfigurationError

NAME = "transports.toml"
SHIPPED = Path(__file__).with_name(NAME)
Domain = Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9.-]{0,250}[a-z0-9])?$")]
Count = Annotated[int, Field(ge=0, le=10_000_000)]


class TransportsError(ConfigurationError):
    """The file cannot be used; the text names the key and says what was expected."""

    default_code = "transports"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SecureMail(_Strict):
    """Where [secure] in the subject encrypts a message, and which domains need none; with the source and its day."""

    relays: tuple[Domain, ...]
    domains: tuple[Domain, ...]
    source: str
    checked_on: date

    def marks(self, relay: str, mailbox: str) -> bool:
        """Whether a message by this mail server to this mailbox must have [secure] in its subject."""
        return _is_in(relay, self.relays) and not _is_in(mailbox.rpartition("@")[2], self.domains)


class Limit(_Strict):
    """The most letters in a minute and in a day (UTC); 0 for none."""

    per_minute: Count = 0
    per_day: Count = 0


class TransportRules(_Strict):
    """The whole file."""

    secure_mail: SecureMail
    limit: Mapping[str, Limit] = {}


def transport_rules(settings: Settings) -> TransportRules:
    """The installation's own file, or the shipped one. Raises TransportsError or ConfigFault."""
    own = settings.home / NAME
    path = own if own.exists() else SHIPPED
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _read(path: Path, _changed: int) -> TransportRules:
    try:
        return TransportRules.model_validate(read_toml(path))
    except ValidationError as problem:
        raise TransportsError(f"{NAME}: {first_fault(problem, TransportRules)}") from None


def _is_in(name: str, domains: tuple[str, ...]) -> bool:
    name = name.lower().rstrip(".")
    return any(name == domain or name.endswith(f".{domain}") for domain in domains)
