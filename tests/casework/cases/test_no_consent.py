"""A case whose person said no is named by no list, calendar, program or run, and nothing waits for a release of it."""

from typing import Any

import pytest

from casework.cases.of_the_child import NO_CONSENT, withheld_cases
from casework.delivery.calendar import calendar
from casework.reports.restricted import is_restricted
from casework.reports.withheld import may_be_named, not_to_be_named, waiting_for_release
from casework.reports.worklists import overdue
from models.database import reading
from tests.support.team import Team

CASE, OTHER = "DS90001", "DS90002"


@pytest.fixture
def two(team: Team) -> Team:
    """Two people on the register, each with a review that is late."""
    for case, number in ((CASE, "9990000018"), (OTHER, "9990000026")):
        child: dict[str, Any] = {"la": "northshire", "nhs_number": number, "date_of_birth": "2010-06-17"}
        team.record("3 Mar 2025", "dsr_referred", case=case, referred_by="family", **child)
        team.record("5 Mar 2025", "dsr_consent_given", case=case, given_by="parent", sharing="yes")
        team.record("10 Mar 2025", "dsr_rated", case=case, rating="red", reason="at risk")
    return team


@pytest.mark.parametrize("no", ["dsr_consent_withdrawn", "dsr_consent_declined"])
def test_nothing_names_the_case_from_that_fact_on(two: Team, no: str) -> None:
    today = "24 Mar 2025"
    team = two
    assert {row.case_ref for row in overdue(team.context(today), team.context(today).today())} == {CASE, OTHER}
    team.sweep(today)
    team.record(today, no, case=CASE, said_by="the_person")
    context = team.context(today)
    with reading(context.engine) as connection:
        assert withheld_cases(connection) == {CASE: NO_CONSENT}
        assert waiting_for_release(context, connection, context.today()) == []
    assert not_to_be_named(context, {CASE, OTHER}) == {CASE}
    assert {row.case_ref for row in overdue(context, context.today())} == {OTHER}
    rows, hidden = may_be_named(context, overdue(context, context.today()))
    assert ([row.case_ref for row in rows], hidden) == ([OTHER], 0)
    assert CASE not in str(calendar(context, "team")) and OTHER in str(calendar(context, "team"))
    assert is_restricted(context, CASE) and not is_restricted(context, OTHER)
    assert is_restricted(context, OTHER, [no]), "the run that records it does not name the case either"


def test_consent_that_is_given_again_names_the_case_and_a_closed_one_stays_unnamed(two: Team) -> None:
    two.record("24 Mar 2025", "dsr_consent_withdrawn", case=CASE, said_by="the_person")
    two.record("25 Mar 2025", "dsr_consent_given", case=CASE, given_by="the_person", sharing="yes")
    with reading(two.context("25 Mar 2025").engine) as connection:
        assert withheld_cases(connection) == {}
    two.record("26 Mar 2025", "dsr_consent_withdrawn", case=CASE, said_by="the_person")
    two.record("27 Mar 2025", "case_closed", case=CASE)
    with reading(two.context("27 Mar 2025").engine) as connection:
        assert withheld_cases(connection) == {CASE: NO_CONSENT}


def test_a_withdrawal_that_is_taken_back_as_a_mistake_names_the_case_again(two: Team) -> None:
    two.record("24 Mar 2025", "dsr_consent_withdrawn", case=CASE, said_by="the_person")
    two.record("25 Mar 2025", "fact_withdrawn", case=CASE, corrects=4, reason="it was another person")
    with reading(two.context("25 Mar 2025").engine) as connection:
        assert withheld_cases(connection) == {}
