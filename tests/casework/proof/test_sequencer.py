"""The sequencer: every fact and change gets a number once, the head is signed, and a restored backup stops it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from shutil import copyfile, copytree, rmtree

import pytest

from casework.context import AppContext
from casework.findings import listed
from casework.proof import keys as log_keys
from casework.proof import published_log
from casework.proof.leaves import checkpoints, hashes, size, tails, tree
from casework.proof.sequencer import FORK, UNCHAINED, continue_log, is_due, rotate, sequence
from config.log_folders import log_folders
from config.settings import SettingsError
from models.change_log import insert_logged
from models.database import reading, writing
from models.merkle import is_consistent, leaf_hash, root_by_inclusion, root_of
from models.signed_note import verified
from models.tables import CASE_LOOK
from tests.support.by_hand import day
from tests.support.team import Team

OPENS = "ehc_assessment_requested"
DAY, LATER = "3 Feb 2026", "4 Feb 2026"


@pytest.fixture
def lived(team: Team) -> Team:
    """Two cases, and a log with one checkpoint."""
    for case in ("NX90001", "NX90002"):
        team.record("2 Feb 2026", OPENS, case=case, la="northshire")
    assert sequence(team.context("2 Feb 2026")).refused is None
    return team


def put_back(team: Team, copy: Path) -> None:
    """Put a copy of the database in the place of the present one."""
    team.first.engine.dispose()
    for left in ("sendflow.db-wal", "sendflow.db-shm"):
        (team.home / left).unlink(missing_ok=True)
    copyfile(copy, team.home / "sendflow.db")


def copied(team: Team) -> Path:
    """A backup of the database."""
    target = team.home.parent / "backup.db"
    with closing(sqlite3.connect(team.home / "sendflow.db")) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
    return target


def add_looks(team: Team, today: str, count: int) -> None:
    """Add entries to the log of looks: one record of the change log each."""
    row = {"case_ref": "NX90001", "actor": "dco.team", "what": "case", "at": f"{day(today)}T09:00:00.000000Z"}
    with writing(team.first.engine) as connection:
        insert_logged(connection, CASE_LOOK, [row] * count, row["at"])


def test_every_fact_and_change_is_one_leaf_and_numbers_have_no_gap(lived: Team) -> None:
    lived.record(DAY, "assessment_agreed", case="NX90001")
    sequence(lived.context(DAY))
    with reading(lived.first.engine) as connection:
        rows = connection.exec_driver_sql("SELECT number, leaf FROM log_leaf ORDER BY number").fetchall()
        facts = connection.exec_driver_sql("SELECT case_ref, seq, hash FROM fact").fetchall()
        changes = connection.exec_driver_sql("SELECT number, hash FROM change_log").fetchall()
    assert [row[0] for row in rows] == list(range(len(rows)))
    found = [row[1] for row in rows if not row[1].startswith("checkpoint ")]
    expected = [f"fact {ref} {seq} {digest}" for ref, seq, digest in facts]
    expected += [f"change {number} {digest}" for number, digest in changes]
    assert sorted(found) == sorted(expected)


def test_what_is_new_is_signed_a_quarter_of_an_hour_after_the_last_checkpoint(
    lived: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several checkpoints a day: what none covers is of the last minutes."""
    context = lived.context("2 Feb 2026")
    with reading(context.engine) as connection:
        [first] = checkpoints(connection)
    lived.record("2 Feb 2026", "assessment_agreed", case="NX90001")
    signed_at = datetime.fromisoformat(first.at)
    for minutes, due in ((14, False), (15, True), (600, True)):
        now = signed_at + timedelta(minutes=minutes)
        monkeypatch.setattr(AppContext, "now", lambda _self, now=now: now)
        assert is_due(context) is due, minutes
    assert sequence(context).added > 0
    later = signed_at + timedelta(days=1)
    monkeypatch.setattr(AppContext, "now", lambda _self: later)
    assert not is_due(context), "nothing is new"


