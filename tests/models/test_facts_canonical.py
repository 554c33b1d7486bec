"""A fact's text is RFC 8785 for every value that may stand in one: proved against the rfc8785 package, byte
for byte.
"""

from datetime import date
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from models.facts import LARGEST, Fact, canonical, fact_of, parse_fact
from tests.support.examples import examples

# Any text that JSON can carry: surrogates cannot be written in UTF-8, and no fact holds them.
texts = st.text(st.characters(codec="utf-8"), max_size=40)
keys = st.text(st.characters(min_codepoint=0, max_codepoint=127), max_size=12)
scalars = st.none() | st.booleans() | st.integers(-LARGEST + 1, LARGEST - 1) | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=12
)
slugs = st.from_regex(r"[a-z][a-z0-9_]{1,20}", fullmatch=True)


@settings(max_examples=examples(100), deadline=None)
@given(st.dictionaries(keys, values, max_size=6))
def test_canonical_text_is_that_of_rfc_8785(value: dict[str, Any]) -> None:
    assert canonical(value) == rfc8785.dumps(value)


facts = st.builds(
    Fact,
    case_ref=st.from_regex(r"[A-Z]{1,4}-?[0-9]{3,9}", fullmatch=True),
    seq=st.integers(1, 10_000),
    kind=slugs,
    version=st.integers(1, 9),
    process=slugs,
    machine=st.integers(1, 9),
    law=st.from_regex(r"[0-9a-f]{12}", fullmatch=True),
    occurred_on=st.dates(date(2014, 9, 1), date(2028, 12, 31)),
    recorded_at=st.datetimes().map(lambda moment: moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")),
    actor=st.just("dco.team"),
    on_behalf_of=st.none() | slugs,
    via=slugs,
    run=st.none() | texts,
    corrects=st.none() | st.integers(1, 99),
    rehearsed=st.none() | st.just(True),
    data=st.dictionaries(
        slugs, texts | st.integers(-LARGEST + 1, LARGEST - 1) | st.booleans() | st.lists(texts, max_size=3), max_size=5
    ),
)


@settings(max_examples=examples(100), deadline=None)
@given(facts)
def test_a_fact_is_written_canonically_and_read_back_as_it_was(fact: Fact) -> None:
    fields = {name: value for name in fact.__struct_fields__ if (value := getattr(fact, name)) is not None}
    fields["occurred_on"] = fact.occurred_on.isoformat()
    assert fact.text() == rfc8785.dumps(fields)
    back = parse_fact(fact.text())
    assert (back.seq, back.kind, back.occurred_on, back.recorded_at, back.corrects) == (
        fact.seq,
        fact.kind,
        fact.occurred_on,
        fact.recorded_at,
        fact.corrects,
    )
    assert dict(back.data) == dict(fact.data)


@pytest.mark.parametrize(
    "value",
    [
        {"n": 1.5},
        {"n": float("nan")},
        {"n": LARGEST},
        {"n": -LARGEST},
        {"ref": {"é": 1}},
        {"on": date(2026, 3, 2)},
        {"n": [2.0]},
    ],
)
def test_what_two_writers_could_write_differently_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="fact"):
        canonical(value)


GOOD: dict[str, Any] = {
    "case_ref": "NX90001",
    "seq": 1,
    "kind": "ehc_assessment_requested",
    "version": 1,
    "process": "ehc_needs_assessment",
    "machine": 1,
    "law": "x",
    "occurred_on": date(2026, 3, 2),
    "recorded_at": "2026-03-02T09:00:00.000000Z",
    "actor": "dco.team",
    "via": "record",
    "data": {},
}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("case_ref", "Amelia Oakes"),
        ("case_ref", "nx90001"),
        ("case_ref", "NX90001\n"),
        ("seq", 0),
        ("kind", "Advice received"),
        ("actor", ""),
        ("actor", "Amelia Oakes"),
        ("actor", "sam.9990000018"),
        ("actor", "x" * 65),
        ("data", {"weeks": 1.5}),
        ("surprise", 1),
        ("data", {"weeks": LARGEST}),
        ("data", {"weeks": -LARGEST}),
        ("data", {"Zoë": "yes"}),
        ("data", {"on": date(2026, 3, 2)}),
        ("data", {"all": [1]}),
        ("seq", "1"),
        ("seq", LARGEST),
        ("corrects", LARGEST),
        ("occurred_on", "2 March 2026"),
        ("occurred_on", None),
        ("law", None),
        ("process", "EHC"),
        ("via", "By hand"),
        ("on_behalf_of", "Amelia Oakes"),
        ("recorded_at", 20260302),
    ],
)
def test_a_fact_takes_nothing_that_is_not_in_its_form_and_repeats_nothing(field: str, value: Any) -> None:
    with pytest.raises(ValueError) as refused:
        fact_of({**GOOD, field: value})
    if isinstance(value, str) and len(value) > 3:
        assert value not in str(refused.value)


@pytest.mark.parametrize("actor", ["dco.team", "sam@icb.example", "sendflow", "importer", "j_smith", "sam-o.reilly"])
def test_account_names_are_accepted(actor: str) -> None:
    assert fact_of({**GOOD, "actor": actor}).actor == actor


def test_a_fact_cannot_be_changed() -> None:
    fact = fact_of(GOOD)
    with pytest.raises(AttributeError):
        fact.seq = 2  # type: ignore[misc]  # that it is refused is the point
