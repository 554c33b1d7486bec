"""Version 9 of the daily digest: as version 8, with the dates of others by who owes them."""

import re
from typing import Any

import pytest

from notifications.render import render
from tests.notifications.test_digest_of_replies import GIVEN
from tests.notifications.test_letters_read import VisibleText
from tests.support.letter_samples import FOLDER

NAME = "morning_digest_by_owner"
PROVIDER = {"body": "Northshire Community Health NHS Trust", "late": 2, "soon": 1, "longest": 92, "ref": "NX00042"}
TEAM = {"body": "Our own team", "late": 1, "soon": 0, "longest": 3, "ref": "NX00050"}
OTHERS = [
    {"kind": "authority", "late": 2, "soon": 1},
    {"kind": "service", "late": 0, "soon": 3},
    {"kind": "team", "late": 1, "soon": 0},
    {"kind": "other", "late": 5, "soon": 4},
]
BY_OWNER = GIVEN | {"providers": [PROVIDER, TEAM], "not_chased": OTHERS, "late_count": 3, "soon_count": 1}


def golden() -> str:
    found = render("morning_digest", 9, BY_OWNER)
    return f"Subject: {found.subject}\n\n{found.text}"


def test_the_letter_reads_as_reviewed() -> None:
    assert golden() == (FOLDER / f"{NAME}_version_9.txt").read_text("utf-8")


def test_text_and_page_say_the_same_words_in_the_same_order() -> None:
    found, words = render("morning_digest", 9, BY_OWNER), VisibleText()
    words.feed(found.html)
    plain = re.sub(r"^(=+|[- ]+)$|^> |^- ", "", found.text, flags=re.MULTILINE)
    assert re.sub(r"\W+", "", plain) == re.sub(r"\W+", "", " ".join(words.said))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"kind": "authority", "late": 1, "soon": 0}, "local authorities' own dates, 1 has passed and none falls due"),
        ({"kind": "team", "late": 0, "soon": 2}, "our own team's dates, none has passed and 2 fall due"),
        ({"kind": "service", "late": 3, "soon": 1}, "health bodies' dates, 3 have passed and 1 falls due"),
        (
            {"kind": "other", "late": 1, "soon": 1},
            "the dates of everybody else (such as schools, families and mediation",
        ),
    ],
)
def test_each_kind_of_owner_has_its_own_words(line: dict[str, Any], said: str) -> None:
    text = " ".join(render("morning_digest", 9, BY_OWNER | {"not_chased": [line]}).text.split())
    assert f"Of {said}" in text and text.count(" in seven days.") == 1


def test_without_dates_of_others_it_says_nothing_of_them() -> None:
    assert "sends no reminders" not in render("morning_digest", 9, BY_OWNER | {"not_chased": []}).text


if __name__ == "__main__":
    # After a new version: python -m tests.notifications.test_digest_by_owner, then read what git shows.
    (FOLDER / f"{NAME}_version_9.txt").write_text(golden(), "utf-8")
