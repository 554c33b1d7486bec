"""The projections of a case: its case_file row and its duty rows, compared with what is stored and written. [I/O]"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any

from msgspec import Struct, field
from sqlalchemy import Connection, bindparam, update

from casework.cases.loaded_case import LoadedCase
from deadlines.duties import Duty
from deadlines.escalation import Evaluation
from models.bulk_io import Row, day_form, delete_rows, put_new_rows, put_rows, read_among, send_rows
from models.change_log import log_rows
from models.common_facts import CORRECTIONS
from models.facts import StoredFact
from models.macs import Mac
from models.tables import CASE, CASE_LINK, DUTY
from statemachines.links import links_ever
from statemachines.process import Process
from statemachines.registry import opening_kinds

DUTY_COLUMNS = tuple(DUTY.columns.keys())
LINK_COLUMNS = tuple(CASE_LINK.columns.keys())
EVALUATED_UNDER = DUTY_COLUMNS.index("evaluated_under")
# The columns of a case_file row that an act cannot change: in a new case, one that may rename it, one that may not, and
# one without a new fact, which leaves the MAC of its end too: where its last facts were deleted, that no longer fits.
_NONE: tuple[str, ...] = ()
_RENAMED = ("child_key", "process")
_GROWN = ("child_key", "process", "la_reference")
_SAME = ("child_key", "process", "mac")
DutyKey = tuple[str, int]  # rule, number of the opening fact


class DutyChanges(Struct):
    """Duty rows to write. `updated` keep the rule set that they were calculated under; `re_evaluated` change it too."""

    inserted: list[Row] = field(default_factory=list)
    updated: list[Row] = field(default_factory=list)
    re_evaluated: list[Row] = field(default_factory=list)
    deleted: list[Row] = field(default_factory=list)

    def compare(self, case_ref: str, stored: Mapping[DutyKey, Row], current: Mapping[DutyKey, Row]) -> None:
        """Add what differs between the stored and the current rows of a case."""
        for key, row in current.items():
            before = stored.get(key)
            if before is None:
                self.inserted.append(row)
            elif before != row:
                same_rules = before[EVALUATED_UNDER] == row[EVALUATED_UNDER]
                (self.updated if same_rules else self.re_evaluated).append(row)
        if stored:
            self.deleted.extend((case_ref, *key) for key in stored.keys() - current.keys())

    def write(self, connection: Connection) -> None:
        """Write the changes. An index on a column that stays the same is not written either."""
        if self.deleted:
            delete_rows(connection, DUTY, self.deleted)
        if self.inserted:
            put_new_rows(connection, DUTY, self.inserted)
        if self.updated:
            put_rows(connection, DUTY, self.updated, leave=("evaluated_under",))
        if self.re_evaluated:
            put_rows(connection, DUTY, self.re_evaluated)

    @property
    def count(self) -> int:
        """How many rows are written."""
        return len(self.inserted) + len(self.updated) + len(self.re_evaluated) + len(self.deleted)

    @property
    def written(self) -> list[Row]:
        """The rows that are there afterwards."""
        return [*self.inserted, *self.updated, *self.re_evaluated]


def stored_duties(connection: Connection, refs: Iterable[str]) -> dict[str, dict[DutyKey, Row]]:
    """The stored duty rows of some cases, as `duty_rows` returns them."""
    return parsed_duties(read_among(connection, DUTY, DUTY_COLUMNS, "case_ref", refs))


def send_duties(connection: Connection, refs: Sequence[str]) -> Any:
    """Ask for those of a few cases within `in_one_go`; the cursor's rows are for `parsed_duties`."""
    return send_rows(connection, DUTY, DUTY_COLUMNS, "case_ref", refs)


def parsed_duties(rows: Iterable[Row]) -> dict[str, dict[DutyKey, Row]]:
    """Rows in the order of the key, by case and key."""
    return {ref: {(row[1], row[2]): row for row in some} for ref, some in groupby(rows, itemgetter(0))}


