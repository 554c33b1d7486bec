"""What may happen in every state of a move or a change of commissioner, written out by hand from SEND Regs 2014 regs 15
and 16.
"""

from typing import Any

import pytest

from deadlines.duties import Duty
from statemachines.process import NotPermitted
from statemachines.replay import replay
from statemachines.transfer import PROCESS, remarks
from tests.support.by_hand import duties, history
from tests.support.hand_table import HandTable, asked_before

SHARED = {
    "excuse_claimed",
    "excuse_decided",
    "chasing_paused",
    "contact_made",
    "case_linked",
    "case_unlinked",
    "dco_attended",
    "body_replied",
}
ENDS = {"case_withdrawn", "case_closed"}
ALWAYS = {"fact_corrected", "fact_withdrawn", "person_died", "person_flagged_sensitive"}
ENGINE = {
    "chasing_began",
    "child_joined",
    "child_parted",
    "reminder_due",
    "breached",
    "escalation_due",
    "rung_withdrawn",
    "notice_sent",
    "notice_failed",
    "notice_came_back",
    "notice_undelivered",
    "letters_held",
    "letters_released",
}
# reg 15(8), reg 16(3): whether section G can be arranged, and what is asked for where it cannot.
SECTION_G = {"section_g_arranged", "section_g_found_impracticable", "assessment_or_review_requested"}
OPEN = SHARED | ENDS | ALWAYS | ENGINE | SECTION_G
# reg 15(7), (8): each board learns of the move on a day of its own, early or late.
BOARDS = {"original_rcb_aware_of_move", "new_rcb_notified_of_move", "new_rcb_aware_of_move"}
# reg 16(2), (3).
CHANGED = {"original_rcb_aware_of_change", "new_rcb_notified_of_change", "new_rcb_aware_of_change"}

PERMITTED = {
    # reg 15(1), (2): the day may change until the child moves; a change without a move starts here too (its guard
    # separates the two).
    "expected": (
        OPEN
        | BOARDS
        | {"commissioner_change_known", "move_day_set", "old_la_aware_of_move", "child_moved", "plan_transferred"}
    ),
    "moved": OPEN | BOARDS | {"old_la_aware_of_move", "plan_transferred"},
    # reg 15(4), (5): the new authority's six weeks and its review begin with the transfer.
    "transferred": OPEN | BOARDS | {"old_la_aware_of_move", "child_moved", "new_la_informed_parent", "new_la_reviewed"},
    "reviewed": OPEN | BOARDS | {"child_moved", "new_la_informed_parent"},
    "changed": OPEN | CHANGED,
    "handed_over": OPEN | CHANGED,
    "withdrawn": ALWAYS | ENGINE,
    "closed": ALWAYS | ENGINE,
}
MOVES = {
    ("expected", "commissioner_change_known"): "changed",
    ("expected", "child_moved"): "moved",
    ("expected", "plan_transferred"): "transferred",
    ("moved", "plan_transferred"): "transferred",
    ("transferred", "new_la_reviewed"): "reviewed",
    ("changed", "new_rcb_notified_of_change"): "handed_over",
} | {
    (state, kind): end
    for state in ("expected", "moved", "transferred", "reviewed", "changed", "handed_over")
    for kind, end in (("case_withdrawn", "withdrawn"), ("case_closed", "closed"))
}

# What a body learned, did or found is recorded on a case of either kind, and in any order.
LEARNED = "that body's time from the day on which it learned of it (regs 15, 16)"
TABLE = HandTable(
    usual=PERMITTED,
    moves=MOVES,
    unusual_moves={},
    # Walks begin with a move, and a change without one is a case of its own (reg 16(1)).
    possible={
        "commissioner_change_known": lambda _before, _fact: False,
        **dict.fromkeys(
            ("old_la_aware_of_move", "original_rcb_aware_of_move"),
            asked_before("move_known", "move_day_set", "child_moved", per_body=False),
        ),
    },
    leaves={
        "move_day_set": "the plan by the day of the move that took place; another day does not move it any more",
        "old_la_aware_of_move": "the plan, on the day of the move or in fifteen working days (reg 15(2))",
        "child_moved": "the plan that was not transferred on the first move (reg 15(2)), by its old day",
        "plan_transferred": "the new authority's six weeks and review, from the first transfer (reg 15(4), (5))",
        "new_la_informed_parent": "the word to the parent after the transfer, in six weeks of it (reg 15(4))",
        "new_la_reviewed": "the review after the transfer (reg 15(5)), if it comes after this one",
        **dict.fromkeys(
            ("original_rcb_aware_of_move", "new_rcb_aware_of_move"), f"{LEARNED}, which are owed on a change too"
        ),
        **dict.fromkeys(("original_rcb_aware_of_change", "new_rcb_aware_of_change"), f"{LEARNED}, beside the move's"),
        **dict.fromkeys(
            ("new_rcb_notified_of_move", "new_rcb_notified_of_change"), "nothing of that body's word to the new one"
        ),
    },
)

