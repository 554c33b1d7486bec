"""Who a case is about, and the words that people wrote: sealed, erasable, and nowhere else. [I/O]

Purpose: UK GDPR art 5(1)(c) and (f), art 32(1)(a); design sentence 5. Nothing that identifies a child leaves these
tables, and in them it lies sealed (Fernet: AES-128-CBC with HMAC-SHA256) under a key in SENDFLOW_HOME/person.key, so
that no file of the records, the write-ahead log and its leftovers included, holds a name, an NHS number or a clinical
word as bytes. A child is found again by a keyed digest of the NHS number; cases of one child share a random key.
Callers open the transaction; nothing here commits. It does not decide who may look: every look is logged (`log_read`),
and who may run the command is the machine's own affair.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import orjson
from sqlalchemy import Connection, bindparam, delete, insert, select, update

from models.database import alone
from models.encryption import Cipher, WrongKey
from models.tables import ACCESS, ALIAS, CASE, FREE_TEXT, PERSON

CHUNK = 400
FEW = 5
LOCKS = 64  # few enough that a large import does not fill a server's table of locks
FIELDS = frozenset({"nhs_number", "date_of_birth", "name", "reference", "la_reference"})
OF_A_CASE = ("reference", "la_reference")


class FreeText(NamedTuple):
    """Words, sealed and ready to be put away. A fact keeps the `token` only: the passage's id and a salted digest of
    the words.
    """

    id: str
    case_ref: str
    sealed: bytes
    salt: str
    digest: str

    @property
    def token(self) -> str:
        return f"{self.id}.{self.digest}"


class StoredText(NamedTuple):
    """A passage as it lies in the table; `words` is None once erased."""

    id: str
    case_ref: str
    words: str | None


def anything_encrypted(connection: Connection) -> bool:
    """Whether the records hold anything that only their own key can open: then no other is to be made."""
    return any(connection.execute(select(table.c.sealed).limit(1)).first() is not None for table in (PERSON, FREE_TEXT))


def check_key(connection: Connection, seal: Cipher) -> bool:
    """Whether anything is sealed, none of which was first sealed under another key. Raises WrongKey where this key
    opens nothing.

    Some of what is sealed is tried, and one that opens is enough: a single spoilt row is no reason to close the house.
    """
    tried = 0
    for table in (PERSON, FREE_TEXT):
        for sealed in connection.scalars(select(table.c.sealed).where(table.c.erased_at.is_(None)).limit(FEW)):
            tried += 1
            if seal.opens(sealed):
                return True
    if tried:
        raise WrongKey(
            "person.key is not the key of these records, and opens nothing that they hold: a child sealed under it"
            " would never be known again. Restore the right one from its backup, or copy it from a machine of this"
            " house that has it"
        )
    return False


def check_key_for_writing(connection: Connection, seal: Cipher) -> None:
    """Before anything is sealed into the records, in the same transaction. Of two machines that seal the first thing at
    once, one waits for the other.
    """
    if not check_key(connection, seal):
        alone(connection, "first seal")
        check_key(connection, seal)


def count_unopened(connection: Connection, seal: Cipher) -> int:
    """How many sealed persons and passages do not open with this key. Reads them all."""
    unopened = 0
    for table in (PERSON, FREE_TEXT):
        for (sealed,) in connection.execution_options(yield_per=CHUNK).execute(
            select(table.c.sealed).where(table.c.erased_at.is_(None))
        ):
            unopened += not seal.opens(sealed)
    return unopened


def nhs_index(seal: Cipher, nhs_number: str) -> str:
    """The keyed digest under which a child's person is found; blanks in the number do not matter."""
    return seal.index("nhs", "".join(character for character in nhs_number if character.isdigit()))


def alone_with_child(connection: Connection, seal: Cipher, nhs_number: str) -> None:
    """Waits until no other writer is at work on that child (or on one of the few that share its lock): one number is
    one child.
    """
    alone(connection, f"child/{int(nhs_index(seal, nhs_number)[:4], 16) % LOCKS}")


def same_number(one: str, other: str) -> bool:
    """Whether two NHS numbers are one, however they are spaced."""
    digits = ("".join(character for character in number if character.isdigit()) for number in (one, other))
    return next(digits) == next(digits)


