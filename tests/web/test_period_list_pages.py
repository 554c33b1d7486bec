"""The lists of registers say the same by the command, on the page, as CSV and as an Excel workbook."""

import csv
import io
import json
import re
from datetime import datetime
from html import unescape
from pathlib import Path

import pytest
from openpyxl import load_workbook

from casework.reports.period_lists.all import LISTS
from casework.reports.period_lists.shape import Wanted
from tests.casework.reports.test_period_lists import packages, panels
from tests.support.calling import sendflow
from tests.support.team import Team
from tests.web.walking import signed_in

__all__ = ["packages", "panels"]
TODAY = "30 Jun 2026"
ASKED = {
    "panels": {"from_on": "2026-03-01", "to_on": "2026-06-30", "by": "month"},
    "approvals": {"from_on": "2026-03-01", "to_on": "2026-06-30", "la": "northshire"},
    "packages_due": {"days": "100"},
}
OPTIONS = {"from_on": "--from", "to_on": "--to", "by": "--by", "la": "--la", "days": "--days"}


@pytest.fixture
def both(packages: Team, panels: Team) -> Team:
    assert packages is panels, "one installation has both"
    return panels


def command(team: Team, name: str, *more: str) -> str:
    words = [word for key, value in ASKED[name].items() for word in (OPTIONS[key], value)]
    env = {"SENDFLOW_HOME": str(team.home), "SENDFLOW_TODAY": "2026-06-30"}
    said = sendflow("register", name, *words, *more, env=env)
    assert said.exit_code == 0, said.output
    return said.stdout


def cells(page: str) -> list[str]:
    """The words of each cell of a list, without the headings for narrow screens."""
    found = re.findall(r'<div class="app-cell">(.*?)</div></td>', page, re.DOTALL)
    found = found or re.findall(r'<td class="nhsuk-table__cell">(.*?)</td>', page, re.DOTALL)
    return [" ".join(unescape(re.sub("<[^>]+>", "", each)).split()) for each in found]


@pytest.mark.parametrize("name", sorted(LISTS))
def test_every_surface_says_the_same(both: Team, name: str, tmp_path: Path) -> None:
    browser, register = signed_in(both, TODAY), LISTS[name]
    document = json.loads(command(both, name, "--json"))
    assert document["rows"], name
    wanted = Wanted.model_validate(
        {"today": "2026-06-30", **{key: document[key] for key in Wanted.model_fields if key != "today"}}
    )
    rows = register.rows(both.context(TODAY), wanted).rows
    assert [row.model_dump(mode="json") for row in rows] == document["rows"]
    words = [[each or "-" for each in register.words(row)] for row in rows]
    page = browser.get(f"/registers/{name}", params=ASKED[name])
    assert page.status_code == 200
    shown = [word for row in words for word in (row[3:] if register.of_counts else row)]
    assert cells(page.text) == shown
    made = {kind: tmp_path / f"list.{kind}" for kind in ("csv", "xlsx")}
    command(both, name, *(word for kind, path in made.items() for word in (f"--{kind}", str(path))))
    headings = [column.heading for column in register.columns]
    for kind, path in made.items():
        by_page = browser.get(f"/registers/{name}", params={**ASKED[name], "format": kind}).content
        for raw in (path.read_bytes(), by_page):
            table = table_of(raw, kind)
            start = table.index(headings)
            assert table[start + 1 :] == table_of(raw_of(register.cells(row) for row in rows), "csv"), (name, kind)


def raw_of(rows: object) -> bytes:
    from casework.reports.table_files import csv_bytes

    return csv_bytes(rows)  # type: ignore[arg-type]


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


def test_a_wrong_filter_says_what_is_expected_and_a_wrong_name_is_no_page(both: Team) -> None:
    browser = signed_in(both, TODAY)
    for query in ({"from_on": "yesterday"}, {"days": "0"}, {"from_on": "2026-06-30", "to_on": "2026-06-01"}):
        page = browser.get("/registers/approvals", params=query)
        assert page.status_code == 400 and "Nothing is listed" in page.text
    assert browser.get("/registers/nothing").status_code == 404
    assert all(f"/registers/{name}" in browser.get("/registers").text for name in LISTS)
    env = {"SENDFLOW_HOME": str(both.home), "SENDFLOW_TODAY": "2026-06-30"}
    for words, says in (
        (("nothing",), "There is no register of that name. Registers: "),
        (("panels", "--by", "week"), "--by expects one of whole, month, quarter"),
        (("panels", "--la", "nowhere"), "--la is not in the directory: expected one of"),
        (("panels", "--from", "2026-06-30", "--to", "2026-06-01"), "--to is the day of --from or later"),
    ):
        said = sendflow("register", *words, env=env)
        assert said.exit_code == 2 and says in " ".join(said.stderr.split()), said.stderr
    assert "panels  Panels" in sendflow("register", env=env).stdout
