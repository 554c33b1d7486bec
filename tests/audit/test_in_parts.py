"""A whole verification in several processes, or in two goes, finds what one in one process finds; one of what is new
since the last is about that alone.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from multiprocessing import active_children
from typing import Any

import pytest
from sqlalchemy import Connection

from audit import parts, whole
from audit.parts import CASES, Part
from audit.processes import Shared, check_in_processes
from audit.progress import FILE
from audit.since import FILE as VERIFIED
from audit.since import NothingVerified
from audit.verify import How, VerifyReport, verify, verify_and_store, verify_since_last
from casework.context import AppContext
from casework.owners import assign
from casework.proof.sequencer import sequence
from casework.steps import shown_by
from models.append_only import triggers
from models.database import reading
from models.errors import SendflowError
from tests.audit.test_findings import command
from tests.support.noted_steps import NotedSteps
from tests.support.team import Team

OPENS, AGREED = "ehc_assessment_requested", "assessment_agreed"
DAY, LATER, NEXT = "3 Feb 2026", "4 Feb 2026", "5 Feb 2026"
CASES_OF_A_PART = 2


@pytest.fixture
def lived(team: Team, monkeypatch: pytest.MonkeyPatch) -> Team:
    """Five cases, in parts of two, with a signed checkpoint."""
    for module in (parts, whole):
        monkeypatch.setattr(module, "RANGE", CASES_OF_A_PART)
    for number in range(1, 6):
        team.record("2 Feb 2026", OPENS, case=f"NX9000{number}", la="northshire")
    team.record(DAY, AGREED, case="NX90003")
    sequence(team.context(DAY))
    return team


@contextmanager
def owner(team: Team) -> Iterator[sqlite3.Connection]:
    """The database in the hands of somebody who drops the triggers and puts them back."""
    team.first.engine.dispose()
    with closing(sqlite3.connect(team.home / "sendflow.db", isolation_level=None)) as file:
        for name in triggers("sqlite"):
            file.execute(f"DROP TRIGGER {name}")
        yield file
        for statement in triggers("sqlite").values():
            file.execute(statement)


def alter(team: Team) -> None:
    with owner(team) as file:
        file.execute("UPDATE fact SET actor = 'sam.lee' WHERE case_ref = 'NX90002'")
        file.execute("UPDATE case_file SET state = 'closed' WHERE case_ref = 'NX90005'")


def said(report: VerifyReport) -> dict[str, object]:
    return report.model_dump(exclude={"resumed"})


def test_the_ranges_have_every_case_once(lived: Team) -> None:
    with reading(lived.context(DAY).engine) as connection:
        ranges = parts.ranges(connection)
    assert [(part.first, part.after) for part in ranges] == [
        (None, "NX90003"),
        ("NX90003", "NX90005"),
        ("NX90005", None),
    ]


@pytest.mark.parametrize("altered", [False, True])
def test_two_processes_find_what_one_finds(lived: Team, altered: bool) -> None:
    if altered:
        alter(lived)
    one = verify(lived.context(LATER))
    two = verify(lived.context(LATER), how=How(2))
    assert said(two) == said(one)
    assert one.intact is not altered
    assert (one.cases, one.facts) == (5, 6)


def test_a_process_that_is_lost_costs_its_part_alone(lived: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """The part that it had taken is checked by the caller, once."""
    alter(lived)
    expected = verify(lived.context(LATER))
    taken: list[Part] = []

    def losing(
        shared: Shared, some: list[Part], number: int, here: Callable[[Part], parts.Checked]
    ) -> Iterator[parts.Checked]:
        lost = next(part for part in some if part.kind == CASES)
        taken.append(lost)
        yield from check_in_processes(shared, [part for part in some if part != lost], number, here)

    monkeypatch.setattr(whole, "check_in_processes", losing)
    found = verify(lived.context(LATER), how=How(2))
    assert (said(found), len(taken)) == (said(expected), 1)


def test_the_progress_of_parts_that_end_in_any_order_only_grows_and_ends_whole(
    lived: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number of the part was shown: 100 per cent when the last range ended first, and less at the end."""

    def backwards(shared: Shared, some: list[Part], _number: int, here: Callable[[Part], parts.Checked]) -> Any:
        return (here(part) for part in reversed(some))

    monkeypatch.setattr(whole, "check_in_processes", backwards)
    shows = NotedSteps()
    with shown_by(shows):
        assert verify(lived.context(LATER), how=How(2)).intact
    ranges = [step for step in shows.steps if step.of > 1]
    assert [step.name for step in ranges] == ["cases 5 to 5", "cases 3 to 4", "cases 1 to 2"]
    assert [(step.number, step.of) for step in ranges] == [(1, 3), (2, 3), (3, 3)]


