"""Verify the notices of each case: every notice beside the fact that called for it and the fact about its outcome.

A notice is written in the transaction of the fact that calls for it, and its outcome in that of another fact, so that
each says what the other must. Three things cannot be compared: a notice that was cancelled or put on hold, because it
may be in that state; the text of a letter; and a letter that a fact called for under an earlier rule set, or that
depends on the directory of that day. Nothing is repaired, and no message contains a mailbox.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection

from casework.context import AppContext
from casework.rules.ruleset_guard import activations
from config.law import LawError, NoAnswer
from deadlines.duties import Duty, duties_of
from deadlines.working_calendar import OutsideCalendarRange
from models.bulk_io import stream
from models.casefile import CaseFile
from models.common_facts import CORRECTIONS, ESCALATION_FACTS, RETURNED
from models.enums import NoticeState
from models.facts import StoredFact
from notifications.ended_duties import AGAIN
from notifications.ended_duties import ENDED as ENDED_EARLY
from notifications.letter_fields import SENT, WITHDRAWAL, CaseView
from notifications.notices import BEGAN, DIGEST, notices_for
from statemachines.process import NotPermitted
from statemachines.replay import replay

Report = Callable[[int | None, str, str], None]  # seq of the fact, what, message
FactKey = tuple[object, ...]
SentDays = Counter[tuple[str, date]]
OUTCOME_STATES = {
    SENT: (NoticeState.SENT, NoticeState.SENT_PERHAPS_TWICE, NoticeState.CAME_BACK),
    "notice_failed": (NoticeState.FAILED,),
}
ENDED = frozenset(state for states in OUTCOME_STATES.values() for state in states)
KEY = ("case_ref", "rule", "body", "opened_seq", "due", "rung", "recipient")
STEP_COLUMNS = ("rule", "opened_seq", "due", "body", "service", "rung")
_NOTICES = """
    SELECT case_ref, key, fact_seq, rule, body, service, opened_seq, due, rung, rank, template, recipient, "on", state,
           letter
    FROM notice {where} ORDER BY case_ref
"""


class StoredNotice(NamedTuple):
    """One row of the notice table, as far as it is verified."""

    case_ref: str
    key: str
    fact_seq: int
    rule: str
    body: str | None
    service: str | None
    opened_seq: int
    due: Any
    rung: str
    rank: int
    template: str
    recipient: str
    on: Any
    state: str
    letter: str | None


class OutcomeIndex:
    """The facts of one case that say what became of a notice, by the notice that they are about.

    Matching a notice takes its fact out, so that the facts without a notice remain.
    """

    def __init__(self) -> None:
        self._facts: dict[FactKey, list[StoredFact]] = {}
        self._returned: dict[FactKey, StoredFact] = {}

    def add(self, fact: StoredFact) -> None:
        """Index a fact. Raises KeyError if it lacks what its kind promises."""
        data = fact.data
        key = (data.get("rung_seq"), data["rung"], data["recipient"], data["rule"], data["opened_seq"])
        if fact.kind in RETURNED:
            self._returned[(*key, data["letter"])] = fact
            return
        self._facts.setdefault(key, []).append(fact)

    def match(self, notice: StoredNotice) -> str | None:
        """Take out the fact about this notice's outcome. Returns what is wrong, or None."""
        about = (notice.fact_seq, notice.rung, notice.recipient, notice.rule, notice.opened_seq)
        facts = self._facts.get(about)
        returned = self._returned.pop((*about, notice.letter), None)
        if (returned is not None) != (notice.state == NoticeState.CAME_BACK):
            return f"fact {returned.seq} says that it came back" if returned is not None else "no fact says so"
        if not facts:
            return "no fact says so" if notice.state in ENDED else None
        for fact in facts:
            if fact.data["letter"] == notice.letter and notice.state in OUTCOME_STATES[fact.kind]:
                facts.remove(fact)
                return None
        problem = f"fact {facts[0].seq} says otherwise"
        facts.clear()
        return problem

    def unmatched(self) -> Iterator[StoredFact]:
        """The facts that matched no notice."""
        yield from self._returned.values()
        yield from (fact for facts in self._facts.values() for fact in facts)


def notices_by_case(
    connection: Connection, where: str, given: tuple[str, ...]
) -> Iterator[tuple[str, list[StoredNotice]]]:
    """The notices that a condition selects, a case at a time in order of reference; memory is that of one fetch."""
    rows = stream(connection, _NOTICES.format(where=where), given)
    for ref, some in groupby(rows, itemgetter(0)):
        yield ref, list(map(StoredNotice._make, some))


