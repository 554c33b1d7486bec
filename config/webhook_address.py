"""Which addresses a webhook may have, so that sendflow cannot be made to ask the machines beside it.

Purpose: who may name an address could otherwise reach services that trust this machine. An address has https and a
host whose every IP address is public; SENDFLOW_WEBHOOK_HOSTS names hosts of the own network, which may be private, and
this machine, which may be asked without encryption.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

from config.connection_urls import LOOPBACK, SettingsError

EXAMPLE = "https://case.northshire.example/hooks/sendflow"
LONGEST = 300


class Target(NamedTuple):
    """The parts of an address."""

    scheme: str
    host: str
    port: int
    path: str


def read_webhook_hosts(env: Mapping[str, str]) -> tuple[str, ...]:
    """The hosts that may be private. Raises SettingsError."""
    hosts = tuple((env.get("SENDFLOW_WEBHOOK_HOSTS") or "").replace(",", " ").lower().split())
    if wrong := [host for host in hosts if not re.fullmatch(r"[a-z0-9.-]{1,253}|::1", host)]:
        raise SettingsError(
            f"SENDFLOW_WEBHOOK_HOSTS holds {wrong[0]!r}, which is no host name, as in"
            " SENDFLOW_WEBHOOK_HOSTS=engine.trust.example"
        )
    return hosts


def target_of(address: str) -> Target | None:
    """The parts of an address; None where it is none."""
    if len(address) > LONGEST or not re.fullmatch(r"https?://[\x21-\x7e]+", address):
        return None
    try:
        parts = urlsplit(address)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return None
    if not parts.hostname or parts.username is not None or parts.fragment:
        return None
    return Target(parts.scheme, parts.hostname, port, f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}")


def wrong_address(address: str, allowed: Collection[str]) -> str | None:
    """Why an address may not be a webhook's; None if it may."""
    target = target_of(address)
    if target is None:
        return f"that is no address of a program, as in {EXAMPLE}; it has no user, no password and no fragment"
    if target.scheme == "http" and not (target.host in LOOPBACK and target.host in allowed):
        return f"an address has https, as in {EXAMPLE}"
    try:
        ip_address(target.host)
    except ValueError:
        return None  # a name: its addresses are looked up before each message
    return None if is_public(target.host) or target.host in allowed else not_public()


def is_public(number: str) -> bool:
    """Whether an IP address is one of the whole internet: no private, local, shared, or reserved one."""
    found = ip_address(number)
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_global and not (mapped or found).is_multicast


def not_public() -> str:
    """What is said of an address inside a network."""
    return (
        "that address is inside a network: expected a public one, or a host that SENDFLOW_WEBHOOK_HOSTS names, as in"
        " SENDFLOW_WEBHOOK_HOSTS=engine.trust.example"
    )
