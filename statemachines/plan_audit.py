"""A round of audits of plans or of health advice: a random sample, marks, moderation, feedback, actions, a report.

What it decides: which facts may follow which, that nobody audits their own work, and what the marks say together. It
decides no date: every number of the statute file is a local standard.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from statemachine import State

from config.text import in_words
from models.casefile import CaseFile
from models.facts import StoredFact
from models.marks import GRADES, NO_GRADE, Thresholds, agreement, answers_of, grade_of, paired, to_places, weakest
from statemachines.definitions import Said
from statemachines.items import ITEM, ItemMove, Items
from statemachines.plan_audit_facts import (
    ActionAgreed,
    ActionDone,
    AuditOpened,
    AuditReported,
    AuthorNamed,
    FeedbackGiven,
    FeedbackRead,
    ItemDrawn,
    ItemMarked,
    ItemModerated,
    LeftOut,
    MarkedAgain,
    ReauditAgreed,
    ReauditOpened,
    SampleDrawn,
    ViewRecorded,
)
from statemachines.process import (
    IS_DONE,
    About,
    NoTransition,
    OpeningFact,
    StatutoryMachine,
    Transition,
    define_process,
    unusual,
)

OPENED, DRAWN, ADDED = "audit_opened", "sample_drawn", "item_drawn"
MARKED, AGAIN, MODERATED = "item_marked", "item_marked_again", "item_moderated"
GIVEN = "feedback_given"


class PlanAudit(StatutoryMachine):
    """A round of audits (local audit method)."""

    opened = State("Round opened", initial=True)
    sampled = State("Sample drawn")
    fed_back = State("Feedback given")
    reported = State("Reported")
    withdrawn = State("Withdrawn", final=True)
    closed = State("Closed", final=True)

    sample_drawn = opened.to(sampled)
    feedback_given = sampled.to(fed_back) | fed_back.to(fed_back)
    audit_reported = fed_back.to(reported) | unusual(sampled.to(reported))
    case_withdrawn = withdrawn.from_.any()
    case_closed = closed.from_.any()


LOCAL = "(local audit method)"
AT_WORK = ("sampled", "fed_back")
DRAWN_ONCE = ("sampled", "fed_back", "reported")
ITEM_STATES = {
    "drawn": "Drawn",
    "marked": "Marked",
    "moderated": "Moderated",
    "left_out": "Left out",
    "action_open": "Action open",
    "action_done": "Action done",
}
AUDITED = ("drawn", "marked", "moderated")
ITEMS = Items(
    "audited item",
    ITEM_STATES,
    (
        ItemMove(ADDED, "drawn"),
        ItemMove("author_named", None, AUDITED, f"an author is named of what is audited {LOCAL}"),
        ItemMove(MARKED, "marked", ("drawn",), f"an item is marked once; a second person records {AGAIN} {LOCAL}"),
        ItemMove(AGAIN, None, ("drawn", "marked"), f"a second mark comes before moderation {LOCAL}"),
        ItemMove(MODERATED, "moderated", ("marked",), f"moderation settles a mark, once {LOCAL}"),
        ItemMove("item_left_out", "left_out", ("drawn",), f"an item is left out before it is marked {LOCAL}"),
        ItemMove("view_recorded", None, AUDITED, f"a view is of what is audited {LOCAL}"),
        ItemMove("action_agreed", "action_open", called="action"),
        ItemMove("action_done", "action_done", ("action_open",), f"an action is done once {LOCAL}", "action"),
    ),
)


class Marked(NamedTuple):
    """An item that was marked: who answers for it, what the first marker answered, and its grade."""

    item: str
    body: str | None
    service: str | None
    on_time: str
    answers: Mapping[str, str]
    grade: str


def tool_of(casefile: CaseFile) -> Mapping[str, Any]:
    """What the tool of the round says: the criteria and the thresholds that its opening fact stores."""
    return next(fact.data for fact in casefile.lines if fact.kind == OPENED)


def calculated(casefile: CaseFile, fact: StoredFact) -> str:
    """The grade that follows from the answers of a mark by the tool of the round."""
    tool = tool_of(casefile)
    thresholds = Thresholds(tool["outstanding_from"], tool["good_from"], tool["requires_improvement_from"])
    return grade_of(answers_of(fact.data["answers"]), tool["essential"], thresholds)


def _about(casefile: CaseFile, kind: str, item: str) -> StoredFact | None:
    """The first fact of a kind about an item, in the order of replay."""
    return next((fact for fact in casefile.lines if fact.kind == kind and fact.data[ITEM] == item), None)


def marked(casefile: CaseFile) -> list[Marked]:
    """Every item that was marked, with the moderated grade where it was moderated, else the calculated one."""
    found: list[Marked] = []
    for code in casefile.items:
        added, mark, settled = (_about(casefile, kind, code) for kind in (ADDED, MARKED, MODERATED))
        if added is not None and mark is not None:
            grade = str(settled.data["grade"]) if settled is not None else calculated(casefile, mark)
            whose = (added.data.get("body"), added.data.get("service"), str(added.data["on_time"]))
            found.append(Marked(code, *whose, answers_of(mark.data["answers"]), grade))
    return found


def counted(casefile: CaseFile) -> list[Marked]:
    """The marked items without those that wait for the other mark: nothing of them is said yet."""
    waiting = _waiting(casefile)
    return [each for each in marked(casefile) if each.item not in waiting]


def _waiting(casefile: CaseFile) -> set[str]:
    return awaiting_a_mark(casefile.lines) & {fact.data[ITEM] for fact in _marks(casefile.lines)}


def times_graded(items: Sequence[Marked]) -> list[tuple[str, int]]:
    """How often each grade was given, the best first."""
    times = Counter(each.grade for each in items)
    return [(grade, times[grade]) for grade in (*GRADES, NO_GRADE) if times[grade]]


def pairs_of_answers(casefile: CaseFile) -> list[tuple[str, str]]:
    """The answers of the first and of the second marker, of each item that a second person marked blind."""
    pairs: list[tuple[str, str]] = []
    for code in casefile.items:
        first, second = _about(casefile, MARKED, code), _about(casefile, AGAIN, code)
        if first is not None and second is not None and second.data["blind"]:
            pairs += paired(answers_of(first.data["answers"]), answers_of(second.data["answers"]))
    return pairs


def of_service(casefile: CaseFile, body: str | None, service: str | None) -> list[Marked]:
    """The marked items of a body, or of one of its services."""
    return [each for each in marked(casefile) if each.body == body and service in (None, each.service)]


def in_letters(casefile: CaseFile, fact: StoredFact) -> Mapping[str, Any]:
    """What the feedback letter says: how many items, how often each grade, the weakest criteria, and what was in time
    and unusable. Other letters say what is audited.
    """
    said: dict[str, Any] = {"subject": tool_of(casefile)["subject"]}
    if fact.kind != GIVEN:
        return said
    items = of_service(casefile, fact.data["body"], fact.data.get("service"))
    return said | {
        "items": len(items),
        "grades": _grades(items),
        "weakest": weakest(each.answers for each in items),
        "unusable_on_time": len(_unusable(items)),
    }


def _grades(items: list[Marked]) -> list[list[Any]]:
    return [[grade, times] for grade, times in times_graded(items)]


def _unusable(items: list[Marked]) -> list[Marked]:
    """What came in time and is inadequate all the same."""
    return [each for each in items if each.on_time == "yes" and each.grade == GRADES[-1]]


def remarks(casefile: CaseFile) -> list[str]:
    """What the marks of a round say together: the sample, grades, agreement, and each service's weakest criteria."""
    held_back, items = _waiting(casefile), counted(casefile)
    return [
        *_sample(casefile),
        *_held_back(held_back),
        *_grades_said(items),
        *_agreement(casefile),
        *_by_service(items),
    ]


