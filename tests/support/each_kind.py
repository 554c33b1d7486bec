"""Acts that record each kind of fact of each process, found by trying: no process is named here.

Purpose: a test records them through real runs of Prefect, many facts in one run. Facts are tried on a new case of a
scratch installation, in any order and with other fields each time. What sendflow took is tried once more as one act.

Run as a program it records every act through a run, in the installation of its environment, and prints the acts.
"""

from __future__ import annotations

import json
import random
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from casework.cases.fact_form import Refused
from casework.cases.record import record
from casework.context import AppContext
from casework.reports.recordable import FieldForm, fields_of
from casework.reports.restricted import is_restricted
from config.law import load_law
from config.settings import Settings
from models.common_facts import CORRECTIONS, ENGINE_ONLY, OF_THE_CHILD
from models.facts import FactDraft
from models.visibility import SERIES
from statemachines.process import Process
from statemachines.registry import processes, unnaming_facts
from tests.support.any_fact import FIRST, data_of
from tests.support.canaries import CANARIES
from tests.support.paths import GOLDEN
from tests.support.team import ready

TODAY = FIRST + timedelta(days=300)
CASES, ROUNDS, OPENINGS = 99, 2, 20
FEW = 4
MOST = 40  # facts of an act: a run names fifty kinds
LAST = OF_THE_CHILD | CORRECTIONS  # most other facts are refused after one of these
CAN_CHANGE = re.compile(r"It can change: ([a-z0-9_, ]+)")


@dataclass(frozen=True)
class Act:
    """Facts that are recorded together on a case of a process."""

    process: str
    case: str
    drafts: tuple[FactDraft, ...]
    shown: bool  # Prefect may name it

    @property
    def kinds(self) -> set[str]:
        """The kinds of its facts."""
        return {draft.kind for draft in self.drafts}


def kinds_of(process: Process) -> set[str]:
    """The kinds that a person may record."""
    return process.facts.keys() - ENGINE_ONLY


def not_named() -> frozenset[str]:
    """The kinds after which Prefect may not name the case, so that their acts have no run."""
    return OF_THE_CHILD | unnaming_facts()


def acts_of(process: Process, number: int, scratch: AppContext, clean: AppContext) -> Iterator[Act]:
    """Acts that record every kind of a process, if each can be reached. `number` is a part of its references.

    `scratch` has every case that was tried. `clean` has the acts alone, as the installation will that records
    them: a fact may need cases that only `scratch` has, as a sample of plans does. What it refuses is tried again.
    """
    at, sure, turns = random.Random(process.name), list[Act](), iter(range(CASES))
    series = SERIES if process.restricted else "KD"
    while left := kinds_of(process).difference(*(_counted(process, act) for act in sure)):
        acts = list[Act]()
        for turn in turns:
            first = (*sure, *acts)[0].case if sure or acts else None
            trial = _Trial(process, f"{series}{number:02d}{turn:02d}1", scratch, at, first)
            trial.open(left)
            trial.fill(left, most=at.choice((2, 12, MOST)))
            for act in trial.together(f"{series}{number:02d}{turn:02d}0", left):
                acts.append(act)
                left -= _counted(process, act)
            if not left:
                break
        recorded = [taken for act in _needed(process, acts) if (taken := _recorded(clean, act))]
        sure += recorded
        yield from recorded
        if not acts:
            return


def _recorded(clean: AppContext, act: Act) -> Act | None:
    """The act with the facts that are taken where the acts alone were recorded; None if none is."""
    drafts = list(act.drafts)
    while drafts:
        try:
            record(clean, act.case, drafts, "dco.team", confirmed=True)
        except Refused as refused:
            del drafts[_place(refused, drafts)]
            continue
        return replace(act, drafts=tuple(drafts))
    return None


def _place(refused: Refused, drafts: Sequence[FactDraft]) -> int:
    """The place of the fact that was refused among those of an act."""
    named = [place for place, draft in enumerate(drafts, 1) if draft.kind == refused.message.partition(":")[0]]
    place = refused.seq or (named or [len(drafts)])[0]
    return min(place, len(drafts)) - 1


def _counted(process: Process, act: Act) -> set[str]:
    """The kinds that an act shows to be recorded: by a run where Prefect may name them."""
    return act.kinds if act.shown or process.restricted else act.kinds & not_named()


def _needed(process: Process, acts: list[Act]) -> list[Act]:
    """The acts without those whose kinds others record too. The first stays, because others may name its case."""
    needed = list(acts)
    for act in acts[1:]:
        others = [each for each in needed if each is not act]
        elsewhere = set[str]().union(*(_counted(process, each) for each in others))
        if _counted(process, act) <= elsewhere and all(each.case != act.case for each in others):
            needed = others
    return needed


