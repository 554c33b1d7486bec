"""`sendflow to-decide` and `assign` are thin over what the pages do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import Result

from tests.support.calling import Call
from tests.support.trackers import FILES

TRACKER = (
    "Reference,Local authority,Request received,NHS number,Name,Date of birth\n"
    "PT00001,Northshire,02/03/2026,999 000 0018,Zoë Nobody,01/05/2015\n"
    "PT00002,Northshire,09/03/2026,,Zoë Nobody,01/05/2015\n"
    "PT00003,Nowhere,09/03/2026,,Ada Nobody,\n"
)
DAY = "2026-04-14"


@pytest.fixture
def brought(call: Call, tmp_path: Path) -> Call:
    path = tmp_path / "tracker.csv"
    path.write_text(TRACKER, encoding="utf-8")
    assert call(DAY, "import", str(path)).exit_code == 1
    return call


def waits(call: Call) -> dict[str, int]:
    return {each["kind"]: each["number"] for each in json.loads(call(DAY, "to-decide", "--json").stdout)}


def answered(call: Call, number: int, how: str, *more: str) -> Result:
    return call(DAY, "to-decide", "answer", str(number), how, "--actor", "dco.team", *more)


def test_the_list_says_what_waits_and_how_to_answer(brought: Call) -> None:
    text = brought(DAY, "to-decide").stdout
    assert text.startswith("2 things wait for an answer:")
    assert "PT00001 and PT00002 may be about one child: name and date of birth are the same" in text
    assert "line 4 of the tracker imported 2026-04-14 was refused: " in text and "unknown la" in text
    assert "two_children (They are two children)" in text and "not_ours (It is no case of ours)" in text
    assert "two_matters" not in text and "Zoë" not in text


def test_each_is_answered_once_and_one_child_joins_the_cases(brought: Call) -> None:
    found = waits(brought)
    assert "PT00001, PT00002 are about one child now" in answered(brought, found["alike"], "one_child").stdout
    assert json.loads(answered(brought, found["refused_row"], "not_ours", "--json").stdout)["line"] == 4
    assert brought(DAY, "to-decide").stdout == "No refused row, possible duplicate or reply waits for an answer.\n"
    again = answered(brought, found["refused_row"], "not_ours")
    assert again.exit_code == 2 and "waits any more" in again.stderr
    assert "child_joined" in brought(DAY, "case", "PT00002", "--json").stdout


@pytest.mark.parametrize(
    "words",
    [
        ("answer",),
        ("answer", "one", "corrected"),
        ("answer", "1", "corrected"),
        ("answer", "1", "never", "--actor", "dco.team"),
        ("answer", "99999999999", "corrected", "--actor", "dco.team"),
        ("show", "1", "corrected", "--actor", "dco.team"),
    ],
)
def test_a_wrong_call_answers_nothing_and_shows_an_example(brought: Call, words: tuple[str, ...]) -> None:
    done = brought(DAY, "to-decide", *words)
    assert done.exit_code == 2 and ("sendflow to-decide answer 3" in done.stderr or "choose one of" in done.stderr)
    assert len(waits(brought)) == 2


def test_a_case_is_assigned_to_an_account_and_to_nobody(call: Call) -> None:
    call(DAY, "import", str(FILES / "plain.csv"))
    ref = json.loads(call(DAY, "overdue", "--json").stdout)[0]["case_ref"]
    assert call(DAY, "assign", ref, "admin.team", "--actor", "dco.team").stdout == f"admin.team looks after {ref}.\n"
    again = call(DAY, "assign", ref.lower(), "admin.team", "--actor", "dco.team", "--json")
    assert json.loads(again.stdout) == {"case": ref, "owner": "admin.team", "changed": False}
    assert call(DAY, "assign", ref, "--nobody", "--actor", "dco.team").stdout == f"Nobody looks after {ref}.\n"


@pytest.mark.parametrize(
    "words", [("NX99999", "admin.team"), ("NX99999",), ("NX99999", "admin.team", "--nobody"), ("NX99999", "Zoë Nobody")]
)
def test_nobody_is_assigned_by_a_wrong_call(call: Call, words: tuple[str, ...]) -> None:
    call(DAY, "import", str(FILES / "plain.csv"))
    done = call(DAY, "assign", *words, "--actor", "dco.team")
    assert done.exit_code == 2 and done.stderr and "Zoë" not in done.stderr
