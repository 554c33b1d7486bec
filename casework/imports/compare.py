"""Compare a sound row with the facts of its case: which facts are new, and which cells differ from the record. Pure.

Purpose: the same file twice changes nothing, and a newer one adds only what is new. Nothing on the record is replaced
unless a person asked for it. An imported day that is now missing from its cell is a difference too, because its
correction would reopen a duty. A fact recorded by hand that the tracker lacks is no difference: trackers lag behind.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from casework.imports.rows import DECISIONS, Plan, RowFact, RowReader
from config.tracker_columns import ANSWER
from models.facts import FactDraft, StoredFact
from statemachines.registry import opened_by

VIA_IMPORT = "import"
# A fact after which a later request is another request: the recorded one was refused, was withdrawn or led to a plan.
ENDINGS = frozenset({"assessment_refused", "case_withdrawn", "case_closed", "plan_refused", "final_plan_received"})
BY_HAND = "this is never changed by an import: record by hand what happened"


class Difference(NamedTuple):
    """A cell that differs from the record. Without corrections only a person can resolve it."""

    column: str
    message: str
    corrections: tuple[FactDraft, ...] = ()


@dataclass(slots=True)
class Compared:
    """What a row adds to its case, in the order of the process, and where the two differ."""

    new: list[tuple[str, FactDraft]] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)

    def corrections(self) -> list[tuple[str, FactDraft]]:
        """Every correction that would bring the record into line with the row, with the column that needs it."""
        return [(difference.column, draft) for difference in self.differences for draft in difference.corrections]


def compare(plan: Plan, facts: Sequence[StoredFact], reader: RowReader) -> Compared:
    """Compare a row with the facts in force of its case, in replay order; a new case has none."""
    return _Comparison(plan, facts, reader).compared()


class _Comparison:
    """The comparison of one row. `matched` are the numbers of the facts that a cell of the row accounts for."""

    def __init__(self, plan: Plan, facts: Sequence[StoredFact], reader: RowReader) -> None:
        self.plan = plan
        self.facts = facts
        self.columns = reader.columns
        self.directory = reader.directory
        self.today = reader.today
        self.result = Compared()
        self.matched: set[int] = set()
        self.repeats = self._is_repetition()

    def compared(self) -> Compared:
        if self._second_request():
            return self.result
        opening = self.columns.column["requested_on"].fact
        for row_fact in self.plan.facts:
            if row_fact.kind == opening:
                self._opening(row_fact)
            elif row_fact.column == "decided_on":
                self._decision(row_fact)
            else:
                self._other(row_fact)
        if not self.repeats:
            self._missing_cells()
        return self.result

    def _is_repetition(self) -> bool:
        """Whether the row is of a further request, recorded on the case of the first one, whose row has the rest."""
        opening = self.columns.column["requested_on"].fact or ""
        repeated = opened_by()[opening].facts[opening].repeated_as if opening else None
        days = {row_fact.day for row_fact in self.plan.facts if row_fact.kind == opening}
        first = {fact.occurred_on for fact in self.facts if fact.kind == opening}
        again = {fact.occurred_on for fact in self.facts if fact.kind == repeated}
        return bool(days & again) and not days & first

    def _second_request(self) -> bool:
        """Report a request later than the end of the recorded one: it is a new event, and corrects nothing."""
        opening = next((one for one in self.plan.facts if one.kind == self.columns.column["requested_on"].fact), None)
        if opening is None or any(fact.kind == opening.kind and fact.occurred_on == opening.day for fact in self.facts):
            return False
        ended = [fact for fact in self.facts if fact.kind in ENDINGS and fact.occurred_on < opening.day]
        if not ended:
            return False
        self._differs(
            opening.column,
            f"the case of this reference ended on {ended[-1].occurred_on:%d/%m/%Y}, so that the request of"
            f" {opening.day:%d/%m/%Y} is a new one and no correction; give its row a reference of its own, and the"
            " child's NHS number links the two cases",
        )
        return True

    def _opening(self, row_fact: RowFact) -> None:
        data = {"la": self.plan.la} | ({"la_reference": self.plan.la_reference} if self.plan.la_reference else {})
        fact = next((fact for fact in self.facts if fact.kind == row_fact.kind), None)
        if fact is None:
            self.result.new.append((row_fact.column, FactDraft(row_fact.kind, row_fact.day, data)))
            return
        self.matched.add(fact.seq)
        if fact.occurred_on != row_fact.day and not self.repeats:
            self._differs(
                row_fact.column,
                _days(fact.occurred_on, row_fact.day),
                self._correct(fact, {"occurred_on": row_fact.day.isoformat()}),
            )
        if fact.data.get("la") != self.plan.la:
            recorded = fact.data.get("la")
            name = self.directory.la_name(recorded) if isinstance(recorded, str) else "none"
            message = f"the record has {name}, the file has {self.directory.la_name(self.plan.la)}"
            self._differs("la", message, self._correct(fact, {"la": self.plan.la}), *self._other_bodies())
        if self.repeats:
            return
        if self.plan.la_reference is not None and fact.data.get("la_reference") != self.plan.la_reference:
            correction = self._correct(fact, {"la_reference": self.plan.la_reference})
            if fact.data.get("la_reference") is None:
                self.result.new.append(("la_reference", correction))
            else:
                self._differs(
                    "la_reference", "the record has another reference than the file (neither is shown here)", correction
                )

    def _other_bodies(self) -> Iterator[FactDraft]:
        """Correct the bodies as well: under another authority another body gives the same service."""
        for row_fact in self.plan.facts:
            if row_fact.service is not None:
                fact = self._nearest(row_fact, self._alike(row_fact))
                if fact is not None and fact.data.get("body") != row_fact.body:
                    yield self._correct(fact, {"body": row_fact.body or ""})

    def _decision(self, row_fact: RowFact) -> None:
        decided = [fact for fact in self.facts if fact.kind in (*DECISIONS.values(), "refusal_reversed")]
        agreed = row_fact.kind == DECISIONS[True]
        alike = [fact for fact in decided if (fact.kind != DECISIONS[False]) == agreed]
        if not decided:
            self.result.new.append((row_fact.column, FactDraft(row_fact.kind, row_fact.day)))
        elif not alike:
            yes, no = ("No", "Yes") if agreed else ("Yes", "No")
            self.matched |= {fact.seq for fact in decided}
            self._differs(
                "assess", f"the record has {yes}, the file has {no}; {BY_HAND} (refusal_reversed, or fact_withdrawn)"
            )
        else:
            self._same_day(row_fact, alike)
            self.matched |= {fact.seq for fact in decided}

    def _other(self, row_fact: RowFact) -> None:
        alike = self._alike(row_fact)
        if alike:
            self._same_day(row_fact, alike)
            return
        data = {"body": row_fact.body, "service": row_fact.service} if row_fact.service else {}
        self.result.new.append((row_fact.column, FactDraft(row_fact.kind, row_fact.day, data)))

    def _alike(self, row_fact: RowFact) -> list[StoredFact]:
        return [
            fact for fact in self.facts if fact.kind == row_fact.kind and fact.data.get("service") == row_fact.service
        ]

    def _nearest(self, row_fact: RowFact, alike: Sequence[StoredFact]) -> StoredFact | None:
        """The fact that the cell is about: one of that day, else an imported one, else the last."""
        return (
            next((fact for fact in alike if fact.occurred_on == row_fact.day), None)
            or next((fact for fact in alike if fact.via == VIA_IMPORT), None)
            or (alike[-1] if alike else None)
        )

    def _same_day(self, row_fact: RowFact, alike: Sequence[StoredFact]) -> None:
        fact = self._nearest(row_fact, alike)
        if fact is None:
            return
        # If a service was asked twice or answered twice, the cell has one of the days; the team recorded the others.
        self.matched |= {each.seq for each in alike}
        if fact.occurred_on != row_fact.day:
            self._differs(
                row_fact.column,
                _days(fact.occurred_on, row_fact.day),
                self._correct(fact, {"occurred_on": row_fact.day.isoformat()}),
            )

    def _missing_cells(self) -> None:
        """Report facts that an import recorded and whose cell is now empty."""
        by_kind = {column.fact: name for name, column in self.columns.column.items() if column.fact} | dict.fromkeys(
            DECISIONS.values(), "decided_on"
        )
        for fact in sorted(self.facts, key=lambda fact: -fact.seq):
            if fact.via != VIA_IMPORT or fact.seq in self.matched:
                continue
            service = fact.data.get("service")
            column = ANSWER + str(service) if fact.kind == self.columns.answers.fact else by_kind.get(fact.kind)
            if column is None or column not in self.plan.row.cells:
                continue
            where = (
                "services" if column == "asked_on" and "services" in self.plan.row.cells and self._asks() else column
            )
            what = f" for {self.directory.service_name(str(service))}" if where in {"services", "asked_on"} else ""
            self._differs(
                where, f"the record has {fact.occurred_on:%d/%m/%Y}{what}, the file has nothing", self._withdraw(fact)
            )

    def _asks(self) -> bool:
        return any(row_fact.column == "asked_on" for row_fact in self.plan.facts)

    def _differs(self, column: str, message: str, *corrections: FactDraft) -> None:
        self.result.differences.append(Difference(column, message, corrections))

    def _correct(self, fact: StoredFact, fields: dict[str, str]) -> FactDraft:
        return FactDraft("fact_corrected", self.today, fields, corrects=fact.seq)

    def _withdraw(self, fact: StoredFact) -> FactDraft:
        return FactDraft("fact_withdrawn", self.today, {}, corrects=fact.seq)


def _days(recorded: date, in_file: date) -> str:
    return f"the record has {recorded:%d/%m/%Y}, the file has {in_file:%d/%m/%Y}"
