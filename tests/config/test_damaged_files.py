"""Every configuration file, damaged in every way: one sentence with its name and folder, and nothing is read half.

The files are found by listing the folder, so that a new file is tried too.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path

import pytest

from cli import main
from config import rights
from config.escalation_policy import load_escalation_policy
from config.law import load_law
from config.own_files import OWN_FILES
from config.rule_pack import declaration_of, files_of
from config.toml_reader import HELP, ConfigFault, read_text
from deadlines.working_calendar import load_calendar
from runtime.demo.cases import _read as read_demo
from tests.support.paths import ROOT
from tests.support.team import Team

CONFIG = ROOT / "config"
FILES = sorted(path.relative_to(CONFIG).as_posix() for path in CONFIG.rglob("*.toml"))
NOBODY = 65534
LINE = re.compile(r'^(?!source)[a-z_]+ = ["\[0-9tf].*$', re.MULTILINE)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that another account may enter, with the files that those of a rule set need beside them."""
    made = Path(tempfile.mkdtemp(prefix="sendflow-config-"))
    made.chmod(0o755)
    for name in ("almanac", "statute", "ladder", "demo"):
        (made / name).mkdir()
        (made / name).chmod(0o755)
    shutil.copy(CONFIG / "grounds.toml", made)
    yield made
    shutil.rmtree(made)


def reader(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], object]:
    """What reads the file of that name in this folder. A new sort of file needs a line here, or in `OWN_FILES`."""
    file = folder / name
    match name.split("/"):
        case ["statute", _] | ["grounds.toml"]:
            if name == "grounds.toml":
                shutil.copy(CONFIG / "statute" / "ehc_needs_assessment.toml", folder / "statute")
            return lambda: load_law(folder)
        case ["almanac", _]:
            return lambda: load_calendar(CONFIG / "almanac", folder / "almanac")
        case ["ladder", _]:
            return lambda: load_escalation_policy(folder / "ladder")
        case ["demo", _]:
            return lambda: list(read_demo(file))
        case ["rights.toml"]:
            monkeypatch.setattr(rights, "FILE", file)
            return rights._rights.__wrapped__
        case _:
            return lambda: OWN_FILES[name](file)


def cut(file: Path, raw: bytes) -> None:
    file.write_bytes(raw[: raw.rindex(b'"')])


def unknown_key(file: Path, raw: bytes) -> None:
    file.write_bytes(b"colour_of_door = 1\n" + raw)


def wrong_type(file: Path, raw: bytes) -> None:
    text = raw.decode()
    found = LINE.search(text)
    assert found is not None
    key = found[0].partition(" = ")[0]
    file.write_text(f"{text[: found.start()]}{key} = [[1979-05-27]]{text[found.end() :]}", "utf-8")


def bad_bytes(file: Path, raw: bytes) -> None:
    file.write_bytes(raw.replace(b"\n", b"\n\n\xff\xfe", 1))


def other_encoding(file: Path, raw: bytes) -> None:
    file.write_bytes(raw.decode().encode("utf-16"))


def brackets(file: Path, raw: bytes) -> None:
    file.write_bytes(raw + b"\nx = " + b"[" * 5_000 + b"]" * 5_000)


def too_large(file: Path, raw: bytes) -> None:
    file.write_bytes(raw)
    os.truncate(file, 300_000_000)


def digits(file: Path, raw: bytes) -> None:
    file.write_bytes(raw + b"\nx = " + b"9" * 5_000)


def empty(file: Path, _raw: bytes) -> None:
    file.write_bytes(b"")


def in_place(make: Callable[[Path], object]) -> Callable[[Path, bytes], None]:
    def damage(file: Path, _raw: bytes) -> None:
        file.unlink()
        make(file)

    return damage


def not_allowed(file: Path, _raw: bytes) -> None:
    file.chmod(0)
    os.seteuid(NOBODY) if os.geteuid() == 0 else None


