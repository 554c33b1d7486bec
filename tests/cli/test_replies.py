"""The command `replies`, sentence by sentence: what the tray, a mail, a decision and the doctor say; exit codes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from typer.testing import Result

from casework.job_runs import record_job_run
from casework.mailbox.imap import Fetched
from casework.mailbox.read import AllNames
from casework.mailbox.receive import receive
from config.reply_mailbox import ReplyMailbox
from models.database import transact
from runtime.diagnostics.checks import examine
from tests.casework.mailbox.samples import EICAR, reply, status_notification
from tests.support.by_hand import CASE
from tests.support.calling import sendflow
from tests.support.mail_server import SERVICE
from tests.support.team import Team

DAY = "3 Mar 2026"
BY = ("--actor", "dco.team")


@pytest.fixture
def sent(team: Team) -> Iterator[Team]:
    """The request has left to the service."""
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    team.day("2 Mar 2026")
    yield team
    assert team.verify("5 Mar 2026").intact


def comes_in(team: Team, raw: bytes, uid: int = 1) -> str:
    context = team.context(DAY)
    fetched = Fetched(f"dco@imap.example/INBOX/1/{uid}", str(uid), raw, len(raw))
    return receive(context, fetched, AllNames(context)).id


def call(team: Team, *words: str, on: str = "2026-03-03") -> Result:
    return sendflow("replies", *words, env={"SENDFLOW_HOME": str(team.home), "SENDFLOW_TODAY": on})


def mail(team: Team, text: str, sender: str = SERVICE) -> bytes:
    return reply(text, sender, team.post.letters[0].message_id, Subject="about a child")


def test_the_tray_says_why_each_mail_waits_and_no_word_of_it(sent: Team) -> None:
    assert call(sent).stdout == "No mail waits for a person.\n"
    first = comes_in(sent, mail(sent, "We will look at it."))
    second = comes_in(sent, mail(sent, EICAR), 2)
    third = comes_in(sent, status_notification("5.1.1", returned=False), 3)
    listed = call(sent)
    assert listed.exit_code == 0
    lines = listed.stdout.splitlines()
    assert lines[0] == "3 mails wait for a person:"
    assert {first, second, third} <= {line.split("  ")[0] for line in lines}
    assert "    It waits because it has no code line on top." in lines
    assert "    It waits because it has the test string of anti-virus programs: it is quarantined." in lines
    assert "    It waits because it says that an e-mail was not delivered, and not which." in lines
    assert lines[-1] == "To read one: sendflow replies show ID --actor WHO"
    assert "child" not in listed.stdout and SERVICE not in listed.stdout


def test_a_mail_is_shown_to_a_person_who_is_logged(sent: Team) -> None:
    id_ = comes_in(sent, mail(sent, "We got it on Monday."))
    refused = call(sent, "show", id_)
    assert (refused.exit_code, refused.stderr[:53]) == (2, "A person looks and decides, by name: give --actor, fo")
    shown = call(sent, "show", id_, *BY)
    assert shown.exit_code == 0
    assert shown.stdout.startswith(f"From: {SERVICE}\nSubject: about a child\nRead: 2026-03-03T")
    assert "Attachments, not opened: none\nState: waiting, it has no code line on top\n" in shown.stdout
    assert f"Cases: {CASE}\n\nWe got it on Monday.\n" in shown.stdout


def test_a_person_records_the_answer_that_a_mail_gives(sent: Team) -> None:
    id_ = comes_in(sent, mail(sent, "It will be there by 1 April"))
    bad = call(sent, "decide", id_, "expected", *BY)
    assert bad.exit_code == 1
    assert bad.stderr == ("Nothing was recorded: give the day, today (3 March 2026) or later\n")
    done = call(sent, "decide", id_, "expected", "--on", "2026-04-01", *BY)
    assert (done.exit_code, done.stdout) == (0, f"The mail is settled: answer on {CASE}.\n")
    fact = sent.lines()[-1]
    assert (fact.kind, fact.data["said"], fact.actor) == ("body_replied", "expected", "dco.team")
    again = call(sent, "decide", id_, "not_ours", *BY)
    assert again.exit_code == 2
    assert again.stderr == (
        "The mail does not wait any more: it was settled by dco.team on 2026-03-03 (answer). Nothing was changed\n"
    )


def test_decisions_that_record_nothing(sent: Team) -> None:
    for uid, (what, more, said) in enumerate(
        (
            ("not_ours", (), "The mail is settled: not ours.\n"),
            ("nothing_to_record", (), "The mail is settled: nothing to record.\n"),
            ("belongs_to", ("--case", CASE), f"The mail is settled: belongs to on {CASE}.\n"),
        )
    ):
        id_ = comes_in(sent, reply("Hello", "somebody@else.example", None, Message_ID=f"<{uid}@x>"), uid)
        done = call(sent, "decide", id_, what, *more, *BY)
        assert (done.exit_code, done.stdout) == (0, said)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("open",), 2, "Expected read, show ID or decide ID WHAT"),
        (
            ("decide", "0" * 16, "spam", *BY),
            2,
            "Expected one of not_ours, belongs_to, nothing_to_record, undelivered, r",
        ),
        (("decide", "0" * 16, "belongs_to", *BY), 2, "belongs_to needs --case: for example --case NX00042"),
        (
            ("decide", "0" * 16, "not_ours", *BY),
            2,
            "There is no mail with that id. To list those that wait: sendflow re",
        ),
        (("show", "0" * 16, *BY), 2, "There is no mail with that id."),
        (("read",), 2, "Nothing was read: no mailbox is set, so no mail is read: set SENDFLOW_IMAP_HOST and SENDFLOW"),
    ],
)
def test_a_wrong_call_says_what_was_expected(sent: Team, words: tuple[str, ...], code: int, said: str) -> None:
    done = call(sent, *words)
    assert done.exit_code == code
    assert said in done.stderr


def test_the_json_of_the_tray_names_no_sender_and_no_subject(sent: Team) -> None:
    comes_in(sent, mail(sent, "Hello"))
    (listed,) = json.loads(call(sent, "--json").stdout)
    assert sorted(listed) == ["cases", "id", "letter", "read_at", "said", "settled_by", "size", "state", "why"]


def test_the_doctor_names_what_is_wrong_with_the_reply_mailbox(sent: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    box = ReplyMailbox("imap.icb.example", 993, "dco", "words")
    settings = replace(sent.context("9 Mar 2026").settings, replies=box)

    def found() -> dict[str, str]:
        return {each.what: f"{each.message}. {each.mend}" for each in examine(settings).findings}

    assert found()["replies_not_vouched_for"].startswith("no server vouches for the senders of answers by e-mail")
    settings = replace(settings, replies=replace(box, authenticates="mx.icb.example"))
    assert not [what for what in found() if what.startswith("replies_")]
    context = sent.context("9 Mar 2026")

    def note(outcome: str) -> None:
        transact(
            context.engine,
            lambda connection: record_job_run(connection, context, "replies", context.today(), outcome, "{}"),
        )

    note("login_refused")
    assert found()["replies_login_refused"].startswith("the server of the reply mailbox refuses the login (since 2026-")
    note("unreachable")
    assert "replies_unreachable" not in found(), "it may end by itself within the hour"
    note("works")
    assert not [what for what in found() if what.startswith("replies_")]
    comes_in(sent, mail(sent, "Hello"))
    assert found()["replies_waiting"].startswith("mails from bodies have waited for a person for more than two days")