class Projections(Struct, frozen=True):
    """What is to be written of cases whose facts are chained meanwhile: made before, so that writing asks nothing.

    `opened` are new in this act, and `grown` have a new fact; of `renamed`, that may change the authority's reference.
    """

    changed: Sequence[LoadedCase]
    opened: set[str]
    grown: set[str]
    renamed: set[str]
    duties: DutyChanges
    links: list[Row]

    @classmethod
    def of(
        cls,
        connection: Connection,
        changed: Sequence[LoadedCase],
        opened: set[str],
        grown: set[str],
        stored: Mapping[str, Mapping[DutyKey, Row]],
    ) -> Projections:
        """Compare the cases with what is stored. `stored` has the duty rows that the act has read before, by case."""
        day = day_form(connection)
        unread = [ref for case in changed if (ref := case.case_ref) not in opened and ref not in stored]
        if unread:
            stored = {**stored, **stored_duties(connection, unread)}
        duties = DutyChanges()
        for case in changed:
            ref = case.case_ref
            current = duty_rows(ref, case.duties, case.next_checks(), case.context.ruleset_digest, day)
            duties.compare(ref, stored.get(ref) or {}, current)
        links = _links_to_write(connection, changed, opened, day)
        renamed = {ref for case in changed if (ref := case.case_ref) not in opened and _may_rename(case)}
        return cls(changed, opened, grown, renamed, duties, links)

    @property
    def count(self) -> int:
        """How many rows are written."""
        return len(self.changed) + self.duties.count + len(self.links)

    def write(self, connection: Connection, mac: Mac | None) -> None:
        """Write the case_file and duty rows, and the links. The facts of the cases have been chained.

        `mac` authenticates the end of each case; None where there is no key.
        """
        day = day_form(connection)
        rows: dict[tuple[str, ...], list[Row]] = {}  # by the columns that stay as they are
        of_a_child: list[Row] = []
        for case in self.changed:
            ref = case.case_ref
            leave = _NONE if ref in self.opened else _SAME if ref not in self.grown else _GROWN
            if leave is _NONE and case.child_id is not None:
                of_a_child.append((ref, case.child_id))
            elif leave is _GROWN and ref in self.renamed:
                leave = _RENAMED
            rows.setdefault(leave, []).append(_case_row(case, day, mac))
        for leave, some in rows.items():
            if leave:
                put_rows(connection, CASE, some, leave)
            else:
                put_new_rows(connection, CASE, some)
        if of_a_child:
            log_rows(connection, CASE, of_a_child)
        self.duties.write(connection)
        if self.links:
            put_rows(connection, CASE_LINK, self.links)


def _may_rename(case: LoadedCase) -> bool:
    """Whether the authority's reference may differ after an act: facts that open a case say it, and corrections."""
    for fact in case.new_facts:
        if "la_reference" in fact.data or fact.kind in CORRECTIONS or fact.kind in opening_kinds():
            return True
    return case.outdated


def _links_to_write(
    connection: Connection, changed: Iterable[LoadedCase], opened: set[str], day: Callable[[date | None], Any]
) -> list[Row]:
    """What the facts say of links to other cases and is not stored. A link that was ever made has a row for ever."""
    current = [(case, rows) for case in changed if (rows := link_rows(case.process, case.case_ref, case.facts, day))]
    if not current:
        return []
    stored = set(
        read_among(
            connection,
            CASE_LINK,
            LINK_COLUMNS,
            "case_ref",
            [ref for case, _rows in current if (ref := case.case_ref) not in opened],
        )
    )
    return [row for _case, rows in current for row in rows if row not in stored]


def link_rows(
    process: Process | None, case_ref: str, facts: Sequence[StoredFact], day: Callable[[date | None], Any]
) -> list[Row]:
    """The rows of the links that a history has ever made, in the order of the table's key."""
    if process is None:
        return []
    found = links_ever(process, facts)
    return [
        (case_ref, *key, day(link.since if link is not None else None), day(link.until if link is not None else None))
        for key, link in sorted(found.items(), key=itemgetter(0))
    ]


def write_child_ids(connection: Connection, cases: Iterable[LoadedCase]) -> None:
    """Write which child each case is about, for cases whose row holds another id."""
    moved = [case for case in cases if case.child_id != case.stored_child_id]
    if moved:
        connection.execute(_UPDATE_CHILD, [{"v_case_ref": case.case_ref, "v_key": case.child_id} for case in moved])
        log_rows(connection, CASE, [(case.case_ref, case.child_id) for case in moved])
        for case in moved:
            case.stored_child_id = case.child_id


def _case_row(case: LoadedCase, day: Callable[[date | None], Any], mac: Mac | None) -> Row:
    file = case.file
    return (
        case.case_ref,
        file.process,
        file.state,
        case.tail.seq,
        case.tail.hash,
        day(file.opened_on),
        file.la,
        file.la_reference,
        case.child_id,
        mac.of_end(case.case_ref, *case.tail) if mac is not None else None,
    )


def duty_rows(
    case_ref: str, duties: Iterable[Duty], looked: Evaluation, evaluated_under: str, day: Callable[[date | None], Any]
) -> dict[DutyKey, Row]:
    """The duty rows of a case by rule and opening fact, in the order of the table's columns; `day` is how the driver
    stores a calendar day.
    """
    next_checks = looked.next_check_on
    rows: dict[DutyKey, Row] = {}
    for duty in duties:
        rule, seq, body, service, *dates, ended_on, met_on, excuse = _OF_DUTY(duty)
        closed_on = met_on if met_on is not None else ended_on
        key = (rule, seq)
        days = map(day, (*dates, closed_on, met_on))
        ground = excuse.ground if excuse is not None else None
        rows[key] = (case_ref, rule, seq, body, service, *days, ground, day(next_checks.get(key)), evaluated_under)
    return rows


# What a row has of its duty, asked in one call.
_OF_DUTY = attrgetter(
    *("rule", "opened_seq", "body", "service"),
    *("started_on", "dates.due", "dates.strict_due", "dates.act_by"),
    *("ended_on", "met_on", "excuse"),
)


_UPDATE_CHILD = (
    update(CASE).where(CASE.c.case_ref == bindparam("v_case_ref")).values({CASE.c.child_key: bindparam("v_key")})
)
