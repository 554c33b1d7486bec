"""The doctor asks the identity provider, and says what is wrong with it or with the settings, without the secret."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from config.settings import Settings
from runtime.diagnostics.sign_in_checks import single_sign_on
from tests.support.identity_provider import SECRET, LyingProvider, lying_provider


def found(provider: LyingProvider, home: Path, **more: Any) -> dict[str, str]:
    settings = Settings(home=home, single_sign_on=provider.access(**more))
    return {each.what: f"{each.message} {each.mend}" for each in single_sign_on(settings)}


@pytest.mark.parametrize(
    ("publishes", "what"),
    [
        ({}, None),
        ({"issuer": "https://login.other.example"}, "oidc_foreign_issuer"),
        ({"code_challenge_methods_supported": ["plain"]}, "oidc_provider_unfit"),
        ({"id_token_signing_alg_values_supported": ["HS256"]}, "oidc_provider_unfit"),
        ({"token_endpoint": "http://login.other.example/token"}, "oidc_provider_unfit"),
        ({"jwks_uri": None}, "oidc_provider_unfit"),
    ],
)
def test_what_the_provider_publishes_is_checked(publishes: dict[str, Any], what: str | None, tmp_path: Path) -> None:
    with lying_provider() as provider:
        provider.publishes = publishes
        assert list(found(provider, tmp_path)) == [each for each in (what,) if each is not None]


def test_a_provider_that_does_not_answer_and_a_role_of_nobody_are_reported(tmp_path: Path) -> None:
    with lying_provider() as provider:
        pass
    said = found(provider, tmp_path, roles=(("Sendflow.Boss", "boss"),))
    assert list(said) == ["oidc_roles", "oidc_provider_unreachable"]
    assert f"curl {provider.issuer}/.well-known/openid-configuration" in said["oidc_provider_unreachable"]
    assert SECRET not in str(said)


def test_a_secret_that_others_can_read_is_reported(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(SECRET, "utf-8")
    with lying_provider() as provider:
        for mode, expected in ((0o644, ["oidc_secret_open"]), (0o600, [])):
            file.chmod(mode)
            assert list(found(provider, tmp_path, secret_file=file)) == expected


def test_without_a_provider_nothing_is_asked(tmp_path: Path) -> None:
    assert list(single_sign_on(replace(Settings(home=tmp_path), single_sign_on=None))) == []
