"""Invented words that identify a child. The tests enter them everywhere, then search every byte of the installation
for them.
"""

from __future__ import annotations

import base64
import binascii
import csv
import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

from config.settings import Settings
from tests.support.calling import field_options
from tests.support.paths import ROOT

RECORDS = Settings(home=Path()).records.name
Words = tuple[str, ...]


class Done(NamedTuple):
    """The output of one command, and its exit code."""

    words: Words
    code: int
    stdout: str
    stderr: str


NAMES = ("Maisie Canaryfield", "Zoë Kanariënvogel")
NUMBERS = ("9993334448", "999 333 4448", "999-333-4448")
BIRTHS = ("29/02/2012", "2012-02-29", "29 February 2012", "29.02.2012")
CLINICAL = ("hydrocephalus canary", "selective mutism canary")
FILE_NAME = "Maisie Canaryfield born 29.02.2012"
PLAIN_NAME = "Maisie Canaryfield"  # no rule distinguishes this name from a word: such a file is read
CANARIES = (*NAMES, *NUMBERS, *BIRTHS, *CLINICAL, "Canaryfield", "Kanariënvogel", "Maisie")
FOLDED = tuple(canary.casefold() for canary in CANARIES)

COLUMNS = (
    "Ref",
    "Child name",
    "LA ref",
    "Local authority",
    "NHS number",
    "DOB",
    "Request received by LA",
    "LA decision to assess",
    "Assess?",
    "Health request received",
    "Services asked",
    "Community Paediatrics returned",
    "Speech and Language Therapy returned",
    "Occupational Therapy returned",
    "CAMHS returned",
    "Physiotherapy returned",
    "Draft plan received",
    "Section G agreed",
    "Final plan",
    "Exception",
    "Comments",
)
SOUND = {
    "Ref": "KV001",
    "Child name": NAMES[0],
    "LA ref": "NS-04412",
    "Local authority": "Northshire",
    "NHS number": NUMBERS[1],
    "DOB": BIRTHS[0],
    "Request received by LA": "05/01/2026",
    "LA decision to assess": "09/02/2026",
    "Assess?": "Yes",
    "Health request received": "16/02/2026",
    "Services asked": "CAMHS; SALT",
    "Exception": f"{NAMES[0]}: {CLINICAL[0]}",
    "Comments": f"{CLINICAL[1]}, mother of {NAMES[1]} rang, {NUMBERS[0]}",
}


