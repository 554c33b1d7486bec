"""Configuration files that no person writes: too large, too deep, with a broken name, an invalid mailbox."""

import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from config.directory import DEFAULT, DirectoryError, load_directory
from config.escalation_policy import EscalationPolicyError, load_escalation_policy
from config.toml_reader import ConfigFault, read_toml
from config.tracker_columns import DEFAULT as COLUMNS
from config.tracker_columns import TrackerError, load_columns

TEXT = DEFAULT.read_text(encoding="utf-8")
READERS = [
    (load_directory, DirectoryError),
    (load_columns, TrackerError),
    (load_escalation_policy, EscalationPolicyError),
    (read_toml, ConfigFault),
]
MAILBOX = 'dco = "{}"'
[BEFORE] = [line for line in TEXT.splitlines() if line.startswith("dco =")]


def directory(folder: Path, old: str, new: str) -> Path:
    file = folder / "directory.toml"
    assert old in TEXT
    file.write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    return file


@pytest.mark.parametrize(("read", "fault"), READERS)
def test_a_file_too_large_or_too_deep_is_one_sentence_with_its_name_and_takes_no_memory(
    read: Callable[[Path], Any], fault: type[Exception], tmp_path: Path
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("a = " + "[" * 5_000 + "]" * 5_000)
    with pytest.raises(fault, match=r"/settings.toml: brackets are nested more than 40 deep"):
        read(file)
    file.write_text("")
    os.truncate(file, 300_000_000)
    tracemalloc.start()
    with pytest.raises(fault, match=r"/settings.toml: the file is larger than 5 MB"):
        read(file)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50_000_000


def test_brackets_in_words_are_no_depth(tmp_path: Path) -> None:
    file = tmp_path / "words.toml"
    file.write_text(f"a = \"{'[' * 100}\"\n# {'{' * 100}\nb = '{'[' * 100}'\n")
    assert set(read_toml(file)) == {"a", "b"}


@pytest.mark.parametrize(
    "address", ["o'brien@community.example", "s&lt.advice@community.example", "a@x-1.example", "x+y@z.example"]
)
def test_a_valid_mailbox_is_accepted(tmp_path: Path, address: str) -> None:
    assert load_directory(directory(tmp_path, BEFORE, MAILBOX.format(address))).icb.dco == address


@pytest.mark.parametrize(
    "address",
    ["slt..advice@x.example", ".slt@x.example", "slt.@x.example", "slt@-bad.example", "slt@bad-.example", "slt",
     "a" * 65 + "@x.example", "s lt@x.example", "slt@x.example\\nBcc: y@x.example", "slt@x.example\\u0000"],
)  # fmt: skip
def test_a_mailbox_that_no_relay_takes_is_refused_when_the_directory_is_read(tmp_path: Path, address: str) -> None:
    with pytest.raises(DirectoryError, match=r"icb\.dco: a mailbox was expected, for example") as problem:
        load_directory(directory(tmp_path, BEFORE, MAILBOX.format(address)))
    assert "pattern" not in str(problem.value)


@pytest.mark.parametrize(
    "sign", ["\\n", "\\r", "\\r\\nBcc: x@y.example", "\\u0000", "\\u001b[2J", "\\u2028", "\\u0085"]
)
def test_a_name_of_more_than_one_line_is_refused(tmp_path: Path, sign: str) -> None:
    name = 'name = "Northern Vales Integrated Care Board"'
    with pytest.raises(DirectoryError, match="a name of one line was expected"):
        load_directory(directory(tmp_path, name, f'name = "Northern{sign}Vales"'))


def test_a_key_that_is_not_known_is_answered_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(DirectoryError, match=r"icb\.exec_lead: there is no such key. Nearest: executive_lead"):
        load_directory(directory(tmp_path, "executive_lead =", "exec_lead ="))
    file = tmp_path / "tracker.toml"
    file.write_text(COLUMNS.read_text(encoding="utf-8").replace("names =", "name =", 1), encoding="utf-8")
    with pytest.raises(TrackerError, match=r"there is no such key. Nearest: names"):
        load_columns(file)
