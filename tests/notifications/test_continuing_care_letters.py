"""The letters of continuing care, read: golden texts, and that each says guidance and never law, and never a month of
birth besides the date.

    python -m tests.notifications.test_continuing_care_letters

writes the golden texts again after a change of words: read what git shows.
"""

from typing import Any

import pytest

from notifications.render import render
from tests.support.letter_samples import FOLDER, asked, whole

FRAMEWORK = "National Framework for CYP Continuing Care (DH, 2016)"
BOARD = "Northern Vales Integrated Care Board"


def owed(letter: str, rule: str, **other: Any) -> dict[str, Any]:
    """The outbox row of one notice about the board's own duty."""
    about: dict[str, Any] = {
        "rule": rule,
        "service": None,
        "body": BOARD,
        "citation": FRAMEWORK,
        "url": None,
        "basis": "national_framework",
        "days": {},
        "beside": {},
        "history": [],
        "received": "2026-02-02",
        "due": "2026-03-16",
        "strict_due": "2026-03-15",
        "act_by": "2026-03-13",
    }
    return asked(f"continuing_care_{letter}", **{**about, **other})


REVIEW = {"received": "2026-03-16", "due": "2026-06-16", "strict_due": "2026-06-16", "act_by": "2026-06-16"}
YEARLY = {"received": "2026-06-10", "due": "2027-06-10", "strict_due": "2027-06-10", "act_by": "2027-06-10"}
BIRTHDAY = {"received": None, "due": "2026-08-01", "strict_due": "2026-08-01", "act_by": "2026-07-31"}
MONTH = {"received": None, "due": "2026-08-31", "strict_due": "2026-08-01", "act_by": "2026-07-31"}  # decision 070
TAKEN_BACK = {"due_was": "2026-03-16", "due_now": "2026-03-30", "told_on": "2026-03-17", "elsewhere": False}

LETTERS: dict[str, tuple[dict[str, Any], str]] = {
    "received": (owed("received", "cypcc_decision_6w"), "2026-02-02"),
    "decision_due": (owed("decision_due", "cypcc_decision_6w"), "2026-03-02"),
    "decision_due_after_sleeping": (owed("decision_due", "cypcc_decision_6w", la_ref=None), "2026-03-17"),
    "decision_overdue": (owed("decision_overdue", "cypcc_decision_6w"), "2026-03-17"),
    "review_due_at_three_months": (owed("review_due", "cypcc_first_review", **REVIEW), "2026-05-05"),
    "review_due_after_a_year": (owed("review_due", "cypcc_annual_review", **YEARLY), "2027-04-29"),
    "review_overdue": (owed("review_overdue", "cypcc_annual_review", **YEARLY), "2027-06-11"),
    "transition_due_at_14": (owed("transition_due", "cypcc_transition_14", **BIRTHDAY), "2026-05-02"),
    "transition_due_at_16": (owed("transition_due", "cypcc_transition_16", **BIRTHDAY), "2026-05-02"),
    "transition_overdue_at_14": (owed("transition_overdue", "cypcc_transition_14", **BIRTHDAY), "2026-08-02"),
    "transition_due_at_14_by_its_month": (owed("transition_due", "cypcc_transition_14", **MONTH), "2026-05-02"),
    "transition_due_at_16_in_its_month": (owed("transition_due", "cypcc_transition_16", **MONTH), "2026-08-11"),
    "transition_overdue_at_14_after_its_month": (
        owed("transition_overdue", "cypcc_transition_14", **MONTH),
        "2026-09-01",
    ),
    "withdrawn": (owed("withdrawn", "cypcc_decision_6w", **TAKEN_BACK), "2026-03-18"),
    "withdrawn_of_a_step_that_was_none": (
        owed("withdrawn", "cypcc_decision_6w", **{**TAKEN_BACK, "due_now": None}),
        "2026-03-18",
    ),
}
LETTERS |= {f"{name}_version_3": sample for name, sample in LETTERS.items() if name.startswith("transition")}


def golden(name: str) -> str:
    fields, on = LETTERS[name]
    version = 3 if name.endswith("_version_3") else 2 if name.endswith("_its_month") else 1
    made = render(fields["letter"], version, whole(fields, on))
    return f"Subject: {made.subject}\n\n{made.text}"


@pytest.mark.parametrize("name", LETTERS)
def test_the_letter_reads_as_reviewed(name: str) -> None:
    assert golden(name) == (FOLDER / f"continuing_care_{name}.txt").read_text("utf-8")


@pytest.mark.parametrize("name", LETTERS)
def test_it_says_guidance_where_it_says_a_date_and_law_nowhere(name: str) -> None:
    said = " ".join(golden(name).split())
    assert "Due by law" not in said
    assert "By law" not in said
    assert name.startswith("withdrawn") or f"The date above is guidance and not law: {FRAMEWORK}." in said


@pytest.mark.parametrize("name", [name for name in LETTERS if name.startswith("transition")])
def test_a_birthday_is_said_as_a_date_to_act_by_and_no_start_is_said(name: str) -> None:
    said = " ".join(golden(name).split())
    assert "Running from" not in said
    by_its_month = name.removesuffix("_version_3").endswith("_its_month")
    if name.endswith("_version_3"):
        assert "We only hold the month of birth" in said
        assert ("we use the first day of that month" in said) != by_its_month
    else:
        assert "by its month only" in said
        assert ("go by the first day of that month" in said) != by_its_month


def test_a_letter_that_gathers_several_says_which_dates_are_guidance() -> None:
    items = [
        {"template": fields["letter"], "version": 1, "fields": fields}
        for fields in (LETTERS["decision_overdue"][0], {**asked("breach", "service_manager"), "basis": "regulation"})
    ]
    both = " ".join(render("digest", 2, whole({"items": items}, "2026-04-20")).text.split())
    assert both.count("guidance, not law") == 1
    assert "the other duties and dates are law" in both
    alone = " ".join(render("digest", 2, whole({"items": items[:1]}, "2026-04-20")).text.split())
    assert "The dates above are guidance or local standards and not law." in alone


if __name__ == "__main__":
    for each in LETTERS:
        (FOLDER / f"continuing_care_{each}.txt").write_text(golden(each), "utf-8")
