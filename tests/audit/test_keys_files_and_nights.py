"""Attacks that need more than a row: a night between, a file beside the database, an older copy, or person.key.

PostgreSQL runs the same list (tests/system/postgres). Numbers are those of the attacks in tests/system/faults.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, delete, insert, select, text, update

from audit.verify import VerifyReport, verify
from casework import published_heads
from casework.context import AppContext
from casework.delivery.daily_digest import digest
from casework.delivery.deliver import deliver
from casework.proof.sequencer import sequence
from casework.rule_packs import adopt
from config.directory import DEFAULT
from config.settings import Settings
from config.toml_reader import ConfigFault
from models import people
from models.change_log import COVERED, link, row_digest
from models.data_keys import DataKeys
from models.database import reading
from models.encryption import person_place
from models.macs import newest_mac
from models.tables import CASE, CHANGE_LOG, METADATA, PERSON
from runtime.diagnostics.checks import examine
from tests.audit.test_findings import LOST, anchors, at_night, close_all, command, delete_case, morning, open_findings
from tests.casework.test_rule_packs import PACKS
from tests.support.by_hand import day
from tests.support.paths import ROOT
from tests.support.team import Team

OPENS = "ehc_assessment_requested"
BORN, FORGED = "2016-05-01", "2012-05-01"
CHILD: dict[str, Any] = {"nhs_number": "999 000 0018", "date_of_birth": BORN}
DAY, TODAY = "13 Apr 2026", "14 Apr 2026"
TRIGGERS = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"


@pytest.fixture
def lived(team: Team) -> Team:
    """A late case of a child, a second case, the letters and the digest of a morning, and a signed checkpoint."""
    team.record("2 Feb 2026", OPENS, la="northshire", **CHILD)
    team.record("2 Feb 2026", "assessment_agreed")
    team.asked("2 Mar 2026")
    team.record("2 Mar 2026", OPENS, case=LOST, la="eastmere")
    team.sweep(DAY)
    deliver(team.context(DAY))
    morning(team, DAY)
    assert sequence(team.context(DAY)).refused is None
    assert verify(team.context(DAY)).damage == []
    return team


@contextmanager
def past_the_triggers(team: Team) -> Iterator[Connection]:
    """A transaction of the database's owner, past the triggers, which are there again afterwards."""
    team.first.engine.dispose()
    engine = create_engine(team.first.settings.database_url or f"sqlite:///{team.home / 'sendflow.db'}")
    with engine.begin() as connection:
        of_sqlite = connection.dialect.name == "sqlite"
        triggers = connection.execute(text(TRIGGERS)).all() if of_sqlite else []
        for name, _statement in triggers:
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        if not of_sqlite:
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        yield connection
        for _name, statement in triggers:
            connection.exec_driver_sql(statement)
    engine.dispose()


def found(report: VerifyReport) -> set[str]:
    return {each.what for each in report.damage}


def every_row(team: Team) -> dict[str, list[Mapping[str, Any]]]:
    """The whole database, as a copy of it has it."""
    with reading(team.first.engine) as connection:
        tables = METADATA.sorted_tables
        return {each.name: [dict(row) for row in connection.execute(select(each)).mappings()] for each in tables}


def put_back(team: Team, copy: Mapping[str, list[Mapping[str, Any]]]) -> None:
    """Put the copy in the place of the database."""
    with past_the_triggers(team) as connection:
        for table in reversed(METADATA.sorted_tables):
            connection.execute(delete(table))
        for table in METADATA.sorted_tables:
            if copy[table.name]:
                connection.execute(insert(table), copy[table.name])


def security_says(words: str) -> bool:
    return words in " ".join((ROOT / "SECURITY.md").read_text("utf-8").split())


def test_04d_a_deleted_case_is_found_after_the_next_digest_too(lived: Team) -> None:
    """The digest once published a head over the damage, and verification then said that all was well."""
    before = anchors(lived)
    delete_case(lived)
    assert not at_night(lived, TODAY).intact
    morning(lived, TODAY)
    assert anchors(lived) == before, "no head is published over it"
    assert {"head", "log"} <= found(verify(lived.context(TODAY)))
    assert [(each.case_ref, each.seq) for each in verify(lived.context(TODAY)).damage if each.what == "log"]
    assert open_findings(lived)
    close_all(lived, TODAY)
    morning(lived, "15 Apr 2026")
    assert not verify(lived.context("15 Apr 2026")).intact
    assert command(lived, "15 Apr 2026", "verify").exit_code == 1


