"""The children that cases are about: encrypted, erasable, and stored in no other table. [I/O]

Purpose: UK GDPR art 5(1)(c) and (f), art 32(1)(a); design sentence 5. What identifies a child is encrypted
(AES-256-GCM, bound to its row) under the key in SENDFLOW_HOME/person.key. No file of the database, nor its write-ahead
log, holds a name, an NHS number or a clinical word as bytes. sendflow finds a child by a keyed digest of the NHS
number; the cases of one child share a random child key. Callers open the transaction; nothing here commits. This
module does not decide who may read a person: `log_read` logs every reading, and the operating system says who may run
the command.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, delete, insert, select, update

from models.aliases import delete_aliases
from models.alike import alike_index
from models.bulk_io import in_chunks
from models.change_log import insert_logged, log_keys, log_rows
from models.data_keys import DataKeys, child_subject, delete_data_keys
from models.encryption import Cipher, person_place
from models.free_text import erase_free_texts
from models.incoming_mail import erase_mails_of
from models.key_checks import check_key_for_writing
from models.locks import lock_exclusive
from models.tables import ACCESS, CASE, PERSON

CHILD_LOCKS = 64  # a large import takes them all and does not fill the lock table of PostgreSQL
FIELDS = frozenset({"nhs_number", "date_of_birth", "name", "reference", "la_reference"})
OF_A_CASE = ("reference", "la_reference")
OF_A_CHILD = ("nhs_number", "date_of_birth", "name")
GIVEN = "given"  # what a case itself said of its child is in the person as given/CASE/field


def nhs_index(cipher: Cipher, nhs_number: str) -> str:
    """Return the keyed digest that finds a child by NHS number; blanks in the number make no difference."""
    return cipher.index("nhs", "".join(character for character in nhs_number if character.isdigit()))


def lock_child(connection: Connection, cipher: Cipher, nhs_number: str) -> None:
    """Wait until no other transaction holds the lock of that child, so that one NHS number makes one child.

    Children share 64 locks.
    """
    lock_exclusive(connection, f"child/{int(nhs_index(cipher, nhs_number)[:4], 16) % CHILD_LOCKS}")


def same_number(one: str, other: str) -> bool:
    """Return whether two NHS numbers are equal; blanks make no difference."""
    digits = ("".join(character for character in number if character.isdigit()) for number in (one, other))
    return next(digits) == next(digits)


def find_children(connection: Connection, cipher: Cipher, nhs_numbers: Iterable[str]) -> dict[str, str]:
    """Return the child keys of the NHS numbers that are known, by number as given."""
    wanted: dict[str, list[str]] = {}
    for number in nhs_numbers:
        wanted.setdefault(nhs_index(cipher, number), []).append(number)
    found: dict[str, str] = {}
    for chunk in in_chunks(list(wanted)):
        for child_key, index in connection.execute(
            select(PERSON.c.child_key, PERSON.c.nhs_index).where(PERSON.c.nhs_index.in_(chunk))
        ):
            found |= dict.fromkeys(wanted[index], child_key)
    return found


def save_people(
    connection: Connection,
    cipher: Cipher,
    people: Sequence[tuple[str, Mapping[str, str]]],
    linked: Mapping[str, str] | None = None,
) -> list[str]:
    """Save persons, each with the reference of its case; return their child keys in the same order.

    One NHS number is one child: new fields replace those that are stored. Without a number each case has a child of
    its own, unless `linked` (child keys by case) names the child. Raises ValueError for a field that is not one of
    FIELDS, without showing its value; raises WrongKey.
    """
    check_key_for_writing(connection, cipher)
    for _, person in people:
        if not FIELDS.issuperset(person):
            raise ValueError(f"a person has {', '.join(sorted(FIELDS))} and nothing else")
    known = find_children(
        connection, cipher, (person["nhs_number"] for _, person in people if person.get("nhs_number"))
    )
    by_index = {nhs_index(cipher, number): child for number, child in known.items()}
    of_case = {**child_keys(connection, [case_ref for case_ref, _ in people]), **(linked or {})}
    held = read_people(connection, cipher, {*by_index.values(), *of_case.values()})
    before = set(held)
    keys: list[str] = []
    left: set[str] = set()
    for case_ref, person in people:
        index = nhs_index(cipher, person["nhs_number"]) if person.get("nhs_number") else None
        own = of_case.get(case_ref)
        child = (by_index.get(index) if index else None) or own or secrets.token_hex(12)
        if index:
            by_index[index] = child
        if own is not None and own != child and "nhs_number" not in held.get(own, {}):
            # The child of this case had no number and is now found to be a known child: merge the two.
            held[child] = {**held.get(own, {}), **held.get(child, {})}
            left.add(own)
        held[child] = _merged(held.get(child, {}), case_ref, person)
        keys.append(child)
    _write(connection, cipher, {child: held[child] for child in dict.fromkeys(keys)}, before)
    if left:
        _delete_people(connection, left - set(keys))
    return keys


def merge_children(connection: Connection, cipher: Cipher, gone: str, stays: str) -> None:
    """Merge the child `gone` into the child `stays`, whose own fields take precedence, and delete `gone`."""
    held = read_people(connection, cipher, [gone, stays])
    if gone not in held:
        return
    _write(connection, cipher, {stays: {**held[gone], **held.get(stays, {})}}, set(held))
    _delete_people(connection, {gone})


def child_keys(connection: Connection, case_refs: Collection[str]) -> dict[str, str]:
    """Return the child key of each of these cases that has one, by case reference."""
    found: dict[str, str] = {}
    for chunk in in_chunks(list(case_refs)):
        query = select(CASE.c.case_ref, CASE.c.child_key).where(
            CASE.c.case_ref.in_(chunk), CASE.c.child_key.is_not(None)
        )
        found |= {row.case_ref: row.child_key for row in connection.execute(query)}
    return found


def save_person(connection: Connection, cipher: Cipher, person: Mapping[str, str], case_ref: str) -> str:
    """Save one person with the reference of its case; return the child key. Raises as `save_people` does."""
    return save_people(connection, cipher, [(case_ref, person)])[0]


def change_person(
    connection: Connection, cipher: Cipher, child_key: str, case_ref: str, changes: Mapping[str, str]
) -> None:
    """Correct the fields of one child.

    Raises ValueError where another child has that NHS number, or where the person is unknown or erased.
    """
    held = read_people(connection, cipher, [child_key]).get(child_key)
    if held is None:
        raise ValueError("there is no such person, or the person has been erased")
    number = changes.get("nhs_number")
    if number and find_children(connection, cipher, [number]).get(number, child_key) != child_key:
        raise ValueError(
            "that NHS number belongs to another child of these records: the case itself may be the wrong one"
        )
    _write(connection, cipher, {child_key: _merged(held, case_ref, changes)}, {child_key})


def _delete_people(connection: Connection, child_keys_gone: Collection[str]) -> None:
    """Delete the persons of children that were found to be others, with their data keys."""
    connection.execute(delete(PERSON).where(PERSON.c.child_key.in_(sorted(child_keys_gone))))
    log_keys(connection, PERSON, child_keys_gone)
    delete_data_keys(connection, {child_subject(each) for each in child_keys_gone})


def _merged(held: Mapping[str, str], case_ref: str, person: Mapping[str, str]) -> dict[str, str]:
    """Return `held` with the new fields. A reference belongs to its case and has the case in its key.

    What each case gave is stored beside what holds, so that cases of two children can be parted again.
    """
    fresh = {(f"{name}/{case_ref}" if name in OF_A_CASE else name): value for name, value in person.items() if value}
    given = {f"{GIVEN}/{case_ref}/{name}": value for name, value in person.items() if value and name in OF_A_CHILD}
    return {**held, **fresh, **given}


def part_child(
    connection: Connection, cipher: Cipher, child_key: str, moving: Sequence[str], staying: Sequence[str]
) -> str:
    """Give the cases `moving` a child of their own; return its key. What the cases of a side gave stays on that side.

    The first case of each side decides where its cases gave several values. A number that both sides gave stays, and
    one that is another child's by now is left out. If the child was erased, both are.
    """
    new = new_child_key()
    held = read_people(connection, cipher, [child_key]).get(child_key)
    if held is None:
        gone = connection.scalar(select(PERSON.c.erased_at).where(PERSON.c.child_key == child_key))
        if gone is not None:
            row = {"child_key": new, "nhs_index": None, "sealed": b"", "erased_at": gone}
            connection.execute(insert(PERSON), [row])
        return new
    stays, goes = _own_part(held, staying), _own_part(held, moving)
    for field in OF_A_CHILD:
        if field in held and field not in stays and field not in goes:
            stays[field] = held[field]  # of an earlier version, which did not note who gave it
    if "nhs_number" in stays and "nhs_number" in goes and same_number(stays["nhs_number"], goes["nhs_number"]):
        del goes["nhs_number"]
    for side in (stays, goes):
        number = side.get("nhs_number")
        if number and find_children(connection, cipher, [number]).get(number, child_key) != child_key:
            del side["nhs_number"]
    _write(connection, cipher, {child_key: stays}, {child_key})
    if goes:
        _write(connection, cipher, {new: goes}, set())
    return new


def _own_part(held: Mapping[str, str], case_refs: Sequence[str]) -> dict[str, str]:
    """What these cases gave of a person: their references, what each said of the child, and what holds by that."""
    own = {name: value for name, value in held.items() if "/" in name and name.split("/")[1] in case_refs}
    for field in OF_A_CHILD:
        values = [own[key] for ref in case_refs if (key := f"{GIVEN}/{ref}/{field}") in own]
        if values:
            own[field] = held[field] if held.get(field) in values else values[0]
    return own


def _write(
    connection: Connection, cipher: Cipher, people: Mapping[str, Mapping[str, str]], known: Collection[str]
) -> None:
    added, changed = [], []
    keys = DataKeys(connection, cipher)
    keys.make(child_subject(child) for child in people)
    for child, person in people.items():
        row = {
            "sealed": keys.encrypt(
                orjson.dumps(dict(person), option=orjson.OPT_SORT_KEYS).decode(), person_place(child)
            ),
            "nhs_index": nhs_index(cipher, person["nhs_number"]) if "nhs_number" in person else None,
            "alike_index": alike_index(cipher, person),
        }
        if child in known:
            changed.append({"who": child, **row})
        else:
            added.append({"child_key": child, **row, "erased_at": None})
    if added:
        connection.execute(insert(PERSON), added)
    if changed:
        statement = update(PERSON).where(PERSON.c.child_key == bindparam("who"))
        values: dict[str, Any] = {name: bindparam(name) for name in ("sealed", "nhs_index", "alike_index")}
        connection.execute(statement.values(values), changed)
    # A person who is written is not erased: erased persons are not among those that were read.
    written = [
        (row.get("child_key", row.get("who")), row["nhs_index"], row["sealed"], None, row["alike_index"])
        for row in added + changed
    ]
    log_rows(connection, PERSON, written)


def read_people(connection: Connection, cipher: Cipher, child_keys: Collection[str]) -> dict[str, dict[str, str]]:
    """Return the fields of these children, by child key, without the erased and the unknown.

    The caller logs the reading. Raises EncryptionError where a person does not decrypt.
    """
    found: dict[str, dict[str, str]] = {}
    keys = DataKeys(connection, cipher)
    for chunk in in_chunks(list(child_keys)):
        keys.load(child_subject(child) for child in chunk)
        query = select(PERSON.c.child_key, PERSON.c.sealed).where(
            PERSON.c.child_key.in_(chunk), PERSON.c.erased_at.is_(None)
        )
        for child, sealed in connection.execute(query):
            found[child] = orjson.loads(keys.decrypt(sealed, person_place(child)))
    return found


def person_of(connection: Connection, cipher: Cipher, case_ref: str) -> dict[str, str] | None:
    """Return the fields of the child of a case, with the references of that case only.

    Returns None where the case has no child or the child was erased.
    """
    child = connection.execute(select(CASE.c.child_key).where(CASE.c.case_ref == case_ref)).scalar()
    person = read_people(connection, cipher, [child]).get(child) if child else None
    if person is None:
        return None
    plain = {name: value for name, value in person.items() if "/" not in name}
    return plain | {name: person[f"{name}/{case_ref}"] for name in OF_A_CASE if f"{name}/{case_ref}" in person}


def erased_among(connection: Connection, child_keys: Collection[str]) -> set[str]:
    """Return those of these children whose person was erased."""
    erased: set[str] = set()
    for chunk in in_chunks(list(child_keys)):
        erased |= set(
            connection.execute(
                select(PERSON.c.child_key).where(PERSON.c.child_key.in_(chunk), PERSON.c.erased_at.is_not(None))
            ).scalars()
        )
    return erased


def log_read(connection: Connection, case_ref: str, actor: str, purpose: str, read_at: str) -> None:
    """Log that `actor` read a person. `purpose` is a word of purposes.toml, which names nobody."""
    entry = {"case_ref": case_ref, "actor": actor, "purpose": purpose, "read_at": read_at}
    insert_logged(connection, ACCESS, [entry], read_at)


def erase(connection: Connection, child_key: str, erased_at: str) -> list[str]:
    """Erase a child's person, the free text of all the child's cases and their data keys; return those cases.

    Every hash chain still verifies. On SQLite the caller then truncates the write-ahead log (PRAGMA
    wal_checkpoint(TRUNCATE)), which otherwise holds the encrypted bytes until the next checkpoint.
    """
    cases = list(
        connection.execute(
            select(CASE.c.case_ref).where(CASE.c.child_key == child_key).order_by(CASE.c.case_ref)
        ).scalars()
    )
    erase_person(connection, child_key, erased_at)
    erase_words(connection, cases, erased_at)
    return cases


def erase_person(connection: Connection, child_key: str, erased_at: str) -> None:
    """Erase the identity of a child and its data key."""
    blank = {"sealed": b"", "erased_at": erased_at}
    gone = update(PERSON).where(PERSON.c.child_key == child_key)
    connection.execute(gone.values(**blank, nhs_index=None, alike_index=None))
    log_keys(connection, PERSON, [child_key], erased_at)
    delete_data_keys(connection, {child_subject(child_key)})


def erase_words(connection: Connection, case_refs: Sequence[str], erased_at: str) -> None:
    """Erase the free text of these cases, the mails about them, and the references that other systems gave them."""
    if not case_refs:
        return
    erase_free_texts(connection, case_refs, erased_at)
    erase_mails_of(connection, case_refs, erased_at)
    delete_aliases(connection, case_refs)


def new_child_key() -> str:
    """A random id for a child, which names nobody."""
    return secrets.token_hex(12)
