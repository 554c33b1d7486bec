"""A trial of a tracker, a person's answers about single rows, and the file of refused rows to correct."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import pytest
from openpyxl import load_workbook
from sqlalchemy import func, select

from audit.verify import verify
from casework.context import AppContext
from casework.imports.raw_rows import SheetError
from casework.imports.row_choices import Answers, RowChoice
from casework.imports.tracker_import import ImportReport, import_file
from casework.imports.trial import file_to_correct, try_import
from casework.privacy.access import read_person
from models.database import reading
from models.tables import FACT
from tests.support.team import Team
from tests.support.trackers import FILES, SOUND, TODAY, case_of, codes, facts, scalar, tracker

TWIN = SOUND | {"NHS number": "9991234519", "Name": "Second Twin"}
OTHER_DAY = {"Request received by LA": "06/01/2026"}


@pytest.fixture
def context(team: Team) -> AppContext:
    return team.context(TODAY)


def content(folder: Path, *rows: Mapping[str, str]) -> bytes:
    return tracker(folder, *rows).read_bytes()


def answered(context: AppContext, file: bytes, line: int, choice: RowChoice, **cells: str) -> ImportReport:
    answers = Answers().with_row((1, line), cells, choice)
    return import_file(context, file, actor="dco.team", answers=answers)


def test_a_trial_says_what_the_import_then_does_and_writes_nothing(team: Team, context: AppContext) -> None:
    file = (FILES / "plain.csv").read_bytes()
    before = team.dump()
    trial = try_import(context, file, "dco.team")
    assert team.dump() == before
    would = trial.report
    did = import_file(context, file)
    assert would.model_copy(update={"dry_run": False, "named": did.named}) == did
    with reading(context.engine) as connection:
        written = connection.execute(select(FACT.c.kind, func.count().label("number")).group_by(FACT.c.kind)).all()
    assert trial.kinds == {row.kind: row.number for row in written}
    notices = scalar(context, "SELECT count(*) FROM notice")
    assert sum(each.matters for each in trial.letters) == notices
    assert (trial.imported_at, len(try_import(context, file, "dco.team").imported_at)) == ([], 1)


def test_a_trial_names_how_each_column_was_understood(context: AppContext, tmp_path: Path) -> None:
    file = content(tmp_path, SOUND).replace(b"Comments", b"Sam Example notes")
    columns = {column.letter: column for column in try_import(context, file, "dco.team").columns}
    assert (columns["A"].header, columns["A"].column, columns["A"].meaning) == ("Ref", "reference", "Ref")
    [unread] = [column for column in columns.values() if column.column is None]
    assert "Sam" not in unread.header and "Example" not in unread.header
    assert len(columns) == len(file.splitlines()[0].split(b","))


def test_a_column_like_an_answer_stops_and_the_rest_is_shown(context: AppContext, tmp_path: Path) -> None:
    file = content(tmp_path, SOUND | {"Section G agreed": "x"}).replace(b"Section G agreed", b"Advice returned today")
    trial = try_import(context, file, "dco.team")
    assert trial.stopped is not None and "look like answers" in trial.stopped and "sendflow" not in trial.stopped
    assert trial.report.accepted == 1
    assert try_import(context, file, "dco.team", ignore_columns=True).stopped is None


def test_content_that_is_no_tracker_is_refused(context: AppContext) -> None:
    for bad in (b"", b"   \n", b"\xd0\xcf\x11\xe0old", b"a,b\n1,2\n", b"PK\x03\x04nothing", b"\x00\x01\x02"):
        with pytest.raises(SheetError):
            try_import(context, bad, "dco.team")


def test_a_corrected_cell_is_read_as_if_the_file_had_it(context: AppContext, tmp_path: Path) -> None:
    file = content(tmp_path, SOUND | {"Request received by LA": "31/02/2026"}, SOUND | {"Ref": "AB002"})
    [row] = try_import(context, file, "dco.team").rows
    assert [(problem.column, problem.code) for problem in row.problems] == [("requested_on", "impossible_date")]
    assert "for example 05/03/2026" in row.problems[0].expected
    answers = Answers().with_row((1, 2), {"requested_on": "06/01/2026"}, None)
    assert try_import(context, file, "dco.team", answers).rows == []
    assert import_file(context, file, answers=answers).refused == 0
    assert facts(context, "AB001")[0] == ("ehc_assessment_requested", "2026-01-06")
    wrong = answers.with_row((1, 2), {"requested_on": "soon"}, None)
    assert codes(import_file(context, file, answers=wrong)) == {2: ["not_a_date"]}


def test_one_corrected_cell_ends_the_doubt_of_its_whole_column(context: AppContext, tmp_path: Path) -> None:
    days = ("01/16/2026", "05/01/2026", "06/01/2026")
    rows = [SOUND | {"Ref": f"AB00{n}", "NHS number": "", "Request received by LA": day} for n, day in enumerate(days)]
    file = content(tmp_path, *rows)
    assert len(try_import(context, file, "dco.team").rows) == 3
    assert (
        try_import(context, file, "dco.team", Answers().with_row((1, 2), {"requested_on": "16/01/2026"}, None)).rows
        == []
    )


def test_old_new_and_leave_settle_a_cell_that_differs_from_the_record(context: AppContext, tmp_path: Path) -> None:
    import_file(context, content(tmp_path, SOUND))
    newer = content(tmp_path, SOUND | OTHER_DAY | {"Speech and Language Therapy returned": "17/03/2026"})
    [row] = try_import(context, newer, "dco.team").rows
    assert (row.codes, row.cases) == ({"differs"}, ["AB001"])
    left = answered(context, newer, 2, RowChoice.LEAVE)
    assert (left.left_out, left.refused, left.facts_added, len(left.refusals)) == (1, 0, 0, 0)
    old = answered(context, newer, 2, RowChoice.OLD)
    assert (old.accepted, old.corrections, old.facts_added) == (1, 0, 1)
    assert facts(context, "AB001")[0] == ("ehc_assessment_requested", "2026-01-05")
    assert ("health_advice_received", "2026-03-17") in facts(context, "AB001")
    new = answered(context, newer, 2, RowChoice.NEW)
    assert (new.accepted, new.corrections) == (1, 1)
    assert case_of(context, "AB001").facts[0].corrected_to is not None
    assert answered(context, newer, 2, RowChoice.NEW).unchanged == 1


def test_old_leaves_the_known_identity_as_it_is(context: AppContext, tmp_path: Path) -> None:
    import_file(context, content(tmp_path, SOUND))
    newer = content(tmp_path, SOUND | {"DOB": "03/02/2015"})
    assert answered(context, newer, 2, RowChoice.OLD).unchanged == 1
    assert read_person(context, "AB001", "dco.team", "contact").date_of_birth == "2015-03-02"
    assert answered(context, newer, 2, RowChoice.NEW).corrections == 1
    assert read_person(context, "AB001", "dco.team", "contact").date_of_birth == "2015-02-03"


def test_twins_under_one_reference_become_two_cases_once(context: AppContext, tmp_path: Path) -> None:
    file = content(tmp_path, SOUND | {"Name": "First Twin"}, TWIN)
    [row] = try_import(context, file, "dco.team").rows
    assert row.codes == {"duplicate_reference"}
    both = answered(context, file, 3, RowChoice.BOTH)
    assert (both.accepted, both.refused, len(both.named)) == (2, 0, 1)
    assert scalar(context, "SELECT count(DISTINCT child_key) FROM case_file") == 2
    assert read_person(context, both.named[0].case_ref, "dco.team", "contact").nhs_number == "9991234519"
    again = import_file(context, file)  # nobody chooses again: the twin's case is known
    assert (again.unchanged, again.refused, again.facts_added) == (2, 0, 0)
    moved = content(tmp_path, SOUND | {"Ref": "AB009", "NHS number": ""}, SOUND | {"Name": "First Twin"}, TWIN)
    assert import_file(context, moved).unchanged == 2
    assert verify(context).intact


def test_a_stored_case_and_a_row_of_its_twin_become_two(context: AppContext, tmp_path: Path) -> None:
    import_file(context, content(tmp_path, SOUND | {"Name": "First Twin"}))
    file = content(tmp_path, TWIN)
    assert try_import(context, file, "dco.team").rows[0].cases == ["AB001"]
    done = answered(context, file, 2, RowChoice.BOTH)
    assert (done.accepted, len(done.named)) == (1, 1)
    assert read_person(context, "AB001", "dco.team", "contact").nhs_number == "9991234500"


def test_the_child_of_one_row_is_confirmed_and_of_no_other(context: AppContext, tmp_path: Path) -> None:
    rows = [
        {key: value for key, value in SOUND.items() if key != "DOB"} | {"Ref": f"AB00{number}", "NHS number": nhs}
        for number, nhs in enumerate(("9991234500", "9991234500", "9991234519", "9991234519"))
    ]
    file = content(tmp_path, *(row | {"Request received by LA": "06/01/2026"} for row in rows))
    found = try_import(context, file, "dco.team").rows
    assert [(row.line, row.codes) for row in found] == [(3, {"confirm_child"}), (5, {"confirm_child"})]
    done = answered(context, file, 3, RowChoice.SAME)
    assert 3 not in codes(done) and codes(done)[5] == ["confirm_child"]


def test_the_file_to_correct_has_the_cells_and_what_is_expected_and_is_a_tracker(
    context: AppContext, tmp_path: Path
) -> None:
    bad = SOUND | {"Request received by LA": "31/02/2026", "Name": "=1+1"}
    trial = try_import(context, content(tmp_path, bad, SOUND | {"Ref": "AB002"}), "dco.team")
    stored = file_to_correct(trial.rows)
    sheet = load_workbook(BytesIO(stored)).active
    header, row = ([cell.value for cell in line] for line in sheet.iter_rows())
    by_header = dict(zip(header, row, strict=True))
    assert by_header["NHS number"] == SOUND["NHS number"] and by_header["Name"] == "=1+1"
    assert by_header["To correct"].startswith("Request received by LA: there is no such day")
    column = header.index("Request received by LA") + 1
    sheet.cell(2, column).value = "06/01/2026"
    corrected = BytesIO()
    sheet.parent.save(corrected)
    result = import_file(context, corrected.getvalue())
    assert (result.accepted, result.refused) == (1, 0)
    assert facts(context, "AB001")[0] == ("ehc_assessment_requested", "2026-01-06")


def test_answers_are_the_same_after_they_were_stored() -> None:
    answers = Answers().with_row((1, 7), {"name": "Sam"}, None).with_row((2, 9), {}, RowChoice.BOTH)
    assert Answers.of_json(answers.as_json()) == answers
    assert Answers.of_json(answers.as_json()).with_row((1, 7), {}, None).cells == {}


def test_a_piece_at_a_time_records_the_same(context: AppContext, tmp_path: Path) -> None:
    rows = [SOUND | {"Ref": f"AB{n:03}", "NHS number": ""} for n in range(7)]
    result = import_file(context, content(tmp_path, *rows), piece=2)
    assert (result.accepted, result.facts_added) == (7, scalar(context, "SELECT count(*) FROM fact"))
    assert import_file(context, content(tmp_path, *rows), piece=3).unchanged == 7
