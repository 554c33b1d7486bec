"""A person puts another directory, escalation policy or list of tracker columns in force, for every machine.

Purpose: each change is recorded with who made it before any file is written; `casework/rules/shared_files.py` brings it
to the files. The escalation policy is a part of the rule set, which becomes active in the same transaction. Where
SENDFLOW_SECOND_PERSON names adoptions, a second person agrees to it, as to a rule pack. Instants are in UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from casework import fault_points
from casework.cases.second_person import ADOPTIONS, Check, with_second_person
from casework.context import AppContext, instant
from casework.rules.config_held import DIRECTORY, LADDER, TRACKER, hold
from casework.rules.shared_files import FILES, SHIPPED, Held, held, is_earlier, write_own
from config.directory import DirectoryError, directory_of
from config.toml_reader import ConfigFault
from config.tracker_columns import TrackerError, columns_of
from models.database import reading, transact
from models.errors import Refusal
from models.locks import LEDGER, lock_exclusive, lock_shared

LOCK = "own files"
CALLED = {DIRECTORY: "the directory", LADDER: "the escalation policy", TRACKER: "the list of tracker columns"}


class WrongChange(Refusal, ValueError):
    """A file cannot be changed so; the text says what was expected."""

    default_code = "bad_file_change"


@dataclass(frozen=True)
class Change:
    """A text to put in force: of which kind (None: what sendflow ships), in whose name, and by which surface."""

    kind: str
    text: str | None
    actor: str
    via: str


def history(context: AppContext, kind: str) -> list[Held]:
    """Every text of a kind that was recorded, the newest first."""
    with reading(context.engine) as connection:
        return held(connection, kind).get(kind, [])[::-1]


def own_text(context: AppContext, kind: str) -> str | None:
    """The team's own text of a kind that is in force; None where the shipped one is."""
    return context.ruleset_guard.own_texts.get(kind)


def read_as(kind: str, text: str) -> None:
    """Let the reader of a kind read a text. Raises WrongChange, with what is wrong and where. Not for the policy."""
    try:
        if kind == DIRECTORY:
            directory_of(text)
        elif kind == TRACKER:
            columns_of(text)
    except (DirectoryError, TrackerError) as problem:
        raise WrongChange(str(problem)) from None


def put_in_force(context: AppContext, change: Change) -> None:
    """Record a text, which is in force from then on, and write the file of this machine.

    Raises WrongChange where it cannot be read, changes nothing, or the file changed meanwhile; Refused with the code
    `second_person` or `same_person` where another person has to agree; RulesetMismatch.
    """
    if change.text == own_text(context, change.kind):
        raise WrongChange(f"{CALLED[change.kind]} says so already: nothing was changed")
    if change.kind == LADDER:
        _put_policy(context, change)
    else:
        if change.text is not None:
            read_as(change.kind, change.text)
        transact(context.engine, lambda connection: _record(connection, context, change))
    fault_points.here("config_held_before_file")
    write_own(context.settings.home, change.kind, change.text)


def _put_policy(context: AppContext, change: Change) -> None:
    try:
        changed = context.with_policy(change.text)
    except ConfigFault as problem:
        raise WrongChange(str(problem)) from None
    about = f"{context.ruleset_digest} {changed.ruleset_digest}"
    with_second_person(context, ADOPTIONS, about, change.actor, partial(_record_policy, context, changed, change))


def _record_policy(context: AppContext, changed: AppContext, change: Change, check: Check) -> None:
    def work(connection: Connection) -> None:
        lock_shared(connection, LEDGER)  # before the lock of the rule set, as every unit of work does
        lock_exclusive(connection, "law")
        at = instant(context.now())
        context.ruleset_guard.ensure_active(connection, at, change.actor, change.via)
        _record(connection, context, change)
        check(connection)
        if changed.ruleset_digest != context.ruleset_digest:
            changed.ruleset_guard.activate(connection, at, change.actor, change.via)

    transact(context.engine, work)


def _record(connection: Connection, context: AppContext, change: Change) -> None:
    lock_exclusive(connection, LOCK)
    at = instant(context.now())
    recorded = held(connection, change.kind).get(change.kind, [])
    if recorded and is_earlier(own_text(context, change.kind), recorded):
        raise WrongChange(f"{CALLED[change.kind]} was changed meanwhile: look at it again")
    # What was in force is recorded first: a machine that has it then knows that it is an earlier one.
    context.ruleset_guard.note_files(connection, context.directory, at=at, actor="sendflow", via=change.via)
    name = SHIPPED if change.text is None else FILES[change.kind]
    hold(connection, change.kind, name, change.text or "", at=at, actor=change.actor, via=change.via)
