"""What goes into a letter: the mailbox's notices, asked again whether they are still called for, as one message, worst
first.

Everything happens inside the caller's transaction and with the caller's desk, so that the cases are read as they stand
at the claim.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection

from casework.cases.unit_of_work import UNREADABLE, LoadedCase, UnitOfWork, open_readable
from casework.context import AppContext
from models.enums import NoticeState
from models.facts import canonical
from notifications import outbox
from notifications.ended_duties import AGAIN
from notifications.notices import DIGEST, WITHDRAWAL, NoticeDraft, Verdict, View, paused_until, refreshed, verdict
from notifications.render import newest

DAY = timedelta(days=1)
WORTH = {"open": 0, "always": 1, "ended": 2, "met": 3}


@dataclass(slots=True)
class Asked:
    """Notices sorted by what is to become of them. `left` are asked again on the day given: their case cannot be read,
    or is paused.
    """

    called_for: list[NoticeDraft] = field(default_factory=list)
    withdrawn: list[NoticeDraft] = field(default_factory=list)
    superseded: list[NoticeDraft] = field(default_factory=list)
    left: dict[str, date] = field(default_factory=dict)


def view_of(context: AppContext, work: LoadedCase) -> View:
    """What notices of a case are worked out from."""
    return View(context.ladder, context.directory, context.almanac, work.file, work.duties)


def ask(unit: UnitOfWork, drafts: Sequence[NoticeDraft], today: date) -> Asked:
    """Asks of each notice whether it is still called for, and freshens the fields of those that are.

    Of several rungs of one duty the highest stays, also against what the mailbox has been told before. A case that
    cannot be read leaves its notices where they are: verify names it, and nobody is told anything on a guess.
    """
    asked = Asked()
    works = open_readable(unit, {draft.case_ref for draft in drafts})
    for draft in drafts:
        work = works.get(draft.case_ref)
        if work is None or not work.lines:
            asked.left[draft.key] = today + DAY
            continue
        view = view_of(unit.context, work)
        try:
            answer = verdict(view, draft, today)
            fresh = draft._replace(fields=refreshed(view, draft)) if answer is Verdict.CALLED_FOR else draft
        except UNREADABLE:
            asked.left[draft.key] = today + DAY
            continue
        if answer is Verdict.PAUSED:
            asked.left[draft.key] = (paused_until(view.casefile, draft.body, today) or today) + DAY
        else:
            (asked.called_for if answer is Verdict.CALLED_FOR else asked.withdrawn).append(fresh)
    _supersede(
        asked, [told for told in outbox.told_of(unit.connection, asked.called_for) if not _taken_back(works, told)]
    )
    return asked


def _taken_back(works: Mapping[str, LoadedCase], told: outbox.Told) -> bool:
    rung = works[told.case_ref].file.rungs.get(told.fact_seq)
    return rung is not None and rung.withdrawn


def _supersede(asked: Asked, told: Iterable[outbox.Told]) -> None:
    highest: dict[tuple[str, str, int, date | None], int] = {}
    for one in told:
        highest[_duty(one)] = max(highest.get(_duty(one), 0), one.rank)
    chasing = [
        draft
        for draft in asked.called_for
        if draft.rung not in (WITHDRAWAL, AGAIN) and newest(draft.fields["letter"]).called_for == "open"
    ]
    for draft in chasing:
        highest[_duty(draft)] = max(highest.get(_duty(draft), 0), draft.rank)
    gone = {draft.key for draft in chasing if draft.rank < highest[_duty(draft)]}
    asked.superseded = [draft for draft in asked.called_for if draft.key in gone]
    asked.called_for = [draft for draft in asked.called_for if draft.key not in gone]


def _duty(draft: NoticeDraft | outbox.Told) -> tuple[str, str, int, date | None]:
    return (draft.case_ref, draft.rule, draft.opened_seq, draft.due)


def settle(connection: Connection, asked: Asked, letter: str | None) -> bool:
    """Writes what became of notices that will not be in the letter, and takes the others into it; False where another
    run was first.
    """
    open_states = (NoticeState.CREATED, NoticeState.CLAIMED)
    outbox.move(connection, [draft.key for draft in asked.withdrawn], open_states, NoticeState.WITHDRAWN)
    outbox.move(connection, [draft.key for draft in asked.superseded], open_states, NoticeState.SUPERSEDED)
    outbox.move(connection, asked.left, open_states, NoticeState.CREATED)
    outbox.put_off(connection, asked.left)
    taken = outbox.move(connection, [draft.key for draft in asked.called_for], open_states, NoticeState.CLAIMED, letter)
    outbox.keep_fields(connection, {draft.key: canonical(draft.fields).decode() for draft in asked.called_for})
    return taken == len(asked.called_for)


def common_fields(context: AppContext, today: date) -> dict[str, Any]:
    """What every letter says of the house: its day, the office, where a reply goes."""
    icb = context.directory.icb
    return {
        "on": today.isoformat(),
        "first": False,
        "dco": {"office": office(context), "mailbox": icb.dco, "icb": icb.name},
    }


def office(context: AppContext) -> str:
    """How the sender is called in letters."""
    return f"Designated Clinical Officer's team, {context.directory.icb.name}"


def compose(
    context: AppContext, drafts: Sequence[NoticeDraft], today: date, known: bool = False
) -> tuple[str, int, dict[str, Any]]:
    """The template, its version and the fields of one letter: a notice of its own, or several worst first in the
    digest's form.

    `known`: its mailbox has had a letter before, and is not told what this house is.
    """
    common = common_fields(context, today)
    if len(drafts) == 1 and drafts[0].template != DIGEST:
        template = newest(drafts[0].fields["letter"])
        return template.id, template.version, {**drafts[0].fields, **common}
    common["first"] = not known and any(draft.template == DIGEST for draft in drafts)
    return DIGEST, newest(DIGEST).version, {**common, "items": items_of(drafts)}


def items_of(drafts: Sequence[NoticeDraft]) -> list[dict[str, Any]]:
    """The notices as parts of a longer letter: those that ask for something first, the highest rung and the oldest date
    before others.
    """
    ordered = sorted(drafts, key=_worst_first)
    return [
        {"template": one.fields["letter"], "version": newest(one.fields["letter"]).version, "fields": one.fields}
        for one in ordered
    ]


def _worst_first(draft: NoticeDraft) -> tuple[int, int, str, str]:
    return (WORTH[newest(draft.fields["letter"]).called_for], -draft.rank, str(draft.fields["due"] or ""), draft.key)


def letter_stem(mailbox: str, today: date) -> str:
    """A letter's id: its day and a digest of the mailbox, so that one mailbox has one letter a day and a file name says
    no address.
    """
    return f"{today:%Y%m%d}-{hashlib.sha256(mailbox.encode()).hexdigest()[:10]}"