def write(path: Path, *rows: dict[str, str], title: str = "") -> Path:
    """A tracker under a title row and with a column that nobody asked for, both with canaries in them."""
    with path.open("w", newline="", encoding="utf-8") as file:
        if title:
            file.write(f"{title}\n")
        writer = csv.DictWriter(file, [*COLUMNS, NAMES[1]], restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def trackers(folder: Path) -> list[Path]:
    """Files with canaries in every column, in the title, in a header, in their names, and in ways that make the import
    fail.
    """
    folder.mkdir()
    rows = [SOUND, SOUND | {"Ref": f"{NAMES[1]} / {NUMBERS[0]}", "LA ref": f"{NAMES[0]} (new)"}]
    rows += [
        SOUND | {"Ref": f"KV{number:02d}{place:02d}", "NHS number": "", column: canary}
        for number, canary in enumerate(CANARIES)
        for place, column in enumerate(COLUMNS[1:])
    ]
    rows += [SOUND | {"Ref": canary, "NHS number": ""} for canary in CANARIES]
    whole = write(folder / f"{PLAIN_NAME}.csv", *rows, title=f"Tracker of {NAMES[0]}, {NUMBERS[1]}, {CLINICAL[0]}")
    differs = write(
        folder / f"{PLAIN_NAME} newer.csv",
        SOUND | {"NHS number": "9990001235", "Health request received": "17/02/2026"},
    )
    open_mark = folder / f"{PLAIN_NAME} open.csv"
    open_mark.write_text(
        f'Ref,LA,Request received\nKV9,Northshire,05/01/2026\nKV8,"{NAMES[0]},{NUMBERS[0]}\n', encoding="utf-8"
    )
    headless = folder / f"{PLAIN_NAME} headless.csv"
    headless.write_text(f"Name,Number\n{NAMES[0]},{NUMBERS[0]}\n", encoding="utf-8")
    damaged = folder / f"{PLAIN_NAME}.xlsx"
    damaged.write_bytes(b"PK\x03\x04" + f"{NAMES[0]} {NUMBERS[0]}".encode())
    dated = folder / f"{FILE_NAME}.csv"
    dated.write_bytes(whole.read_bytes())
    return [whole, differs, open_mark, headless, damaged, dated, folder / f"{PLAIN_NAME} absent.csv", folder]


def commands(folder: Path) -> Iterator[Words]:
    """Everything that somebody could do with canaries in it, in order."""
    whole, *others = trackers(folder)
    yield "import", str(whole), "--dry-run", "--json"
    yield "import", str(whole)
    for path in others:
        yield "import", str(path)
    yield "import", str(others[0]), "--accept-changes", "--confirm-child", "--json"
    yield "import", *FILE_NAME.split(" ")
    turn = cycle(CANARIES)
    for fact, on, data in (
        ("health_advice_answered", "2026-04-01", ("service=camhs", "answer=declined_with_reasons", "reason={}")),
        ("waiting_list_stated", "2026-04-01", ("service=camhs", "note={}", "weeks=18")),
        ("health_advice_requested", "2026-04-01", ("service={}",)),
        ("health_advice_requested", "2026-04-01", ("body={}",)),
        (
            "health_advice_acknowledged",
            "2026-04-01",
            ("service=speech_and_language_therapy", "body_reference={}", "note={}"),
        ),
        (
            "health_advice_acknowledged",
            "2026-04-01",
            ("service=speech_and_language_therapy", "body_reference=CP-3312", "note={}"),
        ),
        ("fact_corrected", "2026-04-01", ("corrects=1", "occurred_on={}")),
        ("fact_corrected", "2026-04-01", ("corrects=1", "la={}")),
        ("fact_corrected", "2026-04-01", ("corrects={}", "occurred_on=2026-03-01")),
        ("fact_withdrawn", "2026-04-01", ("corrects=99", "reason={}")),
        ("excuse_claimed", "2026-04-01", ("ground={}",)),
        ("excuse_claimed", "2026-04-01", ("evidence={}",)),
        ("chasing_paused", "2026-04-01", ("until={}", "reason=x")),
        ("assessment_agreed", "2026-04-01", ("{}=1",)),
        ("assessment_agreed", "2026-04-01", ("{}",)),
        ("{}", "2026-04-01", ()),
        ("assessment_agreed", "{}", ()),
    ):
        canary = next(turn)
        repeated = field_options(*(pair.format(canary) for pair in data))
        yield (
            "record",
            "KV001",
            fact.format(canary),
            "--on",
            on.format(canary),
            *repeated,
            "--actor",
            "dco.team",
            "--json",
        )
    for number, canary in enumerate((NAMES[0], NUMBERS[0], BIRTHS[1], CLINICAL[0], FILE_NAME)):
        yield "record", "KV001", "section_g_agreed", "--on", "2026-04-01", "--actor", canary
        named = ("nhs_number", "date_of_birth", "la_reference", "la")[number % 4]
        yield (
            "record",
            canary,
            "ehc_assessment_requested",
            "--on",
            "2026-04-01",
            "--data",
            f"{named}={next(turn)}",
            "--actor",
            "dco.team",
        )
        yield (
            ("case", canary),
            ("verify", canary),
            ("letters", canary),
            ("case", "KV001", "--as-at", canary),
            ("sweep", "--as-at", canary),
        )[number]
        yield "deliver", "--now", "--reason", canary
        yield "person", "KV001", "--actor", "dco.team", "--purpose", "contact", "--free-text", "--json"
        yield "person", canary[::-1], "--actor", "dco.team", "--purpose", canary
        yield "person", "KV001", "--actor", canary, "--purpose", canary
        yield "person", "KV001", "--actor", "dco.team", "--purpose", canary
    child = ("--data", f"nhs_number={NUMBERS[1]}", "--data", f"date_of_birth={BIRTHS[1]}")
    yield (
        "record",
        "new",
        "ehc_assessment_requested",
        "--on",
        "2026-04-01",
        "--data",
        "la=northshire",
        *child,
        "--actor",
        "dco.team",
    )
    yield from (
        ("sweep",),
        ("digest",),
        ("deliver", "--now", "--reason", "x"),
        ("overdue", "--json"),
        ("due-soon",),
        ("letters", "--json"),
        ("verify",),
        ("case", "KV001", "--json"),
        ("case", "KV001"),
        ("case", "SF-000001"),
    )


def run(home: Path, words: Sequence[Words], **environment: str) -> tuple[list[Done], str]:
    """Runs commands one after another in one process of its own, as fast as their work; returns what each said, and
    what was said past them.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SENDFLOW_", "PREFECT_"))}
    done = subprocess.run(
        [sys.executable, "-c", DRIVER],
        cwd=ROOT,
        env=kept | {"SENDFLOW_HOME": str(home)} | environment,
        input=json.dumps(words),
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    outcomes, past = done.stdout.rsplit("\n", 1)[-1], done.stdout.rsplit("\n", 1)[0] if "\n" in done.stdout else ""
    outcome_of_each = json.loads(outcomes)
    return [Done(tuple(word), *one) for word, one in zip(words, outcome_of_each, strict=True)], past + done.stderr


# Each command as the installed program runs it, with its streams caught; what a library writes to the real ones comes
# out beside them.
DRIVER = """
import contextlib, io, json, sys
from cli import main
said = []
for words in json.load(sys.stdin):
    out, err, code = io.StringIO(), io.StringIO(), 0
    sys.argv = ["sendflow", *words]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as ended:
            code = ended.code or 0
    said.append([code, out.getvalue(), err.getvalue()])
sys.stdout.write("\\n" + json.dumps(said))
"""


class Leak(AssertionError):
    """A canary was found where it may not be."""


@cache
def _needles() -> Mapping[bytes, int]:
    """Each canary as bytes in small letters, with its number. Both orders of UTF-16 have its core."""
    return {
        needle.lower(): number
        for number, canary in enumerate(CANARIES)
        for each in (canary, canary.lower())
        for needle in (each.encode(), each.encode("latin-1"), each.encode("utf-16-le").rstrip(b"\0"))
    }


def search_home(home: Path) -> int:
    """Search every file, table and letter of an installation. Return the number of files; raise Leak on a finding."""
    count = 0
    for path in sorted(home.rglob("*")):
        if not path.is_file() or path.is_socket():
            continue
        count += 1
        content = path.read_bytes()
        _look(f"the name of {path.name}", path.name)
        folded = content.lower()
        for needle, number in _needles().items():
            if needle in folded:
                raise Leak(f"{number} lies in {path.name}")
        if content.startswith(b"SQLite format 3\0"):
            _search_tables(path)
        if path.suffix == ".eml":
            _search_letter(path.name, content)
        elif path.suffix in {".json", ".jsonl"}:
            for line in content.decode("utf-8", "replace").splitlines():
                _look(path.name, _unescaped(line))
    return count


def search_outputs(outputs: Sequence[Done]) -> None:
    """Searches what the commands said; only `who`, where it was answered, may show a person, and on standard output.
    Raises Leak.
    """
    for done in outputs:
        act = " ".join(done.words[:1])
        if "Traceback" in done.stderr:
            raise Leak(f"{act} ended in a traceback")
        _look(f"what {act} said on standard error", done.stderr)
        if not (act == "person" and done.code == 0):
            _look(f"what {act} said", done.stdout)
            _look(f"what {act} said, unescaped", _unescaped(done.stdout))


def _search_tables(path: Path) -> None:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        tables = [row[0] for row in connection.execute("select name from sqlite_master where type = 'table'")]
        for table in tables:
            for row in connection.execute(f'select * from "{table}"'):
                for value in row:
                    for text in _readings(value):
                        _look(f"table {table} of {path.name}", text)
    finally:
        connection.close()


def _readings(value: Any) -> Iterator[str]:
    """A value in every form in which somebody could read it."""
    if value is None:
        return
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    yield text
    yield _unescaped(text)
    yield text.replace("-", "").replace(" ", "")
    for word in re.findall(r"[A-Za-z0-9+/_\-]{16,}={0,2}", text):
        try:
            yield base64.urlsafe_b64decode(word.replace("+", "-").replace("/", "_") + "=" * (-len(word) % 4)).decode(
                "utf-8", "ignore"
            )
        except (binascii.Error, ValueError):
            continue


def _unescaped(text: str) -> str:
    return re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text)


def _search_letter(name: str, content: bytes) -> None:
    letter = message_from_bytes(content, policy=policy.default)
    assert isinstance(letter, EmailMessage)
    for header, value in letter.items():
        _look(f"{header} of {name}", str(value))
    for part in letter.walk():
        _look(f"a file name of {name}", part.get_filename() or "")
        if part.get_content_maintype() == "text":
            _look(f"the text of {name}", str(part.get_content()))
        elif not part.is_multipart():
            _look(f"a part of {name}", part.get_content().decode("utf-8", "replace"))


def _look(where: str, text: str) -> None:
    folded = text.casefold()
    for number, canary in enumerate(FOLDED):
        if canary in folded:
            raise Leak(f"canary {number} is in {where}")


def planted(home: Path) -> int:
    """Count the stored persons and free texts. It proves that sendflow stored the canaries and did not drop them."""
    connection = sqlite3.connect(f"file:{home / RECORDS}?mode=ro", uri=True)
    try:
        return sum(
            int(connection.execute(f"select count(*) from {table}").fetchone()[0])
            for table in ("person", "passage", "alias", "person_read")
        )
    finally:
        connection.close()
