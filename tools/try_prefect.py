"""Try another version of Prefect against the tests that depend on it, beside the locked environment.

Use: make try-prefect VERSION=3.9.2. It makes build/try-prefect/VERSION, an environment that has that Prefect before the
packages of .venv, runs the tests on a copy of what is committed, and writes evidence.md there: the packages that
differ, and what the tests found. So a change of the checkout meanwhile does not spoil the result.

VERSION=newest asks the registry whether a newer one than the lock's is published, and tries that (`.ci/try-prefect`).

Exit codes: 0 the tests hold, or nothing newer is published; 1 some do not hold; 2 no version was given; 3 NOT TRIED: no
registry answered, or the version could not be installed.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import time
from importlib import metadata
from io import BytesIO
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+[a-z0-9.]*")
NEWEST = "newest"
# Start-up, states, events, tasks, limits, trimming, and the filters of our gate. make faults has the pool of workers.
TESTS = (
    "tests/config/test_settings.py",
    "tests/flows",
    "tests/runtime/test_prefect_gate.py",
    "tests/runtime/test_components.py",
    "tests/system/installation",
)


def main(words: list[str]) -> int:
    """Install the version, run the tests and write the evidence."""
    if len(words) != 1 or not (VERSION.fullmatch(words[0]) or words[0] == NEWEST):
        sys.stderr.write("Which Prefect? For example: make try-prefect VERSION=3.9.2, or VERSION=newest\n")
        return 2
    if words[0] != NEWEST:
        return _try(words[0])
    ours, newest = Version(metadata.version("prefect")), _newest()
    if newest is None:
        sys.stderr.write("Prefect: NOT TRIED. The registry of packages did not answer, so a newer one may exist.\n")
        return 3
    if newest <= ours:
        sys.stdout.write(f"Prefect {ours} of the lock is the newest that is published: nothing to try.\n")
        return 0
    return _try(str(newest))


def _newest() -> Version | None:
    """The newest published version that this Python can install, without releases to come; None without an answer."""
    command = [sys.executable, "-m", "pip", "index", "versions", "--disable-pip-version-check", "prefect"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = re.search(r"^prefect \(([^)]+)\)$", done.stdout, re.MULTILINE)
    return Version(said[1]) if done.returncode == 0 and said else None


def _try(version: str) -> int:
    place = ROOT / "build" / "try-prefect" / version
    python = _environment(place)
    if _pip(python, f"prefect=={version}"):
        sys.stderr.write(f"Prefect {version}: NOT TRIED. It could not be installed: pip says why, above.\n")
        return 3
    changed, missing = _add_requirements(python)
    tree = _committed(place / "tree")
    began = time.monotonic()
    done = subprocess.run(
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.strip().splitlines()
    failed = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    report = [
        f"# Prefect {version}, tried beside {metadata.version('prefect')} of the lock",
        "",
        f"- Tests: {' '.join(TESTS)}",
        f"- Result: {lines[-1] if lines else 'pytest said nothing'} ({time.monotonic() - began:.0f} s)",
        f"- Packages that differ from the lock: {', '.join(changed) or 'none but Prefect'}",
        f"- Bounds of Prefect that no package of the registry or the lock meets: {', '.join(missing) or 'none'}",
        *(["", "## What does not hold", "", *(f"- {line}" for line in failed)] if failed else []),
    ]
    (place / "evidence.md").write_text("\n".join(report) + "\n", "utf-8")
    sys.stdout.write("\n".join(report) + "\n")
    return min(done.returncode, 1)


def _committed(tree: Path) -> Path:
    """A copy of the files of the last commit, with the environment of this checkout."""
    git = shutil.which("git") or "git"
    packed = subprocess.run([git, "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=BytesIO(packed)) as files:
        files.extractall(tree, filter="data")
    (tree / ".venv").symlink_to(sys.prefix)
    return tree


def _environment(place: Path) -> str:
    """An environment whose own packages come before those of the one that runs this."""
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(place)], check=True)
    own = next(place.glob("lib/python*/site-packages"))
    locked = next(Path(sys.prefix).glob("lib/python*/site-packages"))
    (own / "locked.pth").write_text(f"import site; site.addsitedir({str(locked)!r})\n", "utf-8")
    return str(place / "bin" / "python")


def _pip(python: str, wanted: str) -> int:
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", wanted]
    return subprocess.run(command, check=False).returncode


def _add_requirements(python: str) -> tuple[list[str], list[str]]:
    """Install what the new Prefect requires and the lock does not meet: those installed, and those that are nowhere."""
    code = "from importlib import metadata; print(*(metadata.requires('prefect') or ()), sep='\\n')"
    said = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout
    changed: list[str] = []
    missing: list[str] = []
    for wanted in map(Requirement, filter(None, said.splitlines())):
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        try:
            if wanted.specifier.contains(metadata.version(wanted.name), prereleases=True):
                continue
        except metadata.PackageNotFoundError:
            pass
        bare = f"{wanted.name}{wanted.specifier}"
        (missing if _pip(python, bare) else changed).append(bare)
    return changed, missing


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
