"""Holds stop an erasure, two accounts make one, and what is ripe is listed with its reasons."""

from collections.abc import Collection
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from casework.privacy import ripe as ripe_module
from casework.privacy.approval import approve, proposals, propose, refuse
from casework.privacy.erasure import Ground
from casework.privacy.ripe import RipeRecords, ripe_records
from casework.reports.case_report import report
from casework.retention_holds import begin_hold, end_hold, listed
from models.database import reading
from models.encryption import Cipher
from models.errors import NoSuchCase, Refusal
from models.people import read_people
from tests.support.erasing import erase
from tests.support.team import Team

TODAY = "14 Apr 2026"
NUMBERS = ("999 000 0026", "999 000 0034", "999 000 0042", "999 000 0050", "999 000 0069")
CHILD, OTHER, NHS_NUMBER = "NX90001", "NX90002", "999 000 0018"


@pytest.fixture
def child(team: Team) -> Team:
    """A child of ten with two cases that have ended, and a free text."""
    for case in (CHILD, OTHER):
        team.record(
            "2 Feb 2026",
            "ehc_assessment_requested",
            case=case,
            la="northshire",
            nhs_number=NHS_NUMBER,
            date_of_birth="2015-05-20",
        )
    team.record("3 Feb 2026", "health_advice_requested", case=OTHER, service="physiotherapy", note="rang twice")
    for case in (CHILD, OTHER):
        team.record("5 Mar 2026", "case_withdrawn", case=case)
    return team


def on(team: Team, day: str) -> Any:
    return team.context(day)


class refused:
    def __init__(self, code: str) -> None:
        self.code = code

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, problem: Any, trace: Any) -> bool:
        assert isinstance(problem, Refusal) and problem.code == self.code, (self.code, problem)
        return True


def test_a_hold_stops_every_erasure_of_the_child_until_it_ends(child: Team) -> None:
    hold = begin_hold(on(child, TODAY), OTHER, "complaint", "dco.team", date(2026, 4, 1))
    for ground in Ground:
        with refused("on_hold"):
            propose(on(child, TODAY), CHILD, "dco.team", ground)
    assert [each.title for each in report(on(child, TODAY), CHILD).holds] == ["Complaint, also to an ombudsman"]
    assert report(on(child, TODAY), CHILD, date(2026, 3, 31)).holds == []
    end_hold(on(child, TODAY), hold.number, "sam.lee")
    assert report(on(child, TODAY), CHILD).holds == []
    assert erase(on(child, TODAY), CHILD, "dco.team", Ground.COURT_ORDER).erased
    [ended] = listed(on(child, TODAY), ended=True)
    assert (ended.actor, ended.ended_by, ended.ended_on) == ("dco.team", "sam.lee", date(2026, 4, 14))
    assert listed(on(child, TODAY)) == [] and child.verify(TODAY).intact


def test_a_hold_that_began_after_the_proposal_stops_its_approval(child: Team) -> None:
    number = propose(on(child, TODAY), CHILD, "dco.team", Ground.COURT_ORDER).proposal
    begin_hold(on(child, TODAY), CHILD, "litigation", "sam.lee")
    with refused("on_hold"):
        approve(on(child, TODAY), number or 0, "sam.lee")


def test_a_hold_needs_a_known_reason_and_case_and_days_in_order(child: Team) -> None:
    with refused("bad_hold"):
        begin_hold(on(child, TODAY), CHILD, "because", "dco.team")
    with refused("bad_hold"):
        begin_hold(on(child, TODAY), CHILD, "appeal", "dco.team", date(2026, 4, 15))
    with pytest.raises(NoSuchCase):
        begin_hold(on(child, TODAY), "NX99999", "appeal", "dco.team")
    hold = begin_hold(on(child, TODAY), CHILD, "appeal", "dco.team")
    for number, day in ((hold.number, date(2026, 4, 13)), (hold.number, date(2026, 4, 15)), (99, None)):
        with refused("bad_hold"):
            end_hold(on(child, TODAY), number, "dco.team", day)
    with refused("bad_hold"):
        begin_hold(on(child, TODAY), CHILD, "appeal", "dco.team")


