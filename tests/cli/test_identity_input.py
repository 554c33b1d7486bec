"""An identity given to `record`: by standard input, by a private file, at a terminal; never on a real command line."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.support.calling import PROGRAM
from tests.support.team import ready
from tests.support.terminal import at_terminal

NUMBER, BORN = "9990000018", "2018-07-21"
DAY = "2026-03-02"


@pytest.fixture
def real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A real installation: no simulated day."""
    monkeypatch.delenv("SENDFLOW_TODAY", raising=False)
    return ready(tmp_path / "var")


def record(home: Path, *words: str, given: str | None = None, today: str = "") -> Result:
    call = [
        "record",
        "NX90001",
        "ehc_assessment_requested",
        "--on",
        DAY,
        "--data",
        "la=northshire",
        "--actor",
        "dco.team",
    ]
    env = {"SENDFLOW_HOME": str(home), "SENDFLOW_TODAY": today}
    return CliRunner().invoke(PROGRAM, [*call, *words, "--json"], input=given, env=env)


def person(home: Path) -> tuple[str, str]:
    words = ["person", "NX90001", "--actor", "dco.team", "--purpose", "audit", "--json"]
    found = json.loads(CliRunner().invoke(PROGRAM, words, env={"SENDFLOW_HOME": str(home)}).stdout)
    return found["nhs_number"], found["date_of_birth"]


@pytest.mark.parametrize("field", [f"nhs_number={NUMBER}", f"date_of_birth={BORN}", "name=Zoe Oakes"])
@pytest.mark.parametrize("way", ["--data", "--also"])
def test_an_identity_on_a_real_command_line_is_refused_with_the_way_to_give_it(
    real: Path, field: str, way: str
) -> None:
    result = record(real, way, field if way == "--data" else f"assessment_agreed {field}")
    assert result.exit_code == 2, result.stderr
    assert f"--data {field.partition('=')[0]}=-" in result.stderr and "--data-from" in result.stderr
    assert field.partition("=")[2] not in result.stderr


def test_standard_input_gives_a_line_for_each_field(real: Path) -> None:
    words = ("--data", "nhs_number=-", "--data", "date_of_birth=-")
    result = record(real, *words, given=f"{NUMBER}\n{BORN}\n")
    assert result.exit_code == 0, result.stderr
    assert person(real) == (NUMBER, BORN)


def test_an_input_that_ends_too_early_records_nothing(real: Path) -> None:
    result = record(real, "--data", "nhs_number=-", "--data", "date_of_birth=-", given=f"{NUMBER}\n")
    assert result.exit_code == 2
    assert "date_of_birth=-" in result.stderr and NUMBER not in result.stderr


def test_a_private_file_gives_them_and_one_that_others_may_read_does_not(real: Path, tmp_path: Path) -> None:
    file = tmp_path / "fields"
    file.write_text(f"# of one case\nnhs_number={NUMBER}\ndate_of_birth={BORN}\n")
    file.chmod(0o640)
    refused = record(real, "--data-from", str(file))
    assert refused.exit_code == 2 and "chmod 600" in refused.stderr
    file.chmod(0o600)
    accepted = record(real, "--data-from", str(file))
    assert accepted.exit_code == 0, accepted.stderr
    assert person(real) == (NUMBER, BORN)


def test_a_simulation_takes_invented_numbers_and_no_others(tmp_path: Path) -> None:
    home = ready(tmp_path / "var")
    refused = record(home, "--data", "nhs_number=943 476 5919", today=DAY)
    assert refused.exit_code == 2 and "943" not in refused.stderr and "999" in refused.stderr
    assert record(home, "--data", f"nhs_number={NUMBER}", today=DAY).exit_code == 0


def test_at_a_terminal_what_is_typed_is_not_shown(real: Path) -> None:
    words = ["record", "NX90001", "ehc_assessment_requested", "--on", DAY, "--data", "la=northshire"]
    words += ["--data", "nhs_number=-", "--actor", "dco.team"]
    code, seen = at_terminal(words, {"SENDFLOW_HOME": str(real)}, ("not shown", NUMBER))
    assert code == 0 and NUMBER not in seen, seen
    assert person(real)[0] == NUMBER


def test_the_version_and_a_withdrawal_without_a_reason(tmp_path: Path) -> None:
    assert CliRunner().invoke(PROGRAM, ["--version"]).stdout.startswith("sendflow 0.")
    home = ready(tmp_path / "var")
    assert record(home, today=DAY).exit_code == 0
    words = ["record", "NX90001", "fact_withdrawn", "--on", DAY, "--corrects", "1", "--actor", "dco.team"]
    result = CliRunner().invoke(PROGRAM, words, env={"SENDFLOW_HOME": str(home), "SENDFLOW_TODAY": DAY})
    assert result.exit_code == 2 and "--data reason=" in result.stderr
