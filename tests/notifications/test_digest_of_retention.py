"""Version 12 of the daily digest: as version 11, with how many records are past retention."""

import re

import pytest

from notifications.render import newest, render
from tests.notifications.test_digest_by_owner import BY_OWNER
from tests.notifications.test_letters_read import VisibleText
from tests.support.letter_samples import FOLDER

SAMPLES = {
    "morning_digest_of_retention": BY_OWNER | {"retention": {"on": "2026-07-01", "ripe": 14, "free": 12}},
    "morning_digest_of_one_record_past_retention": BY_OWNER | {"retention": {"on": "2026-07-01", "ripe": 1, "free": 1}},
}


def golden(name: str) -> str:
    found = render("morning_digest", 12, SAMPLES[name])
    return f"Subject: {found.subject}\n\n{found.text}"


def test_this_is_the_newest_version() -> None:
    assert newest("morning_digest").version == 12


@pytest.mark.parametrize("name", SAMPLES)
def test_the_letter_reads_as_reviewed(name: str) -> None:
    assert golden(name) == (FOLDER / f"{name}_version_12.txt").read_text("utf-8")


@pytest.mark.parametrize("name", SAMPLES)
def test_text_and_page_say_the_same_words_in_the_same_order(name: str) -> None:
    found, words = render("morning_digest", 12, SAMPLES[name]), VisibleText()
    words.feed(found.html)
    plain = re.sub(r"^(=+|[- ]+)$|^> |^- ", "", found.text, flags=re.MULTILINE)
    assert re.sub(r"\W+", "", plain) == re.sub(r"\W+", "", " ".join(words.said))


@pytest.mark.parametrize("given", [BY_OWNER, BY_OWNER | {"retention": None}], ids=["without the field", "none"])
def test_without_any_it_reads_as_version_11(given: dict[str, object]) -> None:
    assert render("morning_digest", 12, given) == render("morning_digest", 11, given)


if __name__ == "__main__":
    # After a new version: python -m tests.notifications.test_digest_of_retention, then read what git shows.
    for each in SAMPLES:
        (FOLDER / f"{each}_version_12.txt").write_text(golden(each), "utf-8")