class NoticeCheck:
    """Compares the notices of one case after another with its facts.

    `sent_days` counts the notices that the facts say were sent, by letter and day, for verify_letters. It grows with
    mailboxes and days, not with facts, because a mailbox has one letter a day.
    """

    def __init__(self, context: AppContext, connection: Connection, day: Callable[[date], Any]) -> None:
        self._context = context
        self._day = day
        self._ruleset_since = _ruleset_since(context, connection)
        self._relevant = ESCALATION_FACTS | OUTCOME_STATES.keys() | RETURNED | context.escalation_policy.letter.keys()
        self.sent_days: SentDays = Counter()

    def check(
        self,
        ref: str,
        facts: Sequence[StoredFact],
        duties: Sequence[Duty],
        notices: Sequence[StoredNotice],
        report: Report,
    ) -> None:
        """Report every notice of a case that is altered, invented or missing. `facts` are all, as stored.

        Raises KeyError, TypeError or ValueError if a fact lacks what its kind promises.
        """
        outcomes = OutcomeIndex()
        with_notice = {notice.fact_seq for notice in notices}
        for fact in facts:
            if fact.kind not in self._relevant:
                continue
            if fact.kind in OUTCOME_STATES or fact.kind in RETURNED:
                outcomes.add(fact)
                if fact.kind == SENT:
                    self.sent_days[fact.data["letter"], fact.occurred_on] += 1
            elif fact.seq not in with_notice and self._calls_for_notice(ref, facts, fact, duties, notices):
                report(fact.seq, "notice", f"fact {fact.seq} ({fact.kind}) called for a notice, and there is none")
        # A notice that came back is sent again as another: that one may not have left, and takes no fact of the first.
        for notice in sorted(notices, key=lambda each: each.state not in ENDED):
            # A fact that is missing is reported by verify itself, as a cut end of the history.
            if 1 <= notice.fact_seq <= len(facts):
                self._check_notice(notice, facts[notice.fact_seq - 1], notices, outcomes, report)
        for fact in outcomes.unmatched():
            if "rung_seq" in fact.data:
                step = fact.data["rung"]
                message = f"fact {fact.seq} is about the outcome of a notice ({step}) that is missing or another one"
                report(fact.seq, "notice", message)

    def _check_notice(
        self,
        notice: StoredNotice,
        fact: StoredFact,
        notices: Sequence[StoredNotice],
        outcomes: OutcomeIndex,
        report: Report,
    ) -> None:
        problems = []
        wrong = _not_its_key(notice) + _not_its_fact(notice, fact)
        if notice.on < self._day(fact.occurred_on):
            wrong.append("on")
        if wrong:
            problems.append(f"differs in {', '.join(dict.fromkeys(wrong))}")
        if notice.state == NoticeState.SUPERSEDED and not any(_outranks(other, notice) for other in notices):
            problems.append("is superseded, and nothing outranks it")
        if notice.state == NoticeState.HELD and notice.template != DIGEST:
            problems.append("is held, and only those of a first import are")
        problem = outcomes.match(notice)
        if problem is not None:
            problems.append(f"is {notice.state}, in {notice.letter or 'no letter'}, and {problem}")
        step = notice.rung
        for each in problems:
            report(notice.fact_seq, "notice", f"the notice {step} of fact {notice.fact_seq} {each}")

    def _calls_for_notice(
        self,
        ref: str,
        facts: Sequence[StoredFact],
        fact: StoredFact,
        duties: Sequence[Duty],
        notices: Sequence[StoredNotice],
    ) -> bool:
        """Whether a fact without a notice called for one: an escalation step of an open duty, or a fact for which the
        active escalation policy has a letter.

        It is asked twice: with what was known up to the fact, and up to the last fact recorded with it.
        """
        since = self._ruleset_since
        if fact.kind not in ESCALATION_FACTS and (fact.via == "import" or since is None or fact.recorded_at <= since):
            return False
        if not _may_have_called(duties, fact, facts) and not any(each.kind in CORRECTIONS for each in facts):
            return False
        keys = {notice.key for notice in notices}
        last = max(each.seq for each in facts if each.recorded_at == fact.recorded_at)
        return all(self._notice_follows(ref, facts[:until], fact, keys) for until in dict.fromkeys((fact.seq, last)))

    def _notice_follows(self, ref: str, known: Sequence[StoredFact], fact: StoredFact, keys: Collection[str]) -> bool:
        context = self._context
        try:
            casefile = replay(ref, known)
            rules = context.duty_rules[casefile.process]
            duties = duties_of(casefile.lines, rules, context.dates_of, casefile.claims.values())
            if fact.kind in ESCALATION_FACTS:
                return _is_step_of_open_duty(casefile, duties, fact)
            view = CaseView(
                context.escalation_policy, context.directory, context.calendar, casefile, duties, context.team_roles
            )
            drafts = notices_for([fact], view, fact.occurred_on, local_sink=True)
        except (NotPermitted, LawError, NoAnswer, OutsideCalendarRange, KeyError, ValueError):
            return False  # it could not be calculated then either
        if any(draft.key in keys for draft in drafts):
            return False
        return any(draft.rank == 0 and draft.rung not in (ENDED_EARLY, AGAIN) for draft in drafts)


