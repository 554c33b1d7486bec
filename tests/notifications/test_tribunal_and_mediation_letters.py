"""The letters of mediation and the Tribunal, read: golden texts, and that each says whose the date is, the Tribunal's
or the law's, and how far it may move.

    python -m tests.notifications.test_tribunal_and_mediation_letters

writes the golden texts again after a change of words: read what git shows.
"""

from datetime import date
from typing import Any

import pytest

from config.law import load_law
from deadlines.calculator import dates_for
from deadlines.working_calendar import load_calendar
from notifications.render import render
from tests.support.letter_samples import FOLDER, asked, whole

BOARD = "Northern Vales Integrated Care Board"
EVIDENCE, ANSWER = "appeal_evidence", "ftt_health_recommendation_respond"
ARRANGE, DO, NOTIFY = (
    "rcb_arrange_mediation",
    "mediation_agreement_no_appeal_right",
    "rcb_notify_la_mediation_agreement",
)


def owed(
    letter: str, rule: str, started: str, to: str = "dco", given: dict[str, str] | None = None, **other: Any
) -> dict[str, Any]:
    """The outbox row of one notice, with the dates that the law itself gives."""
    days = {name: date.fromisoformat(value) for name, value in (given or {}).items()}
    dates = dates_for(load_law(), load_calendar(), rule, date.fromisoformat(started), days)
    shown = {
        name: value.isoformat() if (value := getattr(dates, name)) else None for name in ("due", "strict_due", "act_by")
    }
    about: dict[str, Any] = {
        "rule": rule,
        "service": None,
        "body": BOARD,
        "citation": dates.citation,
        "url": dates.url,
        "basis": dates.basis,
        "days": given or {},
        "beside": {},
        "history": [],
        "received": started,
        **shown,
    }
    return asked(letter, to, **{**about, **other})


SALT = {"service": "Speech and Language Therapy", "body": "Northshire Community Health NHS Trust"}
AUGUST = {"directed_on": "2026-08-14"}


def evidence(to: str = "service", **other: Any) -> dict[str, Any]:
    return owed("tribunal_evidence", EVIDENCE, "2026-06-15", to, **{"given": AUGUST, **SALT, **other})


LETTERS: dict[str, tuple[dict[str, Any], str]] = {
    "tribunal_evidence_asked_for": (evidence(), "2026-06-15"),
    "tribunal_evidence_without_a_day": (evidence(given=None), "2026-06-15"),
    "tribunal_evidence_reminder": (evidence("service_manager"), "2026-08-11"),
    "tribunal_evidence_overdue": (evidence("dco"), "2026-08-15"),
    "tribunal_evidence_for_the_send_lead": (evidence("provider_send_lead"), "2026-08-19"),
    "tribunal_thanks_for_evidence_late": (
        owed(
            "tribunal_thanks",
            EVIDENCE,
            "2026-06-15",
            "service",
            AUGUST,
            **SALT,
            met_on="2026-08-17",
            closed_on="2026-08-17",
        ),
        "2026-08-17",
    ),
    "recommendation_made": (owed("recommendation_owed", ANSWER, "2026-04-20"), "2026-04-21"),
    "recommendation_as_directed": (
        owed("recommendation_owed", ANSWER, "2026-04-20", given={"directed_on": "2026-05-01"}),
        "2026-04-21",
    ),
    "recommendation_overdue": (owed("recommendation_owed", ANSWER, "2026-04-20", "icb_executive_lead"), "2026-05-27"),
    "tribunal_thanks_for_an_answer": (
        owed("tribunal_thanks", ANSWER, "2026-04-20", met_on="2026-05-22", closed_on="2026-05-22"),
        "2026-05-22",
    ),
    "tribunal_withdrawn_for_a_corrected_date": (
        owed(
            "tribunal_withdrawn",
            ANSWER,
            "2026-04-27",
            due_was="2026-05-24",
            due_now="2026-05-31",
            told_on="2026-05-26",
            elsewhere=False,
        ),
        "2026-05-28",
    ),
    "tribunal_withdrawn_for_a_new_direction": (
        owed(
            "tribunal_withdrawn",
            EVIDENCE,
            "2026-06-15",
            "service",
            {"directed_on": "2026-09-04"},
            **SALT,
            due_was="2026-08-14",
            due_now="2026-09-04",
            told_on="2026-07-31",
            elsewhere=False,
        ),
        "2026-08-03",
    ),
    "mediation_to_arrange": (owed("mediation_to_arrange", ARRANGE, "2026-03-23"), "2026-03-24"),
    "mediation_to_arrange_overdue": (
        owed("mediation_to_arrange", ARRANGE, "2026-03-23", "icb_executive_lead"),
        "2026-04-27",
    ),
    "mediation_agreed_to_do": (owed("mediation_agreed", DO, "2026-05-06"), "2026-05-06"),
    "mediation_agreed_to_do_at_another_time": (
        owed("mediation_agreed", DO, "2026-05-06", given={"agreed_on": "2026-06-30"}),
        "2026-06-25",
    ),
    "mediation_agreed_to_do_overdue": (owed("mediation_agreed", DO, "2026-05-06", "icb_executive_lead"), "2026-05-26"),
    "mediation_agreed_to_tell": (owed("mediation_agreed", NOTIFY, "2026-05-06"), "2026-05-06"),
    "mediation_agreed_to_tell_overdue": (owed("mediation_agreed", NOTIFY, "2026-05-06"), "2026-05-14"),
    "mediation_withdrawn_for_another_time": (
        owed(
            "mediation_withdrawn",
            DO,
            "2026-05-06",
            given={"agreed_on": "2026-06-30"},
            due_was="2026-05-20",
            due_now="2026-06-30",
            told_on="2026-05-21",
            elsewhere=False,
        ),
        "2026-05-22",
    ),
    "mediation_withdrawn_of_what_was_none": (
        owed(
            "mediation_withdrawn",
            ARRANGE,
            "2026-03-23",
            due_was="2026-04-22",
            due_now=None,
            told_on="2026-04-23",
            elsewhere=False,
        ),
        "2026-04-24",
    ),
}


