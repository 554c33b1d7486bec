"""A case is found by our reference, the authority's or the team's own, however a person spells it."""

import pytest

from casework.cases.record import record
from casework.cases.references import reference_meant
from casework.cases.validation import Refused
from casework.delivery.holds import NothingToHold, hold
from casework.reports.case_list import CaseFilter, Show, case_list
from models.errors import NoSuchCase, SeveralCases
from models.facts import FactDraft
from tests.support.by_hand import SALT, day
from tests.support.team import Team

TODAY = "2 Mar 2026"
ODD = "EHC-2026-17"  # an authority's reference of a form that ours never have


@pytest.fixture
def two(team: Team) -> Team:
    """A case of the authority's reference NS-04412, and one of EHC-2026-17."""
    for case, theirs in (("PT00011", "NS-04412"), ("PT-00012", ODD)):
        team.record("2 Feb 2026", "ehc_assessment_requested", case=case, la="northshire", la_reference=theirs)
        team.record("2 Feb 2026", "assessment_agreed", case=case)
    return team


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("PT00011", "PT00011"),
        ("pt 00011", "PT00011"),
        ("PT-00011", "PT00011"),
        ("PT00012", "PT-00012"),
        ("NS-04412", "PT00011"),
        ("ns04412", "PT00011"),
        ("NS \N{EN DASH} 04412", "PT00011"),
        (ODD, "PT-00012"),
        ("ehc 2026 17", "PT-00012"),
    ],
)
def test_a_case_is_found_by_each_of_its_references_in_any_spelling(two: Team, typed: str, meant: str) -> None:
    context = two.context(TODAY)
    assert reference_meant(context, typed) == meant
    found = case_list(context, CaseFilter(show=Show.ALL, search=typed), day(TODAY))
    assert [row.case_ref for row in found.rows] == [meant]


@pytest.mark.parametrize("typed", ["NS-04412", "ns 04412", "PT-00011"])
def test_a_fact_is_recorded_on_the_case_that_is_meant(two: Team, typed: str) -> None:
    recorded = two.record(TODAY, "health_advice_requested", case=typed, body="QX101", service=SALT)
    assert recorded.case_ref == "PT00011"


def test_a_fact_is_recorded_by_an_authoritys_reference_of_another_form(two: Team) -> None:
    draft = FactDraft("health_advice_requested", day(TODAY), {"body": "QX101", "service": SALT})
    assert record(two.context(TODAY), "new", [draft], "dco.team", own_reference=ODD).case_ref == "PT-00012"


@pytest.mark.parametrize(("case", "own"), [("NS-04412", None), ("new", ODD)])
def test_no_case_is_opened_under_a_reference_that_an_authority_gave_to_another(
    two: Team, case: str, own: str | None
) -> None:
    before = two.dump()
    opening = FactDraft("ehc_assessment_requested", day(TODAY), {"la": "northshire"})
    with pytest.raises(Refused) as refused:
        record(two.context(TODAY), case, [opening], "dco.team", own_reference=own)
    assert refused.value.code == "authoritys_reference" and "case PT000" in refused.value.message.replace("-", "")
    assert "sendflow record new" in refused.value.message and two.dump() == before


def test_a_reference_that_an_authority_gave_to_several_cases_is_asked_about(two: Team) -> None:
    two.record(
        "16 Feb 2026",
        "decision_notified",
        case="TR90001",
        la="northshire",
        la_reference="NS-04412",
        decision="refusal_to_assess",
        linked_to="pt 00011",
    )
    assert two.lines("TR90001")[0].data["linked_to"] == "PT00011", "a link is stored as the reference is"
    with pytest.raises(SeveralCases, match="PT00011 and TR90001"):
        reference_meant(two.context(TODAY), "NS04412")
    with pytest.raises(SeveralCases):
        two.record(TODAY, "case_withdrawn", case="NS04412")


def test_a_reference_that_nobody_gave_finds_nothing(two: Team) -> None:
    for typed in ("NS-04413", "", "%", "NS_04412"):
        with pytest.raises(NoSuchCase):
            reference_meant(two.context(TODAY), typed)


def test_letters_are_held_by_the_authoritys_reference_too(two: Team) -> None:
    two.record(TODAY, "health_advice_requested", case="PT00011", body="QX101", service=SALT)
    assert hold(two.context(TODAY), "ns04412", "dco.team", "typing").cases == ["PT00011"]
    with pytest.raises(NothingToHold):
        hold(two.context(TODAY), "NS-99999", "dco.team", "typing")
