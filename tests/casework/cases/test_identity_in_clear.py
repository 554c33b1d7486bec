"""No NHS number, date of birth or child's name is stored in clear: not in a reference, an actor or a tracker's cell."""

from pathlib import Path

import pytest

from casework.cases.record import RecordCommand, record_acts
from casework.cases.validation import Refused
from casework.imports.tracker_import import import_file
from models.facts import FactDraft
from tests.support.by_hand import CASE, day
from tests.support.team import Team
from tests.support.trackers import SOUND
from tests.support.trackers import TODAY as TRACKED

TODAY = "2 Mar 2026"
OPENING = "ehc_assessment_requested"
NUMBERS = ("A999-000-0018", "B-999000-0018", "NX/999/000/0018")
BIRTHS = ("NS-2018-07-21", "NS21072018", "NS-21/07/2018")


@pytest.mark.parametrize("reference", [*NUMBERS, *BIRTHS])
def test_an_authoritys_reference_that_identifies_the_child_is_refused(team: Team, reference: str) -> None:
    before = team.dump()
    with pytest.raises(Refused) as problem:
        team.act(TODAY, (OPENING, TODAY, {"la": "northshire", "la_reference": reference}))
    assert (problem.value.code, problem.value.field, team.dump()) == ("identifier", "la_reference", before)
    assert reference not in problem.value.message


def test_a_correction_is_held_to_the_same(team: Team) -> None:
    team.opened("2 Feb 2026")
    context = team.context(day(TODAY))
    correction = FactDraft("fact_corrected", day(TODAY), {"la_reference": NUMBERS[0]}, 1)
    [outcome] = record_acts(context, [RecordCommand(CASE, [correction])], "dco.team", "record")
    assert getattr(outcome, "code", None) == "identifier"


@pytest.mark.parametrize("actor", ["first.last.999-000-0018", "zoe.2018-07-21", "dco.21-07-2018"])
def test_an_actor_is_an_account_and_no_child(team: Team, actor: str) -> None:
    opening = FactDraft(OPENING, day(TODAY), {"la": "northshire"})
    with pytest.raises(ValueError, match="account name"):
        record_acts(team.context(day(TODAY)), [RecordCommand("NX90001", [opening])], actor, "record")


@pytest.mark.parametrize(("reference", "actor"), [("ZOE-OAKES-1", "dco.team"), ("NS-04412", "zoe.oakes")])
def test_the_childs_full_name_is_refused_as_reference_and_as_actor(team: Team, reference: str, actor: str) -> None:
    opening = FactDraft(OPENING, day(TODAY), {"la": "northshire", "la_reference": reference})
    command = RecordCommand("NX90001", [opening], {"name": "Zoë Oakes"})
    [outcome] = record_acts(team.context(day(TODAY)), [command], actor, "record")
    assert getattr(outcome, "code", None) == "identifier"


def test_a_row_is_refused_by_the_cell_that_identifies_the_child(team: Team, tmp_path: Path) -> None:
    rows = [
        ("TR00001", "B999-000-0018", "Ann Oakes"),
        ("TR00002", "ZOE OAKES 1", "Zoe Oakes"),
        ("TR3", "NS-7", "Bo Oakes"),
    ]
    plain = {**SOUND, "NHS number": "", "DOB": ""}
    table = [{**plain, "Ref": ref, "LA ref": theirs, "Name": name} for ref, theirs, name in rows]
    file = tmp_path / "tracker.csv"
    lines = [",".join(cells) for cells in ([*table[0]], *([*row.values()] for row in table))]
    file.write_text("\n".join(lines) + "\n")
    report = import_file(team.context(day(TRACKED)), file)
    refused = [(each.line, each.field, each.code) for each in report.refusals]
    assert refused == [(2, "LA ref", "identifier"), (3, "LA ref", "identifier")]
    assert report.accepted == 1
