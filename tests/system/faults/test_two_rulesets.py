"""Two installations with one database, each with its own rule set: one is active, the other machine writes nothing."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from casework.context import AppContext
from casework.delivery.daily_digest import digest
from casework.delivery.deliver import deliver
from casework.imports.tracker_import import import_file
from casework.own_file_changes import Change, put_in_force
from casework.rule_packs import adopt, adopt_installed, dry_run, rulesets
from casework.rules import ruleset_guard
from casework.rules.config_held import LADDER as LADDER_KIND
from casework.rules.ruleset import read_ruleset
from casework.rules.ruleset_guard import LAST_ACTIVE_FILE, activations
from casework.sweep import sweep
from config.escalation_policy import DEFAULT
from config.process_environment import child_environment
from config.rule_pack import files_of
from config.settings import Settings
from models.database import RULESET_NUMBER, is_postgresql, reading, transact, writing
from models.errors import RulesetMismatch
from runtime.diagnostics.checks import examine
from runtime.health.metrics import silent
from runtime.scheduler import Scheduler
from tests.casework.test_rule_packs import FEWER_WEEKS, MISREAD, pack
from tests.support import fork_server
from tests.support.by_hand import day
from tests.support.calling import sendflow
from tests.support.paths import ROOT
from tests.support.team import RecordingTransport, Team

LADDER = DEFAULT / "ehc_needs_assessment.toml"
STATUTE = ROOT / "config" / "statute" / "ehc_needs_assessment.toml"


def ladder(home: Path, weeks: int) -> None:
    """Write a ladder.toml into the home whose first reminder is due after so many weeks."""
    (home / "ladder.toml").write_text(LADDER.read_text("utf-8").replace("weeks = 3\n", f"weeks = {weeks}\n"), "utf-8")


def process_of_its_own(*teams: Team) -> None:
    """Forget what this process knows of the homes, so the next contexts load their files as a new process does."""
    for team in teams:
        ruleset_guard._last_active.pop(team.home, None)


def stranger(team: Team, weeks: int) -> None:
    """A machine with another escalation policy that never used the active rule set."""
    ladder(team.home, weeks)
    (team.home / LAST_ACTIVE_FILE).unlink()


def opened(team: Team, today: str) -> AppContext:
    """Load a context from the present files on a day, as a new process does."""
    process_of_its_own(team)
    team.first.engine.dispose()
    team.first = AppContext.load(replace(team.first.settings, today=day("1 Jan 2026")))
    team._contexts.clear()
    return team.context(today)


@pytest.fixture
def shared(tmp_path: Path) -> str:
    """The address of a database that is in no home."""
    return f"sqlite:///{tmp_path / 'shared.db'}"


@pytest.fixture
def two(tmp_path: Path, shared: str) -> Iterator[tuple[Team, Team]]:
    """Two machines of one team, each with its own home and the same key. The case's advice is late from 14 April."""
    first = Team(tmp_path / "one", database_url=shared)
    first.opened("2 Feb 2026").asked("2 Mar 2026")
    (tmp_path / "two").mkdir()
    shutil.copy(tmp_path / "one" / "person.key", tmp_path / "two")
    second = Team(tmp_path / "two", database_url=shared)
    assert is_postgresql(first.first.engine) == shared.startswith("postgresql")
    yield first, second
    for each in (first, second):
        each.first.engine.dispose()


def rows(team: Team) -> list[Any]:
    with reading(team.first.engine) as connection:
        return [*team.dump(), *connection.execute(text("SELECT * FROM job_run ORDER BY id")), *activations(connection)]


def test_a_machine_with_another_escalation_policy_writes_and_sends_nothing_and_says_why(
    two: tuple[Team, Team], tmp_path: Path
) -> None:
    first, second = two
    first.sweep("3 Mar 2026")
    stranger(second, 2)
    context = opened(second, "14 Apr 2026")
    tracker = tmp_path / "tracker.csv"
    tracker.write_text("Ref,Local authority,Request received by LA\nNX90002,northshire,02/03/2026\n", encoding="utf-8")
    acts: list[Callable[[], Any]] = [
        lambda: second.record("14 Apr 2026", "health_advice_acknowledged", service="speech_and_language_therapy"),
        lambda: sweep(context),
        lambda: deliver(context, now=True, transport=second.post),
        lambda: digest(context, context.today()),
        lambda: import_file(context, tracker),
        lambda: adopt(
            context, pack(tmp_path / "pack", statute__ehc_needs_assessment=FEWER_WEEKS, pack=MISREAD), "dco.team"
        ),
    ]
    before = rows(first)
    for act in acts:
        with pytest.raises(
            RulesetMismatch, match=r"differ in: ladder.*same ladder.toml.*sendflow adopt --installed"
        ) as refused:
            act()
        assert "activated on 2026-02-02 at 09:00 UTC by dco.team (record)" in str(
            refused.value
        ) and "was never active" in str(refused.value)
        assert "\n" not in str(refused.value)
    assert (rows(first), second.post.letters) == (before, [])
    # Reads are answered; the doctor and the health endpoints name it; the machine with the active rule set goes on.
    assert second.report("14 Apr 2026").state == "assessing"
    assert "other_law" in {each.what for each in examine(context.settings).findings}
    assert silent(context) == ["another_law_holds"]
    assert first.sweep("14 Apr 2026").facts_written > 0


