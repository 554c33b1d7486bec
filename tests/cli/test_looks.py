"""A command that shows a case is in the log of looks, and writes nothing else; where it cannot be, it says so."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy import select

from casework.reports.letters import letters
from cli.looks import NOT_LOGGED
from models.database import reading
from models.tables import CASE_LOOK
from tests.support.by_hand import CASE
from tests.support.calling import sendflow
from tests.support.team import Team

COMMANDS = (
    (("case", CASE), "command case"),
    (("case", CASE, "--as-at", "2026-03-10"), "command replay"),
    (("record", CASE), "command record"),
    (("letters", "--held", CASE), "command letters"),
    (("letters", "LETTER"), "command letters"),
    (("ladder", CASE), "command ladder"),
    (("overdue", "--xlsx", "rows.xlsx"), "command overdue"),
)


@pytest.fixture
def lived(team: Team, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Team:
    """An installation with a case that is late, of which an e-mail left and another waits."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("getpass.getuser", lambda: "sam.lee")
    team.opened().asked()
    team.day("23 Mar 2026")
    team.sweep("20 May 2026")
    return team


def run(team: Team, *words: str) -> str:
    url = team.first.settings.database_url
    env = {"SENDFLOW_HOME": str(team.home), "SENDFLOW_TODAY": "2026-05-20"}
    done = sendflow(*words, env=env | ({"SENDFLOW_DATABASE_URL": str(url)} if url else {}))
    assert done.exit_code == 0, done.output
    return done.stderr


def looks(team: Team) -> list[tuple[str, str, str]]:
    with reading(team.first.engine) as connection:
        rows = connection.execute(select(CASE_LOOK.c.case_ref, CASE_LOOK.c.actor, CASE_LOOK.c.what))
        return [tuple(row) for row in rows]


@pytest.mark.parametrize(
    ("words", "what"), COMMANDS, ids=lambda each: " ".join(each) if isinstance(each, tuple) else ""
)
def test_a_command_that_shows_a_case_is_logged_with_the_account_of_the_machine(
    lived: Team, words: tuple[str, ...], what: str
) -> None:
    sent = next(each.id for each in letters(lived.first) if each.state == "sent" and not each.id.startswith("digest"))
    before = lived.dump()
    assert NOT_LOGGED not in run(lived, *(sent if word == "LETTER" else word for word in words))
    assert looks(lived) == [(CASE, "sam.lee", what)]
    assert lived.dump() == before


@pytest.mark.parametrize(
    "words", [("overdue",), ("letters",), ("verify",), ("findings",), ("ladder", "--check")], ids=" ".join
)
def test_a_list_of_references_is_no_look(lived: Team, words: tuple[str, ...]) -> None:
    run(lived, *words)
    assert looks(lived) == []


def test_a_look_at_records_that_cannot_be_written_is_shown_and_said(
    lived: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    lived.first.engine.dispose()
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    if lived.first.settings.database_url is None:
        assert NOT_LOGGED in run(lived, "case", CASE, "--json")
        assert looks(lived) == []
    else:
        assert NOT_LOGGED not in run(lived, "case", CASE, "--json")


def test_a_wrong_reference_is_no_look(lived: Team) -> None:
    env = {"SENDFLOW_HOME": str(lived.home), "SENDFLOW_TODAY": "2026-05-20"}
    assert sendflow("case", "NX00000", env=env).exit_code == 2
    assert looks(lived) == []
