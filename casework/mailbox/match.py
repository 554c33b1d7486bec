"""Which duty a mail answers, and whether its sender may answer it. [I/O]

In this order: the e-mail of ours that it names as answered; a link of ours in it; the sender's mailbox. Exactly one
open duty has to remain for each code line. `Unclear` says why a person has to decide; sendflow never guesses.

Anybody can write any From line. A mail answers only with a link of ours, with the tag of an e-mail of ours
(`notifications.message_ids`), or from a sender for whom the receiving server vouches. What a tag or a link proves is
only what that e-mail or link is about (decision 273).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Connection, select

from casework.cases.fact_form import Refused
from casework.cases.loaded_case import LoadedCase
from casework.cases.unit_of_work import UnitOfWork, load_readable
from casework.context import AppContext
from casework.delivery.addresses import mailboxes
from casework.mailbox.codes import CodeLine, references_in
from casework.mailbox.incoming import Incoming, headers_as_written
from casework.replies.answers import Reply, drafts_of
from casework.replies.links import LIFETIME, Link, NoSuchLink, find_link
from casework.replies.owed import asked_of_mailbox
from casework.replies.record import Asked, duty_asked_for
from models.answers import Answer
from models.encryption import Cipher
from models.enums import LetterState
from models.errors import SendflowError
from models.same_words import spellings
from models.tables import DUTY, LETTER, NOTICE
from notifications.message_ids import as_it_is_stored, with_right_tag

LEFT = (LetterState.SENT, LetterState.SENT_PERHAPS_TWICE, LetterState.SENDING, LetterState.CAME_BACK)
# RFC 8601: one result, and the names whose domain each method has checked.
RESULT = re.compile(r"\s*(dmarc|dkim|spf)\s*(?:/\s*1\s*)?=\s*([a-z]+)(?=\s|$)(.*)", re.IGNORECASE | re.DOTALL)
CHECKED = {
    "dmarc": re.compile(r"\sheader\.from\s*=\s*(\S+)", re.IGNORECASE),
    "dkim": re.compile(r"\sheader\.d\s*=\s*(\S+)", re.IGNORECASE),
    "spf": re.compile(r"\ssmtp\.mailfrom\s*=\s*(\S+)", re.IGNORECASE),
}
QUOTED_OR_COMMENT = re.compile(r'"(?:[^"\\]|\\.)*"|\([^()]*\)')
IN_A_MAIL = re.compile(r"/reply/([A-Za-z0-9_-]{32})(?![A-Za-z0-9_-])")  # a link of ours
MOST_LINKS = 50


class Why(StrEnum):
    """Why a mail waits for a person."""

    NO_CODE = "no_code"
    NO_LETTER = "no_letter"
    SENDER_NOT_KNOWN = "sender_not_known"
    SENDER_NOT_VOUCHED_FOR = "sender_not_vouched_for"
    NOTHING_OWED = "nothing_owed"
    SEVERAL_DUTIES = "several_duties"
    NO_SUCH_ANSWER = "no_such_answer"
    REFUSED = "refused"
    ANOTHER_CHILD = "another_child"
    WITHHELD = "withheld"
    ATTACHMENT = "attachment"
    TEST_STRING = "test_string"
    NOT_READABLE = "not_readable"
    BOUNCE_NOT_MATCHED = "bounce_not_matched"
    BOUNCE_NOT_PROVED = "bounce_not_proved"


class Unclear(SendflowError):
    """A person has to decide about the mail; `why` says why."""

    default_code = "unclear"

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why = why


class Named(NamedTuple):
    """The e-mail of ours that a mail names. `proved`: with its tag, and not longer ago than a link is good for."""

    letter: str
    proved: bool


def letter_named(connection: Connection, cipher: Cipher, message_ids: Collection[str], today: date) -> Named | None:
    """The e-mail that left with one of these Message-IDs; None where there is none, or several. Those with the right
    tag come before all others, because anybody can write one without.
    """
    tagged = with_right_tag(cipher, message_ids)
    named = tagged or [as_it_is_stored(each) for each in message_ids if ".sendflow@" in each]
    query = select(LETTER.c.id, LETTER.c.on).where(LETTER.c.message_id.in_(named), LETTER.c.state.in_(LEFT))
    found = connection.execute(query).all() if named else []
    if len(found) != 1:
        return None
    return Named(found[0].id, bool(tagged) and today < found[0].on + LIFETIME)


def mailbox_of(connection: Connection, letter: str) -> str:
    """To whom an e-mail went."""
    return connection.scalar(select(LETTER.c.mailbox).where(LETTER.c.id == letter)) or ""


def is_vouched_for(mail: Incoming, server: str | None) -> bool:
    """Whether the receiving server vouches for the domain in From (RFC 8601). Without a server that does, nobody is.

    Only the first line of that server counts: it writes its own above what came in, and a sender may write others. SPF
    and DKIM of another domain than that of From say nothing: the sender chose both.
    """
    lines = headers_as_written(mail.message, "Authentication-Results")
    if server is None or not lines:
        return False
    line = lines[0]
    while (bare := QUOTED_OR_COMMENT.sub(" ", line)) != line:  # comments can be nested
        line = bare
    name, _, said = line.partition(";")
    if name.split()[:1] != [server]:
        return False
    results = [found for each in said.split(";") if (found := RESULT.fullmatch(each))]
    if any(found[1].lower() == "dmarc" and found[2].lower() == "fail" for found in results):
        return False
    domain = (mail.sender or "").rpartition("@")[2]
    return any(_vouches(found[1].lower(), found[2].lower(), found[3], domain) for found in results)


def _vouches(method: str, result: str, properties: str, domain: str) -> bool:
    """Whether one result is about the domain itself. DMARC is about From, whether or not the server repeats it."""
    checked = CHECKED[method].findall(properties)
    if result != "pass" or len(checked) > 1 or not (checked or method == "dmarc"):
        return False
    return all(each.rpartition("@")[2].lower() == domain for each in checked)


def case_refs_of(connection: Connection, letter: str | None) -> list[str]:
    """The cases that an e-mail is about."""
    if letter is None:
        return []
    query = select(NOTICE.c.case_ref).where(NOTICE.c.letter == letter).distinct().order_by(NOTICE.c.case_ref)
    return list(connection.scalars(query))


def replies_meant(
    unit: UnitOfWork, mail: Incoming, named: Named | None, codes: Sequence[CodeLine]
) -> list[tuple[Asked, Reply]]:
    """What each code line answers. Raises Unclear."""
    if not codes:
        raise Unclear(Why.NO_CODE)
    by_link = _by_link(unit, mail)
    near, owed = by_link or _by_sender(unit, mail, named)
    if by_link is None and named is None and any(code.case_ref is None for code in codes):
        near = _named_in_subject(mail, near)
    return [_meant(unit, code, near, owed) for code in codes]


def _named_in_subject(mail: Incoming, owed: list[Asked]) -> list[Asked]:
    """Of what a sender owes, that of the cases in the subject, if it names any: a reply has the subject of ours."""
    names = {form for ref in references_in(mail.subject) for form in spellings(ref)}
    return [each for each in owed if each.case_ref in names] if names else owed


def _by_link(unit: UnitOfWork, mail: Incoming) -> tuple[list[Asked], list[Asked]] | None:
    """What the links of ours in a mail answer; None without one. Who has a link may answer, under any sender."""
    found: list[Link] = []
    for token in dict.fromkeys(IN_A_MAIL.findall(f"{mail.subject}\n{mail.text}")[:MOST_LINKS]):
        with suppress(NoSuchLink):
            found.append(find_link(unit.connection, unit.context.cipher, token, unit.context.now()))
    asked = [link.asked for link in found if link.asked is not None]
    of_all = [each for link in found if link.asked is None for each in _owed(unit, link.mailbox)]
    return (asked or of_all, [*asked, *of_all]) if found else None


def _by_sender(unit: UnitOfWork, mail: Incoming, named: Named | None) -> tuple[list[Asked], list[Asked]]:
    """What the sender owes of what the answered e-mail is about, and all that the mail may answer. Raises Unclear.

    Where no server vouches for senders, a mail without the tag of an e-mail of ours answers nothing, and one with it
    only what that e-mail is about.
    """
    context = unit.context
    mailbox = next(
        (each for each in mailboxes(context.directory, context.today()) if each.lower() == mail.sender), None
    )
    if mailbox is None:
        raise Unclear(Why.SENDER_NOT_KNOWN)
    server = context.settings.replies.authenticates if context.settings.replies else None
    if not (is_vouched_for(mail, server) if server is not None else named is not None and named.proved):
        raise Unclear(Why.SENDER_NOT_VOUCHED_FOR)
    owed = _owed(unit, mailbox)
    if named is None:
        return owed, owed
    of_letter = _of_letter(unit.connection, named.letter)
    near = [each for each in owed if _same(each, of_letter)]
    return near, owed if server is not None else near


def _owed(unit: UnitOfWork, mailbox: str) -> list[Asked]:
    return asked_of_mailbox(unit.context, unit.connection, mailbox)


def _meant(unit: UnitOfWork, code: CodeLine, near: Sequence[Asked], owed: Sequence[Asked]) -> tuple[Asked, Reply]:
    """The one open duty that a code line answers. `near`: those of the e-mail that it answers, else all of `owed`."""
    pool = list(near)
    if code.case_ref is not None:
        names = set(spellings(code.case_ref))
        pool = [each for each in near if each.case_ref in names] or [each for each in owed if each.case_ref in names]
    if not pool:
        raise Unclear(Why.NOTHING_OWED)
    if code.case_ref is None and len({each.case_ref for each in pool}) > 1:
        raise Unclear(Why.SEVERAL_DUTIES)
    cases = load_readable(unit, {each.case_ref for each in pool})
    fitting: list[tuple[Asked, Reply]] = []
    for asked in pool:
        case = cases.get(asked.case_ref)
        reply = reply_of(unit.context, code, asked, case.file.la) if case is not None else None
        if case is not None and reply is not None and _is_possible(unit.context, case, asked, reply):
            fitting.append((asked, reply))
    if not fitting:
        raise Unclear(Why.NO_SUCH_ANSWER)
    if len(fitting) > 1:
        raise Unclear(Why.SEVERAL_DUTIES)
    return fitting[0]


def _is_possible(context: AppContext, case: LoadedCase, asked: Asked, reply: Reply) -> bool:
    duty = duty_asked_for(case, asked)
    if duty is None or duty.closed_on is not None:
        return False
    try:
        drafts_of(context, case.file, duty, reply)
    except Refused:
        return False
    return True


def reply_of(context: AppContext, code: CodeLine, asked: Asked, la: str | None) -> Reply | None:
    """What a code line says of one duty; None where it names no service that somebody gives in that authority."""
    answer = code.answer
    if answer is not Answer.OTHER_SERVICE:
        return Reply(answer, on=code.on, recipient=asked.recipient)
    directory = context.directory
    service = directory.find_service(code.rest) if code.rest else None
    body = directory.provider(la, service, context.today()) if la is not None and service is not None else None
    if body is None:
        return None
    return Reply(answer, to_body=body, to_service=service, recipient=asked.recipient)


def owed_by_sender(context: AppContext, connection: Connection, sender: str) -> list[Asked]:
    """Every open duty of a mailbox, however it is spelt."""
    mailbox = next(
        (each for each in mailboxes(context.directory, context.today()) if each.lower() == sender.lower()), None
    )
    return asked_of_mailbox(context, connection, mailbox) if mailbox is not None else []


def asked_of(context: AppContext, connection: Connection, case_refs: Collection[str]) -> list[Asked]:
    """Every open duty of these cases that the escalation policy chases."""
    query = select(DUTY.c.case_ref, DUTY.c.rule, DUTY.c.opened_seq, DUTY.c.body, DUTY.c.service).where(
        DUTY.c.case_ref.in_(case_refs),
        DUTY.c.closed_on.is_(None),
        DUTY.c.body.is_not(None),
        DUTY.c.rule.in_(context.escalation_policy.rung),
    )
    return [Asked(*row) for row in connection.execute(query.order_by(DUTY.c.case_ref, DUTY.c.due))]


def _of_letter(connection: Connection, letter: str) -> list[Asked]:
    query = select(NOTICE.c.case_ref, NOTICE.c.rule, NOTICE.c.opened_seq, NOTICE.c.body, NOTICE.c.service)
    rows = connection.execute(query.where(NOTICE.c.letter == letter, NOTICE.c.body.is_not(None)))
    return [Asked(*row) for row in rows]


def _same(asked: Asked, others: Sequence[Asked]) -> bool:
    about = (asked.case_ref, asked.rule, asked.opened_seq, asked.body)
    return any((each.case_ref, each.rule, each.opened_seq, each.body) == about for each in others)
