"""A mail transport that holds each letter against the ledger at the moment at which it leaves.

It reads the words of the letter as its recipient does, and knows nothing of templates, fields or duties: it has its own
six weeks, its own words for each step, and the facts as they were recorded. A sentence that claims an event must have a
fact that was recorded before it; a sentence about an earlier letter must have a `notice_sent` or a `notice_failed`.
"""

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import date, timedelta
from html.parser import HTMLParser
from random import Random

from models.facts import StoredFact
from notifications.transport import Attempt, Letter, Outcome
from statemachines.replay import facts_in_force
from tests.support.walk import working

DAY = r"(\d{1,2} [A-Z][a-z]+ \d{4})"
SHORT = r"(\d{1,2} [A-Z][a-z]{2} \d{4})"
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
POSTS = {
    "the service": "service",
    "the service manager": "service_manager",
    "the provider's SEND lead": "provider_send_lead",
    "the Designated Clinical Officer": "dco",
    "the board's executive lead for SEND": "icb_executive_lead",
}
SERVICES = {
    "Speech and Language Therapy": "speech_and_language_therapy",
    "Community Paediatrics": "community_paediatrics",
    "Occupational Therapy": "occupational_therapy",
}
# What a line of "What has happened so far" says of a letter, and which steps may have sent it.
STEPS = {
    "told of the request": ("request_received",),
    "asked for an acknowledgement": ("acknowledgement_missing",),
    "reminded": ("reminder_3_weeks", "reminder_5_weeks"),
    "told that the advice is overdue": ("breach",),
    "asked to step in": ("escalation_provider", "escalation_icb"),
    "thanked for advice": ("thanks",),
    "told that an earlier letter is withdrawn": ("rung_withdrawn",),
    "told that the request is withdrawn": ("request_withdrawn",),
    "told that it is no longer needed": ("no_longer_needed",),
    "told that it is needed after all": ("needed_after_all",),
}
EVENTS = {
    "health advice request repeated": "health_advice_request_repeated",
    "the request reached the body": "health_advice_requested",
    "the body acknowledged it": "health_advice_acknowledged",
    "the body answered without advice": "health_advice_answered",
    "advice was received": "health_advice_received",
    "advice was returned as not usable": "health_advice_returned",
    "a waiting list was given as the reason, which is no exception under reg 8(2)": "waiting_list_stated",
    "an exception was claimed": "excuse_claimed",
    "a missed appointment was reported": "appointment_missed",
    "our reminders were paused by a person": "chasing_paused",
}
CONTACTS = (
    "health_advice_acknowledged",
    "health_advice_answered",
    "health_advice_received",
    "appointment_missed",
    "waiting_list_stated",
)
# Claims of which no fact can be the proof.
NEVER = (
    "put it right",
    "has not brought",
    "is told as well",
    "has been held",
    "family does not know",
    "nothing has come back",
    "will not be sent afterwards",
)


