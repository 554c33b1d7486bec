"""Letters about a duty of a role of our team go to the role's own mailbox; of a restricted case, nowhere else."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from casework.cases.commit import commit
from casework.cases.unit_of_work import UnitOfWork
from casework.delivery.came_back import say_that_it_was_undelivered
from casework.rules.checks.files import SHIPPED, problems
from config.directory import DEFAULT, DirectoryError, load_directory
from config.directory_entries import RoleOwed
from models.database import reading, transact
from models.tables import LETTER, NOTICE
from tests.support.team import Team

CASE = "SR90001"
OWN = "safeguarding.lead@northernvales-icb.example"
MADE: dict[str, Any] = {"la": "northshire", "how": "form", "referred_to": "multi_agency_hub", "parents_informed": "yes"}


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    made = Team(tmp_path, case=CASE)
    yield made
    made.first.engine.dispose()


def own_directory(team: Team, old: str, new: str) -> None:
    file = team.home / "directory.toml"
    file.write_text(DEFAULT.read_text("utf-8").replace(old, new, 1), "utf-8")
    team.first = replace(team.first, directory=load_directory(file))
    team._contexts.clear()


def mailboxes(team: Team) -> list[tuple[str, str | None, str]]:
    with reading(team.first.engine) as connection:
        query = select(NOTICE.c.recipient, NOTICE.c.mailbox, NOTICE.c.state).order_by(NOTICE.c.key)
        return [(row.recipient, row.mailbox, row.state) for row in connection.execute(query)]


def test_the_letter_about_a_restricted_case_goes_to_the_roles_own_mailbox(team: Team) -> None:
    team.record("2 Mar 2026", "safeguarding_referral_made", **MADE)
    team.day("5 Mar 2026")
    assert {mailbox for _recipient, mailbox, _state in mailboxes(team)} == {OWN}
    assert {recipient for recipient, _mailbox, _state in mailboxes(team)} == {"team_role"}


def test_without_a_mailbox_of_its_own_a_restricted_letter_goes_to_nobody(team: Team) -> None:
    own_directory(team, f'mailbox = "{OWN}"\n', "")
    team.record("2 Mar 2026", "safeguarding_referral_made", **MADE)
    team.day("5 Mar 2026")
    assert {mailbox for _recipient, mailbox, _state in mailboxes(team)} == {None}
    directory = load_directory(team.home / "directory.toml")
    of_another = directory.mailbox_of_role(RoleOwed("safeguarding"), date(2026, 3, 5))
    assert of_another == directory.dco, "of another case it goes to the team"


def test_a_letter_that_waits_moves_with_the_roles_mailbox(team: Team) -> None:
    team.record("2 Mar 2026", "safeguarding_referral_made", **MADE)
    team.sweep("5 Mar 2026")
    own_directory(team, OWN, "other.lead@northernvales-icb.example")
    team.day("5 Mar 2026")
    assert {mailbox for _r, mailbox, state in mailboxes(team) if state == "sent"} == {
        "other.lead@northernvales-icb.example"
    }


def test_a_restricted_letter_that_was_not_delivered_goes_to_nobody_else(team: Team) -> None:
    team.record("2 Mar 2026", "safeguarding_referral_made", **MADE)
    team.day("5 Mar 2026")
    context = team.context("6 Mar 2026")
    with reading(context.engine) as connection:
        letter = connection.scalar(select(LETTER.c.id).where(LETTER.c.mailbox == OWN))
    assert letter is not None

    def once(connection: Connection) -> None:
        unit = UnitOfWork(context, connection, actor="sendflow", via="letter")
        say_that_it_was_undelivered(unit, letter, "unknown_address")
        commit(unit)

    transact(context.engine, once)
    assert {mailbox for _recipient, mailbox, _state in mailboxes(team)} == {OWN}


def test_a_role_may_not_have_the_mailbox_of_others(tmp_path: Path) -> None:
    file = tmp_path / "directory.toml"
    file.write_text(DEFAULT.read_text("utf-8").replace(OWN, "send.dco@northernvales-icb.example", 1), "utf-8")
    with pytest.raises(DirectoryError, match=r"team\.safeguarding has the mailbox of the board"):
        load_directory(file)


def test_check_refuses_a_restricted_letter_to_anybody_else(tmp_path: Path) -> None:
    folder = tmp_path / "ladder"
    folder.mkdir()
    text = (SHIPPED / "ladder" / "safeguarding_referral.toml").read_text("utf-8")
    (folder / "safeguarding_referral.toml").write_text(text.replace('to = ["owner"]', 'to = ["dco"]', 1), "utf-8")
    (found,) = problems((SHIPPED, tmp_path), only="safeguarding_referral")
    assert (found.key, found.word, found.nearest) == ("to", "dco", None)
    assert "to whom nothing about a restricted case goes" in found.sentence


def test_the_day_of_the_follow_up_is_the_one_that_was_named(team: Team) -> None:
    team.record("2 Mar 2026", "safeguarding_referral_made", **MADE)
    team.record("3 Mar 2026", "safeguarding_decided", decision="early_help", follow_up_on="2026-04-14")
    assert team.duty("4 Mar 2026", "safeguarding_follow_up").due == date(2026, 4, 14)
