"""For random histories, imports, mail failures and days: no letter goes to somebody before the recipients of the lower
step had theirs and their time, none is about a duty that was over, and none is sent twice.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from casework.cases.fact_form import Refused
from casework.cases.record import RecordCommand, record_acts
from casework.delivery.came_back import NotSent, came_back
from casework.delivery.holds import hold, release_held
from models.facts import FactDraft, StoredFact
from notifications.transport import Attempt, Letter, Outcome
from tests.support.by_hand import SALT, TRUST
from tests.support.examples import examples
from tests.support.team import Team

FIRST = date(2026, 3, 2)
ASKED: dict[str, Any] = {"body": TRUST, "service": SALT}
# The order of the shipped ladder of requests for advice, and the least calendar days between two letters: those from
# the 3-week to the 5-week reminder, from there to the breach (over Easter), and five working days twice.
ORDER = (
    "acknowledgement_missing",
    "reminder_3_weeks",
    "reminder_5_weeks",
    "breach",
    "escalation_provider",
    "escalation_icb",
)
LEAST = {("reminder_3_weeks", "reminder_5_weeks"): 13, ("reminder_5_weeks", "breach"): 6}
LEAST |= {("breach", "escalation_provider"): 7, ("escalation_provider", "escalation_icb"): 7}
ACTS = ("refused", "taken_back", "answered", "acknowledged", "corrected", "held", "released", "came_back", "down", "up")
acts = st.lists(st.tuples(st.integers(0, 110), st.sampled_from(ACTS)), max_size=7)
off = st.sets(st.integers(0, 110), max_size=40)


@contextmanager
def a_team() -> Iterator[Team]:
    with tempfile.TemporaryDirectory() as folder:
        team = Team(Path(folder) / "var")
        yield team
        team.first.engine.dispose()


def begin(team: Team, on: date, received: date, imported: bool) -> None:
    facts = [
        FactDraft("ehc_assessment_requested", received, {"la": "northshire"}),
        FactDraft("health_advice_requested", received, ASKED),
    ]
    via = "import" if imported else "record"
    (done,) = record_acts(team.context(on), [RecordCommand(team.case, facts, begin_chasing=imported)], "dco.team", via)
    assert getattr(done, "facts", 0) >= 2, done


def act(team: Team, on: date, what: str) -> None:
    """Do what a person or the mail server does; what is refused at that point changes nothing."""
    today = on.isoformat()
    lines = team.lines()
    refusals = [line.seq for line in lines if line.kind == "assessment_refused"]
    try:
        if what == "refused":
            team.record(today, "assessment_refused")
        elif what == "taken_back" and refusals:
            team.record(today, "fact_withdrawn", corrects=refusals[-1])
        elif what == "answered":
            team.record(today, "health_advice_received", **ASKED)
        elif what == "acknowledged":
            team.record(today, "health_advice_acknowledged", **ASKED)
        elif what == "corrected":
            team.record(today, "fact_corrected", corrects=2, occurred_on="2026-03-09")
        elif what == "held":
            hold(team.context(on), team.case, "dco.team", "a question")
        elif what == "released":
            release_held(team.context(on), team.case, "dco.team", "answered")
        elif what == "came_back" and team.post.letters:
            came_back(team.context(on), team.post.letters[-1].id, "dco.team", "5.1.1")
        elif what in ("down", "up"):
            team.post.down = what == "down"
    except (Refused, NotSent):
        return


def delivered(lines: list[StoredFact], until: int) -> list[StoredFact]:
    """The notices that were sent by a fact, without those that had come back by then."""
    before = [line for line in lines if line.seq < until]
    back = {(line.data["letter"], line.data["rung"]) for line in before if line.kind == "notice_came_back"}
    sent = [line for line in before if line.kind == "notice_sent"]
    return [line for line in sent if (line.data["letter"], line.data["rung"]) not in back]


def check(lines: list[StoredFact]) -> None:
    """Every step that was sent is judged by what the ledger has before it."""
    ended = {line.seq for line in lines if line.kind in ("assessment_refused", "health_advice_received")}
    for line in lines:
        if line.kind != "notice_sent" or line.data["rung"] not in ORDER:
            continue
        place = ORDER.index(line.data["rung"])
        before = delivered(lines, line.seq)
        # A duty that is over when the letter leaves: an end in force that was recorded before, and not taken back.
        withdrawn = {each.corrects for each in lines if each.kind == "fact_withdrawn" and each.seq < line.seq}
        over = [seq for seq in ended - withdrawn if seq < line.seq and seq > line.data["opened_seq"]]
        assert not over or line.occurred_on == next(each for each in lines if each.seq == over[0]).occurred_on, line
        lower = [each for each in before if each.data["rung"] in ORDER[:place] and each.data["due"] == line.data["due"]]
        higher_party = place >= ORDER.index("breach")
        failed = [each for each in lines if each.kind in ("notice_failed", "notice_came_back") and each.seq < line.seq]
        assert lower or failed or not higher_party, f"{line.data['rung']} left and nobody below had a letter"
        if lower:
            last = max(lower, key=lambda each: each.seq)
            least = LEAST.get((last.data["rung"], line.data["rung"]))
            assert least is None or (line.occurred_on - last.occurred_on).days >= least, (last, line)
        keys = [(each.data["rung"], each.data["recipient"], each.data.get("rung_seq")) for each in before]
        own = (line.data["rung"], line.data["recipient"], line.data.get("rung_seq"))
        assert own not in keys, "sent twice"
        again = [each for each in before if each.data["rung"] in ("no_longer_needed", "needed_after_all")]
        if again:
            assert again[-1].data["rung"] == "needed_after_all", "a step after a letter that nothing is needed"
            assert line.occurred_on > again[-1].occurred_on


@given(acts=acts, off=off, late=st.integers(0, 60), imported=st.booleans(), refuse=st.booleans())
@settings(
    max_examples=examples(3),
    derandomize="EXAMPLES" not in os.environ,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_every_letter_that_was_sent_comes_after_the_lower_ones_and_their_time(
    acts: list[tuple[int, str]], off: set[int], late: int, imported: bool, refuse: bool
) -> None:
    with a_team() as team:
        accept = team.post.send

        def send(letter: Letter) -> Attempt:
            manager = letter.mailbox.startswith("therapies.manager")
            return Attempt(Outcome.REFUSED, "mailbox_refused") if refuse and manager else accept(letter)

        team.post.send = send  # type: ignore[method-assign]  # the same transport, and one mailbox that it refuses
        begin(team, FIRST + timedelta(late), FIRST, imported)
        for offset in range(late, 125):
            on = FIRST + timedelta(offset)
            for _when, what in (each for each in acts if each[0] == offset):
                act(team, on, what)
            if offset not in off:
                team.day(on.isoformat())
        check(team.lines())
        assert team.verify((FIRST + timedelta(125)).isoformat()).intact
