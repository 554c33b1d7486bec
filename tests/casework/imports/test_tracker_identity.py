"""Import of identities: references, children, names, and an identity that comes in a later file."""

from pathlib import Path

import pytest

from audit.verify import verify
from casework.context import AppContext
from casework.imports.tracker_import import import_file
from casework.privacy.access import read_person
from tests.support.team import Team
from tests.support.trackers import SOUND, TODAY, case_of, codes, facts, scalar, tracker


@pytest.fixture
def context(team: Team) -> AppContext:
    return team.context(TODAY)


def test_a_row_without_a_usable_reference_gets_one_and_is_found_again(context: AppContext, tmp_path: Path) -> None:
    odd = SOUND | {"Ref": "Ashgrove, Ada / 7"}
    result = import_file(context, tracker(tmp_path, odd, SOUND | {"Ref": "plain no 8", "NHS number": ""}))
    assert result.accepted == 2
    assert sorted(ref for ref in ("SF-000001", "SF-000002") if facts(context, ref)) == ["SF-000001", "SF-000002"]
    again = import_file(context, tracker(tmp_path, odd | {"Ref": " ashgrove,  ADA / 7 "}))
    assert (again.unchanged, again.facts_added) == (1, 0)
    found = read_person(context, "Ashgrove, Ada / 7", "dco.team", "contact")
    assert (found.case_ref, found.reference) == ("SF-000001", "Ashgrove, Ada / 7")
    assert "Ashgrove" not in str(scalar(context, "select group_concat(text) from fact"))


def test_cases_of_one_child_share_a_key_and_two_births_of_one_number_are_refused(
    context: AppContext, tmp_path: Path
) -> None:
    result = import_file(
        context,
        tracker(
            tmp_path,
            SOUND,
            SOUND | {"Ref": "AB002", "Request received by LA": "09/02/2026"},
            SOUND | {"Ref": "AB003", "DOB": "03/03/2015"},
            SOUND | {"Ref": "AB004", "NHS number": ""},
        ),
    )
    assert codes(result) == {4: ["differs"]}
    assert scalar(context, "select count(distinct child_key) from case_file where case_ref in ('AB001', 'AB002')") == 1
    assert scalar(context, "select count(distinct child_key) from case_file") == 2
    later = import_file(context, tracker(tmp_path, SOUND | {"Ref": "AB005", "DOB": "03/03/2015"}))
    assert codes(later) == {2: ["differs"]}


def test_two_names_of_one_number_are_two_children_and_the_second_row_is_refused(
    context: AppContext, tmp_path: Path
) -> None:
    one, other = (
        SOUND | {"Name": "Quillon Marchbanks", "DOB": ""},
        SOUND | {"Ref": "AB002", "Name": "Zenobia Trellis", "DOB": ""},
    )
    result = import_file(context, tracker(tmp_path, one, other))
    assert (result.accepted, [(each.line, each.field, each.code) for each in result.refusals]) == (
        1,
        [(3, "Name", "differs")],
    )
    assert "Zenobia" not in result.model_dump_json()
    again = import_file(context, tracker(tmp_path, one, other))
    assert (again.unchanged, again.corrections, codes(again)) == (
        1,
        0,
        {3: ["differs"]},
    ), "the same file twice changes nothing"


def test_a_row_that_is_given_a_reference_is_reported_by_its_line_only(context: AppContext, tmp_path: Path) -> None:
    file = tracker(tmp_path, SOUND, SOUND | {"Ref": "Brackenbury", "NHS number": "", "DOB": ""})
    assert import_file(context, file, dry_run=True).named == [], "what is undone has no reference"
    result = import_file(context, file)
    assert [(each.case_ref, each.line) for each in result.named] == [("SF-000001", 3)]
    assert case_of(context, "SF-000001").facts and "rackenbury" not in result.model_dump_json()
    assert import_file(context, file).named == []


def test_an_identity_in_a_later_file_is_linked_to_the_case(context: AppContext, tmp_path: Path) -> None:
    bare = SOUND | {"NHS number": "", "DOB": ""}
    import_file(context, tracker(tmp_path, bare))
    assert not read_person(context, "AB001", "dco.team", "contact").known
    result = import_file(context, tracker(tmp_path, SOUND))
    assert (result.accepted, result.facts_added) == (1, 0)
    assert read_person(context, "AB001", "dco.team", "contact").nhs_number == "9991234500"
    removed = import_file(context, tracker(tmp_path, bare))
    assert (removed.unchanged, removed.refused) == (1, 0) and read_person(context, "AB001", "dco.team", "contact").known
    assert verify(context).intact
