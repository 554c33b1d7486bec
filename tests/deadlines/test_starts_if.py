"""A duty that opens only where the opening fact says so: one word, or any of several."""

from datetime import date
from pathlib import Path
from shutil import copytree

import pytest

from config.law import HERE, ConfigFault, Law, load_law
from deadlines.duties import duties_of
from deadlines.duty_rules import DutyRules
from tests.support.by_hand import dates_of, history

RULE = """
[made_up_notice]
starts = ["request_made"]
starts_if = { asked_by = ["parent", "school"] }
met_by = ["notice_given"]
clock_starts = "the request"
action = "notify them"
source_status = "unverified"

[[made_up_notice.period]]
text = "15 days"
days = 15
counts = "after"
basis = "local_standard"
"""


def law_with(folder: Path, text: str) -> Law:
    copytree(HERE, folder, ignore=lambda _folder, names: [name for name in names if name.endswith(".py")])
    (folder / "statute" / "made_up.toml").write_text(text, "utf-8")
    return load_law(folder)


@pytest.mark.parametrize(("asked_by", "opens"), [("parent", True), ("school", True), ("board", False), (None, False)])
def test_the_duty_opens_where_the_fact_says_one_of_the_words(tmp_path: Path, asked_by: str | None, opens: bool) -> None:
    law = law_with(tmp_path / "law", RULE)
    fields = {"asked_by": asked_by} if asked_by else {}
    lines = history(("request_made", "2 Mar 2026", fields))
    found = duties_of(
        lines,
        DutyRules.of(law.duties_of("made_up")),
        lambda _rule, on, _data: dates_of()("reassess_decision_notify", on, {}),
    )
    assert [duty.started_on for duty in found] == ([date(2026, 3, 2)] if opens else [])


def test_one_word_needs_no_list_and_the_key_needs_starts(tmp_path: Path) -> None:
    one = law_with(tmp_path / "one", RULE.replace('["parent", "school"]', '"parent"'))
    assert one.rule("made_up_notice").starts_if == {"asked_by": ("parent",)}
    with pytest.raises(ConfigFault, match="starts_if"):
        law_with(
            tmp_path / "two", RULE.replace('starts = ["request_made"]\n', "").replace('met_by = ["notice_given"]\n', "")
        )


def test_a_process_that_uses_a_rule_says_when_of_its_own(tmp_path: Path) -> None:
    other = '[uses.made_up_notice]\nstarts = ["other_made"]\nstarts_if = { kind = "late" }\n'
    folder = tmp_path / "law"
    law_with(folder, RULE)
    (folder / "statute" / "another.toml").write_text(other, "utf-8")
    (used,) = load_law(folder).duties_of("another")
    assert used.starts == ("other_made",) and used.starts_if == {"kind": ("late",)}
