"""Make a bundle of one case: facts, letters, law, chronology, checkpoint and proofs, in one file that others verify.

Purpose: an ombudsman, an inspector, a court or another trust checks a case without trusting us and without sendflow.
The same case, checkpoint and options give the same bytes. It names no person unless asked, with a purpose, which is
logged first. A letter that is about other cases too is not in it.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from importlib.resources import files as package_files
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, select

from casework.bundles import chronology, verifier
from casework.bundles.ends import end_of
from casework.cases.not_yet_shown import not_yet_shown
from casework.cases.references import find_case
from casework.context import AppContext, london_day
from casework.privacy.access import read_person
from casework.privacy.case_looks import looks_at, note_look
from casework.privacy.purposes import check_purpose, check_recipient
from casework.proof import cosignatures
from casework.proof import keys as log_keys
from casework.proof.keys import LogKeyError
from casework.proof.leaves import StoredCheckpoint, checkpoints, texts, tree
from casework.proof.sequencer import sequence
from casework.reports.case_report import report
from casework.reports.histories import read_histories
from casework.reports.withheld import without_consent_to_share
from models.change_log import COVERED, row_text
from models.database import reading
from models.enums import About
from models.errors import Refusal
from models.facts import StoredFact
from models.merkle import StoredTree
from models.signed_note import ED25519, SigningKey
from models.tables import CASE, CHANGE_LOG, FACT, LETTER, LOG_LEAF, NOTICE
from models.visibility import whole_engine
from notifications.render import render

# Recipients of purposes.toml that are agencies, to whom nothing goes without consent where a process asks for it.
SHARES_WITH = ("trust",)
SENT_COLUMN = "content_digest"
README = """A bundle of case {case}, made by sendflow.

chronology.html   what happened, in order, and each duty with its date
chronology.pdf    the same, to print; accessible (PDF/UA-1)
facts.jsonl       the facts, one line each, exactly as they were hashed
case.json         the duties and dates on the day of the checkpoint
law.json          the rules that give those dates, with their provisions and versions
letters/          the e-mails about this case alone, as they were sent; one about other cases too is left out
checkpoint        the signed head of the log (C2SP tlog-checkpoint), with the signatures of witnesses
looks.json        who read the case on the pages, and when; only if asked for
proofs.json       where each fact is in the log (RFC 6962), and that the case had no further fact
manifest          the signed list of all files
verify.html       open it in a browser, without a network, and choose this bundle
verify.py         python3 verify.py BUNDLE.zip --key KEY

