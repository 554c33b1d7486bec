"""Writes the snapshots of what other programs rely on.

The snapshots stand in `data/`: JSON documents, exit codes, facts, metrics, Prefect names, tables, environment variables
and digests of golden files. A later version may add to them. The tests fail when it loses or changes anything in them.
`.venv/bin/python -m tests.contracts.write`, from the root of the repository, writes them again; review the diff.

The files of this folder:

* `surface.py` imports the product and collects its names; no other file here imports the product.
* `calls.py` has the table of command words at its top. A renamed command changes that table only.
* `scenario.py` calls every command.
* `manifest.py` has the table of golden folders at its top. A folder that moves changes that table only.
* `shapes.py` describes documents and compares them. Sentences are compared as `<words>`, digests as `<digest>`.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.contracts import calls, manifest, scenario, shapes, surface

DATA = Path(__file__).parent / "data"


def frozen(name: str) -> Any:
    """Read one snapshot."""
    return json.loads((DATA / f"{name}.json").read_text("utf-8"))


def documents(played: Mapping[str, calls.Called]) -> dict[str, Any]:
    """Return the shape and, where they are deterministic, the values of every JSON document."""
    found = {}
    for name, call in played.items():
        if call.is_json:
            found[name] = {"command": call.command, "shape": shapes.shape(call.document)}
            if call.command not in calls.SHAPE_ONLY and name not in calls.SHAPE_ONLY_CALLS:
                found[name]["values"] = shapes.plain(call.document)
    return found


def exits(played: Mapping[str, calls.Called]) -> dict[str, Any]:
    """Return the exit code of every call and what it printed on standard output."""
    return {
        name: {"command": call.command, "words": " ".join(call.words), "code": call.ended.code, "stdout": call.printed}
        for name, call in played.items()
    }


def collected(folder: Path) -> dict[str, Any]:
    """Collect every surface of the present version."""
    played = scenario.play(folder)
    home, today = folder / "team" / "var", "2026-06-30"
    found = {
        "metrics": {"metrics": surface.metrics(home, today), "addresses": surface.addresses(home, today)},
        "facts": surface.facts(),
        "prefect": dict(surface.prefect()),
        "database": surface.database(),
        "environment": surface.environment(),
        "manifest": manifest.manifest(),
    }
    scenario.play_to_the_end(folder, played)
    return {"documents": documents(played), "exits": exits(played), **found}


def write() -> None:
    """Write every snapshot."""
    with TemporaryDirectory() as folder:
        found = collected(Path(folder))
    for name, value in found.items():
        (DATA / f"{name}.json").write_text(
            json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n", "utf-8"
        )
        sys.stdout.write(f"{name}.json\n")


if __name__ == "__main__":
    write()
