"""Rules for every file of the project: import directions, pure modules, sizes, and names that must not occur."""

from __future__ import annotations

import ast
import configparser
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT

CONTRACTS = configparser.ConfigParser()
CONTRACTS.read(ROOT / ".importlinter")
CREATED = {
    ".git",
    ".venv",
    "var",
    "build",
    "__pycache__",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".import_linter_cache",
    ".hypothesis",
}
CLOCKS = {"now", "today", "utcnow", "time_ns", "uuid1", "uuid4", "urandom"}


def pure_files() -> list[Path]:
    """Return the files of the pure modules, as .importlinter names them."""
    names = CONTRACTS["importlinter:contract:pure"]["source_modules"].split()
    paths = [ROOT / name.replace(".", "/") for name in names]
    return sorted(
        file for path in paths for file in (path.rglob("*.py") if path.is_dir() else [path.with_suffix(".py")])
    )


def tracked() -> list[Path]:
    """Return every file of the project. Without a git folder: every file that no program of the project creates."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
    return [path for path in ROOT.rglob("*") if path.is_file() and not CREATED & set(path.relative_to(ROOT).parts)]


def test_imports_point_downwards_only() -> None:
    """Run .importlinter, so the suite fails if `make contracts` would."""
    finished = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-logo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout


@pytest.mark.parametrize("path", pure_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_pure_module_reads_no_clock_and_no_randomness(path: Path) -> None:
    """`as_at` is always an argument: a replay that read the clock would give another answer each time."""
    called = {
        node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name)
    }
    assert called & CLOCKS == set()


def test_no_python_file_is_longer_than_450_lines() -> None:
    """A longer one has two subjects."""
    long = {
        str(path.relative_to(ROOT)): lines
        for path in tracked()
        if path.suffix == ".py" and (lines := len(path.read_text().splitlines())) > 450
    }
    assert long == {}


def test_no_file_names_a_registry_or_a_folder_of_a_machine() -> None:
    """The lock contains no addresses, and nothing in the project refers to a file outside it."""
    hosts = re.compile(rb"py" + rb"pi\.org|python" + rb"hosted|registry\." + rb"npm|\.\./" + rb"shared|/wo" + rb"rk/")
    assert [str(path.relative_to(ROOT)) for path in tracked() if hosts.search(path.read_bytes())] == []
