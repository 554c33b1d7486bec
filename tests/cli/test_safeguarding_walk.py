"""A safeguarding referral by the commands alone: from its making to its end, its letters, and who sees nothing."""

import json
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from tests.support.calling import Call, field_options

CASE, OTHER = "SR90001", "NX90001"
NUMBER = "9990000018"
LEAD = "safeguarding.lead@northernvales-icb.example"
MADE = ("la=Northshire", "how=telephone", "referred_to=multi_agency_hub", "at_time=16:40", "parents_informed=not_safe")


def record(call: Call, on: str, fact: str, *data: str, case: str = CASE) -> Result:
    words = ("--actor", "safeguarding.lead" if case == CASE else "dco.team", "--confirm-child", "--json")
    return call(on, "record", case, fact, "--on", on, *field_options(*data), *words)


def lived(call: Call, *facts: tuple[str, ...], case: str = CASE) -> None:
    for on, fact, *data in facts:
        result = record(call, on, fact, *data, case=case)
        assert result.exit_code == 0, result.output


def shown(call: Call, today: str) -> Any:
    return json.loads(call(today, "case", CASE, "--json").stdout)


def standings(call: Call, today: str) -> dict[str, tuple[str, str | None]]:
    return {duty["rule"]: (duty["standing"], duty["due"]) for duty in shown(call, today)["duties"]}


def a_day(call: Call, today: str) -> None:
    assert call(today, "sweep").exit_code == 0
    assert call(today, "deliver", "--now", "--reason", "the walk of a test").exit_code == 0


def letters(tmp_path: Path) -> list[tuple[str, str, str]]:
    found = []
    for file in sorted((tmp_path / "var" / "letters").glob("*.eml")):
        letter = message_from_bytes(file.read_bytes(), policy=policy.default)
        body = letter.get_body(("plain",))
        assert body is not None
        found.append((str(letter["To"]), str(letter["Subject"]), body.get_content()))
    return found


@pytest.fixture
def named(call: Call, monkeypatch: pytest.MonkeyPatch) -> Call:
    """The account of this machine is named for the process, as the safeguarding lead is."""
    monkeypatch.setattr("getpass.getuser", lambda: "safeguarding.lead")
    given = ("--account", "safeguarding.lead", "--role", "dco", "--for", "safeguarding_referral")
    assert call("2026-03-02", "sign-in", *given).exit_code == 0
    return call


def test_from_the_referral_to_its_end_with_letters_to_the_lead_alone(named: Call, tmp_path: Path) -> None:
    """Made on Thursday 2 April 2026, before Easter: the authority has until Tuesday 7 April, the lead until the 8th."""
    about = (f"nhs_number={NUMBER}", "concern=Alex was seen with a mark", "parents_reason=Alex is afraid")
    lived(named, ("2026-04-02", "safeguarding_referral_made", *MADE, *about))
    assert standings(named, "2026-04-02") == {
        "safeguarding_acknowledge": ("due_soon", "2026-04-07"),
        "safeguarding_chase": ("due_soon", "2026-04-08"),
    }
    a_day(named, "2026-04-08")
    lived(
        named,
        ("2026-04-08", "safeguarding_chased", "how=telephone", "note=Alex again"),
        ("2026-04-09", "safeguarding_acknowledged", "authority_reference=MASH-77"),
        ("2026-04-14", "safeguarding_decided", "decision=assessment_of_need", "follow_up_on=2026-04-21"),
    )
    assert standings(named, "2026-04-14") == {
        "safeguarding_acknowledge": ("met_late", "2026-04-07"),
        "safeguarding_chase": ("met", "2026-04-08"),
        "safeguarding_learn_decision": ("met", "2026-04-14"),
        "safeguarding_follow_up": ("due_soon", "2026-04-21"),
    }
    a_day(named, "2026-04-20")
    lived(named, ("2026-04-21", "safeguarding_followed_up", "situation=not_better"))
    assert shown(named, "2026-04-21")["remarks"] == [
        "The child's situation was not better when the team last asked, and nobody escalated it."
    ]
    lived(
        named,
        ("2026-04-22", "safeguarding_escalated", "level=2"),
        ("2026-04-24", "safeguarding_decided", "decision=section_47_enquiry"),
        ("2026-05-29", "case_closed"),
    )
    ended = shown(named, "2026-05-29")
    assert (ended["state"], ended["remarks"]) == ("closed", [])
    sent = letters(tmp_path)
    assert [(to, subject.partition(": ")[2]) for to, subject, _text in sent] == [
        (LEAD, "a step is due on 8 April 2026"),
        (LEAD, "a step is due on 21 April 2026"),
    ]
    for _to, subject, text in sent:
        assert "Alex" not in subject + text and NUMBER not in subject + text
    assert json.loads(named("2026-05-29", "verify", "--json").stdout)["intact"] is True


def test_who_is_not_named_finds_no_case_and_opens_it_blind(named: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    lived(named, ("2026-04-02", "ehc_assessment_requested", "la=Northshire", f"nhs_number={NUMBER}"), case=OTHER)
    lived(named, ("2026-04-02", "safeguarding_referral_made", *MADE, f"nhs_number={NUMBER}"))
    monkeypatch.setattr("getpass.getuser", lambda: "sam.lee")
    unknown = named("2026-04-09", "case", "SR90009")
    hidden = named("2026-04-09", "case", CASE)
    assert str(hidden.exception).replace(CASE, "SR90009") == str(unknown.exception)
    assert (hidden.exit_code, hidden.stdout) == (unknown.exit_code, unknown.stdout)
    for words in (("overdue",), ("due-soon",), ("letters",), ("to-decide",), ("case", OTHER)):
        said = named("2026-04-09", *words, "--json")
        assert CASE not in said.output and "safeguarding" not in said.output, words
