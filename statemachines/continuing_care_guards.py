"""What cannot be true of a child's continuing care, and what is out of order about it (National Framework for Children
and Young People's Continuing Care, 2016: guidance, not law).

It decides no date.
"""

from models.casefile import CaseFile
from models.facts import StoredFact
from statemachines.process import Warn, before

DECISIONS = frozenset({"continuing_care_agreed", "continuing_care_refused", "continuing_care_referral_declined"})


def first_of(*warnings: Warn) -> Warn:
    """The first of several grounds on which a fact is out of order."""

    def warning(casefile: CaseFile, line: StoredFact) -> str | None:
        return next((words for each in warnings if (words := each(casefile, line)) is not None), None)

    return warning


def another_board(casefile: CaseFile, line: StoredFact) -> str | None:
    """A case is with the board that received the referral, until responsibility passes."""
    referral = next((each for each in casefile.lines if each.kind == "continuing_care_referral_received"), None)
    if referral is None or line.data.get("body") in (None, referral.data["body"]):
        return None
    return (
        f"the referral was received by {referral.data['body']}, and another board's act meets none of its duties"
        " (National Framework 2016): correct the body, or record responsibility_passed with its own day"
    )


def domains_first(casefile: CaseFile, _line: StoredFact) -> str | None:
    if "domains_assessed" in casefile.seen:
        return None
    return (
        "a recommendation rests on the ten domains of the decision support tool (National Framework 2016): record"
        " domains_assessed first"
    )


def decided_before(casefile: CaseFile, _line: StoredFact) -> str | None:
    if casefile.seen & DECISIONS:
        return None
    return f"nothing has been decided yet to inform the family of: record one of {', '.join(sorted(DECISIONS))} first"


def to_dispute(casefile: CaseFile, _line: StoredFact) -> str | None:
    if casefile.seen & DECISIONS:
        return None
    return f"nothing has been decided yet that could be disputed: record one of {', '.join(sorted(DECISIONS))} first"


def recommended(casefile: CaseFile, _line: StoredFact) -> str | None:
    if "recommendation_made" in casefile.seen:
        return None
    return "only a recommendation that was made is returned: record recommendation_made with its own day first"


def started(casefile: CaseFile, _line: StoredFact) -> str | None:
    if "package_started" in casefile.seen:
        return None
    return "only a package that has started changes: record package_started with its own day first"


def of_age(_casefile: CaseFile, line: StoredFact) -> str | None:
    if line.data["under_18"] == "no":
        return (
            "children's continuing care ends with the 18th birthday (National Framework 2016): this is for adult"
            " continuing healthcare"
        )
    return None


def agreed_after_a_refusal(casefile: CaseFile, line: StoredFact) -> str | None:
    if casefile.state != "not_eligible":
        return None
    last = (casefile.facts_before(line, "continuing_care_refused") or [line])[-1]
    turned = [
        each
        for each in casefile.facts_before(line, "dispute_answered")
        if each.data["outcome"] != "upheld" and each.seq > last.seq
    ]
    if turned:
        return None
    return (
        "the child was found not eligible: that decision turns with dispute_answered (outcome changed), and a new"
        " referral opens a case of its own"
    )


def may_be_agreed(casefile: CaseFile, line: StoredFact) -> str | None:
    return of_age(casefile, line) or before(2, agreed_after_a_refusal)(casefile, line)


def reviewed_first(casefile: CaseFile, _line: StoredFact) -> str | None:
    if casefile.state != "supported" or "continuing_care_reviewed" in casefile.seen:
        return None
    return (
        "a package that has started ends after a review of it (National Framework 2016): record"
        " continuing_care_reviewed first"
    )


def was_disputed(casefile: CaseFile, line: StoredFact) -> str | None:
    """An answer has a dispute before it. Machines before version 4 took one answer to each."""
    if casefile.machine < 4:
        return dispute_open(casefile, line)
    if casefile.facts_before(line, "decision_disputed"):
        return None
    return "nothing was disputed by that day that could be answered: record decision_disputed first"


def answered_again(casefile: CaseFile, line: StoredFact) -> str | None:
    if dispute_open(casefile, line) is None:
        return None
    return (
        "this dispute was answered before, and the further answer is on the record beside it (National Framework 2016)"
    )


def dispute_open(casefile: CaseFile, line: StoredFact) -> str | None:
    if len(casefile.facts_before(line, "decision_disputed")) > len(casefile.facts_before(line, "dispute_answered")):
        return None
    return "no dispute waits for an answer on that day: record decision_disputed first"


def after_17(_casefile: CaseFile, line: StoredFact) -> str | None:
    if line.data.get("before_17") != "yes":
        return None
    return (
        "eligibility for adult care is decided in principle once the child is 17 (National Framework 2016), and the"
        " month of that birthday was still to come: record it with the day of a decision made since"
    )


def adult_agreed_first(casefile: CaseFile, line: StoredFact) -> str | None:
    if line.data.get("under_18") == "yes":
        return (
            "an adult package takes over on the 18th birthday (National Framework 2016), which was still to come on"
            " that day; until then the child's own package goes on: record it with the day on which the adult one took"
            " over"
        )
    if "adult_eligibility_agreed" in casefile.seen:
        return None
    return (
        "an adult package follows the adult decision (National Framework for NHS continuing healthcare): record"
        " adult_eligibility_agreed first"
    )
