"""Rule packs: a dry run writes nothing, an adoption is recorded, and a case stays with its version of a rule."""

import json
import re
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import config
from audit.verify import verify
from casework.cases.record import record
from casework.cases.validation import Refused
from casework.context import AppContext
from casework.reports.case_report import report
from casework.rule_packs import DryRun, DutyChange, adopt, adoptions, dry_run
from casework.sweep import sweep
from cli.rule_packs import _in_words
from config.escalation_policy import load_escalation_policy
from config.settings import Settings
from config.toml_reader import ConfigFault
from models.database import reading
from models.facts import FactDraft
from tests.support.by_hand import SALT, TRUST, day
from tests.support.calling import sendflow
from tests.support.paths import GOLDEN
from tests.support.team import Team

PACKS = GOLDEN / "rule_packs"
SHIPPED = Path(config.__path__[0])


def pack(folder: Path, **files: str) -> Path:
    """A pack with these files, by name with __ for the folder: statute__x for statute/x.toml."""
    for name, text in files.items():
        file = folder / f"{name.replace('__', '/')}.toml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    return folder


def before(file: str, *changes: tuple[str, str]) -> str:
    """A shipped file as it was before a change, by replacing what the change brought; each must be there."""
    text = (SHIPPED / file).read_text("utf-8")
    for pattern, older in changes:
        text, count = re.subn(pattern, older, text, flags=re.DOTALL)
        assert count, pattern
    return text


def reopened(team: Team, on: str) -> AppContext:
    """The context that a new command loads on a day."""
    return AppContext.load(Settings(home=team.home, today=day(on), database_url=team.first.settings.database_url))


def changes(rows: list[DutyChange]) -> list[tuple[Any, ...]]:
    return [
        (row.case_ref, row.rule, str(row.due), str(row.due_then), row.days, row.standing, row.standing_then)
        for row in rows
    ]


MISREAD = 'changed = "misread"\n'
FEWER_WEEKS = before(
    "statute/ehc_needs_assessment.toml", (r'text = "20 weeks"\nweeks = 20', 'text = "18 weeks"\nweeks = 18')
)


def test_a_dry_run_says_what_moves_and_writes_nothing(team: Team, tmp_path: Path) -> None:
    team.opened("2 Feb 2026")
    team.record("2 Feb 2026", "ehc_assessment_requested", "6 Oct 2025", case="NX90002", la="northshire")
    brought = pack(tmp_path / "pack", statute__ehc_needs_assessment=FEWER_WEEKS, pack=MISREAD)
    was = team.dump()
    found = dry_run(team.context("10 Feb 2026"), brought)
    assert changes(found.moved) == [
        ("NX90002", "ehc_final_plan_send", "2026-02-23", "2026-02-09", -14, "running", "breached"),
        ("NX90001", "ehc_final_plan_send", "2026-06-22", "2026-06-08", -14, "running", "running"),
    ]
    assert (found.cases, found.dates_moved, found.troubles) == (2, 2, [])
    assert team.dump() == was
    assert [each.name for each in (team.home / "law").iterdir()] == ["held"], "the text of the active rule set only"


def test_an_adoption_is_recorded_and_reaches_every_case_at_the_next_sweep(team: Team, tmp_path: Path) -> None:
    team.opened("2 Feb 2026")
    sweep(team.context("10 Feb 2026"))
    context = team.context("10 Feb 2026")
    brought = pack(tmp_path / "pack", statute__ehc_needs_assessment=FEWER_WEEKS, pack=MISREAD)
    done = adopt(context, brought, "dco.team")
    assert (done.number, done.actor, done.cases, done.moved, done.files) == (
        1,
        "dco.team",
        1,
        1,
        ["pack.toml", "statute/ehc_needs_assessment.toml"],
    )
    assert (done.before, done.after) == (context.ruleset_digest, reopened(team, "10 Feb 2026").ruleset_digest)
    shutil.rmtree(brought)  # sendflow has its own copy
    after = reopened(team, "11 Feb 2026")
    assert verify(after).stale == 1
    assert sweep(after).cases_looked_at == 1
    assert verify(after).intact and verify(after).stale == 0
    assert next(duty for duty in report(after, team.case).duties if duty.rule == "ehc_final_plan_send").due == date(
        2026, 6, 8
    )
    assert adoptions(after) == [done]
    with pytest.raises(Refused, match="changes nothing"):
        adopt(after, pack(tmp_path / "again", statute__ehc_needs_assessment=FEWER_WEEKS, pack=MISREAD), "dco.team")