def golden(name: str) -> str:
    fields, on = LETTERS[name]
    made = render(fields["letter"], 1, whole(fields, on))
    return f"Subject: {made.subject}\n\n{made.text}"


def said(name: str) -> str:
    return " ".join(golden(name).split())


@pytest.mark.parametrize("name", LETTERS)
def test_the_letter_reads_as_reviewed(name: str) -> None:
    assert golden(name) == (FOLDER / f"{name}.txt").read_text("utf-8")


@pytest.mark.parametrize("name", LETTERS)
def test_lines_are_short_and_subjects_name_the_reference(name: str) -> None:
    subject, text = golden(name).split("\n\n", 1)
    assert [line for line in text.splitlines() if len(line) > 76 and "https://" not in line] == []
    assert subject.startswith("Subject: NX00042 (NS-04412): ")
    assert len(subject) < 180
    assert "*" not in subject


@pytest.mark.parametrize("name", [name for name in LETTERS if name.startswith("tribunal_evidence")])
def test_a_directed_day_is_the_tribunals_and_never_called_law(name: str) -> None:
    assert "Day that the Tribunal set" in said(name)
    assert "Due by law" not in said(name)
    assert "The duty and the dates are law" not in said(name)


def test_a_directed_day_in_august_stays() -> None:
    assert "Friday 14 August 2026" in said("tribunal_evidence_asked_for")
    assert "We have not been told yet which day the Tribunal set" in said("tribunal_evidence_without_a_day")


@pytest.mark.parametrize("name", ["recommendation_made", "recommendation_overdue"])
def test_the_five_weeks_begin_with_the_date_of_the_recommendation(name: str) -> None:
    """20 April is their first day, so that the 24th of May is the last (SI 2017/1306 reg 6(3)); it is a Sunday and does
    not move.
    """
    assert "Sunday 24 May 2026" in said(name)
    assert "begin with the date of the recommendation" in said(name)


def test_a_day_that_the_tribunal_set_replaces_the_five_weeks() -> None:
    assert "Friday 1 May 2026" in said("recommendation_as_directed")
    assert "five weeks begin" not in said("recommendation_as_directed")


def test_thirty_days_are_calendar_days_and_nobody_else_makes_them_good() -> None:
    assert "Wednesday 22 April 2026" in said("mediation_to_arrange")
    assert "calendar days" in said("mediation_to_arrange")
    assert "That does not cover this case" in said("mediation_to_arrange")


def test_the_week_for_telling_the_authority_cannot_be_lengthened() -> None:
    assert "cannot be lengthened by agreement" in said("mediation_agreed_to_tell")
    assert "Due as agreed in writing" in said("mediation_agreed_to_do_at_another_time")


if __name__ == "__main__":
    for each in LETTERS:
        (FOLDER / f"{each}.txt").write_text(golden(each), "utf-8")
