"""`sendflow erase` erases a person and all free text of the person's cases, and every chain still verifies."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import Result

from models.data_keys import DataKeys
from models.key_checks import encrypted_values
from tests.support.calling import sendflow
from tests.support.team import Team

BY = ("--actor", "dco.team", "--ground")
NOTE = "Wrobelek rang"


@pytest.fixture
def home(team: Team, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One child with two cases, and another child."""
    for case, number in (("NX90001", "999 000 0018"), ("NX90002", "999 000 0018"), ("NX90003", "999 123 4500")):
        team.record("2 Feb 2026", "ehc_assessment_requested", case=case, la="northshire", nhs_number=number)
    team.record("3 Feb 2026", "assessment_agreed", case="NX90002")
    team.record("3 Feb 2026", "health_advice_requested", case="NX90002", service="physiotherapy", note=NOTE)
    monkeypatch.setenv("SENDFLOW_HOME", str(team.home))
    monkeypatch.setenv("SENDFLOW_TODAY", "2026-04-14")
    return team.home


def run(*words: str) -> Result:
    return sendflow(*words)


def answer(*words: str) -> Any:
    return json.loads(run(*words, "--json").stdout)


def erase(case: str, ground: str) -> Any:
    """Propose an erasure as one account and approve it as another."""
    proposed = answer("erase", case, *BY, ground, "--yes")
    assert not proposed["erased"]
    return answer("erase", "approve", str(proposed["proposal"]), "--actor", "sam.lee")


def test_without_yes_it_reports_what_would_be_erased_and_changes_nothing(home: Path, team: Team) -> None:
    before = team.dump()
    report = answer("erase", "NX90001", *BY, "erasure_request")
    assert report == {
        "erased": False,
        "ground": "erasure_request",
        "cases": ["NX90001", "NX90002"],
        "passages": 1,
        "mails": 0,
        "open_cases": ["NX90001", "NX90002"],
        "identities": 1,
        "references": 0,
        "holds": [],
        "proposal": None,
        "expires_at": None,
    }
    assert "Nothing was erased" in run("erase", "NX90001", *BY, "erasure_request").stdout
    assert team.dump() == before


def test_erased_data_is_in_no_file_and_the_chains_verify(home: Path, team: Team) -> None:
    cipher = team.first.cipher
    with team.first.engine.connect() as connection:
        keys, stored = DataKeys(connection, cipher), list(encrypted_values(connection))
        texts = [(bytes(value), keys.decrypt(value, place)) for place, value in stored]
    own = [value for value, text in texts if "9990000018" in text.replace(" ", "") or NOTE in text]
    assert len(own) == 2
    assert erase("NX90002", "court_order")["erased"]
    again = run("erase", "NX90001", *BY, "court_order", "--yes")
    assert (again.exit_code, again.stdout) == (2, "") and "erased before" in again.stderr
    for path in home.iterdir():
        if path.is_file():
            assert not any(each in path.read_bytes() for each in own), path.name
    assert answer("person", "NX90001", "--actor", "dco.team", "--purpose", "contact", "--free-text")["known"] is False
    assert answer("person", "NX90003", "--actor", "dco.team", "--purpose", "contact")["known"] is True
    assert team.verify("14 Apr 2026").intact
    with team.first.engine.connect() as connection:
        log = connection.execute(
            text("select case_ref, actor, purpose from person_read where purpose like 'erased%' order by 1")
        ).all()
    assert [tuple(row) for row in log] == [(case, "sam.lee", "erased_court_order") for case in ("NX90001", "NX90002")]


def test_free_text_of_a_case_without_a_known_child_is_erased(home: Path, team: Team) -> None:
    team.case = "NX90004"
    team.opened("2 Feb 2026").asked("2 Mar 2026", note=NOTE)
    report = erase("NX90004", "entered_in_error")
    assert (report["erased"], report["cases"], report["passages"]) == (True, ["NX90004"], 1)
    assert [
        each["words"]
        for each in answer("person", "NX90004", "--actor", "dco.team", "--purpose", "contact", "--free-text")["words"]
    ] == [None]
    assert team.verify("14 Apr 2026").intact


def test_retention_has_not_ended_while_a_duty_is_open(home: Path, team: Team) -> None:
    refused = run("erase", "NX90001", *BY, "retention_ended", "--yes")
    assert refused.exit_code == 1 and "NX90001, NX90002" in refused.stderr
    assert answer("person", "NX90001", "--actor", "dco.team", "--purpose", "contact")["known"]
    for case in ("NX90001", "NX90002"):
        team.record("4 Feb 2026", "case_withdrawn", case=case)
    early = run("erase", "NX90001", *BY, "retention_ended", "--yes")
    assert early.exit_code == 1 and "retained until 2 February 2052 (Health record of a child" in early.stderr


def test_after_a_key_reset_sendflow_starts_and_an_import_records_the_identities_again(home: Path, team: Team) -> None:
    assert erase("NX90003", "court_order")["erased"]
    assert run("reset-person-key", "--actor", "dco.team", "--yes").exit_code == 2, "it is not lost"
    (home / "person.key").unlink()
    assert run("overdue").exit_code != 0
    before = team.dump()
    assert answer("reset-person-key", "--actor", "dco.team") == {
        "given_up": False,
        "persons": 1,
        "passages": 1,
        "references": 0,
    }
    assert team.dump() == before and not (home / "person.key").exists()
    assert "new person.key" in run("reset-person-key", "--actor", "dco.team", "--yes").stdout
    assert run("overdue").exit_code == 0 and json.loads(run("verify", "--json").stdout)["intact"]
    shown = answer("person", "NX90002", "--actor", "dco.team", "--purpose", "contact", "--free-text")
    assert not shown["known"] and [each["words"] for each in shown["words"]] == [None]
    tracker = home.parent / "tracker.csv"
    columns = "Case ref,NHS number,Local authority,Request received by LA"
    tracker.write_text(
        f"{columns}\nNX90001,999 000 0018,Northshire,02/02/2026\nNX90003,999 123 4500,Northshire,02/02/2026\n",
        encoding="utf-8",
    )
    report = answer("import", str(tracker))
    assert [each["code"] for each in report["refusals"]] == ["erased"], "an erased child stays erased"
    assert answer("person", "NX90002", "--actor", "dco.team", "--purpose", "contact")["nhs_number"] == "9990000018", (
        "one child, both cases"
    )
    with team.first.engine.connect() as connection:
        assert (
            connection.execute(text("select count(*) from person_read where purpose = 'erased_key_lost'")).scalar() == 3
        )


@pytest.mark.parametrize(
    "words",
    [
        ("NX90001", "--actor", "Ada A", "--ground", "court_order"),
        ("NX90001", *BY, "Maisie asked"),
        ("NX99999", *BY, "court_order"),
        ("NX90001",),
    ],
)
def test_a_wrong_call_erases_nothing_and_repeats_nothing(home: Path, team: Team, words: tuple[str, ...]) -> None:
    before = team.dump()
    done = run("erase", *words, "--yes")
    assert (done.exit_code, done.stdout) == (2, "") and "Maisie" not in done.stderr and "NX99999" not in done.stderr
    assert team.dump() == before
