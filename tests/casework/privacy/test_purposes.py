"""A purpose of an access is a word of purposes.toml; what was stored before purposes were words is shown as it was."""

import pytest

from casework.cases.search import find_by_nhs_number
from casework.context import AppContext
from casework.privacy.access import read_person
from casework.privacy.case_looks import looks_at
from casework.privacy.purposes import WrongPurpose
from config.purposes import FILE
from models.change_log import insert_logged
from models.database import writing
from models.free_text import insert_free_texts, new_free_text
from models.tables import ACCESS
from tests.support.team import Team

TODAY, CASE = "14 Apr 2026", "NX90001"


@pytest.fixture
def context(team: Team) -> AppContext:
    team.record("2 Feb 2026", "ehc_assessment_requested", case=CASE, la="northshire", nhs_number="999 000 0018")
    return team.context(TODAY)


def test_no_access_is_logged_and_nothing_is_repeated_for_a_purpose_that_is_no_word(context: AppContext) -> None:
    with pytest.raises(WrongPurpose) as problem:
        read_person(context, CASE, "dco.team", "Mrs Ashgrove asked")
    assert "Ashgrove" not in str(problem.value) and "which_child" in str(problem.value)
    assert looks_at(context, CASE) == []


def test_a_look_has_the_word_and_what_it_means(context: AppContext) -> None:
    read_person(context, CASE, "dco.team", "complaint")
    find_by_nhs_number(context, "999 000 0018", "dco.team")
    found = sorted((look.code, look.purpose) for look in looks_at(context, CASE))
    assert found == [
        ("complaint", "A complaint, an appeal or a claim"),
        ("searched_by_nhs_number", "Searched by NHS number"),
    ]


def test_the_words_of_the_installations_own_file_count(context: AppContext) -> None:
    own = FILE.read_text("utf-8").replace("[purpose.contact]", "[purpose.school_visit]")
    (context.settings.home / "purposes.toml").write_text(own, "utf-8")
    read_person(context, CASE, "dco.team", "school_visit")
    with pytest.raises(WrongPurpose):
        read_person(context, CASE, "dco.team", "contact")


def test_a_purpose_of_before_they_were_words_is_shown_and_is_no_free_text_of_the_case(context: AppContext) -> None:
    before = new_free_text(CASE, "the provider asks which child")
    with writing(context.engine) as connection:
        insert_free_texts(connection, context.cipher, [before])
        entry = {"case_ref": CASE, "actor": "dco.team", "purpose": before.id, "read_at": "2026-04-01T08:00:00.000000Z"}
        insert_logged(connection, ACCESS, [entry], entry["read_at"])
    [look] = looks_at(context, CASE)
    assert (look.code, look.purpose) == (None, "the provider asks which child")
    assert read_person(context, CASE, "dco.team", "audit", with_free_text=True).words == []
