"""Facts in, notices out: who is to be told what about which duty, and whether that is still worth saying. Pure.

Purpose: the notices of a fact are worked out in the fact's own transaction, so that what must be said is never lost;
and they are asked again when a letter is about to leave, because an answer may have come since. Which fact calls for
which letter stands in the ladder (local policy), what a letter says in its template; this file names no process and
decides no date.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cached_property
from typing import Any, NamedTuple

import orjson

from config.directory import Directory, DirectoryError
from config.escalation_policy import EscalationPolicy, EscalationStep
from deadlines.duties import Duty, excuses
from deadlines.escalation import WorkingDays, contacts, fallen
from models.casefile import CaseFile
from models.common_facts import CORRECTIONS, RUNGS
from models.enums import NoticeState, Party
from models.facts import StoredFact, iso
from notifications.ended_duties import AGAIN, ENDED, Ending, endings, overtaken_by_the_end
from notifications.render import newest

DIGEST = "digest"
WITHDRAWAL = "rung_withdrawn"
BEGAN = "chasing_began"
SENT = "notice_sent"
ENGINES = RUNGS | CORRECTIONS | {WITHDRAWAL}
# raised where this room comes to call for other notices of the same facts (a test asks): verify then asks
# only from
# that day on
TELLING = 1


class NoticeDraft(NamedTuple):
    """One thing to tell one recipient about one duty. `rank` 0 is no rung; `on` is the day of the fact that calls for
    it.
    """

    key: str
    case_ref: str
    fact_seq: int
    rule: str
    body: str | None
    service: str | None
    opened_seq: int
    due: date | None
    rung: str
    rank: int
    template: str
    recipient: str
    mailbox: str | None
    on: date
    fields: dict[str, Any]
    state: NoticeState

    def row(self, created_at: str, day: Callable[[date], Any]) -> tuple[Any, ...]:
        """The notice as the outbox keeps it, in the order of its columns; `created_at` is an instant (ISO 8601 UTC),
        `day` the driver's form of a day.
        """
        return (
            self.key,
            self.case_ref,
            self.fact_seq,
            self.rule,
            self.body,
            self.service,
            self.opened_seq,
            self.due and day(self.due),
            self.rung,
            self.rank,
            self.template,
            str(self.recipient),
            self.mailbox,
            day(self.on),
            orjson.dumps(self.fields, option=orjson.OPT_SORT_KEYS).decode(),
            str(self.state),
            None,
            created_at,
        )


class Verdict(StrEnum):
    """Whether a notice is still called for: yes; no, for good; or not today, because a person paused the chasing."""

    CALLED_FOR = "called_for"
    WITHDRAWN = "withdrawn"
    PAUSED = "paused"


@dataclass(frozen=True)
class View:
    """What every notice of one case is worked out from: local policy, addresses, the almanac, and the case on one
    reading.
    """

    ladder: EscalationPolicy
    directory: Directory
    almanac: WorkingDays
    casefile: CaseFile
    duties: Sequence[Duty]

    @cached_property
    def beside(self) -> dict[str, dict[str, Any]]:
        """The case's other dates by rule, the newest of each: a letter may say what lateness does to them."""
        return {
            duty.rule: {
                "due": _iso(duty.dates.due),
                "citation": duty.dates.citation,
                "closed_on": _iso(duty.closed_on),
                "met_on": _iso(duty.met_on),
            }
            for duty in self.duties
            if duty.body is None and duty.dates.due is not None and duty.bound == "by"
        }