class Visible(HTMLParser):
    """The words of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self._in_head = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_head = tag == "head" or (self._in_head and tag != "body")

    def handle_data(self, data: str) -> None:
        if not self._in_head:
            self.said.append(data)


def day_of(words: str) -> date:
    """Parse 13 April 2026 or 13 Apr 2026."""
    number, month, year = words.split()
    return date(int(year), MONTHS.index(month[:3].lower()) + 1, int(number))


class Witness:
    """Checks each letter, then answers as the dice fall. `claims` counts the sentences that were checked, by kind."""

    def __init__(self, lines: Callable[[str], list[StoredFact]], dice: Random, secrets: Iterable[str]) -> None:
        self._lines, self._dice, self._secrets = lines, dice, tuple(secrets)
        self.letters = 0
        self.claims: dict[str, int] = {}

    def send(self, letter: Letter) -> Attempt:
        """Check one letter against the ledger as it is now, then accept, refuse or lose it."""
        self.letters += 1
        text = " ".join(letter.text.split())
        self._no_identity(letter)
        _says_the_same(letter)
        for words in NEVER:
            assert words not in text, words
        self._dates(letter, text)
        self._true_when_written(letter, text)
        self._table(letter)
        return self._dice.choice(ANSWERS)

    def _count(self, kind: str) -> None:
        self.claims[kind] = self.claims.get(kind, 0) + 1

    def _no_identity(self, letter: Letter) -> None:
        for part in (letter.subject, letter.text, letter.html, letter.id, letter.mailbox):
            for secret in self._secrets:
                assert secret.casefold() not in part.casefold(), "an identity or confidential words are in a letter"

    def _cases(self, text: str) -> list[str]:
        return sorted(set(re.findall(r"NX9\d{4}", text)))

    def _dates(self, letter: Letter, text: str) -> None:
        """Every date is today, the day of a fact, a day that a fact names, or follows from one by a lawful period."""
        known = set(_written_on(letter))
        for case in self._cases(text):
            for fact in self._lines(case):
                days = {fact.occurred_on, *_days_in(fact)}
                known |= days
                for each in days:
                    due, strict = each + timedelta(42), each + timedelta(41)
                    known |= {
                        due,
                        strict,
                        _last_working(strict),
                        each + timedelta(weeks=20),
                        each + timedelta(weeks=16),
                    }
        for words in re.findall(rf"\b{DAY}\b", text):
            self._count("date")
            assert day_of(words) in known, f"{words} follows from no fact: {letter.subject}"

    def _true_when_written(self, letter: Letter, text: str) -> None:
        """A letter of which no outcome is known goes once more as it was: it was true then."""
        ref = re.search(r"Our reference: (\S+)", text)
        if ref is None:
            return
        lines = self._lines(ref[1])
        first, *later = _written_on(letter)
        before = sum(fact.recorded_at[:10] < first.isoformat() for fact in lines)
        for known in range(before, len(lines)) if later else ():
            with suppress(AssertionError):
                self._one_case(letter, text, lines[:known])
                return
        self._one_case(letter, text, lines)

    def _one_case(self, letter: Letter, text: str, lines: list[StoredFact]) -> None:
        service = next((slug for name, slug in SERVICES.items() if f": {name}, " in text), None)
        about = [fact for fact in lines if fact.data.get("service", service) == service]
        force = [fact for fact in facts_in_force(lines) if fact.data.get("service", service) == service]
        opened = _opened(text, force)
        sent = [fact for fact in about if fact.kind == "notice_sent" and _of(fact, opened)]
        failed = [fact for fact in about if fact.kind == "notice_failed" and _of(fact, opened)]
        heard = re.search(rf"Last heard from: [A-Z][a-z]+day {DAY}", text)
        if heard is not None and opened:
            later = [fact for fact in force if fact.kind in CONTACTS and fact.seq > max(opened)]
            assert all(fact.occurred_on <= day_of(heard[1]) for fact in later), "the body was heard from after that day"
        self._history(text, sent, failed, force)
        self._earlier_letters(text, sent, failed)
        self._no_letters(text, sent, force)
        for pattern, kinds in (
            (rf"Request received: [A-Z][a-z]+day {DAY}", ("health_advice_requested",)),
            (rf"the request was received on {DAY}", ("health_advice_requested",)),
            (rf"Last heard from: [A-Z][a-z]+day {DAY}", CONTACTS),
            (rf"word from [^.]*? on {DAY}", CONTACTS),
            (rf"Advice received: [A-Z][a-z]+day {DAY}", ("health_advice_received",)),
            (rf"your health advice came on {DAY}", ("health_advice_received",)),
            (rf"the answer came on {DAY}", ("health_advice_received", "health_advice_answered")),
            (rf"[Ii]t (?:had )?ended on {DAY}", ("assessment_refused", "case_withdrawn", "case_closed")),
            (rf"sent the final plan on {DAY}", ("final_plan_received",)),
        ):
            for words in re.findall(pattern, text):
                self._count(pattern[:12])
                assert any(fact.kind in kinds and fact.occurred_on == day_of(words) for fact in force), (
                    f"{pattern} of {words} is no fact: {letter.subject}"
                )

    def _history(self, text: str, sent: list[StoredFact], failed: list[StoredFact], force: list[StoredFact]) -> None:
        history = text.partition("What has happened so far")[2].partition(" Why -")[0].partition(" How to answer")[0]
        for words, line in re.findall(rf"- {DAY}: (.*?)(?= - \d| ?$)", history):
            on = day_of(words)
            letter = re.fullmatch(r"(.*?) was (.*)", line)
            lost = re.fullmatch(r"a letter to (.*) could not be delivered", line)
            event = re.sub(r" \([a-z ]+\)$", "", line)
            self._count("history")
            if lost is not None:
                assert any(_is(fact, on, POSTS[lost[1]]) for fact in failed), line
            elif letter is not None and letter[1] in POSTS:
                steps = STEPS[letter[2]]
                assert any(_is(fact, on, POSTS[letter[1]]) and fact.data["rung"] in steps for fact in sent), line
            else:
                assert any(fact.kind == EVENTS[event] and fact.occurred_on == on for fact in force), line

    def _earlier_letters(self, text: str, sent: list[StoredFact], failed: list[StoredFact]) -> None:
        gone = re.search(r"Our letters about this have gone to (.*?)\.(?: |$)", text)
        for post, words in re.findall(rf"([a-z][A-Za-z' ]+?) \(last on {DAY}\)", gone[1] if gone else ""):
            self._count("gone to")
            last = max(
                (fact.occurred_on for fact in sent if fact.data["recipient"] == POSTS[post.strip()]), default=None
            )
            assert last is not None and last >= day_of(words), post
            assert any(_is(fact, day_of(words), POSTS[post.strip()]) for fact in sent), post
        for words in re.findall(rf"We wrote to the provider's SEND lead on {DAY}", text):
            self._count("wrote to the lead")
            assert any(_is(fact, day_of(words), "provider_send_lead") for fact in sent)
        for words, post in re.findall(rf"Our letter of {DAY} to ([a-zA-Z' ]+) could not be delivered", text):
            self._count("not delivered")
            assert any(_is(fact, day_of(words), POSTS[post]) for fact in failed)
        for words in re.findall(rf"our earlier letter of {DAY}", text):
            self._count("taken back")
            assert any(fact.occurred_on == day_of(words) for fact in sent)

    def _no_letters(self, text: str, sent: list[StoredFact], force: list[StoredFact]) -> None:
        """That somebody had no letter is said only where none was accepted, or each was taken back."""
        taken_back = {fact.data["rung_seq"] for fact in force if fact.kind == "rung_withdrawn"}
        standing = [fact for fact in sent if fact.data.get("rung_seq") not in taken_back]
        if "No letter of ours to the provider's SEND lead that still stands is on record" in text:
            self._count("no letter to the lead")
            assert not [fact for fact in standing if fact.data["recipient"] == "provider_send_lead"]
        if "No earlier letter of ours about this that still stands is on record" in text:
            self._count("no letter at all")
            assert not standing

    def _table(self, letter: Letter) -> None:
        """Each line of a table: a case that was asked, its own due date, and the days from it until today."""
        for ref, words, late in re.findall(
            rf"^(NX9\d{{4}})\b.*?  {SHORT}  +(\d+|not late)  ", letter.text, re.MULTILINE
        ):
            self._count("table")
            due = day_of(words)
            requests = [
                fact.occurred_on for fact in facts_in_force(self._lines(ref)) if fact.kind == "health_advice_requested"
            ]
            assert due - timedelta(42) in requests, f"{ref} was not asked six weeks before {words}"
            assert late in {str((day - due).days) if due < day else "not late" for day in _written_on(letter)}


ANSWERS = (
    *(Attempt(Outcome.ACCEPTED),) * 7,
    Attempt(Outcome.REFUSED, "smtp_550"),
    Attempt(Outcome.LATER, "smtp_451"),
    Attempt(Outcome.UNKNOWN, "outcome_unknown"),
)


def _written_on(letter: Letter) -> list[date]:
    """The days on which the text may have been written: a letter of which no outcome is known is sent as it was."""
    stem = re.search(r"(\d{4})(\d{2})(\d{2})", letter.id)
    assert stem is not None
    first, last = date(*map(int, stem.groups())), letter.written_at.date()
    return [first + timedelta(day) for day in range((last - first).days + 1)]


def _opened(text: str, force: list[StoredFact]) -> set[int]:
    """The requests of which a letter may be: those of the day that it names as the day of receipt."""
    received = re.search(rf"Request received: [A-Z][a-z]+day {DAY}", text)
    if received is None:
        return set()
    return {
        fact.seq for fact in force if fact.kind == "health_advice_requested" and fact.occurred_on == day_of(received[1])
    }


def _of(fact: StoredFact, opened: set[int]) -> bool:
    return not opened or fact.data["opened_seq"] in opened


def _is(fact: StoredFact, on: date, post: str) -> bool:
    return fact.occurred_on == on and fact.data["recipient"] == post


def _days_in(fact: StoredFact) -> set[date]:
    values = [value for value in fact.data.values() if isinstance(value, str)]
    return {date.fromisoformat(value) for value in values if re.fullmatch(r"\d{4}-\d\d-\d\d", value)}


def _last_working(day: date) -> date:
    while not working(day):
        day -= timedelta(1)
    return day


def _says_the_same(letter: Letter) -> None:
    page = Visible()
    page.feed(letter.html)
    plain = re.sub(r"^(=+|[- ]+)$|^> |^- ", "", letter.text, flags=re.MULTILINE)
    assert re.sub(r"\W+", "", plain) == re.sub(r"\W+", "", " ".join(page.said)), "text and page differ"
