"""A preview: what an import would do and what is then late, without an installation, a written file or an identity."""

import csv
import json
import re
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import Result

from casework.context import AppContext
from casework.imports.preview import Preview, preview
from casework.imports.preview_page import page
from casework.imports.tracker_import import import_file
from casework.reports.worklists import overdue, week
from config.settings import Settings
from models.errors import NoInstallation
from tests.support.calling import sendflow
from tests.support.team import Team
from tests.support.trackers import FILES, SOUND, scalar, tracker

DAY = "2026-04-14"
LATE = {**SOUND, "Name": "Maisie Canary", "Comments": "rang Mrs Canary"}
SOON = {**SOUND, "Ref": "AB002", "NHS number": "", "CAMHS returned": "", "Request received by LA": "02/03/2026"}
SOON |= {"LA decision to assess": "03/03/2026", "Health request received": "05/03/2026"}
ODD = {**SOUND, "Ref": "Maisie Canary", "NHS number": "", "LA decision to assess": "31/02/2026"}
OWN = {**SOON, "Ref": "Canary family"}


def previewed(folder: Path, path: Path) -> tuple[Preview, str]:
    settings = Settings(home=folder / "none", today=date.fromisoformat(DAY))
    context = AppContext.load_in_memory(settings)
    try:
        found = preview(context, path)
    finally:
        context.engine.dispose()
    return found, page(found, context.directory)


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


class Tags(HTMLParser):
    """The elements of a page, and whether each is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.names: set[str] = set()
        self.asked: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.asked += [str(value) for name, value in attrs if name in {"src", "href", "action"}]
        if tag != "meta":
            self.opened.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.opened.pop() == tag


def test_a_preview_says_what_an_import_would_do_and_what_is_then_late(team: Team, tmp_path: Path) -> None:
    path = tracker(tmp_path, LATE, SOON, ODD)
    found, _ = previewed(tmp_path, path)
    context = team.context("14 Apr 2026")
    report = import_file(context, path)
    assert found.report.model_dump(exclude={"dry_run"}) == report.model_dump(exclude={"dry_run"})
    today = context.today()
    assert [row for group in found.late for row in group.rows] and (
        sorted(row.model_dump_json() for group in found.late for row in group.rows)
        == sorted(row.model_dump_json() for row in overdue(context, today))
    )
    assert sorted(row.case_ref for group in found.soon for row in group.rows) == sorted(
        row.case_ref for row in week(context, today)
    )
    assert sum(found.kinds.values()) == scalar(context, "select count(*) from fact")
    assert sum(one.matters for one in found.letters) == scalar(context, "select count(*) from notice")
    assert found.letters and sum(line.late for line in found.services) == sum(group.count for group in found.late)


def test_the_page_has_references_and_no_identity(tmp_path: Path) -> None:
    found, text = previewed(tmp_path, tracker(tmp_path, LATE, OWN, ODD))
    assert "AB001" in text and "Row of line 3" in text and found.report.named[0].line == 3
    for secret in ("Canary", "9991234500", "02/03/2015", "2015-03-02", "rang", found.report.named[0].case_ref):
        assert secret not in text
    assert "Speech and Language Therapy" in text and "Northshire Community Health NHS Trust" in text


def test_the_page_is_whole_asks_no_address_and_runs_nothing(tmp_path: Path) -> None:
    _, text = previewed(tmp_path, tracker(tmp_path, LATE, SOON, ODD))
    tags = Tags(text)
    assert tags.opened == [] and tags.asked == [] and not tags.names & {"script", "img", "link", "iframe", "form"}
    assert "http" not in re.sub(r"http-equiv", "", text) and "default-src 'none'" in text


def test_columns_that_would_stop_an_import_stop_no_preview_and_come_first(tmp_path: Path) -> None:
    path = tmp_path / "tracker.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*SOUND, "Status"])
        writer.writeheader()
        writer.writerow({**SOUND, "Status": "closed"})
    found, text = previewed(tmp_path, path)
    assert found.stopped is not None and "'Status'" in found.stopped and found.report.accepted == 1
    assert text.index("An import would stop here") < text.index("By provider and service")


def test_an_authority_that_is_not_known_leads_to_the_directory(tmp_path: Path) -> None:
    _, text = previewed(tmp_path, tracker(tmp_path, {**SOUND, "Local authority": "Elsewhere"}))
    assert "A local authority that the directory does not have" in text and "directory.toml" in text
    _, text = previewed(tmp_path, tracker(tmp_path, SOUND, ODD))
    assert "directory.toml" not in text


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without an installation, in which commands run."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def ask(*words: str) -> Result:
    return sendflow(*words, env={"SENDFLOW_TODAY": DAY, "SENDFLOW_HOME": "var"})


def test_the_command_writes_the_page_and_nothing_else(elsewhere: Path) -> None:
    done = ask("preview", str(FILES / "plain.csv"), "--output", "page.html", "--json")
    assert done.exit_code == 0 and files(elsewhere) == ["page.html"]
    assert json.loads(done.stdout)["report"]["rows"] == 4 and "Nothing was recorded" in done.stderr
    assert (elsewhere / "page.html").read_text("utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("words", "code"),
    [(("absent.csv",), 2), (("one", "two.csv"), 2), ((str(FILES / "plain.csv"), "--output", "none/page.html"), 3)],
)
def test_a_preview_that_fails_writes_nothing(elsewhere: Path, words: tuple[str, ...], code: int) -> None:
    done = ask("preview", *words)
    assert (done.exit_code, done.stdout, files(elsewhere)) == (code, "", [])


def test_a_dry_run_makes_no_installation(elsewhere: Path) -> None:
    done = ask("import", str(FILES / "plain.csv"), "--dry-run")
    assert done.exit_code == 0 and files(elsewhere) == []
    assert "There is no installation, and none was made" in done.stderr and "4 rows: 4 would be accepted" in done.stdout


def test_an_import_that_makes_an_installation_says_so(elsewhere: Path) -> None:
    done = ask("import", str(FILES / "plain.csv"))
    assert done.stderr.count("Made a new installation in") == 1 and (elsewhere / "var" / "sendflow.db").exists()
    again = ask("import", str(FILES / "plain.csv"), "--dry-run")
    assert "nstallation" not in again.stderr and "(4 of them unchanged)" in again.stdout


@pytest.mark.parametrize("component", ["scheduler", "worker"])
def test_a_component_makes_no_installation(elsewhere: Path, component: str) -> None:
    done = ask("run", component)
    assert isinstance(done.exception, NoInstallation) and files(elsewhere) == []
