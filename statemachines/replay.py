"""Derives a case from its facts. Live code and audit use this one replay.

Replay goes by (occurred_on, seq) with corrections applied; the chain of hashes goes by seq. A correction applies
even if its own day is later. `as_at` is valid time: facts that occurred by that day. `known_at` is recorded time: facts
that were recorded by that instant. Both may be asked at once.

One version of the machine judges a whole case: the newest that any known fact was recorded under. Each version gives
a history of an older one the same result, or a fact out of order where the older one refused it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from operator import attrgetter

from models.casefile import Asked, CaseFile, Claim, EscalationFact, Pause
from models.common_facts import CORRECTIONS, ENGINE_ONLY, ESCALATION_FACTS, OF_THE_CHILD, REPLIED
from models.facts import StoredFact
from statemachines.items import update_of
from statemachines.process import Guard, OpeningFact, Process, Warn
from statemachines.refusals import (
    before_opening,
    from_later_version,
    not_accepted,
    nothing_known,
    out_of_order,
    refused,
    without_opening,
)
from statemachines.registry import opens, process_of, processes

# A correction may move the opening fact to a later day than sendflow's own facts about the case, and facts of the child
# may be older than the case.
BEFORE_OPENING = CORRECTIONS | ENGINE_ONLY | OF_THE_CHILD
Update = Callable[[CaseFile, StoredFact], None]
SEQ = attrgetter("seq")
OCCURRED_ON = attrgetter("occurred_on")
MACHINE = attrgetter("machine")


# With slots and no named tuple: Python 3.11 takes twice as long to unpack one, and every fact passes here.
@dataclass(frozen=True, slots=True)
class Step:
    """What a state does with a fact kind: the next state, the guard, and what the fact changes in the case file.

    `note` says what is out of order about it, if anything is.
    """

    next_state: str
    guard: Guard | None
    updates: Sequence[Update]
    note: Warn | None


def facts_in_force(
    facts: Iterable[StoredFact], as_at: date | None = None, known_at: str | None = None
) -> list[StoredFact]:
    """The facts in the order of replay, with corrections applied and withdrawn facts left out.

    `as_at` leaves out facts that occurred later, after correction. `known_at` is an instant (ISO 8601, UTC) and leaves
    out what was recorded later.
    """
    known = list(facts) if known_at is None else [fact for fact in facts if fact.recorded_at <= known_at]
    corrections = [fact for fact in known if fact.kind in CORRECTIONS]
    if corrections:
        known = _corrected(known, corrections)
    known.sort(key=SEQ)
    known.sort(key=OCCURRED_ON)  # a stable sort: seq is the order within a day, at less cost than one key of both
    return known if as_at is None else _until(known, as_at)


def _until(facts: list[StoredFact], as_at: date) -> list[StoredFact]:
    return [fact for fact in facts if fact.occurred_on <= as_at or fact.kind in CORRECTIONS]


def withdrawn(lines: Iterable[StoredFact]) -> set[int]:
    """The numbers of the facts, corrections among them, that are withdrawn now."""
    return _withdrawn(sorted((line for line in lines if line.kind in CORRECTIONS), key=SEQ))


def _withdrawn(corrections: Sequence[StoredFact]) -> set[int]:
    gone: set[int] = set()
    for correction in reversed(corrections):
        is_withdrawal = correction.kind == "fact_withdrawn" and correction.seq not in gone
        if is_withdrawal and correction.corrects is not None:
            gone.add(correction.corrects)
    return gone


def _corrected(facts: list[StoredFact], corrections: list[StoredFact]) -> list[StoredFact]:
    gone = _withdrawn(corrections)
    in_force = {fact.seq: fact for fact in facts if fact.seq not in gone}
    for correction in corrections:
        target = in_force.get(correction.corrects or 0)
        if correction.seq in gone or correction.kind != "fact_corrected" or target is None:
            continue
        fields = {key: value for key, value in correction.data.items() if key not in {"occurred_on", "reason"}}
        day = correction.data.get("occurred_on")
        in_force[target.seq] = target._replace(
            occurred_on=date.fromisoformat(day) if day else target.occurred_on, data={**target.data, **fields}
        )
    return list(in_force.values())


def replay(
    case_ref: str, facts: Iterable[StoredFact], as_at: date | None = None, known_at: str | None = None
) -> CaseFile:
    """The case that a history leaves. Raises NotPermitted, naming the fact, if the machine of its time refuses one."""
    known = facts_in_force(facts, None, known_at)
    opening = _opening_fact(known)
    in_force = known if as_at is None else _until(known, as_at)
    if in_force is not known and opening not in in_force:
        raise nothing_known()
    process = process_of([opening])
    casefile = CaseFile(case_ref, process.name, process.initial, lines=in_force, about=process.about)
    _look_through(casefile, process, known)
    following = iter(in_force)
    _apply_opening(casefile, process, opening, following)
    _apply(casefile, process, following)
    return casefile


def _look_through(casefile: CaseFile, process: Process, known: Sequence[StoredFact]) -> None:
    """Note what every known fact says, of whichever day: the version of the machine and the requests.

    Requests are not only those until as_at: a body may have acted before the day of receipt now recorded. Raises
    NotPermitted if the machine is of a later version of sendflow.
    """
    newest = max(known, key=MACHINE)
    if newest.machine not in process.tables:
        raise from_later_version(process, newest)
    asks = process.asks
    for request in [fact for fact in known if fact.kind in asks]:
        casefile.asked.setdefault(_asked(request), []).append(request.seq)
    casefile.machine = newest.machine


def _opening_fact(known: Sequence[StoredFact]) -> StoredFact:
    if not known:
        raise nothing_known()
    # sendflow's own facts and corrections can be dated before the opening fact; they open nothing.
    found = next((fact for fact in known if fact.kind not in BEFORE_OPENING and opens(fact)), None)
    if found is None and (refusal := without_opening(known)) is not None:
        raise refusal
    return found or known[0]


def _apply_opening(casefile: CaseFile, process: Process, opening: StoredFact, facts: Iterable[StoredFact]) -> None:
    """Apply the opening fact, and sendflow's own facts and corrections that are dated before it."""
    updates = _updates(process.name)
    for fact in facts:
        if fact is opening:
            casefile.seen.add(fact.kind)
            casefile.opened_on = fact.occurred_on
            casefile.la = _said_at_opening(process, casefile, fact, "la")
            casefile.la_reference = _said_at_opening(process, casefile, fact, "la_reference")
            guard = process.facts[fact.kind].guard
            if guard is not None and (reason := guard(casefile, fact)) is not None:
                raise refused(fact, reason)
            table = process.tables[casefile.machine]
            opens_in = process.facts[fact.kind].opens_in
            casefile.state = opens_in or table.get((process.initial, fact.kind), process.initial)
        elif fact.kind not in BEFORE_OPENING:
            raise before_opening(fact, opening)
        for update in updates.get(fact.kind, ()):
            update(casefile, fact)
        if fact is opening:
            return


