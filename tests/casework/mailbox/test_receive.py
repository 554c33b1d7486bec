"""What becomes of a mail that comes in: a fact, a letter to the next post, or a person's decision; never a guess.

The request of 2 March 2026 (fact 3 of NX90001) goes to the speech and language therapy of Northshire's trust.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from casework.mailbox import tray
from casework.mailbox.imap import Fetched
from casework.mailbox.read import AllNames
from casework.mailbox.receive import Received, receive
from casework.mailbox.tray import Decision, NoSuchMail, answer, decide, show, things_asked, waiting
from casework.privacy.erasure import Ground
from casework.replies.answers import Reply
from casework.replies.links import link_to_duty, store_links, token_of
from casework.replies.record import Asked
from config.reply_mailbox import ReplyMailbox
from models.answers import Answer
from models.change_log import log_keys
from models.database import reading, writing
from models.encryption import Cipher
from models.incoming_mail import MailState, settle
from models.people import find_children, save_people
from models.tables import CASE as CASE_FILE
from models.tables import CASE_LOOK, INCOMING_MAIL, LETTER
from notifications.message_ids import as_it_is_stored, as_it_leaves, with_right_tag
from tests.casework.delivery.test_holds import log
from tests.casework.mailbox.samples import EICAR, reply, status_notification
from tests.support.by_hand import CASE, PAEDS, TRUST
from tests.support.erasing import erase
from tests.support.mail_server import MANAGER, SERVICE
from tests.support.team import Team

DAY = "3 Mar 2026"
NUMBERS = count(1)


def take_in(team: Team, raw: bytes, on: str = DAY, place: str | None = None) -> Received:
    context = team.context(on)
    at = place or f"dco@imap.example/INBOX/1/{next(NUMBERS)}"
    return receive(context, Fetched(at, at.rpartition("/")[2], raw, len(raw)), AllNames(context))


def said(team: Team) -> list[tuple[str, str]]:
    """Kind and actor of every fact that no job of sendflow wrote, after the request."""
    engine = ("notice_", "reminder_", "chasing_")
    return [(line.kind, line.actor) for line in team.lines()[3:] if not line.kind.startswith(engine)]


@pytest.fixture
def sent(team: Team) -> Iterator[Team]:
    """The request has left to the service."""
    team.record("2 Feb 2026", "ehc_assessment_requested", la="northshire", la_reference="NS-04412")
    team.record("2 Feb 2026", "assessment_agreed")
    team.asked("2 Mar 2026")
    team.day("2 Mar 2026")
    yield team
    assert team.verify("5 Mar 2026").intact


def mail(sent: Team, text: str, sender: str = SERVICE, **headers: str) -> bytes:
    return reply(text, sender, sent.post.letters[0].message_id, **headers)


def test_a_code_line_in_a_reply_records_the_answer_in_the_name_of_the_mailbox(sent: Team) -> None:
    found = take_in(sent, mail(sent, f"RECEIVED {CASE}\n\nKind regards"))
    assert found.state is MailState.ANSWERED
    (fact,) = [line for line in sent.lines() if line.kind == "health_advice_acknowledged"]
    assert (fact.actor, fact.via) == (f"mailbox.{TRUST.lower()}.speech_and_language_therapy", "reply_mail")
    assert SERVICE not in str(fact)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("RECEIVED", "health_advice_acknowledged"),
        ("NOT KNOWN", "health_advice_answered"),
        ("EXPECTED 1 April 2026", "body_replied"),
        ("SENT 03/03/2026", "body_replied"),
        ("OTHER SERVICE paediatrics", "health_advice_answered"),
        ("MISSED APPOINTMENT 2026-03-02", "appointment_missed"),
        ("WRONG MAILBOX", "body_replied"),
    ],
)
def test_each_code_records_its_fact_without_a_case_where_the_letter_has_one_thing(
    sent: Team, text: str, kind: str
) -> None:
    assert take_in(sent, mail(sent, text)).state is MailState.ANSWERED
    assert kind in [each for each, _actor in said(sent)]


VOUCHED = {"Authentication-Results": "mx.icb.example; dmarc=pass header.from=northshire-community.example"}


@pytest.fixture
def vouched(sent: Team) -> Team:
    """The same, where the receiving server vouches for senders."""
    box = ReplyMailbox("imap.example", 993, "dco", authenticates="mx.icb.example")
    sent.first = replace(sent.first, settings=replace(sent.first.settings, replies=box))
    sent._contexts.clear()
    return sent


def test_a_mail_that_answers_no_letter_is_matched_by_its_sender_and_the_case(vouched: Team) -> None:
    assert take_in(vouched, reply(f"RECEIVED {CASE}", SERVICE, None, **VOUCHED)).state is MailState.ANSWERED
    manager = reply("NOT KNOWN", MANAGER, None, Subject="hello", **VOUCHED)
    assert take_in(vouched, manager).state is MailState.ANSWERED, "one duty"


def guessed(sent: Team) -> str:
    """The Message-ID that a stranger works out who knows the mailbox and the day."""
    return f"<{sent.post.letters[0].id}.sendflow@northernvales-icb.example>"


def test_the_message_id_of_an_email_has_a_tag_that_the_database_does_not_have(sent: Team) -> None:
    left = sent.post.letters[0].message_id
    with reading(sent.first.engine) as connection:
        stored = connection.scalar(select(LETTER.c.message_id))
    assert stored == guessed(sent)
    assert left != stored and as_it_is_stored(left) == stored
    assert left == as_it_leaves(sent.first.cipher, sent.post.letters[0].id, stored), "the same at each attempt"
    other = Cipher.for_nothing()
    assert with_right_tag(other, [left]) == [] and with_right_tag(sent.first.cipher, [stored]) == []


@pytest.mark.parametrize("wrong", ["", ".0123456789abcdef0123", ".0123456789ABCDEF0123"])
@pytest.mark.parametrize("text", ["RECEIVED", f"RECEIVED {CASE}", "NOT KNOWN"])
def test_a_reply_under_a_forged_sender_to_a_guessed_email_waits(sent: Team, text: str, wrong: str) -> None:
    """What a stranger knows: the mailbox, the day, the reference, and how a Message-ID is made."""
    named = guessed(sent).replace(".sendflow@", f"{wrong}.sendflow@")
    found = take_in(sent, reply(text, SERVICE, named))
    assert (found.state, found.why) == (MailState.WAITING, "sender_not_vouched_for")
    assert said(sent) == []


def test_a_tag_proves_what_its_email_asks_and_nothing_else_of_the_mailbox(sent: Team) -> None:
    sent.record("3 Mar 2026", "ehc_assessment_requested", la="northshire", case="NX90002")
    asked: dict[str, Any] = {"body": TRUST, "service": "speech_and_language_therapy"}
    sent.record("3 Mar 2026", "health_advice_requested", case="NX90002", **asked)
    other = take_in(sent, mail(sent, "RECEIVED NX90002"))
    assert (other.state, other.why) == (MailState.WAITING, "nothing_owed")
    assert take_in(sent, mail(sent, f"RECEIVED {CASE}", Message_ID="<2@x>")).state is MailState.ANSWERED


def test_a_tag_ends_when_a_link_would(sent: Team) -> None:
    found = take_in(sent, mail(sent, "RECEIVED"), "27 Apr 2026")
    assert (found.state, found.why) == (MailState.WAITING, "sender_not_vouched_for")
    in_time = take_in(sent, mail(sent, "EXPECTED 30 April 2026", Message_ID="<2@x>"), "26 Apr 2026")
    assert in_time.state is MailState.ANSWERED


@pytest.mark.parametrize(
    ("subject", "state"),
    [
        (f"RE: {CASE} (NS-04412): please acknowledge", MailState.ANSWERED),
        ("RE: hello", MailState.ANSWERED),
        ("RE: NX00042: please acknowledge", MailState.WAITING),
    ],
)
def test_a_subject_that_names_another_case_is_not_passed_over(vouched: Team, subject: str, state: MailState) -> None:
    """The sender owes one duty. A reply to an e-mail about another case may not be taken for an answer about it."""
    assert take_in(vouched, reply("Acknowledged", SERVICE, None, Subject=subject, **VOUCHED)).state is state


@pytest.mark.parametrize(
    ("text", "sender", "headers", "why"),
    [
        ("Thank you, we will look at it.", SERVICE, {}, "no_code"),
        ("RECEIVED", "clinician@northshire-community.example", {}, "sender_not_known"),
        ("RECEIVED", "send.lead@elsewhere.example", {}, "sender_not_known"),
        ("RECEIVED NX99999", SERVICE, {}, "nothing_owed"),
        ("EXPECTED", SERVICE, {}, "no_such_answer"),
        ("EXPECTED 1 January 2026", SERVICE, {}, "no_such_answer"),
        ("OTHER SERVICE nowhere", SERVICE, {}, "no_such_answer"),
        (f"RECEIVED\n\n{EICAR}", SERVICE, {}, "test_string"),
    ],
)
def test_every_other_mail_waits_for_a_person_and_changes_no_case(
    sent: Team, text: str, sender: str, headers: dict[str, str], why: str
) -> None:
    before = said(sent)
    found = take_in(sent, mail(sent, text, sender, **headers))
    assert (found.state, found.why) == (MailState.WAITING, why)
    assert said(sent) == before
    assert [each.id for each in waiting(sent.context(DAY))] == [found.id]


def test_a_link_of_ours_in_what_is_quoted_names_the_duty_under_any_sender(sent: Team) -> None:
    context = sent.context(DAY)
    asked = Asked(CASE, "ehc_body_advice_respond", 3, TRUST, "speech_and_language_therapy", "service")
    link = link_to_duty(asked, SERVICE, "a notice")
    with writing(context.engine) as connection:
        store_links(connection, context.cipher, [link], datetime.now(UTC))
    quoted = "RECEIVED\n\n> To answer: https://cases.icb.example/reply/{}\n"
    person = "clinician@northshire-community.example"
    forged = take_in(sent, reply(quoted.format("x" * 32), person, None))
    assert (forged.state, forged.why) == (MailState.WAITING, "sender_not_known")
    found = take_in(sent, reply(quoted.format(token_of(context.cipher, link)), person, None, Message_ID="<2@x>"))
    assert found.state is MailState.ANSWERED
    assert said(sent) == [("health_advice_acknowledged", asked.actor)]


def test_a_mail_with_two_fitting_duties_waits(vouched: Team) -> None:
    vouched.asked("3 Mar 2026", PAEDS)
    lead = "send.lead@northshire-community.example"
    found = take_in(vouched, reply(f"RECEIVED {CASE}", lead, None, **VOUCHED))
    assert (found.state, found.why) == (MailState.WAITING, "several_duties")


def test_an_answer_to_a_letter_whose_duty_is_met_answers_nothing_else(sent: Team) -> None:
    sent.record("3 Mar 2026", "health_advice_received", body=TRUST, service="speech_and_language_therapy")
    sent.asked("3 Mar 2026", "paediatrics")
    found = take_in(sent, mail(sent, "NOT KNOWN", "send.lead@northshire-community.example"))
    assert found.state is MailState.WAITING


CHILD = {"nhs_number": "9990000018", "name": "Sam Okoye-Lindqvist"}
OTHER = {"nhs_number": "9991234500", "name": "Amara Novak-Bell"}


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("RECEIVED\n\nSam Okoye-Lindqvist, 999 000 0018", MailState.ANSWERED),
        ("RECEIVED\n\nKind regards, Amara", MailState.ANSWERED),
        ("RECEIVED\n\nAmara Novak-Bell", MailState.WAITING),
        ("RECEIVED\n\nNOVAK-BELL, Amara", MailState.WAITING),
        ("RECEIVED\n\nNHS 999 123 4500", MailState.WAITING),
        ("RECEIVED\n\nNHS 999 000 0026", MailState.WAITING),
    ],
)
def test_another_childs_name_or_number_quarantines_a_mail(sent: Team, text: str, state: MailState) -> None:
    context = sent.context("2 Mar 2026")
    with writing(context.engine) as connection:
        save_people(connection, context.cipher, [(CASE, CHILD)])
        save_people(connection, context.cipher, [("NX90002", OTHER)])
        child = find_children(connection, context.cipher, [CHILD["nhs_number"]])[CHILD["nhs_number"]]
        connection.execute(update(CASE_FILE).where(CASE_FILE.c.case_ref == CASE).values(child_key=child))
        log_keys(connection, CASE_FILE, [CASE])
    found = take_in(sent, mail(sent, text))
    assert found.state is state
    if state is MailState.WAITING:
        assert found.why == "another_child" and said(sent) == []


def test_automatic_mail_answers_nothing_and_waits_for_nobody(sent: Team) -> None:
    before = said(sent)
    found = take_in(sent, mail(sent, "RECEIVED", Auto_Submitted="auto-replied"))
    assert found.state is MailState.AUTOMATIC
    assert said(sent) == before and waiting(sent.context(DAY)) == []
    sent.deliver(DAY)
    assert [to for _on, to in log(sent)] == [SERVICE], "no e-mail goes back"


def test_a_bounce_goes_to_the_next_post_with_its_cause(sent: Team) -> None:
    raw = status_notification("5.1.1").replace(b"slt@trust.example", SERVICE.encode())
    raw = raw.replace(b"<20260302-0123456789.sendflow@icb.example>", sent.post.letters[0].message_id.encode())
    found = take_in(sent, raw)
    assert (found.state, found.why) == (MailState.UNDELIVERED, "no_such_mailbox")
    sent.deliver(DAY)
    assert [to for _on, to in log(sent)] == [SERVICE, MANAGER]
    assert take_in(sent, raw.replace(b"Undelivered", b"Once more")).state is MailState.UNDELIVERED
    kinds = [line.kind for line in sent.lines()]
    assert kinds.count("notice_undelivered") == 1, "said twice, it is one fact"


def test_a_bounce_for_another_mailbox_or_of_no_letter_waits(sent: Team) -> None:
    named = sent.post.letters[0].message_id.encode()
    other = status_notification("5.1.1").replace(b"<20260302-0123456789.sendflow@icb.example>", named)
    for raw in (other, status_notification("5.1.1", returned=False)):
        found = take_in(sent, raw)
        assert (found.state, found.why) == (MailState.WAITING, "bounce_not_matched")


def bounce(sent: Team, message_id: str) -> bytes:
    raw = status_notification("5.1.1").replace(b"slt@trust.example", SERVICE.encode())
    return raw.replace(b"<20260302-0123456789.sendflow@icb.example>", message_id.encode())


@pytest.mark.parametrize("wrong", ["", ".0123456789abcdef0123"])
def test_a_forged_bounce_waits_and_stops_no_chasing(sent: Team, wrong: str) -> None:
    """Anybody who knows the mailbox can work out the Message-ID but for its tag."""
    found = take_in(sent, bounce(sent, guessed(sent).replace(".sendflow@", f"{wrong}.sendflow@")))
    assert (found.state, found.why) == (MailState.WAITING, "bounce_not_proved")
    assert "notice_undelivered" not in [line.kind for line in sent.lines()]
    (listed,) = waiting(sent.context(DAY))
    assert listed.letter == sent.post.letters[0].id and "anybody could have written it" in listed.said
    decide(sent.context(DAY), listed.id, Decision.UNDELIVERED, "dco.team")
    assert "notice_undelivered" in [line.kind for line in sent.lines()], "a person may say that it is true"


def test_a_bounce_that_names_a_guessed_email_beside_a_right_one_is_about_the_right_one(sent: Team) -> None:
    """A server quotes our references too. The tag decides, and a guess beside it changes nothing."""
    left = sent.post.letters[0].message_id
    guess = b"References: <20260301-0123456789.sendflow@x.example>\nSubject: NX"
    assert take_in(sent, bounce(sent, left).replace(b"Subject: NX", guess)).state is MailState.UNDELIVERED


def test_the_same_mail_is_taken_in_once(sent: Team) -> None:
    raw = mail(sent, "RECEIVED")
    first = take_in(sent, raw, place="dco@imap.example/INBOX/1/1")
    again = take_in(sent, raw, place="dco@imap.example/INBOX/1/1")
    assert (again.id, again.known) == (first.id, True)
    twice = take_in(sent, b"Received: from mx2.icb.example\n" + raw, place="dco@imap.example/INBOX/1/2")
    renumbered = take_in(sent, raw, place="dco@imap.example/INBOX/2/1")
    assert {twice.state, renumbered.state} == {MailState.REPEATED}
    assert [kind for kind, _actor in said(sent)] == ["health_advice_acknowledged"]


@pytest.mark.parametrize(
    ("line", "state"),
    [
        ("mx.icb.example; dmarc=pass header.from=northshire-community.example", MailState.ANSWERED),
        ("mx.icb.example 1; dmarc=pass (p=none) header.from=northshire-community.example", MailState.ANSWERED),
        ("mx.icb.example; spf=pass smtp.mailfrom=a@northshire-community.example", MailState.ANSWERED),
        ("mx.icb.example; dkim=pass (2048 (a) key) header.d=Northshire-Community.example", MailState.ANSWERED),
        ("mx.icb.example; spf=pass; dkim=pass", MailState.WAITING),
        ("mx.icb.example; spf=pass smtp.mailfrom=a@evil.example; dkim=pass header.d=evil.example", MailState.WAITING),
        ("mx.icb.example; dmarc=none; dkim=pass header.d=evil.example", MailState.WAITING),
        ("mx.icb.example; dmarc=pass header.from=evil.example", MailState.WAITING),
        ("mx.icb.example; spf=fail (helo; dmarc=pass) smtp.mailfrom=a@evil.example", MailState.WAITING),
        ('mx.icb.example; spf=fail smtp.mailfrom="a; dmarc=pass"@evil.example', MailState.WAITING),
        ("mx.icb.example; spf=fail smtp.mailfrom==?utf-8?q?a=3B_dmarc=3Dpass_?=@evil.example", MailState.WAITING),
        ("mx.icb.example; dmarc=passed", MailState.WAITING),
        ("mx.icb.example; dmarc=fail; spf=pass", MailState.WAITING),
        ("mx.icb.example; spf=softfail", MailState.WAITING),
        ("mx.evil.example; dmarc=pass", MailState.WAITING),
        ("", MailState.WAITING),
    ],
)
def test_the_receiving_server_has_to_vouch_for_the_sender_where_it_does_so(
    vouched: Team, line: str, state: MailState
) -> None:
    """A sender chooses the domains that SPF and DKIM check, and writes into the server's line what he likes."""
    head = f"Authentication-Results: {line}\n".encode() if line else b""
    found = take_in(vouched, head + mail(vouched, "RECEIVED"))
    assert found.state is state
    assert found.why == (None if state is MailState.ANSWERED else "sender_not_vouched_for")


