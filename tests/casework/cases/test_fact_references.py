"""A field that names a fact of another case names one that is recorded."""

import pytest
from statemachine import State

from casework.cases.fact_references import refuse_unknown_facts
from casework.cases.unit_of_work import UnitOfWork
from casework.cases.validation import Refused
from models.database import reading
from models.enums import About
from models.facts import FactData, FactDraft
from models.fields import FactReference, Pence
from statemachines.process import OpeningFact, Process, StatutoryMachine, define_process
from tests.support.team import Team


class Item(StatutoryMachine):
    """An invented machine."""

    asked = State("Asked for", initial=True)
    withdrawn = State("Withdrawn", final=True)
    closed = State("Closed", final=True)
    case_withdrawn = asked.to(withdrawn)
    case_closed = asked.to(closed)


class Asked(FactData):
    """An opening fact that names a fact of another case."""

    about_fact: FactReference | None = None


class Costed(FactData):
    """A fact whose amount has a name that does not say that it is in pence."""

    cost: Pence


def defined(model: type[FactData]) -> Process:
    opening = OpeningFact("item_asked", model)
    return define_process(Item, name="item", title="Item", version=1, facts=[opening], about=About.MEETING)


@pytest.mark.parametrize(("named", "known"), [("{case}/1", True), ("{case}/9", False), ("NX77777/1", False)])
def test_the_fact_that_is_named_is_recorded(team: Team, named: str, known: bool) -> None:
    team.opened("2 Feb 2026")
    draft = FactDraft("item_asked", team.first.today(), {"about_fact": named.format(case=team.case)})
    with reading(team.first.engine) as connection:
        unit = UnitOfWork(team.first, connection, actor="dco.team", via="record")
        if known:
            refuse_unknown_facts(unit, defined(Asked), [draft])
            return
        with pytest.raises(Refused, match="names a fact that is not recorded") as refused:
            refuse_unknown_facts(unit, defined(Asked), [draft])
    assert (refused.value.code, refused.value.field) == ("no_such_fact", "about_fact")


def test_a_fact_without_a_reference_is_not_looked_up(team: Team) -> None:
    with reading(team.first.engine) as connection:
        unit = UnitOfWork(team.first, connection, actor="dco.team", via="record")
        refuse_unknown_facts(unit, defined(Asked), [FactDraft("item_asked", team.first.today())])
        assert unit.cases == {}


def test_a_field_of_money_says_in_its_name_that_it_is_in_pence() -> None:
    with pytest.raises(ValueError, match="item_asked: cost: a field of money, and no other"):
        defined(Costed)