def _said_at_opening(process: Process, casefile: CaseFile, opening: StoredFact, key: str) -> str | None:
    """What the opening fact says; where it mostly follows others, what the first fact says that could open the case."""
    said: str | None = opening.data.get(key)
    if said is not None or process.facts[opening.kind].opens_in is None:
        return said
    return next((each.data[key] for each in casefile.lines if each.kind in process.openings and key in each.data), None)


def _apply(casefile: CaseFile, process: Process, facts: Iterable[StoredFact]) -> None:
    """Apply each fact after the opening fact. Every recording runs this loop over the whole case, so the state is a
    local variable here.
    """
    seen, state = casefile.seen, casefile.state
    steps = _steps(process.name, casefile.machine)
    for fact in facts:
        kind = fact.kind
        step = steps[state].get(kind)
        if step is None:
            raise not_accepted(process, casefile, state, fact)
        if (guard := step.guard) is not None:
            casefile.state = state
            if (reason := guard(casefile, fact)) is not None:
                _blame_later_fact(process, casefile, step.next_state, fact, guard)
                raise refused(fact, reason)
        if (note := step.note) is not None:
            casefile.state = state
            if (words := note(casefile, fact)) is not None:
                casefile.out_of_order[fact.seq] = words
        seen.add(kind)
        state = step.next_state
        for update in step.updates:
            update(casefile, fact)
    casefile.state = state


