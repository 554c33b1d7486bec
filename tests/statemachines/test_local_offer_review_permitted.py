"""What may happen in every state of a review of the Local Offer, written by hand from SI 2014/1530 regs 54 and 56."""

from collections.abc import Sequence
from typing import Any

from models.casefile import CaseFile
from models.common_facts import CORRECTIONS, ENGINE_ONLY, shared_facts
from models.enums import About
from models.facts import StoredFact
from statemachines.local_offer_review import PROCESS
from statemachines.replay import replay
from tests.support.by_hand import duties, history
from tests.support.hand_table import HandTable, asked_before

OPEN = set(shared_facts(About.ORGANISATION))
AFTERWARDS = (CORRECTIONS | ENGINE_ONLY) & OPEN
IN_A_CYCLE = {
    "offer_entry_listed",
    "offer_entry_checked",
    "offer_entry_removed",
    "offer_consultation_received",
    "offer_comment_received",
    "offer_comments_published",
}
ALSO_AFTER = {"offer_consultation_answered", "offer_comment_answered", "offer_comment_acted_on"}
ADDS = ("offer_entry_listed", "offer_comment_received")


def there(before: Sequence[StoredFact], fact: StoredFact) -> bool:
    """Whether an entry or a comment has that code."""
    return any(each.kind in ADDS and each.data["item"] == fact.data["item"] for each in before)


def new(before: Sequence[StoredFact], fact: StoredFact) -> bool:
    """Whether nothing has that code yet."""
    return not there(before, fact)


def with_its_day(before: Sequence[StoredFact], fact: StoredFact) -> bool:
    """A promise has a day."""
    return there(before, fact) and (fact.data["action"] != "will_act" or "act_by" in fact.data)


NEXT = "nothing in this cycle: it belongs to the next one"
TABLE = HandTable(
    usual={
        "begun": OPEN | IN_A_CYCLE | ALSO_AFTER | {"local_offer_reviewed"},
        "reviewed": OPEN | ALSO_AFTER,
        "withdrawn": AFTERWARDS,
        "closed": AFTERWARDS,
    },
    moves={
        ("begun", "local_offer_reviewed"): "reviewed",
        **{(state, "case_withdrawn"): "withdrawn" for state in ("begun", "reviewed")},
        **{(state, "case_closed"): "closed" for state in ("begun", "reviewed")},
    },
    unusual_moves={},
    leaves={**dict.fromkeys(IN_A_CYCLE, NEXT), "local_offer_reviewed": "nothing: the cycle was finished before"},
    possible={
        **dict.fromkeys(ADDS, new),
        "offer_entry_checked": there,
        "offer_entry_removed": there,
        "offer_comment_answered": with_its_day,
        "offer_comment_acted_on": there,
        "offer_consultation_answered": asked_before("offer_consultation_received", per_body=False),
    },
)

CASE = "LO00001"
BEGUN = ("local_offer_review_begun", "2025-03-03", {"la": "northshire", "last_published_on": "2024-06-03"})
LISTED = ("offer_entry_listed", "2025-03-03", {"item": "clinic", "entry_owner": "kim.roe"})
REVIEWED: tuple[Any, ...] = ("local_offer_reviewed", "2026-02-02", {})


def now(*facts: tuple[Any, ...]) -> CaseFile:
    return replay(CASE, history(BEGUN, *facts))


def owed(*facts: tuple[Any, ...]) -> dict[str, tuple[str, str, str]]:
    found = duties(now(*facts).lines, process="local_offer_review")
    return {each.rule: (str(each.due), str(each.met_on), str(each.ended_on)) for each in found}


def test_comments_are_published_each_year_from_the_last_time() -> None:
    published = ("offer_comments_published", "2025-06-02", {"with_response": "yes", "names_nobody": "yes"})
    assert owed()["local_offer_publish_comments"] == ("2025-06-03", "None", "None")
    assert owed(published)["local_offer_publish_comments"] == ("2026-06-02", "None", "None"), "the next year's"
    assert now(published).out_of_order == {}


def test_comments_without_a_response_or_with_names_are_recorded_and_marked() -> None:
    published = ("offer_comments_published", "2025-06-02", {"with_response": "no", "names_nobody": "no"})
    file = now(published)
    assert "reg 56(2)" in file.out_of_order[2] and "reg 56(3)" in file.out_of_order[2]


def test_an_entry_is_checked_by_its_day_or_six_months_after_the_last_check() -> None:
    assert owed(LISTED)["local_offer_entry_check"][0] == "2025-09-03"
    checked = ("offer_entry_checked", "2025-08-20", {"item": "clinic", "result": "right", "check_by": "2025-12-01"})
    assert owed(LISTED, checked)["local_offer_entry_check"][0] == "2025-12-01"
    out = ("offer_entry_removed", "2025-10-01", {"item": "clinic"})
    assert owed(LISTED, checked, out)["local_offer_entry_check"] == ("2025-12-01", "None", "2025-10-01")


def test_a_cycle_in_which_the_authority_did_not_consult_says_so() -> None:
    assert PROCESS.remarks is not None
    said = PROCESS.remarks(now(LISTED, REVIEWED))
    assert any("did not consult health in this cycle" in each for each in said)
    consulted: tuple[Any, ...] = ("offer_consultation_received", "2025-04-01", {})
    assert not any("did not consult" in each for each in PROCESS.remarks(now(LISTED, consulted, REVIEWED)))
    assert owed(consulted)["local_offer_consult"] == ("None", "2025-04-01", "None")
