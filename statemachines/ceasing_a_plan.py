"""Ceasing to maintain a plan (CFA 2014 s45; SEND Regs 2014 reg 31): the facts and guards shared by the cases in which
that is decided.

Reg 31 asks for consultation and for no review, so that it may be decided at any time. The plan continues until the time
to appeal is over, which a mediation certificate may lengthen. If there is an appeal, it continues until that is finally
determined (s45(4)). Ceasing too early is recorded like any fact: the status of the duty, from the statute file, shows
that it was too early.
"""

from collections.abc import Collection

from models.casefile import CaseFile
from models.facts import StoredFact
from statemachines.changed_time_limits import CERTIFICATE_REACTION, MediationCertificate
from statemachines.health_advice import Noted
from statemachines.process import FactDefinition, NoTransition, Reaction, Transition, before


def _appeal_over(casefile: CaseFile, line: StoredFact) -> str | None:
    goes_on = casefile.facts_before(line, "cease_appeal_determined", "cease_appeal_resumed")[-1:]
    determined = any(each.kind == "cease_appeal_determined" for each in goes_on)
    if "cease_appealed" not in casefile.seen or determined:
        return None
    return (
        "an appeal against ceasing stands, and the plan may not cease before it is finally determined (CFA 2014"
        " s45(4)(b)). Lawful then: cease_appeal_determined, or cease_reversed"
    )


def _not_while_appealed(casefile: CaseFile, line: StoredFact) -> str | None:
    """An appeal is over where the decision to cease was reversed: by an order, a concession, or the authority."""
    goes_on = casefile.facts_before(line, "cease_appealed", "cease_appeal_resumed", "cease_reversed")[-1:]
    return _appeal_over(casefile, line) if goes_on and goes_on[0].kind != "cease_reversed" else None


def _appealed(casefile: CaseFile, _line: StoredFact) -> str | None:
    return (
        None
        if "cease_appealed" in casefile.seen
        else "no appeal against ceasing is pending on that day: record cease_appealed first"
    )


def _appealed_once(casefile: CaseFile, line: StoredFact) -> str | None:
    if casefile.facts_before(line, "cease_appealed"):
        return None
    return "no appeal against ceasing was brought by that day that could go on again: record cease_appealed first"


def _decided(casefile: CaseFile, line: StoredFact) -> str | None:
    if casefile.facts_before(line, "cease_decided", "plan_ceased"):
        return None
    return "nothing on this case says by that day that the plan is to cease: record cease_decided first (s45; reg 31)"


def _about_ceasing(casefile: CaseFile, line: StoredFact) -> str | None:
    if line.data.get("decision") in (None, "ceasing"):
        return _decided(casefile, line)
    return (
        "the certificate is of mediation about another decision, and the time to appeal against ceasing is its own"
        " (HESC Rules 2008 r20(1)(c))"
    )


NOTICE = "the authority decides, after it has consulted, and notifies the family (CFA 2014 s45; SEND Regs 2014 reg 31)"
GOES_ON = (
    "an appeal against ceasing goes on again where it is reinstated (HESC Rules 2008 r8(6), r17(4)), or the decision on"
    " it is set aside"
)
AFTER_NOTICE = "the appeal is against a decision to cease, within two months of its notice (HESC Rules 2008 r20(1)(c))"


def cease_facts(
    out_of_order_from: int, ceasing: Collection[str], ceased: Collection[str]
) -> tuple[FactDefinition, ...]:
    """The facts about ceasing, in the order in which they happen. `mediation_certificate_heard` has the day of the
    certificate.

    `out_of_order_from`: the version of the machine that records them out of order. `ceasing`: the states between the
    decision and the end of the plan; `ceased`: those in which an appeal that comes after the end is usual.
    """
    return (
        Transition(
            "cease_decided",
            Noted,
            order=NOTICE,
        ),
        NoTransition(
            "mediation_certificate_heard",
            MediationCertificate,
            accepted_in=ceasing,
            guard=_about_ceasing,
            order="a certificate lengthens the time to appeal against a decision to cease (HESC Rules 2008 r20(1)(c))",
        ),
        NoTransition("cease_appealed", Noted, accepted_in=(*ceasing, *ceased), guard=_decided, order=AFTER_NOTICE),
        NoTransition(
            "cease_appeal_determined", Noted, accepted_in=(*ceasing, *ceased), guard=_appealed, order=AFTER_NOTICE
        ),
        Transition(
            "cease_appeal_resumed",
            Noted,
            accepted_in=(*ceasing, *ceased),
            guard=_appealed_once,
            order=f"{GOES_ON}; the plan may not cease until it is finally determined (CFA 2014 s45(4)(b))",
        ),
        Transition(
            "plan_ceased",
            Noted,
            guard=before(out_of_order_from, _appeal_over),
            warning=_not_while_appealed,
            order="a plan ceases after a decision to cease, and once the time to appeal is over (CFA 2014 s45(4))",
        ),
        Transition(
            "cease_reversed",
            Noted,
            guard=_decided,
            order="a decision to cease is reversed once, by the authority, an order or an agreement (CFA 2014 s45)",
        ),
    )


def _is_of_ceasing(casefile: CaseFile, _fact: StoredFact) -> bool:
    """Whether an appeal is against ceasing."""
    return any(each.data.get("appeal") == "ceasing" for each in casefile.lines)


def _sets_aside_ceasing(casefile: CaseFile, fact: StoredFact) -> bool:
    """Whether a decision on an appeal against ceasing falls as a whole, or the order of it that is named."""
    named = next((each.kind for each in casefile.lines if each.seq == fact.data.get("opened_seq")), None)
    return _is_of_ceasing(casefile, fact) and not (named or "").endswith("recommendation_made")


ABOUT_CEASING = {"appeal": ("ceasing",)}
# Optional: a case in which the plan is not to cease does not need them.
CEASE_REACTIONS = (
    CERTIFICATE_REACTION,
    Reaction("mediation", "agreed_to_continue_plan", "cease_reversed", optional=True),
    Reaction("mediation", "agreed_to_continue_and_amend", "cease_reversed", optional=True),
    Reaction("tribunal", "appeal_registered", "cease_appealed", when=ABOUT_CEASING, optional=True),
    Reaction("tribunal", "extended_appeal_registered", "cease_appealed", when=ABOUT_CEASING, optional=True),
    Reaction("tribunal", "appeal_withdrawn", "cease_appeal_determined", optional=True),
    Reaction("tribunal", "appeal_struck_out", "cease_appeal_determined", optional=True),
    Reaction("tribunal", "appeal_reinstated", "cease_appeal_resumed", optional=True, where=_is_of_ceasing),
    Reaction("tribunal", "decision_set_aside", "cease_appeal_resumed", optional=True, where=_sets_aside_ceasing),
    Reaction("tribunal", "ceasing_upheld", "cease_appeal_determined", optional=True),
    Reaction("tribunal", "ceasing_conceded", "cease_reversed", optional=True),
    Reaction("tribunal", "order_to_continue_made", "cease_reversed", optional=True),
    Reaction("tribunal", "order_to_continue_and_amend_made", "cease_reversed", optional=True),
)
