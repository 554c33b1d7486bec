"""A backup has no data keys, is read by one private key alone, and is restored on trial from the bytes on the disk."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from sqlalchemy import select

from audit.verify import verify
from casework.context import AppContext
from casework.job_runs import BACKUP, RESTORE_TRIAL, last_finished
from casework.privacy.access import read_person
from casework.privacy.erasure import Ground
from casework.privacy.stored_keys import NotTheKeys, restore_keys
from config.own_files import OWN_FILES
from config.settings import Settings
from models.data_keys import OLDER_VALUES
from models.database import open_engine, reading, writing
from models.encryption import Cipher, EncryptionError
from models.key_checks import DataKeysMissing
from models.tables import ACCESS, DATA_KEY, JOB_RUN
from runtime import backup
from runtime.backup import BackupFailed, Recipient, back_up, open_archive
from runtime.diagnostics.backup_checks import backups
from runtime.health.metrics import collect_metrics
from tests.support.erasing import erase
from tests.support.paths import ROOT
from tests.support.team import Team

TODAY = "2 Mar 2026"
SHIPPED = ROOT / "config"
FIRST, SECOND = "NX90001", "NX90002"
NUMBERS = {FIRST: "999 000 0018", SECOND: "999 123 4500"}


@pytest.fixture
def two(team: Team) -> Team:
    """Two children, each with a case and a free text."""
    for case, number in NUMBERS.items():
        team.record("2 Feb 2026", "ehc_assessment_requested", case=case, la="northshire", nhs_number=number)
        team.record(TODAY, "health_advice_requested", case=case, service="physiotherapy", note="rang twice")
    return team


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate and its private key, made by openssl as the page says."""
    folder = tmp_path_factory.mktemp("pair")
    certificate, key = folder / "backup.pem", folder / "backup.key"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", "/CN=backup"]
    subprocess.run([*made, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key


def restored(team: Team, kept: Path, to: Path) -> Settings:
    """Copy a backup into an empty folder, as the page says."""
    to.mkdir()
    subprocess.run(["cp", "-R", f"{kept}/records/.", f"{kept}/key/.", to], check=True)
    return Settings(home=to, today=team.context(TODAY).settings.today)


def test_no_backup_holds_a_data_key_and_the_newest_keys_are_beside_it(two: Team, tmp_path: Path) -> None:
    with reading(two.first.engine) as connection:
        wrapped = [bytes(each) for each in connection.scalars(select(DATA_KEY.c.wrapped))]
    kept = back_up(two.first.settings, tmp_path / "backups")
    assert len(wrapped) == 4
    for path in kept.rglob("*"):
        assert not path.is_file() or not any(each in path.read_bytes() for each in wrapped), path.name
    stored = json.loads((tmp_path / "backups" / "keys" / "data_keys.json").read_text())
    assert len(stored["keys"]) == 4 and stored["erasures"] == []
    for number in NUMBERS.values():
        assert not any(number in key or number.replace(" ", "") in key for key in stored["keys"])
    assert OLDER_VALUES not in stored["keys"]


def test_a_restored_backup_reads_nobody_who_was_erased_since(two: Team, tmp_path: Path) -> None:
    kept = back_up(two.first.settings, tmp_path / "backups")
    erase(two.context(TODAY), FIRST, "dco.team", Ground.ERASURE_REQUEST)
    back_up(two.first.settings, tmp_path / "later")
    settings = restored(two, kept, tmp_path / "restored")
    with pytest.raises(DataKeysMissing, match="sendflow restore-keys"):
        AppContext.load(settings)
    done = restore_keys(settings, tmp_path / "later" / "keys" / "data_keys.json")
    assert (done.keys, done.erasures, done.persons, done.passages, done.mails) == (2, 1, 1, 1, 0)
    context = AppContext.load(settings)
    assert not read_person(context, FIRST, "dco.team", "contact").known
    assert read_person(context, SECOND, "dco.team", "contact").nhs_number == NUMBERS[SECOND]
    assert verify(context).damage == []
    with reading(context.engine) as connection:
        lines = select(ACCESS.c.case_ref, ACCESS.c.actor).where(ACCESS.c.purpose == "erased_erasure_request")
        assert [tuple(row) for row in connection.execute(lines)] == [(FIRST, "sam.lee")]
    with pytest.raises(NotTheKeys, match="has its data keys"):
        restore_keys(settings, tmp_path / "later" / "keys" / "data_keys.json")
    context.engine.dispose()


@pytest.mark.parametrize("content", [b"", b"{}", b'{"format": 2}', b"not json"])
def test_a_file_that_holds_no_keys_loads_nothing(two: Team, tmp_path: Path, content: bytes) -> None:
    settings = restored(two, back_up(two.first.settings, tmp_path / "backups"), tmp_path / "restored")
    (tmp_path / "keys.json").write_bytes(content)
    with pytest.raises(NotTheKeys, match="cannot be read, or is none"):
        restore_keys(settings, tmp_path / "keys.json")
    with pytest.raises(DataKeysMissing):
        AppContext.load(settings)


def test_keys_of_another_installation_load_nothing(two: Team, tmp_path: Path) -> None:
    settings = restored(two, back_up(two.first.settings, tmp_path / "backups"), tmp_path / "restored")
    keys = tmp_path / "backups" / "keys" / "data_keys.json"
    (settings.home / "person.key").unlink()
    Cipher.make(settings.home / "person.key")
    with pytest.raises(EncryptionError):
        restore_keys(settings, keys)
    engine = open_engine(settings.records_url)
    with reading(engine) as connection:
        assert connection.scalar(select(DATA_KEY.c.subject)) is None
    engine.dispose()


def test_an_encrypted_backup_is_opened_by_its_key_alone(
    two: Team, tmp_path: Path, pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "PART", 64 * 1024)  # several parts
    kept = back_up(two.first.settings, tmp_path / "backups", pair[0])
    names = sorted(path.name for path in kept.iterdir())
    assert len(names) > 3 and all(name.endswith(".cms") for name in names)
    assert not any(b"SQLite format" in path.read_bytes() for path in kept.iterdir())
    (tmp_path / "plain").mkdir()
    words = "for part in archive.*.cms; do openssl cms -decrypt -inform DER -in $part -inkey KEY; done | tar -x -C TO"
    line = words.replace("KEY", str(pair[1])).replace("TO", str(tmp_path / "plain"))
    subprocess.run(["sh", "-ec", line], cwd=kept, check=True)
    settings = restored(two, tmp_path / "plain", tmp_path / "restored")
    restore_keys(settings, tmp_path / "backups" / "keys" / "data_keys.json")
    context = AppContext.load(settings)
    assert verify(context).damage == []
    context.engine.dispose()
    with pytest.raises(BackupFailed, match="cannot be decrypted"):
        open_archive(kept, Recipient.of_this_process(), tmp_path / "other")


def own(pair: tuple[Path, Path]) -> Recipient:
    key = serialization.load_pem_private_key(pair[1].read_bytes(), None)
    return Recipient(x509.load_pem_x509_certificate(pair[0].read_bytes()), key)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        ("none", None),
        ("lost", "00001.cms cannot be decrypted"),
        ("altered", "00001.cms (cannot be decrypted|is not the part)"),
        ("exchanged", "00001.cms is not the part"),
    ],
)
def test_a_part_that_is_lost_altered_or_exchanged_is_refused(
    two: Team, tmp_path: Path, pair: tuple[Path, Path], harm: str, says: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "PART", 64 * 1024)
    kept = back_up(two.first.settings, tmp_path / "backups", pair[0])
    first, second = sorted(kept.glob("archive.*.cms"))[:2]
    content = first.read_bytes()
    if says is None:
        open_archive(kept, own(pair), tmp_path / "to")
        assert (tmp_path / "to" / "records" / "sendflow.db").exists()
        return
    if harm == "lost":
        first.unlink()
    elif harm == "altered":
        first.write_bytes(content[:-40] + bytes([content[-40] ^ 1]) + content[-39:])
    else:
        first.write_bytes(second.read_bytes())
        second.write_bytes(content)
    with pytest.raises(BackupFailed, match=says):
        open_archive(kept, own(pair), tmp_path / "to")


