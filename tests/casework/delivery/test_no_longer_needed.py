"""What was asked for ends without having come: each body that was asked or chased learns it once, by mailbox, and only
where it was still owed.

Dates are worked by hand: asked on Monday 2 March 2026, due Monday 13 April, so that the breach falls on Tuesday 14
April.
"""

from typing import Any

import pytest

from casework.cases.record import RecordCommand, record_acts
from casework.delivery.deliver import deliver
from models.facts import FactDraft
from notifications.transport import Attempt, Letter, Outcome
from tests.support.by_hand import PAEDS, SALT, TRUST
from tests.support.team import Team

ASKED: dict[str, Any] = {"body": TRUST, "service": SALT}
SERVICE, MANAGER = "slt.advice@northshire-community.example", "therapies.manager@northshire-community.example"
LEAD, DCO = "send.lead@northshire-community.example", "send.dco@northernvales-icb.example"


@pytest.fixture
def asked(team: Team) -> Team:
    """A request for an assessment that the authority has not decided yet, and advice asked of a service on 2 March."""
    team.record("2 Mar 2026", "ehc_assessment_requested", la="northshire", la_reference="NS-04412")
    team.asked("2 Mar 2026")
    team.deliver("2 Mar 2026")
    return team


def letters(team: Team, since: str) -> list[tuple[str, str]]:
    """Who was written to from that day on, and what the subject says behind the references."""
    return [(mailbox, subject.partition("): ")[2]) for on, mailbox, subject in team.post.log() if on >= since]


def test_after_a_refusal_the_service_is_informed_once_that_nothing_is_owed(asked: Team) -> None:
    asked.day("23 Mar 2026")
    asked.record("30 Mar 2026", "assessment_refused")
    for when in ("30 Mar 2026", "31 Mar 2026", "7 Apr 2026", "14 Apr 2026", "28 Apr 2026"):
        asked.day(when)
    asked.record("29 Apr 2026", "case_closed")
    asked.day("29 Apr 2026")
    assert letters(asked, "2026-03-24") == [(SERVICE, "health advice no longer needed since 30 March 2026")]
    text = " ".join(asked.post.letters[-1].text.split())
    assert "Northshire decided not to carry out an assessment" in text
    assert "You no longer need to send this" in text and "was not late on that day" in text
    assert "Appointments, referrals and care go on as they are" in text
    assert asked.verify("30 Apr 2026").intact


def test_what_has_come_is_not_spoken_of(asked: Team) -> None:
    asked.record("16 Mar 2026", "health_advice_received", **ASKED)
    asked.deliver("16 Mar 2026")
    asked.record("30 Mar 2026", "assessment_refused")
    asked.day("30 Mar 2026")
    assert letters(asked, "2026-03-17") == []


def test_of_two_services_the_one_that_has_not_answered_is_informed(asked: Team) -> None:
    asked.asked("2 Mar 2026", service=PAEDS)
    asked.record("16 Mar 2026", "health_advice_received", **ASKED)
    asked.deliver("16 Mar 2026")
    asked.record("30 Mar 2026", "case_withdrawn")
    asked.day("30 Mar 2026")
    assert letters(asked, "2026-03-30") == [
        ("community.paediatrics@northshire-community.example", "health advice no longer needed since 30 March 2026")
    ]
    assert "the request that it belonged to was withdrawn" in " ".join(asked.post.letters[-1].text.split())


def test_everybody_who_was_reminded_is_informed_and_our_own_team_is_not(asked: Team) -> None:
    for when in ("23 Mar 2026", "7 Apr 2026", "14 Apr 2026", "21 Apr 2026"):
        asked.day(when)
    assert (DCO, "please step in; health advice overdue since 13 April 2026") in letters(asked, "2026-04-21")
    asked.record("22 Apr 2026", "assessment_refused")
    asked.day("22 Apr 2026")
    asked.day("23 Apr 2026")
    assert sorted(letters(asked, "2026-04-22")) == sorted(
        (to, "health advice no longer needed since 22 April 2026") for to in (SERVICE, MANAGER, LEAD)
    )
    said = {letter.mailbox: " ".join(letter.text.split()) for letter in asked.post.letters[-3:]}
    assert "You no longer need to send" in said[SERVICE] and "Health NHS Trust no longer needs to send" in said[LEAD]
    assert all("9 days late, and the record says so" in text for text in said.values())


