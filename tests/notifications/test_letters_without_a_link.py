"""The versions of letters that say how to answer where there is no link, or where it does not work.

Each is the version before with one sentence more, so that the readings of that version are those of this one.
"""

import re

import pytest

from casework.mailbox.codes import code_lines
from config.escalation_policy import load_escalation_policy
from models.answers import Answer
from notifications.render import newest, render
from tests.notifications import test_letters_with_links as before

BEFORE = {**before.VERSIONS, "request_received": 4, "review_invited": 4, "enquiry_service": 1, "audit_feedback": 1}
VERSIONS = {template: version + 1 for template, version in BEFORE.items() if template != "digest"}
SAMPLES = {name: sample for name, sample in before.samples().items() if sample[0] in VERSIONS}
LINE = "reply to this message and write above everything else one line: "
CODES = "RECEIVED {0}, or EXPECTED {0} with a day, or SENT {0} with a day."
IF_A_LINK = f"If a link does not work, {LINE}{CODES}"
NO_LINK = f"To answer, {LINE}{CODES}"


def flat(text: str) -> str:
    return " ".join(text.replace("\n> ", " ").split())


def test_these_are_the_newest_versions() -> None:
    assert {template: newest(template).version for template in VERSIONS} == VERSIONS


@pytest.mark.parametrize("name", SAMPLES)
def test_with_links_it_says_what_to_do_where_one_does_not_work(name: str) -> None:
    template, given = SAMPLES[name][0], {"undelivered": [], **before.with_links(SAMPLES[name][1])}
    then, now = (render(template, version[template], given) for version in (BEFORE, VERSIONS))
    assert now.subject == then.subject
    sentence = IF_A_LINK.format(given["ref"])
    said = flat(then.text).replace("A reply to this message does as well.", sentence)
    assert flat(now.text) == said
    assert (sentence in said) == (given["recipient"] in before.OF_THE_BODY)


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("links", [None, "absent"])
def test_without_links_it_says_how_to_answer_to_who_answers_for_the_body(name: str, links: str | None) -> None:
    template, fields = SAMPLES[name]
    given = {"undelivered": [], **before.with_links(fields)}
    given = {**given, "links": None} if links is None else {key: given[key] for key in given if key != "links"}
    then, now = (render(template, version[template], given) for version in (BEFORE, VERSIONS))
    asked, sentence = given["recipient"] in before.OF_THE_BODY, NO_LINK.format(given["ref"])
    assert flat(now.text).count(sentence) == asked
    assert flat(now.text).replace(f"{sentence} ", "", 1) == flat(then.text)
    assert (flat(re.sub(r"<[^>]+>", "", now.html)).count(sentence)) == asked


def test_each_line_that_a_letter_names_is_a_code_line() -> None:
    typed = ["RECEIVED NX00042", "EXPECTED NX00042 30 April 2026", "SENT NX00042 13/04/2026"]
    assert [(code.answer, code.case_ref) for line in typed for code in code_lines(line)] == [
        (answer, "NX00042") for answer in (Answer.RECEIVED, Answer.EXPECTED, Answer.SENT)
    ]


@pytest.mark.all_processes
def test_every_letter_that_asks_a_body_for_something_says_it() -> None:
    """A letter of a step that goes to a body, of every process that is shipped."""
    asks = {
        step.template
        for steps in load_escalation_policy().rung.values()
        for step in steps
        if {*map(str, step.to)} & {*before.OF_THE_BODY} and newest(step.template).called_for == "open"
    }
    assert len(asks) >= 20
    assert [each for each in sorted(asks) if 'part("reply_link-2")' not in newest(each).body] == []
