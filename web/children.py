"""Children: all cases of one child with all clocks, who the child is for a purpose, corrections, and two side by side.

A child has no address of its own: it is named by one of its cases. Pages show references until somebody asks with a
purpose. Joining and parting take the path of `sendflow join` and `part`, and say first which cases they reach.
"""

from __future__ import annotations

from typing import Any

from casework import to_decide
from casework.cases.child_questions import CONFIRM
from casework.cases.fact_form import Refused
from casework.cases.part_and_join import ChildChange, join, part
from casework.cases.references import reference_meant
from casework.privacy.access import ChildOfCase, read_children
from casework.privacy.case_looks import note_looks
from casework.privacy.purposes import WrongPurpose
from casework.reports.child import ChildReport, child_of
from casework.reports.preview import preview
from flows.jobs import Job, JobExecution
from models.database import reading
from models.enums import About
from models.errors import Refusal
from models.facts import FactDraft
from web.answers import Answer, GoTo, Page
from web.asked import Asked
from web.case import TAGS
from web.faults import no_page
from web.forms import Field, fill
from web.identity import WHY, purpose_items
from web.labels import first_capital
from web.recording import COMMAND_WORDS

LOOK = "child"
NO_CASE = "There is no such case of a child: give its reference, as in NX00042."
IDENTITY = {"nhs_number": "NHS number", "date_of_birth": "Date of birth", "name": "Name"}
NOTHING_GIVEN = "Give the NHS number or the date of birth as it should be."
NOT_CHECKED = "Say that you have checked that this is the same child, or record nothing."
ONE_AT_LEAST = "Choose the case from which it is to be separated."
SIDE_BY_SIDE = (to_decide.ALIKE, to_decide.DUPLICATE)


def children(asked: Asked) -> Answer:
    """Who may be one child, and the way to a child by a case of it; `case` and `other` lead on."""
    typed = {name: asked.query.get(name, "").strip() for name in ("case", "other")}
    if not typed["case"]:
        return _children(asked, typed)
    found: list[str] = []
    for name in ("case", "other"):
        if typed[name] or name == "case":
            try:
                found.append(reference_meant(asked.context, typed[name]))
            except LookupError:
                return _children(asked, typed, (name, NO_CASE))
    return GoTo(f"/children/{found[0]}" + (f"/with/{found[1]}" if len(found) == 2 else ""))


def child(asked: Asked) -> Answer:
    """All cases of the child of a case, with all clocks and the history of who the child is."""
    found = _found(asked, asked.place["ref"])
    return no_page(404) if found is None else _child(asked, found)


def show(asked: Asked) -> Answer:
    """Log the access to each case of the child, then show who the child is and what each case said of it."""
    found = _found(asked, asked.place["ref"])
    if found is None:
        return no_page(404)
    try:
        people = read_children(asked.context, found.refs, asked.account, asked.form.get("purpose", ""))
    except WrongPurpose:
        return _child(asked, found, at=("purpose", WHY))
    except LookupError:
        return no_page(404)
    return _child(asked, found, people=people)


def correct(asked: Asked) -> Answer:
    """Correct the NHS number or the date of birth: say what it does, then record a correction of the first fact."""
    found = _found(asked, asked.place["ref"])
    if found is None:
        return no_page(404)
    born = Field("date_of_birth", "Date of birth", "", "day", False)
    fill(born, asked.form)
    data = {"nhs_number": asked.form.get("nhs_number", "").strip(), "date_of_birth": born.value}
    data = {name: value for name, value in data.items() if value}
    if born.error or not data:
        wrong = ("date_of_birth-day", born.error) if born.error else ("nhs_number", NOTHING_GIVEN)
        return _child(asked, found, at=wrong)
    ref, reason = found.refs[0], asked.form.get("reason", "").strip()
    draft = FactDraft("fact_corrected", asked.context.today(), {**data, **({"reason": reason} if reason else {})}, 1)
    confirmed = asked.form.get("confirm_child") == "yes"
    try:
        if asked.form.get("step") == "record":
            arguments = {"case": ref, "drafts": [draft], "actor": asked.account, "via": "page", "confirmed": confirmed}
            JobExecution(Job.RECORD, asked.context, arguments).execute(None)
            return GoTo(f"/children/{ref}?done=corrected")
        return _check_correction(asked, found, draft, born)
    except Refused as refused:
        if refused.code == CONFIRM:
            return _check_correction(asked, found, draft, born, NOT_CHECKED)
        place = "date_of_birth-day" if refused.field == "date_of_birth" else "nhs_number"
        return _child(asked, found, at=(place, _said(refused)))


