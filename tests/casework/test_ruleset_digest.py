"""The digest of a rule set covers the machines, which are read from their released tables."""

from casework.rules.ruleset import _machines
from statemachines.registry import processes


def test_the_digest_covers_the_tables_of_every_machine_in_order() -> None:
    marked = [
        [(key, target, *(["unusual"] if key in process.unusual_moves else [])) for key, target in process.table.items()]
        for process in processes().values()
    ]
    tables = [str(sorted(rows)) for rows in marked]
    assert list(_machines()[:-1]) == tables, "a changed machine is a new version: add tables/NAME.vN.json, keep the old"
