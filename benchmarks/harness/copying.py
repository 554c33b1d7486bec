"""More of the same records than there is time to record: copies of whole histories under other references, each with a
new hash chain.

A copy's cases bear two letters before their references, in every fact that names them; so every hash, copied column,
fold, cache and notice of a copy is what sendflow itself would have written, and `sendflow verify` finds nothing.
Encrypted persons are not copied.
"""

from collections.abc import Iterator
from hashlib import sha256
from itertools import groupby
from operator import itemgetter
from typing import Any

from benchmarks.harness.databases import OnPostgresql, OnSqlite, Rows
from casework.context import AppContext
from models.change_log import log_keys
from models.database import reading, writing
from models.facts import GENESIS
from models.macs import Mac, newest_mac
from models.tables import CASE, NOTICE

COPIED = ("fact", "case_file", "duty", "notice")
NAMES = ('"case_ref":"', '"caused_by":"')
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
Row = tuple[Any, ...]


class Copier:
    """Copies the records of an installation, as they are when this object is made, into the same records."""

    def __init__(self, place: OnSqlite | OnPostgresql, context: AppContext) -> None:
        self.place = place
        self.context = context
        self.made = 0
        # The last hash, and its MAC, of each case of the copy that is being made.
        self._ends: dict[str, tuple[str, str | None]] = {}
        rows = place.rows(context, COPIED)
        self.rows = {**rows, "fact": sorted(rows["fact"], key=itemgetter(0, 1))}

    def copy(self, times: int) -> None:
        """So many copies more, a transaction each."""
        connection = self.place.driver(self.context)
        for _ in range(times):
            self.made += 1
            letters = LETTERS[self.made // 26] + LETTERS[self.made % 26]
            with reading(self.context.engine) as records:
                mac = newest_mac(records)
            copies = {"fact": list(self._facts(letters, mac)), **self._rest(letters)}
            if isinstance(self.place, OnPostgresql):
                self.place.copy(connection, copies)
            else:
                self.place.write(connection, copies)
            with writing(self.context.engine) as records:
                log_keys(records, NOTICE, (row[0] for row in copies["notice"]), copies["notice"][-1][-1])
                log_keys(records, CASE, (row[0] for row in copies["case_file"] if row[-2] is not None))
        connection.close()

    def _facts(self, letters: str, mac: Mac | None) -> Iterator[Row]:
        for ref, some in groupby(self.rows["fact"], itemgetter(0)):
            previous = GENESIS
            for _ref, seq, kind, occurred_on, recorded_at, actor, text, _previous, _digest, _mac, by in some:
                for name in NAMES:
                    text = text.replace(name, name + letters)
                digest = sha256((previous + text).encode()).hexdigest()
                its = mac.of_fact(letters + ref, seq, digest, by) if mac is not None else None
                yield letters + ref, seq, kind, occurred_on, recorded_at, actor, text, previous, digest, its, by
                previous = digest
            end = mac.of_end(letters + ref, seq, previous) if mac is not None else None
            self._ends[letters + ref] = previous, end

    def _rest(self, letters: str) -> Rows:
        cases = [
            (
                letters + ref,
                *parts,
                self._ends[letters + ref][0],
                opened_on,
                la,
                la_reference,
                child and letters + child[2:],
                self._ends[letters + ref][1],
            )
            for ref, *parts, _hash, opened_on, la, la_reference, child, _mac in self.rows["case_file"]
        ]
        duties = [(letters + row[0], *row[1:]) for row in self.rows["duty"]]
        notices = [
            (
                letters + row[0],
                letters + row[1],
                *(part.replace(row[1], letters + row[1]) if isinstance(part, str) else part for part in row[2:]),
            )
            for row in self.rows["notice"]
        ]
        self._ends.clear()
        return {"case_file": cases, "duty": duties, "notice": notices}
