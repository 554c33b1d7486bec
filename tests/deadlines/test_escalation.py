"""Each step of the default local policy, on Easter's calendar of 2026. Pure: what is owed, and when to
look again.
"""

from datetime import date, timedelta
from typing import Any

import pytest

from config.escalation_policy import EscalationPolicyError, load_escalation_policy
from config.law import load_law
from deadlines.duties import Duty, duties_of
from deadlines.escalation import Evaluation, StepDays, contacts, evaluate, step_day, steps_due
from deadlines.working_calendar import OutsideCalendarRange
from models.casefile import CaseFile
from models.facts import FactDraft, StoredFact
from models.owner import OwnerKind
from statemachines.registry import processes
from statemachines.replay import replay
from tests.support.by_hand import (
    ADVICE,
    CASE,
    PAEDS,
    PHYSIO_TRUST,
    PROCESS,
    SALT,
    TRUST,
    advice,
    almanac,
    book,
    dates_of,
    day,
    history,
    line,
)

LADDER = load_escalation_policy()
STEPS = LADDER.steps(ADVICE)
ASKED: dict[str, Any] = {"body": TRUST, "service": SALT}
OPENED = [("ehc_assessment_requested", "2 Feb 2026"), ("assessment_agreed", "20 Feb 2026")]
ASK = ("health_advice_requested", "2 Mar 2026", ASKED)
DAYS = {
    # Receipt Mon 2 Mar 2026; due Mon 13 Apr; Good Friday 3 and Easter Monday 6 Apr are bank holidays.
    "acknowledgement_missing": "2026-03-05",  # 3 working days: Tue 3, Wed 4, Thu 5
    "reminder_3_weeks": "2026-03-23",
    "reminder_5_weeks": "2026-04-06",  # Easter Monday: calendar weeks do not move
    "breach": "2026-04-14",
    "escalation_provider": "2026-04-21",  # 5 working days after the breach day, Tue 14: Wed 15 ... Tue 21
    "escalation_icb": "2026-04-28",
}


def folded(lines: list[StoredFact]) -> tuple[CaseFile, list[Duty]]:
    casefile = replay(CASE, lines)
    return casefile, duties_of(casefile.lines, book(), dates_of(), casefile.claims.values())


def looked(lines: list[StoredFact], as_at: str | date) -> Evaluation:
    casefile, found = folded(lines)
    ended = casefile.state in processes()[PROCESS].final
    on = day(as_at) if isinstance(as_at, str) else as_at
    return evaluate(casefile, found, StepDays(LADDER.rung, almanac()), on, ended)


def said(drafts: list[FactDraft]) -> list[tuple[str, str, str]]:
    return [(draft.kind, str(draft.data["rung"]), draft.occurred_on.isoformat()) for draft in drafts]


def steps(lines: list[StoredFact], as_at: str | date) -> list[str]:
    return [step for kind, step, _on in said(looked(lines, as_at).drafts) if kind != "rung_withdrawn"]


def swept(lines: list[StoredFact], as_at: str | date) -> list[StoredFact]:
    """The history with what the ladder adds to it."""
    added: list[StoredFact] = list(lines)
    for draft in looked(lines, as_at).drafts:
        added.append(line(len(added) + 1, draft.kind, draft.occurred_on.isoformat(), via="sweep", **draft.data))
    return added


def test_the_default_ladder_is_the_one_of_the_issue() -> None:
    steps = [
        (each.id, each.fact, each.after, each.working_days, each.weeks, each.days, [str(to) for to in each.to])
        for each in STEPS
    ]
    assert steps == [
        ("acknowledgement_missing", "reminder_due", "start", 3, None, None, ["service"]),
        ("reminder_3_weeks", "reminder_due", "start", None, 3, None, ["service"]),
        ("reminder_5_weeks", "reminder_due", "start", None, 5, None, ["service"]),
        ("breach", "breached", "due", None, None, 1, ["service_manager"]),
        ("escalation_provider", "escalation_due", "breach", 5, None, None, ["provider_send_lead", "dco"]),
        ("escalation_icb", "escalation_due", "breach", 10, None, None, ["icb_executive_lead"]),
    ]
    assert LADDER.basis == "local_standard"
    duties = load_law().rules
    chased = {duties[rule].owned_by[0] for rule in LADDER.rung}
    assert chased == {OwnerKind.SERVICE, OwnerKind.TEAM}, "the LA's duties are shown, never chased"
    assert {rule for rule in LADDER.rung if duties[rule].process == "ehc_needs_assessment"} == {
        ADVICE,
        "draft_plan_check",
    }
    assert {
        kind: [str(to) for to in each.to] for kind, each in LADDER.letter.items() if kind.startswith("health_advice_")
    } == {
        "health_advice_requested": ["service"],
        "health_advice_received": ["service"],
    }


