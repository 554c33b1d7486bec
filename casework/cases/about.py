"""What a case is about, where it decides what can be recorded: a case about no child gets none."""

from casework.cases.fact_form import Refused
from models.enums import About
from statemachines.agreement import in_words
from statemachines.process import Process


def refuse_child_of(process: Process | None, case_ref: str) -> None:
    """Refuse what would give a case a child if it is about an organisation or a meeting. Raises Refused."""
    if process is not None and process.about is not About.CHILD:
        raise Refused(
            "no_child",
            f"case {case_ref} is about {in_words(process.about)} and has no child: leave out linked_to, and who the"
            " child is. What concerns a child is recorded on a case about the child",
            field="linked_to",
            wrong_call=True,
        )
