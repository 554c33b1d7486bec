"""What a page is asked, in plain words: who asks, the address, the form. Starlette's request stays in `app.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from casework.access.identity_provider import IdentityProvider
from casework.access.sessions import Session
from casework.context import AppContext
from config.rights import Role
from flows.shared_runs import SharedRuns
from web.import_pool import ImportPool

LONGEST_NUMBER = 6


def page_of(query: Mapping[str, str]) -> int:
    """The page of a list that an address names, from 1; the first where it names none."""
    text = query.get("page", "")
    return max(1, int(text)) if text.isascii() and text.isdecimal() and len(text) <= LONGEST_NUMBER else 1


@dataclass(frozen=True)
class Asked:
    """One request. `form` and `query` have the last value of each name; `token` is what every form sends back.

    `client` is the address that asked, for limits only: it is stored as a keyed digest. `runs` shows in Prefect what
    is recorded. `imports` works on files that were sent. `bearer` and `document` are what a program sends: its token,
    and the object of its JSON. `file` is what a form sends besides its fields. `attempt` is the secret of a sign-in
    that goes on at the identity provider, and `provider` is that provider, if there is one.
    """

    context: AppContext
    path: str
    place: Mapping[str, str]
    query: Mapping[str, str]
    form: Mapping[str, str]
    session: Session | None
    token: str
    role: Role | None = None
    scope: str = ""
    secure: bool = False
    client: str = ""
    file: bytes | None = None
    runs: SharedRuns | None = None
    imports: ImportPool | None = None
    bearer: str = ""
    document: Mapping[str, object] = field(default_factory=dict)
    etag: str = ""
    attempt: str = ""
    provider: IdentityProvider | None = None

    def may(self, right: str) -> bool:
        """Whether the account's role has a right."""
        return self.role is not None and right in self.role.may

    @property
    def account(self) -> str:
        """The account of the session; facts name it as their actor, and no form can say another."""
        assert self.session is not None, "the route lets nobody in without a session"
        return self.session.account
