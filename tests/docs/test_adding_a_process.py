"""docs/adding-a-process.md is followed to the letter: its files are written to a copy of the rooms, its commands are
run, and they print what it says.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT

PAGE = (ROOT / "docs" / "adding-a-process.md").read_text("utf-8")
FILES = re.findall(r"^`([a-z_]+/[\w./-]+)`\n\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SESSIONS = re.findall(r"^```console\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
ROOMS = ("cli", "config", "deadlines", "flows", "models", "notifications", "statemachines", "tests", "tools", "docs")


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rooms as they are, and the files of the page in them."""
    place = tmp_path_factory.mktemp("rooms")
    for room in ROOMS:
        shutil.copytree(ROOT / room, place / room, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, place / name)
    for name, text in FILES:
        assert not (place / name).exists(), f"the page writes over {name}, which is the house's own"
        (place / name).write_text(text, "utf-8")
    commands = place / "bin"
    commands.mkdir()
    for name, words in (("sendflow", '-c "from cli import main; main()"'), ("python", "")):
        (commands / name).write_text(f'#!/bin/sh\nexec {sys.executable} {words} "$@"\n')
        (commands / name).chmod(0o755)
    return place


def test_the_page_writes_one_file_of_each_sort_and_walks_a_case() -> None:
    assert [Path(name).parent.as_posix() for name, _text in FILES] == [
        "config/statute",
        "statemachines",
        "config/ladder",
        "notifications/templates",
        "tests/scenarios/law",
    ]
    assert sum(session.count("$ ") for session in SESSIONS) >= 12


def test_its_commands_print_what_it_says(rooms: Path) -> None:
    """One shell for the whole page, as a reader has; after each command a mark, so that what it printed is known."""
    commands, expected = [], []
    for session in SESSIONS:
        for command, said in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", session, re.MULTILINE):
            commands.append(command)
            expected.append(said)
    script = "".join(f"{command}\necho '<<{number}>>'\n" for number, command in enumerate(commands))
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("SENDFLOW_", "PREFECT_", "PYTEST_"))
    }
    environment = kept | {"PATH": f"{rooms / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(rooms)}
    ended = subprocess.run(
        ["bash"], input=script, cwd=rooms, env=environment, capture_output=True, text=True, timeout=150, check=False
    )
    printed = re.split(r"<<\d+>>\n", ended.stdout)[:-1]
    assert list(zip(commands, printed, strict=True)) == list(zip(commands, expected, strict=True)), ended.stderr


def test_the_new_files_are_as_clean_as_the_house(rooms: Path) -> None:
    (machine,) = [name for name, _text in FILES if name.endswith(".py")]
    for words in (["ruff", "check", "--quiet", machine], ["mypy", "--no-error-summary", machine]):
        ended = subprocess.run(
            [sys.executable, "-m", *words], cwd=rooms, capture_output=True, text=True, timeout=150, check=False
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
