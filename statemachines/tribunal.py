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
from statemachines.process import StatutoryMachine, define_process
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
    ordered = State("Order made")
    dismissed = State("Appeal dismissed")
    conceded = State("Appeal not opposed")
    given_up = State("Appeal withdrawn")
    claimed = State("Discrimination claim received")
    claim_answered = State("Discrimination claim answered")
    claim_over = State("Discrimination claim over")
    withdrawn = State("Withdrawn", final=True)
    closed = State("Closed", final=True)

    appeal_registered = decided.to(registered)
    extended_appeal_registered = decided.to(registered)
    la_responded = registered.to(responded) | adjourned.to(adjourned) | heard.to(heard)
    hearing_held = (
        registered.to(heard)
        | responded.to(heard)
        | adjourned.to(heard)
        | claimed.to(claimed)
        | claim_answered.to(claim_answered)
    )
    hearing_adjourned = (
        registered.to(adjourned)
        | responded.to(adjourned)
        | adjourned.to(adjourned)
        | heard.to(adjourned)
        | claimed.to(claimed)
        | claim_answered.to(claim_answered)
    )
    appeal_withdrawn = registered.to(given_up) | responded.to(given_up) | adjourned.to(given_up) | heard.to(given_up)

    refusal_to_assess_conceded = registered.to(conceded)
    refusal_to_reassess_conceded = registered.to(conceded)
    refusal_to_issue_conceded = registered.to(conceded)
    contents_conceded = registered.to(conceded)
    placement_conceded = registered.to(conceded)
    placement_and_contents_conceded = registered.to(conceded)
    ceasing_conceded = registered.to(conceded)

    order_to_assess_made = ordered.from_(registered, responded, adjourned, heard, ordered)
    order_to_reassess_made = ordered.from_(registered, responded, adjourned, heard, ordered)
    order_to_make_plan_made = ordered.from_(registered, responded, adjourned, heard, ordered)
    order_to_reconsider_made = ordered.from_(registered, responded, adjourned, heard, ordered)
    order_to_amend_provision_made = ordered.from_(registered, responded, adjourned, heard, ordered)
    order_to_amend_placement_made = ordered.from_(registered, responded, adjourned, heard, ordered)
    order_to_continue_made = ordered.from_(registered, responded, adjourned, heard, ordered)
    order_to_continue_and_amend_made = ordered.from_(registered, responded, adjourned, heard, ordered)
    appeal_dismissed = (
        registered.to(dismissed) | responded.to(dismissed) | adjourned.to(dismissed) | heard.to(dismissed)
    )
    ceasing_upheld = registered.to(dismissed) | responded.to(dismissed) | adjourned.to(dismissed) | heard.to(dismissed)

    discrimination_claim_received = decided.to(claimed)
    claim_responded = claimed.to(claim_answered)
    claim_withdrawn = claimed.to(claim_over) | claim_answered.to(claim_over)
    claim_decided = claimed.to(claim_over) | claim_answered.to(claim_over)

    case_withdrawn = withdrawn.from_.any()
    case_closed = closed.from_.any()


def remarks(casefile: CaseFile) -> list[str]:
    """What a reader should know besides the dates."""
    claim = next((line for line in casefile.lines if line.kind == "discrimination_claim_received"), None)
    if claim is None or claim.data["reinstatement"] == "yes" or casefile.state != "claimed":
        return []
    return [
        "The claim asks for no reinstatement, and no rule of sendflow gives the time for the response to such a claim"
        " (HESC Rules 2008 r21): the Tribunal's letter of registration names the day; enter it with evidence_directed."
    ]


PROCESS = define_process(
    Tribunal,
    name="tribunal",
    title="Tribunal case",
    version=1,
    out_of_order_from=None,
    facts=[
        *TRIBUNAL_FACTS,
        *compliance_facts(ALIVE),
    ],
    reactions=[
        CERTIFICATE_REACTION,
        *PLAN_REACTIONS,
    ],
    remarks=remarks,
)
