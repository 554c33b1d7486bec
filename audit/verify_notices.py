"""Verifying, who was told: every notice beside the facts that called for it and that say what became of it.

A notice is written in the transaction of the fact that calls for it, and its end in that of another fact, so that each
says what the other must. What cannot be compared: a notice that was suppressed by a state that it may have
(`withdrawn`, `held` until a person releases it), the words of a letter, and a letter that a fact called for under a law
or ladder that holds no more, or that hangs on who was in the directory that day. Damage is named, never mended, and no
mailbox is repeated. Letters: `verifying_letters`.
"""

from collections.abc import Callable, Iterator, Sequence
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
from models.bulk_io import Row, mark, stream
from models.casefile import CaseFile
from models.common_facts import CORRECTIONS, RUNGS
from models.enums import NoticeState
from models.facts import StoredFact
from notifications.ended_duties import AGAIN
from notifications.ended_duties import ENDED as ENDED_EARLY
from notifications.notices import BEGAN, DIGEST, SENT, WITHDRAWAL, notices_for
from statemachines.process import NotPermitted
from statemachines.replay import fold

Found = Callable[[int | None, str, str], None]
OUTCOMES = {SENT: (NoticeState.SENT, NoticeState.SENT_PERHAPS_TWICE), "notice_failed": (NoticeState.FAILED,)}
Outcomes = dict[tuple[object, ...], list[StoredFact]]
ENDED = frozenset(state for states in OUTCOMES.values() for state in states)
UNDECIDED = frozenset({NoticeState.CREATED, NoticeState.CLAIMED, NoticeState.WITHDRAWN})
KEY = ("case_ref", "rule", "body", "opened_seq", "due", "rung", "recipient")


class Noticed(NamedTuple):
    """One notice as it lies in the table: what is compared of it."""

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


FACT_SEQ, KEY_OF = (Noticed._fields.index(name) for name in ("fact_seq", "key"))
_NOTICES = """
    SELECT case_ref, key, fact_seq, rule, body, service, opened_seq, due, rung, rank, template, recipient, "on", state,
           letter
    FROM notice {where} ORDER BY case_ref
"""


def notices_by_case(connection: Connection, case: str | None) -> Iterator[tuple[str, list[Row]]]:
    """Every notice in the order of `Noticed`, a case at a time in reference order; memory is that of one fetch."""
    statement = _NOTICES.format(where="" if case is None else f"WHERE case_ref = {mark(connection)}")
    for ref, some in groupby(stream(connection, statement, () if case is None else (case,)), itemgetter(0)):
        yield ref, list(some)


