"""The work that is measured: cases of twelve facts, on records of its own, with real checks and nothing left out.

Each case is asked of two bodies, is acknowledged, has a missed appointment and a claimed exception, and ends in a
final plan. It opens nine duties. The day is simulated, so that the same facts are recorded on every date of a run.
"""

import dataclasses
import shutil
import sqlite3
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from casework.cases.record import RecordCommand
from casework.context import AppContext
from config.settings import Settings
from models.database import open_engine, writing
from models.facts import FactDraft
from models.schema import create_or_upgrade_schema
from models.sqlite_connections import PRAGMAS

TODAY = date(2026, 7, 1)
ACTOR = "bench"
PAEDIATRICS = {"body": "QX101", "service": "community_paediatrics"}
SPEECH = {"body": "QX101", "service": "speech_and_language_therapy"}
TABLES = ("fact", "case_file", "duty", "notice", "change_log")


class Workshop:
    """A folder on the file system where SENDFLOW_HOME lies, and contexts with empty records in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made = 0
        self.context = AppContext.load(Settings(home=folder, today=TODAY))
        self.context.duty_rules, self.context.dates_of, self.context.step_days  # noqa: B018 (worked out once, before anything is timed)
        self.context.ensure_ruleset_active("bench")  # once in an installation, before its first fact
        self.empty = folder / "empty.db"
        self._close(self.context)
        with sqlite3.connect(self.context.settings.records) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        shutil.copy(self.context.settings.records, self.empty)

    def fresh_file(self) -> Path:
        """A new file of records without any facts: tables, indexes and triggers as sendflow makes them."""
        self.made += 1
        path = self.folder / f"records-{self.made}.db"
        shutil.copy(self.empty, path)
        return path

    def fresh_context(self, path: Path | None = None) -> AppContext:
        """A context on new records (or on `path`), connected for reading and for writing, as the driver alone is.

        It has found its rule set active, as a process does once.
        """
        context = self.on(path or self.fresh_file())
        context.ensure_ruleset_active("bench")
        with context.engine.connect(), writing(context.engine):
            return context

    def on(self, path: Path) -> AppContext:
        """The context on another file of records."""
        engine = open_engine(f"sqlite:///{path}")
        # The tables exist already. As everywhere, each act then checks that the schema and the rule set are unchanged.
        create_or_upgrade_schema(engine)
        context = dataclasses.replace(self.context, engine=engine)
        context.__dict__.update(
            {
                name: value
                for name, value in self.context.__dict__.items()
                if name in {"duty_rules", "dates_of", "law_version", "step_days"}
            }
        )
        return context

    def done(self, path: Path) -> None:
        """Remove records that are no longer needed."""
        for name in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
            name.unlink(missing_ok=True)

    @staticmethod
    def _close(context: AppContext) -> None:
        context.engine.dispose()


def raw(path: Path) -> sqlite3.Connection:
    """The driver alone, under sendflow's own pragmas: WAL, synchronous FULL, secure_delete, the same cache."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", *PRAGMAS):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def drafts(number: int) -> list[FactDraft]:
    """The twelve facts of one case, its days spread over half a year so that not every sum is the same."""
    began = date(2025, 11, 3) + timedelta(days=number % 120)

    def on(days: int) -> date:
        return began + timedelta(days=days)

    return [
        FactDraft("ehc_assessment_requested", on(0), {"la": "northshire", "la_reference": f"NS-{number:05d}"}),
        FactDraft("la_consideration_notified", on(3)),
        FactDraft("assessment_agreed", on(20)),
        FactDraft("health_advice_requested", on(21), PAEDIATRICS),
        FactDraft("health_advice_requested", on(22), SPEECH),
        FactDraft("health_advice_acknowledged", on(23), PAEDIATRICS),
        FactDraft("appointment_missed", on(40), SPEECH),
        FactDraft("excuse_claimed", on(41), {"ground": "missed_appointment", **SPEECH}),
        FactDraft("health_advice_received", on(55), PAEDIATRICS),
        FactDraft("health_advice_received", on(70), SPEECH),
        FactDraft("draft_plan_received", on(90)),
        FactDraft("final_plan_received", on(120)),
    ]


def reference(number: int) -> str:
    """The reference of a case of the workload."""
    return f"BN{number:06d}"


def acts(cases: int, first: int = 0) -> list[RecordCommand]:
    """Cases to be recorded, each as one act of twelve facts."""
    return [RecordCommand(reference(number), drafts(number)) for number in range(first, first + cases)]


def rows_of(connection: sqlite3.Connection, table: str) -> list[tuple[Any, ...]]:
    """Every row of a table, in the order in which it was written."""
    return connection.execute(f"SELECT * FROM {table} ORDER BY rowid").fetchall()


def insert_into(connection: sqlite3.Connection, table: str, rows: list[tuple[Any, ...]]) -> None:
    """The rawest insert that there is."""
    if rows:
        marks = ", ".join("?" * len(rows[0]))
        connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)


__all__ = ["ACTOR", "TABLES", "TODAY", "Workshop", "acts", "drafts", "insert_into", "raw", "reference", "rows_of"]