def test_a_person_reads_a_mail_which_is_logged_and_decides(sent: Team) -> None:
    found = take_in(sent, mail(sent, "We got it on Monday."))
    context = sent.context(DAY)
    shown = show(context, found.id, "dco.team")
    assert (shown.sender, shown.subject, shown.text) == (
        SERVICE,
        "RE: NX00042: please send health advice",
        "We got it on Monday.\n",
    )
    with reading(context.engine) as connection:
        looks = connection.execute(select(CASE_LOOK.c.case_ref, CASE_LOOK.c.actor, CASE_LOOK.c.what)).all()
    assert [tuple(look) for look in looks] == [(CASE, "dco.team", "mail")]
    ((asked, possible),) = things_asked(context, shown)
    assert Answer.RECEIVED in [each.answer for each in possible]
    settled = answer(context, found.id, asked, Reply(Answer.RECEIVED), "dco.team")
    assert (settled.state, settled.settled_by, settled.cases) == ("decided", "dco.team", [CASE])
    assert said(sent) == [("health_advice_acknowledged", "dco.team")]
    with pytest.raises(NoSuchMail, match=r"settled by dco\.team"):
        decide(context, found.id, Decision.NOT_OURS, "dco.team")


def test_the_links_that_a_mail_quotes_are_shown_to_nobody(sent: Team) -> None:
    """A reply quotes our letter with its links. Who reads the mail could answer with them in the name of a provider."""
    token = "Ab1_-Cd2" * 4
    text = f"We got it.\n\n> Answer here: https://cases.icb.example/reply/{token}\n> Everything: /reply/{token}."
    found = take_in(sent, mail(sent, text, Subject=f"RE: /reply/{token}"))
    shown = show(sent.context(DAY), found.id, "dco.team")
    assert shown.text is not None and shown.text.startswith("We got it.") and shown.text.count("(not shown)") == 2
    assert token not in shown.model_dump_json()


