"""Which posts get a letter about a duty: those that the escalation policy names and its owner has. Pure."""

from collections.abc import Iterable, Mapping
from datetime import date
from types import MappingProxyType
from typing import NamedTuple

from config.directory import Directory
from config.directory_entries import RoleOwed
from deadlines.duties import Duty
from models.enums import Party
from models.owner import Owner, OwnerKind, owner_of

# The post to which a letter to "the owner" goes: of our team the role that the rule names, if it names one.
# A party outside, such as an enquirer, gets letters where its case has its mailbox.
POST: Mapping[OwnerKind, Party] = MappingProxyType(
    {
        OwnerKind.SERVICE: Party.SERVICE,
        OwnerKind.AUTHORITY: Party.LOCAL_AUTHORITY,
        OwnerKind.TEAM: Party.DCO,
        OwnerKind.PARTY: Party.PARTY,
    }
)
# In the place of a mailbox that is encrypted on its case: the domain is reserved, so nothing could ever reach it.
ON_THE_CASE = "@case.invalid"
OF_THE_BODY = (Party.SERVICE, Party.SERVICE_MANAGER, Party.PROVIDER_SEND_LEAD)


class Place(NamedTuple):
    """Where a letter about a duty may go: the authority of its case, its body and service, its role of our team."""

    la: str | None
    body: str | None
    service: str | None
    role: RoleOwed | None = None


def mailbox_at(directory: Directory, place: Place, party: Party, on: date) -> str | None:
    """The mailbox of a post on a day; None where the directory has none."""
    if party is Party.PARTY:
        return None  # its case has it
    if party is Party.TEAM_ROLE:
        return directory.mailbox_of_role(place.role, on)
    return directory.mailbox(place.la, place.body, place.service, party, on)


def mailbox_on_case(case_ref: str) -> str:
    """What notices and letters have in the place of the mailbox of a case's own party. It is one for each case."""
    return f"party.{case_ref}{ON_THE_CASE}"


def case_of(mailbox: str) -> str | None:
    """The case that has this mailbox encrypted; None for a mailbox of the directory."""
    return mailbox.removesuffix(ON_THE_CASE).removeprefix("party.") if mailbox.endswith(ON_THE_CASE) else None


def owner(duty: Duty, la: str | None) -> Owner:
    """Who owes a duty of a case in that authority."""
    return owner_of(duty.law.owned_by, duty.body, duty.service, la)


def posts(duty: Duty, la: str | None, parties: Iterable[Party]) -> list[Party]:
    """The posts among these parties, each once. A duty that lies on no body has no service, manager or SEND lead."""
    found: dict[Party, None] = {}
    for party in parties:
        post = _post_of(owner(duty, la)) if party is Party.OWNER else party
        if post is not None and (duty.body is not None or post not in OF_THE_BODY):
            found[post] = None
    return list(found)


def _post_of(owes: Owner) -> Party | None:
    return Party.TEAM_ROLE if owes.kind is OwnerKind.TEAM and owes.code is not None else POST.get(owes.kind)
