"""purposes.toml: words with their meaning, and none that the access log uses for something else."""

from pathlib import Path

import pytest

from config.purposes import FILE, load_purposes
from config.toml_reader import ConfigFault


def test_the_shipped_file_has_the_purposes_and_the_recipients() -> None:
    found = load_purposes()
    assert {"which_child", "subject_access", "outside_body", "retention"} <= found.purpose.keys()
    assert list(found.recipient) == ["ombudsman", "court", "inspection", "trust", "family", "audit"]


def test_every_stored_word_is_said_in_words() -> None:
    found = load_purposes()
    assert found.said("which_child") == "A provider or an authority asks which child it is"
    assert found.said("erased_court_order") == "erased court order"
    assert found.said("searched_by_nhs_number") == "Searched by NHS number"
    assert found.said("a_word_of_before") == "a word of before"


@pytest.mark.parametrize("word", ["erased_x", "searched_by_nhs_number", f"w{'0' * 20}", "Not a word"])
def test_a_word_with_another_meaning_is_refused(word: str, tmp_path: Path) -> None:
    own = tmp_path / "purposes.toml"
    own.write_text(FILE.read_text("utf-8").replace("[purpose.contact]", f'[purpose."{word}"]'), "utf-8")
    with pytest.raises(ConfigFault, match=r"purposes.toml: purpose"):
        load_purposes(own)


def test_a_file_without_a_word_that_a_page_gives_by_itself_is_refused(tmp_path: Path) -> None:
    own = tmp_path / "purposes.toml"
    own.write_text(FILE.read_text("utf-8").replace("[purpose.exception]", "[purpose.other]"), "utf-8")
    with pytest.raises(ConfigFault, match="the word exception is missing"):
        load_purposes(own)


def test_a_file_without_words_is_refused(tmp_path: Path) -> None:
    own = tmp_path / "purposes.toml"
    own.write_text("[recipient.court]\ntitle = 'A court'\n", "utf-8")
    with pytest.raises(ConfigFault):
        load_purposes(own)
