"""Answers in a workbook: downloaded, filled in and sent back; what is not understood is named by its cell."""

from __future__ import annotations

import io
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook

from tests.support.by_hand import CASE, SALT
from tests.support.team import Team
from tests.web.conftest import Browser
from tests.web.test_reply import TODAY, all_token, anybody, duty_token, facts, form, place, send
from web.guards import LARGEST_FILE
from web.installation import Installation

__all__ = ["anybody", "place"]

OTHERS = ("NX90002", "NX90003", "NX90004")


@pytest.fixture
def token(place: Installation, team: Team) -> str:
    """The link of a mailbox that owes four things."""
    for ref in OTHERS:
        team.record(TODAY, "ehc_assessment_requested", "3 Mar 2026", case=ref, la="northshire")
        team.record(TODAY, "health_advice_requested", "3 Mar 2026", case=ref, service=SALT)
    return all_token(place)


def downloaded(anybody: Browser, token: str) -> Workbook:
    page = anybody.get(f"/reply/{token}/answers")
    assert page.status_code == 200 and "answers.xlsx" in page.headers["content-disposition"]
    return load_workbook(io.BytesIO(page.content))


def filled(book: Workbook, answers: dict[str, tuple[Any, ...]]) -> bytes:
    """The workbook with an answer, a day and a service in the line of each reference."""
    sheet = book.active
    assert sheet is not None
    for row in sheet.iter_rows():
        given = answers.get(str(row[0].value))
        if given is not None and len(row) > 9 and row[9].value:
            for cell, value in zip(row[6:9], given, strict=False):
                cell.value = value
    stored = io.BytesIO()
    book.save(stored)
    return stored.getvalue()


def uploaded(anybody: Browser, token: str, content: bytes) -> Any:
    page = anybody.get(f"/reply/{token}")
    data = {"token": form(page)["token"]}
    return anybody.post(f"/reply/{token}/answers", data=data, files={"file": ("answers.xlsx", content)})


def test_the_list_goes_down_and_its_answers_come_up_again(
    place: Installation, anybody: Browser, team: Team, token: str
) -> None:
    book = downloaded(anybody, token)
    cells = [str(cell.value) for row in book.active.iter_rows() for cell in row if cell.value is not None]
    assert {CASE, *OTHERS} <= set(cells) and "We have this request" in cells
    assert not [cell for cell in cells if cell.startswith("=")]
    before = team.dump()
    physio = next(name for _value, name in _services(place) if name.startswith("Physiotherapy"))
    answers: dict[str, tuple[Any, ...]] = {
        CASE: ("we have this request",),
        "NX90002": ("It was sent, or done", "18/03/2026"),
        "NX90003": ("other service", None, physio),
    }
    checked = uploaded(anybody, token, filled(book, answers))
    assert "It was sent, or done: 18 March 2026." in checked.text and "not understood" not in checked.text
    assert team.dump() == before, "reading a file records nothing"
    done = send(anybody, token, checked)
    assert "3 answers are recorded" in done.text
    said = {ref: kind for kind, actor, ref in facts(place) if actor.startswith("mailbox.") and kind != "body_replied"}
    assert said == {CASE: "health_advice_acknowledged", "NX90003": "health_advice_answered"}


def _services(place: Installation) -> list[tuple[str, str]]:
    from casework.replies.links import link_to_all
    from casework.replies.owed import owed_by
    from casework.replies.words import services
    from models.database import reading
    from tests.web.test_reply import mailbox_of

    context = place.context()
    with reading(context.engine) as connection:
        owed = owed_by(context, connection, link_to_all(mailbox_of(place), context.today()), context.now())
    assert owed[0].duty is not None
    return services(context, owed[0].duty)


