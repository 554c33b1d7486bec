"""What may happen in every state of a safeguarding referral, written by hand from our standard on referrals."""

from models.common_facts import CORRECTIONS, ENGINE_ONLY, OF_THE_CHILD, SHARED
from statemachines.safeguarding_referral import PROCESS
from tests.support.hand_table import HandTable

# Clauses 1 to 3: chasing, a decision and an escalation are recorded at any time.
OPEN = set(SHARED) | {"safeguarding_chased", "safeguarding_decided", "safeguarding_escalated"}
AFTERWARDS = CORRECTIONS | ENGINE_ONLY | OF_THE_CHILD
STATES = ("made", "acknowledged", "decided", "followed_up", "escalated")
TABLE = HandTable(
    usual={
        "made": OPEN | {"safeguarding_acknowledged"},
        "acknowledged": OPEN,
        "decided": OPEN | {"safeguarding_followed_up"},
        "followed_up": OPEN | {"safeguarding_followed_up"},
        "escalated": OPEN,
        "withdrawn": AFTERWARDS,
        "closed": AFTERWARDS,
    },
    moves={
        ("made", "safeguarding_acknowledged"): "acknowledged",
        **{(state, "safeguarding_decided"): "decided" for state in STATES},
        **{(state, "safeguarding_followed_up"): "followed_up" for state in ("decided", "followed_up")},
        **{(state, "safeguarding_escalated"): "escalated" for state in STATES},
        **{(state, "case_withdrawn"): "withdrawn" for state in STATES},
        **{(state, "case_closed"): "closed" for state in STATES},
    },
    unusual_moves={},
    leaves={
        "safeguarding_acknowledged": "nothing: it was acknowledged or decided before",
        "safeguarding_followed_up": "the referral, which nobody has decided",
    },
)
assert PROCESS.initial == "made"