def test_the_same_rule_set_on_both_machines_is_activated_once(two: tuple[Team, Team]) -> None:
    first, second = two
    for today in ("23 Mar 2026", "6 Apr 2026", "14 Apr 2026"):
        for team in two:
            team.day(today)
    assert len(rulesets(first.first)) == 1
    assert second.verify("14 Apr 2026").stale == 0


def test_the_next_sweep_activates_an_edited_policy_and_the_other_machine_follows(
    two: tuple[Team, Team],
) -> None:
    first, second = two
    second.sweep("3 Mar 2026")
    ladder(first.home, 2)
    first_context = opened(first, "16 Mar 2026")
    assert sweep(first_context).kinds == {"reminder_due": 2}, (
        "the missing acknowledgement, and the reminder of the second week"
    )
    with pytest.raises(RulesetMismatch, match="was active until 2026-03-16 at 09:00 UTC"):
        second.sweep("16 Mar 2026")
    ladder(second.home, 2)
    assert sweep(opened(second, "17 Mar 2026")).cases_looked_at == 0
    assert [(law.via, law.actor) for law in rulesets(first.first)] == [("sweep", "sendflow"), ("record", "dco.team")]
    # And from there the other machine may be the first to change it.
    ladder(second.home, 4)
    sweep(opened(second, "18 Mar 2026"))
    with pytest.raises(RulesetMismatch):
        first.sweep("18 Mar 2026")
    assert len(rulesets(first.first)) == 3


def test_day_after_day_nothing_goes_back_and_forth(two: tuple[Team, Team], tmp_path: Path) -> None:
    """Before the guard this one case had 117 letters and 1,071 facts in ten weeks; the executive lead got an
    escalation and a correction every day.
    """
    first, second = two
    changed = STATUTE.read_text("utf-8").replace("weeks = 6", "weeks = 5")
    other = second.first.with_rule_pack(pack(tmp_path / "pack", statute__ehc_needs_assessment=changed))
    second.first = replace(other, ruleset_guard=replace(other.ruleset_guard, last_active=None))
    post = first.post = second.post = RecordingTransport()
    refused = 0
    for number in range(40, 60):
        today = (day("2 Mar 2026") + timedelta(days=number)).isoformat()
        for team in two:
            try:
                team.day(today)
            except RulesetMismatch:
                refused += 1
    assert refused == 20
    assert len(rulesets(first.first)) == 1
    assert [line.kind for line in first.lines() if line.kind == "breached"] == ["breached"]
    assert len(post.letters) == len({(box, subject) for _on, box, subject in post.log()}), "no letter was sent twice"


def test_an_old_process_never_activates_the_old_rule_set_again(two: tuple[Team, Team]) -> None:
    first, _second = two
    old = first.context("16 Mar 2026")
    ladder(first.home, 2)
    sweep(opened(first, "16 Mar 2026"))
    for _again in range(2):
        with pytest.raises(RulesetMismatch, match="start its programs again"):
            sweep(old)
    assert sweep(first.context("17 Mar 2026")).cases_looked_at == 0
    assert len(rulesets(first.first)) == 2


def test_a_process_that_has_read_half_of_an_upgrade_is_refused_once_all_of_it_is_active(
    two: tuple[Team, Team],
) -> None:
    """The checkout of a running scheduler was updated: it has old machines and new files, which is neither the old
    rule set nor the new one.
    """
    first, _second = two
    began = ruleset_guard.read_last_active(first.home)  # as the scheduler's process began
    ladder(first.home, 2)
    sweep(opened(first, "16 Mar 2026"))
    ladder(first.home, 4)
    ruleset_guard._last_active[first.home] = began
    half = AppContext.load(replace(first.first.settings, today=day("16 Mar 2026")))
    with pytest.raises(RulesetMismatch):
        sweep(half)
    half.engine.dispose()
    assert len(rulesets(first.first)) == 2


