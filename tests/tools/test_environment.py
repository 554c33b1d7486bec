"""The environment is complete or is made again; an interrupted installation is recognised."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from threading import Thread

import pytest

from tools import environment

ROOT = environment.ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the two files that an environment depends on."""
    (tmp_path / "requirements.lock").write_text("a==1\n")
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    return tmp_path


def complete_environment(checkout: Path) -> Path:
    """Create an environment as it is after the last step."""
    venv = checkout / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").touch()
    (venv / "bin" / "sendflow").touch()
    environment.write_stamp(checkout, venv)
    return venv


def test_a_complete_environment_needs_nothing(checkout: Path) -> None:
    """The second `make install` has nothing to do."""
    assert environment.what_is_missing(checkout, complete_environment(checkout)) == ""


def test_a_missing_environment_is_reported(checkout: Path) -> None:
    """The first `make install` says that there is no environment."""
    assert "no .venv" in environment.what_is_missing(checkout, checkout / ".venv")


def test_an_interrupted_installation_is_incomplete(checkout: Path) -> None:
    """Without the stamp the environment is incomplete, whichever files exist."""
    venv = complete_environment(checkout)
    (venv / environment.STAMP).unlink()
    assert "incomplete" in environment.what_is_missing(checkout, venv)


def test_a_changed_lock_makes_it_again(checkout: Path) -> None:
    """Packages of another lock are not in this one."""
    venv = complete_environment(checkout)
    (checkout / "requirements.lock").write_text("a==2\n")
    assert "lock" in environment.what_is_missing(checkout, venv)


def test_a_moved_folder_makes_it_again(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Scripts name their interpreter by its full path, so a moved environment does not work."""
    complete_environment(checkout)
    moved = tmp_path_factory.mktemp("elsewhere") / "copy"
    checkout.rename(moved)
    assert "another folder" in environment.what_is_missing(moved, moved / ".venv")


def test_a_changed_project_installs_only_itself(checkout: Path) -> None:
    """A new package or command costs a second, not a minute."""
    venv = complete_environment(checkout)
    (checkout / "pyproject.toml").write_text("[project]\nname = 'other'\n")
    assert environment.what_is_missing(checkout, venv) == "project"


def test_two_installations_at_once_wait_for_each_other(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`make up` and `make test` start at once on a new machine: one makes the environment, the other waits for it."""
    made: list[Path] = []

    def make(root: Path, _venv: Path) -> None:
        made.append(root)
        complete_environment(root)

    monkeypatch.setattr(environment, "make", make)
    second = Thread(target=environment.ensure_complete, args=(checkout, checkout / ".venv"))
    with environment.alone(checkout):
        second.start()
        second.join(0.2)
        assert second.is_alive() and made == []
        environment.complete(checkout, checkout / ".venv")
    second.join(30)
    assert made == [checkout]
    assert "waiting for it" in capsys.readouterr().err


@pytest.mark.parametrize(("lock", "many"), [("requirements.lock", 100), ("benchmarks/peers.lock", 10)])
def test_the_lock_is_exact_and_names_no_host(lock: str, many: int) -> None:
    """Every requirement is pinned with hashes; no registry or path is named."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "://" not in text
    pins = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert len(pins) > many
    assert all(re.match(r"^[A-Za-z0-9._-]+==\S+ (;.* )?\\$", line) for line in pins)
    assert text.count("--hash=sha256:") >= len(pins)


@pytest.mark.parametrize(
    ("lock", "groups"), [("requirements.lock", ("check", "bench", "build")), ("benchmarks/peers.lock", ("peers",))]
)
def test_the_lock_contains_every_declared_dependency(lock: str, groups: tuple[str, ...]) -> None:
    """This finds a dependency that was added without `make lock`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = [name for group in groups for name in project["dependency-groups"].pop(group)]
    if lock == "requirements.lock":
        asked += project["project"]["dependencies"]
        assert project["dependency-groups"].keys() == {"peers"}, "a group that is in no lock"
    locked = {
        line.split("==")[0].lower() for line in (ROOT / lock).read_text(encoding="utf-8").splitlines() if "==" in line
    }
    # PEP 503: a full stop, a hyphen and an underline are one sign in the name of a package.
    assert {re.sub(r"[-_.]+", "-", re.split(r"[=<>[]", name)[0]).lower() for name in asked} <= locked


def test_make_help_lists_the_targets() -> None:
    """A newcomer finds the commands with `make` alone."""
    output = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert {"help", "install", "up", "test", "faults", "bench", "lock"} <= {
        line.split()[1] for line in output.splitlines()
    }


def test_a_missing_python_is_one_clear_line() -> None:
    """Without Python 3.11 nothing starts."""
    ended = subprocess.run(
        ["make", "--no-print-directory", "install", "PYTHON="], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert "needs Python 3.11" in ended.stderr.splitlines()[0]


def test_the_locked_packages_agree_except_for_what_is_recorded() -> None:
    """`pip check` reports the certifi and the docopt of docs/decisions/001 and nothing else."""
    python = ROOT / ".venv" / "bin" / "python"
    output = (
        subprocess.run([str(python), "-m", "pip", "check"], capture_output=True, text=True, check=False)
        .stdout.strip()
        .splitlines()
    )
    recorded = ("certifi", "requires docopt, which is not installed", "No broken requirements found.")
    assert [line for line in output if not any(words in line for words in recorded)] == []


def test_a_long_step_says_what_it_does_and_that_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody looks at a still screen for two minutes."""
    monkeypatch.setattr(environment, "SECONDS_OF_SILENCE", 0.002)
    environment.run("installing the 9 locked packages", [sys.executable, "-c", "pass"], tmp_path / "log")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "  installing the 9 locked packages ..."
    assert lines[1].startswith("  installing the 9 locked packages: ") and lines[1].endswith(" s so far")


def test_a_step_that_fails_says_why(tmp_path: Path) -> None:
    """The last line with an error is the reason."""
    command = [sys.executable, "-c", "import sys; print('ERROR: no such file'); sys.exit(1)"]
    with pytest.raises(environment.CannotBeMade, match="ERROR: no such file; the whole output"):
        environment.run("installing", command, tmp_path / "log")


def test_an_interpreter_out_of_reach_is_one_sentence(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An account that may not enter the folder of the interpreter gets no traceback."""
    venv = complete_environment(checkout)

    def closed(path: Path) -> bool:
        if path.name == "python":
            raise PermissionError(13, "Permission denied")
        return True

    monkeypatch.setattr(Path, "exists", closed)
    monkeypatch.setattr(environment, "ROOT", checkout)
    assert environment.main() == 3
    (said,) = capsys.readouterr().err.splitlines()
    assert f"this account may not reach what {venv}/bin/python names" in said and "make install" in said
