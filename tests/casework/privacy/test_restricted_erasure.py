"""Retention, holds and erasures say nothing of a restricted case to who is not named for it, and still reach it."""

from dataclasses import replace
from datetime import date
from typing import Any

import orjson
import pytest
from sqlalchemy import Engine, text

from casework.access.seen import as_seen_by
from casework.bundles.certificate import certificate
from casework.context import AppContext
from casework.privacy import ripe
from casework.privacy.approval import approve, preview, proposals, propose, refuse
from casework.privacy.erasure import Ground
from casework.privacy.ripe import ripe_records
from casework.privacy.ripe_list import list_ripe
from casework.retention_holds import begin_hold, end_hold, listed
from casework.steps import shown_by
from models.database import reading
from models.errors import NoSuchCase, Refusal
from tests.support.noted_steps import NotedSteps
from tests.support.team import Team

TODAY, GROWN = "14 Apr 2026", "1 Jul 2041"
OPEN, HIDDEN, NHS_NUMBER = "NX90001", "SR00042", "999 000 0018"


@pytest.fixture
def both(team: Team) -> Team:
    """A child with a case that everybody sees, which has ended, and a restricted one, which has words."""
    person: dict[str, Any] = {"la": "northshire", "nhs_number": NHS_NUMBER, "date_of_birth": "2015-05-20"}
    team.record("2 Feb 2026", "ehc_assessment_requested", case=OPEN, **person)
    team.record("5 Mar 2026", "case_withdrawn", case=OPEN)
    made: dict[str, Any] = {
        "how": "form",
        "referred_to": "multi_agency_hub",
        "parents_informed": "yes",
        "concern": "was seen",
    }
    team.record("1 Apr 2026", "safeguarding_referral_made", case=HIDDEN, **person, **made)
    return team


def unnamed(team: Team, day: str = TODAY) -> AppContext:
    """The installation as an account sees it that is named for nothing."""
    return as_seen_by(team.context(day), "dco.team")


def named(team: Team, day: str = TODAY) -> AppContext:
    return team.context(day)


def said(document: Any) -> str:
    return orjson.dumps(document, default=lambda each: each.model_dump(mode="json")).decode()


def code_of(problem: pytest.ExceptionInfo[Refusal]) -> str:
    assert HIDDEN not in str(problem.value)
    return problem.value.code


def test_a_hold_on_a_restricted_case_is_seen_and_ended_by_who_is_named_alone(both: Team) -> None:
    with pytest.raises(NoSuchCase):
        begin_hold(unnamed(both), HIDDEN, "complaint", "dco.team")
    hold = begin_hold(named(both), HIDDEN, "complaint", "safeguarding.lead")
    assert listed(unnamed(both)) == [] and [each.number for each in listed(named(both))] == [hold.number]
    with pytest.raises(Refusal) as problem:
        end_hold(unnamed(both), hold.number, "dco.team")
    assert code_of(problem) == "bad_hold"
    with pytest.raises(Refusal) as problem:
        propose(unnamed(both), OPEN, "dco.team", Ground.COURT_ORDER)
    assert code_of(problem) == "still_retained"
    assert preview(unnamed(both), OPEN, Ground.COURT_ORDER).holds == []
    assert end_hold(named(both), hold.number, "safeguarding.lead").ended_by == "safeguarding.lead"
    assert propose(unnamed(both), OPEN, "dco.team", Ground.COURT_ORDER).proposal == 1


def test_an_erasure_by_who_is_not_named_reaches_the_restricted_case_and_names_none(both: Team) -> None:
    with pytest.raises(NoSuchCase):
        propose(unnamed(both), HIDDEN, "dco.team", Ground.COURT_ORDER)
    shown = preview(unnamed(both), OPEN, Ground.COURT_ORDER)
    assert (shown.cases, shown.passages, shown.open_cases) == ([OPEN], 0, [])
    asked = propose(unnamed(both), OPEN, "dco.team", Ground.COURT_ORDER)
    assert asked.model_copy(update={"proposal": None, "expires_at": None}) == shown
    with pytest.raises(Refusal) as problem:
        propose(named(both), HIDDEN, "sam.lee", Ground.COURT_ORDER)
    assert problem.value.code == "proposed_already"
    done = approve(unnamed(both), 1, "sam.lee")
    assert (done.cases, done.passages, done.erased) == ([OPEN], 0, True)
    with reading(named(both).engine) as connection:
        left = connection.scalar(text("SELECT count(*) FROM passage WHERE erased_at IS NULL"))
        logged = set(connection.scalars(text("SELECT case_ref FROM person_read WHERE purpose = 'erased_court_order'")))
    assert (left, logged) == (0, {OPEN, HIDDEN}) and both.verify(TODAY).intact
    [seen], [whole] = proposals(unnamed(both), decided=True), proposals(named(both), decided=True)
    assert seen.erased == done.model_copy(update={"proposal": 1})
    assert whole.erased is not None and (whole.erased.cases, whole.erased.passages) == ([OPEN, HIDDEN], 1)
    paper = certificate(unnamed(both), 1)
    assert HIDDEN not in paper.html + paper.json.decode() and orjson.loads(paper.json)["passages"] == 0
    assert orjson.loads(certificate(named(both), 1).json)["cases"] == [OPEN, HIDDEN]


