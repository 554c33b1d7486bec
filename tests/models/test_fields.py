"""Kinds of field: what a person writes, what a fact stores, and what is refused without its value being repeated."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from casework.cases.fact_form import Refused, parsed
from casework.reports.recordable import fields_of
from models.facts import FactData
from models.fields import (
    Document,
    FactReference,
    Pence,
    ScoredForm,
    Slugs,
    facts_named,
    in_pounds,
    pence,
)
from web.forms import Field, as_typed

AUDIT = ScoredForm("advice_audit_1", {"clear": ("1", "2", "3", "4"), "specific": ("yes", "no")})


class Line(FactData):
    """An invented fact with each kind of field."""

    cost_pence: Pence
    topics: Slugs | None = None
    answers: FactReference | None = None
    form: AUDIT.version | None = None  # type: ignore[name-defined]  # a type made of the form
    scores: AUDIT.scores | None = None  # type: ignore[name-defined]


class Report(Document):
    """An invented fact about a document."""


def stored(**given_fields: Any) -> dict[str, Any]:
    return parsed(Line, "line", {"cost_pence": "£1", **given_fields})[0]


@pytest.mark.parametrize(
    ("written", "amount"),
    [  # worked by hand
        ("£12.50", 1250),
        ("12.50", 1250),
        ("1250", 1250),
        ("£12", 1200),
        ("£1,234.05", 123405),
        ("1,234", 123400),
        ("£0.01", 1),
        ("0", 0),
        (1250, 1250),
    ],
)
def test_money_is_whole_pence(written: Any, amount: int) -> None:
    assert stored(cost_pence=written)["cost_pence"] == amount


@pytest.mark.parametrize("written", ["12.5", "-3.00", "12.505", "ten pounds", "£", "1,23.00", "1e3", 12.5, True, ""])
def test_what_is_no_amount_is_refused(written: Any) -> None:
    with pytest.raises((Refused, ValidationError)):
        stored(cost_pence=written)


@given(st.integers(0, 10**12))
def test_pounds_and_pence_are_one_amount(amount: int) -> None:
    assert pence(in_pounds(amount)) == pence(str(amount)) == amount
    assert Field("cost_pence", "Cost", "", "money", True, value=as_typed("money", amount)).given() == in_pounds(amount)


def test_a_list_is_written_with_commas_and_has_each_word_once() -> None:
    assert (
        stored(topics="epilepsy, feeding")["topics"]
        == ["epilepsy", "feeding"]
        == stored(topics=["epilepsy", "feeding"])["topics"]
    )
    for wrong in ("epilepsy, epilepsy", "Two Words", ","):
        with pytest.raises(Refused, match="topics"):
            stored(topics=wrong)


def test_scores_are_those_of_one_version_of_a_form() -> None:
    found = stored(form="advice_audit_1", scores="specific=yes, clear=3")
    assert (found["form"], found["scores"]) == ("advice_audit_1", ["clear=3", "specific=yes"])
    for wrong, says in (
        ("clear=3", "specific is not scored"),
        ("clear=5, specific=no", "clear takes one of 1, 2, 3, 4"),
        ("clear=3, clear=3, specific=no", "clear is scored twice"),
        ("tidy=3, specific=no", "criteria clear, specific"),
    ):
        with pytest.raises(Refused, match=says):
            stored(scores=wrong)
    with pytest.raises(Refused, match="form"):
        stored(form="advice_audit_2")


def test_a_reference_names_a_case_and_a_fact() -> None:
    assert facts_named(Line, stored(answers="NX00042/3")) == {"answers": ("NX00042", 3)}
    for wrong in ("NX00042", "NX00042/0", "42/3", "NX00042/x"):
        with pytest.raises(Refused, match="NX00042/3"):
            stored(answers=wrong)


def test_a_document_is_where_it_is_held_and_its_digest_and_its_title_is_encrypted() -> None:
    digest = "0" * 64
    data, texts = parsed(
        Report,
        "report_filed",
        {
            "document_title": "Report about a child",
            "document_kind": "report",
            "document_held_in": "trust_record",
            "document_on": "2026-03-02",
            "document_sha256": digest,
        },
    )
    assert texts == {"document_title": "Report about a child"} and "Report about" not in str(data)
    assert (data["document_on"], data["document_sha256"]) == (date(2026, 3, 2).isoformat(), digest)
    with pytest.raises(Refused, match="SHA-256"):
        parsed(Report, "report_filed", {**data, "document_title": "x", "document_sha256": "abc"})


def test_forms_ask_for_each_kind_with_an_example() -> None:
    found = {form.name: (form.kind, form.example) for form in fields_of(Line)}
    assert found["cost_pence"] == ("money", '"£12.50"')
    assert found["topics"] == ("list", '"one, two"')
    assert found["answers"] == ("fact", '"NX00042/3"')
    assert found["scores"] == ("list", '"clear=1, specific=yes"')


def test_no_refusal_repeats_what_was_written() -> None:
    for field, written in (("cost_pence", "9990000018 pounds"), ("topics", "Mary Jones"), ("answers", "Mary/3")):
        with pytest.raises(Refused) as refused:
            stored(**{field: written})
        assert written not in refused.value.message and "Mary" not in refused.value.message
