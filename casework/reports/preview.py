"""What recording facts would do, before anything is recorded: to dates, duties, linked cases and letters.

It takes the very path of recording, inside a transaction that is undone. So it says what recording will say.
"""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection

from casework.cases.moves import pause_where_the_child_left
from casework.cases.out_of_order import probable_slips
from casework.cases.propagation import propagate
from casework.cases.record import RecordCommand, apply
from casework.cases.unit_of_work import UnitOfWork
from casework.cases.warnings import warnings_of
from casework.context import AppContext
from casework.reports.effects import DutyEffect, changes
from models.database import transact
from models.facts import REFERENCE, FactDraft


class CasePreview(BaseModel):
    """What would become of one case: facts by kind, its state after them, and the duties that would change."""

    model_config = ConfigDict(frozen=True)
    case_ref: str
    process: str
    kinds: list[str]
    state_name: str
    duties: list[DutyEffect]


class NoticePreview(BaseModel):
    """A notice that would be written: the event or step, and its recipient."""

    model_config = ConfigDict(frozen=True)
    case_ref: str
    rung: str
    recipient: str


class Preview(BaseModel):
    """What one act would do. `cases` begins with the case itself; `follow_ups` say what a person must do or look at."""

    model_config = ConfigDict(frozen=True)
    cases: list[CasePreview]
    notices: list[NoticePreview]
    follow_ups: list[str]


class _Undone(Exception):
    """Ends the transaction without a commit, with what was found in it."""

    def __init__(self, found: Preview) -> None:
        super().__init__("undone")
        self.found = found


def preview(
    context: AppContext, case: str, drafts: Sequence[FactDraft], actor: str, *, confirmed: bool = False
) -> Preview:
    """Say what `record` would do with the same arguments. Raises Refused as it would; nothing is written."""
    ref = case.strip().upper()
    command = RecordCommand(ref if REFERENCE.fullmatch(ref) else None, drafts, confirmed=confirmed)

    def once(connection: Connection) -> None:
        unit = UnitOfWork(context, connection, actor=actor, via="record")
        first = apply(unit, command)
        warnings = [*probable_slips(unit, first), *warnings_of(first)]
        follow_ups = [*propagate(unit), *pause_where_the_child_left(unit), *warnings]
        touched = [first, *(each for each in unit.cases.values() if each is not first and each.new_facts)]
        found = Preview(
            cases=[
                CasePreview(
                    case_ref=each.case_ref if command.case_ref or each is not first else "new",
                    process=each.file.process,
                    kinds=[fact.kind for fact in each.new_facts],
                    state_name=context.processes[each.file.process].states[each.file.state],
                    duties=changes(
                        context, each.case_ref, each.facts[: len(each.facts) - len(each.new_facts)], each.facts
                    ),
                )
                for each in touched
            ],
            notices=[
                NoticePreview(case_ref=each.case_ref, rung=each.rung, recipient=each.recipient) for each in unit.notices
            ],
            follow_ups=follow_ups,
        )
        raise _Undone(found)

    try:
        transact(context.engine, once)
    except _Undone as undone:
        return undone.found
    raise AssertionError("the transaction above always ends by being undone")
