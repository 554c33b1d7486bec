"""Headers of letters: encoded words, addresses, and what cannot be written stops one letter only."""

import re
from base64 import b64decode
from binascii import a2b_qp
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from config.directory import DEFAULT, DirectoryError, load_directory
from notifications.transport import FileTransport, Letter, Outcome, SmtpTransport, as_message

LONG_NAME = (
    "Northern Vales, Ynys Môn & “Tyne” Integrated Care Board: Children’s SEND and Designated Clinical Officer Service"
    " (ICB)"
)
NAMES = st.text(st.characters(exclude_categories=("C", "Z")) | st.just(" "), min_size=2, max_size=120)


def letter(**other: str) -> Letter:
    """Return a letter; `other` replaces parts of it."""
    parts: dict[str, Any] = {
        "id": "20260302-7ce506255e",
        "message_id": "<20260302-7ce506255e.sendflow@northernvales-icb.example>",
        "mailbox": "slt.advice@northshire-community.example",
        "office": "Designated Clinical Officer's team",
        "reply_to": "send.dco@northernvales-icb.example",
        "subject": "NX00042 (NS-04412): health advice overdue since 13 April 2026",
        "text": "Words.\n",
        "html": "<p>Words.</p>\n",
    }
    return Letter(**{**parts, **other}, written_at=datetime(2026, 3, 2, 9, tzinfo=UTC))


def headers(raw: bytes) -> bytes:
    return raw.partition(b"\r\n\r\n")[0]


def decoded(raw: bytes, name: bytes) -> str:
    """Return a header as RFC 2047 section 6.2 says that it is shown: white space between encoded words is none."""
    unfolded = re.sub(rb"\r\n(?=[ \t])", b"", raw)
    value = next(line for line in unfolded.split(b"\r\n") if line.startswith(name + b": ")).partition(b": ")[2]
    joined = re.sub(rb"(=\?utf-8\?[bq]\?[^?\s]*\?=)[ \t]+(?==\?utf-8\?)", rb"\1", value)

    def word(found: re.Match[bytes]) -> bytes:
        if found[1] == b"b":
            return b64decode(found[2])
        return a2b_qp(found[2], header=True)

    return re.sub(rb"=\?utf-8\?([bq])\?([^?\s]*)\?=", word, joined).decode("utf-8")


def read(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=default)
    assert isinstance(message, EmailMessage)
    return message


@settings(max_examples=100, deadline=None)
@given(NAMES, NAMES)
@example(LONG_NAME, f"NX00042: please send it to {LONG_NAME}")
@example("é" * 120, "NX00042: tell " + "é" * 120)
@example("Ynys Môn, “Tyne” <x@y.example>; a_b", "NX00042_é")
@example("日本" * 60, "😀" * 60)
@example("00", "000000000 ¡¡ࠀࠀࠀࠀࠀࠀࠀࠀࠀ ¡")
@example("é " * 30, "a é b " * 20)
def test_an_encoded_word_has_at_most_75_characters_and_reads_as_it_was_written(office: str, subject: str) -> None:
    """RFC 2047 section 2. One encoded word of 177 characters is shown raw, or not at all."""
    office, subject = " ".join(office.split()), " ".join(subject.split())
    assume(office and subject and "=?" not in office + subject)
    raw = headers(as_message(letter(office=office, subject=subject)).as_bytes())
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert all(len(word) <= 75 for word in re.findall(rb"=\?utf-8\?[bq]\?[^?\s]*\?=", raw))
    message = read(raw)
    assert message["From"].addresses[0].addr_spec == "send.dco@northernvales-icb.example"
    assert message["To"].addresses[0].addr_spec == "slt.advice@northshire-community.example"
    sender = decoded(raw, b"From").removesuffix(" <send.dco@northernvales-icb.example>")
    if sender.startswith('"') and office.isascii():
        sender = re.sub(r"\\(.)", r"\1", sender[1:-1])
    assert sender == office
    assert decoded(raw, b"Subject") == subject


def test_an_ascii_subject_is_on_one_line() -> None:
    subject = f"NX00042 (NS-04412) and 17 other cases: please answer 18 requests{' for health advice' * 4}, first due"
    assert f"Subject: {subject}\r\n".encode() in as_message(letter(subject=subject)).as_bytes()


