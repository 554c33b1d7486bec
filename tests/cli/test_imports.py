"""The commands of what comes in: shapes and exit codes that others rely on, and cells of any sort through the whole of
an import.
"""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from typer.testing import Result

from audit.verify import verify
from casework.imports.tracker_import import import_file
from config.directory import DEFAULT, DirectoryError
from tests.support.calling import Call, sendflow
from tests.support.examples import examples
from tests.support.paths import GOLDEN
from tests.support.team import Team, ready

FILES = GOLDEN / "imports"
COLUMNS = next(csv.reader((FILES / "plain.csv").open(encoding="utf-8-sig")))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SENDFLOW_HOME", str(ready(tmp_path / "var")))
    monkeypatch.setenv("SENDFLOW_TODAY", "2026-04-14")
    return tmp_path / "var"


def ask(*words: str) -> Result:
    return sendflow(*words)


def document_of(done: Result) -> Any:
    return json.loads(done.stdout)


def test_import_gives_one_document_and_an_exit_code(home: Path) -> None:
    done = ask("import", str(FILES / "plain.csv"), "--json")
    assert done.exit_code == 0
    assert {"rows", "accepted", "refused", "facts_added", "refusals"} <= set(document_of(done))
    done = ask("import", str(FILES / "doubtful.csv"), "--json")
    assert done.exit_code == 1 and set(document_of(done)["refusals"][0]) == {"line", "field", "code", "message"}
    words = ask("import", str(FILES / "doubtful.csv"), "--dry-run")
    assert (
        words.exit_code == 1
        and "Nothing was written" in words.stdout
        and "line 3: Request received by LA (column E): there is no such day" in words.stdout
    )


def test_refused_rows_are_written_to_a_file_that_a_person_corrects(home: Path, tmp_path: Path) -> None:
    from openpyxl import load_workbook

    file = tmp_path / "rows.xlsx"
    tried = ask("import", str(FILES / "doubtful.csv"), "--dry-run", "--to-correct", str(file))
    assert tried.exit_code == 1 and "Wrote the refused rows to" in tried.stderr
    before = list(load_workbook(file).active.iter_rows(values_only=True))
    assert "To correct" in before[0] and len(before) > 3
    assert ask("import", str(FILES / "doubtful.csv"), "--to-correct", str(file)).exit_code == 1
    assert list(load_workbook(file).active.iter_rows(values_only=True)) == before
    lost = ask("import", str(FILES / "doubtful.csv"), "--to-correct", str(tmp_path))
    assert lost.exit_code == 3 and "was not written" in lost.stderr
    named = ask("import", str(FILES / "plain.csv"), "--to-correct", "9991234500.xlsx")
    assert named.exit_code == 2 and "9991234500" not in named.stderr


@pytest.mark.parametrize(
    "words", [("absent.csv",), ("one", "two.csv"), (".",), ("absent.csv", "--actor", "Maisie Canary")]
)
def test_a_wrong_call_is_one_line_that_repeats_nothing(home: Path, words: tuple[str, ...]) -> None:
    done = ask("import", *words, "--json")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "Canary" not in done.stderr and "two.csv" not in done.stderr and "absent" not in done.stderr


def test_a_look_is_logged_before_it_is_shown(home: Path) -> None:
    ask("import", str(FILES / "plain.csv"))
    done = ask("person", " tr00001 ", "--actor", "dco.team", "--purpose", "which_child", "--json")
    assert (
        done.exit_code == 0 and document_of(done)["nhs_number"] == "9991234500" and document_of(done)["words"] is None
    )
    assert (
        "NHS number       9991234500" in ask("person", "TR00001", "--actor", "dco.team", "--purpose", "contact").stdout
    )
    with Team(home).first.engine.begin() as connection:
        assert connection.execute(text("select count(*) from person_read")).scalar() == 2


@pytest.mark.parametrize(
    "words",
    [
        ("TR00001", "--actor", "dco.team", "--purpose", "  "),
        ("TR00001", "--actor", "dco.team", "--purpose", "asked about 999 000 0018"),
        ("TR00001", "--actor", "Ada A", "--purpose", "contact"),
        ("XX99999", "--actor", "dco.team", "--purpose", "contact"),
        ("TR00001", "--actor", "dco.team"),
        ("TR00001", "--purpose", "contact"),
    ],
)
def test_nobody_is_shown_without_a_case_an_actor_and_a_purpose(home: Path, words: tuple[str, ...]) -> None:
    ask("import", str(FILES / "plain.csv"))
    done = ask("person", *words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "999 000" not in done.stderr


def test_the_bodies_are_those_of_the_localitys_own_directory_where_there_is_one(home: Path) -> None:
    assert {frozenset(row) for row in document_of(ask("bodies", "--json"))} == {
        frozenset({"body", "name", "role", "services", "first_day", "last_day", "successor"})
    }
    assert "QX104  Vale and Fells" in ask("bodies").stdout
    home.mkdir(exist_ok=True)
    (home / "directory.toml").write_text(
        DEFAULT.read_text(encoding="utf-8").replace("QX104", "ZZ104"), encoding="utf-8"
    )
    assert [row["body"] for row in document_of(ask("bodies", "--json"))][-1] == "ZZ104"
    (home / "directory.toml").write_text("nonsense", encoding="utf-8")
    done = ask("bodies")
    assert isinstance(done.exception, DirectoryError) and done.stdout == ""


cell = st.one_of(
    st.just(""),
    st.text(max_size=30),
    st.sampled_from(
        ["05/01/2026", "09/02/2026", "16/02/2026", "31/02/2026", "Yes", "No", "CAMHS; SALT", "Northshire", "n/k"]
    ),
)
sound = {"Ref": "ZZ001", "Local authority": "Northshire", "Request received by LA": "05/01/2026"}


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.dictionaries(st.sampled_from(COLUMNS), cell, max_size=10), max_size=5))
def test_every_row_is_accepted_or_refused_with_any_text_in_its_cells(
    team: Team, tmp_path: Path, rows: list[dict[str, str]]
) -> None:
    path = tmp_path / "any.csv"
    with path.open("w", newline="", encoding="utf-8", errors="surrogatepass") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows([sound | row for row in rows])
    context = team.context("14 Apr 2026")
    report = import_file(context, path)
    assert report.rows == report.accepted + report.refused <= len(rows)
    assert len({refusal.line for refusal in report.refusals}) == report.refused
    assert verify(context).intact


@pytest.mark.parametrize(
    "content",
    [b"PK\x03\x04 damaged", b"Ref,Ref,Local authority,Request received by LA\nPT00011,PT00011,Northshire,05/03/2026\n"],
)
def test_that_nothing_was_imported_is_said_once(call: Call, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / ("tracker.xlsx" if content.startswith(b"PK") else "tracker.csv")
    file.write_bytes(content)
    result = call("2026-04-14", "import", str(file))
    assert result.exit_code == 2 and result.stderr.lower().count("nothing was imported") == 1, result.stderr


def test_the_name_of_the_file_is_not_repeated(call: Call, tmp_path: Path) -> None:
    """A file may be named after a child."""
    file = tmp_path / "quillfeather.csv"
    file.write_text("Ref,Local authority,Request received by LA\nPT00011,Northshire,31/02/2026\n", "utf-8")
    result = call("2026-04-14", "import", str(file))
    assert result.exit_code == 1 and "Correct the cells and import the file again" in result.stdout
    assert "quillfeather" not in result.output.lower()