IN_FORCE = ["ehc_final_plan_send from 1 Sep 2014: 20 weeks, then 18 weeks"]


def test_a_pack_that_changes_a_number_in_force_says_why_or_is_refused(team: Team, tmp_path: Path) -> None:
    team.opened("2 Feb 2026")
    context = team.context("10 Feb 2026")
    silent = pack(tmp_path / "silent", statute__ehc_needs_assessment=FEWER_WEEKS)
    found = dry_run(context, silent)
    assert (found.in_force, found.changed, found.dates_moved) == (IN_FORCE, None, 1)
    with pytest.raises(Refused, match=re.escape("changes what is in force, without a new `from`")) as refused:
        adopt(context, silent, "dco.team")
    assert all(part in refused.value.message for part in (IN_FORCE[0], 'changed = "misread"', 'changed = "law"'))
    assert adoptions(context) == []


@pytest.mark.parametrize("why", ["misread", "law"])
def test_what_a_pack_declares_is_in_the_history_of_adoptions(team: Team, tmp_path: Path, why: str) -> None:
    brought = pack(tmp_path / "pack", statute__ehc_needs_assessment=FEWER_WEEKS, pack=f'changed = "{why}"\n')
    done = adopt(team.context("10 Feb 2026"), brought, "dco.team")
    assert (done.changed, done.in_force) == (why, IN_FORCE)
    after = reopened(team, "10 Feb 2026")
    adopt(after, PACKS / "key_stage_reviews", "dco.team")  # a period of its own: nothing to declare
    assert [(each.changed, each.in_force) for each in adoptions(reopened(team, "10 Feb 2026"))] == [
        (None, []),
        (why, IN_FORCE),
    ]
    assert verify(reopened(team, "10 Feb 2026")).damage == []


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        ('changed = "maybe"\n', "says why the pack changes a number that is in force"),
        ("why = 1\n", "says why the pack changes a number that is in force"),
        ("changed", "says why the pack changes a number that is in force"),
    ],
)
def test_a_declaration_that_says_nothing_is_refused(team: Team, tmp_path: Path, declared: str, says: str) -> None:
    brought = pack(tmp_path / "pack", statute__ehc_needs_assessment=FEWER_WEEKS, pack=declared)
    with pytest.raises(ConfigFault, match=says):
        dry_run(team.context("10 Feb 2026"), brought)


def test_a_declaration_of_a_pack_that_changes_nothing_in_force_is_refused(team: Team, tmp_path: Path) -> None:
    shutil.copytree(PACKS / "key_stage_reviews", tmp_path / "pack")
    with pytest.raises(Refused, match="changes no period that is in force"):
        adopt(team.context("10 Feb 2026"), pack(tmp_path / "pack", pack=MISREAD), "dco.team")


def test_a_number_that_is_not_yet_in_force_needs_no_declaration(team: Team, tmp_path: Path) -> None:
    context = team.context("10 Feb 2026")
    later = (PACKS / "key_stage_reviews" / "statute" / "annual_review.keystages.toml").read_text("utf-8")
    adopt(context, PACKS / "key_stage_reviews", "dco.team")
    changed = pack(tmp_path / "pack", **{"statute__annual_review.keystages": later.replace("24", "36")})
    found = dry_run(reopened(team, "10 Feb 2026"), changed)
    assert found.in_force == [] and found.before != found.after
    assert dry_run(reopened(team, "10 Feb 2028"), changed).in_force != []


def test_a_second_pack_is_laid_over_the_first(team: Team, tmp_path: Path) -> None:
    adopt(
        team.context("10 Feb 2026"),
        pack(tmp_path / "one", statute__ehc_needs_assessment=FEWER_WEEKS, pack=MISREAD),
        "dco.team",
    )
    context = reopened(team, "10 Feb 2026")
    adopt(context, PACKS / "key_stage_reviews", "dco.team")
    law = reopened(team, "10 Feb 2026").law
    assert law.rule("ehc_final_plan_send").period[-1].weeks == 18
    assert [version.months for version in law.rule("annual_review_next").period] == [12, 24]
    with pytest.raises(Refused, match="Another pack was adopted"):
        adopt(context, pack(tmp_path / "late", locality="[s23_starts_la_clock]\nenabled = false\n"), "dco.team")


