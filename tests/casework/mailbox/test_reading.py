"""What a mail says, read from its bytes: its answer, whether a machine wrote it, what did not arrive and why."""

from __future__ import annotations

from datetime import date
from email.message import EmailMessage

import pytest

from casework.mailbox.automatic import is_automatic
from casework.mailbox.bounces import Bounce, Cause, read_bounce
from casework.mailbox.codes import CODES, CodeLine, code_lines
from casework.mailbox.identities import Names, another_child, nhs_numbers_in
from casework.mailbox.incoming import read_mail
from models.answers import Answer
from tests.casework.mailbox.samples import (
    DELAYED,
    EXCHANGE,
    EXIM,
    GMAIL,
    MESSAGE_ID,
    POSTFIX_TEXT,
    QMAIL,
    SENDER,
    reply,
    status_notification,
)

QUOTE = "\n\nOn Mon, 2 Mar 2026 at 08:00, DCO wrote:\n> RECEIVED NX00042\n> To answer, write one of the codes\n"
RECEIVED = CodeLine(Answer.RECEIVED, "NX00042", None, "")


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        ("RECEIVED NX00042", [RECEIVED]),
        ("received nx00042", [RECEIVED]),
        ("\n\n  *Received NX-00042.*\n\nKind regards,\nSam", [CodeLine(Answer.RECEIVED, "NX-00042", None, "")]),
        ("RECEIVED", [CodeLine(Answer.RECEIVED, None, None, "")]),
        ("SENT NX00042 12/03/2026", [CodeLine(Answer.SENT, "NX00042", date(2026, 3, 12), "")]),
        ("Sent on NX00042 12 March 2026", [CodeLine(Answer.SENT, "NX00042", date(2026, 3, 12), "")]),
        ("EXPECTED NX00042 on 2026-04-01", [CodeLine(Answer.EXPECTED, "NX00042", date(2026, 4, 1), "")]),
        ("NOT KNOWN NX00042", [CodeLine(Answer.NOT_KNOWN, "NX00042", None, "")]),
        ("OTHER SERVICE NX00042 paediatrics", [CodeLine(Answer.OTHER_SERVICE, "NX00042", None, "paediatrics")]),
        ("RECEIVED NX00042\nNOT KNOWN NX00043\n\nthanks", [RECEIVED, CodeLine(Answer.NOT_KNOWN, "NX00043", None, "")]),
        # In the words and in the order of the letters.
        ("Acknowledged", [CodeLine(Answer.RECEIVED, None, None, "")]),
        ("NX00042: acknowledged", [RECEIVED]),
        ("- NX00042, advice sent 12 March 2026", [CodeLine(Answer.SENT, "NX00042", date(2026, 3, 12), "")]),
        ("NX00042 not known to us", [CodeLine(Answer.NOT_KNOWN, "NX00042", None, "")]),
        ("NX00042 acknowledged\nNX00043 acknowledged", [RECEIVED, RECEIVED._replace(case_ref="NX00043")]),
        # Nothing else answers.
        ("Acknowledged by our team, who will look at it", []),
        ("NX00042", []),
        ("Declined, with written reasons", []),
        ("Hello,\nRECEIVED NX00042", []),
        ("RECEIVED NX00042 with thanks", []),
        ("RECEIVEDNX00042", []),
        ("> RECEIVED NX00042", []),
        (QUOTE, []),
        ("We have not RECEIVED NX00042", []),
        ("EXPECTED NX00042 next week", []),
        ("SENT NX00042 03/2026", []),
        ("", []),
    ],
)
def test_only_code_lines_on_top_answer(text: str, answers: list[CodeLine]) -> None:
    assert code_lines(text) == answers
    assert code_lines(read_mail(reply(text + QUOTE)).text) == answers


def test_an_answer_in_html_alone_is_read_and_what_it_quotes_is_not() -> None:
    mail = EmailMessage()
    mail["From"] = SENDER
    mail.set_content(
        "<html><head><style>p{}</style></head><body><p><b>RECEIVED</b> NX00042</p>"
        '<div id="divRplyFwdMsg"><p>RECEIVED NX00099</p></div></body></html>',
        subtype="html",
    )
    assert code_lines(read_mail(mail.as_bytes()).text) == [RECEIVED]
    mail.set_content("<blockquote><p>RECEIVED NX00042</p></blockquote>", subtype="html")
    assert code_lines(read_mail(mail.as_bytes()).text) == []


def test_what_a_mail_answers_and_who_sent_it() -> None:
    read = read_mail(
        reply("x", sender='"Lee, Sam" <SLT@Trust.example>', References=f"<a@b> {MESSAGE_ID}", answers=None)
    )
    assert (read.answers, read.sender, read.sender_name) == ((MESSAGE_ID, "<a@b>"), SENDER, "Lee, Sam")
    for sender in (f"{SENDER}, other@trust.example", f"<{SENDER}> <x@evil.example>", "nobody", f"<{SENDER}> x"):
        raw = reply("x").replace(f"From: {SENDER}".encode(), f"From: {sender}".encode())
        assert read_mail(raw).sender is None, sender
    assert read_mail(b"From: a@trust.example\n" + reply("x")).sender is None, "two headers"


