"""Reads the settings of single sign-on: the identity provider whose accounts may open the pages. A part of `settings`.

Purpose: a person signs in as everywhere else in the organisation (NHSmail and Entra ID speak OpenID Connect). The
secret is a password, so no error repeats it. Each error names the setting, what was expected, and an example.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from config.connection_urls import LOOPBACK, SettingsError

EXAMPLE = "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0"
# Words of Entra ID that stand for every organisation: their tokens would come from accounts of any of them.
MANY_TENANTS = frozenset({"common", "organizations", "consumers"})
SENDFLOW, PROVIDER = "sendflow", "provider"
ON, OFF = "on", "off"
CLAIMS = ("roles", "groups")
_ROLE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._:/-]{0,119})=([a-z_]{1,40})")


@dataclass(frozen=True, slots=True)
class SingleSignOn:
    """The identity provider.

    - `issuer`: its name for itself, which every token repeats exactly
    - `client`, `secret`: this installation's registration there
    - `name`: what people call it, on the sign-in page
    - `roles`: pairs of an app role there and a role of `config/rights.toml`; empty: sendflow's own list decides alone
    - `claim`: the claim of a token that names app roles
    - `second_factor`: who asks for a second factor, sendflow or the provider
    - `passwords`: whether passwords and links of the sign-in page work beside it
    - `secret_file`: where the secret was read; None: from the environment
    """

    issuer: str
    client: str
    secret: str = field(repr=False)
    name: str = "single sign-on"
    roles: tuple[tuple[str, str], ...] = ()
    claim: str = "roles"
    second_factor: str = SENDFLOW
    passwords: bool = True
    secret_file: Path | None = None


def read_single_sign_on(env: Mapping[str, str]) -> SingleSignOn | None:
    """Read the settings; None without SENDFLOW_OIDC_ISSUER. Raises SettingsError, which names each that is wrong."""
    issuer = env.get("SENDFLOW_OIDC_ISSUER") or ""
    if not issuer:
        return None
    if wrong := list(_wrong(env, issuer)):
        raise SettingsError("; ".join(wrong))
    file = env.get("SENDFLOW_OIDC_SECRET_FILE")
    return SingleSignOn(
        issuer=issuer,
        client=env.get("SENDFLOW_OIDC_CLIENT") or "",
        secret=_read(Path(file)) if file else env.get("SENDFLOW_OIDC_SECRET") or "",
        name=env.get("SENDFLOW_OIDC_NAME") or "single sign-on",
        roles=tuple((found[1], found[2]) for found in map(_ROLE.fullmatch, _words(env)) if found),
        claim=env.get("SENDFLOW_OIDC_ROLES_CLAIM") or "roles",
        second_factor=env.get("SENDFLOW_OIDC_SECOND_FACTOR") or SENDFLOW,
        passwords=(env.get("SENDFLOW_OIDC_PASSWORDS") or ON) == ON,
        secret_file=Path(file) if file else None,
    )


def is_safe(url: str) -> bool:
    """Whether a secret may be sent to the address: by https, or to this machine."""
    return bool(re.fullmatch(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[^\s?#]*)?", url)) or on_this_machine(url)


def on_this_machine(url: str) -> bool:
    """Whether the address is one of this machine, without encryption."""
    found = re.fullmatch(r"http://([A-Za-z0-9.-]+)(:[0-9]{1,5})?(/[^\s?#]*)?", url)
    return found is not None and found[1] in LOOPBACK


def _wrong(env: Mapping[str, str], issuer: str) -> Iterator[str]:
    if not is_safe(issuer):
        yield f"SENDFLOW_OIDC_ISSUER is not an https address, as in SENDFLOW_OIDC_ISSUER={EXAMPLE}"
    elif many := sorted(MANY_TENANTS & set(issuer.split("/"))):
        yield (
            f"SENDFLOW_OIDC_ISSUER has {many[0]}, which stands for the accounts of every organisation: expected the"
            f" id of your own tenant, as in SENDFLOW_OIDC_ISSUER={EXAMPLE}"
        )
    if not re.fullmatch(r"[\x21-\x7e]{1,200}", env.get("SENDFLOW_OIDC_CLIENT") or ""):
        yield (
            "SENDFLOW_OIDC_CLIENT is not the id of this installation at the identity provider, as in"
            " SENDFLOW_OIDC_CLIENT=11111111-2222-3333-4444-555555555555"
        )
    yield from _wrong_secret(env)
    if not re.fullmatch(r"[A-Za-z0-9 '&().-]{0,60}", env.get("SENDFLOW_OIDC_NAME") or ""):
        yield "SENDFLOW_OIDC_NAME is not what people call the identity provider, as in SENDFLOW_OIDC_NAME=NHSmail"
    if [word for word in _words(env) if not _ROLE.fullmatch(word)]:
        yield (
            "SENDFLOW_OIDC_ROLES is not a list of app roles with the role of sendflow that each stands for, as in"
            " SENDFLOW_OIDC_ROLES=Sendflow.Dco=dco,Sendflow.Admin=administrator"
        )
    for name, known in (
        ("SENDFLOW_OIDC_ROLES_CLAIM", CLAIMS),
        ("SENDFLOW_OIDC_SECOND_FACTOR", (SENDFLOW, PROVIDER)),
        ("SENDFLOW_OIDC_PASSWORDS", (OFF, ON)),
    ):
        if env.get(name) and env[name] not in known:
            yield f"{name}={env[name]} is not known: expected one of {', '.join(known)}, as in {name}={known[0]}"
    if not on_this_machine(issuer) and not env.get("SENDFLOW_PAGES_URL"):
        yield (
            "SENDFLOW_OIDC_ISSUER needs SENDFLOW_PAGES_URL, to which the identity provider sends people back, as in"
            " SENDFLOW_PAGES_URL=https://cases.icb.example"
        )


def _wrong_secret(env: Mapping[str, str]) -> Iterator[str]:
    secret, file = env.get("SENDFLOW_OIDC_SECRET"), env.get("SENDFLOW_OIDC_SECRET_FILE")
    if bool(secret) == bool(file):
        yield (
            f"SENDFLOW_OIDC_SECRET and SENDFLOW_OIDC_SECRET_FILE are {'both set' if secret else 'both missing'}:"
            " expected one of them, as in SENDFLOW_OIDC_SECRET_FILE=/etc/sendflow/oidc_secret"
        )
    elif file:
        try:
            secret = _read(Path(file))
        except (OSError, UnicodeDecodeError):
            secret = ""
        if not secret:
            yield (
                f"SENDFLOW_OIDC_SECRET_FILE={file} cannot be read, or is empty: expected a file with the secret in one"
                " line, which the account of sendflow may read, as in"
                " SENDFLOW_OIDC_SECRET_FILE=/etc/sendflow/oidc_secret"
            )
    if secret and not re.fullmatch(r"[\x21-\x7e]{1,400}", secret):
        yield "the secret for SENDFLOW_OIDC_ISSUER has blanks or more than one line (it is not repeated here)"


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8").strip()


def _words(env: Mapping[str, str]) -> list[str]:
    return [each for each in (word.strip() for word in (env.get("SENDFLOW_OIDC_ROLES") or "").split(",")) if each]
