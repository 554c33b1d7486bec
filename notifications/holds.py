"""Which notices are on hold, and until when. Pure.

A fact that is recorded late makes steps due at once whose days have passed. A person may still be typing the answers,
so the letters that ask for something wait for the grace period of the escalation policy. A person may hold letters of a
case longer, or release them; each is a fact on the case.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from deadlines.duties import Duty
from deadlines.escalation import steps_due
from deadlines.working_calendar import LONDON, OutsideCalendarRange
from models.common_facts import CORRECTIONS, DIED, HOLD, OF_THE_CHILD, RELEASE
from models.facts import StoredFact
from notifications.ended_duties import AGAIN
from notifications.letter_fields import CaseView
from notifications.notices import NoticeDraft
from notifications.render import newest

DAY = timedelta(days=1)
BY_A_PERSON, RECORDED_LATE = "held_by_a_person", "recorded_late"
NAMED = ("rule", "opened_seq", "rung", "recipient")


class Hold(NamedTuple):
    """Why a notice is on hold (a code), and the first day on which it may leave; None until a person releases it."""

    why: str
    until: date | None


def hold_of(view: CaseView, draft: NoticeDraft, today: date) -> Hold | None:
    """What holds a notice on `today`; None if nothing does. What a person said last decides."""
    if (flag := withheld(view.casefile.lines, draft)) is not None:
        return Hold(flag, None)
    said = [fact for fact in view.casefile.lines if fact.kind in (HOLD, RELEASE) and _is_about(fact, draft)]
    if said:
        last = max(said, key=lambda fact: fact.seq)
        if last.kind == HOLD:
            until = date.fromisoformat(last.data["until"]) + DAY
            return Hold(BY_A_PERSON, until) if until > today else None
        if draft.fact_seq < last.seq:  # a release is of what waited then
            return None
    duty = view.duty(draft.rule, draft.opened_seq)
    grace = _end_of_grace(view, duty, draft) if duty is not None else None
    return Hold(RECORDED_LATE, grace) if grace is not None and grace > today else None


def withheld(facts: Sequence[StoredFact], draft: NoticeDraft | None = None) -> str | None:
    """The fact of the child that stops a notice, or all of the case; None if nothing does.

    `facts` are in force. A person releases what waits by then; a later notice waits again.
    """
    flags = [fact for fact in facts if fact.kind in OF_THE_CHILD]
    if not flags:
        return None
    last = max(flags, key=lambda fact: fact.seq)
    if draft is not None:
        since = [fact.seq for fact in facts if fact.kind == RELEASE and fact.seq > last.seq and _is_about(fact, draft)]
        if since and draft.fact_seq < max(since):
            return None
    return DIED if any(fact.kind == DIED for fact in flags) else last.kind


def _is_about(fact: StoredFact, draft: NoticeDraft) -> bool:
    """Whether a hold or release concerns a notice: all of the case, or the one that it names."""
    return all(fact.data.get(name) in (None, getattr(draft, name)) for name in NAMED)


def _end_of_grace(view: CaseView, duty: Duty, draft: NoticeDraft) -> date | None:
    """The first day after the grace period of a notice that a fact recorded late calls for; None for any other."""
    grace = view.ladder.grace.get(duty.rule, 0)
    asks = newest(draft.fields["letter"]).called_for == "open" and draft.rung != AGAIN
    if not grace or duty.imported or not asks:
        return None
    learned = max(_learned(view, duty), default=duty.opened_on)
    if learned <= duty.opened_on:
        return None
    try:
        # A notice of an event goes with the duty's first step: once that was past, the whole request is an old one.
        past = [step for step, _day in steps_due(duty, view.ladder.steps(duty.rule), view.calendar, learned)]
        late = past and (draft.rank == 0 or draft.rung in {step.id for step in past})
        return view.calendar.add_working_days(learned, grace) if late else None
    except OutsideCalendarRange:
        return None


def _learned(view: CaseView, duty: Duty) -> Iterator[date]:
    """The days on which the facts that a duty rests on were recorded: its opening, and corrections that concern it."""
    facts = {fact.seq: fact for fact in view.casefile.lines}
    for fact in view.casefile.lines:
        if fact.seq == duty.opened_seq or (fact.kind in CORRECTIONS and _concerns(facts, fact, duty)):
            yield datetime.fromisoformat(fact.recorded_at).astimezone(LONDON).date()


def _concerns(facts: dict[int, StoredFact], correction: StoredFact, duty: Duty) -> bool:
    """Whether a correction is of the opening fact, of a fact about the same body, or of one that is not in force."""
    target = facts.get(correction.corrects or 0)
    if target is None or target.seq == duty.opened_seq:
        return True
    body, service = target.data.get("body"), target.data.get("service")
    return body == duty.body and service in (None, duty.service) and not target.kind.startswith("notice_")
