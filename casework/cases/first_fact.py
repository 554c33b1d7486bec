"""What is said of a fact on a case that is not there: the case is not known, and what opens one."""

from statemachines.registry import opened_by, processes


def no_reference(kind: str) -> str:
    """The refusal of a fact without a reference that says which case it is about."""
    if kind in opened_by():
        return (
            f"{kind} opens a new case only where it names the authority, for example --data la=northshire; on a stored"
            " case it needs the case's reference, for example NX00042"
        )
    return "that is not a case reference: expected capital letters and digits, for example NX00042"


def opens_none(case_ref: str, kind: str) -> str:
    """The refusal of a fact that opens no case, for a case that is not there.

    It names the fact that opens a case of its process. A fact of several processes, or of none, names none.
    """
    words = f"there is no case {case_ref}, and nothing was recorded. Check the reference: sendflow overdue lists cases"
    if kind in opened_by():
        return f"{words}. Where nothing earlier is known, {kind} opens a case with --data la=northshire"
    having = [process for process in processes().values() if kind in process.facts]
    if len(having) == 1:
        return f"{words}. A case of {having[0].title} is opened by {having[0].opens}"
    return f"{words}. What opens a case: sendflow record new"