class NoticeCheck:
    """Compares the notices of one case after another with its facts. `sent` adds up what the facts say was sent when,
    for whoever looks at the letters.
    """

    def __init__(self, context: AppContext, connection: Connection, day: Callable[[date], Any]) -> None:
        self._house = context
        self._day = day
        self._since = _law_since(context, connection)
        self._watched = RUNGS | OUTCOMES.keys() | context.escalation_policy.letter.keys()
        self.sent = 0

    def check(
        self, ref: str, lines: Sequence[StoredFact], duties: Sequence[Duty], rows: Sequence[Row], found: Found
    ) -> None:
        """Name every notice of a case that is changed, added or missing. `lines` are its facts as written, whole."""
        having = {row[FACT_SEQ] for row in rows}
        outcomes: Outcomes = {}
        for line in lines:
            kind = line.kind
            if kind not in self._watched:
                continue
            if kind in OUTCOMES:
                about = line.data
                outcomes.setdefault(
                    (about.get("rung_seq"), about["rung"], about["recipient"], about["rule"], about["opened_seq"]), []
                ).append(line)
                if kind == SENT:
                    self.sent += sent_on(about["letter"], line.occurred_on)
            elif line.seq not in having and self._wants(ref, lines, line, duties, rows):
                found(line.seq, "notice", f"fact {line.seq} ({kind}) called for a notice, and there is none")
        for row in rows:
            seq = row[FACT_SEQ]
            # What does not fit at first sight is looked at column by column; a fact that is gone is named
            # as a tail
            # that is cut.
            if 1 <= seq <= len(lines) and not self._fits(row, lines[seq - 1], outcomes):
                self._name(Noticed._make(row), lines[seq - 1], rows, outcomes, found)
        for left in outcomes.values():
            for line in left:
                if "rung_seq" in line.data:
                    found(
                        line.seq,
                        "notice",
                        f"fact {line.seq} says what became of a notice ({line.data['rung']}), which is gone or is not"
                        " what was told of",
                    )

    def _fits(self, row: Row, fact: StoredFact, outcomes: Outcomes) -> bool:
        """Whether a notice is what its fact and its outcome say, as nearly every one is: quick, and takes its outcome
        out of `outcomes`.
        """
        ref, key, seq, rule, body, service, opened_seq, due, rung, rank, _template, recipient, on, state, letter = row
        if key != f"{ref}/{rule}/{body or '-'}/{opened_seq}/{due or '-'}/{rung}/{recipient}" or on < self._day(
            fact.occurred_on
        ):
            return False
        if fact.kind in RUNGS:
            data = fact.data
            said = (data["rule"], data["rung"], data["opened_seq"], data["due"], data.get("body"), data.get("service"))
            if not rank or said != (rule, rung, opened_seq, str(due), body, service):
                return False
        elif rank or rung == WITHDRAWAL or fact.kind == WITHDRAWAL or fact.kind == BEGAN:
            return False
        told = outcomes.get((seq, rung, recipient, rule, opened_seq))
        if state not in ENDED:
            return not told and state in UNDECIDED
        if not told or len(told) > 1 or told[0].data["letter"] != letter or state not in OUTCOMES[told[0].kind]:
            return False
        told.clear()
        return True

    def _name(self, one: Noticed, fact: StoredFact, rows: Sequence[Row], outcomes: Outcomes, found: Found) -> None:
        if wrong := [
            *_not_its_key(one),
            *_not_its_fact(one, fact),
            *(["on"] if one.on < self._day(fact.occurred_on) else []),
        ]:
            found(
                one.fact_seq,
                "notice",
                f"the notice {one.rung} of fact {one.fact_seq} differs in {', '.join(dict.fromkeys(wrong))}",
            )
        if one.state == NoticeState.SUPERSEDED and not any(_outranks(Noticed._make(other), one) for other in rows):
            found(
                one.fact_seq,
                "notice",
                f"the notice {one.rung} of fact {one.fact_seq} is superseded, and nothing outranks it",
            )
        if one.state == NoticeState.HELD and one.template != DIGEST:
            found(
                one.fact_seq,
                "notice",
                f"the notice {one.rung} of fact {one.fact_seq} is held, and only those of a first import are",
            )
        told = outcomes.get((one.fact_seq, one.rung, one.recipient, one.rule, one.opened_seq), [])
        fit = next(
            (line for line in told if line.data["letter"] == one.letter and one.state in OUTCOMES[line.kind]), None
        )
        if fit is not None:
            told.remove(fit)
        elif one.state in ENDED or told:
            said = f"fact {told[0].seq} says otherwise" if told else "no fact says so"
            found(
                one.fact_seq,
                "notice",
                f"the notice {one.rung} of fact {one.fact_seq} is {one.state}, in {one.letter or 'no letter'}, and"
                f" {said}",
            )
            told.clear()

    def _wants(
        self, ref: str, lines: Sequence[StoredFact], line: StoredFact, duties: Sequence[Duty], rows: Sequence[Row]
    ) -> bool:
        """Whether a fact without a notice called for one: a rung of a duty that was open, or what the ladder says of a
        live fact since it holds.

        Asked on what was known with the fact itself and by the end of all that was recorded with it.
        """
        if line.kind not in RUNGS and (line.via == "import" or self._since is None or line.recorded_at <= self._since):
            return False
        if not _may_have_called(duties, line, lines) and not any(each.kind in CORRECTIONS for each in lines):
            return False
        keys = {row[KEY_OF] for row in rows}
        last = max(each.seq for each in lines if each.recorded_at == line.recorded_at)
        return all(self._wanted(ref, lines[:until], line, keys) for until in dict.fromkeys((line.seq, last)))

    def _wanted(self, ref: str, known: Sequence[StoredFact], line: StoredFact, keys: set[str]) -> bool:
        context = self._house
        try:
            casefile = fold(ref, known)
            duties = duties_of(
                casefile.lines, context.duty_rules[casefile.process], context.dates_of, casefile.claims.values()
            )
            if line.kind in RUNGS:
                return _is_open(casefile, duties, line)
            drafts = notices_for(
                [line],
                casefile,
                duties,
                context.escalation_policy,
                context.directory,
                context.calendar,
                line.occurred_on,
                local_sink=True,
            )
        except (NotPermitted, LawError, NoAnswer, OutsideCalendarRange, KeyError, ValueError):
            return False  # it could not be worked out then either
        return any(draft.rank == 0 and draft.rung not in (ENDED_EARLY, AGAIN) for draft in drafts) and keys.isdisjoint(
            draft.key for draft in drafts
        )


