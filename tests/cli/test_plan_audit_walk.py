"""A round of audits by the commands alone: its sample, marks, agreement, feedback by letter, actions and its report."""

import json
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from models.sampling import digest_of, draw, share_of
from tests.support.calling import Call, field_options

CASE = "PA90001"
CHILDREN = [f"NX9000{number}" for number in range(1, 7)]
# The day on which the advice of each child came; it was due on Tuesday 24 February 2026. The last child is withheld.
CAME = ["2026-02-10", "2026-02-24", "2026-02-25", "2026-02-12", "2026-02-13", "2026-02-16"]
PERIOD = ("from_on=2026-02-01", "to_on=2026-02-28")
TOOL = [
    "author_role_and_registration",
    "date_seen",
    "diagnosis_status",
    "effect_on_learning",
    "strengths",
    "outcomes",
    "provision_what",
    "provision_who",
    "provision_how_often",
    "provision_review",
    "education_or_health_said",
    "commissioned_already_said",
    "preparing_for_adulthood",
    "views_of_child_and_parent",
    "no_needs_said_plainly",
]


def record(call: Call, on: str, fact: str, *data: str, case: str = CASE) -> Result:
    words = ("--actor", "dco.team", "--confirm-child", "--json")
    return call(on, "record", case, fact, "--on", on, *field_options(*data), *words)


def lived(call: Call, *facts: tuple[str, ...], case: str = CASE) -> None:
    for on, fact, *data in facts:
        result = record(call, on, fact, *data, case=case)
        assert result.exit_code == 0, result.output


def shown(call: Call, today: str) -> Any:
    return json.loads(call(today, "case", CASE, "--json").stdout)


def letters(tmp_path: Path) -> list[tuple[str, str]]:
    files = sorted((tmp_path / "var" / "letters").glob("*.eml"))
    read = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]
    return [(str(each["Subject"]), each.get_body(("plain",)).get_content()) for each in read]  # type: ignore[union-attr]


def answers(**other: str) -> str:
    given = dict.fromkeys(TOOL, "yes") | other
    return "answers=" + ", ".join(f"{criterion}={answer}" for criterion, answer in given.items())


def advice_came(call: Call) -> None:
    for child, came in zip(CHILDREN, CAME, strict=True):
        lived(
            call,
            ("2026-01-05", "ehc_assessment_requested", "la=Northshire"),
            ("2026-01-12", "assessment_agreed"),
            ("2026-01-13", "health_advice_requested", "service=camhs"),
            (came, "health_advice_received", "service=camhs"),
            case=child,
        )
    lived(call, ("2026-02-20", "person_flagged_sensitive", "reason=a witness"), case=CHILDREN[-1])


def opened(call: Call, *drawing: str) -> None:
    advice_came(call)
    lived(
        call,
        ("2026-03-02", "audit_opened", "audit_tool=health_advice_1", "theme=late_advice"),
        ("2026-03-03", "sample_drawn", *(drawing or (*PERIOD, "seed=spring_2026", "size=4", "strata=on_time"))),
    )


def test_a_sample_is_drawn_by_its_seed_with_duties_for_each_item(call: Call) -> None:
    opened(call)
    found = shown(call, "2026-03-03")
    opening, sample, *items = found["facts"]
    assert opening["data"]["subject"] == "health_advice" and opening["data"]["criteria"] == TOOL
    frame = {
        f"{child}/4": "no" if came > "2026-02-24" else "yes" for child, came in zip(CHILDREN[:5], CAME, strict=False)
    }
    drawn = draw("spring_2026", frame, 4)
    assert sample["data"]["drawn"] == drawn and sample["data"]["frame_sha256"] == digest_of(frame)
    assert (sample["data"]["in_frame"], sample["data"]["left_out"]) == (5, 1), "the withheld child is not drawn"
    assert [each["data"]["of_fact"] for each in items] == drawn
    assert [each["data"]["second_mark"] for each in items].count("yes") == 1, "20 percent of four, rounded up"
    assert all(each["out_of_order"] is None for each in items)
    (second,) = [each["data"]["item"] for each in items if each["data"]["second_mark"] == "yes"]
    assert share_of("spring_2026", drawn, 20) == {items[int(second[-1]) - 1]["data"]["of_fact"]}
    assert {duty["rule"]: duty["due"] for duty in found["duties"]} == {
        "audit_sample": "2026-03-09",
        "audit_mark": "2026-03-31",
        "audit_second_mark": "2026-03-31",
    }
    again = json.loads(call("2026-03-04", "sample", CASE, "--json").stdout)["samples"]
    assert [each["same"] for each in again] == [True]


