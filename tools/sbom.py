"""Write a CycloneDX 1.6 bill of materials from requirements.lock and the installed packages.

Purpose: `make sbom`. The same lock always gives the same document: it contains no instant, and its serial number comes
from the lock. Each component has its version, package URL, licence from its own metadata, dependencies, and the SHA-256
of every file that the lock allows. Packages that sendflow needs to run are `required`; packages that only check,
measure and build it are `excluded`.

Exit codes: 0 written; 3 the lock cannot be read or the document cannot be written.
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
    """One release in the lock, with the digests of its files."""

    name: str
    version: str
    hashes: tuple[str, ...]


def read_lock(text: str) -> list[Pin]:
    """Return the pins of a lock in its own order. Raises ValueError if there is none."""
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
    """Return what an installed release requires on this machine, with extras; nothing if it is not installed."""
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
    """Return every release that these requirements bring in, and what each requires."""
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
    """Return the licence that a release states; nothing if it states none in one line."""
    try:
        fields = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return []
    if "License-Expression" in fields:
        return [{"expression": fields["License-Expression"]}]
    # "OSI Approved" by itself is a heading, not a licence.
    named = [
        each.rpartition(" :: ")[2]
        for each in fields.get_all("Classifier") or []
        if each.startswith("License ::") and not each.endswith(":: OSI Approved")
    ]
    line = fields["License"].strip() if "License" in fields else ""
    if not named and line and "\n" not in line and len(line) < 80:
        named = [line]
    return [{"license": {"name": each}} for each in named]


def bill(lock: str, project: dict[str, Any]) -> dict[str, Any]:
    """Return the whole document."""
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
    """Write build/sbom.cdx.json and print the number of components."""
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
        f"sbom: {running} packages in an installation, {len(document['components'])} with those that check and build"
        f" it, in {OUT.relative_to(ROOT)}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