def _sample(casefile: CaseFile) -> Iterator[str]:
    for fact in casefile.lines:
        if fact.kind == DRAWN and "in_frame" in fact.data:
            drawn, left_out = len(fact.data.get("drawn", ())), fact.data["left_out"]
            besides = f" {left_out} were left out, because nothing about the child leaves." if left_out else ""
            yield f"{drawn} of {fact.data['in_frame']} were drawn under the seed {fact.data['seed']}.{besides}"


def _held_back(items: Collection[str]) -> Iterator[str]:
    if items:
        yield f"Not counted yet, because the other mark is still to come: {', '.join(sorted(items))}."


def _grades_said(items: list[Marked]) -> Iterator[str]:
    if items:
        said = ", ".join(f"{number} {_words(grade)}" for grade, number in _grades(items))
        yield f"Marked so far: {len(items)}. Grades: {said}."
    timely = [each for each in items if each.on_time == "yes"]
    if timely and (unusable := _unusable(items)):
        share = to_places(Fraction(100 * len(unusable), len(timely)), 1)
        yield f"In time and unusable: {len(unusable)} of {len(timely)} that came in time ({share} per cent)."


def _agreement(casefile: CaseFile) -> Iterator[str]:
    pairs, equal, kappa = agreement(pairs_of_answers(casefile))
    if pairs:
        share = to_places(Fraction(100 * equal, pairs), 1)
        chance = "is undefined: both gave one answer to everything" if kappa is None else f"is {to_places(kappa, 2)}"
        yield f"Two markers agree on {equal} of {pairs} answers ({share} per cent). Cohen's kappa {chance}."


