"""What may happen in every state of a reusable answer, written by hand: a list without a clock."""

from models.common_facts import CORRECTIONS, ENGINE_ONLY, shared_facts
from models.enums import About
from statemachines.reusable_answer import PROCESS
from tests.support.hand_table import HandTable

OPEN = set(shared_facts(About.ORGANISATION))
AFTERWARDS = (CORRECTIONS | ENGINE_ONLY) & OPEN
TABLE = HandTable(
    usual={
        "in_use": OPEN | {"reusable_answer_revised", "reusable_answer_checked", "reusable_answer_retired"},
        "retired": OPEN | {"reusable_answer_revised"},
        "withdrawn": AFTERWARDS,
        "closed": AFTERWARDS,
    },
    moves={
        ("in_use", "reusable_answer_retired"): "retired",
        ("retired", "reusable_answer_revised"): "in_use",
        **{(state, "case_withdrawn"): "withdrawn" for state in ("in_use", "retired")},
        **{(state, "case_closed"): "closed" for state in ("in_use", "retired")},
    },
    unusual_moves={},
    leaves={
        "reusable_answer_checked": "nothing: an answer that is out of use was read again",
        "reusable_answer_retired": "nothing: an answer was taken out of use before",
    },
)
assert PROCESS.initial == "in_use"
