"""Compares a sound row with what its case holds: what is new, and which cells tell another thing than the record. Pure.

Purpose: the same file twice changes nothing, a newer one adds only what is new, and nothing on the record is replaced
unless a person said so. A day that was imported and is now gone from its cell is a difference too: a duty would
silently reopen. Facts recorded by hand that the tracker does not have are none, as a tracker lags behind the house.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from casework.imports.rows import DECISIONS, Plan, Wanted
from config.directory import Directory
from config.tracker_columns import ANSWER, TrackerColumns
from models.facts import FactDraft, StoredFact

VIA_IMPORT = "import"
BY_HAND = "this is never changed by an import: record by hand what happened"


class Difference(NamedTuple):
    """A cell that tells another thing than the record. Without corrections only a person can settle it."""

    column: str
    message: str
    corrections: tuple[FactDraft, ...] = ()


@dataclass(slots=True)
class Compared:
    """What a row adds to its case, in the order of the process, and where it contradicts it."""

    new: list[tuple[str, FactDraft]] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)

    def corrections(self) -> list[tuple[str, FactDraft]]:
        """Every correction that would make the record say what the row says, with the column that asks for it."""
        return [(difference.column, draft) for difference in self.differences for draft in difference.corrections]


def compare(
    plan: Plan, lines: Sequence[StoredFact], columns: TrackerColumns, directory: Directory, today: date
) -> Compared:
    """Compares a row with the facts that stand (corrections applied, in the order of the fold); an unknown case has
    none.
    """
    return _Comparison(plan, lines, columns, directory, today).compared()


class _Comparison:
    def __init__(
        self, plan: Plan, lines: Sequence[StoredFact], columns: TrackerColumns, directory: Directory, today: date
    ) -> None:
        self.plan = plan
        self.lines = lines
        self.columns = columns
        self.directory = directory
        self.today = today
        self.out = Compared()
        self.matched: set[int] = set()

    def compared(self) -> Compared:
        opening = self.columns.column["requested_on"].fact
        for wanted in self.plan.facts:
            if wanted.kind == opening:
                self._opening(wanted)
            elif wanted.column == "decided_on":
                self._decision(wanted)
            else:
                self._plain(wanted)
        self._gone()
        return self.out

    def _opening(self, wanted: Wanted) -> None:
        data = {"la": self.plan.la} | ({"la_reference": self.plan.la_reference} if self.plan.la_reference else {})
        line = next((line for line in self.lines if line.kind == wanted.kind), None)
        if line is None:
            self.out.new.append((wanted.column, FactDraft(wanted.kind, wanted.day, data)))
            return
        self.matched.add(line.seq)
        if line.occurred_on != wanted.day:
            self._differs(
                wanted.column,
                _days(line.occurred_on, wanted.day),
                self._correct(line, {"occurred_on": wanted.day.isoformat()}),
            )
        if line.data.get("la") != self.plan.la:
            told = line.data.get("la")
            held = self.directory.la_name(told) if isinstance(told, str) else "none"
            message = f"the record has {held}, the file has {self.directory.la_name(self.plan.la)}"
            self._differs("la", message, self._correct(line, {"la": self.plan.la}), *self._other_bodies())
        if self.plan.la_reference is not None and line.data.get("la_reference") != self.plan.la_reference:
            correction = self._correct(line, {"la_reference": self.plan.la_reference})
            if line.data.get("la_reference") is None:
                self.out.new.append(("la_reference", correction))
            else:
                self._differs(
                    "la_reference", "the record has another reference than the file (neither is shown here)", correction
                )

    def _other_bodies(self) -> Iterable[FactDraft]:
        """Under another authority another body answers: what was asked and received through the tracker follows it."""
        for wanted in self.plan.facts:
            if wanted.service is not None:
                line = self._nearest(wanted, self._alike(wanted))
                if line is not None and line.data.get("body") != wanted.body:
                    yield self._correct(line, {"body": wanted.body or ""})

    def _decision(self, wanted: Wanted) -> None:
        decided = [line for line in self.lines if line.kind in (*DECISIONS.values(), "refusal_reversed")]
        agreed = wanted.kind == DECISIONS[True]
        alike = [line for line in decided if (line.kind != DECISIONS[False]) == agreed]
        if not decided:
            self.out.new.append((wanted.column, FactDraft(wanted.kind, wanted.day)))
        elif not alike:
            yes, no = ("No", "Yes") if agreed else ("Yes", "No")
            self.matched |= {line.seq for line in decided}
            self._differs(
                "assess", f"the record has {yes}, the file has {no}; {BY_HAND} (refusal_reversed, or fact_withdrawn)"
            )
        else:
            self._same_day(wanted, alike)
            self.matched |= {line.seq for line in decided}

    def _plain(self, wanted: Wanted) -> None:
        alike = self._alike(wanted)
        if alike:
            self._same_day(wanted, alike)
            return
        data = {"body": wanted.body, "service": wanted.service} if wanted.service else {}
        self.out.new.append((wanted.column, FactDraft(wanted.kind, wanted.day, data)))

    def _alike(self, wanted: Wanted) -> list[StoredFact]:
        return [line for line in self.lines if line.kind == wanted.kind and line.data.get("service") == wanted.service]

    def _nearest(self, wanted: Wanted, alike: Sequence[StoredFact]) -> StoredFact | None:
        """The fact that the cell speaks of: one of that day, else the one that was imported, else the last."""
        return (
            next((line for line in alike if line.occurred_on == wanted.day), None)
            or next((line for line in alike if line.via == VIA_IMPORT), None)
            or (alike[-1] if alike else None)
        )

    def _same_day(self, wanted: Wanted, alike: Sequence[StoredFact]) -> None:
        line = self._nearest(wanted, alike)
        if line is None:
            return
        # Asked again, or advice received twice: the cell holds one of the days, and the others are the house's own
        # knowledge.
        self.matched |= {each.seq for each in alike}
        if line.occurred_on != wanted.day:
            self._differs(
                wanted.column,
                _days(line.occurred_on, wanted.day),
                self._correct(line, {"occurred_on": wanted.day.isoformat()}),
            )

    def _gone(self) -> None:
        """Facts that an import recorded, whose column is there and whose cell no longer tells them."""
        by_kind = {column.fact: name for name, column in self.columns.column.items() if column.fact} | dict.fromkeys(
            DECISIONS.values(), "decided_on"
        )
        for line in sorted(self.lines, key=lambda line: -line.seq):
            if line.via != VIA_IMPORT or line.seq in self.matched:
                continue
            service = line.data.get("service")
            column = ANSWER + str(service) if line.kind == self.columns.answers.fact else by_kind.get(line.kind)
            if column is None or column not in self.plan.row.cells:
                continue
            where = (
                "services" if column == "asked_on" and "services" in self.plan.row.cells and self._asks() else column
            )
            what = f" for {self.directory.service_name(str(service))}" if where in {"services", "asked_on"} else ""
            self._differs(
                where, f"the record has {line.occurred_on:%d/%m/%Y}{what}, the file has nothing", self._withdraw(line)
            )

    def _asks(self) -> bool:
        return any(wanted.column == "asked_on" for wanted in self.plan.facts)

    def _differs(self, column: str, message: str, *corrections: FactDraft) -> None:
        self.out.differences.append(Difference(column, message, corrections))

    def _correct(self, line: StoredFact, told: dict[str, str]) -> FactDraft:
        return FactDraft("fact_corrected", self.today, told, corrects=line.seq)

    def _withdraw(self, line: StoredFact) -> FactDraft:
        return FactDraft("fact_withdrawn", self.today, {}, corrects=line.seq)


def _days(held: date, told: date) -> str:
    return f"the record has {held:%d/%m/%Y}, the file has {told:%d/%m/%Y}"
