"""What a case report contains. The field names are those of `sendflow case --json`."""

from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict

from casework.retention_holds import Hold
from models.owner import OwnerShown


class FactShown(BaseModel):
    """A fact as it was written.

    `stands` is false if it was withdrawn, and `corrected_to` is the corrected day. `out_of_order`: what is out of order
    about it, with the provision; None where nothing is. `law` is the digest of the law that
    it was recorded under, with the choices of the locality. `not_yet_shown`: the fields that nobody is shown yet.
    """

    model_config = ConfigDict(frozen=True)
    seq: int
    kind: str
    version: int
    occurred_on: date
    recorded_at: str
    actor: str
    via: str
    run: str | None
    corrects: int | None
    data: dict[str, Any]
    stands: bool = True
    corrected_to: date | None = None
    law: str = ""
    out_of_order: str | None = None
    not_yet_shown: list[str] = []


class Cause(BaseModel):
    """The fact on another case of the child from which a fact here was copied."""

    model_config = ConfigDict(frozen=True)
    case_ref: str
    seq: int
    kind: str
    process: str


class Origin(BaseModel):
    """A fact of this case that started a duty, and the fact on another case from which it was copied, if any."""

    model_config = ConfigDict(frozen=True)
    seq: int
    kind: str
    cause: Cause | None = None


class AskAgain(BaseModel):
    """A body that was asked for advice before a refusal, and not again since the assessment was restarted.

    Its weeks run from its own receipt of the authority's new request (reg 8(1)). `ask_by` is the last day of receipt
    from which they end by `plan_due`, the due date of the final plan; `because` is the fact that restarted it.
    """

    model_config = ConfigDict(frozen=True)
    rule: str
    body: str | None
    service: str | None
    asked_on: date
    answered_on: date | None
    ask_by: date
    plan_rule: str
    plan_due: date
    because: Origin


class DutyShown(BaseModel):
    """A duty on a day. `days_late` is in calendar days.

    `knock_on` says how the advice affects the final plan's date. `opened_by` is the kind of the opening fact, and
    `cause` the fact on another case from which that was copied. `again_by` is the fact that restarted the assessment
    before the advice was asked for. `goes_on` says what a continuing duty still requires once it is met. A
    `provisional` duty runs from the restart until the body receives the authority's new request. `governs`: of several
    clocks for one plan, whether this one governs; None for every other duty. `owner`: who owes it. `item`: the item
    inside the case that it is about.
    """

    model_config = ConfigDict(frozen=True)
    rule: str
    body: str | None
    service: str | None
    opened_seq: int
    started_on: date
    due: date | None
    strict_due: date | None
    act_by: date | None
    standing: str
    days_late: int
    met_on: date | None
    met_by: str | None
    ended_on: date | None
    excuse: str | None
    citation: str
    basis: str
    knock_on: str | None = None
    opened_by: str | None = None
    cause: Cause | None = None
    again_by: Origin | None = None
    goes_on: str | None = None
    provisional: bool = False
    due_then: date | None = None
    standing_then: str | None = None
    says_sent: date | None = None
    days_late_then: int | None = None
    governs: bool | None = None
    owner: OwnerShown | None = None
    item: str | None = None


class ItemShown(BaseModel):
    """An item inside a case on a day: its state with its name, and since which day and fact."""

    model_config = ConfigDict(frozen=True)
    item: str
    called: str
    state: str
    state_name: str
    since: date
    seq: int


class LinkShown(BaseModel):
    """A link between this case and `case_ref`, and what this case is to it in words (`says`). Both days are included.

    `from_here`: a fact of this case made it, and `seq` is its number; otherwise `seq` is a fact of the other case.
    `process` is that of the other case.
    """

    model_config = ConfigDict(frozen=True)
    case_ref: str
    process: str | None
    role: str
    says: str
    from_here: bool
    since: date
    until: date | None
    seq: int


class LateDaysShown(BaseModel):
    """Consecutive late days of one duty, both ends included. `holder`: whose they are, with the `body` if it is one.

    `seq` is the fact that says so, `provision` the law. `days` are calendar days.
    """

    model_config = ConfigDict(frozen=True)
    rule: str
    opened_seq: int
    first: date
    last: date
    days: int
    holder: str
    body: str | None
    service: str | None
    seq: int
    provision: str


class LawThen(BaseModel):
    """The rule set that was active at the instant `known_at`. `kept`: its text is here, so duties have `due_then`."""

    model_config = ConfigDict(frozen=True)
    number: int
    digest: str
    is_now: bool
    kept: bool


class CaseReport(BaseModel):
    """One case on the day `as_at`, as known at the instant `known_at` (None: as known now).

    `plan_issued_without` lists the bodies whose advice was missing when the plan was issued, `claims_to_decide` the
    numbers of undecided claims of an exception, `heard` the causes by the number of the fact here, `same_child` the
    other cases that were known as the same child's then, `whose_days` whose each late day is (decision 204), `holds`
    what stops the erasure of the child's records.
    """

    model_config = ConfigDict(frozen=True)
    case_ref: str
    process: str
    state: str
    state_name: str
    la: str | None
    la_reference: str | None
    as_at: date
    known_at: str | None
    facts: list[FactShown]
    duties: list[DutyShown]
    plan_issued_without: list[dict[str, str | None]]
    claims_to_decide: list[int]
    heard: dict[int, Cause] = {}
    remarks: list[str] = []
    to_ask_again: list[AskAgain] = []
    simulation: bool = False
    law_then: LawThen | None = None
    same_child: list[str] = []
    whose_days: list[LateDaysShown] = []
    items: list[ItemShown] = []
    links: list[LinkShown] = []
    holds: list[Hold] = []
