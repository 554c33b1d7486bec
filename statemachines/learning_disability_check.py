"""The yearly health check from 14 on for a young person with a learning disability: register, check, action plan.

What it decides: which facts may follow which. It decides no date, and a check that was declined is no fault.
"""

from statemachine import State

from models.casefile import CaseFile
from statemachines.learning_disability_check_facts import (
    CheckDeclined,
    CheckDone,
    CheckWatched,
    NoLongerOwed,
    Noted,
    PlanShared,
)
from statemachines.process import NoTransition, OpeningFact, StatutoryMachine, Transition, define_process, unusual

OPENED, REGISTERED, DONE, SHARED_IN = "ld_check_watched", "ld_register_joined", "ld_check_done", "ld_plan_shared"


class LearningDisabilityCheck(StatutoryMachine):
    """The yearly health check (GP enhanced service).

    Facts without a transition: the check was declined, and its action plan went into an annual review.
    """

    watched = State("Not on the register yet", initial=True)
    registered = State("On the register")
    checked = State("Checked")
    ended = State("No longer watched")
    withdrawn = State("Withdrawn", final=True)
    closed = State("Closed", final=True)

    ld_register_joined = watched.to(registered)
    ld_check_done = registered.to(checked) | checked.to(checked) | unusual(watched.to(checked))
    ld_check_ended = ended.from_(watched, registered, checked)
    case_withdrawn = withdrawn.from_.any()
    case_closed = closed.from_.any()


SERVICE = "(GP enhanced service)"
OPEN = ("watched", "registered", "checked")
OVER = f"the check was watched no longer by that day {SERVICE}"


def remarks(casefile: CaseFile) -> list[str]:
    """Whether the last check gave an action plan, and whether it reached the annual review."""
    done = [fact for fact in casefile.lines if fact.kind == DONE]
    if not done:
        return []
    if done[-1].data["action_plan"] == "no":
        return [f"The last check gave no health action plan, which the service asks for {SERVICE}."]
    shared = [fact for fact in casefile.lines if fact.kind == SHARED_IN and fact.occurred_on >= done[-1].occurred_on]
    return [] if shared else ["The action plan of the last check is in no annual review yet."]


LABELS = {
    "before_14": "before the month of the 14th birthday",
    "on_register": "on the practice's register",
    OPENED: "yearly health check watched from here on",
    REGISTERED: "joined the learning-disability register",
    DONE: "yearly health check done",
    "ld_check_declined": "yearly health check declined",
    SHARED_IN: "health action plan put into the annual review",
    "ld_check_ended": "yearly health check no longer watched",
}
PROCESS = define_process(
    LearningDisabilityCheck,
    name="learning_disability_check",
    title="Learning-disability health check",
    labels=LABELS,
    version=1,
    remarks=remarks,
    facts=[
        OpeningFact(OPENED, CheckWatched),
        Transition(REGISTERED, Noted, order=f"a young person joins the register once, before the check {SERVICE}"),
        Transition(DONE, CheckDone, order=OVER),
        NoTransition("ld_check_declined", CheckDeclined, accepted_in=OPEN, order=OVER),
        NoTransition(
            SHARED_IN, PlanShared, accepted_in=("checked",), order=f"an action plan follows a check {SERVICE}"
        ),
        Transition("ld_check_ended", NoLongerOwed, order=OVER),
    ],
)
