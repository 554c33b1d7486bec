"""The only reader of the environment: the installation's folder, its ports, the mail transport, a simulated date.

Purpose: other modules get a `Settings`. `config/process_environment.py` gives them to processes that sendflow starts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

from config.connection_urls import (
    CLUSTER,
    LOOPBACK,
    SettingsError,
    api,
    database,
    mailbox,
    pages_at,
    private_cluster,
)
from config.log_folders import log_folders
from config.login import read_login
from config.notify_settings import NotifyAccess, read_notify
from config.reply_mailbox import ReplyMailbox, read_reply_mailbox
from config.single_sign_on import SingleSignOn, read_single_sign_on
from config.webhook_address import read_webhook_hosts

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
# The longest time for one round of letters: a scheduler that delivers must not look like one that has stopped.
ROUND_SECONDS = 1800
PAGES_PORT = 8300


class Carrier(StrEnum):
    """The mail transport: the local SMTP server that stores all letters, a mail server, a folder, or GOV.UK Notify."""

    SINK = "sink"
    SMTP = "smtp"
    FILE = "file"
    NOTIFY = "notify"

    @property
    def in_words(self) -> str:
        """What a person reads, as in "letters by GOV.UK Notify"."""
        return {"sink": "the local SMTP server", "smtp": "the mail server", "file": "folder"}.get(self, "GOV.UK Notify")


ADOPTIONS, EXCEPTIONS, RELEASES = "adoptions", "exceptions", "releases"
SECOND_PERSON = frozenset({ADOPTIONS, EXCEPTIONS, RELEASES})


@dataclass(frozen=True, slots=True)
class Settings:
    """The checked settings of one installation. All its files are under `home`.

    - `today`: the simulated date; None in a real installation
    - `database_url`: the PostgreSQL database; None: the SQLite file under `home`
    - `owner_url`: the same database with the role that owns the tables
    - `tick_seconds`: how often the scheduler checks for due jobs
    - `kill_at`: the fault point at which a test kills this process
    - `metrics_port`: the port of /live, /ready and /metrics; None: `sendflow up` takes a free one
    - `api_url`: the Prefect server of an installation on several machines
    - `tls_ca`: the file of the authority that issued the servers' certificates; None: a public one
    - `workers`: how many share a large sweep or delivery; `delivery_seconds`: the longest time for one delivery
    - `smtp_login`: user:password at the mail server
    - `smtp_tls`: whether every letter must go to the mail server by TLS
    - `alert_to`: the mailbox of the person who gets an e-mail when sendflow does not work
    - `pages_at`: the address under which people open the pages, for links in e-mails; None: this machine's own
    - `replies`: the mailbox from which answers are read; None: no mail is read
    - `single_sign_on`: the identity provider whose accounts may sign in; None: links and passwords only
    - `webhook_hosts`: hosts of the own network, which webhooks may ask
    - `log_to`: folders to which the transparency log leaves, besides SENDFLOW_HOME/log
    - `second_person`: the decisions to which a second person has to agree
    - `second_factor`: the roles whose accounts must have a second factor; None: those that config/rights.toml says
    """

    home: Path
    port: int = 4200
    today: date | None = None
    carrier: Carrier = Carrier.SINK
    smtp_host: str = "127.0.0.1"
    smtp_port: int = 25
    log_level: str = "WARNING"
    bind: str = "127.0.0.1"
    auth: str | None = field(default=None, repr=False)
    tick_seconds: int = 60
    kill_at: str | None = None
    metrics_port: int | None = None
    database_url: str | None = field(default=None, repr=False)
    owner_url: str | None = field(default=None, repr=False)
    prefect_database_url: str | None = field(default=None, repr=False)
    api_url: str | None = None
    tls_ca: Path | None = None
    delivery_seconds: int = 300
    workers: int = 0
    second_person: frozenset[str] = frozenset()
    smtp_login: str | None = field(default=None, repr=False)
    smtp_tls: bool = False
    alert_to: str | None = None
    hosts: tuple[str, ...] = ()
    web_port: int | None = None
    pages_at: str | None = None
    second_factor: tuple[str, ...] | None = None
    replies: ReplyMailbox | None = None
    notify: NotifyAccess | None = field(default=None, repr=False)
    log_to: tuple[Path, ...] = ()
    single_sign_on: SingleSignOn | None = field(default=None, repr=False)
    webhook_hosts: tuple[str, ...] = ()

    @classmethod
    def read(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read and check the environment. Raises SettingsError, which names every setting that cannot be used."""
        env = os.environ if environ is None else environ
        wrong: list[str] = []

        def checked(read: Callable[..., Any], *given: Any) -> Any:
            try:
                return read(env, *given)
            except SettingsError as problem:
                wrong.append(str(problem))

        home = _home(env)
        if not env.get("SENDFLOW_DATABASE_URL"):
            env = {**env, **private_cluster(home)}
        settings = cls(
            home=home,
            port=checked(_port, "SENDFLOW_PORT", 4200),
            today=checked(_day, "SENDFLOW_TODAY"),
            carrier=checked(_carrier),
            smtp_host=env.get("SENDFLOW_SMTP_HOST") or "127.0.0.1",
            smtp_port=checked(_port, "SENDFLOW_SMTP_PORT", 25),
            log_level=checked(_one_of, "SENDFLOW_LOG_LEVEL", "WARNING", LOG_LEVELS),
            bind=env.get("SENDFLOW_BIND") or "127.0.0.1",
            auth=env.get("SENDFLOW_AUTH") or read_login(home),
            hosts=checked(_hosts, "SENDFLOW_HOSTS"),
            web_port=checked(_port, "SENDFLOW_WEB_PORT", PAGES_PORT) if env.get("SENDFLOW_WEB_PORT") else None,
            tick_seconds=checked(_seconds, "SENDFLOW_TICK_SECONDS", 60),
            kill_at=env.get("SENDFLOW_KILL_AT") or None,
            metrics_port=checked(_port, "SENDFLOW_METRICS_PORT", 4280) if env.get("SENDFLOW_METRICS_PORT") else None,
            database_url=checked(database, "SENDFLOW_DATABASE_URL", "postgresql+psycopg"),
            owner_url=checked(database, "SENDFLOW_DATABASE_OWNER_URL", "postgresql+psycopg"),
            prefect_database_url=checked(database, "SENDFLOW_PREFECT_DATABASE_URL", "postgresql+asyncpg"),
            api_url=checked(api, "SENDFLOW_API_URL"),
            tls_ca=checked(_file, "SENDFLOW_TLS_CA"),
            delivery_seconds=checked(_seconds, "SENDFLOW_DELIVERY_SECONDS", 300, ROUND_SECONDS),
            workers=checked(_workers, "SENDFLOW_WORKERS"),
            second_person=checked(_second_person, "SENDFLOW_SECOND_PERSON"),
            smtp_login=env.get("SENDFLOW_SMTP_LOGIN") or None,
            smtp_tls=checked(_one_of, "SENDFLOW_SMTP_TLS", _tls_for(env), ("required", "offered")) == "required",
            alert_to=checked(mailbox, "SENDFLOW_ALERT_TO"),
            pages_at=checked(pages_at, "SENDFLOW_PAGES_URL"),
            notify=checked(read_notify),
            second_factor=_roles(env.get("SENDFLOW_SECOND_FACTOR") or ""),
            replies=checked(read_reply_mailbox),
            log_to=checked(log_folders),
            single_sign_on=checked(read_single_sign_on),
            webhook_hosts=checked(read_webhook_hosts),
        )
        if wrong or (wrong := list(settings._conflicts())):
            raise SettingsError("; ".join(wrong))
        return settings

    def _conflicts(self) -> Iterator[str]:
        """Yield what is wrong with values that are right by themselves."""
        if self.today is not None and self.carrier is not Carrier.SINK:
            yield (
                f"SENDFLOW_TODAY is for simulations, and SENDFLOW_CARRIER={self.carrier} would send simulated letters"
                " to real people: unset one of them (a simulation uses SENDFLOW_CARRIER=sink)"
            )
        if self.carrier is Carrier.NOTIFY and self.notify is None:
            yield "SENDFLOW_CARRIER=notify needs SENDFLOW_NOTIFY_KEY and SENDFLOW_NOTIFY_TEMPLATE as well"
        if self.bind not in LOOPBACK and not self.auth:
            yield (
                f"SENDFLOW_BIND={self.bind} would show the Prefect UI to other machines without a login: set"
                " SENDFLOW_AUTH=user:password as well, or leave SENDFLOW_BIND out (127.0.0.1)"
            )
        if self.auth is not None and not re.fullmatch(r"[^:\s]+:\S{8,}", self.auth):
            yield (
                "SENDFLOW_AUTH is not a user and a password of at least eight characters, as in"
                " SENDFLOW_AUTH=dco:long-enough-words"
            )
        if self.smtp_login is not None and not re.fullmatch(r"[^:\s]+:\S+", self.smtp_login):
            yield (
                "SENDFLOW_SMTP_LOGIN is not a user and a password (it is not repeated here), as in"
                " SENDFLOW_SMTP_LOGIN=sendflow:words"
            )
        if self.smtp_login is not None and not self.smtp_tls:
            yield "SENDFLOW_SMTP_LOGIN would be sent unencrypted: set SENDFLOW_SMTP_TLS=required as well"

    def required_login(self) -> str:
        """The login that programs send. Raises SettingsError where this installation has none yet."""
        if self.auth is None:
            raise SettingsError(
                f"This installation has no login: {self.home / 'auth'} is missing, and SENDFLOW_AUTH is not set."
                " sendflow up and sendflow run server make it; on another machine, set SENDFLOW_AUTH"
            )
        return self.auth

    @property
    def records(self) -> Path:
        """The SQLite file of the database, unless PostgreSQL has it."""
        return self.home / "sendflow.db"

    @property
    def records_url(self) -> str:
        """The address of the database for an engine. It may contain a password."""
        return self.database_url or f"sqlite:///{self.records}"

    @property
    def records_place(self) -> str:
        """The place of the database in words for people, without a password."""
        return str(self.records) if self.database_url is None else "the database that SENDFLOW_DATABASE_URL names"

    @property
    def letters(self) -> Path:
        """The folder in which the local SMTP server stores every letter as an .eml file."""
        return self.home / "letters"

    @property
    def logs(self) -> Path:
        """The folder of the logs of the installation's processes."""
        return self.home / "logs"

    @property
    def prefect_home(self) -> Path:
        """Prefect's own folder: its database, profiles and storage."""
        return self.home / "prefect"

    @property
    def cluster(self) -> Path:
        """The folder of the installation's local PostgreSQL, if it has one."""
        return self.home / CLUSTER

    @property
    def is_private_database(self) -> bool:
        """Whether the records are in the installation's local PostgreSQL."""
        return self.database_url is not None and self.database_url == private_cluster(self.home).get(
            "SENDFLOW_DATABASE_URL"
        )

    @property
    def running_file(self) -> Path:
        """The file with the addresses of a running installation."""
        return self.home / "running.json"

    @property
    def ui_url(self) -> str:
        """The address of the Prefect UI, as a person types it."""
        host = "127.0.0.1" if self.bind in ("localhost", "0.0.0.0") else self.bind  # noqa: S104 (compared, not bound)
        return f"http://{host}:{self.port}"

    @property
    def pages_port(self) -> int:
        """The port of sendflow's own pages."""
        return self.web_port or PAGES_PORT

    @property
    def pages_url(self) -> str:
        """The address of sendflow's own pages, as a person types it."""
        return self.pages_at or f"{self.ui_url.rpartition(':')[0]}:{self.pages_port}"

    def prepare_home(self) -> None:
        """Make `home` if it does not exist, and write a file to it. Raises SettingsError if it cannot be written."""
        probe = self.home / f".probe-{os.getpid()}"
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as problem:
            reason = problem.strerror or type(problem).__name__
            raise SettingsError(
                f"SENDFLOW_HOME={self.home} cannot be written ({reason}): name a folder that you may write to, as in"
                " SENDFLOW_HOME=./var"
            ) from None


