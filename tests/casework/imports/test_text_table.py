"""Files of text: two encodings in one file, characters that nobody typed, and references written in several ways."""

from pathlib import Path

import pytest

from casework.context import AppContext
from casework.imports.text_table import decoded
from casework.imports.tracker_import import import_file
from casework.privacy.access import read_person
from tests.support.team import Team
from tests.support.trackers import codes, scalar

HEADER = "Ref,Local authority,NHS number,Name,Request received by LA,Comments\n"


@pytest.fixture
def context(team: Team) -> AppContext:
    return team.context("14 Apr 2026")


def saved(folder: Path, *lines: bytes) -> Path:
    path = folder / "tracker.csv"
    path.write_bytes(HEADER.encode() + b"\n".join(lines) + b"\n")
    return path


def line(reference: str, name: str, encoding: str, comments: str = "") -> bytes:
    return f"{reference},Northshire,9991000143,{name},05/01/2026,{comments}".encode(encoding)


def test_a_byte_of_another_encoding_doubts_its_line_and_the_others_keep_their_names(
    context: AppContext, tmp_path: Path
) -> None:
    path = saved(
        tmp_path, line("AB00001", "Zoë O’Connor", "utf-8"), b"AB00002,Northshire,,,05/01/2026,cost \xa35 caf\xe9"
    )
    report = import_file(context, path)
    assert codes(report) == {3: ["encoding"]} and report.accepted == 1
    assert report.refusals[0].message.startswith("Comments (column F): the cell has letters in another encoding")
    assert read_person(context, "AB00001", "dco.team", "contact").name == "Zoë O’Connor"


def test_the_rarer_encoding_of_a_file_is_the_doubted_one(context: AppContext, tmp_path: Path) -> None:
    path = saved(
        tmp_path,
        b"AB00001,Northshire,,Zo\xeb,05/01/2026,",
        b"AB00002,Northshire,,Ren\xe9e,05/01/2026,",
        line("AB00003", "Zoë", "utf-8"),
    )
    report = import_file(context, path)
    assert codes(report) == {4: ["encoding"]} and report.accepted == 2
    assert read_person(context, "AB00002", "dco.team", "contact").name == "Renée"


def test_a_file_of_one_encoding_is_read_in_it() -> None:
    assert decoded("Zoë £5 – O’Brien".encode("cp1252")) == "Zoë £5 – O’Brien"
    assert decoded("Zoë £5 – O’Brien".encode()) == "Zoë £5 – O’Brien"
    assert decoded(b"a\xed\xa0\x80") != "a"


@pytest.mark.parametrize("mark", ["\0", "\x07", "\x1b"])
def test_a_control_character_in_a_comment_is_refused_when_the_file_is_read(
    context: AppContext, tmp_path: Path, mark: str
) -> None:
    path = saved(tmp_path, line("AB00001", "Zoe", "utf-8", f"rang{mark} twice"), line("AB00002", "Zoe", "utf-8"))
    report = import_file(context, path)
    assert codes(report) == {2: ["control_character"]} and report.accepted == 1
    assert report.refusals[0].message.startswith("Comments (column F)")
    assert scalar(context, "select count(*) from passage") == 0


@pytest.mark.parametrize("end", [b"\x1a", b"\x1a\r\n", b"\r\n\x1a\x1a"])
def test_marks_for_the_end_of_the_file_are_no_row(context: AppContext, tmp_path: Path, end: bytes) -> None:
    path = saved(tmp_path, line("AB00001", "Zoe", "utf-8"))
    path.write_bytes(path.read_bytes() + end)
    report = import_file(context, path)
    assert (report.rows, report.accepted, report.remarks) == (1, 1, [])


def test_a_reference_with_blanks_or_hyphens_is_the_same_one(context: AppContext, tmp_path: Path) -> None:
    lines = [f"{ref},Northshire,,,05/01/2026," for ref in ("PT00011", "PT 00011", "PT-00011", "pt–00011", "PT00012")]
    report = import_file(context, saved(tmp_path, *(each.encode() for each in lines)))
    assert codes(report) == {number: ["duplicate_reference"] for number in (3, 4, 5)}
    assert scalar(context, "select group_concat(case_ref) from case_file") == "PT00011,PT00012"


def test_a_later_file_finds_the_case_in_every_spelling(context: AppContext, tmp_path: Path) -> None:
    import_file(context, saved(tmp_path, b"PT00011,Northshire,,,05/01/2026,", b"PT-00012,Northshire,,,05/01/2026,"))
    for lines in (("PT 00011", "PT00012"), ("PT-00011", "pt 00012"), ("PT - 00011", "PT -00012")):
        report = import_file(context, saved(tmp_path, *(f"{ref},Northshire,,,05/01/2026,".encode() for ref in lines)))
        assert (report.accepted, report.unchanged, report.facts_added) == (2, 2, 0)
    assert scalar(context, "select group_concat(case_ref) from case_file order by 1") == "PT-00012,PT00011"


def test_a_name_with_a_year_becomes_no_reference(context: AppContext, tmp_path: Path) -> None:
    report = import_file(context, saved(tmp_path, b"Sam 2015,Northshire,,,05/01/2026,"))
    assert [named.case_ref for named in report.named] == ["SF-000001"]
