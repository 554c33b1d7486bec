"""An owner of a duty is a kind and a code. Owners with a mailbox are reminded if a locality's policy says so."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from casework.reports.worklists import overdue
from config.directory import DEFAULT, load_directory
from config.escalation_policy import load_escalation_policy
from config.law import load_law
from config.rule_schema import Rule
from config.toml_reader import ConfigFault
from models.enums import Party
from models.owner import Owner, OwnerKind, owner_of
from tests.support.by_hand import ADVICE, SALT, TRUST
from tests.support.team import Team

PLAN = "ehc_final_plan_send"
MAILBOX = "send.plans@northshire.example"
STEPS = """
name = "default"
basis = "local_standard"
decided_on = 2026-01-05

[[rung.ehc_final_plan_send]]
id = "plan_soon"
fact = "reminder_due"
before = "due"
weeks = 4
template = "reminder"
to = ["owner", "service"]

[[rung.ehc_final_plan_send]]
id = "plan_late"
fact = "breached"
after = "due"
days = 1
template = "breach"
to = ["local_authority", "dco"]
"""


@pytest.fixture
def chasing(team: Team) -> Team:
    """A team whose locality reminds the authority of the plan, and knows the authority's mailbox."""
    (team.home / "ladder.toml").write_text(STEPS, "utf-8")
    text = DEFAULT.read_text("utf-8").replace("[la.northshire]\n", f'[la.northshire]\nmailbox = "{MAILBOX}"\n', 1)
    (team.home / "directory.toml").write_text(text, "utf-8")
    policy = load_escalation_policy(team.home / "ladder.toml")
    team.first = replace(team.first, directory=load_directory(team.home / "directory.toml"), escalation_policy=policy)
    return team.opened("2 Feb 2026")  # twenty weeks: 22 June 2026


def test_an_authoritys_duty_is_chased_once_the_policy_says_so(chasing: Team) -> None:
    chasing.day("26 May 2026")  # the Monday is a bank holiday
    assert chasing.escalations() == [("reminder_due", "plan_soon", "2026-05-25")]
    assert chasing.notices() == [("plan_soon", Party.LOCAL_AUTHORITY, "sent")], "no service owes it"
    assert [letter.mailbox for letter in chasing.post.letters] == [MAILBOX]
    assert "Northshire" in chasing.post.letters[0].text
    chasing.day("23 Jun 2026")
    assert chasing.notices()[1:] == [("plan_late", "dco", "sent"), ("plan_late", Party.LOCAL_AUTHORITY, "sent")]
    assert chasing.verify("24 Jun 2026").intact
    (row,) = [row for row in overdue(chasing.context("24 Jun 2026"), date(2026, 6, 24)) if row.rule == PLAN]
    assert (row.chased, row.owner and row.owner.model_dump()) == (True, {"kind": "authority", "code": "northshire"})


def test_what_is_shipped_chases_no_authority(team: Team) -> None:
    team.opened("2 Feb 2026")
    team.day("23 Jun 2026")
    assert team.escalations() == [] and team.notices() == []


def test_a_request_of_a_service_is_chased_as_before(team: Team) -> None:
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    team.day("24 Mar 2026")
    assert team.escalations() == [
        ("reminder_due", "acknowledgement_missing", "2026-03-05"),
        ("reminder_due", "reminder_3_weeks", "2026-03-23"),
    ]
    found = team.duty("24 Mar 2026")
    assert found.owner is not None and found.owner.model_dump() == {"kind": "service", "code": f"{TRUST}/{SALT}"}


@pytest.mark.parametrize(
    ("rule", "body", "service", "owner"),
    [
        (ADVICE, TRUST, SALT, Owner(OwnerKind.SERVICE, f"{TRUST}/{SALT}")),
        (ADVICE, TRUST, None, Owner(OwnerKind.SERVICE, TRUST)),
        (PLAN, None, None, Owner(OwnerKind.AUTHORITY, "northshire")),
        ("mediation_agreement_no_appeal_right", None, None, Owner(OwnerKind.AUTHORITY, "northshire")),
        ("appeal_register", None, None, Owner(OwnerKind.OTHER, None)),
    ],
)
def test_the_owner_of_each_duty(rule: str, body: str | None, service: str | None, owner: Owner) -> None:
    assert owner_of(load_law().rule(rule).owned_by, body, service, "northshire") == owner


def rule(**said: object) -> Rule:
    shipped = load_law().rule(PLAN).model_dump(by_alias=True, exclude_none=True)
    return Rule.model_validate({**shipped, **said})


def test_a_rule_may_say_that_our_team_or_a_party_owes_it() -> None:
    assert owner_of(rule(owner="team").owned_by, None, None, None) == Owner(OwnerKind.TEAM, None)
    assert owner_of(rule(owner="team:deputy").owned_by, None, None, None) == Owner(OwnerKind.TEAM, "deputy")
    assert owner_of(rule(owner="party:enquirer").owned_by, None, None, None) == Owner(OwnerKind.PARTY, "enquirer")
    with pytest.raises(ValueError, match="for a case or an item another owner"):
        rule(owner="service")


def test_a_role_of_our_team_that_the_directory_does_not_have(tmp_path: Path) -> None:
    from casework.rules.checks.files import SHIPPED, problems

    text = (SHIPPED / "statute" / "section23.toml").read_text("utf-8")
    folder = tmp_path / "pack" / "statute"
    folder.mkdir(parents=True)
    changed = text.replace('duty_on = "LA"', 'duty_on = "LA"\nowner = "team:deputi"', 1)
    (folder / "section23.toml").write_text(changed, "utf-8")
    own = DEFAULT.read_text("utf-8") + '\n[team.deputy]\nname = "the deputy DCO"\n'
    (tmp_path / "directory.toml").write_text(own, "utf-8")
    (found,) = problems((SHIPPED, tmp_path / "pack"), tmp_path)
    assert (found.key, found.word, found.nearest) == ("owner", "team:deputi", "team:deputy")


def test_an_unknown_kind_of_owner_is_refused(tmp_path: Path) -> None:
    with pytest.raises((ConfigFault, ValueError), match="owner"):
        rule(owner="teem")
