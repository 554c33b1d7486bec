"""A case at the SEND Tribunal, seen from health (CFA 2014 s51; HESC Rules 2008; SEND Regs 2014 regs 43 to 45; SI
2017/1306).

What it decides: which facts may follow which. Dates that the Tribunal directs are entered, never worked out and never
moved. An order, a concession and a recommendation each open their own clocks: reg 44 and reg 45 on the authority, SI
2017/1306 reg 6 on every responsible commissioning body. It does not decide by when, nor whether the reasons for not
following a recommendation are good ones.
"""

from statemachine import State

from models.casefile import CaseFile
from statemachines.changed_time_limits import CERTIFICATE_REACTION, PLAN_REACTIONS, compliance_facts
from statemachines.process import Reaction, StatutoryMachine, define_process, unusual
from statemachines.section_g import SECTION_G_REACTIONS
from statemachines.tribunal_facts import ALIVE, TRIBUNAL_FACTS


class Tribunal(StatutoryMachine):
    """A case at the SEND Tribunal (CFA 2014 s51; HESC Rules 2008; SEND Regs 2014 regs 43 to 45; SI 2017/1306).

    Facts without a transition: directions and what answers them; evidence asked of a health body and given;
    witnesses; recommendations and responses; what the authority did to carry out an order; permission to appeal;
    exceptions; chasing. A discrimination claim is a branch of its own.
    """

    decided = State("Decision notified", initial=True)
    registered = State("Appeal registered")
    responded = State("LA has responded")
    adjourned = State("Hearing adjourned")
    heard = State("Hearing held")
    resumed = State("Appeal goes on again")
    ordered = State("Order made")
    dismissed = State("Appeal dismissed")
    conceded = State("Appeal not opposed")
    given_up = State("Appeal withdrawn")
    struck_out = State("Appeal struck out")
    claimed = State("Discrimination claim received")
    claim_answered = State("Discrimination claim answered")
    claim_over = State("Discrimination claim over")
    withdrawn = State("Withdrawn", final=True)
    closed = State("Closed", final=True)

    _pending = (registered, responded, adjourned, heard, resumed)
    _over_without_decision = (conceded, given_up, struck_out)

    # A notice that is sent again, or is found after the appeal was registered.
    decision_notified = unusual(
        decided.to(decided)
        | registered.to(registered)
        | responded.to(responded)
        | adjourned.to(adjourned)
        | heard.to(heard)
        | resumed.to(resumed)
        | ordered.to(ordered)
        | dismissed.to(dismissed)
        | conceded.to(conceded)
        | given_up.to(given_up)
        | struck_out.to(struck_out)
    )
    appeal_registered = decided.to(registered) | unusual(registered.from_(given_up, struck_out))
    extended_appeal_registered = decided.to(registered) | unusual(registered.from_(given_up, struck_out))
    la_responded = (
        registered.to(responded)
        | adjourned.to(adjourned)
        | heard.to(heard)
        | resumed.to(responded)
        | unusual(decided.to(responded))
    )
    # After permission to appeal there may be a second one (Tribunals, Courts and Enforcement Act 2007 s12(2)(b)(i)).
    hearing_held = (
        registered.to(heard)
        | responded.to(heard)
        | adjourned.to(heard)
        | resumed.to(heard)
        | ordered.to(heard)
        | dismissed.to(heard)
        | claimed.to(claimed)
        | claim_answered.to(claim_answered)
        | unusual(heard.from_(decided, *_over_without_decision))
    )
    hearing_adjourned = (
        registered.to(adjourned)
        | responded.to(adjourned)
        | adjourned.to(adjourned)
        | heard.to(adjourned)
        | resumed.to(adjourned)
        | ordered.to(adjourned)
        | dismissed.to(adjourned)
        | claimed.to(claimed)
        | claim_answered.to(claim_answered)
        | unusual(adjourned.from_(decided, *_over_without_decision))
    )
    appeal_withdrawn = given_up.from_(*_pending) | unusual(decided.to(given_up))
    appeal_struck_out = struck_out.from_(*_pending) | unusual(decided.to(struck_out))
    appeal_reinstated = resumed.from_(*_over_without_decision) | unusual(resumed.from_(ordered, dismissed))
    decision_set_aside = resumed.from_(ordered, dismissed) | claim_over.to(claim_answered)

    refusal_to_assess_conceded = registered.to(conceded) | unusual(decided.to(conceded))
    refusal_to_reassess_conceded = registered.to(conceded) | unusual(decided.to(conceded))
    refusal_to_issue_conceded = registered.to(conceded) | unusual(decided.to(conceded))
    contents_conceded = registered.to(conceded) | unusual(decided.to(conceded))
    placement_conceded = registered.to(conceded) | unusual(decided.to(conceded))
    placement_and_contents_conceded = registered.to(conceded) | unusual(decided.to(conceded))
    ceasing_conceded = registered.to(conceded) | unusual(decided.to(conceded))

    _not_under_way = (decided, dismissed, *_over_without_decision)

    order_to_assess_made = ordered.from_(*_pending, ordered) | unusual(ordered.from_(*_not_under_way))
    order_to_reassess_made = ordered.from_(*_pending, ordered) | unusual(ordered.from_(*_not_under_way))
    order_to_make_plan_made = ordered.from_(*_pending, ordered) | unusual(ordered.from_(*_not_under_way))
    order_to_reconsider_made = ordered.from_(*_pending, ordered) | unusual(ordered.from_(*_not_under_way))
    order_to_amend_provision_made = ordered.from_(*_pending, ordered) | unusual(ordered.from_(*_not_under_way))
    order_to_amend_placement_made = ordered.from_(*_pending, ordered) | unusual(ordered.from_(*_not_under_way))
    order_to_continue_made = ordered.from_(*_pending, ordered) | unusual(ordered.from_(*_not_under_way))
    order_to_continue_and_amend_made = ordered.from_(*_pending, ordered) | unusual(ordered.from_(*_not_under_way))
    appeal_dismissed = dismissed.from_(*_pending) | unusual(dismissed.from_(decided, *_over_without_decision))
    ceasing_upheld = dismissed.from_(*_pending) | unusual(dismissed.from_(decided, *_over_without_decision))

    discrimination_claim_received = decided.to(claimed)
    claim_responded = claimed.to(claim_answered)
    claim_withdrawn = claimed.to(claim_over) | claim_answered.to(claim_over)
    claim_decided = claimed.to(claim_over) | claim_answered.to(claim_over)

    case_withdrawn = withdrawn.from_.any()
    case_closed = closed.from_.any()


