"""The first line of each letter that asks for something says what is wanted, of whom, by when; of every process."""

import orjson
import pytest

from notifications.render import day, newest, render, shelf, weekday
from tests.support.letter_samples import FOLDER

FIRST = '> **For {{ part("asked_of-1") | trim }}.** {{ action }}'
NOTHING = "You need to do nothing now."  # a letter that only informs
ASKS = sorted(
    each.id
    for each in shelf().newest.values()
    if each.called_for == "open" and each.id != "digest" and NOTHING not in each.action
)


@pytest.mark.all_processes
def test_each_letter_that_asks_for_something_begins_with_whom_it_asks() -> None:
    assert len(ASKS) > 30
    assert [name for name in ASKS if FIRST not in newest(name).body] == []


@pytest.mark.all_processes
def test_each_reading_of_a_newest_letter_says_by_when() -> None:
    """The day itself, or that it is wanted today or now, because the day has passed."""
    seen = set()
    for name in ASKS:
        file = FOLDER / f"{name}-{newest(name).version}.json"
        if not file.exists():
            continue  # its readings are in test_letters_with_links
        sample = orjson.loads(file.read_bytes())
        fields = sample["fields"]
        text = render(sample["template"], sample["version"], fields).text
        first = " ".join(text.partition("\n> ")[2].partition("\n\n")[0].replace("\n> ", " ").split())
        due = str(fields["due"])
        whens = [weekday(due), day(due), *(["today", "now"] if due < fields["on"] else [])]
        assert first.startswith("For ") and any(when in first for when in whens), (name, first)
        seen.add(name)
    assert len(seen) >= 10
