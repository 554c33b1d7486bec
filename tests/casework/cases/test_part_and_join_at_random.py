"""Random histories of two children who were taken for one: parted, joined, corrected, with all on the right side."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from casework.cases.part_and_join import ChildChange, join, part
from casework.cases.validation import Refused
from casework.delivery.deliver import deliver
from casework.privacy.access import read_person
from casework.reports.case_report import report
from casework.sweep import sweep
from models import people
from models.common_facts import CORRECTIONS
from models.database import reading
from models.facts import StoredFact
from statemachines.replay import facts_in_force
from tests.support.by_hand import day
from tests.support.examples import examples
from tests.support.random_links import Linking, clear_away, linking

SHARED, NUMBERS = "9990000018", ("9990000026", "9990000034")
BORN = ("2018-01-05", "2019-02-06", "2020-03-07")
SALT = {"body": "QX101", "service": "speech_and_language_therapy"}
AMY, BEN, APPEAL, TALKS = "NX90001", "NX90002", "TR90001", "ME90002"
CHILD_FACTS = {"child_parted", "child_joined"}
# One number, given by slip for two children, each with a linked case.
OPENING: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    (
        AMY,
        "12 Jan 2026",
        "ehc_assessment_requested",
        {"la": "northshire", "nhs_number": SHARED, "date_of_birth": BORN[0]},
    ),
    (AMY, "16 Feb 2026", "assessment_refused", {}),
    (
        BEN,
        "12 Jan 2026",
        "ehc_assessment_requested",
        {"la": "northshire", "nhs_number": SHARED, "date_of_birth": BORN[1]},
    ),
    (BEN, "16 Feb 2026", "assessment_refused", {}),
    (
        APPEAL,
        "16 Feb 2026",
        "decision_notified",
        {"la": "northshire", "decision": "refusal_to_assess", "linked_to": AMY},
    ),
    (
        TALKS,
        "16 Feb 2026",
        "appealable_notice_sent",
        {"la": "northshire", "decision": "refusal_to_assess", "linked_to": BEN},
    ),
    (APPEAL, "1 Apr 2026", "appeal_registered", {"appeal": "refusal_to_assess"}),
)
# What happens afterwards, each on any of the cases: refused where it is not permitted.
FACTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("order_to_assess_made", {}),
    ("health_advice_requested", {**SALT, "asked_because": "order"}),
    ("health_advice_received", SALT),
    ("assessment_notified", {}),
    ("education_mediation_wanted", {}),
    ("mediation_arranged", {"meeting_on": "2026-07-02"}),
    ("case_withdrawn", {}),
)
CASES = st.sampled_from((AMY, BEN, APPEAL, TALKS))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("fact"), CASES, st.sampled_from(FACTS)),
        st.tuples(st.just("born"), CASES, st.sampled_from(BORN)),
        st.tuples(st.just("number"), CASES, st.sampled_from(NUMBERS)),
        st.tuples(st.just("withdraw"), CASES, st.integers(1, 8)),
        st.tuples(st.just("part"), CASES, CASES),
        st.tuples(st.just("join"), CASES, CASES),
        st.tuples(st.just("day"), CASES, st.integers(1, 30)),
    ),
    min_size=2,
    max_size=12,
)
QUIET = settings(
    max_examples=examples(12),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize="EXAMPLES" not in os.environ,
)


class Owned(NamedTuple):
    """What belongs to a case and must stay with it: its letters, its free text and the looks at it."""

    notices: dict[str, str]
    texts: dict[str, str]
    looks: list[tuple[str, str]]


class Children:
    """An installation with two children under one number, and what each case was said to be about."""

    def __init__(self, context: Linking) -> None:
        self.at = context
        self.said: dict[str, dict[str, str]] = defaultdict(dict)
        for case, on, kind, data in OPENING:
            context.today = max(context.today, day(on))
            assert context.say(case, kind, day(on), data) is not None, context.refused
            self._note(case, data)
        deliver(context.on(context.today), now=True, transport=context.post)

    def _note(self, case: str, data: dict[str, Any]) -> None:
        self.said[case] |= {key: data[key] for key in ("nhs_number", "date_of_birth") if key in data}

    def step(self, deed: str, case: str, what: Any) -> None:
        """Do one thing and check the properties that hold after each."""
        owned = self.owned()
        match deed:
            case "fact":
                self.at.say(case, what[0], self.at.today, what[1])
            case "born" | "number":
                data = {"date_of_birth" if deed == "born" else "nhs_number": what}
                if (
                    self.at.say(case, "fact_corrected", self.at.today, {**data, "reason": f"words of {case}"}, 1)
                    is not None
                ):
                    self._note(case, data)
            case "withdraw":
                self.at.say(case, "fact_withdrawn", self.at.today, {"reason": f"words of {case}"}, what)
            case "part":
                self.part(case, what)
            case "join":
                self.join(case, what)
            case _:
                context = self.at.on(self.at.today + timedelta(days=what))
                sweep(context)
                deliver(context, now=True, transport=self.at.post)
                read_person(context, case, "dco.team", "contact")
        self.check(owned)

    def part(self, case: str, other: str) -> None:
        before = self.in_force()
        sides = self.children()
        change = self._tried(part, case, other)
        if change is None:
            return
        (whole,) = (each for each in sides if case in each)
        assert {*change.cases} | {*change.others} == whole and not {*change.cases} & {*change.others}
        assert case in change.cases and other in change.others
        moved = [each for each in self.children() if each <= whole]
        assert sorted(moved, key=sorted) == sorted([{*change.cases}, {*change.others}], key=sorted)
        for one, linked in [link for link in self.at.links if len({*link} & {*change.cases}) == 1]:
            assert any(f"of case {one} names case {linked}" in line for line in change.unheard)
            self.at.links.remove((one, linked))
        after = self.in_force()
        for ref, facts in before.items():
            gone = {f"{ref}/{seq}" for seq in facts.keys() - after[ref].keys()}
            assert gone <= {*change.withdrawn}, "only what was copied between the two is withdrawn"
        self._joined_at_once(case, other, change, before)

    def _joined_at_once(self, case: str, other: str, change: ChildChange, before: dict[str, dict[int, Any]]) -> None:
        """In half of the histories the two are joined at once, and everything is in force as it was."""
        if len(change.cases) % 2:
            return
        people_before = self.people()
        again = self._tried(join, case, other)
        if again is None:  # the two have different numbers
            assert len({each["nhs_number"] for each in people_before.values() if "nhs_number" in each}) > 1
            return
        assert self.in_force() == before
        assert {*again.restored} >= {*change.withdrawn}

    def join(self, case: str, other: str) -> None:
        sides = self.children()
        change = self._tried(join, case, other)
        if change is not None:
            both = [each for each in sides if case in each or other in each]
            assert {*change.cases} == set[str]().union(*both) and {*change.cases} in self.children()

    def _tried(self, act: Any, case: str, other: str) -> ChildChange | None:
        before = self.at.dump()
        try:
            found: ChildChange = act(self.at.on(self.at.today), case, other, "dco.team", confirmed=True)
        except Refused as refused:
            assert self.at.dump() == before and not any(word in refused.message for word in (*BORN, *NUMBERS, SHARED))
            return None
        self.at.unheard += found.unheard
        return found

    def children(self) -> list[set[str]]:
        with reading(self.at.engine) as connection:
            rows = connection.exec_driver_sql("SELECT coalesce(child_key, case_ref), case_ref FROM case_file").all()
        found: dict[str, set[str]] = defaultdict(set)
        for child, ref in rows:
            found[child].add(str(ref))
        return list(found.values())

    def people(self) -> dict[str, dict[str, str]]:
        with reading(self.at.engine) as connection:
            cipher = self.at.context.cipher
            return {ref: people.person_of(connection, cipher, ref) or {} for ref in self.at.cases()}

    def in_force(self) -> dict[str, dict[int, Any]]:
        """The facts in force of each case by number, without what parting and joining themselves record."""
        return {
            ref: {
                fact.seq: _words(fact) for fact in facts_in_force(facts) if fact.kind not in CHILD_FACTS | CORRECTIONS
            }
            for ref, facts in self.at.lines().items()
        }

    def owned(self) -> Owned:
        with reading(self.at.engine) as connection:
            rows = connection.exec_driver_sql
            return Owned(
                {row[0]: row[1] for row in rows("SELECT key, case_ref FROM notice")},
                {row[0]: row[1] for row in rows("SELECT id, case_ref FROM passage")},
                [(row[0], row[1]) for row in rows("SELECT case_ref, read_at FROM person_read ORDER BY 2, 1")],
            )

    def check(self, before: Owned) -> None:
        """Each letter, text and look is still of its case; each child is what its own cases said; no copy is left."""
        now = self.owned()
        assert now.notices | before.notices == now.notices and now.texts | before.texts == now.texts
        assert now.looks[: len(before.looks)] == before.looks
        known = self.people()
        for child in self.children():
            for field in ("nhs_number", "date_of_birth"):
                said = {self.said[ref][field] for ref in child if field in self.said[ref]}
                held = {known[ref].get(field) for ref in child}
                assert len(held) == 1 and held <= {*said, None}, (child, field)
                assert field == "nhs_number" or not said or held != {None}, (child, field)
        numbers = [{known[ref].get("nhs_number") for ref in child} - {None} for child in self.children()]
        assert len(set[str | None]().union(*numbers)) == sum(map(len, numbers)), "a number is of one child"
        self._no_copies_across()

    def _no_copies_across(self) -> None:
        """A fact in force was copied from no other child's case, unless a follow-up says that it stays."""
        child_of = {ref: number for number, child in enumerate(self.children()) for ref in child}
        for ref, facts in self.at.lines().items():
            corrected = {fact.corrects for fact in facts if fact.kind in CORRECTIONS}
            for fact in facts_in_force(facts):
                source = (fact.caused_by or "").partition("/")[0]
                if source and fact.kind not in CORRECTIONS and child_of[source] != child_of[ref] and fact.seq > 1:
                    said = any(f"act {fact.seq} of case {ref} " in line for line in self.at.unheard)
                    assert said or fact.seq in corrected, f"{ref}/{fact.seq} is a copy from {source}"