def test_records_that_a_restricted_case_makes_stay_are_not_in_the_list_of_who_is_not_named(both: Team) -> None:
    [whole] = ripe_records(named(both, GROWN))
    assert (whole.cases, whole.open_cases) == ([OPEN, HIDDEN], [HIDDEN])
    assert ripe_records(unnamed(both, GROWN)) == []
    with pytest.raises(Refusal) as problem:
        propose(unnamed(both, GROWN), OPEN, "dco.team", Ground.RETENTION_ENDED)
    assert code_of(problem) == "still_retained"
    both.record("2 Jul 2041", "case_closed", case=HIDDEN, reason="no_further_action")
    later = "1 Jan 2100"
    [seen] = ripe_records(unnamed(both, later))
    assert (seen.cases, seen.is_free, HIDDEN in said(seen)) == ([OPEN], True, False)
    assert propose(unnamed(both, later), OPEN, "dco.team", Ground.RETENTION_ENDED).cases == [OPEN]


def test_an_erasure_of_a_restricted_case_alone_is_decided_by_who_is_named(team: Team) -> None:
    made: dict[str, Any] = {
        "how": "form",
        "referred_to": "multi_agency_hub",
        "parents_informed": "yes",
        "concern": "was seen",
    }
    team.record("1 Apr 2026", "safeguarding_referral_made", case=HIDDEN, la="northshire", **made)
    propose(named(team), HIDDEN, "safeguarding.lead", Ground.COURT_ORDER)
    assert proposals(unnamed(team)) == []
    for decide in (approve, refuse):
        with pytest.raises(Refusal) as problem:
            decide(unnamed(team), 1, "sam.lee")
        assert code_of(problem) == "no_such_proposal"
    assert approve(replace(named(team)), 1, "sam.lee").cases == [HIDDEN]


def test_the_monthly_list_is_read_in_steps_that_count_no_restricted_case(
    both: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prefect shows the steps as tasks. The restricted cases are read too, and no step is of them."""
    for number in range(3):
        both.record("2 Feb 2026", "ehc_assessment_requested", case=f"NX9100{number}", la="northshire")
    made: dict[str, Any] = {
        "how": "form",
        "referred_to": "multi_agency_hub",
        "parents_informed": "yes",
        "concern": "was seen",
    }
    both.record("2 Feb 2026", "safeguarding_referral_made", case="SR00043", la="northshire", **made)
    both.record("2 Jul 2041", "case_closed", case=HIDDEN, reason="no_further_action")
    monkeypatch.setattr(ripe, "RANGE", 2)
    shown, read = NotedSteps(), list[str]()
    among = ripe._ripe_among

    def noted(context: AppContext, engine: Engine, groups: dict[str, Any], day: date) -> list[ripe.RipeRecords]:
        read.extend(case.case_ref for cases in groups.values() for case in cases)
        return among(context, engine, groups, day)

    monkeypatch.setattr(ripe, "_ripe_among", noted)
    with shown_by(shown):
        counted = list_ripe(both.context("1 Jan 2100"))
    assert [(step.name, step.number, step.of) for step in shown.steps] == [
        ("cases that are old enough", 1, 1),
        ("records 1 to 2", 1, 2),
        ("records 3 to 4", 2, 2),
    ]
    assert all(step.again for step in shown.steps), "what only reads may be repeated"
    assert {HIDDEN, "SR00043"} < set(read)
    assert counted.ripe == len(ripe_records(unnamed(both, "1 Jan 2100"))) == 1
