"""What the facts of a mediation say, where the law foresees them, and what cannot be true or is out of order (CFA 2014
s52 to s56; SEND Regs 2014 regs 32 to 42).

It decides no date. Guards of the earlier versions refused what does happen; this version records it with a warning.
"""

from datetime import date
from typing import ClassVar, Literal

from models.casefile import CaseFile
from models.common_facts import COMMISSIONERS, Opening
from models.facts import Code, FactData, FreeTextField, Slug, StoredFact
from statemachines.changed_time_limits import section_g_amended
from statemachines.health_advice import Noted
from statemachines.process import IS_DONE, FactDefinition, NoTransition, OpeningFact, Transition, before
from statemachines.section_g import section_g_facts


class AboutDecision(Opening):
    """Something about the mediation of a decision, which opens a case where no notice of that decision is known."""

    decision: (
        Literal[
            "refusal_to_assess",
            "refusal_to_issue",
            "contents_of_plan",
            "refusal_to_reassess",
            "refusal_to_amend",
            "ceasing",
        ]
        | None
    ) = None


class AppealableNoticeSent(AboutDecision):
    """The authority sent notice of a decision that can be appealed. Its day is the day sent or the date of the notice,
    whichever is earlier (reg 34(2)).
    """


class Acted(AboutDecision, Noted):
    """Something that the family, the authority or the adviser did."""


class CommissionerNotified(AboutDecision):
    """A commissioning body received the authority's notice of the issues and of the provision wanted (reg 35(2)); its
    day is that body's own receipt.
    """

    body: Code
    issues: Literal["health_only", "mixed"]
    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})
    BOUND_BODY_KINDS: ClassVar[frozenset[str]] = COMMISSIONERS


class MediationArranged(AboutDecision):
    """Mediation has been arranged for a day to come. `body` where a commissioning body arranged it; bodies that arrange
    jointly need no name.
    """

    meeting_on: date
    body: Code | None = None
    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})
    BOUND_BODY_KINDS: ClassVar[frozenset[str]] = COMMISSIONERS


class ShorterNoticeAgreed(Noted):
    """The parent or young person agreed to shorter notice than five working days (reg 37(2)): by which day."""

    agreed_on: date


class CommissionerAgreed(AboutDecision):
    """A commissioning body agreed to do something that no appeal could have reached, such as provision in section G
    (reg 42(3)).

    `agreed_on`: another day that the parties agreed in writing (reg 42(5)).
    """

    body: Code
    agreed_on: date | None = None
    what: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"what"})
    BOUND_BODY_KINDS: ClassVar[frozenset[str]] = COMMISSIONERS


class AuthorityAgreed(AboutDecision):
    """The authority agreed to do something that no appeal could have reached (reg 42(3))."""

    agreed_on: date | None = None
    what: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"what"})


class AgreedActionDone(FactData):
    """What was agreed has been done: by the body named, or by the authority where none is."""

    body: Code | None = None
    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})
    BOUND_BODY_KINDS: ClassVar[frozenset[str]] = COMMISSIONERS


class AuthorityInformed(FactData):
    """A commissioning body informed the authority, no party to the agreement, of what was agreed (reg 42(4))."""

    body: Code
    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})
    BOUND_BODY_KINDS: ClassVar[frozenset[str]] = COMMISSIONERS


class OtherTimeAgreed(FactData):
    """The parties agreed in writing on another time for one duty of the agreement (reg 42(5)): which rule,
    and the day.
    """

    rule: Slug
    agreed_on: date
    body: Code | None = None
    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})


ROUTES = {
    "health_only": ("health_mediation_wanted", "health issues alone"),
    "mixed": ("mixed_mediation_wanted", "health among other issues"),
}


def _route(casefile: CaseFile, line: StoredFact) -> str | None:
    wanted, words = ROUTES[line.data["issues"]]
    if wanted in casefile.seen:
        return None
    return (
        f"a commissioning body is notified of {words} where mediation is wanted on {words} (reg 35): this case has no"
        f" {wanted}"
    )


def _once(casefile: CaseFile, line: StoredFact) -> str | None:
    """A case is about one decision. Machines before version 5 took its notice once."""
    earlier = casefile.facts_before(line, "appealable_notice_sent")
    about = {each.data.get("decision") for each in (*earlier, line)} - {None}
    if not earlier or (casefile.machine >= 5 and len(about) < 2):
        return None
    return "this case has the notice of its decision already: the notice of another decision opens a case of its own"