def test_only_a_person_activates_an_earlier_rule_set_again(two: tuple[Team, Team]) -> None:
    first, second = two
    ladder(first.home, 2)
    sweep(opened(first, "16 Mar 2026"))
    (first.home / "ladder.toml").unlink()
    context = opened(first, "17 Mar 2026")
    assert (first.home / "ladder.toml").exists(), "what is in force came back"
    put_in_force(context, Change(LADDER_KIND, None, "dco.team", "files"))
    taken = rulesets(context)[0]
    assert (taken.number, taken.actor, taken.via) == (3, "dco.team", "files")
    assert not (first.home / "ladder.toml").exists()
    sweep(opened(first, "17 Mar 2026"))
    assert second.sweep("17 Mar 2026").cases_looked_at == 0, "whose law it was all along"
    with pytest.raises(Exception, match="is active already, as number 3"):
        adopt_installed(first.context("17 Mar 2026"), "dco.team")


def test_another_machine_takes_the_policy_in_force_and_goes_on(two: tuple[Team, Team]) -> None:
    first, second = two
    ladder(first.home, 2)
    sweep(opened(first, "16 Mar 2026"))
    ladder(first.home, 4)
    sweep(opened(first, "17 Mar 2026"))
    for weeks in (2, None):
        if weeks is not None:
            ladder(second.home, weeks)
        else:
            (second.home / "ladder.toml").unlink()
        sweep(opened(second, "17 Mar 2026"))
        assert (second.home / "ladder.toml").read_bytes() == (first.home / "ladder.toml").read_bytes()
    assert len(rulesets(first.first)) == 3


def test_a_new_machine_is_refused_before_it_writes_and_may_be_the_right_one(two: tuple[Team, Team]) -> None:
    first, second = two
    stranger(second, 2)
    context = opened(second, "16 Mar 2026")
    with pytest.raises(RulesetMismatch):
        sweep(context)
    adopt_installed(context, "dco.team")
    assert sweep(context).facts_written == 2
    with pytest.raises(RulesetMismatch, match=r"by dco\.team"):
        first.sweep("16 Mar 2026")


def test_a_dry_run_activates_nothing_and_an_adopted_pack_is_active_at_once(
    two: tuple[Team, Team], tmp_path: Path
) -> None:
    first, second = two
    brought = pack(tmp_path / "pack", statute__ehc_needs_assessment=FEWER_WEEKS, pack=MISREAD)
    for team in two:
        assert dry_run(team.context("16 Mar 2026"), brought).dates_moved == 1
    assert len(rulesets(first.first)) == 1
    done = adopt(first.context("16 Mar 2026"), brought, "dco.team")
    assert [law.looked_under for law in rulesets(first.first)] == [done.after, done.before]
    with pytest.raises(RulesetMismatch, match="differ in: statute"):
        second.sweep("16 Mar 2026")
    sweep(opened(first, "16 Mar 2026"))
    assert sweep(opened(second, "16 Mar 2026")).cases_looked_at == 0, "it took the adopted files from the database"
    folders = [files_of(each.home / "law" / f"0001-{done.pack[:16]}") for each in two]
    assert folders[0] == folders[1]


def test_many_processes_that_activate_a_rule_set_at_once_write_one_row(two: tuple[Team, Team]) -> None:
    """The test repeats a rolling restart: eight workers of one home, each with the changed files."""
    first, _second = two
    ladder(first.home, 2)
    opened(first, "16 Mar 2026")
    contexts = [AppContext.load(replace(first.first.settings, today=day("16 Mar 2026"))) for _worker in range(8)]
    process_of_its_own(first)
    faults: list[BaseException] = []

    def work(context: AppContext) -> None:
        try:
            sweep(context)
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(context,)) for context in contexts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for context in contexts:
        context.engine.dispose()
    assert faults == []
    assert [law.number for law in rulesets(first.first)] == [2, 1]
    assert len([line for line in first.lines() if line.kind == "reminder_due"]) == 2


def test_a_rolled_back_transaction_activates_nothing(two: tuple[Team, Team]) -> None:
    """The home has then seen a rule set that was never active. It makes no claim on one that another machine
    activates under the same number.
    """
    first, second = two
    second.sweep("3 Mar 2026")
    ladder(first.home, 2)
    context = opened(first, "16 Mar 2026")
    with pytest.raises(RuntimeError, match="the disk is full"), writing(context.engine) as connection:
        context.ruleset_guard.ensure_active(connection, "2026-03-16T09:00:00.000000Z", "sendflow", "sweep")
        raise RuntimeError("the disk is full")
    assert len(rulesets(first.first)) == 1
    ladder(second.home, 4)
    sweep(opened(second, "16 Mar 2026"))
    for again in (context, opened(first, "17 Mar 2026")):
        with pytest.raises(RulesetMismatch):
            sweep(again)
    assert [law.number for law in rulesets(first.first)] == [2, 1]


