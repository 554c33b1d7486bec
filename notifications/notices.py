"""Work out the notices of a fact: which recipient gets which letter about which duty. Recheck a notice later. Pure.

The notices of a fact are written in the fact's own transaction, so none is lost. They are rechecked before a letter
leaves, because an answer may have come since. The escalation policy (local) says which fact needs which letter, and the
template says what the letter contains. This module names no process and decides no date.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from enum import StrEnum
from itertools import islice
from operator import attrgetter
from typing import Any, NamedTuple

from config.escalation_policy import EscalationStep
from deadlines.duties import Duty
from deadlines.escalation import contacts, steps_due
from models.casefile import CaseFile
from models.common_facts import CORRECTIONS, ESCALATION_FACTS
from models.enums import NoticeState, Party
from models.facts import StoredFact, iso
from notifications.ended_duties import AGAIN, TAKEN_BACK, Ending, endings, late_endings, taken_back
from notifications.letter_fields import WITHDRAWAL, CaseView, fields_of
from notifications.render import newest
from statemachines.registry import unnamed_states

DIGEST = "digest"
RECEIPT = "reply_receipt"
BEGAN = "chasing_began"
# Raise this number when the same facts come to need other notices (a test compares). Verification then checks notices
# only of facts recorded under the new number.
RECIPIENTS_VERSION = 1


class NoticeDraft(NamedTuple):
    """One message to one recipient about one duty. `rank` 0 is not an escalation; `on` is the day of its fact."""

    key: str
    case_ref: str
    fact_seq: int
    rule: str
    body: str | None
    service: str | None
    opened_seq: int
    due: date | None
    rung: str
    rank: int
    template: str
    recipient: str
    mailbox: str | None
    on: date
    fields: dict[str, Any]
    state: NoticeState


class StillNeeded(StrEnum):
    """Whether a notice is still needed: yes; no, for good; or not today, because a person paused the reminders."""

    YES = "yes"
    NO = "no"
    PAUSED = "paused"


ENDED_SEQ = attrgetter("ended_seq")


def notices_for(facts: Sequence[StoredFact], view: CaseView, as_at: date, *, local_sink: bool) -> list[NoticeDraft]:
    """Return the notices that the new facts of one case need; the case file and duties of `view` include those facts.

    If several steps of one duty become due together, a mailbox gets the highest one addressed to it and the lower ones
    are superseded. Letters of a first import leave at once only if a local SMTP server receives them. Raises
    OutsideCalendarRange beyond the working-day calendar.
    """
    casefile, ladder = view.casefile, view.ladder
    ended = set(map(ENDED_SEQ, view.duties))
    notices: list[NoticeDraft] = []
    for fact in facts:
        if fact.kind in ESCALATION_FACTS:
            notices += _for_step(view, fact)
        elif fact.kind == BEGAN:
            notices += _for_first_import(view, fact, as_at, NoticeState.CREATED if local_sink else NoticeState.HELD)
        elif fact.kind == WITHDRAWAL:
            notices += _for_withdrawal(view, fact, (data for _, data in casefile.notified))
        else:
            if fact.kind in ladder.letter and fact.via != "import":
                notices += _for_event(view, fact)
            if fact.kind in CORRECTIONS:
                again = taken_back(casefile, view.duties, ladder, fact)
                notices += [*_for_other_body(view, fact), *(_for_taken_back(view, fact, *one) for one in again)]
            if fact.kind in CORRECTIONS or fact.seq in ended:
                over = endings(casefile, view.duties, ladder, view.directory, fact)
                notices += [_for_ending(view, one) for one in over]
    return _highest_only(notices)


class Message(NamedTuple):
    """What a notice says: the step or event (`rung`), its rank, its template, and what ends its key."""

    rung: str
    rank: int
    template: str
    suffix: str = ""
    state: NoticeState = NoticeState.CREATED


def _for_step(view: CaseView, fact: StoredFact) -> list[NoticeDraft]:
    rule, step_id = str(fact.data["rule"]), str(fact.data["rung"])
    step = view.ladder.step(rule, step_id)
    duty = view.duty(rule, int(fact.data["opened_seq"]))
    if step is None or duty is None or duty.closed_on is not None:
        return []
    same_step = (rule, duty.opened_seq, step_id, duty.due)
    earlier = sum(
        1
        for each in view.casefile.steps_recorded.values()
        if each.withdrawn and each.seq < fact.seq and (each.rule, each.opened_seq, each.rung, each.due) == same_step
    )
    message = Message(step.id, step.rank, step.template, f"/{earlier + 1}" if earlier else "")
    return [_draft(view, fact, duty, party, message) for party in view.posts(duty, step)]


def _for_first_import(view: CaseView, fact: StoredFact, as_at: date, state: NoticeState) -> list[NoticeDraft]:
    notices: list[NoticeDraft] = []
    for duty in view.duties:
        steps = view.ladder.steps(duty.rule)
        if not steps or not duty.may_be_chased or duty.closed_on is not None or duty.excuse is not None:
            continue
        if not duty.imported or duty.opened_seq > fact.seq:
            continue
        highest: dict[Party, EscalationStep] = {}
        for step, _ in steps_due(duty, steps, view.calendar, as_at):
            if not _answered_by_contact(view.casefile, duty, step):
                highest |= dict.fromkeys(view.posts(duty, step), step)
        notices += [
            _draft(view, fact, duty, party, Message(step.id, step.rank, DIGEST, state=state))
            for party, step in highest.items()
        ]
    return notices


def _for_event(view: CaseView, fact: StoredFact) -> list[NoticeDraft]:
    letter = view.ladder.letter[fact.kind]
    notices: list[NoticeDraft] = []
    # The one or two duties that the fact met or opened, before what costs more is asked of each.
    if newest(letter.template).called_for == "met":
        concerned = [duty for duty in view.duties if duty.met_seq == fact.seq]
    else:
        concerned = [
            duty
            for duty in view.duties
            if duty.closed_on is None and (duty.opened_seq == fact.seq or _supplies_day(duty, fact))
        ]
    for duty in concerned:
        if not duty.may_be_chased or duty.provisional or not view.ladder.steps(duty.rule):
            continue
        # Advice that was returned and arrives again gets another letter of thanks.
        suffix = f"/{duty.reopened + 1}" if duty.reopened else ""
        message = Message(letter.rung, 0, letter.template_for.get(duty.rule, letter.template), suffix)
        written = {Party.PARTY for draft in notices if draft.recipient == Party.PARTY}  # one letter for one fact
        parties = (party for party in view.posts(duty, letter) if party not in written)
        notices += [_draft(view, fact, duty, party, message) for party in parties]
    return notices


def _for_other_body(view: CaseView, fact: StoredFact) -> list[NoticeDraft]:
    """The letters of a request that a correction says was made of another body or service: that one gets its own."""
    if fact.kind != "fact_corrected" or fact.data.keys().isdisjoint(("body", "service")):
        return []
    notices: list[NoticeDraft] = []
    for duty in view.duties:
        opening = next((each for each in view.casefile.lines if each.seq == duty.opened_seq), None)
        letter = view.ladder.letter.get(opening.kind) if opening is not None else None
        if fact.corrects != duty.opened_seq or letter is None or duty.closed_on is not None or duty.provisional:
            continue
        asked = any(
            (data["opened_seq"], data.get("body"), data.get("service")) == (duty.opened_seq, duty.body, duty.service)
            for _seq, data in view.casefile.notified
        )
        if view.ladder.steps(duty.rule) and duty.may_be_chased and not asked:
            template = letter.template_for.get(duty.rule, letter.template)
            message = Message(letter.rung, 0, template, f"/{fact.seq}")
            notices += [_draft(view, fact, duty, party, message) for party in view.posts(duty, letter)]
    return notices


def _for_taken_back(view: CaseView, fact: StoredFact, letter: Mapping[str, Any], template: str) -> NoticeDraft:
    """The letter that takes back a letter about a request, to the recipient of that letter."""
    rule, opened_seq, recipient = str(letter["rule"]), int(letter["opened_seq"]), str(letter["recipient"])
    body, service, due = letter.get("body"), letter.get("service"), date.fromisoformat(str(letter["due"]))
    duty = view.duty(rule, opened_seq)
    now = {"due_now": iso(duty.due)} if duty is not None and duty.due is not None else {}
    case_ref = view.casefile.case_ref
    return NoticeDraft(
        key=_key(case_ref, rule, body, opened_seq, due, TAKEN_BACK, recipient, fact.seq),
        case_ref=case_ref,
        fact_seq=fact.seq,
        rule=rule,
        body=body,
        service=service,
        opened_seq=opened_seq,
        due=due,
        rung=TAKEN_BACK,
        rank=0,
        template=template,
        recipient=recipient,
        mailbox=view.mailbox(rule, (body, service), Party(recipient), fact.occurred_on),
        on=fact.occurred_on,
        fields=fields_of(view, duty, {**letter, **now}, recipient, template),
        state=NoticeState.CREATED,
    )


def _supplies_day(duty: Duty, fact: StoredFact) -> bool:
    """Whether a fact gives the day of a duty that another fact opened, such as the day of a mediation."""
    return any(fact.kind in day.told_by for day in duty.law.inputs.values())


def _for_ending(view: CaseView, ending: Ending) -> NoticeDraft:
    message = Message(ending.rung, 0, ending.template, f"/{ending.fact.seq}")
    return _draft(view, ending.fact, ending.duty, ending.party, message)


def _for_withdrawal(view: CaseView, fact: StoredFact, sent: Iterable[Mapping[str, Any]]) -> list[NoticeDraft]:
    """A correction to each recipient of the withdrawn step. `_highest_only` leaves one for each mailbox."""
    data = fact.data
    case_ref, rule, opened_seq = view.casefile.case_ref, str(data["rule"]), int(data["opened_seq"])
    body, service, due = data.get("body"), data.get("service"), date.fromisoformat(str(data["due"]))
    step = view.ladder.step(rule, str(data["rung"]))
    template = step.withdrawal if step else WITHDRAWAL
    duty = view.duty(rule, opened_seq)
    recipients = dict.fromkeys(str(each["recipient"]) for each in sent if each.get("rung_seq") == data["rung_seq"])
    return [
        NoticeDraft(
            key=_key(case_ref, rule, body, opened_seq, due, WITHDRAWAL, recipient, data["rung_seq"]),
            case_ref=case_ref,
            fact_seq=fact.seq,
            rule=rule,
            body=body,
            service=service,
            opened_seq=opened_seq,
            due=due,
            rung=WITHDRAWAL,
            rank=step.rank if step else 0,
            template=template,
            recipient=recipient,
            mailbox=view.mailbox(rule, (body, service), Party(recipient), fact.occurred_on),
            on=fact.occurred_on,
            fields=fields_of(view, duty, data, recipient, template),
            state=NoticeState.CREATED,
        )
        for recipient in recipients
    ]


def late_corrections(view: CaseView, sent: Mapping[str, Any]) -> list[NoticeDraft]:
    """The corrections to a letter that was already leaving when its content became false.

    Its step was being withdrawn, its duty had ended, or the end that it reported had been corrected. `sent` holds the
    data of its `notice_sent` fact.
    """
    corrections = (fact for fact in reversed(view.casefile.lines) if fact.kind in CORRECTIONS)
    owed = [
        _for_taken_back(view, fact, letter, template)
        for fact in islice(corrections, 1)
        for letter, template in taken_back(view.casefile, view.duties, view.ladder, fact)
        if letter == sent
    ]
    owed += [
        draft
        for fact in view.casefile.lines
        if fact.kind == WITHDRAWAL and fact.data.get("rung_seq") == sent.get("rung_seq")
        for draft in _for_withdrawal(view, fact, [sent])
    ]
    duty = view.duty(str(sent["rule"]), int(sent["opened_seq"]))
    if duty is not None:
        over = late_endings(view.casefile, duty, view.ladder, view.directory, str(sent["rung"]))
        owed += [_for_ending(view, one) for one in over]
    return owed


def _highest_only(drafts: Sequence[NoticeDraft]) -> list[NoticeDraft]:
    """Of several steps, or several withdrawals, of one duty to one mailbox, only the highest is not superseded."""
    if len(drafts) < 2:
        return list(drafts)
    top: dict[tuple[object, ...], int] = {}
    for draft in drafts:
        group = _group(draft)
        top[group] = max(top.get(group, 0), draft.rank)
    return [
        draft._replace(state=NoticeState.SUPERSEDED) if draft.rank < top[_group(draft)] else draft for draft in drafts
    ]


def _group(draft: NoticeDraft) -> tuple[object, ...]:
    kind = draft.rung if draft.rung == WITHDRAWAL or draft.rank == 0 else "rung"
    return (draft.rule, draft.opened_seq, draft.mailbox or draft.recipient, kind)


def still_needed(view: CaseView, draft: NoticeDraft, as_at: date) -> StillNeeded:
    """Whether a notice is still needed on `as_at`: duty open, same due date, step in force, no pause.

    None is needed of a case in a state in which nothing names it.
    """
    if draft.recipient == Party.PARTY and not _newest_to_the_party(view, draft):
        return StillNeeded.NO
    if view.casefile.state in unnamed_states().get(view.casefile.process, ()):
        return StillNeeded.NO
    return _needed_by_its_duty(view, draft, as_at)


def _needed_by_its_duty(view: CaseView, draft: NoticeDraft, as_at: date) -> StillNeeded:
    wanted = newest(draft.fields["letter"]).called_for
    if wanted == "always" or draft.rung == RECEIPT:
        undone = draft.rung == RECEIPT and all(fact.seq != draft.fact_seq for fact in view.casefile.lines)
        return StillNeeded.NO if undone else StillNeeded.YES
    duty = view.duty(draft.rule, draft.opened_seq)
    if duty is None or (wanted == "open" and (duty.body, duty.service) != (draft.body, draft.service)):
        return StillNeeded.NO
    if wanted in ("met", "ended"):
        closed_by = duty.met_seq if wanted == "met" else None if duty.met_on is not None else duty.ended_seq
        return StillNeeded.YES if closed_by == draft.fact_seq else StillNeeded.NO
    if duty.closed_on is not None:
        return StillNeeded.NO
    if draft.rank == 0:
        # A letter about a day is cancelled with that day; a letter about a request stays, with the day it has by then.
        in_force = draft.fact_seq == duty.opened_seq or draft.rung == AGAIN or duty.due == draft.due
        return StillNeeded.YES if in_force else StillNeeded.NO
    return _step_still_needed(view, draft, duty, as_at)


def _newest_to_the_party(view: CaseView, draft: NoticeDraft) -> bool:
    """Whether the party outside wants letters, and no later fact has a letter that says more than this one."""
    to_party = {kind for kind, letter in view.ladder.letter.items() if Party.PARTY in letter.to}
    later = any(fact.seq > draft.fact_seq and fact.kind in to_party for fact in view.casefile.lines)
    return view.knows_the_party and not later


def _step_still_needed(view: CaseView, draft: NoticeDraft, duty: Duty, as_at: date) -> StillNeeded:
    if not _step_in_force(view, draft, duty, as_at):
        return StillNeeded.NO
    return StillNeeded.PAUSED if paused_until(view.casefile, duty, as_at) else StillNeeded.YES


def paused_until(casefile: CaseFile, about: Duty | NoticeDraft, as_at: date) -> date | None:
    """The last day of the pause in reminders that covers `as_at` for a duty, if one was recorded."""
    pauses = casefile.pauses
    return max(
        (pause.until for pause in pauses if pause.covers(as_at, about.body, about.rule, about.opened_seq)), default=None
    )


def _step_in_force(view: CaseView, draft: NoticeDraft, duty: Duty, as_at: date) -> bool:
    recorded = view.casefile.steps_recorded.get(draft.fact_seq)
    step = view.ladder.step(draft.rule, draft.rung)
    if duty.excuse is not None or (step is not None and _answered_by_contact(view.casefile, duty, step)):
        return False
    if recorded is not None:
        return not recorded.withdrawn and duty.due == draft.due
    # A first import has no fact for each step that it covers: the step must still be due by today's due date.
    due_steps = steps_due(duty, view.ladder.steps(draft.rule), view.calendar, as_at)
    return any(step.id == draft.rung for step, _ in due_steps)


def _answered_by_contact(casefile: CaseFile, duty: Duty, step: EscalationStep) -> bool:
    return step.unless == "contact" and bool(contacts(casefile, duty))


def current_fields(view: CaseView, draft: NoticeDraft) -> dict[str, Any]:
    """The fields of the notice now, including facts that were recorded after it was written."""
    duty = view.duty(draft.rule, draft.opened_seq)
    about = next((fact.data for fact in view.casefile.lines if fact.seq == draft.fact_seq), {})
    if draft.rung in (TAKEN_BACK, RECEIPT) or (duty is None and draft.rung != WITHDRAWAL):
        return draft.fields
    return fields_of(view, duty, about if draft.rung == WITHDRAWAL else {}, draft.recipient, draft.fields["letter"])


def _draft(view: CaseView, fact: StoredFact, duty: Duty, party: Party, message: Message) -> NoticeDraft:
    case_ref, letter = view.casefile.case_ref, message.template
    if letter == DIGEST:
        step = view.ladder.step(duty.rule, message.rung)
        letter = step.template if step is not None else DIGEST
    key = _key(case_ref, duty.rule, duty.body, duty.opened_seq, duty.due, message.rung, party)
    return NoticeDraft(
        key=key + message.suffix,
        case_ref=case_ref,
        fact_seq=fact.seq,
        rule=duty.rule,
        body=duty.body,
        service=duty.service,
        opened_seq=duty.opened_seq,
        due=duty.due,
        rung=message.rung,
        rank=message.rank,
        template=message.template,
        recipient=party,
        mailbox=view.mailbox(duty.rule, (duty.body, duty.service), party, fact.occurred_on),
        on=fact.occurred_on,
        fields=fields_of(view, duty, {}, party, letter),
        state=message.state,
    )


def receipt_for(
    view: CaseView, fact: StoredFact, duty: Duty, party: Party, mailbox: str, replied: Mapping[str, str]
) -> NoticeDraft:
    """The notice that confirms to a mailbox what was recorded from its answer, which `replied` has in words."""
    made = _draft(view, fact, duty, party, Message(RECEIPT, 0, RECEIPT, f"/{fact.seq}"))
    return made._replace(mailbox=mailbox, on=fact.occurred_on, fields={**made.fields, "replied": dict(replied)})


def _key(*columns: str | int | date | None) -> str:
    """Return the key of a notice: case, rule, body, opening fact, due date, step, recipient, distinction."""
    return "/".join([iso(each) if isinstance(each, date) else str(each or "-") for each in columns])
