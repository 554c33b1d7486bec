"""The daily digest to the Designated Clinical Officer: late duties, duties due soon, what needs a person, and the head
of the ledger.

It is one e-mail each morning from which the team starts its day: numbers, decisions each with what it is about, then
the providers that are late, on one screen (decision 190). The words of a claim are confidential and never in it. The
ledger head in it is a checkpoint outside the installation. sendflow sends it to its own team, so it leaves on any day
at any hour. It includes the notices that wait for the same mailbox, so that the DCO too has one message a day. If no
sweep has finished, its first sentence says so.
"""

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import IntegrityError

from casework import published_heads
from casework.access.seen import as_seen_by
from casework.cases.loaded_case import UNREADABLE
from casework.cases.of_the_child import withheld_cases
from casework.context import LONDON, AppContext
from casework.delivery import compose
from casework.delivery.addresses import readdress
from casework.delivery.checkpoint import check_heads, head_fields
from casework.delivery.compose import LetterContent
from casework.delivery.deliverer import Deliverer
from casework.delivery.lease import (
    DeliveryRun,
    cancel_letter,
    lease_as_stored,
    lease_new,
)
from casework.delivery.send import send
from casework.delivery.transports import transports
from casework.job_runs import last_ripe_count, last_sweep_had_problems, record_job_run
from casework.proof import sequencer
from casework.replies.links import forget_expired
from casework.reports.for_a_person import DAILY_DIGEST, exceptions_for_a_person, letters_for_a_person
from casework.reports.withheld import waiting_for_release
from casework.reports.worklists import BoardRow, overdue, week
from casework.steps import Step, run_step
from casework.sweep import WrongDay
from casework.to_decide import ALIKE, DUPLICATE, REFUSED_ROW, WaitingItem, waiting
from models.database import reading, transact, writing
from models.enums import LetterState, NoticeState
from models.incoming_mail import count_waiting_mails
from models.locks import LEDGER, lock_exclusive
from models.owner import OwnerKind
from models.tables import FACT, JOB_RUN, LETTER
from notifications import outbox
from notifications.outbox import LeasedLetter
from notifications.render import newest
from notifications.transport import Transport

DAY, WEEK = timedelta(days=1), timedelta(days=7)
MOST, PROVIDERS = 5, 5  # lines of decisions and of owners: the digest is one screen
# Whose duties that sendflow does not chase are counted, in this order.
NOT_CHASED = (OwnerKind.AUTHORITY, OwnerKind.SERVICE, OwnerKind.TEAM, OwnerKind.OTHER)


class DigestReport(BaseModel):
    """One day's digest: its letter and the letter's state, its counts, and the ledger head in it. `alert`: no sweep
    finished on that day or the day before. `findings` counts the open findings: if there are any, no head was published
    and `head` is the last good one, empty if there is none.
    """

    model_config = ConfigDict(frozen=True)
    as_at: date
    letter: str
    state: str
    late: int
    soon: int
    person: int
    alert: bool
    head: str
    cases: int
    facts: int
    before: str
    findings: int = 0
    simulation: bool = False


def digest(
    context: AppContext, as_at: date | None = None, run: str | None = None, transport: Transport | None = None
) -> DigestReport:
    """Write and send the digest of `as_at` (default: today), once a day however often it runs.

    Raises WrongDay for a future day, and RulesetMismatch if the database's active rule set is another.
    """
    today = context.today()
    as_at = as_at or today
    if as_at > today:
        raise WrongDay(
            f"a digest is for today or an earlier day: expected {today.isoformat()} or before, for example --as-at"
            f" {today.isoformat()}"
        )
    context.ensure_ruleset_active("digest")
    check_heads(context, "digest")
    sequencer.sequence(context)
    with Deliverer() as deliverer, transports(context, transport, at_once=True) as carrying:
        delivery_run = DeliveryRun(context, deliverer, run, True, carrying)
        try:
            letter = transact(context.engine, partial(_lease, delivery_run, as_at))
        except IntegrityError:
            letter = None  # another run wrote this day's digest at the same moment
        if letter is not None:
            run_step(Step(f"digest by {context.settings.carrier.in_words}"), partial(send, delivery_run, letter))
    with writing(context.engine) as connection:
        row = connection.execute(select(LETTER).where(LETTER.c.id == _id(as_at))).one()
        report = _report(as_at, row)
        counts = f"{report.late} late, {report.soon} soon, {report.person} for a person"
        record_job_run(connection, context, "digest", as_at, report.state, counts)
        forget_expired(connection, context.now())
    if not report.findings:
        with reading(context.engine) as connection:
            published_heads.note(context, connection)
    return report


def _id(as_at: date) -> str:
    return f"digest-{as_at:%Y%m%d}"


