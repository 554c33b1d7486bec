"""Freeze the transition table of every machine's present version, once. Old histories replay against their own table
for ever, so this program overwrites none.

Use: .venv/bin/python -m tools.freeze_tables (for a new process or machine version; a test names a missing table).
"""

from __future__ import annotations

import json
import sys

from statemachines.registry import processes
from statemachines.released import TABLES, rows_of


def freeze() -> list[str]:
    """Write the tables that are not there yet; return the names of the new files."""
    written: list[str] = []
    for process in processes().values():
        path = TABLES / f"{process.name}.v{process.version}.json"
        if not path.exists():
            rows = ",\n".join(f"  {json.dumps(row)}" for row in rows_of(process.table, process.unusual_moves))
            path.write_text(f"[\n{rows}\n]\n", "utf-8")
            written.append(path.name)
    return written


if __name__ == "__main__":
    sys.stdout.write("".join(f"{name}\n" for name in freeze()))
