"""An entry of a register of our team: training, templates, gaps, joint arrangements, policies, engagement.

What it decides: which facts may follow which, and that a register takes its own facts only. The kinds of register are
data (config/registers.toml). It decides no date: a duty here has the day that a fact names, or none.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from statemachine import State

from config.text import in_words
from models.casefile import CaseFile
from models.facts import StoredFact
from statemachines.items import ITEM, ItemMove, Items
from statemachines.process import (
    About,
    Guard,
    NoTransition,
    OpeningFact,
    StatutoryMachine,
    Transition,
    define_process,
)
from statemachines.register_entry_facts import (
    Answered,
    Attended,
    Communicated,
    EntryEnded,
    EntryOpened,
    EntryReviewed,
    EvidenceAdded,
    OfPromise,
    PromiseMade,
    PutTo,
    VersionMade,
)

OPENED, VERSION, COMMUNICATED, ATTENDED = (
    "register_entry_opened",
    "register_version_made",
    "register_communicated",
    "register_attended",
)
PUT_TO, ANSWERED, PROMISED, MET, NOT_MET = (
    "register_put_to",
    "register_answered",
    "register_promise_made",
    "register_promise_met",
    "register_promise_not_met",
)


class RegisterEntry(StatutoryMachine):
    """An entry of a register (local standard).

    Facts without a transition: versions, to whom they were communicated, attendance, evidence, questions and answers,
    promises, reviews.
    """

    open = State("Open", initial=True)
    ended = State("Ended")
    withdrawn = State("Withdrawn", final=True)
    closed = State("Closed", final=True)

    register_entry_ended = open.to(ended)
    case_withdrawn = withdrawn.from_.any()
    case_closed = closed.from_.any()


OVER = "the entry had ended by that day (local standard on registers)"
ITEM_STATES = {
    "put": "Put, no answer",
    "answered": "Answered",
    "promised": "Promised",
    "met": "Promise met",
    "not_met": "Promise not met",
}
ITEMS = Items(
    "question",
    ITEM_STATES,
    (
        ItemMove(PUT_TO, "put"),
        ItemMove(ANSWERED, "answered", ("put", "answered"), "an answer is to a question (local standard on registers)"),
        ItemMove(PROMISED, "promised", called="promise"),
        ItemMove(MET, "met", ("promised", "not_met"), "a promise is met once (local standard on registers)", "promise"),
        ItemMove(NOT_MET, "not_met", ("promised",), "a promise that was met stays met (local standard)", "promise"),
    ),
)


def opening_of(casefile: CaseFile) -> StoredFact:
    """The fact that opened the entry."""
    return next(fact for fact in casefile.lines if fact.kind == OPENED)


def said_of(casefile: CaseFile, kind: str) -> list[StoredFact]:
    """The facts of a kind, in the order of replay."""
    return [fact for fact in casefile.lines if fact.kind == kind]


def unanswered(casefile: CaseFile) -> list[StoredFact]:
    """The questions that were put and have no answer."""
    return [fact for fact in said_of(casefile, PUT_TO) if casefile.items[fact.data[ITEM]].state == "put"]


def promises(casefile: CaseFile) -> dict[str, int]:
    """How many promises are open, met and not met."""
    states = [casefile.items[fact.data[ITEM]].state for fact in said_of(casefile, PROMISED)]
    return {state: states.count(state) for state in ("promised", "met", "not_met")}


def not_communicated(casefile: CaseFile) -> list[str]:
    """To whom an earlier version was communicated and the newest one was not."""
    versions = said_of(casefile, VERSION)
    if not versions:
        return []
    newest = versions[-1]
    known_by: dict[str, bool] = {}
    for fact in said_of(casefile, COMMUNICATED):
        said = fact.data.get("version")
        current = said == newest.data["version"] if said is not None else fact.occurred_on >= newest.occurred_on
        for whom in fact.data["communicated_to"]:
            known_by[whom] = known_by.get(whom, False) or current
    return sorted(whom for whom, current in known_by.items() if not current)


def expires_on(casefile: CaseFile) -> date | None:
    """The earliest day on which a training that people took ceases to count; None where none is named."""
    days = [fact.data["expires_on"] for fact in said_of(casefile, ATTENDED) if "expires_on" in fact.data]
    return date.fromisoformat(min(days)) if days else None


def trained(casefile: CaseFile) -> int:
    """How many people took part."""
    return sum(int(fact.data["people"]) for fact in said_of(casefile, ATTENDED))


def remarks(casefile: CaseFile) -> list[str]:
    """What a reader should know: which entry it is, silence, promises, versions that somebody lacks, who took part."""
    return [_entry(casefile), *said_of_entry(casefile)]


def said_of_entry(casefile: CaseFile) -> list[str]:
    """What the record says of an entry, besides which one it is."""
    return [*_answers(casefile), *_promises(casefile), *_versions(casefile), *_attendance(casefile)]


def _entry(casefile: CaseFile) -> str:
    said = opening_of(casefile).data
    return (
        f"Register: {in_words(said['team_register'])}. Entry: {in_words(said['topic'])}. Owner: {said['entry_owner']}."
    )


def _answers(casefile: CaseFile) -> Iterator[str]:
    for fact in unanswered(casefile):
        yield f"No answer of {in_words(fact.data['whom'])} to what was put on {fact.occurred_on.isoformat()}."
    for fact in said_of(casefile, ANSWERED):
        yield f"Answer to {in_words(fact.data[ITEM])}: {in_words(fact.data['answer'])}."


def _promises(casefile: CaseFile) -> Iterator[str]:
    counted = promises(casefile)
    if any(counted.values()):
        yield f"Promises: {counted['promised']} open, {counted['met']} met, {counted['not_met']} not met."


def _versions(casefile: CaseFile) -> Iterator[str]:
    versions = said_of(casefile, VERSION)
    if versions:
        yield f"The version in force is {versions[-1].data['version']}, of {versions[-1].occurred_on.isoformat()}."
    if left := not_communicated(casefile):
        yield f"The version in force was not communicated to: {', '.join(map(in_words, left))}."


def _attendance(casefile: CaseFile) -> Iterator[str]:
    if people := trained(casefile):
        ends = expires_on(casefile)
        yield f"{people} people took part." + (f" The first training expires on {ends.isoformat()}." if ends else "")


def _words(code: str) -> str:
    return code.replace("_", " ")


def in_letters(casefile: CaseFile, fact: StoredFact) -> Mapping[str, Any]:
    """Which register an entry is of, and its topic: words that identify nobody."""
    del fact
    opening = opening_of(casefile)
    return {"register": _words(opening.data["team_register"]), "topic": _words(opening.data["topic"])}


def _asked(casefile: CaseFile, fact: StoredFact) -> str | None:
    del casefile
    missing = [name for name in fact.data["asks"] if name not in fact.data]
    return f"the register {fact.data['team_register']} asks of an entry: {', '.join(missing)}" if missing else None


def _taken(kind: str) -> Guard:
    def guard(casefile: CaseFile, _fact: StoredFact) -> str | None:
        opening = opening_of(casefile).data
        if kind in opening["takes"]:
            return None
        return f"the register {opening['team_register']} takes no {kind}. It takes {', '.join(opening['takes'])}"

    return guard


def _of_entry(kind: str, model: type[Any]) -> NoTransition:
    """A fact of an open entry, of a register that takes it."""
    return NoTransition(kind, model, accepted_in=("open",), guard=_taken(kind), order=OVER)


def _of_item(kind: str, model: type[Any]) -> NoTransition:
    """A fact about a question or a promise, which may come after the entry has ended."""
    return NoTransition(kind, model, accepted_in=("open", "ended"), guard=_taken(kind))


LABELS = {
    OPENED: "entry opened",
    VERSION: "new version made",
    COMMUNICATED: "made known",
    ATTENDED: "people took part",
    "register_evidence_added": "evidence added",
    "register_put_to": "put to those who decide",
    "register_answered": "answer to what was put",
    "register_promise_made": "promise made",
    "register_promise_met": "promise met",
    "register_promise_not_met": "promise not met",
    "register_entry_reviewed": "entry reviewed",
    "register_entry_ended": "entry ended",
    "team_register": "register",
    "entry_owner": "owner",
    "whom": "to whom",
}
PROCESS = define_process(
    RegisterEntry,
    name="register_entry",
    title="Entry of a register",
    labels=LABELS,
    version=1,
    about=About.ORGANISATION,
    items=ITEMS,
    remarks=remarks,
    in_letters=in_letters,
    facts=[
        OpeningFact(OPENED, EntryOpened, guard=_asked),
        _of_entry(VERSION, VersionMade),
        _of_entry(COMMUNICATED, Communicated),
        _of_entry(ATTENDED, Attended),
        _of_entry("register_evidence_added", EvidenceAdded),
        _of_entry(PUT_TO, PutTo),
        _of_item(ANSWERED, Answered),
        _of_entry(PROMISED, PromiseMade),
        _of_item(MET, OfPromise),
        _of_item(NOT_MET, OfPromise),
        _of_entry("register_entry_reviewed", EntryReviewed),
        Transition("register_entry_ended", EntryEnded, order="an entry ends once (local standard on registers)"),
    ],
)
