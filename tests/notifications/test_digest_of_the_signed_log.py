"""Version 7 of the daily digest: as version 6, and the signed checkpoint of the log."""

import re
from typing import Any

import pytest

from notifications.render import render
from tests.notifications.test_digest_over_findings import WELL
from tests.notifications.test_letters_read import VisibleText
from tests.notifications.test_newer_letters import CALM, FULL
from tests.support.letter_samples import FOLDER, morning

LOG = {"origin": "sendflow-0123abcd", "size": 4711, "root": "A" * 43 + "=", "signature": "B" * 91 + "="}
NAME = "morning_digest_with_the_signed_log"


def golden() -> str:
    found = render("morning_digest", 7, morning(**CALM, **WELL) | {"log": LOG})
    return f"Subject: {found.subject}\n\n{found.text}"


def test_the_letter_reads_as_reviewed() -> None:
    assert golden() == (FOLDER / f"{NAME}_version_7.txt").read_text("utf-8")


def test_text_and_page_say_the_same_words_in_the_same_order() -> None:
    found, words = render("morning_digest", 7, morning(**FULL, **WELL) | {"log": LOG}), VisibleText()
    words.feed(found.html)
    plain = re.sub(r"^(=+|[- ]+)$|^> |^- ", "", found.text, flags=re.MULTILINE)
    assert re.sub(r"\W+", "", plain) == re.sub(r"\W+", "", " ".join(words.said))


@pytest.mark.parametrize("fields", [FULL, CALM], ids=["full", "quiet"])
def test_without_a_checkpoint_it_reads_as_version_6(fields: dict[str, Any]) -> None:
    given = morning(**fields, **WELL)
    assert render("morning_digest", 7, given) == render("morning_digest", 6, given)


if __name__ == "__main__":
    # After a new version: python -m tests.notifications.test_digest_of_the_signed_log, then read what git shows.
    (FOLDER / f"{NAME}_version_7.txt").write_text(golden(), "utf-8")
