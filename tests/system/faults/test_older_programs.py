"""A program that is older than its database says so in one line and writes nothing, also if the database is migrated
while it runs.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from audit.verify import verify
from casework.cases.record import record
from casework.context import AppContext
from casework.delivery.daily_digest import digest
from casework.delivery.deliver import deliver
from casework.imports.tracker_import import import_file
from casework.sweep import sweep
from config.process_environment import child_environment
from models import database, ledger, schema
from models.database import is_postgresql, open_engine, writing
from models.errors import DatabaseUnusable
from models.facts import FactDraft, fact_of
from models.macs import newest_mac
from models.schema import HEAD, create_or_upgrade_schema, revision
from runtime.diagnostics.checks import examine
from runtime.scheduler import Scheduler
from statemachines.process import NotPermitted
from tests.support.by_hand import CASE, day
from tests.support.earlier_schema import back_to_002
from tests.support.fork_server import sendflow
from tests.support.paths import ROOT
from tests.support.team import Team

LATER = """
import sqlalchemy as sa
from alembic import op
revision, down_revision, branch_labels, depends_on = "later", "{head}", None, None
def upgrade() -> None:
    op.add_column("case_file", sa.Column("later", sa.String(), nullable=True))
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Team], None]:
    """A later program with one more migration, which migrates a team's database."""
    folder = tmp_path / "later"
    shutil.copytree(schema.MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "later_one_more.py").write_text(LATER.format(head=HEAD))

    def opened(team: Team) -> None:
        with monkeypatch.context() as later:
            later.setattr(schema, "MIGRATIONS", folder)
            later.setattr(schema, "HEAD", "later")
            engine = open_engine(team.first.settings.records_url)
            create_or_upgrade_schema(engine)
            assert revision(engine) == "later"
            engine.dispose()

    return opened


@contextmanager
def nothing_is_written(team: Team) -> Iterator[None]:
    """Check that no row changes."""
    before = team.dump(), ticks(team)
    yield
    assert (team.dump(), ticks(team)) == before


def ticks(team: Team) -> int:
    with database.reading(team.first.engine) as connection:
        return int(connection.scalar(text("SELECT count(*) FROM job_run")) or 0)


def lived(team: Team) -> Team:
    """A case whose advice is late on 14 April and whose first letter has not left."""
    return team.opened("2 Feb 2026").asked("2 Mar 2026")


def test_a_program_that_ran_during_a_migration_writes_no_more(
    team: Team, program: Callable[[Team], None], tmp_path: Path
) -> None:
    context: AppContext = lived(team).context("14 Apr 2026")
    tracker = tmp_path / "tracker.csv"
    tracker.write_text("Ref,Local authority,Request received by LA\nNX90002,northshire,02/03/2026\n", encoding="utf-8")
    program(team)
    acts: list[Callable[[], Any]] = [
        lambda: team.record("14 Apr 2026", "health_advice_acknowledged", service="speech_and_language_therapy"),
        lambda: sweep(context),
        lambda: deliver(context, transport=team.post),
        lambda: digest(context, context.today()),
        lambda: import_file(context, tracker),
    ]
    with nothing_is_written(team):
        for act in acts:
            with pytest.raises(DatabaseUnusable, match="later version of sendflow"):
                act()
    assert team.post.letters == []


def test_a_program_of_revision_002_writes_nothing_once_revision_003_has_renamed_its_columns(team: Team) -> None:
    """The program read revision 002 at its start. Each writing transaction reads the revision again."""
    context = lived(team).context("14 Apr 2026")
    engine = open_engine(team.first.settings.records_url)
    with writing(team.first.engine) as connection:
        back_to_002(connection)
    create_or_upgrade_schema(engine)
    assert revision(engine) == HEAD
    engine.dispose()
    team.first.engine.update_execution_options(**{database.FOUND_REVISION: "002"})
    with nothing_is_written(team):
        for act in (lambda: sweep(context), lambda: deliver(context, transport=team.post)):
            with pytest.raises(DatabaseUnusable, match="later version of sendflow"):
                act()
    assert team.post.letters == []


