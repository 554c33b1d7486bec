"""A rule pack: a folder of statute, almanac, ladder, grounds and locality files that change the law as a house keeps it.

Purpose: a change of the law is brought as files, looked at before it is adopted, and kept by its digest. A pack holds whole files: each stands
for the file of its name, and what the pack lacks is as it was. What it does not do: decide which date it moves (flows/packs.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from config.strict import ConfigFault

FOLDERS = ("statute", "almanac", "ladder")
FILES = ("grounds.toml", "locality.toml")
ALMANAC_FILES = ("bank_holidays.toml", "tribunal.toml")
EXAMPLE = "Example: a folder that holds statute/annual_review.toml"


def files_of(pack: Path) -> dict[str, bytes]:
    """What a pack holds, by name inside it. Words for people (*.md) are no part of it.

    Raises ConfigFault where it is no folder, is empty, or holds anything that would not be read.
    """
    if not pack.is_dir():
        raise ConfigFault(f"A rule pack is a folder, and none is there by that name. {EXAMPLE}")
    found: dict[str, bytes] = {}
    for entry in sorted(pack.iterdir()):
        if entry.is_dir() and entry.name in FOLDERS:
            found |= {f"{entry.name}/{file.name}": _content(entry, file) for file in sorted(entry.iterdir()) if file.suffix != ".md"}
        elif entry.is_file() and entry.name in FILES:
            found[entry.name] = entry.read_bytes()
        elif entry.suffix != ".md":
            known = ", ".join([*(f"{name}/" for name in FOLDERS), *FILES])
            raise ConfigFault(f"The pack holds `{entry.name}`, which nothing would read; a pack may hold {known} and *.md. {EXAMPLE}")
    if not found:
        raise ConfigFault(f"The pack holds nothing that could change the law. {EXAMPLE}")
    return found


def _content(folder: Path, file: Path) -> bytes:
    if not file.is_file() or file.suffix != ".toml":
        raise ConfigFault(f"{folder.name}/ holds `{file.name}`, which nothing would read; its files end in .toml. {EXAMPLE}")
    if folder.name == "almanac" and file.name not in ALMANAC_FILES:
        raise ConfigFault(f"almanac/ holds `{file.name}`, which nothing would read; expected {' or '.join(ALMANAC_FILES)}. Example: almanac/bank_holidays.toml")
    return file.read_bytes()


def digests_of(files: Mapping[str, bytes]) -> dict[str, str]:
    """The SHA-256 of each file, by name."""
    return {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}


def pack_digest(files: Mapping[str, bytes]) -> str:
    """One digest over names and contents; a pack is known by its first sixteen letters."""
    return hashlib.sha256("\n".join(f"{name} {digest}" for name, digest in digests_of(files).items()).encode()).hexdigest()
