"""The environment is whole or is made afresh; what was cut off is known for what it is."""

from __future__ import annotations

import re
import subprocess
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


def whole(checkout: Path) -> Path:
    """An environment as it looks after the last step."""
    venv = checkout / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").touch()
    (venv / "bin" / "sendflow").touch()
    environment.write_stamp(checkout, venv)
    return venv


def test_a_whole_environment_is_left_alone(checkout: Path) -> None:
    """The second `make install` has nothing to do."""
    assert environment.what_is_missing(checkout, whole(checkout)) == ""


def test_none_at_all_is_said(checkout: Path) -> None:
    """The first `make install` says that there is none."""
    assert "no .venv" in environment.what_is_missing(checkout, checkout / ".venv")


def test_an_installation_that_was_cut_off_is_half_made(checkout: Path) -> None:
    """Without the stamp nothing is believed, however much is there."""
    venv = whole(checkout)
    (venv / environment.STAMP).unlink()
    assert "half made" in environment.what_is_missing(checkout, venv)


def test_another_lock_makes_it_afresh(checkout: Path) -> None:
    """Leftovers of another lock are in no lock."""
    venv = whole(checkout)
    (checkout / "requirements.lock").write_text("a==2\n")
    assert "lock" in environment.what_is_missing(checkout, venv)


def test_a_moved_folder_makes_it_afresh(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Scripts name their interpreter in full, so a moved environment does not work."""
    whole(checkout)
    moved = tmp_path_factory.mktemp("elsewhere") / "copy"
    checkout.rename(moved)
    assert "another folder" in environment.what_is_missing(moved, moved / ".venv")


def test_a_changed_project_installs_only_itself(checkout: Path) -> None:
    """A new room or command costs a second, not a minute."""
    venv = whole(checkout)
    (checkout / "pyproject.toml").write_text("[project]\nname = 'other'\n")
    assert environment.what_is_missing(checkout, venv) == "project"


def test_two_at_once_do_not_pull_it_from_under_each_other(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`make up` and `make test` side by side on a fresh machine: one makes the environment, the other waits and finds
    it whole.
    """
    made: list[Path] = []

    def make(root: Path, _venv: Path) -> None:
        made.append(root)
        whole(root)

    monkeypatch.setattr(environment, "make", make)
    second = Thread(target=environment.bring_to_wholeness, args=(checkout, checkout / ".venv"))
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
    """Every requirement is pinned with hashes, and no registry or path is named."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "://" not in text
    pins = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert len(pins) > many
    assert all(re.match(r"^[A-Za-z0-9._-]+==\S+ (;.* )?\\$", line) for line in pins)
    assert text.count("--hash=sha256:") >= len(pins)


@pytest.mark.parametrize(
    ("lock", "groups"), [("requirements.lock", ("check", "bench", "build")), ("benchmarks/peers.lock", ("peers",))]
)
def test_the_lock_holds_everything_the_project_asks_for(lock: str, groups: tuple[str, ...]) -> None:
    """A dependency that was added without `make lock` is found here."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = [name for group in groups for name in project["dependency-groups"].pop(group)]
    if lock == "requirements.lock":
        asked += project["project"]["dependencies"]
        assert project["dependency-groups"].keys() == {"peers"}, "a group that is in no lock"
    locked = {
        line.split("==")[0].lower() for line in (ROOT / lock).read_text(encoding="utf-8").splitlines() if "==" in line
    }
    assert {re.split(r"[=<>[]", name)[0].lower() for name in asked} <= locked


def test_make_help_lists_the_targets() -> None:
    """A newcomer finds the commands with `make` alone."""
    said = subprocess.run(["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {"help", "install", "up", "test", "faults", "bench", "lock"} <= {
        line.split()[1] for line in said.splitlines()
    }


def test_a_missing_python_is_one_clear_line() -> None:
    """Without Python 3.11 nothing is begun."""
    ended = subprocess.run(
        ["make", "--no-print-directory", "install", "PYTHON="], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert "needs Python 3.11" in ended.stderr.splitlines()[0]


def test_what_is_locked_fits_together_but_for_the_one_bound_that_is_recorded() -> None:
    """`pip check` knows of one mismatch, the certifi of docs/decisions/001, and of no other."""
    python = ROOT / ".venv" / "bin" / "python"
    said = (
        subprocess.run([str(python), "-m", "pip", "check"], capture_output=True, text=True, check=False)
        .stdout.strip()
        .splitlines()
    )
    assert [line for line in said if "certifi" not in line and line != "No broken requirements found."] == []
