"""What a case will send is what it then sends: the letters foreseen are compared with those of the days themselves."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from casework.delivery.by_hand import chased_by_hand
from casework.delivery.holds import NothingToHold, hold
from casework.delivery.ladder import Ladder, ladder
from casework.delivery.ladder_check import check
from config.directory import load_directory
from config.escalation_policy import EscalationStep
from models.database import reading
from models.errors import NoSuchCase
from tests.casework.delivery.test_transports import directory_with
from tests.support.by_hand import CASE, PAEDS, SALT, TRUST, day
from tests.support.mail_server import DCO, MANAGER, SERVICE
from tests.support.team import Team

TODAY = "2 Mar 2026"


def foreseen(team: Team, today: str, typed: str = CASE) -> Ladder:
    return ladder(team.context(today), typed)


def to_come(found: Ladder) -> list[tuple[str, str | None]]:
    """Day and mailbox of each e-mail. Several notices for a mailbox on one day are one e-mail."""
    return sorted({(step.on.isoformat(), step.mailbox) for step in found.steps}, key=str)


def happens(team: Team, after: str, until: str) -> list[tuple[str, str]]:
    """Live through the days, and give the letters that left."""
    before = len(team.post.letters)
    when = day(after)
    while when <= day(until):
        team.day(when.isoformat())
        when += timedelta(days=1)
    return sorted({(letter.written_at.date().isoformat(), letter.mailbox) for letter in team.post.letters[before:]})


def test_what_is_foreseen_is_what_then_leaves(team: Team) -> None:
    team.opened(TODAY).asked(TODAY)
    found = foreseen(team, TODAY)
    assert [step.rung for step in found.steps] == [
        "request_received",
        "acknowledgement_missing",
        "reminder_3_weeks",
        "reminder_5_weeks",
        "breach",
        "escalation_provider",
        "escalation_provider",
        "escalation_icb",
    ]
    assert found.complete
    assert to_come(found) == happens(team, TODAY, "30 Apr 2026")


def test_nothing_is_written_and_nothing_leaves(team: Team) -> None:
    team.opened(TODAY).asked(TODAY)
    before = team.dump()
    foreseen(team, TODAY)
    assert (team.dump(), team.post.letters) == (before, [])
    assert team.verify(TODAY).intact


@pytest.mark.parametrize("today", ["23 Mar 2026", "3 Apr 2026", "14 Apr 2026"])
def test_it_begins_where_the_case_is(team: Team, today: str) -> None:
    """Steps that have left are not foreseen again; a weekend and a bank holiday put a letter off."""
    team.opened(TODAY).asked(TODAY).asked("9 Mar 2026", PAEDS, body=TRUST)
    happens(team, TODAY, today)
    found = foreseen(team, today)
    after = (day(today) + timedelta(days=1)).isoformat()
    assert to_come(found) == happens(team, after, "15 May 2026")


def test_a_hold_a_pause_and_an_answer_count(team: Team) -> None:
    team.opened(TODAY).asked(TODAY).asked(TODAY, PAEDS)
    happens(team, TODAY, "4 Mar 2026")
    hold(team.context("4 Mar 2026"), CASE, "dco.team", "the team asks by telephone", day("10 Mar 2026"))
    team.record("4 Mar 2026", "health_advice_acknowledged", body=TRUST, service=SALT)
    team.record("5 Mar 2026", "chasing_paused", until="2026-03-27", body=TRUST, reason="half term")
    found = foreseen(team, "5 Mar 2026")
    assert "2026-03-05" not in {on for on, _to in to_come(found)}
    assert to_come(found) == happens(team, "5 Mar 2026", "15 May 2026")


def test_a_pause_ends_by_itself_on_the_day_that_it_must_name(team: Team) -> None:
    team.opened(TODAY).asked(TODAY)
    with pytest.raises(Exception, match="until"):
        team.record("3 Mar 2026", "chasing_paused", reason="no end")
    team.record("3 Mar 2026", "chasing_paused", until="2026-03-31", reason="the service moves")
    assert min(step.on for step in foreseen(team, "3 Mar 2026").steps if step.rung != "request_received") == date(
        2026, 4, 1
    )


def test_the_quiet_days_of_a_body_count(team: Team) -> None:
    team.first = replace(team.first, directory=directory_with(team.home, 'quiet_days = ["monday", "tuesday"]'))
    team.opened(TODAY).asked(TODAY)
    found = foreseen(team, TODAY)
    assert {step.on.weekday() for step in found.steps if step.mailbox == SERVICE} <= {2, 3, 4}
    assert to_come(found) == happens(team, TODAY, "15 May 2026")


def test_a_recipient_without_an_address_is_shown(team: Team) -> None:
    team.opened(TODAY).asked(TODAY)
    team.without_body(TRUST)
    found = foreseen(team, TODAY)
    assert {(step.recipient, step.mailbox) for step in found.steps if step.rung == "breach"} == {
        ("service_manager", None)
    }
    assert {step.mailbox for step in found.steps} <= {None, DCO, "executive.lead.send@northernvales-icb.example"}


def test_a_case_is_found_by_any_reference_and_an_unknown_one_is_said(team: Team) -> None:
    team.opened(TODAY).asked(TODAY)
    assert foreseen(team, TODAY, "nx 90001").case_ref == CASE
    with pytest.raises(NoSuchCase):
        foreseen(team, TODAY, "NX99999")


def test_a_reminder_by_hand_replaces_the_automatic_one_for_three_working_days(team: Team) -> None:
    """Friday counts, then Monday and Tuesday; the reminder leaves on Wednesday, and names the contact."""
    team.opened(TODAY).asked(TODAY)
    happens(team, TODAY, "5 Mar 2026")
    report = chased_by_hand(team.context("20 Mar 2026"), CASE, "sam.lee", "I wrote to the lead therapist.")
    assert report.until == date(2026, 3, 24)
    assert ("2026-03-25", SERVICE) in to_come(foreseen(team, "20 Mar 2026"))
    assert happens(team, "20 Mar 2026", "25 Mar 2026") == [("2026-03-25", SERVICE)]
    kinds = [(line.kind, line.actor) for line in team.lines() if line.actor == "sam.lee"]
    assert kinds == [("contact_made", "sam.lee"), ("letters_held", "sam.lee")]
    assert "lead therapist" not in str(team.dump())
    assert team.verify("25 Mar 2026").intact


def test_a_reminder_about_one_notice_holds_the_letters_of_its_duty_only(team: Team) -> None:
    team.opened(TODAY).asked(TODAY).asked(TODAY, PAEDS)
    happens(team, TODAY, "20 Mar 2026")
    team.sweep("23 Mar 2026")
    with reading(team.first.engine) as connection:
        query = "SELECT key FROM notice WHERE rung = 'reminder_3_weeks' AND service = ?"
        key = connection.exec_driver_sql(query, (SALT,)).scalar_one()
    chased_by_hand(team.context("23 Mar 2026"), key, "sam.lee", "I rang.", "call")
    team.deliver("23 Mar 2026")
    left = {letter.mailbox for letter in team.post.letters if letter.written_at.date() == date(2026, 3, 23)}
    assert left == {"community.paediatrics@northshire-community.example"}
    with pytest.raises(NothingToHold):
        chased_by_hand(team.context("23 Mar 2026"), "NX99999", "sam.lee", "nobody")


def test_the_shipped_policy_and_directory_have_no_problem(team: Team) -> None:
    team.opened(TODAY).asked(TODAY)
    assert check(team.context(TODAY)) == []


def test_a_service_that_nobody_provides_is_found(team: Team) -> None:
    file = team.home / "directory.toml"
    text = load_directory().text.replace('la = ["northshire", "tarnford"]', 'la = ["northshire"]', 1)
    file.write_text(text, "utf-8")
    team.first = replace(team.first, directory=load_directory(file))
    (problem,) = check(team.context(TODAY))
    assert (problem.what, problem.where) == ("no_provider", "tarnford, community_paediatrics")
    assert 'la = ["tarnford"]' in problem.fix


def test_a_role_without_a_mailbox_is_found(team: Team) -> None:
    team.opened(TODAY).asked(TODAY)
    team.without_body(TRUST)
    found = [problem for problem in check(team.context(TODAY)) if problem.what == "no_address"]
    assert {problem.where.rpartition(", ")[2] for problem in found} == {
        "service",
        "service_manager",
        "provider_send_lead",
    }


def test_a_step_whose_letter_never_leaves_is_found(team: Team) -> None:
    """The reminder of week 7 comes after the breach, which goes to the same post in this policy."""
    policy = team.first.escalation_policy
    rule = "ehc_body_advice_respond"
    steps = list(policy.steps(rule))
    for place, change in ((2, {"weeks": 7}), (3, {"to": ("service", "service_manager")})):
        steps[place] = EscalationStep.model_validate(steps[place].model_dump() | change)
    changed = policy.model_copy(update={"rung": {**policy.rung, rule: tuple(steps)}})
    team.first = replace(team.first, escalation_policy=changed)
    (problem,) = check(team.context(TODAY))
    assert (problem.what, problem.where) == ("never_sent", f"{rule}, reminder_5_weeks")
    assert "higher step breach" in problem.message


def test_a_mailbox_of_a_body_that_has_ended_is_found(team: Team) -> None:
    file = team.home / "directory.toml"
    text = load_directory().text.replace(
        'body = "QX102"', 'body = "QX102"\nlast_day = 2026-01-31\nsuccessor = "QX103"', 1
    )
    text = text.replace("send.lead@lowmoor-therapies.example", "send.lead@eastmere-holme.example")
    file.write_text(text, "utf-8")
    team.first = replace(team.first, directory=load_directory(file))
    found = [problem for problem in check(team.context(TODAY)) if problem.what == "ended_body"]
    assert [problem.where for problem in found] == ["QX102, send.lead@eastmere-holme.example"]
    assert MANAGER not in str(found)
