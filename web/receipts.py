"""The address at which GOV.UK Notify reports what became of an e-mail. Who calls it shows a token, and is nobody else.

A report about an unknown e-mail gets the same answer as any other. No address and no name is read from it.
"""

from __future__ import annotations

import hmac
import logging

from casework.access.seen import as_sendflow
from casework.delivery.receipts import note_report
from web.answers import Answer, Plain
from web.asked import Asked

LOG = logging.getLogger("sendflow.web")


def notify(asked: Asked) -> Answer:
    """Store one report: 401 without the right token, 400 for what is no report, else 204."""
    access = asked.context.settings.notify
    token = access.callback_token if access is not None else None
    if token is None or not hmac.compare_digest(asked.bearer.encode(), token.encode()):
        LOG.warning("a report to /notify/receipts had no right token and was refused")
        return Plain(401)
    letter, id_, status = (asked.document.get(name) for name in ("reference", "id", "status"))
    if not (isinstance(letter, str) and isinstance(id_, str) and isinstance(status, str)):
        LOG.warning("a report to /notify/receipts could not be read")
        return Plain(400)
    if not note_report(as_sendflow(asked.context), letter, id_, status):
        LOG.warning("a report to /notify/receipts was about an e-mail that sendflow did not send")
    return Plain(204)
