"""What two cases recorded before anybody knew that they are one child's: a person reads what was not copied."""

from casework.cases.part_and_join import join
from casework.reports.case_report import report
from tests.support.team import Team

TODAY = "1 Dec 2025"


def apart(team: Team) -> None:
    """An assessment that was refused, and the Tribunal's case of it, not known as one child's."""
    team.record(TODAY, "ehc_assessment_requested", on="6 Jan 2025", case="EB90001", la="northshire")
    team.record(TODAY, "assessment_refused", on="10 Feb 2025", case="EB90001")
    team.record(
        TODAY, "appeal_registered", on="10 Mar 2025", case="EB90002", la="northshire", appeal="refusal_to_assess"
    )
    team.record(TODAY, "order_to_assess_made", on="9 Jun 2025", case="EB90002")


def test_a_join_names_the_order_that_never_reached_the_assessment(team: Team) -> None:
    apart(team)
    joined = join(team.context(TODAY), "EB90001", "EB90002", "dco.team", confirmed=True)
    (said,) = joined.unheard
    assert said == (
        "Case EB90002 has order_to_assess_made of 2025-06-09, and case EB90001 of the same child has no"
        " assessment_ordered of it. If it belongs there: sendflow record EB90001 assessment_ordered --on 2025-06-09"
    )
    assert report(team.context(TODAY), "EB90001").state == "refused", "nothing was recorded without a person"
    assert team.record(TODAY, "assessment_ordered", on="9 Jun 2025", case="EB90001").state == "assessing"


def test_a_link_names_it_too_and_what_is_there_is_not_named(team: Team) -> None:
    apart(team)
    linked = team.record(TODAY, "fact_corrected", case="EB90002", corrects=1, linked_to="EB90001")
    assert [each for each in linked.unheard if "assessment_ordered" in each]
    team.record(TODAY, "assessment_ordered", on="9 Jun 2025", case="EB90001")
    assert team.verify(TODAY).intact


def test_cases_that_were_linked_in_time_say_nothing(team: Team) -> None:
    team.record(TODAY, "ehc_assessment_requested", on="6 Jan 2025", case="EB90001", la="northshire")
    team.record(TODAY, "assessment_refused", on="10 Feb 2025", case="EB90001")
    opened = team.record(
        TODAY,
        "appeal_registered",
        on="10 Mar 2025",
        case="EB90002",
        la="northshire",
        appeal="refusal_to_assess",
        linked_to="EB90001",
    )
    assert not [each for each in opened.unheard if "of the same child has no" in each]
    ordered = team.record(TODAY, "order_to_assess_made", on="9 Jun 2025", case="EB90002")
    assert not [each for each in ordered.unheard if "of the same child has no" in each]
    assert report(team.context(TODAY), "EB90001").state == "assessing"
