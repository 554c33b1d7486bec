"""Holds the letters of every process against the ledger at the moment at which they leave (decision 188).

The witness of letters about advice (tests/support/letter_witness.py) has its own six weeks. This one knows the words
that the letters of all processes share: dates, the lines above the text, what has happened so far, and earlier letters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from random import Random

from casework.cases.loaded_case import UNREADABLE, replay_case
from casework.context import AppContext
from models.database import reading
from models.facts import StoredFact
from notifications.transport import Letter
from statemachines.replay import facts_in_force
from tests.support.letter_witness import DAY, POSTS, Witness, _days_in, _is, _written_on, day_of

REFERENCE = r"\b[A-Z]{2}\d{5}\b"
# Lines above the text whose day follows from a rule, or was believed before: any other is the day of a fact.
CALCULATED = (
    "Due",
    "On the stricter",
    "Right da",
    "Date that we went by",
    "Day that we went by",
    "Act by",
    "Advice goes",
)
EVENT = rf"(?:came|received|ended|given|made|held|learned of it|reached [a-z]+) on {DAY}"
WEEKS = (timedelta(weeks=2), timedelta(weeks=15), timedelta(weeks=20))


class EveryProcessWitness(Witness):
    """Checks each letter of any process. The outbox says which duties a letter is of."""

    def __init__(
        self,
        context: AppContext,
        lines: Callable[[str], list[StoredFact]],
        dice: Random,
        secrets: Iterable[str],
    ) -> None:
        super().__init__(lines, dice, secrets)
        self._context = context
        self.kinds: dict[str, int] = {}
        self._known: dict[tuple[str, int, str], set[date]] = {}

    def _cases(self, text: str) -> list[str]:
        return sorted(set(re.findall(REFERENCE, text)))

    def _dates(self, letter: Letter, text: str) -> None:
        """Every date is today, the day of a fact, a day that a fact names, or of a duty that some facts had opened."""
        known = set(_written_on(letter))
        for case in self._cases(text):
            lines = self._lines(case)
            for fact in lines:
                days = {fact.occurred_on, *_days_in(fact)}
                known |= days | {day - weeks for day in days for weeks in WEEKS} | {day + WEEKS[2] for day in days}
            for count in range(1, len(lines) + 1):
                known |= self._days_of_duties(case, tuple(lines[:count]))
        for words in re.findall(rf"\b{DAY}\b", text):
            self._count("date")
            assert day_of(words) in known, f"{words} follows from no fact: {letter.subject}"

    def _days_of_duties(self, case: str, lines: tuple[StoredFact, ...]) -> set[date]:
        key = (case, lines[-1].seq, lines[-1].recorded_at)
        if key not in self._known:
            self._known[key] = _days(self._context, case, lines)
        return self._known[key]

    def _one_case(self, letter: Letter, text: str, lines: list[StoredFact]) -> None:
        duties = self._duties(letter)
        force = facts_in_force(lines)
        mine = [fact for fact in lines if (fact.data.get("rule"), fact.data.get("opened_seq")) in duties]
        sent = [fact for fact in mine if fact.kind == "notice_sent"]
        failed = [fact for fact in mine if fact.kind in ("notice_failed", "notice_came_back", "notice_undelivered")]
        days = {day for fact in force for day in (fact.occurred_on, *_days_in(fact))}
        for label, words in re.findall(rf"^([A-Z][^:\n]{{2,40}}): +[A-Z][a-z]+day {DAY}", letter.text, re.MULTILINE):
            if not label.startswith(CALCULATED):
                self._count("line")
                assert day_of(words) in days or self._starts_on(letter, lines, day_of(words)), f"{label} {words}"
        for words in re.findall(EVENT, text):
            self._count("event")
            assert any(fact.occurred_on == day_of(words) for fact in force), f"nothing happened on {words}"
        self._so_far(text, sent, failed, force)
        self._earlier_letters(text, sent, failed)
        self._no_letters(text, sent, force)
        for fact_kind in {fact.kind for fact in force if fact.seq in {seq for _rule, seq in duties}}:
            self.kinds[fact_kind] = self.kinds.get(fact_kind, 0) + 1

    def _starts_on(self, letter: Letter, lines: list[StoredFact], on: date) -> bool:
        """Whether a duty of the letter's case runs from that day: a rule may give the day from which it runs."""
        ref = re.search(r"Our reference: +(\S+)", letter.text)
        return ref is not None and bool(lines) and on in self._days_of_duties(ref[1], tuple(lines))

    def _duties(self, letter: Letter) -> set[tuple[str | None, int | None]]:
        with reading(self._context.engine) as connection:
            query = "SELECT rule, opened_seq FROM notice WHERE letter = ?"
            return {(row[0], row[1]) for row in connection.exec_driver_sql(query, (letter.id,))}

    def _so_far(self, text: str, sent: list[StoredFact], failed: list[StoredFact], force: list[StoredFact]) -> None:
        history = text.partition("What has happened so far")[2].partition(" Why -")[0].partition(" How to answer")[0]
        for words, line in re.findall(rf"- {DAY}: (.*?)(?= - \d| ?$)", history):
            on = day_of(words)
            letter = re.fullmatch(r"(.*?) was (.*)", line)
            lost = re.fullmatch(r"a letter to (.*) could not be delivered", line)
            self._count("history")
            if lost is not None:
                assert any(_is(fact, on, POSTS[lost[1]]) for fact in failed), line
            elif letter is not None and letter[1] in POSTS:
                assert any(_is(fact, on, POSTS[letter[1]]) for fact in sent), line
            else:
                assert any(fact.occurred_on == on for fact in force), line


def _days(context: AppContext, case: str, lines: tuple[StoredFact, ...]) -> set[date]:
    """The days of every duty that these facts opened."""
    try:
        duties = replay_case(context, case, list(lines)).duties
    except UNREADABLE:
        return set()
    return {
        day
        for duty in duties
        for day in (duty.started_on, duty.opened_on, duty.dates.due, duty.dates.strict_due, duty.dates.act_by)
        if day is not None
    }