def test_each_rung_falls_on_its_day() -> None:
    duty = advice(history(*OPENED, ASK))
    assert {step.id: str(step_day(duty, step, almanac())) for step in STEPS} == DAYS
    assert [(step.id, on.isoformat()) for step, on in steps_due(duty, STEPS, almanac(), day("6 Apr 2026"))] == list(
        DAYS.items()
    )[:3]


@pytest.mark.parametrize("step", list(DAYS))
def test_a_rung_is_owed_from_its_day_and_not_the_day_before(step: str) -> None:
    lines = history(*OPENED, ASK)
    falls = date.fromisoformat(DAYS[step])
    assert step not in steps(lines, falls - timedelta(days=1))
    assert step in steps(lines, falls)
    assert step in steps(lines, falls + timedelta(days=400)), "the comparison is open-ended"


def test_a_rung_says_which_duty_and_by_which_date_it_was_judged() -> None:
    drafts = looked(history(*OPENED, ASK), "14 Apr 2026").drafts
    assert drafts[-1] == FactDraft(
        "breached",
        day("14 Apr 2026"),
        {"rule": ADVICE, "opened_seq": 3, "due": "2026-04-13", "body": TRUST, "service": SALT, "rung": "breach"},
    )


def test_look_on_is_the_first_day_with_something_new_to_say() -> None:
    lines = history(*OPENED, ASK)
    for step, falls in DAYS.items():
        assert looked(lines, "2 Mar 2026").next_check_on[(ADVICE, 3)] == date.fromisoformat(falls), step
        lines = swept(lines, date.fromisoformat(falls))
    assert looked(lines, "1 Jan 2027").next_check_on[(ADVICE, 3)] is None
    assert looked(lines, "1 Jan 2027").drafts == []


@pytest.mark.parametrize("kind", ["health_advice_acknowledged", "waiting_list_stated", "appointment_missed"])
def test_a_word_from_the_body_makes_the_acknowledgement_rung_needless(kind: str) -> None:
    assert steps(history(*OPENED, ASK, (kind, "4 Mar 2026", ASKED)), "23 Mar 2026") == ["reminder_3_weeks"]
    other = (kind, "4 Mar 2026", {"body": TRUST, "service": PAEDS})
    two = history(*OPENED, ASK, ("health_advice_requested", "2 Mar 2026", {"body": TRUST, "service": PAEDS}), other)
    assert steps(two, "9 Mar 2026") == ["acknowledgement_missing"], (
        "a word about another service is none about this one"
    )


def test_a_word_about_an_earlier_request_is_none_about_the_next() -> None:
    lines = history(
        *OPENED,
        ASK,
        ("health_advice_acknowledged", "4 Mar 2026", ASKED),
        ("health_advice_received", "9 Mar 2026", ASKED),
        ("health_advice_requested", "1 Jun 2026", ASKED),
    )
    assert said(looked(lines, "4 Jun 2026").drafts) == [("reminder_due", "acknowledgement_missing", "2026-06-04")]
    casefile, found = folded(lines)
    heard = [[str(on) for on in contacts(casefile, duty)] for duty in found if duty.rule == ADVICE]
    assert heard == [["2026-03-04", "2026-03-09"], []]


def test_an_acknowledgement_before_a_corrected_receipt_still_counts() -> None:
    lines = history(*OPENED, ASK, ("health_advice_acknowledged", "4 Mar 2026", ASKED))
    lines.append(line(5, "fact_corrected", "10 Mar 2026", corrects=3, occurred_on="2026-03-09"))
    assert steps(lines, "12 Mar 2026") == []


def test_an_answered_duty_owes_only_a_breach_that_was_one() -> None:
    received = ("health_advice_received", "16 Apr 2026", ASKED)
    assert said(looked(history(*OPENED, ASK, received), "1 Jun 2026").drafts) == [("breached", "breach", "2026-04-14")]
    for in_time in ("13 Apr 2026", "20 Mar 2026"):
        assert looked(history(*OPENED, ASK, ("health_advice_received", in_time, ASKED)), "1 Jun 2026").drafts == []
    on_the_day = history(*OPENED, ASK, ("health_advice_received", "14 Apr 2026", ASKED))
    assert steps(on_the_day, "1 Jun 2026") == ["breach"], "one day late is late"


