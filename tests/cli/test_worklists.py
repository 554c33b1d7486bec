"""`sweep`, `overdue` and `week` as a person or a program calls them: worst first, by body or by authority, as JSON,
text and a workbook.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from typer.testing import Result

from tests.support.calling import sendflow
from tests.support.team import Team

Call = Callable[..., Result]
ROW = {
    "case_ref",
    "la_reference",
    "la",
    "rule",
    "action",
    "duty_on",
    "body",
    "body_name",
    "service",
    "started_on",
    "due",
    "strict_due",
    "act_by",
    "days",
    "standing",
}


@pytest.fixture
def call(team: Team) -> Call:
    """Three cases: SALT asked on 2 Mar (due 13 Apr), physio and CAMHS in Eastmere on 9 and 16 Mar (due 20 and 27 Apr);
    all agreed in time.
    """
    for case, la, asked in (
        ("NX90001", "northshire", (("2 Mar 2026", "SALT"),)),
        ("NX90002", "eastmere", (("9 Mar 2026", "Physio"), ("16 Mar 2026", "CAMHS"))),
        ("NX90003", "northshire", (("2 Mar 2026", "OT"),)),
    ):
        team.case = case
        team.act(
            "2 Feb 2026",
            ("ehc_assessment_requested", "2 Feb 2026", {"la": la}),
            ("assessment_agreed", "2 Feb 2026", {}),
        )
        for on, service in asked:
            team.record(on, "health_advice_requested", service=service)
    team.record("9 Mar 2026", "health_advice_answered", service="OT", answer="discharged")

    def run(*args: str, today: str) -> Result:
        return sendflow(*args, env={"SENDFLOW_HOME": str(team.home), "SENDFLOW_TODAY": today})

    return run


def rows(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def rows_of(result: Result) -> list[tuple[str, str, int]]:
    return [(row["case_ref"], row["due"], row["days"]) for row in rows(result)]


def test_overdue_is_worst_first(call: Call) -> None:
    assert rows_of(call("overdue", "--json", today="2026-04-13")) == [], "the due day itself is in time"
    assert rows_of(call("overdue", "--json", today="2026-04-14")) == [("NX90001", "2026-04-13", 1)]
    found = call("overdue", "--json", today="2026-04-28")
    assert rows_of(found) == [("NX90001", "2026-04-13", 15), ("NX90002", "2026-04-20", 8), ("NX90002", "2026-04-27", 1)]
    for row in rows(found):
        assert row.keys() >= ROW
        assert row["standing"] == "breached"


def test_the_week_is_soonest_first_from_today_to_seven_days_on(call: Call) -> None:
    assert rows_of(call("due-soon", "--json", today="2026-04-05")) == []
    assert rows_of(call("due-soon", "--json", today="2026-04-06")) == [("NX90001", "2026-04-13", 7)]
    assert rows_of(call("due-soon", "--json", today="2026-04-13")) == [
        ("NX90001", "2026-04-13", 0),
        ("NX90002", "2026-04-20", 7),
    ]
    assert rows_of(call("due-soon", "--json", today="2026-04-28")) == []


def test_the_las_own_duties_are_shown_and_marked_as_never_chased(call: Call) -> None:
    found = rows(call("overdue", "--json", today="2026-06-23"))
    assert [(row["rule"], row["body"], row["chased"]) for row in found if row["case_ref"] == "NX90001"] == [
        ("ehc_body_advice_respond", "QX101", True),
        ("ehc_final_plan_send", None, False),
    ], "nobody has decided on a plan: a notice of a refusal is not late"


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("body", [("QX101", 1, 15), ("QX102", 1, 8), ("QX104", 1, 1)]),
        ("la", [("eastmere", 2, 8), ("northshire", 1, 15)]),
    ],
)
def test_boards_are_gathered_by_body_or_authority(call: Call, by: str, expected: list[tuple[str, int, int]]) -> None:
    found = rows(call("overdue", "--by", by, "--json", today="2026-04-28"))
    assert sorted((group["key"], group["count"], group["worst_days"]) for group in found) == expected
    counts = [group["count"] for group in found]
    assert counts == sorted(counts, reverse=True), "the body with most duties is first"
    assert all(group["count"] == len(group["rows"]) for group in found)


def test_boards_in_words(call: Call) -> None:
    text = call("overdue", today="2026-04-14").stdout
    assert (
        text == "SIMULATION: the day is 14 April 2026, and nobody gets these letters.\n"
        "1 duty of 1 case is late: 1 of health bodies, 0 of authorities, our team and others.\n\n"
        "Health bodies: 1\n"
        "     1 day late  NX90001       due Mon 13 Apr 2026  Northshire Community Health NHS Trust, Speech and"
        " Language Therapy: comply with the request / give advice\n"
    )
    nothing = call("overdue", today="2026-04-13").stdout
    assert "letters.\nNothing is late. Looked at 3 cases in " in nothing
    assert nothing.endswith("sendflow.db.\n"), "a mistyped SENDFLOW_HOME is seen"
    assert "Nothing falls due in the next seven days. Looked at" in call("due-soon", today="2026-04-01").stdout
    gathered = call("overdue", "--by", "la", today="2026-04-28").stdout
    assert gathered.splitlines()[1:4] == [
        "3 duties of 2 cases are late: 3 of health bodies, 0 of authorities, our team and others.",
        "",
        "Eastmere: 2",
    ]


def test_a_workbook_beside_the_board(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "overdue.xlsx"
    result = call("overdue", "--xlsx", str(file), "--json", today="2026-04-28")
    assert len(rows(result)) == 3
    assert "3 rows" in result.stderr
    sheet = openpyxl.load_workbook(file).active
    assert [sheet.cell(1, 1).value, sheet.cell(1, 13).value] == ["Case ref", "Days late"]
    assert [(sheet.cell(row, 1).value, sheet.cell(row, 13).value) for row in (2, 3, 4)] == [
        ("NX90001", 15),
        ("NX90002", 8),
        ("NX90002", 1),
    ]
    assert sheet.cell(2, 11).value.date().isoformat() == "2026-04-13", "a date, so that Excel can sort it"
    lost = call("overdue", "--xlsx", str(tmp_path / "nowhere" / "x.xlsx"), "--json", today="2026-04-28")
    assert (lost.exit_code, lost.stdout) == (3, "")


def test_a_workbook_is_not_written_through_a_link_of_another(call: Call, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("of another")
    (tmp_path / "overdue.xlsx").symlink_to(kept)
    refused = call("overdue", "--xlsx", str(tmp_path / "overdue.xlsx"), today="2026-04-28")
    assert refused.exit_code == 3
    assert "a symbolic link has that name" in refused.stderr
    assert kept.read_text() == "of another"


def test_an_excused_or_answered_duty_is_on_no_board(call: Call, team: Team) -> None:
    team.case = "NX90001"
    team.record("10 Apr 2026", "excuse_claimed", service="SALT", ground="missed_appointment")
    assert len(rows(call("overdue", "--json", today="2026-04-14"))) == 1
    claim = team.lines()[-1].seq
    team.record("14 Apr 2026", "excuse_decided", claim=claim, decision="accepted", look_again_on="2026-05-18")
    assert rows(call("overdue", "--json", today="2026-04-14")) == []


def test_sweep_says_what_it_wrote_and_twice_is_once(call: Call) -> None:
    done = json.loads(call("sweep", "--json", today="2026-04-14").stdout)
    wanted = {"as_at": "2026-04-14", "cases_looked_at": 2, "facts_written": 9, "notices_written": 9}
    assert {key: done[key] for key in wanted} == wanted
    again = json.loads(call("sweep", "--json", today="2026-04-14").stdout)
    assert (again["facts_written"], again["notices_written"]) == (0, 0)


def test_sweep_for_an_earlier_day_and_in_words(call: Call) -> None:
    result = call("sweep", "--as-at", "2026-03-05", today="2026-04-14")
    assert (
        result.stdout
        == "Sweep as at 5 March 2026: 1 case evaluated, 1 fact and 1 notice written. Next day with something to record:"
        " 2026-03-12.\n"
    )
    assert result.exit_code == 0


def test_a_case_that_cannot_be_worked_out_is_exit_1(call: Call, team: Team) -> None:
    with team.first.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER fact_no_update")
        connection.exec_driver_sql("UPDATE fact SET text = '{}' WHERE case_ref = 'NX90001' AND seq = 2")
    result = call("sweep", "--json", today="2026-04-14")
    assert result.exit_code == 1
    assert [trouble["case_ref"] for trouble in json.loads(result.stdout)["troubles"]] == ["NX90001"]
    assert "NX90001: " in result.stderr
