"""The strict reader of the statute: every fault is refused, with the file, the rule, the key and an
example.
"""

import shutil
from datetime import date, datetime
from pathlib import Path

import pytest

import config
from config.law import Law, LawError, NoAnswer, UnknownRule, load_law
from config.toml_reader import ConfigFault
from deadlines.calculator import calculate, dates_for
from deadlines.counting_rules import COUNTING_RULES, FINISHES
from deadlines.due_dates import _SPECIAL, WITHOUT_DATE
from deadlines.working_calendar import load_calendar

LAW, CALENDAR = load_law(), load_calendar()
SHIPPED = Path(config.__path__[0])
RULE = """[the_rule]
clock_starts = "the letter came"
action = "answer"
source_status = "read"

[[the_rule.period]]
from = 2014-09-01
text = "6 weeks"
weeks = 6
counts = "after"
cite = "a provision"
basis = "regulation"
"""


def law_of(folder: Path, text: str, name: str = "a_process.toml") -> Law:
    """A law that holds only this file."""
    (folder / "statute").mkdir(exist_ok=True)
    shutil.copy(SHIPPED / "grounds.toml", folder / "grounds.toml")
    (folder / "statute" / name).write_text(text, encoding="utf-8")
    return load_law(folder)


def test_the_smallest_rule_reads(tmp_path: Path) -> None:
    law = law_of(tmp_path, RULE)
    rule = law.rule("the_rule")
    assert (rule.process, rule.per, rule.bound, rule.enabled, rule.starts) == ("a_process", "case", "by", True, ())
    assert law.for_process("a_process") == (rule,)
    assert law.for_process("another") == ()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "weeks = 6",
            "week = 6",
            r"a_process.toml: \[the_rule\].*`period.0.week`.*Did you mean `weeks`\? Example: weeks = 6",
        ),
        ("weeks = 6", "weeks = 6\nzzz = 1", r"not known: `period.0.zzz`. Known keys: "),
        ("weeks = 6", "weeks = 6\nweeks = 7", r"not TOML"),
        ("weeks = 6", 'weeks = "6"', r"key `period.0.weeks`.*Example: weeks = 6"),
        ("weeks = 6", "weeks = true", r"key `period.0.weeks`"),
        ("weeks = 6", "weeks = 6.0", r"key `period.0.weeks`"),
        ("weeks = 6", "weeks = 0", r"greater than or equal to 1"),
        ("weeks = 6", "months = 6", r'counts = "after" takes exactly one number, in days or weeks'),
        ("weeks = 6", "weeks = 6\ndays = 3", r"exactly one number"),
        ("weeks = 6\n", "", r"exactly one number"),
        ("weeks = 6", "later_of = [{ weeks = 6 }]\nearlier_of = [{ weeks = 5 }]", r"exclude each other"),
        ("weeks = 6", "weeks = 6\nlater_of = [{ weeks = 6 }]", r"inside the alternative periods, not in both"),
        (
            "weeks = 6",
            'later_of = [{ weeks = 6 }, { weeks = 2, start = "told_on" }]',
            r"`told_on` is used but is not among the rule's inputs",
        ),
        ('"after"', '"afterwards"', r"key `period.0.counts`.*Example: counts = \"after\""),
        ('"after"', '"none"', r'counts = "none" takes no number'),
        ('"after"', '"before_fixed_date"', r"takes no number"),
        ("weeks = 6", 'weeks = 6\nbefore = "31 March"', r"key `before` belongs to"),
        ("weeks = 6", 'weeks = 6\nprescribed = ["31 Mars"]', r"31 March"),
        ("weeks = 6", "weeks = 6\nclosed_at_least_days = 28", r"closed_at_least_days"),
        ('"regulation"', '"rumour"', r"key `period.0.basis`"),
        ("from = 2014-09-01", 'from = "2014-09-01"', r"key `period.0.from`.*Example: from = 2014-09-01"),
        ("from = 2014-09-01", "from = 2014-09-01T10:00:00", r"key `period.0.from`"),
        ("from = 2014-09-01", "from = 2014-09-31", r"not TOML"),
        ('text = "6 weeks"\n', "", r"lacks the key `period.0.text`"),
        ('action = "answer"\n', "", r"lacks the key `action`.*Example"),
        ('"read"', '"heard"', r"key `source_status`"),
        ('basis = "regulation"', 'basis = "regulation"\nexcuses = ["waiting_list"]', r"does not have: `waiting_list`"),
        ("[the_rule]\n", '[the_rule]\nbound = "roughly"\n', r"key `bound`"),
        ("[the_rule]\n", '[the_rule]\nbound = "not_before"\n', r"`lawful_from` belongs to"),
        ("[the_rule]\n", '[the_rule]\nlawful_from = "due"\n', r"`lawful_from` belongs to"),
        ("[the_rule]\n", '[the_rule]\nmet_by = ["it_came"]\n', r"need `starts`"),
        ("[the_rule]\n", '[the_rule]\nstarts = ["it_came"]\ncalculation_only = "no fact"\n', r"has no `starts`"),
        ("[the_rule]\n", '[the_rule]\nstarts = "it_came"\n', r"key `starts`"),
        ("[the_rule]\n", '[the_rule]\nreplaced_by = "directed_on"\n', r"`directed_on` is used"),
        ("[the_rule]\n", '[the_rule]\nprocess = "other"\n', r"names already say"),
        ("[the_rule]\n", "loose = 1\n[the_rule]\n", r"is outside any rule"),
    ],
)
def test_a_fault_is_refused_with_the_fix(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in RULE
    with pytest.raises(ConfigFault, match=said):
        law_of(tmp_path, RULE.replace(old, new, 1))


def test_a_rule_is_in_one_file_only(tmp_path: Path) -> None:
    law_of(tmp_path, RULE, "one.toml")
    with pytest.raises(ConfigFault, match="each rule is in one file"):
        law_of(tmp_path, RULE, "two.toml")


def test_a_duplicate_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigFault, match="not TOML"):
        law_of(tmp_path, RULE + "\n" + RULE)


