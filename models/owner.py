"""Who owes a duty: a kind, and a code that says which one. Pure."""

from enum import StrEnum
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict


class OwnerKind(StrEnum):
    """The kinds of owner. `other`: somebody whom the law names and the directory cannot, such as a school."""

    SERVICE = "service"
    AUTHORITY = "authority"
    TEAM = "team"
    PARTY = "party"
    OTHER = "other"


class Owner(NamedTuple):
    """The owner of one duty.

    `code`: of a service its body and its slug (QX101/physiotherapy, or the body alone), of an authority its slug, of
    our team a role in it, of a party what it is (an enquirer). None where nobody says which one.
    """

    kind: OwnerKind
    code: str | None


class OwnerShown(BaseModel):
    """The owner of a duty, as reports and --json show it."""

    model_config = ConfigDict(frozen=True)
    kind: str
    code: str | None


def owner_of(rule_owner: tuple[OwnerKind, str | None], body: str | None, service: str | None, la: str | None) -> Owner:
    """The owner of a duty: by its body and service, else by what its rule says, in the authority of its case."""
    kind, code = rule_owner
    if body is not None:
        return Owner(OwnerKind.SERVICE, f"{body}/{service}" if service else body)
    if kind in (OwnerKind.SERVICE, OwnerKind.AUTHORITY):  # a fact without a body opens the authority's own duty
        return Owner(OwnerKind.AUTHORITY, la)
    return Owner(kind, code)
