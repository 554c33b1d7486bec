"""The addresses of databases and of the Prefect server, as the environment gives them. A part of `settings`.

Purpose: a program that connects over a network checks the other machine's name, unless a setting expressly allows it
not to. An address may contain a password, so no error repeats one. Each error names the setting, what was expected,
and an example.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from models.errors import ConfigurationError

if TYPE_CHECKING:
    from sqlalchemy import URL

LOOPBACK = ("127.0.0.1", "::1", "localhost")
CLUSTER = "postgres"
UNVERIFIED = "SENDFLOW_DATABASE_UNVERIFIED"
VERIFIED = "verify-full"


class SettingsError(ConfigurationError):
    """A setting cannot be used; the text names it, says what was expected and gives an example."""

    default_code = "setting"


def database(env: Mapping[str, str], name: str, driver: str) -> str | None:
    """The address of a PostgreSQL database as an engine takes it, None where `name` is not set.

    Raises SettingsError if it is none, or if it is on another machine whose certificate would not be checked for
    that machine's name.
    """
    value = env.get(name) or None
    if value is None:
        return None
    plain = re.sub(r"^postgres(ql)?://", f"{driver}://", value)
    expected = f"expected {driver}://user@host:5432/database"
    if not re.fullmatch(rf"{re.escape(driver)}://[^\s/]*/[^\s/?]+(\?\S*)?", plain):
        raise SettingsError(f"{name} is not the address of a PostgreSQL database (it is not repeated here): {expected}")
    # SQLAlchemy parses the address here as the engine will later, so both agree on the host of a strange address.
    from sqlalchemy.engine import make_url  # here, because an installation with an SQLite file does not need it
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(plain)
        hosts, ports = _places(url)
    except (ArgumentError, ValueError):
        hint = "a port is a whole number, and @ : / ? in a password are %40 %3A %2F %3F"
        raise SettingsError(
            f"{name} is not an address that can be read (it is not repeated here; {hint}): {expected}"
        ) from None
    if not all(1 <= port <= 65535 for port in ports):
        raise SettingsError(f"{name} has a port that is none: {expected}, with a whole number from 1 to 65535")
    allowed = env.get(UNVERIFIED) or "refused"
    if allowed not in ("refused", "allowed"):
        raise SettingsError(f"{UNVERIFIED} is not known: expected refused or allowed, as in {UNVERIFIED}=refused")
    if allowed != "allowed" and url.query.get("sslmode") != VERIFIED and not _here(url, hosts, env):
        raise SettingsError(
            f"{name} names a database on another machine, and its certificate would not be checked for that name (it is"
            " not repeated here): expected"
            f" {expected.removeprefix('expected ')}?sslmode={VERIFIED}&sslrootcert=/etc/ssl/certs/icb-ca.pem;"
            f" {UNVERIFIED}=allowed allows any certificate, and no encryption"
        )
    return plain


def _places(url: URL) -> tuple[list[str], list[int]]:
    """The hosts and ports that an address names, also in its query. Raises ArgumentError or ValueError where it names
    none that can be read.
    """
    arguments = url.set(drivername="postgresql+psycopg").get_dialect()().create_connect_args(url)[1]
    hosts, ports = (str(arguments.get(name, "")).split(",") for name in ("host", "port"))
    return [each for each in hosts if each], [
        int(each) for each in (*ports, "" if url.port is None else str(url.port)) if each
    ]


def _here(url: URL, hosts: list[str], env: Mapping[str, str]) -> bool:
    """Whether every place that the driver would go to is this machine, by loopback or a socket. What an address leaves
    out it takes from PG variables.
    """
    if "service" in url.query or env.get("PGSERVICE"):
        return False
    addresses = url.query.get("hostaddr") or env.get("PGHOSTADDR") or ""
    places = [
        *(hosts or (env.get("PGHOST") or "").split(",")),
        *",".join([addresses] if isinstance(addresses, str) else addresses).split(","),
    ]
    return all(_is_here(each) for each in places if each)


def _is_here(host: str) -> bool:
    if host in LOOPBACK or host.startswith(("/", "@")):
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def private_cluster(home: Path) -> dict[str, str]:
    """The addresses in the installation's local PostgreSQL; empty without one. Such an installation never returns to an
    SQLite file.
    """
    try:
        roles = json.loads((home / CLUSTER / "roles.json").read_text(encoding="utf-8"))
        place = f"127.0.0.1:{roles['port']}"
        return {
            "SENDFLOW_DATABASE_URL": f"postgresql+psycopg://sendflow:{roles['sendflow']}@{place}/sendflow",
            "SENDFLOW_DATABASE_OWNER_URL": f"postgresql+psycopg://owner:{roles['owner']}@{place}/sendflow",
            "SENDFLOW_PREFECT_DATABASE_URL": f"postgresql+asyncpg://sendflow:{roles['sendflow']}@{place}/prefect",
        }
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, KeyError, TypeError):
        raise SettingsError(
            f"{home / CLUSTER / 'roles.json'} holds the addresses of the local PostgreSQL and cannot be read:"
            " restore it from the last backup"
        ) from None


def prefect_database(url: str) -> dict[str, str]:
    """The variables for Prefect's database. The setting has PostgreSQL's words for TLS, as that of sendflow's database
    has; Prefect's driver needs others and stops at these.
    """
    place, _, query = url.partition("?")
    asked = dict(parse_qsl(query))
    mode = asked.pop("sslmode", None)
    files = dict(_files(asked))
    made = {}
    if mode in (VERIFIED, "verify-ca"):
        tls = {"ENABLED": "true", "CHECK_HOSTNAME": str(mode == VERIFIED).lower(), **files}
        made = {f"PREFECT_SERVER_DATABASE_SQLALCHEMY_CONNECT_ARGS_TLS_{name}": value for name, value in tls.items()}
    elif mode is not None:
        asked["ssl"] = mode
    return {"PREFECT_API_DATABASE_CONNECTION_URL": f"{place}?{urlencode(asked)}" if asked else place, **made}


def _files(asked: dict[str, str]) -> Iterator[tuple[str, str]]:
    """The files of a connection by Prefect's names, taken out of what is `asked`."""
    for name, option in (("CA_FILE", "sslrootcert"), ("CERT_FILE", "sslcert"), ("KEY_FILE", "sslkey")):
        value = asked.pop(option, None)
        # "system" is no file: the machine's own authorities, which are meant where none is named.
        if value is not None and value != "system":
            yield name, value