CASE = "TR00001"
OURS, THEIRS = {"body": "QX900"}, {"body": "QX901"}
# Friday 20 March 2026 is the day of the move; fifteen working days before it is Friday 27 February.
KNOWN = ("move_known", "2026-02-16", {"la": "northshire", "moved_on": "2026-03-20"})
CHANGE = ("commissioner_change_known", "2026-03-02", {"la": "eastmere"})


@pytest.mark.parametrize("state", sorted(PERMITTED))
def test_exactly_these_facts_are_lawful_in_each_state(state: str) -> None:
    assert set(PROCESS.permitted(state)) == PERMITTED[state]


@pytest.mark.parametrize("state", sorted(PERMITTED))
@pytest.mark.parametrize("kind", sorted(PROCESS.facts))
def test_where_each_fact_leads_from_each_state(state: str, kind: str) -> None:
    assert PROCESS.table.get((state, kind)) == MOVES.get((state, kind))
    stays = kind in PERMITTED[state] and (state, kind) not in MOVES
    assert (state in PROCESS.facts[kind].accepted_in) == stays


def test_every_state_and_fact_is_in_the_table() -> None:
    assert set(PERMITTED) == set(PROCESS.states)
    assert set(PROCESS.facts) == set().union(*PERMITTED.values()) | {"move_known"}
    assert PROCESS.initial == "expected"
    assert PROCESS.final == {"withdrawn", "closed"}


def found(*facts: tuple[Any, ...], machine: int = 1) -> dict[str, Duty]:
    lines = [fact._replace(machine=machine) for fact in history(*facts)]
    return {duty.rule: duty for duty in duties(lines, process="transfer")}


def due(*facts: tuple[Any, ...], machine: int = 1) -> dict[str, str]:
    return {rule: str(duty.due) for rule, duty in found(*facts, machine=machine).items()}


def refused(*facts: tuple[Any, ...]) -> str:
    with pytest.raises(NotPermitted) as problem:
        replay(CASE, history(*facts))
    return problem.value.sentence


def test_every_body_has_its_own_day_of_awareness_and_its_own_period() -> None:
    """reg 15(2), (7): the authority knew in time, so its day is the move's; the board learned on 3 March: 3 to 23
    March.
    """
    given = (
        ("old_la_aware_of_move", "2026-02-27"),
        ("original_rcb_aware_of_move", "2026-03-03", OURS),
        ("new_rcb_aware_of_move", "2026-03-24", THEIRS),
    )
    assert due(KNOWN, *given) == {
        "la_move_transfer_plan": "2026-03-20",
        "rcb_move_notify_new_rcb": "2026-03-23",
        "rcb_move_request_review": (
            "2026-04-15"
        ),  # 24 March to 15 April: Good Friday and Easter Monday are no working days
    }
    assert {rule: duty.body for rule, duty in found(KNOWN, *given).items()} == {
        "la_move_transfer_plan": None,
        "rcb_move_notify_new_rcb": "QX900",
        "rcb_move_request_review": "QX901",
    }


@pytest.mark.parametrize(
    "given",
    [("move_day_set", "2026-03-10", {"moved_on": "2026-03-30"}), ("child_moved", "2026-03-30")],
    ids=lambda given: given[0],
)
def test_another_day_of_the_move_moves_what_hangs_on_it_and_nothing_else(given: tuple[Any, ...]) -> None:
    aware = (
        ("old_la_aware_of_move", "2026-02-27"),
        ("original_rcb_aware_of_move", "2026-03-03", OURS),
        ("new_rcb_aware_of_move", "2026-03-04", THEIRS),
    )
    assert due(KNOWN, *aware, given) == {
        "la_move_transfer_plan": (
            "2026-03-30"
        ),  # aware fifteen working days before 30 March (9 March): the day of the move itself
        "rcb_move_notify_new_rcb": "2026-03-30",
        "rcb_move_request_review": "2026-03-24",
    }