def test_overlays_are_checked(tmp_path: Path) -> None:
    overlay = (
        '\n[[the_rule.excuse_overlay]]\ndue_from = 2020-05-01\ndue_to = 2020-04-01\nadd = ["coronavirus"]\ncite ='
        ' "SI"\n'
    )
    with pytest.raises(ConfigFault, match="comes before `due_from`"):
        law_of(tmp_path, RULE + overlay)
    with pytest.raises(ConfigFault, match="does not have: `flood`"):
        law_of(tmp_path, RULE + overlay.replace("2020-04-01", "2020-06-01").replace("coronavirus", "flood"))


def test_an_appeal_period_follows_a_rule_that_is_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigFault, match=r"follows a rule that is not there.*Example"):
        law_of(
            tmp_path, RULE.replace("weeks = 6", 'days = 1\nfollows = "nothing"').replace('"after"', '"appeal_period"')
        )


def test_a_rule_holds_up_one_that_is_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigFault, match=r"holds up a rule that is not there.*Example"):
        law_of(tmp_path, RULE.replace("[the_rule]\n", '[the_rule]\nholds_up = "nothing"\n', 1))


def test_files_of_one_process_may_each_use_rules_of_another(tmp_path: Path) -> None:
    law_of(tmp_path, RULE, "first.toml")
    law_of(tmp_path, '[uses.the_rule]\nstarts = ["it_came"]\n', "second.toml")
    law = law_of(
        tmp_path,
        RULE.replace("the_rule", "other") + '\n[uses.the_rule]\nstarts = ["it_came_again"]\n',
        "second.more.toml",
    )
    assert [rule.starts for rule in law.duties_of("second")] == [("it_came_again",), ("it_came",)]
    assert law.duties_of("first") == ()
    with pytest.raises(ConfigFault, match="names no rule of another statute file"):
        law_of(tmp_path, '[uses.nothing]\nstarts = ["it_came"]\n', "second.toml")
    with pytest.raises(
        ConfigFault, match=r"\[uses\.the_rule\] starts with it_came_again, and so it does in another file of second"
    ):
        law_of(tmp_path, '[uses.the_rule]\nstarts = ["it_came", "it_came_again"]\n', "second.toml")
    with pytest.raises(ConfigFault, match="`uses` is a table of rules"):
        law_of(tmp_path, "uses = 1\n", "second.toml")


