"""What a template of a letter takes and how it reads: fields, parts, reading age, and what a version changed.

Purpose: who changes a letter sees what the change does before it leaves. Pure, but for the shared parts, which are
files beside the templates. The reading age is that of the words in the template; a field counts as one word of one
syllable, because names of services and dates are the same in every wording.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from functools import cache
from typing import Literal, NamedTuple

from jinja2 import nodes
from jinja2.meta import find_undeclared_variables

from notifications.render import FOLDER, Template, shelf

FIELD, TAG = re.compile(r"{{.*?}}", re.DOTALL), re.compile(r"{%.*?%}", re.DOTALL)
MARK = re.compile(r"[*_#|>`]+|^- ", re.MULTILINE)
SENTENCE = re.compile(r"[^.!?:\n]*[A-Za-z][^.!?:\n]*[.!?:\n]?")
WORD = re.compile(r"[A-Za-z][A-Za-z'-]*|[0-9]+")
FIRST_GRADE_AGE = 5  # a grade of the United States is a year of school; children begin the first at six
METHODS = frozenset({"get", "items", "keys", "values"})
OF_THE_LETTER = frozenset({"heading", "action", "note", "ask", "part"})


class Change(NamedTuple):
    """One line of the difference between two versions."""

    kind: Literal["same", "added", "removed"]
    line: str


def fields_of(template: Template) -> list[str]:
    """Every field that a template takes, also by its parts, as `dco.mailbox`."""
    sources = [template.subject, template.heading, template.action, template.ask, template.note, template.body]
    return sorted(set().union(*(_fields(source) for source in sources)) - OF_THE_LETTER)


def parts_of(template: Template) -> list[str]:
    """The shared parts that a template includes, also by another part, in order of name."""
    found, more = set[str](), set(_parts(template.body))
    while more:
        found |= more
        more = set().union(*(_parts(_part(name)) for name in more)) - found
    return sorted(found)


@cache
def reading_age(template: Template) -> int | None:
    """The age in years at which a reader usually understands the words (Flesch-Kincaid); None without a sentence."""
    sentences = list(_sentences(template))
    if not sentences:
        return None
    from readability import getmeasures  # type: ignore[import-untyped]  # lazy; it has no annotations

    grade: float = getmeasures("\n".join(sentences), lang="en")["readability grades"]["Kincaid"]
    return max(FIRST_GRADE_AGE, round(grade) + FIRST_GRADE_AGE)


def changes(before: Template, after: Template) -> list[Change]:
    """What a version changed, line by line, with the lines that stayed."""
    old, new = _lines(before), _lines(after)
    found: list[Change] = []
    for kind, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            found += [Change("same", line) for line in old[i:j]]
        else:
            found += [Change("removed", line) for line in old[i:j]]
            found += [Change("added", line) for line in new[k:m]]
    return found


def _lines(template: Template) -> list[str]:
    head = [f"Subject: {template.subject}", template.heading, template.action, template.ask, template.note]
    return [line for line in (*head, *template.body.splitlines()) if line.strip()]


def _sentences(template: Template) -> Iterator[str]:
    """The sentences of a template and its parts, one a line with its words apart, as the library takes them."""
    text = "\n".join((template.heading, template.action, template.body, *map(_part, parts_of(template))))
    text = MARK.sub(" ", TAG.sub("\n", FIELD.sub("it", text)))
    for sentence in SENTENCE.findall(text):
        words: Sequence[str] = WORD.findall(sentence)
        if len(words) > 1:
            yield " ".join([*words, "."])


@cache
def _fields(source: str) -> frozenset[str]:
    tree = shelf().environment.parse(source)
    known = find_undeclared_variables(tree)
    found = set(known)
    for node in tree.find_all(nodes.Getattr):
        if isinstance(node.node, nodes.Name) and node.node.name in known and node.attr not in METHODS:
            found.discard(node.node.name)
            found.add(f"{node.node.name}.{node.attr}")
    return frozenset(found).union(*(_fields(_part(name)) for name in _parts(source)))


@cache
def _parts(source: str) -> frozenset[str]:
    calls = shelf().environment.parse(source).find_all(nodes.Call)
    return frozenset(
        str(call.args[0].value)
        for call in calls
        if isinstance(call.node, nodes.Name) and call.node.name == "part" and isinstance(call.args[0], nodes.Const)
    )


@cache
def _part(name: str) -> str:
    return (FOLDER / f"{name}.part").read_text("utf-8")
