"""What people see of a run is in their words, names nobody, and is red only for what a person must fix."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from casework.cases.validation import Refused
from casework.sweep import WrongDay
from config.settings import Carrier
from flows import run_ends, run_labels
from flows.jobs import Job, JobExecution
from flows.run_ends import EndState
from models.errors import Refusal
from models.facts import FactDraft
from tests.support.by_hand import CASE, PROCESS, TRUST
from tests.support.team import Team

SWEPT: dict[str, Any] = {
    "cases_looked_at": 80,
    "facts_written": 43,
    "notices_written": 50,
    "kinds": {"breached": 12, "reminder_due": 31},
    "bodies": [TRUST],
    "processes": [PROCESS],
}


def test_a_sweep_is_named_as_a_person_would_say_it() -> None:
    """What, for which day, how many."""
    ended = run_ends.end(Job.SWEEP, run_labels.begin(Job.SWEEP, {"as_at": "2026-04-14"}), SWEPT)
    assert ended.name == "sweep 14 Apr 2026: 12 breached, 31 reminded"
    assert (ended.state, ended.broken, ended.tags) == (EndState.BREACHES, False, (PROCESS, TRUST))


@pytest.mark.parametrize(
    ("act", "report", "state", "broken"),
    [
        (Job.SWEEP, SWEPT | {"kinds": {"breached": 1, "escalation_due": 2}}, EndState.ESCALATED, False),
        (Job.SWEEP, SWEPT | {"kinds": {"reminder_due": 1}}, EndState.CHASED, False),
        (Job.SWEEP, SWEPT | {"kinds": {}, "facts_written": 0}, EndState.NOTHING_DUE, False),
        (Job.SWEEP, SWEPT | {"troubles": [{"case_ref": CASE, "message": "x"}]}, EndState.CASES_NEED_A_PERSON, False),
        (Job.DELIVER, {"sent": 4, "failed": 0, "waiting": 1, "withdrawn": 0}, EndState.SENT, False),
        (Job.DELIVER, {"sent": 0, "failed": 0, "waiting": 3, "withdrawn": 0}, EndState.WAITING, False),
        (Job.DELIVER, {"sent": 0, "failed": 0, "waiting": 0, "withdrawn": 2}, EndState.NOTHING_TO_SEND, False),
        (Job.DELIVER, {"sent": 9, "failed": 1, "waiting": 0, "withdrawn": 0}, EndState.LETTERS_NEED_A_PERSON, True),
        (Job.VERIFY, {"cases": 2, "facts": 9, "intact": True, "head": "ab" * 32, "damage": []}, EndState.INTACT, False),
        (
            Job.VERIFY,
            {"cases": 2, "facts": 9, "intact": False, "head": "ab" * 32, "damage": [{"case_ref": CASE}]},
            EndState.DAMAGED,
            True,
        ),
        (Job.IMPORT, {"rows": 3, "accepted": 3, "refused": 0, "facts_added": 7}, EndState.IMPORTED, False),
        (Job.IMPORT, {"rows": 3, "accepted": 3, "refused": 0, "facts_added": 0}, EndState.NOTHING_NEW, False),
        (Job.IMPORT, {"rows": 3, "accepted": 2, "refused": 1, "facts_added": 5}, EndState.SOME_REFUSED, False),
        (Job.RECORD, {"case_ref": CASE, "seq": 2, "state": "requested"}, EndState.RECORDED, False),
        (Job.REPLIES, {"read": 3, "answered": 2, "automatic": 1}, EndState.REPLIES_READ, False),
        (Job.REPLIES, {"read": 3, "answered": 2, "waiting": 1}, EndState.REPLIES_NEED_A_PERSON, False),
        (Job.REPLIES, {"read": 0}, EndState.NO_NEW_MAIL, False),
        (Job.REPLIES, {"read": 0, "error": "login_refused"}, EndState.MAILBOX_NOT_READ, True),
        (Job.DIGEST, {}, EndState.DIGESTED, False),
        (Job.RETENTION, {"ripe": 3, "free": 2}, EndState.RECORDS_RIPE, False),
        (Job.RETENTION, {"ripe": 0, "free": 0}, EndState.NOTHING_RIPE, False),
    ],
)
def test_red_is_for_what_a_person_must_fix(act: Job, report: dict[str, Any], state: EndState, broken: bool) -> None:
    """A breach or a refused row is normal work; letters that cannot be delivered and damage are not."""
    ended = run_ends.end(act, str(act), report)
    assert (ended.state, ended.broken) == (state, broken)


def test_a_delivery_says_what_its_letters_wait_for() -> None:
    ended = run_ends.end(Job.DELIVER, "deliver", {"sent": 2, "failed": 0, "waiting": 3})
    assert ended.name == "deliver: 2 sent, 3 waiting"
    assert ended.message.startswith("2 sent, 3 waiting for their day or for working hours")


@pytest.mark.parametrize("carrier", Carrier)
def test_a_step_names_the_mail_transport_as_a_person_says_it(carrier: Carrier) -> None:
    assert carrier.in_words not in set(Carrier)


@pytest.mark.parametrize("problem", [Refused("unlawful", "a sentence"), WrongDay("tomorrow"), run_labels.NoSuchDay()])
def test_a_refusal_is_no_failure(problem: Refusal) -> None:
    """The person who asked gets the reason; the run shows the code alone."""
    assert isinstance(problem, Refusal)
    ended = run_ends.refused(Job.RECORD, "record", problem)
    assert (ended.state, ended.broken) == (EndState.REFUSED, False)
    assert "sentence" not in ended.message


def test_a_fault_shows_its_kind_and_place_and_never_its_words() -> None:
    """Texts of exceptions are stored by Prefect, and a database's quotes the row."""
    try:
        raise RuntimeError("Zebediah was born on 1 May 2019")
    except RuntimeError as problem:
        ended = run_ends.broken(Job.SWEEP, "sweep", problem)
        assert not isinstance(problem, Refusal)
    assert ended.broken
    assert "RuntimeError at test_run_labels.py:" in ended.message
    assert "Zebediah" not in ended.message