def test_the_new_authoritys_times_run_from_the_transfer_and_the_review_from_the_later_period() -> None:
    """reg 15(4): 2 March + 6 weeks; reg 15(5): 12 months beginning with 10 January 2026 against 3 months beginning with
    2 March.
    """
    transferred = ("plan_transferred", "2026-03-02", {"last_reviewed_on": "2026-01-10"})
    assert due(("move_known", "2026-02-16", {"moved_on": "2026-02-27"}), transferred) == {
        "new_la_inform_parent": "2026-04-13",
        "new_la_review_after_transfer": "2027-01-09",
    }
    met = found(
        ("move_known", "2026-02-16", {"moved_on": "2026-02-27"}),
        transferred,
        ("new_la_informed_parent", "2026-04-01", {"will_assess": "no"}),
        ("new_la_reviewed", "2026-06-01"),
    )
    assert {rule: str(duty.met_on) for rule, duty in met.items()} == {
        "new_la_inform_parent": "2026-04-01",
        "new_la_review_after_transfer": "2026-06-01",
    }


@pytest.mark.parametrize(
    ("before", "kind", "data", "said"),
    [
        ((KNOWN,), "new_la_informed_parent", {"will_assess": "no"}, "reg 15(4)"),
        ((KNOWN,), "new_la_reviewed", {}, "reg 15(5)"),
        ((KNOWN,), "commissioner_change_known", {}, "a change without a move is a case of its own"),
        (
            (KNOWN,),
            "assessment_or_review_requested",
            {**OURS, "asked_for": "review"},
            "record new_rcb_aware_of_move or new_rcb_aware_of_change for it first",
        ),
        ((KNOWN,), "new_rcb_aware_of_change", OURS, "Lawful then: "),
        ((CHANGE,), "new_rcb_aware_of_move", OURS, "Lawful then: "),
        ((CHANGE,), "plan_transferred", {"last_reviewed_on": "2026-01-10"}, "Lawful then: "),
        (
            (
                CHANGE,
                ("new_rcb_aware_of_change", "2026-03-02", OURS),
                ("assessment_or_review_requested", "2026-03-05", {**OURS, "asked_for": "review"}),
            ),
            "section_g_found_impracticable",
            OURS,
            "has asked for an assessment or a review already",
        ),
    ],
)
def test_what_is_out_of_order_is_refused_with_the_provision(
    before: tuple[tuple[Any, ...], ...], kind: str, data: dict[str, Any], said: str
) -> None:
    assert said in refused(*before, (kind, "2026-03-10", data))


@pytest.mark.parametrize(
    ("opening", "aware", "rule"),
    [
        (KNOWN, "new_rcb_aware_of_move", "rcb_move_request_review"),
        (CHANGE, "new_rcb_aware_of_change", "new_rcb_request_review"),
    ],
)
def test_what_can_be_arranged_need_not_be_asked_about_until_it_no_longer_can(
    opening: tuple[Any, ...], aware: str, rule: str
) -> None:
    """reg 15(8), reg 16(3): fifteen working days beginning with 3 March end on 23 March, and finding out later that it
    is not practicable gives no more.
    """
    arranged = (opening, (aware, "2026-03-03", OURS), ("section_g_arranged", "2026-03-10", OURS))
    first = found(*arranged)[rule]
    assert (str(first.due), str(first.ended_on), first.met_on) == ("2026-03-23", "2026-03-10", None)
    again = found(*arranged, ("section_g_found_impracticable", "2026-03-25", OURS))[rule]
    assert (str(again.due), again.closed_on) == ("2026-03-23", None)
    asked = found(
        *arranged,
        ("section_g_found_impracticable", "2026-03-25", OURS),
        ("assessment_or_review_requested", "2026-03-26", {**OURS, "asked_for": "review"}),
    )[rule]
    assert (str(asked.met_on), asked.met_by) == ("2026-03-26", "assessment_or_review_requested")


