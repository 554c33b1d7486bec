"""Entries of the six registers by the commands alone: what each takes, letters, sheets, and a register of one's own."""

import json
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from tests.support.calling import Call, field_options


def record(call: Call, case: str, on: str, fact: str, *data: str) -> Result:
    return call(on, "record", case, fact, "--on", on, *field_options(*data), "--actor", "dco.team", "--json")


def lived(call: Call, case: str, *facts: tuple[str, ...]) -> None:
    for on, fact, *data in facts:
        result = record(call, case, on, fact, *data)
        assert result.exit_code == 0, result.output


def opened(call: Call, case: str, register: str, topic: str, *data: str) -> None:
    said = (f"team_register={register}", f"topic={topic}", "entry_owner=kim.roe", *data)
    lived(call, case, ("2025-03-03", "register_entry_opened", *said))


def sheet(call: Call, today: str, register: str) -> list[dict[str, Any]]:
    return [row["cells"] for row in json.loads(call(today, "register", register, "--json").stdout)["rows"]]


def shown(call: Call, today: str, case: str) -> Any:
    return json.loads(call(today, "case", case, "--json").stdout)


def test_a_policy_is_made_known_reviewed_and_replaced_with_letters(call: Call, tmp_path: Path) -> None:
    opened(call, "RG90001", "policy", "medicines_in_school", "review_on=2026-03-02", "title=Alex wrote it")
    lived(
        call,
        "RG90001",
        ("2025-03-03", "register_version_made", "version=v1", "held_in=team_drive"),
        ("2025-03-10", "register_communicated", "communicated_to=schools, parent_forum", "how=message"),
    )
    assert sheet(call, "2025-03-10", "policy")[0]["next"] == "Mon 2 Mar 2026"
    assert call("2026-02-02", "sweep").exit_code == 0
    assert call("2026-02-02", "deliver", "--now", "--reason", "the walk of a test").exit_code == 0
    files = sorted((tmp_path / "var" / "letters").glob("*.eml"))
    letter = message_from_bytes(files[-1].read_bytes(), policy=policy.default)
    assert letter["Subject"] == "RG90001: a review is due on 2 March 2026 (policy)"
    lived(
        call,
        "RG90001",
        ("2026-02-16", "register_entry_reviewed", "outcome=changed", "review_on=2027-02-15"),
        ("2026-02-16", "register_version_made", "version=v2"),
        ("2026-02-20", "register_communicated", "communicated_to=schools", "how=meeting", "version=v2"),
    )
    (row,) = sheet(call, "2026-02-20", "policy")
    assert (row["version"], row["next"]) == ("v2", "Mon 15 Feb 2027")
    assert "not communicated to: parent forum" in row["marked"]
    lived(call, "RG90001", ("2026-06-01", "register_entry_ended", "why=replaced"), ("2026-06-02", "case_closed"))
    assert sheet(call, "2026-06-02", "policy") == []
    everything = b"".join(
        path.read_bytes() for path in (tmp_path / "var").rglob("*") if path.is_file() and path.name != "person.key"
    )
    assert b"Alex" not in everything
    assert json.loads(call("2026-06-02", "verify", "--json").stdout)["intact"] is True


def test_a_gap_is_put_to_commissioners_and_their_silence_is_said(call: Call) -> None:
    opened(
        call, "RG90002", "commissioning_gap", "sensory", "need=sensory", "area=northshire", "evidence=declined_referral"
    )
    lived(
        call,
        "RG90002",
        ("2025-03-10", "register_evidence_added", "evidence=wait_over_target", "people=9"),
        ("2025-03-17", "register_put_to", "item=paper", "whom=childrens_commissioner", "answer_by=2025-04-14"),
    )
    found = shown(call, "2025-04-15", "RG90002")
    assert [(duty["rule"], duty["standing"]) for duty in found["duties"]] == [("register_answer", "breached")]
    assert sheet(call, "2025-04-15", "commissioning_gap")[0]["marked"] == (
        "No answer of children's commissioner to what was put on 17 Mar 2025."
    )
    lived(call, "RG90002", ("2025-06-02", "register_answered", "item=paper", "answer=refused"))
    assert sheet(call, "2025-06-02", "commissioning_gap")[0]["marked"] == "Answer to paper: refused."


