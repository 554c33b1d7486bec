"""Health's part in a Local Offer by the commands alone: a cycle, its letters, and the next cycle that it opens."""

import json
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

from typer.testing import Result

from tests.support.calling import Call, field_options

CASE = "LO90001"


def record(call: Call, on: str, fact: str, *data: str, case: str = CASE) -> Result:
    return call(on, "record", case, fact, "--on", on, *field_options(*data), "--actor", "dco.team", "--json")


def lived(call: Call, *facts: tuple[str, ...], case: str = CASE) -> None:
    for on, fact, *data in facts:
        result = record(call, on, fact, *data, case=case)
        assert result.exit_code == 0, result.output


def begun(call: Call) -> None:
    lived(
        call,
        ("2025-03-03", "local_offer_review_begun", "la=Northshire", "last_published_on=2024-11-04"),
        ("2025-03-03", "offer_entry_listed", "item=epilepsy_clinic", "entry_owner=kim.roe", "note=Alex wrote it"),
        ("2025-03-03", "offer_entry_listed", "item=feeding_team", "entry_owner=sam.poole", "covers=feeding, dysphagia"),
        ("2025-03-03", "offer_entry_listed", "item=old_clinic", "entry_owner=kim.roe"),
        ("2025-03-10", "offer_entry_removed", "item=old_clinic"),
    )


def shown(call: Call, today: str, case: str = CASE) -> Any:
    return json.loads(call(today, "case", case, "--json").stdout)


def following(call: Call, today: str, case: str = CASE) -> str:
    """The case that follows this one."""
    (link,) = [each for each in shown(call, today, case)["links"] if each["role"] == "follows"]
    return str(link["case_ref"])


def open_checks(found: Any) -> dict[str, str]:
    return {
        duty["item"]: duty["due"]
        for duty in found["duties"]
        if duty["rule"] == "local_offer_entry_check" and not duty["met_on"] and not duty["ended_on"]
    }


def test_a_cycle_with_its_letters_opens_the_next_one(call: Call, tmp_path: Path) -> None:
    begun(call)
    due = {duty["rule"]: duty["due"] for duty in shown(call, "2025-03-10")["duties"]}
    assert due["local_offer_publish_comments"] == "2025-11-04" and due["local_offer_consult"] is None
    assert call("2025-08-20", "sweep").exit_code == 0
    assert call("2025-08-20", "deliver", "--now", "--reason", "the walk of a test").exit_code == 0
    files = sorted((tmp_path / "var" / "letters").glob("*.eml"))
    letters = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]
    assert any("feeding team" in str(each.get_body(("plain",)).get_content()) for each in letters)  # type: ignore[union-attr]
    lived(
        call,
        ("2025-09-01", "offer_entry_checked", "item=epilepsy_clinic", "result=changed", "entry_owner=lee.fox"),
        ("2025-09-08", "offer_consultation_received", "answer_by=2025-10-03"),
        ("2025-09-29", "offer_consultation_answered", "note=Alex agrees"),
        ("2025-10-06", "offer_comment_received", "item=c_1", "about=gap", "said_by=parent", "words=no evening clinic"),
        ("2025-10-20", "offer_comment_answered", "item=c_1", "action=will_act", "act_by=2026-01-30"),
        ("2025-11-03", "offer_comments_published", "with_response=yes", "names_nobody=yes"),
        ("2026-01-26", "offer_comment_acted_on", "item=c_1"),
        ("2026-02-16", "local_offer_reviewed", "gaps=evening_clinic"),
    )
    assert shown(call, "2026-02-16")["state"] == "reviewed"
    after = shown(call, "2026-02-16", following(call, "2026-02-16"))
    assert (after["la"], after["state"], after["facts"][0]["data"]["last_published_on"]) == (
        "northshire",
        "begun",
        "2025-11-03",
    )
    carried = {fact["data"]["item"]: fact["data"] for fact in after["facts"] if fact["kind"] == "offer_entry_listed"}
    assert {item: (said["entry_owner"], said["last_checked_on"]) for item, said in carried.items()} == {
        "epilepsy_clinic": ("lee.fox", "2025-09-01"),
        "feeding_team": ("sam.poole", "2025-03-03"),
    }
    assert carried["feeding_team"]["covers"] == ["feeding", "dysphagia"] and "note" not in carried["epilepsy_clinic"]
    assert open_checks(after) == {"epilepsy_clinic": "2026-03-01", "feeding_team": "2025-09-03"}, "the clocks go on"
    assert open_checks(shown(call, "2026-02-16")) == {}, "and have ended in the cycle before"
    listed = json.loads(call("2026-02-16", "register", "local_offer", "--json").stdout)["rows"]
    assert [(row["cells"]["entry"], row["cells"]["due"]) for row in listed] == [
        ("feeding team", "Wed 3 Sep 2025"),
        ("epilepsy clinic", "Sun 1 Mar 2026"),
    ]
    everything = b"".join(
        path.read_bytes() for path in (tmp_path / "var").rglob("*") if path.is_file() and path.name != "person.key"
    )
    for confidential in (b"Alex", b"no evening clinic"):
        assert confidential not in everything
    assert json.loads(call("2026-02-16", "verify", "--json").stdout)["intact"] is True


