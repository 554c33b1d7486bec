"""Workers verify in the caller's snapshot: what they find is what one process finds, and what is lost is done once.

tests/system/postgres/test_work_pool.py has the workers of the real pool.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text

from audit import parts, whole, workers
from audit.parts import Checked, Part
from audit.processes import snapshot_of
from audit.verify import How, VerifyReport, verify
from audit.workers import ShardReport, Ticket, verify_shard
from casework import fault_points
from casework.context import AppContext
from casework.proof.sequencer import sequence
from casework.steps import shown_by
from casework.sweep import Shard
from models.encryption import Cipher
from models.messages import listening, send
from tests.support.team import Team

OPENS, AGREED = "ehc_assessment_requested", "assessment_agreed"
DAY = "3 Feb 2026"


@pytest.fixture
def lived(team: Team, monkeypatch: pytest.MonkeyPatch) -> Team:
    """Seven cases, in parts of two, with a signed checkpoint."""
    for module in (parts, whole):
        monkeypatch.setattr(module, "RANGE", 2)
    for number in range(1, 7):
        team.record("2 Feb 2026", OPENS, case=f"NX9000{number}", la="northshire")
    team.record("2 Feb 2026", OPENS, case="NX90007", la="northshire", nhs_number="999 000 0018")
    team.record(DAY, AGREED, case="NX90003")
    sequence(team.context(DAY))
    return team


def rows_altered(team: Team, statement: str) -> None:
    """Alter rows as somebody who owns the database can, with its triggers off."""
    with team.first.engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        assert connection.exec_driver_sql(statement).rowcount


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[Part]]:
    """Count how often each part is checked, by workers and by the caller."""
    checks: Counter[Part] = Counter()
    check = parts.check_part

    def counting(context: AppContext, connection: object, part: Part, *more: object) -> Checked:
        checks[part] += 1
        return check(context, connection, part, *more)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        for module in (whole, workers):
            patch.setattr(module, "check_part", counting)
        yield checks


def among(team: Team, of: int, *lost: int, reports: list[ShardReport] | None = None) -> Callable[[Ticket], None]:
    """Workers with contexts of their own, as on other machines; those that are lost do nothing."""

    def share(ticket: Ticket) -> None:
        for number in range(1, of + 1):
            if number not in lost:
                report = verify_shard(team.context(DAY), ticket, Shard(number, of))
                if reports is not None:
                    reports.append(report)

    return share


def said(report: VerifyReport) -> dict[str, object]:
    return report.model_dump()


@pytest.mark.parametrize("altered", [False, True])
@pytest.mark.parametrize("of", [1, 2, 5])
def test_workers_find_what_one_process_finds_and_check_each_part_once(
    lived: Team, monkeypatch: pytest.MonkeyPatch, of: int, altered: bool
) -> None:
    if altered:
        rows_altered(lived, "UPDATE fact SET actor = 'sam.lee' WHERE case_ref = 'NX90002'")
    before = "2026-02-03T12:00:00.000000Z"
    alone = verify(lived.context(DAY), before=before)
    reports: list[ShardReport] = []
    with counted(monkeypatch) as checks:
        shared = verify(lived.context(DAY), before=before, how=How(1, share=among(lived, of, reports=reports)))
    assert said(shared) == said(alone)
    assert (shared.cases, shared.facts, shared.intact) == (7, 8, not altered)
    assert set(checks.values()) == {1}
    assert (len(checks), sum(each.parts for each in reports)) == (8, 8), "four ranges, and four that are read in order"
    assert (sum(each.cases for each in reports), sum(each.differences for each in reports) > 0) == (7, altered)


def test_what_a_lost_worker_left_is_checked_by_the_caller_once(lived: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = verify(lived.context(DAY), before="2026-02-03T12:00:00.000000Z")

    class Dies(Exception):
        """In place of the end of a process."""

    def dies(ticket: Ticket) -> None:
        among(lived, 2, 2)(ticket)
        with monkeypatch.context() as patch, pytest.raises(Dies):
            patch.setattr(fault_points, "here", lambda _name: (_ for _ in ()).throw(Dies))
            verify_shard(lived.context(DAY), ticket, Shard(2, 2))

    with counted(monkeypatch) as checks:
        shared = verify(lived.context(DAY), before="2026-02-03T12:00:00.000000Z", how=How(1, share=dies))
    assert said(shared) == said(alone)
    assert set(checks.values()) == {1}, "the part that it had sent is not repeated"
    with counted(monkeypatch) as checks:
        nobody = verify(
            lived.context(DAY), before="2026-02-03T12:00:00.000000Z", how=How(1, share=lambda _ticket: None)
        )
    assert (said(nobody), set(checks.values())) == (said(alone), {1})


def test_a_fact_that_comes_meanwhile_is_not_in_the_snapshot(lived: Team) -> None:
    def meanwhile(ticket: Ticket) -> None:
        lived.record(DAY, AGREED, case="NX90001")
        among(lived, 2)(ticket)

    found = verify(lived.context(DAY), how=How(1, share=meanwhile))
    assert (found.intact, found.facts) == (True, 8)


def test_nobody_without_the_key_says_that_a_part_is_intact(lived: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who may only use the database sends what a worker would; one with another key, or other rules, too."""
    rows_altered(lived, "UPDATE fact SET actor = 'sam.lee' WHERE case_ref = 'NX90002'")
    everything = [Checked(Part(kind)) for kind in parts.IN_ORDER]
    context = lived.context(DAY)
    other_key = replace(context, cipher=Cipher.for_nothing())
    other_rules = replace(context, ruleset_digest="0" * 64)

    def forged(ticket: Ticket) -> None:
        older = ticket._replace(before="2026-02-02T00:00:00.000000Z")
        with context.engine.connect() as connection:
            ranges = parts.ranges(connection)
        for checked in [*everything, *(Checked(part) for part in ranges)]:
            for message in (
                workers._encrypted(other_key, ticket, checked),
                workers._encrypted(other_rules, ticket, checked),
                workers._encrypted(context, older, checked),
                b"\x02 intact",
                b"",
            ):
                send(context.engine, ticket.channel, message)

    found = verify(lived.context(DAY), how=How(1, share=forged))
    assert {each.case_ref for each in found.damage} == {"NX90002"}