def find_children(connection: Connection, seal: Cipher, nhs_numbers: Iterable[str]) -> dict[str, str]:
    """The child keys of those NHS numbers that are known, by number as given."""
    wanted: dict[str, list[str]] = {}
    for number in nhs_numbers:
        wanted.setdefault(nhs_index(seal, number), []).append(number)
    found: dict[str, str] = {}
    for part in _parts(list(wanted)):
        for child_key, index in connection.execute(
            select(PERSON.c.child_key, PERSON.c.nhs_index).where(PERSON.c.nhs_index.in_(part))
        ):
            found |= dict.fromkeys(wanted[index], child_key)
    return found


def put_people(
    connection: Connection,
    seal: Cipher,
    told: Sequence[tuple[str, Mapping[str, str]]],
    linked: Mapping[str, str] | None = None,
) -> list[str]:
    """Puts persons away, each with the case it is of, and returns their child keys in the same order.

    One NHS number is one child: what is newly told fills and replaces what was known. Without a number each case has a
    child of its own, unless it is `linked` (child keys by case) to a case of the same child. Raises ValueError for a
    field that is not one of FIELDS (its value is not shown).
    """
    check_key_for_writing(connection, seal)
    for _, person in told:
        if not FIELDS.issuperset(person):
            raise ValueError(f"a person has {', '.join(sorted(FIELDS))} and nothing else")
    known = find_children(connection, seal, (person["nhs_number"] for _, person in told if person.get("nhs_number")))
    by_index = {nhs_index(seal, number): child for number, child in known.items()}
    of_case = {**child_keys(connection, [case_ref for case_ref, _ in told]), **(linked or {})}
    held = read_people(connection, seal, {*by_index.values(), *of_case.values()})
    before = set(held)
    keys: list[str] = []
    left: set[str] = set()
    for case_ref, person in told:
        index = nhs_index(seal, person["nhs_number"]) if person.get("nhs_number") else None
        own = of_case.get(case_ref)
        child = (by_index.get(index) if index else None) or own or secrets.token_hex(12)
        if index:
            by_index[index] = child
        if own is not None and own != child and "nhs_number" not in held.get(own, {}):
            # A case whose child had no number turns out to be of a child that is known: what was kept of it
            # goes there.
            held[child] = {**held.get(own, {}), **held.get(child, {})}
            left.add(own)
        held[child] = _merged(held.get(child, {}), case_ref, person)
        keys.append(child)
    _write(connection, seal, {child: held[child] for child in dict.fromkeys(keys)}, before)
    if left:
        connection.execute(delete(PERSON).where(PERSON.c.child_key.in_(sorted(left - set(keys)))))
    return keys


def merge_children(connection: Connection, seal: Cipher, gone: str, stays: str) -> None:
    """Two children turn out to be one: what was kept of the one goes to the other, which keeps what it knew itself."""
    held = read_people(connection, seal, [gone, stays])
    if gone not in held:
        return
    _write(connection, seal, {stays: {**held[gone], **held.get(stays, {})}}, set(held))
    connection.execute(delete(PERSON).where(PERSON.c.child_key == gone))


def child_keys(connection: Connection, case_refs: Collection[str]) -> dict[str, str]:
    """The child that each of these cases is about, where one is known."""
    found: dict[str, str] = {}
    for part in _parts(list(case_refs)):
        query = select(CASE.c.case_ref, CASE.c.child_key).where(
            CASE.c.case_ref.in_(part), CASE.c.child_key.is_not(None)
        )
        found |= {row.case_ref: row.child_key for row in connection.execute(query)}
    return found


def keep_person(connection: Connection, seal: Cipher, person: Mapping[str, str], case_ref: str) -> str:
    """Puts away one person with the case it is of; returns the child key."""
    return put_people(connection, seal, [(case_ref, person)])[0]


