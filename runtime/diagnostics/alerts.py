"""Writing to those who keep the machine, when the doctor finds something to mend: first of all that no sweep has
finished for a day.

Purpose: silence is the worst fault, and a house that is silent cannot say so itself. This is started by the machine's
own timer (deploy/systemd/sendflow-alert.timer), opens no house, and needs neither the records nor Prefect. The letter
holds the doctor's sentences and no reference. One letter a day for the same findings, one at once for a new one, and
one when all is well again.
"""

from __future__ import annotations

import json
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from html import escape

from casework.context import LONDON
from casework.delivery.send import mail_transport
from config.settings import Settings
from notifications.transport import Letter, Outcome, Transport, message_id
from runtime.diagnostics.checks import DoctorReport

TOLD = "alert.json"
ROOM = 4096  # bytes: a block of most disks, so that a note of any length is written where the last one stood


class Alerted(StrEnum):
    """What became of an alert."""

    WELL = "nothing to say"
    TOLD_ALREADY = "told already today"
    SENT = "sent"
    NOT_SENT = "could not be sent"
    NOT_NOTED = "sent, but not noted, so that it comes again at the next look"


def alert(settings: Settings, report: DoctorReport, now: datetime, post: Transport | None = None) -> Alerted:
    """Send what was found to `settings.alert_to`, unless it was told today. `now` is aware. Raises ValueError where no
    mailbox is named.
    """
    if settings.alert_to is None:
        raise ValueError(
            "nobody is named: set SENDFLOW_ALERT_TO to a mailbox that somebody reads, as in"
            " SENDFLOW_ALERT_TO=it.oncall@icb.example"
        )
    day = now.astimezone(LONDON).date().isoformat()
    found = sorted({each.what for each in report.findings})
    before_day, before = _told(settings)
    if not found and not before:
        if settings.home.exists() and not (settings.home / TOLD).exists():
            _note(settings, day, found)  # now, while there is room: where the disk is full there is none for a new file
        return Alerted.WELL
    if found and day == before_day and set(found) <= set(before):
        return Alerted.TOLD_ALREADY
    with mail_transport(settings, post) as carried:
        attempt = carried.send(_letter(settings, report, found, now))
    if attempt.outcome is not Outcome.ACCEPTED:
        return Alerted.NOT_SENT
    return Alerted.SENT if _note(settings, day, found) else Alerted.NOT_NOTED


def _note(settings: Settings, day: str, found: list[str]) -> bool:
    """Keep what was told, over what stood there: a full disk has no room beside it. Half a note is read as none, and
    told again.
    """
    told = settings.home / TOLD
    said = json.dumps({"day": day, "found": found}).encode().ljust(ROOM - 1) + b"\n"
    try:
        with told.open("r+b" if told.exists() else "xb") as file:
            file.write(said)
            file.truncate()
    except OSError:
        return False
    return True


def _told(settings: Settings) -> tuple[str, list[str]]:
    """The day of the last alert and what it said; nothing where there was none, or where it cannot be read: then it is
    told again.
    """
    try:
        told = json.loads((settings.home / TOLD).read_text(encoding="utf-8"))
        return str(told["day"]), [str(each) for each in told["found"]]
    except (OSError, ValueError, KeyError, TypeError):
        return "", []


def _letter(settings: Settings, report: DoctorReport, found: list[str], now: datetime) -> Letter:
    to = str(settings.alert_to)
    subject = (
        "sendflow: all is well again"
        if not found
        else f"sendflow: {len(found)} to mend: {', '.join(found[:3]).replace('_', ' ')}"
    )
    lines = [
        f"{each.message}{f' ({each.count})' if each.count > 1 else ''}\n    -> {each.mend}" for each in report.findings
    ]
    text = (
        "\n\n".join(
            [
                *(lines or ["The doctor finds nothing to mend any more."]),
                "sendflow doctor says more, on the machine of the house.",
            ]
        )
        + "\n"
    )
    number = f"alert-{sha256(f'{now.isoformat()} {found}'.encode()).hexdigest()[:16]}"
    # Who keeps the machine writes to nobody but themselves: a relay knows the address, and an answer comes back to it.
    return Letter(number, message_id(number, to), to, "sendflow", to, subject, text, f"<pre>{escape(text)}</pre>", now)