Get KEY from the installation on another way than this bundle (sendflow log shows it). key.txt is here to compare.
"""


class Bundle(NamedTuple):
    """A bundle: its bytes, the case, and the number and instant of the checkpoint that it goes by."""

    data: bytes
    case_ref: str
    checkpoint: int
    at: str
    facts: int
    letters: int


class CannotBundle(Refusal, RuntimeError):
    """The bundle cannot be made here. The message says why and what to do."""

    default_code = "cannot_bundle"


class Identity(NamedTuple):
    """That the bundle names the person, and why: a word of purposes.toml."""

    purpose: str


class Wanted(NamedTuple):
    """For whom it is made (a recipient of purposes.toml), and whether it has the log of who read the case."""

    whom: str | None = None
    looks: bool = False


def bundle(
    context: AppContext,
    case: str,
    actor: str,
    identity: Identity | None = None,
    checkpoint: int | None = None,
    wanted: Wanted = Wanted(),  # noqa: B008 (a tuple of constants)
) -> Bundle:
    """Make the bundle of a case, by a checkpoint (default: the newest, which covers every fact of it).

    The log of looks at it says for whom. Raises NoSuchCase, CannotBundle, or WrongPurpose.
    """
    if wanted.whom is not None:
        check_recipient(context, wanted.whom)
    if identity is not None:
        check_purpose(context, identity.purpose)
    with reading(context.engine) as connection:
        ref = find_case(connection, context.cipher, case)
        process = connection.scalar(select(CASE.c.process).where(CASE.c.case_ref == ref))
    made_of = context.processes[str(process)]
    if made_of.not_yet_shown is not None and (waiting := not_yet_shown(made_of, _history(context, ref))):
        raise CannotBundle(
            f"fact {min(waiting)} of case {ref} has what nobody is shown before the second mark of its item, and a"
            " bundle has every fact as it was written: make it when that mark is recorded"
        )
    if wanted.whom in SHARES_WITH and without_consent_to_share(context, [ref]):
        raise CannotBundle(
            f"case {ref} goes to no other agency: the person has not agreed that it is shared, or no longer does. Ask"
            " for consent that covers sharing, and record it first"
        )
    if identity is not None and made_of.about is not About.CHILD:
        raise CannotBundle(f"case {ref} is about no child, so a bundle of it names nobody: leave the identity out")
    keys = signing_keys(context)
    if checkpoint is None:
        cover(context, [ref])
    with reading(context.engine) as connection:
        files, chosen = _files(context, connection, ref, keys[0], checkpoint)
    person = read_person(context, ref, actor, identity.purpose) if identity is not None else None
    if person is not None:
        files["identity.json"] = _json(person.model_dump(mode="json", exclude={"words"}))
    if wanted.looks:
        files["looks.json"] = _json(
            [
                each.model_dump(exclude={"purpose", "code"})
                for each in looks_at(context, ref)[::-1]
                if each.at <= chosen.at
            ]
        )
    facts, letters = (
        files["facts.jsonl"].count(b"\n"),
        sum(name.startswith("letters/") and name.endswith(".json") for name in files),
    )
    files[verifier.MANIFEST] = _manifest(ref, chosen, files, keys[0], named=person is not None)
    note_look(context, ref, actor, f"bundle_{wanted.whom}" if wanted.whom else "bundle")
    return Bundle(verifier.pack(files), ref, chosen.number, chosen.at, facts, letters)


def _history(context: AppContext, ref: str) -> list[StoredFact]:
    with reading(context.engine) as connection:
        (facts,) = read_histories(connection, ref)
    return facts


def cover(context: AppContext, refs: Sequence[str]) -> None:
    """Sign a checkpoint if the newest does not cover every fact and letter of these cases. Raises CannotBundle."""
    if all(_covered(context, ref) for ref in refs):
        return
    refused = sequence(context).refused
    if refused is not None:
        raise CannotBundle(refused)


def signing_keys(context: AppContext) -> list[SigningKey]:
    """The keys of the log, with which a bundle is signed. Raises CannotBundle."""
    try:
        keys = log_keys.read_keys(context.settings.home)
        if keys is None:
            sequence(context)  # the first checkpoint of a log makes its key
            keys = log_keys.read_keys(context.settings.home)
    except LogKeyError as problem:
        raise CannotBundle(str(problem)) from None
    if keys is None:
        raise CannotBundle("this machine has no log.key, so it signs no bundle: make it where the log is signed")
    return keys


def _covered(context: AppContext, ref: str) -> bool:
    """Whether a checkpoint covers every fact and letter of the case."""
    with reading(context.engine) as connection:
        every = checkpoints(connection)
        if not every:
            return False
        size = every[-1].size
        wanted = {f"fact {ref} {row[0]} {row[1]}" for row in connection.execute(_facts_query(ref, "seq", "hash"))}
        have = set(_leaves(connection, f"fact {ref} ", size))
        letters = [_record(connection, each) for each in _letter_ids(connection, ref)]
        changes = {f"change {each[0]} {each[7]}" for each in letters if each is not None}
        return wanted <= have and changes <= set(_leaves_of(connection, changes, size))


def _facts_query(ref: str, *columns: str) -> Any:
    return select(*(FACT.c[name] for name in columns)).where(FACT.c.case_ref == ref).order_by(FACT.c.seq)


def _leaves(connection: Connection, start: str, size: int) -> dict[str, int]:
    found = select(LOG_LEAF.c.leaf, LOG_LEAF.c.number).where(
        LOG_LEAF.c.leaf >= start, LOG_LEAF.c.leaf < start[:-1] + "!", LOG_LEAF.c.number < size
    )
    return {row[0]: row[1] for row in connection.execute(found)}


def _leaves_of(connection: Connection, lines: set[str], size: int) -> dict[str, int]:
    found = select(LOG_LEAF.c.leaf, LOG_LEAF.c.number).where(LOG_LEAF.c.leaf.in_(sorted(lines)))
    return {row[0]: row[1] for row in connection.execute(found) if row[1] < size}


def _files(
    context: AppContext, connection: Connection, ref: str, key: SigningKey, number: int | None
) -> tuple[dict[str, bytes], StoredCheckpoint]:
    every = [each for each in checkpoints(connection) if number is None or each.number == number]
    if not every or every[-1].checkpoint().origin != key.name:
        raise CannotBundle("there is no such checkpoint of this log: sendflow log shows the newest")
    chosen, whole = every[-1], tree(connection)
    leaves = _leaves(connection, f"fact {ref} ", chosen.size)
    facts = list(connection.execute(_facts_query(ref, "seq", "hash", "text")))
    known = [row for row in facts if f"fact {ref} {row[0]} {row[1]}" in leaves]
    if not known:
        raise CannotBundle(f"case {ref} has no fact in that checkpoint: name a later one, or leave --checkpoint out")
    places = [leaves[f"fact {ref} {row[0]} {row[1]}"] for row in known]
    day = london_day(datetime.fromisoformat(chosen.at))
    shown = report(context, ref, day, chosen.at)
    story = chronology.content(shown, chosen.at)
    cosigned = "".join(each.line for each in cosignatures.of_checkpoint(connection, chosen.number))
    files = {
        "readme.txt": README.format(case=ref).encode(),
        "facts.jsonl": "".join(f"{row[2]}\n" for row in known).encode(),
        "checkpoint": (chosen.note + cosigned).encode(),
        "proofs.json": _json(
            {
                "facts": [_proof(whole, place, chosen.size) for place in places],
                **_ends(context, connection, whole, chosen, ref),
            }
        ),
        "case.json": _json(shown.model_dump(mode="json")),
        "law.json": _json(_law(context, [duty.rule for duty in shown.duties])),
        "chronology.html": chronology.as_html(story).encode(),
        "chronology.pdf": chronology.as_pdf(story, chosen.at),
        "key.txt": f"{key.public()}\n".encode(),
        "verify.py": package_files("casework.bundles").joinpath("verifier.py").read_bytes(),
        "verify.html": package_files("casework.bundles").joinpath("verify.html").read_bytes(),
    }
    return files | _letters(connection, whole, chosen.size, ref), chosen


def _proof(whole: StoredTree, index: int, size: int) -> dict[str, Any]:
    return {"index": index, "path": [b64encode(each).decode() for each in whole.inclusion(index, size)]}


def _ends(
    context: AppContext, connection: Connection, whole: StoredTree, chosen: StoredCheckpoint, ref: str
) -> dict[str, Any]:
    """The proofs that the case had no further fact: the list of ends is in the tree, and its end is in the list.

    The list has the cases that the reader may not know of too. The proof has hashes alone.
    """
    with reading(whole_engine(context.engine)) as every_case:
        place, _count, path = end_of(every_case, chosen.size, ref)
    (leaf,) = texts(connection, chosen.size - 1, chosen.size)
    return {
        "checkpoint": {"leaf": leaf, **_proof(whole, chosen.size - 1, chosen.size)},
        "end": {"index": place, "path": [b64encode(each).decode() for each in path]},
    }


def _letter_ids(connection: Connection, ref: str) -> list[str]:
    query = select(NOTICE.c.letter).where(NOTICE.c.case_ref == ref, NOTICE.c.letter.is_not(None)).distinct()
    return sorted(connection.scalars(query))


def _record(connection: Connection, letter: str) -> Any:
    query = select(CHANGE_LOG).where(CHANGE_LOG.c.subject == "letter", CHANGE_LOG.c.key == letter)
    return connection.execute(query.order_by(CHANGE_LOG.c.number.desc()).limit(1)).first()


def _letters(connection: Connection, whole: StoredTree, size: int, ref: str) -> dict[str, bytes]:
    coverage, files = COVERED["letter"], {}
    for letter in _letter_ids(connection, ref):
        record = _record(connection, letter)
        row = connection.execute(select(LETTER).where(LETTER.c.id == letter)).first()
        if record is None or row is None or row.sent_at is None:
            continue
        text = row_text(coverage, tuple(row))
        place = _leaves_of(connection, {f"change {record.number} {record.hash}"}, size)
        if not place or sha256(text).hexdigest() != record.digest:
            continue  # it is not in this checkpoint
        others = select(NOTICE.c.case_ref).where(NOTICE.c.letter == letter, NOTICE.c.case_ref != ref)
        if connection.scalar(others.limit(1)) is not None:
            continue
        made = render(row.template, row.template_version, orjson.loads(row.fields))
        about = {
            "record": list(record[:6]),
            "previous": record.prev_hash,
            "row": text.decode(),
            "content_digest_at": coverage.columns.index(SENT_COLUMN),
            **_proof(whole, next(iter(place.values())), size),
        }
        files[f"letters/{letter}.json"] = _json(about)
        files[f"letters/{letter}.txt"] = f"Subject: {made.subject}\n\n{made.text}".encode()
        files[f"letters/{letter}.html"] = made.html.encode()
    return files


def _law(context: AppContext, rules: list[str]) -> dict[str, Any]:
    """The rules of the case's duties: provision, words of the period, versions; and the digests of the whole law."""
    found = []
    for name in sorted(set(rules)):
        rule = context.law.rules.get(name)
        if rule is not None:
            found.append({"rule": name, **rule.model_dump(mode="json", exclude_defaults=True)})
    return {"law": context.law.digest, "calendar": context.calendar.digest, "rules": found}


def _manifest(ref: str, chosen: StoredCheckpoint, files: dict[str, bytes], key: SigningKey, *, named: bool) -> bytes:
    lines = [verifier.FIRST, f"case {ref}", f"checkpoint {chosen.number}", f"at {chosen.at}"]
    lines.append(f"identity {'yes' if named else 'no'}")
    lines += [f"{sha256(files[name]).hexdigest()} {name}" for name in sorted(files)]
    text = "\n".join(lines) + "\n"
    assert key.kind == ED25519
    return (text + "\n" + key.line(text, 0)).encode()


def _json(document: Any) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS) + b"\n"
