"""`record`, `case`, `verify` and `processes` as a person or a program calls them: shapes, exit codes, the output on
which stream.
"""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from cli import main
from tests.support.calling import Call, field_options, sendflow
from tests.support.paths import ROOT
from tests.support.second_count import printed_rules
from tests.support.team import ready

CHILD = "Amelia Oakes"


@pytest.fixture
def call(tmp_path: Path) -> Call:
    """Run a command in an installation of its own on a simulated day (default 2 Mar 2026)."""

    home = str(ready(tmp_path / "var"))

    def run(*args: str, today: str = "2026-03-02") -> Result:
        return sendflow(*args, env={"SENDFLOW_HOME": home, "SENDFLOW_TODAY": today})

    return run


def record(call: Call, fact: str, on: str, *data: str, case: str = "NX90001", today: str | None = None) -> Result:
    pairs = field_options(*data)
    return call("record", case, fact, "--on", on, *pairs, "--actor", "dco.team", "--json", today=today or on)


@pytest.fixture
def lived(call: Call) -> Call:
    """Requested 2 Feb, agreed 20 Feb, SALT asked 2 Mar, acknowledged 4 Mar 2026."""
    for fact, on, *data in (
        ("ehc_assessment_requested", "2026-02-02", "la=Northshire", "la_reference=NS-04412"),
        ("assessment_agreed", "2026-02-20"),
        ("health_advice_requested", "2026-03-02", "service=SALT"),
        ("health_advice_acknowledged", "2026-03-04", "service=SALT"),
    ):
        assert record(call, fact, on, *data).exit_code == 0
    return call


def document(result: Result) -> Any:
    """Return the one JSON document on standard output; nothing else is there."""
    found = json.loads(result.stdout)
    assert result.stdout.strip().endswith(("}", "]"))
    return found


def test_record_says_case_seq_and_state(call: Call) -> None:
    result = record(call, "ehc_assessment_requested", "2026-02-02", "la=Northshire")
    assert (result.exit_code, document(result)) == (0, {"case_ref": "NX90001", "seq": 1, "state": "requested"})
    assert "Prefect is not running" in result.stderr
    assert result.stderr.count("\n") == 1, "one line says so"


def test_record_in_words(call: Call) -> None:
    result = call(
        "record",
        "NX90001",
        "ehc_assessment_requested",
        "--on",
        "2026-02-02",
        "--data",
        "la=Northshire",
        "--actor",
        "dco.team",
    )
    assert (
        result.stdout
        == "Recorded ehc_assessment_requested of 2 February 2026 as fact 1 of case NX90001. The case is now at"
        " 'Request received'.\n"
        "  LA: notify parent/young person whether it will assess: due Mon 16 Mar 2026.\n"
        "  LA: notify determination that provision under a plan is not necessary if it is decided so: due Mon 16 Mar"
        " 2026.\n"
        "  LA: notify decision not to secure a plan if it is decided so: due Mon 25 May 2026.\n"
        "  LA: send the finalised plan: due Mon 22 Jun 2026.\n"
        "It causes no letter.\n"
    )


def test_several_facts_in_one_act(lived: Call) -> None:
    result = lived(
        "record",
        "NX90001",
        "health_advice_received",
        "--on",
        "2026-03-09",
        "--data",
        "service=SALT",
        "--also",
        "draft_plan_received",
        "--also",
        "section_g_agreed",
        "--actor",
        "dco.team",
        "--json",
        today="2026-03-09",
    )
    assert document(result) == {"case_ref": "NX90001", "seq": 7, "state": "drafting"}


def test_what_is_not_lawful_is_exit_1_with_one_line_that_says_what_is(lived: Call) -> None:
    result = record(lived, "refusal_reversed", "2026-03-09")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "record assessment_refused with its own day first" in result.stderr