@pytest.mark.parametrize("encrypted", [False, True])
def test_a_trial_restores_and_verifies_and_leaves_no_key(
    two: Team, tmp_path: Path, pair: tuple[Path, Path], encrypted: bool
) -> None:
    kept = back_up(two.first.settings, tmp_path / "backups", pair[0] if encrypted else None, trial=True)
    assert {path.name for path in kept.parent.iterdir()} == {kept.name, "keys"}
    with reading(two.first.engine) as connection:
        assert {each.act for each in connection.execute(select(JOB_RUN))} >= {BACKUP, RESTORE_TRIAL}
    if encrypted:
        assert {path.suffix for path in kept.iterdir()} == {".cms"}
        open_archive(kept, own(pair), tmp_path / "plain")
        assert (tmp_path / "plain" / "key" / "person.key").exists()


def test_a_backup_of_altered_records_fails_its_trial_and_is_not_a_backup(two: Team, tmp_path: Path) -> None:
    with two.first.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER fact_no_update")
        connection.exec_driver_sql("UPDATE fact SET text = '{}' WHERE case_ref = 'NX90001' AND seq = 2")
    with pytest.raises(BackupFailed, match="verification finds"):
        back_up(two.first.settings, tmp_path / "backups", trial=True)
    assert list((tmp_path / "backups").iterdir()) == []
    with reading(two.first.engine) as connection:
        assert last_finished(connection, BACKUP) is None


