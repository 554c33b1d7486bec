"""What an e-mail may say of one duty: references, names of organisations, and dates as ISO text. Pure.

No field identifies a child. Released templates use these names, so `as_template_context` never renames one.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import Any

from msgspec import Struct, field
from msgspec.structs import asdict

from config.directory import Directory, DirectoryError
from config.directory_entries import RoleOwed
from config.escalation_policy import Addressed, EscalationPolicy
from config.text import full_day
from deadlines.duties import Duty, excuses
from deadlines.escalation import WorkingDays, contacts
from models.casefile import CaseFile, Claim
from models.common_facts import CAME_BACK, CONTACT, CORRECTIONS, ESCALATION_FACTS, RETURNED
from models.enums import About, Party
from models.facts import StoredFact, iso_or_none
from models.owner import OwnerKind
from notifications.recipients import OF_THE_BODY, Place, mailbox_at, mailbox_on_case, owner, posts
from statemachines.registry import processes

WITHDRAWAL = "rung_withdrawn"
SENT, FAILED = "notice_sent", "notice_failed"
UNDELIVERED = frozenset({FAILED, *RETURNED})
BODY_REFERENCE = "body_reference"
WRITTEN_BY_SENDFLOW = ESCALATION_FACTS | CORRECTIONS | {WITHDRAWAL}


class CaseView(Struct, frozen=True, dict=True):
    """What the notices of one case are worked out from: policy, addresses, calendar, and the case with its duties.

    `roles`: by rule, the role of our team that owes its duty.
    """

    ladder: EscalationPolicy
    directory: Directory
    calendar: WorkingDays
    casefile: CaseFile
    duties: Sequence[Duty]
    roles: Mapping[str, RoleOwed] = field(default_factory=dict)

    @cached_property
    def beside(self) -> dict[str, dict[str, Any]]:
        """The authority's own deadlines by rule, the newest of each. A letter may say how lateness affects them."""
        return {
            duty.rule: {
                "due": iso_or_none(duty.dates.due),
                "citation": duty.dates.citation,
                "closed_on": iso_or_none(duty.closed_on),
                "met_on": iso_or_none(duty.met_on),
            }
            for duty in self.duties
            if duty.body is None and duty.dates.due is not None and duty.bound == "by"
        }

    def duty(self, rule: str, opened_seq: int) -> Duty | None:
        """The duty of a rule that the fact with this number opened."""
        return next((duty for duty in self.duties if duty.rule == rule and duty.opened_seq == opened_seq), None)

    def mailbox(self, rule: str, asked: tuple[str | None, str | None], party: Party, on: date) -> str | None:
        """The mailbox of a post about a duty of that rule; `asked`: the body and the service that owe it."""
        if party is Party.PARTY:
            return mailbox_on_case(self.casefile.case_ref) if self.knows_the_party else None
        return mailbox_at(self.directory, Place(self.casefile.la, *asked, self.roles.get(rule)), party, on)

    def posts(self, duty: Duty, addressed: Addressed) -> list[Party]:
        """The posts that get a letter about a duty, by the policy and by who owes it."""
        found = posts(duty, self.casefile.la, addressed.parties(self.is_our_own(duty)))
        return [party for party in found if party is not Party.PARTY or self.knows_the_party]

    @cached_property
    def knows_the_party(self) -> bool:
        """Whether the case has the mailbox of its own party, such as an enquirer, who wants letters."""
        by = processes()[self.casefile.process].party_mailbox
        return by is not None and by.is_known(self.casefile.lines)

    def is_our_own(self, duty: Duty) -> bool:
        """Whether the duty lies on our own integrated care board."""
        return duty.body == self.directory.icb.body


class CaseFields(Struct, frozen=True):
    """The case, by the references of both sides. `la` is empty for a case about no child, which names no authority."""

    process: str
    ref: str
    la_ref: str | None
    la: str


class AddresseeFields(Struct, frozen=True):
    """The body and service that the letter is about, by name. `body_ref` is the body's own reference, in letters to
    its own posts only: nobody else can find anything by it.
    """

    body: str
    service: str | None
    body_ref: str | None