def notices_for(
    lines: Sequence[StoredFact],
    casefile: CaseFile,
    duties: Sequence[Duty],
    ladder: EscalationPolicy,
    directory: Directory,
    almanac: WorkingDays,
    as_at: date,
    local_sink: bool,
) -> list[NoticeDraft]:
    """The notices that the new facts of one case call for; `casefile` and `duties` already hold those facts.

    Where several rungs of one duty fell in one act, a mailbox gets the highest addressed to it and the lower are
    written as superseded. Letters of a first import leave at once only where `local_sink` keeps them. Raises whatever
    the almanac raises beyond its range.
    """
    view = View(ladder, directory, almanac, casefile, duties)
    made: list[NoticeDraft] = []
    for line in lines:
        if line.kind in RUNGS:
            made += _of_rung(view, line)
        elif line.kind == BEGAN:
            made += _of_beginning(view, line, as_at, NoticeState.CREATED if local_sink else NoticeState.HELD)
        elif line.kind == WITHDRAWAL:
            made += _of_withdrawal(view, line, (data for _, data in casefile.told))
        else:
            if line.kind in ladder.letter and line.via != "import":
                made += _of_letter(view, line)
            made += [_of_end(view, one) for one in endings(casefile, duties, ladder, directory, line)]
    return _highest_only(made)


def _of_rung(view: View, line: StoredFact) -> list[NoticeDraft]:
    rule, rung_id = str(line.data["rule"]), str(line.data["rung"])
    rung = view.ladder.rung_def(rule, rung_id)
    duty = _duty(view.duties, rule, int(line.data["opened_seq"]))
    if rung is None or duty is None or duty.closed_on is not None:
        return []
    again = sum(
        1
        for fact in view.casefile.rungs.values()
        if fact.withdrawn
        and fact.seq < line.seq
        and (fact.rule, fact.opened_seq, fact.rung, fact.due) == (rule, duty.opened_seq, rung_id, duty.due)
    )
    return [
        _draft(
            view,
            line,
            duty,
            party,
            rung.id,
            rung.rank,
            rung.template,
            NoticeState.CREATED,
            f"/{again + 1}" if again else "",
        )
        for party in rung.parties(_ours(view, duty))
    ]


def _of_beginning(view: View, line: StoredFact, as_at: date, state: NoticeState) -> list[NoticeDraft]:
    made: list[NoticeDraft] = []
    for duty in view.duties:
        rungs = view.ladder.rungs(duty.rule)
        if (
            not rungs
            or duty.body is None
            or duty.closed_on is not None
            or duty.excuse is not None
            or not duty.imported
            or duty.opened_seq > line.seq
        ):
            continue
        highest: dict[Party, EscalationStep] = {}
        for rung, _ in fallen(duty, rungs, view.almanac, as_at):
            if not _answered_by_contact(view.casefile, duty, rung):
                highest |= dict.fromkeys(rung.parties(_ours(view, duty)), rung)
        made += [_draft(view, line, duty, party, rung.id, rung.rank, DIGEST, state) for party, rung in highest.items()]
    return made


def _of_letter(view: View, line: StoredFact) -> list[NoticeDraft]:
    letter = view.ladder.letter[line.kind]
    called_for = newest(letter.template).called_for
    return [
        # Advice that was returned and came again is thanked for again.
        _draft(
            view,
            line,
            duty,
            party,
            letter.rung,
            0,
            letter.template_for.get(duty.rule, letter.template),
            NoticeState.CREATED,
            f"/{duty.reopened + 1}" if duty.reopened else "",
        )
        for duty in view.duties
        if view.ladder.rungs(duty.rule)
        and duty.body is not None
        and not duty.provisional
        and (
            duty.met_seq == line.seq
            if called_for == "met"
            else duty.closed_on is None and (duty.opened_seq == line.seq or _tells(duty, line))
        )
        for party in letter.parties(_ours(view, duty))
    ]


def _tells(duty: Duty, line: StoredFact) -> bool:
    """Whether a fact tells the day of a duty that another fact opened, such as the day of a mediation to
    take part in.
    """
    return any(line.kind in told.told_by for told in duty.law.inputs.values())


def _of_end(view: View, one: Ending) -> NoticeDraft:
    return _draft(
        view, one.line, one.duty, one.party, one.rung, 0, one.template, NoticeState.CREATED, f"/{one.line.seq}"
    )


def _ours(view: View, duty: Duty) -> bool:
    return duty.body == view.directory.icb.body


