"""A Section 23 notification by the commands alone: from the opinion to the end, with its letters, what is refused, and
what a locality may choose.
"""

import json
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from config.directory import DEFAULT
from tests.support.calling import Call, field_options

CASE, OTHER, PLAN = "SX90001", "SX90002", "NX90001"
WHY = "reason=recorded on the wrong case"
NUMBER, BORN = "9990000018", "2022-07-21"
OPINION = (
    "la=Northshire",
    "body=QX101",
    "service=community_paediatrics",
    "opinion=sen",
    f"nhs_number={NUMBER}",
    f"date_of_birth={BORN}",
)


def record(call: Call, on: str, fact: str, *data: str, case: str = CASE, today: str | None = None) -> Result:
    pairs = field_options(*data)
    return call(
        today or on, "record", case, fact, "--on", on, *pairs, "--actor", "dco.team", "--confirm-child", "--json"
    )


def lived(call: Call, *facts: tuple[str, ...], case: str = CASE) -> None:
    for on, fact, *data in facts:
        result = record(call, on, fact, *data, case=case)
        assert result.exit_code == 0, result.stderr


def shown(call: Call, today: str, case: str = CASE) -> Any:
    return json.loads(call(today, "case", case, "--json").stdout)


def subjects(tmp_path: Path) -> list[str]:
    letters = sorted((tmp_path / "var" / "letters").glob("*.eml"))
    return [str(message_from_bytes(file.read_bytes(), policy=policy.default)["Subject"]) for file in letters]


PARENT_INFORMED = (
    ("2026-02-04", "parent_informed", "of_opinion=yes", "of_duty=yes"),
    ("2026-02-04", "discussion_offered"),
)


def test_from_the_opinion_to_the_authoritys_answer_with_its_letters(call: Call, tmp_path: Path) -> None:
    lived(call, ("2026-02-02", "section23_opinion_formed", *OPINION))
    assert call("2026-02-02", "deliver", "--now", "--reason", "the walk of a test").exit_code == 0
    lived(call, *PARENT_INFORMED)
    assert call("2026-02-04", "deliver", "--now", "--reason", "the walk of a test").exit_code == 0
    lived(
        call,
        ("2026-02-05", "voluntary_organisation_identified"),
        ("2026-02-05", "voluntary_organisation_named", "note=a group in the town"),
        ("2026-02-06", "la_notified", "says_sen=yes"),
        ("2026-02-10", "la_acknowledged"),
    )
    assert call("2026-02-06", "deliver", "--now", "--reason", "the walk of a test").exit_code == 0
    lived(call, ("2026-02-20", "ehc_assessment_requested", "la=Northshire", f"linked_to={CASE}"), case=PLAN)
    assert call("2026-03-23", "sweep").exit_code == 0
    late = json.loads(call("2026-03-23", "overdue", "--json").stdout)
    assert [(row["rule"], row["due"], row["body"], row["chased"]) for row in late] == [
        ("s23_starts_la_clock", "2026-03-20", None, False)
    ]
    lived(call, ("2026-03-24", "assessment_agreed"), case=PLAN)
    found = shown(call, "2026-03-24")
    assert found["state"] == "answered"
    assert [(duty["rule"], duty["due"], duty["standing"], duty["met_by"]) for duty in found["duties"]] == [
        ("s23_inform_parent", None, "met", "parent_informed"),
        ("s23_offer_discussion", None, "met", "discussion_offered"),
        ("s23_notify_la", None, "met", "la_notified"),
        ("s23_voluntary_org", None, "met", "voluntary_organisation_named"),
        ("s23_starts_la_clock", "2026-03-20", "met_late", "la_agreed_to_assess"),
        ("s23_la_acknowledge", None, "met", "la_acknowledged"),
    ]
    assert found["facts"][-1]["data"] == {}
    assert list(found["heard"].values()) == [
        {"case_ref": PLAN, "seq": 2, "kind": "assessment_agreed", "process": "ehc_needs_assessment"}
    ]
    assert record(call, "2026-03-25", "case_closed").exit_code == 0
    assert "Usual then: " in record(call, "2026-03-26", "la_acknowledged").stderr
    assert subjects(tmp_path) == [
        "SX90001: section 23, please tell the parent first",
        "SX90001: section 23, Northshire can now be told",
        "SX90001: section 23, Northshire was told on 6 February 2026, thank you",
    ]
    assert json.loads(call("2026-03-26", "verify", "--json").stdout)["intact"] is True


