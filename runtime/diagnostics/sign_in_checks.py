"""Checks single sign-on: that the identity provider answers, is the one of the settings, and can be used. [I/O]"""

from __future__ import annotations

from collections.abc import Iterator

from casework.access.identity_provider import IdentityProvider, NotSignedIn
from config.private_files import OTHERS
from config.rights import RightsError, app_roles
from config.settings import Settings
from runtime.diagnostics.finding import Finding

REPAIR = {
    "provider_unreachable": "see that this machine reaches it: curl {issuer}/.well-known/openid-configuration",
    "foreign_issuer": "set SENDFLOW_OIDC_ISSUER to the issuer that it publishes, letter by letter, if it is your own",
}
UNFIT = "ask who manages the identity provider; people sign in by links meanwhile (sendflow sign-in)"


def single_sign_on(settings: Settings) -> Iterator[Finding]:
    """Asks the identity provider for what it publishes; nothing where none is set. No person and no secret is named."""
    access = settings.single_sign_on
    if access is None:
        return
    try:
        app_roles(settings)
    except RightsError as problem:
        yield Finding(what="oidc_roles", message=str(problem), mend="correct SENDFLOW_OIDC_ROLES")
    provider = IdentityProvider(access, settings.pages_url)
    try:
        if not provider.keys().keys:
            raise NotSignedIn("the identity provider publishes no key that may sign", code="provider_unfit")
    except NotSignedIn as problem:
        mend = REPAIR.get(problem.code, UNFIT).format(issuer=access.issuer.rstrip("/"))
        yield Finding(what=f"oidc_{problem.code}", message=f"nobody can sign in by it: {problem}", mend=mend)
    if access.secret_file is not None and access.secret_file.stat().st_mode & OTHERS:
        yield Finding(
            what="oidc_secret_open",
            message="other accounts of this machine can read the file of SENDFLOW_OIDC_SECRET_FILE",
            mend=f"chmod 600 {access.secret_file}, and a new secret at the identity provider",
        )