@pytest.mark.parametrize("job", list(Job))
def test_who_begins_again_is_said_of_each_job(job: Job) -> None:
    """sendflow begins again what its clock begins. It has neither the file of an import nor a person's facts."""
    ended = run_ends.broken(job, str(job), RuntimeError())
    by_a_person = job in (Job.IMPORT, Job.RECORD)
    assert ended.needs.endswith("is not recorded twice" if by_a_person else "sendflow then does it at its next time")


def test_prefect_gets_references_kinds_and_days_only(team: Team) -> None:
    """Text that somebody types in the wrong place never reaches Prefect."""
    on = date(2026, 3, 2)
    drafts = [
        FactDraft("health_advice_requested", on, {"body": TRUST, "reason": "Zebediah"}),
        FactDraft("zebediah", on, {"body": "ZEBEDIAH"}),
    ]
    work = JobExecution(
        Job.RECORD, team.context("2 Mar 2026"), {"case": "ZEBEDIAH", "drafts": drafts, "actor": "zebediah"}
    )
    assert run_labels.parameters(work) == {
        "case": "unknown",
        "fact": "health_advice_requested,unknown",
        "on": "2026-03-02",
    }
    assert "zebediah" not in str(run_labels.tags_at_the_start(work)).lower()
    assert TRUST in run_labels.tags_at_the_start(work)


def test_a_fact_that_every_process_knows_is_not_said_to_be_of_one(team: Team) -> None:
    def tags(kind: str) -> tuple[str, ...]:
        drafts = [FactDraft(kind, date(2026, 3, 2), {})]
        return run_labels.tags_at_the_start(
            JobExecution(Job.RECORD, team.context("2 Mar 2026"), {"case": CASE, "drafts": drafts, "actor": "dco.team"})
        )

    assert tags("chasing_paused") == ("recording", "simulated")
    assert tags("ehc_assessment_requested") == ("recording", "simulated", PROCESS)


def test_a_file_is_known_by_its_digest(team: Team, tmp_path: Path) -> None:
    """Its name may be a child's."""
    path = tmp_path / "Zebediah.csv"
    path.write_bytes(b"x")
    context = team.context("2 Mar 2026")
    parameters = run_labels.parameters(JobExecution(Job.IMPORT, context, {"path": path}))
    assert parameters == {"digest": "2d711642b726b04401627ca9fbac32f5"}
    assert run_labels.parameters(JobExecution(Job.IMPORT, context, {"path": tmp_path / "gone.csv"})) == {
        "digest": "unreadable"
    }


@pytest.mark.parametrize(
    ("act", "parameters", "name"),
    [
        (Job.RECORD, {"case": CASE, "fact": "breached", "on": None}, f"record {CASE} the due date passed"),
        (
            Job.RECORD,
            {"case": "new", "fact": "ehc_assessment_requested,assessment_agreed,chasing_paused,chasing_began,x"},
            "record new EHC assessment requested, assessment agreed, reminders paused and 2 more",
        ),
        (Job.IMPORT, {"digest": "2d711642b726b04401627ca9fbac32f5"}, "import 2d711642"),
        (Job.IMPORT, {"digest": "unreadable"}, "import of an unreadable file"),
        (Job.SWEEP, {"as_at": None}, "sweep today"),
        (Job.SWEEP, {"as_at": "2026-02-30"}, "sweep today"),
        (Job.DIGEST, {"as_at": "2026-04-14"}, "digest 14 Apr 2026"),
        (Job.RETENTION, {"as_at": "2026-04-14"}, "retention 14 Apr 2026"),
        (Job.DELIVER, {"now": True}, "deliver now"),
        (Job.REPLIES, {}, "replies"),
        (Job.VERIFY, {"case": None}, "verify every case"),
        (Job.VERIFY, {"case": CASE}, f"verify {CASE}"),
    ],
)
def test_each_run_has_a_name_from_its_start(act: Job, parameters: dict[str, Any], name: str) -> None:
    """Before it has ended, too, the list of runs reads as a diary."""
    assert run_labels.begin(act, parameters) == name
