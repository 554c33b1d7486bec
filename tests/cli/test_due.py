"""`sendflow due` and `sendflow rules`: shapes that others rely on, exit codes, and one line for a wrong call."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from config.law import load_law
from tests.support.calling import sendflow
from tests.support.paths import ROOT

KEYS = [
    "rule",
    "on",
    "due",
    "strict_due",
    "act_by",
    "due_at",
    "period",
    "counts",
    "basis",
    "citation",
    "url",
    "version_from",
    "enabled",
    "excuses",
    "reason",
    "steps",
]


def run(*words: str) -> Result:
    return sendflow(*words)


def asked(*words: str) -> dict[str, Any]:
    result = run("due", *words, "--json")
    assert result.exit_code == 0, result.stderr
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def test_one_question_gives_one_document() -> None:
    document = asked("ehc_body_advice_respond", "--on", "2026-03-02")
    assert list(document) == KEYS
    assert (document["due"], document["strict_due"], document["act_by"]) == ("2026-04-13", "2026-04-12", "2026-04-10")
    assert document["due_at"] == "2026-04-13T23:59:59+01:00"
    assert document["version_from"] == "2014-09-01"
    assert document["excuses"] == ["exceptional_circumstances", "absent_4_weeks", "missed_appointment"]
    assert document["reason"] is None and document["enabled"] is True


def test_what_does_not_apply_is_null_and_still_there() -> None:
    document = asked("review_advice_from_professional", "--on", "2026-03-02")
    assert list(document) == KEYS
    for key in ("due", "strict_due", "act_by", "due_at", "citation", "url", "version_from"):
        assert document[key] is None
    assert "locality" in document["reason"]


def test_further_days_are_given_by_name_and_repeated() -> None:
    document = asked(
        "remain_special_school",
        "--on",
        "2026-07-13",
        "--given",
        "closed_from=2026-07-22",
        "--given",
        "reopens_on=2026-09-02",
    )
    assert document["due"] == "2026-09-07"


def test_a_person_reads_the_sum() -> None:
    result = run("due", "appeal_la_response", "--on", "2025-07-14")
    assert result.exit_code == 0
    assert "Due      Tuesday 23 September 2025" in result.stdout
    assert "August, which the Tribunal's rules do not count" in result.stdout
    assert "https://www.legislation.gov.uk/uksi/2008/2699/article/21" in result.stdout


def test_a_rule_that_is_switched_off_answers() -> None:
    assert asked("mha2025_cetr_first", "--on", "2026-03-02")["enabled"] is False


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["ehc_body_advice_responds", "--on", "2026-03-02"], "Nearest: ehc_body_advice_respond"),
        (["ehc_body_advice_respond", "--on", "02/03/2026"], "year-month-day. Example: --on 2026-03-02"),
        (["ehc_body_advice_respond", "--on", "20260302"], "year-month-day"),
        (["ehc_body_advice_respond", "--on", "2026-02-30"], "no such day"),
        (["ehc_body_advice_respond", "--on", "Quibbleworth"], "year-month-day"),
        (["ehc_body_advice_respond"], "A rule and its start day were expected"),
        (["--on", "2026-03-02"], "A rule and its start day were expected"),
        (["la_move_transfer_plan", "--on", "2026-03-02"], "needs moved_on, the day of the move"),
        (["la_move_transfer_plan", "--on", "2026-03-02", "--given", "moved=2026-03-20"], "takes no input `moved`"),
        (["la_move_transfer_plan", "--on", "2026-03-02", "--given", "moved_on"], "key=value was expected"),
        (
            ["la_move_transfer_plan", "--on", "2026-03-02", "--given", "moved_on=soon"],
            "--given moved_on: a day was expected",
        ),
        (
            [
                "la_move_transfer_plan",
                "--on",
                "2026-03-02",
                "--given",
                "moved_on=2026-03-20",
                "--given",
                "moved_on=2026-03-21",
            ],
            "is given twice",
        ),
        (["ehc_body_advice_respond", "--on", "2026-03-02", "--from", "x.csv"], "takes no rule and no day"),
    ],
)
def test_a_wrong_call_gets_one_line_and_exit_2(words: list[str], said: str) -> None:
    for json_ in ([], ["--json"]):
        result = run("due", *words, *json_)
        assert result.exit_code == 2
        assert result.stdout == ""
        assert said in result.stderr and len(result.stderr.strip().splitlines()) == 1
        assert "Quibbleworth" not in result.stderr


def test_what_the_law_cannot_answer_is_exit_1_with_the_reason() -> None:
    result = run("due", "ehc_body_advice_respond", "--on", "2014-08-31")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "2014-09-01" in result.stderr
    result = run("due", "he_disclosure", "--on", "2028-12-20", "--json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert list(document) == [*KEYS, "error"]
    assert document["due"] is None and "2012-01-01 to 2028-12-31" in document["error"]


def lines_of(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_file_of_questions_is_answered_in_order(tmp_path: Path) -> None:
    file = tmp_path / "questions.csv"
    file.write_bytes(
        "\ufeffrule,on,given\r\nehc_body_advice_respond,2026-03-02,\r\n"
        "remain_special_school,2026-07-13,closed_from=2026-07-22 reopens_on=2026-09-02\r\n"
        "he_disclosure,2026-03-27,\r\n".encode()
    )
    result = run("due", "--from", str(file))
    assert (result.exit_code, result.stderr) == (0, "")
    answers = lines_of(result)
    assert [answer["due"] for answer in answers] == ["2026-04-13", "2026-09-07", "2026-04-21"]
    assert all(list(answer) == KEYS for answer in answers)


def test_a_row_without_an_answer_has_an_error_and_the_others_go_on(tmp_path: Path) -> None:
    file = tmp_path / "questions.csv"
    file.write_text(
        "rule,on,given\nehc_body_advice_respond,2026-03-02,\nno_such_rule,2026-03-02,\nehc_body_advice_respond,Zebedee"
        " Quibbleworth,\n"
        "la_move_transfer_plan,2026-03-02,\nla_move_transfer_plan,2026-03-02,moved_on=Quibbleworth\n"
        "ehc_body_advice_respond,2014-08-31,\n"
        "he_disclosure,2028-12-20,\nehc_body_advice_respond,2026-03-02,,extra\nreview_report_send,2026-03-02\n",
        encoding="utf-8",
    )
    result = run("due", "--from", str(file), "--json")
    assert result.exit_code == 1
    answers = lines_of(result)
    assert ["error" in answer for answer in answers] == [False, True, True, True, True, True, True, True, False]
    assert all(list(answer)[: len(KEYS)] == KEYS for answer in answers)
    assert "Quibbleworth" not in result.stdout + result.stderr
    assert answers[2]["on"] is None and answers[5]["on"] == "2014-08-31"


@pytest.mark.parametrize("content", [b"rule,day\n", b"", b"rule,on,given\n\xff\xfe\n", b'rule,on,given\n"open\n'])
def test_a_file_that_is_no_list_of_questions_is_a_wrong_call(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "questions.csv"
    file.write_bytes(content)
    result = run("due", "--from", str(file))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "rule,on,given" in result.stderr and len(result.stderr.strip().splitlines()) == 1
    missing = run("due", "--from", str(tmp_path / "nowhere.csv"))
    assert missing.exit_code == 2


def test_every_rule_is_listed() -> None:
    rows = json.loads(run("rules", "--json").stdout)
    assert {row["rule"] for row in rows} == set(load_law().rules)
    assert {
        "rule",
        "process",
        "action",
        "period",
        "counts",
        "basis",
        "citation",
        "url",
        "version_from",
        "enabled",
    } <= set(rows[0])
    assert {row["process"] for row in rows if row["rule"].startswith("order_")} == {"tribunal"}
    assert "ehc_body_advice_respond: comply with the request / give advice, 6 weeks" in run("rules").stdout


def test_asking_the_law_waits_for_neither_prefect_nor_a_database() -> None:
    script = (
        "import sys; from tests.support.calling import sendflow;"
        "r = sendflow('due', 'ehc_body_advice_respond', '--on', '2026-03-02', '--json'); assert r.exit_code == 0;"
        "print(sorted({'prefect', 'sqlmodel', 'sqlalchemy', 'apscheduler'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