def _of_withdrawal(view: View, line: StoredFact, told: Iterable[Mapping[str, Any]]) -> list[NoticeDraft]:
    """To whoever was told of the rung. A person told of a higher rung of the same duty gets one withdrawal, of that
    one.
    """
    about = line.data
    rung = view.ladder.rung_def(str(about["rule"]), str(about["rung"]))
    parties = dict.fromkeys(str(data["recipient"]) for data in told if data.get("rung_seq") == about["rung_seq"])
    duty = _duty(view.duties, str(about["rule"]), int(about["opened_seq"]))
    template = rung.withdrawal if rung else WITHDRAWAL
    made: list[NoticeDraft] = []
    for recipient in parties:
        body, service = about.get("body"), about.get("service")
        mailbox = view.directory.mailbox(view.casefile.la, body, service, Party(recipient))
        due = date.fromisoformat(str(about["due"]))
        key = _key(
            view.casefile.case_ref, str(about["rule"]), body, int(about["opened_seq"]), due, WITHDRAWAL, recipient
        )
        made.append(
            NoticeDraft(
                f"{key}/{about['rung_seq']}",
                view.casefile.case_ref,
                line.seq,
                str(about["rule"]),
                body,
                service,
                int(about["opened_seq"]),
                due,
                WITHDRAWAL,
                rung.rank if rung else 0,
                template,
                recipient,
                mailbox,
                line.occurred_on,
                fields_of(view, duty, about, recipient, template),
                NoticeState.CREATED,
            )
        )
    return made


def overtaken(view: View, sent: Mapping[str, Any]) -> list[NoticeDraft]:
    """What a recipient is owed who was told of something that was no longer so by then: a letter under way cannot be
    called back.

    A rung that was being withdrawn; a duty that had ended; an end that had been taken back.
    """
    owed = [
        draft
        for line in view.casefile.lines
        if line.kind == WITHDRAWAL and line.data.get("rung_seq") == sent.get("rung_seq")
        for draft in _of_withdrawal(view, line, [sent])
    ]
    duty = _duty(view.duties, str(sent["rule"]), int(sent["opened_seq"]))
    if duty is not None:
        over = overtaken_by_the_end(view.casefile, duty, view.ladder, view.directory, str(sent["rung"]))
        owed += [_of_end(view, one) for one in over]
    return owed


def _highest_only(drafts: Sequence[NoticeDraft]) -> list[NoticeDraft]:
    """One notice a mailbox and duty among rungs, and one among withdrawals: the highest rank stays, the lower are
    superseded.
    """
    if len(drafts) < 2:
        return list(drafts)
    top: dict[tuple[object, ...], int] = {}
    for draft in drafts:
        place = _place(draft)
        top[place] = max(top.get(place, 0), draft.rank)
    return [
        draft._replace(state=NoticeState.SUPERSEDED) if draft.rank < top[_place(draft)] else draft for draft in drafts
    ]


def _place(draft: NoticeDraft) -> tuple[object, ...]:
    kind = draft.rung if draft.rung == WITHDRAWAL or draft.rank == 0 else "rung"
    return (draft.rule, draft.opened_seq, draft.mailbox or draft.recipient, kind)


def verdict(view: View, draft: NoticeDraft, as_at: date) -> Verdict:
    """Whether a notice is still called for on `as_at`: the duty open, judged by the same date, the rung standing, no
    pause.
    """
    wanted = newest(draft.fields["letter"]).called_for
    if wanted == "always":
        return Verdict.CALLED_FOR
    duty = _duty(view.duties, draft.rule, draft.opened_seq)
    if duty is None:
        return Verdict.WITHDRAWN
    if wanted in ("met", "ended"):
        closed_by = duty.met_seq if wanted == "met" else None if duty.met_on is not None else duty.ended_seq
        return Verdict.CALLED_FOR if closed_by == draft.fact_seq else Verdict.WITHDRAWN
    if duty.closed_on is not None:
        return Verdict.WITHDRAWN
    if draft.rank == 0:
        # What tells of a day falls with that day; what tells of a request stands, with the day that it has
        # by then.
        return (
            Verdict.CALLED_FOR
            if draft.fact_seq == duty.opened_seq or draft.rung == AGAIN or duty.due == draft.due
            else Verdict.WITHDRAWN
        )
    if not _rung_stands(view, draft, duty, as_at):
        return Verdict.WITHDRAWN
    return Verdict.PAUSED if paused_until(view.casefile, duty.body, as_at) else Verdict.CALLED_FOR