def test_an_entry_that_is_carried_twice_has_the_clock_of_its_last_check(call: Call) -> None:
    begun(call)
    lived(call, ("2025-06-02", "local_offer_reviewed"))
    second = following(call, "2025-06-02")
    lived(call, ("2025-07-01", "local_offer_reviewed"), case=second)
    third = shown(call, "2025-07-01", next(ref for ref in [following_of(call, second)] if ref != second))
    assert open_checks(third) == {"epilepsy_clinic": "2025-09-03", "feeding_team": "2025-09-03"}


def test_an_entry_whose_check_names_no_new_owner_goes_on_with_its_owner(call: Call) -> None:
    """A check that named no new owner left the next cycle unopened: an entry needs one."""
    begun(call)
    lived(
        call,
        ("2025-05-05", "offer_entry_checked", "item=epilepsy_clinic", "result=right"),
        ("2025-06-02", "local_offer_reviewed"),
    )
    after = shown(call, "2025-06-02", following(call, "2025-06-02"))
    carried = {fact["data"]["item"]: fact["data"] for fact in after["facts"] if fact["kind"] == "offer_entry_listed"}
    assert {item: said["entry_owner"] for item, said in carried.items()} == {
        "epilepsy_clinic": "kim.roe",
        "feeding_team": "sam.poole",
    }
    assert carried["epilepsy_clinic"]["last_checked_on"] == "2025-05-05"


def following_of(call: Call, case: str) -> str:
    """The case that follows a case which itself follows another."""
    links = [each for each in shown(call, "2025-07-01", case)["links"] if each["role"] == "follows"]
    return str(next(each["case_ref"] for each in links if each["case_ref"] != CASE))


def test_a_review_that_was_recorded_by_mistake_takes_the_next_cycle_back(call: Call) -> None:
    begun(call)
    lived(call, ("2025-06-02", "local_offer_reviewed"))
    second = following(call, "2025-06-02")
    lived(call, ("2025-06-03", "fact_corrected", "corrects=6", "occurred_on=2025-06-01"))
    found = shown(call, "2025-06-03", second)
    assert [each["kind"] for each in found["facts"]][3:] == ["fact_corrected"] * 3, "the opening and both entries"
    yearly = next(each for each in found["duties"] if each["rule"] == "local_offer_review_yearly")
    assert yearly["due"] == "2026-06-01"
    lived(call, ("2025-06-04", "fact_withdrawn", "corrects=6", "reason=not yet"))
    assert shown(call, "2025-06-04")["state"] == "begun"
    assert shown(call, "2025-06-04", second)["state"] == "withdrawn"
    assert json.loads(call("2025-06-04", "verify", "--json").stdout)["intact"] is True
