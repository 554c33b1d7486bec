"""An erasure by two accounts, as sendflow needs it."""

from casework.context import AppContext
from casework.privacy.approval import approve, propose
from casework.privacy.erasure import ErasureReport, Ground

SECOND = "sam.lee"


def erase(context: AppContext, case: str, actor: str, ground: Ground) -> ErasureReport:
    """Propose the erasure of the child of a case as one account, and approve it as another."""
    number = propose(context, case, actor, ground).proposal
    assert number is not None
    return approve(context, number, SECOND)