def _words(fact: StoredFact) -> tuple[Any, ...]:
    return fact.kind, fact.occurred_on, tuple(sorted(fact.data.items()))


@pytest.fixture(scope="module", autouse=True)
def _made() -> Iterator[None]:
    yield
    clear_away()


@QUIET
@given(steps=STEPS)
def test_after_any_parting_joining_and_correcting_each_thing_is_on_the_right_side(steps: list[Any]) -> None:
    with linking() as context:
        children = Children(context)
        for deed, case, what in steps:
            children.step(deed, case, what)
        context.settle()
        for ref in context.cases():
            child = next(each for each in children.children() if ref in each)
            assert {*report(context.context, ref).same_child} == child - {ref}


@QUIET
@given(steps=STEPS, pair=st.sampled_from([(AMY, BEN), (BEN, APPEAL), (TALKS, AMY), (APPEAL, TALKS)]))
def test_parting_and_joining_at_once_leaves_facts_and_duties_as_they_were(
    steps: list[Any], pair: tuple[str, str]
) -> None:
    with linking() as context:
        children = Children(context)
        for deed, case, what in steps:
            if deed not in ("part", "join", "number"):
                children.step(deed, case, what)
        today = context.on(context.today)
        before, duties = children.in_force(), _duties(context)
        part(today, *pair, "dco.team", confirmed=True)
        join(today, *pair, "dco.team", confirmed=True)
        assert children.in_force() == before and _duties(context) == duties
        context.settle()


def _duties(context: Linking) -> list[tuple[Any, ...]]:
    with reading(context.engine) as connection:
        query = "SELECT case_ref, rule, opened_seq, due, closed_on, met_on, excused FROM duty ORDER BY 1, 2, 3"
        return [tuple(row) for row in connection.exec_driver_sql(query)]