class DeadlineFields(Struct, frozen=True):
    """The deadline and the provision that sets it."""

    due: str | None = None
    strict_due: str | None = None
    act_by: str | None = None
    citation: str = ""
    url: str | None = None
    basis: str | None = None


class DutyFields(Struct, frozen=True):
    """What has happened to one duty."""

    rule: str
    received: str | None
    days: dict[str, str]
    closed_on: str | None
    met_on: str | None
    excused: bool
    reopened: int
    acknowledged_on: str | None
    claims: list[dict[str, Any]]
    history: list[dict[str, Any]]
    undelivered: list[dict[str, Any]]
    ours: bool

    @classmethod
    def without_duty(cls, rule: str) -> "DutyFields":
        """The fields of a letter about a request that a correction has removed."""
        return cls(rule, None, {}, None, None, False, 0, None, [], [], [], False)

    @classmethod
    def of(cls, view: CaseView, duty: Duty) -> "DutyFields":
        """The fields of a duty on this case."""
        casefile = view.casefile
        return cls(
            rule=duty.rule,
            received=iso_or_none(duty.started_on) if _may_be_named(duty.start_day) else None,
            days={key: value for key, value in duty.given.items() if key.endswith("_on") and isinstance(value, str)},
            closed_on=iso_or_none(duty.closed_on),
            met_on=iso_or_none(duty.met_on),
            excused=duty.excuse is not None,
            reopened=duty.reopened,
            acknowledged_on=iso_or_none(max(contacts(casefile, duty), default=None)),
            claims=[
                {"on": iso_or_none(claim.began_on), "ground": claim.ground}
                for claim in casefile.undecided()
                if _concerns(claim, duty)
            ],
            history=_history(view, duty),
            undelivered=_undelivered(view, duty),
            ours=view.is_our_own(duty),
        )


class WithdrawalFields(Struct, frozen=True):
    """What a correction e-mail takes back: the earlier date, the present one, and the day of the earlier e-mail."""

    due_was: str
    due_now: str | None
    told_on: str | None
    elsewhere: bool


class LetterFields(Struct, frozen=True):
    """Everything that a letter may say of one duty."""

    letter: str
    recipient: str
    case: CaseFields
    addressee: AddresseeFields
    deadline: DeadlineFields
    duty: DutyFields
    beside: dict[str, dict[str, Any]]
    ended_by: str | None
    withdrawal: WithdrawalFields | None
    item: str | None = None
    said: Mapping[str, Any] | None = None

    def as_template_context(self) -> dict[str, Any]:
        """The flat names that released templates use. `ended_by`, the withdrawal, `item` and `said` are absent if
        they do not apply.
        """
        context: dict[str, Any] = {
            "letter": self.letter,
            "recipient": self.recipient,
            **asdict(self.case),
            **asdict(self.addressee),
            **asdict(self.deadline),
            **asdict(self.duty),
            "beside": self.beside,
        }
        if self.ended_by is not None:
            context["ended_by"] = self.ended_by
        if self.item is not None:
            context["item"] = self.item
        if self.said is not None:
            context["said"] = dict(self.said)
        if self.withdrawal is not None:
            context |= asdict(self.withdrawal)
        return context


# What a letter may use: the fields of one duty, what every letter has, and its own parts.
FIELD_NAMES = frozenset(
    {
        *(
            "letter",
            "recipient",
            "beside",
            "ended_by",
            "item",
            "said",
            "on",
            "first",
            "dco",
            "part",
            "links",
            "replied",
        ),
        *("heading", "action", "ask", "note", "simulation"),
        *(
            *CaseFields.__struct_fields__,
            *AddresseeFields.__struct_fields__,
            *DeadlineFields.__struct_fields__,
            *DutyFields.__struct_fields__,
        ),
        *WithdrawalFields.__struct_fields__,
    }
)


