"""What may happen in every state of an entry of a register, written by hand from the registers of a team."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from config.local_standards import TAKES
from models.casefile import CaseFile
from models.common_facts import CORRECTIONS, ENGINE_ONLY, shared_facts
from models.enums import About
from models.facts import StoredFact
from statemachines.process import NotPermitted
from statemachines.register_entry import PROCESS, in_letters
from statemachines.replay import replay
from tests.support.by_hand import duties, history
from tests.support.hand_table import HandTable

OPEN = set(shared_facts(About.ORGANISATION))
AFTERWARDS = (CORRECTIONS | ENGINE_ONLY) & OPEN
ALSO_AFTER = {"register_answered", "register_promise_met", "register_promise_not_met"}
OF_ENTRIES = set(TAKES) - ALSO_AFTER
ADDS = ("register_put_to", "register_promise_made")


def there(before: Sequence[StoredFact], fact: StoredFact) -> bool:
    """Whether a question or a promise has that code."""
    return any(each.kind in ADDS and each.data["item"] == fact.data["item"] for each in before)


def new(before: Sequence[StoredFact], fact: StoredFact) -> bool:
    """Whether nothing has that code yet."""
    return not there(before, fact)


NOTHING = "nothing: the entry had ended"
TABLE = HandTable(
    usual={
        "open": OPEN | set(TAKES) | {"register_entry_ended"},
        "ended": OPEN | ALSO_AFTER,
        "withdrawn": AFTERWARDS,
        "closed": AFTERWARDS,
    },
    moves={
        ("open", "register_entry_ended"): "ended",
        **{(state, "case_withdrawn"): "withdrawn" for state in ("open", "ended")},
        **{(state, "case_closed"): "closed" for state in ("open", "ended")},
    },
    unusual_moves={},
    leaves={**dict.fromkeys(OF_ENTRIES, NOTHING), "register_entry_ended": NOTHING},
    possible={**dict.fromkeys(ADDS, new), **dict.fromkeys(ALSO_AFTER, there)},
    opens_with={"takes": list(TAKES), "asks": ["area"], "area": "northshire"},
)

CASE = "RG00001"


def opened(**said: Any) -> tuple[str, str, dict[str, Any]]:
    fields = {"team_register": "policy", "topic": "medicines", "entry_owner": "kim.roe", "reviewed": "no"}
    return (
        "register_entry_opened",
        "2025-03-03",
        fields | {"takes": list(TAKES), "asks": ["audience"], "audience": ["schools"]} | said,
    )


def now(*facts: tuple[Any, ...], **said: Any) -> CaseFile:
    return replay(CASE, history(opened(**said), *facts))


def said(*facts: tuple[Any, ...]) -> list[str]:
    assert PROCESS.remarks is not None
    first, *rest = PROCESS.remarks(now(*facts))
    assert first == "Register: policy. Entry: medicines. Owner: kim.roe."
    return rest


@pytest.mark.parametrize("kind", TAKES)
def test_a_register_takes_its_own_facts_and_says_so_of_the_others(kind: str) -> None:
    fields: dict[str, Callable[[], dict[str, Any]]] = {
        "register_version_made": lambda: {"version": "v1"},
        "register_communicated": lambda: {"communicated_to": ["schools"], "how": "meeting"},
        "register_attended": lambda: {"role": "therapist", "people": 3},
        "register_evidence_added": lambda: {"evidence": "declined_referral"},
        "register_entry_reviewed": lambda: {"outcome": "unchanged", "reviewed": "yes"},
    }
    if kind not in fields:
        return
    others = [each for each in TAKES if each != kind]
    with pytest.raises(NotPermitted, match=f"the register policy takes no {kind}. It takes "):
        now((kind, "2025-03-10", fields[kind]()), takes=others)
    assert kind in now((kind, "2025-03-10", fields[kind]()), takes=[kind]).seen


def test_an_entry_says_what_its_register_asks() -> None:
    with pytest.raises(NotPermitted, match="the register policy asks of an entry: decides, review_on"):
        now(asks=["audience", "decides", "review_on"])


def test_silence_is_said_until_there_is_an_answer() -> None:
    put = ("register_put_to", "2025-03-10", {"item": "paper", "whom": "childrens_commissioner"})
    assert said(put) == ["No answer of children's commissioner to what was put on 2025-03-10."]
    answered = ("register_answered", "2025-05-10", {"item": "paper", "answer": "accepted_in_part"})
    assert said(put, answered) == ["Answer to paper: accepted in part."]


def test_promises_are_counted_open_met_and_not_met() -> None:
    made = [
        (
            "register_promise_made",
            "2025-03-10",
            {"item": each, "promised_to": "forum", "words": "w1", "due_on": "2025-06-02"},
        )
        for each in ("a", "b", "c")
    ]
    met = ("register_promise_met", "2025-04-01", {"item": "a"})
    not_met = ("register_promise_not_met", "2025-04-02", {"item": "b"})
    assert said(*made, met, not_met) == ["Promises: 1 open, 1 met, 1 not met."]
    found = duties(now(*made, met, not_met).lines, process="register_entry")
    assert [(each.item, str(each.met_on), str(each.ended_on)) for each in found] == [
        ("a", "2025-04-01", "None"),
        ("b", "None", "2025-04-02"),
        ("c", "None", "None"),
    ]


def test_a_version_that_some_do_not_have_is_said_with_their_names() -> None:
    made_known = ("register_communicated", "2025-03-10", {"communicated_to": ["schools", "parents"], "how": "message"})
    newer = ("register_version_made", "2025-06-02", {"version": "v2"})
    again = ("register_communicated", "2025-06-09", {"communicated_to": ["schools"], "how": "meeting", "version": "v2"})
    assert said(made_known, newer, again) == [
        "The version in force is v2, of 2025-06-02.",
        "The version in force was not communicated to: parents.",
    ]


def test_only_a_register_whose_entries_are_reviewed_owes_a_review() -> None:
    assert duties(now().lines, process="register_entry") == []
    (found,) = duties(now(reviewed="yes", review_on="2026-03-02").lines, process="register_entry")
    assert (found.rule, str(found.due)) == ("register_review", "2026-03-02")
    again = (
        "register_entry_reviewed",
        "2026-02-02",
        {"outcome": "unchanged", "reviewed": "yes", "review_on": "2027-02-01"},
    )
    first, second = duties(now(again, reviewed="yes", review_on="2026-03-02").lines, process="register_entry")
    assert (str(first.met_on), str(second.due)) == ("2026-02-02", "2027-02-01")


def test_letters_say_the_register_and_the_topic() -> None:
    file = now()
    assert in_letters(file, file.lines[0]) == {"register": "policy", "topic": "medicines"}


def test_people_who_took_part_are_counted_and_the_first_expiry_is_said() -> None:
    first = ("register_attended", "2025-03-10", {"role": "therapist", "people": 12, "expires_on": "2026-03-10"})
    second = ("register_attended", "2025-04-10", {"role": "school_nurse", "people": 5, "expires_on": "2026-04-10"})
    assert said(first, second) == ["17 people took part. The first training expires on 2026-03-10."]
