"""Who acted is recorded beside the actor that is claimed: the account of the machine, or the one that signed in."""

from __future__ import annotations

import os
import pwd
import socket
import threading

import pytest
from sqlalchemy import Connection

from audit.verify import verify
from casework.context import AppContext
from flows.jobs import Job, JobExecution
from models.acting import MACHINE, SIGNED_IN, Who, acting, of_the_machine, signed_in, who
from models.change_log import acting_number
from models.database import reading, transact
from models.facts import FactDraft
from tests.support.by_hand import day
from tests.support.team import Team

OPENS, AGREED = "ehc_assessment_requested", "assessment_agreed"
DAY = "2 Feb 2026"


def who_recorded(context: AppContext, case: str) -> list[tuple[str, str, str, str]]:
    """The claimed actor of each fact, and the account, machine and kind of who recorded it."""
    query = (
        "SELECT f.actor, a.account, a.machine, a.how FROM fact f LEFT JOIN acting a ON a.number = f.acting"
        f" WHERE f.case_ref = '{case}' ORDER BY f.seq"
    )
    with reading(context.engine) as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def test_a_fact_names_the_account_and_the_machine_beside_its_actor(team: Team) -> None:
    team.record(DAY, OPENS, case="NX90001", la="northshire")
    account = pwd.getpwuid(os.geteuid()).pw_name
    assert who_recorded(team.first, "NX90001") == [("dco.team", account, socket.gethostname(), MACHINE)]


def test_who_signed_in_is_named_and_another_thread_is_not(team: Team) -> None:
    team.record(DAY, OPENS, case="NX90001", la="northshire")
    with signed_in("sam.lee"):
        team.record(DAY, AGREED, case="NX90001")
        seen: list[Who] = []
        thread = threading.Thread(target=lambda: seen.append(who()))
        thread.start()
        thread.join()
    assert seen == [of_the_machine()] == [who()]
    assert [row[1:] for row in who_recorded(team.first, "NX90001")][1] == ("sam.lee", socket.gethostname(), SIGNED_IN)
    assert verify(team.context(DAY)).damage == []


def test_a_job_that_runs_in_another_thread_acts_for_who_asked(team: Team) -> None:
    drafts = [FactDraft(OPENS, day(DAY), {"la": "northshire"})]
    with signed_in("sam.lee"):
        given = {"case": "NX90001", "drafts": drafts, "actor": "dco.team"}
        execution = JobExecution(Job.RECORD, team.context(DAY), given)
    thread = threading.Thread(target=execution.execute, args=(None,))
    thread.start()
    thread.join()
    assert [row[1] for row in who_recorded(team.first, "NX90001")] == ["sam.lee"]


def test_each_record_of_the_change_log_names_who_changed_the_row(team: Team) -> None:
    with signed_in("sam.lee"):
        team.record(DAY, OPENS, case="NX90001", la="northshire", nhs_number="999 000 0018")
    query = "SELECT a.account FROM change_log c JOIN acting a ON a.number = c.acting WHERE c.subject = 'person'"
    with reading(team.first.engine) as connection:
        assert connection.exec_driver_sql(query).scalars().all() == ["sam.lee"]


def test_one_row_for_each_who_ever_wrote_though_a_transaction_was_undone(team: Team) -> None:
    def fails(connection: Connection) -> None:
        acting_number(connection)
        raise RuntimeError

    with signed_in("sam.lee"):
        with pytest.raises(RuntimeError):
            transact(team.first.engine, fails)
        for case in ("NX90001", "NX90002"):
            team.record(DAY, OPENS, case=case, la="northshire")
    with reading(team.first.engine) as connection:
        rows = connection.exec_driver_sql("SELECT account FROM acting WHERE how = 'signed_in'").scalars().all()
    assert rows == ["sam.lee"]
    assert verify(team.context(DAY)).damage == []


def test_two_accounts_whose_numbers_would_be_the_same_get_two(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    class Same:
        def digest(self) -> bytes:
            return b"\0\0\0\7"

    monkeypatch.setattr("models.acting.sha256", lambda _text: Same())
    for number, account in enumerate(("sam.lee", "kim.roe"), 1):
        with acting(Who(account, "a-machine", SIGNED_IN)):
            team.record(DAY, OPENS, case=f"NX9000{number}", la="northshire")
    assert [who_recorded(team.first, f"NX9000{number}")[0][1] for number in (1, 2)] == ["sam.lee", "kim.roe"]
