"""Why a job could not be finished, and what a person does about it: for the fault's code or the database's cause.

Purpose: who opens a red run reads the remedy there. The text of a fault is never used, because it may quote what nobody
may read in Prefect: each sentence here is fixed.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from config.database_cause import cause_here
from models.errors import ConfigurationError, SendflowError

AGAIN = "sendflow then does it at its next time"
ASKED_AGAIN = "who asked for it then does so again: what was recorded stays, and is not recorded twice"
LEFT_TO_DO = "sendflow does what is left at its next time, or when a person starts the job"  # of a run that was cut off


class Remedy(NamedTuple):
    """What is wrong, and what a person does."""

    what: str
    needs: str


_DOCTOR = "a person repairs what sendflow doctor names"
_BY_CODE = {
    "person_key": Remedy(
        "the person key is missing or is not the key of this database",
        "a person restores person.key from its own backup: sendflow doctor says where",
    ),
    "clock_unconfirmed": Remedy(
        "the clock of the machine cannot be believed",
        "a person checks the date and, if it is right, runs sendflow confirm-clock",
    ),
    "ruleset_mismatch": Remedy(
        "the rules of this program are not those of the database",
        "a person installs the same version everywhere: sendflow doctor says which machine differs",
    ),
    "database_unusable": Remedy(
        "this program cannot use the database: a later version of sendflow upgraded it, or it was copied to PostgreSQL",
        "a person installs the version, or names the database, that sendflow doctor says",
    ),
    "contended": Remedy("others wrote to the same cases at each attempt", "a person runs sendflow doctor if it stays"),
    "local_smtp": Remedy(
        "the letters folder cannot be written",
        "a person frees space or corrects the rights of the folder that sendflow doctor names",
    ),
    "log_key": Remedy("the key of the log is missing", "a person restores the log key: sendflow doctor says where"),
}


def remedy(problem: Exception) -> Remedy:
    """What is wrong and what a person does, without the text of the fault."""
    code = problem.code if isinstance(problem, SendflowError) else ""
    if (known := _BY_CODE.get(code)) is not None:
        return known
    if (of_database := cause_here(problem)) is not None:
        return Remedy(of_database.message, f"a person sees to the database: {of_database.fix}")
    if isinstance(problem, ConfigurationError):
        what = f"a file of the installation cannot be read ({code.replace('_', ' ')})"
        return Remedy(what, "a person corrects the file that sendflow doctor names")
    return Remedy(named_fault(problem), _DOCTOR)


def named_fault(problem: Exception) -> str:
    """The kind of a fault and its place. Its text is not shown: it may quote what nobody may read here."""
    where = problem.__traceback__
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    place = (
        f"{Path(where.tb_frame.f_code.co_filename).name}:{where.tb_lineno}" if where is not None else "no place known"
    )
    return f"{type(problem).__name__} at {place}"
