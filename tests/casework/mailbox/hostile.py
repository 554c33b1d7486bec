"""Mails that were made to break a reader, each built when asked for. No reading may raise, or take long."""

from __future__ import annotations

import base64
from collections.abc import Callable

from tests.casework.mailbox.samples import SENDER, reply

HEAD = f"From: {SENDER}\nTo: dco@icb.example\nSubject: NX00042\nMIME-Version: 1.0\n".encode()


def nested(depth: int) -> bytes:
    """Parts within parts within parts."""
    opened = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (number, number) for number in range(depth)
    )
    return HEAD + opened + b"Content-Type: text/plain\n\nRECEIVED NX00042\n" * 50


def nested_mails(depth: int) -> bytes:
    """A forwarded mail in a forwarded mail in a forwarded mail."""
    return HEAD + b"Content-Type: message/rfc822\n\nSubject: x\n" * depth + b"\nRECEIVED NX00042\n"


def many_parts(count: int) -> bytes:
    """A thousand small parts."""
    part = b"--b\nContent-Type: text/plain\n\nRECEIVED NX00042\n"
    return HEAD + b'Content-Type: multipart/mixed; boundary="b"\n\n' + part * count + b"--b--\n"


CODED = b"Content-Transfer-Encoding: "
NAMED = b"; ".join(b"filename*%d=a" % number for number in range(2_000))
REPORT = b'multipart/report; report-type=delivery-status; boundary="b"'
STATUS = b"--b\nContent-Type: message/delivery-status\n\n"


def one_part(kind: bytes, content: bytes, *more: bytes) -> bytes:
    """A mail of one part."""
    return HEAD + b"Content-Type: " + kind + b"\n" + b"".join(line + b"\n" for line in more) + b"\n" + content


HOSTILE: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "one byte": lambda: b"\x00",
    "no header": lambda: b"\n\nRECEIVED NX00042",
    "only headers": lambda: b"From: a@b.example\nSubject: x",
    "10 MB of one header": lambda: HEAD + b"X-Long: " + b"a" * 10_000_000 + b"\n\nRECEIVED NX00042",
    "10 MB of headers": lambda: HEAD + b"X-Many: abcdefgh\n" * 600_000 + b"\nRECEIVED NX00042",
    "a folded header of 60,000 lines": lambda: HEAD + b"Subject: x\n" + b" y\n" * 60_000 + b"\nRECEIVED NX00042",
    "20,000 addresses": lambda: b"From: " + b"a@b.example, " * 4_000 + b"\n\nx",
    "comments in comments": lambda: b"From: " + b"(" * 20_000 + b"a@b.example" + b")" * 20_000 + b"\n\nx",
    "encoded words": lambda: b"Subject: " + b"=?utf-8?q?=41?= " * 3_500 + b"\n\nx",
    "a broken encoded word": lambda: b"Subject: =?utf-8?b?!!!?= =?none?q?=ff?= =?utf-8?q?\n\nx",
    "nested 30": lambda: nested(30),
    "nested 90": lambda: nested(90),
    "nested 5,000": lambda: nested(5_000),
    "mails in mails 15": lambda: nested_mails(15),
    "mails in mails 20,000": lambda: nested_mails(20_000),
    "1,000 parts": lambda: many_parts(1_000),
    "100,000 parts": lambda: many_parts(100_000),
    "a boundary of nothing": lambda: one_part(b'multipart/mixed; boundary=""', b"--\nRECEIVED NX00042\n" * 1_000),
    "boundaries without end": lambda: one_part(b'multipart/mixed; boundary="b"', b"--b\n" * 100_000),
    "no boundary": lambda: one_part(b"multipart/mixed", b"RECEIVED NX00042"),
    "an unknown charset": lambda: one_part(b"text/plain; charset=klingon", b"RECEIVED NX00042"),
    "a charset of nulls": lambda: one_part(b'text/plain; charset="a\x00b"', b"RECEIVED NX00042"),
    "a charset that is a codec": lambda: one_part(b"text/plain; charset=zlib_codec", b"RECEIVED NX00042"),
    "utf-7": lambda: one_part(b"text/plain; charset=utf-7", b"+AFI- RECEIVED NX00042 +"),
    "utf-16 cut": lambda: one_part(b"text/plain; charset=utf-16", b"\xff\xfeR\x00E"),
    "bad base64": lambda: one_part(b"text/plain", b"@@@" * 90_000, CODED + b"base64"),
    "uuencoded": lambda: one_part(b"text/plain", b"begin 644 x\n!!\nend\n" * 900, CODED + b"uuencode"),
    "quoted-printable": lambda: one_part(b"text/plain", b"=" * 300_000, CODED + b"quoted-printable"),
    "a bomb in base64": lambda: one_part(b"application/zip", base64.b64encode(b"\0" * 700_000), CODED + b"base64"),
    "30 MB of text": lambda: one_part(b"text/plain", b"RECEIVED NX00042\n" * 1_800_000),
    "one line of 900 kB": lambda: one_part(b"text/plain", b"RECEIVED " * 100_000),
    "html of brackets": lambda: one_part(b"text/html", b"<" * 300_000),
    "html of comments": lambda: one_part(b"text/html", b"<!--" * 90_000),
    "html of open tags": lambda: one_part(b"text/html", b"<div class='a'><blockquote>" * 20_000),
    "html of attributes": lambda: one_part(b"text/html", b"<a " + b"b=c " * 90_000),
    "html of references": lambda: one_part(b"text/html", b"&#x110000;&#0;&" * 20_000),
    "html of cdata": lambda: one_part(b"text/html", b"<![CDATA[" * 30_000),
    "a filename of filenames": lambda: one_part(
        b"text/plain",
        b"x",
        b"Content-Disposition: attachment; " + NAMED,
    ),
    "a date of digits": lambda: HEAD + b"Date: " + b"9" * 40_000 + b"\n\nx",
    "references without end": lambda: HEAD + b"References: " + b"<a@b> " * 9_000 + b"\n\nx",
    "report of nothing": lambda: one_part(
        REPORT,
        STATUS,
    ),
    "report of 20,000 blocks": lambda: one_part(
        REPORT,
        STATUS + b"Action: failed\n\n" * 9_000,
    ),
    "8-bit headers": lambda: b"From: \xff\xfe <\xe9@b.example>\nSubject: \x80\x81\n\nx",
    "carriage returns": lambda: HEAD.replace(b"\n", b"\r") + b"\r\rRECEIVED NX00042",
    "digits": lambda: reply("9" * 900_000),
    "names": lambda: reply("Sam Lee " * 100_000),
}
