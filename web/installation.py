"""The installation that the pages are of: its context, loaded once and again when its day or its rule set changes."""

from __future__ import annotations

import threading

from sqlalchemy import Connection, Engine, func, select

from casework.access.identity_provider import IdentityProvider
from casework.context import AppContext
from config.settings import Settings
from flows.shared_runs import SharedRuns
from models.database import reading
from models.questions import Question
from models.tables import ADOPTION, CLOCK_SETTING, CONFIG_HELD, RULESET
from web.import_pool import ImportPool

BACK = "/sign-in/sso/back"  # where the identity provider sends people back to
NUMBERED = (CLOCK_SETTING, RULESET, ADOPTION, CONFIG_HELD)
NEWEST = Question(select(*(select(func.max(table.c.number)).scalar_subquery() for table in NUMBERED)))


class Installation:
    """One engine for all requests. `context` is asked for by each request."""

    def __init__(self, settings: Settings, context: AppContext | None = None) -> None:
        """Loads the installation, which it makes if there is none, or takes a context that is loaded already.

        Raises what `AppContext.load` raises.
        """
        self._context = context or AppContext.load(settings).reloaded()
        self._lock = threading.Lock()
        self.runs = SharedRuns(self._context.settings)
        self.imports = ImportPool()
        self._seen = self._numbers()
        access = settings.single_sign_on
        self.provider = IdentityProvider(access, settings.pages_url + BACK) if access is not None else None

    @property
    def engine(self) -> Engine:
        """The engine of all requests: `AppContext.reloaded` goes on with it."""
        return self._context.engine

    @property
    def restricted(self) -> frozenset[str]:
        """The processes whose cases only named accounts see."""
        return self._context.restricted

    def context(self) -> AppContext:
        """The context of now. A simulation goes by the newest stored day, which a page or another program may set."""
        return self.context_of(self._numbers())

    def context_of(self, numbers: tuple[int | None, ...]) -> AppContext:
        """The context of now, where the newest numbers of what it depends on were read already."""
        if numbers != self._seen:
            with self._lock:
                self._context = self._context.reloaded()
                self._seen = numbers
        return self._context

    def close(self) -> None:
        """Wait for imports and for the runs in Prefect, and close the connections."""
        self.imports.close()
        self.runs.close()
        self._context.engine.dispose()

    def _numbers(self) -> tuple[int | None, ...]:
        with reading(self._context.engine) as connection:
            return numbers_in(connection)


def numbers_in(connection: Connection) -> tuple[int | None, ...]:
    """The newest number of what a context depends on."""
    return tuple(NEWEST.rows(connection)[0])
