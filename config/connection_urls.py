"""Addresses of other programs, as the environment gives them: databases and the Prefect server. [the environment's part
of `settings`]

Purpose: who asks over a network is sure of whom it asks, or says in so many words that it need not be. An address may
hold a password, so that no error repeats one; each names the setting, what was expected, and an example.
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

    Raises SettingsError where it is none, and where it is on another machine whose certificate would not be held to
    that machine's name.
    """
    value = env.get(name) or None
    if value is None:
        return None
    plain = re.sub(r"^postgres(ql)?://", f"{driver}://", value)
    expected = f"expected {driver}://user@host:5432/database"
    if not re.fullmatch(rf"{re.escape(driver)}://[^\s/]*/[^\s/?]+(\?\S*)?", plain):
        raise SettingsError(f"{name} is not the address of a PostgreSQL database (it is not repeated here): {expected}")
    # As the engine will read it: whatever another reader would make of a strange address, the engine goes where this
    # one says.
    from sqlalchemy.engine import make_url  # here, because a house with a file does not wait for it
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
            f"{name} names a database on another machine, and who answers there would not be held to that name (it is"
            " not repeated here): expected"
            f" {expected.removeprefix('expected ')}?sslmode={VERIFIED}&sslrootcert=/etc/ssl/certs/icb-ca.pem;"
            f" {UNVERIFIED}=allowed lets anybody answer, also in the clear"
        )
    return plain


def _places(url: URL) -> tuple[list[str], list[int]]:
    """The hosts and ports that an address names, also in its query. Raises ArgumentError or ValueError where it names
    none that can be read.
    """
    told = url.set(drivername="postgresql+psycopg").get_dialect()().create_connect_args(url)[1]
    hosts, ports = (str(told.get(name, "")).split(",") for name in ("host", "port"))
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
    """The addresses in the house's own PostgreSQL cluster, where it was opened with one; such a house never goes back
    to a file.
    """
    try:
        told = json.loads((home / CLUSTER / "roles.json").read_text(encoding="utf-8"))
        place = f"127.0.0.1:{told['port']}"
        return {
            "SENDFLOW_DATABASE_URL": f"postgresql+psycopg://sendflow:{told['sendflow']}@{place}/sendflow",
            "SENDFLOW_DATABASE_OWNER_URL": f"postgresql+psycopg://owner:{told['owner']}@{place}/sendflow",
            "SENDFLOW_PREFECT_DATABASE_URL": f"postgresql+asyncpg://sendflow:{told['sendflow']}@{place}/prefect",
        }
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, KeyError, TypeError):
        raise SettingsError(
            f"{home / CLUSTER / 'roles.json'} says how to reach the PostgreSQL of this house and cannot be read:"
            " restore it"
        ) from None


def prefect_database(url: str) -> dict[str, str]:
    """Where Prefect keeps its runs. The words about TLS are PostgreSQL's own, as for the records; Prefect's driver
    knows others, and stops at these.
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
    for name, told in (("CA_FILE", "sslrootcert"), ("CERT_FILE", "sslcert"), ("KEY_FILE", "sslkey")):
        value = asked.pop(told, None)
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
            f"{name} would send the login in the clear: expected https for any machine but this one, as in"
            f" {name}=https://prefect.icb.example/api"
        )
    return value
