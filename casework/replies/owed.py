"""What a link can answer: the duty of a letter, or all that a mailbox owes, and what was answered. Reads only."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from casework.cases.loaded_case import UNREADABLE, Replayed, replay_case
from casework.cases.of_the_child import withheld_cases
from casework.context import AppContext
from casework.replies.links import ANSWERS_FOR_THE_BODY, Link, Scope, digest_of, token_of
from casework.replies.record import Asked
from casework.replies.words import Choice, choices
from deadlines.duties import Duty
from deadlines.replies import says_sent
from models import ledger
from models.enums import Party
from models.tables import ANSWER_GIVEN, CASE, DUTY

UNDO_WITHIN = timedelta(hours=1)
MOST = 2_000  # duties of one mailbox that are read


@dataclass(frozen=True, slots=True)
class Given:
    """An answer that was given by this link. `can_be_undone`: within an hour, and not undone yet."""

    number: int
    answer: str
    given_at: str
    facts: tuple[int, ...]
    can_be_undone: bool


@dataclass(frozen=True, slots=True)
class Owed:
    """One thing that was asked for, with its dates. `choices` are empty where nothing is owed any more.

    `replayed`: its case. `duty` is None where a correction has removed it.
    """

    asked: Asked
    replayed: Replayed
    duty: Duty | None
    choices: Sequence[Choice]
    given: Given | None
    action: str
    la_reference: str | None
    says_sent: date | None = None

    @property
    def name(self) -> str:
        """What a form calls it."""
        return f"{self.asked.case_ref}.{self.asked.rule}.{self.asked.opened_seq}"

    @property
    def is_open(self) -> bool:
        """Whether it is owed, and this link has not answered it."""
        return bool(self.choices) and self.given is None


def owed_by(context: AppContext, connection: Connection, link: Link, now: datetime) -> list[Owed]:
    """What a link answers, the worst first: late ones by their days, then by due date."""
    if link.asked is not None:
        asked = [link.asked]
    else:  # the link of a letter was sent before anything was known; a list names no withheld case
        asked = _may_be_named(connection, asked_of_mailbox(context, connection, link.mailbox))
    given = given_by(context, connection, link, now)
    return _owed_among(context, connection, asked, given, all_of_them=link.scope is Scope.DUTY)


def owed_by_body(context: AppContext, connection: Connection, account: str, body: str, now: datetime) -> list[Owed]:
    """What an account of a body answers: every open duty of the body that is chased, in the same order."""
    given = _given(connection, account_key(account), now, recent_only=True)
    return _owed_among(context, connection, asked_of_body(context, connection, body), given, all_of_them=False)


def account_key(account: str) -> str:
    """What the row of an answer has, in place of the digest of a link, if an account gave it."""
    return f"account/{account}"


def _owed_among(
    context: AppContext,
    connection: Connection,
    asked: Sequence[Asked],
    given: dict[tuple[str, str, int], Given],
    *,
    all_of_them: bool,
) -> list[Owed]:
    """Those of the things asked for that are owed or were just answered."""
    found = []
    histories = ledger.read(connection, sorted({each.case_ref for each in asked}))
    replayed: dict[str, Replayed] = {}
    for each in asked:
        if each.case_ref not in replayed:
            if each.case_ref not in histories:
                continue
            try:
                replayed[each.case_ref] = replay_case(context, each.case_ref, histories[each.case_ref][0])
            except UNREADABLE:  # verify reports it; a body is asked nothing on a guess
                continue
        owed = _owed(context, replayed[each.case_ref], each, given)
        if owed is not None and (owed.choices or owed.given is not None or all_of_them):
            found.append(owed)
    return sorted(found, key=_worst_first)


def _may_be_named(connection: Connection, asked: Iterable[Asked]) -> list[Asked]:
    """Without the cases of a child who died or is flagged as sensitive: no list of another body names them."""
    withheld = withheld_cases(connection)
    return [each for each in asked if each.case_ref not in withheld]


def _owed(
    context: AppContext, replayed: Replayed, asked: Asked, given: dict[tuple[str, str, int], Given]
) -> Owed | None:
    file, duties = replayed
    same = (duty for duty in duties if (duty.rule, duty.opened_seq) == (asked.rule, asked.opened_seq))
    duty = next((duty for duty in same if duty.body == asked.body), None)
    is_open = duty is not None and duty.closed_on is None
    rule = context.law.rules.get(asked.rule)
    return Owed(
        asked=asked,
        replayed=replayed,
        duty=duty,
        choices=choices(context, context.processes[file.process], duty) if duty is not None and is_open else (),
        given=given.get((asked.case_ref, asked.rule, asked.opened_seq)),
        action=rule.action if rule is not None else asked.rule,
        la_reference=file.la_reference,
        says_sent=says_sent(file.lines, duty) if duty is not None else None,
    )


def given_by(
    context: AppContext, connection: Connection, link: Link, now: datetime
) -> dict[tuple[str, str, int], Given]:
    """The newest answer of this link about each thing that was not undone. Of a link to all: within the last hour."""
    key = digest_of(token_of(context.cipher, link))
    return _given(connection, key, now, recent_only=link.scope is not Scope.DUTY)


def given_lately(connection: Connection, key: str, now: datetime) -> int:
    """How many answers a link (the digest of its token) or an account (`account_key`) gave within the last hour."""
    return len(_given(connection, key, now, recent_only=True))


def _given(connection: Connection, key: str, now: datetime, *, recent_only: bool) -> dict[tuple[str, str, int], Given]:
    query = select(ANSWER_GIVEN).where(ANSWER_GIVEN.c.link == key, ANSWER_GIVEN.c.undone_at.is_(None))
    found: dict[tuple[str, str, int], Given] = {}
    for row in connection.execute(query.order_by(ANSWER_GIVEN.c.id)):
        recent = datetime.fromisoformat(row.given_at) > now - UNDO_WITHIN
        if recent or not recent_only:
            facts = tuple(map(int, row.facts.split()))
            found[row.case_ref, row.rule, row.opened_seq] = Given(row.id, row.answer, row.given_at, facts, recent)
    return found


def asked_of_mailbox(context: AppContext, connection: Connection, mailbox: str) -> list[Asked]:
    """Every open duty for which the directory has this mailbox, and which the escalation policy chases."""
    found = []
    for row in _chased(
        context, connection, _bodies_at(context, mailbox, [each.body for each in context.directory.bodies])
    ):
        party = _party_at(context, mailbox, row)
        if party is not None:
            found.append(Asked(row.case_ref, row.rule, row.opened_seq, row.body, row.service, str(party)))
    return found


def asked_of_body(context: AppContext, connection: Connection, body: str) -> list[Asked]:
    """Every open duty of a body that the escalation policy chases, without those of withheld cases."""
    rows = _chased(context, connection, [body])
    return _may_be_named(
        connection, (Asked(row.case_ref, row.rule, row.opened_seq, row.body, row.service) for row in rows)
    )


def _chased(context: AppContext, connection: Connection, bodies: Sequence[str]) -> list[Any]:
    """The open duties of bodies that the escalation policy chases, the earliest due date first."""
    rules = list(context.escalation_policy.rung)
    query = (
        select(DUTY.c.case_ref, DUTY.c.rule, DUTY.c.opened_seq, DUTY.c.body, DUTY.c.service, CASE.c.la)
        .join(CASE, CASE.c.case_ref == DUTY.c.case_ref)
        .where(DUTY.c.closed_on.is_(None), DUTY.c.rule.in_(rules), DUTY.c.body.in_(bodies))
        .order_by(DUTY.c.due, DUTY.c.case_ref)
        .limit(MOST)
    )
    return list(connection.execute(query))


def _bodies_at(context: AppContext, mailbox: str, bodies: Iterable[str]) -> list[str]:
    """The bodies of which a post has this mailbox."""
    directory, on = context.directory, context.today()
    found = []
    for code in bodies:
        services: list[str | None] = [None, *directory.body(code).services]
        places = ((la, service, party) for la in directory.la for service in services for party in ANSWERS_FOR_THE_BODY)
        if any(directory.mailbox(la, code, service, party, on) == mailbox for la, service, party in places):
            found.append(code)
    return found


def _party_at(context: AppContext, mailbox: str, row: Any) -> Party | None:
    """Whose mailbox this is for a duty: the service's before its manager's and the SEND lead's."""
    parties = (Party.SERVICE, Party.SERVICE_MANAGER, Party.PROVIDER_SEND_LEAD)
    directory, on = context.directory, context.today()
    at = {each: directory.mailbox(row.la, row.body, row.service, each, on) for each in parties}
    return next((each for each in parties if at[each] == mailbox), None)


def _worst_first(owed: Owed) -> tuple[bool, date, str]:
    due = owed.duty.due if owed.duty is not None else None
    return due is None, due or date.max, owed.name
