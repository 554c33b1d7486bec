"""Coverage-guided fuzzing of everything that reads what somebody else wrote: `make fuzz SECONDS=300`. Not a test: it
has no end of its own.

Each target is one reader. The fuzzer stores an input that finds a new path through it and changes it again. A reader
accepts its input or refuses it with its own message. Any other exception, a hang or unbounded memory stops the target,
and the fuzzer stores the input under build/fuzz/TARGET/ for a regression test.

    python -m tests.system.fuzz.deep                 every target, the seconds shared among them
    python -m tests.system.fuzz.deep tracker [FILE]  one target; with a file, that input once
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from tests.support.paths import GOLDEN, ROOT

FOUND = ROOT / "build" / "fuzz"
Target = Callable[[bytes], None]


def _in_file(name: str, read: Callable[[Path], object], *own: type[Exception]) -> Target:
    folder = Path(tempfile.mkdtemp(prefix="sendflow-fuzz-"))
    file = folder / name

    def target(data: bytes) -> None:
        file.write_bytes(data)
        with suppress(*own):
            read(file)

    return target


def tracker() -> Target:
    """A tracker as CSV or workbook, to its last cell: the sheet, its header, the plan of every row."""
    from datetime import date

    from casework.imports.raw_rows import SheetError
    from casework.imports.rows import RowReader
    from casework.imports.sheet import open_tracker
    from config.directory import load_directory
    from config.tracker_columns import load_columns

    columns, directory = load_columns(), load_directory()
    reader = RowReader(columns, directory, date(2026, 4, 14))

    def read(path: Path) -> None:
        file = open_tracker(path, columns, directory)
        for row in file.rows():
            reader.reference(row)
            reader.read(row)
        file.all_remarks()

    return _in_file("tracker.csv", read, SheetError)


def statute() -> Target:
    """A statute file of a rule pack."""
    import shutil

    from config.law import LawError, NoAnswer, load_law
    from config.toml_reader import ConfigFault

    folder = Path(tempfile.mkdtemp(prefix="sendflow-fuzz-")) / "config"
    shutil.copytree(ROOT / "config" / "statute", folder / "statute")
    for other in (folder / "statute").glob("*.toml"):
        if other.name not in {"section23.toml", "personal_budget.toml"}:
            other.unlink()  # the fewer there are, the more often the one is read
    shutil.copy(ROOT / "config" / "grounds.toml", folder)

    def target(data: bytes) -> None:
        (folder / "statute" / "personal_budget.toml").write_bytes(data)
        with suppress(ConfigFault, LawError, NoAnswer):
            load_law(folder)

    return target


def ladder() -> Target:
    """The escalation policy."""
    from config.escalation_policy import EscalationPolicyError, load_escalation_policy
    from config.toml_reader import ConfigFault

    return _in_file("ladder.toml", load_escalation_policy, EscalationPolicyError, ConfigFault)


def directory() -> Target:
    """The bodies and their mailboxes."""
    from config.directory import DirectoryError, load_directory

    return _in_file("directory.toml", load_directory, DirectoryError)


def columns() -> Target:
    """The names of a tracker's columns."""
    from config.tracker_columns import TrackerError, load_columns

    return _in_file("tracker.toml", load_columns, TrackerError)


def almanac() -> Target:
    """The bank holidays."""
    from config.law import NoAnswer
    from config.toml_reader import ConfigFault
    from deadlines.working_calendar import load_calendar

    return _in_file(
        "bank_holidays.toml",
        lambda path: load_calendar(ROOT / "config" / "almanac", path.parent),
        ConfigFault,
        NoAnswer,
    )


def typed() -> Target:
    """The inputs of a person: a day, a shard, a reference, fields, an address."""
    from casework.sweep import NoSuchShard, Shard
    from config.settings import Settings, SettingsError
    from flows.run_labels import NoSuchDay, day_of

    names = (
        "SENDFLOW_PORT",
        "SENDFLOW_TODAY",
        "SENDFLOW_AUTH",
        "SENDFLOW_DATABASE_URL",
        "SENDFLOW_API_URL",
        "SENDFLOW_SMTP_LOGIN",
        "SENDFLOW_ALERT_TO",
        "SENDFLOW_BIND",
        "SENDFLOW_WORKERS",
        "SENDFLOW_METRICS_PORT",
    )

    def target(data: bytes) -> None:
        words = data.decode("utf-8", "replace").replace("\0", "")
        with suppress(NoSuchDay):
            day_of(words)
        with suppress(NoSuchShard):
            Shard.read(words)
        values = words.split("\n")
        with suppress(SettingsError):
            Settings.read({"SENDFLOW_HOME": "/nonexistent"} | dict(zip(names, values, strict=False)))

    return target