def part_cases(asked: Asked) -> Answer:
    """Say that cases are about different children: first whom it reaches, then the record."""
    found = _found(asked, asked.place["ref"])
    if found is None:
        return no_page(404)
    ref, other = found.refs[0], asked.form.get("other", "")
    along = [each for each in found.refs[1:] if asked.form.get(f"along-{each}") == "yes" and each != other]
    if other not in found.refs[1:]:
        return _child(asked, found, at=("other", ONE_AT_LEAST))
    try:
        done = part(asked.context, ref, other, asked.account, along, asked.form.get("step") == "do")
    except Refused as refused:
        if refused.code != CONFIRM:
            return _child(asked, found, at=("other", _said(refused)))
        hidden = {"other": other, **{f"along-{each}": "yes" for each in along}}
        return _check(asked, f"Separate {ref} from {other}", f"/children/{ref}/part", refused, hidden)
    except LookupError:
        return no_page(404)
    return _done(asked, ref, done, f"{_names(done.cases)} and {_names(done.others)} are about two children now.")


def compare(asked: Asked) -> Answer:
    """Two cases side by side, by reference only."""
    both = _both(asked)
    return no_page(404) if both is None else _compare(asked, both)


def show_both(asked: Asked) -> Answer:
    """Log the access to both cases, then show side by side whom they are about."""
    both = _both(asked)
    if both is None:
        return no_page(404)
    refs = [each.refs[0] for each in both]
    try:
        people = read_children(asked.context, refs, asked.account, asked.form.get("purpose", ""))
    except WrongPurpose:
        return _compare(asked, both, at=("purpose", WHY))
    except LookupError:
        return no_page(404)
    return _compare(asked, both, people=people)


def join_cases(asked: Asked) -> Answer:
    """Say that two cases are about one child: first whom it reaches, then the record."""
    both = _both(asked)
    if both is None:
        return no_page(404)
    ref, other = (each.refs[0] for each in both)
    try:
        done = join(asked.context, ref, other, asked.account, asked.form.get("step") == "do")
    except Refused as refused:
        if refused.code != CONFIRM:
            return _compare(asked, both, at=("join", _said(refused)), status=409)
        return _check(asked, f"Make one child of {ref} and {other}", f"/children/{ref}/with/{other}", refused, {})
    except LookupError:
        return no_page(404)
    return _done(asked, ref, done, f"{_names(done.cases)} are about one child now.")


def _found(asked: Asked, typed: str) -> ChildReport | None:
    """The child of a case that the reader sees; None where there is none, or where the case is about no child."""
    context = asked.context
    try:
        found = child_of(context, typed.upper())
    except LookupError:
        return None
    return found if context.processes[found.cases[0].process].about is About.CHILD else None


def _both(asked: Asked) -> tuple[ChildReport, ChildReport] | None:
    one, other = (_found(asked, asked.place[name]) for name in ("ref", "other"))
    return (one, other) if one is not None and other is not None and one.refs[0] != other.refs[0] else None


def _children(asked: Asked, typed: dict[str, str], at: tuple[str, str] | None = None) -> Page:
    context = asked.context
    with reading(context.engine) as connection:
        waits = [each for each in to_decide.waiting(context, connection) if each.kind in SIDE_BY_SIDE]
    values: dict[str, Any] = {"title": "Children", "waits": waits, "typed": typed}
    return _with_error("children.html", values, at, 400)