WRONG: list[tuple[str, Sequence[str]]] = [
    (
        "a day that does not exist",
        ("record", "NX90001", "assessment_agreed", "--on", "2026-02-30", "--actor", "dco.team"),
    ),
    (
        "a day in words",
        ("record", "NX90001", "assessment_agreed", "--on", f"{CHILD}'s birthday", "--actor", "dco.team"),
    ),
    ("a day to come", ("record", "NX90001", "assessment_refused", "--on", "2026-03-03", "--actor", "dco.team")),
    ("a person as the actor", ("record", "NX90001", "assessment_refused", "--on", "2026-03-02", "--actor", CHILD)),
    ("an unknown fact", ("record", "NX90001", CHILD, "--on", "2026-03-02", "--actor", "dco.team")),
    ("no such fact", ("record", "NX90001", "amelia_oakes", "--on", "2026-03-02", "--actor", "dco.team")),
    ("what only the engine writes", ("record", "NX90001", "breached", "--on", "2026-03-02", "--actor", "dco.team")),
    (
        "data without a value",
        ("record", "NX90001", "draft_plan_received", "--on", "2026-03-02", "--data", CHILD, "--actor", "dco.team"),
    ),
    (
        "data twice",
        (
            "record",
            "NX90001",
            "draft_plan_received",
            "--on",
            "2026-03-02",
            "--data",
            "note=a",
            "--data",
            f"note={CHILD}",
            "--actor",
            "dco.team",
        ),
    ),
    (
        "unknown data",
        (
            "record",
            "NX90001",
            "draft_plan_received",
            "--on",
            "2026-03-02",
            "--data",
            f"amelia={CHILD}",
            "--actor",
            "dco.team",
        ),
    ),
    (
        "data in no form",
        (
            "record",
            "NX90001",
            "health_advice_requested",
            "--on",
            "2026-03-02",
            "--data",
            f"body={CHILD}",
            "--actor",
            "dco.team",
        ),
    ),
    (
        "corrects nothing",
        (
            "record",
            "NX90001",
            "fact_withdrawn",
            "--on",
            "2026-03-02",
            "--corrects",
            CHILD,
            "--actor",
            "dco.team",
        ),
    ),
    ("no case of that form", ("record", CHILD, "assessment_agreed", "--on", "2026-03-02", "--actor", "dco.team")),
    ("an unknown case", ("case", CHILD)),
    ("an unknown case of the right form", ("case", "NX99999")),
    ("a day to show it on that is none", ("case", "NX90001", "--as-at", CHILD)),
    ("an instant without a zone", ("case", "NX90001", "--known-at", "2026-03-02T09:00:00")),
    ("no case to verify", ("verify", CHILD)),
    ("no such case to verify", ("verify", "NX99999")),
    ("a sweep of tomorrow", ("sweep", "--as-at", "2026-03-05")),
    ("a sweep of no day", ("sweep", "--as-at", CHILD)),
]


@pytest.mark.parametrize(("why", "args"), WRONG, ids=[why for why, _args in WRONG])
def test_a_wrong_call_is_exit_2_with_one_line_that_repeats_nothing(lived: Call, why: str, args: Sequence[str]) -> None:
    for more in ([], ["--json"]):
        result = lived(*args, *more, today="2026-03-04" if why != "a day to come" else "2026-03-02")
        assert (result.exit_code, result.stdout) == (2, ""), why
        said = [line for line in result.stderr.splitlines() if "Prefect" not in line]
        assert len(said) == 1
        for secret in ("Amelia", "Oakes", "amelia"):
            assert secret not in result.output


@pytest.mark.parametrize(
    "args",
    [
        ("record", "NX90001"),
        ("record", "NX90001", "assessment_agreed", "--on", "2026-03-02"),
        ("sweeep",),
        ("case",),
        ("sweep", "--soon"),
    ],
)
def test_a_call_that_lacks_something_is_exit_2(call: Call, args: Sequence[str]) -> None:
    assert call(*args).exit_code == 2


