"""Asks the records for everything that a page of one case shows, together. [I/O]"""

from collections.abc import Mapping, Sequence
from typing import Any

from casework.cases.case_links import LINKING_TO
from casework.context import AppContext
from casework.findings import COUNT_OPEN
from casework.owners import OWNER
from casework.reports.case_letters import LETTERS, LINKED
from casework.reports.who_acted import WHO_ACTED
from casework.retention_holds import ON_THE_CHILD
from models.database import reading
from models.ledger import HISTORY
from models.questions import Question, ask_together

Asked = tuple[Question, Mapping[str, Any]]
OF_THE_CASE = (HISTORY, LINKED, LINKING_TO, ON_THE_CHILD, LETTERS, OWNER)


def ask_about(context: AppContext, case_ref: str, also: Sequence[Question] = (), *, who_acted: bool = False) -> None:
    """Let the snapshot of this page have its answers at once, and those of `also`, which need no values.

    The functions that ask for them find them there. What was asked ahead is not asked again.
    """
    with reading(context.engine) as connection:
        ask_together(connection, questions_about(case_ref, also, who_acted=who_acted))


def questions_about(case_ref: str, also: Sequence[Question] = (), *, who_acted: bool = False) -> list[Asked]:
    """What a page of a case asks, with the values."""
    ref = {"ref": case_ref}
    of_case = (*OF_THE_CASE, WHO_ACTED) if who_acted else OF_THE_CASE
    return [*((each, ref) for each in of_case), *((each, {}) for each in (COUNT_OPEN, *also))]
