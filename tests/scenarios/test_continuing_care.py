"""Continuing care in an installation: its dates by hand, the locality's choice of the step that starts the six
weeks, and what is known of a birth.

Paper calendar: 2 February 2026 is a Monday; six weeks after it is Monday 16 March.
"""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from casework.cases.record import record
from casework.cases.validation import Refused
from casework.context import AppContext
from casework.reports.case_models import DutyShown
from casework.reports.case_report import report
from casework.reports.worklists import overdue
from config.law import HERE, ConfigFault, Law, load_law
from models.facts import FactDraft
from statemachines.continuing_care_facts import DOMAINS
from tests.support.by_hand import day
from tests.support.team import Team

CASE, BOARD = "CC90001", "QX900"
TOOL: dict[str, Any] = {**dict.fromkeys(DOMAINS, "none"), "breathing": "severe"}
DECISION = "cypcc_decision_6w"
LATER = ("continuing_care_referral_accepted", "4 Feb 2026"), ("continuing_care_assessment_started", "9 Feb 2026")


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path, CASE)


def referred(team: Team, **more: Any) -> Team:
    team.record("2 Feb 2026", "continuing_care_referral_received", la="northshire", body=BOARD, **more)
    return team


def recommended(team: Team, **more: Any) -> Team:
    referred(team, **more)
    for kind, on in LATER:
        team.record(on, kind)
    team.record("20 Feb 2026", "domains_assessed", **TOOL)
    team.record("25 Feb 2026", "recommendation_made", recommends="eligible")
    return team


def supported(team: Team, born: str = "2014-07-21") -> Team:
    recommended(team, date_of_birth=born)
    team.record("10 Mar 2026", "continuing_care_agreed", reason="the level in breathing")
    team.record("16 Mar 2026", "package_started")
    return team


def duties(team: Team, today: str) -> dict[str, DutyShown]:
    return {duty.rule: duty for duty in team.report(today).duties if duty.ended_on is None}


def test_the_decision_on_time_and_late(team: Team) -> None:
    recommended(team)
    owed = duties(team, "17 Mar 2026")[DECISION]
    assert (owed.body, owed.due, owed.strict_due, owed.act_by) == (
        BOARD,
        day("16 Mar 2026"),
        day("15 Mar 2026"),
        day("13 Mar 2026"),
    )
    assert (owed.standing, owed.days_late, owed.basis) == ("breached", 1, "national_framework")
    team.record("18 Mar 2026", "continuing_care_refused", reason="other services can meet it")
    assert duties(team, "1 Apr 2026")[DECISION].standing == "met_late"
    assert "cypcc_decision_notify_5wd" not in duties(team, "1 Apr 2026"), (
        "telling the family within five days is off by default"
    )


def test_a_declined_referral_ends_the_clock_and_a_second_look_starts_it_where_it_was(team: Team) -> None:
    referred(team)
    team.record("9 Feb 2026", "continuing_care_referral_declined", reason="no need beyond universal services")
    assert DECISION not in duties(team, "1 Apr 2026")
    team.record("16 Feb 2026", "decision_disputed")
    team.record("20 Feb 2026", "continuing_care_referral_accepted")
    assert duties(team, "1 Apr 2026")[DECISION].due == day("16 Mar 2026")


def test_three_months_and_then_every_year_for_as_long_as_there_is_a_package(team: Team) -> None:
    supported(team)
    assert duties(team, "1 May 2026")["cypcc_first_review"].due == day("16 Jun 2026")
    team.record("10 Jun 2026", "continuing_care_reviewed", outcome="continues")
    assert duties(team, "11 Jun 2026")["cypcc_annual_review"].due == day("10 Jun 2027")
    team.record("8 Jun 2027", "continuing_care_reviewed", outcome="continues")
    years = [duty for duty in team.report("9 Jun 2027").duties if duty.rule == "cypcc_annual_review"]
    assert [(duty.due, duty.standing) for duty in years] == [
        (day("10 Jun 2027"), "met"),
        (day("8 Jun 2028"), "running"),
    ]
    team.record("1 Jul 2027", "continuing_care_refused", reason="the need has gone")
    assert [rule for rule in duties(team, "1 Jul 2027") if rule.startswith(("cypcc_annual", "cypcc_transition"))] == [
        "cypcc_annual_review"
    ]