def test_training_templates_arrangements_and_engagement_have_what_they_ask(call: Call) -> None:
    opened(call, "RG90003", "training", "section_g", "audience=therapists")
    lived(
        call,
        "RG90003",
        ("2025-03-10", "register_version_made", "version=v3"),
        ("2025-03-17", "register_attended", "role=therapist", "people=12", "body=QX101", "expires_on=2027-03-17"),
    )
    (row,) = sheet(call, "2025-03-17", "training")
    assert row["next"] == "Wed 17 Mar 2027" and "12 people took part." in row["marked"]
    opened(
        call,
        "RG90004",
        "advice_template",
        "speech_advice",
        "services=speech_and_language_therapy",
        "review_on=2026-03-02",
    )
    arrangement = ("services=equipment", "decides=joint_board", "dispute_step=chief_executives", "review_on=2026-04-01")
    opened(call, "RG90005", "joint_arrangement", "equipment", *arrangement)
    assert [row["next"] for row in sheet(call, "2025-03-17", "joint_arrangement")] == ["Wed 1 Apr 2026"]
    opened(call, "RG90006", "engagement", "heads_meeting", "audience=heads")
    lived(
        call,
        "RG90006",
        ("2025-03-10", "register_promise_made", "item=leaflet", "promised_to=heads", "words=a leaflet for Alex"),
        ("2025-04-10", "register_promise_not_met", "item=leaflet"),
        ("2025-05-12", "register_promise_met", "item=leaflet"),
    )
    assert "Promises: 0 open, 1 met, 0 not met." in sheet(call, "2025-05-12", "engagement")[0]["marked"]


@pytest.mark.parametrize(
    ("register", "data", "said"),
    [
        ("policy", (), "the register policy asks of an entry: review_on"),
        ("joint_arrangement", ("review_on=2026-04-01",), "asks of an entry: services, decides, dispute_step"),
        ("policies", ("review_on=2026-04-01",), "expected one of training, advice_template"),
    ],
)
def test_an_entry_without_what_its_register_asks_is_refused(
    call: Call, register: str, data: tuple[str, ...], said: str
) -> None:
    fields = (f"team_register={register}", "topic=medicines", "entry_owner=kim.roe", *data)
    result = record(call, "RG90007", "2025-03-03", "register_entry_opened", *fields)
    assert result.exit_code in (1, 2) and said in result.stderr


def test_a_register_refuses_what_it_does_not_take(call: Call) -> None:
    opened(call, "RG90008", "training", "section_g", "audience=therapists")
    promise = ("item=leaflet", "promised_to=heads", "words=a leaflet")
    result = record(call, "RG90008", "2025-03-10", "register_promise_made", *promise)
    assert result.exit_code == 1 and "the register training takes no register_promise_made" in result.stderr


def test_a_team_adds_a_register_of_its_own_without_a_program(call: Call, tmp_path: Path) -> None:
    own = """
[equipment_loan]
name = "Loans of equipment"
basis = "local_standard"
source = "our own"
takes = ["register_promise_made", "register_promise_met"]
asks = ["audience"]
reviewed = "no"
"""
    home = tmp_path / "var"
    home.mkdir(exist_ok=True)
    (home / "registers.toml").write_text(own, encoding="utf-8")
    opened(call, "RG90009", "equipment_loan", "standing_frame", "audience=schools")
    assert "Loans of equipment" in call("2025-03-03", "register").stdout
    assert [row["topic"] for row in sheet(call, "2025-03-03", "equipment_loan")] == ["standing frame"]
