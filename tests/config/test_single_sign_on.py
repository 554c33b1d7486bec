"""The settings of single sign-on: what is taken, and what is refused with an example and without the secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.rights import RightsError, app_roles
from config.settings import Settings, SettingsError
from config.single_sign_on import EXAMPLE, read_single_sign_on

SECRET = "a-secret-of-the-client"
GOOD = {
    "SENDFLOW_OIDC_ISSUER": EXAMPLE,
    "SENDFLOW_OIDC_CLIENT": "11111111-2222-3333-4444-555555555555",
    "SENDFLOW_OIDC_SECRET": SECRET,
    "SENDFLOW_PAGES_URL": "https://cases.icb.example",
}


def test_what_is_set_is_read(tmp_path: Path) -> None:
    assert read_single_sign_on({}) is None
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n", "utf-8")
    given = {
        **GOOD,
        "SENDFLOW_OIDC_SECRET": "",
        "SENDFLOW_OIDC_SECRET_FILE": str(file),
        "SENDFLOW_OIDC_NAME": "NHSmail",
        "SENDFLOW_OIDC_ROLES": "Sendflow.Dco=dco, Sendflow.Admin=administrator",
        "SENDFLOW_HOME": str(tmp_path),
    }
    settings = Settings.read(given)
    found = settings.single_sign_on
    assert found is not None
    assert (found.issuer, found.secret, found.name, found.second_factor) == (EXAMPLE, SECRET, "NHSmail", "sendflow")
    assert app_roles(settings) == {"Sendflow.Dco": "dco", "Sendflow.Admin": "administrator"}
    assert SECRET not in repr(settings) and SECRET not in repr(found)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"SENDFLOW_OIDC_ISSUER": "http://login.icb.example"}, "SENDFLOW_OIDC_ISSUER"),
        ({"SENDFLOW_OIDC_ISSUER": "https://login.microsoftonline.com/common/v2.0"}, "every organisation"),
        ({"SENDFLOW_OIDC_ISSUER": "https://login.microsoftonline.com/organizations/v2.0"}, "every organisation"),
        ({"SENDFLOW_OIDC_CLIENT": ""}, "SENDFLOW_OIDC_CLIENT"),
        ({"SENDFLOW_OIDC_SECRET": ""}, "both missing"),
        ({"SENDFLOW_OIDC_SECRET_FILE": "/nowhere"}, "both set"),
        ({"SENDFLOW_OIDC_SECRET": "", "SENDFLOW_OIDC_SECRET_FILE": "/nowhere"}, "SENDFLOW_OIDC_SECRET_FILE"),
        ({"SENDFLOW_OIDC_SECRET": "two words"}, "not repeated"),
        ({"SENDFLOW_OIDC_ROLES": "Sendflow.Dco"}, "SENDFLOW_OIDC_ROLES"),
        ({"SENDFLOW_OIDC_ROLES_CLAIM": "wids"}, "SENDFLOW_OIDC_ROLES_CLAIM"),
        ({"SENDFLOW_OIDC_SECOND_FACTOR": "no"}, "SENDFLOW_OIDC_SECOND_FACTOR"),
        ({"SENDFLOW_OIDC_PASSWORDS": "no"}, "SENDFLOW_OIDC_PASSWORDS"),
        ({"SENDFLOW_OIDC_NAME": "<b>"}, "SENDFLOW_OIDC_NAME"),
        ({"SENDFLOW_PAGES_URL": ""}, "SENDFLOW_PAGES_URL"),
    ],
)
def test_what_cannot_be_used_is_refused_without_the_secret(wrong: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_single_sign_on({**GOOD, **wrong})
    assert named in str(refused.value)
    assert named == "not repeated" or "as in" in str(refused.value)
    assert SECRET not in str(refused.value) and "two words" not in str(refused.value)


def test_an_app_role_of_no_role_here_is_refused(tmp_path: Path) -> None:
    settings = Settings.read({**GOOD, "SENDFLOW_OIDC_ROLES": "Sendflow.Boss=boss", "SENDFLOW_HOME": str(tmp_path)})
    with pytest.raises(RightsError, match="boss, which is no role"):
        app_roles(settings)