@dataclass
class _Trial:
    """One case on which facts are tried one by one. `other` is a case of the process that is recorded before it."""

    process: Process
    case: str
    scratch: AppContext
    at: random.Random
    other: str | None
    taken: list[FactDraft] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Find the kinds that end a case, which are tried last."""
        ends = {kind for (_state, kind), target in self.process.table.items() if target in self.process.final}
        self.last = sorted({*LAST, *ends} & kinds_of(self.process))

    def open(self, left: set[str]) -> None:
        """Record an opening fact: one of those that are left, if any is."""
        openings = sorted({self.process.opens, *self.process.opens_too})
        wanted = [kind for kind in openings if kind in left] or openings
        for _ in range(OPENINGS):
            if self._try(self.at.choice(wanted)):
                return

    def fill(self, left: set[str], most: int) -> None:
        """Record at most so many facts, each of another kind and in any order; then what ends a case."""
        if not self.taken:
            return
        opening = {self.process.opens, *self.process.opens_too}
        others = sorted(kinds_of(self.process) - opening - set(self.last))
        wanted = sorted(left & set(others))
        for _ in range(ROUNDS):
            for kind in (*self.at.sample(others, len(others)), *wanted):
                if len(self.taken) < most and self._try(kind) and len(wanted) <= FEW:
                    any(self._try(each) for each in wanted * 3)  # some are true for a few days only
        for kind in self.at.sample(self.last, len(self.last)):
            if kind in left:
                self._try(kind)

    def together(self, case: str, left: set[str]) -> Iterator[Act]:
        """What was taken, as one act of another case, if it has a kind that is left. What is refused because it was not
        recorded before the act follows as an act of its own.
        """
        drafts = [draft for draft in self.taken if draft.kind not in not_named()]
        after = [draft for draft in self.taken if draft.kind in not_named()]
        while drafts and {draft.kind for draft in self.taken} & left:
            shown = self._shown(case, drafts)
            try:
                record(self.scratch, case, drafts, "dco.team", confirmed=True)
            except Refused as refused:
                after.insert(0, drafts.pop(_place(refused, drafts)))
                continue
            yield Act(self.process.name, case, tuple(drafts), shown)
            for draft in after:
                shown = self._shown(case, [draft])
                if draft.kind in left and self._is_taken(case, draft):
                    yield Act(self.process.name, case, (draft,), shown)
            return

    def _shown(self, case: str, drafts: list[FactDraft]) -> bool:
        return not is_restricted(self.scratch, case, [draft.kind for draft in drafts])

    def _is_taken(self, case: str, draft: FactDraft) -> bool:
        try:
            record(self.scratch, case, [draft], "dco.team", confirmed=True)
        except Refused as refused:
            if listed := CAN_CHANGE.search(refused.message):
                self.rules = listed[1].split(", ")  # a person tries one of these next
            return False
        return True

    def _try(self, kind: str) -> bool:
        if any(draft.kind == kind for draft in self.taken):
            return False
        draft = self._draft(kind, FIRST + timedelta(days=len(self.taken) * 2))
        if self._is_taken(self.case, draft):
            self.taken.append(draft)
            return True
        return False

    def _draft(self, kind: str, on: date) -> FactDraft:
        if kind in CORRECTIONS:
            data = {"occurred_on": (on - timedelta(days=1)).isoformat()} if kind == "fact_corrected" else {}
            return FactDraft(kind, on, data, len(self.taken))
        written = by_hand(self.process.name).get(kind)
        if written and self.at.random() < 0.5:
            data = dict(self.at.choice(written))
        else:
            data = data_of(self.process, kind, self.at, on, stored=False)
        for form in fields_of(self.process.facts[kind].model):
            self._fill_in(form, data)
        return FactDraft(kind, on, data)

    def _fill_in(self, form: FieldForm, data: dict[str, Any]) -> None:
        """What no model says of a field: a case or a rule that there is, the claim before, a code."""
        match form.name, form.kind:
            case _, "case" | "fact":
                data.pop(form.name, None)
                if self.other is not None and form.required:
                    data[form.name] = self.other if form.kind == "case" else f"{self.other}/1"
            case "claim", _:
                claims = [seq for seq, draft in enumerate(self.taken, 1) if draft.kind == "excuse_claimed"]
                data["claim"] = claims[-1] if claims else 1
            case "rule", _ if form.required:
                data["rule"] = self.at.choice(self.rules or _rules(self.process.name))
            case "role", "choice":
                data["role"] = next(
                    (draft.data["role"] for draft in self.taken if "role" in draft.data), form.choices[0]
                )
            case name, "words" if name in data and form.encrypted and not name.endswith("_mailbox"):
                data[name] = f"{self.at.choice(CANARIES)} said so"
            case name, "words" if data.get(name) == "words":
                data[name] = self.at.choice(["words", "QX101", (form.example or "").strip('"') or "words"])


@cache
def by_hand(process: str) -> Mapping[str, list[Mapping[str, Any]]]:
    """The fields of facts that golden cases of a process write by hand, by kind."""
    file = GOLDEN / "cases" / f"{process}.toml"
    found: dict[str, list[Mapping[str, Any]]] = {}
    for history in tomllib.loads(file.read_text("utf-8"))["history"] if file.exists() else ():
        for step in history["steps"]:
            if "fact" in step:
                found.setdefault(step["fact"], []).append(step.get("data", {}))
    return found


@cache
def _rules(process: str) -> list[str]:
    return sorted(rule.id for rule in load_law().duties_of(process)) or ["none"]


def acts() -> Iterator[Act]:
    """The acts of every process, tried in a scratch installation."""
    with TemporaryDirectory() as folder:
        scratch, clean = (
            AppContext.load(Settings(home=ready(Path(folder) / name), today=TODAY)) for name in ("tried", "var")
        )
        try:
            for number, process in enumerate(processes().values()):
                yield from acts_of(process, number, scratch, clean)
        finally:
            scratch.engine.dispose()
            clean.engine.dispose()


def main() -> None:
    """Record each act through a run, as a command does."""
    from flows.jobs import Job
    from flows.runner import run_job

    context = AppContext.load(Settings.read())
    for act in acts():
        run_job(Job.RECORD, context, case=act.case, drafts=list(act.drafts), actor="dco.team", confirmed=True)
        sys.stdout.write(
            json.dumps({"process": act.process, "case": act.case, "kinds": sorted(act.kinds), "shown": act.shown})
            + "\n"
        )


if __name__ == "__main__":
    main()