def _sent_again(casefile: CaseFile, line: StoredFact) -> str | None:
    if not casefile.facts_before(line, "appealable_notice_sent"):
        return None
    return (
        "notice of this decision was sent before, and the family's two months run from the first (SEND Regs 2014 reg"
        " 33); if the first was no notice, withdraw it: fact_withdrawn"
    )


def _deemed(casefile: CaseFile, line: StoredFact) -> str | None:
    if "health_mediation_wanted" not in casefile.seen:
        return None
    return (
        "reg 39(2) lets the authority say that it cannot arrange mediation in time only where reg 35(4) or 36(2) lays"
        " it on the authority; on health issues alone the commissioning bodies must arrange it (reg 35(3)), and no"
        " certificate is deemed. Lawful: mediation_arranged, or mediation_declined"
    )


def _certified_otherwise(casefile: CaseFile, line: StoredFact) -> str | None:
    """Reg 39(3): a certificate may be followed by mediation where the authority could not arrange it in time."""
    if casefile.state != "certified" or "mediation_cannot_be_arranged" in casefile.seen:
        return None
    return DEEMED


def _mediated(casefile: CaseFile, line: StoredFact) -> str | None:
    if "mediation_concluded" in casefile.seen:
        return None
    return (
        "an agreement is made in mediation (reg 42), and on this case none has concluded: the certificate was issued"
        " without one"
    )


def _agreed_by(casefile: CaseFile, line: StoredFact) -> str | None:
    """The body that agreed does what was agreed. The first version of the machine did not check this."""
    body = line.data.get("body")
    if casefile.machine < 2:
        return None
    if body is None and any(each.kind == "authority_action_agreed" for each in casefile.lines):
        return None
    bodies = [
        str(each.data["body"])
        for each in casefile.lines
        if each.kind in ("commissioner_agreement_made", "commissioner_action_agreed")
    ]
    if body in bodies:
        return None
    named = (
        f"a commissioning body did: name it, for example --data body={bodies[0]}"
        if bodies
        else "record what was agreed first"
    )
    return (
        f"{'the authority' if body is None else 'this body'} agreed to nothing of the sort on this case (reg 42(3));"
        f" {named}"
    )


def _informed_by_party(casefile: CaseFile, line: StoredFact) -> str | None:
    if casefile.machine < 2 or any(
        each.kind == "commissioner_agreement_made" and each.data["body"] == line.data["body"] for each in casefile.lines
    ):
        return None
    return (
        "reg 42(4) asks this of a body that made an agreement to which the authority was no party: record its"
        " commissioner_agreement_made first"
    )


def _without_authority(casefile: CaseFile, line: StoredFact) -> str | None:
    if "health_mediation_wanted" in casefile.seen:
        return _mediated(casefile, line)
    return (
        "reg 42(4) is about an agreement to which the authority is no party, which comes of mediation on health issues"
        " alone; here the authority takes part: record commissioner_action_agreed"
    )


APPEALABLE = (
    "agreed_to_assess",
    "agreed_to_reassess",
    "agreed_to_make_plan",
    "agreed_to_reconsider",
    "agreed_to_amend_provision",
    "agreed_to_amend_placement",
    "agreed_to_continue_plan",
    "agreed_to_continue_and_amend",
)
ALIVE = ("notified", "contacted", "declined", "wanted", "arranged", "unarranged", "concluded", "certified", "agreed")
NOT_MEDIATED = before(3, _mediated)
DEEMED = (
    "mediation is arranged before the certificate, or after one that was issued because it could not be arranged in"
    " time (SEND Regs 2014 regs 35, 36(2), 39(3)); where the family wants it later, it can be arranged all the same"
)
NOTICE_FIRST = (
    "the authority gives notice of the decision and of the right to mediation first (CFA 2014 s52(2); SEND Regs 2014"
    " reg 32); the two months of reg 33 run from it"
)
MADE_IN_MEDIATION = "an agreement is made in mediation (reg 42), so that mediation_concluded comes first"
ARRANGED_FIRST = "the family is informed of date and place of mediation that has been arranged (reg 37(2))"
AGREED_FIRST = "what is done under an agreement follows the agreement (reg 42(3), (4))"
WANTED_ONCE = (
    "the family says once, before its certificate, whether it wants mediation and on which issues (CFA 2014 s53, s54;"
    " SEND Regs 2014 reg 34(1)); what it wants later can be arranged all the same"
)
NO_AGREEMENT_YET = dict.fromkeys(
    ("notified", "contacted", "declined", "wanted", "arranged", "unarranged", "concluded", "certified"),
    "no agreement is recorded on this case: record what was agreed first, for example commissioner_action_agreed",
)

