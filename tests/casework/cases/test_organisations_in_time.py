"""A body that was abolished, on a case: the case names the body of its time, and its successor gets the letters."""

from dataclasses import replace
from pathlib import Path

import pytest

from casework.imports.tracker_import import import_file
from casework.reports.worklists import grouped, overdue
from config.directory import DEFAULT, load_directory
from tests.support.by_hand import SALT, day
from tests.support.team import Team
from tests.support.trackers import SOUND, tracker

NEW_TRUST = """
[[body]]
body = "QX700"
name = "Two Rivers NHS Foundation Trust"
kind = "nhs_foundation_trust"
send_lead = "send@two-rivers.example"
first_day = 2026-04-01

[[body.provides]]
service = "speech_and_language_therapy"
la = ["northshire", "tarnford"]
mailbox = "salt@two-rivers.example"
manager = "salt.manager@two-rivers.example"
"""
ENDED = 'body = "QX101"\nlast_day = 2026-03-31\nsuccessor = "QX700"\n'
SAID = (
    "Body QX101 (Northshire Community Health NHS Trust) ended on 31 March 2026. Its successor is Two Rivers NHS"
    " Foundation Trust (QX700), which gets the letters."
)


@pytest.fixture
def joined(team: Team) -> Team:
    """A team whose directory says that QX101 ended on 31 March 2026 and that QX700 has its duties."""
    text = DEFAULT.read_text("utf-8").replace('body = "QX101"\n', ENDED, 1) + NEW_TRUST
    (team.home / "directory.toml").write_text(text, "utf-8")
    team.first = replace(team.first, directory=load_directory(team.home / "directory.toml"))
    return team


def test_the_case_has_the_body_of_its_time_and_the_letters_go_to_the_successor(joined: Team) -> None:
    joined.opened().asked("2 Mar 2026")
    for today in ("16 Mar 2026", "30 Mar 2026", "7 Apr 2026", "14 Apr 2026"):
        joined.day(today)
    assert {fact.data["body"] for fact in joined.lines() if fact.kind == "health_advice_requested"} == {"QX101"}
    before = {letter.mailbox for letter in joined.post.letters if letter.written_at.date() <= day("31 Mar 2026")}
    after = {letter.mailbox for letter in joined.post.letters if letter.written_at.date() > day("31 Mar 2026")}
    assert "slt.advice@northshire-community.example" in before
    assert not {mailbox for mailbox in before if "two-rivers" in mailbox}
    assert "salt@two-rivers.example" in after
    assert not {mailbox for mailbox in after if "northshire-community" in mailbox}


def test_a_request_of_a_later_day_is_of_the_successor_by_itself(joined: Team) -> None:
    joined.opened().asked("2 Apr 2026")
    assert joined.lines()[-1].data == {"body": "QX700", "service": SALT}


def test_a_request_to_the_ended_body_is_recorded_with_a_warning(joined: Team) -> None:
    joined.opened()
    recorded = joined.record("2 Apr 2026", "health_advice_requested", body="QX101", service=SALT)
    assert SAID in recorded.unheard
    assert joined.lines()[-1].data["body"] == "QX101"


def test_figures_are_on_the_map_of_then_or_of_now(joined: Team) -> None:
    joined.opened().asked("2 Mar 2026")
    context = joined.context("1 May 2026")
    rows = [row for row in overdue(context, day("1 May 2026")) if row.body is not None]
    assert [group.key for group in grouped(context, rows, "body")] == ["QX101"]
    [now] = grouped(context, rows, "successor")
    assert (now.key, now.name) == ("QX700", "Two Rivers NHS Foundation Trust")


def test_an_import_names_the_ended_body_and_its_successor(team: Team, tmp_path: Path) -> None:
    """The directory maps the service to the ended trust alone; its successor is asked from the next day."""
    text = DEFAULT.read_text("utf-8").replace('body = "QX101"\n', ENDED.replace("QX700", "QX102"), 1)
    (team.home / "directory.toml").write_text(text, "utf-8")
    team.first = replace(team.first, directory=load_directory(team.home / "directory.toml"))
    row = SOUND | {"Health request received": "10/04/2026", "Services asked": "SALT", "CAMHS returned": ""}
    report = import_file(team.context("1 May 2026"), tracker(tmp_path, row))
    assert report.refused == 0, report.refusals
    assert [remark for remark in report.remarks if "successor" in remark] == [
        "line 2: the request for Speech and Language Therapy was recorded to Eastmere and Holme Hospitals NHS"
        " Foundation Trust (QX102), the successor of Northshire Community Health NHS Trust (QX101), which ended on 31"
        " March 2026"
    ]


def test_an_import_without_a_successor_says_which_body_ended(team: Team, tmp_path: Path) -> None:
    text = DEFAULT.read_text("utf-8").replace('body = "QX101"\n', 'body = "QX101"\nlast_day = 2026-03-31\n', 1)
    (team.home / "directory.toml").write_text(text, "utf-8")
    team.first = replace(team.first, directory=load_directory(team.home / "directory.toml"))
    row = SOUND | {"Health request received": "10/04/2026", "Services asked": "SALT", "CAMHS returned": ""}
    report = import_file(team.context("1 May 2026"), tracker(tmp_path, row))
    assert [refusal.code for refusal in report.refusals] == ["unmapped_service"]
    assert "ended on 31 March 2026, and the directory names no successor" in report.refusals[0].message