def test_a_database_restored_from_before_a_change_activates_it_again(two: tuple[Team, Team]) -> None:
    first, _second = two
    ladder(first.home, 2)
    sweep(opened(first, "16 Mar 2026"))
    with writing(first.first.engine) as connection:
        connection.execute(
            text("DROP TRIGGER law_held_no_delete" + (" ON law_held" if is_postgresql(connection) else ""))
        )
        connection.execute(text("DELETE FROM law_held WHERE number = 2"))
    assert sweep(opened(first, "17 Mar 2026")).troubles == []
    assert [law.number for law in rulesets(first.first)] == [2, 1]


def test_a_database_file_restored_into_an_empty_folder_activates_the_rule_set_there(tmp_path: Path) -> None:
    """The operator restored only sendflow.db and person.key, and the checkout is later. A database inside the home
    has no other rule set.
    """
    team = Team(tmp_path / "var")
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    (team.home / LAST_ACTIVE_FILE).unlink()
    ladder(team.home, 2)
    assert sweep(opened(team, "16 Mar 2026")).kinds == {"reminder_due": 2}
    assert [law.number for law in rulesets(team.first)] == [2, 1]
    team.first.engine.dispose()


def test_a_scheduler_with_another_rule_set_says_it_once_and_continues_with_the_right_one(
    two: tuple[Team, Team], capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = two
    stranger(second, 2)
    process_of_its_own(second)
    did: list[str] = []
    clock = Scheduler(
        replace(second.first.settings, today=day("14 Apr 2026")), act=lambda act, *_given, **_named: did.append(act)
    )
    for _minute in range(3):
        clock.tick()
    said = capsys.readouterr().err
    assert (did, said.count("nothing is swept or sent"), said.count("the records answer again")) == ([], 1, 0)
    (second.home / "ladder.toml").unlink()
    clock.tick()
    assert "sweep" in did and "the records answer again" in capsys.readouterr().err
    assert len(rulesets(first.first)) == 1


def test_the_command_ends_with_3_and_one_line_and_the_way_out_that_it_names_is_one(
    tmp_path: Path,
) -> None:
    """A machine with a policy that was never in force is refused, and activates it on purpose, all by commands."""
    team = Team(tmp_path / "var")
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    environment = {"SENDFLOW_HOME": str(team.home), "SENDFLOW_TODAY": "2026-03-16"}

    def command(*words: str) -> Any:
        process_of_its_own(team)
        return sendflow(*words, env=environment)

    assert command("sweep", "--json").exit_code == 0
    stranger(team, 2)
    (team.home / LAST_ACTIVE_FILE).write_text('{"records": "of another database", "number": 1, "id": "x"}', "utf-8")
    own = child_environment(Settings(home=team.home)) | {**environment, "PYTHONPATH": str(ROOT)}
    done = fork_server.sendflow("sweep", env=own)
    assert (done.returncode, done.stdout) == (3, "")
    assert "sendflow adopt --installed --actor WHO" in done.stderr.splitlines()[-1]
    assert "was never active for this database" in command("rulesets").stdout
    assert command("adopt", "--actor", "dco.team").exit_code == 2
    assert command("adopt", "--installed", "--actor", "dco.team").exit_code == 0
    assert command("adopt", "--installed", "--actor", "dco.team").exit_code == 1
    assert command("sweep", "--json").exit_code == 0
    assert [law["number"] for law in json.loads(command("rulesets", "--json").stdout)] == [2, 1]
    team.first.engine.dispose()


def test_the_guard_costs_a_writer_no_query_once_it_knows_the_active_rule_set(two: tuple[Team, Team]) -> None:
    """The query that every writer runs anyway returns the number of the active rule set."""
    context = two[0].context("3 Mar 2026")
    context.ensure_ruleset_active("sweep")
    asked: list[str] = []
    hold = context.ruleset_guard
    assert hold.number == 1
    event.listen(context.engine, "before_cursor_execute", lambda _connection, _cursor, said, *_more: asked.append(said))
    with writing(context.engine) as connection:
        asked.clear()
        hold.ensure_active(connection, "2026-03-03T09:00:00.000000Z", "sendflow", "sweep")
        assert asked == []
        hold.number = None
        hold.ensure_active(connection, "2026-03-03T09:00:00.000000Z", "sendflow", "sweep")
        assert asked, "a guard that does not know asks"
    assert transact(context.engine, lambda connection: connection.info[RULESET_NUMBER]) == 1
    assert read_ruleset(context.settings).digest == context.ruleset_digest
