"""Calendars for programs that read an address: the token in it is the only key, and it is in no log."""

from __future__ import annotations

import logging
from hashlib import sha256

from casework.access.calendar_addresses import opens
from casework.delivery.calendar import calendar as calendar_of
from models.errors import ConfigurationError
from web.answers import Answer, Plain
from web.asked import Asked

LOG = logging.getLogger("sendflow.web")
KIND = "text/calendar; charset=utf-8"


def calendar(asked: Asked) -> Answer:
    """One calendar; 304 if the reader has it already, and 404 for every address that opens nothing."""
    name = asked.place["name"]
    if not opens(asked.context, name, asked.place["token"]):
        LOG.warning("an address of a calendar that opens nothing was asked for")
        return Plain(404)
    try:
        content = calendar_of(asked.context, name)
    except ConfigurationError:
        return Plain(404)  # the body is no longer in the directory
    etag = f'"{sha256(content).hexdigest()[:32]}"'
    LOG.info("the calendar of %s was fetched", name)
    if etag in asked.etag.split(", "):
        return Plain(304, headers={"etag": etag})
    headers = {"etag": etag, "content-disposition": 'inline; filename="due-dates.ics"'}
    return Plain(200, content, KIND, headers)
