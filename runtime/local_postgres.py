"""The local PostgreSQL of one installation, from the binaries on this machine: created, started, stopped. [I/O]

It needs no administrator. The cluster listens on loopback and on a socket in its
own folder, asks everybody for a password, and is started by an unprivileged user where the caller is root, because
PostgreSQL refuses root.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from config.files import write_whole
from models.errors import ServiceNotStarted

OLDEST = 15
HOST = "127.0.0.1"
USERS = ("postgres", "sendflow", "nobody")
NEEDED = (
    "PostgreSQL 15 or later is not on this machine: install it (on Debian: apt install postgresql), or point"
    " SENDFLOW_DATABASE_URL at a server that you have, as in postgresql+psycopg://sendflow@db.icb.example/sendflow"
)
SECONDS = 60.0
# For tests, which make hundreds of databases: without safety against power cuts, and without the workers that look at
# each database every minute.
FAST = {
    "autovacuum": "off",
    "checkpoint_timeout": "1h",
    "deadlock_timeout": "100ms",
    "fsync": "off",
    "full_page_writes": "off",
    "jit": "off",
    "max_wal_senders": "0",
    "max_wal_size": "1GB",
    "wal_level": "minimal",
}


class LocalPostgresError(ServiceNotStarted):
    """The cluster cannot be made or started; the text is one line for a person."""

    default_code = "local_postgresql"


@dataclass(frozen=True, slots=True)
class Roles:
    """The passwords of the cluster's two roles, and its port: `owner` makes the tables, `sendflow` is the
    application.
    """

    port: int
    owner: str
    sendflow: str


def binaries() -> Path | None:
    """The folder of postgres, initdb and their kin, of the newest version that will do; None where there is none."""
    named = shutil.which("postgres")
    folders = [
        *Path("/usr/lib/postgresql").glob("*/bin"),
        *Path("/usr").glob("pgsql-*/bin"),
        *([Path(named).resolve().parent] if named else []),
    ]
    found = {
        folder: version
        for folder in folders
        if (folder / "initdb").exists() and (version := _version(folder)) >= OLDEST
    }
    return max(found, key=lambda folder: found[folder], default=None)


def _version(folder: Path) -> int:
    try:
        said = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=False).stdout
    except OSError:
        return 0
    number = re.search(r"\d+", said)
    return int(number.group()) if number else 0


class LocalPostgres:
    """One cluster in one folder. `fast`, for tests, gives up its safety against power cuts, and digests of passwords
    that take long to work out at each connection.
    """

    def __init__(self, folder: Path, fast: bool = False) -> None:
        """Raises LocalPostgresError where PostgreSQL is not installed. Nothing is made yet."""
        found = binaries()
        if found is None:
            raise LocalPostgresError(NEEDED)
        self.folder = folder
        self.data = folder / "data"
        self.fast = fast
        self._bin = found
        self._user = _unprivileged()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def roles(self) -> Roles:
        """What the cluster was made with. Raises LocalPostgresError where it was not."""
        try:
            return Roles(**json.loads((self.folder / "roles.json").read_text()))
        except (OSError, ValueError, TypeError):
            raise LocalPostgresError(
                f"{self.folder} is no local PostgreSQL of sendflow, because its roles.json cannot be read"
            ) from None

    def url(self, database: str, role: str = "sendflow", driver: str = "postgresql+psycopg") -> str:
        """The address of a database as one of the two roles; it holds the password."""
        roles = self.roles
        return f"{driver}://{role}:{getattr(roles, role)}@{HOST}:{roles.port}/{database}"

    def make(self) -> None:
        """Make the cluster where there is none: two roles with passwords of their own, and nothing that listens yet."""
        if (self.folder / "roles.json").exists():
            return
        if self.folder.exists():
            shutil.rmtree(self.folder)  # left by a making that was cut off
        if self._user is not None and self.folder.parent.exists():
            # The folder of the installation is closed to others; the account of the server has to pass through it.
            self.folder.parent.chmod(self.folder.parent.stat().st_mode | stat.S_IXOTH)
        if self._user is not None and (
            closed := [each for each in self.folder.parents if each.exists() and not each.stat().st_mode & 0o001]
        ):
            raise LocalPostgresError(
                f"PostgreSQL runs as {self._user.pw_name}, to whom {closed[0]} is closed: name a folder that others may"
                " pass through, as in SENDFLOW_HOME=/srv/sendflow"
            )
        self.folder.mkdir(parents=True)
        roles = Roles(_free_port(), secrets.token_urlsafe(24), secrets.token_urlsafe(24))
        password = self.folder / "password"
        write_whole(password, roles.owner)
        if self._user is not None:
            for path in (self.folder, password):
                os.chown(path, self._user.pw_uid, self._user.pw_gid)
        self.folder.chmod(0o700)
        self._run(
            "initdb",
            "--pgdata",
            str(self.data),
            "--username",
            "owner",
            "--auth",
            "md5" if self.fast else "scram-sha-256",
            "--pwfile",
            str(password),
            "--encoding",
            "UTF8",
            "--locale",
            "C",
            "--data-checksums",
            *(["--no-sync"] if self.fast else []),
        )
        password.unlink()
        self._keep(roles)

    def _keep(self, roles: Roles) -> None:
        write_whole(self.folder / "roles.json", json.dumps(asdict(roles)))

    def start(self) -> None:
        """Start the server as a child of this process and wait until it answers. Raises LocalPostgresError."""
        self.stop_old()
        roles = self.roles
        if _taken(roles.port):
            roles = Roles(_free_port(), roles.owner, roles.sendflow)
            self._keep(roles)
        settings = {
            "listen_addresses": HOST,
            "port": str(roles.port),
            "unix_socket_directories": str(self.folder),
            "timezone": "UTC",
        }
        if len(str(self.folder)) > 90:  # the kernel takes no longer name of a socket
            settings["unix_socket_directories"] = ""
        if self.fast:
            settings |= FAST
        command = [
            str(self._bin / "postgres"),
            "-D",
            str(self.data),
            *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
        ]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._as_user(),
            )
        give_up = time.monotonic() + SECONDS
        while time.monotonic() < give_up:
            if self._process.poll() is not None:
                break
            if self.answers():
                return
            time.sleep(0.05)
        self.stop()
        raise LocalPostgresError(f"PostgreSQL did not start; its last words are in {self.folder / 'log'}")

    def answers(self) -> bool:
        """Whether the server takes connections."""
        try:
            done = subprocess.run(
                [self._bin / "pg_isready", "-q", "-h", HOST, "-p", str(self.roles.port)],
                capture_output=True,
                check=False,
                cwd="/",
            )
        except FileNotFoundError:
            return _taken(self.roles.port)
        return done.returncode == 0

    def wait(self) -> int:
        """Wait until the server has ended; its exit code."""
        assert self._process is not None, "not started by this process"
        return self._process.wait()

    def stop(self, at_once: bool = False) -> None:
        """End the server fast: sessions are cut off, what they had not committed is undone. `at_once`: without writing
        what it has in memory, so that its next start recovers it from the log.
        """
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGQUIT if at_once else signal.SIGINT)
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(20)

    def stop_old(self) -> None:
        """End a server of this cluster: this process's own, or one whose supervisor was killed."""
        # waits for its own: pg_ctl would wait a minute for one that was killed, until somebody had waited
        # for it
        self.stop()
        if (self.data / "postmaster.pid").exists():
            self._run("pg_ctl", "stop", "-D", str(self.data), "-m", "fast", "-w", may_fail=True)

    def database(self, name: str, owner: str = "owner") -> None:
        """Make a database, owned by one of the two roles, and the application's role, where there is none."""
        import psycopg
        from psycopg import sql

        with psycopg.connect(self.url("postgres", "owner", "postgresql"), autocommit=True) as connection:
            if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = 'sendflow'").fetchone() is None:
                connection.execute(
                    sql.SQL("CREATE ROLE sendflow LOGIN PASSWORD {}").format(sql.Literal(self.roles.sendflow))
                )
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone() is None:
                connection.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(owner))
                )

    def _run(self, program: str, *words: str, may_fail: bool = False) -> None:
        done = subprocess.run(
            [self._bin / program, *words],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            **self._as_user(),
        )
        if done.returncode and not may_fail:
            said = [line for line in done.stderr.splitlines() if line.strip()]
            raise LocalPostgresError(f"{program} failed in {self.folder}: {said[0] if said else 'no reason given'}")

    def _as_user(self) -> dict[str, Any]:
        return {} if self._user is None else {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}


def _unprivileged() -> pwd.struct_passwd | None:
    """Who the server runs as, where the caller is root; None where the caller is not."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    for name in USERS:
        if name in known:
            return known[name]
    raise LocalPostgresError(
        f"PostgreSQL does not run as root, and none of the users {', '.join(USERS)} is on this machine"
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0
