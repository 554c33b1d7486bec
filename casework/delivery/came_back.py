"""A letter that the mail server had accepted came back: it counts as not delivered, and its notices are sent again.

Each notice gets a fact `notice_came_back`, and another notice that leaves with the next letter to the mailbox that the
directory has then. Higher steps wait for that letter. A notice that came back twice is not sent a third time: higher
steps count from the day on which it came back.
"""

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, select

from casework.cases.commit import commit
from casework.cases.unit_of_work import UnitOfWork, load_readable
from casework.context import AppContext
from casework.delivery.holds import VIA
from casework.delivery.send import SENT
from models.common_facts import CAME_BACK
from models.database import transact
from models.enums import LetterState, NoticeState, Party
from models.errors import Refusal
from models.facts import FactDraft, StoredFact
from models.tables import LETTER
from notifications import outbox
from notifications.notices import NoticeDraft

MOST = 2  # how often the same notice comes back before it is not sent again


class NotSent(Refusal, LookupError):
    """No letter of that id was accepted by a mail server."""

    default_code = "no_such_letter"


class CameBack(BaseModel):
    """A letter that came back: its mailbox, its cases, and how many of its notices will be sent again."""

    model_config = ConfigDict(frozen=True)
    letter: str
    mailbox: str
    cases: list[str]
    notices: int
    again: int


def came_back(context: AppContext, name: str, actor: str, reason: str) -> CameBack:
    """Record that a letter came back. `name` is its id or its Message-ID. Raises NotSent."""

    def once(connection: Connection) -> CameBack:
        query = select(LETTER.c.id, LETTER.c.mailbox, LETTER.c.state)
        row = connection.execute(query.where((LETTER.c.id == name) | (LETTER.c.message_id == name))).first()
        if row is None or row.state not in SENT:
            raise NotSent(
                f"no e-mail {name} was accepted by a mail server: sendflow letters lists the ids, for example"
                " 20260414-3d559e323b"
            )
        values = {"state": LetterState.CAME_BACK, "why": CAME_BACK}
        if not outbox.update_letter(connection, row.id, LetterState(row.state), values):
            raise NotSent(f"the e-mail {name} was changed at the same time: try again")
        notices = outbox.sent_in(connection, row.id)
        unit = UnitOfWork(context, connection, actor=actor, via=VIA)
        cases = load_readable(unit, {notice.case_ref for notice in notices})
        outbox.change_state(
            connection,
            [notice.key for notice in notices],
            (NoticeState.SENT, NoticeState.SENT_PERHAPS_TWICE),
            NoticeState.CAME_BACK,
            row.id,
        )
        again = 0
        for notice in notices:
            case = cases.get(notice.case_ref)
            if case is None:
                continue
            before = sum(_is_of(fact, notice) for fact in case.facts)
            (fact,) = unit.append(case, [FactDraft(CAME_BACK, context.today(), _data(row.id, notice, reason))])
            if before + 1 < MOST:
                again += 1
                unit.notices.append(_again(context, case.file.la, notice, fact))
        commit(unit)
        return CameBack(letter=row.id, mailbox=row.mailbox, cases=sorted(cases), notices=len(notices), again=again)

    return transact(context.engine, once)


def _is_of(fact: StoredFact, notice: NoticeDraft) -> bool:
    return fact.kind == CAME_BACK and all(
        fact.data.get(name) == value
        for name, value in (
            ("rule", notice.rule),
            ("opened_seq", notice.opened_seq),
            ("rung", notice.rung),
            ("recipient", str(notice.recipient)),
            ("rung_seq", notice.fact_seq),
        )
    )


def _data(letter: str, notice: NoticeDraft, reason: str) -> dict[str, object]:
    data: dict[str, object] = {
        "rule": notice.rule,
        "rung": notice.rung,
        "opened_seq": notice.opened_seq,
        "recipient": str(notice.recipient),
        "letter": letter,
        "due": notice.due.isoformat() if notice.due else None,
        "rung_seq": notice.fact_seq,
        "body": notice.body,
        "service": notice.service,
        "reason": reason,
    }
    return {key: value for key, value in data.items() if value is not None}


def _again(context: AppContext, la: str | None, notice: NoticeDraft, fact: StoredFact) -> NoticeDraft:
    """The notice that is sent again, under a key of its own, to the recipient's mailbox of today."""
    return notice._replace(
        key=f"{notice.key}/{fact.seq}",
        mailbox=context.directory.mailbox(la, notice.body, notice.service, Party(notice.recipient), context.today()),
        on=context.today(),
        state=NoticeState.CREATED,
    )
