"""The Prefect server of this installation: its own UI and API behind the gate, calling no other site.

Purpose: Prefect's second UI counts its visitors at an outside service, and no setting stops it, so it is not served. A
policy in the headers of every answer stops such calls, where no setting of Prefect's can undo it.
runtime/prefect_gate.py says who may do what.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import prefect
from prefect.server.api.server import create_app
from sqlalchemy import Connection, Engine

from casework.access import sessions
from casework.access.accounts import account_of
from casework.clock import newest_setting
from config.private_files import make_private
from config.rights import need_second_factor, roles
from config.settings import Settings
from models.database import open_engine, reading, transact
from models.macs import use_keys_of
from runtime.prefect_gate import App, Gate, Message, Receive, Send


def content_policy(settings: Settings) -> str:
    """What a browser may fetch for the Prefect UI: from this server, and nothing else."""
    hosts = sorted({"127.0.0.1", "localhost", settings.bind})
    own = " ".join(f"{scheme}://{host}:{settings.port}" for scheme in ("http", "ws") for host in hosts)
    # The UI makes scripts and styles of its own as it goes; where they may be fetched from is what counts.
    return (
        f"default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; connect-src 'self' data: {own}; "
        "frame-ancestors 'none'; form-action 'self'; base-uri 'self'"
    )


class OwnPagesOnly:
    """Adds the policy to every answer of an ASGI app."""

    def __init__(self, app: App, policy: str) -> None:
        """Takes the app and the policy."""
        self._app = app
        self._headers = [
            (b"content-security-policy", policy.encode()),
            (b"referrer-policy", b"no-referrer"),
            (b"x-content-type-options", b"nosniff"),
        ]

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answers one request."""

        async def with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *self._headers]
            await send(message)

        await self._app(scope, receive, with_policy if scope["type"] == "http" else send)


class DatabaseSessions:
    """The sessions of this installation's database, asked in a thread so that the server is not held up."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        """Takes the engine of the installation's database, and the settings, which may say who has a second factor."""
        self._engine, self._settings = engine, settings

    async def who(self, secret: str) -> str | None:
        """The account that is signed in."""
        return await asyncio.to_thread(self._who, secret)

    async def enter(self, token: str) -> str | None:
        """Start a session."""
        return await asyncio.to_thread(self._enter, token)

    async def leave(self, secret: str) -> None:
        """End a session."""
        await asyncio.to_thread(self._leave, secret)

    def _who(self, secret: str) -> str | None:
        now = datetime.now(UTC)
        with reading(self._engine) as connection:
            session = sessions.find_session(connection, secret, now)
            account = account_of(connection, session.account) if session is not None else None
        if session is None or (account is not None and roles()[account.role].scope is not None):
            return None  # a provider or a council sees its own duties only, and no runs
        if session.seen_at < now - sessions.SEEN_EVERY:
            transact(self._engine, lambda connection: sessions.note_use(connection, session, now))
        return session.account

    def _enter(self, token: str) -> str | None:
        def work(connection: Connection) -> str:
            setting = newest_setting(connection)
            simulated = setting is not None and setting.simulation
            must_have = need_second_factor(self._settings, simulated=simulated)
            return sessions.redeem(connection, token, datetime.now(UTC), must_have)[0]

        try:
            return transact(self._engine, work)
        except sessions.NoSuchLink:
            return None

    def _leave(self, secret: str) -> None:
        now = datetime.now(UTC)
        with reading(self._engine) as connection:
            session = sessions.find_session(connection, secret, now)
        if session is not None:
            transact(self._engine, lambda connection: sessions.end_session(connection, session, now))


def create_server() -> App:
    """Makes the app that uvicorn serves. Raises SettingsError where the installation has no login."""
    settings = Settings.read()
    # Not served, so no page offers it: it counts its visitors at an outside service, and no setting stops that.
    prefect.__ui_v2_static_path__ = settings.prefect_home / "not-served"
    app = create_app()
    make_private(settings.prefect_home)  # Prefect copies the files of its UI with the modes that they had
    engine = open_engine(settings.records_url)
    use_keys_of(engine, settings.home)
    gate = Gate(
        app,
        settings.required_login(),
        {"127.0.0.1", "localhost", "::1", settings.bind, *settings.hosts},
        DatabaseSessions(engine, settings),
    )
    return OwnPagesOnly(gate, content_policy(settings))
