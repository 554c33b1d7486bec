"""No bytes break the reading of a mail: bounded time and memory, and what cannot be read is said to be so."""

from __future__ import annotations

import os
import tracemalloc
from time import process_time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from casework.mailbox.automatic import is_automatic
from casework.mailbox.bounces import read_bounce
from casework.mailbox.codes import code_lines
from casework.mailbox.identities import Names, nhs_numbers_in
from casework.mailbox.incoming import LONGEST_TEXT, Incoming, read_mail
from tests.casework.mailbox.hostile import HOSTILE
from tests.casework.mailbox.samples import QMAIL, reply, status_notification

NAMES = Names([("one", "Sam Ade Lee")])
SECONDS, MEGABYTES = 3.0, 60
EXAMPLES = int(os.environ.get("EXAMPLES", "40"))
# Mails of which only the headers are read, so that a person looks at them.
NOT_WHOLE = {
    "nothing",
    "one byte",
    "10 MB of one header",
    "10 MB of headers",
    "a folded header of 60,000 lines",
    "nested 5,000",
    "mails in mails 20,000",
    "1,000 parts",
    "a boundary of nothing",
    "100,000 parts",
    "boundaries without end",
    "30 MB of text",
}


def everything(raw: bytes) -> Incoming:
    """All that is read of one mail."""
    mail = read_mail(raw)
    is_automatic(mail)
    read_bounce(mail)
    code_lines(mail.text)
    NAMES.children_in(f"{mail.subject}\n{mail.text}")
    list(nhs_numbers_in(mail.text))
    for words in (mail.subject, mail.text, mail.sender_name, *mail.answers, *mail.attachments):
        words.encode("utf-8")
    assert len(mail.text) <= LONGEST_TEXT, "so that no later reading is long either"
    return mail


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_mail_is_read_within_bounds(name: str) -> None:
    raw = HOSTILE[name]()
    began = process_time()
    mail = everything(raw)
    spent = process_time() - began
    tracemalloc.start()
    read_mail(raw)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert spent < SECONDS, f"{spent:.1f} seconds of CPU"
    assert peak < MEGABYTES * 1_000_000, f"{peak / 1e6:.0f} MB"
    assert mail.whole == (name not in NOT_WHOLE)


BYTES = st.binary(max_size=2_000)
LINES = st.lists(
    st.sampled_from(
        [
            b"From: slt@trust.example",
            b"From: \xff<a@b>",
            b"Subject: =?utf-8?b?w6k=?=",
            b"Auto-Submitted: auto-replied",
            b"Return-Path: <>",
            b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
            b'Content-Type: multipart/mixed; boundary="b"',
            b"Content-Type: message/delivery-status",
            b"Content-Type: message/rfc822",
            b"Content-Type: text/html; charset=utf-16",
            b"Content-Transfer-Encoding: base64",
            b"Content-Disposition: attachment; filename*=utf-8''%ff",
            b"Action: failed",
            b"Status: 5.1.1",
            b"--b",
            b"--b--",
            b"",
            b"RECEIVED NX00042",
            b"<a@b> 550 5.1.1",
        ]
    )
    | BYTES,
    max_size=40,
).map(b"\r\n".join)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(BYTES | LINES)
def test_any_bytes_are_read(raw: bytes) -> None:
    everything(raw)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from([QMAIL, status_notification("5.1.1"), reply("RECEIVED NX00042")]), st.data())
def test_any_change_of_a_good_mail_is_read(raw: bytes, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(raw)))
    end = data.draw(st.integers(start, min(len(raw), start + 40)))
    everything(raw[:start] + data.draw(st.binary(max_size=20)) + raw[end:])
