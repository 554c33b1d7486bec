"""Everything that a letter of a random history claims was in the ledger before it left (decision 188).

A history is two cases of three services over four months, with corrections, withdrawals, mistaken ends, pauses, late
recording, and a mail server that refuses, delays and loses letters. tests/support/letter_witness.py reads each letter.
"""

from __future__ import annotations

import os
from collections import Counter
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from casework.cases.record import record
from casework.cases.validation import Refused
from casework.delivery.daily_digest import digest
from casework.delivery.deliver import deliver
from casework.sweep import sweep
from models.facts import FactDraft
from tests.support.examples import examples
from tests.support.letter_witness import SERVICES, Witness
from tests.support.team import Team

FIRST = date(2026, 2, 2)
CASES = ("NX90001", "NX90002")
SECRETS = ("9990000018", "999 000 0018", "2018-07-21", "21 July 2018", "Zuzanna", "Wrobelek", "hydrocephalus")
WORDS = "Zuzanna Wrobelek, hydrocephalus, 999 000 0018"
KINDS = (
    *("health_advice_requested",) * 3,
    *("health_advice_acknowledged", "health_advice_received", "health_advice_answered"),
    *("health_advice_returned", "waiting_list_stated", "appointment_missed", "excuse_claimed", "excuse_decided"),
    *("chasing_paused", "assessment_refused", "final_plan_received", "fact_withdrawn", "fact_corrected"),
)
MANY = settings(
    max_examples=examples(3),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize="EXAMPLES" not in os.environ,
)
CHECKED: Counter[str] = Counter()


class Life:
    """One installation that lives through a random history."""

    def __init__(self, home: Path, dice: Random) -> None:
        self.team, self.dice = Team(home), dice
        self.witness = Witness(self.team.lines, dice, SECRETS)
        self.today = FIRST

    def record(self, case: str, kind: str, on: date, data: dict[str, Any], corrects: int | None = None) -> None:
        """Record one fact; what is refused changes nothing."""
        with suppress(Refused):
            record(self.team.context(self.today), case, [FactDraft(kind, on, data, corrects)], "dco.team")

    def open(self, case: str) -> None:
        """Open the case with an identity, and agree to assess."""
        born = {"nhs_number": "9990000018", "date_of_birth": "2018-07-21"} if case == CASES[0] else {}
        la = {"la": "northshire", "la_reference": f"NS-0{case[-4:]}"}
        self.record(case, "ehc_assessment_requested", self.today, {**la, **born})
        self.record(case, "assessment_agreed", self.today, {})

    def act(self) -> None:
        """Record one random fact, on time or late; what is not permitted changes nothing."""
        case, kind = self.dice.choice(CASES), self.dice.choice(KINDS)
        on = self.today - timedelta(self.dice.choice((0, 0, 0, 1, 3, 10, 30)))
        body = {"body": "QX101", "service": self.dice.choice(sorted(SERVICES.values()))}
        lines = self.team.lines(case)
        of_people = [line.seq for line in lines if line.via == "record" and line.kind != "ehc_assessment_requested"]
        claims = [line.seq for line in lines if line.kind == "excuse_claimed"]
        fields: dict[str, dict[str, Any]] = {
            "health_advice_requested": {**body, "body_reference": "CP-3312"},
            "health_advice_answered": {**body, "answer": self.dice.choice(("not_known", "discharged"))},
            "health_advice_returned": {**body, "reason": WORDS},
            "excuse_claimed": {**body, "ground": "absent_4_weeks", "evidence": WORDS},
            "excuse_decided": {
                "claim": self.dice.choice(claims or [1]),
                "decision": self.dice.choice(("accepted", "refused")),
            },
            "chasing_paused": {"until": (self.today + timedelta(9)).isoformat(), "reason": WORDS},
            "fact_withdrawn": {"reason": WORDS},
            "fact_corrected": {"occurred_on": (on - timedelta(2)).isoformat(), "reason": WORDS},
        }
        corrects = self.dice.choice(of_people or [1]) if kind.startswith("fact_") else None
        chosen = fields.get(kind, {} if kind in ("assessment_refused", "final_plan_received") else body)
        self.record(case, kind, self.today if corrects else on, chosen, corrects)

    def day(self) -> None:
        """Sweep, deliver and now and then write the digest, as the scheduler does."""
        context = self.team.context(self.today)
        assert sweep(context).troubles == []
        if self.dice.random() < 0.3:
            digest(context, transport=self.witness)
        deliver(context, transport=self.witness)

    def live(self) -> None:
        """Four months."""
        for case in CASES:
            self.open(case)
        while self.today < FIRST + timedelta(125):
            for _ in range(self.dice.choice((0, 0, 1, 1, 2))):
                self.act()
            self.day()
            self.today += timedelta(self.dice.choice((1, 2, 3, 5)))


@MANY
@given(dice=st.randoms(use_true_random=True))
def test_every_claim_of_every_letter_was_a_fact_before_it(dice: Random) -> None:
    with TemporaryDirectory() as folder:
        life = Life(Path(folder) / "home", dice)
        life.live()
        assert life.team.verify(life.today.isoformat()).intact
        CHECKED.update(life.witness.claims)
        life.team.first.engine.dispose()


def test_the_histories_make_letters_claim_something() -> None:
    """The test above would pass on letters that say nothing."""
    wanted = ("date", "history", "gone to", "table", "Request rece")
    for seed in range(3):
        if all(CHECKED[kind] > 1 for kind in wanted):
            break
        with TemporaryDirectory() as folder:
            life = Life(Path(folder) / "home", Random(seed))
            life.live()
            assert life.team.verify(life.today.isoformat()).intact
            CHECKED.update(life.witness.claims)
            life.team.first.engine.dispose()
    for kind in wanted:
        assert CHECKED[kind] > 1, (kind, CHECKED)
