"""The pages of an import: a file is sent, checked, corrected, chosen and recorded; the command says the same."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from casework.access import accounts
from casework.context import AppContext
from casework.imports import staged as files
from casework.imports import work
from casework.imports.sen2 import compare_sen2
from casework.imports.tracker_import import import_file
from models.database import transact
from tests.support.team import Team
from tests.support.trackers import FILES, SOUND, TODAY, codes, facts, scalar, tracker
from tests.web.conftest import Browser, browser_of, with_roles, words_of
from web import imports
from web.guards import LARGEST_FORM, LARGEST_TRACKER
from web.installation import Installation

HIDDEN = "SR00042"
NAME = "Canary Featherstone"
WRONG = SOUND | {"Assess?": "perhaps", "Name": NAME}


@pytest.fixture
def context(team: Team) -> AppContext:
    found = team.context(TODAY)
    return with_roles(found, dco_team="dco", admin_team="administrator")


def token_of(page: Any) -> str:
    return str(re.findall(r'name="token" value="([^"]+)"', page.text)[-1])


def send(person: Browser, content: bytes) -> Any:
    data = {"token": token_of(person.get("/imports"))}
    return person.post("/imports/file", data=data, files={"file": (f"{NAME}.csv", content)})


def sent(person: Browser, folder: Path, *rows: Mapping[str, str]) -> Any:
    return send(person, tracker(folder, *rows).read_bytes())


def press(person: Browser, page: Any, step: str, **values: str) -> Any:
    mark = re.search(r'name="mark" value="([^"]+)"', page.text)
    data = {"token": token_of(page), "step": step, **({"mark": mark[1]} if mark else {}), **values}
    return person.post(page.url.path, data=data)


def row_of(person: Browser, page: Any, line: int) -> Any:
    return person.get(f"{page.url.path}/rows/1/{line}")


def answer(person: Browser, page: Any, **values: str) -> Any:
    return person.post(page.url.path, data={"token": token_of(page), **values})


def test_a_file_is_checked_and_then_recorded_as_the_command_records_it(
    context: AppContext, person: Browser, team: Team, tmp_path: Path
) -> None:
    content = (FILES / "doubtful.csv").read_bytes()
    would = import_file(context, content, dry_run=True)
    page = send(person, content)
    said = words_of(page)
    assert page.url.path.startswith("/imports/") and scalar(context, "SELECT count(*) FROM fact") == 0
    assert f"{would.rows} rows" in said and f"{would.refused} refused" in said
    for line in codes(would):
        assert f"/rows/1/{line}" in page.text or would.refused > imports.ROWS
    done = press(person, page, "record")
    assert "The import is recorded" in done.text
    assert scalar(context, "SELECT count(*) FROM fact") == would.facts_added
    assert {(fact.via, fact.actor) for fact in team.lines(scalar(context, "SELECT min(case_ref) FROM case_file"))} == {
        ("import", "dco.team")
    }
    assert import_file(context, content, dry_run=True).facts_added == 0
    assert scalar(context, "SELECT count(*) FROM import_file") == 1


def test_a_refused_cell_is_shown_with_what_was_expected_and_an_identifying_one_on_its_own_page_only(
    person: Browser, tmp_path: Path
) -> None:
    page = sent(person, tmp_path, WRONG | {"NHS number": "9991234501"})
    assert "expected Yes or No" in words_of(page) and "perhaps" in page.text
    assert "for example 999 123 4500" in words_of(page)
    assert "9991234501" not in page.text and NAME not in page.text
    row = row_of(person, page, 2)
    assert "9991234501" in row.text and NAME in row.text and NAME not in str(row.url)
    assert set(re.findall(r'name="cell-([^"]+)"', row.text)[:2]) == {"assess", "nhs_number"}, (
        "what is wrong comes first"
    )


def test_a_row_is_corrected_in_place_and_the_next_one_follows(
    context: AppContext, person: Browser, tmp_path: Path
) -> None:
    page = sent(person, tmp_path, WRONG, WRONG | {"Ref": "AB002", "NHS number": ""})
    still = answer(person, row_of(person, page, 2), **{"cell-assess": "maybe"})
    assert still.url.path.endswith("/rows/1/2") and "still refused" in still.text and "maybe" in still.text
    following = answer(person, still, **{"cell-assess": "Yes"})
    assert following.url.path.endswith("/rows/1/3")
    whole = answer(
        person, following, **{"cell-assess": "No", "cell-asked_on": "", "cell-services": "", "cell-answer:camhs": ""}
    )
    assert "No row is refused" in whole.text
    press(person, whole, "record")
    assert ("assessment_agreed", "2026-02-09") in facts(context, "AB001")
    assert ("assessment_refused", "2026-02-09") in facts(context, "AB002")


def test_twins_stand_side_by_side_and_both_are_recorded(context: AppContext, person: Browser, tmp_path: Path) -> None:
    twin = SOUND | {"NHS number": "9991234519", "DOB": "03/03/2015"}
    page = sent(person, tmp_path, SOUND, twin)
    row = row_of(person, page, 3)
    assert "Side by side" in row.text and "Line 2" in row.text and "9991234519" in row.text
    assert {"old", "new", "both"} == set(re.findall(r'name="choice" type="radio" value="(\w+)"', row.text))
    press(person, answer(person, row, choice="both"), "record")
    assert scalar(context, "SELECT count(DISTINCT child_key) FROM case_file") == 2


def test_of_two_rows_with_one_reference_the_later_one_may_be_right(
    context: AppContext, person: Browser, tmp_path: Path
) -> None:
    later = SOUND | {"Request received by LA": "06/01/2026"}
    page = answer(person, row_of(person, sent(person, tmp_path, SOUND, later), 3), choice="new")
    assert "1 left out by you" in words_of(page)
    press(person, page, "record")
    assert facts(context, "AB001")[0] == ("ehc_assessment_requested", "2026-01-06")


@pytest.mark.parametrize(("choice", "day"), [("old", "05/01/2026"), ("new", "06/01/2026")])
def test_the_record_stands_beside_the_file_and_either_may_be_right(
    context: AppContext, person: Browser, tmp_path: Path, choice: str, day: str
) -> None:
    import_file(context, tracker(tmp_path, SOUND).read_bytes())
    row = row_of(person, sent(person, tmp_path, SOUND | {"Request received by LA": "06/01/2026"}), 2)
    assert "05/01/2026" in row.text and "06/01/2026" in row.text and 'href="/cases/AB001"' in row.text
    done = press(person, answer(person, row, choice=choice), "record")
    assert "The import is recorded" in done.text
    again = import_file(context, tracker(tmp_path, SOUND | {"Request received by LA": day}).read_bytes(), dry_run=True)
    assert (again.unchanged, again.refused) == (1, 0)
    assert scalar(context, "SELECT count(*) FROM case_look WHERE what = 'import'") >= 1


def test_the_refused_rows_go_down_as_a_file_before_and_after_the_recording(person: Browser, tmp_path: Path) -> None:
    page = sent(person, tmp_path, WRONG, SOUND | {"Ref": "AB002", "NHS number": ""})
    for _time in range(2):
        got = person.get(f"{page.url.path}/refused")
        assert got.headers["content-disposition"] == 'attachment; filename="refused-rows.xlsx"'
        header, row = load_workbook(BytesIO(got.content)).active.iter_rows(values_only=True)
        assert dict(zip(header, row, strict=True))["Assess?"] == "perhaps" and header[-1] == "To correct"
        page = press(person, page, "record") if "step" in page.text and "Record 1 row" in page.text else page
    assert "1 row was refused" in words_of(page)


def test_bad_files_are_refused_beside_the_field_with_a_form_to_send_another(person: Browser) -> None:
    for content, says in (
        (b"", "Choose the tracker"),
        (b"one,two\n1,2\n", "No header row was found"),
        (b"\xd0\xcf\x11\xe0 old", "old .xls workbook or is locked with a password"),
        (b"PK\x03\x04 nothing", "expected a CSV file"),
    ):
        page = send(person, content)
        assert page.status_code == 400 and "nhsuk-error-message" in page.text and says in words_of(page), content
        assert "Error: Import" in page.text and 'type="file"' in page.text
    large = send(person, b"x" * (LARGEST_TRACKER + LARGEST_FORM + 1))
    assert large.status_code == 413 and "larger than 10 MB" in large.text
    assert "larger than 10 MB" in send(person, b"x" * (LARGEST_TRACKER + 1)).text


def test_a_column_like_an_answer_stops_until_the_person_goes_on(context: AppContext, person: Browser) -> None:
    header = ",".join([*SOUND, "Advice returned today"])
    page = send(person, f"{header}\n{','.join([*SOUND.values(), 'x'])}\n".encode())
    assert "stops before it records anything" in page.text and 'value="record"' not in page.text
    assert press(person, page, "record", mark="x").status_code == 409
    going_on = press(person, page, "ignore")
    assert "stops before" not in going_on.text
    press(person, going_on, "record")
    assert scalar(context, "SELECT count(*) FROM case_file") == 1


def test_what_changed_since_the_check_is_read_again_before_it_is_recorded(
    context: AppContext, person: Browser, tmp_path: Path
) -> None:
    page = sent(person, tmp_path, WRONG)
    old = page.text
    answer(person, row_of(person, page, 2), **{"cell-assess": "Yes"})
    mark = re.search(r'name="mark" value="([^"]+)"', old)
    assert mark is not None
    late = press(person, person.get(page.url.path), "record", mark=mark[1])
    assert late.status_code == 409 and scalar(context, "SELECT count(*) FROM fact") == 0


def test_a_file_is_its_senders_alone(installation: Installation, person: Browser, tmp_path: Path) -> None:
    page = sent(person, tmp_path, WRONG)
    other = browser_of(installation).sign_in("admin.team")
    for path in (page.url.path, f"{page.url.path}/rows/1/2", f"{page.url.path}/refused"):
        assert other.get(path).status_code == 404
    token = token_of(other.get("/imports"))
    for step in ("record", "end", "again", "ignore"):
        assert other.post(page.url.path, data={"token": token, "step": step}).status_code == 409
    shown = other.get("/imports").text
    assert "dco.team" in shown and page.url.path not in shown
    again = sent(other, tmp_path, WRONG)
    assert "dco.team has sent the same file" in words_of(again)


def test_work_that_a_killed_process_left_goes_on_when_the_page_is_opened(
    context: AppContext, installation: Installation, person: Browser, tmp_path: Path
) -> None:
    id_ = files.stage(context, tracker(tmp_path, SOUND).read_bytes(), "dco.team", files.real_now())
    page = person.get(f"/imports/{id_}")
    assert page.headers["refresh"].startswith(f"3; url=/imports/{id_}") and "You may close this page" in page.text
    assert "refresh" not in person.get(f"/imports/{id_}?refresh=off").headers or "Check the import" in page.text
    installation.imports.close()
    assert "Check the import before it is recorded" in person.get(f"/imports/{id_}").text


def test_a_file_is_deleted_when_its_person_says_so(context: AppContext, person: Browser, tmp_path: Path) -> None:
    page = sent(person, tmp_path, SOUND)
    assert "The file is deleted" in press(person, page, "end").text
    assert files.listed(context) == [] and person.get(page.url.path).status_code == 404
    assert press(person, person.get("/imports"), "nothing").status_code in (403, 404, 405)


def test_a_wrong_step_and_a_row_without_an_answer_are_named(person: Browser, tmp_path: Path) -> None:
    page = sent(person, tmp_path, WRONG)
    assert press(person, page, "dance").status_code == 400
    row = row_of(person, page, 2)
    values = {"cell-assess": "perhaps"}
    assert answer(person, row, **values).status_code == 400
    assert answer(person, row, choice="both").status_code == 400
    long = answer(person, row, **{"cell-assess": "x" * 3_000})
    assert long.status_code == 400 and "at most 2000 characters" in words_of(long)
    assert row_of(person, page, 99_999).url.path == page.url.path


def test_the_file_is_in_no_log_of_the_pages_and_of_prefect(
    person: Browser, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_given: object, **_choices: object) -> None:
        raise RuntimeError(NAME)

    page = sent(person, tmp_path, WRONG, SOUND | {"Ref": "AB002"})
    with monkeypatch.context() as patch:
        patch.setattr(work, "import_file", broken)
        failed = press(person, page, "record")
    assert "A fault ended the work (RuntimeError)" in words_of(failed) and NAME not in caplog.text
    assert "a file could not be imported (RuntimeError)" in caplog.text
    assert "The import is recorded" in press(person, press(person, failed, "again"), "record").text


def test_a_sen2_extract_is_compared_as_the_command_compares_it_and_stored_nowhere(
    context: AppContext, person: Browser, team: Team, tmp_path: Path
) -> None:
    import_file(context, tracker(tmp_path, SOUND | {"Name": NAME}).read_bytes())
    lines = (
        "surname,forename,personbirthdate,receiveddate,requestoutcome",
        "Featherstone,Canary,02/03/2015,07/01/2026,N",
    )
    content = "\n".join(lines).encode()
    data = {"token": token_of(person.get("/sen2")), "la": "northshire"}
    page = person.post("/sen2/file", data=data, files={"file": (f"{NAME}.csv", content)})
    [case] = compare_sen2(context, content, "northshire").differing
    rows = re.findall(r"<tr role=\"row\" class=\"nhsuk-table__row\">(.*?)</tr>", page.text, re.DOTALL)
    assert len(rows) == len(case.differences) == 3 and all("AB001" in row for row in rows)
    assert "Featherstone" not in page.text and NAME not in str(page.url)
    assert files.listed(context) == [] and [fact.kind for fact in team.lines("AB001")].count("fact_corrected") == 0
    assert scalar(context, "SELECT count(*) FROM case_look WHERE what = 'sen2'") == 1
    for given, says in (({"la": "nowhere"}, "Choose the authority"), ({}, "Choose the extract")):
        wrong = person.post("/sen2/file", data={**data, **given}, files={"file": ("x.csv", b"")})
        assert wrong.status_code == 400 and says in words_of(wrong)
    no_extract = person.post("/sen2/file", data=data, files={"file": ("x.csv", b"a,b")})
    assert no_extract.status_code == 400 and "No row has the headings of an extract" in words_of(no_extract)


def test_the_line_that_makes_days_doubtful_is_named_and_correcting_it_settles_them(
    person: Browser, tmp_path: Path
) -> None:
    other = [SOUND | {"Ref": f"AB00{number}", "NHS number": ""} for number in (1, 2, 3)]
    other[2] |= {"Request received by LA": "01/25/2026"}
    page = sent(person, tmp_path, *other)
    assert "Line 4 has the month first in the column Request received by LA, so 2 days of it" in words_of(page)
    assert "Correct line 4 first" in words_of(row_of(person, page, 2))
    assert "Correct line 4 first" not in words_of(row_of(person, page, 4))
    answer(person, row_of(person, page, 4), **{"cell-requested_on": "25/01/2026"})
    assert "has the month first" not in person.get(page.url.path).text


def test_a_page_of_work_asks_for_itself_without_a_fragment_and_goes_on_to_the_row(
    installation: Installation, person: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Busy:
        def begin(self, *_given: object) -> None:
            """Do nothing: the work goes on for ever."""

        begin_and_wait = begin

    page = sent(person, tmp_path, WRONG)
    pool = installation.imports
    monkeypatch.setattr(installation, "imports", Busy())
    waits = answer(person, row_of(person, page, 2), **{"cell-assess": "maybe"})
    assert "The file is being read" in waits.text and "then=1-2" in waits.headers["refresh"]
    monkeypatch.setattr(installation, "imports", pool)
    still = person.get(waits.headers["refresh"].partition("url=")[2])
    while "The file is being read" in still.text:
        still = person.get(still.headers["refresh"].partition("url=")[2])
    assert still.url.path.endswith("/rows/1/2") and "still refused" in still.text and "maybe" in still.text
    monkeypatch.setattr(installation, "imports", Busy())
    press(person, page, "again")
    again = person.get(f"{page.url.path}?why=missing")
    assert again.headers["refresh"] == f"3; url={page.url.path}?why=missing"
    assert "refresh" not in person.get(f"{page.url.path}?refresh=off").headers


def test_a_row_about_a_case_that_its_reader_may_not_know_of_gets_a_neutral_refusal(
    team: Team, context: AppContext, installation: Installation, person: Browser, tmp_path: Path
) -> None:
    said: dict[str, Any] = {"how": "form", "referred_to": "multi_agency_hub", "parents_informed": "yes"}
    team.record(TODAY, "safeguarding_referral_made", case=HIDDEN, la="northshire", nhs_number="999 123 4500", **said)
    row = SOUND | {"Ref": HIDDEN, "Comments": f"see {HIDDEN}"}
    page = row_of(person, sent(person, tmp_path, row), 2)
    neutral = "expected another reference, for example NX00042; ask the Designated Clinical Officer about this one"
    assert neutral in words_of(page)
    assert "afeguarding" not in page.text and f"/cases/{HIDDEN}" not in page.text
    assert {"choice"} & set(re.findall(r'name="(choice)"', page.text)) and "Side by side" not in page.text
    stored = load_workbook(BytesIO(person.get(f"{page.url.path.partition('/rows')[0]}/refused").content))
    assert "expected another reference" in str(list(stored.active.iter_rows(values_only=True))[1][-1])
    named = with_roles(context, sam_lee="dco")
    give = partial(accounts.change_role, account="sam.lee", role="dco", scope="safeguarding_referral", actor="test")
    transact(named.engine, give)
    sam = browser_of(installation).sign_in("sam.lee")
    seen = row_of(sam, sent(sam, tmp_path, row), 2)
    assert neutral not in words_of(seen) and "refused row 1 of 1" in words_of(seen)