def test_a_checkpoint_is_signed_with_both_keys_and_only_adds_to_the_one_before(lived: Team) -> None:
    lived.record(DAY, "assessment_agreed", case="NX90001")
    sequence(lived.context(DAY))
    with reading(lived.first.engine) as connection:
        first, second = checkpoints(connection)
        public = log_keys.known_keys(connection)
        whole = tree(connection)
        (one, _), (two, signers) = verified(first.note, public), verified(second.note, public)
        assert signers == public and len(public) == 2
        proof = whole.consistency(one.size, two.size)
        assert is_consistent((one.size, one.root), (two.size, two.root), proof)
        for index, leaf in enumerate(hashes(connection, 0, two.size)):
            assert root_by_inclusion(index, two.size, leaf, whole.inclusion(index, two.size)) == two.root


def test_the_last_leaf_of_a_checkpoint_commits_to_the_end_of_every_chain(lived: Team) -> None:
    with reading(lived.first.engine) as connection:
        (only,) = checkpoints(connection)
        leaf = connection.exec_driver_sql("SELECT leaf FROM log_leaf ORDER BY number DESC LIMIT 1").scalar()
        lines = [tail.line().encode() for tail in tails(connection)]
    assert [line.split()[0] for line in lines] == [b"NX90001", b"NX90002", b"change_log"]
    assert leaf == f"checkpoint {only.at} 3 {root_of(map(leaf_hash, lines)).hex()}"


def test_nothing_new_is_no_new_checkpoint(lived: Team) -> None:
    again = sequence(lived.context("2 Feb 2026"))
    assert (again.added, again.checkpoint and again.checkpoint.number) == (0, 1)
    assert not is_due(lived.context(DAY))
    lived.record(DAY, "assessment_agreed", case="NX90001")
    assert not is_due(lived.context("2 Feb 2026")) and is_due(lived.context(DAY))


def test_a_fact_that_was_inserted_is_not_numbered_and_is_named(lived: Team) -> None:
    with closing(sqlite3.connect(lived.home / "sendflow.db", isolation_level=None)) as file:
        file.execute(
            "INSERT INTO fact SELECT case_ref, 2, kind, occurred_on, recorded_at, actor, text, prev_hash, hash, mac,"
            " acting FROM fact WHERE case_ref = 'NX90001'"
        )
        file.execute("UPDATE case_file SET seq = 2 WHERE case_ref = 'NX90001'")
    lived.record(DAY, "assessment_agreed", case="NX90002")
    done = sequence(lived.context(DAY))
    assert done.added > 0 and done.refused is None
    with reading(lived.first.engine) as connection:
        assert [(each.what, each.case_ref, each.seq) for each in listed(connection)] == [(UNCHAINED, "NX90001", 2)]


def test_a_restored_backup_is_not_signed_until_a_person_says_so(lived: Team) -> None:
    backup = copied(lived)
    lived.record(DAY, "assessment_agreed", case="NX90001")
    signed = sequence(lived.context(DAY)).checkpoint
    put_back(lived, backup)
    lived.record(LATER, "assessment_refused", case="NX90001")
    refused = sequence(lived.context(LATER))
    assert refused.checkpoint is None and "an older backup was put back" in str(refused.refused)
    with reading(lived.first.engine) as connection:
        assert [each.what for each in listed(connection)] == [FORK]
        assert len(checkpoints(connection)) == 1
    done = continue_log(lived.context(LATER), "sam.lee", "the disk failed, the backup of Monday was restored")
    assert done.refused is None and done.checkpoint is not None and signed is not None
    with reading(lived.first.engine) as connection:
        first, second = log_keys.acts(connection)
        assert (second.kind, second.actor, second.origin) == ("continued", "sam.lee", first.origin + "/2")
    assert verified(done.checkpoint.note, second.public())[0].origin == first.origin + "/2"
    aside = lived.home / "log-before-1"
    assert published_log.newest_note(aside) == signed.note
    assert sequence(lived.context(LATER)).refused is None


def test_a_backup_from_before_the_log_is_not_signed_either(team: Team) -> None:
    team.record("2 Feb 2026", OPENS, case="NX90001", la="northshire")
    backup = copied(team)
    sequence(team.context("2 Feb 2026"))
    put_back(team, backup)
    assert "an older backup" in str(sequence(team.context(DAY)).refused)
    assert continue_log(team.context(DAY), "sam.lee", "restored").refused is None


