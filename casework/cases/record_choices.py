"""What a caller of `record` may choose besides the case, the facts and the actor."""

from collections.abc import Mapping
from typing import Any, TypedDict

from casework.cases.together import Together


class RecordChoices(TypedDict, total=False):
    """By what way and in which run facts are recorded, who the child is, and what a person has answered.

    `confirmed`: every case that the command reaches is about one child. With `look_again`, a fact that is probably a
    slip is refused with the code `look_again` and a question. `own_reference` is the team's own, of another form than
    ours: it finds the case that was opened with it before. `together`: what else is done in the transaction.
    """

    via: str
    run: str | None
    person: Mapping[str, str] | None
    confirmed: bool
    own_reference: str | None
    look_again: bool
    together: Together[Any] | None
