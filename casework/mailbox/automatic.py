"""Which mails a machine wrote: they answer nothing, and sendflow never writes back to them. Pure.

RFC 3834 asks programs to say so in Auto-Submitted. Many do not, so the signs of common mail systems count too; the
words of a subject are the last sign, and only those of an absence notice in English.
"""

from __future__ import annotations

import re

from casework.mailbox.incoming import Incoming, header, headers

PRECEDENCE = frozenset({"bulk", "junk", "list", "auto_reply"})
PRESENT = (
    "X-Autoreply",
    "X-Autorespond",
    "X-Auto-Response-Suppress",
    "X-AutoReply-From",
    "X-Mail-Autoreply",
    "List-Id",
    "List-Unsubscribe",
)
SYSTEMS = re.compile(r"^(mailer-daemon|postmaster|microsoftexchange[0-9a-f]+|no-?reply|do-?not-?reply)@")
AWAY = re.compile(
    r"^(re:\s*)?(automatic reply|auto(matic)?[- ]?(reply|response)|out[- ]of[- ](the[- ])?office|i am out of|"
    r"on (annual|maternity|sick) leave|away from (my|the) [a-z]+)",
    re.IGNORECASE,
)


def is_automatic(mail: Incoming) -> bool:
    """Whether a machine wrote the mail, by its headers; by its subject only if they do not say."""
    message = mail.message
    said = header(message, "Auto-Submitted").partition(";")[0].partition("(")[0].strip().lower()
    if said not in ("", "no"):
        return True
    if any(value.strip() in ("<>", "") for value in headers(message, "Return-Path")):
        return True
    if header(message, "Precedence").strip().lower() in PRECEDENCE:
        return True
    if any(headers(message, name) for name in PRESENT) or _media_type(mail) == "multipart/report":
        return True
    return bool(SYSTEMS.match(mail.sender or "")) or bool(AWAY.match(mail.subject))


def _media_type(mail: Incoming) -> str:
    try:
        return mail.message.get_content_type()
    except Exception:  # a broken header says nothing
        return ""
