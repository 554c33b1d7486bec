"""Runs every test that holds for each process, for some: python -m tests.support.try_process PROCESS..."""

import subprocess
import sys

from tests.support.paths import ROOT

MARKS = ("each_process", "all_processes")


def main(*names: str) -> str:
    """Run the tests. Ends the program with pytest's own output where one fails."""
    files = sorted(
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "tests").rglob("test_*.py")
        if any(f"mark.{mark}" in path.read_text("utf-8") for mark in MARKS)
    )
    words = ["-q", "-p", "no:cacheprovider", "-m", " or ".join(MARKS), "-k", " or ".join((*names, "all_processes"))]
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", *words, *files], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if ended.returncode != 0:
        sys.exit(ended.stdout + ended.stderr)
    return f"{', '.join(names)}: every test that holds for each process passes."


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.stdout.write(f"{main(*sys.argv[1:])}\n")
