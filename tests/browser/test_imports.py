"""The pages of an import in Chromium: by role, at both widths, without a script, by keyboard, and every error state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from casework.imports import staged as files
from tests.browser.conftest import NARROW, WIDE, Visitor
from tests.browser.looking import faults_of
from tests.support.trackers import SOUND, tracker
from web.installation import Installation

TWIN = SOUND | {"NHS number": "9991234519", "DOB": "03/03/2015"}
ROWS = (
    SOUND | {"Ref": "ZB001", "Assess?": "perhaps"},
    SOUND | {"Ref": "ZB002", "NHS number": "9991234501"},
    SOUND | {"Ref": "ZB003"},
    TWIN | {"Ref": "ZB003"},
)


def send(person: Visitor, folder: Path, *rows: Mapping[str, str]) -> None:
    person.open("/imports")
    person.page.get_by_label("The tracker").set_input_files(tracker(folder, *rows))
    person.press("Send and read it")
    person.page.wait_for_url("**/imports/*")
    person.page.get_by_role("heading", level=1, name="Check the import").wait_for()


def test_a_tracker_is_sent_corrected_chosen_and_recorded_at_both_widths(
    visitors: Callable[..., Visitor], own_sample: tuple[Installation, str], tmp_path: Path
) -> None:
    installation, origin = own_sample
    faults: list[str] = []
    for size in (WIDE, NARROW):
        person = visitors(installation, origin, size)
        person.sign_in("dco.team")
        person.open("/imports")
        person.press("Send and read it")
        assert person.page.title().startswith("Error: ")
        faults += faults_of(person)
        send(person, tmp_path, *ROWS)
        faults += faults_of(person)
        person.follow("Line 2")
        faults += faults_of(person)
        person.page.get_by_label("Assess?").fill("x" * 2_001)
        person.press("Read the row again")
        assert person.page.title().startswith("Error: ")
        faults += faults_of(person)
        person.page.get_by_label("Assess?").fill("Yes")
        person.press("Read the row again")
        assert person.says("The row before is settled")
        person.follow("All of the file")
        person.follow("Line 5 beside line 4")
        assert person.says("Side by side")
        faults += faults_of(person)
        person.press("Read the row again")
        assert person.page.title().startswith("Error: ")
        faults += faults_of(person)
        if size == WIDE:
            person.page.get_by_label("Both are right").check()
            person.press("Read the row again")
        person.follow("All of the file")
    person.press("Record")
    person.page.get_by_role("heading", level=1, name="The import is recorded").wait_for()
    faults += faults_of(person)
    person.press("Delete this summary")
    assert person.path.startswith("/imports?ended")
    assert faults == []


def test_the_whole_way_needs_no_script_and_no_mouse(
    visitors: Callable[..., Visitor], own_sample: tuple[Installation, str], tmp_path: Path
) -> None:
    installation, origin = own_sample
    person = visitors(installation, origin, NARROW, java_script_enabled=False)
    person.sign_in("admin.team")
    send(person, tmp_path, SOUND | {"Ref": "ZB010"})
    person.page.get_by_role("button", name="Record 1 row").focus()
    person.page.keyboard.press("Enter")
    person.page.get_by_role("heading", level=1, name="The import is recorded").wait_for()
    assert person.says("1 row accepted")


def test_a_page_of_work_loads_itself_again_until_the_work_is_done(
    visitors: Callable[..., Visitor], own_sample: tuple[Installation, str], tmp_path: Path
) -> None:
    installation, origin = own_sample
    context = installation.context()
    rows = [SOUND | {"Ref": f"ZC{n:04}", "NHS number": ""} for n in range(30)]
    id_ = files.stage(context, tracker(tmp_path, *rows).read_bytes(), "dco.team", files.real_now())
    person = visitors(installation, origin, NARROW, java_script_enabled=True)
    person.sign_in("dco.team")
    person.open(f"/imports/{id_}?refresh=off")
    faults = faults_of(person)
    person.open(f"/imports/{id_}")
    person.page.get_by_role("heading", level=1, name="Check the import").wait_for()
    assert person.says("30 rows") and faults == []


def test_an_extract_is_compared_and_its_errors_are_named_at_both_widths(
    visitors: Callable[..., Visitor], own_sample: tuple[Installation, str], tmp_path: Path
) -> None:
    installation, origin = own_sample
    extract = tmp_path / "extract.csv"
    extract.write_text("receiveddate,personbirthdate,lareference\n01/01/2026,01/01/2016,none\nsoon,,\n", "utf-8")
    faults: list[str] = []
    for size in (WIDE, NARROW):
        person = visitors(installation, origin, size)
        person.sign_in("dco.team")
        person.open("/sen2")
        person.press("Compare")
        assert person.page.title().startswith("Error: ")
        faults += faults_of(person)
        person.page.get_by_label("Authority").select_option("northshire")
        person.press("Compare")
        assert person.says("Choose the extract")
        faults += faults_of(person)
        person.page.get_by_label("The extract").set_input_files(extract)
        person.press("Compare")
        assert person.says("Requests without a case here") and person.says("Lines that could not be compared")
        faults += faults_of(person)
    assert faults == []
