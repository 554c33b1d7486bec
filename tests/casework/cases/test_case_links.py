"""Links between cases: from any fact, shown from both sides, and a reaction along one. No child becomes another's."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from sqlalchemy import select
from statemachine import State

from audit.verify import verify
from casework.cases.validation import Refused
from cli.formatting import history
from models.database import reading, writing
from models.enums import About
from models.facts import FactData
from models.fields import CaseLink, LinkRole
from models.tables import CASE, CASE_LINK
from statemachines.process import (
    FieldMapping,
    NoTransition,
    OpeningFact,
    Process,
    Reaction,
    StatutoryMachine,
    define_process,
)
from tests.support.by_hand import day
from tests.support.invented import registered, with_rules
from tests.support.team import Team

AGENDA = LinkRole("on_agenda", "has on its agenda", "is on the agenda of")
CHILD, OTHER, MEETING = "NX90001", "NX90002", "ME00001"


class Meeting(StatutoryMachine):
    """An invented meeting."""

    called = State("Called", initial=True)
    withdrawn = State("Withdrawn", final=True)
    closed = State("Closed", final=True)
    case_withdrawn = called.to(withdrawn)
    case_closed = called.to(closed)


class Called(FactData):
    """The meeting was called."""


class Listed(FactData):
    """A case was put on the agenda."""

    about_case: Annotated[CaseLink, AGENDA]


class Decided(FactData):
    """What became of a case on the agenda is known."""

    outcome: str = "agreed"


def meeting(*reactions: Reaction, listed: type[FactData] = Listed) -> Process:
    return define_process(
        Meeting,
        name="meeting_of_test",
        title="Meeting",
        version=1,
        about=About.MEETING,
        facts=[
            OpeningFact("meeting_called", Called),
            NoTransition("case_listed", listed, accepted_in=("called",)),
            NoTransition("assessment_known", Decided, accepted_in=("called",)),
        ],
        reactions=reactions,
    )


AGREED = Reaction(
    "ehc_needs_assessment",
    "assessment_agreed",
    "assessment_known",
    along="on_agenda",
    fields=FieldMapping(constants={"outcome": "agreed"}),
)


@pytest.fixture
def sitting(team: Team, tmp_path: Path) -> Iterator[Team]:
    """A meeting of 2 March 2026, and two requests of two children."""
    with registered(meeting(AGREED)):
        with_rules(team, tmp_path / "rules", "meeting_of_test", "")
        for case, number in ((CHILD, "999 000 0018"), (OTHER, "999 123 4500")):
            team.record("2 Feb 2026", "ehc_assessment_requested", case=case, la="northshire", nhs_number=number)
        team.case = MEETING
        team.record("2 Mar 2026", "meeting_called")
        yield team


def links(team: Team, case: str, today: str = "1 Apr 2026", **then: str) -> list[tuple[Any, ...]]:
    team.case = case
    found = team.report(today, **then).links
    return [(each.says, each.case_ref, each.since.isoformat(), each.until and each.until.isoformat()) for each in found]


def listed(team: Team, today: str, case: str = CHILD, **data: Any) -> int:
    return team.record(today, "case_listed", case=MEETING, about_case=case, **data).seq


def test_a_field_of_a_fact_makes_a_link_that_both_cases_show(sitting: Team) -> None:
    listed(sitting, "3 Mar 2026")
    listed(sitting, "4 Mar 2026", OTHER)
    assert links(sitting, MEETING) == [
        ("has on its agenda", CHILD, "2026-03-03", None),
        ("has on its agenda", OTHER, "2026-03-04", None),
    ]
    assert links(sitting, CHILD) == [("is on the agenda of", MEETING, "2026-03-03", None)]
    said = history(sitting.context("1 Apr 2026"), sitting.report("1 Apr 2026"))
    assert "This case is on the agenda of ME00001 (Meeting), since Tue 3 Mar 2026." in said
    assert sitting.verify("1 Apr 2026").intact


def test_any_case_is_linked_to_any_other_until_a_day(sitting: Team) -> None:
    sitting.record("3 Mar 2026", "case_linked", case=CHILD, to_case=OTHER, role="follows")
    sitting.record("3 Mar 2026", "case_linked", case=CHILD, to_case=MEETING)
    sitting.record("10 Mar 2026", "case_unlinked", case=CHILD, to_case=OTHER, role="follows")
    assert links(sitting, CHILD) == [
        ("follows", OTHER, "2026-03-03", "2026-03-10"),
        ("is related to", MEETING, "2026-03-03", None),
    ]
    assert links(sitting, OTHER) == [("is followed by", CHILD, "2026-03-03", "2026-03-10")]
    assert links(sitting, OTHER, as_at="9 Mar 2026") == [("is followed by", CHILD, "2026-03-03", None)]
    assert links(sitting, OTHER, as_at="2 Mar 2026") == []
    assert sitting.verify("1 Apr 2026").intact


def test_a_link_makes_no_child_anothers(sitting: Team) -> None:
    sitting.record("3 Mar 2026", "case_linked", case=CHILD, to_case=OTHER)
    listed(sitting, "3 Mar 2026")
    sitting.record("4 Mar 2026", "person_died", case=CHILD)
    assert [line.kind for line in sitting.lines(OTHER)] == ["ehc_assessment_requested"]
    with reading(sitting.first.engine) as connection:
        keys = connection.scalars(select(CASE.c.child_key).where(CASE.c.case_ref.in_((CHILD, OTHER)))).all()
    assert len(set(keys) - {None}) == 2
    assert sitting.report("4 Mar 2026").same_child == []


def test_a_corrected_or_withdrawn_fact_moves_the_link_and_its_past_is_shown(sitting: Team) -> None:
    seq = listed(sitting, "3 Mar 2026")
    sitting.record("5 Mar 2026", "fact_corrected", case=MEETING, corrects=seq, about_case=OTHER)
    assert links(sitting, CHILD) == []
    assert links(sitting, OTHER) == [("is on the agenda of", MEETING, "2026-03-03", None)]
    assert links(sitting, CHILD, known_at="2026-03-04T12:00:00+00:00") == [
        ("is on the agenda of", MEETING, "2026-03-03", None)
    ]
    sitting.record("6 Mar 2026", "fact_withdrawn", case=MEETING, corrects=seq, reason="another meeting")
    assert links(sitting, OTHER) == [] == links(sitting, MEETING)
    assert sitting.verify("1 Apr 2026").intact


def test_a_fact_follows_a_link_and_so_does_its_correction(sitting: Team) -> None:
    listed(sitting, "3 Mar 2026")
    recorded = sitting.record("9 Mar 2026", "assessment_agreed", case=CHILD)
    sitting.record("9 Mar 2026", "assessment_agreed", case=OTHER)
    (known,) = [line for line in sitting.lines(MEETING) if line.kind == "assessment_known"]
    assert (known.occurred_on, known.caused_by) == (day("9 Mar 2026"), f"{CHILD}/{recorded.seq}")
    sitting.record("10 Mar 2026", "fact_corrected", case=CHILD, corrects=recorded.seq, occurred_on="2026-03-05")
    sitting.case = MEETING
    (shown,) = [fact for fact in sitting.report("10 Mar 2026").facts if fact.kind == "assessment_known"]
    assert shown.corrected_to == day("5 Mar 2026")
    assert sitting.verify("1 Apr 2026").intact


def test_no_fact_follows_a_link_before_it_begins_or_after_it_ended(sitting: Team) -> None:
    listed(sitting, "3 Mar 2026")
    sitting.record("4 Mar 2026", "case_unlinked", case=MEETING, to_case=CHILD, role="on_agenda")
    sitting.record("9 Mar 2026", "assessment_agreed", case=CHILD)
    sitting.record("9 Mar 2026", "assessment_agreed", "2 Mar 2026", case=OTHER)
    listed(sitting, "9 Mar 2026", OTHER)
    assert "assessment_known" not in [line.kind for line in sitting.lines(MEETING)]


@pytest.mark.parametrize(
    ("kind", "data", "code"),
    [
        ("case_listed", {"about_case": "NX77777"}, "no_such_case"),
        ("case_listed", {"about_case": MEETING}, "links_to_itself"),
        ("case_linked", {"to_case": "NX77777"}, "no_such_case"),
        ("case_linked", {"to_case": "a child"}, "bad_data"),
        ("case_unlinked", {"to_case": CHILD, "role": "follows"}, "no_such_link"),
    ],
)
def test_a_link_to_no_other_case_is_refused(sitting: Team, kind: str, data: dict[str, Any], code: str) -> None:
    before = sitting.dump()
    with pytest.raises(Refused) as refused:
        sitting.record("5 Mar 2026", kind, case=MEETING, **data)
    assert refused.value.code == code
    assert sitting.dump() == before


def test_a_linked_case_is_found_however_its_reference_is_typed(sitting: Team) -> None:
    sitting.record("5 Mar 2026", "case_linked", case=MEETING, to_case="nx-90001")
    assert sitting.lines(MEETING)[-1].data == {"to_case": CHILD, "role": "related"}


@pytest.mark.parametrize("change", [{"to_ref": OTHER}, {"since": day("1 Mar 2026")}, None])
def test_verification_finds_a_link_that_no_fact_made(sitting: Team, change: dict[str, Any] | None) -> None:
    listed(sitting, "3 Mar 2026")
    with writing(sitting.first.engine) as connection:
        connection.execute(CASE_LINK.delete() if change is None else CASE_LINK.update().values(change))
    (failure,) = verify(sitting.context("1 Apr 2026")).damage
    assert failure.message == "the cached links of the case to others are not what its facts say"


class WithoutRole(FactData):
    """A link that says nothing of what one case is to the other."""

    about_case: CaseLink


class OtherWords(FactData):
    """A role of every process in words of its own."""

    about_case: Annotated[CaseLink, LinkRole("follows", "comes after", "comes before")]


@pytest.mark.parametrize(
    ("model", "says"),
    [(WithoutRole, "links two cases and has no LinkRole"), (OtherWords, "has other words for the role follows")],
)
def test_a_process_says_what_a_link_is(model: type[FactData], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        meeting(listed=model)


@pytest.mark.parametrize(
    ("reaction", "says"),
    [
        (Reaction("ehc_needs_assessment", "assessment_agreed", "meeting_called", along="on_agenda"), "opens a case"),
        (Reaction("ehc_needs_assessment", "assessment_agreed", "assessment_known"), "of the same child"),
    ],
)
def test_a_reaction_without_a_common_child_goes_along_a_link_and_opens_nothing(reaction: Reaction, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        meeting(reaction)
