"""The papers of a panel's sitting: its pack, the brief of one item, and the extract of the minutes, as Markdown. [I/O]

Purpose: the person who speaks for health at a panel has one page an item, made from the case that it is about: what
health has said so far, by when, and what is late. They have references, roles and organisations only. Confidential
words stay encrypted, and nothing of a case is shown of which nothing leaves without a person's release.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from casework.cases.loaded_case import replay_case
from casework.context import AppContext
from casework.reports.case_models import CaseReport, DutyShown, FactShown
from casework.reports.case_report import report
from casework.reports.histories import read_histories
from casework.reports.withheld import not_to_be_shared
from casework.rules.unusual_facts import table
from config.text import full_weekday, in_days, in_words, short_weekday
from models.casefile import CaseFile, Item
from models.common_facts import ATTENDED
from models.database import reading
from models.errors import Refusal
from models.facts import StoredFact
from models.owner import OwnerKind
from statemachines.items import ITEM
from statemachines.panel_sitting import (
    DECIDED,
    ITEMS,
    LISTED,
    OUTSIDE,
    PROCESS,
    VIEW,
    days_of,
    late,
    remarks,
    said_of,
)

DECISIONS = (DECIDED, OUTSIDE)
ENDS_OF_ITEM = (*DECISIONS, "item_deferred", "item_removed", "item_overturned")
NOT_SHOWN = "The case of this item is not shown: nothing about that child leaves until a person releases it."
CONFIDENTIAL = "Reasons and notes are confidential. `sendflow person {ref} --free-text` shows them for a purpose."


class Sitting(NamedTuple):
    """A sitting and the cases that its items are about, by the code of the item. `hidden`: cases that are not shown."""

    context: AppContext
    file: CaseFile
    cases: Mapping[str, CaseReport]
    hidden: frozenset[str]

    def facts(self, *kinds: str, item: str | None = None) -> list[StoredFact]:
        """The facts of these kinds, corrected, about an item if one is named, in the order of replay."""
        return [fact for kind in kinds for fact in said_of(self.file, kind, item)]

    @property
    def days(self) -> Mapping[str, Any]:
        """What the sitting was last called or moved for."""
        return days_of(self.file)

    @property
    def items(self) -> list[Item]:
        """The agenda items, without the actions."""
        return [each for each in self.file.items.values() if each.called == ITEMS.called]


def sitting(context: AppContext, case_ref: str) -> Sitting:
    """Load a sitting with the cases that its items are about. Raises NoSuchCase, or Refusal for another process."""
    with reading(context.engine) as connection:
        (facts,) = read_histories(connection, case_ref)
    file, _duties = replay_case(context, case_ref, facts)
    if file.process != PROCESS.name:
        raise Refusal(
            f"case {case_ref} has no papers: its process is '{context.processes[file.process].title}', and only a case"
            f" of '{PROCESS.title}' has papers, for example: sendflow papers PS00001. To show this case: sendflow case"
            f" {case_ref}",
            code="no_papers",
            exit_code=2,
        )
    named = {
        str(fact.data[ITEM]): str(fact.data["about_case"])
        for fact in said_of(file, LISTED)
        if "about_case" in fact.data
    }
    hidden = not_to_be_shared(context, set(named.values()))
    cases = {item: report(context, ref) for item, ref in named.items() if ref not in hidden}
    return Sitting(context, file, cases, frozenset(item for item, ref in named.items() if ref in hidden))


def looked_at(of: Sitting) -> list[str]:
    """The references of every case that the papers show: each look is logged."""
    return [of.file.case_ref, *dict.fromkeys(each.case_ref for each in of.cases.values())]


def pack(of: Sitting) -> str:
    """The pack of a sitting: when and who, its agenda, and the brief of each item."""
    head = [f"# {_title(of)}", *_when(of), *_attendance(of), "## Agenda", _agenda(of)]
    briefs = [part for each in of.items for part in _brief(of, each, "##")]
    return _joined([*head, *briefs, CONFIDENTIAL.format(ref=of.file.case_ref)])


def brief(of: Sitting, item: str) -> str:
    """One page about one item. Raises Refusal if no item has that code."""
    shown = next((each for each in of.items if each.code == item), None)
    if shown is None:
        known = ", ".join(each.code for each in of.items) or "none"
        raise Refusal(
            f"the sitting has no agenda item of that code: expected one of {known}", code="no_such_item", exit_code=2
        )
    lines = [*_brief(of, shown, "#"), f"{_title(of)}.", CONFIDENTIAL.format(ref=of.file.case_ref)]
    return _joined(lines)


def minutes(of: Sitting) -> str:
    """The extract of the minutes: who attended, what came of each item, who decided it, and the actions."""
    rows = [
        (_words(each.code), _question(of, each.code), _outcome(of, each.code), _view(of, each.code) or "none recorded")
        for each in of.items
    ]
    return _joined(
        [
            f"# Minutes: {_title(of)}",
            *_when(of),
            *_attendance(of),
            "## What came of each item",
            table(("item", "question", "outcome and by whom", "health's view (advice, no decision)"), rows),
            "## Actions",
            _actions(of) or "No action was agreed.",
            *(f"- {remark}" for remark in remarks(of.file)),
            CONFIDENTIAL.format(ref=of.file.case_ref),
        ]
    )


def _title(of: Sitting) -> str:
    kind = _words(of.days.get("panel", ""))
    la = f", {of.context.directory.la_name(of.file.la)}" if of.file.la else ""
    return f"Sitting {of.file.case_ref} ({kind}{la}) of {_weekday(of.days.get('sits_on'))}"


def _when(of: Sitting) -> Iterator[str]:
    days = of.days
    at = f" at {days['papers_time']}" if "papers_time" in days else ""
    rows = [
        ("Sits on", _weekday(days.get("sits_on")) + (f", {_words(days['cadence'])}" if "cadence" in days else "")),
        ("Last day for papers", f"{_weekday(days.get('papers_by'))}{at} (local standard)"),
        ("Papers go out on", f"{_weekday(days.get('circulate_on'))} (local standard)"),
        ("Quorum", f"{days.get('quorum', 'none set')}, with {_list(days.get('quorum_roles', ())) or 'no role named'}"),
        ("Chair", _words(days.get("chair", "not recorded"))),
        ("Terms of reference", _words(days.get("terms", "not recorded"))),
    ]
    sent = [
        f"{_words(fact.data['pack'])} on {short_weekday(fact.occurred_on)}"
        + (f" to {_list(fact.data['sent_to'])}" if "sent_to" in fact.data else "")
        for fact in of.facts("papers_circulated")
    ]
    yield table(("of the sitting", "by its record"), [*rows, ("Papers sent out", "; ".join(sent) or "not yet")])


def _attendance(of: Sitting) -> Iterator[str]:
    for fact in of.facts("sitting_held"):
        said = [f"It sat on {full_weekday(fact.occurred_on)}. {fact.data['attended']} attended:"]
        said.append(f"{_list(fact.data['present'])}.")
        for key, words in (("chaired_by", "In the chair"), ("apologies", "Apologies"), ("substitutes", "Substitutes")):
            if key in fact.data:
                value = fact.data[key]
                said.append(f"{words}: {_list(value) if isinstance(value, list) else _words(value)}.")
        if "conflicts" in fact.data:
            said.append(f"Conflicts of interest: {_words(fact.data['conflicts'])}.")
        if fact.seq in of.file.out_of_order:
            said.append(f"Marked: {of.file.out_of_order[fact.seq]}.")
        yield " ".join(said)


def _agenda(of: Sitting) -> str:
    rows = [
        (_words(each.code), _question(of, each.code), _about(of, each.code), ITEMS.states[each.state])
        for each in of.items
    ]
    return table(("item", "question", "case", "it is at"), rows) if rows else "No item is listed."


def _brief(of: Sitting, item: Item, level: str) -> Iterator[str]:
    code = item.code
    yield f"{level} {_words(code).capitalize()}: {_question(of, code)}"
    yield f"Case: {_about(of, code)}. The item is at *{ITEMS.states[item.state]}* since {short_weekday(item.since)}."
    yield f"{level}# Health's view (advice, no decision)"
    yield _view(of, code) or "No view of health is recorded yet."
    case = of.cases.get(code)
    if code in of.hidden:
        yield NOT_SHOWN
    elif case is None:
        yield "The item names no case, so nothing is known of what health has said before."
    else:
        yield from _of_case(of.context, case, level)
    yield f"{level}# Papers"
    yield _papers(of, code) or "No paper is recorded."
    outcome = _outcome(of, code)
    if outcome != "open":
        yield f"{level}# Outcome"
        yield outcome


def _of_case(context: AppContext, case: CaseReport, level: str) -> Iterator[str]:
    process = context.processes[case.process]
    yield f"{level}# What health has said so far ({process.title}, case {case.case_ref})"
    kinds = process.answers | {ATTENDED}
    said = [fact for fact in case.facts if fact.stands and fact.kind in kinds]
    rows = [
        (short_weekday(fact.corrected_to or fact.occurred_on), _who(context, fact.data), _said(fact)) for fact in said
    ]
    yield table(("on", "who", "what"), rows) if rows else "Nothing is recorded."
    yield f"{level}# By when, and what is late"
    duties = [duty for duty in case.duties if duty.owner is not None and duty.owner.kind == OwnerKind.SERVICE]
    yield (
        table(("who", "what", "due", "how it is"), [_duty(context, duty) for duty in duties])
        if duties
        else ("No body of health owes anything on that case.")
    )


def _duty(context: AppContext, duty: DutyShown) -> tuple[str, str, str, str]:
    who = _who(context, {"body": duty.body, "service": duty.service})
    late = f", {in_days(duty.days_late)} late" if duty.days_late else ""
    due = short_weekday(duty.due) if duty.due else "no date"
    standing = "ended" if duty.ended_on else _words(duty.standing)
    return who, context.law.rules[duty.rule].action, due, f"{standing}{late}"


def _who(context: AppContext, data: Mapping[str, Any]) -> str:
    names = {each.body: each.name for each in context.directory.bodies}
    body, service = data.get("body"), data.get("service")
    parts = [names.get(body, body) if body else "", context.directory.service_name(service) if service else ""]
    return ", ".join(part for part in parts if part) or "our team"


def _said(fact: FactShown) -> str:
    answer = f": {_words(fact.data['answer'])}" if "answer" in fact.data else ""
    return f"{_words(fact.kind)}{answer}"


def _question(of: Sitting, item: str) -> str:
    return next((_words(fact.data["question"]) for fact in of.facts(LISTED, item=item)), "not recorded")


def _about(of: Sitting, item: str) -> str:
    if item in of.hidden:
        return "not shown"
    case = of.cases.get(item)
    return case.case_ref if case is not None else "none named"


def _view(of: Sitting, item: str) -> str:
    return "; ".join(
        f"{_words(fact.data['view'])} ({_words(fact.data['given_by'])}, {short_weekday(fact.occurred_on)})"
        for fact in of.facts(VIEW, item=item)
    )


def _outcome(of: Sitting, item: str) -> str:
    return "; ".join(_end(fact) for fact in of.facts(*ENDS_OF_ITEM, item=item)) or "open"


def _end(fact: StoredFact) -> str:
    data, on = fact.data, short_weekday(fact.occurred_on)
    if fact.kind in DECISIONS:
        outside = f" out of panel ({_words(data['why'])})" if "why" in data else ""
        dissent = "; health dissents" if data.get("health_dissents") == "yes" else ""
        return f"{_words(data['outcome'])}{outside} by {_words(data['decided_by'])} on {on}{dissent}"
    if fact.kind == "item_overturned":
        return f"overturned by {_words(data['overturned_by'])} on {on}"
    why = f" ({_words(data['why'])})" if "why" in data else ""
    return f"{_words(fact.kind.removeprefix('item_'))}{why} on {on}"


def _papers(of: Sitting, item: str) -> str:
    rows = [
        (
            _words(fact.data["document_kind"]),
            _day(fact.data["document_on"]),
            short_weekday(fact.occurred_on) + (", late" if late(of.file, fact) else ""),
            _words(fact.data["document_held_in"]),
            str(fact.data.get("document_sha256", "no digest")),
        )
        for fact in of.facts("item_paper_received", item=item)
    ]
    missing = [_list(fact.data["missing"]) for fact in of.facts("item_papers_incomplete", item=item)][-1:]
    missing = missing if any(each.state == "incomplete" for each in of.items if each.code == item) else []
    lines = [table(("paper", "of", "received", "held in", "SHA-256"), rows)] if rows else []
    return "\n\n".join([*lines, *(f"Missing: {each}." for each in missing)])


def _actions(of: Sitting) -> str:
    states = {code: ITEMS.states[each.state] for code, each in of.file.items.items()}
    rows = [
        (
            _words(fact.data["item"]),
            _words(fact.data["on_item"]),
            _words(fact.data["action_owner"]),
            _day(fact.data["due_on"]),
            states.get(str(fact.data["item"]), ""),
        )
        for fact in of.facts("action_agreed")
    ]
    return table(("action", "of item", "owner", "due", "it is at"), rows) if rows else ""


def _joined(parts: Iterable[str]) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"


def _words(value: object) -> str:
    return in_words(str(value))


def _list(values: Sequence[str]) -> str:
    return ", ".join(_words(each) for each in values)


def _weekday(iso: str | None) -> str:
    return full_weekday(date.fromisoformat(iso)) if iso else "no day"


def _day(iso: str) -> str:
    return short_weekday(date.fromisoformat(iso))