def test_a_shard_of_a_verification_that_has_ended_does_nothing(lived: Team) -> None:
    tickets: list[Ticket] = []
    verify(lived.context(DAY), how=How(1, share=tickets.append))
    assert verify_shard(lived.context(DAY), tickets[0], Shard(1, 1)) == ShardReport(ended=True)
    assert verify_shard(lived.context(DAY), Ticket("0-0-0", ""), Shard(1, 1)) == ShardReport(ended=True)


def test_a_shard_without_a_slot_leaves_its_parts_to_the_caller(lived: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    class Taken:
        def __call__(self, step: object, work: Callable[[], Any]) -> Any:
            return work()

        @contextmanager
        def slot(self, resource: str, *, wait: bool) -> Iterator[bool]:
            assert (resource, wait) == ("verify", True)
            yield False

    reports: list[ShardReport] = []

    def share(ticket: Ticket) -> None:
        with shown_by(Taken()):
            among(lived, 2, reports=reports)(ticket)

    found = verify(lived.context(DAY), how=How(1, share=share))
    assert (found.intact, found.facts, reports) == (True, 8, [ShardReport(no_slot=True)] * 2)


def test_a_long_message_comes_in_pieces_and_whole(lived: Team) -> None:
    engine, long = lived.first.engine, bytes(range(256)) * 200
    with listening(engine, "sendflow_test") as listener:
        for message in (long, b"", b"short"):
            send(engine, "sendflow_test", message)
        send(engine, "another", b"of somebody else")
        assert list(listener.messages(1.0)) == [long, b"", b"short"]
    with engine.connect() as connection:
        listened_to = connection.execute(text("SELECT count(*) FROM pg_listening_channels()")).scalar()
    assert listened_to == 0, "a connection of the pool listens to nothing"


def test_the_caller_may_wait_longer_than_a_connection_may_idle(lived: Team) -> None:
    """The server ends a connection that idles in a transaction for ten minutes, and the snapshot with it."""
    allowed: list[str] = []
    check = partial(among(lived, 1))

    def share(ticket: Ticket) -> None:
        with lived.first.engine.connect() as connection:
            allowed.append(str(connection.exec_driver_sql("SHOW idle_in_transaction_session_timeout").scalar()))
        check(ticket)

    context = lived.context(DAY)
    with context.engine.connect() as connection:
        snapshot_of(connection, context.engine)
        assert connection.exec_driver_sql("SHOW idle_in_transaction_session_timeout").scalar() == "0"
    assert verify(context, how=How(1, share=share)).intact
    assert allowed == ["10min"], "no other transaction is affected"