def test_a_case_as_json_has_the_shapes_that_others_rely_on(lived: Call) -> None:
    found = document(lived("case", "nx90001", "--json", today="2026-04-14"))
    assert (found["case_ref"], found["process"], found["state"]) == ("NX90001", "ehc_needs_assessment", "assessing")
    for fact in found["facts"]:
        assert {
            "seq",
            "kind",
            "version",
            "occurred_on",
            "recorded_at",
            "actor",
            "via",
            "run",
            "corrects",
            "data",
        } <= fact.keys()
    written = {
        "seq": 3,
        "kind": "health_advice_requested",
        "version": 1,
        "occurred_on": "2026-03-02",
        "recorded_at": "2026-03-02T09:00:00.000000Z",
        "actor": "dco.team",
        "via": "record",
        "run": None,
        "corrects": None,
        "stands": True,
        "corrected_to": None,
        "data": {"body": "QX101", "service": "speech_and_language_therapy"},
    }
    assert {key: found["facts"][2][key] for key in written} == written
    [duty] = [each for each in found["duties"] if each["rule"] == "ehc_body_advice_respond"]
    wanted = {
        "rule": "ehc_body_advice_respond",
        "body": "QX101",
        "opened_seq": 3,
        "started_on": "2026-03-02",
        "due": "2026-04-13",
        "strict_due": "2026-04-12",
        "act_by": "2026-04-10",
        "standing": "breached",
        "days_late": 1,
        "met_on": None,
        "excuse": None,
    }
    assert {key: duty[key] for key in wanted} == wanted
    assert "reg 8(1)" in duty["citation"]


def test_a_case_as_true_on_a_day_and_as_known_at_an_instant(lived: Call) -> None:
    assert record(lived, "fact_corrected", "2026-03-10", "corrects=3", "occurred_on=2026-03-09").exit_code == 0

    def due(*args: str) -> Any:
        duties = document(lived("case", "NX90001", "--json", *args, today="2026-03-10"))["duties"]
        return [each["due"] for each in duties if each["rule"] == "ehc_body_advice_respond"]

    assert due() == ["2026-04-20"]
    assert due("--known-at", "2026-03-10T08:59:59+00:00") == ["2026-04-13"]
    assert due("--as-at", "2026-03-08") == []
    assert due("--as-at", "2026-03-08", "--known-at", "2026-03-09T12:00:00+00:00") == ["2026-04-13"]
    early = lived("case", "NX90001", "--as-at", "2026-02-01", "--json")
    assert (early.exit_code, early.stdout) == (2, "")
    assert "nothing was known" in early.stderr


def test_the_readmes_own_example_of_what_was_believed(lived: Call) -> None:
    corrected = record(lived, "fact_corrected", "2026-04-28", "corrects=3", "occurred_on=2026-03-09")
    assert corrected.exit_code == 0
    shown = lived("case", "NX90001", "--known-at", "2026-04-15T09:00:00+01:00", today="2026-05-06").stdout
    assert "on 15 April 2026, as known on Wed 15 Apr 2026 at 09:00." in shown
    assert "breached, 2 days late." in shown


def test_a_case_on_paper(lived: Call) -> None:
    lines = lived("case", "NX90001", today="2026-04-14").stdout.splitlines()
    assert lines[0] == "NX90001 (the authority's reference: NS-04412): EHC needs assessment, Northshire"
    assert lines[1] == "At 'Assessment under way' on 14 April 2026."
    start = lines.index(
        "  Northshire Community Health NHS Trust, Speech and Language Therapy: comply with the request / give advice"
    )
    assert lines[start + 1 : start + 4] == [
        (
            "      from Mon 2 Mar 2026 (fact 3, health advice requested); due Mon 13 Apr 2026 (on the stricter reading"
            " Sun 12 Apr 2026), act by Fri 10 Apr 2026"
        ),
        "      breached, 1 day late. SEND Regs 2014 (SI 2014/1530) reg 8(1); CFA 2014 s31",
        "      the advice is awaited, 1 day late, 69 days before the 20-week date (2026-06-22)",
    ]
    assert "    3  Mon 2 Mar 2026   health advice requested" in lines


def test_verify_says_what_it_looked_at_and_prints_the_head(lived: Call) -> None:
    found = document(lived("verify", "--json", today="2026-03-04"))
    assert {"cases", "facts", "intact", "head", "damage"} <= found.keys()
    assert (found["cases"], found["facts"], found["intact"], found["damage"]) == (1, 4, True, [])
    assert len(found["head"]) == 64


