"""A change of who is told raises `RECIPIENTS_VERSION`, or old records would be called damaged."""

from copy import deepcopy

import orjson

from notifications.notices import RECIPIENTS_VERSION
from tests.support.recipients_table import FILE, changed, notices_by_history, under

KEPT = orjson.loads(FILE.read_bytes())


def test_the_same_facts_call_for_the_same_notices_until_telling_is_raised() -> None:
    now = notices_by_history()
    said = (
        "Raise RECIPIENTS_VERSION in notifications/notices.py"
        if KEPT["under"] == under()
        else "No more may change than law, ladder or directory ask for"
    )
    assert (changed(KEPT, now), KEPT["telling"]) == ([], RECIPIENTS_VERSION), (
        f"{said}; then python -m tests.support.recipients_table"
    )
    assert now == KEPT["told"], "python -m tests.support.recipients_table adds new histories to the table"


def test_the_table_says_something_of_every_sort_of_notice() -> None:
    lines = [line for lines in KEPT["told"].values() for line in lines]
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


def test_a_history_told_otherwise_is_found() -> None:
    other = deepcopy(KEPT["told"])
    name, lines = next(iter(other.items()))
    lines.pop()
    assert changed(KEPT, other) == [name]
