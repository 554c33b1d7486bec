"""Links of a case to other cases: an agenda item and the case it is about, a case that follows a closed one. Pure.

A field of a fact makes a link (`models.fields.CaseLink`), and so does `case_linked`. The history is the source: a link
begins on the day of its fact, and ends on the day of `case_unlinked`. Links are many to many, and never say that two
cases are of one child.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from operator import attrgetter
from typing import NamedTuple

from models.common_facts import LINK_ROLES, UNLINKED
from models.facts import StoredFact
from models.fields import LinkRole
from statemachines.process import Process
from statemachines.replay import facts_in_force


class Link(NamedTuple):
    """A link from the case of a fact to another case, both days included; `until` is None while it lasts."""

    seq: int
    role: str
    to_ref: str
    since: date
    until: date | None = None

    def lasts_on(self, day: date) -> bool:
        """Whether the link is there on a day."""
        return self.since <= day and (self.until is None or day <= self.until)


KIND = attrgetter("kind")
LinkKey = tuple[int, str, str]  # number of the fact, role, the other case


def links_of(process: Process, lines: Iterable[StoredFact]) -> list[Link]:
    """The links that facts in force leave, in the order of replay; ended ones among them."""
    found: list[Link] = []
    for line in lines:
        if line.kind == UNLINKED:
            named = (str(line.data.get("role", "related")), line.data.get("to_case"))
            for at, link in enumerate(found):
                if (link.role, link.to_ref) == named and link.until is None:
                    found[at] = link._replace(until=line.occurred_on)
        elif line.kind in process.links_by:
            found += [Link(line.seq, role, ref, line.occurred_on) for role, ref in _made_by(process, line)]
    return found


def links_ever(process: Process, lines: Sequence[StoredFact]) -> dict[LinkKey, Link | None]:
    """Every link that a fact of a history has ever made, before and after corrections; None if it is not in force."""
    if process.links_by.keys().isdisjoint(map(KIND, lines)):
        return {}
    found: dict[LinkKey, Link | None] = {}
    known: dict[int, StoredFact] = {}
    for line in sorted(lines, key=lambda each: each.seq):
        target = known.get(line.corrects or 0) if line.kind == "fact_corrected" else line
        if target is not None and target.kind in process.links_by:
            known[target.seq] = target = target._replace(data={**target.data, **line.data})
            found.update({(target.seq, role, ref): None for role, ref in _made_by(process, target)})
    found.update({(link.seq, link.role, link.to_ref): link for link in links_of(process, facts_in_force(lines))})
    return found


def role_called(process: Process | None, name: str) -> LinkRole:
    """A role with its words, of a process or of any case. One that no fact has any more is called by its name."""
    if name in LINK_ROLES:
        return LINK_ROLES[name]
    own = process.links_by.values() if process is not None else ()
    found = (role for fields in own for role in fields.values() if role is not None and role.name == name)
    plain = name.replace("_", " ")
    return next(found, LinkRole(name, f"is linked as {plain} to", f"is linked as {plain} from"))


def _made_by(process: Process, line: StoredFact) -> Iterator[tuple[str, str]]:
    for field, role in process.links_by[line.kind].items():
        ref = line.data.get(field)
        if isinstance(ref, str):
            yield (role.name if role is not None else str(line.data.get("role", "related"))), ref