def test_what_is_not_understood_is_named_by_its_cell_and_the_rest_is_read(
    place: Installation, anybody: Browser, team: Team, token: str
) -> None:
    book = downloaded(anybody, token)
    answers = {
        CASE: ("Canary Kinderley is at the clinic",),
        "NX90002": ("It was sent, or done", "31/02/2026"),
        "NX90003": ("It was sent, or done", "=TODAY()"),
        "NX90004": ("We have this request",),
    }
    checked = uploaded(anybody, token, filled(book, answers))
    lines = {str(row[0].value): row[0].row for row in book.active.iter_rows() if row[9].value}
    assert "3 cells were not understood" in checked.text
    for cell in (f"G{lines[CASE]}", f"H{lines['NX90002']}", f"H{lines['NX90003']}"):
        assert f"<strong>{cell}</strong>" in checked.text
    assert "Kinderley" not in checked.text and "Send this answer" in checked.text
    send(anybody, token, checked)
    assert [ref for kind, actor, ref in facts(place) if actor.startswith("mailbox.")] == ["NX90004"]
    assert "Kinderley" not in str(team.dump())


def test_of_two_answers_to_one_line_the_first_is_read_and_the_second_is_named(
    place: Installation, anybody: Browser, team: Team, token: str
) -> None:
    """A line that was copied has the name of the line that it was copied from."""
    book = downloaded(anybody, token)
    sheet = book.active
    assert sheet is not None
    filled(book, {"NX90002": ("We have this request",)})
    (row,) = [row for row in sheet.iter_rows(values_only=True) if row[0] == "NX90002" and row[9]]
    sheet.append([*row[:6], "Not known to this service", *row[7:]])
    stored = io.BytesIO()
    book.save(stored)
    page = uploaded(anybody, token, stored.getvalue())
    assert f"<strong>J{sheet.max_row}</strong>" in page.text and "This line has an answer above" in page.text
    assert page.text.count("We have this request") == 1 and "Not known to this service" not in page.text
    send(anybody, token, page)
    assert [(kind, ref) for kind, actor, ref in facts(place) if actor.startswith("mailbox.")] == [
        ("health_advice_acknowledged", "NX90002")
    ]


def test_a_line_of_another_mailbox_is_not_read(place: Installation, anybody: Browser, token: str) -> None:
    book = downloaded(anybody, token)
    for row in book.active.iter_rows():
        if row[0].value == CASE:
            row[6].value, row[9].value = "We have this request", f"{CASE}.ehc_body_advice_respond.4"
    stored = io.BytesIO()
    book.save(stored)
    checked = uploaded(anybody, token, stored.getvalue())
    assert "this line is not owed any more, or is not of this list" in checked.text.replace("This line", "this line")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "expected a CSV file, or an Excel workbook"),
        (b"PK\x03\x04 nothing", "xlsx"),
        (b"<html>" * 50, "xlsx"),
    ],
)
def test_what_is_no_workbook_is_refused_in_words(
    place: Installation, anybody: Browser, token: str, content: bytes, says: str
) -> None:
    before = facts(place)
    page = uploaded(anybody, token, content)
    assert page.status_code == 400 and "error-message" in page.text and says in page.text
    assert facts(place) == before


def test_an_empty_column_and_a_large_file_are_refused(place: Installation, anybody: Browser, token: str) -> None:
    empty = uploaded(anybody, token, filled(downloaded(anybody, token), {}))
    assert empty.status_code == 400 and "The column Answer of the file is empty" in empty.text
    assert uploaded(anybody, token, b"x" * (LARGEST_FILE + 1)).status_code == 413


def test_a_link_to_one_thing_has_no_list(place: Installation, anybody: Browser) -> None:
    one = duty_token(place)
    assert anybody.get(f"/reply/{one}/answers").status_code == 404
    assert anybody.get(f"/reply/{'A' * 32}/answers").status_code == 404


def test_no_other_form_takes_a_file(place: Installation, anybody: Browser, token: str) -> None:
    data = {"token": form(anybody.get(f"/reply/{token}"))["token"]}
    assert anybody.post(f"/reply/{token}", data=data, files={"file": ("x.xlsx", b"x")}).status_code == 415
