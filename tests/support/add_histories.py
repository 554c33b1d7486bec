"""Makes the golden histories and the golden readings of letters of a process, from a file of cases. It overwrites none.

    python -m tests.support.add_histories PROCESS

tests/golden/cases/PROCESS.toml has the cases: `[[history]]` with `kind` (the file is PROCESS_KIND.jsonl), `shows`,
`as_at`, the `case` reference and its `steps`. A step is a fact (`on`, `fact`, `data`, `corrects`) or a day on which the
jobs run (`on`, `jobs = true`). Of a `spoiled` history the last fact is one that sendflow refuses. Compare what it wrote
with the law before you commit it.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

from casework.context import LONDON, instant
from models import ledger
from models.database import reading
from models.facts import canonical
from notifications.render import render
from statemachines.process import NotPermitted
from statemachines.registry import processes
from tests.scenarios.test_histories import FOLDER, result_of
from tests.support.paths import GOLDEN
from tests.support.team import Team

LETTERS = GOLDEN / "letters"


def reading_of(sample: dict[str, Any]) -> str:
    """The subject and the text of a letter, from its template, version and fields."""
    made = render(sample["template"], sample["version"], sample["fields"])
    return f"Subject: {made.subject}\n\n{made.text}"


def main(process: str) -> list[str]:
    """Write the histories and letters of a process. The names of the files written; one that exists is left."""
    given = tomllib.loads((GOLDEN / "cases" / f"{process}.toml").read_text("utf-8"))
    written: list[str] = []
    for history in given["history"]:
        with TemporaryDirectory() as home:
            team = Team(Path(home), history["case"])
            texts = list(_texts(team, process, history))
            written += _letters(team)
            team.first.engine.dispose()
        file = FOLDER / f"{process}_{history['kind']}.jsonl"
        if file.exists():
            continue
        as_at = history["as_at"].isoformat()
        expected = {"shows": history["shows"], "as_at": as_at}
        try:
            expected |= result_of(texts, as_at)
        except NotPermitted as refused:
            # Without what is usual instead: a fact that a process gains changes that list.
            expected["refused"] = refused.sentence.partition(" Usual then: ")[0]
        file.write_bytes(b"\n".join([orjson.dumps(expected), *texts]) + b"\n")
        written.append(file.name)
    return written


def _texts(team: Team, process: str, history: dict[str, Any]) -> Iterator[bytes]:
    """The facts of one history as they are stored; of a spoiled one, the refused fact as well."""
    steps = history["steps"]
    taken, last = (steps[:-1], steps[-1]) if history["kind"] == "spoiled" else (steps, None)
    for step in taken:
        if step.get("jobs"):
            team.day(step["on"].isoformat())
        else:
            of = {**step.get("data", {}), "corrects": step["corrects"]} if "corrects" in step else step.get("data", {})
            team.act(step.get("recorded", step["on"]).isoformat(), (step["fact"], step["on"].isoformat(), of))
    with reading(team.first.engine) as connection:
        [(_ref, rows)] = list(ledger.scan(connection, team.case))
    stored = [ledger.Stored._make(row).text.encode() for row in rows]
    yield from stored
    if last is not None:
        yield _refused(process, stored, last)


def _refused(process: str, stored: list[bytes], step: dict[str, Any]) -> bytes:
    """The text of a fact that sendflow would not record, after the facts that it did."""
    first = orjson.loads(stored[0])
    kept = {
        key: first[key]
        for key in ("actor", "case_ref", "law", "machine", "process", "via", "rehearsed")
        if key in first
    }
    on: date = step["on"]
    own = {
        "data": step.get("data", {}),
        "kind": step["fact"],
        "occurred_on": on.isoformat(),
        "recorded_at": instant(datetime.combine(on, time(9), LONDON)),
        "seq": len(stored) + 1,
        "version": processes()[process].facts[step["fact"]].version,
    }
    return canonical({**kept, **own})


def _letters(team: Team) -> list[str]:
    """Write the first letter of each template that has no reading yet."""
    written: list[str] = []
    with reading(team.first.engine) as connection:
        rows = connection.exec_driver_sql(
            'SELECT template, template_version, fields FROM letter ORDER BY "on", id'
        ).all()
    for template, version, fields in rows:
        sample = LETTERS / f"{template}-{version}.json"
        if sample.exists() or template in ("digest", "morning_digest"):
            continue
        content = {"template": template, "version": version, "fields": orjson.loads(fields)}
        sample.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n")
        sample.with_suffix(".txt").write_text(reading_of(content), "utf-8")
        written.append(sample.name)
    return written


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.stdout.write("".join(f"{name}\n" for name in main(sys.argv[1])))
