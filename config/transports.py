"""Reads transports.toml: which e-mails have [secure] in the subject, and how many may leave in a minute and a day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from config.settings import Settings
from config.toml_reader import ConfigFault, first_fault, named, own_file, read_toml

NAME = "transports.toml"
SHIPPED = Path(__file__).with_name(NAME)
Domain = Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9.-]{0,250}[a-z0-9])?$")]
YEAR = timedelta(days=365)
Count = Annotated[int, Field(ge=0, le=10_000_000)]


class TransportsError(ConfigFault):
    """The file cannot be used; the text names the key and says what was expected."""

    default_code = "transports"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Accredited(_Strict):
    """A domain that met the secure email standard (DCB1596) on a day, by the list or letter that `source` names."""

    domain: Domain
    source: Annotated[str, Field(min_length=5)]
    accredited_on: date

    @property
    def ends_on(self) -> date:
        """The first day on which it counts no more: an accreditation is for a year."""
        return self.accredited_on + YEAR


class SecureMail(_Strict):
    """Where [secure] in the subject encrypts a message, and which domains need none; with the source and its day.

    `domains` are for good, `accredited` for a year each.
    """

    relays: tuple[Domain, ...]
    domains: tuple[Domain, ...]
    source: str
    checked_on: date
    accredited: tuple[Accredited, ...] = ()

    def marks(self, relay: str, mailbox: str, today: date) -> bool:
        """Whether a message by this mail server to this mailbox must have [secure] in its subject on a day."""
        valid = tuple(each.domain for each in self.accredited if each.accredited_on <= today < each.ends_on)
        return _is_in(relay, self.relays) and not _is_in(mailbox.rpartition("@")[2], self.domains + valid)

    def ended(self, today: date) -> list[Accredited]:
        """The accreditations that count no more on a day."""
        return [each for each in self.accredited if each.ends_on <= today]


class Limit(_Strict):
    """The most letters in a minute and in a day (UTC), 0 for none; and how many deliverers send at once."""

    per_minute: Count = 0
    per_day: Count = 0
    at_once: Annotated[int, Field(ge=1, le=99)] = 4


class TransportRules(_Strict):
    """The whole file."""

    secure_mail: SecureMail
    limit: Mapping[str, Limit] = {}


def transport_rules(settings: Settings) -> TransportRules:
    """The installation's own file, or the shipped one. Raises TransportsError."""
    return load_transports(own_file(settings.home, NAME))


def load_transports(own: Path | None = None) -> TransportRules:
    """This file, or the shipped one. It is read again only if it has changed. Raises TransportsError."""
    path = own or SHIPPED
    return _read(path, path.stat().st_mtime_ns if path.exists() else 0)


@lru_cache(maxsize=4)
def _read(path: Path, _changed: int) -> TransportRules:
    try:
        return TransportRules.model_validate(read_toml(path, TransportsError))
    except ValidationError as problem:
        raise TransportsError(f"{named(path)}: {first_fault(problem, TransportRules)}") from None


def _is_in(name: str, domains: tuple[str, ...]) -> bool:
    name = name.lower().rstrip(".")
    return any(name == domain or name.endswith(f".{domain}") for domain in domains)
