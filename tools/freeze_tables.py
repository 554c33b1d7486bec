"""Freeze the transition table of every machine's present version, once. Old histories replay against their own table
for ever, so this program overwrites none.

Use: .venv/bin/python -m tools.freeze_tables (for a new process or machine version; a test names a missing table).
"""

from __future__ import annotations

import json
import sys

from statemachines.items import item_table
from statemachines.registry import processes
from statemachines.released import ITEM_TABLES, TABLES, rows_of


def freeze() -> list[str]:
    """Write the tables that are not there yet; return the names of the new files."""
    written: list[str] = []
    for process in processes().values():
        tables = {TABLES / f"{process.name}.v{process.version}.json": rows_of(process.table, process.unusual_moves)}
        if process.items is not None:
            tables[ITEM_TABLES / f"{process.name}.v{process.version}.json"] = rows_of(item_table(process.items), ())
        for path, rows in tables.items():
            if not path.exists():
                path.parent.mkdir(exist_ok=True)
                lines = ",\n".join(f"  {json.dumps(row)}" for row in rows)
                path.write_text(f"[\n{lines}\n]\n", "utf-8")
                written.append(path.relative_to(TABLES).as_posix())
    return written


if __name__ == "__main__":
    sys.stdout.write("".join(f"{name}\n" for name in freeze()))
