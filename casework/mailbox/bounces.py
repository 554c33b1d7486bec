"""Reads a message that says that an e-mail of ours was not delivered: which, why, and whether that is final. Pure.

A delivery status notification (RFC 3464) says it in fields. Many servers write a text instead; `flufl.bounce` knows the
forms of the common ones, and the cause is then read from an enhanced status code (RFC 3463) or a few words. Which
e-mail it was is read from our own Message-ID, never from an address alone.
"""

from __future__ import annotations

import logging
import re
from enum import StrEnum
from typing import Any, NamedTuple

from flufl.bounce import all_failures

from casework.mailbox.automatic import is_automatic
from casework.mailbox.incoming import LONGEST_TEXT, Incoming, header, headers
from notifications.message_ids import OURS

# It would log the traceback of a mail that it cannot read, with words of the mail.
logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL + 1)

MAILBOX = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,200}\.[A-Za-z]{2,63}")
STATUS = re.compile(r"(?<![0-9.])([245])\.([0-9]{1,3})\.([0-9]{1,3})(?![0-9.])")
UNDELIVERED = re.compile(
    r"undeliver|delivery (status|failure|has failed|problem)|failure notice|returned mail|"
    r"mail delivery (failed|system)|message not delivered|could not (send|be delivered)|delayed mail|"
    r"delivery delayed|warning: message",
    re.IGNORECASE,
)
FIRST_WORDS = 6_000  # characters in which a server says what happened, before it repeats our e-mail
LETTER_BEGINS = re.compile(r"(?im)^(>?\s*)(auto-submitted: auto-generated|-+ ?(original|this is a copy|below this))")


class Cause(StrEnum):
    """Why an e-mail was not delivered. A word of this list, never the server's own text, is stored."""

    NO_SUCH_MAILBOX = "no_such_mailbox"
    NO_SUCH_DOMAIN = "no_such_domain"
    MAILBOX_DISABLED = "mailbox_disabled"
    MAILBOX_FULL = "mailbox_full"
    TOO_LARGE = "too_large"
    REFUSED_BY_POLICY = "refused_by_policy"
    GAVE_UP = "gave_up"
    NOT_KNOWN = "not_known"


class Bounce(NamedTuple):
    """What a server said: the Message-IDs of ours that it names, the mailboxes that failed, the cause, and whether the
    server has given up (`final`) or still tries.
    """

    message_ids: tuple[str, ...]
    mailboxes: tuple[str, ...]
    cause: Cause
    final: bool


WORDS: tuple[tuple[Cause, re.Pattern[str]], ...] = (
    (
        Cause.MAILBOX_FULL,
        re.compile(r"(mailbox|inbox|quota)[^.\n]{0,40}(is )?(full|exceeded)|over ?quota|out of storage space", re.I),
    ),
    (Cause.NO_SUCH_DOMAIN, re.compile(r"domain (name )?(was )?not found|host (unknown|not found)|no such host", re.I)),
    (
        Cause.MAILBOX_DISABLED,
        re.compile(r"(mailbox|account|user)[^.\n]{0,20}(disabled|inactive|suspended|closed)", re.I),
    ),
    (
        Cause.NO_SUCH_MAILBOX,
        re.compile(
            r"user unknown|unknown user|no such (user|mailbox|address|recipient)|no mailbox here|does ?n[o']t exist|"
            r"(was|were|could)( not|n't) (be )?found|recipient (address )?(rejected|not found)|address not found|"
            r"not a known user|invalid (recipient|mailbox)",
            re.I,
        ),
    ),
    (Cause.TOO_LARGE, re.compile(r"(message|size)[^.\n]{0,30}(too (large|big)|exceeds)", re.I)),
    (Cause.REFUSED_BY_POLICY, re.compile(r"blocked|rejected|spam|policy|denied|not authori[sz]ed", re.I)),
    (Cause.GAVE_UP, re.compile(r"timed? ?out|retry time|could not be delivered for|expired", re.I)),
)
# By class and detail of the enhanced status code, RFC 3463 sections 3.2 to 3.8.
CODES: dict[tuple[int, int | None], Cause] = {
    (1, 2): Cause.NO_SUCH_DOMAIN,
    (1, None): Cause.NO_SUCH_MAILBOX,
    (2, 1): Cause.MAILBOX_DISABLED,
    (2, 2): Cause.MAILBOX_FULL,
    (2, 3): Cause.TOO_LARGE,
    (3, 4): Cause.TOO_LARGE,
    (4, 1): Cause.GAVE_UP,
    (4, 4): Cause.NO_SUCH_DOMAIN,
    (4, 7): Cause.GAVE_UP,
    (7, None): Cause.REFUSED_BY_POLICY,
}


