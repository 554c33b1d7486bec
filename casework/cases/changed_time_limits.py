"""Another time limit for one duty: by direction of the Tribunal, or as the parties agree.

Provisions: SEND Regs 2014 reg 44(1) and SI 2017/1306 regs 6(4), 7(2) (as the Tribunal directs), reg 42(5) (as the
parties agree, but not for the answer to the authority under reg 42(4)). The statute files say which rules take another
time limit. This module decides no day.
"""

from collections.abc import Sequence

from casework.cases.validation import Refused
from deadlines.duties import Duty
from deadlines.duty_rules import DutyRules
from models.facts import StoredFact
from statemachines.process import Process


def check_changed_time_limits(
    process: Process,
    rules: DutyRules,
    in_force: Sequence[StoredFact],
    duties: Sequence[Duty],
    new: Sequence[StoredFact],
) -> None:
    """Check new facts that set another time limit. Raises Refused if the rule takes none, if no duty of it was open on
    the day, or if several were open and the fact names none of them.
    """
    about = [fact for fact in new if fact.data.get("rule") is not None and rules.supplied_by(fact.kind)]
    if not about:
        return
    seqs = {fact.seq for fact in in_force}
    for fact in about:
        if fact.seq in seqs:
            rule_ids = sorted(rules.supplied_by(fact.kind))
            _check_one(process, rule_ids, duties, fact)


def _check_one(process: Process, rule_ids: Sequence[str], duties: Sequence[Duty], fact: StoredFact) -> None:
    rule, reason = fact.data["rule"], process.facts[fact.kind].order
    law = f"{reason[:1].upper()}{reason[1:]}. " if reason else ""
    if rule not in rule_ids:
        raise Refused(
            "takes_no_other_time",
            f"{fact.kind} cannot change the time limit of this rule. {law}It can change: {', '.join(rule_ids)}",
            field="rule",
        )
    meant = [duty for duty in duties if _was_open(duty, fact)]
    if not meant:
        raise Refused(
            "nothing_owed",
            f"{fact.kind} is refused: no duty of {rule} is open on that day. {law}Record first what opens the duty, and"
            " name the body if several owe it",
            field="rule",
        )
    if len(meant) > 1 and "opened_seq" in process.facts[fact.kind].model.model_fields:
        named = ", ".join(f"{duty.opened_seq}{f' of {duty.body}' if duty.body else ''}" for duty in meant)
        raise Refused(
            "which_duty",
            f"{fact.kind} is refused: several duties of {rule} are open on that day. Say which one it changes: --data"
            f" opened_seq={meant[0].opened_seq} (open: {named})",
            field="opened_seq",
        )


def _was_open(duty: Duty, fact: StoredFact) -> bool:
    """Whether a duty of the rule, and of the body or opening fact that the fact names, was open when it happened."""
    data = fact.data
    if (
        duty.rule != data["rule"]
        or data.get("opened_seq") not in (None, duty.opened_seq)
        or data.get("body") not in (None, duty.body)
    ):
        return False
    opened, closed = (duty.opened_on, duty.opened_seq), duty.closed_by
    return opened < (fact.occurred_on, fact.seq) and (closed is None or closed > (fact.occurred_on, fact.seq))