def test_a_program_that_is_started_then_says_so_and_the_doctor_too(team: Team, program: Callable[[Team], None]) -> None:
    program(lived(team))
    settings = team.context("14 Apr 2026").settings
    with nothing_is_written(team):
        with pytest.raises(DatabaseUnusable, match="Nothing was changed"):
            AppContext.load(settings)
        environment = child_environment(settings) | {"SENDFLOW_TODAY": "2026-04-14", "PYTHONPATH": str(ROOT)}
        done = sendflow("sweep", env=environment)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1), done.stderr
        assert "Install that version of sendflow" in done.stderr
        assert [each.what for each in examine(settings).findings] == ["records_newer"]


def test_a_scheduler_of_an_older_program_says_it_once_and_neither_sweeps_nor_sends(
    team: Team, program: Callable[[Team], None], capsys: pytest.CaptureFixture[str]
) -> None:
    clock = Scheduler(lived(team).context("2 Mar 2026").settings)
    clock.tick()
    before = len(team.lines())
    program(team)
    clock.settings = replace(clock.settings, today=day("14 Apr 2026"))
    with nothing_is_written(team):
        clock.tick()
        clock.tick()
    assert len(team.lines()) == before
    assert capsys.readouterr().err.count("later version of sendflow") == 1


def test_a_writer_during_a_migration_is_first_or_refused(team: Team, program: Callable[[Team], None]) -> None:
    """The migration waits for a writer that was first. A writer during the migration waits and is then refused."""
    lived(team)
    context, request = (
        team.context("2 Mar 2026"),
        [FactDraft("ehc_assessment_requested", day("2 Mar 2026"), {"la": "northshire"})],
    )
    written: list[str] = []

    def write(which: int) -> None:
        with suppress(DatabaseUnusable):
            written.extend(
                record(context, f"NX8{which}{number:03d}", request, "dco.team").case_ref for number in range(60)
            )

    with writing(team.first.engine) as first:
        late = threading.Thread(target=program, args=(team,))
        late.start()
        late.join(0.2)
        assert late.is_alive(), "it waits for who is writing"
        first.execute(text("UPDATE job_run SET outcome = outcome"))
    writers = [threading.Thread(target=write, args=(which,)) for which in range(2)]
    for each in writers:
        each.start()
    for each in (late, *writers):
        each.join(60)
    with pytest.raises(DatabaseUnusable):
        record(context, "NX89999", request, "dco.team")
    with database.reading(team.first.engine) as connection:
        assert connection.scalar(text("SELECT count(*) FROM case_file WHERE later IS NOT NULL")) == 0
    report = team.verify("2 Mar 2026")
    assert (report.damage, report.cases) == ([], 1 + len(set(written)))


@pytest.mark.parametrize(
    "written",
    [{"machine": 9}, {"machine": 9, "kind": "advice_foreseen"}, {"machine": 9, "kind": "health_advice_acknowledged"}],
)
def test_facts_of_a_later_program_are_refused_by_name_and_the_other_cases_go_on(
    team: Team, written: dict[str, Any]
) -> None:
    """A later program has the same schema and other machines. sendflow leaves the case unchanged."""
    lived(team).act(
        "2 Feb 2026",
        ("ehc_assessment_requested", "2 Feb 2026", {"la": "eastmere"}),
        ("assessment_agreed", "2 Feb 2026", {}),
        case="NX90002",
    )
    team.act(
        "2 Mar 2026",
        ("health_advice_requested", "2 Mar 2026", {"body": "QX103", "service": "speech_and_language_therapy"}),
        case="NX90002",
    )
    by_a_later_program(team, **written)
    with pytest.raises(NotPermitted, match="later version of sendflow"):
        team.record("14 Apr 2026", "health_advice_received", service="speech_and_language_therapy")
    report = sweep(team.context("14 Apr 2026"))
    assert [(each.case_ref, "later version" in each.message) for each in report.troubles] == [(CASE, True)]
    assert "breached" in {line.kind for line in team.lines("NX90002")}
    team.deliver("14 Apr 2026")
    assert {letter.mailbox for letter in team.post.letters} != set()
    assert not [line for line in team.lines() if line.recorded_at > "2026-04"]
    damage = verify(team.context("14 Apr 2026")).damage
    assert [(each.case_ref, each.what) for each in damage] == [(CASE, "unlawful")]
    assert "later version" in damage[0].message
    found = {each.what: each for each in examine(team.context("14 Apr 2026").settings).findings}
    assert found["damage_unlawful"].cases == [CASE]
    assert "up to date" in found["damage_unlawful"].mend


