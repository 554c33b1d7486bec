"""What goes into a letter: the mailbox's notices that are still needed, as one message, the most urgent first.

Everything here runs inside the caller's transaction and unit of work, so that it reads the cases as they are when
the letter is leased.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection

from casework.cases.loaded_case import UNREADABLE, LoadedCase
from casework.cases.unit_of_work import UnitOfWork, load_readable
from casework.context import AppContext
from models.enums import NoticeState
from models.facts import canonical
from notifications import outbox
from notifications.ended_duties import AGAIN
from notifications.holds import hold_of
from notifications.letter_fields import WITHDRAWAL, CaseView
from notifications.letter_order import is_step, wait_for_lower_steps
from notifications.notices import DIGEST, NoticeDraft, StillNeeded, current_fields, paused_until, still_needed
from notifications.render import newest

DAY = timedelta(days=1)
# Order within one letter, by what a template is about: an open duty first.
PRIORITY = {"open": 0, "always": 1, "ended": 2, "met": 3}
DutyKey = tuple[str, str, int, date | None]


@dataclass(slots=True)
class RecheckResult:
    """Notices sorted by what the recheck found. `postponed` maps the key of a notice to the day of its next recheck:
    its case cannot be read, reminders to its body are paused, it is on hold, or a lower step has to leave first.
    """

    needed: list[NoticeDraft] = field(default_factory=list)
    cancelled: list[NoticeDraft] = field(default_factory=list)
    superseded: list[NoticeDraft] = field(default_factory=list)
    postponed: dict[str, date] = field(default_factory=dict)


class LetterContent(NamedTuple):
    """What a letter says: its template, the template's version and the fields."""

    template: str
    version: int
    fields: dict[str, Any]


def view_of(context: AppContext, case: LoadedCase) -> CaseView:
    """What the notices of one case are derived from."""
    return CaseView(
        context.escalation_policy, context.directory, context.calendar, case.file, case.duties, context.team_roles
    )


def recheck(
    unit: UnitOfWork, drafts: Sequence[NoticeDraft], today: date, unwritten: Sequence[NoticeDraft] = ()
) -> RecheckResult:
    """Check of each notice whether it is still needed, and update the fields of those that are.

    Of several escalation steps of one duty only the highest remains, counting those that the mailbox was sent before.
    A step waits for the lower ones of its duty. A notice whose case cannot be read is postponed by a day: nothing is
    sent on a guess, and verify reports the case. `unwritten` are notices of the unit of work that nobody stores.
    """
    result = RecheckResult()
    cases = load_readable(unit, {draft.case_ref for draft in drafts})
    unsent = outbox.unsent(unit.connection, {draft.case_ref for draft in drafts if is_step(draft)})
    for draft in unwritten:
        unsent.setdefault(draft.case_ref, []).append(draft)
    for draft in drafts:
        case = cases.get(draft.case_ref)
        if case is None or not case.facts:
            result.postponed[draft.key] = today + DAY
            continue
        _recheck_one(view_of(unit.context, case), draft, unsent.get(draft.case_ref, ()), today, result)
    sent = outbox.sent_steps(unit.connection, result.needed)
    _supersede(result, [step for step in sent if not _is_withdrawn(cases, step)])
    return result


def _recheck_one(
    view: CaseView, draft: NoticeDraft, unsent: Sequence[NoticeDraft], today: date, result: RecheckResult
) -> None:
    try:
        answer = still_needed(view, draft, today)
        hold = hold_of(view, draft, today) if answer is StillNeeded.YES else None
        wait = wait_for_lower_steps(view, draft, unsent, today) if answer is StillNeeded.YES else None
        current = draft._replace(fields=current_fields(view, draft)) if answer is StillNeeded.YES else draft
    except UNREADABLE:
        result.postponed[draft.key] = today + DAY
        return
    if answer is StillNeeded.PAUSED:
        result.postponed[draft.key] = (paused_until(view.casefile, draft, today) or today) + DAY
    elif hold is not None:
        result.postponed[draft.key] = hold.until or today + DAY
    elif wait is not None:
        result.postponed[draft.key] = wait.until or today + DAY
    elif answer is StillNeeded.YES:
        result.needed.append(current)
    else:
        result.cancelled.append(draft)


def _is_withdrawn(cases: Mapping[str, LoadedCase], step: outbox.SentStep) -> bool:
    fact = cases[step.case_ref].file.steps_recorded.get(step.fact_seq)
    return fact is not None and fact.withdrawn


