"""Attacks on a database by a person with a database tool and without person.key, by the numbers of the audit.

Each is done past the triggers, which are put back. The wanted finding is the one that names what was done.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from models import ledger
from models.facts import canonical_text, parse_fact, stored_fact_of
from models.merkle import BLOCK, leaf_hash, root_of

Execute = Callable[..., list[tuple[Any, ...]]]


class Attack(NamedTuple):
    """One attack: its number, a plain name, what is done, and the finding that is wanted."""

    number: str
    name: str
    deeds: tuple[str | Callable[[Execute], object], ...]
    wanted: str


def _rewrite(execute: Execute, change: Callable[[str], str]) -> None:
    """Write the last fact of NX90002 again, with its own hash, and make its case fit."""
    query = "SELECT seq, prev_hash, text FROM fact WHERE case_ref = 'NX90002' ORDER BY seq DESC LIMIT 1"
    [(seq, previous, text)] = execute(query)
    text = change(text)
    digest = ledger.link(previous, text.encode())
    quoted = text.replace("'", "''")
    execute(f"UPDATE fact SET text = '{quoted}', hash = '{digest}' WHERE case_ref = 'NX90002' AND seq = {seq}")
    execute(f"UPDATE case_file SET hash = '{digest}' WHERE case_ref = 'NX90002'")


def _not_canonical(execute: Execute) -> None:
    _rewrite(execute, lambda text: text.replace("{", '{ "note":"x",', 1))


def _earlier_instant(execute: Execute) -> None:
    query = "SELECT recorded_at FROM fact WHERE case_ref = 'NX90001' ORDER BY seq LIMIT 1"
    [(instant,)] = execute(query)
    earlier = "2026-01" + instant[7:]
    execute(f"UPDATE fact SET recorded_at = '{earlier}' WHERE case_ref = 'NX90001' AND seq = 2")


def _chain(change: Callable[[str], str]) -> Callable[[Execute], None]:
    """Write every fact of NX90001 again with right hashes, each column a copy of its text, and make its case fit."""

    def rewrite(execute: Execute) -> None:
        previous = "0" * 64
        for seq, text in execute("SELECT seq, text FROM fact WHERE case_ref = 'NX90001' ORDER BY seq"):
            fresh = change(text)
            digest, fact = ledger.link(previous, fresh.encode()), parse_fact(fresh)
            quoted = fresh.replace("'", "''")
            execute(
                f"UPDATE fact SET text = '{quoted}', hash = '{digest}', prev_hash = '{previous}',"
                f" actor = '{fact.actor}', recorded_at = '{fact.recorded_at}'"
                f" WHERE case_ref = 'NX90001' AND seq = {seq}"
            )
            previous = digest
        execute(f"UPDATE case_file SET hash = '{previous}' WHERE case_ref = 'NX90001'")

    return rewrite


def _exchanged(execute: Execute) -> None:
    """Exchange the texts of two facts."""
    query = "SELECT seq, text FROM fact WHERE case_ref = 'NX90001' ORDER BY seq LIMIT 2"
    (one, first), (other, second) = execute(query)
    for seq, text in ((one, second), (other, first)):
        quoted = text.replace("'", "''")
        execute(f"UPDATE fact SET text = '{quoted}' WHERE case_ref = 'NX90001' AND seq = {seq}")


def _forged_last(execute: Execute) -> None:
    """Add a fact with its right hash after the last one of a case."""
    query = "SELECT seq, hash, text FROM fact WHERE case_ref = 'NX90002' ORDER BY seq DESC LIMIT 1"
    [(seq, previous, text)] = execute(query)
    fact = parse_fact(text)
    forged = text.replace(f'"seq":{seq}', f'"seq":{seq + 1}')
    quoted = forged.replace("'", "''")
    execute(
        f"INSERT INTO fact VALUES ('NX90002', {seq + 1}, '{fact.kind}', '{fact.occurred_on}', '{fact.recorded_at}',"
        f" '{fact.actor}', '{quoted}', '{previous}', '{ledger.link(previous, forged.encode())}', NULL, NULL)"
    )


def _cut(execute: Execute) -> None:
    """Delete the last facts of a case, and make every copy fit."""
    for table, column in (("fact", "seq"), ("notice", "fact_seq"), ("duty", "opened_seq")):
        execute(f"DELETE FROM {table} WHERE case_ref = 'NX90001' AND {column} > 2")
    [(digest,)] = execute("SELECT hash FROM fact WHERE case_ref = 'NX90001' AND seq = 2")
    execute(f"UPDATE case_file SET seq = 2, hash = '{digest}' WHERE case_ref = 'NX90001'")
    execute("UPDATE duty SET evaluated_under = 'x'")


def _other_actor(text: str) -> str:
    return text.replace("dco.team", "dco.teem")


def _other_run(text: str) -> str:
    """The fact with another run, which says by which job it was recorded."""
    return canonical_text(stored_fact_of(text.encode())._replace(run="another", via="web")).decode()


def _swapped(table: str, column: str, key: str) -> Callable[[Execute], None]:
    def swap(execute: Execute) -> None:
        rows = execute(f"SELECT {key} FROM {table} WHERE erased_at IS NULL ORDER BY {key} LIMIT 2")
        (one,), (other,) = rows
        execute(
            f"UPDATE {table} SET {column} = (SELECT b.{column} FROM {table} b WHERE b.{key} = CASE {table}.{key} WHEN"
            f" '{one}' THEN '{other}' ELSE '{one}' END) WHERE {key} IN ('{one}', '{other}')"
        )

    return swap


def _leaves_too(execute: Execute) -> None:
    """Give the leaves, the ends and the blocks of the log what the facts are now."""
    now = {(ref, str(seq)): digest for ref, seq, digest in execute("SELECT case_ref, seq, hash FROM fact")}
    for number, leaf in execute("SELECT number, leaf FROM log_leaf ORDER BY number"):
        kind, *about = leaf.split(" ")
        if kind == "fact" and (digest := now[about[0], about[1]]) != about[2]:
            execute(f"UPDATE log_leaf SET leaf = 'fact {about[0]} {about[1]} {digest}' WHERE number = {number}")
            execute(f"UPDATE log_tail SET hash = '{digest}' WHERE chain = '{about[0]}' AND seq = {about[1]}")
    _blocks(execute)


def _without_leaves(execute: Execute) -> None:
    """Number the leaves again without those of NX90002, and make ends and blocks fit."""
    leaves = [leaf for (leaf,) in execute("SELECT leaf FROM log_leaf ORDER BY number")]
    left = [leaf for leaf in leaves if not leaf.startswith("fact NX90002 ")]
    execute("DELETE FROM log_leaf")
    for number, leaf in enumerate(left):
        execute(f"INSERT INTO log_leaf VALUES ({number}, '{leaf}')")
    execute("DELETE FROM log_tail WHERE chain = 'NX90002'")
    execute("DELETE FROM log_checkpoint")
    execute("DELETE FROM log_cosignature")
    _blocks(execute)


def _blocks(execute: Execute) -> None:
    hashes = [leaf_hash(leaf.encode()) for (leaf,) in execute("SELECT leaf FROM log_leaf ORDER BY number")]
    execute("DELETE FROM log_block")
    for number in range(len(hashes) // BLOCK):
        root = root_of(hashes[number * BLOCK : (number + 1) * BLOCK]).hex()
        execute(f"INSERT INTO log_block VALUES ({number}, '{root}')")


def _letter(id_: str, template: str) -> str:
    return (
        'INSERT INTO letter (id, mailbox, "on", template, template_version, fields, message_id, state, attempts)'
        f" VALUES ('{id_}', 'dco@icb.example', '2026-04-14', '{template}', 1, '{{}}', '<{id_}.sendflow@x>',"
        " 'withdrawn', 0)"
    )


OF_CASE = tuple(
    f"DELETE FROM {table} WHERE case_ref = 'NX90002'" for table in ("fact", "case_file", "duty", "notice", "passage")
)
LOG, SIGNED = ("log_block", "log_tail"), ("log_checkpoint", "log_cosignature")
INVENTED = "INSERT INTO log_leaf SELECT max(number) + 1, 'fact NX90009 1 f0' FROM log_leaf"
MOVED = "UPDATE log_checkpoint SET note = (SELECT note FROM log_checkpoint WHERE number = 1) WHERE number = 2"
FORGED = "INSERT INTO anchor VALUES ('2026-04-15T20:00:00.000000Z', 'f0', 1, 1)"
DIGESTS = "template = 'morning_digest'"
ATTACKS = (
    Attack("01", "a byte of a fact", ("UPDATE fact SET text = replace(text, 'dco', 'dcp') WHERE seq = 1",), "hash"),
    Attack("02", "a copied column of a fact", ("UPDATE fact SET actor = 'sam.lee' WHERE seq = 1",), "column"),
    Attack("03", "the last fact of a case", ("DELETE FROM fact WHERE case_ref = 'NX90001' AND seq > 3",), "tail"),
    Attack("03b", "the last facts of a case with every copy", (_cut,), "head"),
    Attack("04", "a whole case", OF_CASE, "head"),
    Attack("04b", "a whole case and every head", (*OF_CASE, "DELETE FROM anchor"), "head"),
    Attack("04c", "a whole case, and a newer head added", (*OF_CASE, FORGED), "head"),
    Attack("05", "a chain rewritten", (_chain(_other_actor),), "head"),
    Attack("05b", "a chain rewritten, and no heads", (_chain(_other_actor), "DELETE FROM anchor"), "head"),
    Attack("05c", "the run of every fact", (_chain(_other_run),), "head"),
    Attack("06", "two facts exchanged", (_exchanged,), "hash"),
    Attack("07", "a forged last fact with its right hash", (_forged_last,), "tail"),
    Attack("08e", "the words of a sent letter", ("UPDATE letter SET fields = '{}' WHERE state = 'sent'",), "letter"),
    Attack("08f", "the words of a notice", ("UPDATE notice SET fields = '{}'",), "notice"),
    Attack("08h", "a waiting notice set aside", ("UPDATE notice SET state = 'superseded'",), "notice"),
    Attack("08i", "notices deleted", ("DELETE FROM notice",), "notice"),
    Attack("08j", "the mailbox of notices", ("UPDATE notice SET mailbox = 'evil@example.org'",), "notice"),
    Attack("08l", "the head in a sent digest", (f"UPDATE letter SET fields = '{{}}' WHERE {DIGESTS}",), "letter"),
    Attack("10b", "an older head", ("UPDATE anchor SET head = 'f0' WHERE before < '2026-04-15'",), "head"),
    Attack("10c", "the counts of heads", ("UPDATE anchor SET facts = facts - 1",), "head"),
    Attack("10d", "the newest head", ("DELETE FROM anchor WHERE before > '2026-04-15'",), "head"),
    Attack("10e", "every head", ("DELETE FROM anchor",), "head"),
    Attack("12a", "the due date of a duty", ("UPDATE duty SET due = '2030-01-01'",), "cache"),
    Attack("12c", "duties deleted", ("DELETE FROM duty",), "cache"),
    Attack("12d", "the state of a case", ("UPDATE case_file SET state = 'closed'",), "cache"),
    Attack("13a", "the child of a case", ("UPDATE case_file SET child_key = 'x' WHERE case_ref = 'NX90001'",), "child"),
    Attack("13b", "two persons swapped", (_swapped("person", "sealed", "child_key"),), "person"),
    Attack("13c", "two free texts swapped", (_swapped("passage", "sealed", "id"),), "free_text"),
    Attack("13d", "free text deleted", ("DELETE FROM passage",), "free_text"),
    Attack("13e", "the digest of a free text", ("UPDATE passage SET digest = 'f0', salt = 'f0'",), "free_text"),
    Attack("13f", "persons deleted", ("DELETE FROM person",), "person"),
    Attack("13g", "persons marked as erased", ("UPDATE person SET erased_at = '2026-04-01'",), "person"),
    Attack("13h", "a reference of another case", ("UPDATE alias SET case_ref = 'NX90002'",), "alias"),
    Attack("14a", "the files of an adoption", ("UPDATE adoption SET files = '{}'",), "ruleset"),
    Attack("14b", "an adoption deleted", ("DELETE FROM adoption",), "ruleset"),
    Attack("14c", "who activated a rule set", ("UPDATE law_held SET actor = 'sam.lee'",), "ruleset"),
    Attack("14d", "every activation deleted", ("DELETE FROM law_held",), "ruleset"),
    Attack("14h", "a directory that was held", ("UPDATE config_held SET digest = 'f0'",), "config"),
    Attack("15b", "an instant before its predecessor's", (_earlier_instant,), "order"),
    Attack("15d", "a first instant backdated", (_chain(lambda text: text.replace("2026-02-0", "2026-01-0")),), "head"),
    Attack("17", "who looked at a person", ("DELETE FROM person_read",), "access"),
    Attack("17b", "the purpose of a look", ("UPDATE person_read SET actor = 'sam.lee'",), "access"),
    Attack("18", "job runs deleted", ("DELETE FROM job_run",), "job"),
    Attack("18b", "an import deleted", ("DELETE FROM import_file",), "import"),
    Attack("20", "a fact in another form", (_not_canonical,), "form"),
    Attack("22", "an invented access", ("INSERT INTO person_read VALUES (99, 'NX90001', 'x', 'w1', 'x')",), "access"),
    Attack("22a", "an invented letter", (_letter("2026-04-14-0123456789-1", "chaser"),), "letter"),
    Attack("22b", "an invented digest", (_letter("digest-2026-04-14-0123456789", "morning_digest"),), "letter"),
    Attack("22c", "every digest deleted", (f"DELETE FROM letter WHERE {DIGESTS}",), "letter"),
    Attack("23", "a finding deleted", ("DELETE FROM finding",), "finding"),
    Attack("24", "the end of the change log", ("DELETE FROM change_log WHERE number > 20",), "notice"),
    Attack("24b", "a record of the change log", ("UPDATE change_log SET digest = 'f0'",), "change_log"),
    Attack("30", "a leaf of the log", ("UPDATE log_leaf SET leaf = 'fact NX90001 1 f0' WHERE number = 3",), "log"),
    Attack("31", "the last leaves of the log", ("DELETE FROM log_leaf WHERE number > 100",), "log"),
    Attack("32", "an invented leaf", (INVENTED,), "log"),
    Attack("33", "a signed checkpoint", ("DELETE FROM log_checkpoint WHERE number = 1",), "log"),
    Attack("34", "every checkpoint and cosignature", tuple(f"DELETE FROM {each}" for each in SIGNED), "log"),
    Attack("35", "a checkpoint in the place of another", (MOVED,), "log"),
    Attack("36", "the end of a case in the log", ("UPDATE log_tail SET seq = 1 WHERE chain = 'NX90001'",), "log"),
    Attack("37", "the root of a block", ("UPDATE log_block SET root = 'f0'",), "log"),
    Attack("38", "the key of a witness", ("UPDATE log_cosignature SET vkey = 'x'",), "log"),
    Attack("39", "the keys of the log", ("UPDATE log_act SET keys = 'x'",), "log"),
    Attack("40", "a chain rewritten with its leaves", (_chain(_other_actor), _leaves_too), "log"),
    Attack("41", "a whole case with its leaves", (*OF_CASE, _without_leaves), "log"),
    Attack("42", "the whole log", tuple(f"DELETE FROM {each}" for each in ("log_leaf", *LOG, *SIGNED)), "log"),
)
# What the log names: case and fact. Before there was a log, nothing named them.
NAMED = {
    **dict.fromkeys(("04", "04b", "04c", "41"), ("NX90002", 1)),
    **dict.fromkeys(("05", "05b", "05c", "15d", "40"), ("NX90001", 1)),
    "03b": ("NX90001", 3),
}
TRIGGER = {
    "sqlite": "CREATE TRIGGER redirect AFTER INSERT ON notice BEGIN UPDATE notice SET mailbox = 'e@example.org'; END",
    "postgresql": "CREATE TRIGGER redirect BEFORE INSERT ON duty FOR EACH ROW EXECUTE FUNCTION"
    " suppress_redundant_updates_trigger()",
}
SCHEMA = (
    ("an extra table", "CREATE TABLE more (x text)", "the table more"),
    ("an extra view", "CREATE VIEW more AS SELECT * FROM notice", "the view more"),
    ("an extra index", "CREATE UNIQUE INDEX more ON notice (key)", "the index more"),
    ("an extra column", "ALTER TABLE notice ADD COLUMN more text", "the column more of table notice"),
    ("an index that is gone", "DROP INDEX duty_open", "the index duty_open is missing"),
    ("a table that is gone", "DROP TABLE sign_in_link", "the table sign_in_link is missing"),
)
