"""A rule pack: a folder of files that change the rule set: statute, calendar, escalation policy, grounds, locality.

Purpose: a change of the law arrives as files. A person examines them before adopting them, and sendflow records their
digest. Each file of a pack replaces the shipped file of the same name; the other files stay. Which dates it changes,
casework/rule_packs.py works out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from config.files import write_whole
from config.settings import Settings
from config.toml_reader import ConfigFault, Strict, read_bytes, tables_of, text_of

FOLDERS = ("statute", "almanac", "ladder")
DECLARATION = "pack.toml"
FILES = ("grounds.toml", "locality.toml", DECLARATION)
CALENDAR_FILES = ("bank_holidays.toml", "tribunal.toml")
KNOWN = "statute/, almanac/, ladder/, grounds.toml, locality.toml, pack.toml"
EXAMPLE = "Example: a folder that holds statute/annual_review.toml"


class Declaration(Strict):
    """What a pack says of the numbers in force that it changes in place: the law changed, or it was misread."""

    changed: Literal["law", "misread"]


def declaration_of(files: Mapping[str, bytes]) -> str | None:
    """What pack.toml declares, `law` or `misread`; None where the pack has no such file. Raises ConfigFault."""
    if DECLARATION not in files:
        return None
    try:
        text = text_of(files[DECLARATION], DECLARATION)
        return Declaration.model_validate(tables_of(text, DECLARATION)).changed
    except (ValidationError, ConfigFault):
        raise ConfigFault(
            f"{DECLARATION}: the file has one line, which says why the pack changes a number that is in force."
            ' Example: changed = "misread" (the law was misread), or changed = "law" (the law changed)'
        ) from None


def law_files(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of a pack that later packs are laid over: all but what it declares of itself."""
    return {name: content for name, content in files.items() if name != DECLARATION}


def files_of(pack: Path) -> dict[str, bytes]:
    """What a pack holds, by name inside it. Words for people (*.md) are no part of it.

    Raises ConfigFault where it is no folder, is empty, or holds anything that would not be read.
    """
    if not pack.is_dir():
        raise ConfigFault(f"A rule pack is a folder, and none is there by that name. {EXAMPLE}")
    found: dict[str, bytes] = {}
    for entry in sorted(pack.iterdir()):
        if entry.is_dir() and entry.name in FOLDERS:
            found |= {
                f"{entry.name}/{file.name}": _content(entry, file)
                for file in sorted(entry.iterdir())
                if file.suffix != ".md"
            }
        elif entry.is_file() and entry.name in FILES:
            found[entry.name] = read_bytes(entry)
        elif entry.suffix != ".md":
            raise ConfigFault(
                f"The pack holds something that nothing would read; it may hold {KNOWN} and *.md."
                f" {_near(entry.name)}{EXAMPLE}"
            )
    if not found:
        raise ConfigFault(f"The pack holds nothing that could change the law. {EXAMPLE}")
    return found


def _near(name: str) -> str:
    """What was probably meant. The name itself is not repeated: a folder given by mistake may hold anybody's files."""
    near = get_close_matches(name, (*FOLDERS, *FILES), n=1)
    return f"Did you mean `{near[0]}`? " if near else ""


def _content(folder: Path, file: Path) -> bytes:
    if not file.is_file() or file.suffix != ".toml":
        raise ConfigFault(f"{folder.name}/ holds something that nothing would read; its files end in .toml. {EXAMPLE}")
    if folder.name == "almanac" and file.name not in CALENDAR_FILES:
        raise ConfigFault(
            f"almanac/ holds a file that nothing would read; expected {' or '.join(CALENDAR_FILES)}. Example:"
            " almanac/bank_holidays.toml"
        )
    return read_bytes(file)


def digests_of(files: Mapping[str, bytes]) -> dict[str, str]:
    """The SHA-256 of each file, by name."""
    return {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}


def pack_digest(files: Mapping[str, bytes]) -> str:
    """One digest over names and contents; a pack is known by its first sixteen letters."""
    return hashlib.sha256(
        "\n".join(f"{name} {digest}" for name, digest in digests_of(files).items()).encode()
    ).hexdigest()


def law_folder(settings: Settings) -> Path:
    """Where adopted files stand, a folder for each adoption."""
    return settings.home / "law"


def pointed_at(settings: Settings) -> Path | None:
    """The adopted folder as `law/current` names it; None where nothing was adopted."""
    try:
        name = (law_folder(settings) / "current").read_text("utf-8").strip()
    except OSError:
        return None
    folder = law_folder(settings) / name
    return folder if name and folder.is_dir() else None


def point_at(settings: Settings, name: str) -> None:
    """Let `law/current` name a folder, in one step."""
    write_whole(law_folder(settings) / "current", f"{name}\n")