def test_a_certificate_that_is_none_makes_no_backup(two: Team, tmp_path: Path) -> None:
    (tmp_path / "wrong.pem").write_text("no certificate")
    with pytest.raises(BackupFailed, match="openssl req"):
        back_up(two.first.settings, tmp_path / "backups", tmp_path / "wrong.pem")
    assert not (tmp_path / "backups").exists()


@pytest.mark.parametrize(
    ("made", "tried", "found"),
    [
        (None, None, ["no_backup"]),
        (timedelta(hours=25), timedelta(days=7), []),
        (timedelta(hours=27), timedelta(days=7), ["backup_old"]),
        (timedelta(hours=1), timedelta(days=9), ["restore_not_tried"]),
        (timedelta(hours=1), None, ["restore_not_tried"]),
    ],
)
def test_the_doctor_and_the_metrics_know_the_age(
    tmp_path: Path, made: timedelta | None, tried: timedelta | None, found: list[str]
) -> None:
    context = AppContext.load(Settings(home=tmp_path / "var"))
    now = datetime.now(UTC)
    with writing(context.engine) as connection:
        row = context.ruleset_guard
        row.ensure_active(connection, f"{now - timedelta(days=8):%Y-%m-%dT%H:%M:%S.%fZ}", "sendflow", "test")
        for act, age in ((BACKUP, made), (RESTORE_TRIAL, tried)):
            if age is not None:
                at = f"{now - age:%Y-%m-%dT%H:%M:%S.%fZ}"
                given = {"act": act, "as_at": now.date(), "finished_at": at, "outcome": "done", "detail": "x"}
                connection.execute(JOB_RUN.insert(), [given])
    with reading(context.engine) as connection:
        assert [each.what for each in backups(context, connection, now.date())] == found
    ages = {sample.name: sample.value for family in collect_metrics(context) for sample in family.samples}
    for name, age in (("backup", made), ("restore_trial", tried)):
        value = ages.get(f"sendflow_{name}_age_seconds")
        assert (value is None) == (age is None) and (age is None or abs((value or 0) - age.total_seconds()) < 60)
    context.engine.dispose()


def test_every_file_of_the_installation_s_own_is_in_the_backup(two: Team, tmp_path: Path) -> None:
    """Two were not: a restored installation would have gone by the shipped limits of mail and tools of audit."""
    for name in OWN_FILES:
        shipped = SHIPPED / ("ladder/ehc_needs_assessment.toml" if name == "ladder.toml" else name)
        (two.home / name).write_bytes(b"# our own\n" + shipped.read_bytes())
    kept = back_up(two.first.settings, tmp_path / "backups")
    found = {path.name for path in (kept / "records").glob("*.toml") if path.read_bytes().startswith(b"# our own")}
    assert found == OWN_FILES.keys() and {"transports.toml", "audit_tools.toml"} <= found