def test_a_request_that_was_withdrawn_and_recorded_again_is_still_acknowledged() -> None:
    lines = history(*OPENED, ASK, ("health_advice_acknowledged", "4 Mar 2026", ASKED))
    lines.append(line(5, "health_advice_requested", "2 Mar 2026", asked_because="order", **ASKED))
    lines.append(line(6, "fact_withdrawn", "5 Mar 2026", corrects=3))
    assert steps(lines, "9 Mar 2026") == []


def test_a_breach_answered_on_its_own_day_stands() -> None:
    lines = swept(history(*OPENED, ASK), "14 Apr 2026")
    lines.append(line(len(lines) + 1, "health_advice_received", "14 Apr 2026", **ASKED))
    assert looked(lines, "15 Apr 2026").drafts == []


def test_what_a_correction_made_false_is_withdrawn_and_counted_again() -> None:
    """Design, section 3: the receipt was 9 Mar, so due is Mon 20 Apr and the breach is of Tue 21 Apr."""
    lines = swept(history(*OPENED, ASK, ("health_advice_acknowledged", "4 Mar 2026", ASKED)), "21 Apr 2026")
    lines.append(line(len(lines) + 1, "health_advice_received", "27 Apr 2026", **ASKED))
    lines.append(line(len(lines) + 1, "fact_corrected", "28 Apr 2026", corrects=3, occurred_on="2026-03-09"))
    found = looked(lines, "28 Apr 2026")
    assert said(found.drafts) == [
        ("rung_withdrawn", "reminder_3_weeks", "2026-04-28"),
        ("rung_withdrawn", "reminder_5_weeks", "2026-04-28"),
        ("rung_withdrawn", "breach", "2026-04-28"),
        ("rung_withdrawn", "escalation_provider", "2026-04-28"),
        ("breached", "breach", "2026-04-21"),
    ]
    assert [(each.data["due"], each.data.get("due_now")) for each in found.drafts] == [
        ("2026-04-13", "2026-04-20")
    ] * 4 + [("2026-04-20", None)]
    assert [each.data["rung_seq"] for each in found.drafts[:4]] == [5, 6, 7, 8]
    assert looked(swept(lines, "28 Apr 2026"), "28 Apr 2026").drafts == [], "swept twice, written once"


def test_a_withdrawal_is_never_dated_before_its_rung() -> None:
    """A sweep may be for an earlier day; replay goes by days, and a withdrawal before its step would be found by
    none.
    """
    lines = swept(history(*OPENED, ASK), "21 Apr 2026")
    lines.append(line(len(lines) + 1, "fact_corrected", "28 Apr 2026", corrects=3, occurred_on="2026-03-09"))
    again = swept(lines, "10 Apr 2026")
    assert [each.occurred_on.isoformat() for each in again if each.kind == "rung_withdrawn"][-2:] == [
        "2026-04-14",
        "2026-04-21",
    ]
    assert [draft for draft in looked(again, "28 Apr 2026").drafts if draft.kind == "rung_withdrawn"] == []


def test_a_late_learned_answer_withdraws_the_false_breach_only() -> None:
    lines = swept(history(*OPENED, ASK), "21 Apr 2026")
    lines.append(line(len(lines) + 1, "health_advice_received", "10 Apr 2026", **ASKED))
    withdrawn = [("rung_withdrawn", "breach", "2026-04-22"), ("rung_withdrawn", "escalation_provider", "2026-04-22")]
    assert said(looked(lines, "22 Apr 2026").drafts) == withdrawn, "the reminders were due when they were sent"


