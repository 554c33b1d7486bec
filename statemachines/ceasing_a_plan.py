"""Ceasing to maintain a plan (CFA 2014 s45; SEND Regs 2014 reg 31): the facts and guards shared by the cases in which
that is decided.

The plan goes on until the time to appeal is over, which a mediation certificate may lengthen, and while an appeal
stands until that is finally determined (s45(4)). A day on which it ceased too early is still a fact: the standing says
so, by the statute file.
"""

from collections.abc import Mapping
from types import MappingProxyType

from models.casefile import CaseFile
from models.facts import FactData, StoredFact
from statemachines.changed_time_limits import CERTIFICATE_AS_HEARD, CertificateHeard
from statemachines.health_advice import Noted
from statemachines.process import FieldMapping, Guard

# In the order in which they come; `mediation_certificate_heard` bears the day of the certificate.
CEASE_FACTS: Mapping[str, type[FactData]] = MappingProxyType(
    dict.fromkeys(
        (
            "cease_decided",
            "mediation_certificate_heard",
            "cease_appealed",
            "cease_appeal_determined",
            "plan_ceased",
            "cease_reversed",
        ),
        Noted,
    )
    | {"mediation_certificate_heard": CertificateHeard}
)


def _appeal_over(casefile: CaseFile, _line: StoredFact) -> str | None:
    if "cease_appealed" not in casefile.seen or "cease_appeal_determined" in casefile.seen:
        return None
    return (
        "an appeal against ceasing stands, and the plan may not cease before it is finally determined (CFA 2014"
        " s45(4)(b)). Lawful then: cease_appeal_determined, or cease_reversed"
    )


def _appealed(casefile: CaseFile, _line: StoredFact) -> str | None:
    return (
        None
        if "cease_appealed" in casefile.seen
        else "no appeal against ceasing stands on that day: record cease_appealed first"
    )


def _about_ceasing(_casefile: CaseFile, line: StoredFact) -> str | None:
    if line.data.get("decision") in (None, "ceasing"):
        return None
    return (
        "the certificate is of mediation about another decision, and the time to appeal against ceasing is its own"
        " (HESC Rules 2008 r20(1)(c))"
    )


CEASE_GUARDS: Mapping[str, Guard] = MappingProxyType(
    {"mediation_certificate_heard": _about_ceasing, "plan_ceased": _appeal_over, "cease_appeal_determined": _appealed}
)
CEASE_STAYS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    dict.fromkeys(("mediation_certificate_heard", "cease_appealed", "cease_appeal_determined"), ("ceasing",))
)
# What mediation and the Tribunal tell a case in which the plan is to cease, and any other case not at all.
CEASE_HEARS: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("mediation", "certificate_issued"): "mediation_certificate_heard",
        ("mediation", "agreed_to_continue_plan"): "cease_reversed",
        ("mediation", "agreed_to_continue_and_amend"): "cease_reversed",
        ("tribunal", "appeal_registered"): "cease_appealed",
        ("tribunal", "extended_appeal_registered"): "cease_appealed",
        ("tribunal", "appeal_withdrawn"): "cease_appeal_determined",
        ("tribunal", "ceasing_upheld"): "cease_appeal_determined",
        ("tribunal", "ceasing_conceded"): "cease_reversed",
        ("tribunal", "order_to_continue_made"): "cease_reversed",
        ("tribunal", "order_to_continue_and_amend_made"): "cease_reversed",
    }
)
CEASE_HEARS_IF: Mapping[tuple[str, str], Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {cause: {"appeal": ("ceasing",)} for cause, kind in CEASE_HEARS.items() if kind == "cease_appealed"}
)
CEASE_HEARS_AS: Mapping[tuple[str, str], FieldMapping] = MappingProxyType(
    {("mediation", "certificate_issued"): CERTIFICATE_AS_HEARD}
)
CEASE_QUIETLY = ("mediation_certificate_heard", "cease_appealed", "cease_appeal_determined", "cease_reversed")