def test_the_way_to_adult_care_is_known_by_the_month_of_birth_and_no_closer(team: Team) -> None:
    supported(team)
    owed = duties(team, "1 May 2026")
    assert [(rule, owed[rule].strict_due, owed[rule].due) for rule in sorted(owed) if "transition" in rule] == [
        ("cypcc_transition_14", day("1 Jul 2028"), day("31 Jul 2028")),
        ("cypcc_transition_16", day("1 Jul 2030"), day("31 Jul 2030")),
        ("cypcc_transition_17", day("1 Jul 2031"), day("31 Jul 2031")),
        ("cypcc_transition_18", day("1 Jul 2032"), day("31 Jul 2032")),
    ]
    assert owed["cypcc_transition_14"].act_by == day("30 Jun 2028"), (
        "people act by the month's first day, and nothing is late before its last"
    )
    assert "2014-07-21" not in str(team.dump())
    team.record("2 May 2026", "adult_commissioner_told")
    team.record("3 May 2026", "adult_checklist_received")
    after = duties(team, "4 May 2026")
    assert (after["cypcc_transition_14"].standing, after["cypcc_transition_16"].standing) == ("met", "met")
    assert after["chc_adult_28d"].due == day("31 May 2026")


def test_adult_care_is_decided_from_17_as_soon_as_possible_and_is_never_late_by_a_date(team: Team) -> None:
    supported(team, born="2009-04-20")
    assert [
        duties(team, on)["cypcc_transition_17"].standing for on in ("20 Apr 2026", "25 Apr 2026", "1 May 2026")
    ] == ["running", "due_soon", "no_date"]
    assert duties(team, "1 May 2026")["cypcc_transition_17"].days_late == 0
    assert all(row.rule != "cypcc_transition_17" for row in overdue(team.context("1 Jun 2026"), day("1 Jun 2026")))
    team.record("8 Jun 2026", "adult_eligibility_refused")
    met = duties(team, "9 Jun 2026")
    assert (met["cypcc_transition_17"].standing, met["cypcc_transition_17"].days_late) == ("met", 0)
    assert "cypcc_transition_18" not in met


def test_adult_care_decided_before_17_is_recorded_and_in_time(team: Team) -> None:
    supported(team, born="2009-04-20")
    early = team.record("31 Mar 2026", "adult_eligibility_agreed")
    assert "once the child is 17" in " ".join(early.unheard)
    assert duties(team, "1 Jun 2026")["cypcc_transition_17"].standing == "met"


def test_an_adult_package_takes_over_on_the_18th_birthday_and_is_then_in_time(team: Team) -> None:
    supported(team, born="2009-04-20")
    team.record("8 Jun 2026", "adult_eligibility_agreed")
    assert not team.record("20 Apr 2027", "adult_package_started").unheard
    met = duties(team, "21 Apr 2027")["cypcc_transition_18"]
    assert (met.standing, met.due, met.strict_due) == ("met", day("30 Apr 2027"), day("1 Apr 2027"))


@pytest.mark.parametrize(
    ("born", "by"), [("2012-02-29", "2012-02-28"), ("2013-02-03", "2013-02-28"), ("2012-12-31", "2012-12-31")]
)
def test_the_last_day_of_a_month_of_birth_names_no_birthday(team: Team, born: str, by: str) -> None:
    """The 29th would be the birthday itself, since no other child's month ends on it by its own year."""
    supported(team, born=born)
    assert next(line.data["born_by"] for line in team.lines() if line.kind == "continuing_care_agreed") == by


