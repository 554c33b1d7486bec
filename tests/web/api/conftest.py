"""Programs that call `/api/v1` of one installation, each with a token of its own account."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Engine

from casework.access import accounts, api_tokens
from casework.access.api_tokens import SCOPES
from casework.context import AppContext
from config.rights import roles
from models.database import transact
from tests.support.one_loop import portal
from tests.support.team import Team
from web.app import create_app
from web.installation import Installation

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Starlette prefers another client library than Prefect
    from starlette.testclient import TestClient

ADDRESS = "http://localhost"
SCOPED = {"provider": "QX101", "council": "northshire", "council_system": "northshire"}


class Program(TestClient):
    """A program with a token: no cookie, no session. It gives each act a key of its own."""

    keys = 0
    installation: Installation

    def act(self, path: str, document: Any, key: str | None = None, **headers: str) -> Any:
        """Send an act."""
        Program.keys += 1
        named = {"idempotency-key": key or f"key-{Program.keys}", **_named(headers)}
        return self.post(f"/api/v1{path}", json=document, headers=named)

    def read(self, path: str, **headers: str) -> Any:
        """Ask for a document."""
        return self.get(f"/api/v1{path}", headers=_named(headers))


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def program_of(installation: Installation, token: str | None) -> Program:
    """A program that shows this token, or none."""
    made = Program(create_app(installation), ADDRESS, raise_server_exceptions=False)
    made.installation = installation
    made.portal = portal()
    if token is not None:
        made.headers["authorization"] = f"Bearer {token}"
    return made


def token_for(context: AppContext, account: str, *scopes: str, role: str = "administrator") -> str:
    """A token of an account, which gets the role first if it has another."""

    def give(connection: Any) -> None:
        known = accounts.account_of(connection, account)
        if known is None or known.role != role:
            accounts.change_role(connection, account, role, SCOPED.get(role, ""), "test")

    transact(context.engine, give)
    wanted = scopes or tuple(each for each in SCOPES if each in roles()[role].may)
    return api_tokens.make(context, account, wanted, 30, "test")[0]


@pytest.fixture
def programs(team: Team) -> Iterator[Callable[..., Program]]:
    """Makes programs of an installation of one case whose advice is asked for, on 16 March 2026."""
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    yield from programs_on(team)


def programs_on(team: Team) -> Iterator[Callable[..., Program]]:
    """Makes programs of a team's installation on 16 March 2026."""
    context = team.context("16 Mar 2026")
    transact(context.engine, context.keep_time)
    installation = Installation(context.settings)
    engine: Engine = installation.context().engine

    def make(*scopes: str, account: str = "council.system", role: str = "administrator") -> Program:
        return program_of(installation, token_for(installation.context(), account, *scopes, role=role))

    yield make
    installation.close()
    engine.dispose()
