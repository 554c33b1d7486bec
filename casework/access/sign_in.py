"""Sign-in links for this installation, with the address at which they open."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum

from casework.access import accounts, sessions
from config.rights import roles
from config.running_instance import read_running
from config.settings import Settings
from models.database import open_engine, transact
from models.macs import use_keys_of
from models.schema import create_or_upgrade_schema
from statemachines.registry import restricted_processes


class Place(StrEnum):
    """Where a link opens. The session that it starts is the same for both."""

    PAGES = "pages"
    PREFECT = "prefect"


def sign_in_link(settings: Settings, account: str, place: Place = Place.PAGES) -> str:
    """A one-time link for an account. Raises ValueError for a name that is no account id."""
    engine = open_engine(settings.records_url)
    try:
        create_or_upgrade_schema(engine, settings.owner_url)
        use_keys_of(engine, settings.home)
        token = transact(engine, lambda connection: sessions.create_link(connection, account, datetime.now(UTC)))
    finally:
        engine.dispose()
    running = read_running(settings)
    pages = running.pages_url if running is not None and running.pages_url else settings.pages_url
    return f"{settings.ui_url if place is Place.PREFECT else pages}/sign-in?token={token}"


def give_role(settings: Settings, account: str, role: str, scope: str, actor: str = "operator") -> None:
    """Give an account a role, as who may read SENDFLOW_HOME; `actor` is who does it. Raises ValueError."""
    if role not in roles():
        raise ValueError(f"--role is one of {', '.join(roles())}: for example --role dco")
    if roles()[role].scope is None:
        scope = _named(scope)
    elif not scope:
        raise ValueError("a provider and a council take --for: for example --role provider --for QX101")
    engine = open_engine(settings.records_url)
    try:
        create_or_upgrade_schema(engine, settings.owner_url)
        use_keys_of(engine, settings.home)
        transact(engine, lambda connection: accounts.change_role(connection, account, role, scope, actor))
    finally:
        engine.dispose()


def sign_out_everywhere(settings: Settings, account: str) -> int:
    """End every session and unused link of an account; returns how many sessions were open."""
    engine = open_engine(settings.records_url)
    try:
        create_or_upgrade_schema(engine, settings.owner_url)
        use_keys_of(engine, settings.home)
        return transact(engine, lambda connection: sessions.end_sessions(connection, account, datetime.now(UTC)))
    finally:
        engine.dispose()


def _named(scope: str) -> str:
    """The restricted processes for which an account of the team is named, as they are stored. Raises ValueError."""
    names = {each.strip() for each in scope.split(",")} - {""}
    if unknown := sorted(names - restricted_processes()):
        raise ValueError(
            f"--for of a role of the team names the restricted processes whose cases the account sees, and {unknown[0]}"
            f" is none: expected some of {', '.join(sorted(restricted_processes()))}, for example --role dco --for"
            " safeguarding_referral"
        )
    return ",".join(sorted(names))