def fields_of(
    view: CaseView, duty: Duty | None, withdrawn: Mapping[str, Any], recipient: str, letter: str
) -> dict[str, Any]:
    """Return the template context of one notice.

    `withdrawn` holds the data of the fact that withdraws a step, and is empty for every other letter. `letter` names
    the template that gives heading and action.
    """
    # A correction may have passed the request to another body: the e-mail goes to the body that received the first
    # one, about what that one said.
    about = (withdrawn.get("body"), withdrawn.get("service"))
    now = (duty.body, duty.service) if duty is not None else (None, None)
    fields = LetterFields(
        letter=letter,
        recipient=str(recipient),
        case=_case_fields(view),
        addressee=_addressee_fields(view, str(recipient), about if withdrawn else now, duty),
        deadline=DeadlineFields() if duty is None else _deadline_fields(duty),
        duty=DutyFields.without_duty(str(withdrawn.get("rule", ""))) if duty is None else DutyFields.of(view, duty),
        beside=view.beside,
        ended_by=_kind_of(view.casefile.lines, duty.ended_seq) if duty is not None else None,
        withdrawal=_withdrawal_fields(view, withdrawn, elsewhere=now != about) if withdrawn else None,
        item=duty.item if duty is not None else None,
        said=_said(view.casefile, duty) if duty is not None else None,
    )
    return fields.as_template_context()


def _said(casefile: CaseFile, duty: Duty) -> Mapping[str, Any] | None:
    """What the process says besides of a duty in its letters, by the fact that opened it."""
    in_letters = processes()[casefile.process].in_letters
    if in_letters is None:
        return None
    opened = next((fact for fact in casefile.lines if fact.seq == duty.opened_seq), None)
    return in_letters(casefile, opened) if opened is not None else None


def _case_fields(view: CaseView) -> CaseFields:
    casefile = view.casefile
    if casefile.about is not About.CHILD:
        return CaseFields(casefile.process, casefile.case_ref, None, "")
    la = view.directory.la_name(casefile.la) if casefile.la else "the local authority"
    return CaseFields(casefile.process, casefile.case_ref, casefile.la_reference, la)


def _addressee_fields(
    view: CaseView, recipient: str, asked: tuple[str | None, str | None], duty: Duty | None
) -> AddresseeFields:
    body, service = asked
    return AddresseeFields(
        _body_name(view.directory, body) if body is not None or duty is None else _owner_name(view, duty),
        view.directory.service_name(service) if service else None,
        _body_reference(view.casefile, body, service) if recipient in OF_THE_BODY else None,
    )


def _body_reference(casefile: CaseFile, body: str | None, service: str | None) -> str | None:
    """The newest reference that the body gave for this request; none where only another service of it gave one."""
    given = (
        fact.data[BODY_REFERENCE]
        for fact in reversed(casefile.lines)
        if BODY_REFERENCE in fact.data
        and fact.data.get("body") == body
        and fact.data.get("service", service) == service
    )
    return next(given, None)


def _deadline_fields(duty: Duty) -> DeadlineFields:
    dates = duty.dates
    return DeadlineFields(
        due=iso_or_none(dates.due),
        strict_due=iso_or_none(dates.strict_due),
        act_by=iso_or_none(dates.act_by),
        citation=dates.citation,
        url=dates.url,
        basis=dates.basis,
    )


def _withdrawal_fields(view: CaseView, withdrawn: Mapping[str, Any], elsewhere: bool) -> WithdrawalFields:
    sent_on = (
        fact.occurred_on
        for fact in view.casefile.lines
        if fact.kind == SENT and fact.data.get("rung_seq") == withdrawn.get("rung_seq")
    )
    return WithdrawalFields(
        due_was=str(withdrawn["due"]),
        due_now=withdrawn.get("due_now"),
        told_on=iso_or_none(max(sent_on, default=None)),
        elsewhere=elsewhere,
    )


def _kind_of(facts: Sequence[StoredFact], seq: int | None) -> str | None:
    return next((fact.kind for fact in facts if fact.seq == seq), None) if seq is not None else None


def _body_name(directory: Directory, code: str | None) -> str:
    try:
        return directory.body(code).name if code else "the body that was asked"
    except DirectoryError:
        return code or ""


