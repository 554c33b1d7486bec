"""A whole verification: its parts in order, or in several processes, and what is compared once they are done."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection

from audit.parts import (
    CASES,
    CHANGES,
    ENCRYPTED,
    HEADS,
    IN_ORDER,
    LOG,
    RANGE,
    AllHeads,
    Checked,
    Failures,
    Part,
    check_part,
    ranges,
)
from audit.processes import Shared, check_in_processes, settings_of, snapshot_of
from audit.progress import Progress
from audit.stored_cases import count_cases
from audit.verify_changes import check_config
from audit.verify_letters import check_files, check_letters
from audit.verify_notices import SentDays
from audit.workers import Share, checked_by_workers
from casework import published_heads
from casework.cases.unit_of_work import LARGEST_CLOCK_DIFFERENCE
from casework.context import AppContext, instant
from casework.steps import Step, run_step
from models.bulk_io import day_form, mark, stream

MOST_PROCESSES = 4
WORTH_IT = 8 * RANGE  # cases: below, the start of the processes takes longer than they gain
_CHANGED = "SELECT DISTINCT case_ref FROM fact WHERE recorded_at >= {mark} ORDER BY case_ref"


class How(NamedTuple):
    """In how many processes; None: as many as are worth it. `resume`: go on with one that was interrupted.

    `share`: let workers check the parts first; the processes check what is left.
    """

    processes: int | None = 1
    resume: bool = False
    share: Share | None = None

    def number(self, context: AppContext, connection: Connection) -> int:
        """The number of processes for this database; 1 if others cannot open it."""
        if self.processes == 1 or settings_of(context) is None:
            return 1
        if self.processes is not None:
            return self.processes
        many = count_cases(connection) >= WORTH_IT
        return min(os.cpu_count() or 1, MOST_PROCESSES) if many else 1


def check_whole(
    context: AppContext, connection: Connection, before: str, how: How, witnesses: published_heads.Witnesses
) -> Checked:
    """Check everything. Gives the numbers, the head, and what was found, in the same order however it was done."""
    progress = Progress.of(context, ranges(connection), count_cases(connection), resume=how.resume)
    processes = how.number(context, connection)
    if processes == 1 and not progress.resumed and how.share is None:
        found = _one_after_another(context, connection, progress, before)
    else:
        found = _shared(context, connection, progress, before, how._replace(processes=processes))
    if progress.resumed:
        _again(context, connection, progress, before)
    done = [progress.done[number] for number in sorted(progress.done)]
    failures = Failures([each for checked in done for each in checked.failures])
    sent: SentDays = Counter()
    for checked in done:
        for letter, on, count in checked.sent:
            sent[letter, on] += count
    run_step(Step("letters"), partial(check_letters, connection, day_form(connection), sent, failures.of_letters))
    check_files(connection, context.settings.letters, failures.of_letters)
    failures.found += found[HEADS].failures
    for each in published_heads.check(connection, witnesses):
        failures(*each)
    failures.found += (each for kind in (LOG, CHANGES, ENCRYPTED) for each in found[kind].failures)
    check_config(context, connection, failures.of_rows)
    progress.end()
    heads, stale = found[HEADS], sum(checked.stale for checked in done)
    resumed = progress.begun.at if progress.resumed else None
    return Checked(Part(CASES), heads.cases, heads.facts, stale, heads.head, failures.found, resumed=resumed)


def _one_after_another(
    context: AppContext, connection: Connection, progress: Progress, before: str
) -> dict[str, Checked]:
    """Check every part in one snapshot. The heads are calculated of the facts that the ranges read."""
    heads = AllHeads(connection, before)
    for part in progress.begun.ranges:
        work = partial(check_part, context, connection, part, before, heads.add)
        progress.note(run_step(_step(part, progress), work))
    found = {HEADS: heads.checked()}
    for kind in (LOG, CHANGES, ENCRYPTED):
        found[kind] = run_step(Step(kind), partial(check_part, context, connection, Part(kind), before))
    return found


def _shared(
    context: AppContext, connection: Connection, progress: Progress, before: str, how: How
) -> dict[str, Checked]:
    """Check the parts that are not done by workers or in several processes, and those of a lost one in this process."""
    left = [Part(kind) for kind in IN_ORDER]
    left += [part for part in progress.begun.ranges if part.number not in progress.done]
    found: dict[str, Checked] = {}
    for checked in _checked(context, connection, left, before, how):
        if checked.part.kind == CASES:
            progress.note(checked)
        else:
            found[checked.part.kind] = checked
        # The parts end in any order, and some were done before an interruption: so many are done now.
        run_step(_step(checked.part, progress)._replace(number=len(progress.done)), lambda: None)
    return found


def _checked(
    context: AppContext, connection: Connection, parts: list[Part], before: str, how: How
) -> Iterator[Checked]:
    settings = settings_of(context)
    done: set[Part] = set()
    if how.share is not None:
        for checked in checked_by_workers(context, connection, parts, before, how.share):
            done.add(checked.part)
            yield checked
    left = [part for part in parts if part not in done]
    processes = how.processes or 1
    if min(processes, len(left)) > 1 and settings is not None:
        shared = Shared(settings, before, snapshot_of(connection, context.engine))
        here = partial(_check_here, context, connection, before)
        for checked in check_in_processes(shared, left, processes, here):
            done.add(checked.part)
            yield checked
    yield from (check_part(context, connection, part, before) for part in parts if part not in done)


def _check_here(context: AppContext, connection: Connection, before: str, part: Part) -> Checked:
    return check_part(context, connection, part, before)


def _again(context: AppContext, connection: Connection, progress: Progress, before: str) -> None:
    """Check the cases again that have a fact since the interrupted verification began."""
    since = instant(datetime.fromisoformat(progress.begun.at) - LARGEST_CLOCK_DIFFERENCE)
    changed = {row[0] for row in stream(connection, _CHANGED.format(mark=mark(connection)), (since,))}
    for checked in progress.done.values():
        checked.failures = [each for each in checked.failures if each[0] not in changed]
    for number, ref in enumerate(sorted(changed), len(progress.begun.ranges) + 1):
        progress.note(check_part(context, connection, Part(CASES, number, only=ref), before))


def _step(part: Part, progress: Progress) -> Step:
    if part.kind != CASES:
        return Step(part.kind)
    first = (part.number - 1) * RANGE + 1
    last = min(first + RANGE - 1, max(progress.begun.cases, 1))
    return Step(f"cases {first} to {last}", part.number, len(progress.begun.ranges))