def read_bounce(mail: Incoming) -> Bounce | None:
    """What the mail says about an e-mail that was not delivered; None if it is no such message."""
    blocks = _status_blocks(mail.message)
    ids = _our_message_ids(mail)
    if blocks:
        return _from_fields(blocks, ids)
    if not _may_be_bounce(mail):
        return None
    temporary, permanent = _failures(mail)
    named = _addresses(permanent) or _addresses(temporary) or tuple(headers(mail.message, "X-Failed-Recipients"))
    if not named and not UNDELIVERED.search(mail.subject):
        return None
    named = named or tuple(dict.fromkeys(each.lower() for each in MAILBOX.findall(_first_words(mail))))[:20]
    final = bool(permanent) or not (temporary or _says_delayed(mail))
    return Bounce(ids, named, _cause_in(_first_words(mail)), final)


def _may_be_bounce(mail: Incoming) -> bool:
    if re.search(r"report-type\s*=\s*\"?(?!delivery)", header(mail.message, "Content-Type"), re.IGNORECASE):
        return False  # a receipt or a complaint
    return bool(headers(mail.message, "X-Failed-Recipients")) or is_automatic(mail)


def _says_delayed(mail: Incoming) -> bool:
    return bool(re.search(r"delay|warning|will (be )?retr|still trying", mail.subject, re.IGNORECASE))


def _from_fields(blocks: list[Any], ids: tuple[str, ...]) -> Bounce | None:
    """RFC 3464: the fields of each recipient. Our e-mails have one recipient; the worst action counts."""
    actions: list[str] = []
    mailboxes: list[str] = []
    cause = Cause.NOT_KNOWN
    for block in blocks:
        action = header(block, "Action").strip().lower()
        if not action:
            continue
        actions.append(action)
        given = header(block, "Original-Recipient") or header(block, "Final-Recipient")
        mailboxes.append(given.rpartition(";")[2].strip().strip("<>").lower())
        said = f"{header(block, 'Status')} {header(block, 'Diagnostic-Code')}"
        found = _cause_in(said)
        cause = cause if found is Cause.NOT_KNOWN else found
    if not actions or set(actions) <= {"delivered", "relayed", "expanded"}:
        return None
    return Bounce(ids, tuple(mailboxes), cause, "failed" in actions)


def _status_blocks(message: Any) -> list[Any]:
    """The blocks of fields of every message/delivery-status part near the top."""
    found: list[Any] = []
    inside = message.get_payload()
    for part in [message, *(inside if isinstance(inside, list) else [])][:20]:
        if hasattr(part, "get_content_type") and part.get_content_type() == "message/delivery-status":
            fields = part.get_payload()
            found += [block for block in fields if hasattr(block, "get")] if isinstance(fields, list) else []
    return found[:50]


def _our_message_ids(mail: Incoming) -> tuple[str, ...]:
    """Our Message-IDs anywhere in it: in the returned e-mail, its headers, the text, or what it answers."""
    try:
        whole = mail.message.as_bytes()[: 20 * LONGEST_TEXT].decode("latin-1")
    except Exception:  # what the library cannot write again has been read as text
        whole = mail.text
    searched = "\n".join([" ".join(mail.answers), whole, mail.text])
    return tuple(dict.fromkeys(f"<{found[0].strip('<>')}>" for found in OURS.finditer(searched)))[:20]


def _failures(mail: Incoming) -> tuple[frozenset[bytes], frozenset[bytes]]:
    try:
        temporary, permanent = all_failures(mail.message)
    except Exception:  # a form that breaks its reader is read from its words alone
        return frozenset(), frozenset()
    return frozenset(temporary), frozenset(permanent)


def _addresses(found: frozenset[bytes]) -> tuple[str, ...]:
    return tuple(sorted(each.decode("latin-1").lower() for each in found))


def _first_words(mail: Incoming) -> str:
    words = mail.text[:FIRST_WORDS]
    ends = LETTER_BEGINS.search(words)
    return words[: ends.start()] if ends else words


def _cause_in(words: str) -> Cause:
    for found in STATUS.finditer(words):
        number, detail = int(found[2]), int(found[3])
        cause = CODES.get((number, detail)) or CODES.get((number, None))
        if found[1] != "2" and cause is not None:
            return cause
    return next((cause for cause, pattern in WORDS if pattern.search(words)), Cause.NOT_KNOWN)
