"""Version 8 of the daily digest: as version 7, with the answers on which a person acts and the mails that wait."""

import re
from typing import Any

import pytest

from notifications.render import render
from tests.notifications.test_digest_over_findings import WELL
from tests.notifications.test_letters_read import VisibleText
from tests.notifications.test_newer_letters import CALM, FULL
from tests.support.letter_samples import FOLDER, morning

NAME = "morning_digest_with_replies"
TRUST, SALT = "Northshire Community Health NHS Trust", "Speech and Language Therapy"


def answer(ref: str, said: str, **more: Any) -> dict[str, Any]:
    about = {"ref": ref, "la_ref": None, "said": said, "on": "2026-07-13", "service": SALT, "body": TRUST, "to": None}
    return {**about, **more}


ANSWERS = [
    answer("NX00042", "wrong_mailbox", la_ref="NS-04412"),
    answer("NX00043", "other_service", to="Physiotherapy"),
    answer("NX00044", "other_service"),
    answer("NX00045", "not_known"),
    answer("NX00046", "discharged", service=None),
    answer("NX00047", "sent"),
]
GIVEN = morning(**CALM, **WELL) | {"answers": ANSWERS, "mails": 3, "person_count": 9}


def golden() -> str:
    found = render("morning_digest", 8, GIVEN)
    return f"Subject: {found.subject}\n\n{found.text}"


def test_the_letter_reads_as_reviewed() -> None:
    assert golden() == (FOLDER / f"{NAME}_version_8.txt").read_text("utf-8")


def test_one_mail_is_one_mail() -> None:
    assert "1 e-mail that came back waits for a person. To read and settle it" in " ".join(
        render("morning_digest", 8, GIVEN | {"mails": 1}).text.split()
    )


def test_text_and_page_say_the_same_words_in_the_same_order() -> None:
    found, words = render("morning_digest", 8, GIVEN), VisibleText()
    words.feed(found.html)
    plain = re.sub(r"^(=+|[- ]+)$|^> |^- ", "", found.text, flags=re.MULTILINE)
    assert re.sub(r"\W+", "", plain) == re.sub(r"\W+", "", " ".join(words.said))


@pytest.mark.parametrize("fields", [FULL, CALM], ids=["full", "quiet"])
def test_without_replies_it_reads_as_version_7(fields: dict[str, Any]) -> None:
    given = morning(**fields, **WELL)
    assert render("morning_digest", 8, given) == render("morning_digest", 7, given)


if __name__ == "__main__":
    # After a new version: python -m tests.notifications.test_digest_of_replies, then read what git shows.
    (FOLDER / f"{NAME}_version_8.txt").write_text(golden(), "utf-8")