def test_an_excuse_accepted_after_the_breach_withdraws_it_and_owes_nothing_more() -> None:
    lines = swept(history(*OPENED, ASK), "14 Apr 2026")
    claim = len(lines) + 1
    lines.append(line(claim, "excuse_claimed", "15 Apr 2026", ground="missed_appointment", **ASKED))
    assert looked(lines, "16 Apr 2026").drafts == [], "a claim has no effect until accepted"
    accepted: dict[str, Any] = {"claim": claim, "decision": "accepted", "look_again_on": "2026-05-18"}
    lines.append(line(claim + 1, "excuse_decided", "17 Apr 2026", **accepted))
    assert said(looked(lines, "17 Apr 2026").drafts) == [("rung_withdrawn", "breach", "2026-04-17")]
    lines = swept(lines, "17 Apr 2026")
    assert looked(lines, "1 Jan 2027").drafts == []
    lines.append(line(len(lines) + 1, "excuse_decided", "24 Apr 2026", claim=claim, decision="refused"))
    assert said(looked(lines, "24 Apr 2026").drafts) == [
        ("breached", "breach", "2026-04-14"),
        ("escalation_due", "escalation_provider", "2026-04-21"),
    ]


def test_a_withdrawn_request_leaves_no_rung_standing_and_its_case_is_looked_at() -> None:
    lines = swept(history(*OPENED, ASK), "14 Apr 2026")
    lines.append(line(len(lines) + 1, "fact_withdrawn", "15 Apr 2026", corrects=3))
    found = looked(lines, "16 Apr 2026")
    assert {kind for kind, _rung, _on in said(found.drafts)} == {"rung_withdrawn"}
    assert len(found.drafts) == 4
    assert min(on for on in found.next_check_on.values() if on) <= day("16 Apr 2026")
    assert "due_now" not in found.drafts[0].data


def test_a_rung_about_a_body_that_was_not_the_one_asked_is_withdrawn() -> None:
    lines = swept(history(*OPENED, ASK), "23 Mar 2026")
    lines.append(line(len(lines) + 1, "fact_corrected", "24 Mar 2026", corrects=3, body=PHYSIO_TRUST))
    found = looked(lines, "24 Mar 2026").drafts
    assert [(kind, step) for kind, step, _on in said(found)] == [
        ("rung_withdrawn", "acknowledgement_missing"),
        ("rung_withdrawn", "reminder_3_weeks"),
        ("reminder_due", "acknowledgement_missing"),
        ("reminder_due", "reminder_3_weeks"),
    ]
    assert [draft.data["body"] for draft in found] == [TRUST, TRUST, PHYSIO_TRUST, PHYSIO_TRUST]


def test_a_pause_delays_steps_and_loses_none() -> None:
    pause = ("chasing_paused", "20 Mar 2026", {"until": "2026-04-20", "reason": "p"})
    lines = history(*OPENED, ASK, ("health_advice_acknowledged", "4 Mar 2026", ASKED), pause)
    assert steps(lines, "20 Apr 2026") == []
    assert looked(lines, "20 Mar 2026").next_check_on[(ADVICE, 3)] == day("21 Apr 2026")
    assert steps(lines, "21 Apr 2026") == ["reminder_3_weeks", "reminder_5_weeks", "breach", "escalation_provider"]
    elsewhere = ("chasing_paused", "20 Mar 2026", {"until": "2026-04-20", "body": PHYSIO_TRUST, "reason": "p"})
    assert "reminder_3_weeks" in steps(history(*OPENED, ASK, elsewhere), "23 Mar 2026")


@pytest.mark.parametrize(
    ("began", "expected"),
    [("22 Mar 2026", "reminder_3_weeks"), ("23 Mar 2026", "reminder_5_weeks"), ("14 Apr 2026", "escalation_provider")],
)
def test_a_first_import_does_not_chase_the_past(began: str, expected: str) -> None:
    imported = [*history(*OPENED), line(3, "health_advice_requested", "2 Mar 2026", via="import", **ASKED)]
    assert steps(imported, "1 Jan 2027") == [], "nothing of an imported duty is chased before chasing began"
    begun = [*imported, line(4, "chasing_began", began, via="import")]
    assert steps(begun, "1 Jan 2027")[0] == expected, "every step dated up to that day is covered for good"


def test_a_duty_imported_after_chasing_began_waits_for_its_own_beginning() -> None:
    """A newer export brings a further request: what began with the first import covers nothing of it, nor the later
    beginning anything of the first.
    """
    lines = [
        *history(*OPENED),
        line(3, "health_advice_requested", "2 Mar 2026", via="import", **ASKED),
        line(4, "chasing_began", "9 Mar 2026", via="import"),
        line(5, "health_advice_requested", "2 Mar 2026", via="import", body=TRUST, service=PAEDS),
    ]
    assert {draft.data["service"] for draft in looked(lines, "1 Jan 2027").drafts} == {SALT}
    lines.append(line(6, "chasing_began", "23 Mar 2026", via="import"))
    owed = [(draft.data["service"], draft.data["rung"]) for draft in looked(lines, "6 Apr 2026").drafts]
    assert owed == [(SALT, "reminder_3_weeks"), (SALT, "reminder_5_weeks"), (PAEDS, "reminder_5_weeks")]


