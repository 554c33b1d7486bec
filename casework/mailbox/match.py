"""Which duty a mail answers, and whether its sender may answer it. [I/O]

In this order: the e-mail of ours that it names as answered; a link of ours in it; the sender's mailbox. Exactly one
open duty has to remain for each code line. `Unclear` says why a person has to decide; sendflow never guesses.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from contextlib import suppress
from enum import StrEnum

from sqlalchemy import Connection, select

from casework.cases.fact_form import Refused
from casework.cases.loaded_case import LoadedCase
from casework.cases.unit_of_work import UnitOfWork, load_readable
from casework.context import AppContext
from casework.delivery.addresses import mailboxes
from casework.mailbox.codes import CodeLine, references_in
from casework.mailbox.incoming import Incoming, headers
from casework.replies.answers import Reply, drafts_of
from casework.replies.links import Link, NoSuchLink, find_link
from casework.replies.owed import asked_of_mailbox
from casework.replies.record import Asked, duty_asked_for
from models.answers import Answer
from models.enums import LetterState
from models.errors import SendflowError
from models.same_words import spellings
from models.tables import DUTY, LETTER, NOTICE

LEFT = (LetterState.SENT, LetterState.SENT_PERHAPS_TWICE, LetterState.SENDING, LetterState.CAME_BACK)
VOUCHED = re.compile(r"(?:^|[;\s])(dmarc|dkim|spf)\s*=\s*pass\b", re.IGNORECASE)
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


class Unclear(SendflowError):
    """A person has to decide about the mail; `why` says why."""

    default_code = "unclear"

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why = why


def letter_named(connection: Connection, message_ids: Collection[str]) -> str | None:
    """The id of the e-mail that left with one of these Message-IDs; None where there is none, or several."""
    ours = [each for each in message_ids if ".sendflow@" in each]
    query = select(LETTER.c.id).where(LETTER.c.message_id.in_(ours), LETTER.c.state.in_(LEFT))
    found = list(connection.scalars(query)) if ours else []
    return found[0] if len(found) == 1 else None


def mailbox_of(connection: Connection, letter: str) -> str:
    """To whom an e-mail went."""
    return connection.scalar(select(LETTER.c.mailbox).where(LETTER.c.id == letter)) or ""


def is_vouched_for(mail: Incoming, server: str | None) -> bool:
    """Whether the receiving server vouches for the sender's domain (RFC 8601). Without a server that does, all are.

    Only the first line of that server counts: it writes its own above what came in, and a sender may write others.
    """
    if server is None:
        return True
    for line in headers(mail.message, "Authentication-Results"):
        name, _, found = line.partition(";")
        if name.split()[:1] == [server]:
            return VOUCHED.search(f";{found}") is not None and "dmarc=fail" not in found.lower()
        return False
    return False


def case_refs_of(connection: Connection, letter: str | None) -> list[str]:
    """The cases that an e-mail is about."""
    if letter is None:
        return []
    query = select(NOTICE.c.case_ref).where(NOTICE.c.letter == letter).distinct().order_by(NOTICE.c.case_ref)
    return list(connection.scalars(query))


def replies_meant(
    unit: UnitOfWork, mail: Incoming, letter: str | None, codes: Sequence[CodeLine]
) -> list[tuple[Asked, Reply]]:
    """What each code line answers. Raises Unclear."""
    if not codes:
        raise Unclear(Why.NO_CODE)
    by_link = _by_link(unit, mail)
    near, owed = by_link or _by_sender(unit, mail, letter)
    if by_link is None and letter is None and any(code.case_ref is None for code in codes):
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


def _by_sender(unit: UnitOfWork, mail: Incoming, letter: str | None) -> tuple[list[Asked], list[Asked]]:
    """What the sender's mailbox owes, and what of it the e-mail that the mail answers is about. Raises Unclear."""
    context = unit.context
    mailbox = next(
        (each for each in mailboxes(context.directory, context.today()) if each.lower() == mail.sender), None
    )
    if mailbox is None:
        raise Unclear(Why.SENDER_NOT_KNOWN)
    if not is_vouched_for(mail, context.settings.replies.authenticates if context.settings.replies else None):
        raise Unclear(Why.SENDER_NOT_VOUCHED_FOR)
    owed = _owed(unit, mailbox)
    if letter is None:
        return owed, owed
    of_letter = _of_letter(unit.connection, letter)
    return [each for each in owed if _same(each, of_letter)], owed


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