def _owner_name(view: CaseView, duty: Duty) -> str:
    """How the owner of a duty that lies on no body is written."""
    kind, code = owner(duty, view.casefile.la)
    if kind is OwnerKind.AUTHORITY:
        return view.directory.la_name(code) if code is not None else "the local authority"
    if kind is OwnerKind.TEAM:
        role = view.directory.team.get(code or "")
        return role.name if role is not None else "the Designated Clinical Officer's team"
    return f"the {code.replace('_', ' ')}" if code is not None else _body_name(view.directory, None)


def _concerns(claim: Claim, duty: Duty) -> bool:
    if claim.ground is not None:
        return excuses(claim, duty)
    return claim.rule in (None, duty.rule) and claim.body in (None, duty.body) and claim.service in (None, duty.service)


def _history(view: CaseView, duty: Duty) -> list[dict[str, Any]]:
    """What has happened to one request: its own facts, and the notices sent whose step is not withdrawn."""
    withdrawn = {fact.seq for fact in view.casefile.steps_recorded.values() if fact.withdrawn}
    reached = {seq for seq, _data in view.casefile.notified}  # without the letters that came back
    lines: list[dict[str, Any]] = []
    for fact in view.casefile.lines:
        if fact.kind == SENT:
            line = _sent_line(view, duty, fact, withdrawn) if fact.seq in reached else None
        elif fact.data.get("body") == duty.body:
            line = _fact_line(duty, fact)
        else:
            continue
        if line is not None:
            lines.append(line)
    return lines


def _sent_line(view: CaseView, duty: Duty, fact: StoredFact, withdrawn: set[int]) -> dict[str, Any] | None:
    data = fact.data
    if (data["rule"], data["opened_seq"]) != (duty.rule, duty.opened_seq) or data.get("rung_seq") in withdrawn:
        return None
    step = view.ladder.step(duty.rule, str(data["rung"]))
    what = step.template if step else str(data["rung"])
    return {"on": iso_or_none(fact.occurred_on), "what": what, "to": data["recipient"]}


def _undelivered(view: CaseView, duty: Duty) -> list[dict[str, Any]]:
    """Letters about one request that failed or came back: their day, the post, and a code for the reason."""
    return [
        {
            "on": iso_or_none(fact.occurred_on),
            "to": fact.data["recipient"],
            "why": fact.data.get("why") or fact.data.get("cause") or CAME_BACK.removeprefix("notice_"),
        }
        for fact in view.casefile.lines
        if fact.kind in UNDELIVERED and (fact.data["rule"], fact.data["opened_seq"]) == (duty.rule, duty.opened_seq)
    ]


def _fact_line(duty: Duty, fact: StoredFact) -> dict[str, Any] | None:
    """A fact about the duty's body; None if it is about another service of it, or says nothing of the request."""
    data, kind = fact.data, fact.kind
    if fact.seq < duty.opened_seq or kind in WRITTEN_BY_SENDFLOW or kind.startswith("notice_"):
        return None
    if (data.get("service") or duty.service) != duty.service:
        return None
    line: dict[str, Any] = {"on": iso_or_none(fact.occurred_on), "what": kind, "to": None}
    if kind == CONTACT:
        return line | {"answer": _agreed(data)}
    return line | {"answer": data["answer"]} if "answer" in data else line


def _agreed(data: Mapping[str, Any]) -> str:
    """What was agreed in a call or a meeting, in the words of a letter. The note is confidential and in no letter."""
    agreed = {"it_will_be_done": "it will be done", "an_answer": "there will be an answer"}.get(data["agreed"])
    day = f" by {full_day(date.fromisoformat(data['agreed_by']))}" if data.get("agreed_by") else ""
    spoken = f"{data['how']}, {data['with_whom'].replace('_', ' ')}"
    return f"{spoken}: {agreed}{day}" if agreed else f"{spoken}: nothing was agreed"


def _may_be_named(field: str | None) -> bool:
    """Whether a letter may name the day that a duty starts on: the fact's own or a `..._on` day, never a birth date."""
    return field is None or field.endswith("_on")
