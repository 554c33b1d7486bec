"""Writes what sendflow is made of as a CycloneDX 1.6 bill of materials, from requirements.lock and what is installed of
it.

Purpose: `make sbom`. The same lock always gives the same document: it bears no instant, and its serial number is made
of the lock. Each component has its version, package address, licence as its own metadata says, what it needs, and the
SHA-256 of every file that the lock allows. What sendflow runs on is `required`; what only checks, measures and builds
it is `excluded`, as it is not part of a running house.

Exit codes: 0 written; 3 where the lock cannot be read or written out.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import tomllib
import uuid
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "build" / "sbom.cdx.json"
PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)")
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


class Pin(NamedTuple):
    """One release that the lock holds, with the digests of its files."""

    name: str
    version: str
    hashes: tuple[str, ...]


def read_lock(text: str) -> list[Pin]:
    """The pins of a lock in its own order. Raises ValueError where there is none."""
    blocks = [(PIN.match(block), block) for block in re.split(r"\n(?=[A-Za-z0-9])", text)]
    pins = [
        Pin(str(canonicalize_name(found["name"])), found["version"], tuple(HASH.findall(block)))
        for found, block in blocks
        if found
    ]
    if not pins:
        raise ValueError("no pin was found: expected lines like orjson==3.11.4 \\")
    return pins


def needs(name: str, extras: frozenset[str] = frozenset()) -> set[tuple[str, frozenset[str]]]:
    """What an installed release asks for on this machine, with the extras that it asks for; nothing where it is not
    installed.
    """
    try:
        asked = [Requirement(each) for each in metadata.requires(name) or []]
    except metadata.PackageNotFoundError:
        return set()
    chosen = ("", *extras)
    wanted = [
        each for each in asked if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in chosen)
    ]
    return {(str(canonicalize_name(each.name)), frozenset(each.extras)) for each in wanted}


def closure(asked: list[str], locked: set[str]) -> dict[str, set[str]]:
    """Everything that these requirements bring in, and what each of it asks for."""
    waiting = [(str(canonicalize_name(each.name)), frozenset(each.extras)) for each in map(Requirement, asked)]
    reached: dict[str, set[str]] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        one = waiting.pop()
        if one[0] in locked and one not in seen:
            seen.add(one)
            further = needs(*one)
            reached.setdefault(one[0], set()).update(name for name, _extras in further if name in locked)
            waiting += further
    return reached


def licence(name: str) -> list[dict[str, Any]]:
    """The licence that a release states; nothing where it states none in a line."""
    try:
        told = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return []
    if "License-Expression" in told:
        return [{"expression": told["License-Expression"]}]
    # "OSI Approved" by itself is a heading over licences and none of them.
    named = [
        each.rpartition(" :: ")[2]
        for each in told.get_all("Classifier") or []
        if each.startswith("License ::") and not each.endswith(":: OSI Approved")
    ]
    line = told["License"].strip() if "License" in told else ""
    if not named and line and "\n" not in line and len(line) < 80:
        named = [line]
    return [{"license": {"name": each}} for each in named]


def bill(lock: str, project: dict[str, Any]) -> dict[str, Any]:
    """The whole document."""
    pins = read_lock(lock)
    locked = {pin.name for pin in pins}
    own = project["project"]
    required = closure(own["dependencies"], locked)
    asked = closure(
        [*own["dependencies"], *(each for group in project["dependency-groups"].values() for each in group)], locked
    )
    reference = {pin.name: f"pkg:pypi/{pin.name}@{pin.version}" for pin in pins}
    components = [
        {
            "type": "library",
            "bom-ref": reference[pin.name],
            "name": pin.name,
            "version": pin.version,
            "purl": reference[pin.name],
            "scope": "required" if pin.name in required else "excluded",
            "licenses": licence(pin.name),
            "properties": [{"name": "sendflow:file:sha256", "value": each} for each in pin.hashes],
        }
        for pin in pins
    ]
    root = f"sendflow@{own['version']}"
    direct = sorted(str(canonicalize_name(Requirement(each).name)) for each in own["dependencies"])
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "serialNumber": f"urn:uuid:{uuid.UUID(hashlib.sha256(lock.encode()).hexdigest()[:32], version=4)}",
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": "sendflow",
                "version": own["version"],
                "description": own["description"],
            }
        },
        "components": components,
        "dependencies": (
            [{"ref": root, "dependsOn": [reference[name] for name in direct]}]
            + [
                {"ref": reference[pin.name], "dependsOn": sorted(reference[each] for each in asked.get(pin.name, ()))}
                for pin in pins
            ]
        ),
    }


def main() -> int:
    """Writes build/sbom.cdx.json and says how many components it names."""
    try:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
        document = bill((ROOT / "requirements.lock").read_text(encoding="utf-8"), project)
        OUT.parent.mkdir(exist_ok=True)
        OUT.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    except (OSError, ValueError) as problem:
        sys.stderr.write(f"The bill of materials could not be written: {problem}\n")
        return 3
    running = sum(each["scope"] == "required" for each in document["components"])
    sys.stdout.write(
        f"sbom: {running} packages in a running house, {len(document['components'])} with what checks and builds it, in"
        f" {OUT.relative_to(ROOT)}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
