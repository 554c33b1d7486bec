"""Every page names commands that exist, links to pages that exist, and has lines of at most 100 columns."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from typer.main import get_command

from cli import program
from tests.docs.pages import HISTORY, PAGES, anchors, name_of, prose
from tests.support.paths import ROOT

LINK = re.compile(r"\]\(([^)\s]+)\)")
# Generated tables of the statute's own sentences and data, and a page whose code blocks a test copies.
REFERENCE = ROOT / "docs" / "reference"
WIDE = {REFERENCE / "processes.md", REFERENCE / "history-format.md", ROOT / "docs" / "develop" / "adding-a-process.md"}
COMMAND = re.compile(r"(?:`|^    |\n    )(?:\.venv/bin/)?sendflow ([a-z][a-z0-9-]*)(?: ([a-z][a-z-]*))?")
each_page = pytest.mark.parametrize("page", PAGES, ids=name_of)


@each_page
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for link in LINK.findall(page.read_text("utf-8")):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@cache
def commands() -> frozenset[str]:
    """The names of all commands."""
    return frozenset(get_command(program()).commands)  # type: ignore[attr-defined]  # Typer gives a Click group


@pytest.mark.parametrize("page", [page for page in PAGES if page not in HISTORY], ids=name_of)
def test_every_command_exists(page: Path) -> None:
    for name, part in COMMAND.findall(page.read_text("utf-8")):
        assert name in commands(), name
        if name == "run":
            assert part in {"scheduler", "server", "worker", "web"}, part


@pytest.mark.parametrize("page", [page for page in PAGES if page not in WIDE], ids=name_of)
def test_prose_has_at_most_100_columns(page: Path) -> None:
    assert [f"{number}: {line}" for number, line in prose(page) if len(line) > 100 and " " in line.strip()] == []


@each_page
def test_a_page_names_no_folder_of_a_machine_and_no_registry(page: Path) -> None:
    text = page.read_text("utf-8")
    assert not re.search(r"/wor[k]/|\.\./share[d]|p[y]pi\.org|python[h]osted", text)


def test_the_index_leads_to_every_page() -> None:
    """Generated tables lead to the decision records; every other page has a link in docs/README.md."""
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / link.partition("#")[0]).resolve() for link in LINK.findall(index.read_text("utf-8"))}
    records = set((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    assert [name_of(page) for page in PAGES if page not in linked | records | {index}] == []
