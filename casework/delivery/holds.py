"""A person holds letters of a case, or releases them: each act is a fact on the case, with the person and the reason.

A hold ends by itself: on the day that the person gave, or after the grace period of the escalation policy.
"""

from collections.abc import Callable, Sequence
from datetime import date
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, select

from casework.cases.commit import commit
from casework.cases.loaded_case import UNREADABLE, replay_case
from casework.cases.references import find_case
from casework.cases.second_person import RELEASES, Check, with_second_person
from casework.cases.unit_of_work import UnitOfWork
from casework.context import AppContext
from casework.delivery import compose
from models import ledger
from models.common_facts import HOLD, RELEASE
from models.database import reading, transact
from models.enums import LetterState, NoticeState
from models.errors import NoSuchCase, Refusal, SeveralCases
from models.facts import FactDraft, StoredFact
from models.same_words import plain_reference
from models.tables import LETTER, NOTICE
from models.visibility import hidden_among
from notifications import outbox
from notifications.holds import hold_of
from notifications.letter_fields import CaseView
from notifications.letter_order import wait_for_lower_steps
from notifications.notices import NoticeDraft, StillNeeded, still_needed
from notifications.render import RenderError, render

VIA = "letters"
FIRST_IMPORT, AFTER = "first_import", "after_"


class NothingToHold(Refusal, LookupError):
    """No case, notice or letter of that name has anything that has not left yet."""

    default_code = "nothing_to_hold"


class HeldNotice(BaseModel):
    """A notice that has not left, why it waits (a code), and the first day on which it may leave, if that is known.

    `subject` and `text` are what it would say today.
    """

    model_config = ConfigDict(frozen=True)
    id: str
    case_ref: str
    rung: str
    recipient: str
    mailbox: str | None
    why: str
    until: date | None
    subject: str
    text: str


class HoldReport(BaseModel):
    """What a hold or a release concerns: cases, and notices that have not left. `until`: the last day of a hold."""

    model_config = ConfigDict(frozen=True)
    cases: list[str]
    notices: int
    until: date | None = None


Last = Callable[[Connection, HoldReport], None]  # called at the end of a transaction


class Target(NamedTuple):
    """A whole case, or one notice of it."""

    case_ref: str
    notice: NoticeDraft | None


def held_notices(context: AppContext, case_ref: str | None = None) -> list[HeldNotice]:
    """The notices that have not left and wait for more than the next delivery, with a preview of each."""
    today = context.today()
    with reading(context.engine) as connection:
        query = select(NOTICE.c.case_ref).where(NOTICE.c.state.in_(outbox.UNSENT)).distinct()
        refs = [ref for ref in connection.scalars(query) if case_ref in (None, ref)]
        unsent = outbox.unsent(connection, refs)
        histories = ledger.read(connection, refs)
    found: list[HeldNotice] = []
    for ref, (facts, _tail) in sorted(histories.items()):
        try:
            view = _view(context, ref, facts)
            for draft in unsent[ref]:
                reason = _reason(view, draft, unsent[ref], today)
                if reason is not None:
                    found.append(_preview(context, draft, *reason))
        except (*UNREADABLE, RenderError):
            continue  # verify names the case
    return found


def _view(context: AppContext, ref: str, facts: list[StoredFact]) -> CaseView:
    replayed = replay_case(context, ref, facts)
    return CaseView(context.escalation_policy, context.directory, context.calendar, *replayed, context.team_roles)


def _reason(
    view: CaseView, draft: NoticeDraft, unsent: Sequence[NoticeDraft], today: date
) -> tuple[str, date | None] | None:
    """Why a notice does not leave with the next delivery, and until when."""
    if draft.state == NoticeState.HELD:
        return FIRST_IMPORT, None
    if still_needed(view, draft, today) is not StillNeeded.YES:
        return None
    hold = hold_of(view, draft, today)
    if hold is not None:
        return hold.why, hold.until
    wait = wait_for_lower_steps(view, draft, unsent, today)
    return (f"{AFTER}{wait.rung}", wait.until) if wait is not None else None


def _preview(context: AppContext, draft: NoticeDraft, why: str, until: date | None) -> HeldNotice:
    content = compose.compose(context, [draft], context.today())
    made = render(content.template, content.version, content.fields)
    return HeldNotice(
        id=draft.key,
        case_ref=draft.case_ref,
        rung=draft.rung,
        recipient=draft.recipient,
        mailbox=draft.mailbox,
        why=why,
        until=until,
        subject=made.subject,
        text=made.text,
    )