def test_adopted_files_are_read_only_while_they_are_what_was_adopted(team: Team, tmp_path: Path) -> None:
    adopt(team.context("10 Feb 2026"), PACKS / "key_stage_reviews", "dco.team")
    (file,) = (team.home / "law").glob("0001-*/statute/annual_review.keystages.toml")
    (team.home / "law" / "current").unlink()
    reopened(team, "10 Feb 2026")
    assert (team.home / "law" / "current").read_text().strip() == file.parents[1].name
    file.write_text(file.read_text().replace("24", "36"))
    with pytest.raises(ConfigFault, match="is not the file that was adopted"):
        reopened(team, "10 Feb 2026")


def test_a_case_stays_with_the_version_under_which_its_clock_started(team: Team) -> None:
    for case, on in (("NX90001", "2027-08-31"), ("NX90002", "2027-09-01")):
        record(team.context(on), case, [FactDraft("plan_reviewed", day(on), {"la": "northshire"})], "dco.team")
    assert changes(dry_run(team.context("2 Sep 2027"), PACKS / "key_stage_reviews").moved) == [
        ("NX90002", "annual_review_next", "2028-08-31", "2029-08-31", 365, "running", "running"),
    ]


def test_a_changed_bank_holiday_is_a_pack(team: Team, tmp_path: Path) -> None:
    team.act(
        "1 Jun 2026",
        ("commissioner_change_known", "1 Jun 2026", {"la": "northshire"}),
        ("original_rcb_aware_of_change", "1 Jun 2026", {"body": "QX901"}),
    )
    holidays = before("almanac/bank_holidays.toml", (r"(\[2026\]\n)", '\\1"2026-06-15" = "A day of thanks"\n'))
    moved = dry_run(team.context("2 Jun 2026"), pack(tmp_path / "pack", almanac__bank_holidays=holidays)).moved
    assert [(row.due, row.due_then, row.days) for row in moved] == [(date(2026, 6, 19), date(2026, 6, 22), 3)]


def test_the_coronavirus_overlay_moves_no_date_and_excuses_what_was_due_then(team: Team, tmp_path: Path) -> None:
    text = before(
        "statute/ehc_needs_assessment.toml", (r"\[\[ehc_body_advice_respond\.excuse_overlay\]\].*?\n\n", "\n")
    )
    adopt(team.context("1 Apr 2020"), pack(tmp_path / "before", statute__ehc_needs_assessment=text), "dco.team")
    context = reopened(team, "27 Apr 2020")
    record(
        context,
        team.case,
        [
            FactDraft("ehc_assessment_requested", day("1 Apr 2020"), {"la": "northshire"}),
            FactDraft("health_advice_requested", day("1 Apr 2020"), {"body": TRUST, "service": SALT}),
        ],
        "dco.team",
    )
    claim = FactDraft(
        "excuse_claimed",
        day("20 Apr 2020"),
        {"ground": "coronavirus", "body": TRUST, "began_on": "2020-04-01", "ended_on": "2020-05-31"},
    )
    with pytest.raises(Refused, match="no exception that the law lists"):
        record(context, team.case, [claim], "dco.team")
    overlay = PACKS / "coronavirus_2020"
    assert dry_run(context, overlay).moved == []
    assert adopt(context, overlay, "dco.team").moved == 0
    assert record(reopened(team, "28 Apr 2020"), team.case, [claim], "dco.team").seq == 3