def test_no_statute_and_no_grounds_are_no_law(tmp_path: Path) -> None:
    with pytest.raises(ConfigFault, match=r"grounds\.toml: the file is missing"):
        load_law(tmp_path)
    shutil.copy(SHIPPED / "grounds.toml", tmp_path / "grounds.toml")
    with pytest.raises(ConfigFault, match="holds no statute file"):
        load_law(tmp_path)


# Versions
# ------------------------------------------------------------------------------------------------------------------

LATER = """
[[the_rule.period]]
from = 2027-09-01
text = "4 weeks"
weeks = 4
counts = "after"
cite = "a later provision"
basis = "regulation"

[[the_rule.period]]
from = 2028-01-01
text = "repealed"
counts = "none"
cite = "a repeal"
basis = "regulation"
repealed = true
"""


def test_the_version_is_the_one_in_force_on_the_start_day(tmp_path: Path) -> None:
    law = law_of(tmp_path, RULE + LATER)
    before, after = (calculate(law, CALENDAR, "the_rule", day) for day in (date(2027, 8, 31), date(2027, 9, 1)))
    assert (before.due, before.version_from, before.citation) == (date(2027, 10, 12), date(2014, 9, 1), "a provision")
    assert (after.due, after.version_from, after.citation) == (date(2027, 9, 29), date(2027, 9, 1), "a later provision")


def test_a_repeal_is_an_entry_that_gives_no_date(tmp_path: Path) -> None:
    answer = calculate(law_of(tmp_path, RULE + LATER), CALENDAR, "the_rule", date(2028, 1, 1))
    assert answer.due is None and answer.strict_due is None and answer.act_by is None
    assert answer.reason is not None and "repealed" in answer.reason


def test_a_day_before_the_first_entry_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NoAnswer, match=r"2014-09-01.*config/statute/"):
        dates_for(law_of(tmp_path, RULE), CALENDAR, "the_rule", date(2014, 8, 31))


def test_versions_stand_in_order(tmp_path: Path) -> None:
    with pytest.raises(ConfigFault, match="in the order of `from`"):
        law_of(tmp_path, RULE + LATER.replace("2027-09-01", "2013-09-01"))
    with pytest.raises(ConfigFault, match="only the first period may lack `from`"):
        law_of(tmp_path, RULE + LATER.replace("from = 2027-09-01\n", ""))


def test_an_age_takes_the_version_of_the_due_date(tmp_path: Path) -> None:
    ages = RULE.replace("weeks = 6", "years = 14").replace('"after"', '"birthday"')
    later = (
        LATER.split("\n[[the_rule.period]]\nfrom = 2028")[0]
        .replace("weeks = 4", "years = 13")
        .replace('"after"', '"birthday"')
    )
    law = law_of(tmp_path, ages + later)
    assert calculate(law, CALENDAR, "the_rule", date(2013, 8, 1)).due == date(2027, 8, 1)
    assert calculate(law, CALENDAR, "the_rule", date(2014, 9, 1)).due == date(2027, 9, 1)
    assert calculate(law, CALENDAR, "the_rule", date(2014, 9, 1)).version_from == date(2027, 9, 1)


# The digest, and what a locality may say
# -----------------------------------------------------------------------------------


def shipped_copy(folder: Path) -> Path:
    shutil.copytree(SHIPPED / "statute", folder / "statute")
    shutil.copy(SHIPPED / "grounds.toml", folder / "grounds.toml")
    return folder


def test_the_digest_follows_the_content_and_not_the_layout(tmp_path: Path) -> None:
    folder = shipped_copy(tmp_path)
    assert load_law(folder).digest == LAW.digest
    file = folder / "statute" / "transfer.toml"
    file.write_text("# a remark\n\n" + file.read_text(encoding="utf-8"), encoding="utf-8")
    assert load_law(folder).digest == LAW.digest
    file.write_text(file.read_text(encoding="utf-8").replace("weeks = 6", "weeks = 5", 1), encoding="utf-8")
    assert load_law(folder).digest != LAW.digest