def paused_until(casefile: CaseFile, body: str | None, as_at: date) -> date | None:
    """The last day of the pause of chasing that covers `as_at` for a body, if a person has asked for one."""
    return max(
        (until for began, until, whose in casefile.pauses if began <= as_at <= until and whose in (None, body)),
        default=None,
    )


def _rung_stands(view: View, draft: NoticeDraft, duty: Duty, as_at: date) -> bool:
    fact = view.casefile.rungs.get(draft.fact_seq)
    rung = view.ladder.rung_def(draft.rule, draft.rung)
    if duty.excuse is not None or (rung is not None and _answered_by_contact(view.casefile, duty, rung)):
        return False
    if fact is not None:
        return not fact.withdrawn and duty.due == draft.due
    # A first import has no fact for each rung that it covers: there the rung must still have fallen by
    # today's due
    # date.
    return any(one.id == draft.rung for one, _ in fallen(duty, view.ladder.rungs(draft.rule), view.almanac, as_at))


def _answered_by_contact(casefile: CaseFile, duty: Duty, rung: EscalationStep) -> bool:
    return rung.unless == "contact" and bool(contacts(casefile, duty))


def refreshed(view: View, draft: NoticeDraft) -> dict[str, Any]:
    """The fields as they are to be said now: facts that came after the notice was written are in them."""
    duty = _duty(view.duties, draft.rule, draft.opened_seq)
    about = next((line.data for line in view.casefile.lines if line.seq == draft.fact_seq), {})
    if duty is None and draft.rung != WITHDRAWAL:
        return draft.fields
    return fields_of(view, duty, about if draft.rung == WITHDRAWAL else {}, draft.recipient, draft.fields["letter"])


def _draft(
    view: View,
    line: StoredFact,
    duty: Duty,
    party: Party,
    rung: str,
    rank: int,
    template: str,
    state: NoticeState,
    suffix: str = "",
) -> NoticeDraft:
    case_ref = view.casefile.case_ref
    letter = template
    if template == DIGEST:
        found = view.ladder.rung_def(duty.rule, rung)
        letter = found.template if found is not None else DIGEST
    return NoticeDraft(
        _key(case_ref, duty.rule, duty.body, duty.opened_seq, duty.due, rung, party) + suffix,
        case_ref,
        line.seq,
        duty.rule,
        duty.body,
        duty.service,
        duty.opened_seq,
        duty.due,
        rung,
        rank,
        template,
        party,
        _mailbox(view, duty, party),
        line.occurred_on,
        fields_of(view, duty, {}, party, letter),
        state,
    )


def _key(
    case_ref: str, rule: str, body: str | None, opened_seq: int, due: date | None, rung: str, recipient: str
) -> str:
    return f"{case_ref}/{rule}/{body or '-'}/{opened_seq}/{iso(due) if due else '-'}/{rung}/{recipient}"


def _mailbox(view: View, duty: Duty, party: Party) -> str | None:
    return view.directory.mailbox(view.casefile.la, duty.body, duty.service, party)


def _duty(duties: Iterable[Duty], rule: str, opened_seq: int) -> Duty | None:
    return next((duty for duty in duties if duty.rule == rule and duty.opened_seq == opened_seq), None)


