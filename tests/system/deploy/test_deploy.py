"""The files that an administrator copies work unchanged: systemd accepts the units, and a backup can be restored."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
from datetime import date
from pathlib import Path

import pytest

from casework.context import AppContext
from casework.privacy.stored_keys import restore_keys
from config.directory import load_directory
from config.escalation_policy import load_escalation_policy
from config.settings import Settings
from models.key_checks import DataKeysMissing
from tests.support.calling import sendflow
from tests.support.paths import ROOT
from tests.support.team import Team

CONFIG = ROOT / "config"
LADDER, DIRECTORY, TRACKER = (
    CONFIG / "ladder" / "ehc_needs_assessment.toml",
    CONFIG / "directory.toml",
    CONFIG / "tracker.toml",
)
OWN = ("ladder.toml", "directory.toml", "tracker.toml")
UNITS = sorted((ROOT / "deploy" / "systemd").iterdir())


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_every_unit_names_what_is_there(unit: Path) -> None:
    """Every path under /opt/sendflow exists in this checkout; the user can be any."""
    words = [
        word
        for line in unit.read_text().splitlines()
        if not line.startswith("#")
        for word in line.replace("=", " ").replace("file:", "").split()
    ]
    ours = [word.removeprefix("/opt/sendflow") for word in words if word.startswith("/opt/sendflow/")]
    assert [path for path in ours if not path.startswith("/.venv/") and not (ROOT / path.lstrip("/")).exists()] == []


def test_every_line_that_a_unit_starts_is_a_command_of_ours() -> None:
    """sendflow knows the command and its options. tests/system/postgres/test_work_pool.py starts the components."""
    lines = [
        line.partition("=")[2]
        for unit in UNITS
        for line in unit.read_text().splitlines()
        if line.startswith(("ExecStart=", "ExecStartPost="))
    ]
    assert len(lines) == 9
    for line in lines:
        program, *words = line.split()
        if program.endswith("/bin/sendflow"):
            done = sendflow(*words, "--help")
            assert done.exit_code == 0, f"{line}: {done.output}"
        else:
            assert program == "/opt/sendflow/deploy/backup"
            assert set(words) <= {"/var/backups/sendflow", "--try"}


def test_no_service_writes_files_for_others_or_its_memory_to_the_disk() -> None:
    for unit in (each for each in UNITS if each.suffix == ".service"):
        lines = unit.read_text().splitlines()
        assert {"UMask=0077", "LimitCORE=0", "ProtectProc=invisible"} <= set(lines), unit.name


if shutil.which("systemd-analyze"):

    def test_systemd_finds_no_fault_in_the_units(tmp_path: Path) -> None:
        for unit in UNITS:
            (tmp_path / unit.name).write_text(unit.read_text().replace("/opt/sendflow", str(ROOT)))
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", *map(str, tmp_path.iterdir())],
            capture_output=True,
            text=True,
            check=False,
        )
        assert [line for line in done.stderr.splitlines() if "sendflow" in line] == []


def test_a_backup_of_the_script_opens_as_an_installation_and_verifies(team: Team, tmp_path: Path) -> None:
    (team.home / "ladder.toml").write_text(LADDER.read_text("utf-8").replace("weeks = 3", "weeks = 2", 1), "utf-8")
    (team.home / "directory.toml").write_text(DIRECTORY.read_text("utf-8").replace("send.dco@", "dco.team@"), "utf-8")
    (team.home / "tracker.toml").write_text(TRACKER.read_text("utf-8"), "utf-8")
    team = Team(team.home)
    team.opened("2 Feb 2026").asked("2 Mar 2026", note="Mum rang")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SENDFLOW_")} | {
        "SENDFLOW_HOME": str(team.home)
    }
    done = subprocess.run(
        [ROOT / "deploy" / "backup", tmp_path / "backups"],
        env=environment,
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    kept = Path(done.stdout.strip())
    assert {path.name for path in kept.rglob("*") if path.is_file() and path.parent.name != "held"} == {
        "sendflow.db",
        "law_held.json",
        "person.key",
        *OWN,
    }
    assert oct(kept.stat().st_mode & 0o777) == "0o700"
    fresh = tmp_path / "restored"
    fresh.mkdir()
    restore = re.search(r"\n    (cp -R .+) FOLDER\n", (ROOT / "docs" / "operate" / "backup.md").read_text("utf-8"))
    assert restore is not None
    subprocess.run([*restore[1].split(), fresh], cwd=kept, check=True)
    with pytest.raises(DataKeysMissing):
        AppContext.load(Settings(home=fresh, today=date(2026, 3, 2)))
    restored = restore_keys(Settings(home=fresh), tmp_path / "backups" / "keys" / "data_keys.json")
    assert (restored.keys, restored.erasures, restored.passages) == (1, 0, 0)
    again = Team(fresh)
    assert (
        again.first.directory == load_directory(team.home / "directory.toml")
        and again.first.escalation_policy.digest == load_escalation_policy(team.home / "ladder.toml").digest
    )
    assert again.lines() == team.lines()
    assert again.verify("3 Mar 2026").intact
    again.first.engine.dispose()
    with sqlite3.connect(kept / "records" / "sendflow.db") as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_half_a_backup_never_has_the_name_of_a_whole_one(team: Team, tmp_path: Path) -> None:
    """The operator restores the newest backup. So a failed backup leaves no folder, and a folder without the key has a
    name that says so.
    """
    team.opened("2 Feb 2026").asked("2 Mar 2026", note="Mum rang")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SENDFLOW_")}

    def tried(home: Path) -> subprocess.CompletedProcess[str]:
        environment = clean | {"SENDFLOW_HOME": str(home)}
        return subprocess.run(
            [ROOT / "deploy" / "backup", tmp_path / "backups"],
            env=environment,
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
        )

    empty = tmp_path / "empty"
    empty.mkdir()
    assert tried(empty).returncode != 0
    assert list((tmp_path / "backups").iterdir()) == []
    (team.home / "person.key").rename(tmp_path / "person.key")
    done = tried(team.home)
    assert done.returncode == 1
    assert "sendflow doctor" in done.stderr
    assert [path.name.endswith("-without-key") for path in (tmp_path / "backups").iterdir()] == [True]
    (tmp_path / "person.key").rename(team.home / "person.key")


def test_the_command_for_root_runs_as_the_units_do() -> None:
    """User, settings, folder and program are the same, so a person's command and the service use one installation."""
    typed = (ROOT / "deploy" / "sendflow").read_text()
    unit = (ROOT / "deploy" / "systemd" / "sendflow.service").read_text()
    setting = dict(line.partition("=")[::2] for line in unit.splitlines() if "=" in line and not line.startswith("#"))
    assert f"--uid={setting['User']} --gid={setting['Group']}" in typed
    assert f"--working-directory={setting['WorkingDirectory']}" in typed
    assert f"--property=EnvironmentFile={setting['EnvironmentFile'].lstrip('-')}" in typed
    assert f"--setenv={setting['Environment']}" in typed
    assert f"--property=UMask={setting['UMask']}" in typed
    assert f'{setting["ExecStart"].split()[0]} "$@"' in typed
