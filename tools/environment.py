"""Makes the project's environment, `.venv`, from the lock: whole, or not at all.

Purpose: `make install`, `make up` and `make test` all call this first. It does nothing where the environment is whole,
says in one line why it makes it afresh where it is not, and leaves a stamp only when the last step has succeeded, so
that an installation that was cut off is known for what it is. Standard library only: it runs before anything is
installed.

Exit codes: 0 the environment is whole; 3 it could not be made (one line says why).
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STAMP = "sendflow-environment"
WANTED = (3, 11)


class CannotBeMade(Exception):
    """The environment could not be made; the text says what failed and what to do."""


def wanted_stamp(root: Path) -> dict[str, str]:
    """Says what a whole environment of this checkout is made of; the folder is part of it, as scripts name their
    interpreter in full.
    """
    return {
        "python": ".".join(map(str, sys.version_info[:3])),
        "folder": str(root),
        "lock": hashlib.sha256((root / "requirements.lock").read_bytes()).hexdigest(),
        "project": hashlib.sha256((root / "pyproject.toml").read_bytes()).hexdigest(),
    }


def read_stamp(venv: Path) -> dict[str, str]:
    """Reads what the environment says it was made of; empty where it never got that far."""
    try:
        lines = (venv / STAMP).read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    return dict(line.split("=", 1) for line in lines if "=" in line)


def what_is_missing(root: Path, venv: Path) -> str:
    """Returns "" (whole), "project" (only the project's own entry is old) or the reason to make it afresh, as a
    sentence.
    """
    if not venv.exists():
        return "There is no .venv yet."
    stamp, wanted = read_stamp(venv), wanted_stamp(root)
    if not stamp:
        return "The environment in .venv is half made (an earlier installation was cut off)."
    if not (venv / "bin" / "python").exists():
        return "The interpreter that .venv was made with is gone."
    if stamp.get("folder") != wanted["folder"]:
        return "The environment in .venv was made for another folder."
    if stamp.get("python") != wanted["python"] or stamp.get("lock") != wanted["lock"]:
        return "The lock or the interpreter has changed since .venv was made."
    if stamp.get("project") != wanted["project"] or not (venv / "bin" / "sendflow").exists():
        return "project"
    return ""


def run(step: str, command: list[str], log: Path) -> None:
    """Runs one step with its output kept in `log`; raises CannotBeMade with the step's last line of complaint."""
    with log.open("ab") as out:
        code = subprocess.run(command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT, check=False).returncode
    if code:
        said = [
            line
            for line in log.read_text(encoding="utf-8", errors="replace").splitlines()
            if "ERROR" in line or "Error" in line
        ]
        raise CannotBeMade(
            f"{step} failed (exit code {code}): {said[-1].strip() if said else 'no reason given'}; the whole output is"
            f" in {log.name}"
        )


def install_project(venv: Path, log: Path) -> None:
    """Puts the rooms and the command in, by name, without asking a registry."""
    command = [
        str(venv / "bin" / "python"),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-input",
        "--disable-pip-version-check",
    ]
    run("installing sendflow itself", [*command, "--no-deps", "--no-build-isolation", "-e", str(ROOT)], log)


def make(root: Path, venv: Path) -> None:
    """Makes `.venv` afresh; an old one is removed first, because leftovers of another lock are not in any lock."""
    log = root / ".venv-install.log"
    log.unlink(missing_ok=True)
    shutil.rmtree(venv, ignore_errors=True)
    run("making the virtual environment", [sys.executable, "-m", "venv", str(venv)], log)
    pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
    # No resolving: the lock is the whole truth, and every file is checked against its hash.
    run(
        "installing what is locked", [*pip, "--require-hashes", "--no-deps", "-r", str(root / "requirements.lock")], log
    )
    install_project(venv, log)
    log.unlink(missing_ok=True)


def write_stamp(root: Path, venv: Path) -> None:
    """Says that everything before this line has succeeded."""
    text = "".join(f"{name}={value}\n" for name, value in wanted_stamp(root).items())
    (venv / STAMP).write_text(text, encoding="utf-8")


def complete(root: Path, venv: Path) -> None:
    """Does what is missing, if anything still is once nobody else works on it."""
    missing = what_is_missing(root, venv)
    if missing == "project":
        install_project(venv, root / ".venv-install.log")
        (root / ".venv-install.log").unlink(missing_ok=True)
    elif missing:
        sys.stderr.write(f"{missing} Making it from requirements.lock; this takes about a minute, once.\n")
        sys.stderr.flush()
        make(root, venv)
    if missing:
        write_stamp(root, venv)


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """Makes or removes the environment while nobody else does: `make up` and `make test` may be started side by side on
    a fresh machine.
    """
    with (root / ".venv-install.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.stderr.write("Another command is making the environment; waiting for it.\n")
            sys.stderr.flush()
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def bring_to_wholeness(root: Path, venv: Path) -> None:
    """Waits for whoever else makes the environment, and does what is missing then."""
    with alone(root):
        complete(root, venv)


def main() -> int:
    """Brings the environment to wholeness and returns the exit code."""
    venv = ROOT / ".venv"
    if sys.version_info[:2] != WANTED:
        sys.stderr.write(
            f"sendflow needs Python 3.11 and was started with {sys.version.split()[0]}: install python3.11 with its"
            " venv module.\n"
        )
        return 3
    if not what_is_missing(ROOT, venv):
        return 0
    try:
        bring_to_wholeness(ROOT, venv)
    except (CannotBeMade, OSError) as problem:
        sys.stderr.write(f"The environment could not be made: {problem}. Mend that and run the same command again.\n")
        return 3
    except KeyboardInterrupt:
        sys.stderr.write("Stopped. The environment is half made; the same command makes it afresh.\n")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