def _home(env: Mapping[str, str]) -> Path:
    given = env.get("SENDFLOW_HOME") or "var"
    if not given.isprintable():  # messages name the folder
        raise SettingsError(
            "SENDFLOW_HOME has a line break or a control character, which the name of a folder of sendflow may not"
            " have. Example: SENDFLOW_HOME=./var"
        )
    return Path(given).expanduser().absolute()


def _port(env: Mapping[str, str], name: str, default: int) -> int:
    value = env.get(name) or str(default)
    if not re.fullmatch(r"[0-9]{1,5}", value) or not 1 <= int(value) <= 65535:
        raise SettingsError(
            f"{name}={value} is not a port: expected a whole number from 1 to 65535, as in {name}={default}"
        )
    return int(value)


def _file(env: Mapping[str, str], name: str) -> Path | None:
    value = env.get(name)
    if value and not Path(value).is_file():
        raise SettingsError(
            f"{name} names no file: expected the certificates of the authority that issued a server's, as in"
            f" {name}=/etc/ssl/certs/icb-ca.pem"
        )
    return Path(value).absolute() if value else None


def _tls_for(env: Mapping[str, str]) -> str:
    """The default for SENDFLOW_SMTP_TLS: required, unless the mail server is on this machine."""
    return "offered" if (env.get("SENDFLOW_SMTP_HOST") or LOOPBACK[0]) in LOOPBACK else "required"


