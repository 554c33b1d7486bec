"""README.md says what the house does: its table is the machines', its commands exist, its links lead somewhere."""

import re

import pytest
from typer.main import get_command

from cli import app
from tools.readme_table import PAGE, README, page, rewritten

TEXT = README.read_text("utf-8")
ROOT = README.parent


def test_the_process_table_is_what_the_machines_and_the_statute_say() -> None:
    assert rewritten(TEXT) == TEXT, "README.md is out of date: run .venv/bin/python tools/readme_table.py"
    assert page() == PAGE.read_text("utf-8"), (
        "docs/processes.md is out of date: run .venv/bin/python tools/readme_table.py"
    )


def test_every_command_that_the_page_names_is_one() -> None:
    named = set(re.findall(r"`(?:\.venv/bin/)?sendflow ([a-z][a-z-]*)", TEXT))
    known = set(get_command(app).commands)  # type: ignore[attr-defined]  # Typer gives a Click group
    assert named, "the page names no command at all"
    assert named <= known


def test_every_make_target_that_the_page_names_is_one() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"make ([a-z]+)(?= {2,}#|`)", TEXT)) - {"help"} <= targets | {"help"}
    assert {"up", "test", "help"} <= targets


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#]+)\)", TEXT))))
def test_every_link_leads_somewhere(target: str) -> None:
    assert (ROOT / target).exists()


def test_the_page_keeps_its_order() -> None:
    headings = re.findall(r"^## (.+)$", TEXT, re.MULTILINE)
    assert headings == [
        "One case",
        "Two commands",
        "The processes",
        "Where the law's numbers live",
        "How to verify the history",
        "What it does not do",
    ]


def test_pages_name_no_machine_and_no_registry() -> None:
    for path in [README, *(ROOT / "docs").rglob("*.md")]:
        text = path.read_text("utf-8")
        assert not re.search(r"/wor[k]/|\.\./share[d]|p[y]pi\.org|python[h]osted", text), path.name
