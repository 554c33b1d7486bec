"""What cannot be true of a Tribunal case, and what is out of order on one, by its fields and by what came before (CFA
2014 s51; SEND Regs 2014 regs 43 to 45; SI 2017/1306).

It decides no date. The first version refused some of what does happen; later ones record it with a warning.
"""

from collections.abc import Mapping
from datetime import date

from models.casefile import CaseFile
from models.facts import StoredFact
from statemachines.health_advice import is_outstanding
from statemachines.process import Guard, Warn

REQUEST = "health_evidence_requested"
CONCEDED: Mapping[str, tuple[str, ...]] = {
    "refusal_to_assess_conceded": ("refusal_to_assess",),
    "refusal_to_reassess_conceded": ("refusal_to_reassess",),
    "refusal_to_issue_conceded": ("refusal_to_issue",),
    "contents_conceded": ("contents", "refusal_to_amend"),
    "placement_conceded": ("placement",),
    "placement_and_contents_conceded": ("placement_and_contents",),
    "ceasing_conceded": ("ceasing",),
}
CONTENTS = ("contents", "placement", "placement_and_contents")
PLAN_IN_FORCE = (*CONTENTS, "refusal_to_amend", "ceasing")
ORDERS: Mapping[str, tuple[str, ...]] = {
    "order_to_assess_made": ("refusal_to_assess",),
    "order_to_reassess_made": ("refusal_to_reassess",),
    "order_to_make_plan_made": ("refusal_to_issue",),
    "order_to_reconsider_made": ("refusal_to_issue",),
    "order_to_amend_provision_made": PLAN_IN_FORCE,
    "order_to_amend_placement_made": PLAN_IN_FORCE,
    "order_to_continue_made": ("ceasing",),  # reg 43(2)(e) as amended: s51(2)(f) only
    "order_to_continue_and_amend_made": PLAN_IN_FORCE,
    "ceasing_upheld": ("ceasing",),
}
DECISIONS = (*ORDERS, "appeal_dismissed", "claim_decided")
RECOMMENDED_BY = ("health_recommendation_made", "social_care_recommendation_made")
# What ends an appeal without a decision on it, and may be taken back.
ENDS_WITHOUT_DECISION = ("appeal_withdrawn", "appeal_struck_out", *CONCEDED)
APPEALS = ("appeal_received", "appeal_registered", "extended_appeal_registered")
NO_RECOMMENDATION = (
    "on an appeal against a refusal to assess the Tribunal cannot make recommendations about health or social care (SI"
    " 2017/1306 regs 4, 5)"
)
DIRECTIONS = {"evidence_filed": "evidence_directed", "bundle_received": "bundle_directed"}


def _appeal(casefile: CaseFile, line: StoredFact) -> str | None:
    """What is appealed before a fact, as it was registered or amended."""
    before = reversed(casefile.facts_before(line, "appeal_registered", "extended_appeal_registered", "appeal_amended"))
    return next((str(each.data["appeal"]) for each in before), None)


def any_of(*guards: Guard) -> Guard:
    """One guard of several: the first reason that one of them gives."""

    def guard(casefile: CaseFile, line: StoredFact) -> str | None:
        return next((reason for each in guards if (reason := each(casefile, line)) is not None), None)

    return guard


def since(version: int, guard: Guard) -> Guard:
    """A guard of this version of the machine and of later ones: earlier ones had no such fact in such a state."""

    def later(casefile: CaseFile, line: StoredFact) -> str | None:
        return guard(casefile, line) if casefile.machine >= version else None

    return later


def of_the_decision(casefile: CaseFile, line: StoredFact) -> str | None:
    """An appeal is against the decision that the case opened with: one about the contents of a plan may be about its
    parts.
    """
    decided = next(
        (str(past.data["decision"]) for past in casefile.facts_before(line) if past.data.get("decision")), None
    )
    lawful = CONTENTS if decided == "contents_of_plan" else (decided,)
    if decided is None or line.data["appeal"] in lawful:
        return None
    return (
        f"the decision on this case is about {_listed((decided,))}: expected --data"
        f" appeal={' or '.join(map(str, lawful))} (CFA 2014 s51(2))"
    )


def of_this_appeal(casefile: CaseFile, line: StoredFact) -> str | None:
    """A notice that comes again, or after the appeal, is of the decision that this case is about."""
    decision, appeal = line.data["decision"], _appeal(casefile, line)
    others = [each.data["decision"] for each in casefile.facts_before(line, "decision_notified")]
    of_appeal = appeal is None or appeal in (CONTENTS if decision == "contents_of_plan" else (decision,))
    if of_appeal and all(each == decision for each in others):
        return None
    return "this case is about another decision (CFA 2014 s51(2)): the notice of this one opens a case of its own"


