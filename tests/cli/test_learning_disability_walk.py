"""The yearly learning-disability health check by the commands alone: register, check, action plan, letters."""

import json
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

from typer.testing import Result

from tests.support.calling import Call, field_options

CASE, REVIEW = "LD90001", "AR90001"
NUMBER, BORN = "9990000018", "2010-06-17"


def record(call: Call, on: str, fact: str, *data: str, case: str = CASE) -> Result:
    words = ("--actor", "dco.team", "--confirm-child", "--json")
    return call(on, "record", case, fact, "--on", on, *field_options(*data), *words)


def lived(call: Call, *facts: tuple[str, ...], case: str = CASE) -> None:
    for on, fact, *data in facts:
        result = record(call, on, fact, *data, case=case)
        assert result.exit_code == 0, result.output


def shown(call: Call, today: str) -> Any:
    return json.loads(call(today, "case", CASE, "--json").stdout)


def test_from_the_register_to_the_action_plan_with_letters(call: Call, tmp_path: Path) -> None:
    child = (f"nhs_number={NUMBER}", f"date_of_birth={BORN}")
    lived(call, ("2024-01-08", "ld_check_watched", "la=Northshire", "la_reference=NS-04412", "on_register=no", *child))
    assert [(duty["rule"], duty["due"]) for duty in shown(call, "2024-01-08")["duties"]] == [
        ("ld_check_register", "2024-06-30")
    ]
    assert call("2024-03-11", "sweep").exit_code == 0
    assert call("2024-03-11", "deliver", "--now", "--reason", "the walk of a test").exit_code == 0
    files = sorted((tmp_path / "var" / "letters").glob("*.eml"))
    letter = message_from_bytes(files[-1].read_bytes(), policy=policy.default)
    assert letter["Subject"] == f"{CASE} (NS-04412): joining the register is due by 30 June 2024"
    lived(call, ("2024-02-05", "plan_made", "la=Northshire", f"linked_to={CASE}"), case=REVIEW)
    lived(
        call,
        ("2024-05-13", "ld_register_joined", "note=Alex likes music"),
        ("2025-05-05", "ld_check_done", "where=practice", "action_plan=yes"),
        ("2025-07-07", "ld_plan_shared", f"annual_review={REVIEW}"),
        ("2026-04-06", "ld_check_declined", "declined_by=young_person"),
        ("2026-09-07", "ld_check_ended", "why=plan_ceased"),
    )
    found = shown(call, "2026-09-07")
    assert found["state"] == "ended"
    assert {duty["standing"] for duty in found["duties"] if duty["met_on"]} == {"met"}
    assert [(link["case_ref"], link["says"]) for link in found["links"]] == [(REVIEW, "gave its action plan to")]
    everything = b"".join(
        path.read_bytes() for path in (tmp_path / "var").rglob("*") if path.is_file() and path.name != "person.key"
    )
    for confidential in (b"Alex", BORN.encode(), NUMBER.encode()):
        assert confidential not in everything
    assert json.loads(call("2026-09-07", "verify", "--json").stdout)["intact"] is True