def _supersede(result: RecheckResult, sent: Iterable[outbox.SentStep]) -> None:
    """Move needed notices that a higher escalation step of the same duty includes to `superseded`."""
    highest: dict[DutyKey, int] = {}
    for step in sent:
        highest[_duty_key(step)] = max(highest.get(_duty_key(step), 0), step.rank)
    asking = [
        draft
        for draft in result.needed
        if draft.rung not in (WITHDRAWAL, AGAIN) and newest(draft.fields["letter"]).called_for == "open"
    ]
    for draft in asking:
        highest[_duty_key(draft)] = max(highest.get(_duty_key(draft), 0), draft.rank)
    lower = {draft.key for draft in asking if draft.rank < highest[_duty_key(draft)]}
    result.superseded = [draft for draft in result.needed if draft.key in lower]
    result.needed = [draft for draft in result.needed if draft.key not in lower]


def _duty_key(notice: NoticeDraft | outbox.SentStep) -> DutyKey:
    return (notice.case_ref, notice.rule, notice.opened_seq, notice.due)


def apply_recheck(connection: Connection, result: RecheckResult, letter: str | None) -> bool:
    """Write what the recheck found, and put the needed notices into `letter`. False if another run took one first."""
    open_states = (NoticeState.CREATED, NoticeState.CLAIMED)
    outbox.change_state(connection, [draft.key for draft in result.cancelled], open_states, NoticeState.WITHDRAWN)
    outbox.change_state(connection, [draft.key for draft in result.superseded], open_states, NoticeState.SUPERSEDED)
    outbox.change_state(connection, result.postponed, open_states, NoticeState.CREATED)
    outbox.postpone(connection, result.postponed)
    keys = [draft.key for draft in result.needed]
    taken = outbox.change_state(connection, keys, open_states, NoticeState.CLAIMED, letter)
    outbox.store_fields(connection, {draft.key: canonical(draft.fields).decode() for draft in result.needed})
    return taken == len(keys)


def common_fields(context: AppContext, today: date) -> dict[str, Any]:
    """The fields that every letter has: its day, the sender's office, and where a reply goes."""
    icb = context.directory.icb
    return {
        "on": today.isoformat(),
        "first": False,
        "dco": {"office": office(context), "mailbox": icb.dco, "icb": icb.name},
    }


def office(context: AppContext) -> str:
    """The sender's name in letters."""
    return f"Designated Clinical Officer's team, {context.directory.icb.name}"


def compose(context: AppContext, drafts: Sequence[NoticeDraft], today: date, introduced: bool = False) -> LetterContent:
    """Compose one letter: a single matter as its own template, several as one table, the most urgent first.

    `introduced`: the mailbox had a letter before, so this one does not explain who sends it. Two posts may share a
    mailbox: the same letter about the same duty to both is one matter.
    """
    common = common_fields(context, today)
    first = min(drafts, key=_urgency)
    if first.template != DIGEST and len({(_duty_key(draft), draft.fields["letter"]) for draft in drafts}) == 1:
        template = newest(first.fields["letter"])
        return LetterContent(template.id, template.version, {**first.fields, **common})
    common["first"] = not introduced and any(draft.template == DIGEST for draft in drafts)
    return LetterContent(DIGEST, newest(DIGEST).version, {**common, "items": items_of(drafts)})


def items_of(drafts: Sequence[NoticeDraft]) -> list[dict[str, Any]]:
    """The notices as items of a longer letter: those that ask for something first, then the highest escalation step,
    then the earliest due date.
    """
    return [
        {
            "template": draft.fields["letter"],
            "version": newest(draft.fields["letter"]).version,
            "fields": draft.fields,
            "duty": duty_name(draft),
        }
        for draft in sorted(drafts, key=_urgency)
    ]


def duty_name(draft: NoticeDraft) -> str:
    """The duty of a notice, as the items of a longer letter name it."""
    return f"{draft.case_ref}/{draft.rule}/{draft.opened_seq}"


def _urgency(draft: NoticeDraft) -> tuple[int, int, str, str]:
    priority = PRIORITY[newest(draft.fields["letter"]).called_for]
    return (priority, -draft.rank, str(draft.fields["due"] or ""), draft.key)


def letter_stem(mailbox: str, today: date) -> str:
    """A letter's id: its day and a digest of the mailbox, so that a mailbox has one letter a day and file names
    contain no address.
    """
    return f"{today:%Y%m%d}-{hashlib.sha256(mailbox.encode()).hexdigest()[:10]}"
