"""Boards and trusts that merge, at random: a second account of who has whose duties, day by day, agrees with ours.

The second account knows no chain of successors. It lives through the mergers in the order of time, and moves what each
body had to the new one. 42 boards became 36 on 1 April 2026, and more mergers follow.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from config.directory import Directory, load_directory
from models.enums import Party
from tests.support.examples import examples

BEGIN = date(2024, 4, 1)
LA, SERVICE = "northshire", "camhs"
OURS = load_directory()


class Merger(NamedTuple):
    """On `day` the bodies `old` are no more, and `new` has what they had; None where nobody succeeds them."""

    day: date
    old: frozenset[str]
    new: str | None


class Region(NamedTuple):
    """Bodies, and what became of them in the order of time."""

    first: tuple[str, ...]
    mergers: tuple[Merger, ...]

    def holder(self, code: str, on: date) -> str | None:
        """Who has the duties of a body on a day: lived through from the first day."""
        has: str | None = code
        for merger in self.mergers:
            if merger.day <= on and has in merger.old:
                has = merger.new
        return has

    def alive(self, on: date) -> set[str]:
        """The bodies that exist on a day."""
        there = set(self.first)
        for merger in self.mergers:
            if merger.day <= on:
                there = (there - merger.old) | ({merger.new} if merger.new else set())
        return there

    def directory(self) -> Directory:
        """The directory of the region: each body with its days and its successor."""
        made: dict[str, dict[str, Any]] = {code: _body(code) for code in self.first}
        for merger in self.mergers:
            if merger.new is not None and merger.new not in made:
                made[merger.new] = {**_body(merger.new), "first_day": merger.day}
            for code in merger.old:
                made[code]["last_day"] = merger.day - timedelta(days=1)
                if merger.new is not None:
                    made[code]["successor"] = merger.new
        # The first one gives the service, and each new body after it; one that was there before does not take it over.
        # A new body may have been there for a while, by an earlier merger: it gives the service from the day after.
        giver: str | None = self.first[0]
        since: date | None = None
        while giver is not None and (giver == self.first[0] or "first_day" in made[giver]):
            offer = {"service": SERVICE, "la": [LA], "mailbox": _mail("slt", giver), "manager": _mail("boss", giver)}
            made[giver]["provides"] = [offer if since is None else {**offer, "first_day": since}]
            since = made[giver]["last_day"] + timedelta(days=1) if "last_day" in made[giver] else None
            giver = made[giver].get("successor")
        tables = OURS.model_dump(by_alias=True, exclude={"body_", "text", "team"})
        return Directory.model_validate({**tables, "body": list(made.values()), "digest": "d"})


def _mail(who: str, code: str) -> str:
    return f"{who}@{code.lower()}.example"


def _body(code: str) -> dict[str, Any]:
    named = {"body": code, "name": f"Board {code}", "kind": "integrated_care_board"}
    return {**named, "send_lead": _mail("send", code), "provides": []}


@st.composite
def regions(draw: st.DrawFn) -> Region:
    """Up to eight bodies; up to six days on which some of those that exist end, in a new body, one of the others, or
    nobody. A body that was joined by others may end later too."""
    first = tuple(f"QY{number}00" for number in range(1, draw(st.integers(2, 8)) + 1))
    there, day, mergers, made = set(first), BEGIN, [], 0
    for _ in range(draw(st.integers(0, 6))):
        if not there:
            break
        day += timedelta(days=draw(st.integers(1, 400)))
        old = frozenset(draw(st.sets(st.sampled_from(sorted(there)), min_size=1, max_size=len(there))))
        rest = sorted(there - old)
        how = draw(st.sampled_from(["new", "new", "nobody", *(["joins"] if rest else [])]))
        made += how == "new"
        new = {"new": f"QZ{made}00", "nobody": None}.get(how) if how != "joins" else draw(st.sampled_from(rest))
        mergers.append(Merger(day, old, new))
        there = (there - old) | ({new} if new else set())
    return Region(first, tuple(mergers))


def days_of(region: Region) -> list[date]:
    """The day before each merger, the day itself, and the days after: where a slip by one would show."""
    around = [merger.day + timedelta(days=step) for merger in region.mergers for step in (-1, 0, 1)]
    return [BEGIN, *around, BEGIN + timedelta(days=3650)]


@settings(max_examples=examples(50), deadline=None)
@given(region=regions())
def test_who_has_whose_duties_is_what_living_through_the_mergers_gives(region: Region) -> None:
    directory = region.directory()
    codes = {*region.first, *(merger.new for merger in region.mergers if merger.new)}
    for on in days_of(region):
        there = region.alive(on)
        assert {each.body for each in directory.body_ if each.is_there(on)} == there
        for code in codes:
            found = directory.body_on(code, on)
            if code in there or any(code in merger.old and merger.day <= on for merger in region.mergers):
                assert found == region.holder(code, on), (code, on)
                assert found is None or found in there, "who has the duties exists on that day"
            mailbox = directory.mailbox(LA, code, None, Party.PROVIDER_SEND_LEAD, on)
            assert mailbox == (_mail("send", found) if found else None)


@settings(max_examples=examples(50), deadline=None)
@given(region=regions())
def test_a_service_has_one_giver_a_day_and_its_mailbox_is_that_of_who_has_the_duties(region: Region) -> None:
    directory = region.directory()
    for on in days_of(region):
        holder = region.holder(region.first[0], on)
        giver = holder if holder in {each.body for each in directory.providers_at_any_time(LA, SERVICE)} else None
        assert directory.provider(LA, SERVICE, on) == giver
        # A duty that was opened for any giver of before is written to the giver of today.
        for before in directory.providers_at_any_time(LA, SERVICE):
            if giver is not None and region.holder(before.body, on) == giver and (before.first_day or BEGIN) <= on:
                assert directory.mailbox(LA, before.body, SERVICE, Party.SERVICE, on) == _mail("slt", giver)


@settings(max_examples=examples(50), deadline=None)
@given(region=regions(), owed=st.lists(st.integers(0, 7), max_size=30))
def test_the_map_of_now_counts_every_duty_of_the_map_of_then_once(region: Region, owed: list[int]) -> None:
    directory = region.directory()
    then = Counter(region.first[number % len(region.first)] for number in owed)
    for on in days_of(region):
        # As `board --by successor` groups: a body without a successor is under its own name.
        now: Counter[str] = Counter()
        for code, count in then.items():
            now[directory.body_on(code, on) or code] += count
        assert now.total() == len(owed)
        assert now == _counted(region, then, on)


def _counted(region: Region, then: Mapping[str, int], on: date) -> Counter[str]:
    found: Counter[str] = Counter()
    for code, count in then.items():
        found[region.holder(code, on) or code] += count
    return found
