"""The local PostgreSQL is closed to other accounts, asks for a password, ends with the process that started it, and
belongs to one installation.
"""

from __future__ import annotations

import json
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import OperationalError

from cli import main
from config.private_files import make_private, open_to_others
from config.process_environment import child_environment
from config.settings import Settings, SettingsError
from flows.remedies import remedy
from models.database import open_engine
from notifications.local_smtp import free_port
from runtime.diagnostics.checks import examine
from runtime.local_postgres import LocalPostgres, LocalPostgresError
from tests.support.installation import ROOT, processes_of, wait_until


@pytest.fixture
def home() -> Iterator[Path]:
    """An installation's folder that the account of PostgreSQL may enter."""
    folder = Path(tempfile.mkdtemp(prefix="sendflow-home-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_it_asks_everybody_for_a_password_and_shows_its_own_to_nobody(postgres: LocalPostgres) -> None:
    for role in ("owner", "sendflow", "postgres"):
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(f"postgresql://{role}@127.0.0.1:{postgres.roles.port}/postgres", password="guessed")
    assert stat.S_IMODE((postgres.folder / "roles.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(postgres.folder.stat().st_mode) == 0o700
    assert not (postgres.folder / "password").exists()
    with psycopg.connect(postgres.url("postgres", "owner", "postgresql")) as connection:
        row = connection.execute("SHOW listen_addresses").fetchone()
        assert row is not None
        assert row[0] == "127.0.0.1"


def test_a_cluster_is_made_in_a_home_that_is_closed_to_others_and_stays_closed(home: Path) -> None:
    """Each start closes the home. Root's PostgreSQL runs as another account, and was then refused for good."""
    for _start in range(2):
        make_private(home)
        LocalPostgres(home / "postgres", fast=True).make()
    assert list(open_to_others(home)) == []
    assert stat.S_IMODE(home.stat().st_mode) & ~stat.S_IXOTH == 0o700, "others list nothing, and write nothing"
    cluster = LocalPostgres(home / "postgres", fast=True)
    cluster.start()
    try:
        assert cluster.answers()
    finally:
        cluster.stop(at_once=True)


def test_an_installation_with_a_local_postgresql_continues_to_use_it(home: Path) -> None:
    (home / "postgres").mkdir()
    (home / "postgres" / "roles.json").write_text(json.dumps({"port": 5544, "owner": "o-word", "sendflow": "s-word"}))
    settings = Settings.read({"SENDFLOW_HOME": str(home)})
    assert settings.database_url == "postgresql+psycopg://sendflow:s-word@127.0.0.1:5544/sendflow"
    assert settings.prefect_database_url == "postgresql+asyncpg://sendflow:s-word@127.0.0.1:5544/prefect"
    assert "word" not in repr(settings)
    assert "word" not in settings.records_place
    elsewhere = Settings.read(
        {
            "SENDFLOW_HOME": str(home),
            "SENDFLOW_DATABASE_URL": "postgresql://dco@db.icb.example/sendflow?sslmode=verify-full",
        }
    )
    assert elsewhere.database_url == "postgresql+psycopg://dco@db.icb.example/sendflow?sslmode=verify-full"
    assert elsewhere.owner_url is None
    (home / "postgres" / "roles.json").write_text("{")
    with pytest.raises(SettingsError, match=r"roles\.json"):
        Settings.read({"SENDFLOW_HOME": str(home)})


@pytest.mark.parametrize(
    "url", ["sqlite:///x.db", "postgresql+psycopg://me:hush@host", "mysql://me:hush@host/x", "hush"]
)
def test_an_address_that_is_none_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(SettingsError, match="SENDFLOW_DATABASE_URL") as refused:
        Settings.read({"SENDFLOW_DATABASE_URL": url})
    assert "hush" not in str(refused.value)


def test_it_ends_with_its_supervisor_and_a_server_left_behind_is_no_hindrance(home: Path) -> None:
    cluster = LocalPostgres(home / "postgres", fast=True)
    cluster.make()
    command = [sys.executable, "-m", "runtime.component", "postgres"]
    environment = child_environment(Settings.read({"SENDFLOW_HOME": str(home)})) | {"PYTHONPATH": str(ROOT)}

    def server() -> str:
        file = cluster.data / "postmaster.pid"
        return file.read_text().split("\n")[0] if file.exists() else ""

    def opened() -> subprocess.Popen[bytes]:
        before = server()
        child = subprocess.Popen(command, env=environment, cwd=ROOT, stdin=subprocess.PIPE, start_new_session=True)
        wait_until(lambda: (server() not in ("", before) and cluster.answers()) or child.poll() is not None)
        assert child.poll() is None
        return child

    child = opened()
    cluster.database("kept")
    child.send_signal(signal.SIGKILL)  # the server runs on: SIGKILL left no time to stop it
    child.wait()
    child = opened()
    with psycopg.connect(cluster.url("kept", "owner", "postgresql")) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert child.stdin is not None
    child.stdin.close()  # as when a supervisor goes
    child.wait(30)
    wait_until(lambda: not processes_of(home))
    assert not cluster.answers()


def test_a_folder_that_is_no_cluster_says_so(tmp_path: Path) -> None:
    with pytest.raises(LocalPostgresError, match=r"roles\.json"):
        _ = LocalPostgres(tmp_path).roles


def test_a_closed_private_postgresql_is_started_by_make_and_another_by_its_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "var"
    (home / "postgres").mkdir(parents=True)
    roles = {"port": free_port(), "owner": "o-word", "sendflow": "s-word"}
    (home / "postgres" / "roles.json").write_text(json.dumps(roles))
    monkeypatch.setenv("SENDFLOW_HOME", str(home))
    monkeypatch.delenv("SENDFLOW_DATABASE_URL", raising=False)
    settings = Settings.read()

    def said_of(settings: Settings) -> str:
        monkeypatch.setattr("sys.argv", ["sendflow", "overdue"])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 3
        with pytest.raises(OperationalError) as closed, open_engine(settings.records_url).connect():
            pass
        run = remedy(closed.value)
        return f"{capsys.readouterr().err} {examine(settings).findings[0].mend} {run.needs}"

    private = said_of(settings)
    assert private.count("make up-postgres") == 3 and "systemctl" not in private, private
    elsewhere = f"postgresql+psycopg://sendflow:word@127.0.0.1:{free_port()}/sendflow"
    monkeypatch.setenv("SENDFLOW_DATABASE_URL", elsewhere)
    other = said_of(Settings.read())
    assert other.count("systemctl status postgresql") == 3 and "make up-postgres" not in other, other
