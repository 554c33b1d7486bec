"""The lists of registers say the same by the command, on the page, as CSV and as an Excel workbook."""

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import datetime
from html import unescape
from pathlib import Path

import pytest
from openpyxl import load_workbook

from casework.reports.registers.all import OF_PROCESSES, registers
from casework.reports.registers.shape import By, Of, RegisterList, Wanted
from casework.reports.table_files import csv_bytes
from tests.support.calling import sendflow
from tests.support.sample_home import TODAY
from tests.web.conftest import Browser
from web.installation import Installation

OPTIONS = {"from_on": "--from", "to_on": "--to", "by": "--by", "la": "--la", "days": "--days"}
OWN = ("training", "advice_template", "commissioning_gap", "joint_arrangement", "policy", "engagement")
NAMES = (*(each.name for each in OF_PROCESSES), *OWN)


def asked_of(made: RegisterList) -> dict[str, str]:
    """What is asked of a list: a year of a time, months of counts, a year of days to come."""
    time = {"from_on": "2025-03-01", "to_on": "2026-06-30"} if made.of is Of.TIME else {}
    return {**time, **({"by": "month"} if made.of_counts else {}), **({"days": "365"} if made.of is Of.TO_COME else {})}


def command(installation: Installation, made: RegisterList, *more: str, **asked: str) -> str:
    words = [word for key, value in {**asked_of(made), **asked}.items() for word in (OPTIONS[key], value)]
    env = {"SENDFLOW_HOME": str(installation.context().settings.home), "SENDFLOW_TODAY": TODAY.isoformat()}
    said = sendflow("register", made.name, *words, *more, env=env)
    assert said.exit_code == 0, said.output
    return said.stdout


def cells(page: str) -> list[str]:
    """The words of each cell of a list, without the headings for narrow screens."""
    found = re.findall(r'<div class="app-cell">(.*?)</div></td>', page, re.DOTALL)
    found = found or re.findall(r'<td class="nhsuk-table__cell">(.*?)</td>', page, re.DOTALL)
    return [" ".join(unescape(re.sub("<[^>]+>", "", each)).split()) for each in found]


@pytest.fixture
def browser(browsers: Callable[[str], Browser]) -> Browser:
    return browsers("dco.team")


@pytest.mark.parametrize("name", NAMES)
def test_every_surface_says_the_same(sample: Installation, browser: Browser, name: str, tmp_path: Path) -> None:
    context = sample.context()
    made = registers(context)[name]
    document = json.loads(command(sample, made, "--json"))
    assert document["rows"], f"the sample has nothing in {name}"
    wanted = Wanted.model_validate(
        {"today": TODAY, **{key: document[key] for key in Wanted.model_fields if key != "today"}}
    )
    rows = made.rows(context, wanted).rows
    assert made.document(made.rows(context, wanted), wanted) == document
    words = [made.words(row) for row in rows]
    page = browser.get(f"/registers/{name}", params=asked_of(made))
    assert page.status_code == 200 and made.says in unescape(page.text)
    assert cells(page.text) == [each or "-" for row in words for each in (row[3:] if made.of_counts else row)]
    said = command(sample, made)
    assert all(" ".join(each.split()) in " ".join(said.split()) for row in words for each in row)
    files = {kind: tmp_path / f"list.{kind}" for kind in ("csv", "xlsx")}
    command(sample, made, *(word for kind, path in files.items() for word in (f"--{kind}", str(path))))
    headings = [column.heading for column in made.columns]
    for kind, path in files.items():
        by_page = browser.get(f"/registers/{name}", params={**asked_of(made), "format": kind}).content
        for raw in (path.read_bytes(), by_page):
            table = table_of(raw, kind)
            start = table.index(headings)
            assert table[start + 1 :] == table_of(csv_bytes(made.cells(row) for row in rows), "csv"), (name, kind)


@pytest.mark.parametrize("name", [each.name for each in OF_PROCESSES if each.by_authority])
def test_a_list_may_be_of_one_authority(sample: Installation, browser: Browser, name: str) -> None:
    made = registers(sample.context())[name]
    whole = json.loads(
        command(sample, made, "--json", by="whole") if made.of_counts else command(sample, made, "--json")
    )
    assert whole["rows"]
    counted = []
    for la in sample.context().directory.la:
        part = json.loads(command(sample, made, "--json", la=la, **({"by": "whole"} if made.of_counts else {})))
        counted += [row for row in part["rows"] if row.get("panel") != "all"]
        if not made.of_counts:
            assert {row["la"] for row in part["rows"]} <= {la}
        page = browser.get(f"/registers/{name}", params={**asked_of(made), "la": la}).text
        assert all(row.get("case_ref", "") in page for row in part["rows"])
    if not made.of_counts:
        assert sorted(map(str, counted)) == sorted(map(str, whole["rows"])), "each row is in one authority's list"


def table_of(raw: bytes, kind: str) -> list[list[str]]:
    if kind == "csv":
        return [row for row in csv.reader(io.StringIO(raw.decode("utf-8-sig"))) if row]
    sheet = load_workbook(io.BytesIO(raw)).active
    return [[text(cell.value) for cell in row] for row in sheet.iter_rows() if row[0].value is not None]


def text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat()
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def test_a_wrong_filter_says_what_is_expected_and_a_wrong_name_is_no_page(
    sample: Installation, browser: Browser
) -> None:
    for query in ({"from_on": "yesterday"}, {"from_on": "2026-06-30", "to_on": "2026-06-01"}):
        page = browser.get("/registers/approvals", params=query)
        assert page.status_code == 400 and "Nothing is listed" in page.text
    assert browser.get("/registers/packages_due", params={"days": "0"}).status_code == 400
    assert browser.get("/registers/nothing").status_code == 404
    assert all(f"/registers/{name}" in browser.get("/registers").text for name in NAMES)
    env = {"SENDFLOW_HOME": str(sample.context().settings.home), "SENDFLOW_TODAY": TODAY.isoformat()}
    for words, says in (
        (("nothing",), "There is no register of that name. Registers: "),
        (("panels", "--by", "week"), "--by expects one of whole, month, quarter"),
        (("panels", "--la", "nowhere"), "--la is not in the directory: expected one of"),
        (("policy", "--la", "northshire"), "The list policy has no authorities: leave out --la"),
        (("panels", "--from", "2026-06-30", "--to", "2026-06-01"), "--to is the day of --from or later"),
    ):
        said = sendflow("register", *words, env=env)
        assert said.exit_code == 2 and says in " ".join(said.stderr.split()), said.stderr
    assert "panels  Panels" in sendflow("register", env=env).stdout


def test_an_empty_list_says_of_which_days_it_is(sample: Installation) -> None:
    made = registers(sample.context())["approvals"]
    said = command(sample, made, from_on="2020-01-01", to_on="2020-12-31")
    assert said.strip() == "Approvals of packages: nothing from 1 January 2020 to 31 December 2020."
    assert json.loads(command(sample, made, "--json"))["by"] == By.WHOLE
