"""`sendflow verify --against FILE` names the first day and case at which the records part from what left."""

from __future__ import annotations

import json
from email.message import EmailMessage
from pathlib import Path
from shutil import copytree, rmtree

import pytest

from audit.against import NothingToCompare, compare
from casework.delivery.daily_digest import digest
from casework.proof import published_log
from casework.proof.sequencer import sequence
from tests.audit.test_findings import command
from tests.audit.test_verify_log import in_the_log_too, lived, other_actor, owner
from tests.support.team import Team

DAY, LATER = "3 Feb 2026", "4 Feb 2026"
__all__ = ["lived"]


@pytest.fixture
def left(lived: Team) -> Path:
    """The folder of the log as another organisation has it."""
    target = lived.home.parent / "audit"
    copytree(lived.home / published_log.FOLDER, target)
    return target


def rewrite(team: Team) -> None:
    """Rewrite a case, its leaves and every signed checkpoint that would show it, as the owner of the machine can."""
    with owner(team) as file:
        other_actor(file, "NX90001")
        in_the_log_too(file)
        file.execute("DELETE FROM log_checkpoint")
    rmtree(team.home / published_log.FOLDER)


@pytest.mark.parametrize("name", ["", "checkpoint"])
def test_records_that_are_whole_match(lived: Team, left: Path, name: str) -> None:
    found = compare(lived.context(DAY), left / name)
    assert (found.matches, found.compared, found.last_good) == (True, 1 if name else 2, "2026-02-03T09:00:00.000000Z")


def test_records_that_were_rewritten_part_at_a_day_and_a_case(lived: Team, left: Path) -> None:
    rewrite(lived)
    done = command(lived, DAY, "verify", "--against", str(left), "--json")
    found = json.loads(done.stdout)["against"]
    assert done.exit_code == 1
    assert (found["matches"], found["day"], found["case_ref"], found["seq"]) == (False, "2026-02-02", "NX90001", 1)
    said = command(lived, DAY, "verify", "--against", str(left)).stdout
    assert "do not match 2 signed checkpoints" in said and "NX90001, fact 1" in said


def test_the_last_good_checkpoint_is_named(lived: Team, left: Path) -> None:
    with owner(lived) as file:
        number = file.execute("SELECT number FROM log_leaf WHERE leaf LIKE 'fact NX90001 2 %'").fetchone()[0]
        file.execute("UPDATE log_leaf SET leaf = ? WHERE number = ?", ("fact NX90001 2 " + "a" * 64, number))
        file.execute("DELETE FROM log_checkpoint WHERE number = 2")
    found = compare(lived.context(DAY), left)
    assert (found.last_good, found.day) == ("2026-02-02T09:00:00.000000Z", "2026-02-03")
    assert (found.case_ref, found.seq) == ("NX90001", 2)


def test_a_saved_digest_is_a_checkpoint_too(lived: Team) -> None:
    digest(lived.context(LATER), transport=lived.post)
    letter = lived.post.letters[-1]
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "sendflow@icb.example", "dco@icb.example", letter.subject
    mail.set_content(letter.text)
    mail.add_alternative(letter.html, subtype="html")
    file = lived.home.parent / "digest.eml"
    file.write_bytes(mail.as_bytes())
    found = compare(lived.context(LATER), file)
    assert (found.matches, found.compared) == (True, 1)
    plain = lived.home.parent / "digest.txt"
    plain.write_text(letter.text, "utf-8")
    assert compare(lived.context(LATER), plain).matches
    rewrite(lived)
    assert not compare(lived.context(LATER), plain).matches


def test_what_no_key_of_this_log_signed_is_refused(lived: Team, left: Path, teams: object) -> None:
    note = (left / "checkpoint").read_text("utf-8")
    other = left / "other"
    other.write_text(note.replace("sendflow-", "sendflaw-"), "utf-8")
    with pytest.raises(NothingToCompare):
        compare(lived.context(DAY), other)
    empty = left / "empty"
    empty.write_bytes(b"\0\xff" * 1000)
    assert command(lived, DAY, "verify", "--against", str(empty)).exit_code == 2
    assert command(lived, DAY, "verify", "--against", str(left / "nowhere")).exit_code == 2


def test_an_older_database_parts_from_what_left(lived: Team, left: Path) -> None:
    lived.record(LATER, "assessment_agreed", case="NX90002")
    sequence(lived.context(LATER))
    newer = lived.home.parent / "newer"
    copytree(lived.home / published_log.FOLDER, newer)
    with owner(lived) as file:
        size = file.execute("SELECT size FROM log_checkpoint WHERE number = 2").fetchone()[0]
        file.execute("DELETE FROM log_leaf WHERE number >= ?", (size,))
        file.execute("DELETE FROM log_checkpoint WHERE number = 3")
    found = compare(lived.context(LATER), newer)
    assert (found.matches, found.case_ref, found.seq, found.last_good_size) == (False, "NX90002", 2, size)
