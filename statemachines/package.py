"""A package of care for a child: proposed, challenged, approved by somebody who may, live, reviewed, and ended.

What it decides: which facts may follow which, what a package costs in a year and who pays, and what is out of order or
missing. It decides no date: reviews after three months and then yearly are local standards, those of a direct payment
are law (SI 2013/1617 reg 14(2)).
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from statemachine import State

from config.text import full_day, in_words
from models.casefile import CaseFile
from models.facts import StoredFact
from models.fields import in_pounds
from models.shares import added, split
from statemachines.direct_payment_facts import PAID, PLAN, direct_payment_facts
from statemachines.items import ITEM, ItemMove, Items
from statemachines.package_facts import (
    AdultDecision,
    CessationNotified,
    ChallengeAnswered,
    ChallengeMade,
    InterimFunder,
    LineEnded,
    LineProposed,
    LineVaried,
    PackageApproved,
    PackageProposed,
    PackageReviewed,
    Said,
    TrueUpAgreed,
    WithReasons,
)
from statemachines.process import NoTransition, OpeningFact, StatutoryMachine, Transition, define_process, unusual

PROPOSED, VARIED, ENDED, NOTICE = "line_proposed", "line_varied", "line_ended", "cessation_notified"


class Package(StatutoryMachine):
    """A package of care (CFA 2014 s26, s42(3), s49; SI 2013/1617; local joint funding procedure).

    Facts without a transition: lines and answers, reviews, who pays meanwhile, what adult services decided, and
    everything about a personal health budget and a direct payment.
    """

    proposed = State("Package proposed", initial=True)
    challenged = State("Challenged")
    agreed = State("Agreed in principle")
    approved = State("Approved")
    refused = State("Refused")
    live = State("Live")
    varied = State("Variation proposed")
    ceasing = State("Ceasing on notice")
    ended = State("Ended")
    withdrawn = State("Withdrawn", final=True)
    closed = State("Closed", final=True)

    challenge_made = proposed.to(challenged) | challenged.to(challenged) | agreed.to(challenged) | varied.to(varied)
    agreed_in_principle = agreed.from_(proposed, challenged)
    package_returned = proposed.from_(challenged, agreed)
    package_approved = agreed.to(approved) | varied.to(live) | unusual(approved.from_(proposed, challenged, refused))
    package_refused = refused.from_(proposed, challenged, agreed) | varied.to(live)
    package_went_live = approved.to(live) | unusual(live.from_(proposed, challenged, agreed, refused))
    variation_proposed = live.to(varied)
    cessation_notified = ceasing.from_(live, varied)
    cessation_taken_back = ceasing.to(live)
    package_ended = ceasing.to(ended) | unusual(ended.from_(approved, live, varied))
    case_withdrawn = withdrawn.from_.any()
    case_closed = closed.from_.any()


BEFORE = ("proposed", "challenged", "agreed", "approved", "refused")
RUNNING = ("live", "varied", "ceasing")
ALIVE = (*BEFORE, *RUNNING, "ended")
NOT_LIVE = dict.fromkeys(BEFORE, "the package was not live by that day: record package_went_live first")
NEVER_AFTER_END = dict.fromkeys(("ended",), "the package had ended by that day")
LOCAL = "(local joint funding procedure)"
ITEMS = Items(
    "line",
    {
        "proposed": "Proposed",
        "ended": "Ended",
        "asked": "Question asked",
        "answered": "Question answered",
    },
    (
        ItemMove(PROPOSED, "proposed"),
        ItemMove(VARIED, None, ("proposed",), f"a line that ended is not varied: propose another {LOCAL}"),
        ItemMove(ENDED, "ended", ("proposed",), f"a line ends once {LOCAL}"),
        ItemMove("challenge_made", "asked", called="challenge"),
        ItemMove("challenge_answered", "answered", ("asked",), f"a question is answered once {LOCAL}", "challenge"),
    ),
)


Lines = dict[str, dict[str, Any]]


def lines_of(facts: Iterable[StoredFact]) -> Lines:
    """The terms of each line that has not ended by these facts, with every variation applied, by its code."""
    terms: Lines = {}
    for fact in facts:
        code = fact.data.get(ITEM)
        if fact.kind == PROPOSED:
            terms[fact.data[ITEM]] = dict(fact.data)
        elif fact.kind == VARIED and code in terms:
            terms[fact.data[ITEM]] |= fact.data
        elif fact.kind == ENDED:
            terms.pop(fact.data[ITEM], None)
    return terms


def lines_before(casefile: CaseFile, fact: StoredFact) -> Lines:
    """The terms of each line that had not ended before a fact."""
    return lines_of(casefile.facts_before(fact, PROPOSED, VARIED, ENDED))


def yearly_pence(terms: Mapping[str, Any]) -> int | None:
    """What a line costs in a year, in whole pence: units, by price, by periods. None where one of them is missing."""
    if not {"quantity", "times_a_year", "unit_cost_pence"} <= terms.keys():
        return None
    return int(terms["quantity"]) * int(terms["times_a_year"]) * int(terms["unit_cost_pence"])


def cost_of(lines: Lines) -> tuple[int, dict[str, int]]:
    """What the lines of a package cost in a year, and what each funder pays: whole pence, which sum to it.

    Each line is split by its own shares. A line without a frequency costs nothing yet.
    """
    total, paid = 0, dict[str, int]()
    for terms in lines.values():
        cost = yearly_pence(terms)
        if cost is not None:
            total, paid = total + cost, added(paid, split(cost, terms["shares"]))
    return total, paid


def _beyond_limit(casefile: CaseFile, fact: StoredFact) -> str | None:
    cost, limit = cost_of(lines_before(casefile, fact))[0], int(fact.data["limit_pence"])
    if cost <= limit:
        return None
    return (
        f"the package costs {in_pounds(cost)} a year, and the delegated limit of {_words(fact.data['approver'])} is"
        f" {in_pounds(limit)} (local scheme of delegation)"
    )


def _open_question(casefile: CaseFile, fact: StoredFact) -> str | None:
    del fact
    waiting = [code for code, item in casefile.items.items() if item.state == "asked"]
    return f"no answer to {', '.join(waiting)} is recorded {LOCAL}" if waiting else None


def remarks(casefile: CaseFile) -> list[str]:
    """What a package costs and who pays, and what is missing in it."""
    return [
        *_cost(casefile),
        *_missing_in_section_g(casefile),
        *_therapy_charged_to_health(casefile),
        *_ends_in_childhood(casefile),
        *_meanwhile(casefile),
        *_unplanned(casefile),
    ]


def _cost(casefile: CaseFile) -> Iterator[str]:
    total, paid = cost_of(lines_of(casefile.lines))
    if total:
        who = "; ".join(f"{_words(funder)} {in_pounds(pence)}" for funder, pence in paid.items())
        yield f"The package costs {in_pounds(total)} a year: {who}."


def _missing_in_section_g(casefile: CaseFile) -> Iterator[str]:
    for code, terms in lines_of(casefile.lines).items():
        lacks = [
            words
            for words, there in (
                ("frequency", {"quantity", "per"} <= terms.keys()),
                ("provider", "provider" in terms or "provider_name" in terms),
                ("start", "starts_on" in terms),
            )
            if not there
        ]
        if terms["basis"] == "section_g" and lacks:
            yield f"Line {code} is of section G and has no {' and no '.join(lacks)}: nobody could say when it is late."


def _therapy_charged_to_health(casefile: CaseFile) -> Iterator[str]:
    for code, terms in lines_of(casefile.lines).items():
        if terms["basis"] == "section_f_therapy" and any(each.startswith("health=") for each in terms["shares"]):
            yield f"Line {code} is of section F and charged to health: the authority secures it (CFA 2014 s42(2))."


def _ends_in_childhood(casefile: CaseFile) -> Iterator[str]:
    if any(fact.kind == "adult_decision_made" for fact in casefile.lines):
        return
    ends: list[tuple[str, Mapping[str, Any]]] = [
        (f"Line {code}", terms) for code, terms in lines_of(casefile.lines).items()
    ]
    ends += [("The package", fact.data) for fact in casefile.lines if fact.kind == NOTICE][-1:]
    for what, terms in ends:
        if terms.get("under_18_at_end") == "yes" and "ends_on" in terms:
            yield f"{what} ends on {full_day_of(terms)}, before the 18th birthday, and no adult decision is recorded."


def full_day_of(terms: Mapping[str, Any]) -> str:
    """The day on which it ends, in words."""
    return full_day(date.fromisoformat(str(terms["ends_on"])))


def _meanwhile(casefile: CaseFile) -> Iterator[str]:
    last = [fact for fact in casefile.lines if fact.kind in ("interim_funder_named", "true_up_agreed")][-1:]
    if last and last[0].kind == "interim_funder_named":
        yield f"{_words(last[0].data['funder']).capitalize()} pays meanwhile, without prejudice to who has to pay."


def _unplanned(casefile: CaseFile) -> Iterator[str]:
    if PAID in casefile.seen and PLAN not in casefile.seen:
        yield "A direct payment is made and no care plan is recorded (SI 2013/1617 reg 8(1))."


def _words(value: object) -> str:
    return in_words(str(value))


PROCESS = define_process(
    Package,
    name="package",
    title="Package of care",
    record_class="continuing_care",
    version=1,
    items=ITEMS,
    remarks=remarks,
    facts=[
        OpeningFact("package_proposed", PackageProposed),
        NoTransition(
            PROPOSED,
            LineProposed,
            accepted_in=("proposed", "challenged", "varied"),
            order=f"a line of an agreed package is added by a variation {LOCAL}",
        ),
        NoTransition(
            VARIED,
            LineVaried,
            accepted_in=("proposed", "challenged", "varied"),
            order=f"a line of an agreed package is changed by a variation {LOCAL}",
        ),
        NoTransition(ENDED, LineEnded, accepted_in=ALIVE),
        Transition(
            "challenge_made", ChallengeMade, order=f"questions are asked before the package is approved {LOCAL}"
        ),
        NoTransition("challenge_answered", ChallengeAnswered, accepted_in=ALIVE),
        Transition(
            "agreed_in_principle",
            Said,
            warning=_open_question,
            order=f"a package is agreed in principle once, before it is approved {LOCAL}",
        ),
        Transition("package_returned", WithReasons, order=f"a package goes back before it is approved {LOCAL}"),
        Transition(
            "package_approved",
            PackageApproved,
            warning=_beyond_limit,
            impossible_in=NEVER_AFTER_END,
            order=f"a package is agreed in principle first, and approved once {LOCAL}",
        ),
        Transition(
            "package_refused",
            WithReasons,
            impossible_in=NEVER_AFTER_END,
            order=f"a package is refused before it is approved {LOCAL}",
        ),
        Transition(
            "package_went_live",
            Said,
            impossible_in=NEVER_AFTER_END,
            order=f"a package starts once, after it was approved {LOCAL}",
        ),
        NoTransition(
            "package_reviewed",
            PackageReviewed,
            accepted_in=RUNNING,
            impossible_in=NOT_LIVE,
            order=f"a package is reviewed while it lasts {LOCAL}",
        ),
        Transition(
            "variation_proposed",
            Said,
            impossible_in=NOT_LIVE | NEVER_AFTER_END,
            order=f"a variation is proposed once, and decided before another {LOCAL}",
        ),
        Transition(
            NOTICE,
            CessationNotified,
            impossible_in=NOT_LIVE | NEVER_AFTER_END,
            order=f"notice is given once: take it back with cessation_taken_back {LOCAL}",
        ),
        Transition(
            "cessation_taken_back",
            Said,
            impossible_in=dict.fromkeys((*BEFORE, "live", "varied"), "no notice was given by that day")
            | NEVER_AFTER_END,
        ),
        Transition(
            "package_ended",
            Said,
            impossible_in={
                **dict.fromkeys(
                    ("proposed", "challenged", "agreed", "refused"), "the package was not live by that day"
                ),
                **NEVER_AFTER_END,
            },
            order=f"a package ends on notice {LOCAL}",
        ),
        NoTransition("interim_funder_named", InterimFunder, accepted_in=ALIVE),
        NoTransition("true_up_agreed", TrueUpAgreed, accepted_in=ALIVE),
        NoTransition("adult_decision_made", AdultDecision, accepted_in=ALIVE),
        *direct_payment_facts(ALIVE),
    ],
)
