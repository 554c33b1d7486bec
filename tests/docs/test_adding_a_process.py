"""docs/develop/adding-a-process.md runs as it is written: in a copy of the packages, with its files and commands."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT

PAGE = (ROOT / "docs" / "develop" / "adding-a-process.md").read_text("utf-8")
FILE = re.compile(r"^`([a-z_]+/[\w./-]+)`\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILES = FILE.findall(PAGE)
SESSION = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = ("audit", "casework", "cli", "config", "deadlines", "flows")
MORE_CODE = ("models", "notifications", "runtime", "statemachines", "web")
PACKAGES = (*CODE, *MORE_CODE, "tests", "tools", "docs")


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the packages; each test adds the files of its part of the page."""
    place = tmp_path_factory.mktemp("packages")
    for package in PACKAGES:
        # With what Python compiled of them, which is valid in the copy too: the day of a source goes with it.
        shutil.copytree(ROOT / package, place / package, ignore=shutil.ignore_patterns(".*"))
    for name in ("pyproject.toml", "README.md", "requirements.lock"):
        shutil.copy(ROOT / name, place / name)
    commands = place / "bin"
    commands.mkdir()
    for name, words in (("sendflow", '-c "from cli import main; main()"'), ("python", "")):
        (commands / name).write_text(f'#!/bin/sh\nexec {sys.executable} {words} "$@"\n')
        (commands / name).chmod(0o755)
    return place


def test_the_page_writes_the_same_files_of_both_processes() -> None:
    folders = [Path(name).parent.as_posix() for name, _text in FILES]
    assert len(folders) == 16 and all(folders.count(folder) == 2 for folder in folders), folders
    assert sum(session.count("$ ") for session in SESSION.findall(PAGE)) >= 30


WALKED, AFTER = PAGE.split("\n## 7. ")
RELEASED, WITHOUT_CHILD = AFTER.split("\n## 8. ")


@pytest.mark.timeout(500)  # some fifty commands, on a machine that may have other work
@pytest.mark.parametrize("part", [WALKED, RELEASED, WITHOUT_CHILD], ids=["a case", "before release", "no child"])
def test_its_commands_print_what_it_says(packages: Path, part: str) -> None:
    """One shell runs each part of the page, with its files. A mark after each command separates what it prints."""
    for name, text in FILE.findall(part):
        assert not (packages / name).exists(), f"the page writes over {name}, which exists already"
        (packages / name).parent.mkdir(exist_ok=True)
        (packages / name).write_text(text, "utf-8")
    commands, expected = [], []
    for session in SESSION.findall(part):
        for command, output in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", session, re.MULTILINE):
            commands.append(command)
            expected.append(output)
    script = "".join(f"{command}\necho '<<{number}>>'\n" for number, command in enumerate(commands))
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("SENDFLOW_", "PREFECT_", "PYTEST_"))
    }
    environment = inherited | {"PATH": f"{packages / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(packages)}
    ended = subprocess.run(
        ["bash"], input=script, cwd=packages, env=environment, capture_output=True, text=True, timeout=480, check=False
    )
    printed = re.split(r"<<\d+>>\n", ended.stdout)[:-1]
    assert list(zip(commands, printed, strict=True)) == list(zip(commands, expected, strict=True)), ended.stderr


def test_the_new_machines_pass_ruff_and_mypy(packages: Path) -> None:
    code = [name for name, _text in FILES if name.endswith(".py")]
    for words in (["ruff", "check", "--quiet", *code], ["mypy", "--no-error-summary", *code]):
        ended = subprocess.run(
            [sys.executable, "-m", *words], cwd=packages, capture_output=True, text=True, timeout=150, check=False
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