def links() -> Target:
    """References, odd inputs in their place, and addresses in a letter: none becomes a link to another address."""
    from html.parser import HTMLParser
    from urllib.parse import quote

    from pydantic import TypeAdapter, ValidationError

    from casework.cases.validation import Refused
    from cli.cases import parse_key_values
    from models.facts import REFERENCE, Reference
    from notifications.layout import hidden, read, to_html

    theirs: TypeAdapter[str] = TypeAdapter(Reference)

    class Page(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            for name, value in attrs:
                if (
                    (name == "href" and not str(value).startswith(("http://", "https://", "mailto:")))
                    or name.startswith("on")
                    or tag in ("script", "img")
                ):
                    raise AssertionError("a value has become more than a value")

    def target(data: bytes) -> None:
        words = data.decode("utf-8", "replace")
        kept = words.strip().upper()
        if REFERENCE.fullmatch(kept) and (quote(kept, safe="") != kept or kept[0] in "=+-@"):
            raise AssertionError("a reference that does not stand everywhere as it is")
        with suppress(ValidationError):
            theirs.validate_python(words)
        with suppress(Refused):
            parse_key_values(words.split("\n"))
        Page().feed(
            to_html(
                read(f"# Letter\n\nThe case {hidden(words)} is **late**.\n\n| Case | {hidden(words) or '-'}"), "Letter"
            )
        )

    return target


def mail() -> Target:
    """The reading of a mail that comes in: nothing may raise."""
    from tests.casework.mailbox.test_hostile import everything

    def target(data: bytes) -> None:
        everything(data)

    return target


def bundle() -> Target:
    """A bundle from a stranger: it is refused with the verifier's own error for any content."""
    from casework.bundles import verifier

    def target(data: bytes) -> None:
        with suppress(verifier.BundleError):
            verifier.verify_all(data)
        with suppress(verifier.BundleError):  # the same bytes as each file that is read
            verifier.verify(verifier.pack({"manifest": data, "key.txt": data[:200], "checkpoint": data}))

    return target


TARGETS: dict[str, Callable[[], Target]] = {
    each.__name__: each for each in (tracker, statute, ladder, directory, columns, almanac, typed, links, mail, bundle)
}
SEEDS = {
    "tracker": [*sorted((GOLDEN / "imports").iterdir())],
    "statute": [ROOT / "config" / "statute" / "personal_budget.toml"],
    "ladder": sorted((ROOT / "config" / "ladder").glob("*.toml")),
    "directory": [ROOT / "config" / "directory.toml"],
    "columns": [ROOT / "config" / "tracker.toml"],
    "almanac": [ROOT / "config" / "almanac" / "bank_holidays.toml"],
    "typed": [],
    "links": [],
    "mail": [],
    "bundle": [],
}


def fuzz(name: str, more: list[str]) -> None:
    """Run one target in this process until libFuzzer's own limits."""
    import atheris

    with atheris.instrument_imports(
        include=[
            "config",
            "deadlines.working_calendar",
            "casework.imports",
            "casework.bundles.verifier",
            "flows.run_labels",
            "notifications.layout",
            "tomllib",
            "csv",
        ]
    ):
        target = TARGETS[name]()
    atheris.Setup([name, *more], target)
    atheris.Fuzz()


def rounds(seconds: int) -> int:
    """Run every target for its share of the time. Return 1 if a finding stopped one."""
    found = 0
    for name in TARGETS:
        corpus = FOUND / name / "corpus"
        corpus.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(SEEDS[name]):
            if seed.is_file() and seed.stat().st_size < 60_000:
                (corpus / f"seed-{number}").write_bytes(seed.read_bytes())
        words = FOUND / name / "words"
        words.write_text(
            "".join(f'"{word}"\n' for word in sorted({"2026-04-14", *_words(SEEDS[name])})), encoding="ascii"
        )
        share = max(1, seconds // len(TARGETS))
        command = [
            sys.executable,
            "-m",
            "tests.system.fuzz.deep",
            name,
            f"-max_total_time={share}",
            "-max_len=20000",
            "-timeout=20",
            "-rss_limit_mb=2000",
            f"-dict={words}",
            f"-artifact_prefix={FOUND / name}/",
            "-verbosity=0",
            "-print_final_stats=1",
            str(corpus),
        ]
        done = subprocess.run(
            command,
            cwd=ROOT,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        tried = next((line.split()[-1] for line in done.stderr.splitlines() if "number_of_executed_units" in line), "?")
        said = "nothing found" if done.returncode == 0 else f"FOUND SOMETHING, stored in {FOUND / name}"
        sys.stdout.write(f"{name:<10} {share:>5} s  {tried:>9} inputs  {said}\n")
        sys.stdout.flush()
        if done.returncode:
            found = 1
            sys.stdout.write("\n".join(done.stderr.splitlines()[-25:]) + "\n")
    return found


def _words(seeds: list[Path]) -> Iterator[str]:
    """Return the words of the seeds for a dictionary, because random bytes rarely form a reader's keywords."""
    import re

    text = " ".join(seed.read_text("utf-8", "ignore") for seed in seeds if seed.suffix in {".toml", ".csv"})
    yield from re.findall(r"[A-Za-z_][A-Za-z_0-9. -]{2,30}|\d{4}-\d\d-\d\d|\[\[?|=", text)


def main(words: list[str]) -> int:
    """Run the commands of the module's docstring."""
    if words:
        fuzz(words[0], words[1:])
        return 0
    return rounds(int(os.environ.get("SECONDS_TO_FUZZ") or 60))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