def _child(
    asked: Asked, found: ChildReport, *, people: list[ChildOfCase] | None = None, at: tuple[str, str] | None = None
) -> Page:
    ref = found.refs[0]
    note_looks(asked.context, found.refs, asked.account, LOOK)
    values: dict[str, Any] = {
        "title": f"The child of {ref}",
        "ref": ref,
        "found": found,
        "people": people,
        "identity": IDENTITY,
        "purposes": purpose_items(asked.context, asked.form.get("purpose", "")),
        "tags": TAGS,
        "rules": asked.context.law.rules,
        "form": asked.form,
        "done": asked.query.get("done", ""),
    }
    return _with_error("child.html", values, at, 400)


def _compare(
    asked: Asked,
    both: tuple[ChildReport, ChildReport],
    *,
    people: list[ChildOfCase] | None = None,
    at: tuple[str, str] | None = None,
    status: int = 400,
) -> Page:
    context, refs = asked.context, [each.refs[0] for each in both]
    note_looks(context, refs, asked.account, LOOK)
    with reading(context.engine) as connection:
        waits = to_decide.waiting(context, connection)
    values: dict[str, Any] = {
        "title": f"{refs[0]} and {refs[1]} side by side",
        "refs": refs,
        "both": both,
        "one_child": refs[1] in both[0].refs,
        "people": people,
        "identity": IDENTITY,
        "purposes": purpose_items(context, asked.form.get("purpose", "")),
        "waits": next((each for each in waits if each.kind in SIDE_BY_SIDE and set(each.cases) >= set(refs)), None),
    }
    return _with_error("children_compare.html", values, at, status)


def _check_correction(asked: Asked, found: ChildReport, draft: FactDraft, born: Field, error: str = "") -> Page:
    """What a correction does, before it is recorded. It names no value that was typed. `error`: what is not checked."""
    ref, child_said = found.refs[0], ""
    try:
        seen = preview(asked.context, ref, [draft], asked.account)
    except Refused as refused:
        if refused.code != CONFIRM:
            raise
        child_said = _asked_for(refused)
        seen = preview(asked.context, ref, [draft], asked.account, confirmed=True)
    hidden = {"nhs_number": asked.form.get("nhs_number", ""), "reason": asked.form.get("reason", ""), **born.sent()}
    values = {"title": "Check before it is recorded", "ref": ref, "preview": seen, "child": child_said}
    values |= {"error": error, "errors": [{"text": error, "href": "#confirm_child"}] if error else []}
    corrected = [IDENTITY[name] for name in IDENTITY if name in draft.data]
    return Page("child_correction.html", {**values, "hidden": hidden, "corrected": corrected}, 400 if error else 200)


def _check(asked: Asked, title: str, action: str, refused: Refused, hidden: dict[str, str]) -> Page:
    values = {"title": title, "action": action, "said": _asked_for(refused), "hidden": hidden}
    return Page("child_check.html", {**values, "ref": asked.place["ref"].upper()})


def _done(asked: Asked, ref: str, done: ChildChange, said: str) -> Page:
    note_looks(asked.context, [*done.cases, *done.others], asked.account, LOOK)
    return Page("child_done.html", {"title": "Recorded", "ref": ref, "done": done, "said": said})


def _names(refs: list[str]) -> str:
    return ", ".join(refs)


def _with_error(template: str, values: dict[str, Any], at: tuple[str, str] | None, status: int) -> Page:
    if at is None:
        return Page(template, values)
    return Page(template, {**values, "at": at[0], "error": at[1], "errors": True}, status)


def _asked_for(refused: Refused) -> str:
    """The question that a person answers, without the words for who types commands."""
    return refused.message.partition(" Nothing was written.")[0]


def _said(refused: Refusal) -> str:
    said = COMMAND_WORDS.sub("", str(refused))
    for name, title in IDENTITY.items():
        said = said.replace(name, title if title.startswith("NHS") else title.lower()) if "_" in name else said
    return first_capital(said)
