"""How advice affects the final plan that it is for, and who has to be asked again after a restart.

The statute files say which plan duty each advice duty is for (`holds_up`).
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from casework.reports.case_models import AskAgain, Origin
from config.rule_schema import Rule
from config.text import in_days
from deadlines.duties import Duty
from deadlines.duty_rule import DatesOf
from deadlines.status import days_late
from models.casefile import CaseFile
from models.facts import StoredFact


class PlanEffects:
    """The duties of one case on one day, with the rules of its process and the facts in force."""

    def __init__(self, rules: Mapping[str, Rule], duties: Sequence[Duty], casefile: CaseFile, day: date) -> None:
        self.rules = rules
        self.duties = duties
        self.facts: Sequence[StoredFact] = casefile.lines
        self.la = casefile.la
        self.day = day
        self._restarted: dict[str, list[Duty]] = {}  # by rule: several duties of a case are of one rule
        self._dated: dict[str, list[Duty]] = {}  # duties with a due date, by rule
        for duty in duties:
            if duty.due is not None:
                self._dated.setdefault(duty.rule, []).append(duty)

    def restart_before(self, duty: Duty) -> Duty | None:
        """The plan duty whose opening fact restarted the assessment before this advice was asked for."""
        restarts = (plan for plan in self._restarted_plans(duty.rule) if _opening(plan) < _opening(duty))
        return max(restarts, key=_opening, default=None)

    def knock_on(self, duty: Duty) -> str | None:
        """Say how this advice affects the date of the final plan; None if it is for no plan."""
        plan = self._plan_of(duty)
        if plan is None or plan.due is None:
            return None
        until = duty.met_on or duty.ended_on or self.day
        came = f"the advice {'came' if duty.met_on else 'was ended,' if duty.ended_on else 'is awaited,'}"
        without = self.answer_without_advice(duty)
        came = without or came
        late = days_late(duty, self.day)
        lateness = f"{in_days(late)} late" if late else "in time" if duty.met_on else "not yet late"
        if plan.met_on is not None and duty.started_on <= plan.met_on < until:
            # The plan was issued, so its date can no longer be missed: what counts is that the advice was not in it.
            issued = f"issued {'before' if without else 'without'} it on {plan.met_on.isoformat()}"
            return f"{came} {lateness}; the final plan was {issued}"
        left = (plan.due - until).days
        when = f"{in_days(left)} before" if left > 0 else "on" if left == 0 else f"{in_days(-left)} after"
        unit, number = self.rules[plan.rule].period_on(plan.started_on).alternatives[0].amounts[0]
        after = (duty.due - plan.due).days if duty.due is not None and duty.closed_on is None else 0
        own = f"; its own day falls {in_days(after)} after that date" if after > 0 else ""
        return f"{came} {lateness}, {when} the {number}-{unit.removesuffix('s')} date ({plan.due.isoformat()}){own}"

    def answer_without_advice(self, duty: Duty) -> str | None:
        """Say how a duty was met without advice, such as the answer that the child is not known; None otherwise."""
        answers = (fact.data.get("answer") for fact in self.facts if fact.seq == duty.met_seq)
        answer = next(answers, None)
        if answer is None:
            return None
        new = "new " if answer == "existing_advice_suffices" else ""
        return f"answered without {new}advice ({str(answer).replace('_', ' ')})"

    def issued_without(self) -> list[dict[str, str | None]]:
        """Bodies whose advice was asked for and had not been received when the plan was issued."""
        missing: list[dict[str, str | None]] = []
        for duty in self.duties:
            plan = self._plan_of(duty)
            if plan is None or plan.met_on is None or duty.started_on > plan.met_on or duty.provisional:
                continue
            if duty.ended_on is not None and duty.ended_on <= plan.met_on:
                continue  # a refusal had ended it, so the advice was no longer owed
            if duty.met_on is None or duty.met_on > plan.met_on:
                came = duty.met_on is not None and self.answer_without_advice(duty) is None
                received = duty.met_on.isoformat() if duty.met_on and came else None
                missing.append({"body": duty.body, "service": duty.service, "advice_on": received})
        return missing

    def to_ask_again(self, origins: Mapping[int, Origin], dates_of: DatesOf) -> list[AskAgain]:
        """Bodies asked before the assessment was restarted and not since, in the order in which they were asked.

        Empty once the plan was issued.
        """
        latest = {
            (duty.rule, duty.body, duty.service): duty
            for duty in self.duties
            if duty.rule in self.rules and self.rules[duty.rule].holds_up and not duty.provisional
        }
        found: list[AskAgain] = []
        for asked in latest.values():
            plan = self._open_restart_after(asked)
            if plan is None or plan.due is None:
                continue
            found.append(
                AskAgain(
                    rule=asked.rule,
                    body=asked.body,
                    service=asked.service,
                    asked_on=asked.started_on,
                    answered_on=asked.met_on,
                    ask_by=_last_start(dates_of, asked.rule, plan.due),
                    plan_rule=plan.rule,
                    plan_due=plan.due,
                    because=origins[plan.opened_seq],
                )
            )
        return found

    def _open_restart_after(self, asked: Duty) -> Duty | None:
        plans = (
            plan
            for plan in self._restarted_plans(asked.rule)
            if plan.closed_on is None and _opening(asked) < _opening(plan)
        )
        return max(plans, key=_opening, default=None)

    def _plan_of(self, duty: Duty) -> Duty | None:
        """The plan duty that this advice is for; if the rule names several, the first that was opened before it."""
        rule = self.rules.get(duty.rule)
        for plan_rule in rule.holds_up if rule is not None else ():
            for other in self._dated.get(plan_rule, ()):
                if other.opened_seq < duty.opened_seq:
                    return other
        return None

    def _restarted_plans(self, rule_id: str) -> list[Duty]:
        """Plan duties that this advice is for, opened after a fact that had ended the advice.

        Examples: an order after a refusal, or its reversal.
        """
        known = self._restarted.get(rule_id)
        if known is None:
            known = self._restarted[rule_id] = self._find_restarted(rule_id)
        return known

    def _find_restarted(self, rule_id: str) -> list[Duty]:
        rule = self.rules.get(rule_id)
        if rule is None or not rule.holds_up:
            return []
        ending = {*rule.ends, *rule.superseded_by}
        ends = [(fact.occurred_on, fact.seq) for fact in self.facts if fact.kind in ending]
        return [
            duty
            for duty in self.duties
            if duty.rule in rule.holds_up and duty.due is not None and any(end < _opening(duty) for end in ends)
        ]


def _opening(duty: Duty) -> tuple[date, int]:
    return duty.opened_on, duty.opened_seq


def _last_start(dates_of: DatesOf, rule: str, by: date) -> date:
    """The last day from which the rule's own time ends on or before `by`."""
    start = by
    while (due := dates_of(rule, start, {}).due) is not None and due > by:
        start -= timedelta(days=1)
    return start