def hold(context: AppContext, name: str, actor: str, reason: str, until: date | None = None) -> HoldReport:
    """Hold what has not left: of a case, one notice, or an e-mail that waits. `until` is the last day of the hold.

    Raises NothingToHold.
    """
    until = _last_day(context, until)
    data = {"until": until.isoformat(), "reason": reason}
    return _record(context, name, actor, HOLD, data).model_copy(update={"until": until})


def release_held(context: AppContext, name: str, actor: str, reason: str) -> HoldReport:
    """Release what is on hold, also by the grace period or after a first import.

    Raises NothingToHold, or Refused where a second person has to agree.
    """

    def act(check: Check) -> HoldReport:
        return _record(context, name, actor, RELEASE, {"reason": reason}, lambda connection, _found: check(connection))

    return with_second_person(context, RELEASES, f"release {plain_reference(name)}", actor, act)


class _Undone(Exception):
    """Undoes a hold or a release that was only tried."""

    def __init__(self, found: HoldReport) -> None:
        super().__init__("undone")
        self.found = found


def try_hold_or_release(
    context: AppContext, name: str, actor: str, kind: str, reason: str, until: date | None = None
) -> HoldReport:
    """What `hold` (kind HOLD) or `release_held` (kind RELEASE) would concern. Nothing is written.

    Raises NothingToHold as they do.
    """
    until = _last_day(context, until) if kind == HOLD else None
    data = {"reason": reason, **({"until": until.isoformat()} if until is not None else {})}

    def undo(_connection: Connection, found: HoldReport) -> None:
        raise _Undone(found)

    try:
        _record(context, name, actor, kind, data, undo)
    except _Undone as undone:
        return undone.found.model_copy(update={"until": until})
    raise AssertionError("the transaction above always ends by being undone")


def _last_day(context: AppContext, until: date | None) -> date:
    """The last day of a hold: the one that was given, or the end of the grace period. Raises NothingToHold."""
    today = context.today()
    if until is None:
        grace = max(context.escalation_policy.grace.values(), default=0) or 1
        until = context.calendar.add_working_days(today, grace)
    if until < today:
        raise NothingToHold(f"a hold ends on a day to come: for example --until {today.isoformat()}")
    return until


def _record(
    context: AppContext,
    name: str,
    actor: str,
    kind: str,
    data: dict[str, str],
    last: Last = lambda *_given: None,
) -> HoldReport:
    def once(connection: Connection) -> HoldReport:
        targets = find_targets(context, connection, name)
        unit = UnitOfWork(context, connection, actor=actor, via=VIA)
        cases = unit.load(sorted({target.case_ref for target in targets}))
        for target in targets:
            unit.append(cases[target.case_ref], [FactDraft(kind, context.today(), {**data, **_named(target)})])
        commit(unit)
        unsent = outbox.unsent(connection, cases)
        named = {target.notice.key for target in targets if target.notice is not None}
        drafts = [draft for some in unsent.values() for draft in some if not named or draft.key in named]
        if kind == RELEASE:
            keys = [draft.key for draft in drafts]
            outbox.change_state(connection, keys, (NoticeState.HELD,), NoticeState.CREATED)
            outbox.postpone(connection, {draft.key: context.today() for draft in drafts})
        found = HoldReport(cases=sorted(cases), notices=len(drafts))
        last(connection, found)
        return found

    return transact(context.engine, once)


def _named(target: Target) -> dict[str, str | int]:
    draft = target.notice
    if draft is None:
        return {}
    return {
        "rule": draft.rule,
        "opened_seq": draft.opened_seq,
        "rung": draft.rung,
        "recipient": str(draft.recipient),
    }


def find_targets(context: AppContext, connection: Connection, name: str) -> Sequence[Target]:
    """The notice, the notices of the waiting e-mail, or the case of that name. Raises NothingToHold."""
    row = connection.execute(select(LETTER.c.state).where(LETTER.c.id == name)).first()
    if row is not None and hidden_among(connection, [each.case_ref for each in outbox.notices_of(connection, name)]):
        row = None
    if row is not None and row.state != LetterState.WAITING:
        raise NothingToHold(
            f"the e-mail {name} is {row.state.replace('_', ' ')}, and only one that waits can be held or released:"
            " sendflow letters --held lists what waits"
        )
    drafts = outbox.notices_of(connection, name) if row is not None else outbox.unsent_by_key(connection, name)
    if drafts and not hidden_among(connection, [draft.case_ref for draft in drafts]):
        return [Target(draft.case_ref, draft) for draft in drafts]
    try:
        return [Target(find_case(connection, context.cipher, name), None)]
    except SeveralCases:
        raise
    except NoSuchCase:
        raise NothingToHold(
            "no case, e-mail or notice of that name waits: sendflow letters --held lists what waits"
        ) from None