def test_a_locality_gives_a_number_where_the_law_leaves_one(tmp_path: Path) -> None:
    folder = shipped_copy(tmp_path)
    own = (
        '[review_advice_from_professional]\ncounts = "days_before"\ntext = "3 weeks before (local)"\nweeks = 3\ncite ='
        ' "local standard"\n'
    )
    (folder / "locality.toml").write_text(own, encoding="utf-8")
    law = load_law(folder)
    answer = calculate(law, CALENDAR, "review_advice_from_professional", date(2026, 3, 30))
    assert (answer.due, answer.basis, answer.citation, answer.reason) == (
        date(2026, 3, 9),
        "local_standard",
        "local standard",
        None,
    )
    assert law.digest != LAW.digest
    assert calculate(LAW, CALENDAR, "review_advice_from_professional", date(2026, 3, 30)).due is None


def test_a_locality_may_add_a_number_where_the_act_gives_none_and_it_is_called_local(tmp_path: Path) -> None:
    folder = shipped_copy(tmp_path)
    own = '[s23_notify_la]\ncounts = "working_days_after"\ntext = "10 working days"\nworking_days = 10\n'
    (folder / "locality.toml").write_text(own, encoding="utf-8")
    answer = calculate(load_law(folder), CALENDAR, "s23_notify_la", date(2026, 2, 4))
    assert (answer.due, answer.basis, answer.citation) == (
        date(2026, 2, 18),
        "local_standard",
        "local standard; the duty is CFA 2014 s23(3)",
    )
    (folder / "locality.toml").write_text(
        '[s42_arrange_health_provision]\ncounts = "after"\ntext = "5 weeks"\nweeks = 5\n', encoding="utf-8"
    )
    with pytest.raises(ConfigFault, match="continuing duty"):
        load_law(folder)


def test_a_locality_switches_only_what_the_law_leaves_to_it(tmp_path: Path) -> None:
    folder = shipped_copy(tmp_path)
    (folder / "locality.toml").write_text("[cypcc_decision_notify_5wd]\nenabled = true\n", encoding="utf-8")
    assert load_law(folder).rule("cypcc_decision_notify_5wd").enabled
    (folder / "locality.toml").write_text("[mha2025_cetr_first]\nenabled = true\n", encoding="utf-8")
    with pytest.raises(ConfigFault, match="cannot be switched"):
        load_law(folder)
    (folder / "locality.toml").write_text(
        '[ehc_body_advice_respond]\ncounts = "after"\nweeks = 5\ntext = "5 weeks"\n', encoding="utf-8"
    )
    with pytest.raises(ConfigFault, match="a number of its own in the law"):
        load_law(folder)
    (folder / "locality.toml").write_text("[s23_notify_la]\nworking_days = 10\n", encoding="utf-8")
    with pytest.raises(ConfigFault, match="not how it is counted"):
        load_law(folder)
    (folder / "locality.toml").write_text("[no_such_rule]\nenabled = true\n", encoding="utf-8")
    with pytest.raises(ConfigFault, match="is no rule"):
        load_law(folder)


# The law that is shipped
# ---------------------------------------------------------------------------------------------------


def test_every_rule_is_there_and_every_count_word_can_be_counted() -> None:
    used = {period.counts for rule in LAW.rules.values() for period in rule.period}
    assert used <= set(COUNTING_RULES) | set(_SPECIAL) | set(WITHOUT_DATE)
    assert set(FINISHES) <= set(COUNTING_RULES)


def test_nine_rules_are_no_duty_to_act_by_a_day() -> None:
    assert {rule.id for rule in LAW.rules.values() if rule.bound != "by"} == {
        "draft_plan_parent_response_min",
        "review_amend_parent_response_min",
        "remain_special_school",
        "ehc_school_closure_window_start",
        "ehc_school_closure_window_end",
        "reassess_six_month_window_start",
        "cease_plan_earliest",
        "cease_plan_after_appeal",
        "compulsory_school_age_start",
    }