def _by_service(items: list[Marked]) -> Iterator[str]:
    for body, service in sorted({(each.body or "", each.service or "") for each in items}):
        lost = weakest(each.answers for each in items if (each.body or "", each.service or "") == (body, service))
        whose = " ".join(each for each in (body, _words(service)) if each)
        if lost and whose:
            yield f"Weakest criteria of {whose}: {', '.join(_words(each) for each in lost)}."


def _words(value: object) -> str:
    return in_words(str(value))


def _may_mark(casefile: CaseFile, fact: StoredFact) -> str | None:
    """Every criterion is answered; nobody marks their own work, nor an item twice."""
    criteria, given = list(tool_of(casefile)["criteria"]), answers_of(fact.data["answers"])
    if wrong := [*(each for each in criteria if each not in given), *(each for each in given if each not in criteria)]:
        return (
            f"each criterion of {tool_of(casefile)['audit_tool']} is answered once, and no other: {', '.join(wrong)}."
            f" It has {', '.join(criteria)}"
        )
    by = fact.data["marked_by"]
    if any(each.data["author"] == by for each in _said_of(casefile, fact, "author_named")):
        return "nobody audits their own advice: another account marks this item"
    other = {MARKED: AGAIN, AGAIN: MARKED}[fact.kind]
    if any(each.data["marked_by"] == by for each in _said_of(casefile, fact, other)):
        return "the second mark of an item is another person's than the first"
    return None


def _not_the_marker(casefile: CaseFile, fact: StoredFact) -> str | None:
    if any(each.data["marked_by"] == fact.data["author"] for each in _said_of(casefile, fact, MARKED, AGAIN)):
        return "nobody audits their own advice, and this account marked the item: withdraw that mark first"
    return None


def _said_of(casefile: CaseFile, fact: StoredFact, *kinds: str) -> list[StoredFact]:
    """The earlier facts of these kinds about the item of a fact."""
    return [each for each in casefile.facts_before(fact, *kinds) if each.data[ITEM] == fact.data[ITEM]]


def _by_hand(casefile: CaseFile, fact: StoredFact) -> str | None:
    drawn = {member for each in casefile.facts_before(fact, DRAWN) for member in each.data.get("drawn", ())}
    return None if fact.data.get("of_fact") in drawn else f"the item was chosen by hand, and no sample drew it {LOCAL}"


def not_yet_shown(in_force: Sequence[Said], written: Sequence[Said]) -> Mapping[int, frozenset[str]]:
    """The answers and the evidence of a mark while the other mark of the item is still to come, so that it is blind.

    A mark that was withdrawn says as much as one that was not, so that it is hidden too.
    """
    items = awaiting_a_mark(in_force)
    return {
        fact.seq: frozenset({"answers", "evidence"})
        for fact in (*in_force, *written)
        if fact.kind in (MARKED, AGAIN) and fact.data[ITEM] in items
    }


def awaiting_a_mark(in_force: Sequence[Said]) -> set[str]:
    """The items that are marked twice, without those that have both marks, or whose grade is known by now: by
    moderation, by feedback to their service, or by the report.
    """
    if any(fact.kind == "audit_reported" for fact in in_force):
        return set()
    twice = {fact.data[ITEM]: fact for fact in in_force if fact.kind == ADDED and fact.data.get("second_mark") == "yes"}
    settled = {fact.data[ITEM] for fact in in_force if fact.kind == MODERATED}
    informed = [(fact.data["body"], fact.data.get("service")) for fact in in_force if fact.kind == GIVEN]
    kinds = {item: {fact.kind for fact in _marks(in_force) if fact.data[ITEM] == item} for item in twice}
    return {
        item
        for item, added in twice.items()
        if item not in settled
        and len(kinds[item]) < len((MARKED, AGAIN))
        and not any(
            added.data.get("body") == body and service in (None, added.data.get("service"))
            for body, service in informed
        )
    }


def _marks(facts: Sequence[Said]) -> list[Said]:
    return [fact for fact in facts if fact.kind in (MARKED, AGAIN)]


def _seen(casefile: CaseFile, fact: StoredFact) -> str | None:
    del casefile
    return None if fact.data["blind"] else f"the second mark was not blind, and agreement leaves it out {LOCAL}"


