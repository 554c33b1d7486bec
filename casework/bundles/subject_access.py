"""Everything that is held on one child, in one folder that a parent can read.

Purpose: UK GDPR art 15, the right of access; DPA 2018 Sch 2 para 16: what others said of the child may name a third
party, so a person reads it before it is given away. Every word of somebody is marked for that. Who made the folder, of
which cases and why is logged before anything is decrypted. A letter about other children's cases, too, is listed and
not included.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from html import escape
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select

from casework.bundles.chronology import as_html, content, said
from casework.cases.references import find_case
from casework.context import AppContext, instant
from casework.mailbox.tray import MailShown, show
from casework.privacy.access import PersonReport, read_person
from casework.privacy.case_looks import looks_at, note_looks
from casework.privacy.purposes import check_purpose
from casework.reports.case_letters import letters_of
from casework.reports.case_report import report
from casework.reports.letters import cases_in, shown
from config.purposes import SUBJECT_ACCESS
from models.database import reading
from models.errors import Refusal
from models.incoming_mail import mails_about
from models.tables import CASE

LOOK = "subject_access"
CHECK = "CHECK before it is given away: these words may name somebody else."
_STYLE = "body{font-family:Arial,sans-serif;line-height:1.5;max-width:60em;margin:1em auto;padding:0 1em}"
_FIELDS = (
    ("Name", "name"),
    ("Date of birth", "date_of_birth"),
    ("NHS number", "nhs_number"),
    ("Team's reference", "reference"),
    ("Authority's reference", "la_reference"),
)


class SubjectAccess(BaseModel):
    """What the folder has. `to_check`: passages and mails that a person reads before they are given away."""

    model_config = ConfigDict(frozen=True)
    cases: list[str]
    files: list[str]
    letters: int
    letters_left_out: int
    to_check: int


class FolderThere(Refusal, ValueError):
    """The folder is there already; nothing is written over."""

    default_code = "folder_there"


def subject_access(
    context: AppContext, case: str, actor: str, to: Path, purpose: str = SUBJECT_ACCESS
) -> SubjectAccess:
    """Write the folder for the child of this case; only the account that runs this may open it.

    Raises NoSuchCase, WrongPurpose, or FolderThere.
    """
    if to.exists():
        raise FolderThere("the folder is there already: name one that is not, as in --to answer-1")
    done, files = collect(context, case, actor, purpose)
    to.mkdir(mode=0o700, parents=True)
    for name, text in files.items():
        handle = os.open(to / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
    return done


def collect(context: AppContext, case: str, actor: str, purpose: str) -> tuple[SubjectAccess, dict[str, str]]:
    """Log the access, and give what is held on the child of this case as the texts of the files, by their names.

    Cases that the actor does not see are left out. Raises NoSuchCase or WrongPurpose.
    """
    check_purpose(context, purpose)
    with reading(context.engine) as connection:
        ref = find_case(connection, context.cipher, case)
        child = connection.scalar(select(CASE.c.child_key).where(CASE.c.case_ref == ref))
        of_child = select(CASE.c.case_ref).where(CASE.c.child_key == child).order_by(CASE.c.case_ref)
        refs = list(connection.scalars(of_child)) if child else [ref]
        mails = mails_about(connection, refs)
    note_looks(context, refs, actor, LOOK)
    persons = {each: read_person(context, each, actor, purpose, with_free_text=True) for each in refs}
    files, sent, left_out = {}, 0, 0
    for each in refs:
        files[f"chronology-{each}.html"] = as_html(content(report(context, each), instant(context.now())))
        files[f"who-read-{each}.html"] = _page(f"Who read {each}", list(_looks(context, each)))
        for letter in sorted({item.letter for item in letters_of(context, each) if item.letter}):
            if set(cases_in(context, letter)) <= set(refs):
                files[f"letter-{letter}.html"] = shown(context, letter).html
                sent += 1
            else:
                left_out += 1
    read = [show(context, each, actor) for each in mails]
    to_check = sum(1 for person in persons.values() for text in person.words or [] if text.words) + len(read)
    files["words-to-check.html"] = _page("Words to check", list(_words(persons, read)))
    files["index.html"] = _page("Everything that is held", list(_index(persons, sorted(files), left_out)))
    done = SubjectAccess(cases=refs, files=sorted(files), letters=sent, letters_left_out=left_out, to_check=to_check)
    return done, files


def _index(persons: dict[str, PersonReport], names: list[str], left_out: int) -> Iterator[str]:
    yield "<p>This folder has everything that the Designated Clinical Officer's team holds on one child.</p>"
    for ref, person in persons.items():
        held = [(label, getattr(person, name)) for label, name in _FIELDS if getattr(person, name)]
        yield f"<h2>{escape(ref)}</h2><dl>"
        yield from (f"<dt>{label}</dt><dd>{escape(_shown(label, value))}</dd>" for label, value in held)
        yield "</dl>" if held else "</dl><p>No identity is stored, or it was erased.</p>"
    yield "<h2>Files</h2><ul>"
    yield from (f'<li><a href="{escape(name)}">{escape(name)}</a></li>' for name in names)
    yield "</ul>"
    if left_out:
        letters = "1 letter is" if left_out == 1 else f"{left_out} letters are"
        yield f"<p>{letters} about other children, too, and not in this folder.</p>"


def _shown(label: str, value: str) -> str:
    """A birth date in words, and an NHS number with its blanks."""
    if label == "Date of birth":
        return said(value)
    digits = "".join(value.split())
    return f"{digits[:3]} {digits[3:6]} {digits[6:]}" if label == "NHS number" else value


def _words(persons: dict[str, PersonReport], mails: list[MailShown]) -> Iterator[str]:
    yield f"<p><mark>{CHECK}</mark> Delete what is about somebody else; then this file may be given away.</p>"
    for ref, person in persons.items():
        for text in person.words or []:
            where = f"fact {text.seq}, {text.kind}, {text.field}" if text.seq else "a comment"
            if text.words:
                said = f"<blockquote>{escape(text.words)}</blockquote>"
                yield f"<h2>{escape(ref)}: {escape(where.replace('_', ' '))}</h2><p><mark>{CHECK}</mark></p>{said}"
    for mail in mails:
        yield f"<h2>A mail of {escape(mail.read_at[:10])}</h2><p><mark>{CHECK}</mark></p>"
        yield f"<p>From {escape(mail.sender or '')}: {escape(mail.subject or '')}</p>"
        yield f"<blockquote>{escape(mail.text or '')}</blockquote>"


def _looks(context: AppContext, ref: str) -> Iterator[str]:
    yield "<ul>"
    for look in looks_at(context, ref):
        when = look.at[:16].replace("T", " ")
        yield f"<li>{escape(when)} UTC: {escape(look.actor)}, {escape(look.what.replace('_', ' '))}</li>"
    yield "</ul>"


def _page(title: str, parts: list[str]) -> str:
    head = (
        f'<!doctype html><html lang="en-GB"><meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
    )
    return f"{head}<h1>{escape(title)}</h1>{''.join(parts)}</html>\n"
