"""Which posts get a letter about a duty: those that the escalation policy names and its owner has. Pure."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from deadlines.duties import Duty
from models.enums import Party
from models.owner import Owner, OwnerKind, owner_of

# The post to which a letter to "the owner" goes. A party outside, such as an enquirer, gets no letter from sendflow.
POST: Mapping[OwnerKind, Party] = MappingProxyType(
    {OwnerKind.SERVICE: Party.SERVICE, OwnerKind.AUTHORITY: Party.LOCAL_AUTHORITY, OwnerKind.TEAM: Party.DCO}
)
OF_THE_BODY = (Party.SERVICE, Party.SERVICE_MANAGER, Party.PROVIDER_SEND_LEAD)


def owner(duty: Duty, la: str | None) -> Owner:
    """Who owes a duty of a case in that authority."""
    return owner_of(duty.law.owned_by, duty.body, duty.service, la)


def posts(duty: Duty, la: str | None, parties: Iterable[Party]) -> list[Party]:
    """The posts among these parties, each once. A duty that lies on no body has no service, manager or SEND lead."""
    found: dict[Party, None] = {}
    for party in parties:
        post = POST.get(owner(duty, la).kind) if party is Party.OWNER else party
        if post is not None and (duty.body is not None or post not in OF_THE_BODY):
            found[post] = None
    return list(found)