DAMAGES: dict[str, tuple[Callable[[Path, bytes], None], str]] = {
    "cut": (cut, "this is not TOML"),
    "an unknown key": (unknown_key, "colour_of_door"),
    "a wrong type": (wrong_type, ""),
    "bytes of another encoding": (bad_bytes, "line 3 is not UTF-8"),
    "another encoding": (other_encoding, "line 1 is not UTF-8"),
    "5,000 brackets": (brackets, "nested more than 40 deep"),
    "300 MB": (too_large, "larger than 5 MB"),
    "a number of 5,000 digits": (digits, "not TOML"),
    "empty": (empty, ""),
    "a folder": (in_place(Path.mkdir), "a file of text was expected"),
    "a link to nothing": (in_place(lambda file: file.symlink_to("/nothing/there")), "a link to a file that is not"),
    "a link to itself": (in_place(lambda file: file.symlink_to(file.name)), "cannot be read"),
    "a device": (in_place(lambda file: file.symlink_to("/dev/zero")), "a file of text was expected"),
    "a pipe": (in_place(os.mkfifo), "a file of text was expected"),
    "no permission": (not_allowed, "cannot be read (Permission denied)"),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_one_sentence_with_its_name(
    name: str, damage: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw, file = (CONFIG / name).read_bytes(), folder / name
    file.write_bytes(raw)
    read = reader(name, folder, monkeypatch)
    do, said = DAMAGES[damage]
    do(file, raw)
    try:
        with pytest.raises(ConfigFault) as refused:
            read()
    finally:
        os.seteuid(os.getuid())
    text = str(refused.value)
    assert text.startswith(f"{file.parent.name}/{file.name}: "), text
    assert said in text and "\n" not in text and len(text) < 500 and "pydantic" not in text, text


def test_a_byte_order_mark_is_no_damage(tmp_path: Path) -> None:
    """Editors on Windows write one."""
    file = tmp_path / "directory.toml"
    file.write_bytes(b"\xef\xbb\xbf" + (CONFIG / "directory.toml").read_bytes())
    assert read_text(file) == (CONFIG / "directory.toml").read_text("utf-8")
    OWN_FILES["directory.toml"](file)


@pytest.mark.parametrize("damage", [each for each in DAMAGES if each not in ("a wrong type", "empty", "no permission")])
def test_a_damaged_file_of_a_rule_pack_is_refused(damage: str, tmp_path: Path) -> None:
    raw = b'changed = "law"\n\n'
    file = tmp_path / "pack.toml"
    file.write_bytes(raw)
    DAMAGES[damage][0](file, raw)
    with pytest.raises(ConfigFault) as refused:
        declaration_of(files_of(tmp_path))
    assert "\n" not in str(refused.value)


def digest_of(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("name", "damage"), list(zip(OWN_FILES, cycle(("a link to nothing", "cut", "another encoding")), strict=False))
)
def test_commands_name_the_file_and_change_nothing(
    name: str, damage: str, team: Team, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A link that leads nowhere was once no file: the shipped directory, of invented bodies, was then in force."""
    shipped = CONFIG / name if name != "ladder.toml" else CONFIG / "ladder" / "ehc_needs_assessment.toml"
    team.first.engine.dispose()
    (team.home / name).write_bytes(shipped.read_bytes())
    DAMAGES[damage][0](team.home / name, shipped.read_bytes())
    monkeypatch.setenv("SENDFLOW_HOME", str(team.home))
    monkeypatch.setenv("SENDFLOW_TODAY", "2026-01-01")
    before = digest_of(team.home / "sendflow.db")

    def command(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["sendflow", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    code, out, err = command("check")
    assert (code, out.count("\n")) == (1, 1) and out.startswith(f"{team.home.name}/{name}: "), (out, err)
    code, out, _err = command("doctor", "--quick")
    assert code == 1 and f"{team.home.name}/{name}: " in out and "sendflow check" in out, out
    if name in ("directory.toml", "ladder.toml"):  # every command reads them
        code, out, err = command("overdue")
        assert (code, out, err.count("\n")) == (3, "", 1), (out, err)
        assert err.startswith(f"sendflow could not finish: {team.home.name}/{name}: ") and err.endswith(f"{HELP}\n")
    assert digest_of(team.home / "sendflow.db") == before
