"""The types of panel: their days are worked out by hand with a paper calendar, and each says that it is local."""

import hashlib
import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casework.rules.checks.files import problems
from config.local_standards import STANDARDS, WEEKDAYS, Approver, Panel
from config.toml_reader import ConfigFault
from models.facts import canonical


def load_panels(own: Path | None = None) -> dict[str, Panel]:
    return {word: each for word, each in STANDARDS["panel"].load(own).items() if isinstance(each, Panel)}


# 18 March 2026 is a Wednesday.
BY_HAND = [
    ("ehc_weekly", "2026-03-18", "2026-03-12", "2026-03-13"),  # Thursday, then Friday, of the week before
    ("ehc_weekly", "2026-03-20", "2026-03-12", "2026-03-13"),  # a sitting on a Friday: papers went out a week before
    ("ehc_weekly", "2026-03-21", "2026-03-19", "2026-03-20"),  # on a Saturday: the day before
    ("ehc_weekly", "2026-03-19", "2026-03-12", "2026-03-13"),
    ("joint_funding", "2026-03-18", "2026-03-08", "2026-03-11"),  # ten days, and seven
    ("continuing_care", "2026-03-04", "2026-02-25", "2026-02-27"),
]


@pytest.mark.parametrize(("panel", "sits_on", "papers_by", "circulated_on"), BY_HAND)
def test_the_days_of_a_sitting_are_those_of_a_paper_calendar(
    panel: str, sits_on: str, papers_by: str, circulated_on: str
) -> None:
    shipped, day = load_panels()[panel], date.fromisoformat(sits_on)
    assert (str(shipped.papers_by(day)), str(shipped.circulated_on(day))) == (papers_by, circulated_on)


def test_every_shipped_type_says_that_it_is_a_local_standard_and_where_it_comes_from() -> None:
    assert {each.basis for each in load_panels().values()} == {"local_standard"}
    assert all(len(each.source) > 20 for each in load_panels().values())


@given(
    sits=st.dates(date(2020, 1, 1), date(2040, 1, 1)),
    papers=st.sampled_from(WEEKDAYS),
    circulated=st.sampled_from(WEEKDAYS),
)
def test_papers_never_go_out_before_their_last_day_nor_on_the_day_of_the_sitting(
    sits: date, papers: str, circulated: str
) -> None:
    shipped = load_panels()["ehc_weekly"].model_copy(
        update={"papers_weekday": papers, "circulated_weekday": circulated}
    )
    assert shipped.papers_by(sits) <= shipped.circulated_on(sits) < sits
    assert sits - shipped.circulated_on(sits) <= timedelta(days=7)
    assert WEEKDAYS[shipped.papers_by(sits).weekday()] == papers


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("papers_days_before = 3\n", "give papers_weekday or papers_days_before, and not both"),
        ("quorums = 3\n", "Nearest: quorum"),
    ],
)
def test_a_file_of_another_form_is_refused_with_the_key(tmp_path: Path, change: str, says: str) -> None:
    own = tmp_path / "panels.toml"
    text = Path("config/panels.toml").read_text("utf-8").partition("\n[joint_funding]")[0]
    own.write_text(text + change, "utf-8")
    with pytest.raises(ConfigFault, match=says):
        load_panels(own)


def test_a_basis_that_is_law_is_refused(tmp_path: Path) -> None:
    own = tmp_path / "panels.toml"
    text = Path("config/panels.toml").read_text("utf-8")
    own.write_text(text.replace('basis = "local_standard"', 'basis = "regulation"', 1), "utf-8")
    with pytest.raises(ConfigFault, match=r"panels\.toml: \[ehc_weekly\] basis"):
        load_panels(own)
    assert isinstance(load_panels()["ehc_weekly"], Panel)


def test_check_finds_a_fault_in_an_own_file(tmp_path: Path) -> None:
    (tmp_path / "approvers.toml").write_text(
        '[somebody]\nname = "x"\nbasis = "act"\nsource = "x"\nlimit_pence = 1\n', "utf-8"
    )
    found = problems(home=tmp_path)
    assert ["approvers.toml: [somebody] basis" in each.sentence for each in found] == [True]
    assert problems() == []


def test_every_shipped_limit_is_a_local_standard_in_whole_pence() -> None:
    limits = STANDARDS["approver"].load()
    assert {each.basis for each in limits.values()} == {"local_standard"}
    assert [each.limit_pence for each in limits.values() if isinstance(each, Approver)] == [
        500_000,
        2_500_000,
        10_000_000,
        25_000_000,
    ]


def tool(**changed: object) -> str:
    keys: dict[str, object] = {
        "name": "A tool",
        "basis": "local_standard",
        "source": "an example of our own",
        "subject": "plan",
        "criteria": ["clear", "specific"],
        "essential": ["clear"],
        "outstanding_from": 90,
        "good_from": 70,
        "requires_improvement_from": 45,
        "second_mark_percent": 20,
    }
    written = {key: value for key, value in (keys | changed).items() if value is not None}
    return "[tool_1]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in written.items())


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"essential": ["short"]}, "essential names short, which is none of the criteria"),
        ({"criteria": ["clear", "clear"]}, "each named once"),
        ({"good_from": 95}, "outstanding_from is not below good_from"),
        ({"good_from": 101}, "good_from"),
        ({"second_mark_percent": None}, "second_mark_percent"),
    ],
)
def test_a_tool_that_does_not_hang_together_is_refused(tmp_path: Path, changed: dict[str, object], says: str) -> None:
    own = tmp_path / "audit_tools.toml"
    own.write_text(tool(), "utf-8")
    assert list(STANDARDS["audit_tool"].load(own)) == ["tool_1"]
    own.write_text(tool(**changed), "utf-8")
    with pytest.raises(ConfigFault, match=says):
        STANDARDS["audit_tool"].load(own)


def test_a_shipped_version_of_a_tool_never_changes() -> None:
    """Rounds that are marked by it say its name. Another criterion is another entry."""
    shipped = {word: each.fills({}) for word, each in STANDARDS["audit_tool"].load().items()}
    digests = {word: hashlib.sha256(canonical(keys)).hexdigest()[:16] for word, keys in shipped.items()}
    assert digests == {"health_advice_1": "4ff1c5913dfa65cc", "plan_sections_1": "e10ffa593a9adb91"}