MEDIATION_FACTS: tuple[FactDefinition, ...] = (
    OpeningFact("appealable_notice_sent", AppealableNoticeSent, guard=_once, warning=_sent_again, order=NOTICE_FIRST),
    Transition(
        "adviser_contacted",
        Acted,
        opens_in="contacted",
        order="the family contacts the adviser before it says whether it wants mediation (SEND Regs 2014 reg 33)",
    ),
    Transition(
        "mediation_declined",
        Acted,
        opens_in="declined",
        order="the family declines mediation before it takes place, and the certificate follows (reg 34(1))",
    ),
    *(
        Transition(kind, Acted, opens_in="wanted", order=WANTED_ONCE)
        for kind in ("education_mediation_wanted", "mixed_mediation_wanted", "health_mediation_wanted")
    ),
    NoTransition(
        "commissioner_notified",
        CommissionerNotified,
        opens_in="wanted",
        accepted_in=("wanted", "arranged"),
        guard=before(3, _route),
        warning=_route,
        order="a commissioning body is notified once mediation with health issues is wanted (reg 35(2))",
    ),
    Transition(
        "mediation_arranged",
        MediationArranged,
        opens_in="arranged",
        warning=_certified_otherwise,
        order="mediation is arranged once the family wants it, and on which issues (CFA 2014 s53, s54)",
    ),
    NoTransition("mediation_date_told", Noted, accepted_in=("arranged", "concluded"), order=ARRANGED_FIRST),
    NoTransition("shorter_notice_agreed", ShorterNoticeAgreed, accepted_in=("arranged",), order=ARRANGED_FIRST),
    Transition(
        "mediation_cannot_be_arranged",
        Acted,
        opens_in="unarranged",
        guard=before(3, _deemed),
        warning=_deemed,
        order="the authority says that it cannot arrange mediation in time once the family wants it, and before the"
        " certificate (reg 39(2), (3))",
    ),
    Transition(
        "mediation_concluded", Acted, opens_in="concluded", order="only mediation that was arranged can conclude"
    ),
    Transition(
        "certificate_issued",
        Acted,
        opens_in="certified",
        order="a certificate follows where mediation is not wanted (reg 34), has concluded (reg 39(1)) or cannot be"
        " arranged (reg 39(3))",
    ),
    *(
        Transition(kind, Acted, opens_in="agreed", guard=NOT_MEDIATED, warning=_mediated, order=MADE_IN_MEDIATION)
        for kind in APPEALABLE
    ),
    Transition(
        "commissioner_agreement_made",
        CommissionerAgreed,
        opens_in="agreed",
        guard=before(3, _without_authority),
        warning=_without_authority,
        order=MADE_IN_MEDIATION,
    ),
    Transition(
        "commissioner_action_agreed",
        CommissionerAgreed,
        opens_in="agreed",
        guard=before(3, _mediated),
        warning=_mediated,
        order=MADE_IN_MEDIATION,
    ),
    Transition(
        "authority_action_agreed",
        AuthorityAgreed,
        opens_in="agreed",
        guard=before(3, _mediated),
        warning=_mediated,
        order=MADE_IN_MEDIATION,
    ),
    NoTransition(
        "agreed_action_done",
        AgreedActionDone,
        accepted_in=("agreed",),
        impossible_in=NO_AGREEMENT_YET,
        guard=before(3, _agreed_by),
        warning=_agreed_by,
        order=AGREED_FIRST,
        says=IS_DONE,
    ),
    NoTransition(
        "la_told_of_agreement",
        AuthorityInformed,
        accepted_in=("agreed",),
        impossible_in=NO_AGREEMENT_YET,
        guard=before(3, _informed_by_party),
        warning=_informed_by_party,
        order=AGREED_FIRST,
        says=IS_DONE,
    ),
    NoTransition(
        "other_time_agreed",
        OtherTimeAgreed,
        accepted_in=("agreed",),
        impossible_in=NO_AGREEMENT_YET,
        order="reg 42(5): the parties may agree in writing on another time for what regs 42(2) and (3) ask;"
        " the week of reg 42(4) does not change",
    ),
    *section_g_facts(ALIVE, first=section_g_amended),
)
