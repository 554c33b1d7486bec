"""The parts of a whole verification, each in a snapshot of its own, so that several processes can share them.

A part is a range of cases, or one of what is checked in order over all: the heads, the log, the change log, the
encrypted values. What it found can be sent between processes and written to a file.
"""

from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from itertools import groupby
from operator import itemgetter

import msgspec
from sqlalchemy import Connection

from audit.case_check import CaseCheck
from audit.published_head import Head
from audit.report import VerificationFailure
from audit.stored_cases import Cases, StoredCase, stored_cases
from audit.verify_changes import check_changes
from audit.verify_encrypted import check_encrypted
from audit.verify_log import check_log
from audit.verify_notices import NoticeCheck
from casework.context import AppContext
from casework.rules.ruleset_guard import ever_active
from models.bulk_io import Row, day_form, stream, stream_some
from models.change_log import line_before
from models.checkpoints import Heads, checkpoints, difference_message
from models.ledger import Stored
from models.tables import FACT

RANGE = 1_000  # cases of one part: the smaller, the sooner several processes end together
CASES, HEADS, LOG, CHANGES, ENCRYPTED = "cases", "heads", "log", "change log", "encrypted values"
IN_ORDER = (LOG, HEADS, CHANGES, ENCRYPTED)  # the longest first, as no process can share it
Failure = tuple[str | None, int | None, str, str]  # case, seq of the fact, what, message
Also = Callable[[StoredCase], None]
_SEQ_INSTANT_HASH = itemgetter(*(Stored._fields.index(name) for name in ("seq", "recorded_at", "hash")))


class Part(msgspec.Struct, frozen=True, array_like=True):
    """One part. Of cases: the `number`-th range, from the reference `first` up to `after` without it, or one case."""

    kind: str
    number: int = 1
    first: str | None = None
    after: str | None = None
    only: str | None = None

    @property
    def cases(self) -> Cases:
        return Cases(self.first, self.after, self.only)


class Checked(msgspec.Struct):
    """What a part compared and found. `sent`: how many notices the facts say were sent, by letter and day."""

    part: Part
    cases: int = 0
    facts: int = 0
    stale: int = 0
    head: str = ""
    failures: list[Failure] = []
    sent: list[tuple[str, date, int]] = []
    resumed: str | None = None


class Failures:
    """Collects what is found, with the forms of call that the checks use."""

    def __init__(self, found: list[Failure] | None = None) -> None:
        self.found: list[Failure] = found if found is not None else []

    def __call__(self, ref: str | None, seq: int | None, what: str, message: str) -> None:
        self.found.append((ref, seq, what, message))

    def of_letters(self, ref: str | None, seq: int | None, message: str) -> None:
        """Report something about a letter."""
        self(ref, seq, "letter", message)

    def of_rows(self, ref: str | None, what: str, message: str) -> None:
        """Report something about a row that no fact gives."""
        self(ref, None, what, message)

    def as_models(self) -> list[VerificationFailure]:
        """What was found, as a report has it."""
        return [
            VerificationFailure(case_ref=ref, seq=seq, what=what, message=said) for ref, seq, what, said in self.found
        ]


class AllHeads:
    """The head of now and those of the published instants, built from one case after another in order of reference."""

    def __init__(self, connection: Connection, before: str) -> None:
        self._connection = connection
        self.own = Head(before)
        self._heads = Heads(checkpoints(connection))

    def add(self, stored: StoredCase) -> None:
        """Include one case."""
        self.own.add(stored.ref, stored.facts)
        self._heads.add(stored.ref, [_SEQ_INSTANT_HASH(row) for row in stored.facts])

    def checked(self) -> Checked:
        """The head, and the published ones that the facts no longer give."""
        failures = Failures()
        if differences := self._heads.differences(partial(line_before, self._connection)):
            failures(None, None, "head", difference_message(differences))
        head = self.own.hex(line_before(self._connection, self.own.before))
        return Checked(Part(HEADS), self.own.cases, self.own.facts, head=head, failures=failures.found)


def ranges(connection: Connection) -> list[Part]:
    """The ranges that have every case, in order. The first has no beginning and the last no end."""
    rows = stream(connection, "SELECT case_ref FROM case_file ORDER BY case_ref")
    starts = [None, *(row[0] for place, row in enumerate(rows) if place and place % RANGE == 0)]
    ends = [*starts[1:], None]
    return [Part(CASES, number, *both) for number, both in enumerate(zip(starts, ends, strict=True), 1)]


def check_part(
    context: AppContext, connection: Connection, part: Part, before: str, also: Also | None = None
) -> Checked:
    """Check one part. `before` is the instant of the head. `also` is called with each case of a range."""
    failures = Failures()
    if part.kind == CASES:
        return _check_cases(context, connection, part, before, also)
    if part.kind == HEADS:
        return _check_heads(connection, before)
    if part.kind == LOG:
        check_log(context, connection, None, failures)
    elif part.kind == CHANGES:
        check_changes(connection, None, failures.of_rows)
    else:
        check_encrypted(connection, context.cipher, None, failures.of_rows)
    return Checked(part, failures=failures.found)


def _check_cases(context: AppContext, connection: Connection, part: Part, before: str, also: Also | None) -> Checked:
    day = day_form(connection)
    notices = NoticeCheck(context, connection, day)
    checker, failures, one = CaseCheck(context, notices, day, ever_active(connection)), Failures(), Head(before)
    stale = 0
    for stored in stored_cases(connection, part.cases):
        one.add(stored.ref, stored.facts)
        if also is not None:
            also(stored)
        stale += checker.check(stored, partial(failures, stored.ref))
    head = one.hex(line_before(connection, before)) if part.only is not None else ""
    sent = [(letter, on, count) for (letter, on), count in notices.sent_days.items()]
    return Checked(part, one.cases, one.facts, stale, head, failures.found, sent)


def _check_heads(connection: Connection, before: str) -> Checked:
    heads = AllHeads(connection, before)
    for ref, facts in groupby(_facts(connection), itemgetter(0)):
        heads.add(StoredCase(ref, list(facts), None, [], [], []))
    return heads.checked()


def _facts(connection: Connection) -> Iterator[Row]:
    """Every fact without its text, which is not read."""
    names = ("case_ref", "seq", "recorded_at", "hash")
    empty = [""] * len(Stored._fields)
    places = [Stored._fields.index(name) for name in names]
    for row in stream_some(connection, FACT, names, "", ()):
        whole = empty.copy()
        for place, value in zip(places, row, strict=True):
            whole[place] = value
        yield tuple(whole)
