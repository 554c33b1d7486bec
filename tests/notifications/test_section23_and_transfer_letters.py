"""The letters of Section 23 and of moves, read: golden texts, no day that the Act does not give, and each duty in its
own words.

    python -m tests.notifications.test_section23_and_transfer_letters

writes the golden texts again after a change of words: read what git shows.
"""

import re
from typing import Any

import pytest

from notifications.render import render
from tests.support.letter_samples import FOLDER, asked, whole

S23: dict[str, Any] = {
    "citation": "CFA 2014 s23(3)",
    "url": "https://www.legislation.gov.uk/ukpga/2014/6/section/23",
    "basis": "act",
    "days": {},
    "beside": {},
    "history": [],
    "ref": "SX00001",
    "la_ref": None,
    "received": "2026-02-04",
    "due": None,
    "strict_due": None,
    "act_by": None,
    "rule": "s23_notify_la",
}
LOCAL = {
    "basis": "local_standard",
    "citation": "local standard; the duty is CFA 2014 s23(3)",
    "due": "2026-02-18",
    "strict_due": "2026-02-17",
    "act_by": "2026-02-17",
}
OURS, THEIRS = "Northern Vales Integrated Care Board", "Southern Marches Integrated Care Board"
REG = "https://www.legislation.gov.uk/uksi/2014/1530/regulation/"
MOVE: dict[str, Any] = {
    "ref": "TR00001",
    "la_ref": "NS-15001",
    "service": None,
    "body": OURS,
    "received": "2026-03-03",
    "due": "2026-03-23",
    "strict_due": "2026-03-23",
    "act_by": "2026-03-23",
    "basis": "regulation",
    "citation": "SEND Regs 2014 (SI 2014/1530) reg 15(7)",
    "url": f"{REG}15",
    "beside": {},
    "history": [],
    "days": {"moved_on": "2026-03-20"},
    "rule": "rcb_move_notify_new_rcb",
}
ASK = {
    "rule": "rcb_move_request_review",
    "citation": "SEND Regs 2014 (SI 2014/1530) reg 15(8)",
    "body": THEIRS,
    "days": {},
}
CHANGE = {
    "rule": "rcb_change_notify_new_rcb",
    "citation": "SEND Regs 2014 (SI 2014/1530) reg 16(2)",
    "url": f"{REG}16",
    "days": {},
    "body": THEIRS,
}
ASK_LA = {
    "rule": "new_rcb_request_review",
    "citation": "SEND Regs 2014 (SI 2014/1530) reg 16(3)",
    "url": f"{REG}16",
    "days": {},
}
TAKEN_BACK = {"due_was": "2026-03-23", "due_now": "2026-03-20", "told_on": "2026-03-24", "elsewhere": False}


def s23(letter: str, **other: Any) -> dict[str, Any]:
    return asked(f"section23_{letter}", **{**S23, **other})


def move(letter: str, *more: dict[str, Any], **other: Any) -> dict[str, Any]:
    known = dict(MOVE)
    for each in more:
        known |= each
    return asked(f"transfer_{letter}", **{**known, **other})


LETTERS: dict[str, tuple[dict[str, Any], str]] = {
    "section23_steps": (s23("steps", rule="s23_inform_parent", received="2026-02-02"), "2026-02-02"),
    "section23_tell_la": (s23("tell_la"), "2026-02-04"),
    "section23_tell_la_with_a_local_standard": (s23("tell_la", **LOCAL), "2026-02-04"),
    "section23_thanks": (s23("thanks", met_on="2026-02-06", closed_on="2026-02-06"), "2026-02-06"),
    "section23_thanks_late_by_a_local_standard": (
        s23("thanks", **LOCAL, met_on="2026-02-20", closed_on="2026-02-20"),
        "2026-02-20",
    ),
    "section23_overdue": (s23("overdue", **LOCAL), "2026-02-19"),
    "section23_overdue_to_the_parent": (s23("overdue", **LOCAL, rule="s23_inform_parent"), "2026-02-19"),
    "section23_withdrawn": (
        s23(
            "withdrawn",
            **LOCAL,
            due_was="2026-02-18",
            due_now="2026-02-18",
            told_on="2026-02-19",
            elsewhere=False,
            closed_on="2026-02-16",
        ),
        "2026-02-23",
    ),
    "section23_withdrawn_without_a_date": (
        s23("withdrawn", due_was="2026-02-18", due_now=None, told_on="2026-02-19", elsewhere=False),
        "2026-02-23",
    ),
    "transfer_begun": (move("begun"), "2026-03-03"),
    "transfer_begun_for_the_new_board": (move("begun", ASK), "2026-03-03"),
    "transfer_begun_without_a_move": (move("begun", CHANGE), "2026-03-03"),
    "transfer_due": (move("due"), "2026-03-16"),
    "transfer_due_on_the_day": (move("due"), "2026-03-23"),
    "transfer_due_after_sleeping": (move("due", ASK_LA), "2026-03-24"),
    "transfer_overdue": (move("overdue"), "2026-03-24"),
    "transfer_overdue_for_the_new_board_without_a_move": (move("overdue", ASK_LA), "2026-03-24"),
    "transfer_escalation": (move("escalation", ASK, recipient="icb_executive_lead"), "2026-03-31"),
    "transfer_withdrawn": (move("withdrawn", TAKEN_BACK, due="2026-03-20"), "2026-03-26"),
    "transfer_withdrawn_for_what_was_done": (
        move("withdrawn", TAKEN_BACK, due_now="2026-03-23", closed_on="2026-03-20", met_on="2026-03-20"),
        "2026-03-26",
    ),
    "transfer_withdrawn_for_an_excuse": (
        move("withdrawn", TAKEN_BACK, due_now="2026-03-23", excused=True),
        "2026-03-26",
    ),
    "transfer_withdrawn_for_another_body": (move("withdrawn", TAKEN_BACK, elsewhere=True), "2026-03-26"),
}


