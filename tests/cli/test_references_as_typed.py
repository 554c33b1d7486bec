"""Commands that take a case find it by each of its references, in any spelling."""

from collections.abc import Sequence

import pytest

from tests.cli.test_cases import call, document, lived, record
from tests.support.calling import Call

__all__ = ["call", "lived"]


@pytest.mark.parametrize("typed", ["NX90001", "nx 90001", "NX-90001", "ns04412"])
def test_each_command_that_takes_a_case_finds_it_however_its_references_are_spelt(lived: Call, typed: str) -> None:
    today = "2026-03-05"
    signed = ("--actor", "dco.team")
    assert document(lived("case", typed, "--json", today=today))["case_ref"] == "NX90001"
    assert document(lived("record", typed, "--json", today=today))["case_ref"] == "NX90001"
    assert document(lived("verify", typed, "--json", today=today))["cases"] == 1
    held = lived("letters", "hold", typed, *signed, "--reason", "answers are typed", "--json", today=today)
    assert document(held)["cases"] == ["NX90001"]
    assert lived("letters", "--held", typed, "--json", today=today).exit_code == 0
    recorded = record(lived, "appointment_missed", "2026-03-04", "service=SALT", case=typed, today=today)
    assert document(recorded)["case_ref"] == "NX90001"
    looked = lived("person", typed, *signed, "--purpose", "audit", "--json", today=today)
    assert document(looked)["case_ref"] == "NX90001"


@pytest.mark.parametrize("command", [("verify",), ("case",), ("record",), ("letters", "--held")])
def test_a_case_that_is_not_there_is_a_wrong_call(lived: Call, command: Sequence[str]) -> None:
    for typed in ("NX99999", "nonsense", "NS-04413"):
        result = lived(*command, typed, "--json")
        assert result.exit_code == 2 and "there is no such case" in result.stderr and typed not in result.stderr