def _report(as_at: date, row: Any) -> DigestReport:
    fields = outbox.stored_fields(row.fields)
    return DigestReport(
        as_at=as_at,
        letter=row.id,
        state=row.state,
        late=fields["late_count"],
        soon=fields["soon_count"],
        person=fields["person_count"],
        alert=fields["alert"] is not None,
        findings=fields.get("findings", 0),
        simulation=fields.get("simulation", False),
        **fields["head"],
    )


def _lease(run: DeliveryRun, as_at: date, connection: Connection) -> LeasedLetter | None:
    """Lease the day's digest: a new one, or one that did not leave yet. None: it left, or another run has it."""
    lock_exclusive(connection, f"mailbox/{run.context.directory.dco}")
    row = connection.execute(select(LETTER).where(LETTER.c.id == _id(as_at))).first()
    if row is not None:
        return lease_as_stored(run, connection, row)
    lock_exclusive(connection, LEDGER)
    _cancel_earlier_digests(connection)
    readdress(run.context, connection, as_at)
    return _write(run, connection, as_at)


def _cancel_earlier_digests(connection: Connection) -> None:
    """Cancel digests of earlier days that never left: today's digest includes their notices."""
    waiting = select(LETTER.c.id).where(LETTER.c.template == DAILY_DIGEST, LETTER.c.state == LetterState.WAITING)
    for id_ in list(connection.scalars(waiting)):
        keys = [draft.key for draft in outbox.notices_of(connection, id_)]
        outbox.change_state(connection, keys, (NoticeState.CLAIMED,), NoticeState.CREATED)
        cancel_letter(connection, id_)


def _write(run: DeliveryRun, connection: Connection, as_at: date) -> LeasedLetter:
    context, mailbox = run.context, run.context.directory.dco
    try:
        result = compose.recheck(run.unit(connection), outbox.created_for(connection, mailbox, as_at), as_at)
    except UNREADABLE:
        result = compose.RecheckResult()  # the digest leaves without its notices, and the next delivery names them
    items = compose.items_of(result.needed)
    fields = {
        **compose.common_fields(context, as_at),
        **_fields(context, connection, as_at, items),
        **({"simulation": True} if context.simulated else {}),
        "items": items,
    }
    content = LetterContent(DAILY_DIGEST, newest(DAILY_DIGEST).version, fields)
    letter = lease_new(run, connection, mailbox, _id(as_at), content, result.needed)
    compose.apply_recheck(connection, result, letter.id)
    return letter


