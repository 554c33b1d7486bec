"""Reads the bytes of one mail into what sendflow needs of it. Pure. It never raises for any bytes.

A mail is written by others: its headers may be endless, its parts nested without end, its character sets invented. Each
reading is bounded before it begins. A mail that is too large or too deep is read as far as its headers, and a person
looks at it. sendflow opens no attachment.
"""

from __future__ import annotations

import re
from email import message_from_bytes
from email.header import decode_header
from email.message import Message
from email.parser import BytesHeaderParser
from email.policy import compat32
from typing import TYPE_CHECKING, Any, NamedTuple

from casework.mailbox.html_text import as_text
from config.directory_entries import ADDRESS

if TYPE_CHECKING:
    Mail = Message[str, str]

LARGEST_HEAD = 65_536  # bytes of headers that are read
LARGEST_BODY = 1_000_000  # bytes of content that are read
MOST_LINES = 20_000
MOST_BOUNDARIES = 100  # the parser compares each line with every boundary that is open
MOST_NESTED = 20
MOST_PARTS = 200
LONGEST_TEXT = 20_000
LONGEST_HEADER = 2_000
MOST_ANSWERED = 50
HEAD_ENDS = re.compile(rb"\r?\n\r?\n")
MESSAGE_ID = re.compile(r"<[^<>\s]{3,250}>")
QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
ENCODED_LIMIT = 200_000  # characters of one part that are decoded


class Incoming(NamedTuple):
    """One mail as read. `whole`: whether all of it could be read; of another only the headers are certain.

    - `answers`: the Message-IDs that it says it answers, the nearest first
    - `sender`: the mailbox in From, in small letters; None if there is not exactly one
    - `text`: what its sender wrote and quoted, without markup, at most 20,000 characters
    - `attachments`: the media types of what it carries besides its text
    - `parts`: the decoded content of each part, for the search of test strings and identities
    """

    message: Mail
    message_id: str
    answers: tuple[str, ...]
    sender: str | None
    sender_name: str
    subject: str
    text: str
    attachments: tuple[str, ...]
    parts: tuple[bytes, ...]
    whole: bool


def read_mail(raw: bytes) -> Incoming:
    """Read a mail from its bytes, within bounds of time and memory."""
    message, whole = _parsed(raw)
    plain, html, attachments, parts = "", "", [], []
    leaves, all_of_them = _leaves(message)
    for part in leaves:
        content = _content(part)
        parts.append(content)
        if is_attachment(part):
            attachments.append(_media_type(part))
        elif _media_type(part) == "text/html":
            html = html or as_text(_decoded(part, content))
        elif _media_type(part) == "text/plain":
            plain = plain or _decoded(part, content)
    text = plain if plain.strip() else html
    sender, name = _sender(message)
    return Incoming(
        message=message,
        message_id=next(iter(MESSAGE_ID.findall(header(message, "Message-ID"))), ""),
        answers=_answers(message),
        sender=sender,
        sender_name=name,
        subject=" ".join(header(message, "Subject").split()),
        text=text[:LONGEST_TEXT],
        attachments=tuple(attachments),
        parts=tuple(parts),
        whole=whole and all_of_them,
    )


def header(message: Mail, name: str) -> str:
    """The first header of that name as text, decoded; empty if there is none."""
    try:
        value = message.get(name)
    except Exception:  # the header of a mail may break the library in ways of its own
        return ""
    return "" if value is None else _words(value)


def headers(message: Mail, name: str) -> list[str]:
    """Every header of that name, at most 50."""
    try:
        found = message.get_all(name, [])
    except Exception:  # as above
        return []
    return [_words(value) for value in found[:MOST_ANSWERED]]


def headers_as_written(message: Mail, name: str) -> list[str]:
    """Every header of that name, at most 50, with no encoded word decoded: what a server wrote has none, and a sender's
    would be read as the server's words.
    """
    try:
        found = message.get_all(name, [])
    except Exception:  # as above
        return []
    return [str(value)[:LONGEST_HEADER] for value in found[:MOST_ANSWERED]]


def is_attachment(part: Mail) -> bool:
    """Whether a part is more than text. A picture that the text shows, such as a logo in a signature, is not."""
    if _disposition(part) == "attachment" or _named(part):
        return not (_is_shown_picture(part) and _disposition(part) != "attachment")
    return _media_type(part) not in ("text/plain", "text/html") and not _is_shown_picture(part)


