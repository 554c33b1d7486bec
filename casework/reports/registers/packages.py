"""Packages of care: who approved which lines within which limit, and what ends or falls due within some days. [I/O]

Purpose: the body that pays has to show by whose authority it pays, and to see in time what is to be reviewed, decided
again, or ends. Lists name references, roles, accounts and organisations only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict

from casework.context import AppContext
from casework.reports.registers.files import case_files
from casework.reports.registers.shape import Listed, Of, RegisterList, Wanted
from casework.reports.table_files import Column
from casework.reports.withheld import may_be_named
from config.text import in_words
from deadlines.duties import Duty
from models.casefile import CaseFile
from models.facts import StoredFact
from statemachines.direct_payment_facts import CUT, PLAN
from statemachines.package import NOTICE, PROCESS, cost_of, lines_before, lines_of, yearly_pence

APPROVED = "package_approved"
NAMED = "named in confidential words"


class ApprovalRow(BaseModel):
    """A line of a package as it was approved. `approver`: the role; `recorded_by`: the account that recorded it.

    `la`: the authority's word in the directory, `la_name` its name.
    `package_pence`: what all lines cost in a year on that day; `within`: whether that is within the limit of the role.
    `line_pence` is null for a line without a frequency. `item` is null where a package without a line was approved.
    """

    model_config = ConfigDict(frozen=True)
    approved_on: date
    case_ref: str
    la: str | None
    la_name: str | None
    approver: str
    recorded_by: str
    limit_pence: int
    package_pence: int
    within: str
    in_part: str
    item: str | None
    item_name: str | None
    basis: str | None
    provider: str | None
    provider_name: str | None
    line_pence: int | None
    shares: str
    shares_name: str


class DueRow(BaseModel):
    """What ends, or is to be reviewed, of one package. `days` left are below 0 if it is late.

    `care_plan`: whether a care plan for a direct payment is recorded.
    """

    model_config = ConfigDict(frozen=True)
    on: date
    days: int
    case_ref: str
    la: str | None
    la_name: str | None
    state: str
    what: str
    item: str | None
    item_name: str | None
    care_plan: str


def approvals(context: AppContext, wanted: Wanted) -> Listed:
    """Each line of each approval in the time wanted, the newest approval first."
    " The limits are those of the local scheme of delegation."""
    rows = [
        row
        for file, _duties in case_files(context, PROCESS)
        if wanted.has(file.la)
        for fact in file.lines
        if fact.kind == APPROVED and wanted.from_on <= fact.occurred_on <= wanted.to_on
        for row in _approved(context, file, fact)
    ]
    rows.sort(key=lambda row: (-row.approved_on.toordinal(), row.case_ref))
    return Listed(*may_be_named(context, rows))


def _approved(context: AppContext, file: CaseFile, fact: StoredFact) -> Iterator[ApprovalRow]:
    lines = lines_before(file, fact)
    cost, limit = cost_of(lines)[0], int(fact.data["limit_pence"])
    listed: list[tuple[str | None, Mapping[str, Any]]] = [*lines.items()] or [(None, {})]
    for code, terms in listed:
        yield ApprovalRow(
            approved_on=fact.occurred_on,
            case_ref=file.case_ref,
            la=file.la,
            la_name=_la_name(context, file),
            approver=_words(fact.data["approver"]),
            recorded_by=fact.actor,
            limit_pence=limit,
            package_pence=cost,
            within="yes" if cost <= limit else "no",
            in_part=str(fact.data.get("in_part", "no")),
            item=code,
            item_name=in_words(code) if code else None,
            basis=_words(terms["basis"]) if "basis" in terms else None,
            provider=terms.get("provider") or (NAMED if "provider_name" in terms else None),
            provider_name=_provider(context, terms),
            line_pence=yearly_pence(terms),
            shares=", ".join(terms.get("shares", ())),
            shares_name=", ".join(_share(each) for each in terms.get("shares", ())),
        )