def fields_of(view: View, duty: Duty | None, about: Mapping[str, Any], recipient: str, letter: str) -> dict[str, Any]:
    """Everything that a letter may say of one duty: references, names of organisations, dates as ISO text. Nothing that
    identifies a child.

    `about` is a withdrawal's own data; `letter` names the template that gives the heading and the action.
    """
    casefile, directory = view.casefile, view.directory
    body, service = (duty.body, duty.service) if duty is not None else (None, None)
    if about:
        # A correction may have moved the request to another body: the letter goes to the one that was
        # written to, about
        # what was said to it.
        body, service, elsewhere = (
            about.get("body"),
            about.get("service"),
            (body, service) != (about.get("body"), about.get("service")),
        )
    fields: dict[str, Any] = {
        "letter": letter,
        "recipient": str(recipient),
        "rule": duty.rule if duty else str(about.get("rule", "")),
        "process": casefile.process,
        "ref": casefile.case_ref,
        "la_ref": casefile.la_reference,
        "la": directory.la_name(casefile.la) if casefile.la else "the local authority",
        "service": directory.service_name(service) if service else None,
        "body": _body_name(directory, body),
        "received": _iso(duty.started_on) if duty and _is_day(duty.start_day) else None,
        "due": _iso(duty.dates.due) if duty else None,
        "strict_due": _iso(duty.dates.strict_due) if duty else None,
        "act_by": _iso(duty.dates.act_by) if duty else None,
        "citation": duty.dates.citation if duty else "",
        "url": duty.dates.url if duty else None,
        "basis": duty.dates.basis if duty else None,
        "days": (
            {key: value for key, value in duty.given.items() if key.endswith("_on") and isinstance(value, str)}
            if duty
            else {}
        ),
        "closed_on": _iso(duty.closed_on) if duty else None,
        "met_on": _iso(duty.met_on) if duty else None,
        "excused": duty is not None and duty.excuse is not None,
        "reopened": duty.reopened if duty else 0,
        "acknowledged_on": _iso(next(iter(contacts(casefile, duty)), None)) if duty else None,
        "claims": [
            {"on": _iso(claim.began_on), "ground": claim.ground}
            for claim in casefile.undecided()
            if duty and _reaches(claim, duty)
        ],
        "history": _history(view, duty) if duty else [],
        "beside": view.beside,
        "ours": duty is not None and _ours(view, duty),
    }
    if duty is not None and duty.ended_seq is not None:
        fields["ended_by"] = next((line.kind for line in casefile.lines if line.seq == duty.ended_seq), None)
    if about:
        told = [
            line.occurred_on
            for line in casefile.lines
            if line.kind == SENT and line.data.get("rung_seq") == about.get("rung_seq")
        ]
        fields |= {
            "due_was": str(about["due"]),
            "due_now": about.get("due_now"),
            "told_on": _iso(max(told, default=None)),
            "elsewhere": elsewhere,
        }
    return fields


def _body_name(directory: Directory, code: str | None) -> str:
    try:
        return directory.body(code).name if code else "the body that was asked"
    except DirectoryError:
        return code or ""


def _reaches(claim: Any, duty: Duty) -> bool:
    if claim.ground is not None:
        return excuses(claim, duty)
    return claim.rule in (None, duty.rule) and claim.body in (None, duty.body) and claim.service in (None, duty.service)


def _history(view: View, duty: Duty) -> list[dict[str, Any]]:
    """What has happened to one request: its own facts, and who was told what that still stands."""
    happened: list[dict[str, Any]] = []
    withdrawn = {fact.seq for fact in view.casefile.rungs.values() if fact.withdrawn}
    body, service, opened_seq = duty.body, duty.service, duty.opened_seq
    for line in view.casefile.lines:
        kind = line.kind
        if kind == SENT:
            about = line.data
            if (
                (about["rule"], about["opened_seq"]) != (duty.rule, duty.opened_seq)
                or about.get("rung_seq") in withdrawn
                or about["rung"] in (ENDED, AGAIN)
            ):
                continue
            rung = view.ladder.rung_def(duty.rule, str(about["rung"]))
            happened.append(
                {
                    "on": _iso(line.occurred_on),
                    "what": rung.template if rung else str(about["rung"]),
                    "to": about["recipient"],
                }
            )
        elif line.seq >= opened_seq:
            data = line.data
            of_it = data.get("body") == body and (data.get("service") or service) == service
            if of_it and kind not in ENGINES and not kind.startswith("notice_"):
                happened.append({"on": _iso(line.occurred_on), "what": kind, "to": None})
    return happened


def _is_day(field: str | None) -> bool:
    """Whether a duty starts on a day that may be said: the fact's own, or one that it names (`..._on`), and never a
    birth.
    """
    return field is None or field.endswith("_on")


def _iso(day: date | None) -> str | None:
    return iso(day) if day is not None else None
