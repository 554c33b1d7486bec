"""Version 11 of the daily digest: as version 10, with the cases that are perhaps of one child."""

import re

from notifications.render import render
from tests.notifications.test_digest_by_owner import BY_OWNER
from tests.notifications.test_letters_read import VisibleText
from tests.support.letter_samples import FOLDER

NAME = "morning_digest_of_alike_pairs"
ALIKE = BY_OWNER | {"alike": [{"refs": ["NX00042", "NX00050"]}, {"refs": ["NX00061", "NX00062"]}]}


def golden() -> str:
    found = render("morning_digest", 11, ALIKE)
    return f"Subject: {found.subject}\n\n{found.text}"


def test_the_letter_reads_as_reviewed() -> None:
    assert golden() == (FOLDER / f"{NAME}_version_11.txt").read_text("utf-8")


def test_text_and_page_say_the_same_words_in_the_same_order() -> None:
    found, words = render("morning_digest", 11, ALIKE), VisibleText()
    words.feed(found.html)
    plain = re.sub(r"^(=+|[- ]+)$|^> |^- ", "", found.text, flags=re.MULTILINE)
    assert re.sub(r"\W+", "", plain) == re.sub(r"\W+", "", " ".join(words.said))


def test_without_them_it_reads_as_version_10() -> None:
    assert render("morning_digest", 11, BY_OWNER) == render("morning_digest", 10, BY_OWNER)


if __name__ == "__main__":
    # After a new version: python -m tests.notifications.test_digest_of_alike_pairs, then read what git shows.
    (FOLDER / f"{NAME}_version_11.txt").write_text(golden(), "utf-8")
