"""Version 5 of the daily digest: as version 4, and what it says over altered records (decision 166)."""

import re
from typing import Any

import pytest

from notifications.render import render
from tests.notifications.test_letters_read import VisibleText
from tests.notifications.test_newer_letters import CALM, FULL, made
from tests.support.letter_samples import FOLDER, morning

WELL: dict[str, Any] = {"findings": 0, "closed": []}
CLOSED = {"number": 1, "actor": "it.oncall", "on": "2026-07-13", "reason": "backup restored", "understood": False}
OPEN: dict[str, Any] = {"findings": 2, "findings_since": "2026-07-14", "last_good": True, "closed": []}
NONE = {"findings": 1, "last_good": False, "head": {"before": "", "head": "", "cases": 0, "facts": 0}}
SAMPLES: dict[str, dict[str, Any]] = {
    "morning_digest_with_closed_findings": morning(**CALM, **WELL)
    | {"closed": [CLOSED, {**CLOSED, "number": 2, "understood": True}]},
    "morning_digest_over_altered_records": morning(**FULL, **OPEN),
    "morning_digest_altered_and_without_a_sweep": morning(**CALM, **OPEN) | NONE | {"alert": {"last": None}},
}


def golden(name: str) -> str:
    found = render("morning_digest", 5, SAMPLES[name])
    return f"Subject: {found.subject}\n\n{found.text}"


@pytest.mark.parametrize("name", SAMPLES)
def test_the_letter_reads_as_reviewed(name: str) -> None:
    assert golden(name) == (FOLDER / f"{name}_version_5.txt").read_text("utf-8")


@pytest.mark.parametrize("name", SAMPLES)
def test_text_and_page_say_the_same_words_in_the_same_order(name: str) -> None:
    found, words = render("morning_digest", 5, SAMPLES[name]), VisibleText()
    words.feed(found.html)
    plain = re.sub(r"^(=+|[- ]+)$|^> |^- ", "", found.text, flags=re.MULTILINE)
    assert re.sub(r"\W+", "", plain) == re.sub(r"\W+", "", " ".join(words.said))


def test_without_findings_it_reads_as_version_4() -> None:
    for name, fields in (("full", FULL), ("quiet", CALM)):
        found = render("morning_digest", 5, morning(**fields, **WELL))
        before = render("morning_digest", 4, morning(**fields))
        assert found == before, name
    assert made("morning_digest_4_of_a_quiet_day")[1] == before.text


if __name__ == "__main__":
    # After a new version: python -m tests.notifications.test_digest_over_findings, then read what git shows.
    for each in SAMPLES:
        (FOLDER / f"{each}_version_5.txt").write_text(golden(each), "utf-8")