def test_the_amendments_of_2015_and_2018_bind_from_their_day_on(team: Team, tmp_path: Path) -> None:
    none = 'from = 2014-09-01\ntext = "no number"\ncounts = "none"\ncite = "the law before"\nbasis = "regulation"\n'
    unopposed = before(
        "statute/tribunal.unopposed.toml",
        *(
            (rf"(\[\[{rule}\.period\]\]\n).*?\n(?=\n|excuses)", rf"\1{none}")
            for rule in ("unopposed_assess_no_plan", "unopposed_assess_final_plan")
        ),
        ("from = 2015-03-23", "from = 2014-09-01"),
    )
    older = pack(tmp_path / "before", **{"statute__tribunal.unopposed": unopposed})
    for file in (SHIPPED / "statute").glob("tribunal*.toml"):
        if "[ftt_health_recommendation_respond]" in file.read_text():
            changed = before(
                f"statute/{file.name}",
                (r"(\[\[ftt_health_recommendation_respond\.period\]\]\n).*?\n(?=\n|excuses)", rf"\1{none}"),
            )
            pack(older, **{f"statute__{file.stem}": changed})
    adopt(team.context("1 Mar 2015"), older, "dco.team")
    for case, on in (("NX90001", "2015-03-20"), ("NX90002", "2015-03-23")):
        opened = FactDraft("appeal_registered", day("2015-03-02"), {"la": "northshire", "appeal": "refusal_to_assess"})
        record(
            reopened(team, "25 Mar 2015"), case, [opened, FactDraft("refusal_to_assess_conceded", day(on))], "dco.team"
        )
    assert [
        (row.case_ref, row.rule, row.due, str(row.due_then))
        for row in dry_run(reopened(team, "25 Mar 2015"), PACKS / "reg_45_in_2015").moved
    ] == [
        ("NX90002", "unopposed_assess_final_plan", None, "2015-06-29"),
        ("NX90002", "unopposed_assess_no_plan", None, "2015-06-01"),
    ]
    then = (
        reopened(team, "25 Mar 2015")
        .with_rule_pack(PACKS / "recommendations_in_2018")
        .law.rule("ftt_health_recommendation_respond")
    )
    assert [then.period_on(day(on)).counts for on in ("2018-04-02", "2018-04-03")] == ["none", "beginning_with"]


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"statutes__x": "a = 1"}, "Did you mean `statute`"),
        ({"almanac__easter": "a = 1"}, "almanac/ holds a file that nothing would read"),
        ({"statute__x": "[amends.no_such_rule]\n"}, "names no rule"),
        (
            {
                "statute__x": (
                    '[[amends.annual_review_next.period]]\nfrom = 2010-01-01\ntext = "x"\nmonths = 2\ncounts ='
                    ' "corresponding_date"\nbasis = "act"\n'
                )
            },
            "in the order of `from`",
        ),
        (
            {
                "statute__section23": (
                    (SHIPPED / "statute" / "section23.toml")
                    .read_text()
                    .replace('["parent_informed"]', '["parent_infromed"]')
                )
            },
            '`met_by` names "parent_infromed", which is no fact of section23. Did you mean "parent_informed"?',
        ),
    ],
)
def test_a_pack_that_would_not_do_what_it_says_is_refused_in_words(
    team: Team, tmp_path: Path, files: dict[str, str], says: str
) -> None:
    context = team.context("2 Mar 2026")
    for act in (
        lambda: dry_run(context, pack(tmp_path / "pack", **files)),
        lambda: adopt(context, pack(tmp_path / "pack", **files), "dco.team"),
    ):
        with pytest.raises(ConfigFault, match=re.escape(says)):
            act()
    assert adoptions(context) == [] and list((team.home / "law").glob("*")) == []


