"""Another time for one duty: a direction of the Tribunal, or what the parties to an agreement wrote down, is about a
duty that takes one.

Provisions: SEND Regs 2014 reg 44(1) and SI 2017/1306 regs 6(4), 7(2) (as the Tribunal directs), reg 42(5) (as the
parties agree, and not for the word to the authority of reg 42(4)). Which rules take another time is in the statute
files. It decides no day.
"""

from collections.abc import Sequence

from casework.cases.validation import Refused
from deadlines.duties import Duty, DutyRules
from models.facts import StoredFact
from statemachines.process import Process


def check_retimed(
    process: Process, book: DutyRules, standing: Sequence[StoredFact], duties: Sequence[Duty], new: Sequence[StoredFact]
) -> None:
    """Refuse another time for a rule that takes none, of which no duty was open on the day, or of which several were
    and none is named. Raises Refused.
    """
    for line in new:
        rule, told = line.data.get("rule"), book.tells.get(line.kind)
        if rule is None or told is None or line.seq not in {known.seq for known in standing}:
            continue
        lawful = sorted({each for each, _name, _told_as in told})
        reason = process.reasons.get(line.kind, "")
        law = f"{reason[:1].upper()}{reason[1:]}. " if reason else ""
        if rule not in lawful:
            raise Refused(
                "takes_no_other_time",
                f"{line.kind} is refused: by it no other time is set for that rule. {law}It can be for"
                f" {', '.join(lawful)}",
                field="rule",
            )
        meant = [duty for duty in duties if _takes(duty, line)]
        if not meant:
            raise Refused(
                "nothing_owed",
                f"{line.kind} is refused: no duty of {rule} that it could be about is open on that day. {law}Record"
                " what opens it first, and the body where several owe it",
                field="rule",
            )
        if len(meant) > 1 and "opened_seq" in process.facts[line.kind].model_fields:
            named = ", ".join(f"{duty.opened_seq}{f' of {duty.body}' if duty.body else ''}" for duty in meant)
            raise Refused(
                "which_duty",
                f"{line.kind} is refused: several duties of {rule} are open on that day, and a direction moves the one"
                f" that it is about: --data opened_seq={meant[0].opened_seq} (open: {named})",
                field="opened_seq",
            )


def _takes(duty: Duty, line: StoredFact) -> bool:
    """Whether the duty of that rule, and of that body or opening fact where one is named, was open when the fact
    happened.
    """
    data = line.data
    if (
        duty.rule != data["rule"]
        or data.get("opened_seq") not in (None, duty.opened_seq)
        or data.get("body") not in (None, duty.body)
    ):
        return False
    opened, closed = (duty.opened_on, duty.opened_seq), duty.closed_by
    return opened < (line.occurred_on, line.seq) and (closed is None or closed > (line.occurred_on, line.seq))