def wait_for_the_other() -> None:
    for other in active_children():
        other.join(60)
    assert active_children() == []


def here_of(context: AppContext, connection: Connection, before: str) -> Callable[[Part], parts.Checked]:
    return lambda part: parts.check_part(context, connection, part, before)


def test_a_process_that_is_killed_ends_nothing_else(lived: Team) -> None:
    """The caller takes the parts that are left; only what the other one had taken is not among them."""
    context, before = lived.context(LATER), "2026-02-04T00:00:00.000000Z"
    found: list[Part] = []
    with reading(context.engine) as connection:
        ranges = parts.ranges(connection)
        here = here_of(context, connection, before)
        for checked in check_in_processes(Shared(context.settings, before, None), ranges * 2, 2, here):
            if not found:
                victim = active_children()[0]
                victim.kill()
                victim.join()
            found.append(checked.part)
    assert set(found) == set(ranges)
    assert len(ranges) * 2 - 1 <= len(found) <= len(ranges) * 2


def test_the_other_process_checks_while_the_caller_does(lived: Team) -> None:
    """The caller waits in its first part until the other process has checked one, so both take part."""
    context, before = lived.context(LATER), "2026-02-04T00:00:00.000000Z"
    by_caller: list[Part] = []
    with reading(context.engine) as connection:
        ranges = parts.ranges(connection)
        check = here_of(context, connection, before)

        def slow(part: Part) -> parts.Checked:
            by_caller.append(part)
            if len(by_caller) == 1:
                wait_for_the_other()
            return check(part)

        found = [each.part for each in check_in_processes(Shared(context.settings, before, None), ranges, 2, slow)]
    assert by_caller == ranges[:1]
    assert sorted(part.number for part in found) == [1, 2, 3]


@pytest.mark.parametrize("where", ["here", "in the other process"])
def test_what_a_part_raises_ends_the_verification_and_leaves_no_process(lived: Team, where: str) -> None:
    context, before = lived.context(LATER), "2026-02-04T00:00:00.000000Z"
    with reading(context.engine) as connection:
        ranges = parts.ranges(connection)
        check = here_of(context, connection, before)

        def raising(part: Part) -> parts.Checked:
            if where == "here":
                raise LookupError(part.kind)
            wait_for_the_other()
            return check(part)

        # Without a database, the other process cannot begin.
        elsewhere = replace(context.settings, home=lived.home / "nowhere")
        shared = Shared(context.settings if where == "here" else elsewhere, before, None)
        with pytest.raises(LookupError if where == "here" else SendflowError):
            list(check_in_processes(shared, ranges, 2, raising))
    assert active_children() == []


