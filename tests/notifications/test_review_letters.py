"""The letters of a review, and of advice for a re-assessment, read: golden texts, and that a local standard is never
called law.

    python -m tests.notifications.test_review_letters

writes the golden texts again after a change of words: read what git shows.
"""

from typing import Any

import pytest

from notifications.render import render
from tests.support.letter_samples import FOLDER, LATE, asked, digest, whole

CIRCULATE = {
    "due": "2026-06-01",
    "citation": "SEND Regs 2014 (SI 2014/1530) reg 20(4), 21(4)",
    "closed_on": None,
    "met_on": None,
}
INVITED = [
    {"on": "2026-04-28", "what": "health_professional_invited", "to": None},
    {"on": "2026-04-28", "what": "review_invited", "to": "service"},
]
CHASED = [
    *INVITED,
    {"on": "2026-04-30", "what": "review_invitation_acknowledged", "to": None},
    {"on": "2026-05-11", "what": "review_reminder", "to": "service"},
]
OVERDUE = [*CHASED, {"on": "2026-05-19", "what": "review_overdue", "to": "service_manager"}]
NO_DAY: dict[str, Any] = {"due": None, "strict_due": None, "act_by": None}
MET: dict[str, Any] = {"met_on": "2026-05-20", "closed_on": "2026-05-20"}
TAKEN_BACK: dict[str, Any] = {
    "due_was": "2026-05-18",
    "due_now": "2026-05-25",
    "told_on": "2026-05-19",
    "elsewhere": False,
}


def invited(letter: str, recipient: str = "service", **other: Any) -> dict[str, Any]:
    """The outbox row of one notice about advice for the meeting of Monday 15 June 2026; the locality asks for it
    four weeks before.
    """
    about = {
        "rule": "review_advice_from_professional",
        "process": "annual_review",
        "citation": "",
        "url": None,
        "basis": "local_standard",
        "received": "2026-06-15",
        "days": {"meeting_on": "2026-06-15"},
        "due": "2026-05-18",
        "strict_due": "2026-05-17",
        "act_by": "2026-05-15",
        "beside": {"review_advice_circulate": CIRCULATE},
        "history": CHASED,
    }
    return asked(f"review_{letter}", recipient, **{**about, **other})


REASSESSED: dict[str, Any] = {
    "process": "reassessment",
    "rule": "ehc_body_advice_respond",
    "basis": "regulation",
    "days": {},
    "beside": {
        "reassess_final_plan": {
            "due": "2026-06-16",
            "citation": "SEND Regs 2014 (SI 2014/1530) reg 27(2)",
            "closed_on": None,
            "met_on": None,
        }
    },
}
LETTERS: dict[str, tuple[dict[str, Any], str]] = {
    "review_invited": (invited("invited", history=[]), "2026-04-28"),
    "review_invited_without_a_local_day": (
        invited("invited", la_ref=None, **NO_DAY, beside={}, history=[]),
        "2026-04-28",
    ),
    "review_reminder": (invited("reminder", acknowledged_on="2026-04-30"), "2026-05-11"),
    "review_reminder_after_sleeping": (invited("reminder"), "2026-05-20"),
    "review_overdue": (invited("overdue", "service_manager"), "2026-05-19"),
    "review_overdue_for_the_send_lead": (invited("overdue", "provider_send_lead", history=OVERDUE), "2026-05-22"),
    "review_overdue_after_the_meeting": (invited("overdue", "provider_send_lead", history=OVERDUE), "2026-06-16"),
    "review_thanks": (invited("thanks", **MET), "2026-05-20"),
    "review_thanks_without_a_local_day": (invited("thanks", **NO_DAY, **MET), "2026-05-20"),
    "review_withdrawn": (invited("withdrawn", "service_manager", **TAKEN_BACK), "2026-05-20"),
    "review_withdrawn_of_an_invitation_that_was_none": (
        invited("withdrawn", **{**TAKEN_BACK, "due_now": None}),
        "2026-05-20",
    ),
    "review_withdrawn_for_an_earlier_answer": (
        invited("withdrawn", **{**TAKEN_BACK, "due_now": "2026-05-18"}, **MET),
        "2026-05-21",
    ),
    "reassessment_request_received": (asked("request_received", **REASSESSED), "2026-03-02"),
    "reassessment_breach": (asked("breach", "service_manager", history=LATE, **REASSESSED), "2026-04-14"),
}


def golden(name: str) -> str:
    fields, on = LETTERS[name]
    made = render(fields["letter"], 1, whole(fields, on))
    return f"Subject: {made.subject}\n\n{made.text}"


@pytest.mark.parametrize("name", LETTERS)
def test_the_letter_reads_as_reviewed(name: str) -> None:
    assert golden(name) == (FOLDER / f"{name}.txt").read_text("utf-8")


@pytest.mark.parametrize("name", [name for name in LETTERS if name.startswith("review")])
def test_what_the_locality_set_is_said_to_be_local_and_nothing_is_due_by_law(name: str) -> None:
    said = " ".join(golden(name).split())
    assert "Due by law" not in said and "By law" not in said and "six weeks" not in said
    assert ("local standard" in said) == (LETTERS[name][0]["due"] is not None and "earlier_answer" not in name)


@pytest.mark.parametrize("name", [name for name in LETTERS if name.startswith("reassessment")])
def test_a_re_assessments_letter_says_which_duty_it_is_of(name: str) -> None:
    said = " ".join(golden(name).split())
    assert "looking again into" in said and "s44" in said and "reg 27(2)" in said
    assert "s36" not in said and "20 weeks" not in said


def test_several_of_both_kinds_to_one_mailbox_say_what_they_are() -> None:
    made = render(
        "digest",
        2,
        digest(
            False, "2026-04-28", invited("invited", **NO_DAY), asked("reminder", **{**REASSESSED, "ref": "RA00007"})
        ),
    )
    said = " ".join(made.text.split())
    assert made.subject == "NX00042 (NS-04412) and 1 other: please act on 2 matters, the first due 13 April 2026"
    assert "s36, or s44 where there is a plan already" in said
    assert "Meeting: Monday 15 June 2026" in said


if __name__ == "__main__":
    for each in LETTERS:
        (FOLDER / f"{each}.txt").write_text(golden(each), "utf-8")
