"""Alerts the operator by letter when the doctor finds a fault, above all that no sweep has finished for a day.

An installation that has stopped cannot report so itself. The machine's own timer
(deploy/systemd/sendflow-alert.timer) starts this; it needs neither the records nor Prefect. The letter holds the
doctor's sentences and no reference. One letter a day for the same findings, one at once for a new one, and
one when all is well again.
"""

from __future__ import annotations

import json
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from html import escape

from casework.context import LONDON
from casework.delivery.transports import mail_transport
from config.settings import Settings
from notifications.message_ids import message_id
from notifications.transport import Letter, Outcome, Transport
from runtime.diagnostics.checks import DoctorReport
from runtime.diagnostics.finding import Finding

ALERT_FILE = "alert.json"
NOTE_BYTES = 4096  # a block of most disks, so that each note overwrites the last one in place


class Alerted(StrEnum):
    """What became of an alert."""

    WELL = "nothing to say"
    ALREADY_SENT = "sent already today"
    SENT = "sent"
    NOT_SENT = "could not be sent"
    NOT_NOTED = "sent, but not noted, so that it comes again at the next look"


def alert(settings: Settings, report: DoctorReport, now: datetime, post: Transport | None = None) -> Alerted:
    """Send what was found to `settings.alert_to`, unless an alert of today holds it already.

    `now` is aware. Raises ValueError where no mailbox is named.
    """
    if settings.alert_to is None:
        raise ValueError(
            "nobody is named: set SENDFLOW_ALERT_TO to a mailbox that somebody reads, as in"
            " SENDFLOW_ALERT_TO=it.oncall@icb.example"
        )
    day = now.astimezone(LONDON).date().isoformat()
    found = sorted({_named(each) for each in report.findings})
    before_day, before = _last_alert(settings)
    if not found and not before:
        if settings.home.exists() and not (settings.home / ALERT_FILE).exists():
            _note(settings, day, found)  # now: a full disk takes no new file
        return Alerted.WELL
    if found and day == before_day and set(found) <= set(before):
        return Alerted.ALREADY_SENT
    with mail_transport(settings, post) as carried:
        attempt = carried.send(_letter(settings, report, found, now))
    if attempt.outcome is not Outcome.ACCEPTED:
        return Alerted.NOT_SENT
    return Alerted.SENT if _note(settings, day, found) else Alerted.NOT_NOTED


def _named(finding: Finding) -> str:
    """The word of a finding. One more open finding is something new, and is said at once."""
    return f"{finding.what}_{finding.count}" if finding.what == "findings_open" else finding.what


def _note(settings: Settings, day: str, found: list[str]) -> bool:
    """Overwrite the note of the last alert in place: a full disk takes no new file. Says whether it was written.

    A note that is written in part counts as none, so that the next look sends the alert again.
    """
    path = settings.home / ALERT_FILE
    note = json.dumps({"day": day, "found": found}).encode().ljust(NOTE_BYTES - 1) + b"\n"
    try:
        with path.open("r+b" if path.exists() else "xb") as file:
            file.write(note)
            file.truncate()
    except OSError:
        return False
    return True


def _last_alert(settings: Settings) -> tuple[str, list[str]]:
    """The day of the last alert and its findings; both empty without a readable note, so that it is sent again."""
    try:
        note = json.loads((settings.home / ALERT_FILE).read_text(encoding="utf-8"))
        return str(note["day"]), [str(each) for each in note["found"]]
    except (OSError, ValueError, KeyError, TypeError):
        return "", []


def _letter(settings: Settings, report: DoctorReport, found: list[str], now: datetime) -> Letter:
    to = str(settings.alert_to)
    subject = (
        "sendflow: all is well again"
        if not found
        else f"sendflow: {len(found)} to repair: {', '.join(found[:3]).replace('_', ' ')}"
    )
    lines = [
        f"{each.message}{f' ({each.count})' if each.count > 1 else ''}\n    -> {each.mend}" for each in report.findings
    ]
    text = (
        "\n\n".join(
            [
                *(lines or ["The doctor finds nothing left to repair."]),
                "sendflow doctor says more, on the machine of the installation.",
            ]
        )
        + "\n"
    )
    number = f"alert-{sha256(f'{now.isoformat()} {found}'.encode()).hexdigest()[:16]}"
    # The operator is sender and receiver: the mail server knows the address, and an answer comes back to it.
    return Letter(number, message_id(number, to), to, "sendflow", to, subject, text, f"<pre>{escape(text)}</pre>", now)
