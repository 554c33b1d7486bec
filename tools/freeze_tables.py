"""Freeze the transition table of every machine's present version, once. Old facts replay against their own table for
ever, so this program overwrites none.

Use: .venv/bin/python -m tools.freeze_tables (for a new process or machine version; a test names a missing table).
"""

from __future__ import annotations

import json
import sys

from statemachines.process import TABLES
from statemachines.registry import processes


def freeze() -> list[str]:
    """Write the tables that are not there yet; return the names of the new files."""
    written: list[str] = []
    for process in processes().values():
        path = TABLES / f"{process.name}.v{process.version}.json"
        if not path.exists():
            rows = sorted([state, kind, target] for (state, kind), target in process.table.items())
            path.write_text("[\n" + ",\n".join(f"  {json.dumps(row)}" for row in rows) + "\n]\n", "utf-8")
            written.append(path.name)
    return written


if __name__ == "__main__":
    sys.stdout.write("".join(f"{name}\n" for name in freeze()))
