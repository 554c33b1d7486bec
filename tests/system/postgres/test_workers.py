"""One, two or eight workers on one database write the same facts and letters, and give no number twice."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from casework import sweep as sweeping
from casework.cases.record import RecordCommand, Recorded, record_acts
from casework.sweep import sweep
from config.process_environment import child_environment
from config.settings import Settings
from models.database import Contended, transact, writing
from models.facts import FactDraft
from models.locks import lock_cases
from tests.support import fork_server
from tests.support.by_hand import day
from tests.support.mail_server import HOST, ScriptedMailServer, letters, run_delivery
from tests.support.paths import ROOT
from tests.support.team import Team

CASES = 24
SERVICES = ("speech_and_language_therapy", "community_paediatrics", "physiotherapy")
LAS = ("northshire", "eastmere", "tarnford", "holme_vale")
# One start for all: the process loads its context once, and each worker is a fork with its own connections.
WORKERS = """
import os, sys
from casework.delivery.deliver import deliver
from casework.context import AppContext
from casework.cases.record import record
from notifications.transport import SmtpTransport
context = AppContext.load()
context.engine.dispose()
made = []
for number in range(int(sys.argv[1])):
    worker = os.fork()
    if worker == 0:
        try:
            exec(sys.argv[2])
        except BaseException as problem:
            os.write(2, f"{type(problem).__name__}: {problem}".encode())
            os._exit(1)
        os._exit(0)
    made.append(worker)
sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(each, 0)[1]) for each in made))
"""
SWEEP = (
    "from casework import sweep as sweeping; sweeping.BATCH = 3; os.write(1, b'%d ' %"
    " sweeping.sweep(context).facts_written)"
)
DELIVER_SHARD = """
from casework.delivery.deliver import Extent
from casework.sweep import Shard
class Dies:
    def __init__(self):
        self.inner, self.sent = SmtpTransport({host!r}, {port}), 0
    def send(self, letter):
        attempt = self.inner.send(letter)
        self.sent += 1
        if number == {dies} and self.sent == 2:
            os.kill(os.getpid(), 9)
        return attempt
os.write(1, b'%d ' % deliver(context, transport=Dies(), extent=Extent(part=Shard(number + 1, {of}))).sent)
"""
DELIVER = "os.write(1, b'%d ' % deliver(context, transport=SmtpTransport({!r}, {})).sent)"
RECORD = """
from datetime import date
from casework.cases.validation import Refused
from models.facts import FactDraft
for number in range(1, 9):
    for case, kind, data in (
        ("NX90001", "waiting_list_stated", {"body": "QX101", "service": "physiotherapy", "weeks": 10}),
        (f"NX8{number:04d}", "ehc_assessment_requested", {"la": "northshire", "nhs_number": "999 000 0018"}),
        ("new", "ehc_assessment_requested", {"la": "eastmere"}),
    ):
        try:
            record(context, case, [FactDraft(kind, date(2026, 3, number), data)], "dco.team", confirmed=True)
        except Refused as refused:
            assert refused.code == "recorded_already", refused.code