def test_a_request_made_live_after_an_import_is_chased_from_its_first_rung() -> None:
    lines = [
        *history(*OPENED),
        line(3, "chasing_began", "9 Mar 2026", via="import"),
        line(4, "health_advice_requested", "2 Mar 2026", **ASKED),
    ]
    assert steps(lines, "6 Mar 2026") == ["acknowledgement_missing"], "what began before it covers none of its steps"


def test_an_imported_duty_that_was_answered_gets_no_rung() -> None:
    imported = [
        *history(*OPENED),
        line(3, "health_advice_requested", "2 Mar 2026", via="import", **ASKED),
        line(4, "health_advice_received", "1 May 2026", via="import", **ASKED),
        line(5, "chasing_began", "1 Jun 2026", via="import"),
    ]
    assert looked(imported, "1 Jan 2027").drafts == []


@pytest.mark.parametrize("end", ["case_withdrawn", "case_closed"])
def test_nothing_new_begins_on_a_case_that_is_over(end: str) -> None:
    assert looked(history(*OPENED, ASK, (end, "20 Apr 2026")), "1 Jan 2027").drafts == []
    lines = swept(history(*OPENED, ASK), "14 Apr 2026")
    lines.append(line(len(lines) + 1, end, "10 Apr 2026"))
    assert said(looked(lines, "15 Apr 2026").drafts) == [("rung_withdrawn", "breach", "2026-04-15")], (
        "what has become false is still withdrawn"
    )


def test_a_returned_report_takes_the_ladder_up_where_it_stood() -> None:
    lines = swept(history(*OPENED, ASK), "23 Mar 2026")
    lines.append(line(len(lines) + 1, "health_advice_received", "30 Mar 2026", **ASKED))
    assert looked(lines, "13 Apr 2026").drafts == []
    lines.append(line(len(lines) + 1, "health_advice_returned", "15 Apr 2026", reason="p", **ASKED))
    assert steps(lines, "15 Apr 2026") == ["reminder_5_weeks", "breach"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name = 1", "ladder.toml: "),
        ('name = "x', "not TOML"),
        ('[[rung.rule]]\nid = "a"\n[[rung.rule]]\nid = "a"', "occurs twice"),
        (
            (
                'name = "dd"\nbasis = "local_standard"\ndecided_on = 2026-01-01\n[letter]\n[[rung.rule]]\nid ='
                ' "aa"\nfact = "breached"\nafter = "due"\ndays = 1\nweeks = 2\ntemplate = "breach"\nto = ["dco"]'
            ),
            "exactly one of days, weeks and working_days",
        ),
    ],
)
def test_a_ladder_that_cannot_be_read_says_what_was_expected(tmp_path: Any, text: str, expected: str) -> None:
    (tmp_path / "ladder.toml").write_text(text)
    with pytest.raises(EscalationPolicyError, match=expected):
        load_escalation_policy(tmp_path / "ladder.toml")


def test_where_the_calendar_ends_what_can_be_dated_is_owed_and_what_cannot_delays_nothing() -> None:
    """Asked on Wed 20 Dec 2028: due Wed 31 Jan 2029, whose escalations need bank holidays that nobody has published."""
    assert almanac().last == date(2028, 12, 31)
    lines = history(("ehc_assessment_requested", "20 Nov 2028"), ("health_advice_requested", "20 Dec 2028", ASKED))
    assert said(looked(lines, "27 Dec 2028").drafts) == [("reminder_due", "acknowledgement_missing", "2028-12-27")]
    lines = swept(lines, "31 Dec 2028")
    assert looked(lines, "31 Dec 2028").next_check_on[(ADVICE, 2)] == date(2029, 1, 1), (
        "the first day that it does not know"
    )
    with pytest.raises(OutsideCalendarRange, match="Add the missing year"):
        looked(lines, "1 Jan 2029")
    assert [step.id for step, _on in steps_due(advice(lines), STEPS, almanac(), date(2028, 12, 31))] == [
        "acknowledgement_missing"
    ]