def test_one_boards_word_is_not_the_others() -> None:
    given = (
        CHANGE,
        ("original_rcb_aware_of_change", "2026-03-02", THEIRS),
        ("new_rcb_aware_of_change", "2026-03-09", OURS),
    )
    named = found(*given, ("new_rcb_notified_of_change", "2026-03-09", {**THEIRS, "to_body": "QX900"}))
    assert (str(named["rcb_change_notify_new_rcb"].met_on), named["new_rcb_request_review"].met_on) == (
        "2026-03-09",
        None,
    )
    other = found(*given, ("new_rcb_notified_of_change", "2026-03-09", OURS))
    assert other["rcb_change_notify_new_rcb"].met_on is None


def test_the_summer_of_2020_excuses_what_si_2020_471_relaxed_and_not_the_day_of_the_move() -> None:
    """SI 2020/471 reg 5 relaxes the second alternative of reg 15(2) and (7) and the whole of reg 15(4), (5), (8), for
    what fell due up to 24 September 2020.
    """
    counted = found(("move_known", "2020-06-01", {"moved_on": "2020-06-05"}), ("old_la_aware_of_move", "2020-06-01"))
    assert counted["la_move_transfer_plan"].dates.excuses == ("coronavirus",)
    itself = found(("move_known", "2020-05-01", {"moved_on": "2020-06-19"}), ("old_la_aware_of_move", "2020-05-01"))
    assert itself["la_move_transfer_plan"].dates.excuses == ()


def test_what_is_lawful_does_not_name_what_only_opens_a_case_of_another_sort() -> None:
    moved = history(
        ("move_known", "16 Feb 2026", {"la": "northshire", "moved_on": "2026-03-20"}),
        ("new_la_reviewed", "17 Feb 2026"),
    )
    with pytest.raises(NotPermitted) as refused:
        replay("TR90001", moved)
    assert "child_moved" in refused.value.sentence
    assert "commissioner_change_known" not in refused.value.sentence.partition("Lawful then: ")[2]


def test_a_move_is_learned_of_only_where_one_is_known() -> None:
    lines = [fact._replace(machine=2) for fact in history(CHANGE, ("old_la_aware_of_move", "2026-03-05"))]
    with pytest.raises(NotPermitted, match="a move is a case of its own"):
        replay(CASE, lines)


def test_a_second_move_is_no_other_day_of_the_first() -> None:
    """reg 15(2): known on 16 February of a move on 27 February: fifteen working days beginning with 16 February."""
    first = (("move_known", "2026-02-16", {"moved_on": "2026-02-27"}), ("old_la_aware_of_move", "2026-02-16"))
    moved = (*first, ("child_moved", "2026-02-27"))
    assert due(*moved, ("child_moved", "2026-04-20"), machine=2)["la_move_transfer_plan"] == "2026-03-06"
    again = found(*moved, ("child_moved", "2026-04-20"), ("old_la_aware_of_move", "2026-04-22"), machine=2)
    assert str(again["la_move_transfer_plan"].due) == "2026-05-13", "the second move has its own fifteen days"


def test_a_plan_that_is_sent_again_starts_no_time_again() -> None:
    sent = [("plan_transferred", day, {"last_reviewed_on": "2026-01-10"}) for day in ("2026-03-02", "2026-03-30")]
    known = ("move_known", "2026-02-16", {"moved_on": "2026-02-27"})
    assert due(known, *sent, machine=2) == {
        "new_la_inform_parent": "2026-04-13",
        "new_la_review_after_transfer": "2027-01-09",
    }


def test_whose_time_cannot_be_shown_yet_is_said() -> None:
    known = ("move_known", "16 Feb 2026", {"la": "northshire", "moved_on": "2026-03-20"})
    said = remarks(replay("TR90001", history(known)))
    assert [remark.split(" learned")[0].rpartition("the ")[2] for remark in said] == [
        "old authority",
        "original commissioning body",
        "new commissioning body",
    ]
    given = history(
        known, ("old_la_aware_of_move", "17 Feb 2026"), ("new_rcb_notified_of_move", "18 Feb 2026", {"body": "QX900"})
    )
    (left,) = remarks(replay("TR90001", given))
    assert "record new_rcb_aware_of_move with that day" in left
    change = remarks(replay("TR90001", history(("commissioner_change_known", "16 Feb 2026", {"la": "northshire"}))))
    assert ["reg 16(2)" in change[0], "reg 16(3)" in change[1], len(change)] == [True, True, 2]
    assert remarks(replay("TR90001", history(known, ("case_closed", "17 Feb 2026")))) == []
