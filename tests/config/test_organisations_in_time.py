"""Organisations in time: a body of a day, its successor after its last day, and files that cannot be."""

from datetime import date
from pathlib import Path

import pytest

from config.directory import DEFAULT, Directory, DirectoryError, load_directory
from models.enums import Party

LAST, NEXT = date(2026, 3, 31), date(2026, 4, 1)
SALT, LA = "speech_and_language_therapy", "northshire"
TEXT = DEFAULT.read_text(encoding="utf-8")
# The board of the region was abolished on 31 March 2026: ours has its duties. A trust joined another a year later.
OLD_BOARD = """
[[body]]
body = "QX800"
name = "Old Vales Integrated Care Board"
kind = "integrated_care_board"
send_lead = "send@old-vales.example"
last_day = 2026-03-31
successor = "QX900"
"""
MERGED = """
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


def written(tmp_path: Path, text: str) -> Directory:
    path = tmp_path / "directory.toml"
    path.write_text(text, "utf-8")
    return load_directory(path)


def ended(text: str, body: str, more: str) -> str:
    """The file with an end of one body."""
    return text.replace(f'body = "{body}"\n', f'body = "{body}"\n{more}', 1)


@pytest.fixture
def merged(tmp_path: Path) -> Directory:
    """QX101 gave speech and language therapy until 31 March 2026; QX700 is its successor from the next day."""
    return written(tmp_path, ended(TEXT, "QX101", 'last_day = 2026-03-31\nsuccessor = "QX700"\n') + OLD_BOARD + MERGED)


def test_a_service_is_given_by_the_body_of_the_day(merged: Directory) -> None:
    assert merged.provider(LA, SALT, LAST) == "QX101"
    assert merged.provider(LA, SALT, NEXT) == "QX700"
    assert [each.body for each in merged.providers_at_any_time(LA, SALT)] == ["QX101", "QX700"]


@pytest.mark.parametrize(
    ("party", "before", "after"),
    [
        (Party.SERVICE, "slt.advice@northshire-community.example", "salt@two-rivers.example"),
        (Party.PROVIDER_SEND_LEAD, "send.lead@northshire-community.example", "send@two-rivers.example"),
    ],
)
def test_letters_about_a_duty_go_to_the_successor_from_the_day_after_the_last(
    merged: Directory, party: Party, before: str, after: str
) -> None:
    assert merged.mailbox(LA, "QX101", SALT, party, LAST) == before
    assert merged.mailbox(LA, "QX101", SALT, party, NEXT) == after
    assert merged.mailbox(LA, None, SALT, party, NEXT) == after


def test_the_duties_of_an_abolished_board_are_those_of_our_team(merged: Directory) -> None:
    assert merged.mailbox(LA, "QX800", None, Party.PROVIDER_SEND_LEAD, LAST) == "send@old-vales.example"
    assert merged.mailbox(LA, "QX800", None, Party.PROVIDER_SEND_LEAD, NEXT) == merged.dco
    assert merged.body_on("QX800", NEXT) == "QX900"


def test_successors_follow_each_other(tmp_path: Path) -> None:
    text = ended(TEXT, "QX101", 'last_day = 2026-03-31\nsuccessor = "QX800"\n') + OLD_BOARD.replace(
        "last_day = 2026-03-31", "last_day = 2027-03-31"
    )
    directory = written(tmp_path, text)
    assert [directory.body_on("QX101", day) for day in (LAST, NEXT, date(2027, 4, 1))] == ["QX101", "QX800", "QX900"]


def test_a_body_without_a_successor_has_no_mailbox_after_its_last_day(tmp_path: Path) -> None:
    directory = written(tmp_path, ended(TEXT, "QX101", "last_day = 2026-03-31\n"))
    assert directory.body_on("QX101", NEXT) is None
    assert directory.mailbox(LA, "QX101", SALT, Party.SERVICE, NEXT) is None
    assert directory.mailbox(LA, None, SALT, Party.SERVICE, NEXT) is None
    assert directory.mailbox(LA, None, None, Party.DCO, NEXT) == directory.dco


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ended(TEXT, "QX101", 'last_day = 2026-03-31\nsuccessor = "QX555"\n'), "QX555, which is no body"),
        (ended(TEXT, "QX101", 'last_day = 2026-03-31\nsuccessor = "QX101"\n'), "is its own successor"),
        (ended(TEXT, "QX101", 'successor = "QX900"\n'), "has a successor and no last_day"),
        (ended(TEXT, "QX101", "first_day = 2026-04-01\nlast_day = 2026-03-31\n"), "last_day before its first_day"),
        (
            ended(TEXT, "QX101", 'last_day = 2026-02-28\nsuccessor = "QX700"\n') + MERGED,
            "body QX101 ends on 2026-02-28, and its successor QX700 does not exist on 2026-03-01",
        ),
        (
            ended(TEXT, "QX101", 'last_day = 2026-06-30\nsuccessor = "QX800"\n') + OLD_BOARD,
            "its successor QX800 does not exist on 2026-07-01",
        ),
        (TEXT + MERGED, "is mapped twice (body QX101 and body QX700): one body answers for it on a day"),
    ],
)
def test_what_cannot_be_is_one_clear_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DirectoryError) as problem:
        written(tmp_path, text)
    assert said in str(problem.value)
    assert "\n" not in str(problem.value)