"""


def workers(team: Team, today: str, code: str, how_many: int) -> list[int]:
    """Run the code in so many processes at once; return the number that each wrote."""
    settings = Settings(home=team.home, database_url=team.first.settings.database_url)
    environment = child_environment(settings) | {"SENDFLOW_TODAY": day(today).isoformat(), "PYTHONPATH": str(ROOT)}
    done = fork_server.run(WORKERS, str(how_many), code, env=environment, cwd=team.home)
    assert done.returncode == 0, done.stderr
    return [int(each) for each in done.stdout.split()]


def asked(team: Team) -> Team:
    """Record two dozen cases of four authorities, each with a request for advice of 2 March."""
    acts: list[RecordCommand] = []
    for number in range(CASES):
        case, began = f"NX7{number:04d}", date(2026, 2, 2)
        acts.append(
            RecordCommand(
                case,
                [
                    FactDraft("ehc_assessment_requested", began, {"la": LAS[number % 4]}),
                    FactDraft("assessment_agreed", began, {}),
                ],
            )
        )
        acts.append(
            RecordCommand(
                case, [FactDraft("health_advice_requested", date(2026, 3, 2), {"service": SERVICES[number % 3]})]
            )
        )
    outcomes = record_acts(team.context("2 Mar 2026"), acts, "dco.team", "record")
    assert all(isinstance(each, Recorded) for each in outcomes)
    return team


def rows(team: Team, *tables: str) -> list[tuple[Any, ...]]:
    """Return the rows of these tables."""
    return [row for row in team.dump(with_macs=False) if row[0] in tables]


def test_the_same_sweep_with_one_two_and_eight_workers(teams: Callable[[str], Team]) -> None:
    found = []
    for how_many in (1, 2, 8):
        team = asked(teams(f"by_{how_many}"))
        written = workers(team, "14 Apr 2026", SWEEP, how_many)
        assert sum(written) == CASES * 4, "three reminders and a breach of each case, written once by one worker"
        assert team.verify("14 Apr 2026").intact
        assert team.sweep("14 Apr 2026").cases_looked_at == 0
        found.append(rows(team, "fact", "case_file", "duty", "notice"))
    assert found[0] == found[1] == found[2]


def test_the_same_letters_with_one_two_and_eight_deliverers(
    teams: Callable[[str], Team], mail_server: ScriptedMailServer
) -> None:
    found = []
    for how_many in (1, 2, 8) if os.environ.get("ROUNDS") else (1, 8):
        team = asked(teams(f"by_{how_many}"))
        mail_server.arrived.clear()
        sent = workers(team, "2 Mar 2026", DELIVER.format(HOST, mail_server.port), how_many)
        assert set(Counter(to for to, _ in mail_server.received()).values()) == {1}, "one message to a mailbox a day"
        assert sum(sent) == len(mail_server.arrived) == len(set(mail_server.ids()))
        assert {state for _, _, state in team.notices()} == {"sent"}
        assert team.verify("2 Mar 2026").intact
        found.append((letters(team), sorted(mail_server.received()), sorted(row[1:4] for row in rows(team, "fact"))))
    assert all(each == found[0] for each in found)


def test_letters_by_shards_are_those_of_one_deliverer_and_a_worker_that_dies_costs_its_shard_once(
    teams: Callable[[str], Team], mail_server: ScriptedMailServer
) -> None:
    """A worker is killed after the mail server took its second letter, before it could record that."""
    found = []
    for name, of, dies in (("alone", 1, None), ("by_shards", 3, None), ("one_dies", 3, 1)):
        team = asked(teams(name))
        mail_server.arrived.clear()
        code = DELIVER_SHARD.format(host=HOST, port=mail_server.port, of=of, dies=dies)
        sent = workers(team, "2 Mar 2026", code, of)
        assert len(sent) == of - (dies is not None)
        assert len(sent) < 3 or sum(map(bool, sent)) > 1, "more than one shard had letters"
        left = run_delivery(team, "2 Mar 2026", mail_server).sent
        twice = Counter(mail_server.ids()).most_common()
        assert (left == 0) is (dies is None)
        assert [count for _, count in twice if count > 1] == [2] * (dies is not None), "the letter that it was sending"
        found.append((sorted(set(mail_server.received())), sorted(each[:2] for each in letters(team))))
        assert {state for _, _, state, _ in letters(team)} <= {"sent", "sent_perhaps_twice"}
        assert team.verify("2 Mar 2026").intact
    assert found[0] == found[1] == found[2]


def test_six_processes_race_on_one_case_on_new_ones_and_for_new_references(team: Team) -> None:
    team.opened("2 Feb 2026").asked("2 Mar 2026", service="physiotherapy")
    workers(team, "31 Mar 2026", RECORD, 6)
    assert sorted(line.occurred_on.day for line in team.lines()[3:]) == list(range(1, 9)), "each fact once"
    assert team.verify("31 Mar 2026").intact
    cases = rows(team, "case_file")
    assert sum(row[1].startswith("SF-") for row in cases) == 6 * 8, "no reference was given twice"
    assert len([row for row in team.dump() if row[0] == "person"]) == 1, "one number is one child"
    assert len({row[-1] for row in cases if row[1].startswith("NX8")}) == 1


def test_a_sweep_leaves_a_case_that_is_locked_and_tries_again_at_the_end(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked(team)
    monkeypatch.setattr(sweeping, "BATCH", 10)
    swept: list[int] = []
    with writing(team.first.engine) as person:
        lock_cases(person, ["NX70003"])
        thread = threading.Thread(target=lambda: swept.append(sweep(team.context("14 Apr 2026")).facts_written))
        thread.start()
        # The others are written while the person is still at work; the sweep then waits for the one.
        while len(team.escalations()) == 0:
            team.case = f"NX7{CASES - 1:04d}"
        assert not swept
    thread.join(60)
    assert swept == [CASES * 4]


def test_a_writer_that_always_loses_the_race_ends_with_a_clear_line_and_leaves_nothing(team: Team) -> None:
    team.opened("2 Feb 2026")
    before, tried = team.dump(), []

    def always_second(connection: Any) -> None:
        tried.append(1)
        connection.exec_driver_sql("INSERT INTO fact SELECT * FROM fact")

    with pytest.raises(Contended, match="Nothing was written"):
        transact(team.first.engine, always_second)
    assert len(tried) == 4
    assert team.dump() == before
    with pytest.raises(IntegrityError, match="append-only"):
        transact(team.first.engine, lambda connection: connection.exec_driver_sql("UPDATE fact SET seq = seq"))
