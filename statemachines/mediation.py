"""Mediation about an EHC decision, and what follows from an agreement (CFA 2014 s52 to s56; SEND Regs 2014 regs 32 to
42).

What it decides: which facts may follow which. Three routes lead to mediation, and each lays the duty to arrange it on
another: health issues alone on the commissioning bodies (reg 35(3)), health among other issues on the authority with
every commissioning body taking part (reg 35(4)),
no health issue on the authority (reg 36(2)). It does not decide by when, nor whether an agreement is a good
one.
"""

from statemachine import State

from models.casefile import CaseFile
from statemachines.changed_time_limits import PLAN_REACTIONS, compliance_facts
from statemachines.mediation_facts import ALIVE, MEDIATION_FACTS
from statemachines.process import StatutoryMachine, define_process, unusual
from statemachines.section_g import PLAN_END_REACTIONS, SECTION_G_REACTIONS, plan_end_facts


class Mediation(StatutoryMachine):
    """Mediation about an EHC decision (CFA 2014 s52 to s56; SEND Regs 2014 regs 32 to 42).

    Facts without a transition: a commissioning body was notified, the family was informed of date and place or agreed
    to shorter notice, what was agreed was done, the authority was informed, another time was agreed; exceptions;
    chasing.
    """

    notified = State("Right to mediation notified", initial=True)
    contacted = State("Adviser contacted")
    declined = State("Mediation not wanted")
    wanted = State("Mediation wanted")
    arranged = State("Mediation arranged")
    unarranged = State("Mediation cannot be arranged in time")
    concluded = State("Mediation concluded")
    certified = State("Certificate issued")
    agreed = State("Agreement made")
    withdrawn = State("Withdrawn", final=True)
    closed = State("Closed", final=True)

    # A notice that comes after the family has acted, or is sent once more.
    appealable_notice_sent = unusual(
        notified.to(notified)
        | contacted.to(contacted)
        | declined.to(declined)
        | wanted.to(wanted)
        | arranged.to(arranged)
        | unarranged.to(unarranged)
        | concluded.to(concluded)
        | certified.to(certified)
        | agreed.to(agreed)
    )
    _before_agreement = (notified, contacted, declined, wanted, arranged, unarranged)

    adviser_contacted = notified.to(contacted)
    mediation_declined = (
        notified.to(declined)
        | contacted.to(declined)
        | wanted.to(declined)
        | arranged.to(declined)
        | unusual(unarranged.to(declined))
    )
    education_mediation_wanted = (
        notified.to(wanted)
        | contacted.to(wanted)
        | unusual(wanted.from_(declined, arranged, unarranged, certified, concluded))
    )
    mixed_mediation_wanted = (
        notified.to(wanted)
        | contacted.to(wanted)
        | unusual(wanted.from_(declined, arranged, unarranged, certified, concluded))
    )
    health_mediation_wanted = (
        notified.to(wanted)
        | contacted.to(wanted)
        | unusual(wanted.from_(declined, arranged, unarranged, certified, concluded))
    )
    mediation_arranged = (
        wanted.to(arranged)
        | arranged.to(arranged)
        # reg 39(3): the deemed certificate serves "whether or not" the family takes part in mediation later.
        | unarranged.to(arranged)
        | certified.to(arranged)
        | unusual(arranged.from_(notified, contacted, declined, concluded))
    )
    mediation_cannot_be_arranged = wanted.to(unarranged) | arranged.to(unarranged)
    mediation_concluded = arranged.to(concluded) | unusual(
        concluded.from_(notified, contacted, declined, wanted, unarranged, certified)
    )
    certificate_issued = (
        declined.to(certified)
        | unarranged.to(certified)
        | concluded.to(certified)
        | agreed.to(agreed)
        | unusual(certified.from_(notified, contacted))
    )
    agreed_to_assess = agreed.from_(concluded, certified, agreed) | unusual(agreed.from_(*_before_agreement))
    agreed_to_reassess = agreed.from_(concluded, certified, agreed) | unusual(agreed.from_(*_before_agreement))
    agreed_to_make_plan = agreed.from_(concluded, certified, agreed) | unusual(agreed.from_(*_before_agreement))
    agreed_to_reconsider = agreed.from_(concluded, certified, agreed) | unusual(agreed.from_(*_before_agreement))
    agreed_to_amend_provision = agreed.from_(concluded, certified, agreed) | unusual(agreed.from_(*_before_agreement))
    agreed_to_amend_placement = agreed.from_(concluded, certified, agreed) | unusual(agreed.from_(*_before_agreement))
    agreed_to_continue_plan = agreed.from_(concluded, certified, agreed) | unusual(agreed.from_(*_before_agreement))
    agreed_to_continue_and_amend = agreed.from_(concluded, certified, agreed) | unusual(
        agreed.from_(*_before_agreement)
    )
    commissioner_agreement_made = agreed.from_(concluded, certified, agreed) | unusual(agreed.from_(*_before_agreement))
    commissioner_action_agreed = agreed.from_(concluded, certified, agreed) | unusual(agreed.from_(*_before_agreement))
    authority_action_agreed = agreed.from_(concluded, certified, agreed) | unusual(agreed.from_(*_before_agreement))
    case_withdrawn = withdrawn.from_.any()
    case_closed = closed.from_.any()


def remarks(casefile: CaseFile) -> list[str]:
    """That no notice of the decision is known, and who has to take part in the mediation."""
    return [*_without_notice(casefile), *_who_takes_part(casefile)]


def _without_notice(casefile: CaseFile) -> list[str]:
    if "appealable_notice_sent" in casefile.seen:
        return []
    return [
        "No notice of the decision is recorded, with which the authority gives notice of the right to mediation (CFA"
        " 2014 s52(2); SEND Regs 2014 reg 32). The family's two months (reg 33) run from it: record"
        " appealable_notice_sent with its day, if there was one."
    ]


def _who_takes_part(casefile: CaseFile) -> list[str]:
    """Every commissioning body that was notified, on the day of the mediation."""
    notified = list(
        dict.fromkeys(str(line.data["body"]) for line in casefile.lines if line.kind == "commissioner_notified")
    )
    if not notified or casefile.state not in ("wanted", "arranged"):
        return []
    fixed = next(
        (str(line.data["meeting_on"]) for line in reversed(casefile.lines) if line.kind == "mediation_arranged"), None
    )
    law = "reg 35(3)" if "health_mediation_wanted" in casefile.seen else "reg 35(4)"
    return [
        f"{' and '.join(notified)} {'has' if len(notified) == 1 else 'have'} to take part in the"
        f" mediation{f' of {fixed}' if fixed else ''} (CFA 2014 s53; SEND Regs 2014 {law}), by somebody who has"
        " authority to resolve the issues (reg 37(1))."
    ]


PROCESS = define_process(
    Mediation,
    name="mediation",
    title="Mediation",
    # 5: a notice sent again; 4: replies, opened by more facts; 3: facts out of order; 2: who does what was agreed.
    version=5,
    out_of_order_from=3,
    facts=[
        *MEDIATION_FACTS,
        *compliance_facts(ALIVE),
        *plan_end_facts(("agreed",)),
    ],
    reactions=[
        *PLAN_REACTIONS,
        *SECTION_G_REACTIONS,
        *PLAN_END_REACTIONS,
    ],
    remarks=remarks,
)
