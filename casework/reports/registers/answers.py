"""The answers that the team uses again, with their newest wording, their review day, and how often each was used. [I/O]

Purpose: one list to answer from. Its words are about no child, and stored encrypted all the same: a person may write
too much, and can have it erased.
"""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, select

from casework.cases.loaded_case import UNREADABLE
from casework.context import AppContext
from casework.reports.registers.shape import Listed, RegisterList, Wanted
from casework.reports.table_files import Column
from casework.reports.withheld import may_be_named
from config.text import in_words
from models import ledger
from models.casefile import CaseFile
from models.database import reading
from models.facts import StoredFact
from models.free_text import free_text_id, read_free_texts
from models.tables import CASE, FACT
from statemachines.replay import facts_in_force, replay
from statemachines.reusable_answer import CHECKED, PROCESS, REVISED, WRITTEN

ANSWERED = "enquiry_answered"
ERASED = "(erased)"


class ReusableAnswerRow(BaseModel):
    """One answer in use. `wording`: its case and the number of the fact with its newest words, as an enquiry names it.

    `used`: how many answers to enquiries name one of its wordings. `overdue`: its review day is past, which
    `late` says in a word.
    """

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)
    case_ref: str
    wording: str
    topic: str
    topic_name: str
    title: str
    words: str
    owner: str
    review_on: date
    overdue: bool
    late: str
    used: int


def reusable_answers(context: AppContext, wanted: Wanted) -> Listed:
    """The answers in use on a day, by topic and title.

    A history that cannot be read is left out: verification reports it.
    """
    with reading(context.engine) as connection:
        refs = list(connection.scalars(select(CASE.c.case_ref).where(CASE.c.process == PROCESS.name)))
        files = [file for ref in sorted(refs) if (file := _file(connection, ref, wanted.today)) is not None]
        texts = read_free_texts(connection, context.cipher, [file.case_ref for file in files])
        used = _used(connection) if files else Counter[str]()
    words = {text.id: text.words or ERASED for found in texts.values() for text in found}
    rows = [_row(file, words, used[file.case_ref], wanted.today) for file in files]
    return Listed(*may_be_named(context, sorted(rows, key=lambda row: (row.topic, row.title, row.case_ref))))


def _file(connection: Connection, ref: str, as_at: date) -> CaseFile | None:
    try:
        file = replay(ref, ledger.read(connection, [ref])[ref][0], as_at)
    except UNREADABLE:
        return None
    return file if file.state == "in_use" else None


def _row(file: CaseFile, words: dict[str, str], used: int, as_at: date) -> ReusableAnswerRow:
    wording = [fact for fact in file.lines if fact.kind in (WRITTEN, REVISED)][-1]
    said: dict[str, Any] = dict(wording.data)
    for fact in _after(file, wording):
        said |= fact.data
    review_on = date.fromisoformat(str(said["review_on"]))
    return ReusableAnswerRow(
        case_ref=file.case_ref,
        wording=f"{file.case_ref}/{wording.seq}",
        topic=str(said["topic"]),
        topic_name=in_words(str(said["topic"])),
        title=words.get(free_text_id(str(wording.data["title"])), ERASED),
        words=words.get(free_text_id(str(wording.data["words"])), ERASED),
        owner=str(said["owner"]),
        review_on=review_on,
        overdue=review_on < as_at,
        late="yes" if review_on < as_at else "",
        used=used,
    )


def _after(file: CaseFile, wording: StoredFact) -> list[StoredFact]:
    return [
        fact
        for fact in file.lines
        if fact.kind == CHECKED and (fact.occurred_on, fact.seq) > (wording.occurred_on, wording.seq)
    ]


def _used(connection: Connection) -> Counter[str]:
    """How many answers to enquiries name each reusable answer, by its case."""
    refs = connection.scalars(select(FACT.c.case_ref).where(FACT.c.kind == ANSWERED).distinct()).all()
    found: Counter[str] = Counter()
    for facts, _tail in ledger.read(connection, refs).values():
        for fact in facts_in_force(facts):
            if fact.kind == ANSWERED and "reused_answer" in fact.data:
                found[str(fact.data["reused_answer"]).partition("/")[0]] += 1
    return found


ANSWERS = RegisterList(
    "reusable_answers",
    "Reusable answers",
    "What the team answers again and again, by topic. An answer to an enquiry names the wording that it used.",
    (
        Column("Case", "case_ref"),
        Column("Topic", "topic_name"),
        Column("Title", "title"),
        Column("Words", "words"),
        Column("Wording", "wording"),
        Column("Owner", "owner"),
        Column("Read again by", "review_on"),
        Column("To be read again now", "late"),
        Column("Used", "used"),
    ),
    reusable_answers,
    by_authority=False,
)