def test_the_account_that_proposes_does_not_approve(child: Team) -> None:
    number = propose(on(child, TODAY), CHILD, "dco.team", Ground.ERASURE_REQUEST).proposal or 0
    for same in ("dco.team", "DCO.Team"):
        with refused("same_account"):
            approve(on(child, TODAY), number, same)
    with refused("proposed_already"):
        propose(on(child, TODAY), OTHER, "sam.lee", Ground.COURT_ORDER)
    done = approve(on(child, TODAY), number, "sam.lee")
    assert (done.erased, done.cases, done.identities, done.passages) == (True, [CHILD, OTHER], 1, 1)
    with refused("no_such_proposal"):
        approve(on(child, TODAY), number, "sam.lee")
    [kept] = proposals(on(child, TODAY), decided=True)
    assert (kept.actor, kept.decided_by, kept.how, kept.erased) == ("dco.team", "sam.lee", "approved", done)
    assert proposals(on(child, TODAY)) == [] and child.verify(TODAY).intact


def test_what_was_recorded_meanwhile_ends_a_proposal(child: Team) -> None:
    number = propose(on(child, TODAY), CHILD, "dco.team", Ground.COURT_ORDER).proposal or 0
    child.record("15 Apr 2026", "fact_corrected", case=CHILD, corrects=2, occurred_on="2026-03-04")
    with refused("changed_meanwhile"):
        approve(on(child, "15 Apr 2026"), number, "sam.lee")
    again = propose(on(child, "15 Apr 2026"), CHILD, "dco.team", Ground.COURT_ORDER).proposal or 0
    assert approve(on(child, "15 Apr 2026"), again, "sam.lee").erased
    assert refuse(on(child, "15 Apr 2026"), number, "sam.lee").how == "refused"


@pytest.mark.parametrize(("day", "erases"), [("27 Apr 2026", True), ("28 Apr 2026", False), ("1 Jun 2026", False)])
def test_a_proposal_waits_for_14_days(child: Team, day: str, erases: bool) -> None:
    number = propose(on(child, TODAY), CHILD, "dco.team", Ground.COURT_ORDER).proposal or 0
    if erases:
        assert approve(on(child, day), number, "sam.lee").erased
        return
    with refused("no_such_proposal"):
        approve(on(child, day), number, "sam.lee")
    [expired] = proposals(on(child, day), decided=True)
    assert expired.expired and not expired.waits and proposals(on(child, day)) == []
    assert erase(on(child, day), CHILD, "dco.team", Ground.COURT_ORDER).erased


