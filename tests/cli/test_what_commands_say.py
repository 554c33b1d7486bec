"""What commands say where a person slipped: each message has what happened, what was expected, and an example."""

import re
from pathlib import Path

import pytest

from tests.cli.test_cases import call, lived
from tests.support.calling import Call, sendflow
from tests.support.team import Team

__all__ = ["call", "lived"]
ON = ("--on", "2026-03-04", "--actor", "dco.team")


def said(call: Call, *words: str, code: int) -> str:
    result = call(*words, today="2026-03-04")
    assert result.exit_code == code, result.output
    return result.output


def test_a_day_that_a_direction_sets_is_not_read_as_the_day_of_the_direction(lived: Call) -> None:
    opened = ("--data", "la=northshire", "--data", "decision=contents_of_plan")
    said(lived, "record", "TR90001", "decision_notified", *ON, *opened, code=0)
    said(lived, "record", "TR90001", "appeal_registered", *ON, "--data", "appeal=contents", code=0)
    words = said(lived, "record", "TR90001", "health_evidence_directed", *ON, code=2)
    assert "needs directed_on (the day by which it is to be done, as the direction names it), for example" in words


def test_a_pause_needs_a_reason_that_fits_it(lived: Call) -> None:
    words = said(lived, "record", "NX90001", "chasing_paused", *ON, "--data", "until=2026-04-01", code=2)
    assert 'needs reason, for example --data reason="the family is abroad until 18 May"' in words


def test_a_fact_is_withdrawn_once_and_with_a_reason(lived: Call) -> None:
    one = ("record", "NX90001", "fact_withdrawn", *ON, "--corrects", "2")
    assert "fact_withdrawn needs a reason, for example" in said(lived, *one, code=2)
    said(lived, *one, "--data", "reason=slip", code=0)
    assert "fact 2 is withdrawn already; nothing was written" in said(lived, *one, "--data", "reason=slip", code=1)


def test_a_closed_case_says_in_words_what_it_still_takes(lived: Call) -> None:
    said(lived, "record", "NX90001", "case_closed", *ON, code=0)
    words = said(lived, "record", "NX90001", "assessment_agreed", *ON, code=1)
    assert "at 'Closed'" in words and "fact_corrected, fact_withdrawn" in words
    assert "InvalidDefinition" not in words


@pytest.mark.parametrize("name", ["tracker.xlsx", "tracker.XLSX", "tracker.xlsm"])
def test_a_file_that_is_no_workbook_is_called_that(lived: Call, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_text("Ref,Local authority\n", "utf-8")
    words = said(lived, "import", str(file), "--actor", "dco.team", code=2)
    assert "is no Excel workbook" in words and "no header row" not in words


def test_the_version_is_said(call: Call) -> None:
    result = call("--version")
    assert result.exit_code == 0 and result.output.startswith("sendflow ")


def test_a_list_that_is_empty_says_where_it_looked_and_how_much(lived: Call) -> None:
    words = said(lived, "overdue", code=0)
    assert "Nothing is late. Looked at 1 case in" in words


def test_a_case_in_which_nobody_is_reminded_says_until_when(lived: Call) -> None:
    pause = ("--data", "until=2026-04-01", "--data", "body=QX101", "--data", "reason=abroad")
    said(lived, "record", "NX90001", "chasing_paused", *ON, *pause, code=0)
    words = " ".join(said(lived, "case", "NX90001", code=0).split())
    assert "No reminder or escalation is sent until 1 Apr 2026 to Northshire Community Health NHS Trust." in words
    later = lived("case", "NX90001", "--as-at", "2026-04-02", today="2026-04-02").output
    assert "No reminder or escalation" not in later


def test_a_mistyped_command_is_answered_with_the_nearest_one() -> None:
    done = sendflow("overdu")
    assert done.exit_code == 2 and "Did you mean 'overdue'?" in done.stderr and "No such command '...'" in done.stderr


def test_a_fact_without_a_day_says_which_option_is_missing_with_an_example() -> None:
    done = sendflow("record", "NX00042", "health_advice_received", "--actor", "dco.team")
    assert done.exit_code == 2 and "needs --on, for example --on 2026-03-02." in done.stderr


def test_every_free_text_is_named_alike_and_no_digest_of_one_is_shown(team: Team) -> None:
    team.opened("2 Mar 2026").asked(note="The parents rang.")
    team.record("3 Mar 2026", "chasing_paused", until="2026-03-09", reason="They asked for a week.")
    done = sendflow("case", "NX90001", env={"SENDFLOW_HOME": str(team.home), "SENDFLOW_TODAY": "2026-03-03"})
    assert done.stdout.count("free text (to read it: sendflow person --free-text)") == 2
    assert "note free text" in done.stdout and "reason free text" in done.stdout
    assert "sha256" not in done.stdout and not re.search("[0-9a-f]{32}", done.stdout)