def test_08k_an_edited_letter_file_is_found_and_a_deleted_one_is_not(lived: Team) -> None:
    files = sorted((lived.home / "letters").glob("*.eml"))
    for file in files:
        sent = file.read_bytes()
        file.write_bytes(sent.replace(b"Subject: ", b"Subject: No "))
        assert [(each.what, file.name in each.message) for each in verify(lived.context(DAY)).damage] == [
            ("letter", True)
        ]
        file.write_bytes(sent)
    assert files
    files[0].unlink()
    assert verify(lived.context(DAY)).damage == []
    assert security_says("a file deleted: people may empty the folder")


def test_11_a_trigger_that_is_gone_and_one_of_the_same_name_without_effect_are_named(lived: Team) -> None:
    hollow = {
        "sqlite": ("", "CREATE TRIGGER fact_no_update BEFORE UPDATE ON fact BEGIN SELECT 1; END"),
        "postgresql": (
            " ON fact",
            "CREATE TRIGGER fact_no_update BEFORE UPDATE ON fact FOR EACH ROW"
            " EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        ),
    }
    with lived.first.engine.begin() as connection:
        on, forged = hollow[connection.dialect.name]
        connection.exec_driver_sql(f"DROP TRIGGER fact_no_update{on}")
    for statement in (None, forged):
        if statement:
            with lived.first.engine.begin() as connection:
                connection.exec_driver_sql(statement)
        damage = verify(lived.context(DAY)).damage
        assert any("fact_no_update" in each.message for each in damage), damage
        assert "fact_no_update" in " ".join(each.message for each in examine(lived.first.settings).findings)


def forge_birth(team: Team, *, with_records: bool = False) -> None:
    """Give the child another birth date, encrypted as it must be: the person has person.key and the database.

    With `with_records`, the newest record of that person and each record after it are written again with right hashes
    and MACs.
    """
    with reading(team.first.engine) as connection:
        child = str(connection.scalar(select(CASE.c.child_key).where(CASE.c.case_ref == team.case)))
        keys, mac = DataKeys(connection, team.first.cipher), newest_mac(connection)
        [row] = connection.execute(select(PERSON).where(PERSON.c.child_key == child)).mappings().all()
        known = keys.decrypt(row["sealed"], person_place(child))
        assert BORN in known and mac is not None
        sealed = keys.encrypt(known.replace(BORN, FORGED), person_place(child))
        records = connection.execute(select(CHANGE_LOG).order_by(CHANGE_LOG.c.number)).mappings().all()
    coverage = COVERED["person"]
    after = {**row, "sealed": sealed}
    fresh = row_digest(coverage, [after[name] for name in coverage.columns])
    with past_the_triggers(team) as connection:
        connection.execute(update(PERSON).where(PERSON.c.child_key == child).values(sealed=sealed))
        if not with_records:
            return
        newest = max(each["number"] for each in records if (each["subject"], each["key"]) == ("person", child))
        previous = next(each["prev_hash"] for each in records if each["number"] == newest)
        for each in (dict(each) for each in records if each["number"] >= newest):
            each["digest"] = fresh if each["number"] == newest else each["digest"]
            names = ("number", "at", "subject", "key", "case_ref", "digest")
            each["prev_hash"], each["hash"] = previous, link(previous, [each[name] for name in names])
            each["mac"] = each["mac"] and mac.of_record(each["number"], each["hash"], each["acting"])
            previous = each["hash"]
            connection.execute(update(CHANGE_LOG).where(CHANGE_LOG.c.number == each["number"]).values(**each))


def born(team: Team) -> str | None:
    with reading(team.first.engine) as connection:
        person = people.person_of(connection, team.first.cipher, team.case)
    return person["date_of_birth"] if person else None


def test_13i_a_birth_date_forged_with_person_key_is_found(lived: Team) -> None:
    forge_birth(lived)
    assert born(lived) == FORGED
    assert found(verify(lived.context(DAY))) == {"person"}


def test_13i_with_its_records_too_the_signed_log_finds_it(lived: Team) -> None:
    forge_birth(lived, with_records=True)
    assert born(lived) == FORGED
    report = verify(lived.context(DAY))
    assert report.macs == "checked" and "log" in found(report) and "person" not in found(report), report.damage


def test_13i_before_a_checkpoint_covers_it_nothing_finds_it(team: Team) -> None:
    """Two records and no checkpoint: only what left the installation could show it, and nothing has left."""
    team.record("2 Feb 2026", OPENS, la="northshire", **CHILD)
    forge_birth(team, with_records=True)
    assert born(team) == FORGED
    assert verify(team.context("2 Feb 2026")).damage == []
    assert security_says(
        "a value forged with `person.key`, with its records of the change log, before a checkpoint covers them"
    )


def test_14f_an_adopted_file_that_was_changed_opens_no_installation(lived: Team) -> None:
    adopt(lived.context(DAY), PACKS / "key_stage_reviews", "dco.team")
    (file,) = (lived.home / "law").glob("0001-*/statute/annual_review.keystages.toml")
    file.write_text(file.read_text("utf-8").replace("24", "36"), "utf-8")
    settings = Settings(home=lived.home, today=day(DAY), database_url=lived.first.settings.database_url)
    with pytest.raises(ConfigFault, match="is not the file that was adopted"):
        AppContext.load(settings)
    assert file.name in " ".join(each.message for each in examine(settings).findings)
    done = command(lived, DAY, "verify")
    assert done.exit_code == 1 and file.name in str(done.exception)


def test_14g_a_planted_directory_is_named_until_it_is_used_and_then_has_its_row(lived: Team) -> None:
    (lived.home / "directory.toml").write_text(DEFAULT.read_text("utf-8").replace("example", "evil.example"), "utf-8")
    settings = Settings(home=lived.home, today=day(DAY), database_url=lived.first.settings.database_url)
    lived.first = AppContext.load(settings)
    lived._contexts.clear()
    [planted] = verify(lived.context(DAY)).damage
    assert planted.what == "config" and "directory" in planted.message
    lived.record(DAY, "health_advice_acknowledged", service="speech_and_language_therapy")
    assert verify(lived.context(DAY)).damage == []
    with reading(lived.first.engine) as connection:
        query = "SELECT text FROM config_held WHERE kind = 'directory' ORDER BY number DESC"
        newest = connection.exec_driver_sql(query).scalar()
    assert newest is not None and "evil.example" in newest
    assert security_says("verification, until a job has used it; then `config_held` has its text, instant and machine;")


def test_16a_an_older_database_is_found_by_the_heads_that_were_published(lived: Team) -> None:
    old = every_row(lived)
    lived.record(TODAY, "health_advice_acknowledged", service="speech_and_language_therapy")
    morning(lived, TODAY)
    assert sequence(lived.context(TODAY)).refused is None
    put_back(lived, old)
    report = verify(lived.context(TODAY))
    assert {"older_records", "log"} <= found(report), report.damage
    with reading(lived.first.engine) as connection:
        good = published_heads.last_good(lived.context(TODAY), connection, "9999")
    assert good is not None and good.before[:10] == "2026-04-14"


def test_16b_an_older_copy_of_the_whole_folder_is_found_by_a_head_that_left_and_by_nothing_else(lived: Team) -> None:
    old, folder = every_row(lived), lived.home.parent / "copy"
    copied = shutil.ignore_patterns("sendflow.db*", "postgres")
    shutil.copytree(lived.home, folder, ignore=copied)
    lived.record(TODAY, "health_advice_acknowledged", service="speech_and_language_therapy")
    left = digest(lived.context(TODAY), transport=lived.post)
    assert sequence(lived.context(TODAY)).refused is None
    for path in lived.home.iterdir():
        if not path.name.startswith("sendflow.db"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copytree(folder, lived.home, dirs_exist_ok=True)
    put_back(lived, old)
    assert verify(lived.context(TODAY)).damage == []
    assert "published_head" in found(verify(lived.context(TODAY), head=left.head, before=left.before))
    assert security_says("an older copy of the whole folder: only a head that left")
