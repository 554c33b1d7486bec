"""What becomes of one generated child: requests, advice, plans, review cycles and appeals, in facts that sendflow
accepts.

The days are drawn, not worked out: this file knows no law. A history ends at the caseload's day, so that what is open
is what would be.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any

from casework.cases.record import RecordCommand
from models.facts import FactDraft

SERVICES = ("community_paediatrics", "speech_and_language_therapy", "occupational_therapy", "camhs", "physiotherapy")
YEAR = 365
DECISIONS = ("plan_kept", "amendment_decided", "cease_decided")
Shares = dict[str, dict[str, Any]]


def la_slug(number: int) -> str:
    """The name of a generated authority, as the generated directory has it."""
    return f"authority_{number:03d}"


def body_code(number: int) -> str:
    """The code of a generated body."""
    return f"QY{number:03d}"


@dataclass(slots=True)
class Stage:
    """What is recorded together: a case by its reference (None: the review that sendflow opened last), and
    its facts.
    """

    cases: list[tuple[str | None, list[FactDraft]]] = field(default_factory=list)


@dataclass(slots=True)
class Child:
    """One child's history, in stages."""

    number: int
    stages: list[Stage]

    def acts(self, stage: int, opened: str | None) -> list[RecordCommand]:
        """The acts of a stage; `opened` is the review that sendflow opened last."""
        return [
            RecordCommand(ref or opened, drafts, confirmed=True) for ref, drafts in self.stages[stage].cases if drafts
        ]

    def opens_next(self, stage: int) -> bool:
        """Whether sendflow opens a review cycle when this stage is recorded."""
        return any(draft.kind in DECISIONS for _ref, drafts in self.stages[stage].cases for draft in drafts)


class HistoryGenerator:
    """Generates histories. `shares` is caseload.toml."""

    def __init__(self, shares: Shares, seed: int, today: date) -> None:
        self.shares = shares
        self.seed = seed
        self.today = today
        self.authorities = int(shares["national"]["authorities"])
        self.trusts = int(shares["national"]["boards"]) * 3

    def generate(self, number: int, nhs_number: str, sort: str) -> Child:
        """The history of one child: a `request` of the last year, a `plan` made before it, or an `appeal` of the last
        year.
        """
        history = _History(self, number, nhs_number, Random(self.seed * 1_000_003 + number))
        getattr(history, sort)()
        return Child(number, history.stages)


