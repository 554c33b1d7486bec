"""The work that is measured: cases of twelve facts, on a house of its own, with real checks and nothing left out.

Each case is asked of two bodies, is acknowledged, has a missed appointment and a claimed excuse, and ends in a final
plan. It opens nine duties. The day is a rehearsed one, so that the same facts are recorded on whatever date this runs.
"""

import dataclasses
import shutil
import sqlite3
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from casework.cases.record import Act
from casework.context import House
from config.settings import Settings
from models.database import PRAGMAS, make_records, open_engine
from models.facts import Draft

TODAY = date(2026, 7, 1)
ACTOR = "bench"
PAEDIATRICS = {"body": "QX101", "service": "community_paediatrics"}
SPEECH = {"body": "QX101", "service": "speech_and_language_therapy"}
TABLES = ("fact", "case_file", "duty", "notice")


class Workshop:
    """A folder on the file system where SENDFLOW_HOME lies, and houses with fresh records in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made = 0
        self.house = House.open(Settings(home=folder, today=TODAY))
        self.house.books, self.house.dates_of  # noqa: B018 (worked out once for a house, before anything is timed)
        self.empty = folder / "empty.db"
        self._close(self.house)
        with sqlite3.connect(self.house.settings.records) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        shutil.copy(self.house.settings.records, self.empty)

    def fresh_file(self) -> Path:
        """A new file of records without any facts: tables, indexes and triggers as the house makes them."""
        self.made += 1
        path = self.folder / f"records-{self.made}.db"
        shutil.copy(self.empty, path)
        return path

    def fresh_house(self, path: Path | None = None) -> House:
        """A house on new records (or on `path`), its engine connected."""
        house = self.on(path or self.fresh_file())
        with house.engine.connect():
            return house

    def on(self, path: Path) -> House:
        """The house on another file of records."""
        engine = open_engine(f"sqlite:///{path}")
        make_records(
            engine
        )  # they are there; as in any house, each act then asks whether they, and the law, still are what they were
        house = dataclasses.replace(self.house, engine=engine)
        house.__dict__.update(
            {name: value for name, value in self.house.__dict__.items() if name in {"books", "dates_of", "law_version"}}
        )
        return house

    def done(self, path: Path) -> None:
        """Remove records that are no longer needed."""
        for name in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
            name.unlink(missing_ok=True)

    @staticmethod
    def _close(house: House) -> None:
        house.engine.dispose()


def raw(path: Path) -> sqlite3.Connection:
    """The driver alone, under the pragmas that the house uses: WAL, synchronous FULL, secure_delete, the same cache."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", *PRAGMAS):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def drafts(number: int) -> list[Draft]:
    """The twelve facts of one case, its days spread over half a year so that not every sum is the same."""
    began = date(2025, 11, 3) + timedelta(days=number % 120)

    def on(days: int) -> date:
        return began + timedelta(days=days)

    return [
        Draft("ehc_assessment_requested", on(0), {"la": "northshire", "la_reference": f"NS-{number:05d}"}),
        Draft("la_consideration_notified", on(3)),
        Draft("assessment_agreed", on(20)),
        Draft("health_advice_requested", on(21), PAEDIATRICS),
        Draft("health_advice_requested", on(22), SPEECH),
        Draft("health_advice_acknowledged", on(23), PAEDIATRICS),
        Draft("appointment_missed", on(40), SPEECH),
        Draft("excuse_claimed", on(41), {"ground": "missed_appointment", **SPEECH}),
        Draft("health_advice_received", on(55), PAEDIATRICS),
        Draft("health_advice_received", on(70), SPEECH),
        Draft("draft_plan_received", on(90)),
        Draft("final_plan_received", on(120)),
    ]


def reference(number: int) -> str:
    """The reference of a case of the workload."""
    return f"BN{number:06d}"


def acts(cases: int, first: int = 0) -> list[Act]:
    """Cases to be recorded, each as one act of twelve facts."""
    return [Act(reference(number), drafts(number)) for number in range(first, first + cases)]


def rows_of(connection: sqlite3.Connection, table: str) -> list[tuple[Any, ...]]:
    """Every row of a table, in the order in which it was written."""
    return connection.execute(f"SELECT * FROM {table} ORDER BY rowid").fetchall()


def insert_into(connection: sqlite3.Connection, table: str, rows: list[tuple[Any, ...]]) -> None:
    """The rawest insert that there is."""
    if rows:
        marks = ", ".join("?" * len(rows[0]))
        connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)


__all__ = ["ACTOR", "TABLES", "TODAY", "Workshop", "acts", "drafts", "insert_into", "raw", "reference", "rows_of"]