def sent_on(letter: str, day: date) -> int:
    """A number that stands for one notice having been sent in a letter on a day: added up over facts and over letters
    it must come to the same.
    """
    return hash((letter, day))


def _not_its_key(one: Noticed) -> list[str]:
    """The columns that are not what the notice's key says."""
    said = one.key.split("/")
    held = [
        one.case_ref,
        one.rule,
        one.body or "-",
        str(one.opened_seq),
        str(one.due) if one.due else "-",
        one.rung,
        one.recipient,
    ]
    return (
        [name for name, value, wanted in zip(KEY, held, said, strict=False) if value != wanted]
        if len(said) >= len(KEY)
        else ["key"]
    )


def _not_its_fact(one: Noticed, fact: StoredFact) -> list[str]:
    """The columns that are not what the fact that called for the notice says."""
    if fact.kind in RUNGS or fact.kind == WITHDRAWAL:
        data = fact.data
        rung = WITHDRAWAL if fact.kind == WITHDRAWAL else data["rung"]
        held = (
            one.rule,
            one.opened_seq,
            str(one.due),
            one.body,
            one.service,
            one.rung,
            one.rank > 0 or rung == WITHDRAWAL,
        )
        said = (data["rule"], data["opened_seq"], data["due"], data.get("body"), data.get("service"), rung, True)
        names = ("rule", "opened_seq", "due", "body", "service", "rung", "rank")
        return [name for name, value, wanted in zip(names, held, said, strict=True) if value != wanted]
    if fact.kind == BEGAN:
        return [] if one.rank > 0 and one.template == DIGEST else ["rank"]
    return ["fact_seq"] if one.rank > 0 or one.rung == WITHDRAWAL else []


def _outranks(other: Noticed, one: Noticed) -> bool:
    return (other.rule, other.opened_seq) == (one.rule, one.opened_seq) and other.rank > one.rank


def _may_have_called(duties: Sequence[Duty], line: StoredFact, lines: Sequence[StoredFact]) -> bool:
    """What can be said at a glance: whether a fact met, opened or told of a duty that was not closed before it, or in
    the same breath.
    """
    if line.kind in RUNGS:
        about = (line.data["rule"], line.data["opened_seq"])
        return not any(
            duty.closed_by is not None and duty.closed_by[1] < line.seq
            for duty in duties
            if (duty.rule, duty.opened_seq) == about
        )
    return any(
        duty.met_seq == line.seq
        or (
            duty.opened_seq <= line.seq
            and (duty.closed_by is None or lines[duty.closed_by[1] - 1].recorded_at > line.recorded_at)
        )
        for duty in duties
        if duty.body is not None
    )


def _is_open(casefile: CaseFile, duties: Sequence[Duty], line: StoredFact) -> bool:
    fact = casefile.rungs.get(line.seq)
    return fact is not None and any(
        duty.closed_on is None for duty in duties if (duty.rule, duty.opened_seq) == (fact.rule, fact.opened_seq)
    )


def _law_since(context: AppContext, connection: Connection) -> str | None:
    """Since when law, ladder and the rules of telling are those that this house has; None where others hold."""
    since = None
    for held in activations(connection):
        if held.looked_under != context.ruleset_guard.digest:
            break
        since = held.taken_at
    return since