def golden(name: str) -> str:
    fields, on = LETTERS[name]
    made = render(fields["letter"], 1, whole(fields, on))
    return f"Subject: {made.subject}\n\n{made.text}"


def said(name: str) -> str:
    return " ".join(golden(name).replace("\n> ", "\n").split())


@pytest.mark.parametrize("name", LETTERS)
def test_the_letter_reads_as_reviewed(name: str) -> None:
    assert golden(name) == (FOLDER / f"{name}.txt").read_text("utf-8")


@pytest.mark.parametrize(
    "name", [name for name in LETTERS if LETTERS[name][0].get("due") is None and name.startswith("section23")]
)
def test_no_letter_about_section_23_gives_a_day_that_the_act_does_not(name: str) -> None:
    fields, on = LETTERS[name]
    known = {fields[key] for key in ("received", "met_on", "due_was", "told_on") if fields.get(key)} | {on}
    assert len(re.findall(r"[0-9]{1,2} February 2026", golden(name))) == sum(
        golden(name).count(f"{int(day[-2:])} February 2026") for day in known
    )
    assert "Due by law" not in said(name)
    assert name.startswith("section23_withdrawn") or "no number of days" in said(name)


@pytest.mark.parametrize(
    "name", [name for name in LETTERS if "local_standard" in name or name.startswith("section23_overdue")]
)
def test_a_local_standard_is_called_one(name: str) -> None:
    assert "(local standard)" in said(name)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("transfer_begun", "tell the new commissioning body of the move"),
        (
            "transfer_begun_for_the_new_board",
            "ask the new local authority to assess or to review the plan, unless what section G says can be arranged",
        ),
        ("transfer_begun_without_a_move", "tell the new commissioning body that it is responsible"),
        (
            "transfer_due_after_sleeping",
            "ask Northshire to assess or to review the plan, unless what section G says can be arranged",
        ),
    ],
)
def test_each_duty_is_asked_for_in_its_own_words(name: str, what: str) -> None:
    assert what in said(name)
    assert ("a move" in golden(name).splitlines()[0]) == ("move" in LETTERS[name][0]["rule"])


def test_the_letters_are_about_what_they_say_and_gather_with_requests_for_advice() -> None:
    fields = [LETTERS["section23_steps"][0], LETTERS["transfer_overdue"][0], asked("breach", "service_manager")]
    items = [{"template": each["letter"], "version": 1, "fields": {"basis": "regulation", **each}} for each in fields]
    made = render("digest", 2, whole({"items": items}, "2026-04-14"))
    assert made.subject == "SX00001 and 2 others: please act on 3 matters, the first due 23 March 2026"
    text = " ".join(made.text.split())
    assert "Please act on each of the 3 open matters below." in text
    assert "Whose duty: Northern Vales Integrated Care Board" in text
    assert text.count("Asked of: ") == 1
    assert "Why health advice" in text
    assert render("digest", 2, whole({"items": items[1:2] * 2}, "2026-04-14")).subject.startswith(
        "TR00001 (NS-15001) and 1 other: please act on 2 duties on a move or a change of commissioner"
    )


if __name__ == "__main__":
    for each in LETTERS:
        (FOLDER / f"{each}.txt").write_text(golden(each), "utf-8")