def change_person(
    connection: Connection, seal: Cipher, child_key: str, case_ref: str, changes: Mapping[str, str]
) -> None:
    """Corrects what is known of one child. Raises ValueError where the NHS number is another child's already, or the
    person was erased.
    """
    held = read_people(connection, seal, [child_key]).get(child_key)
    if held is None:
        raise ValueError("there is no such person, or the person has been erased")
    number = changes.get("nhs_number")
    if number and find_children(connection, seal, [number]).get(number, child_key) != child_key:
        raise ValueError(
            "that NHS number belongs to another child of these records: the case itself may be the wrong one"
        )
    _write(connection, seal, {child_key: _merged(held, case_ref, changes)}, {child_key})


def _merged(held: Mapping[str, str], case_ref: str, person: Mapping[str, str]) -> dict[str, str]:
    """References are a case's own, so they are kept by case; everything else is the child's."""
    fresh = {(f"{name}/{case_ref}" if name in OF_A_CASE else name): value for name, value in person.items() if value}
    return {**held, **fresh}


def _write(
    connection: Connection, seal: Cipher, people: Mapping[str, Mapping[str, str]], known: Collection[str]
) -> None:
    added, changed = [], []
    for child, person in people.items():
        row = {
            "sealed": seal.seal(orjson.dumps(dict(person), option=orjson.OPT_SORT_KEYS).decode()),
            "nhs_index": nhs_index(seal, person["nhs_number"]) if "nhs_number" in person else None,
        }
        if child in known:
            changed.append({"who": child, **row})
        else:
            added.append({"child_key": child, **row, "erased_at": None})
    if added:
        connection.execute(insert(PERSON), added)
    if changed:
        statement = update(PERSON).where(PERSON.c.child_key == bindparam("who"))
        connection.execute(statement.values(sealed=bindparam("sealed"), nhs_index=bindparam("nhs_index")), changed)


def read_people(connection: Connection, seal: Cipher, child_keys: Collection[str]) -> dict[str, dict[str, str]]:
    """What is known of these children, by child key; the erased and the unknown are left out. The caller
    logs the look.
    """
    found: dict[str, dict[str, str]] = {}
    for part in _parts(list(child_keys)):
        query = select(PERSON.c.child_key, PERSON.c.sealed).where(
            PERSON.c.child_key.in_(part), PERSON.c.erased_at.is_(None)
        )
        for child, sealed in connection.execute(query):
            found[child] = orjson.loads(seal.unseal(sealed))
    return found


def person_of(connection: Connection, seal: Cipher, case_ref: str) -> dict[str, str] | None:
    """What is known of the child that a case is about, with that case's own references; None where nothing is (or is
    any more).
    """
    child = connection.execute(select(CASE.c.child_key).where(CASE.c.case_ref == case_ref)).scalar()
    told = read_people(connection, seal, [child]).get(child) if child else None
    if told is None:
        return None
    plain = {name: value for name, value in told.items() if "/" not in name}
    return plain | {name: told[f"{name}/{case_ref}"] for name in OF_A_CASE if f"{name}/{case_ref}" in told}


def erased_among(connection: Connection, child_keys: Collection[str]) -> set[str]:
    """Those of these children whose person has been erased."""
    erased: set[str] = set()
    for part in _parts(list(child_keys)):
        erased |= set(
            connection.execute(
                select(PERSON.c.child_key).where(PERSON.c.child_key.in_(part), PERSON.c.erased_at.is_not(None))
            ).scalars()
        )
    return erased


def encrypt_free_text(seal: Cipher, case_ref: str, words: str, at: str) -> FreeText:
    """Seals words for a case, without writing them yet. `at` is the instant (ISO 8601, UTC) that the sealed form is
    dated by.
    """
    salt = secrets.token_hex(16)
    return FreeText(f"w{secrets.token_hex(10)}", case_ref, seal.seal(words, at), salt, salted(salt, words))


def insert_free_texts(connection: Connection, passages: Sequence[FreeText]) -> None:
    """Puts sealed words away. Whoever sealed them asks `prove_for_writing` first."""
    if passages:
        connection.execute(insert(FREE_TEXT), [{**passage._asdict(), "erased_at": None} for passage in passages])


def passage_id(token: str) -> str:
    """The id of the passage that a fact's token speaks of."""
    return token.partition(".")[0]


