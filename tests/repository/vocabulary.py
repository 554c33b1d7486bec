"""Finds words that docs/glossary.md replaced: in identifiers, sentences of code, docstrings, comments and documents.

Use: python -m tests.repository.vocabulary [PATH ...] lists each finding as file:line: word.

Persisted words (fact kinds, data keys, JSON keys, columns, keys of TOML files) stay; ALLOWED names them.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
# Released or quoted texts, which never change, and the pages that quote the old words.
SKIPPED = (
    "notifications/templates/",
    "statemachines/tables/",
    "models/migrations/versions/",
    "config/statute/",
    "config/ladder/",
    "tests/golden/",
    "tests/scenarios/law/",
    "tests/contracts/data/",
    "tests/repository/vocabulary.py",
    "docs/glossary.md",
    "docs/reference/processes.md",  # generated from the statute files
    "docs/reference/history-format.md",
    "CHANGELOG.md",
    "requirements.lock",
    "benchmarks/peers.lock",
)
# In sentences: words that no reader should have to translate.
SENTENCES = re.compile(
    r"\b(house|houses|alarm clock|alarm clocks|anew|afresh|whoever|whatever|mends?|mended|mending|reckon\w*|unheard"
    r"|lawbook|letter book|duty book|desks?|post room|postroom|minter|minted|minting|mints|killpoints?|almanacs?"
    r"|ladder's rungs?|rungs?|unsealed?|sealed|seals?|refold\w*|rehears\w*|engine room|morning digest"
    r"|heard|hears|hear|told|tells?|keeps|kept|stands|stood|rooms?|chasers?|limbs?|excuses?|lets? (?:it|them) go)\b",
    re.IGNORECASE,
)
SQL = re.compile(r"\b(SELECT|INSERT|UPDATE|CREATE|DELETE) ")
# In identifiers, after splitting snake_case and CamelCase.
IDENTIFIERS = frozenset(
    word
    for row in (
        "house houses desk desks told tells tell heard hear hears hearing unheard kept keeps anew afresh whoever",
        "whatever mend mends reckon reckoned lawbook almanac almanacs mint minter postroom killpoint killpoints",
        "rehearsed rehearsal seal sealed unseal refold refolded rungs limb limbs works",
    )
    for word in row.split()
)
# Persisted names and names of the field itself: identifier -> why it stays.
ALLOWED_IDENTIFIERS = {
    "told_as": "key of the statute files",
    "told_by": "key of the statute files",
    "told_before": "key of the statute files",
    "told_on": "name in the letter templates",
    "only_limb": "key of the statute files",
    "unheard": "key of the --json documents",
    "heard": "key of the --json documents",
    "mend": "key of the --json documents",
    "almanac": "column of law_held, folder of rule packs",
    "rehearsed": "key of a fact's text, column of adoption and law_held",
    "sealed": "column of person and passage",
    "almanac__bank_holidays": "a file of the folder almanac/ of a rule pack",
    "almanac__easter": "a file of the folder almanac/ of a rule pack",
    "kept": "state id of annual_review",
    "plan_kept": "fact kind",
    "hearing_held": "fact kind",
    "hearing_adjourned": "fact kind",
}
# (file pattern, pattern of the sentence) that keeps a word because the law or the field uses it.
ALLOWED_SENTENCES: tuple[tuple[str, str], ...] = (
    ("runtime/diagnostics/alerts.py", "mend"),  # `Finding.mend` is a --json key
    # Attributes inside f-strings; each is a --json key.
    ("cli/", r"duty\.excuse|(?:one|each)\.rung|answer\.excuses"),
    (r"statemachines/section23\.py", r"\btold\b|\btells\b"),
    (r"statemachines/(annual_review|reassessment)\.py", r"Plan kept as it is"),
    # Messages that name the key `rung` of the policy's files.
    (r"config/escalation_policy\.py", r"\[\[rung\.|rung\.\{rule\}|: rung\."),
    # The name of a lock, which two versions of sendflow share.
    (r"models/key_checks\.py", r"first seal"),
    # Golden histories quote these refusals.
    (r"statemachines/(refusals|ceasing_a_plan)\.py", r"the case stands at|appeal against ceasing stands"),
    # Golden letters quote this warning.
    (r"tests/support/letter_samples\.py", r"nobody was told"),
    # Tests quote subjects and sentences of letters and mails.
    (r"tests/cli/test_section23_walk\.py", r"please tell the parent|can now be told|was told on"),
    (
        r"tests/notifications/",
        r"that still stands is|was told that it is|not been told yet|is not an excuse|tell the new commissioning body",
    ),
    # It reads the sentences of letters.
    (r"tests/support/letter_witness\.py", r"told|heard|stands"),
    # SQL in tests names the column `sealed` of person and passage; the frozen contract of fields says the same.
    (r"tests/", r"select .*\bsealed\b|sealed from person"),
    (r"tests/contracts/surface\.py", r" sealed (?:with the person|as words)"),
    # The frozen contracts name this call.
    (r"tests/contracts/scenario\.py", r"deliver: a rehearsal by a relay"),
    # Messages and pages name the key `rung` of the policy's files, and a measure of `make bench` by its id.
    (r"docs/develop/adding-a-process\.md", r"\[\[rung\.|^rule,process,counts"),
    # A share by the state id of annual_review.
    (r"benchmarks/caseload\.toml", r"^kept = "),
    (r"benchmarks/goals\.toml", r"\[refold_against_eventsourcing\]"),
    # Tests compare the same refusals.
    (r"tests/(?:statemachines|casework/cases)/", r"stands at '|is told of the opinion|authority is told"),
    (r"statemachines/", r"parents? (?:is|are|was|were) told|tells? the parent|told the parent"),
    (r".*", r"config/almanac|almanac/|stands? for|room/|hearing"),
)


class Finding(NamedTuple):
    """One word that has to go. `place` is file:line."""

    path: str
    line: int
    word: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.word}"


@cache
def words_of(identifier: str) -> list[str]:
    """Split snake_case and CamelCase into lower-case words."""
    return [word.lower() for part in identifier.split("_") for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", part)]


def in_sentence(path: str, line: int, text: str) -> Iterator[Finding]:
    """Find gone words in one sentence or paragraph, line by line."""
    for offset, row in enumerate(text.split("\n")):
        row = re.sub(r"`[^`]*`|\"[a-z0-9_]+\"|'[a-z0-9_]+'", "", row)
        for match in SENTENCES.finditer(row):
            around = row[max(0, match.start() - 40) : match.end() + 40]
            allowed = (words for file, words in ALLOWED_SENTENCES if re.match(file, path))
            if not any(re.search(words, around, re.IGNORECASE) for words in allowed):
                yield Finding(path, line + offset, match[0])


def in_python(path: str, source: str) -> Iterator[Finding]:
    """Find gone words in identifiers, comments, docstrings and string constants that are sentences."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NAME and token.string not in ALLOWED_IDENTIFIERS:
            for word in words_of(token.string):
                if word in IDENTIFIERS:
                    yield Finding(path, token.start[0], f"identifier {token.string}")
                    break
        elif token.type == tokenize.COMMENT:
            yield from in_sentence(path, token.start[0], token.string)
        elif token.type == tokenize.STRING:
            text = token.string
            if re.search(r"[A-Za-z] [A-Za-z]", text) and not re.search(
                r"\b(SELECT|INSERT|UPDATE|CREATE|DELETE) ", text
            ):
                yield from in_sentence(path, token.start[0], text)


def findings(paths: list[str] | None = None) -> list[Finding]:
    """Every finding in the tracked files under `paths`, or in all."""
    listed = subprocess.run(["git", "ls-files", *(paths or [])], cwd=ROOT, capture_output=True, text=True, check=True)
    found: list[Finding] = []
    for path in listed.stdout.split("\n"):
        if not path or path.startswith(SKIPPED) or not (ROOT / path).is_file():
            continue
        if path.endswith(".py"):
            found += in_python(path, (ROOT / path).read_text("utf-8"))
            found += [
                Finding(path, 0, f"file name {word}") for word in words_of(Path(path).stem) if word in IDENTIFIERS
            ]
        elif path.endswith((".md", ".toml", "Makefile", ".importlinter", ".service", ".conf")):
            for number, row in enumerate((ROOT / path).read_text("utf-8").split("\n"), 1):
                found += in_sentence(path, number, row)
    return found


def main() -> None:
    """Print the findings and their number."""
    found = findings(sys.argv[1:] or None)
    for each in found:
        sys.stdout.write(f"{each}\n")
    sys.stdout.write(f"{len(found)} findings\n")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
