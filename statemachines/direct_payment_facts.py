"""A personal health budget and health's direct payments (National Health Service (Direct Payments) Regulations 2013, SI
2013/1617), as facts of a package.

What it decides: that no care plan is recorded without its first-review date and its notice period (reg 8(4)(f) and
(g)), and what is out of order about a payment. It decides no date: the regulations set no length of notice, so that
each care plan sets its own.
"""

from datetime import date, timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from config.text import full_day
from models.casefile import CaseFile
from models.facts import FactData, FreeTextField, Slug, StoredFact
from models.fields import Pence
from statemachines.package_facts import Said, WithReasons
from statemachines.process import FactDefinition, NoTransition

PLAN, PAID, CUT, FURTHER = (
    "care_plan_agreed",
    "direct_payment_started",
    "direct_payment_change_notified",
    "further_review_required",
)

# The decisions of which the recipient may require a further review.
REFUSED, LEFT_OUT, REPAY = "direct_payment_refused", "service_left_out", "repayment_required"
REVIEWABLE = (REFUSED, LEFT_OUT, CUT, REPAY)


class BudgetOffered(Said):
    """A personal health budget was offered to the family, and what they said."""

    answer: Literal["wanted", "not_wanted", "not_answered"]
    form: Literal["notional", "third_party", "direct_payment"] | None = None


class PaymentRefused(WithReasons):
    """A direct payment was refused. The reasons go in writing to the patient, representative or nominee (reg 7(10))."""

    in_writing: Literal["yes", "no"]


class ServiceLeftOut(WithReasons):
    """The body decided not to include a service in the care plan, and informed the family with reasons (reg 8)."""


class NomineeNamed(FactData):
    """Somebody is to receive the payment for the child.

    A nominee who is not close family, of the household or a friend who cares has an enhanced criminal record
    certificate before anything is paid (reg 7(7)(b)). The name is confidential.
    """

    relation: Literal["close_family", "household", "friend_carer", "other"]
    certificate_seen: Literal["yes", "no"]
    name: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"name"})


class CarePlanAgreed(FactData):
    """The care plan was agreed with its first-review date and its notice period (reg 8(1), (3) and (4)).

    `coordinator` and `monitored_by`: the roles of the care co-ordinator and of who monitors the conditions.
    `notice_days`: calendar days of notice before the payment is reduced or stopped.
    """

    first_review_on: date
    notice_days: Annotated[int, Field(ge=1, le=365)]
    coordinator: Slug
    monitored_by: Slug | None = None
    amount_pence: Pence
    interval: Literal["weekly", "four_weekly", "monthly", "quarterly", "once"]
    needs: FreeTextField
    outcomes: FreeTextField
    services: FreeTextField
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"needs", "outcomes", "services"})


class PaymentStarted(Said):
    """The first direct payment was made. A separate account is for it alone, unless it is paid once (regs 10, 11)."""

    account: Literal["separate", "paid_once"]


class PaymentReviewed(Said):
    """The direct payment was reviewed (reg 14(2))."""

    result: Literal["goes_on", "to_be_increased", "to_be_reduced", "to_be_stopped"]


class ChangeNotified(WithReasons):
    """Written notice with reasons that the payment is reduced or stopped, and from which day (regs 13(5), 17)."""

    change: Literal["reduced", "stopped"]
    takes_effect_on: date


class FurtherReviewDecided(WithReasons):
    """The further review that the recipient required was decided, with written reasons (reg 14(12))."""

    result: Literal["confirmed", "changed", "withdrawn"]


class RepaymentRequired(WithReasons):
    """The recipient was asked to repay, by notice with reasons (reg 15)."""

    amount_pence: Pence


def _unplanned(casefile: CaseFile, fact: StoredFact) -> str | None:
    """What a payment lacks before it is made."""
    if not casefile.facts_before(fact, PLAN):
        return "a care plan comes before the payment (SI 2013/1617 reg 8(1))"
    nominee = casefile.facts_before(fact, "nominee_named")[-1:]
    if nominee and nominee[0].data["relation"] == "other" and nominee[0].data["certificate_seen"] == "no":
        return "this nominee has an enhanced criminal record certificate before anything is paid (reg 7(7)(b))"
    return None


def _short_notice(casefile: CaseFile, fact: StoredFact) -> str | None:
    plan = casefile.facts_before(fact, PLAN)[-1:]
    if not plan:
        return None
    days = int(plan[0].data["notice_days"])
    if date.fromisoformat(fact.data["takes_effect_on"]) >= fact.occurred_on + timedelta(days=days):
        return None
    first = full_day(fact.occurred_on + timedelta(days=days))
    return f"the care plan gives {days} days of notice, so that the first day is {first} (SI 2013/1617 reg 8(4)(g))"


def _once(casefile: CaseFile, fact: StoredFact) -> str | None:
    """The recipient may require one further review of each decision (reg 14(10)).

    A decision is a refusal, a service left out of the care plan, a reduction, a repayment or a stop (regs 7, 8 and 13
    as SI 2013/2354 amended them, 15(4), 17).
    """
    notices = casefile.facts_before(fact, *REVIEWABLE)
    if not notices:
        return "a further review is of a decision that was notified (SI 2013/1617 reg 14(9) and (10))"
    since = (notices[-1].occurred_on, notices[-1].seq)
    if any((each.occurred_on, each.seq) > since for each in casefile.facts_before(fact, FURTHER)):
        return "one further review of a decision was required already (SI 2013/1617 reg 14(10))"
    return None


def direct_payment_facts(alive: tuple[str, ...]) -> list[FactDefinition]:
    """The facts of a personal health budget and a direct payment, which every open state accepts."""
    return [
        NoTransition("health_budget_offered", BudgetOffered, accepted_in=alive),
        NoTransition("direct_payment_requested", Said, accepted_in=alive),
        NoTransition(REFUSED, PaymentRefused, accepted_in=alive),
        NoTransition("refusal_reasons_given", Said, accepted_in=alive),
        NoTransition("nominee_named", NomineeNamed, accepted_in=alive),
        NoTransition(PLAN, CarePlanAgreed, accepted_in=alive),
        NoTransition(LEFT_OUT, ServiceLeftOut, accepted_in=alive),
        NoTransition(PAID, PaymentStarted, accepted_in=alive, warning=_unplanned),
        NoTransition("direct_payment_reviewed", PaymentReviewed, accepted_in=alive),
        NoTransition("payment_insufficient", Said, accepted_in=alive),
        NoTransition("health_of_recipient_changed", Said, accepted_in=alive),
        NoTransition("review_considered", Said, accepted_in=alive),
        NoTransition(CUT, ChangeNotified, accepted_in=alive, warning=_short_notice),
        NoTransition(FURTHER, Said, accepted_in=alive, warning=_once),
        NoTransition("further_review_decided", FurtherReviewDecided, accepted_in=alive),
        NoTransition(REPAY, RepaymentRequired, accepted_in=alive),
        NoTransition("direct_payment_stopped", Said, accepted_in=alive),
    ]
