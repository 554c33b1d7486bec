"""What people read as names: every abbreviation is in the glossary, and every other word is written in full.

It walks the facts, fields, states, duties and steps of every process: a new process is read without a line here.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from casework.reports.recordable import fields_of
from config.escalation_policy import load_escalation_policy
from config.law import load_law
from config.step_words import step_name
from statemachines.fact_labels import fact, field
from statemachines.registry import processes

GLOSSARY = Path(__file__).parents[2] / "docs" / "glossary.md"
# The English words of up to four letters that names have. A short word that is none of them is an abbreviation.
SHORT = set(Path(__file__).with_name("short_words.txt").read_text("utf-8").split())
# Parts of citations, and of words for people who read the law.
CITED = {"s", "reg", "e", "g", "c", "re"}


@cache
def abbreviations() -> frozenset[str]:
    part = GLOSSARY.read_text("utf-8").partition("## Abbreviations")[2].partition("\n## ")[0]
    first = (line.split("|")[1] for line in part.splitlines() if line.startswith("| ") and "---" not in line)
    return frozenset(each.strip() for cell in first for each in cell.split(","))


def said() -> Iterator[tuple[str, str]]:
    """Each name that people read, and where it is."""
    for name, process in processes().items():
        yield process.title, name
        for kind, definition in process.facts.items():
            yield fact(kind), f"{name}.{kind}"
            yield from ((field(form.name), f"{name}.{kind}.{form.name}") for form in fields_of(definition.model))
        yield from ((state, f"{name}, a state") for state in process.states.values())
        if process.items is not None:
            yield from ((state, f"{name}, a state of an item") for state in process.items.states.values())
    for rule, law in load_law().rules.items():
        yield from ((text, rule) for text in (law.action, law.duty_on, law.clock_starts) if text)
    policy = load_escalation_policy()
    for rule, steps in policy.rung.items():
        yield from ((step_name(each.id, policy), f"a step of {rule}") for each in steps)


def unexplained(text: str) -> list[str]:
    """The words of a name that are neither English words nor abbreviations of the glossary."""
    found = []
    for word in re.findall(r"C\(E\)TR|(?<![0-9A-Za-z])[A-Za-z]+(?![0-9A-Za-z])", text):
        capitals = len(re.findall("[A-Z]", word)) > 1
        short = word.islower() and len(word) <= 4 and word not in SHORT | CITED
        without_vowel = word.islower() and not re.search("[aeiouy]", word) and word not in CITED
        if (capitals and word not in abbreviations()) or short or without_vowel:
            found.append(word)
    return found


@pytest.mark.each_process
def test_every_name_that_people_read_is_in_words_or_in_abbreviations_of_the_glossary() -> None:
    problems = sorted({f"{where}: {text!r} has {words}" for text, where in said() if (words := unexplained(text))})
    assert problems == [], "give it a label (labels of define_process), or add the abbreviation to docs/glossary.md"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ld check watched", ["ld"]),
        ("DSR referred", ["DSR"]),
        ("cetr held", ["cetr"]),
        ("C(E)TR held", []),
        ("yearly health check done", []),
        ("new rcb aware of move", ["rcb"]),
    ],
)
def test_an_abbreviation_is_recognised(text: str, words: list[str]) -> None:
    assert unexplained(text) == words