def test_no_statutory_days_are_said_and_a_birth_nowhere(call: Call, tmp_path: Path) -> None:
    lived(call, ("2026-02-02", "section23_opinion_formed", *OPINION))
    text = call("2026-02-20", "case", CASE).stdout
    assert text.count("no statutory number of days") == 2
    assert "CFA 2014 s23 gives no number of days for any of its steps" in text
    assert {duty["standing"] for duty in shown(call, "2026-06-20")["duties"]} == {"no_date"}
    assert json.loads(call("2026-06-20", "sweep", "--json").stdout)["facts_written"] == 0
    everything = b"".join(
        path.read_bytes() for path in (tmp_path / "var").rglob("*") if path.is_file() and path.name != "person.key"
    )
    assert BORN.encode() not in everything and NUMBER.encode() not in everything
    assert shown(call, "2026-02-20")["facts"][0]["data"] == {
        "body": "QX101",
        "la": "northshire",
        "opinion": "sen",
        "service": "community_paediatrics",
        "under_compulsory_school_age": "yes",
    }


@pytest.mark.parametrize(
    ("born", "on", "lawful"),
    [
        ("2021-04-01", "2026-08-30", True),
        ("2021-04-01", "2026-08-31", False),  # five on 1 April: of compulsory school age on 31 August
        ("2021-03-31", "2026-03-30", True),
        ("2021-03-31", "2026-03-31", False),  # five on a prescribed day: of age that very day
    ],
)
def test_five_is_not_yet_compulsory_school_age(call: Call, born: str, on: str, lawful: bool) -> None:
    result = record(call, on, "section23_opinion_formed", "la=Northshire", "body=QX101", f"date_of_birth={born}")
    assert (result.exit_code == 0) == lawful
    assert lawful or ("CFA 2014 s23(1)" in result.stderr and born not in result.stderr)


def test_the_birth_is_needed_and_its_answer_cannot_be_given(call: Call) -> None:
    said = record(call, "2026-02-02", "section23_opinion_formed", "la=Northshire", "body=QX101")
    assert (said.exit_code, "needs the date of birth, which is stored encrypted" in said.stderr) == (2, True)
    given = record(call, "2026-02-02", "section23_opinion_formed", *OPINION, "under_compulsory_school_age=yes")
    assert (given.exit_code, "is worked out from the date of birth, and not given" in given.stderr) == (2, True)


@pytest.mark.parametrize(
    ("born", "why"),
    [
        ("2022-02-31", "the calendar has no such day"),
        ("2022-13-01", "the calendar has no such day"),
        ("21/07/2022", "is year-month-day"),
        ("2026-02-03", "on the day of the fact or earlier"),  # a day after the opinion
    ],
)
def test_a_birth_that_cannot_be_is_refused_and_not_repeated(call: Call, born: str, why: str) -> None:
    said = record(
        call,
        "2026-02-02",
        "section23_opinion_formed",
        "la=Northshire",
        "body=QX101",
        f"date_of_birth={born}",
        today="2026-02-05",
    )
    assert (said.exit_code, why in said.stderr, born in said.output) == (2, True, False), said.output
    lived(call, ("2026-02-10", "section23_opinion_formed", "la=Northshire", "body=QX101", "date_of_birth=2026-02-09"))
    earlier = record(call, "2026-02-10", "fact_corrected", "corrects=1", "occurred_on=2026-02-08")
    assert (earlier.exit_code, "is after the day of section23_opinion_formed" in earlier.stderr) == (1, True)


def test_a_corrected_day_or_birth_date_is_checked_again(call: Call) -> None:
    lived(call, ("2026-08-28", "section23_opinion_formed", "la=Northshire", "body=QX101", "date_of_birth=2021-04-01"))
    later = record(call, "2026-09-02", "fact_corrected", "corrects=1", "occurred_on=2026-09-01")
    assert (
        later.exit_code,
        "fact 1, section23_opinion_formed of 2026-09-01, is refused: CFA 2014 s23(1)" in later.stderr,
    ) == (1, True)
    older = record(call, "2026-09-02", "fact_corrected", "corrects=1", "date_of_birth=2020-04-01")
    assert (older.exit_code, "CFA 2014 s23(1)" in older.stderr) == (1, True)
    assert record(call, "2026-09-02", "fact_corrected", "corrects=1", "occurred_on=2026-08-27").exit_code == 0
    assert record(call, "2026-09-03", "fact_corrected", "corrects=1", "occurred_on=2026-08-31").exit_code == 1, (
        "the true birth is still the one that counts"
    )


