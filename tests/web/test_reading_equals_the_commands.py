"""Who looked, unusual reading, people and rights, verifications and a child: the pages say what the commands say."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from casework.privacy.access import read_person
from casework.privacy.case_looks import note_look
from config.rights import RIGHTS, roles, unusual_reading
from flows.runner import run_job
from tests.support.by_hand import day
from tests.support.calling import sendflow
from tests.support.team import Team
from tests.web.conftest import Browser
from tests.web.test_audit_pages import CASE, HIDDEN, OTHER, TODAY, person, place
from tests.web.test_same_as_the_commands import text_of
from web.installation import Installation

__all__ = ["person", "place"]
Command = Callable[..., Any]


@pytest.fixture
def command(place: Installation, monkeypatch: pytest.MonkeyPatch) -> Command:
    """A command as the account of this machine, which is named for no restricted process."""
    home = str(place.context().settings.home)

    def run(*words: str) -> Any:
        result = sendflow(*words, "--json", env={"SENDFLOW_HOME": home, "SENDFLOW_TODAY": day(TODAY).isoformat()})
        assert result.exit_code == 0, result.stderr
        return orjson.loads(result.stdout)

    return run


def rows_of(page: str) -> list[list[str]]:
    """The cells of the rows of the first table."""
    rows = re.findall(r'<tr role="row" class="nhsuk-table__row">(.*?)</tr>', page, re.DOTALL)
    cells = [re.findall(r"<td.*?</td>", row, re.DOTALL) for row in rows]
    return [
        [" ".join(re.sub(r"<span[^>]*>.*?</span>|<[^>]+>|\u200b", " ", cell).split()) for cell in row]
        for row in cells
        if row
    ]


def test_the_access_log_is_that_of_the_command_with_the_same_filters(
    place: Installation, person: Callable[[str], Browser], command: Command
) -> None:
    context = place.context()
    for number in range(3):
        note_look(context, CASE, f"reader{number}", "case")
    note_look(context, HIDDEN, "reader1", "case")
    read_person(context, OTHER, "dco.team", "which_child")
    auditor = person("aud")
    for query, words in (
        ("", ()),
        ("who=reader1", ("--who", "reader1")),
        ("case=nx90002", ("--case", "nx90002")),
        ("what=identity", ("--what", "identity")),
        ("from_on=2026-03-11", ("--from", "2026-03-11")),
        ("from_on=2026-03-10&to_on=2026-03-10", ("--from", "2026-03-10", "--to", "2026-03-10")),
    ):
        shown = rows_of(auditor.get(f"/audit/looks?{query}").text)
        said = command("looks", *words)
        assert [(row[1].replace(" ", ""), row[2]) for row in shown] == [
            (each["actor"], each["case_ref"]) for each in said
        ], query
        assert HIDDEN not in {each["case_ref"] for each in said}
    assert len(command("looks")) == 4 and command("looks", "--what", "identity")[0]["code"] == "which_child"


def test_unusual_reading_is_that_of_the_command(
    place: Installation, person: Callable[[str], Browser], command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = unusual_reading().model_copy(update={"cases_in_an_hour": 1})
    monkeypatch.setattr("casework.privacy.unusual_reading.unusual_reading", lambda: limits)
    for ref in (CASE, OTHER, CASE):
        note_look(place.context(), ref, "quick.reader", "case")
    said = command("looks", "--unusual")
    assert ("quick.reader", "many_in_an_hour", 2) in [(each["actor"], each["sign"], each["cases"]) for each in said]
    page = text_of(person("dco.team").get("/unusual").text)
    for each in said:
        assert each["actor"] in page and all(ref in page for ref in each["refs"])


def test_people_and_rights_are_those_of_the_command(person: Callable[[str], Browser], command: Command) -> None:
    said = command("people")
    page = person("aud").get("/audit/people").text
    accounts = [(row[0].replace(" ", ""), row[1]) for row in rows_of(page.partition('id="rights"')[0])]
    assert accounts == [(each["account"], roles()[each["role"]].title) for each in said["accounts"]]
    assert said["rights"] == dict(RIGHTS) and set(RIGHTS) >= {word for role in roles().values() for word in role.may}
    assert page.partition('id="changes"')[2].count("<li>") == len(said["changes"])


def test_verifications_are_those_of_the_command(team: Team, person: Callable[[str], Browser], command: Command) -> None:
    run_job("verify", team.context(TODAY), say=lambda _line: None)
    said = command("verifications")
    page = person("aud").get("/audit").text
    table = page.partition("Verifications of this machine")[2].partition("</table>")[0]
    assert [row[1] for row in rows_of(table)] == ["nothing altered" for _each in said["runs"]] != []
    assert "cases" not in said["runs"][0], "the number would count cases that this reader may not know of"


def test_a_child_is_that_of_the_command_without_a_hidden_case(
    person: Callable[[str], Browser], command: Command
) -> None:
    said = command("child", OTHER.lower())
    page = person("dco.team").get(f"/children/{OTHER}").text
    assert [each["case_ref"] for each in said["cases"]] == [OTHER] and HIDDEN not in page
    duties = re.findall(rf'href="/cases/{OTHER}/why/(\w+)/(\d+)"', page)
    assert duties == [
        (each["duty"]["rule"], str(each["duty"]["opened_seq"])) for each in said["clocks"] if each["duty"]["due"]
    ]
    assert page.partition('id="history"')[2].partition("</ol>")[0].count("<li>") == len(said["history"])
    assert [each["what"] for each in command("looks", "--case", OTHER)][:2] == ["child", "command child"]
