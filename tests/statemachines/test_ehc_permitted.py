"""What may happen in every state of an EHC needs assessment, written out by hand from CFA 2014 s36 and SEND Regs 2014
regs 4 to 14.

The table below is read by a person against the law; the machine must agree with it, and the class with the table that
folds use.
"""

import json
from collections.abc import Callable

import pytest
from statemachine.exceptions import TransitionNotAllowed

from config.law import load_law
from deadlines.duties import Duty
from models.common_facts import SHARED
from statemachines.ehc_needs_assessment import PROCESS, EhcNeedsAssessment
from statemachines.health_advice import Noted
from statemachines.process import (
    FactDefinition,
    NotPermitted,
    NoTransition,
    Process,
    Reaction,
    Transition,
    define_process,
)
from statemachines.registry import processes
from statemachines.released import released_tables, table_of
from statemachines.replay import replay
from tests.support.asked_bodies import ABOUT_WHO_WAS_ASKED
from tests.support.by_hand import CASE, day, duties, history
from tests.support.hand_table import HandTable, asked_before
from tests.support.paths import ROOT

# Accepted in every state but an end: requested advice that still arrives, claimed exceptions and pauses.
ABOUT_ADVICE = {
    "health_advice_acknowledged",
    "health_advice_answered",
    "health_advice_received",
    "health_advice_returned",
    "appointment_missed",
    "waiting_list_stated",
    "excuse_claimed",
    "excuse_decided",
    "chasing_paused",
    "contact_made",
    "body_replied",
    "case_linked",
    "case_unlinked",
    "dco_attended",
    "health_advice_request_repeated",
    "health_advice_called_for_again",  # after an order (reg 44(2)(b)); once the order is withdrawn, until it is too
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
OPEN = ABOUT_ADVICE | ENDS | ALWAYS | ENGINE | {"time_directed", "time_agreed", "order_set_aside"}
# The authority that the child leaves is no longer responsible (CFA 2014 s24(1)); a plan is transferred elsewhere.
MOVED = {"child_moved_away"}
ASK = {"health_advice_requested"}
AGAIN = {"ehc_assessment_request_repeated"}
ASSESS = {"assessment_ordered", "assessment_conceded", "assessment_mediated"}
MAKE_A_PLAN = {"plan_ordered", "plan_conceded", "plan_mediated"}
# reg 44(2)(d), 42(2): a refusal of a plan is referred back, and the authority decides again.
BACK = {"reconsideration_ordered", "reconsideration_mediated"}
# A plan ceases on another case (CFA 2014 s45), and section G with it.
PLAN_END = {"plan_ended", "plan_resumed"}
OVERSIGHT = {"draft_plan_checked", "draft_comments_sent"}
PLAN = {"plan_refused", "draft_plan_received", "section_g_agreed", "final_plan_received"}

PERMITTED = {
    # reg 4(2): the LA informs others that it is considering; reg 5(1): it decides whether to assess.
    "requested": OPEN | MOVED | ASK | AGAIN | {"la_consideration_notified", "assessment_agreed", "assessment_refused"},
    "considering": OPEN | MOVED | ASK | AGAIN | {"assessment_agreed", "assessment_refused"},
    # Four ways out of a refusal: the LA reverses it (LGSCO 25 007 473), the Tribunal orders an assessment
    # (reg 44(2)(b)), the LA does not oppose an appeal (reg 45(3)), or an agreement in mediation has the effect of an
    # order (reg 42(2)). A time that the Tribunal set is accepted in every state (reg 44(1)).
    "refused": OPEN | MOVED | ASSESS | {"refusal_reversed"},
    # reg 10(1) no plan; s38 draft; reg 12(2) section G; reg 13(2) final plan.
    # A reversal ends no appeal, so that an order to assess may still be made by consent, and one to make a plan after
    # the draft (HESC Rules 2008 r29).
    "assessing": OPEN | MOVED | ASK | ASSESS | PLAN,
    "drafting": OPEN | MOVED | ASK | ASSESS | MAKE_A_PLAN | BACK | PLAN | OVERSIGHT,
    # No plan rests: the decision may turn (the LA's own; by order, reg 44(2)(c); not opposed, reg 45(6); by agreement,
    # reg 42(2)), and late advice still comes.
    "no_plan": OPEN
    | MOVED
    | MAKE_A_PLAN
    | BACK
    | {"plan_refused", "draft_plan_received", "final_plan_received", "plan_refusal_reversed"},
    # The final plan rests: section G is arranged for as long as the plan says it (s42(3)), and a body's duty under reg
    # 8(1) outlives it.
    "planned": OPEN
    | OVERSIGHT
    | PLAN_END
    | {"section_g_agreed", "section_g_arranged", "section_g_stopped", "section_g_replaced"},
    "withdrawn": ALWAYS | ENGINE,
    "closed": ALWAYS | ENGINE,
}
MOVES = {
    ("requested", "la_consideration_notified"): "considering",
    ("requested", "assessment_agreed"): "assessing",
    ("requested", "assessment_refused"): "refused",
    ("considering", "assessment_agreed"): "assessing",
    ("considering", "assessment_refused"): "refused",
    ("refused", "refusal_reversed"): "assessing",
    ("refused", "assessment_ordered"): "assessing",
    ("refused", "assessment_conceded"): "assessing",
    ("refused", "assessment_mediated"): "assessing",
    ("assessing", "plan_refused"): "no_plan",
    ("assessing", "draft_plan_received"): "drafting",
    ("assessing", "final_plan_received"): "planned",
    ("drafting", "plan_refused"): "no_plan",
    ("drafting", "draft_plan_received"): "drafting",
    ("drafting", "final_plan_received"): "planned",
    ("no_plan", "draft_plan_received"): "drafting",
    ("no_plan", "final_plan_received"): "planned",
    ("no_plan", "plan_refusal_reversed"): "assessing",
} | {
    (state, kind): end
    for state in ("requested", "considering", "refused", "assessing", "drafting", "no_plan", "planned")
    for kind, end in (("case_withdrawn", "withdrawn"), ("case_closed", "closed"))
}
EVENTS = sorted({kind for _state, kind in MOVES})
SKIPPED = ("requested", "considering", "refused")

TABLE = HandTable(
    usual=PERMITTED,
    moves=MOVES,
    unusual_moves={
        ("refused", "assessment_agreed"): "assessing",  # the authority turned, in other words
        **{(state, "assessment_refused"): "refused" for state in ("assessing", "drafting")},
        # The refusal is missing on the record, or was of a plan.
        **{(state, kind): "assessing" for state in ("requested", "considering", "no_plan") for kind in ASSESS},
        # Nobody was notified that the authority would assess (reg 5(1)), and it went on all the same.
        **{(state, "plan_refused"): "no_plan" for state in SKIPPED},
        **{(state, "draft_plan_received"): "drafting" for state in SKIPPED},
        **{(state, "final_plan_received"): "planned" for state in SKIPPED},
    },
    leaves={
        "ehc_assessment_request_repeated": "nothing: a new request has a case of its own",
        "la_consideration_notified": "nothing: no duty with a date hangs on it",
        "assessment_agreed": "the plan in the request's own 20 weeks; what reg 5(1) asked for was late",
        "assessment_refused": "what an order asks for; the request's own plan is not owed while the refusal lasts",
        "refusal_reversed": "the plan: the reversal's 14 weeks beside the request's 20 and an order's 14",
        "plan_refusal_reversed": "the plan in the request's own 20 weeks",
        **dict.fromkeys(ASSESS, "the order's 10 and 14 weeks, unless the plan is there already"),
        **dict.fromkeys(MAKE_A_PLAN, "the order's 5 and 11 weeks, unless draft and plan are there already"),
        **dict.fromkeys(BACK, "a decision in two weeks: a draft, a plan or another refusal (reg 44(2)(d))"),
        **dict.fromkeys(PLAN_END, "section G of a plan that goes on (s42(3))"),
        "plan_refused": "what an order to make a plan asks for; the decision to assess was never notified",
        "draft_plan_received": "fifteen days for the family (reg 13(1)); a decision to assess that was never notified",
        "final_plan_received": "section G (s42(3)); whether to assess was never notified, and is not owed any more",
        "child_moved_away": "nothing of the plan, which the transfer is about (reg 15)",
        **dict.fromkeys(OVERSIGHT, "nothing: no draft plan is there to be checked"),
        "section_g_agreed": "nothing of reg 12(2)",
        "section_g_arranged": "section G from the plan on (s42(3))",
        "section_g_stopped": "section G (s42(3))",
        "section_g_replaced": "section G on the case of the later plan (s42(3))",
        "health_advice_requested": "the body's six weeks from its receipt (reg 8(1))",
    },
    possible={
        **ABOUT_WHO_WAS_ASKED,
        "refusal_reversed": asked_before("assessment_refused", per_body=False),
        "plan_refusal_reversed": asked_before("plan_refused", per_body=False),
        "order_set_aside": asked_before(
            "assessment_ordered", "plan_ordered", "reconsideration_ordered", per_body=False
        ),
        "section_g_stopped": asked_before("section_g_arranged", per_body=False),
        "plan_resumed": asked_before("plan_ended", per_body=False),
    },
)


@pytest.mark.parametrize("state", sorted(PERMITTED))
def test_exactly_these_facts_are_lawful_in_each_state(state: str) -> None:
    assert set(PROCESS.permitted(state)) == PERMITTED[state]


def test_every_state_and_every_fact_of_the_issue_is_in_the_table() -> None:
    assert set(PERMITTED) == set(PROCESS.states)
    assert set(PROCESS.facts) == set().union(*PERMITTED.values()) | {"ehc_assessment_requested"}
    assert PROCESS.initial == "requested"
    assert PROCESS.final == {"withdrawn", "closed"}


@pytest.mark.parametrize("state", sorted(PERMITTED))
@pytest.mark.parametrize("kind", EVENTS)
def test_the_class_moves_as_the_table_says_and_refuses_what_it_does_not(state: str, kind: str) -> None:
    machine = EhcNeedsAssessment(start_value=state)
    target = (MOVES | dict(TABLE.unusual_moves)).get((state, kind))
    if target is None:
        with pytest.raises(TransitionNotAllowed):
            machine.send(kind)
        assert machine.current_state_value == state
    else:
        machine.send(kind)
        assert machine.current_state_value == target


def test_the_class_answers_an_unknown_event_with_a_refusal_and_not_with_silence() -> None:
    machine = EhcNeedsAssessment()
    with pytest.raises(TransitionNotAllowed):
        machine.send("health_advice_received")
    assert machine.current_state_value == "requested"


def test_the_class_has_no_hooks() -> None:
    """The history does not record what a hook does, so the machine has none."""
    own = {name for name in vars(EhcNeedsAssessment) if not name.startswith("_")}
    assert not {name for name in own if name.startswith(("on_", "before_", "after_", "enter_", "exit_"))}
    for state in EhcNeedsAssessment.states:
        for transition in state.transitions:
            assert not list(transition.cond)


def test_the_table_is_read_off_the_class_and_every_earlier_one_is_frozen() -> None:
    assert table_of(EhcNeedsAssessment) == dict(PROCESS.table) == MOVES | dict(TABLE.unusual_moves)
    assert released_tables(PROCESS.name)[PROCESS.version] == dict(PROCESS.table), (
        "a changed machine is a new version: add tables/NAME.vN.json, keep the old"
    )
    later = {("no_plan", "plan_refusal_reversed")}
    assert PROCESS.tables[1] == {move: target for move, target in MOVES.items() if move not in later}


def test_frozen_tables_stand_in_order_without_doubles() -> None:
    folder = ROOT / "statemachines" / "tables"
    files = sorted(folder.glob("*.json"))
    assert files
    for file in files:
        rows = json.loads(file.read_text("utf-8"))
        assert rows == sorted(rows)
        assert len({(row[0], row[1]) for row in rows}) == len(rows)
        assert file.stem.rpartition(".v")[0] in processes()


@pytest.mark.parametrize("process", processes().values(), ids=lambda process: process.name)
def test_every_state_can_be_reached_and_reaches_an_end(process: Process) -> None:
    reached, ending = {process.initial}, set(process.final)
    for _ in process.states:
        reached |= {target for (state, _kind), target in process.table.items() if state in reached}
        ending |= {state for (state, _kind), target in process.table.items() if target in ending}
    assert reached == ending == set(process.states)


@pytest.mark.parametrize("process", processes().values(), ids=lambda process: process.name)
def test_every_duty_has_a_fact_that_starts_it_and_one_that_meets_it(process: Process) -> None:
    for rule in load_law().for_process(process.name):
        assert bool(rule.starts) != bool(rule.calculation_only), (
            f"{rule.id} is opened by a fact, or says why no fact opens it"
        )
        kinds = {*rule.starts, *rule.met_by, *rule.ends, *rule.reopened_by}
        assert kinds <= set(process.facts), f"{rule.id} names a fact that the process does not know"
        if rule.starts:
            assert rule.met_by, rule.id
            assert {"case_withdrawn", "case_closed"} <= set(rule.ends), rule.id


PLANNED = [
    ("ehc_assessment_requested", "2 Feb 2026"),
    ("assessment_agreed", "2 Feb 2026"),
    ("final_plan_received", "15 Jun 2026"),
]


def section_g(*facts: tuple[str, str]) -> Duty:
    """CFA 2014 s42(3), as the facts after the final plan leave it."""
    lines = history(*PLANNED, *((kind, on, {"body": "QX900"}) for kind, on in facts))
    return next(duty for duty in duties(lines) if duty.rule == "s42_arrange_health_provision")


def test_what_section_g_says_is_met_when_it_is_arranged_and_owed_again_when_it_stops() -> None:
    owed = section_g()
    assert (owed.started_on, owed.met_on, owed.due) == (day("15 Jun 2026"), None, None)
    arranged, stopped = ("section_g_arranged", "3 Jul 2026"), ("section_g_stopped", "9 Nov 2026")
    assert section_g(arranged).met_on == day("3 Jul 2026")
    assert section_g(arranged, stopped).met_on is None, "a continuing duty is owed for as long as there is a plan"
    assert section_g(arranged, stopped, ("section_g_arranged", "7 Dec 2026")).met_on == day("7 Dec 2026")


def test_section_g_is_arranged_once_there_is_a_plan_and_stops_only_after() -> None:
    with pytest.raises(
        NotPermitted, match=r"s42\(3\): the duty to arrange what section G says begins with the final plan"
    ):
        replay(CASE, history(*PLANNED[:2], ("section_g_arranged", "8 Jun 2026", {"body": "QX900"})))
    with pytest.raises(NotPermitted, match="only what was arranged can stop: record section_g_arranged"):
        section_g(("section_g_stopped", "3 Jul 2026"))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda facts: facts.pop("plan_refused"), "the machine has plan_refused, and no fact defines it"),
        (
            lambda facts: facts.update(time_agreed=Transition("time_agreed", Noted)),
            "time_agreed is a Transition, and the machine has no transition of that name",
        ),
        (
            lambda facts: facts.update(plan_refused=NoTransition("plan_refused", Noted, accepted_in=("planned",))),
            "plan_refused is a NoTransition, and the machine has a transition of that name",
        ),
        (
            lambda facts: facts.update(time_agreed=NoTransition("time_agreed", Noted)),
            "time_agreed is accepted in no state",
        ),
        (
            lambda facts: facts.update(time_agreed=NoTransition("time_agreed", Noted, accepted_in=("gone", "closed"))),
            r"time_agreed is accepted in \['closed', 'gone'\], which are no open states",
        ),
        (
            lambda facts: facts.update(plan_refused=Transition("plan_refused", Noted, accepted_in=("assessing",))),
            r"plan_refused both changes \['assessing'\] and is accepted there without a change",
        ),
        (lambda facts: facts.update(again=facts["plan_refused"]), "plan_refused is defined more than once"),
        (
            lambda facts: facts.update(plan_refused=Transition("plan_refused", Noted, version=5, order="x")),
            "plan_refused in its version 5 needs version 5 of the machine, and this is 4",
        ),
        (
            lambda facts: facts.update(plan_refused=Transition("plan_refused", Noted, requests_again="gone")),
            "plan_refused requests gone again, which is no fact of the process",
        ),
        (
            lambda facts: facts.update(plan_refused=Transition("plan_refused", Noted, opens_in="no_plan")),
            "plan_refused opens a case: opens_in is an open state, and the fact names the authority",
        ),
        (lambda facts: facts.pop("ehc_assessment_requested"), "no fact opens a case: define one as OpeningFact"),
    ],
)
def test_machine_and_facts_that_do_not_agree_are_errors_that_say_what_to_do(
    change: Callable[[dict[str, FactDefinition]], object], problem: str
) -> None:
    facts = {kind: fact for kind, fact in PROCESS.facts.items() if kind not in SHARED}

    def define() -> Process:
        return define_process(
            EhcNeedsAssessment,
            name="ehc_needs_assessment",
            title="x",
            version=PROCESS.version,
            facts=facts.values(),
            out_of_order_from=PROCESS.version,
        )

    assert define().table == PROCESS.table
    change(facts)
    with pytest.raises(ValueError, match=problem):
        define()


def test_a_reaction_that_records_no_fact_of_the_process_or_comes_twice_is_an_error() -> None:
    facts = [fact for kind, fact in PROCESS.facts.items() if kind not in SHARED]
    reactions = [Reaction("mediation", "agreed_to_assess", "gone"), Reaction("mediation", "agreed_to_assess", "gone")]
    with pytest.raises(ValueError, match="a reaction records gone, which is no fact") as refused:
        define_process(EhcNeedsAssessment, name="x", title="x", version=1, facts=facts, reactions=reactions)
    assert "there are two reactions to mediation agreed_to_assess" in str(refused.value)
