"""A child who died or is flagged as sensitive is in no calendar and in no list of another organisation."""

from collections.abc import Iterable

import pytest

from casework.delivery.calendar import calendar
from casework.replies.links import link_to_all
from casework.replies.owed import owed_by
from casework.reports.own_duties import own_duties
from models.database import reading
from tests.support.by_hand import CASE, TRUST
from tests.support.mail_server import SERVICE
from tests.support.team import Team

OTHER = "NX90002"
TODAY = "10 Mar 2026"


@pytest.fixture
def two(team: Team) -> Team:
    """Two children of whom the same service is asked."""
    for case in (CASE, OTHER):
        team.record("2 Feb 2026", "ehc_assessment_requested", case=case, la="northshire")
        team.record("2 Feb 2026", "assessment_agreed", case=case)
        team.record("2 Mar 2026", "health_advice_requested", case=case, service="speech_and_language_therapy")
    return team


def seen_by_others(team: Team) -> Iterable[str]:
    """What a calendar, the list of a mailbox and a provider's page say, each as text."""
    context = team.context(TODAY)
    yield str(calendar(context, TRUST))
    yield str(calendar(context, "team"))
    yield str([row.case_ref for row in own_duties(context, context.today(), body=TRUST)])
    yield str([row.case_ref for row in own_duties(context, context.today(), la="northshire")])
    with reading(context.engine) as connection:
        owed = owed_by(context, connection, link_to_all(SERVICE, context.today()), context.now())
    yield str([each.asked.case_ref for each in owed])


@pytest.mark.parametrize("kind", ["person_died", "person_flagged_sensitive"])
def test_the_child_is_left_out_and_the_other_is_not(two: Team, kind: str) -> None:
    assert all(CASE in text and OTHER in text for text in seen_by_others(two))
    two.record(TODAY, kind, case=CASE)
    assert [(CASE in text, OTHER in text) for text in seen_by_others(two)] == [(False, True)] * 5