def sent_again(casefile: CaseFile, line: StoredFact) -> str | None:
    """Only the first notice gives the family its time."""
    if not casefile.facts_before(line, "decision_notified"):
        return None
    return (
        "notice of this decision was sent before, and the time to appeal runs from the first (HESC Rules 2008"
        " r20(1)(c)); if the first was no notice, withdraw it: fact_withdrawn"
    )


def had_ceased(casefile: CaseFile, line: StoredFact) -> str | None:
    """Only a plan that had ceased goes on again."""
    if casefile.facts_before(line, "plan_ceased"):
        return None
    return "only a plan that had ceased goes on again: record plan_ceased first"


def about_this_decision(casefile: CaseFile, line: StoredFact) -> str | None:
    """A certificate lengthens the time to appeal against the decision that the mediation was about, and against no
    other (r20(1)(c)).
    """
    decided = next((past for past in casefile.lines if past.kind == "decision_notified"), None)
    about, notice = line.data.get("decision"), line.data.get("notice_on")
    if decided is None or (
        about in (None, decided.data["decision"])
        and (notice is None or _near(date.fromisoformat(notice), decided.occurred_on))
    ):
        return None
    return (
        "the certificate is of mediation about another decision, and the time to appeal against this one is its own"
        " (HESC Rules 2008 r20(1)(c))"
    )


def _near(one: date, other: date) -> bool:
    """Whether two days may be those of one notice: the date that it bears and the day that it was sent lie apart, but
    never by a month.
    """
    return abs((one - other).days) < 31


def can_be_extended(casefile: CaseFile, line: StoredFact) -> str | None:
    if line.data["appeal"] != "refusal_to_assess":
        return of_the_decision(casefile, line)
    return f"{NO_RECOMMENDATION}; record it as appeal_registered"


def goes_with(kinds: Mapping[str, tuple[str, ...]], provision: str) -> Guard:
    """A guard: an order or a concession is of an appeal that can end in it. There is no order to assess where there is
    a plan.
    """

    def guard(casefile: CaseFile, line: StoredFact) -> str | None:
        appeal, lawful = _appeal(casefile, line), kinds[line.kind]
        if appeal is None or appeal in lawful:
            return None
        others = sorted(kind for kind, appeals in kinds.items() if appeal in appeals)
        return (
            f"{provision} has it only of an appeal about {_listed(lawful)}, and this one is about {_listed((appeal,))}."
            f" Lawful of that: {', '.join(others) or 'none of these'}"
        )

    return guard


def _listed(appeals: tuple[str, ...]) -> str:
    return " or ".join(appeal.replace("_", " ") for appeal in appeals)


def may_recommend(casefile: CaseFile, line: StoredFact) -> str | None:
    return None if _appeal(casefile, line) != "refusal_to_assess" else NO_RECOMMENDATION


def _appealed(casefile: CaseFile, line: StoredFact) -> str | None:
    """Nothing is done in an appeal before there is one (CFA 2014 s51(1); HESC Rules 2008 r20)."""
    if casefile.state != "decided" or "appeal_received" in casefile.seen:
        return None
    return (
        "no appeal is known on this case: record appeal_received or appeal_registered with its own day first (CFA 2014"
        " s51(1); HESC Rules 2008 r20)"
    )


appealed = since(2, _appealed)


def _known(casefile: CaseFile, line: StoredFact, kinds: tuple[str, ...]) -> bool:
    return any(past.kind in kinds for past in casefile.facts_before(line))


def was_over(casefile: CaseFile, line: StoredFact) -> str | None:
    """Only an appeal that is over can be reinstated (HESC Rules 2008 r8(6), r17(4))."""
    if _known(casefile, line, (*ENDS_WITHOUT_DECISION, *DECISIONS)):
        return None
    return (
        "only an appeal that is over can be reinstated (HESC Rules 2008 r8(6), r17(4)): record how it ended first, for"
        " example appeal_struck_out or appeal_withdrawn"
    )


def was_decided(casefile: CaseFile, line: StoredFact) -> str | None:
    """Only a decision that was made can be set aside; in part, only a part that was made."""
    part = line.data.get("opened_seq")
    parts = casefile.facts_before(line, *DECISIONS, *RECOMMENDED_BY)
    if part is not None and part not in {each.seq for each in parts}:
        return "opened_seq is the number of the order or recommendation that fell, and no such fact comes before it"
    if _known(casefile, line, DECISIONS):
        return None
    return "only a decision that was made can be set aside: record it first, for example appeal_dismissed"