def test_a_birthday_whose_month_has_come_opens_no_duty_that_is_late_from_the_start(team: Team) -> None:
    supported(team, born="2012-03-29")  # 14 on 29 March, nineteen days after the decision
    owed = duties(team, "11 Mar 2026")
    assert sorted(rule for rule in owed if "transition" in rule) == [
        "cypcc_transition_16",
        "cypcc_transition_17",
        "cypcc_transition_18",
    ]
    assert "14th birthday" in " ".join(team.report("16 Mar 2026").remarks)


def test_an_adult_package_before_the_18th_birthday_is_recorded_and_said(team: Team) -> None:
    supported(team, born="2009-04-20")
    team.record("8 Jun 2026", "adult_eligibility_agreed")
    said = " ".join(team.record("19 Apr 2027", "adult_package_started").unheard)
    assert "18th birthday" in said
    assert "2009" not in said
    assert team.report("19 Apr 2027").state == "handed_over"


@pytest.mark.parametrize("born", ["2008-03-10", "1990-05-05"])
def test_nobody_of_18_is_found_eligible_here_however_long_ago_the_birthday_was(team: Team, born: str) -> None:
    recommended(team, date_of_birth=born)
    before = team.dump()
    with pytest.raises(Refused) as refused:
        team.record("10 Mar 2026", "continuing_care_agreed", reason="x")
    assert "18th birthday" in refused.value.message
    assert born not in refused.value.message
    assert team.dump() == before


def test_a_body_that_was_never_named_is_asked_for_when_it_matters(team: Team) -> None:
    recommended(team)
    with pytest.raises(Refused) as refused:
        team.record("10 Mar 2026", "continuing_care_agreed", reason="x")
    assert (refused.value.code, refused.value.field) == ("birth_unknown", "date_of_birth")
    team.record("10 Mar 2026", "continuing_care_agreed", reason="x", date_of_birth="2014-07-21")
    assert duties(team, "11 Mar 2026")["cypcc_transition_14"].due == day("31 Jul 2028")


def test_only_a_board_is_responsible(team: Team) -> None:
    with pytest.raises(Refused) as refused:
        team.record("2 Feb 2026", "continuing_care_referral_received", la="northshire", body="QX101")
    assert refused.value.code == "body_not_bound"


def test_domains_take_levels_and_no_words(team: Team) -> None:
    recommended(team)
    with pytest.raises(Refused) as refused:
        team.record("26 Feb 2026", "domains_assessed", **{**TOOL, "skin": "some words about a wound"})
    assert "wound" not in refused.value.message
    with pytest.raises(Refused, match="needs skin"):
        team.record(
            "26 Feb 2026", "domains_assessed", **{domain: level for domain, level in TOOL.items() if domain != "skin"}
        )


def test_another_board_takes_over_and_every_date_here_ends(team: Team) -> None:
    supported(team)
    team.record("4 May 2026", "responsibility_passed", passed_to="QX901")
    assert team.report("4 May 2026").state == "passed"
    assert all(duty.ended_on or duty.met_on for duty in team.report("4 May 2026").duties)
    with pytest.raises(Refused, match="Passed to another board"):
        team.record("5 May 2026", "family_told")


def locality(tmp_path: Path, text: str) -> Law:
    folder = tmp_path / "config"
    for name in ("statute", "grounds.toml"):
        (
            shutil.copytree(HERE / name, folder / name)
            if (HERE / name).is_dir()
            else shutil.copy(HERE / name, folder / name)
        )
    (folder / "locality.toml").write_text(text, "utf-8")
    return load_law(folder)


@pytest.mark.parametrize(
    ("step", "due"), [("accepted", "18 Mar 2026"), ("assessment_started", "23 Mar 2026"), ("received", "16 Mar 2026")]
)
def test_a_locality_may_count_from_a_later_step_and_the_stricter_reading_stays_with_the_receipt(
    tmp_path: Path, step: str, due: str
) -> None:
    law = locality(tmp_path, f'[{DECISION}]\nstarts_from = "{step}"\n')
    first = Team(tmp_path / "home", CASE).first

    def context(on: str) -> AppContext:
        return replace(first, law=law, settings=replace(first.settings, today=day(on)))

    record(
        context("2 Feb 2026"),
        CASE,
        [FactDraft("continuing_care_referral_received", day("2 Feb 2026"), {"la": "northshire", "body": BOARD})],
        "dco.team",
    )
    for kind, on in LATER:
        record(context(on), CASE, [FactDraft(kind, day(on))], "dco.team")
    found = report(context("10 Feb 2026"), CASE)
    (owed,) = [duty for duty in found.duties if duty.rule == DECISION]
    assert (owed.due, owed.strict_due, owed.act_by) == (day(due), day("15 Mar 2026"), day("13 Mar 2026"))
    assert found.facts[0].data["six_weeks_from"] == step
    (said,) = found.remarks
    assert f"it was {step.replace('_', ' ')}." in said
    assert "stricter reading counts from the day on which the referral or checklist was received" in said


