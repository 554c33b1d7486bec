"""A process says what its cases are about: only a case about a child says anything of a child."""

from typing import ClassVar

import pytest
from statemachine import State

from models.common_facts import CHILD_FACTS, OF_THE_CHILD, SHARED, Opening, shared_facts
from models.enums import About
from models.facts import FactData
from statemachines.agreement import in_words
from statemachines.process import OpeningFact, Process, Reaction, StatutoryMachine, define_process


class Review(StatutoryMachine):
    """An invented machine."""

    asked = State("Asked for", initial=True)
    withdrawn = State("Withdrawn", final=True)
    closed = State("Closed", final=True)
    case_withdrawn = asked.to(withdrawn)
    case_closed = asked.to(closed)


class Asked(FactData):
    """An opening fact that says nothing of a child."""


class Named(FactData):
    """An opening fact that has an identity."""

    name: str | None = None
    IDENTITY_FIELDS: ClassVar[frozenset[str]] = frozenset({"name"})


def defined(model: type[FactData], about: About, *reactions: Reaction) -> Process:
    opening = OpeningFact("review_asked", model)
    return define_process(
        Review, name="review", title="Review", version=1, facts=[opening], reactions=reactions, about=about
    )


@pytest.mark.parametrize("about", [About.ORGANISATION, About.MEETING])
def test_a_case_about_no_child_has_no_fact_that_joins_children(about: About) -> None:
    process = defined(Asked, about)
    assert process.about is about
    assert set(process.facts) == {*SHARED, "review_asked"} - CHILD_FACTS - OF_THE_CHILD
    assert set(shared_facts(About.CHILD)) == set(SHARED)


@pytest.mark.parametrize(("model", "field"), [(Opening, "nhs_number"), (Opening, "linked_to"), (Named, "name")])
def test_an_opening_fact_of_no_child_says_nothing_of_one(model: type[FactData], field: str) -> None:
    with pytest.raises(ValueError, match=f"review_asked says .*'{field}'.* of a child, .* is about a meeting"):
        defined(model, About.MEETING)


def test_a_case_about_no_child_reacts_to_no_other_case_of_a_child() -> None:
    with pytest.raises(ValueError, match="for a fact of the same child, and the case is about an organisation"):
        defined(Asked, About.ORGANISATION, Reaction("section23", "la_notified", "case_closed"))


def test_what_a_case_is_about_in_words() -> None:
    assert [in_words(about) for about in About] == ["a child", "an organisation", "a meeting"]