@dataclass(frozen=True)
class Address:
    """A mailbox of the directory, and whether it is one by RFC 5321."""

    text: str
    valid: bool


ADDRESSES = [
    *(
        Address(text, True)
        for text in (
            "o'brien@northshire-community.example",
            "s&lt.advice@northshire-community.example",
            "a@b.example",
            "slt+send@northshire-community.example",
            f"{'a' * 64}@northshire-community.example",
            "post@xn--mnchen-3ya.example",
            "post@northshire.xn--p1ai",
        )
    ),
    *(
        Address(text, False)
        for text in (
            "slt..advice@northshire-community.example",
            ".slt@northshire-community.example",
            "slt.@northshire-community.example",
            "slt@-bad-.example",
            "slt@bad-.example",
            f"{'a' * 65}@northshire-community.example",
            f"a@{'b' * 64}.example",
            "a@b@c.example",
            "a@northshire",
            "",
            "@northshire-community.example",
            "SLT team <slt@northshire-community.example>",
            "slt@northshire-community.example, ot@northshire-community.example",
            "Therapies: slt@northshire-community.example;",
            '"slt team"@northshire-community.example',
            "slt@[192.0.2.1]",
            "jörg@northshire-community.example",
            "slt@münchen.example",
            "slt@northshire-community.example\n",
            "slt@northshire-community.example\r\nBcc: x@y.example",
            " slt@northshire-community.example",
        )
    ),
]


@pytest.mark.parametrize("address", ADDRESSES, ids=lambda address: address.text[:40])
def test_a_mailbox_is_taken_when_the_directory_is_read_or_refused_with_an_example(
    address: Address, tmp_path: Path
) -> None:
    text = DEFAULT.read_text("utf-8")
    quoted = address.text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    file = tmp_path / "directory.toml"
    file.write_text(text.replace("slt.advice@northshire-community.example", quoted), "utf-8")
    if not address.valid:
        with pytest.raises(DirectoryError, match=r"for example send\.lead@trust\.example"):
            load_directory(file)
        return
    load_directory(file)
    message = read(as_message(letter(mailbox=address.text)).as_bytes())
    assert [each.addr_spec for each in message["To"].addresses] == [address.text]


@pytest.mark.parametrize("sign", ["\n", "\r", "\x00", "\x85", "\u2028", "\x1b"])
def test_a_line_break_in_any_name_is_refused_when_the_directory_is_read(sign: str, tmp_path: Path) -> None:
    for name in (
        "Northern Vales Integrated Care Board",
        "Northshire",
        "CAMHS",
        "Northshire Community Health NHS Trust",
    ):
        escaped = f"\\u{ord(sign):04X}"
        file = tmp_path / "directory.toml"
        text = DEFAULT.read_text("utf-8")
        assert f'name = "{name}"' in text
        file.write_text(text.replace(f'name = "{name}"', f'name = "{name}{escaped}Bcc: x@y.example"', 1), "utf-8")
        with pytest.raises(DirectoryError, match="a name of one line was expected"):
            load_directory(file)


BAD: list[dict[str, str]] = [
    {"subject": "NX00042\r\nBcc: x@y.example"},
    {"office": "Team\nBcc: x@y.example"},
    {"mailbox": "slt@northshire-community.example\r\nBcc: x@y.example"},
    {"mailbox": "jörg@northshire-community.example"},
    {"mailbox": ""},
    {"reply_to": "nobody"},
    {"text": "\ud800"},
]


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_a_letter_that_cannot_be_written_fails_before_the_server_is_asked(bad: dict[str, str], tmp_path: Path) -> None:
    """It left nobody in doubt: nothing was connected to, so its outcome is known."""
    for transport in (SmtpTransport("127.0.0.1", 1), FileTransport(tmp_path)):
        attempt = transport.send(letter(**bad))
        assert (attempt.outcome, attempt.why) == (Outcome.REFUSED, "cannot_be_written")
        assert not attempt.is_mail_server_failure
    assert list(tmp_path.iterdir()) == []
