"""The sample is alive on any date: every kind of letter, every standing that a newcomer is to see, and every sort of
doubtful cell.
"""

import csv
import os
from datetime import date
from pathlib import Path

import nhs_number
import pytest
from sqlalchemy import text

from audit.verify import verify
from casework.context import AppContext
from casework.delivery.deliver import deliver
from casework.imports.tracker_import import ImportReport, import_file
from casework.reports.case_report import report
from casework.reports.worklists import overdue, week
from casework.sweep import sweep
from runtime.demo import tracker
from runtime.demo.tracker import COLUMNS, ROWS, live_before, record_demo_events, sample_rows, write_demo_tracker
from tests.support.team import Team

# A Sunday, Easter Monday; `make fuzz`: also the days after Christmas, and 29 February.
DAYS = ("2026-11-22", "2027-03-29", *(("2026-12-27", "2028-02-29") if "EXAMPLES" in os.environ else ()))
TEMPLATES = {
    "request_received",
    "acknowledgement_missing",
    "reminder",
    "breach",
    "escalation_provider",
    "escalation_icb",
    "rung_withdrawn",
    "thanks",
    "digest",
}
REFUSED = {
    "impossible_date",
    "not_a_date",
    "missing",
    "future_date",
    "ambiguous_date",
    "check_digit",
    "unknown_service",
    "unknown_la",
    "out_of_order",
    "duplicate_reference",
}


def brought_in(context: AppContext, folder: Path) -> ImportReport:
    path = folder / "sample.csv"
    write_demo_tracker(path, context.today())
    live_before(context)
    imported = import_file(context, path)
    record_demo_events(context)
    sweep(context)
    deliver(context, now=True, reason="the sample")
    return imported


def column(context: AppContext, query: str) -> set[str]:
    with context.engine.begin() as connection:
        return set(connection.execute(text(query)).scalars())


@pytest.mark.parametrize("today", DAYS)
def test_after_the_sample_there_is_one_of_everything(team: Team, tmp_path: Path, today: str) -> None:
    context = team.context(today)
    imported = brought_in(context, tmp_path)
    assert (
        imported.rows == ROWS
        and imported.refused == len(tracker.DOUBTFUL)
        and {refusal.code for refusal in imported.refusals} == REFUSED
    )
    assert column(context, "select distinct template from letter where state = 'sent'") == TEMPLATES
    assert verify(context).intact
    assert {row.standing for row in overdue(context, context.today())} >= {"breached"}
    assert {row.standing for row in week(context, context.today())} >= {"due_soon"}
    duties = [
        duty
        for ref in column(context, "select case_ref from case_file")
        for duty in report(context, ref, None, None).duties
    ]
    standings = {duty.standing for duty in duties if duty.rule == "ehc_body_advice_respond"}
    assert standings >= {"running", "due_soon", "excused", "met", "met_late", "breached"}
    answered = column(context, "select text from fact where kind = 'health_advice_answered'")
    assert len(answered) == 1 and "not_known" in answered.pop()


def test_doing_it_again_records_nothing_more(team: Team, tmp_path: Path) -> None:
    context = team.context("2026-11-22")
    brought_in(context, tmp_path)
    before = column(context, "select hash from fact")
    again = brought_in(context, tmp_path)
    assert again.facts_added == 0 and column(context, "select hash from fact") == before


def test_an_interrupted_life_is_gone_on_with(team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = team.context("2026-11-22")
    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(tracker, "sweep", _broken)
        live_before(context)
    brought_in(context, tmp_path)
    assert column(context, "select distinct template from letter where state = 'sent'") == TEMPLATES


def _broken(*_: object) -> None:
    raise RuntimeError("the machine was switched off")


def test_the_same_day_and_seed_give_the_same_file_and_every_child_is_invented(tmp_path: Path) -> None:
    day = date(2026, 11, 22)
    one, two, other = tmp_path / "1.csv", tmp_path / "2.csv", tmp_path / "3.csv"
    write_demo_tracker(one, day)
    write_demo_tracker(two, day)
    write_demo_tracker(other, day, seed=7)
    assert one.read_bytes() == two.read_bytes() != other.read_bytes()
    rows = list(csv.DictReader(one.open(encoding="utf-8-sig")))
    assert tuple(rows[0]) == COLUMNS and all(row["Child name"] for row in rows)
    valid = nhs_number.is_valid  # type: ignore[attr-defined]
    numbers = [row["NHS number"] for row in rows if valid(row["NHS number"])]
    assert len(set(numbers)) == len(numbers) == ROWS - 1 and all(number.startswith("999") for number in numbers)
    assert len(sample_rows(day)) == ROWS
