"""The certificate of an erasure names nobody; the answer to a subject access request has everything, marked."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import orjson
import pytest
from sqlalchemy import select

from casework.bundles.certificate import certificate
from casework.bundles.subject_access import CHECK, FolderThere, subject_access
from casework.privacy.approval import NoSuchProposal, propose, refuse
from casework.privacy.case_looks import looks_at
from casework.privacy.erasure import Ground
from config.text import full_day
from models.database import reading
from models.errors import NoSuchCase
from models.tables import CASE, PERSON
from tests.support.by_hand import PAEDS, SALT, TRUST
from tests.support.erasing import erase
from tests.support.team import Team

TODAY = "14 Apr 2026"
FIRST, SECOND, OTHER = "NX90001", "NX90002", "NX90003"
BORN, NOTE, ELSE = "2015-05-20", "Mum says <b>Uncle Joe</b> rang", "Another child's note"


@pytest.fixture
def child(team: Team) -> Team:
    """A child with two cases, and another child; letters left about the first and the last."""
    for case, number, born in (
        (FIRST, "999 000 0018", "2015-05-20"),
        (SECOND, "999 000 0018", "2015-05-20"),
        (OTHER, "999 123 4500", "2014-06-21"),
    ):
        team.record(
            "2 Feb 2026", "ehc_assessment_requested", case=case, la="northshire", nhs_number=number, date_of_birth=born
        )
    team.asked("2 Mar 2026", SALT, body=TRUST, note=NOTE)
    team.record("2 Mar 2026", "health_advice_requested", case=OTHER, service=PAEDS, body=TRUST, note=ELSE)
    for when in ("2 Mar 2026", "23 Mar 2026", "7 Apr 2026", TODAY):
        team.day(when)
    return team


def test_the_answer_has_everything_on_the_child_and_nothing_on_another(child: Team, tmp_path: Path) -> None:
    done = subject_access(child.context(TODAY), SECOND, "dco.team", tmp_path / "answer")
    assert (done.cases, done.to_check) == ([FIRST, SECOND], 1) and done.letters > 0
    texts = {path.name: path.read_text("utf-8") for path in (tmp_path / "answer").iterdir()}
    assert sorted(texts) == done.files
    assert {"index.html", "words-to-check.html", f"chronology-{FIRST}.html", f"who-read-{SECOND}.html"} <= texts.keys()
    assert full_day(date.fromisoformat(BORN)) in texts["index.html"] and "999 000 0018" in texts["index.html"]
    assert "Uncle Joe" in texts["words-to-check.html"] and CHECK in texts["words-to-check.html"]
    assert "<b>Uncle" not in texts["words-to-check.html"]
    everything = "".join(texts.values())
    assert ELSE not in everything and "999 123 4500" not in everything and OTHER not in everything
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "answer").iterdir())


def test_who_answered_is_logged_on_each_case_before_anything_is_written(child: Team, tmp_path: Path) -> None:
    subject_access(child.context(TODAY), FIRST, "sam.lee", tmp_path / "answer")
    for case in (FIRST, SECOND):
        looks = [(each.actor, each.what, each.code) for each in looks_at(child.context(TODAY), case)]
        assert ("sam.lee", "subject_access", None) in looks
        assert ("sam.lee", "identity", "subject_access") in looks
    with pytest.raises(FolderThere):
        subject_access(child.context(TODAY), FIRST, "sam.lee", tmp_path / "answer")
    with pytest.raises(NoSuchCase):
        subject_access(child.context(TODAY), "NX99999", "sam.lee", tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_the_certificate_counts_what_was_erased_and_names_nobody(child: Team) -> None:
    report = erase(child.context(TODAY), FIRST, "dco.team", Ground.COURT_ORDER)
    made = certificate(child.context(TODAY), report.proposal or 0)
    document = orjson.loads(made.json)
    assert (document["ground"], document["cases"]) == ("court_order", [FIRST, SECOND])
    assert (document["proposed_by"], document["approved_by"]) == ("dco.team", "sam.lee")
    assert (document["identities"], document["passages"]) == (1, report.passages)
    assert document["checkpoint"] and document["checkpoint"].splitlines()[0] in made.html
    assert made.pdf.startswith(b"%PDF")
    with reading(child.first.engine) as connection:
        query = select(PERSON.c.erased_at).join(CASE, CASE.c.child_key == PERSON.c.child_key)
        assert connection.scalar(query.where(CASE.c.case_ref == FIRST)) == document["approved_at"]
    for text in (made.html, made.json.decode()):
        assert not any(word in text for word in ("Maisie", "999 000", "Uncle", "2015"))
    assert child.verify(TODAY).intact


def test_there_is_no_certificate_of_what_was_not_erased(child: Team) -> None:
    context = child.context(TODAY)
    number = propose(context, FIRST, "dco.team", Ground.COURT_ORDER).proposal or 0
    for each in (number, 99):
        with pytest.raises(NoSuchProposal):
            certificate(context, each)
    refuse(context, number, "sam.lee")
    with pytest.raises(NoSuchProposal):
        certificate(context, number)