def test_of_two_persons_who_settle_a_mail_at_once_the_second_learns_who_did(
    sent: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second has looked whether the mail waits, and the first settles it before the second writes."""
    found = take_in(sent, mail(sent, "We got it on Monday."))
    context = sent.context(DAY)
    (asked, _possible) = things_asked(context, show(context, found.id, "dco.team"))[0]
    real, at_once = settle, iter(["admin.team"])

    def after_the_first(connection: Connection, id_: str, by: str, *more: Any) -> bool:
        for first in at_once:
            real(connection, id_, first, *more)
        return real(connection, id_, by, *more)

    monkeypatch.setattr(tray, "settle", after_the_first)
    with pytest.raises(NoSuchMail, match=r"settled by admin\.team"):
        answer(context, found.id, asked, Reply(Answer.RECEIVED), "dco.team")
    assert said(sent) == [], "no answer is recorded twice"


@pytest.mark.parametrize("decision", [Decision.NOT_OURS, Decision.NOTHING_TO_RECORD, Decision.BELONGS_TO])
def test_a_decision_without_an_answer_records_no_fact(sent: Team, decision: Decision) -> None:
    found = take_in(sent, mail(sent, "Hello"))
    case = CASE if decision is Decision.BELONGS_TO else None
    settled = decide(sent.context(DAY), found.id, decision, "dco.team", case)
    assert settled.why == str(decision) and waiting(sent.context(DAY)) == []
    assert said(sent) == []


def test_erasing_a_child_erases_the_mails_about_its_cases(sent: Team) -> None:
    answered = take_in(sent, mail(sent, "RECEIVED"))
    other = take_in(sent, mail(sent, "Hello"))
    context = sent.context(DAY)
    report = erase(context, CASE, "dco.team", Ground.ERASURE_REQUEST)
    assert report.mails == 1
    assert show(context, answered.id, "dco.team").text is None
    assert show(context, other.id, "dco.team").text == "Hello\n"


def test_no_word_of_a_mail_is_stored_in_clear(sent: Team) -> None:
    raw = mail(sent, "Amara Okoye-Lindqvist has dysphagia", Subject="about Amara Okoye-Lindqvist")
    take_in(sent, raw)
    with reading(sent.first.engine) as connection:
        rows = str([tuple(row) for row in connection.execute(select(INCOMING_MAIL))])
    for word in ("Amara", "dysphagia", SERVICE):
        assert word not in rows
    assert b"dysphagia" not in (sent.home / "sendflow.db").read_bytes()


@pytest.mark.parametrize(("kind", "why"), [("person_died", "nothing_owed"), ("person_flagged_sensitive", "withheld")])
def test_a_mail_about_a_child_who_died_or_is_flagged_is_read_by_a_person_first(sent: Team, kind: str, why: str) -> None:
    sent.record("3 Mar 2026", kind)
    found = take_in(sent, mail(sent, f"RECEIVED {CASE}\n\nKind regards"))
    assert (found.state, found.why) == (MailState.WAITING, why)
    assert said(sent) == [(kind, "dco.team")]
