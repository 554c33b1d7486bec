"""The check of a whole history in one call finds a fault wherever the check fact by fact finds one."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from audit.case_check import _check_chain, _intact
from models import ledger
from models.database import reading
from models.ledger import Stored
from tests.support.team import Team

Damage = Callable[[list[Stored]], Sequence[Stored]]


@pytest.fixture
def rows(team: Team) -> list[Stored]:
    """The rows of a case of several facts."""
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    with reading(team.first.engine) as connection:
        ((_ref, rows),) = ledger.scan(connection)
    return [Stored._make(row) for row in rows]


def hashed(rows: Sequence[Stored]) -> list[Stored]:
    """The rows with hashes over their texts, as one who alters a text would write them too."""
    previous, made = rows[0].prev_hash, list[Stored]()
    for row in rows:
        made.append(row._replace(prev_hash=previous, hash=ledger.link(previous, row.text.encode())))
        previous = made[-1].hash
    return made


def changed(**columns: Any) -> Damage:
    return lambda rows: [rows[0], rows[1]._replace(**columns), *rows[2:]]


def two_texts_in_one(rows: list[Stored]) -> list[Stored]:
    first = rows[0]._replace(text=f"{rows[0].text}\n{rows[1].text}")
    return hashed([first, rows[1]._replace(text=""), *rows[2:]])


def a_text_of_two_lines(rows: list[Stored]) -> list[Stored]:
    return hashed([rows[0], rows[1]._replace(text=rows[1].text.replace(",", ",\n", 1)), *rows[2:]])


def a_text_that_ends_with_a_line_feed(rows: list[Stored]) -> list[Stored]:
    return hashed([*rows[:-1], rows[-1]._replace(text=f"{rows[-1].text}\n")])


def two_halves_of_a_text(rows: list[Stored]) -> list[Stored]:
    text = rows[1].text
    return hashed([rows[0], rows[1]._replace(text=text[:30]), rows[2]._replace(text=text[30:]), *rows[3:]])


def an_earlier_instant(rows: list[Stored]) -> list[Stored]:
    early = "2026-01-01T00:00:00Z"
    text = rows[-1].text.replace(rows[-1].recorded_at, early)
    return hashed([*rows[:-1], rows[-1]._replace(text=text, recorded_at=early)])


def test_of_an_intact_history_both_give_the_same_facts(rows: list[Stored]) -> None:
    findings: list[tuple[object, ...]] = []
    assert len(rows) > 2
    assert _intact(rows) == _check_chain(rows, lambda *about: findings.append(about))
    assert hashed(rows) == rows
    assert not findings


@pytest.mark.parametrize(
    "damage",
    [
        *(changed(**{name: "2026-02-03"}) for name in Stored._fields if name != "seq"),
        changed(seq=7),
        changed(text=None),
        changed(text="\ud800"),
        lambda rows: rows[1:],
        lambda rows: [rows[0], *rows[2:]],
        two_texts_in_one,
        a_text_of_two_lines,
        a_text_that_ends_with_a_line_feed,
        two_halves_of_a_text,
        an_earlier_instant,
    ],
)
def test_a_damaged_history_is_read_fact_by_fact(rows: list[Stored], damage: Damage) -> None:
    assert _intact(damage(rows)) is None


def test_a_history_without_facts_is_not_intact() -> None:
    assert _intact([]) is None
