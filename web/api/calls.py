"""One call: whose it is, what it may do, and how it is answered.

Every answer passes `answered`, which leaves out the cases that no program may see: of restricted processes, and of
children of whom nothing leaves without a person's release. To a program they do not exist.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any, Protocol

import orjson
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes
from pydantic import BaseModel
from sqlalchemy import or_, select
from starlette.responses import Response

from casework.access.api_tokens import Caller, caller_of
from casework.access.seen import as_seen_with
from casework.cases.references import stored_reference
from casework.context import AppContext
from casework.privacy.case_looks import BY_A_PROGRAM, note_looks
from casework.reports.withheld import not_to_be_named, not_to_be_shared
from flows.shared_runs import SharedRuns
from models.acting import signed_in
from models.database import reading
from models.facts import REFERENCE
from models.tables import CASE
from web.api.problems import Problem, no_case

COUNCIL_SYSTEM = "council_system"  # the role that sees the cases of its own authority alone
NAMES_A_CASE = re.compile(rf"(?<![A-Za-z0-9-]){REFERENCE.pattern}(?![A-Za-z0-9-])")
BEARER = HTTPBearer(auto_error=False, description="A token that `sendflow tokens make` gave.")


class Installed(Protocol):
    """The installation that is called: its context of now, and the runs that Prefect shows."""

    runs: SharedRuns

    def context(self) -> AppContext:
        """The context of now."""


@dataclass(frozen=True)
class Call:
    """One call of a program. `once` is its idempotency key, `body` its bytes as they came."""

    context: AppContext
    caller: Caller
    runs: SharedRuns

    def acting(self) -> AbstractContextManager[None]:
        """Within this block the account of the token acts, as one that signed in does."""
        return signed_in(self.caller.account)

    def look(self, refs: Sequence[str]) -> None:
        """Log that the account looked at these cases, before they are answered."""
        with self.acting():
            note_looks(self.context, refs, self.caller.account, BY_A_PROGRAM)

    def reference(self, typed: str) -> str:
        """The reference of a case that a program may see. Raises Problem: no other case exists to it."""
        if not REFERENCE.fullmatch(typed.upper()):
            raise no_case()
        with reading(self.context.engine) as connection:
            ref = stored_reference(connection, typed.upper())
            known = connection.scalar(select(CASE.c.case_ref).where(CASE.c.case_ref == ref)) is not None
        if not known or self.hidden([ref]):
            raise no_case()
        return ref

    def hidden(self, refs: Sequence[str]) -> frozenset[str]:
        """Those of the references that no program may see, or not the system of this authority."""
        if not refs:
            return frozenset()
        if self.caller.role != COUNCIL_SYSTEM:
            return not_to_be_named(self.context, set(refs))
        hidden = not_to_be_shared(self.context, set(refs))
        return hidden | self._of_others(set(refs) - hidden)

    def _of_others(self, refs: Collection[str]) -> frozenset[str]:
        """Those of the references that are a case of another authority than the caller's, or of none."""
        with reading(self.context.engine) as connection:
            theirs = or_(CASE.c.la.is_(None), CASE.c.la != self.caller.scope)
            return frozenset(connection.scalars(select(CASE.c.case_ref).where(CASE.c.case_ref.in_(refs), theirs)))

    def veil(self, text: str) -> str:
        """The text without the references that no program may see."""
        hidden = self.hidden(NAMES_A_CASE.findall(text))
        return NAMES_A_CASE.sub(lambda found: "another case" if found[0] in hidden else found[0], text)


def _call(
    request: Request, scopes: SecurityScopes, shown: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]
) -> Call:
    installation: Installed = request.app.state.installation
    context = installation.context()
    client = request.client.host if request.client else ""
    caller = caller_of(context, shown.credentials if shown is not None else "", client)
    if caller is None:
        raise Problem(
            401,
            "no_token",
            "There is no such token, or it has ended. Give one as in: Authorization: Bearer sendflow_…",
            headers={"www-authenticate": "Bearer"},
        )
    missing = [scope for scope in scopes.scopes if scope not in caller.rights]
    if missing:
        raise Problem(
            403,
            "not_allowed",
            f"This needs the right {missing[0]}, which the token or the role of its account does not have.",
            headers={"www-authenticate": f'Bearer error="insufficient_scope", scope="{missing[0]}"'},
        )
    call = Call(as_seen_with(context, None), caller, installation.runs)
    request.state.veil = call.veil
    return call


CALL: Callable[..., Call] = _call


def answered(
    call: Call, found: BaseModel | Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer a document without the cases that no program may see: rows about one, and every word that names one."""
    return Response(orjson.dumps(document(call, found)), status, dict(headers or {}), "application/json")


def document(call: Call, found: BaseModel | Mapping[str, Any]) -> Any:
    """The document that is answered, as plain values."""
    plain = found.model_dump(mode="json") if isinstance(found, BaseModel) else found
    named = NAMES_A_CASE.findall(orjson.dumps(plain).decode())
    hidden = call.hidden(named)
    return _without(plain, hidden) if hidden else plain


def digest(found: Any) -> str:
    """A digest of a document, for its ETag."""
    return sha256(orjson.dumps(found, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def _without(value: Any, hidden: frozenset[str]) -> Any:
    """The value without what names a hidden case: of a list the whole element, of an object the value of its key."""
    match value:
        case dict():
            return {key: _without(each, hidden) if not _is_about(each, hidden) else None for key, each in value.items()}
        case list():
            return [_without(each, hidden) for each in value if not _is_about(each, hidden)]
        case str():
            return NAMES_A_CASE.sub(lambda found: "another case" if found[0] in hidden else found[0], value)
    return value


def _is_about(value: Any, hidden: frozenset[str]) -> bool:
    return (isinstance(value, dict) and value.get("case_ref") in hidden) or (isinstance(value, str) and value in hidden)