def _roles(value: str) -> tuple[str, ...] | None:
    """The roles that a setting names; none of them if it says `none`. Which words are roles: config/rights.py."""
    named = tuple(value.replace(",", " ").split())
    return None if not named else () if named == ("none",) else named


def _second_person(env: Mapping[str, str], name: str) -> frozenset[str]:
    found = frozenset(word.strip() for word in env.get(name, "").split(",") if word.strip())
    if found - SECOND_PERSON:
        raise SettingsError(
            f"{name} names decisions: some of {', '.join(sorted(SECOND_PERSON))}, as in {name}=adoptions"
        )
    return found


def _workers(env: Mapping[str, str], name: str) -> int:
    value = env.get(name) or "0"
    if not re.fullmatch(r"[0-9]{1,2}", value):
        raise SettingsError(f"{name} is not a number of workers: expected a whole number to 99, as in {name}=4")
    return int(value)


def _seconds(env: Mapping[str, str], name: str, default: int, most: int = 99_999) -> int:
    value = env.get(name) or str(default)
    if not re.fullmatch(r"[0-9]{1,5}", value) or not 1 <= int(value) <= most:
        raise SettingsError(
            f"{name}={value} is not a number of seconds: expected a whole number from 1 to {most}, as in"
            f" {name}={default}"
        )
    return int(value)


