"""A change of recipients raises `RECIPIENTS_VERSION`, or old databases would fail verification."""

from copy import deepcopy

import orjson

from notifications.notices import RECIPIENTS_VERSION
from tests.support.recipients_table import FILE, changed, notices_by_history, under

STORED = orjson.loads(FILE.read_bytes())


def test_the_same_facts_call_for_the_same_notices_until_telling_is_raised() -> None:
    now = notices_by_history()
    said = (
        "Raise RECIPIENTS_VERSION in notifications/notices.py"
        if STORED["under"] == under()
        else "No more may change than law, ladder or directory ask for"
    )
    assert (changed(STORED, now), STORED["telling"]) == ([], RECIPIENTS_VERSION), (
        f"{said}; then python -m tests.support.recipients_table"
    )
    assert now == STORED["told"], "python -m tests.support.recipients_table adds new histories to the table"


def test_the_table_says_something_of_every_sort_of_notice() -> None:
    lines = [line for lines in STORED["told"].values() for line in lines]
    for word in (
        "reminder",
        "breach",
        "escalation",
        "request_received",
        "thanks",
        "rung_withdrawn",
        "no_longer_needed",
        "needed_after_all",
    ):
        assert any(word in line for line in lines), word


def test_a_history_with_other_notices_is_found() -> None:
    other = deepcopy(STORED["told"])
    name, lines = next(iter(other.items()))
    lines.pop()
    assert changed(STORED, other) == [name]