def test_a_step_that_the_file_does_not_offer_is_refused_with_those_that_it_does(tmp_path: Path) -> None:
    with pytest.raises(ConfigFault, match="received, accepted, assessment_started"):
        locality(tmp_path, f'[{DECISION}]\nstarts_from = "panel"\n')
    shutil.rmtree(tmp_path / "config")
    with pytest.raises(ConfigFault, match="not left to the locality"):
        locality(tmp_path, '[cypcc_first_review]\nstarts_from = "accepted"\n')


def test_the_board_is_reminded_notified_and_escalated_to_by_calendar_distances(team: Team) -> None:
    referred(team)
    for today in ("2 Feb 2026", "2 Mar 2026", "17 Mar 2026", "31 Mar 2026"):
        team.day(today)
    assert team.escalations() == [
        ("reminder_due", "decision_reminder", "2026-03-02"),
        ("breached", "decision_overdue", "2026-03-17"),
        ("escalation_due", "decision_escalation", "2026-03-31"),
    ]
    assert team.post.log() == [
        ("2026-02-02", "send.dco@northernvales-icb.example", "CC90001: continuing care, decision due 16 March 2026"),
        (
            "2026-03-02",
            "send.dco@northernvales-icb.example",
            "CC90001: please decide on continuing care by 13 March 2026",
        ),
        (
            "2026-03-17",
            "send.dco@northernvales-icb.example",
            "CC90001: continuing care, decision overdue since 16 March 2026",
        ),
        (
            "2026-03-31",
            "executive.lead.send@northernvales-icb.example",
            "CC90001: continuing care, decision overdue since 16 March 2026",
        ),
    ]
    for letter in team.post.letters:
        assert "guidance and not law" in " ".join(letter.text.split())


def test_a_reminder_of_a_birthday_never_comes_before_anybody_knew_of_the_duty(team: Team) -> None:
    supported(team, born="2012-05-21")
    team.sweep("16 Mar 2026")
    # Seventeen weeks before 31 May is 1 February, and the decision came on 10 March.
    assert team.escalations() == [("reminder_due", "transition_reminder", "2026-03-10")]
    team.deliver("16 Mar 2026")
    assert "2012" not in "".join(letter.text for letter in team.post.letters)


def test_a_letter_that_the_record_no_longer_bears_out_is_taken_back_in_its_own_words(team: Team) -> None:
    referred(team)
    team.day("17 Mar 2026")
    team.record("18 Mar 2026", "fact_corrected", corrects=1, occurred_on="2026-02-23", reason="the board's stamp")
    team.day("18 Mar 2026")
    last = team.post.letters[-1]
    assert "our earlier letter is withdrawn; the date is 6 April 2026" in last.subject
    assert "six weeks of" not in last.text


def test_a_corrected_birth_is_judged_again_and_never_stored(team: Team) -> None:
    supported(team)
    agreed = next(line.seq for line in team.lines() if line.kind == "continuing_care_agreed")
    team.record(
        "20 Mar 2026", "fact_corrected", corrects=agreed, date_of_birth="2012-03-29", reason="the month was misread"
    )
    owed = duties(team, "20 Mar 2026")
    assert "cypcc_transition_14" not in owed
    assert owed["cypcc_transition_16"].due == day("31 Mar 2028")
    assert "2012-03-29" not in str(team.dump())