def test_an_attachment_is_named_by_its_type_and_a_logo_is_none() -> None:
    mail = EmailMessage()
    mail["From"] = SENDER
    mail.set_content("RECEIVED NX00042")
    mail.add_alternative('<p>RECEIVED NX00042</p><img src="cid:logo">', subtype="html")
    mail.get_payload()[1].add_related(b"\x89PNG", "image", "png", cid="<logo>")  # type: ignore[index, union-attr]
    assert read_mail(mail.as_bytes()).attachments == ()
    mail.add_attachment(b"%PDF", "application", "pdf", filename="advice of a child.pdf")
    assert read_mail(mail.as_bytes()).attachments == ("application/pdf",)


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-generated; type=x"},
        {"Return_Path": "<>"},
        {"Precedence": "bulk"},
        {"X_Autoreply": "yes"},
        {"X_Auto_Response_Suppress": "All"},
        {"List_Id": "<staff.trust.example>"},
        {"Subject": "Automatic reply: NX00042"},
        {"Subject": "Out of Office: NX00042"},
    ],
)
def test_a_mail_that_a_machine_wrote_is_known_as_such(headers: dict[str, str]) -> None:
    assert is_automatic(read_mail(reply("RECEIVED NX00042", **headers)))


@pytest.mark.parametrize(
    "headers", [{}, {"Auto_Submitted": "no"}, {"Return_Path": f"<{SENDER}>"}, {"Subject": "RE: the office is closed"}]
)
def test_a_mail_that_a_person_wrote_is_not_automatic(headers: dict[str, str]) -> None:
    assert not is_automatic(read_mail(reply("RECEIVED NX00042", **headers)))


@pytest.mark.parametrize(
    ("raw", "cause", "final"),
    [
        (status_notification("5.1.1"), Cause.NO_SUCH_MAILBOX, True),
        (status_notification("5.1.2"), Cause.NO_SUCH_DOMAIN, True),
        (status_notification("5.2.1"), Cause.MAILBOX_DISABLED, True),
        (status_notification("5.2.2"), Cause.MAILBOX_FULL, True),
        (status_notification("4.2.2"), Cause.MAILBOX_FULL, True),
        (status_notification("4.2.2", action="delayed"), Cause.MAILBOX_FULL, False),
        (status_notification("5.3.4"), Cause.TOO_LARGE, True),
        (status_notification("4.4.7"), Cause.GAVE_UP, True),
        (status_notification("5.7.1", diagnostic="550 5.7.1 blocked"), Cause.REFUSED_BY_POLICY, True),
        (status_notification("5.0.0", diagnostic="550 user unknown"), Cause.NO_SUCH_MAILBOX, True),
        (status_notification("5.0.0"), Cause.NOT_KNOWN, True),
        (EXCHANGE, Cause.NO_SUCH_MAILBOX, True),
        (QMAIL, Cause.NO_SUCH_MAILBOX, True),
        (POSTFIX_TEXT, Cause.MAILBOX_FULL, True),
        (GMAIL, Cause.NO_SUCH_MAILBOX, True),
        (EXIM, Cause.NO_SUCH_DOMAIN, True),
        (DELAYED, Cause.GAVE_UP, False),
    ],
)
def test_a_bounce_says_which_letter_and_why(raw: bytes, cause: Cause, final: bool) -> None:
    found = read_bounce(read_mail(raw))
    assert found is not None
    assert (found.message_ids, found.cause, found.final) == ((MESSAGE_ID,), cause, final)
    assert SENDER in found.mailboxes


def test_a_reply_is_no_bounce_even_if_it_speaks_of_one() -> None:
    raw = reply("The mailbox is full. 550 5.1.1 user unknown", Subject="Undelivered Mail Returned to Sender")
    assert read_bounce(read_mail(raw)) is None


def test_a_success_or_a_read_receipt_is_no_bounce() -> None:
    assert read_bounce(read_mail(status_notification("2.0.0", action="delivered"))) is None
    receipt = status_notification("2.0.0").replace(b"delivery-status", b"disposition-notification")
    assert read_bounce(read_mail(receipt)) is None and is_automatic(read_mail(receipt))


def test_a_bounce_without_the_returned_letter_names_none() -> None:
    found = read_bounce(read_mail(status_notification("5.1.1", returned=False)))
    assert found == Bounce((), (SENDER,), Cause.NO_SUCH_MAILBOX, True)


NAMES = Names([("one", "Amara Okoye-Lindqvist"), ("two", "Sam Lee"), ("three", "Prince")])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("about Amara Okoye-Lindqvist please", {"one"}),
        ("OKOYE-LINDQVIST, Amara", {"one"}),
        ("about Amara and Okoye-Lindqvist", set()),
        ("Prince Street", set()),
        ("Ämara Okoye-Lindqvist", {"one"}),
        ("Sam\nLee", {"two"}),
    ],
)
def test_a_child_is_named_by_the_whole_name_side_by_side(text: str, found: set[str]) -> None:
    assert NAMES.children_in(text) == found


def test_the_name_of_the_sender_is_not_a_childs() -> None:
    assert NAMES.children_in("Kind regards, Sam Lee", besides="Lee, Sam (TRUST)") == set()


def test_another_child_is_one_that_is_not_of_the_case() -> None:
    own = {"one": "9990000018"}
    text = "Amara Okoye-Lindqvist, NHS 999 000 0018"
    assert list(nhs_numbers_in(text)) == ["9990000018"]
    assert not another_child(text, NAMES, own, {"9990000018": "one"}, "")
    assert another_child(text, NAMES, {}, {}, ""), "of another case it is another child"
    assert another_child("NHS 999 123 4500", NAMES, own, {"9991234500": "four"}, "")
    assert not another_child("telephone 0200 123 4567, due 2026-04-13", NAMES, own, {}, "")


def test_every_answer_has_a_code_but_the_one_that_needs_the_words_of_the_law() -> None:
    assert set(Answer) - set(CODES.values()) == {Answer.EXCEPTIONAL}