def test_a_refusal_recorded_late_is_one_letter_to_each(asked: Team) -> None:
    """Refused on 30 March and recorded on 17 April, after the letter of the breach: the manager learns that it is
    withdrawn, the service that nothing is owed.
    """
    for when in ("23 Mar 2026", "7 Apr 2026", "14 Apr 2026"):
        asked.day(when)
    asked.record("17 Apr 2026", "assessment_refused", "30 Mar 2026")
    for when in ("17 Apr 2026", "20 Apr 2026", "21 Apr 2026", "22 Apr 2026"):
        asked.day(when)
    assert sorted(letters(asked, "2026-04-15")) == sorted(
        [(SERVICE, "health advice no longer needed since 30 March 2026"), (MANAGER, "our earlier letter is withdrawn")]
    )


def test_a_service_that_no_request_reached_is_informed_of_the_end_alone(team: Team) -> None:
    team.record("2 Mar 2026", "ehc_assessment_requested", la="northshire", la_reference="NS-04412")
    team.asked("2 Mar 2026")
    team.record("2 Mar 2026", "assessment_refused")
    team.day("2 Mar 2026")
    assert letters(team, "2026-03-02") == [(SERVICE, "health advice no longer needed since 2 March 2026")]


def test_an_import_of_ended_requests_sends_nothing(team: Team) -> None:
    facts = [
        ("ehc_assessment_requested", {"la": "northshire"}),
        ("health_advice_requested", ASKED),
        ("assessment_refused", {}),
    ]
    record_acts(
        team.context("2 Mar 2026"),
        [RecordCommand(team.case, [FactDraft(kind, team.context("2 Mar 2026").today(), data) for kind, data in facts])],
        "importer",
        "import",
    )
    team.day("2 Mar 2026")
    assert team.post.log() == []


def test_a_refusal_that_was_none_is_taken_back_and_the_chasing_goes_on(asked: Team) -> None:
    asked.day("23 Mar 2026")
    refusal = asked.record("30 Mar 2026", "assessment_refused").seq
    asked.day("30 Mar 2026")
    asked.record("1 Apr 2026", "fact_withdrawn", corrects=refusal)
    for when in ("1 Apr 2026", "2 Apr 2026", "7 Apr 2026", "14 Apr 2026", "15 Apr 2026", "21 Apr 2026", "22 Apr 2026"):
        asked.day(when)
    assert letters(asked, "2026-03-30") == [
        (SERVICE, "health advice no longer needed since 30 March 2026"),
        (SERVICE, "health advice needed after all, due 13 April 2026"),
        (SERVICE, "please send health advice, due 13 April 2026"),
        (MANAGER, "health advice overdue since 13 April 2026"),
    ]
    assert "no longer" not in asked.post.letters[-1].text.partition("What has happened so far")[0]
    asked.record("23 Apr 2026", "assessment_refused")
    asked.day("23 Apr 2026")
    assert sorted(letters(asked, "2026-04-23")) == sorted(
        (to, "health advice no longer needed since 23 April 2026") for to in (SERVICE, MANAGER)
    )


def test_an_end_that_is_taken_back_before_the_letter_leaves_sends_nothing(asked: Team) -> None:
    refusal = asked.record("16 Mar 2026", "assessment_refused").seq
    asked.record("16 Mar 2026", "fact_withdrawn", corrects=refusal)
    asked.day("17 Mar 2026")
    assert letters(asked, "2026-03-03") == [], "a person who corrects a record has two working days"
    asked.day("18 Mar 2026")
    assert [subject for _to, subject in letters(asked, "2026-03-03")] == [
        "no acknowledgement yet; health advice due 13 April 2026"
    ]
    assert ("no_longer_needed", "service", "withdrawn") in asked.notices()