def _day(env: Mapping[str, str], name: str) -> date | None:
    value = env.get(name)
    if not value:
        return None
    try:
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            raise ValueError
        return date.fromisoformat(value)
    except ValueError:
        raise SettingsError(f"{name}={value} is not a day: expected year-month-day, as in {name}=2026-04-14") from None


def _hosts(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    hosts = tuple((env.get(name) or "").replace(",", " ").split())
    if wrong := [host for host in hosts if not re.fullmatch(r"[A-Za-z0-9.-]{1,253}", host)]:
        raise SettingsError(
            f"{name} holds {wrong[0]!r}, which is no host name: expected the names under which people reach this"
            f" installation, without ports, as in {name}=sendflow.icb.example"
        )
    return hosts


def _one_of(env: Mapping[str, str], name: str, default: str, choices: tuple[str, ...]) -> str:
    value = env.get(name) or default
    if value not in choices:
        raise SettingsError(
            f"{name}={value} is not known: expected one of {', '.join(choices)}, as in {name}={default}"
        )
    return value


def _carrier(env: Mapping[str, str]) -> Carrier:
    return Carrier(_one_of(env, "SENDFLOW_CARRIER", "sink", tuple(str(each) for each in Carrier)))


__all__ = [
    "LOOPBACK",
    "Carrier",
    "Settings",
    "SettingsError",
]
