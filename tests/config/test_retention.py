"""The classes of records are data: each has a source, each process has a class, and a wrong word is an error."""

from datetime import date
from pathlib import Path

import pytest

from casework.rules.checks.files import problems
from config.retention import FILE, RecordClass, load_retention
from config.toml_reader import ConfigFault
from models.enums import About
from statemachines.registry import processes


def test_every_process_has_a_class_by_its_name_or_its_subject() -> None:
    retention = load_retention()
    found = {
        each.name: [retention.class_of(each.about, word) for word in each.record_classes]
        for each in processes().values()
    }
    assert found["continuing_care"] == found["package"] == ["continuing_care"]
    assert found["ehc_needs_assessment"] == ["child_health"] and found["panel_sitting"] == ["committee"]
    assert found["enquiry"] == ["child_health", "complaint", "information_request"]
    assert {retention.class_of(about, None) for about in About} == {"child_health", "correspondence", "committee"}


def test_the_period_of_the_day_governs() -> None:
    text = "title = 't'\n"
    periods = [
        {"from": date(2021, 8, 4), "years": 8, "source": "a source of twenty letters", "source_status": "read"},
        {"from": date(2030, 1, 1), "years": 10, "source": "a source of twenty letters", "source_status": "read"},
    ]
    found = RecordClass.model_validate({"title": text, "period": periods})
    assert [found.period_on(date(*day)).years for day in ((2020, 1, 1), (2029, 12, 31), (2030, 1, 1))] == [8, 8, 10]
    with pytest.raises(ValueError, match="in the order of their first days"):
        RecordClass.model_validate({"title": text, "period": periods[::-1]})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (('child = "child_health"', 'child = "childrens"'), "subject.child names the class childrens"),
        (('afterwards = "complaint"', 'afterwards = "complaints"'), "hold.complaint.afterwards names the class"),
        (("birthday_if_17 = 26\n", ""), "give birthday and birthday_if_17"),
        (("years = 20", "yaers = 20"), "there is no such key. Nearest: years"),
        (("[class.continuing_care", "[class.chc"), "a process names the class continuing_care"),
    ],
)
def test_a_wrong_word_in_ones_own_file_is_found_by_check(change: tuple[str, str], says: str, tmp_path: Path) -> None:
    own = FILE.read_text("utf-8")
    assert change[0] in own
    (tmp_path / "retention.toml").write_text(own.replace(*change), "utf-8")
    assert [says in each.sentence for each in problems(home=tmp_path)] == [True]


def test_a_missing_class_of_a_process_is_named_with_what_to_add() -> None:
    with pytest.raises(ConfigFault, match=r"Add a table \[class\.audit\]"):
        load_retention().class_of(About.CHILD, "audit")
