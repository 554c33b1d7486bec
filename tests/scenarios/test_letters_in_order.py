"""The recipient of a lower step gets a letter first, and has the time until the next one before anybody higher does.

The days are worked by hand against the shipped ladder of requests for advice: reminders after 3 and 5 weeks to the
service, the breach on the day after the due date to its manager, 5 working days later to the provider's SEND lead and
the DCO, 10 working days after the breach to the ICB's executive lead. Easter Monday is 6 April 2026; 4 and 25 May are
bank holidays.
"""

from collections.abc import Iterable
from typing import Any

from casework.cases.record import RecordCommand, record_acts
from models.facts import FactDraft
from notifications.transport import Attempt, Letter, Outcome
from tests.support.by_hand import SALT, TRUST, day
from tests.support.team import Team

SERVICE, MANAGER = "slt.advice@northshire-community.example", "therapies.manager@northshire-community.example"
LEAD, DCO = "send.lead@northshire-community.example", "send.dco@northernvales-icb.example"
ICB = "executive.lead.send@northernvales-icb.example"
ASKED: dict[str, Any] = {"body": TRUST, "service": SALT}


def requested(team: Team) -> Team:
    """A request of 2 March 2026, due on 13 April."""
    team.record("2 Feb 2026", "ehc_assessment_requested", la="northshire")
    team.record("2 Mar 2026", "health_advice_requested", **ASKED)
    team.day("2 Mar 2026")
    return team


def each_day(team: Team, first: str, last: str) -> None:
    """Run the jobs of every day, as the scheduler does."""
    for ordinal in range(day(first).toordinal(), day(last).toordinal() + 1):
        team.day(day(first).fromordinal(ordinal).isoformat())


def steps_sent(team: Team, since: str = "2026-01-01") -> list[tuple[str, str, str]]:
    """Day, step and recipient of each notice that was sent."""
    return [
        (line.occurred_on.isoformat(), str(line.data["rung"]), str(line.data["recipient"]))
        for line in team.lines()
        if line.kind == "notice_sent" and line.occurred_on.isoformat() >= since
    ]


def sent_on(sent: Iterable[tuple[str, str, str]]) -> list[tuple[str, str]]:
    return [(on, rung) for on, rung, _recipient in sent]


def test_a_refusal_recorded_by_mistake_is_taken_back_after_the_due_date(team: Team) -> None:
    """On 8 May the service alone reads "needed after all". The facts keep their days; later letters get their time."""
    requested(team)
    refusal = team.record("10 Mar 2026", "assessment_refused").seq
    each_day(team, "10 Mar 2026", "7 May 2026")
    team.record("8 May 2026", "fact_withdrawn", corrects=refusal)
    each_day(team, "8 May 2026", "8 May 2026")
    assert steps_sent(team, "2026-03-09") == [
        ("2026-03-10", "no_longer_needed", "service"),
        ("2026-05-08", "needed_after_all", "service"),
    ]
    assert ("breached", "breach", "2026-04-14") in team.escalations()
    each_day(team, "9 May 2026", "19 Jun 2026")
    assert steps_sent(team, "2026-05-09") == [
        ("2026-05-22", "reminder_5_weeks", "service"),
        ("2026-05-29", "breach", "service_manager"),
        ("2026-06-05", "escalation_provider", "dco"),
        ("2026-06-05", "escalation_provider", "provider_send_lead"),
        ("2026-06-12", "escalation_icb", "icb_executive_lead"),
    ]
    assert team.verify("19 Jun 2026").intact


def test_a_first_import_of_an_old_request_begins_with_the_service(team: Team) -> None:
    """Imported on 1 May, when every step was due: nobody above the service gets a letter before it had its time."""
    facts = [
        FactDraft("ehc_assessment_requested", day("2 Feb 2026"), {"la": "northshire"}),
        FactDraft("health_advice_requested", day("2 Mar 2026"), ASKED),
    ]
    record_acts(team.context("1 May 2026"), [RecordCommand(team.case, facts, begin_chasing=True)], "importer", "import")
    each_day(team, "1 May 2026", "5 Jun 2026")
    assert steps_sent(team) == [
        ("2026-05-01", "reminder_5_weeks", "service"),
        ("2026-05-08", "breach", "service_manager"),
        ("2026-05-15", "escalation_provider", "dco"),
        ("2026-05-15", "escalation_provider", "provider_send_lead"),
        ("2026-05-22", "escalation_icb", "icb_executive_lead"),
    ]
    assert team.verify("5 Jun 2026").intact


def test_an_answer_that_comes_while_a_higher_letter_waits_stops_it(team: Team) -> None:
    requested(team)
    team.day("24 Apr 2026")
    team.record("29 Apr 2026", "health_advice_received", **ASKED)
    each_day(team, "29 Apr 2026", "20 May 2026")
    assert sent_on(steps_sent(team, "2026-03-03")) == [("2026-04-24", "reminder_5_weeks"), ("2026-04-29", "thanks")]


def test_a_lower_letter_that_fails_for_good_lets_the_higher_one_go_after_the_same_time(team: Team) -> None:
    """The manager's mailbox is refused on 14 April: the lead and the DCO get theirs five working days later."""
    requested(team)
    each_day(team, "3 Mar 2026", "13 Apr 2026")
    accept = team.post.send

    def send(letter: Letter) -> Attempt:
        return Attempt(Outcome.REFUSED, "mailbox_refused") if letter.mailbox == MANAGER else accept(letter)

    team.post.send = send  # type: ignore[method-assign]  # the same transport, and one mailbox that it refuses
    each_day(team, "14 Apr 2026", "28 Apr 2026")
    assert [line.occurred_on.isoformat() for line in team.lines() if line.kind == "notice_failed"] == ["2026-04-14"]
    assert sent_on(steps_sent(team, "2026-04-14")) == [
        ("2026-04-21", "escalation_provider"),
        ("2026-04-21", "escalation_provider"),
        ("2026-04-28", "escalation_icb"),
    ]


def test_the_mail_server_is_down_for_three_days_over_the_breach(team: Team) -> None:
    """Down from Tuesday 14 to Thursday 16 April: manager on Friday 17th, lead and DCO five working days later."""
    requested(team)
    each_day(team, "3 Mar 2026", "13 Apr 2026")
    team.post.down = True
    each_day(team, "14 Apr 2026", "16 Apr 2026")
    team.post.down = False
    each_day(team, "17 Apr 2026", "1 May 2026")
    assert steps_sent(team, "2026-04-14") == [
        ("2026-04-17", "breach", "service_manager"),
        ("2026-04-24", "escalation_provider", "dco"),
        ("2026-04-24", "escalation_provider", "provider_send_lead"),
        ("2026-05-01", "escalation_icb", "icb_executive_lead"),
    ]
    assert team.verify("1 May 2026").intact
