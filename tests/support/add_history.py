"""Adds a case of an installation to tests/golden/histories as a new golden history. It never overwrites one.

    python -m tests.support.add_history HOME CASE NAME "what it shows" [AS_AT]

HOME is a SENDFLOW_HOME with the case in it. Record the case in a simulation (SENDFLOW_TODAY) with invented references
only. AS_AT is the day of the statuses, by default today in UTC. The first line of the file is the calculated result:
compare it with the law before you commit it.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path

import orjson

from models import ledger
from models.database import open_engine, reading
from tests.scenarios.test_histories import FOLDER, result_of


def add(home: Path, case: str, name: str, shows: str, as_at: str) -> Path:
    """Write the history of `case` as NAME.jsonl. Raises FileExistsError if the file exists."""
    file = FOLDER / f"{name}.jsonl"
    engine = open_engine(f"sqlite:///{home / 'sendflow.db'}")
    with reading(engine) as connection:
        [(_ref, rows)] = list(ledger.scan(connection, case))
    engine.dispose()
    texts = [ledger.Stored._make(row).text.encode() for row in rows]
    first = orjson.dumps({"shows": shows, "as_at": as_at, **result_of(texts, as_at)})
    with file.open("xb") as out:
        out.write(b"\n".join([first, *texts]) + b"\n")
    return file


if __name__ == "__main__":
    if len(sys.argv) not in (5, 6):
        sys.exit(__doc__)
    home, case, name, shows, *rest = sys.argv[1:]
    sys.stdout.write(
        f"{add(Path(home), case, name, shows, rest[0] if rest else datetime.now(UTC).date().isoformat())}\n"
    )