def api(env: Mapping[str, str], name: str) -> str | None:
    """Where a Prefect server answers. Anywhere else than on this machine it is asked by TLS, because the login goes
    with every question.
    """
    value = (env.get(name) or "").rstrip("/")
    if not value:
        return None
    asked = re.fullmatch(r"(https?)://(\[[0-9a-f:]+\]|[A-Za-z0-9.-]+)(:[0-9]{1,5})?(/[\w./-]*)?/api", value)
    if asked is None:
        raise SettingsError(
            f"{name} is not where a Prefect server answers (it is not repeated here): expected"
            f" {name}=https://prefect.icb.example/api"
        )
    if asked[1] == "http" and asked[2].strip("[]") not in LOOPBACK:
        raise SettingsError(
            f"{name} would send the login unencrypted: expected https for any machine but this one, as in"
            f" {name}=https://prefect.icb.example/api"
        )
    return value


def mailbox(env: Mapping[str, str], name: str) -> str | None:
    """An e-mail address; None where it is not set. Raises SettingsError."""
    value = env.get(name) or None
    if value is not None and not re.fullmatch(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,200}", value):
        raise SettingsError(f"{name} is not a mailbox: expected one address, as in {name}=it.oncall@icb.example")
    return value


def pages_at(env: Mapping[str, str], name: str) -> str | None:
    """The address under which people open the pages; None where it is not set. Raises SettingsError."""
    value = (env.get(name) or "").rstrip("/")
    if value and not re.fullmatch(r"https://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?", value):
        raise SettingsError(
            f"{name} is not the address of the pages: expected https and a host name, as in"
            f" {name}=https://cases.icb.example"
        )
    return value or None