def _another_grade(casefile: CaseFile, fact: StoredFact) -> str | None:
    first = _about(casefile, MARKED, fact.data[ITEM])
    if first is None or (grade := calculated(casefile, first)) == fact.data["grade"]:
        return None
    return f"the grade is another than the calculated one, {_words(grade)} {LOCAL}"


def _has_items(casefile: CaseFile, fact: StoredFact) -> str | None:
    by_then = {each.data[ITEM] for each in casefile.facts_before(fact, MARKED)}
    there = [each for each in marked(casefile) if each.item in by_then]
    body, service = fact.data["body"], fact.data.get("service")
    if any(each.body == body and service in (None, each.service) for each in there):
        return None
    known = sorted({" ".join(part for part in (each.body, each.service) if part) for each in there})
    return (
        "feedback is about items that were marked, and no marked item of this round is of that body and service. Marked"
        f" items are of {', '.join(known) or 'none'}"
    )


def _was_given(casefile: CaseFile, fact: StoredFact) -> str | None:
    given = casefile.facts_before(fact, GIVEN)
    if any(each.data["body"] == fact.data["body"] for each in given):
        return None
    return "feedback is read after it was given, and none was given to that body before"


NO_SAMPLE = {"opened": "nothing is drawn yet: record sample_drawn first"}
LABELS = {
    "audit_opened": "round of audits opened",
    "reaudit_agreed": "another audit agreed",
    "reaudit_opened": "other audit opened",
}
PROCESS = define_process(
    PlanAudit,
    name="plan_audit",
    title="Audit of plans and advice",
    labels=LABELS,
    version=1,
    about=About.ORGANISATION,
    items=ITEMS,
    remarks=remarks,
    in_letters=in_letters,
    not_yet_shown=not_yet_shown,
    facts=[
        OpeningFact(OPENED, AuditOpened),
        Transition(DRAWN, SampleDrawn, order=f"a sample is drawn once, before anything is marked {LOCAL}"),
        NoTransition(
            ADDED, ItemDrawn, accepted_in=AT_WORK, warning=_by_hand, order=f"items come with a sample {LOCAL}"
        ),
        NoTransition(
            "author_named",
            AuthorNamed,
            accepted_in=DRAWN_ONCE,
            guard=_not_the_marker,
            order=f"an author is named of what is audited {LOCAL}",
        ),
        NoTransition(
            MARKED, ItemMarked, accepted_in=AT_WORK, guard=_may_mark, order=f"marks come before the report {LOCAL}"
        ),
        NoTransition(
            AGAIN,
            MarkedAgain,
            accepted_in=AT_WORK,
            guard=_may_mark,
            warning=_seen,
            order=f"marks come before the report {LOCAL}",
        ),
        NoTransition(
            MODERATED,
            ItemModerated,
            accepted_in=AT_WORK,
            warning=_another_grade,
            order=f"moderation comes before the report {LOCAL}",
        ),
        NoTransition("item_left_out", LeftOut, accepted_in=AT_WORK, order=f"marks come before the report {LOCAL}"),
        NoTransition(
            "view_recorded", ViewRecorded, accepted_in=DRAWN_ONCE, order=f"a view is of what is audited {LOCAL}"
        ),
        Transition(
            GIVEN,
            FeedbackGiven,
            guard=_has_items,
            roles=("asks",),
            impossible_in=NO_SAMPLE,
            order=f"feedback is given before the report {LOCAL}",
        ),
        NoTransition(
            "feedback_read",
            FeedbackRead,
            accepted_in=("fed_back", "reported"),
            guard=_was_given,
            roles=("answers",),
            says=IS_DONE,
            impossible_in=NO_SAMPLE | {"sampled": "feedback is read after it was given"},
        ),
        NoTransition("action_agreed", ActionAgreed, accepted_in=DRAWN_ONCE, order=f"actions follow from marks {LOCAL}"),
        NoTransition("action_done", ActionDone, accepted_in=DRAWN_ONCE, order=f"actions follow from marks {LOCAL}"),
        NoTransition("reaudit_agreed", ReauditAgreed, accepted_in=DRAWN_ONCE, order=f"a round is marked first {LOCAL}"),
        NoTransition("reaudit_opened", ReauditOpened, accepted_in=DRAWN_ONCE, order=f"a round is marked first {LOCAL}"),
        Transition(
            "audit_reported",
            AuditReported,
            impossible_in=NO_SAMPLE,
            order=f"a round is reported once, after feedback {LOCAL}",
        ),
    ],
)