def test_a_round_from_its_marks_to_its_report(call: Call, tmp_path: Path) -> None:
    opened(call)
    assert call("2026-03-04", "deliver", "--now", "--reason", "the walk of a test").exit_code == 0
    items = shown(call, "2026-03-03")["facts"][2:]
    (second,) = [each["data"]["item"] for each in items if each["data"]["second_mark"] == "yes"]
    one, *others = [each["data"]["item"] for each in items]
    timely = next(each["data"]["item"] for each in items if each["data"]["on_time"] == "yes")
    evidence = "evidence=page 2, where Alex is named"
    own = record(call, "2026-03-05", "author_named", f"item={one}", "author=sam.lee")
    assert own.exit_code == 0
    refused = record(call, "2026-03-06", "item_marked", f"item={one}", "marked_by=sam.lee", answers(), evidence)
    assert refused.exit_code == 1 and "nobody audits their own advice" in refused.output
    lost = dict.fromkeys([*TOOL[3:11], "outcomes"], "no") | {"strengths": "partly"}
    for item in (one, *others):
        given = answers(**lost) if item == timely else answers(outcomes="partly")
        lived(call, ("2026-03-09", "item_marked", f"item={item}", "marked_by=kim.roe", given, evidence))
    same = record(
        call, "2026-03-10", "item_marked_again", f"item={second}", "marked_by=kim.roe", answers(), "blind=yes", evidence
    )
    assert same.exit_code == 1 and "another person's" in same.output
    lived(
        call,
        ("2026-03-10", "item_marked_again", f"item={second}", "marked_by=jo.fox", answers(), "blind=yes", evidence),
    )
    lived(
        call,
        ("2026-03-12", "item_moderated", f"item={second}", "moderated_by=lead", "grade=good", "reason=as Alex said"),
        ("2026-03-12", "view_recorded", f"item={one}", "said_by=parent", "useful=partly", "view=Alex is happy"),
        ("2026-03-16", "feedback_given", "body=QX104", "service=camhs"),
    )
    assert call("2026-03-16", "sweep").exit_code == 0
    assert call("2026-03-16", "deliver", "--now", "--reason", "the walk of a test").exit_code == 0
    subject, text = letters(tmp_path)[-1]
    assert subject == f"{CASE}: what our audit found, to read by 13 April 2026"
    assert "Items of yours that were marked" in text and "outcomes" in text and "Health advice" in text
    assert not any(child in text for child in CHILDREN), "the letter names no case of a child"
    lived(
        call,
        (
            "2026-03-17",
            "action_agreed",
            "item=action_1",
            f"on_item={one}",
            "action_owner=camhs_lead",
            "due_on=2026-04-15",
            "what=teach Alex",
        ),
        ("2026-03-17", "reaudit_agreed", "reaudit_on=2026-09-01"),
        ("2026-03-20", "feedback_read", "body=QX104", "service=camhs"),
        ("2026-04-01", "audit_reported", "reported_to=quality_board"),
        ("2026-04-10", "action_done", "item=action_1"),
    )
    lived(call, ("2026-08-24", "audit_opened", "audit_tool=health_advice_1", f"reaudit_of={CASE}"), case="PA90002")
    lived(call, ("2026-08-24", "reaudit_opened", "audited_in=PA90002"))
    found = shown(call, "2026-09-02")
    assert found["state"] == "reported"
    assert {duty["standing"] for duty in found["duties"]} == {"met"}
    said = " ".join(found["remarks"])
    assert "4 of 5 were drawn under the seed spring_2026. 1 were left out" in said
    assert "Weakest criteria of QX104 CAMHS: outcomes" in said
    assert "Two markers agree on" in said and "of 15 answers" in said
    everything = b"".join(
        path.read_bytes() for path in (tmp_path / "var").rglob("*") if path.is_file() and path.name != "person.key"
    )
    assert b"Alex" not in everything
    assert record(call, "2026-09-02", "case_closed").exit_code == 0
    assert json.loads(call("2026-09-02", "verify", "--json").stdout)["intact"] is True
    assert [each["same"] for each in json.loads(call("2026-09-02", "sample", CASE, "--json").stdout)["samples"]] == [
        True
    ]