def test_what_is_shipped_switched_off() -> None:
    off = {rule.id for rule in LAW.rules.values() if not rule.enabled}
    act = {
        f"mha2025_{each}"
        for each in ("cetr_first", "cetr_first_with_plan", "ctr_adult_first", "cetr_report", "cetr_repeat")
    }
    assert off == {*act, "cypcc_decision_notify_5wd"}


def test_every_duty_of_the_process_ends_with_the_case() -> None:
    opened = [rule for rule in LAW.for_process("ehc_needs_assessment") if rule.starts]
    assert len(opened) == 11
    for rule in opened:
        assert {"case_withdrawn", "case_closed"} <= set(rule.ends)
    assert [rule.id for rule in opened if rule.per == "body"] == ["ehc_body_advice_respond"]
    for rule in LAW.for_process("ehc_needs_assessment"):
        assert bool(rule.starts) != bool(rule.calculation_only), rule.id


# Questions put wrongly
# -----------------------------------------------------------------------------------------------------


def test_an_unknown_rule_lists_the_nearest() -> None:
    with pytest.raises(UnknownRule, match="ehc_body_advice_respond"):
        LAW.rule("ehc_body_advice_responds")


@pytest.mark.parametrize(
    ("rule", "given", "said"),
    [
        ("ehc_body_advice_respond", {"directed_on": date(2026, 4, 1)}, "takes no input of that name"),
        ("la_move_transfer_plan", {}, "needs moved_on, the day of the move"),
        ("new_la_review_after_transfer", {}, "needs last_reviewed_on"),
        ("ehc_school_closure_window_start", {}, "needs reopens_on"),
        ("remain_special_school", {"closed_from": date(2026, 7, 22)}, "give both or neither"),
        ("remain_special_school", {"reopens_on": date(2026, 9, 2)}, "give both or neither"),
        (
            "remain_special_school",
            {"closed_from": date(2026, 9, 2), "reopens_on": date(2026, 7, 22)},
            "reopens_on comes after closed_from",
        ),
        ("ehc_school_closure_window_end", {"reopens_on": date(2026, 3, 1)}, "reopens_on comes after --on"),
    ],
)
def test_a_question_put_wrongly_says_what_was_expected(rule: str, given: dict[str, date], said: str) -> None:
    for ask in (calculate, dates_for):
        with pytest.raises(LawError, match=said):
            ask(LAW, CALENDAR, rule, date(2026, 3, 2), given)


@pytest.mark.parametrize(
    ("rule", "on"),
    [
        ("school_consultation_respond", date(9999, 12, 30)),
        ("cetr_inpatient", date(9999, 12, 30)),
        ("cypcc_transition_18", date(9990, 1, 1)),
        ("compulsory_school_age_start", date(9997, 1, 1)),
        ("review_meeting_notice", date(9999, 12, 31)),
    ],
)
def test_the_end_of_the_calendar_is_an_answer_or_a_plain_refusal(rule: str, on: date) -> None:
    try:
        answer = calculate(LAW, CALENDAR, rule, on)
    except NoAnswer as refusal:
        assert "9999" in str(refusal)
    else:
        assert answer.due is not None and answer.act_by is None


def test_answers_are_frozen_and_hold_days_not_instants() -> None:
    answer = calculate(LAW, CALENDAR, "ehc_body_advice_respond", date(2026, 3, 2))
    assert isinstance(answer.due_at, datetime) and not isinstance(answer.due, datetime)
    with pytest.raises(ValueError, match="frozen"):
        answer.due = date(2026, 4, 14)  # type: ignore[misc]  # the frozen model is what is tested
    assert list(answer.model_dump(mode="json")) == [
        "rule",
        "on",
        "due",
        "strict_due",
        "act_by",
        "due_at",
        "period",
        "counts",
        "basis",
        "citation",
        "url",
        "version_from",
        "enabled",
        "excuses",
        "reason",
        "steps",
    ]