def remarks(casefile: CaseFile) -> list[str]:
    """What a reader should know besides the dates."""
    if casefile.state == "resumed":
        return [
            "The appeal goes on again. What was still to be done in it has the day that the Tribunal directs now (HESC"
            " Rules 2008 r5, r6): enter each with evidence_directed, bundle_directed or hearing_directed."
        ]
    claim = next((line for line in casefile.lines if line.kind == "discrimination_claim_received"), None)
    if claim is None or claim.data["reinstatement"] == "yes" or casefile.state != "claimed":
        return []
    return [
        "The claim asks for no reinstatement, and no rule of sendflow gives the time for the response to such a claim"
        " (HESC Rules 2008 r21): the Tribunal's letter of registration names the day; enter it with evidence_directed."
    ]


LABELS = {
    "ut_permission_applied": "permission asked of the Upper Tribunal",
}
PROCESS = define_process(
    Tribunal,
    name="tribunal",
    title="Tribunal case",
    labels=LABELS,
    version=4,  # notice sent again, appeals amended; 3: replies; 2: facts out of order, section G of an amended plan
    out_of_order_from=2,
    facts=[
        *TRIBUNAL_FACTS,
        *compliance_facts(ALIVE),
    ],
    reactions=[
        CERTIFICATE_REACTION,
        *PLAN_REACTIONS,
        # A plan ceases once, and is recorded on the case in which that was decided.
        Reaction("annual_review", "plan_ceased", "plan_ceased", optional=True),
        Reaction("reassessment", "plan_ceased", "plan_ceased", optional=True),
        Reaction("annual_review", "cease_reversed", "plan_resumed", optional=True),
        Reaction("reassessment", "cease_reversed", "plan_resumed", optional=True),
        *SECTION_G_REACTIONS,
    ],
    remarks=remarks,
)