def test_an_interrupted_verification_goes_on_where_it_ended(lived: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was recorded meanwhile is checked again, and a part that is done is not repeated."""
    alter(lived)
    check, checked = parts.check_part, list[tuple[str, int, str | None]]()

    def ending(*given: object, **named: object) -> parts.Checked:
        part = given[2]
        assert isinstance(part, Part)
        checked.append((part.kind, part.number, part.only))
        if len(checked) == 2:
            raise KeyboardInterrupt
        return check(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(whole, "check_part", ending)
    with pytest.raises(KeyboardInterrupt):
        verify(lived.context(DAY))
    assert (lived.home / FILE).stat().st_mode & 0o777 == 0o600
    lived.record(DAY, AGREED, case="NX90001")
    found = verify(lived.context(DAY), how=How(1, resume=True))
    assert found.resumed is not None
    assert (CASES, 1, None) not in checked[2:]
    assert "NX90001" in {only for _kind, _number, only in checked[2:]}
    assert {each.case_ref for each in found.damage} == {"NX90002", "NX90005"}
    assert found.facts == 7
    assert not (lived.home / FILE).exists()
    monkeypatch.setattr(whole, "check_part", check)
    assert said(verify(lived.context(DAY))) == said(found)


def test_a_line_that_was_cut_is_checked_again(lived: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    check = parts.check_part

    def ending(*given: object, **named: object) -> parts.Checked:
        if given[2] == Part(CASES, 3, "NX90005"):
            raise KeyboardInterrupt
        return check(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(whole, "check_part", ending)
    with pytest.raises(KeyboardInterrupt):
        verify(lived.context(DAY))
    monkeypatch.setattr(whole, "check_part", check)
    file = lived.home / FILE
    file.write_bytes(file.read_bytes()[:-20])
    found = verify(lived.context(DAY), how=How(1, resume=True))
    assert (found.intact, found.cases, found.facts) == (True, 5, 6)


def test_what_is_new_is_verified_alone(lived: Team) -> None:
    """An older row that was altered since is for a whole verification; the report says since when it compared."""
    assert verify_and_store(lived.context(DAY)).intact
    lived.record(LATER, AGREED, case="NX90004")
    sequence(lived.context(LATER))
    lived.record(LATER, "health_advice_requested", case="NX90004", body="QX101")
    found = verify_since_last(lived.context(LATER))
    assert (found.damage, found.cases, found.facts, found.head) == ([], 1, 3, "")
    assert found.since is not None and found.since.startswith("2026-02-03")


NEW = {
    "a new fact": "UPDATE fact SET actor = 'sam.lee' WHERE case_ref = 'NX90004' AND seq = 2",
    "an older fact of its case": "UPDATE fact SET actor = 'sam.lee' WHERE case_ref = 'NX90004' AND seq = 1",
    "a new fact deleted": "DELETE FROM fact WHERE case_ref = 'NX90004' AND seq = 2",
    "the state of a case with a new fact": "UPDATE case_file SET state = 'closed' WHERE case_ref = 'NX90004'",
    "a new record": "UPDATE change_log SET at = '2026-02-01' WHERE number = (SELECT max(number) FROM change_log)",
    "a new record deleted": "DELETE FROM change_log WHERE number = (SELECT max(number) FROM change_log)",
    "a new row": "UPDATE case_owner SET actor = 'sam.lee'",
    "a new row deleted": "DELETE FROM case_owner",
    "a new leaf": "UPDATE log_leaf SET leaf = 'fact NX90004 2 00' WHERE leaf LIKE 'fact NX90004 2%'",
    "an older block or checkpoint": "UPDATE log_leaf SET leaf = 'fact NX90001 1 00' WHERE number = 0",
    "a leaf between": "DELETE FROM log_leaf WHERE leaf LIKE 'fact NX90004 2%'",
}


@pytest.mark.parametrize("what", NEW)
def test_what_was_altered_in_what_is_new_is_found(lived: Team, what: str) -> None:
    assert verify_and_store(lived.context(DAY)).intact
    lived.record(LATER, AGREED, case="NX90004")
    assign(lived.context(LATER), "NX90004", "dco.team", "dco.team")
    sequence(lived.context(LATER))
    with owner(lived) as file:
        assert file.execute(NEW[what]).rowcount == 1
    found = verify_since_last(lived.context(LATER))
    assert found.damage
    assert {each.what for each in found.damage} <= {each.what for each in verify(lived.context(LATER)).damage}


def test_an_older_row_is_for_a_whole_verification(lived: Team) -> None:
    assert verify_and_store(lived.context(DAY)).intact
    with owner(lived) as file:
        file.execute("UPDATE fact SET actor = 'sam.lee' WHERE case_ref = 'NX90001'")
    assert verify_since_last(lived.context(LATER)).damage == []
    assert not verify(lived.context(LATER)).intact


def test_without_an_earlier_verification_it_says_what_to_do(lived: Team) -> None:
    with pytest.raises(NothingVerified, match="sendflow verify once"):
        verify_since_last(lived.context(DAY))


def test_a_checkpoint_that_nobody_signed_is_not_trusted(lived: Team) -> None:
    assert verify_and_store(lived.context(DAY)).intact
    file = lived.home / VERIFIED
    lines = file.read_text("utf-8").split("\n")
    lines[1] = str(int(lines[1]) + 1)
    file.write_text("\n".join(lines), "utf-8")
    with pytest.raises(NothingVerified, match="does not verify"):
        verify_since_last(lived.context(LATER))


def test_the_command_goes_on_and_verifies_what_is_new(lived: Team) -> None:
    """Only with these options does it note how far it came; alone it makes no file."""
    assert command(lived, DAY, "verify").exit_code == 0
    assert not (lived.home / FILE).exists() and not (lived.home / VERIFIED).exists()
    assert command(lived, DAY, "verify", "--since-last").exit_code == 2
    assert command(lived, DAY, "verify", "--resume", "--processes", "1").exit_code == 0
    found = command(lived, DAY, "verify", "--since-last")
    assert found.exit_code == 0 and "since the checkpoint of 2026-02-03" in found.stdout
    assert command(lived, DAY, "verify", "NX90001", "--since-last").exit_code == 2


def test_workers_are_for_every_case_and_for_postgresql(lived: Team) -> None:
    refused = command(lived, DAY, "verify", "NX90001", "--workers", "2")
    assert (refused.exit_code, "sendflow verify --workers 4" in refused.stderr) == (2, True)
    assert command(lived, DAY, "verify", "--since-last", "--workers", "2").exit_code == 2
    alone = command(lived, DAY, "verify", "--workers", "2", "--json")
    assert (alone.exit_code, "its workers need PostgreSQL" in alone.stderr) == (0, True)
    assert json.loads(alone.stdout)["facts"] == 6