@pytest.mark.parametrize(("body", "bound"), [("QX101", True), ("QX102", True), ("QX900", True), ("QX104", False)])
def test_only_three_kinds_of_body_are_bound(call: Call, tmp_path: Path, body: str, bound: bool) -> None:
    directory = DEFAULT.read_text("utf-8")
    before, code, rest = directory.partition('body = "QX104"')
    (tmp_path / "var" / "directory.toml").write_text(
        before + code + rest.replace('kind = "nhs_foundation_trust"', 'kind = "other"', 1), "utf-8"
    )
    result = record(
        call, "2026-02-02", "section23_opinion_formed", "la=Northshire", f"body={body}", f"date_of_birth={BORN}"
    )
    assert result.exit_code == (0 if bound else 1)
    assert bound or "the law binds these only: integrated care board, nhs foundation trust, nhs trust" in result.stderr


def test_one_body_does_not_notify_a_child_twice_to_one_authority_and_nobody_is_shown(call: Call) -> None:
    lived(call, ("2026-02-02", "section23_opinion_formed", *OPINION))
    again = (
        "section23_opinion_formed",
        "la=Northshire",
        "body=QX101",
        f"nhs_number={NUMBER[:3]} {NUMBER[3:6]} {NUMBER[6:]}",
        f"date_of_birth={BORN}",
    )
    twice = record(call, "2026-02-09", *again, case=OTHER)
    assert twice.exit_code == 1
    assert f"case {CASE} of the same child and local authority is open" in twice.stderr
    assert NUMBER not in twice.stderr and BORN not in twice.stderr
    assert (
        record(
            call,
            "2026-02-09",
            "section23_opinion_formed",
            "la=Northshire",
            "body=QX101",
            f"linked_to={CASE}",
            case=OTHER,
        ).exit_code
        == 1
    )
    elsewhere = record(
        call,
        "2026-02-09",
        "section23_opinion_formed",
        "la=Eastmere",
        "body=QX101",
        f"nhs_number={NUMBER}",
        f"date_of_birth={BORN}",
        case=OTHER,
    )
    assert elsewhere.exit_code == 0, elsewhere.stderr
    moved = record(call, "2026-02-10", "fact_corrected", "corrects=1", "la=Northshire", case=OTHER)
    assert (moved.exit_code, f"case {CASE} of the same child and local authority is open" in moved.stderr) == (1, True)
    lived(call, ("2026-02-10", "fact_corrected", "corrects=1", "la=Northshire"), ("2026-02-10", "case_withdrawn"))
    assert record(call, "2026-02-11", *again, case="SX90003").exit_code == 0


def test_a_notification_is_not_opened_again_beside_a_later_one_of_the_same_child(call: Call) -> None:
    """However it would come about: its end is withdrawn, its authority's correction is withdrawn, or it turns out whose
    it is.
    """
    lived(call, ("2026-02-02", "section23_opinion_formed", *OPINION), ("2026-02-03", "case_withdrawn"))
    lived(call, ("2026-02-04", "section23_opinion_formed", *OPINION), case=OTHER)
    open_too = (
        f"case {OTHER} of the same child and local authority is open. Record there what has happened since, or close it"
        " first"
    )
    again = record(call, "2026-02-05", "fact_withdrawn", "corrects=2", WHY)
    assert (again.exit_code, f"fact_withdrawn is refused: {open_too}" in again.stderr) == (1, True)
    assert NUMBER not in again.output and BORN not in again.output
    assert shown(call, "2026-02-05")["state"] == "withdrawn"
    unnamed = ("section23_opinion_formed", "la=Northshire", "body=QX101", f"date_of_birth={BORN}")
    lived(call, ("2026-02-02", *unnamed), case="SX90003")
    whose = record(call, "2026-02-06", "fact_corrected", "corrects=1", f"nhs_number={NUMBER}", case="SX90003")
    assert (whose.exit_code, f"fact_corrected is refused: {open_too}" in whose.stderr, NUMBER in whose.output) == (
        1,
        True,
        False,
    )
    lived(call, ("2026-02-06", "fact_corrected", "corrects=1", f"nhs_number={NUMBER}", "la=Eastmere"), case="SX90003")
    back = record(call, "2026-02-07", "fact_withdrawn", "corrects=2", WHY, case="SX90003")
    assert (back.exit_code, f"fact_withdrawn is refused: {open_too}" in back.stderr) == (1, True)
    lived(call, ("2026-02-08", "case_closed"), case=OTHER)
    lived(call, ("2026-02-09", "fact_withdrawn", "corrects=2", WHY))
    assert shown(call, "2026-02-09")["state"] == "formed"
    reopened = record(call, "2026-02-10", "fact_withdrawn", "corrects=3", WHY, case=OTHER)
    assert (reopened.exit_code, f"case {CASE} of the same child" in reopened.stderr) == (1, True)