def _fields(
    context: AppContext, connection: Connection, as_at: date, items: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The fields of the digest, which leaves sendflow: nothing of a restricted case is in them, or counted. `items` are
    its notices: each that asks for something is a decision.
    """
    seen = as_seen_by(context, None)
    late, soon = overdue(seen, as_at), week(seen, as_at)
    with reading(seen.engine) as shown_to_all:
        claims, look_again = exceptions_for_a_person(seen, shown_to_all, as_at)
        letters = letters_for_a_person(shown_to_all, as_at)
        held, held_mailboxes = outbox.count_held(shown_to_all)
        left, mails = waiting(seen, shown_to_all, as_at), count_waiting_mails(shown_to_all)
        withheld = waiting_for_release(seen, shown_to_all, as_at)
        unnamed = withheld_cases(shown_to_all)
    troubled = last_sweep_had_problems(connection)
    escalated = {item["duty"] for item in items if newest(item["template"]).called_for == "open"}
    found = [*(("claims", each) for each in claims), *(("letters", each) for each in letters)]
    found += [("look_again", each) for each in look_again]
    shown: dict[str, list[dict[str, Any]]] = {"claims": [], "letters": [], "look_again": []}
    may_name = [(name, each) for name, each in found if each.get("ref") not in unnamed]
    for name, each in may_name[:MOST]:
        shown[name].append(each)
    waits = _left(context, left, unnamed)
    not_shown = len(left) - waits["refused_rows"] - sum(len(waits[name]) for name in ("duplicates", "alike", "answers"))
    return {
        **_counts("late", late),
        **_counts("soon", soon),
        **_providers(context, late, soon),
        "not_chased": _not_chased(late, soon),
        **shown,
        "person_count": len(found) + len(withheld) + len(escalated) + len(left) + mails + bool(held) + troubled,
        "more_for_person": len(found) - len(may_name[:MOST]) + len(withheld) + not_shown,
        "mails": mails,
        "held": held,
        "held_mailboxes": held_mailboxes,
        **waits,
        "retention": _retention(connection),
        "troubled": troubled,
        "alert": _alert(context, connection, as_at),
        **head_fields(context, connection),
        "almanac_ends": context.calendar.last.isoformat() if as_at >= date(context.calendar.last.year, 7, 1) else None,
    }


def _left(context: AppContext, waiting: Sequence[WaitingItem], unnamed: Container[str]) -> dict[str, Any]:
    """What acts left for a person: how many refused rows, the cases that are too many for one child, those that are
    perhaps of one child, and the replies of bodies on which a person acts.
    """
    named = [each for each in waiting if not any(ref in unnamed for ref in each.cases)]
    return {
        "refused_rows": sum(each.kind == REFUSED_ROW for each in waiting),
        "duplicates": [{"refs": each.cases} for each in named if each.kind == DUPLICATE][:MOST],
        "alike": [{"refs": each.cases} for each in named if each.kind == ALIKE][:MOST],
        "answers": [_answer(context, each) for each in named if each.reply is not None][:MOST],
    }


def _retention(connection: Connection) -> dict[str, Any] | None:
    """How many records were past retention when they were last counted; None if none of them may be erased."""
    counted = last_ripe_count(connection)
    if counted is None or not counted.free:
        return None
    return {"on": counted.as_at.isoformat(), "ripe": counted.ripe, "free": counted.free}


def _answer(context: AppContext, each: WaitingItem) -> dict[str, Any]:
    reply, directory = each.reply, context.directory
    assert reply is not None
    service = directory.service_name(reply.service) if reply.service else None
    there = directory.service_name(reply.to_service) if reply.to_service else None
    about = {"ref": each.cases[0], "la_ref": reply.la_reference, "said": reply.said, "on": reply.on.isoformat()}
    return {**about, "service": service, "body": directory.body(reply.body).name, "to": there}


def _counts(name: str, rows: Sequence[BoardRow]) -> dict[str, int]:
    """How many duties sendflow chases, and (`la_`, the word of earlier versions) how many it does not."""
    ours = sum(row.chased for row in rows)
    return {f"{name}_count": ours, f"la_{name}": len(rows) - ours}


def _not_chased(late: Sequence[BoardRow], soon: Sequence[BoardRow]) -> list[dict[str, Any]]:
    """How many duties that sendflow does not chase are late and fall due, by the kind of their owner."""
    lines: dict[OwnerKind, Counter[str]] = {kind: Counter() for kind in NOT_CHASED}
    for rows, name in ((late, "late"), (soon, "soon")):
        for row in rows:
            if not row.chased:
                kind = OwnerKind(row.owner.kind) if row.owner is not None else OwnerKind.OTHER
                lines[OwnerKind.OTHER if kind is OwnerKind.PARTY else kind][name] += 1
    return [{"kind": str(kind), "late": line["late"], "soon": line["soon"]} for kind, line in lines.items() if line]


def _owner_name(context: AppContext, row: BoardRow) -> str:
    """Who owes a duty that is chased, as the table of the digest names it."""
    if row.body is not None:
        return row.body_name or row.body
    kind = row.owner.kind if row.owner is not None else OwnerKind.OTHER
    if kind == OwnerKind.AUTHORITY and row.la is not None:
        return context.directory.la_name(row.la)
    return "Our own team" if kind == OwnerKind.TEAM else "Others"


def _providers(context: AppContext, late: Sequence[BoardRow], soon: Sequence[BoardRow]) -> dict[str, Any]:
    """A line for each owner of duties that are chased: how many are late, the longest of them, and how many fall due.
    The owner with the most late duties is first.
    """
    lines: dict[str, dict[str, Any]] = {}
    for rows, name in ((late, "late"), (soon, "soon")):
        for row in rows:
            if row.chased:
                body = _owner_name(context, row)
                line = lines.setdefault(body, {"body": body, "late": 0, "soon": 0, "longest": 0, "ref": row.case_ref})
                line[name] += 1
                if name == "late" and row.days > line["longest"]:
                    line |= {"longest": row.days, "ref": row.case_ref}
    ordered = sorted(lines.values(), key=lambda line: (-line["late"], -line["soon"], line["body"]))
    return {"providers": ordered[:PROVIDERS], "more_providers": len(ordered[PROVIDERS:])}


def _alert(context: AppContext, connection: Connection, as_at: date) -> dict[str, Any] | None:
    """The day of the last finished sweep, if none finished on this day or the day before. None if all is well, or if
    the database is empty.
    """
    last = connection.scalar(select(func.max(JOB_RUN.c.finished_at)).where(JOB_RUN.c.act == "sweep"))
    if last is None:
        return {"last": None} if connection.scalar(select(FACT.c.seq).limit(1)) is not None else None
    day = _london_day(last)
    return {"last": day.isoformat()} if day < as_at - DAY else None


def _london_day(moment: str) -> date:
    return datetime.fromisoformat(moment).astimezone(LONDON).date()