class _History:
    """One history being generated. A fact of a day to come is left out, and so is what would follow it in its case."""

    def __init__(self, generator: HistoryGenerator, number: int, nhs_number: str, chance: Random) -> None:
        self.shares, self.today, self.chance, self.number = generator.shares, generator.today, chance, number
        la = chance.randrange(generator.authorities)
        self.la, self.body = la_slug(la), body_code(la % generator.trusts)
        self.nhs_number = nhs_number
        self.stages = [Stage()]

    # The three sorts of children.

    def request(self) -> None:
        """A request of the last year, and the plan that came of it."""
        made = self._assessment(self.today - timedelta(days=self.chance.randrange(YEAR)))
        if made is not None and made <= self.today:
            self._reviews(made)

    def plan(self) -> None:
        """A plan made more than a year ago, and its reviews since."""
        years = self._drawn("plan", "made_years_ago") + 1
        made = self.today - timedelta(days=YEAR * years + self.chance.randrange(YEAR))
        self._assessment(made - timedelta(days=self._weeks_taken()), made)
        self._reviews(made)

    def appeal(self) -> None:
        """An appeal registered in the last year, and what it is about."""
        share = self.shares["appeal"]
        sort = self._named(
            "appeal", ("contents", "refusal_to_assess", "refusal_to_issue", "refusal_to_reassess", "ceasing")
        )
        registered = self.today - timedelta(days=self.chance.randrange(YEAR))
        decided = registered - timedelta(days=self.chance.randrange(45, 100))
        if sort == "refusal_to_assess":
            self._assessment(decided - timedelta(days=self.chance.randrange(28, 43)), refused=decided)
        else:
            made = decided - timedelta(days=self.chance.randrange(14, 300))
            self._assessment(made - timedelta(days=self._weeks_taken()), made)
            if sort == "contents":
                self._reviews(made)
        self._tribunal(sort, decided, registered, share)

    # Their cases.

    def _assessment(self, began: date, made: date | None = None, refused: date | None = None) -> date | None:
        """The needs assessment, in a case of its own; the day of the final plan, where there is to be one. Given
        `made`, there is.
        """
        share = self.shares["request"]
        recorded = [
            FactDraft("ehc_assessment_requested", began, self._opening("AS")),
            self._fact("la_consideration_notified", began + self._days(2, 6)),
        ]
        decided = refused or began + self._days(28, 43)
        if refused is not None or (made is None and self._is(1 - share["agreed"])):
            self._case("AS", [*recorded, self._fact("assessment_refused", decided)])
            return None
        final = made or began + timedelta(days=self._weeks_taken())
        recorded.append(self._fact("assessment_agreed", decided))
        recorded += self._advice(decided, final)
        section_g = self._is(self.shares["plan"]["section_g"])
        recorded.append(self._fact("draft_plan_received", final - self._days(16, 36)))
        if section_g:
            recorded.append(self._fact("section_g_agreed", final - self._days(3, 14)))
        recorded.append(self._fact("final_plan_received", final))
        if self._is(self.shares["plan"]["case_closed"]):
            recorded.append(self._fact("case_closed", final + self._days(130, 190)))
        self._case("AS", recorded)
        return final

    def _advice(self, decided: date, final: date) -> list[FactDraft]:
        share, recorded = self.shares["advice"], []
        for service in self.chance.sample(SERVICES, self._drawn("advice", "services") + 1):
            asked = decided + self._days(0, 5)
            about = {"body": self.body, "service": service}
            recorded.append(FactDraft("health_advice_requested", asked, about))
            if self._is(share["acknowledged"]):
                recorded.append(FactDraft("health_advice_acknowledged", asked + self._days(1, 6), about))
            if self._is(share["appointment_missed"]):
                recorded.append(FactDraft("appointment_missed", asked + self._days(14, 40), about))
                if self._is(share["excuse_claimed"] / share["appointment_missed"]):
                    recorded.append(
                        FactDraft(
                            "excuse_claimed", asked + self._days(41, 44), {"ground": "missed_appointment", **about}
                        )
                    )
            said = self._named("advice", ("in_6_weeks", "in_7_to_20_weeks", "never"))
            if said != "never":
                recorded.append(
                    FactDraft(
                        "health_advice_received",
                        asked + (self._days(14, 43) if said == "in_6_weeks" else self._days(43, 140)),
                        about,
                    )
                )
        return recorded

    def _reviews(self, made: date) -> None:
        """Review cycles one after another, each opened by the decision of the one before, up to the one that is under
        way.
        """
        share, began, stage, ref = self.shares["plan"], made, 0, self._ref("RV")
        opening: list[FactDraft] = [FactDraft("plan_made", made, self._opening("RV"))]
        current: str | None = ref
        while True:
            in_time = self._is(share["reviewed_in_time"])
            decided = began + timedelta(days=YEAR) + (-self._days(0, 35) if in_time else self._days(1, 150))
            decision = self._named("plan", ("kept", "amended", "ceased"))
            if stage == len(self.stages):
                self.stages.append(Stage())
            self._case_in(stage, current, [*opening, *self._cycle(began, decided, decision, share)])
            if decided > self.today or decision == "ceased":
                return
            began, stage, current, opening = decided, stage + 1, None, []

    def _cycle(self, began: date, decided: date, decision: str, share: dict[str, Any]) -> list[FactDraft]:
        meeting = decided - self._days(14, 29)
        arranged = meeting - self._days(*share["arranged_days_before"])
        recorded = []
        if self._is(share["phase_transfer"]):
            about = {"transfer_on": date(decided.year, 9, 1).isoformat(), "phase": "primary_to_secondary"}
            recorded.append(FactDraft("phase_transfer_planned", began + self._days(5, 60), about))
        recorded += [
            FactDraft(
                "review_meeting_arranged",
                arranged,
                {"meeting_on": meeting.isoformat(), "arranged_by": "institution", "review": "annual"},
            ),
            self._fact("meeting_notice_given", meeting - self._days(12, 22)),
        ]
        for service in self.chance.sample(SERVICES, self._drawn("plan", "health_invited")):
            about = {"body": self.body, "service": service}
            asked = arranged + self._days(0, 5)
            recorded.append(
                FactDraft("health_professional_invited", asked, {**about, "meeting_on": meeting.isoformat()})
            )
            if self._is(share["advice_comes"]):
                recorded.append(FactDraft("review_advice_received", asked + self._days(5, 20), about))
        recorded += [
            self._fact("review_advice_circulated", meeting - self._days(5, 12)),
            self._fact("review_meeting_held", meeting),
            self._fact("review_report_received", meeting + self._days(5, 14)),
        ]
        if decision == "kept":
            return [*recorded, self._fact("plan_kept", decided)]
        if decision == "ceased":
            return [*recorded, self._fact("cease_decided", decided)]
        noticed, about = (
            decided + self._days(0, 10),
            {"section_g": "changed" if self._is(share["section_g_changed"]) else "unchanged"},
        )
        return [
            *recorded,
            self._fact("amendment_decided", decided),
            FactDraft("amendment_notice_sent", noticed, about),
            FactDraft("amended_plan_received", noticed + self._days(20, 80), about),
        ]

    def _tribunal(self, sort: str, decided: date, registered: date, share: dict[str, Any]) -> None:
        decision = {"contents": "contents_of_plan"}.get(sort, sort)
        certified = decided + self._days(10, 35)
        self._case(
            "MD",
            [
                FactDraft("appealable_notice_sent", decided, {"decision": decision, **self._opening("MD")}),
                self._fact("mediation_declined", certified - self._days(1, 4)),
                self._fact("certificate_issued", certified),
            ],
        )
        recorded = [
            FactDraft("decision_notified", decided, {"decision": decision, **self._opening("TB")}),
            self._fact("appeal_received", registered - self._days(3, 8)),
        ]
        extended = sort == "contents" and self._is(share["health_evidence"])
        recorded.append(
            FactDraft(
                "extended_appeal_registered" if extended else "appeal_registered",
                registered,
                {"appeal": sort, **({"issues": "health"} if extended else {})},
            )
        )
        ends = registered + timedelta(days=7 * int(share["weeks_to_end"])) + self._days(-60, 60)
        recorded.append(
            FactDraft("hearing_directed", registered + self._days(1, 10), {"directed_on": ends.isoformat()})
        )
        if extended:
            about = {"body": self.body, "service": self.chance.choice(SERVICES)}
            asked = registered + self._days(5, 20)
            recorded.append(
                FactDraft(
                    "health_evidence_requested",
                    asked,
                    {**about, "directed_on": (asked + timedelta(days=42)).isoformat()},
                )
            )
            if self._is(0.8):
                recorded.append(FactDraft("health_evidence_given", asked + self._days(20, 60), about))
        recorded += self._outcome(sort, registered, ends)
        self._case("TB", recorded)

    def _outcome(self, sort: str, registered: date, ends: date) -> list[FactDraft]:
        end = self._named("appeal", ("conceded", "withdrawn", "ordered", "dismissed"))
        answered = self._fact("la_responded", registered + self._days(25, 45))
        if end == "conceded":
            return [self._fact(f"{sort}_conceded", ends - self._days(10, 80))] if (ends - registered).days > 100 else []
        if end == "withdrawn":
            return [answered, self._fact("appeal_withdrawn", ends - self._days(5, 60))]
        orders = {
            "refusal_to_assess": "order_to_assess_made",
            "refusal_to_issue": "order_to_make_plan_made",
            "refusal_to_reassess": "order_to_reassess_made",
            "contents": "order_to_amend_provision_made",
            "ceasing": "order_to_continue_made",
        }
        last = orders[sort] if end == "ordered" else "appeal_dismissed"
        return [answered, self._fact("hearing_held", ends), self._fact(last, ends + self._days(5, 20))]

    # Small words.

    def _case(self, prefix: str, recorded: list[FactDraft]) -> None:
        self._case_in(0, self._ref(prefix), recorded)

    def _case_in(self, stage: int, ref: str | None, recorded: list[FactDraft]) -> None:
        past = [
            draft for draft in sorted(recorded, key=lambda draft: draft.occurred_on) if draft.occurred_on <= self.today
        ]
        self.stages[stage].cases.append((ref, past))

    def _ref(self, prefix: str) -> str:
        return f"{prefix}-{self.number:07d}"

    def _opening(self, prefix: str) -> dict[str, Any]:
        return {"la": self.la, "la_reference": f"LA-{self.number:07d}", "nhs_number": self.nhs_number}

    @staticmethod
    def _fact(kind: str, day: date) -> FactDraft:
        return FactDraft(kind, day)

    def _weeks_taken(self) -> int:
        """Days from a request to the final plan."""
        said = self._named("request", ("in_20_weeks", "in_20_to_52_weeks", "over_a_year"))
        low, high = {"in_20_weeks": (119, 141), "in_20_to_52_weeks": (141, 365), "over_a_year": (365, 480)}[said]
        return self.chance.randrange(low, high)

    def _is(self, share: float) -> bool:
        return self.chance.random() < share

    def _days(self, low: int, high: int) -> timedelta:
        return timedelta(days=self.chance.randrange(low, high))

    def _drawn(self, table: str, name: str) -> int:
        """The place in a list of shares."""
        shares = self.shares[table][name]
        return self.chance.choices(range(len(shares)), shares)[0]

    def _named(self, table: str, names: tuple[str, ...]) -> str:
        """One of some names, by their shares."""
        shares = self.shares[table]
        return self.chance.choices(names, [shares[name] for name in names])[0]