def _is_shown_picture(part: Mail) -> bool:
    return _media_type(part).startswith("image/") and bool(header(part, "Content-ID"))


def _parsed(raw: bytes) -> tuple[Mail, bool]:
    """The mail as the library parses it, and whether that is all of it."""
    found = HEAD_ENDS.search(raw, 0, LARGEST_HEAD + 4)
    if found is None:
        return _only_head(raw[:LARGEST_HEAD]), len(raw) <= LARGEST_HEAD and b":" in raw
    body = raw[found.end() :]
    low = body[:LARGEST_BODY].lower()
    deep = raw[: found.end()].lower().count(b"boundary") + low.count(b"boundary") > MOST_BOUNDARIES
    deep = deep or low.count(b"message/rfc822") > MOST_NESTED
    if deep or len(body) > LARGEST_BODY or low.count(b"\n") > MOST_LINES:
        return _only_head(raw[: found.end()]), False
    try:
        return message_from_bytes(raw, policy=compat32), True
    except Exception:  # what breaks the parser is for a person
        return _only_head(raw[: found.end()]), False


def _only_head(head: bytes) -> Mail:
    try:
        return BytesHeaderParser(policy=compat32).parsebytes(head)
    except Exception:  # as above: a mail without headers still waits for a person
        return Message()


def _leaves(message: Mail) -> tuple[list[Mail], bool]:
    """The parts that have content, from the first 200, and whether that is all. A mail within the mail is one part."""
    waiting: list[Any] = [message]
    found: list[Mail] = []
    for _number in range(MOST_PARTS):
        if not waiting:
            break
        part = waiting.pop()
        inside = part.get_payload() if isinstance(part, Message) else None
        if isinstance(inside, list) and not _media_type(part).startswith("message/"):
            waiting += reversed(inside)
        elif isinstance(part, Message):
            found.append(part)
    return found, not waiting


def _media_type(part: Mail) -> str:
    try:
        return part.get_content_type()
    except Exception:  # as above
        return "application/octet-stream"


def _disposition(part: Mail) -> str:
    try:
        return part.get_content_disposition() or ""
    except Exception:  # as above
        return "attachment"


def _named(part: Mail) -> bool:
    try:
        return bool(part.get_filename())
    except Exception:  # as above
        return True


def _content(part: Mail) -> bytes:
    """The decoded bytes of a part; of a mail within the mail none, which is searched as it is written."""
    try:
        content = part.get_payload(decode=True)
    except Exception:  # as above
        return b""
    return content[:ENCODED_LIMIT] if isinstance(content, bytes) else b""


def _decoded(part: Mail, content: bytes) -> str:
    try:
        return content.decode(str(part.get_content_charset() or "utf-8"), "replace")
    except (LookupError, ValueError, TypeError):
        return content.decode("latin-1")


def _words(value: Any) -> str:
    """A header as text: encoded words decoded, no character that cannot be stored."""
    raw = str(value)[:LONGEST_HEADER]
    try:
        pieces = decode_header(raw)
    except Exception:  # a broken encoded word stays as it is written
        pieces = [(raw, None)]
    text = "".join(_piece(piece, charset) for piece, charset in pieces)
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "")


def _piece(piece: bytes | str, charset: str | None) -> str:
    if isinstance(piece, str):
        return piece
    try:
        return piece.decode(charset or "ascii", "replace")
    except (LookupError, ValueError):
        return piece.decode("latin-1")


def _answers(message: Mail) -> tuple[str, ...]:
    found = MESSAGE_ID.findall(header(message, "In-Reply-To"))
    found += reversed(MESSAGE_ID.findall(" ".join(headers(message, "References"))))
    return tuple(dict.fromkeys(found))[:MOST_ANSWERED]


def _sender(message: Mail) -> tuple[str | None, str]:
    """The one mailbox in From and the name beside it. Two headers or two addresses are no sender."""
    given = headers(message, "From")
    if len(given) != 1:
        return None, ""
    line = " ".join(given[0].split())
    bare = QUOTED.sub("", line)
    name, opened, rest = bare.partition("<")
    address, closed, after = rest.partition(">")
    if not opened:
        address, after, name = bare.strip(), "", ""
    shown = name.strip() or " ".join(part.strip('"') for part in QUOTED.findall(line))
    if (opened and not closed) or after.strip() or not ADDRESS.fullmatch(address.strip()):
        return None, shown
    return address.strip().lower(), shown