def test_two_open_notifications_that_turn_out_to_be_one_childs_are_said_to_a_person(call: Call) -> None:
    lived(call, ("2026-02-02", "section23_opinion_formed", *OPINION))
    unnamed = ("section23_opinion_formed", "la=Northshire", "body=QX101", f"date_of_birth={BORN}")
    lived(call, ("2026-02-02", *unnamed), case=OTHER)
    asked = record(
        call,
        "2026-02-03",
        "ehc_assessment_requested",
        "la=Northshire",
        f"linked_to={OTHER}",
        f"nhs_number={NUMBER}",
        case=PLAN,
    )
    assert asked.exit_code == 0
    assert f"Cases {CASE} and {OTHER} (Section 23 notification) are of the same child" in asked.stderr
    assert NUMBER not in asked.output
    third = record(call, "2026-02-04", *unnamed, f"linked_to={PLAN}", case="SX90003")
    assert (third.exit_code, f"case {CASE} of the same child" in third.stderr) == (1, True)


# What a locality may choose
# -------------------------------------------------------------------------------------------------


def choose(call: Call, folder: Path, today: str, text: str) -> None:
    """The locality's own choices, adopted as a pack of their own."""
    folder.mkdir()
    (folder / "locality.toml").write_text(text, "utf-8")
    result = call(today, "adopt", str(folder), "--actor", "dco.team")
    assert result.exit_code == 0, result.stderr


def test_a_locality_may_switch_the_reading_of_s24_off_and_the_choice_is_on_the_record(
    call: Call, tmp_path: Path
) -> None:
    choose(call, tmp_path / "off", "2026-02-01", "[s23_starts_la_clock]\nenabled = false\n")
    lived(
        call,
        ("2026-02-02", "section23_opinion_formed", *OPINION),
        *PARENT_INFORMED,
        ("2026-02-06", "la_notified", "says_sen=yes"),
    )
    off = shown(call, "2026-03-02")
    assert "s23_starts_la_clock" not in {duty["rule"] for duty in off["duties"]}
    assert off["facts"][3]["data"]["clock_reading_in_force"] == "no"
    (said,) = [remark for remark in off["remarks"] if "whether this time limit is in force" in remark]
    assert f"When fact 4 was recorded, under law {off['facts'][3]['law']}, it was switched off here." in said
    assert (
        "This rule is switched off here"
        in call("2026-03-02", "due", "s23_starts_la_clock", "--on", "2026-03-02").stdout
    )
    assert "Switched off here; a locality may switch it." in call("2026-03-02", "explain", "section23").stdout
    choose(call, tmp_path / "on", "2026-03-02", "[s23_starts_la_clock]\nenabled = true\n")
    on = shown(call, "2026-03-02")
    assert [duty["due"] for duty in on["duties"] if duty["rule"] == "s23_starts_la_clock"] == ["2026-03-20"]
    assert any(
        "it was switched off here. It is in force now, which decides for the dates above." in remark
        for remark in on["remarks"]
    )
    given = record(call, "2026-03-02", "fact_corrected", "corrects=4", "clock_reading_in_force=yes")
    assert given.exit_code == 2


def test_a_local_standard_is_shown_as_one_and_chased(call: Call, tmp_path: Path) -> None:
    choose(
        call,
        tmp_path / "own",
        "2026-02-01",
        '[s23_notify_la]\ncounts = "working_days_after"\nworking_days = 10\ntext = "10 working days"\n',
    )
    lived(call, ("2026-02-02", "section23_opinion_formed", *OPINION), *PARENT_INFORMED)
    (duty,) = [duty for duty in shown(call, "2026-02-04")["duties"] if duty["rule"] == "s23_notify_la"]
    assert (duty["due"], duty["basis"], duty["citation"]) == (
        "2026-02-18",
        "local_standard",
        "local standard; the duty is CFA 2014 s23(3)",
    )
    for day in ("2026-02-04", "2026-02-18", "2026-02-19", "2026-02-26"):
        assert call(day, "sweep").exit_code == 0
        assert call(day, "deliver", "--now", "--reason", "the walk of a test").exit_code == 0
    assert subjects(tmp_path)[-2:] == ["SX90001: section 23, the local standard of 18 February 2026 has passed"] * 2
    assert record(call, "2026-02-16", "la_notified", "says_sen=yes", today="2026-02-27").exit_code == 0
    assert call("2026-02-27", "sweep").exit_code == 0
    assert call("2026-02-27", "deliver", "--now", "--reason", "the walk of a test").exit_code == 0
    assert "SX90001: section 23, our earlier letter is withdrawn" in subjects(tmp_path)
