"""Sweeping, with letters: one request to its end (the story of Easter 2026, worked by hand), and every way of
sweeping it.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from casework import sweep as sweeping
from casework.steps import shown_by
from casework.sweep import WrongDay
from models.database import reading
from models.visibility import SERIES
from tests.support.by_hand import ADVICE, PHYSIO, SALT, TRUST, day
from tests.support.noted_steps import NotedSteps
from tests.support.team import Team

ASKED: dict[str, Any] = {"body": TRUST, "service": SALT}
SERVICE, MANAGER = "slt.advice@northshire-community.example", "therapies.manager@northshire-community.example"
LEAD, DCO, ICB = (
    "send.lead@northshire-community.example",
    "send.dco@northernvales-icb.example",
    "executive.lead.send@northernvales-icb.example",
)
Days = Callable[[Team, date], None]

# What the team itself does in the story, by day: asked 2 Mar, acknowledged 4 Mar, received 27 Apr, receipt corrected to
# 9 Mar on 28 Apr.
STORY: dict[str, tuple[str, int | None, dict[str, Any]]] = {
    "2026-03-04": ("health_advice_acknowledged", None, ASKED),
    "2026-04-27": ("health_advice_received", None, ASKED),
    "2026-04-28": ("fact_corrected", 3, {"occurred_on": "2026-03-09"}),
}
FACTS = [
    ("reminder_due", "reminder_3_weeks", "2026-03-23"),
    ("reminder_due", "reminder_5_weeks", "2026-04-06"),
    ("breached", "breach", "2026-04-14"),
    ("escalation_due", "escalation_provider", "2026-04-21"),
    ("rung_withdrawn", "reminder_3_weeks", "2026-04-28"),
    ("rung_withdrawn", "reminder_5_weeks", "2026-04-28"),
    ("rung_withdrawn", "breach", "2026-04-28"),
    ("rung_withdrawn", "escalation_provider", "2026-04-28"),
    ("breached", "breach", "2026-04-21"),
]
LETTERS = [
    ("2026-03-02", SERVICE, "please acknowledge; health advice due 13 April 2026"),
    ("2026-03-23", SERVICE, "please send health advice by 10 April 2026"),
    (
        "2026-04-07",
        SERVICE,
        "please send health advice by 10 April 2026",
    ),  # Easter Monday's reminder is sent on the next working morning
    ("2026-04-14", MANAGER, "health advice overdue since 13 April 2026"),
    ("2026-04-21", DCO, "please step in; health advice overdue since 13 April 2026"),
    ("2026-04-21", LEAD, "please step in; health advice overdue since 13 April 2026"),
    ("2026-04-27", SERVICE, "health advice received 27 April 2026, thank you"),
    # Everyone who had a letter with the wrong date gets one correction, of the highest step; the service of one
    # reminder, not of two.
    ("2026-04-28", DCO, "our earlier letter is withdrawn; the due date is 20 April 2026"),
    ("2026-04-28", LEAD, "our earlier letter is withdrawn; the due date is 20 April 2026"),
    ("2026-04-28", SERVICE, "our earlier letter is withdrawn; the due date is 20 April 2026"),
    ("2026-04-28", MANAGER, "our earlier letter is withdrawn; the due date is 20 April 2026"),
]


def record_story(team: Team, until: str, each_day: Days, asleep: tuple[str, str] | None = None) -> Team:
    """Record the story up to a day. While sendflow is stopped, only the team records."""
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    when = date(2026, 3, 2)
    while when <= day(until):
        recorded = STORY.get(when.isoformat())
        if recorded is not None:
            team.record(when.isoformat(), recorded[0], corrects=recorded[1], **recorded[2])
        if asleep is None or not day(asleep[0]) <= when <= day(asleep[1]):
            each_day(team, when)
        when += timedelta(days=1)
    return team


def daily(team: Team, when: date) -> None:
    team.day(when.isoformat())


def twice(team: Team, when: date) -> None:
    for _ in range(2):
        team.sweep(when.isoformat())
    for _ in range(2):
        team.day(when.isoformat())


def letters(team: Team) -> list[tuple[str, str, str]]:
    return [(on, mailbox, subject.removeprefix("NX90001 (NS-04412): ")) for on, mailbox, subject in team.post.log()]


@pytest.mark.parametrize("each_day", [daily, twice])
def test_one_request_from_the_first_reminder_to_the_correction(team: Team, each_day: Days) -> None:
    record_story(team, "5 May 2026", each_day)
    assert team.escalations() == FACTS
    assert letters(team) == LETTERS
    duty = team.duty("5 May 2026")
    assert (duty.standing, duty.days_late) == ("met_late", 7)
    assert (str(duty.due), str(duty.strict_due), str(duty.act_by)) == ("2026-04-20", "2026-04-19", "2026-04-17")
    assert team.verify("5 May 2026").intact


def test_only_notice_sent_says_that_a_letter_was_sent(team: Team) -> None:
    record_story(team, "5 May 2026", daily)
    outcomes = [line for line in team.lines() if line.kind in {"notice_sent", "notice_failed"}]
    assert [(line.occurred_on.isoformat(), line.data["rung"]) for line in outcomes] == [
        ("2026-03-02", "request_received"),
        ("2026-03-23", "reminder_3_weeks"),
        ("2026-04-07", "reminder_5_weeks"),
        ("2026-04-14", "breach"),
        ("2026-04-21", "escalation_provider"),
        ("2026-04-21", "escalation_provider"),
        ("2026-04-27", "thanks"),
        *[("2026-04-28", "rung_withdrawn")] * 4,
    ]
    assert len(outcomes) == len(team.post.letters)


def test_after_an_outage_from_10_to_20_april_the_breach_is_dated_the_14th(team: Team) -> None:
    record_story(team, "26 Apr 2026", daily, asleep=("10 Apr 2026", "20 Apr 2026"))
    assert team.escalations() == FACTS[:4], "the same facts on the same days"
    breach = next(line for line in team.lines() if line.kind == "breached")
    assert breach.recorded_at.startswith("2026-04-21"), "recorded when sendflow ran again"
    assert [letter for letter in letters(team) if letter[0] >= "2026-04-10"] == [("2026-04-21", MANAGER, LETTERS[3][2])]


def test_after_an_outage_the_lead_gets_a_letter_five_working_days_after_the_manager(team: Team) -> None:
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    for each in ("2026-03-05", "2026-03-23", "2026-04-07", "2026-04-21", "2026-04-27", "2026-04-28", "2026-04-30"):
        team.day(each)
    assert [(on, to) for on, to, _subject in letters(team)][3:] == [
        ("2026-04-21", MANAGER),
        ("2026-04-28", DCO),
        ("2026-04-28", LEAD),
    ]


def test_a_mailbox_gets_only_the_highest_step_addressed_to_it(team: Team) -> None:
    """Asleep from the request to 7 Apr: acknowledgement, three and five weeks have fallen, all to the service."""
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    team.sweep("7 Apr 2026")
    assert team.escalations() == [
        ("reminder_due", "acknowledgement_missing", "2026-03-05"),
        ("reminder_due", "reminder_3_weeks", "2026-03-23"),
        ("reminder_due", "reminder_5_weeks", "2026-04-06"),
    ]
    assert team.notices() == [
        ("request_received", "service", "created"),
        ("acknowledgement_missing", "service", "superseded"),
        ("reminder_3_weeks", "service", "superseded"),
        ("reminder_5_weeks", "service", "created"),
    ]
    team.deliver("7 Apr 2026")
    assert len(team.post.letters) == 1, "one message to a mailbox a day"


def test_a_sweep_for_an_earlier_day_writes_what_that_day_knew(team: Team) -> None:
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    assert team.sweep("21 Apr 2026", as_at="23 Mar 2026").kinds == {"reminder_due": 2}
    assert team.sweep("21 Apr 2026").kinds == {"reminder_due": 1, "breached": 1, "escalation_due": 1}
    assert team.sweep("21 Apr 2026", as_at="13 Apr 2026").facts_written == 0


def test_a_sweep_for_a_day_that_has_not_come_is_a_wrong_call(team: Team) -> None:
    with pytest.raises(WrongDay, match="2026-04-14"):
        team.sweep("14 Apr 2026", as_at="15 Apr 2026")


def test_what_a_sweep_reports(team: Team) -> None:
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    done = team.sweep("14 Apr 2026")
    assert done.model_dump(
        include={"cases_looked_at", "facts_written", "notices_written", "kinds", "bodies", "troubles"}
    ) == {
        "cases_looked_at": 1,
        "facts_written": 4,
        "notices_written": 4,
        "kinds": {"reminder_due": 3, "breached": 1},
        "bodies": [TRUST],
        "troubles": [],
    }
    assert done.look_next == date(2026, 4, 21)
    quiet = team.sweep("15 Apr 2026")
    assert (quiet.cases_looked_at, quiet.facts_written) == (0, 0), "its cost follows what is due"


def test_every_sweep_leaves_a_trace_that_it_finished(team: Team) -> None:
    team.sweep("14 Apr 2026")
    with reading(team.first.engine) as connection:
        assert list(connection.exec_driver_sql("SELECT act, as_at, outcome FROM job_run")) == [
            ("sweep", "2026-04-14", "done")
        ]


def test_a_case_that_cannot_be_worked_out_is_named_and_the_others_go_on(teams: Callable[[str], Team]) -> None:
    team = teams("two")
    for case in ("NX90001", "NX90002"):
        team.case = case
        team.opened("2 Feb 2026").asked("2 Mar 2026")
    with team.first.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER fact_no_update")
        connection.exec_driver_sql(
            "UPDATE fact SET text = replace(text, 'assessment_agreed', 'refusal_reversed') WHERE case_ref ="
            " 'NX90001' AND seq = 2"
        )
    done = team.sweep("23 Mar 2026")
    assert [trouble.case_ref for trouble in done.troubles] == ["NX90001"]
    assert "fact 2, refusal_reversed" in done.troubles[0].message
    assert done.facts_written == 2, "the other case was chased"


def test_a_changed_law_reaches_every_case(team: Team) -> None:
    """`looked_under` is the digest of the whole rule set: another digest brings every case to the next sweep."""
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    assert team.sweep("3 Mar 2026").cases_looked_at == 0
    team.first = replace(team.first, ruleset_digest="another law")
    team._contexts.clear()
    assert team.sweep("3 Mar 2026").cases_looked_at == 1
    assert team.sweep("3 Mar 2026").cases_looked_at == 0
    assert team.verify("3 Mar 2026").stale == 0


def test_the_las_own_duties_are_shown_and_never_chased(team: Team) -> None:
    team.record("2 Feb 2026", "ehc_assessment_requested", la="northshire")
    assert team.sweep("1 Aug 2026").facts_written == 0
    assert {duty.rule: duty.standing for duty in team.report("1 Aug 2026").duties} == {
        "ehc_assess_decision_notify": "breached",
        "ehc_final_plan_send": "breached",
        "ehc_no_assess_determination_notify": "no_date",
        "ehc_no_plan_notify": "no_date",
    }, "a notice of a refusal is owed only if it is decided so"


def test_a_pause_postpones_reminders_and_escalations_until_it_ends(team: Team) -> None:
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    team.day("5 Mar 2026")
    sent = len(team.post.letters)
    team.record("20 Mar 2026", "chasing_paused", until="2026-04-20", reason="bereavement")
    for each in ("2026-03-23", "2026-04-06", "2026-04-14", "2026-04-20"):
        team.day(each)
    assert [rung for _kind, rung, _on in team.escalations()] == ["acknowledgement_missing"], (
        "its day was before the pause"
    )
    team.day("21 Apr 2026")
    assert [rung for _kind, rung, _on in team.escalations()][1:] == [
        "reminder_3_weeks",
        "reminder_5_weeks",
        "breach",
        "escalation_provider",
    ]
    for each in ("2026-04-27", "2026-04-28", "2026-05-05", "2026-05-06"):
        team.day(each)
    assert [(on, to) for on, to, _subject in letters(team)][sent:] == [
        ("2026-04-21", SERVICE),
        ("2026-04-28", MANAGER),
        ("2026-05-06", DCO),
        ("2026-05-06", LEAD),
    ], "each has its own time again, counted from the letter below"


def test_an_exception_accepted_after_the_breach_withdraws_it_and_corrects_the_letters(team: Team) -> None:
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    for each in ("2026-03-05", "2026-03-23", "2026-04-07", "2026-04-14"):
        team.day(each)
    team.record("15 Apr 2026", "excuse_claimed", ground="missed_appointment", **ASKED)
    team.record(
        "16 Apr 2026", "excuse_decided", claim=team.lines()[-1].seq, decision="accepted", look_again_on="2026-05-18"
    )
    for each in ("2026-04-16", "2026-04-21", "2026-04-28"):
        team.day(each)
    assert team.escalations("rung_withdrawn") == [("rung_withdrawn", "breach", "2026-04-16")]
    assert [letter[:2] for letter in letters(team)][-1] == ("2026-04-16", MANAGER)
    assert team.escalations("escalation_due") == []


def test_a_late_learned_answer_stops_the_letter_that_was_about_to_leave(team: Team) -> None:
    """The breach of Sat 11 Apr (asked on Fri 27 Feb) waits for Monday; on Monday morning the team learns of an answer
    of the 10th.
    """
    team.opened("2 Feb 2026").asked("27 Feb 2026")
    team.day("9 Apr 2026")
    sent = len(team.post.letters)
    team.day("11 Apr 2026")
    team.record("13 Apr 2026", "health_advice_received", on="10 Apr 2026", **ASKED)
    team.day("13 Apr 2026")
    assert team.escalations("rung_withdrawn") == [("rung_withdrawn", "breach", "2026-04-13")]
    assert [(to, subject) for _on, to, subject in letters(team)][sent:] == [
        (SERVICE, "health advice received 10 April 2026, thank you")
    ]
    assert ("breach", "service_manager", "withdrawn") in team.notices()


def test_two_services_of_one_body_are_chased_apart_and_share_a_letter_where_they_share_a_mailbox(team: Team) -> None:
    team.opened("2 Feb 2026").asked("2 Mar 2026").asked("2 Mar 2026", service=PHYSIO)
    for each in ("2026-03-05", "2026-03-23", "2026-04-07", "2026-04-14"):
        team.day(each)
    assert [(on, to) for on, to, _subject in letters(team)] == [
        *[("2026-03-05", to) for to in ("physio.advice@northshire-community.example", SERVICE)],
        *[("2026-03-23", to) for to in ("physio.advice@northshire-community.example", SERVICE)],
        *[("2026-04-07", to) for to in ("physio.advice@northshire-community.example", SERVICE)],
        ("2026-04-14", MANAGER),
    ]
    assert len([each for each in team.report("14 Apr 2026").duties if each.rule == ADVICE]) == 2


def test_beyond_the_known_bank_holidays_a_request_is_recorded_and_the_sweep_names_the_case(team: Team) -> None:
    team.opened("20 Nov 2028").asked("20 Dec 2028")
    duty = team.duty("20 Dec 2028")
    assert (str(duty.due), str(duty.strict_due), duty.act_by) == ("2029-01-31", "2029-01-30", None)
    team.day("28 Dec 2028")
    assert team.escalations() == [("reminder_due", "acknowledgement_missing", "2028-12-27")]
    assert [mailbox for _on, mailbox, _subject in letters(team)] == [SERVICE]
    done = team.sweep("2 Jan 2029")
    assert [trouble.case_ref for trouble in done.troubles] == ["NX90001"]
    assert "from 2012-01-01 to 2028-12-31" in done.troubles[0].message
    assert team.verify("2 Jan 2029").intact


def test_the_steps_of_a_sweep_count_no_restricted_case(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report counts none either: the difference would say that there is one. All are evaluated."""
    shown, evaluated = NotedSteps(), list[str]()

    def batch(_sweep: object, refs: list[str]) -> sweeping._Result:
        evaluated.extend(refs)
        return sweeping._Result()

    batches = [["NX90001", f"{SERIES}00001", "NX90002"], [f"{SERIES}00002"], ["NX90003"]]
    monkeypatch.setattr(sweeping._Sweep, "_batches", lambda *_given: iter(batches))
    monkeypatch.setattr(sweeping._Sweep, "_batch", batch)
    with shown_by(shown):
        sweeping.sweep(team.context("2 Mar 2026"))
    assert [step.name for step in shown.steps] == ["cases 1 to 2", "cases 3 to 3"]
    assert evaluated == [ref for refs in batches for ref in refs]