def _not_its_key(notice: StoredNotice) -> list[str]:
    """The columns that differ from the notice's key."""
    ref, rule, body, opened_seq, step = notice.case_ref, notice.rule, notice.body or "-", notice.opened_seq, notice.rung
    stored = f"{ref}/{rule}/{body}/{opened_seq}/{notice.due or '-'}/{step}/{notice.recipient}"
    if stored == notice.key:
        return []
    expected = notice.key.split("/")
    if len(expected) < len(KEY):
        return ["key"]
    return [name for name, value, other in zip(KEY, stored.split("/"), expected, strict=False) if value != other]


def _not_its_fact(notice: StoredNotice, fact: StoredFact) -> list[str]:
    """The columns that differ from the fact that called for the notice."""
    if fact.kind == BEGAN:
        return [] if notice.rank > 0 and notice.template == DIGEST else ["rank"]
    if fact.kind not in ESCALATION_FACTS and fact.kind != WITHDRAWAL:
        return ["fact_seq"] if notice.rank > 0 or notice.rung == WITHDRAWAL else []
    data = fact.data
    rung = WITHDRAWAL if fact.kind == WITHDRAWAL else data["rung"]
    expected = (data["rule"], data["opened_seq"], data["due"], data.get("body"), data.get("service"), rung)
    stored = (notice.rule, notice.opened_seq, str(notice.due), notice.body, notice.service, notice.rung)
    wrong = []
    if stored != expected:
        wrong = [name for name, value, other in zip(STEP_COLUMNS, stored, expected, strict=True) if value != other]
    return wrong if notice.rank > 0 or rung == WITHDRAWAL else [*wrong, "rank"]


def _outranks(other: StoredNotice, notice: StoredNotice) -> bool:
    return (other.rule, other.opened_seq) == (notice.rule, notice.opened_seq) and other.rank > notice.rank


def _may_have_called(duties: Sequence[Duty], fact: StoredFact, facts: Sequence[StoredFact]) -> bool:
    """A quick first test: whether the fact met, opened or escalated a duty that was not closed before the fact, or in
    the same act.
    """
    if fact.kind in ESCALATION_FACTS:
        about = (fact.data["rule"], fact.data["opened_seq"])
        return not any(
            duty.closed_by is not None and duty.closed_by[1] < fact.seq
            for duty in duties
            if (duty.rule, duty.opened_seq) == about
        )
    return any(
        duty.met_seq == fact.seq
        or (
            duty.opened_seq <= fact.seq
            and (duty.closed_by is None or facts[duty.closed_by[1] - 1].recorded_at > fact.recorded_at)
        )
        for duty in duties
        if duty.may_be_chased
    )


def _is_step_of_open_duty(casefile: CaseFile, duties: Sequence[Duty], fact: StoredFact) -> bool:
    step = casefile.steps_recorded.get(fact.seq)
    return step is not None and any(
        duty.closed_on is None for duty in duties if (duty.rule, duty.opened_seq) == (step.rule, step.opened_seq)
    )


def _ruleset_since(context: AppContext, connection: Connection) -> str | None:
    """Since when the rules for duties and letters have been those of this program; None if others are active."""
    since = None
    for active in activations(connection):
        if active.looked_under != context.ruleset_guard.digest:
            break
        since = active.taken_at
    return since
