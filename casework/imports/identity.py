"""Compare the identity in a row of a tracker with what is known of the child. No value is ever shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from casework.imports.row_choices import RowChoice
from casework.imports.rows import Plan, Problem, RowReader
from models import people
from models.encryption import Cipher
from models.same_words import name_key

DIFFERS = "differs"
NOT_SHOWN = "the record has another value than the file (neither is shown here)"


def same_value(name: str, one: str, other: str) -> bool:
    """Whether two values are the same. A name may be typed with other letter case, blanks, signs and code points."""
    return one == other or (name == "name" and name_key(one) == name_key(other))


class IdentityChange(NamedTuple):
    """What a row adds to the known identity, how many of these values replace another one, and what contradicts."""

    values: dict[str, str]
    replaced: int
    problems: list[Problem]


class Identities:
    """The identities of the children of some cases, read at once."""

    def __init__(
        self,
        connection: Connection,
        cipher: Cipher,
        reader: RowReader,
        plans: Iterable[Plan],
        known_refs: Sequence[str],
        *,
        accept_changes: bool,
    ) -> None:
        self.reader = reader
        self.accept_changes = accept_changes
        self.child_of = people.child_keys(connection, known_refs)
        numbers = [plan.person["nhs_number"] for plan in plans if "nhs_number" in plan.person]
        self.child_by_number = people.find_children(connection, cipher, numbers)
        children = {*self.child_of.values(), *self.child_by_number.values()}
        self.people = people.read_people(connection, cipher, children)
        self.erased = people.erased_among(connection, children)
        # Date of birth and name of each NHS number, as the first row with it has them.
        self.first_values: dict[tuple[str, str], str] = {}

    def compare(self, plan: Plan, ref: str | None, choice: RowChoice | None = None) -> IdentityChange:
        """Compare a row with the identity of its case; `ref` is None for a case that has no reference yet.

        By the `choice` of a person for this row, the record goes on with its values, or takes those of the row.
        """
        own = self.child_of.get(ref) if ref is not None else None
        number = plan.person.get("nhs_number")
        child = own or (self.child_by_number.get(number) if number else None)
        if child in self.erased:
            text = "the person of this case has been erased; expected no row for it"
            return IdentityChange({}, 0, [self.reader.problem(plan.row, "reference", "erased", text)])
        if problems := self._other_rows_of_the_child(plan):
            return IdentityChange({}, 0, problems)
        known = self.people.get(child, {}) if child is not None else {}
        change = IdentityChange({}, 0, [])
        for name, value in plan.person.items():
            before = known.get(f"{name}/{ref}" if name in people.OF_A_CASE else name)
            if before is None:
                change.values[name] = value
            elif name != "reference" and not same_value(name, before, value) and choice is not RowChoice.OLD:
                # (a row's own reference differs from the stored one in blanks or letter case only)
                change.values[name] = value
                change.problems.extend(self._replaced(plan, name, value, child, choice))
                change = change._replace(replaced=change.replaced + 1)
        if own is None:
            change.values.update(plan.person)  # what is known from another case of the child links this case to it
        return change

    def _other_rows_of_the_child(self, plan: Plan) -> list[Problem]:
        """Problems of a row that has another date of birth or name than the first row with its NHS number."""
        person = plan.person
        number = person.get("nhs_number")
        if not number:
            return []
        values = {name: person[name] for name in ("date_of_birth", "name") if name in person}
        differing = [name for name, value in values.items() if self._other(number, name, value)]
        text = "another row has another {} for the same NHS number; expected one child's to be the same"
        return [self.reader.problem(plan.row, name, DIFFERS, text.format(name.replace("_", " "))) for name in differing]

    def _other(self, number: str, name: str, value: str) -> bool:
        return not same_value(name, self.first_values.setdefault((number, name), value), value)

    def _replaced(
        self, plan: Plan, name: str, value: str, child: str | None, choice: RowChoice | None
    ) -> list[Problem]:
        if name == "nhs_number" and self.child_by_number.get(value, child) != child:
            text = f"{NOT_SHOWN}, and the file's belongs to another child: correct the row, or the case"
            return [self.reader.problem(plan.row, name, DIFFERS, text)]
        accepted = self.accept_changes or choice is RowChoice.NEW
        return [] if accepted else [self.reader.problem(plan.row, name, DIFFERS, NOT_SHOWN)]