def test_keys_are_replaced_on_the_record_and_old_checkpoints_stay_valid(lived: Team) -> None:
    before = log_keys.read_keys(lived.home) or []
    done = rotate(lived.context(DAY), "sam.lee", "the machine was replaced")
    after = log_keys.read_keys(lived.home) or []
    assert [key.name for key in after] == [key.name for key in before] and before != after
    assert done.checkpoint is not None
    signers = verified(done.checkpoint.note, [key.public() for key in (*before, *after)])[1]
    assert len(signers) == 4  # the old keys sign the new ones in
    lived.record(LATER, "assessment_agreed", case="NX90001")
    later = sequence(lived.context(LATER)).checkpoint
    assert later is not None and len(verified(later.note, [key.public() for key in after])[1]) == 2
    assert lived.verify(LATER).damage == []


def test_keys_that_are_lost_can_be_replaced_and_the_old_ones_sign_nothing_in(lived: Team) -> None:
    (lived.home / log_keys.FILE).unlink()
    lived.record(DAY, "assessment_agreed", case="NX90001")
    assert sequence(lived.context(DAY)).added == 0  # this machine does not sign
    done = rotate(lived.context(DAY), "sam.lee", "the key was lost")
    assert done.checkpoint is not None
    assert len(verified(done.checkpoint.note, [key.public() for key in log_keys.read_keys(lived.home) or ()])[1]) == 2


def test_the_keys_are_in_a_private_file_and_another_key_does_not_sign(lived: Team) -> None:
    file = lived.home / log_keys.FILE
    assert file.stat().st_mode & 0o777 == 0o600
    log_keys.write_keys(lived.home, log_keys.new_keys("sendflow-other"))
    lived.record(DAY, "assessment_agreed", case="NX90001")
    assert "is not the key that this log signs with" in str(sequence(lived.context(DAY)).refused)
    file.write_text("nothing\n")
    assert "is not a file that sendflow made" in str(sequence(lived.context(DAY)).refused)


def test_recording_goes_on_where_the_log_cannot_be_written(lived: Team) -> None:
    rmtree(lived.home / "log")
    (lived.home / "log").write_text("a file where the folder was")
    lived.record(DAY, "assessment_agreed", case="NX90001")
    assert sequence(lived.context(DAY)).refused is None


def test_the_folder_has_the_layout_of_the_standard_and_every_leaf(team: Team) -> None:
    team.record("2 Feb 2026", OPENS, case="NX90001", la="northshire")
    add_looks(team, "2 Feb 2026", 300)
    outside = team.home.parent / "audit"
    context = AppContext.load(replace(team.context("2 Feb 2026").settings, log_to=(outside,)))
    sequence(context)
    add_looks(team, DAY, 300)
    done = sequence(AppContext.load(replace(team.context(DAY).settings, log_to=(outside,)))).checkpoint
    assert done is not None and done.size > 512
    for folder in (outside, team.home / "log"):
        log = published_log.Folder(folder)
        with reading(team.first.engine) as connection:
            assert list(log.leaf_hashes(done.size)) == hashes(connection, 0, done.size)
            blocks = connection.exec_driver_sql("SELECT root FROM log_block ORDER BY number").scalars().all()
            assert size(connection) == done.size
        width = len(blocks)
        assert (folder / "tile" / "1" / "000.p" / str(width)).read_bytes().hex() == "".join(blocks)
        assert (folder / "tile" / "0" / "000").stat().st_size == 256 * 32
        assert not (folder / "tile" / "0" / "000.p").exists()
        assert (folder / "checkpoint").read_text("utf-8") == done.note
        assert len(list((folder / "checkpoints").iterdir())) == 2
        for index in (0, 255, 256, done.size - 1):
            leaf = log.leaf_text(index, done.size)
            assert leaf is not None and leaf_hash(leaf.encode()) == list(log.leaf_hashes(done.size))[index]
        assert log.day_of(3, done.size) == "2026-02-02"
    assert published_log.tile(outside, "0", 1_234_067, 256) == outside / "tile/0/x001/x234/067"
    copytree(outside, team.home.parent / "twice")
    assert team.verify(DAY).damage == []


def test_places_outside_are_whole_paths() -> None:
    assert log_folders({"SENDFLOW_LOG_TO": "/mnt/a:/mnt/b"}) == (Path("/mnt/a"), Path("/mnt/b"))
    assert log_folders({}) == ()
    with pytest.raises(SettingsError, match="whole path"):
        log_folders({"SENDFLOW_LOG_TO": "audit"})
