"""Version 6 of the daily digest: as version 5, and the refused rows and duplicates that wait for a person."""

import re
from typing import Any

import pytest

from notifications.render import render
from tests.notifications.test_digest_over_findings import WELL
from tests.notifications.test_letters_read import VisibleText
from tests.notifications.test_newer_letters import CALM, FULL
from tests.support.letter_samples import FOLDER, morning

DUPLICATES = [{"refs": ["SX00001", "SX00002"]}]
SAMPLES: dict[str, dict[str, Any]] = {
    "morning_digest_with_refused_rows": morning(**FULL, **WELL)
    | {"refused_rows": 11, "duplicates": DUPLICATES, "person_count": 16},
    "morning_digest_with_one_refused_row": morning(**CALM, **WELL)
    | {"refused_rows": 1, "duplicates": [], "person_count": 1},
}


def golden(name: str) -> str:
    found = render("morning_digest", 6, SAMPLES[name])
    return f"Subject: {found.subject}\n\n{found.text}"


@pytest.mark.parametrize("name", SAMPLES)
def test_the_letter_reads_as_reviewed(name: str) -> None:
    assert golden(name) == (FOLDER / f"{name}_version_6.txt").read_text("utf-8")


@pytest.mark.parametrize("name", SAMPLES)
def test_text_and_page_say_the_same_words_in_the_same_order(name: str) -> None:
    found, words = render("morning_digest", 6, SAMPLES[name]), VisibleText()
    words.feed(found.html)
    plain = re.sub(r"^(=+|[- ]+)$|^> |^- ", "", found.text, flags=re.MULTILINE)
    assert re.sub(r"\W+", "", plain) == re.sub(r"\W+", "", " ".join(words.said))


@pytest.mark.parametrize("fields", [FULL, CALM], ids=["full", "quiet"])
def test_without_them_it_reads_as_version_5(fields: dict[str, Any]) -> None:
    given = morning(**fields, **WELL)
    assert render("morning_digest", 6, given) == render("morning_digest", 5, given)


if __name__ == "__main__":
    # After a new version: python -m tests.notifications.test_digest_of_refused_rows, then read what git shows.
    for each in SAMPLES:
        (FOLDER / f"{each}_version_6.txt").write_text(golden(each), "utf-8")