def by_a_later_program(team: Team, kind: str = "waiting_list_stated", machine: int = 9) -> None:
    """Add a fact as a later program does, with the cached end of the chain."""
    with writing(team.first.engine) as connection:
        lines, tail = ledger.read(connection, [CASE])[CASE]
        last = lines[-1]
        fact = fact_of(
            {
                "case_ref": CASE,
                "seq": tail.seq + 1,
                "kind": kind,
                "version": 2,
                "process": "ehc_needs_assessment",
                "machine": machine,
                "law": last.law,
                "occurred_on": day("3 Mar 2026"),
                "recorded_at": last.recorded_at,
                "actor": "dco.team",
                "via": "record",
                "data": {"body": "QX101", "service": "speech_and_language_therapy"},
            }
        )
        rows, end = ledger.chained([fact], tail)
        ledger.append(connection, rows)
        mac = newest_mac(connection)
        assert mac is not None
        connection.execute(
            text("UPDATE case_file SET seq = :seq, hash = :hash, mac = :mac WHERE case_ref = :ref"),
            {"seq": end.seq, "hash": end.hash, "mac": mac.of_end(CASE, *end), "ref": CASE},
        )


def test_a_process_that_a_later_program_knows_is_left_alone(team: Team) -> None:
    """The opening fact has a kind that this program does not know."""
    lived(team)
    assert is_postgresql(team.first.engine) == (team.first.settings.database_url is not None)
    with writing(team.first.engine) as connection:
        fact = fact_of(
            {
                "case_ref": "NX90003",
                "seq": 1,
                "kind": "play_therapy_requested",
                "version": 1,
                "process": "play_therapy",
                "machine": 1,
                "law": "0" * 12,
                "occurred_on": day("3 Mar 2026"),
                "recorded_at": "2026-03-03T09:00:00.000000Z",
                "actor": "dco.team",
                "via": "record",
                "data": {},
            }
        )
        ledger.append(connection, ledger.chained([fact], ledger.NEW_CASE)[0])
    with pytest.raises(NotPermitted, match="opens no process that this version of sendflow has"):
        team.record("14 Apr 2026", "waiting_list_stated", case="NX90003", service="physiotherapy")
    team.day("14 Apr 2026")
    assert len(team.lines("NX90003")) == 1


def test_programs_that_sweep_in_turn_under_two_laws_are_named(team: Team) -> None:
    """If both rule sets give the same dates, nothing is written twice. Each sweep evaluates every case, and doctor
    says how to fix it.
    """
    lived(team)
    newer = team.context("23 Mar 2026")
    older = replace(newer, ruleset_digest="0" * len(newer.ruleset_digest))
    for context in (older, newer):
        sweep(context)
    settings = newer.settings
    assert "two_laws" not in {each.what for each in examine(settings).findings}, (
        "a law that was changed once is no fault"
    )
    before = team.escalations()
    for context in (older, newer, older):
        sweep(context)
    found = {each.what: each for each in examine(settings).findings}
    assert found["two_laws"].count == 2
    assert "same version" in found["two_laws"].mend
    assert team.escalations() == before


def test_a_program_that_runs_while_the_database_is_copied_to_a_server_learns_where_it_is(team: Team) -> None:
    context = lived(team).context("14 Apr 2026")
    with database.writing(team.first.engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :moved"), {"moved": database.COPIED})
    with nothing_is_written(team), pytest.raises(DatabaseUnusable, match="copied to PostgreSQL"):
        sweep(context)