def _blame_later_fact(process: Process, casefile: CaseFile, state: str, fact: StoredFact, guard: Guard) -> None:
    """A guard may refuse a fact only because of a later fact that is out of order itself. Raise for the later one."""
    ordered = list(casefile.lines)
    for index, later in enumerate(ordered[ordered.index(fact) + 1 :], ordered.index(fact) + 1):
        step = _steps(process.name, casefile.machine)[state].get(later.kind)
        if step is None:
            casefile.lines = ordered[:index]
            if guard(casefile, fact) is None:
                raise not_accepted(process, casefile, state, later)
            return
        state = step.next_state


@cache
def _steps(process_name: str, machine: int) -> Mapping[str, Mapping[str, Step]]:
    """What each state does with each fact kind under one version of the machine, by state and then by kind."""
    process, updates = processes()[process_name], _updates(process_name)
    table = process.tables.get(machine, {})
    steps: dict[str, dict[str, Step]] = {
        state: {} for state in {*process.states, *table.values(), *(state for state, _kind in table)}
    }
    unusual = process.unusual.get(machine, frozenset())
    lenient = process.takes_out_of_order(machine)
    for fact in process.facts.values():
        own = updates.get(fact.kind, ())
        warning = fact.warning if lenient else None
        for state in fact.accepted_in:
            steps[state][fact.kind] = Step(state, fact.guard, own, warning)
        if lenient and not isinstance(fact, OpeningFact):
            always = out_of_order(process, fact)
            for state in steps.keys() - process.final - fact.impossible_in.keys() - set(fact.accepted_in):
                steps[state][fact.kind] = Step(state, fact.guard, own, always)
    for (state, kind), next_state in table.items():
        fact = process.facts[kind]
        note = out_of_order(process, fact) if (state, kind) in unusual else fact.warning if lenient else None
        steps[state][kind] = Step(next_state, fact.guard, updates.get(kind, ()), note)
    return steps


@cache
def _updates(process_name: str) -> Mapping[str, Sequence[Update]]:
    """What each fact kind changes in the case file, besides its state and the kinds seen."""
    process = processes()[process_name]
    groups: list[tuple[Iterable[str], Update]] = [
        (process.asks, _add_request),
        (process.answers - process.asks, _close_request),
        (process.reopens - process.asks - process.answers, _reopen_request),
        (process.contacts, _add_contact),
        (ESCALATION_FACTS, _add_escalation),
        *(((kind,), update) for kind, update in _SHARED_UPDATES.items()),
    ]
    if process.items is not None:
        groups += [
            ((move.kind,), update_of(process.items, process.item_tables, move, refused)) for move in process.items.moves
        ]
    updates: dict[str, list[Update]] = {}
    for kinds, update in groups:
        for kind in kinds:
            updates.setdefault(kind, []).append(update)
    return updates


def _asked(fact: StoredFact) -> Asked:
    return (fact.data["body"], fact.data.get("service"))


def _add_request(casefile: CaseFile, fact: StoredFact) -> None:
    casefile.outstanding.setdefault(_asked(fact), []).append(fact.seq)


def _close_request(casefile: CaseFile, fact: StoredFact) -> None:
    body, service = _asked(fact)
    for asked in list(casefile.outstanding):
        if asked[0] == body and (service is None or asked[1] in (None, service)):
            del casefile.outstanding[asked]


