"""Which letters each fact of the golden histories needs: `python -m tests.support.recipients_table` writes the table.

Verification asks whether a fact of an open case has the notices that it needs. It may ask that only of facts recorded
by a program that sends the same notices (`RECIPIENTS_VERSION` in notifications/notices.py). A changed recipient with an
unchanged number would be reported as a verification failure of old records.
"""

import sys
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import orjson

from config.directory import DEFAULT, load_directory
from config.escalation_policy import load_escalation_policy
from config.law import load_law
from deadlines.duties import duties_of
from models.facts import StoredFact, parse_fact
from models.owner import OwnerKind
from notifications.letter_fields import CaseView
from notifications.notices import RECIPIENTS_VERSION, NoticeDraft, notices_for
from statemachines.process import NotPermitted
from statemachines.replay import replay
from tests.scenarios.test_histories import FILES
from tests.support.by_hand import almanac, book, dates_of
from tests.support.paths import GOLDEN

FILE = GOLDEN / "recipients.json"


OWNERS = {OwnerKind.TEAM: "our own team", OwnerKind.PARTY: "another party", OwnerKind.OTHER: "who is to do it"}


def owner_named(notice: NoticeDraft) -> str:
    """Who owes what a notice is about."""
    if notice.body:
        return notice.body
    rule = load_law().rules.get(notice.rule)  # a notice of several duties names no rule of the law
    return OWNERS.get(rule.owned_by[0], "the authority") if rule is not None else "the authority"


def called_for(case_ref: str, facts: list[StoredFact]) -> Iterator[str]:
    """A line for each notice that the last of these facts calls for."""
    try:
        casefile = replay(case_ref, facts)
    except NotPermitted:  # half of an act that was lawful as a whole
        return
    duties = duties_of(casefile.lines, book(casefile.process), dates_of(), casefile.claims.values())
    last = facts[-1]
    view = CaseView(load_escalation_policy(), load_directory(), almanac(), casefile, duties)
    for each in notices_for([last], view, last.occurred_on, local_sink=True):
        whose = f"{each.rule} of {owner_named(each)}{f' for {each.service}' if each.service else ''}, due {each.due}"
        yield f"fact {last.seq}, {last.kind}: {each.rung} ({each.template}, {each.state}) to {each.recipient}: {whose}"


def notices_by_history() -> dict[str, list[str]]:
    """Return the notices of each golden history, one line each; a history without notices is left out."""
    found: dict[str, list[str]] = {}
    for file in FILES:
        first, *texts = file.read_bytes().splitlines()
        if "refused" in orjson.loads(first):
            continue
        ref, facts = str(orjson.loads(texts[0])["case_ref"]), [parse_fact(text) for text in texts]
        lines = [line for number in range(1, len(facts) + 1) for line in called_for(ref, facts[:number])]
        if lines:
            found[file.stem] = lines
    return found


def under() -> dict[str, str]:
    """Return the digests of law, escalation policy and directory, which change the table without a change of code."""
    return {
        "law": load_law().digest,
        "ladder": load_escalation_policy().digest,
        "directory": sha256(DEFAULT.read_bytes()).hexdigest(),
    }


def changed(before: dict[str, Any], now: dict[str, list[str]]) -> list[str]:
    """Return the histories of the table that have other notices now."""
    return [name for name, lines in before["told"].items() if now.get(name) != lines]


if __name__ == "__main__":
    before, now = orjson.loads(FILE.read_bytes()) if FILE.exists() else {"told": {}}, notices_by_history()
    if (otherwise := changed(before, now)) and before["under"] == under() and before["telling"] == RECIPIENTS_VERSION:
        sys.exit(
            f"{', '.join(otherwise)}: the same facts have other notices now. Raise RECIPIENTS_VERSION in"
            " notifications/notices.py, then write the table."
        )
    text = orjson.dumps({"telling": RECIPIENTS_VERSION, "under": under(), "told": now}, option=orjson.OPT_INDENT_2)
    FILE.write_bytes(text + b"\n")
