"""Formats what commands print as plain text: a case's history, the processes, a verification, a worklist."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from config.step_words import step_name
from config.text import counted, full_day, in_days, in_words, noun, short_day, short_weekday, with_days
from models.fields import in_pounds
from models.marks import NOT_YET

if TYPE_CHECKING:
    from audit.verify import VerifyReport
    from casework.context import AppContext
    from casework.reports.case_models import AskAgain, CaseReport, Cause, DutyShown, FactShown, LinkShown, Origin
    from casework.reports.effects import DutyEffect, Effects
    from casework.reports.preview import Preview
    from casework.reports.worklists import BoardGroup, BoardRow
    from config.rule_schema import Rule
    from statemachines.process import Process

LONDON = ZoneInfo("Europe/London")


def day(value: date | None) -> str:
    """13 April 2026."""
    return full_day(value) if value else "no date"


def short(value: date | None) -> str:
    """Mon 13 Apr 2026."""
    return short_weekday(value) if value else "-"


FREE_TEXT = "free text (to read it: sendflow person --free-text)"
# Facts that meet a duty to give advice although none came.
WITHOUT_ADVICE = {
    "health_advice_answered": "answered without advice",
    "review_advice_declined": "answered without advice",
}


def words(kind: str) -> str:
    """A stored word, such as that of a rule, as words."""
    return in_words(kind)


def at(instant: str) -> str:
    """An instant (ISO 8601 UTC) in London time: Wed 15 Apr 2026 at 09:00. Seconds are shown where there are some."""
    here = datetime.fromisoformat(instant).astimezone(LONDON)
    exact = here.strftime("%H:%M") if not (here.second or here.microsecond) else here.strftime("%H:%M:%S.%f")
    return f"{short(here.date())} at {exact}"


def history(context: AppContext, found: CaseReport) -> str:
    """Format a case from its opening to now."""
    from casework.reports.item_words import item_name, item_words  # loads the machines, which a worklist does not need

    reference = found.case_ref + (f" (the authority's reference: {found.la_reference})" if found.la_reference else "")
    process = context.processes[found.process]
    la = f", {context.directory.la_name(found.la)}" if found.la else ""
    known = f", as known on {at(found.known_at)}" if found.known_at else ""
    lines = [f"{reference}: {process.title}{la}", f"At '{found.state_name}' on {day(found.as_at)}{known}."]
    words = item_words(process, found.facts, found.items)
    lines += [
        f"The {item_name(each.called, each.item)}{f' ({words[each.item]})' if words[each.item] else ''}:"
        f" {each.state_name}, since {short(each.since)}."
        for each in found.items
    ]
    lines += [_link(context, each) for each in found.links]
    lines += [
        f"Hold {hold.number} of {short_day(hold.since)} stops an erasure: {hold.title} ({hold.case_ref})."
        for hold in found.holds
    ]
    if found.same_child:
        lines.append(f"Other cases of the same child: {', '.join(found.same_child)}.")
    lines += [*_simulation(context), *_law_then(found), "", "Duties"]
    for duty in found.duties:
        lines += duty_text(context, process, duty)
    if found.to_ask_again:
        lines += [
            "",
            "To be asked again",
            *(line for each in found.to_ask_again for line in _ask_again(context, process, each)),
        ]
    if found.plan_issued_without:
        missing = ", ".join(_who(context, each["body"], each["service"]) for each in found.plan_issued_without)
        lines += ["", f"The plan was issued without the advice asked of: {missing}."]
    if found.claims_to_decide:
        lines += [
            "",
            f"Claimed exceptions for a person to decide: fact {', '.join(map(str, found.claims_to_decide))}.",
        ]
    if found.remarks:
        lines += ["", "Besides", *(f"  {with_days(remark)}" for remark in found.remarks)]
    lines += ["", "Facts, in the order in which they were recorded"]
    for fact in found.facts:
        lines += _fact(context, process, fact, found.heard.get(fact.seq))
    return warned(context, "\n".join(lines))


def _law_then(found: CaseReport) -> list[str]:
    then = found.law_then
    if then is None or then.is_now:
        return []
    which = f"Rule set {then.number} (digest {then.digest}) was active then"
    if then.kept:
        return [f"{which}. Each duty shows the law of now, and below it what was believed then."]
    return [f"{which}, and its text is not stored here. The duties show the law of now."]


def _believed(duty: DutyShown) -> list[str]:
    if duty.standing_then is None:
        return []
    late = f", {in_days(duty.days_late_then)} late" if duty.days_late_then else ""
    return [f"      believed then: due {short(duty.due_then)}, {words(duty.standing_then)}{late}"]


def _link(context: AppContext, link: LinkShown) -> str:
    title = f" ({context.processes[link.process].title})" if link.process else ""
    until = f" until {short(link.until)}" if link.until else ""
    return f"This case {link.says} {link.case_ref}{title}, since {short(link.since)}{until}."


def _simulation(context: AppContext) -> list[str]:
    return [context.simulation_notice] if context.simulation_notice else []


def marked(context: AppContext, text: str) -> str:
    """Put above a text that findings are open, and what every page of a simulation says."""
    return warned(context, "\n".join([*_simulation(context), text]))


def warned(context: AppContext, text: str) -> str:
    """Put above a text that findings of verification are open, if any are."""
    from casework.findings import notice

    altered = notice(context)
    return f"{altered}\n{text}" if altered else text


def duty_text(context: AppContext, process: Process, duty: DutyShown) -> list[str]:
    """A duty of a case: who owes what, from when, by when, and its status."""
    rule = context.law.rules[duty.rule]
    who = _who(context, duty.body, duty.service) if duty.body else (rule.duty_on or "-")
    due = f"{_edge(rule)} {short(duty.due)}" if duty.due else "no statutory number of days"
    if duty.strict_due and duty.strict_due != duty.due:
        due += f" (on the stricter reading {short(duty.strict_due)})"
    if duty.act_by and duty.act_by not in (duty.due, duty.strict_due):
        due += f", act by {short(duty.act_by)}"
    how = _how(context, process, duty)
    if duty.goes_on:
        how += f"; {duty.goes_on}"
    if duty.excuse:
        how += f" (exception accepted: {words(duty.excuse)})"
    local = "" if duty.basis in {"act", "regulation"} else f"[{words(duty.basis)}]"
    opened = f", {_called(process, duty.opened_by)}" if duty.opened_by else ""
    start = f"{short(duty.started_on)} (fact {duty.opened_seq}{opened}{_copied_from(context, duty.cause)})"
    lines = [
        f"  {who}: {rule.action}",
        f"      from {start}; {due}",
        " ".join(part for part in (f"      {how}.", duty.citation, local) if part),
    ]
    lines += _believed(duty)
    if duty.knock_on:
        lines.append(f"      {duty.knock_on}")
    if duty.provisional and duty.ended_on is None and duty.met_on is None:
        lines.append(
            "      for the time being from that day, until the receipt of the authority's new request is recorded;"
            " nobody is chased for it yet"
        )
    if duty.again_by:
        lines.append(
            f"      {'begun' if duty.provisional else 'asked'} again after {_origin(context, process, duty.again_by)}"
        )
    return lines


def _edge(rule: Rule) -> str:
    """Give the words before the date of a rule, which may be a last day, a first day or the edge of a window."""
    if rule.bound == "window":
        return "the window's edge is"
    if rule.bound == "not_before":
        return "not before" if rule.lawful_from == "due" else "not before the end of"
    return "due"


def _ask_again(context: AppContext, process: Process, due: AskAgain) -> list[str]:
    who, answered = (
        _who(context, due.body, due.service),
        f", answered on {short(due.answered_on)}" if due.answered_on else "",
    )
    return [
        (
            f"  {who}: asked on {short(due.asked_on)}{answered}, and not since the assessment began again by"
            f" {_origin(context, process, due.because)}."
        ),
        (
            "      Its time runs again from its receipt of the authority's new request: to end by"
            f" {short(due.plan_due)}, that has to reach it by {short(due.ask_by)}."
        ),
    ]


def _origin(context: AppContext, process: Process, origin: Origin) -> str:
    return f"fact {origin.seq}, {_called(process, origin.kind)}{_copied_from(context, origin.cause)}"


def _how(context: AppContext, process: Process, duty: DutyShown) -> str:
    """Give the status of a duty in words. The bare status of an ended duty would be `running` or `no_date`."""
    rule = context.law.rules[duty.rule]
    how = words(duty.standing) + (f", {in_days(duty.days_late)} late" if duty.days_late else "")
    if duty.met_on:
        met = WITHOUT_ADVICE.get(duty.met_by or "") or _called(process, duty.met_by or "met")
        return f"{how}, {met} on {short(duty.met_on)}"
    if duty.ended_on and duty.standing in {"breached", "excused"}:
        return f"{how} when it ended on {short(duty.ended_on)}"
    if duty.ended_on:
        return (
            f"{'not owed: it was decided otherwise' if rule.contingent else 'no longer owed: ended'} on"
            f" {short(duty.ended_on)}"
        )
    return _without_a_missed_day(rule, duty) if duty.standing == "no_date" and duty.due else how


def _without_a_missed_day(rule: Rule, duty: DutyShown) -> str:
    """Why a duty whose day has passed does not count as late."""
    if rule.open_ended:
        return "owed as soon as possible; no day makes it late"
    if rule.may_lapse:
        return "not used in its time"
    if rule.contingent:
        return "owed only if it is decided so, and nothing is decided; not counted as late"
    return "not counted as late" if duty.provisional else words(duty.standing)


def _called(process: Process, kind: str) -> str:
    from statemachines.fact_labels import fact_of  # loads the machines, which a worklist does not need

    return fact_of(process, kind)


def _copied_from(context: AppContext, cause: Cause | None) -> str:
    if cause is None:
        return ""
    kind = _called(context.processes[cause.process], cause.kind)
    return f", copied from case {cause.case_ref}: {kind}, its fact {cause.seq}"


def _who(context: AppContext, body: str | None, service: str | None) -> str:
    if body is None:
        return "-"
    name = next((each.name for each in context.directory.bodies if each.body == body), body)
    return f"{name}, {context.directory.service_name(service)}" if service else name


def _fact(context: AppContext, process: Process, fact: FactShown, cause: Cause | None) -> list[str]:
    learned = datetime.fromisoformat(fact.recorded_at).astimezone(LONDON)
    shown = {key: value for key, value in fact.data.items() if key not in {"letter", "opened_seq", "rung_seq"}}
    known = process.facts.get(fact.kind)
    free = known.model.FREE_TEXT_FIELDS if known is not None else frozenset[str]()
    said = [f"{words(key)} {FREE_TEXT if key in free else _value(context, key, value)}" for key, value in shown.items()]
    fields = "; ".join([*said, *(f"{words(key)} {NOT_YET}" for key in fact.not_yet_shown)])
    now = (
        ""
        if fact.stands and not fact.corrected_to
        else f" [corrected to {short(fact.corrected_to)}]"
        if fact.stands
        else " [withdrawn]"
    )
    corrects = f" of fact {fact.corrects}" if fact.corrects else ""
    head = f"  {fact.seq:>3}  {short(fact.occurred_on):<15}  {_called(process, fact.kind)}{corrects}{now}"
    tail = (
        f"       {'':<15}  {fields + '. ' if fields else ''}Recorded {short(learned.date())} {learned:%H:%M} by"
        f" {fact.actor} ({words(fact.via)}){_copied_from(context, cause)}"
    )
    unusual = [f"       {'':<15}  {fact.out_of_order[:1].upper()}{fact.out_of_order[1:]}"] if fact.out_of_order else []
    return [head, tail, *unusual]


def _value(context: AppContext, key: str, value: Any) -> str:
    if key.endswith("_pence") and isinstance(value, int):
        return in_pounds(value)
    if isinstance(value, list):
        return ", ".join(value)
    if key == "service":
        return context.directory.service_name(str(value))
    if key == "rung":
        return step_name(str(value), context.escalation_policy)
    return words(str(value)) if key in {"rule", "ground", "answer", "recipient"} else str(value)


def duties_text(context: AppContext, duties: Iterable[DutyEffect]) -> list[str]:
    """Say what an act does to duties, one a line."""
    lines: list[str] = []
    for duty in duties:
        rule = context.law.rules[duty.rule]
        who = _who(context, duty.body, duty.service) if duty.body else (rule.duty_on or "-")
        only_if = " if it is decided so" if rule.contingent and duty.change == "opened" else ""
        lines.append(f"  {who}: {duty.action}{only_if}: {_changed(duty)}.")
    return lines


def trial_text(context: AppContext, found: Preview) -> str:
    """Say what recording a fact would do to its case and to others, and which letters it would cause."""
    lines: list[str] = []
    for number, case in enumerate(found.cases):
        whose = f"{case.case_ref} would be" if number else "it would be"
        lines += [f"{whose} at '{case.state_name}'", *duties_text(context, case.duties)]
    policy = context.escalation_policy
    sent = Counter(f"{step_name(each.rung, policy)} to the {words(each.recipient)}" for each in found.notices)
    causes = "; ".join(text + (f" ({number} times)" if number > 1 else "") for text, number in sent.items())
    lines.append(f"  {counted(len(found.notices), 'notice')}: {causes}." if causes else "  No letter.")
    return "\n".join([*lines, *(f"  {each}" for each in found.follow_ups)])


def effects_text(context: AppContext, found: Effects) -> list[str]:
    """Say what an act did to the duties of its case, and which letters it causes."""
    lines = duties_text(context, found.duties)
    if not found.letters:
        return [*lines, "It causes no letter."]
    policy = context.escalation_policy
    letters = Counter(
        f"{step_name(each.rung, policy)} to the {words(each.recipient)}"
        + (" (on hold)" if each.state == "held" else "")
        for each in found.letters
    )
    said = [text + (f" ({number} times)" if number > 1 else "") for text, number in letters.items()]
    return [*lines, f"It causes {counted(len(found.letters), 'notice')}: {'; '.join(said)}."]


def _changed(duty: DutyEffect) -> str:
    now = f"due {short(duty.due)}" if duty.due else "no date"
    match duty.change:
        case "met" | "ended":
            late = " late" if duty.change == "met" and duty.due and duty.on and duty.on > duty.due else ""
            return f"{duty.change}{late} on {short(duty.on)}" + (f", {now}" if duty.due else "")
        case "moved":
            return f"{now}, not {short(duty.due_was)}"
        case "removed":
            return "no longer owed"
        case "reopened":
            return f"owed again, {now}"
    return now


def processes_text(document: Sequence[Mapping[str, Any]]) -> str:
    """The processes, a fact a line."""
    lines: list[str] = []
    for process in document:
        lines += [
            f"{process['title']} ({process['process']})",
            f"  states: {', '.join(process['states'])}; final: {', '.join(process['final'])}",
        ]
        for fact in process["facts"]:
            where = ", ".join(fact["from"]) or "nothing yet"
            lines.append(
                f"  {fact['kind']}: from {where}"
                + (f" to {fact['to']}" if fact["to"] else ", the case stays where it is")
            )
        lines.append(f"  duties: {', '.join(duty['rule'] for duty in process['duties'])}")
    lines.append("Calculation only (no fact opens them; `sendflow due RULE --on DATE` answers)")
    lines += [f"  {idle['rule']} ({idle['process']}): {idle['why']}" for idle in document[0]["calculation_only"]]
    return "\n".join(lines)


def verification(found: VerifyReport) -> str:
    """Whether the history is intact, and its head."""
    whole = "intact" if found.intact else "DAMAGED"
    lines = [
        f"{counted(found.cases, 'case')} and {counted(found.facts, 'fact')}: {whole}.",
        f"Head before {found.before}: {found.head}"
        if found.since is None
        else f"Only what was recorded since the checkpoint of {found.since} was compared.",
    ]
    if found.resumed is not None:
        lines.append(f"Parts that an interrupted verification of {found.resumed} had checked were not repeated.")
    if found.published is not None:
        same = "matches" if found.published.matches else "DIFFERS from"
        lines.append(
            f"The head that was given for {found.published.before} {same} the database, which has"
            f" {counted(found.published.cases, 'case')} and {counted(found.published.facts, 'fact')} from before it."
        )
    if (against := found.against) is not None:
        part = "do not match" if not against.matches else "match"
        lines.append(
            f"The records {part} {counted(against.compared, 'signed checkpoint')} that left"
            + (f"; they match up to {against.last_good}" if against.last_good else "")
            + (f", and part from the one of {against.day}." if against.day and not against.matches else ".")
        )
    if found.macs == "not_checked":
        lines.append("MACs were not checked: person.key is not here, or does not open their key.")
    if found.stale:
        its, they = ("its", "it was") if found.stale == 1 else ("their", "they were")
        lines.append(
            f"The duties of {counted(found.stale, 'case')} were not checked, because {they} calculated with an older"
            f" rule set; {its} history was checked. Run sendflow sweep, then verify again."
        )
    if found.open:
        are = counted(found.open, "finding is", "findings are")
        lines.append(f"{are} open, and no head is published. To read and close: sendflow findings")
    if found.understood:
        lines.append(f"{counted(found.understood, 'difference')} closed as understood: sendflow findings --all")
    lines += [
        f"  {each.case_ref or 'records'}{f', fact {each.seq}' if each.seq else ''}: {each.message}"
        for each in found.damage
    ]
    return "\n".join(lines)


def board(
    context: AppContext, rows: Sequence[BoardRow], gathered: Sequence[BoardGroup] | None, what: str, cases: int
) -> str:
    """Format a worklist: its totals, then its rows in groups. `cases` is how many cases there are."""
    if not rows:
        found = "Nothing is late." if what == "late" else "Nothing falls due in the next seven days."
        return f"{found} Looked at {counted(cases, 'case')} in {context.settings.records_place}."
    by_health = [row for row in rows if row.body is not None]
    by_others = [row for row in rows if row.body is None]
    late = "late" if what == "late" else "due in the next seven days"
    lines = [
        f"{counted(len(rows), 'duty', 'duties')} of {counted(len({row.case_ref for row in rows}), 'case')}"
        f" {noun(len(rows), 'is', 'are')} {late}: {len(by_health)} of health bodies,"
        f" {len(by_others)} of authorities, our team and others."
    ]
    if gathered is not None:
        parts = [(group.name, group.rows) for group in gathered]
    else:
        parts = [("Health bodies", by_health), ("Authorities, our team and others", by_others)]
    for name, some in parts:
        if some:
            lines += ["", f"{name}: {len(some)}", *(f"  {_row(context, row, what)}" for row in some)]
    return "\n".join(lines)


def _row(context: AppContext, row: BoardRow, what: str) -> str:
    who = (
        _who(context, row.body, row.service)
        if row.body
        else f"{row.duty_on or '-'} {context.directory.la_name(row.la) if row.la else ''}".strip()
    )
    reference = row.case_ref + (f" / {row.la_reference}" if row.la_reference else "")
    sent = f" (says sent {short(row.says_sent)}, not confirmed)" if row.says_sent is not None else ""
    return f"{in_days(row.days):>8} {what}  {reference:<12}  due {short(row.due)}  {who}: {row.action}{sent}"
