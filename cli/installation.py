"""Which command may make an installation, which may change one, and which only looks. Said here and nowhere else.

"Nothing is late." about an installation that was made a moment ago, because SENDFLOW_HOME was mistyped, would be false.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from cli.output import Exit, fail, notify

if TYPE_CHECKING:
    from casework.context import AppContext


class Access(StrEnum):
    """What a command may do to an installation."""

    MAKES = "makes"  # it may make one, and says so
    CHANGES = "changes"  # it changes one that exists
    LOOKS = "looks"  # it changes no record, projection or schema, and makes no file
    TRIES = "tries"  # it writes nothing; without an installation it works in memory
    NONE = "none"  # it works without one


ACCESS = {
    "up": Access.MAKES,
    "migrate": Access.MAKES,
    "import": Access.MAKES,
    "record": Access.MAKES,  # only the recording of an opening fact
    "run": Access.CHANGES,  # the components of an installation on several machines
    "account": Access.CHANGES,
    "adopt": Access.CHANGES,
    "bulk": Access.CHANGES,
    "bundle": Access.CHANGES,  # the log of looks, and a checkpoint
    "bundle-cohort": Access.CHANGES,
    "deployments": Access.NONE,  # it speaks to Prefect only
    "confirm-clock": Access.CHANGES,
    "copy-to-postgresql": Access.CHANGES,
    "sen2": Access.CHANGES,  # the log of looks
    "deliver": Access.CHANGES,
    "digest": Access.CHANGES,
    "join": Access.CHANGES,
    "part": Access.CHANGES,
    "person": Access.CHANGES,  # the access log
    "reset-person-key": Access.CHANGES,
    "restore-keys": Access.CHANGES,
    "assign": Access.CHANGES,
    "sign-in": Access.CHANGES,
    "subject-access": Access.CHANGES,  # the access log
    "sweep": Access.CHANGES,
    "adoptions": Access.LOOKS,
    "calendar": Access.LOOKS,  # `calendar make` and `end` change
    "case": Access.LOOKS,
    "child": Access.LOOKS,
    "directory": Access.LOOKS,  # `directory set` and `confirm` change
    "doctor": Access.LOOKS,
    "dry-run": Access.LOOKS,
    "due-soon": Access.LOOKS,
    "erase": Access.LOOKS,  # a case or `approve` and `refuse` change
    "files": Access.LOOKS,  # `files use` changes
    "findings": Access.LOOKS,  # `findings close` changes
    "holds": Access.LOOKS,  # `holds begin` and `end` change
    "joint-review": Access.LOOKS,
    "ladder": Access.LOOKS,
    "law-watch": Access.LOOKS,  # `law-watch check` changes
    "letters": Access.LOOKS,  # `letters release`, `hold`, `chased` and `came-back` change
    "looks": Access.LOOKS,
    "people": Access.LOOKS,
    "log": Access.LOOKS,  # `log rotate` and `log continue` change
    "overdue": Access.LOOKS,
    "papers": Access.LOOKS,
    "replies": Access.LOOKS,  # `replies read`, `show` and `decide` change
    "retention": Access.LOOKS,
    "rulesets": Access.LOOKS,
    "register": Access.LOOKS,
    "sample": Access.LOOKS,
    "transitions": Access.LOOKS,
    "single-sign-on": Access.LOOKS,  # `single-sign-on set` and `part` change
    "tokens": Access.LOOKS,  # `tokens make` and `end` change
    "to-decide": Access.LOOKS,  # `to-decide answer` changes
    "views": Access.LOOKS,  # `views save` and `delete` change
    "webhooks": Access.LOOKS,  # `webhooks make` and `end` change
    "verifications": Access.LOOKS,
    "verify": Access.LOOKS,  # stores what it finds; `--resume` and `--since-last` note how far it came
    "bodies": Access.NONE,
    "check": Access.NONE,
    "verify-bundle": Access.NONE,
    "due": Access.NONE,
    "policy": Access.LOOKS,  # `policy set` and `leave-out` change
    "columns": Access.LOOKS,  # `columns set` changes
    "preview": Access.NONE,
    "explain": Access.NONE,
    "processes": Access.NONE,
    "rules": Access.NONE,
}

# What sendflow does for every case, also when a person starts it. Its reports name and count no restricted one.
FOR_EVERY_CASE = frozenset(
    {
        *("up", "migrate", "run", "sweep", "deliver", "digest", "verify", "adopt", "dry-run", "copy-to-postgresql"),
        *("reset-person-key", "log", "confirm-clock", "rulesets", "adoptions"),
    }
)


def open_installation(command: str, *, access: Access | None = None) -> AppContext:
    """Load the installation as this command may; `access` only where a command does less or more than it is listed for.

    The account of this machine sees no restricted case for which it is not named.
    Raises NoInstallation where there is none and the command may not make one.
    """
    context = _open(command, access)
    if command in FOR_EVERY_CASE or not context.restricted:
        return context
    from casework.access.seen import as_seen_by
    from cli.options import machine_account

    return as_seen_by(context, machine_account())


def _open(command: str, access: Access | None) -> AppContext:
    from casework.context import AppContext, installation_exists
    from config.settings import Settings

    settings = Settings.read()
    match access or ACCESS[command]:
        case Access.LOOKS:
            return AppContext.load_read_only(settings, without_key=command == "verify")  # an auditor may have none
        case Access.MAKES:
            made = not installation_exists(settings)
            context = AppContext.load(settings)
            if made:
                notify_made(settings.records_place if settings.database_url else str(settings.home))
            return context
        case Access.TRIES if not installation_exists(settings):
            notify("There is no installation, and none was made: the file is compared with an empty one.")
            return AppContext.load_in_memory(settings)
        case _:
            return AppContext.load_existing(settings)


def notify_made(place: str) -> None:
    """Say that there was no installation and that there is one now."""
    notify(f"Made a new installation in {place}.")


def check_named_home() -> None:
    """End a command that needs no installation if SENDFLOW_HOME names a place without one: its rules may be others."""
    import os

    from config.settings import Settings

    settings = Settings.read()
    if os.environ.get("SENDFLOW_HOME") and settings.database_url is None and not settings.records.exists():
        fail(
            Exit.NOT_FINISHED,
            f"There is no installation in {settings.home}, which SENDFLOW_HOME names, and nothing was made. Name the"
            " folder of one, or unset SENDFLOW_HOME to go by the law as sendflow ships it",
        )
