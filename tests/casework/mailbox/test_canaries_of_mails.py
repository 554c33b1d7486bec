"""What identifies a child comes in by every part of a mail, and is found nowhere but in what a person asks to see.

The same search as tests/system/privacy: every file, table and letter of the installation, and what commands say.
"""

from __future__ import annotations

import logging

import pytest

from casework.delivery.daily_digest import digest
from casework.job_log import note
from casework.mailbox.imap import Fetched
from casework.mailbox.read import AllNames
from casework.mailbox.receive import receive, store_unread
from casework.mailbox.tray import show, waiting
from flows import run_ends, run_labels
from flows.jobs import Job
from models.incoming_mail import MailState
from tests.casework.mailbox.hostile import HOSTILE
from tests.casework.mailbox.samples import QMAIL, reply, status_notification
from tests.support.calling import sendflow
from tests.support.canaries import BIRTHS, CANARIES, CLINICAL, NAMES, NUMBERS, Done, search_home, search_outputs
from tests.support.mail_server import SERVICE
from tests.support.team import Team

DAY = "3 Mar 2026"
WORDS = f"{NAMES[0]}, {NUMBERS[0]}, born {BIRTHS[0]}, {CLINICAL[0]}"


def with_canaries(message_id: str) -> list[bytes]:
    """Mails with a canary in each header and part that somebody else writes."""
    named = f'"{NAMES[0]}" <{SERVICE}>'
    ordinary = {"Subject": f"{NAMES[1]} {NUMBERS[0]}"}
    return [
        reply(f"RECEIVED\n\n{CLINICAL[0]}", named, message_id, Message_ID="<1@x>", **ordinary),
        reply(WORDS, named, message_id, Message_ID="<2@x>", **ordinary),
        reply(f"{NAMES[0]} RECEIVED", named, message_id, Message_ID="<3@x>", Auto_Submitted="auto-replied"),
        reply(WORDS, f"{SERVICE}, {NAMES[0].replace(' ', '.')}@x.example", None, Message_ID="<4@x>", **ordinary),
        status_notification("5.1.1", diagnostic=f"550 {WORDS}")
        .replace(b"<20260302-0123456789.sendflow@icb.example>", message_id.encode())
        .replace(b"slt@trust.example", SERVICE.encode()),
        QMAIL + WORDS.encode(),
        WORDS.encode() + HOSTILE["nested 5,000"](),
    ]


def test_no_canary_of_a_mail_is_found_outside_what_a_person_asks_for(
    team: Team, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    team.day("2 Mar 2026")
    context = team.context(DAY)
    raws = with_canaries(team.post.letters[0].message_id)
    for number, raw in enumerate(raws):
        place = f"dco@imap.example/INBOX/1/{number}"
        receive(context, Fetched(place, str(number), raw, len(raw)), AllNames(context))
    store_unread(context, Fetched("dco@imap.example/INBOX/1/99", "99", raws[1], len(raws[1])))
    team.day(DAY)
    digest(context, transport=team.post)
    ids = [each.id for each in waiting(context)]
    assert len(ids) > 3
    note(context, "replies", "done", 0.1, report={"read": len(raws)})
    ended = run_ends.end(Job.REPLIES, run_labels.begin(Job.REPLIES, {}), {"read": 7, "waiting": len(ids)})
    outputs = [
        Done((command,), done.exit_code, done.stdout, done.stderr)
        for command, *words in (
            ("replies",),
            ("replies", "--json"),
            ("replies", "decide", ids[0], "not_ours", "--actor", "dco.team", "--json"),
            ("replies", "decide", ids[1], "expected", "--actor", "dco.team"),
            ("letters", "--json"),
            ("case", team.case, "--json"),
            ("verify",),
        )
        for done in [sendflow(command, *words, env={"SENDFLOW_HOME": str(team.home), "SENDFLOW_TODAY": "2026-03-03"})]
    ]
    search_outputs([*outputs, Done(("the run",), 0, str(ended), ""), Done(("the logs",), 0, caplog.text, "")])
    assert search_home(team.home) >= 1
    letters = "".join(f"{letter.subject}{letter.text}{letter.html}" for letter in team.post.letters)
    assert not [canary for canary in CANARIES if canary.casefold() in letters.casefold()]
    shown = " ".join(str(show(context, id_, "dco.team")) for id_ in ids)
    assert NAMES[0] in shown and CLINICAL[0] in shown, "who asks for it reads it"
    assert team.verify(DAY).intact


def test_a_mail_is_in_no_name_of_a_file_and_in_no_part_of_the_change_log(team: Team) -> None:
    raw = reply(WORDS, SERVICE, None, Subject=NAMES[0])
    context = team.context(DAY)
    found = receive(context, Fetched("dco@imap.example/INBOX/1/1", "1", raw, len(raw)), AllNames(context))
    assert found.state is MailState.WAITING
    assert found.id.isalnum() and len(found.id) == 16
    assert search_home(team.home) >= 1