def decided_already(casefile: CaseFile, line: StoredFact) -> str | None:
    """A second hearing follows only where the decision fell."""
    if casefile.state not in ("ordered", "dismissed") or casefile.seen & {"permission_granted", "decision_set_aside"}:
        return None
    return (
        "the appeal has been decided; another hearing follows where the decision is set aside (Tribunals, Courts and"
        " Enforcement Act 2007 s9, s12(2)): record permission_granted or decision_set_aside with its own day"
    )


def not_over(casefile: CaseFile, line: StoredFact) -> str | None:
    """The first version of the machine took no direction after a decision."""
    if casefile.state not in ("ordered", "dismissed"):
        return None
    return "the appeal has been decided on that day, and nothing more is directed in it"


def after_response(casefile: CaseFile, line: StoredFact) -> str | None:
    """Reg 45(1): before the authority submits a response."""
    if "la_responded" not in casefile.seen:
        return None
    return (
        "reg 45(1) asks that the authority says so before it submits a response, and it has submitted one: the appeal"
        " goes on until an order, by consent where the parties agree, and no time of reg 45 runs"
    )


def applied_for(casefile: CaseFile, line: StoredFact) -> str | None:
    if casefile.seen & {"permission_applied", "ut_permission_applied"}:
        return None
    return (
        "permission is granted or refused on an application (Tribunals, Courts and Enforcement Act 2007 s11(4)): record"
        " permission_applied with its own day"
    )


def recommended(casefile: CaseFile, line: StoredFact) -> str | None:
    """An answer to a recommendation has a recommendation to the same body before it."""
    made = (past for past in casefile.facts_before(line) if past.kind == "health_recommendation_made")
    if any(past.data["body"] == line.data["body"] for past in made):
        return None
    return (
        "no recommendation was made to this body by that day: record health_recommendation_made with the date of"
        " the recommendation first"
    )


def answered_in_full(casefile: CaseFile, line: StoredFact) -> str | None:
    """What an answer lacks that the law asks for. It is an answer all the same, and the duty goes on."""
    if line.data["sent_to"] != "parent_and_la":
        return (
            "the answer goes to the parent or young person and to the authority (SI 2017/1306 reg 6(3)), and the duty"
            " is met when both have it: record it with --data sent_to=parent_and_la on that day"
        )
    if line.data["follows"] != "in_full" and line.data.get("reasons_given") != "yes":
        return (
            "SI 2017/1306 reg 6(5) asks for the reasons where a recommendation is not followed in full: record the"
            " answer when they were given, --data reasons_given=yes"
        )
    return None


def evidence_asked_for(casefile: CaseFile, line: StoredFact) -> str | None:
    """Evidence is given by a body that was asked for it, as often as it has something to add."""
    if casefile.machine < 2:
        return is_outstanding(REQUEST)(casefile, line)
    service = line.data.get("service")
    asked = (past for past in casefile.facts_before(line) if past.kind == REQUEST)
    if any(
        past.data["body"] == line.data["body"] and (service is None or past.data.get("service") in (None, service))
        for past in asked
    ):
        return None
    return f"this body was not asked for evidence by that day: record {REQUEST} with its own day of receipt first"


evidence_given_already: Warn = is_outstanding(REQUEST)


def which_direction(casefile: CaseFile, line: StoredFact) -> str | None:
    """Where several directions of one sort are open, what answers one of them says which."""
    if line.data.get("opened_seq") is not None:
        return _of_that_sort(casefile, line)
    wanted = DIRECTIONS[line.kind]
    open_ = [past.seq for past in casefile.facts_before(line) if past.kind == wanted]
    done = {past.data.get("opened_seq") for past in casefile.facts_before(line) if past.kind == line.kind}
    left = [seq for seq in open_ if seq not in done]
    if len(left) < 2:
        return None
    return (
        f"several directions of this sort are open: say which one it answers, --data opened_seq={left[0]} (open:"
        f" {', '.join(map(str, left))})"
    )


def _of_that_sort(casefile: CaseFile, line: StoredFact) -> str | None:
    wanted = DIRECTIONS[line.kind]
    if any(past.kind == wanted and past.seq == line.data["opened_seq"] for past in casefile.facts_before(line)):
        return None
    return f"opened_seq is the number of the {wanted} that this answers, and no such fact comes before it"
