"""Everything that a letter of any process claims was in the ledger before it left (decision 188).

The histories are the golden ones of every process, lived again: recorded on their day or later, with a mail server that
refuses, delays and loses letters, and with corrections and withdrawals at random. The witness of each letter is in
tests/support/every_process_witness.py.
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

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from casework.cases.record import record
from casework.cases.validation import Refused
from casework.delivery.deliver import deliver
from casework.sweep import sweep
from models.facts import FactDraft
from statemachines.registry import processes
from tests.scenarios.test_histories import FOLDER
from tests.support.every_process_witness import EveryProcessWitness
from tests.support.examples import examples
from tests.support.team import Team

BORN, NUMBER = "2022-07-21", "9990000018"
WORDS = "Zuzanna Wrobelek, hydrocephalus, 999 000 0018"
SECRETS = (NUMBER, "999 000 0018", BORN, "21 July 2022", "Zuzanna", "Wrobelek", "hydrocephalus")
LAST = date(2028, 9, 29)  # the shipped bank holidays end with that year
FILES = sorted(file.stem for file in FOLDER.glob("*.jsonl") if not file.stem.startswith("chain_"))
MANY = settings(
    max_examples=examples(3),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize="EXAMPLES" not in os.environ,
)


class Lived:
    """One golden history, lived again in an installation of its own."""

    def __init__(self, home: Path, stem: str, dice: Random) -> None:
        first, *lines = (FOLDER / f"{stem}.jsonl").read_bytes().splitlines()
        self.facts = [fact for line in lines if (fact := orjson.loads(line))["via"] in ("record", "import")]
        self.until = min(date.fromisoformat(orjson.loads(first)["as_at"]), LAST)
        self.case, self.dice = self.facts[0]["case_ref"], dice
        self.team = Team(home, case=self.case)
        self.witness = EveryProcessWitness(self.team.context(self.until), self.team.lines, dice, SECRETS)

    def live(self) -> None:
        """Each fact on the day on which it was recorded or up to 20 days later, and each day's sweep and delivery."""
        late = self.dice.choice((0, 0, 0, 5, 20))
        today = date.fromisoformat(self.facts[0]["recorded_at"][:10]) + timedelta(late)
        waiting = list(self.facts)
        while today <= self.until + timedelta(late + 30):
            while waiting and date.fromisoformat(waiting[0]["recorded_at"][:10]) + timedelta(late) <= today:
                fact = waiting.pop(0)
                if fact["seq"] == 1 or self.dice.random() > 0.15:  # what did not happen makes letters
                    self._record(fact, today)
            if self.dice.random() < 0.05:
                self._undo(today)
            context = self.team.context(today)
            assert sweep(context).troubles == []
            deliver(context, transport=self.witness)
            today += timedelta(self.dice.choice((1, 1, 2, 3, 5)))
        assert self.team.verify(today.isoformat()).intact
        self.team.first.engine.dispose()

    def _record(self, fact: dict[str, Any], today: date) -> None:
        """Record a golden fact as a person gives it; what is refused changes nothing."""
        process = processes()[fact["process"]]
        model = process.model_of(fact["kind"])
        assert model is not None
        answers = model.ANSWERED_FROM_BIRTH_DATE
        worked_out = {*answers, *model.READING_IN_FORCE, *model.WITHIN_PERIOD}
        data = {key: value for key, value in fact["data"].items() if key not in worked_out}
        data |= dict.fromkeys(model.FREE_TEXT_FIELDS & data.keys(), WORDS)
        if fact["seq"] == 1:
            months = [fact["data"].get(key) for key, how in answers.items() if how == "month"]
            identity = {"nhs_number": NUMBER, "date_of_birth": next(filter(None, months), BORN)}
            data |= {key: value for key, value in identity.items() if key in model.model_fields}
        data.pop("linked_to", None)
        self._say(today, FactDraft(fact["kind"], date.fromisoformat(fact["occurred_on"]), data, fact.get("corrects")))

    def _undo(self, today: date) -> None:
        """Withdraw or move a fact that a person recorded."""
        seq = self.dice.choice([line.seq for line in self.team.lines() if line.via == "record"] or [1])
        kind = self.dice.choice(("fact_withdrawn", "fact_corrected"))
        data: dict[str, Any] = {"reason": WORDS}
        if kind == "fact_corrected":
            data["occurred_on"] = (today - timedelta(self.dice.choice((1, 4, 12)))).isoformat()
        self._say(today, FactDraft(kind, today, data, seq))

    def _say(self, today: date, draft: FactDraft) -> None:
        with suppress(Refused):
            record(self.team.context(today), self.case, [draft], "dco.team", confirmed=True)


def lived(stem: str, dice: Random) -> EveryProcessWitness:
    with TemporaryDirectory() as folder:
        life = Lived(Path(folder) / "home", stem, dice)
        life.live()
        return life.witness


@MANY
@given(stem=st.sampled_from(FILES), dice=st.randoms(use_true_random=True))
def test_every_claim_of_every_letter_of_any_process_was_a_fact_before_it(stem: str, dice: Random) -> None:
    lived(stem, dice)


@pytest.mark.parametrize(
    ("stems", "kinds"),
    [
        (("section23_late", "section23_on_time"), {"line"}),
        (("continuing_care_late",), {"line", "gone to"}),
        (("annual_review_on_time", "annual_review_phase_transfer"), {"line", "event"}),
        (("mediation_late",), {"line", "gone to"}),
        (("tribunal_late",), {"line", "event"}),
        (("reassessment_late",), {"line", "history", "event"}),
        (("transfer_late",), {"line"}),
    ],
)
def test_the_histories_of_a_process_make_its_letters_claim_something(stems: tuple[str, ...], kinds: set[str]) -> None:
    """The test above would pass on letters that say nothing."""
    found: Counter[str] = Counter()
    for seed, stem in enumerate(stems):
        found.update(lived(stem, Random(seed)).claims)
    assert kinds <= found.keys() and found["date"], found
