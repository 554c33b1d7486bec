"""Reads rights.toml: what each role may do on the pages, and whether it is for one body or one authority only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from config.settings import Settings
from config.toml_reader import ConfigFault, first_fault, named, read_toml

FILE = Path(__file__).with_name("rights.toml")
Right = Literal[
    "today",
    "cases",
    "case",
    "letters",
    "record",
    "identity",
    "import",
    "looks",
    "unusual",
    "acting",
    "adopt",
    "audit",
    "directory",
    "retention",
    "erase",
    "people",
    "next_day",
    "release",
    "own",
    "answer",
    "mails",
    "own_cases",
    "hand_over",
]


# What each right lets an account do, in words.
RIGHTS: Mapping[Right, str] = {
    "today": "read what is late and what comes",
    "cases": "list cases",
    "case": "read a case",
    "letters": "read e-mails",
    "record": "record facts",
    "identity": "read who a case is about, with a purpose",
    "looks": "read who looked at a case, and take bundles",
    "unusual": "read signs of unusual reading",
    "acting": "read from which machine a fact was recorded",
    "audit": "read these pages",
    "adopt": "adopt rule packs, and record checks of the law",
    "directory": "change mailboxes, days and successors of organisations",
    "retention": "read what is past retention",
    "erase": "record holds, propose and approve erasures",
    "people": "change accounts, roles and tokens",
    "next_day": "move a simulation to its next day",
    "import": "import trackers, and correct their rows",
    "release": "release e-mails on hold",
    "own": "read the duties of its own body or authority",
    "answer": "answer for its own body",
    "mails": "read and settle replies",
    "own_cases": "read the cases of its own authority",
    "hand_over": "hand over requests of its own authority",
}


class RightsError(ConfigFault):
    """The file cannot be used; the text says what was expected."""

    default_code = "rights"


class Role(BaseModel):
    """One role. `scope`: whose duties it sees, those of a body or of a local authority; None for the whole team.

    `second_factor`: whether its accounts must have one, unless SENDFLOW_SECOND_FACTOR names the roles.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    title: str
    may: frozenset[Right]
    scope: Literal["body", "la"] | None = None
    second_factor: bool = False


class UnusualReading(BaseModel):
    """What is unusual: more cases in an hour than this, or a look outside these hours (London).

    A program has a number of its own, and no hours: it works at night.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    cases_in_an_hour: int
    cases_in_an_hour_of_a_program: int
    hours_from: time
    hours_until: time


class _Rights(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    role: Mapping[str, Role]
    unusual_reading: UnusualReading


def roles() -> Mapping[str, Role]:
    """Every role by its word. Raises RightsError."""
    return _rights().role


def unusual_reading() -> UnusualReading:
    """What is unusual in who reads which case. Raises RightsError."""
    return _rights().unusual_reading


@cache
def _rights() -> _Rights:
    try:
        return _Rights.model_validate(read_toml(FILE, RightsError))
    except ValidationError as problem:
        raise RightsError(f"{named(FILE)}: {first_fault(problem, _Rights)}") from None


def need_second_factor(settings: Settings, *, simulated: bool = False) -> frozenset[str]:
    """The roles whose accounts must have a second factor. In a simulation it is none, unless the setting names some.

    Raises RightsError where SENDFLOW_SECOND_FACTOR names a role that is none.
    """
    if settings.second_factor is None:
        simulated = simulated or settings.today is not None
        return frozenset() if simulated else frozenset(word for word, role in roles().items() if role.second_factor)
    if unknown := sorted(set(settings.second_factor) - roles().keys()):
        raise RightsError(
            f"SENDFLOW_SECOND_FACTOR names {unknown[0]}, which is no role: expected some of {', '.join(roles())}, as"
            " in SENDFLOW_SECOND_FACTOR=dco,administrator, or none"
        )
    return frozenset(settings.second_factor)


def app_roles(settings: Settings) -> Mapping[str, str]:
    """Our role for each app role of the identity provider; empty where sendflow's own list of accounts decides alone.

    Raises RightsError where SENDFLOW_OIDC_ROLES names a role that is none.
    """
    found = dict(settings.single_sign_on.roles) if settings.single_sign_on is not None else {}
    if unknown := sorted(set(found.values()) - roles().keys()):
        raise RightsError(
            f"SENDFLOW_OIDC_ROLES names {unknown[0]}, which is no role: expected some of {', '.join(roles())}, as in"
            " SENDFLOW_OIDC_ROLES=Sendflow.Dco=dco"
        )
    return found
