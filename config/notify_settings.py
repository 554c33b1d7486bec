"""How an installation uses GOV.UK Notify: its key, its template, and where replies go. A part of `settings`.

Purpose: a key is a password, so no error repeats it. Each error names the setting, what was expected, and an example.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from config.connection_urls import LOOPBACK, SettingsError

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
SERVICE_URL = "https://api.notifications.service.gov.uk"
EXAMPLE = "f33517ff-2a88-4f6e-b855-c550268ce08a"


class NotifyAccess(NamedTuple):
    """How an installation uses GOV.UK Notify.

    `template` is an e-mail template there with the fields subject and body; `reply_to` the id of an address for
    replies; `callback_token` what Notify shows when it reports the fate of an e-mail; None: no reports are taken.
    """

    key: str
    template: str
    reply_to: str | None = None
    url: str = SERVICE_URL
    callback_token: str | None = None

    def __repr__(self) -> str:
        return f"NotifyAccess(template={self.template!r})"


def read_notify(env: Mapping[str, str]) -> NotifyAccess | None:
    """Read the settings; None if none is set. Raises SettingsError."""
    key, template = env.get("SENDFLOW_NOTIFY_KEY") or "", env.get("SENDFLOW_NOTIFY_TEMPLATE") or ""
    reply_to, url = env.get("SENDFLOW_NOTIFY_REPLY_TO") or None, env.get("SENDFLOW_NOTIFY_URL") or SERVICE_URL
    token = env.get("SENDFLOW_NOTIFY_CALLBACK_TOKEN") or None
    if not key and not template:
        return None
    if not re.fullmatch(rf"[A-Za-z0-9_.-]*{UUID}-{UUID}", key):
        raise SettingsError(
            "SENDFLOW_NOTIFY_KEY is not a key of GOV.UK Notify (it is not repeated here): expected the whole key, which"
            f" ends with two ids, as in SENDFLOW_NOTIFY_KEY=sendflow-{EXAMPLE}-{EXAMPLE}"
        )
    for name, value in (("SENDFLOW_NOTIFY_TEMPLATE", template), ("SENDFLOW_NOTIFY_REPLY_TO", reply_to)):
        if value is not None and not re.fullmatch(UUID, value):
            raise SettingsError(f"{name} is not an id of GOV.UK Notify, as in {name}={EXAMPLE}")
    if not re.fullmatch(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?", url) and not _on_this_machine(url):
        raise SettingsError(
            f"SENDFLOW_NOTIFY_URL is not an address with https, as in SENDFLOW_NOTIFY_URL={SERVICE_URL}"
        )
    if token is not None and not re.fullmatch(r"[\x21-\x7e]{24,200}", token):
        raise SettingsError(
            "SENDFLOW_NOTIFY_CALLBACK_TOKEN is too short or has blanks (it is not repeated here): expected 24 to 200"
            " random characters, the same as in the service's settings at GOV.UK Notify"
        )
    return NotifyAccess(key, template, reply_to, url, token)


def _on_this_machine(url: str) -> bool:
    found = re.fullmatch(r"http://([A-Za-z0-9.-]+):[0-9]{1,5}", url)
    return found is not None and found[1] in LOOPBACK
