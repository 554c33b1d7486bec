"""Verification of the transparency log names the case and the fact, whichever part of the database was altered with it.

The attacker owns the database and drops the triggers, and has neither log.key nor the folder of the log.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from shutil import rmtree

import pytest

from audit.verify import VerifyReport, verify
from casework.delivery.daily_digest import digest
from casework.proof.sequencer import add_leaves, sequence
from models.append_only import triggers
from models.database import open_engine, writing
from models.merkle import BLOCK, leaf_hash, root_of
from tests.support.team import Team

OPENS, AGREED = "ehc_assessment_requested", "assessment_agreed"
DAY, LATER, LAST = "3 Feb 2026", "4 Feb 2026", "5 Feb 2026"


@pytest.fixture
def lived(team: Team) -> Team:
    """Two cases and two checkpoints."""
    for case in ("NX90001", "NX90002"):
        team.record("2 Feb 2026", OPENS, case=case, la="northshire")
    sequence(team.context("2 Feb 2026"))
    team.record(DAY, AGREED, case="NX90001")
    sequence(team.context(DAY))
    return team


@contextmanager
def owner(team: Team) -> Iterator[sqlite3.Connection]:
    """The database in the hands of somebody who drops the triggers and puts them back."""
    team.first.engine.dispose()
    with closing(sqlite3.connect(team.home / "sendflow.db", isolation_level=None)) as file:
        for name in triggers("sqlite"):
            file.execute(f"DROP TRIGGER {name}")
        yield file
        for statement in triggers("sqlite").values():
            file.execute(statement)


def other_actor(file: sqlite3.Connection, case: str) -> None:
    """Rewrite the chain of a case with another actor, right hashes and right copies."""
    previous = "0" * 64
    rows = file.execute("SELECT seq, text, prev_hash FROM fact WHERE case_ref = ? ORDER BY seq", (case,)).fetchall()
    for seq, text, first in rows:
        previous = first if seq == 1 else previous
        text = text.replace('"dco.team"', '"sam.lee"')
        digest = sha256((previous + text).encode()).hexdigest()
        given = ("sam.lee", text, previous, digest, case, seq)
        file.execute("UPDATE fact SET actor=?, text=?, prev_hash=?, hash=? WHERE case_ref=? AND seq=?", given)
        previous = digest
    file.execute("UPDATE case_file SET hash = ? WHERE case_ref = ?", (previous, case))


def in_the_log_too(file: sqlite3.Connection) -> None:
    """Give the leaves and the list of ends what the facts are now."""
    for number, leaf in file.execute("SELECT number, leaf FROM log_leaf WHERE leaf LIKE 'fact %'").fetchall():
        _kind, case, seq, _hash = leaf.split()
        row = file.execute("SELECT hash FROM fact WHERE case_ref = ? AND seq = ?", (case, seq)).fetchone()
        file.execute("UPDATE log_leaf SET leaf = ? WHERE number = ?", (f"fact {case} {seq} {row[0]}", number))
        file.execute("UPDATE log_tail SET hash = ? WHERE chain = ? AND seq = ?", (row[0], case, seq))


def named(report: VerifyReport, what: str = "log") -> list[tuple[str | None, int | None]]:
    return [(each.case_ref, each.seq) for each in report.damage if each.what == what]


def test_a_whole_log_is_intact(lived: Team) -> None:
    assert lived.verify(DAY).damage == []
    lived.record(LATER, AGREED, case="NX90002")
    assert lived.verify(LATER).damage == []  # a fact that is not numbered yet


def test_a_chain_that_was_rewritten_is_named_by_case_and_fact(lived: Team) -> None:
    with owner(lived) as file:
        other_actor(file, "NX90001")
    report = verify(lived.context(DAY))
    assert named(report) == [("NX90001", 1)]
    assert named(verify(lived.context(DAY), "NX90001")) == [("NX90001", 1)]
    assert named(verify(lived.context(DAY), "NX90002")) == []


def test_a_chain_that_was_rewritten_with_its_leaves_is_named_by_the_folder_outside(lived: Team) -> None:
    with owner(lived) as file:
        other_actor(file, "NX90001")
        in_the_log_too(file)
    report = verify(lived.context(DAY))
    assert named(report) == [(None, None), (None, None), ("NX90001", 1)]
    messages = [each.message for each in report.damage]
    assert any("checkpoint 1 of 2026-02-02T09:00:00.000000Z signed" in each for each in messages)
    assert "in the log since 2026-02-02" in messages[-1]


def test_without_the_folder_the_signed_checkpoint_finds_it(lived: Team) -> None:
    rmtree(lived.home / "log")
    with owner(lived) as file:
        other_actor(file, "NX90001")
        in_the_log_too(file)
    assert any("is not what checkpoint 1" in each.message for each in verify(lived.context(DAY)).damage)


def test_a_case_that_was_deleted_is_named(lived: Team) -> None:
    with owner(lived) as file:
        for table in ("fact", "case_file", "duty", "notice"):
            file.execute(f"DELETE FROM {table} WHERE case_ref = 'NX90002'")
    assert ("NX90002", 1) in named(verify(lived.context(DAY)))


def test_a_case_that_was_deleted_with_its_leaves_is_named_by_the_folder_outside(lived: Team) -> None:
    with owner(lived) as file:
        for table in ("fact", "case_file", "duty", "notice"):
            file.execute(f"DELETE FROM {table} WHERE case_ref = 'NX90002'")
        leaves = file.execute("SELECT leaf FROM log_leaf ORDER BY number").fetchall()
        left = [leaf for (leaf,) in leaves if not leaf.startswith("fact NX90002 ")]
        file.execute("DELETE FROM log_leaf")
        file.executemany("INSERT INTO log_leaf VALUES (?, ?)", list(enumerate(left)))
        file.execute("DELETE FROM log_tail WHERE chain = 'NX90002'")
        file.execute("DELETE FROM log_checkpoint")
    report = verify(lived.context(DAY))
    assert ("NX90002", 1) in named(report)


def test_the_last_facts_cut_off_with_copies_and_leaves_are_named_by_the_folder(lived: Team) -> None:
    with owner(lived) as file:
        first = file.execute("SELECT min(number) FROM log_leaf WHERE leaf LIKE 'fact NX90001 2 %'").fetchone()[0]
        digest = file.execute("SELECT hash FROM fact WHERE case_ref = 'NX90001' AND seq = 1").fetchone()[0]
        file.execute("DELETE FROM fact WHERE case_ref = 'NX90001' AND seq = 2")
        file.execute("DELETE FROM log_leaf WHERE number >= ?", (first,))
        file.execute("DELETE FROM log_checkpoint WHERE number = 2")
        file.execute("UPDATE case_file SET seq = 1, hash = ? WHERE case_ref = 'NX90001'", (digest,))
        file.execute("UPDATE log_tail SET seq = 1, hash = ? WHERE chain = 'NX90001'", (digest,))
    assert ("NX90001", 2) in named(verify(lived.context(DAY)))


def test_a_checkpoint_of_another_key_is_found(lived: Team) -> None:
    with owner(lived) as file:
        note = file.execute("SELECT note FROM log_checkpoint WHERE number = 2").fetchone()[0]
        text, _, _lines = note.partition("\n\n")
        file.execute("UPDATE log_checkpoint SET note = ? WHERE number = 2", (f"{text}\n\n\u2014 other AAAAAAAA\n",))
    assert any("checkpoint 2 of the log does not verify" in each.message for each in verify(lived.context(DAY)).damage)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("checkpoint", "does not verify"),
        ("tile/0/000.p/8", ""),
    ],
)
def test_an_altered_file_of_the_folder(lived: Team, name: str, said: str) -> None:
    """An altered checkpoint is found. Tiles prove nothing by themselves: they only name what a checkpoint found."""
    file = lived.home / "log" / name
    if not file.exists():
        file = min((lived.home / "log/tile/0/000.p").iterdir())
    file.write_bytes(file.read_bytes().replace(b"sendflow", b"sendflaw")[:-1] + b"\0")
    found = [each.message for each in verify(lived.context(DAY)).damage]
    assert len(found) == bool(said) and all(said in each for each in found)


def test_leaves_that_somebody_with_the_database_adds_are_found(lived: Team) -> None:
    with owner(lived) as file:
        size = file.execute("SELECT count(*) FROM log_leaf").fetchone()[0]
        file.execute("INSERT INTO log_leaf VALUES (?, ?)", (size, "fact NX90009 1 " + "a" * 64))
    assert named(verify(lived.context(DAY))) == [("NX90009", 1), ("NX90009", None)]


def test_an_altered_root_of_a_block_is_found(lived: Team) -> None:
    engine = open_engine(f"sqlite:///{lived.home / 'sendflow.db'}")
    leaves = [f"checkpoint 2026 0 {number}" for number in range(BLOCK)]
    with writing(engine) as connection:
        add_leaves(connection, leaves)
    engine.dispose()
    assert lived.verify(DAY).damage == []
    with owner(lived) as file:
        all_ = [leaf_hash(row[0].encode()) for row in file.execute("SELECT leaf FROM log_leaf ORDER BY number")]
        stored = file.execute("SELECT root FROM log_block").fetchall()
        assert stored == [(root_of(all_[:BLOCK]).hex(),)]
        file.execute("UPDATE log_block SET root = ?", ("a" * 64,))
    assert any("block 0" in each.message for each in verify(lived.context(DAY)).damage)


def test_verification_of_a_read_only_copy_needs_no_key(lived: Team) -> None:
    (lived.home / "log.key").unlink()
    assert lived.verify(DAY).damage == []


@pytest.mark.parametrize(
    "deed",
    [
        "DELETE FROM log_leaf WHERE number = 3",
        "UPDATE log_checkpoint SET note = 'x'",
        "UPDATE log_act SET keys = 'x'",
        "DELETE FROM log_leaf",
    ],
)
def test_a_digest_leaves_over_a_damaged_log(lived: Team, deed: str) -> None:
    with owner(lived) as file:
        file.execute(deed)
    lived.record(LATER, AGREED, case="NX90002")
    assert sequence(lived.context(LATER)).refused is not None or not verify(lived.context(LATER)).intact
    report = digest(lived.context(LATER), transport=lived.post)
    assert report.state == "sent" and not verify(lived.context(LAST)).intact


def test_a_disk_that_is_full_stops_no_digest(lived: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_about: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("casework.proof.keys.read_keys", full)
    assert "No space left" in str(sequence(lived.context(LATER)).refused)
    assert digest(lived.context(LATER), transport=lived.post).state == "sent"