def test_the_commands_say_it_and_due_answers_by_the_adopted_law(
    team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    team.opened("2 Feb 2026")
    team.first.engine.dispose()
    monkeypatch.setenv("SENDFLOW_HOME", str(team.home))
    monkeypatch.setenv("SENDFLOW_TODAY", "2026-02-10")
    brought = str(pack(tmp_path / "pack", statute__ehc_needs_assessment=FEWER_WEEKS, pack=MISREAD))
    [row] = json.loads(sendflow("dry-run", brought, "--json").stdout)
    assert list(row) == ["case_ref", "rule", "body", "service", "due", "due_then", "days", "standing", "standing_then"]
    said = sendflow("dry-run", brought).stdout
    assert f"without a new `from`; the law was misread: {IN_FORCE[0]}." in said
    assert "22 Jun 2026 to 8 Jun 2026 (14 days earlier)" in said
    assert "looked at over 1 live case. Nothing" in said and "1 due date would change. Most urgent first:" in said
    assert sendflow("adopt", brought, "--actor", "Mary Jones").exit_code == 2
    assert json.loads(sendflow("adopt", brought, "--actor", "dco.team", "--json").stdout)["moved"] == 1
    assert sendflow("adopt", brought, "--actor", "dco.team").exit_code == 1
    assert (
        json.loads(sendflow("due", "ehc_final_plan_send", "--on", "2026-02-02", "--json").stdout)["due"] == "2026-06-08"
    )
    assert sendflow("dry-run", str(tmp_path / "nowhere")).exit_code == 2
    again = (SHIPPED / "statute" / "ehc_needs_assessment.toml").read_text("utf-8")
    undeclared = sendflow("dry-run", str(pack(tmp_path / "again", statute__ehc_needs_assessment=again)))
    assert undeclared.exit_code == 1 and "The pack cannot be adopted as it is" in undeclared.stderr
    assert len(json.loads(sendflow("adoptions", "--json").stdout)) == 1
    assert f"; the law was misread: {IN_FORCE[0]}" in sendflow("adoptions").stdout
    assert f"; the law was misread: {IN_FORCE[0]}" in sendflow("rulesets").stdout
    newest, first = json.loads(sendflow("rulesets", "--json").stdout)
    assert (newest["changed"], newest["in_force"]) == ("misread", IN_FORCE)
    assert (first["changed"], first["in_force"]) == (None, [])


@pytest.mark.parametrize(
    ("dates", "more", "said"),
    [
        (1, 0, "1 due date would change. Most urgent"),
        (2, 0, "2 due dates would change. Most urgent"),
        (1, 1, "change; 1 duty would change status only."),
        (3, 2, "3 due dates would change; 2 duties would change status only."),
        (0, 1, "No due date would change; 1 duty would change"),
    ],
)
def test_a_dry_run_counts_in_words_for_one_and_for_many(dates: int, more: int, said: str) -> None:
    row = DutyChange(
        case_ref="NX90001",
        rule="ehc_final_plan_send",
        body=None,
        service=None,
        due=day("2026-06-22"),
        due_then=day("2026-06-08"),
        days=-14,
        standing="running",
        standing_then="running",
    )
    same = row.model_copy(update={"due_then": row.due, "days": 0, "standing_then": "excused"})
    assert said in _in_words(
        DryRun(
            pack="0" * 64,
            files=["statute/x.toml"],
            cases=1,
            moved=[row] * dates + [same] * more,
            troubles=[],
            before="",
            after="",
        ),
        load_escalation_policy(),
    )


def test_a_case_that_gets_its_first_duty_from_a_pack_is_not_forgotten(team: Team, tmp_path: Path) -> None:
    """The sweep finds cases by their duties, and such a case had none to be found by."""
    silent = before("statute/section23.toml", (r"\n(starts|starts_if|met_by|ends|reopened_by)( = [^\n]*)", ""))
    adopt(team.context("2 Mar 2026"), pack(tmp_path / "one", statute__section23=silent), "dco.team")
    context = reopened(team, "2 Mar 2026")
    opened = {"la": "northshire", "body": TRUST, "date_of_birth": "2023-01-02", "nhs_number": "9990000018"}
    record(context, team.case, [FactDraft("section23_opinion_formed", day("2 Mar 2026"), opened)], "dco.team")
    assert report(context, team.case).duties == []
    adopt(context, pack(tmp_path / "two", statute__section23=before("statute/section23.toml")), "dco.team")
    after = reopened(team, "3 Mar 2026")
    held = {duty.rule for duty in report(after, team.case).duties}
    with reading(after.engine) as connection:
        assert {row[0] for row in connection.exec_driver_sql("SELECT rule FROM duty")} == held != set()
    assert verify(after).intact and verify(after).stale == 0


LOCAL_STANDARDS = (
    '[review_advice_from_professional]\ncounts = "days_before"\ntext = "{0} weeks before"\nweeks = {0}\n',
    '[s23_notify_la]\ncounts = "working_days_after"\ntext = "{0} working days"\nworking_days = {0}\n',
)


@pytest.mark.parametrize("local", LOCAL_STANDARDS)
def test_the_own_standard_of_a_locality_needs_no_declaration(team: Team, tmp_path: Path, local: str) -> None:
    adopt(team.context("10 Feb 2026"), pack(tmp_path / "one", locality=local.format(3)), "dco.team")
    again = adopt(reopened(team, "10 Feb 2026"), pack(tmp_path / "two", locality=local.format(4)), "dco.team")
    assert (again.changed, again.in_force) == (None, [])