def packages_due(context: AppContext, wanted: Wanted) -> Listed:
    """What of open packages is late, or ends or falls due within the days wanted, the earliest first."""
    last = wanted.today + timedelta(days=wanted.days)
    rows = [
        DueRow(
            on=on,
            days=(on - wanted.today).days,
            case_ref=file.case_ref,
            la=file.la,
            la_name=_la_name(context, file),
            state=PROCESS.states[file.state],
            what=what,
            item=item,
            item_name=in_words(item) if item else None,
            care_plan="recorded" if PLAN in file.seen else "none recorded",
        )
        for file, duties in case_files(context, PROCESS, ended=False)
        if wanted.has(file.la) and file.state != "ended"
        for on, what, item in (*_to_do(context, duties), *_ending(file, wanted.today))
        if on <= last
    ]
    rows.sort(key=lambda row: (row.on, row.case_ref, row.what, row.item or ""))
    return Listed(*may_be_named(context, rows))


def _to_do(context: AppContext, duties: list[Duty]) -> Iterator[tuple[date, str, str | None]]:
    for duty in duties:
        if duty.closed_on is None and duty.due is not None:
            yield duty.due, context.law.rules[duty.rule].action, duty.item


def _ending(file: CaseFile, today: date) -> Iterator[tuple[date, str, str | None]]:
    """The days to come on which something of the package ends, by the newest word of its facts."""
    for code, terms in lines_of(file.lines).items():
        if "ends_on" in terms:
            yield date.fromisoformat(terms["ends_on"]), "the line ends", code
    if file.state == "ceasing":
        notice = [fact for fact in file.lines if fact.kind == NOTICE][-1]
        yield date.fromisoformat(notice.data["ends_on"]), "the package ends by notice", None
    approved = [fact for fact in file.lines if fact.kind == APPROVED][-1:]
    for fact in approved:
        if "trial_until" in fact.data:
            yield date.fromisoformat(fact.data["trial_until"]), "the trial ends: decide it again", None
    for fact in [fact for fact in file.lines if fact.kind == CUT][-1:]:
        on = date.fromisoformat(fact.data["takes_effect_on"])
        if on >= today:
            yield on, f"the direct payment is {fact.data['change']}", None


def _provider(context: AppContext, terms: Mapping[str, Any]) -> str | None:
    code = terms.get("provider")
    if code is None:
        return NAMED if "provider_name" in terms else None
    return context.directory.body_names.get(str(code), str(code))


def _share(text: str) -> str:
    """A share as people write it: social care 40%."""
    funder, _, percent = text.partition("=")
    return f"{in_words(funder)} {percent}%"


def _la_name(context: AppContext, file: CaseFile) -> str | None:
    return context.directory.la_name(file.la) if file.la is not None else None


def _words(value: object) -> str:
    return in_words(str(value))


APPROVALS = RegisterList(
    "approvals",
    "Approvals of packages",
    "Lines of packages that were approved, by whom and within which limit; the newest approval first."
    " The limits are those of the local scheme of delegation.",
    (
        Column("Approved on", "approved_on"),
        Column("Case", "case_ref"),
        Column("Authority", "la_name"),
        Column("Approved by", "approver"),
        Column("Recorded by", "recorded_by"),
        Column("Limit of the role", "limit_pence"),
        Column("Package in a year", "package_pence"),
        Column("Within the limit", "within"),
        Column("In part", "in_part"),
        Column("Line", "item_name"),
        Column("Basis", "basis"),
        Column("Provider", "provider_name"),
        Column("Line in a year", "line_pence"),
        Column("Shares", "shares_name"),
    ),
    approvals,
    of=Of.TIME,
)
DUE = RegisterList(
    "packages_due",
    "Packages: reviews and ends",
    "Reviews that are due, trials, notices and lines of packages that end; the earliest first.",
    (
        Column("Day", "on"),
        Column("Days left", "days"),
        Column("Case", "case_ref"),
        Column("Authority", "la_name"),
        Column("The package is at", "state"),
        Column("What", "what"),
        Column("Line or question", "item_name"),
        Column("Care plan", "care_plan"),
    ),
    packages_due,
    of=Of.TO_COME,
)
