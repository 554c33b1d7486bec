"""One line of facts and e-mails: when each happened, when it was recorded, by whom, and what corrected it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cache
from itertools import groupby
from typing import Any, NamedTuple

from casework.context import london_day
from casework.privacy.case_looks import Look
from casework.reports.case_letters import CaseLetter
from casework.reports.case_models import CaseReport, Cause, FactShown
from config.escalation_policy import EscalationPolicy
from config.step_words import step_name
from models.common_facts import CORRECTIONS, ENGINE_ONLY, OUTCOMES
from models.enums import NoticeState
from models.marks import NOT_YET
from statemachines.registry import processes
from web import labels

IDLE = timedelta(days=21)
MANY = 3
SENT = "notice_sent"
FILTERS = ("show", "kind", "by", "text")
HIDDEN = frozenset({"letter", "opened_seq", "rung_seq", "claim"})
SHOWN = {"all": "everything", "people": "what people recorded", "steps": "sendflow's own steps", "letters": "e-mails"}
# For who may read the access log: the looks alone, or everything with the looks.
SHOWN_LOOKS = {"looks": "who looked at it", "with_looks": "everything, and who looked at it"}


class Entry(NamedTuple):
    """One line: a fact, an e-mail, a look at the case, idle weeks, or facts or e-mails of one sort and day that are
    `folded` into one.
    """

    group: str
    on: date
    order: str
    fact: FactShown | None = None
    letter: CaseLetter | None = None
    cause: Cause | None = None
    corrected_by: Sequence[int] = ()
    fields: Sequence[tuple[str, Any]] = ()
    idle: str = ""
    folded: Sequence[Any] = ()
    states: str = ""
    look: Look | None = None


def timeline(
    found: CaseReport,
    letters: Sequence[CaseLetter],
    query: Mapping[str, str],
    policy: EscalationPolicy,
    looks: Sequence[Look] = (),
) -> list[Entry]:
    """The lines that are asked for, or with `not` all others: a group (`show`), a `kind` of fact, an actor (`by`) or
    words (`text`). `order=oldest`: the oldest first. `looks` are those that the reader may see and asks for.
    """
    corrected: dict[int, list[int]] = {}
    for fact in found.facts:
        if fact.corrects is not None:
            corrected.setdefault(fact.corrects, []).append(fact.seq)
    entries = [
        _of_fact(
            fact,
            found.heard.get(fact.seq),
            corrected.get(fact.seq, []),
            confidential(found.process, fact.kind),
        )
        for fact in found.facts
    ]
    known = (_as_known(letter, found.known_at) for letter in letters if letter.on <= found.as_at)
    entries += [_of_letter(letter) for letter in known if letter is not None]
    seen = [_of_look(look) for look in looks if found.known_at is None or look.at <= found.known_at]
    entries += [entry for entry in seen if entry.on <= found.as_at]
    is_filtered = any(query.get(name) not in (None, "", "all", "with_looks") for name in FILTERS)
    if is_filtered:
        leave_out = query.get("not") == "yes"
        entries = [entry for entry in entries if _is_asked_for(entry, query, policy) != leave_out]
    entries.sort(key=lambda entry: (entry.on, entry.order), reverse=query.get("order") != "oldest")
    return list(_with_idle_weeks(entries if is_filtered else list(_folded(entries))))


def _is_asked_for(entry: Entry, query: Mapping[str, str], policy: EscalationPolicy) -> bool:
    show, kind, by, text = (query.get(name, "") for name in FILTERS)
    fact, letter = entry.fact, entry.letter
    said = [labels.fact(fact.kind) if fact else "", step_name(letter.rung, policy) if letter else ""]
    said += [labels.words(value) for name, value in entry.fields if value is not None]
    said += [labels.person(letter.recipient), letter.mailbox or "", letter.state] if letter else []
    said += [labels.looked_at(entry.look.what), entry.look.purpose or ""] if entry.look else []
    actor = fact.actor if fact else entry.look.actor if entry.look else None
    return (
        (show not in SHOWN.keys() - {"all"} | {"looks"} or entry.group == show)
        and (not kind or (fact is not None and fact.kind == kind))
        and (not by or actor == by)
        and (not text or text.lower() in " ".join(said).lower())
    )


@cache
def confidential(process: str, kind: str) -> frozenset[str]:
    """The fields of a fact that are free text, stored encrypted; of a correction, those of any fact of the process."""
    facts = processes()[process].facts
    definitions = facts.values() if kind in CORRECTIONS or kind not in facts else [facts[kind]]
    return frozenset(field for fact in definitions for field in fact.model.FREE_TEXT_FIELDS)


def _of_fact(fact: FactShown, cause: Cause | None, corrected_by: Sequence[int], free: Collection[str]) -> Entry:
    group = "steps" if fact.kind in ENGINE_ONLY or fact.kind in OUTCOMES else "people"
    fields = [(key, None if key in free else value) for key, value in fact.data.items() if key not in HIDDEN]
    fields += [(key, NOT_YET) for key in fact.not_yet_shown]
    day = fact.corrected_to or fact.occurred_on
    on = day if fact.kind not in CORRECTIONS else fact.occurred_on
    return Entry(group, on, f"{fact.seq:06}", fact, None, cause, corrected_by, fields)


def _as_known(letter: CaseLetter, known_at: str | None) -> CaseLetter | None:
    """An e-mail as it was known at an instant: not there yet, or there and not sent yet."""
    if known_at is None or (letter.sent_at or letter.created_at) <= known_at:
        return letter
    if letter.created_at > known_at:
        return None
    return letter.model_copy(update={"state": NoticeState.CREATED.value, "sent_at": None, "why": None, "letter": None})


def _of_look(look: Look) -> Entry:
    return Entry("looks", london_day(datetime.fromisoformat(look.at)), f"~~{look.at}", look=look)


def _of_letter(letter: CaseLetter) -> Entry:
    return Entry("letters", letter.on, f"~{letter.created_at}", None, letter)


def _folded(entries: Sequence[Entry]) -> Iterable[Entry]:
    """Outcomes of e-mails of one day as one line, because each e-mail is a line of its own and says what became of it;
    and so many e-mails of one step and day, such as those that take back what a corrected day had caused.
    """
    for (kind, step, on), group in groupby(entries, _sort):
        several = list(group)
        if (kind in OUTCOMES and len(several) > (kind != SENT)) or (step and len(several) >= MANY):
            yield Entry(several[0].group, on, several[0].order, folded=several, states=_states(several))
        else:
            yield from several


def _sort(entry: Entry) -> tuple[str, str, date]:
    """What one line can stand for: facts of one kind, or e-mails of one step, of one day."""
    return entry.fact.kind if entry.fact else "", entry.letter.rung if entry.letter else "", entry.on


def _states(several: Sequence[Entry]) -> str:
    """How many of some e-mails are in which state: `5 sent, 2 superseded`; empty for facts."""
    found = Counter(labels.words(each.letter.state) for each in several if each.letter)
    return ", ".join(f"{number} {state}" for state, number in found.most_common())


def _with_idle_weeks(entries: Sequence[Entry]) -> Iterable[Entry]:
    for number, entry in enumerate(entries):
        if number:
            gap = abs(entry.on - entries[number - 1].on)
            if gap >= IDLE:
                yield Entry("idle", entry.on, "", idle=f"{gap.days // 7} weeks, nothing recorded")
        yield entry