def test_a_reminder_that_is_under_way_when_the_refusal_comes_is_followed_by_the_end(asked: Team) -> None:
    """The mail server has the reminder while somebody records the refusal: it cannot be called back, and the service
    gets the end on its next day.
    """

    class Slow:
        def send(self, letter: Letter) -> Attempt:
            asked.record("23 Mar 2026", "assessment_refused")
            return Attempt(Outcome.ACCEPTED)

    asked.sweep("23 Mar 2026")
    deliver(asked.context("23 Mar 2026"), transport=Slow())
    asked.day("24 Mar 2026")
    assert letters(asked, "2026-03-03") == [(SERVICE, "health advice no longer needed since 23 March 2026")]


def test_several_that_end_on_one_day_are_one_letter(team: Team) -> None:
    for case in ("NX90001", "NX90002"):
        team.record("2 Mar 2026", "ehc_assessment_requested", case=case, la="northshire")
        team.record("2 Mar 2026", "health_advice_requested", case=case, service=SALT)
    team.deliver("2 Mar 2026")
    for case in ("NX90001", "NX90002"):
        team.record("30 Mar 2026", "assessment_refused", case=case)
    team.day("30 Mar 2026")
    (letter,) = [letter for letter in team.post.letters if letter.written_at.date().isoformat() == "2026-03-30"]
    text = " ".join(letter.text.split())
    assert letter.subject == "NX90001 and 1 other case: what is no longer needed, 30 March 2026"
    assert "Nothing more is needed from you" in text and text.count("It ended on 30 March 2026") == 2
    assert "Due by law" not in text and text.count("appointments, referrals and care go on as they are") == 1


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("appeal_withdrawn", "the appeal was withdrawn"),
        ("contents_conceded", "Northshire does not oppose the appeal"),
        ("case_closed", "the case was closed"),
    ],
)
def test_evidence_for_an_appeal_that_is_over_is_needed_no_longer(team: Team, kind: str, why: str) -> None:
    team.case = "TR90001"
    team.record("2 Mar 2026", "appeal_registered", la="northshire", appeal="contents")
    team.record("2 Mar 2026", "health_evidence_requested", directed_on="2026-04-13", **ASKED)
    team.deliver("2 Mar 2026")
    team.record("16 Mar 2026", kind)
    team.day("16 Mar 2026")
    assert [
        subject.partition(": ")[2] for on, to, subject in team.post.log() if on == "2026-03-16" and to == SERVICE
    ] == ["evidence for the Tribunal no longer needed since 16 March 2026"]
    assert why in " ".join(team.post.letters[-1].text.split())


def test_advice_for_a_review_that_has_been_decided_is_needed_no_longer(team: Team) -> None:
    team.case = "AR90001"
    team.record("2 Mar 2026", "plan_made", la="northshire")
    team.record("1 Dec 2026", "review_meeting_arranged", meeting_on="2027-01-11")
    team.record("1 Dec 2026", "health_professional_invited", meeting_on="2027-01-11", **ASKED)
    team.deliver("1 Dec 2026")
    team.record("11 Jan 2027", "review_meeting_held")
    team.record("25 Jan 2027", "plan_kept")
    team.day("25 Jan 2027")
    assert [(to, subject) for on, to, subject in team.post.log() if on == "2027-01-25"] == [
        (SERVICE, "AR90001: advice for the review no longer needed since 25 January 2027")
    ]
    text = " ".join(team.post.letters[-1].text.split())
    assert "Northshire has decided what follows from the review" in text and "Monday 11 January 2027" in text


def test_a_board_is_informed_that_mediation_is_not_wanted_only_if_it_was_to_arrange_it(team: Team) -> None:
    team.case = "ME90001"
    team.record("2 Mar 2026", "appealable_notice_sent", la="northshire", decision="contents_of_plan")
    team.record("3 Mar 2026", "health_mediation_wanted")
    team.record("4 Mar 2026", "commissioner_notified", body="QX900", issues="health_only")
    for when in ("4 Mar 2026", "11 Mar 2026", "27 Mar 2026"):
        team.day(when)
    executive = "executive.lead.send@northernvales-icb.example"
    assert executive in [to for _on, to, _subject in team.post.log()]
    team.record("30 Mar 2026", "mediation_declined")
    team.day("30 Mar 2026")
    assert [(to, subject) for on, to, subject in team.post.log() if on == "2026-03-30"] == [
        (executive, "ME90001: mediation on health issues no longer needed since 30 March 2026")
    ]