def test_refusing_erases_nothing(child: Team) -> None:
    number = propose(on(child, TODAY), CHILD, "dco.team", Ground.COURT_ORDER).proposal or 0
    refuse(on(child, TODAY), number, "dco.team")
    with reading(child.first.engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM person WHERE erased_at IS NULL")).scalar() == 1
    with refused("no_such_proposal"):
        refuse(on(child, TODAY), number, "sam.lee")


def found(team: Team, as_at: date) -> list[RipeRecords]:
    return ripe_records(team.context(TODAY), as_at)


def test_a_child_is_ripe_from_the_25th_birthday_on(child: Team) -> None:
    assert found(child, date(2040, 5, 19)) == []
    [ripe] = found(child, date(2040, 5, 20))
    assert (ripe.cases, ripe.ripe_on, ripe.record_class) == ([CHILD, OTHER], date(2040, 5, 20), "child_health")
    assert "25" in ripe.how and "Records Management Code" in ripe.source and ripe.birth_date_known and ripe.is_free
    erase(on(child, TODAY), CHILD, "dco.team", Ground.COURT_ORDER)
    assert found(child, date(2060, 5, 20)) == [], "what was erased is left out"


def test_what_prevents_it_is_named(child: Team) -> None:
    child.record("6 Mar 2026", "ehc_assessment_requested", case="NX90003", la="northshire", linked_to=CHILD)
    hold = begin_hold(on(child, TODAY), CHILD, "inquiry", "dco.team")
    [ripe] = found(child, date(2040, 5, 20))
    assert (ripe.open_cases, ripe.open_duties) == (["NX90003"], ["NX90003"])
    assert [each.number for each in ripe.holds] == [hold.number] and not ripe.is_free


def test_a_complaint_that_ended_retains_the_records_of_an_older_child(child: Team) -> None:
    hold = begin_hold(on(child, TODAY), CHILD, "complaint", "dco.team")
    end_hold(child.context("1 Mar 2036"), hold.number, "dco.team")
    [ripe] = found(child, date(2046, 3, 1))
    assert (ripe.ripe_on, ripe.record_class) == (date(2046, 3, 1), "complaint")
    assert found(child, date(2046, 2, 28)) == []


@pytest.mark.parametrize("recent", [0, 5])
def test_only_cases_that_are_old_enough_are_read(child: Team, recent: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """It decrypted the date of birth of every child: 10 seconds for 100,000 cases of which none was ripe."""
    for number in range(recent):
        fields: dict[str, Any] = {"case": f"NX9100{number}", "la": "northshire", "nhs_number": NUMBERS[number]}
        child.record("2 Feb 2036", "ehc_assessment_requested", **fields, date_of_birth="2014-05-20")
    read: list[str] = []

    def noted(connection: Connection, cipher: Cipher, keys: Collection[str]) -> dict[str, dict[str, str]]:
        read.extend(keys)
        return read_people(connection, cipher, keys)

    monkeypatch.setattr(ripe_module, "read_people", noted)
    assert found(child, date(2033, 12, 1)) == [] and read == []
    assert [each.cases for each in found(child, date(2040, 5, 20))] == [[CHILD, OTHER]]
    assert len(set(read)) == 1


def test_a_recent_case_of_a_child_retains_all_cases_of_the_child(child: Team) -> None:
    child.record("2 Feb 2039", "ehc_assessment_requested", case="NX90003", la="northshire", linked_to=CHILD)
    assert found(child, date(2040, 5, 20)) == []
    assert [each.cases for each in found(child, date(2047, 2, 2))] == [[CHILD, OTHER, "NX90003"]]


def test_a_case_about_no_child_has_the_class_of_its_process(team: Team) -> None:
    team.record("2 Feb 2026", "sitting_called", case="PS90001", panel="ehc_weekly", sits_on="2026-02-18")
    team.record("2 Feb 2026", "item_listed", case="PS90001", item="item_1", question="assess", note="asked by a school")
    assert found(team, date(2046, 2, 1)) == []
    [ripe] = found(team, date(2046, 2, 2))
    assert (ripe.record_class, ripe.open_cases) == ("committee", ["PS90001"])


def test_retention_ended_is_a_ground_only_once_it_has(child: Team) -> None:
    with refused("still_retained"):
        propose(on(child, TODAY), CHILD, "dco.team", Ground.RETENTION_ENDED)
    assert erase(child.context("20 May 2040"), CHILD, "dco.team", Ground.RETENTION_ENDED).erased


@pytest.mark.parametrize(
    ("kind", "record_class", "years"),
    [
        ("enquiry", "child_health", 26),
        ("concern", "child_health", 26),
        ("nhs_complaint", "complaint", 10),
        ("data_protection_complaint", "complaint", 10),
        ("foi_request", "information_request", 3),
        ("subject_access_request", "information_request", 3),
    ],
)
def test_an_enquiry_is_retained_by_its_kind_of_matter(team: Team, kind: str, record_class: str, years: int) -> None:
    said: dict[str, Any] = {"sender_is": "parent", "topic": "other", "question": "words"}
    team.record("2 Feb 2026", "enquiry_received", case="EQ90001", sorted_as=kind, **said)
    team.record("2 Mar 2026", "case_closed", case="EQ90001")
    first = date(2026 + years, 2 if record_class == "child_health" else 3, 2)  # a child: from the first fact
    assert found(team, first - timedelta(days=1)) == []
    [ripe] = found(team, first)
    assert (ripe.record_class, ripe.ripe_on, ripe.source_status) == (
        record_class,
        first,
        "secondary" if record_class == "child_health" else "unverified",
    )


def test_what_an_enquiry_became_and_what_is_right_decide_its_class(team: Team) -> None:
    said: dict[str, Any] = {"sender_is": "parent", "topic": "other", "question": "words"}
    for case in ("EQ90001", "EQ90002"):
        team.record("2 Feb 2026", "enquiry_received", case=case, sorted_as="foi_request", **said)
    team.record("9 Feb 2026", "enquiry_sorted", case="EQ90001", sorted_as="nhs_complaint")
    team.record("9 Feb 2026", "fact_corrected", case="EQ90002", corrects=1, sorted_as="nhs_complaint")
    for case in ("EQ90001", "EQ90002"):
        team.record("2 Mar 2026", "case_closed", case=case)
    assert found(team, date(2036, 3, 1)) == []
    assert [each.record_class for each in found(team, date(2036, 3, 2))] == ["complaint", "complaint"]


def test_a_complaint_lengthens_no_record_of_the_child_beyond_the_longest(child: Team) -> None:
    said: dict[str, Any] = {"sender_is": "parent", "topic": "other", "linked_to": CHILD}
    child.record("6 Mar 2026", "enquiry_received", case="EQ90001", sorted_as="nhs_complaint", **said)
    child.record("9 Mar 2026", "case_closed", case="EQ90001")
    [ripe] = found(child, date(2040, 5, 20))
    assert (ripe.cases, ripe.record_class) == (["EQ90001", CHILD, OTHER], "child_health")