def test_what_was_in_time_and_is_inadequate_is_said(call: Call) -> None:
    opened(call, *PERIOD, "seed=spring_2026", "size=5")
    worst = answers(**dict.fromkeys(TOOL, "no"))
    for number in range(1, 6):
        given = worst if number in (1, 2) else answers()
        lived(call, ("2026-03-09", "item_marked", f"item=item_{number}", "marked_by=kim.roe", given, "evidence=p. 1"))
    items = [each["data"] for each in shown(call, "2026-03-09")["facts"] if each["kind"] == "item_drawn"]
    assert any("the other mark is still to come" in each for each in shown(call, "2026-03-09")["remarks"])
    for number, item in enumerate(items, 1):
        if item["second_mark"] == "yes":
            same = (
                f"item={item['item']}",
                "marked_by=lee.fox",
                worst if number in (1, 2) else answers(),
                "evidence=p. 1",
            )
            lived(call, ("2026-03-09", "item_marked_again", *same, "blind=yes"))
    unusable = sum(each["on_time"] == "yes" for each in items[:2])
    share = {1: "25.0", 2: "50.0"}[unusable]
    remarks = shown(call, "2026-03-09")["remarks"]
    assert f"In time and unusable: {unusable} of 4 that came in time ({share} per cent)." in remarks
    assert "Marked so far: 5. Grades: 3 outstanding, 2 inadequate." in remarks


def test_a_fact_that_is_learned_later_changes_no_sample_and_the_same_seed_draws_the_same(call: Call) -> None:
    opened(call)
    first = shown(call, "2026-03-03")["facts"][1]["data"]
    for on, fact, *data in (
        ("2026-01-20", "ehc_assessment_requested", "la=Northshire"),
        ("2026-02-02", "assessment_agreed"),
        ("2026-02-03", "health_advice_requested", "service=camhs"),
        ("2026-02-27", "health_advice_received", "service=camhs"),
    ):
        words = ("--on", on, *field_options(*data), "--actor", "dco.team", "--json")
        assert call("2026-03-06", "record", "NX90009", fact, *words).exit_code == 0
    again = json.loads(call("2026-03-06", "sample", CASE, "--json").stdout)["samples"][0]
    assert again["same"] is True and again["drawn_again"] == first["drawn"]
    lived(call, ("2026-03-09", "audit_opened", "audit_tool=health_advice_1"), case="PA90002")
    lived(call, ("2026-03-09", "sample_drawn", *PERIOD, "seed=spring_2026", "size=4", "strata=on_time"), case="PA90002")
    other = json.loads(call("2026-03-09", "case", "PA90002", "--json").stdout)["facts"][1]["data"]
    assert other["in_frame"] == first["in_frame"] + 1, "a round of a later day draws from what is known then"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("size=0", "size"),
        ("seed=Spring 2026", "seed"),
        ("from_on=soon", "from_on"),
        ("drawn=NX90001/4", "drawn is worked out by the drawing"),
        ("in_frame=3", "in_frame is worked out by the drawing"),
    ],
)
def test_a_sample_of_another_form_is_refused(call: Call, change: str, says: str) -> None:
    lived(call, ("2026-03-02", "audit_opened", "audit_tool=health_advice_1"))
    given = dict(each.split("=") for each in (*PERIOD, "seed=spring_2026", "size=4", change))
    said = record(call, "2026-03-03", "sample_drawn", *(f"{key}={value}" for key, value in given.items()))
    assert said.exit_code == 2 and says in said.output


def test_an_item_by_hand_is_marked_and_every_criterion_is_answered_once(call: Call) -> None:
    opened(call)
    lived(call, ("2026-03-04", "item_drawn", "item=by_hand", f"about_case={CHILDREN[0]}"))
    assert "chosen by hand" in shown(call, "2026-03-04")["facts"][-1]["out_of_order"]
    said = record(
        call, "2026-03-09", "item_marked", "item=item_1", "marked_by=kim.roe", "answers=outcomes=yes", "evidence=p. 1"
    )
    assert said.exit_code == 1 and "each criterion of health_advice_1 is answered once" in said.output
    assert "date_seen" in said.output


def test_a_case_without_a_sample_has_none_to_draw_again(call: Call) -> None:
    lived(call, ("2026-03-02", "audit_opened", "audit_tool=health_advice_1"))
    said = call("2026-03-02", "sample", CASE)
    assert said.exit_code != 0 and "has drawn no sample" in str(said.exception or said.stderr)