def _reopen_request(casefile: CaseFile, fact: StoredFact) -> None:
    asked = _asked(fact)
    casefile.outstanding.setdefault(asked, []).extend(casefile.asked.get(asked, [])[-1:])


def _add_contact(casefile: CaseFile, fact: StoredFact) -> None:
    casefile.contacts.setdefault(_asked(fact), []).append((fact.seq, fact.occurred_on))


def _add_escalation(casefile: CaseFile, fact: StoredFact) -> None:
    data = fact.data
    casefile.steps_recorded[fact.seq] = EscalationFact(
        fact.seq,
        fact.kind,
        fact.occurred_on,
        data["rule"],
        data["rung"],
        data["opened_seq"],
        date.fromisoformat(data["due"]),
        data.get("body"),
        data.get("service"),
    )


def _add_claim(casefile: CaseFile, fact: StoredFact) -> None:
    data = fact.data
    casefile.claims[fact.seq] = Claim(
        fact.seq,
        data.get("ground"),
        data.get("rule"),
        data.get("body"),
        data.get("service"),
        _day(data, "began_on"),
        _day(data, "ended_on"),
    )


def _decide_claim(casefile: CaseFile, fact: StoredFact) -> None:
    data = fact.data
    claim = casefile.claims.get(data["claim"])
    if claim is None:
        raise refused(fact, f"fact {data['claim']} is no claimed exception that is in force on that day")
    casefile.claims[claim.seq] = claim._replace(
        ground=data.get("ground", claim.ground),
        rule=data.get("rule", claim.rule),
        body=data.get("body", claim.body),
        service=data.get("service", claim.service),
        began_on=_day(data, "began_on") or claim.began_on,
        ended_on=_day(data, "ended_on") or claim.ended_on,
        decision=data["decision"],
        decided_seq=fact.seq,
        look_again_on=_day(data, "look_again_on"),
    )


def _withdraw_escalation(casefile: CaseFile, fact: StoredFact) -> None:
    rung = casefile.steps_recorded.get(fact.data["rung_seq"])
    if rung is not None:
        casefile.steps_recorded[rung.seq] = rung._replace(withdrawn=True)


def _add_sent_notice(casefile: CaseFile, fact: StoredFact) -> None:
    casefile.notified.append((fact.seq, fact.data))


def _remove_returned_notice(casefile: CaseFile, fact: StoredFact) -> None:
    names = ("letter", "rule", "opened_seq", "rung", "recipient", "rung_seq")
    about = [fact.data.get(name) for name in names]
    casefile.notified = [each for each in casefile.notified if [each[1].get(name) for name in names] != about]


def _add_chasing_start(casefile: CaseFile, fact: StoredFact) -> None:
    casefile.chasing_began.append((fact.seq, fact.occurred_on))


def _add_pause(casefile: CaseFile, fact: StoredFact) -> None:
    casefile.pauses.append(Pause(fact.occurred_on, date.fromisoformat(fact.data["until"]), fact.data.get("body")))


def _add_reply(casefile: CaseFile, fact: StoredFact) -> None:
    """A reply shows contact with the body, unless the letter was not for it."""
    data = fact.data
    if data["said"] != "wrong_mailbox":
        _add_contact(casefile, fact)
    if (until := _day(data, "paused_until")) is not None:
        pause = Pause(fact.occurred_on, until, data["body"], data.get("rule"), data.get("opened_seq"))
        casefile.pauses.append(pause)


def _day(data: Mapping[str, object], key: str) -> date | None:
    value = data.get(key)
    return date.fromisoformat(str(value)) if value else None


_SHARED_UPDATES: Mapping[str, Update] = {
    "excuse_claimed": _add_claim,
    "excuse_decided": _decide_claim,
    "rung_withdrawn": _withdraw_escalation,
    "notice_sent": _add_sent_notice,
    "notice_came_back": _remove_returned_notice,
    "notice_undelivered": _remove_returned_notice,
    "chasing_began": _add_chasing_start,
    "chasing_paused": _add_pause,
    REPLIED: _add_reply,
}
