"""The cause of a database error, with the fix that is right for this installation's own or another's database.

Purpose: commands, `sendflow up`, the doctor and the runs in Prefect give one and the same fix. No service of the
machine has a private PostgreSQL: `make up-postgres` starts it.
"""

from __future__ import annotations

from config.settings import Settings, SettingsError
from models.database_errors import Cause, cause


def cause_here(problem: BaseException, settings: Settings | None = None) -> Cause | None:
    """The cause of a database error with its fix here; None if it is not known. Without `settings`: those of here."""
    found = cause(problem)
    return found.of_private() if found is not None and _is_private(settings) else found


def _is_private(settings: Settings | None) -> bool:
    """Whether the records are in the installation's own PostgreSQL; not, where the settings cannot be read."""
    try:
        return (settings or Settings.read()).is_private_database
    except SettingsError:
        return False
