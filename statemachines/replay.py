"""Facts in, the case out: the one fold, used by live code and by audit alike.

The fold goes by (occurred_on, seq) with corrections applied; the chain of hashes goes by seq. A correction is applied
whatever its own day. As true on a day: facts by `occurred_on`. As known at an instant: facts by `recorded_at`. Both may
be asked at once.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import cache
from operator import attrgetter
from typing import NamedTuple, NoReturn

import statemachines
from models.casefile import Asked, CaseFile, Claim, EscalationFact
from models.common_facts import CORRECTIONS, ENGINE_ONLY, RUNGS
from models.facts import StoredFact
from statemachines.process import Guard, NotPermitted, Process

# A correction may move the opening behind what the engine had already written of the case.
BEFORE_OPENING = CORRECTIONS | ENGINE_ONLY
Keep = Callable[[CaseFile, StoredFact], None]
SEQ = attrgetter("seq")
ON = attrgetter("occurred_on")


@cache
def processes() -> Mapping[str, Process]:
    """Every process found by walking this folder, by name. No list elsewhere names one."""
    found: dict[str, Process] = {}
    for module in pkgutil.iter_modules(statemachines.__path__):
        process = getattr(importlib.import_module(f"statemachines.{module.name}"), "PROCESS", None)
        if isinstance(process, Process):
            found[process.name] = process
    return dict(sorted(found.items()))


@cache
def opened_by() -> Mapping[str, Process]:
    """The process that each opening fact begins."""
    return {kind: process for process in processes().values() for kind in (process.opens, *process.opens_too)}


def process_of(lines: Sequence[StoredFact]) -> Process:
    """The process of a history. Raises Unlawful where its first fact opens none that this house knows."""
    first = lines[0]
    process = opened_by().get(first.kind)
    if process is None:
        raise NotPermitted(
            first.seq, first.kind, f"fact {first.seq} ({first.kind}) opens no process that this house knows"
        )
    return process


def facts_in_force(
    lines: Iterable[StoredFact], as_at: date | None = None, known_at: str | None = None
) -> list[StoredFact]:
    """The facts that stand, in the order of the fold: corrections applied, withdrawn facts left out.

    `as_at` leaves out facts that occurred later (after correction); `known_at` (an instant, ISO 8601 UTC) what was
    recorded later.
    """
    known = list(lines) if known_at is None else [line for line in lines if line.recorded_at <= known_at]
    corrections = [line for line in known if line.kind in CORRECTIONS]
    if corrections:
        known = _corrected(known, corrections)
    known.sort(key=SEQ)
    known.sort(key=ON)  # keeps the order of seq within a day, and costs less than to sort by both at once
    return known if as_at is None else _until(known, as_at)


def _until(lines: list[StoredFact], as_at: date) -> list[StoredFact]:
    return [line for line in lines if line.occurred_on <= as_at or line.kind in CORRECTIONS]


def _corrected(lines: list[StoredFact], corrections: list[StoredFact]) -> list[StoredFact]:
    gone: set[int] = set()
    for correction in reversed(corrections):
        if correction.seq not in gone and correction.kind == "fact_withdrawn" and correction.corrects is not None:
            gone.add(correction.corrects)
    standing = {line.seq: line for line in lines if line.seq not in gone}
    for correction in corrections:
        target = standing.get(correction.corrects or 0)
        if correction.seq in gone or correction.kind != "fact_corrected" or target is None:
            continue
        told = {key: value for key, value in correction.data.items() if key not in {"occurred_on", "reason"}}
        day = correction.data.get("occurred_on")
        standing[target.seq] = target._replace(
            occurred_on=date.fromisoformat(day) if day else target.occurred_on, data={**target.data, **told}
        )
    return list(standing.values())


def fold(
    case_ref: str, lines: Iterable[StoredFact], as_at: date | None = None, known_at: str | None = None
) -> CaseFile:
    """The case that a history leaves. Raises Unlawful, naming the fact, where the machine of its time does not allow
    it.
    """
    known = facts_in_force(lines, None, known_at)
    if not known:
        raise NotPermitted(0, "", "nothing was known of this case then")
    openings = opened_by()
    opening = (
        known[0]
        if known[0].kind in openings
        else next((line for line in known if line.kind in openings), None) or _not_opened(known)
    )
    process = process_of([opening])
    ordered = known if as_at is None else _until(known, as_at)
    if ordered is not known and opening not in ordered:
        raise NotPermitted(0, "", "nothing was known of this case then")
    casefile = CaseFile(case_ref, process.name, process.initial)
    # Who was ever asked, whatever the day looked at: a body may have been heard from before the day of
    # receipt that is
    # now thought right.
    asks, kept = process.asks, _kept(process.name)
    for line in known:
        if line.kind in asks:
            casefile.asked.setdefault((line.data["body"], line.data.get("service")), []).append(line.seq)
    casefile.lines, seen = ordered, casefile.seen
    state, machine = process.initial, 0
    plan: Mapping[str, Mapping[str, Step]] = {}
    following = iter(ordered)
    for line in following:
        kind = line.kind
        if line.machine not in process.tables:
            _later(process, line)
        if line is opening:
            state = _open(casefile, process, line)
        elif kind not in BEFORE_OPENING:
            raise NotPermitted(
                line.seq,
                kind,
                f"{named(line)} is refused: it is dated before {opening.kind} of {opening.occurred_on.isoformat()}",
            )
        for keep in kept.get(kind, ()):
            keep(casefile, line)
        if line is opening:
            break
    for line in following:
        kind = line.kind
        if line.machine != machine:
            machine = line.machine
            plan = _plan(process.name, machine) if machine in process.tables else _later(process, line)
        step = plan[state].get(kind)
        if step is None:
            raise NotPermitted(line.seq, kind, refusal(process, casefile, state, line))
        leads_to, guard, keeps = step
        if guard is not None:
            casefile.state = state
            if (reason := guard(casefile, line)) is not None:
                _made_unlawful(process, casefile, leads_to, line, guard)
                raise NotPermitted(line.seq, kind, f"{named(line)} is refused: {reason}")
        seen.add(kind)
        state = leads_to
        for keep in keeps:
            keep(casefile, line)
    casefile.state = state
    casefile.last_seq = max(map(SEQ, ordered))
    return casefile


def _guarded(guard: Guard, casefile: CaseFile, line: StoredFact) -> None:
    reason = guard(casefile, line)
    if reason is not None:
        raise NotPermitted(line.seq, line.kind, f"{named(line)} is refused: {reason}")


def _later(process: Process, line: StoredFact) -> NoReturn:
    """A machine that is not known here is a later one's: what it meant by a fact, also by one of a known kind, cannot
    be guessed.
    """
    raise NotPermitted(
        line.seq,
        line.kind,
        f"{named(line)} was written by a later version of sendflow ({process.title}, machine {line.machine}; "
        f"this program knows {max(process.tables)} and before): bring this program up to date",
    )


def _made_unlawful(process: Process, casefile: CaseFile, state: str, line: StoredFact, guard: Guard) -> None:
    """Where a guard refuses a fact only for what a later one tells, and that one has no place itself: name the later
    one.
    """
    ordered = list(casefile.lines)
    for at, later in enumerate(ordered[ordered.index(line) + 1 :], ordered.index(line) + 1):
        step = _plan(process.name, later.machine)[state].get(later.kind)
        if step is None:
            casefile.lines = ordered[:at]
            if guard(casefile, line) is None:
                raise NotPermitted(later.seq, later.kind, refusal(process, casefile, state, later))
            return
        state = step[0]


def _not_opened(known: Sequence[StoredFact]) -> StoredFact:
    withdrawal = next((line for line in reversed(known) if line.kind == "fact_withdrawn"), None)
    if withdrawal is None:
        return known[0]
    raise NotPermitted(
        withdrawal.seq,
        withdrawal.kind,
        f"{named(withdrawal)} is refused: it takes away the fact that opened the case. "
        "A case that should not be there ends with case_closed",
    )


def named(line: StoredFact) -> str:
    """A fact as a sentence names it."""
    return f"fact {line.seq}, {line.kind} of {line.occurred_on.isoformat()},"


def refusal(process: Process, casefile: CaseFile, state: str, line: StoredFact) -> str:
    """Why a fact has no place, and what would be lawful then, of what a person may record."""
    if line.kind not in process.facts:
        return f"{named(line)} is refused: {process.title} knows no such fact"
    lawful = (
        ", ".join(
            kind
            for kind in process.lawful(state)
            if kind not in ENGINE_ONLY and not _opens_no_more(process, casefile, line, kind)
        )
        or "nothing"
    )
    if casefile.opened_on is not None and line.kind == process.opens:
        return f"{named(line)} is refused: the case is open already. Lawful then: {lawful}"
    reason = process.reasons.get(line.kind, "")
    law = f"{reason[:1].upper()}{reason[1:]}. " if reason else ""
    return (
        f"{named(line)} is refused: on that day the case stands at '{process.states[state]}'. {law}Lawful then:"
        f" {lawful}"
    )


def _opens_no_more(process: Process, casefile: CaseFile, line: StoredFact, kind: str) -> bool:
    """Whether a fact that may open a case as well is refused on this one whatever it says, so that it is not named as
    lawful.
    """
    guard = process.guards.get(kind) if kind in process.opens_too and casefile.opened_on is not None else None
    try:
        return guard is not None and guard(casefile, line._replace(kind=kind, data={})) is not None
    except KeyError:  # it depends on what it says
        return False


def _open(casefile: CaseFile, process: Process, line: StoredFact) -> str:
    casefile.seen.add(line.kind)
    casefile.opened_on = line.occurred_on
    casefile.la = line.data.get("la")
    casefile.la_reference = line.data.get("la_reference")
    guard = process.guards.get(line.kind)
    if guard is not None:
        _guarded(guard, casefile, line)
    return process.tables.get(line.machine, {}).get((process.initial, line.kind), process.initial)


class Step(NamedTuple):
    """What a state does with a kind of fact: where it leads (to itself where it does not move the case), who guards it,
    what is kept of it.
    """

    leads_to: str
    guard: Guard | None
    keeps: Sequence[Keep]


@cache
def _plan(process: str, machine: int) -> Mapping[str, Mapping[str, Step]]:
    """The transition table of one version of a machine, and the facts that do not move it, by state and
    then by kind.
    """
    own, kept = processes()[process], _kept(process)
    table = own.tables.get(machine, {})
    plan: dict[str, dict[str, Step]] = {
        state: {} for state in {*own.states, *table.values(), *(state for state, _kind in table)}
    }
    for kind, states in own.stays.items():
        for state in states:
            plan[state][kind] = Step(state, own.guards.get(kind), kept.get(kind, ()))
    for (state, kind), leads_to in table.items():
        plan[state][kind] = Step(leads_to, own.guards.get(kind), kept.get(kind, ()))
    return plan


@cache
def _kept(process: str) -> Mapping[str, Sequence[Keep]]:
    """What a fold keeps of each kind of fact, besides that it was seen and where it leads."""
    own = processes()[process]
    keeps: list[tuple[Iterable[str], Keep]] = [
        (own.asks, _ask),
        (own.answers - own.asks, _answer),
        (own.reopens - own.asks - own.answers, _reopen),
        (own.contacts, _heard),
        (RUNGS, _rung),
        *(((kind,), keep) for kind, keep in _KEEP.items()),
    ]
    kept: dict[str, list[Keep]] = {}
    for kinds, keep in keeps:
        for kind in kinds:
            kept.setdefault(kind, []).append(keep)
    return kept


def _asked(line: StoredFact) -> Asked:
    return (line.data["body"], line.data.get("service"))


def _ask(casefile: CaseFile, line: StoredFact) -> None:
    casefile.outstanding.setdefault(_asked(line), []).append(line.seq)


def _answer(casefile: CaseFile, line: StoredFact) -> None:
    body, service = _asked(line)
    for asked in list(casefile.outstanding):
        if asked[0] == body and (service is None or asked[1] in (None, service)):
            del casefile.outstanding[asked]


def _reopen(casefile: CaseFile, line: StoredFact) -> None:
    asked = _asked(line)
    casefile.outstanding.setdefault(asked, []).extend(casefile.asked.get(asked, [])[-1:])


def _heard(casefile: CaseFile, line: StoredFact) -> None:
    casefile.contacts.setdefault(_asked(line), []).append((line.seq, line.occurred_on))


def _rung(casefile: CaseFile, line: StoredFact) -> None:
    data = line.data
    casefile.rungs[line.seq] = EscalationFact(
        line.seq,
        line.kind,
        line.occurred_on,
        data["rule"],
        data["rung"],
        data["opened_seq"],
        date.fromisoformat(data["due"]),
        data.get("body"),
        data.get("service"),
    )


def _claim(casefile: CaseFile, line: StoredFact) -> None:
    data = line.data
    casefile.claims[line.seq] = Claim(
        line.seq,
        data.get("ground"),
        data.get("rule"),
        data.get("body"),
        data.get("service"),
        _day(data, "began_on"),
        _day(data, "ended_on"),
    )


def _decide(casefile: CaseFile, line: StoredFact) -> None:
    data = line.data
    claim = casefile.claims.get(data["claim"])
    if claim is None:
        raise NotPermitted(
            line.seq,
            line.kind,
            f"{named(line)} is refused: fact {data['claim']} is no claim of an excuse that stands on that day",
        )
    casefile.claims[claim.seq] = claim._replace(
        ground=data.get("ground", claim.ground),
        rule=data.get("rule", claim.rule),
        body=data.get("body", claim.body),
        service=data.get("service", claim.service),
        began_on=_day(data, "began_on") or claim.began_on,
        ended_on=_day(data, "ended_on") or claim.ended_on,
        decision=data["decision"],
        decided_seq=line.seq,
        look_again_on=_day(data, "look_again_on"),
    )


def _withdraw_rung(casefile: CaseFile, line: StoredFact) -> None:
    rung = casefile.rungs.get(line.data["rung_seq"])
    if rung is not None:
        casefile.rungs[rung.seq] = rung._replace(withdrawn=True)


def _told(casefile: CaseFile, line: StoredFact) -> None:
    casefile.told.append((line.seq, line.data))


def _began(casefile: CaseFile, line: StoredFact) -> None:
    casefile.chasing_began.append((line.seq, line.occurred_on))


def _paused(casefile: CaseFile, line: StoredFact) -> None:
    casefile.pauses.append((line.occurred_on, date.fromisoformat(line.data["until"]), line.data.get("body")))


def _day(data: Mapping[str, object], key: str) -> date | None:
    value = data.get(key)
    return date.fromisoformat(str(value)) if value else None


_KEEP: Mapping[str, Keep] = {
    "excuse_claimed": _claim,
    "excuse_decided": _decide,
    "rung_withdrawn": _withdraw_rung,
    "notice_sent": _told,
    "chasing_began": _began,
    "chasing_paused": _paused,
}