def test_damage_is_exit_1_and_named(lived: Call, tmp_path: Path) -> None:
    file = sqlite3.connect(tmp_path / "var" / "sendflow.db", isolation_level=None)
    file.execute("DROP TRIGGER fact_no_update")
    file.execute("UPDATE fact SET actor = 'x' WHERE seq = 2")
    file.close()
    result = lived("verify", "NX90001", "--json")
    assert result.exit_code == 1
    assert {(each["case_ref"], each["seq"], each["what"]) for each in document(result)["damage"]} == {
        (None, None, "trigger"),
        ("NX90001", 2, "column"),
    }
    assert "DAMAGED" in lived("verify").stdout


def test_processes_list_states_facts_and_duties(call: Call) -> None:
    [ehc] = [each for each in document(call("processes", "--json")) if each["process"] == "ehc_needs_assessment"]
    assert {"process", "states", "initial", "final", "facts", "duties"} <= ehc.keys()
    assert (ehc["initial"], ehc["final"]) == ("requested", ["closed", "withdrawn"])
    for fact in ehc["facts"]:
        assert {"kind", "version", "from", "to"} <= fact.keys()
        assert set(fact["from"]) <= set(ehc["states"])
    moves = {(state, fact["kind"]): fact["to"] for fact in ehc["facts"] for state in fact["from"]}
    assert moves["requested", "assessment_agreed"] == "assessing"
    assert moves["assessing", "health_advice_received"] is None, "the case stays where it is"
    [advice] = [duty for duty in ehc["duties"] if duty["rule"] == "ehc_body_advice_respond"]
    assert advice["starts"] == ["health_advice_requested"]
    assert advice["met_by"] == ["health_advice_received", "health_advice_answered"]
    assert "EHC needs assessment" in call("processes").stdout


def test_a_home_that_cannot_be_written_is_exit_3_and_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    env = {**os.environ, "SENDFLOW_HOME": str(tmp_path / "file" / "var"), "SENDFLOW_TODAY": "2026-03-02"}
    done = subprocess.run(
        [sys.executable, "-c", "from cli import main; main()", "migrate", "--json"],
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (3, "")
    assert len(done.stderr.splitlines()) == 1
    assert "SENDFLOW_HOME" in done.stderr


def test_processes_account_for_every_rule_as_a_duty_or_as_calculation_only_with_the_reason(call: Call) -> None:
    known = {row.rule for row in printed_rules()}
    found = document(call("processes", "--json"))
    used = {duty["rule"] for each in found for duty in each["duties"]}
    idle = {row["rule"]: row["why"] for each in found for row in each["calculation_only"]}
    assert used | idle.keys() == known and not used & idle.keys()
    assert all(idle.values())
    text = call("processes").stdout
    assert (
        all(text.count(why) == 1 or list(idle.values()).count(why) > 1 for why in idle.values())
        and "lac_iha (coordination)" in text
    )


LOOKS = [["case", "NX90001"], ["overdue"], ["due-soon"], ["letters"], ["processes"], ["rules"]]
LOOKING = """
import sys
from tests.support.calling import sendflow
for words in {looks}:
    done = sendflow(*words, "--json")
    heavy = {{"prefect", "apscheduler"}} & set(sys.modules)
    if heavy or done.exit_code:
        sys.exit(f"{{words}} imported {{heavy}} and ended with {{done.exit_code}}")
"""


def test_commands_that_only_look_do_not_import_prefect(lived: Call, tmp_path: Path) -> None:
    env = {**os.environ, "SENDFLOW_HOME": str(tmp_path / "var"), "SENDFLOW_TODAY": "2026-03-02"}
    done = subprocess.run(
        [sys.executable, "-c", LOOKING.format(looks=LOOKS)], env=env, cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_records_that_the_database_cannot_read_are_one_line_that_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "sendflow.db").write_bytes(bytes(range(256)) * 40)
    monkeypatch.setenv("SENDFLOW_HOME", str(tmp_path))
    for words in (["verify", "--json"], ["overdue", "--json"]):
        monkeypatch.setattr("sys.argv", ["sendflow", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        out, errors = capsys.readouterr()
        assert (ended.value.code, out) == (3, "")
        assert (
            "the database file is so corrupt that it cannot be read" in errors
            and "restore the last backup into a new folder" in errors
            and "Traceback" not in errors
        )