def read_free_texts(connection: Connection, seal: Cipher, case_refs: Collection[str]) -> dict[str, list[StoredText]]:
    """The passages of these cases, by case; erased ones have no words."""
    found: dict[str, list[StoredText]] = {}
    for part in _parts(list(case_refs)):
        query = select(FREE_TEXT.c.id, FREE_TEXT.c.case_ref, FREE_TEXT.c.sealed, FREE_TEXT.c.erased_at).where(
            FREE_TEXT.c.case_ref.in_(part)
        )
        for row in connection.execute(query):
            found.setdefault(row.case_ref, []).append(
                StoredText(row.id, row.case_ref, None if row.erased_at else seal.unseal(row.sealed))
            )
    return found


def salted(salt: str, words: str) -> str:
    """The salted digest of a passage: a fact keeps it, and it proves the words for as long as the salt is kept."""
    return hashlib.sha256(f"{salt}\0{words}".encode("utf-8", "surrogatepass")).hexdigest()


def alias(seal: Cipher, reference: str) -> str:
    """The keyed digest of a reference that could not be kept; case and blanks do not matter."""
    return seal.index("alias", " ".join(reference.split()).casefold())


def put_aliases(connection: Connection, seal: Cipher, told: Mapping[str, str]) -> None:
    """Remembers which case each original reference stands for (reference as given, to case reference)."""
    if told:
        check_key_for_writing(connection, seal)
        connection.execute(
            insert(ALIAS),
            [{"digest": alias(seal, reference), "case_ref": case_ref} for reference, case_ref in told.items()],
        )


def find_aliases(connection: Connection, seal: Cipher, references: Iterable[str]) -> dict[str, str]:
    """The case references of those original references that are known, by reference as given."""
    wanted: dict[str, list[str]] = {}
    for reference in references:
        wanted.setdefault(alias(seal, reference), []).append(reference)
    found: dict[str, str] = {}
    for part in _parts(list(wanted)):
        for digest, case_ref in connection.execute(
            select(ALIAS.c.digest, ALIAS.c.case_ref).where(ALIAS.c.digest.in_(part))
        ):
            found |= dict.fromkeys(wanted[digest], case_ref)
    return found


def log_read(connection: Connection, seal: Cipher, case_ref: str, actor: str, purpose: str, read_at: str) -> None:
    """Logs a look at a person. The purpose may say anything, so that its words are sealed as a passage and the log
    keeps the passage's id.
    """
    passage = encrypt_free_text(seal, case_ref, purpose, read_at)
    check_key_for_writing(connection, seal)
    insert_free_texts(connection, [passage])
    connection.execute(
        insert(ACCESS), [{"case_ref": case_ref, "actor": actor, "purpose": passage.id, "read_at": read_at}]
    )


def erase(connection: Connection, child_key: str, erased_at: str) -> list[str]:
    """Erases a child's person and the words of all the child's cases; returns those cases' references. Every chain
    still verifies.

    The salts go too, so that no guess can be tried against the digests that the facts keep. On SQLite the caller then
    truncates the write-ahead log (PRAGMA wal_checkpoint(TRUNCATE)), which otherwise keeps the sealed bytes until the
    next checkpoint.
    """
    cases = list(
        connection.execute(
            select(CASE.c.case_ref).where(CASE.c.child_key == child_key).order_by(CASE.c.case_ref)
        ).scalars()
    )
    blank = {"sealed": b"", "erased_at": erased_at}
    connection.execute(update(PERSON).where(PERSON.c.child_key == child_key).values(**blank, nhs_index=None))
    erase_words(connection, cases, erased_at)
    return cases


def erase_words(connection: Connection, case_refs: Sequence[str], erased_at: str) -> None:
    """Erases the words of these cases, and the references that they were once known by."""
    blank = {"sealed": b"", "erased_at": erased_at}
    for part in _parts(case_refs):
        connection.execute(
            update(FREE_TEXT)
            .where(FREE_TEXT.c.case_ref.in_(part), FREE_TEXT.c.erased_at.is_(None))
            .values(**blank, salt="")
        )
        connection.execute(delete(ALIAS).where(ALIAS.c.case_ref.in_(part)))


def _parts(values: Sequence[str]) -> Iterable[Sequence[str]]:
    return (values[start : start + CHUNK] for start in range(0, len(values), CHUNK))
