"""A person answers what waits: a refused row, a second open case, or children who may be one. [I/O]"""

from __future__ import annotations

from casework import to_decide
from casework.cases.part_and_join import join
from casework.context import AppContext
from casework.to_decide import WaitingItem


def answer_waiting(context: AppContext, number: int, actor: str, how: str) -> WaitingItem:
    """Answer what waits, in the name of a person. "One child" joins the cases first, as `sendflow join` does.

    Raises NothingWaits, or Refusal for an answer that its kind lacks or a join that is refused: nothing is answered.
    """

    def join_them(found: WaitingItem) -> None:
        first, second = found.cases
        join(context, first, second, actor, confirmed=True)

    return to_decide.answer(context, number, actor, how, join_them if how == to_decide.ONE_CHILD else None)
