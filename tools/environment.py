"""Make the project's environment, `.venv`, from the lock: complete, or not at all.

Purpose: `make install`, `make up` and `make test` call this first. It does nothing if the environment is complete.
Otherwise it says why in one line and makes it again. It writes a stamp after the last step has succeeded, so it
recognises an interrupted installation. Standard library only: it runs before anything is installed.

Exit codes: 0 the environment is complete; 3 it could not be made (one line says why).
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
SECONDS_OF_SILENCE = 15.0  # while a step runs, so that a person sees that it goes on


class CannotBeMade(Exception):
    """The environment could not be made; the text says what failed and what to do."""


def wanted_stamp(root: Path) -> dict[str, str]:
    """Return what a complete environment of this checkout is made of. The folder is part of it, because scripts name
    their interpreter by its full path.
    """
    return {
        "python": ".".join(map(str, sys.version_info[:3])),
        "folder": str(root),
        "lock": hashlib.sha256((root / "requirements.lock").read_bytes()).hexdigest(),
        "project": hashlib.sha256((root / "pyproject.toml").read_bytes()).hexdigest(),
    }


def read_stamp(venv: Path) -> dict[str, str]:
    """Read what the environment was made of; empty if its installation never finished."""
    try:
        lines = (venv / STAMP).read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    return dict(line.split("=", 1) for line in lines if "=" in line)


def what_is_missing(root: Path, venv: Path) -> str:
    """Return "" (complete), "project" (only the project's own entry is outdated) or the reason to make the environment
    again, as a sentence.
    """
    if not venv.exists():
        return "There is no .venv yet."
    stamp, wanted = read_stamp(venv), wanted_stamp(root)
    reasons = {
        "The environment in .venv is incomplete (an earlier installation was interrupted).": not stamp,
        "The interpreter that .venv was made with is gone.": not is_there(venv / "bin" / "python"),
        "The environment in .venv was made for another folder.": stamp.get("folder") != wanted["folder"],
        "The lock or the interpreter has changed since .venv was made.": any(
            stamp.get(name) != wanted[name] for name in ("python", "lock")
        ),
        "project": stamp.get("project") != wanted["project"] or not (venv / "bin" / "sendflow").exists(),
    }
    return next((reason for reason, applies in reasons.items() if applies), "")


def is_there(file: Path) -> bool:
    """Say whether a file exists. Raises CannotBeMade if this account may not reach what it names."""
    try:
        return file.exists()
    except PermissionError:
        raise CannotBeMade(
            f"this account may not reach what {file} names. Run sendflow as the account that made .venv, or copy the"
            " checkout to a folder of this account and run make install there, with a Python 3.11 that it may run"
        ) from None


def say(text: str) -> None:
    """Write a line for the person who waits."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def run(step: str, command: list[str], log: Path) -> None:
    """Run one step with its output in `log`, and say what it does and that it goes on.

    Raises CannotBeMade with the last error line of the step.
    """
    say(f"  {step} ...")
    seconds = 0.0
    with log.open("ab") as out, subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT) as running:
        while True:
            try:
                code = running.wait(SECONDS_OF_SILENCE)
                break
            except subprocess.TimeoutExpired:
                seconds += SECONDS_OF_SILENCE
                say(f"  {step}: {seconds:.0f} s so far")
    if code:
        errors = [
            line
            for line in log.read_text(encoding="utf-8", errors="replace").splitlines()
            if "ERROR" in line or "Error" in line
        ]
        raise CannotBeMade(
            f"{step} failed (exit code {code}): {errors[-1].strip() if errors else 'no reason given'}; the whole output"
            f" is in {log.name}"
        )


def install_project(venv: Path, log: Path) -> None:
    """Install the packages and the command, by name, without asking a registry."""
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
    """Make `.venv`. Remove an old one first, because leftovers of another lock are in no lock."""
    log = root / ".venv-install.log"
    log.unlink(missing_ok=True)
    shutil.rmtree(venv, ignore_errors=True)
    run("making the virtual environment", [sys.executable, "-m", "venv", str(venv)], log)
    pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
    # No resolving: the lock is complete, and pip checks every file against its hash.
    locked = root / "requirements.lock"
    packages = sum("==" in line for line in locked.read_text(encoding="utf-8").splitlines())
    run(f"installing the {packages} locked packages", [*pip, "--require-hashes", "--no-deps", "-r", str(locked)], log)
    install_project(venv, log)
    log.unlink(missing_ok=True)


def write_stamp(root: Path, venv: Path) -> None:
    """Record that every step before this one has succeeded."""
    text = "".join(f"{name}={value}\n" for name, value in wanted_stamp(root).items())
    (venv / STAMP).write_text(text, encoding="utf-8")


def complete(root: Path, venv: Path) -> None:
    """Do what is missing. The caller holds the lock of `alone`."""
    missing = what_is_missing(root, venv)
    if missing == "project":
        install_project(venv, root / ".venv-install.log")
        (root / ".venv-install.log").unlink(missing_ok=True)
    elif missing:
        say(f"{missing} Making it from requirements.lock; this takes one to three minutes, once.")
        make(root, venv)
    if missing:
        write_stamp(root, venv)


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """Hold the lock under which one process makes the environment: `make up` and `make test` may start at once on a new
    machine.
    """
    with (root / ".venv-install.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another command is making the environment; waiting for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def ensure_complete(root: Path, venv: Path) -> None:
    """Wait until no other process makes the environment, then do what is missing."""
    with alone(root):
        complete(root, venv)


def main() -> int:
    """Complete the environment and return the exit code."""
    venv = ROOT / ".venv"
    if sys.version_info[:2] != WANTED:
        sys.stderr.write(
            f"sendflow needs Python 3.11 and was started with {sys.version.split()[0]}: install python3.11 with its"
            " venv module.\n"
        )
        return 3
    try:
        if what_is_missing(ROOT, venv):
            ensure_complete(ROOT, venv)
    except (CannotBeMade, OSError) as problem:
        sys.stderr.write(f"The environment could not be made: {problem}. Fix that and run the same command again.\n")
        return 3
    except KeyboardInterrupt:
        sys.stderr.write("Stopped. The environment is incomplete; the same command makes it again.\n")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
