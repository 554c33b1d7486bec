"""Opens the next cycle of a case about an organisation: another case that follows it and has what goes on. [I/O]

A review that is repeated each year is a case each year: its facts end with it, and what is still there, such as the
entries of a list, goes on in the next one with its own clock.
"""

from collections.abc import Iterator
from typing import Any

from casework.cases.loaded_case import LoadedCase
from casework.cases.unit_of_work import UnitOfWork
from casework.cases.validation import Refused
from models.facts import Fact, FactDraft, iso
from statemachines.items import ITEM
from statemachines.process import Successor


def open_successor(unit: UnitOfWork, case: LoadedCase, fact: Fact, after: Successor, draft: FactDraft) -> list[str]:
    """Open the next cycle with `draft`, linked to the case, and add the items that go on. Returns the follow-ups."""
    data = {**draft.data, **_of_the_case(case), **_days(case, after), after.link: case.case_ref}
    (opened,) = unit.load([unit.references.next()]).values()
    try:
        unit.append(opened, [draft._replace(data=data), *_carried(case, fact, after, draft)])
    except Refused as refused:
        return [f"Case {opened.case_ref}, which would follow {case.case_ref}, was not opened: {refused.message}"]
    return []


def _of_the_case(case: LoadedCase) -> dict[str, Any]:
    return {"la": case.file.la} if case.file.la is not None else {}


def _days(case: LoadedCase, after: Successor) -> dict[str, str]:
    """The day of the last fact of each kind; where there is none, what the opening fact of the case says."""
    opening = case.file.lines[0].data
    found: dict[str, str] = {}
    for field, kind in after.days.items():
        days = [line.occurred_on for line in case.file.lines if line.kind == kind]
        if days:
            found[field] = iso(days[-1])
        elif field in opening:
            found[field] = opening[field]
    return found


def _carried(case: LoadedCase, fact: Fact, after: Successor, draft: FactDraft) -> Iterator[FactDraft]:
    """A fact for each item that goes on, with the newest values of its fields. Free text stays where it was written."""
    if after.carries is None or case.process is None:
        return
    model = case.process.facts[after.carries].model
    needed = {name for name, field in model.model_fields.items() if field.is_required()}
    for code, item in sorted(case.file.items.items()):
        if item.state not in after.states:
            continue
        data: dict[str, Any] = {}
        for line in case.file.lines:
            if line.data.get(ITEM) == code:
                said = {name: line.data.get(name) for name in model.model_fields if name not in model.FREE_TEXT_FIELDS}
                # A field that the newest fact about the item could say and does not is not said any more, unless no
                # item is without it, such as who looks after it.
                mine = case.process.facts[line.kind].model.model_fields
                data |= {
                    name: value
                    for name, value in said.items()
                    if name in mine and (value is not None or name not in needed)
                }
        stated = next(line for line in case.file.lines if line.seq == item.seq)
        day = stated.data.get(after.since or "") if stated.kind == after.carries else None
        fields = {name: value for name, value in data.items() if value is not None}
        if after.since is not None:
            fields[after.since] = day or iso(item.since)
        yield FactDraft(after.carries, fact.occurred_on, fields, caused_by=draft.caused_by)
