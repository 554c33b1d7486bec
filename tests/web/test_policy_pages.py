"""The escalation policy and the tracker's columns on pages and by commands: preview, two people, one record."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from pathlib import Path

import pytest

from audit.verify import verify
from casework.imports import staged as files
from casework.imports import work
from casework.imports.staged import headers_sent
from casework.own_file_changes import history
from casework.policy_changes import StepChange, propose_step
from casework.rule_packs import adoptions, rulesets
from casework.rules.config_held import LADDER, TRACKER
from casework.tracker_words import columns_in_force, propose_words
from config.policy_edit import form_of
from config.settings import ADOPTIONS
from tests.support.calling import sendflow
from tests.support.team import Team
from tests.support.trackers import SOUND
from tests.web.conftest import Browser
from tests.web.test_organisation_pages import form_sent, person, place
from tests.web.test_retention_page import post
from tests.web.test_same_as_the_commands import text_of
from web.installation import Installation

__all__ = ["person", "place"]
RULE, STEP = "ehc_body_advice_respond", "reminder_3_weeks"
PATH = f"/policy/{RULE}/{STEP}"


def form(visitor: Browser, path: str = PATH) -> dict[str, str]:
    """What the form of the step would send."""
    return form_sent(visitor, path, "distance")


def words_form(visitor: Browser, path: str) -> dict[str, str]:
    """What the form of a list of words would send."""
    page = visitor.get(path).text
    words = page.partition('name="words"')[2].partition(">")[2].partition("</textarea>")[0]
    return {"words": unescape(words).strip(), "base": page.partition('name="base" value="')[2].partition('"')[0]}


def test_a_reminder_a_week_later_shows_the_month_and_is_adopted(
    place: Installation, person: Callable[[str], Browser], team: Team
) -> None:
    team.asked("9 Feb 2026")
    dco = person("dco.team")
    assert "3 weeks after the start" in text_of(dco.get("/policy").text).lower()
    same = post(dco, PATH, **form(dco))
    assert same.status_code == 400 and "says so already" in same.text
    later = form(dco) | {"distance": "5", "unit": "days", "to-dco": "yes"}
    check = text_of(post(dco, PATH, **later).text)
    assert "Check before it is recorded" in check
    assert "on another day" in check and "1 more , on 1 case" in check.replace("more,", "more ,"), check
    assert len(rulesets(place.context())) == 1, "nothing is recorded yet"
    done = post(dco, PATH, **later | {"step": "record"})
    assert "The change is recorded" in done.text
    context = place.context()
    step = context.escalation_policy.step(RULE, STEP)
    assert step is not None and (step.days, [str(each) for each in step.to]) == (5, ["service", "dco"])
    assert (adoptions(context)[0].actor, adoptions(context)[0].files) == (
        "dco.team",
        ["ladder/ehc_needs_assessment.toml"],
    )
    assert verify(context).intact
    # A second change is laid over the first.
    post(dco, PATH, **form(dco) | {"distance": "6", "step": "record"})
    assert len(adoptions(place.context())) == 2


def test_a_new_step_has_the_name_that_was_given_and_leaves_those_of_the_others(
    place: Installation, person: Callable[[str], Browser]
) -> None:
    dco, path = person("dco.team"), f"/policy/{RULE}/new"
    before = dict(place.context().escalation_policy.names)
    given = {"id": "third_reminder", "called": "the third reminder", "fact": "reminder_due", "template": "reminder"}
    given |= {"distance": "4", "unit": "weeks", "counted_from": "after_start", "to-service": "yes", "level": "3"}
    base = form(dco)["base"]
    done = post(dco, path, **given, base=base, step="record")
    assert "The change is recorded" in done.text
    assert place.context().escalation_policy.names == before | {"third_reminder": "the third reminder"}
    assert "the third reminder" in text_of(dco.get("/policy").text).lower()
    # A later change of its day leaves the name.
    own = f"/policy/{RULE}/third_reminder"
    post(dco, own, **form(dco, own) | {"distance": "30", "unit": "days", "step": "record"})
    assert place.context().escalation_policy.names == before | {"third_reminder": "the third reminder"}


def test_a_policy_that_changed_after_a_person_saw_it_is_not_overwritten(
    place: Installation, person: Callable[[str], Browser]
) -> None:
    dco, admin = person("dco.team"), person("admin.team")
    seen = form(dco) | {"distance": "4"}
    assert "Check before it is recorded" in post(dco, PATH, **seen).text
    assert "The change is recorded" in post(admin, PATH, **form(admin) | {"distance": "2", "step": "record"}).text
    late = post(dco, PATH, **seen | {"step": "record"})
    assert (late.status_code, "The policy was changed meanwhile" in late.text) == (400, True)
    assert 'value="4"' in late.text, "what was typed is not lost"
    step = place.context().escalation_policy.step(RULE, STEP)
    assert step is not None and step.weeks == 2
    part = "/policy/parts/grace.ehc_needs_assessment"
    old = form_sent(dco, part, "grace_working_days") | {"grace_working_days": "3", "base": seen["base"]}
    assert "changed meanwhile" in post(dco, part, **old | {"step": "record"}).text


def test_the_policy_of_the_teams_own_file_is_changed_there(
    place: Installation, person: Callable[[str], Browser]
) -> None:
    shipped = (place.context().rule_folders[0] / "ladder" / "ehc_needs_assessment.toml").read_text("utf-8")
    (place.context().settings.home / "ladder.toml").write_text(shipped, "utf-8")
    place.context().reloaded().ensure_ruleset_active("sweep")
    dco = person("dco.team")
    assert "in a ladder.toml of our own" in text_of(dco.get("/policy").text)
    done = post(dco, PATH, **form(dco) | {"distance": "2", "step": "record"})
    assert "The change is recorded" in done.text
    assert "weeks = 2\n" in (place.context().settings.home / "ladder.toml").read_text("utf-8")
    newest = history(place.context(), LADDER)[0]
    assert (newest.actor, newest.via) == ("dco.team", "page")
    assert rulesets(place.context())[0].actor == "dco.team"
    gone = post(dco, PATH, **form(dco) | {"leave_out": "yes"})
    assert ("The step is left out" in gone.text and "fewer" in gone.text) or "No e-mail" in gone.text
    post(dco, PATH, **form(dco) | {"leave_out": "yes", "step": "record"})
    assert place.context().escalation_policy.step(RULE, STEP) is None
    assert verify(place.context()).intact


def test_two_people_change_a_step_where_adoptions_need_two(
    place: Installation, person: Callable[[str], Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(place.context().settings, second_person=frozenset({ADOPTIONS}))
    place._context = replace(place.context(), settings=settings)
    dco, admin = person("dco.team"), person("admin.team")
    later = form(dco) | {"distance": "4", "step": "record"}
    first = post(dco, PATH, **later)
    assert (first.status_code, "a second person has to agree" in first.text) == (409, True)
    assert post(dco, PATH, **later).status_code == 409
    assert place.context().escalation_policy.step(RULE, STEP) is not None
    assert len(rulesets(place.context())) == 1
    done = post(admin, PATH, **later)
    assert "The change is recorded" in done.text
    assert rulesets(place.context())[0].actor == "admin.team"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"distance": "x"}, "enter a whole number"),
        ({"unit": "hours"}, "choose one of the list"),
        ({"distance": "2", "to-service": None}, "who gets it"),
    ],
)
def test_a_wrong_step_is_refused_beside_its_question(
    place: Installation, person: Callable[[str], Browser], change: dict[str, str | None], said: str
) -> None:
    dco = person("dco.team")
    given = {name: value for name, value in {**form(dco), **change}.items() if value is not None}
    refused = post(dco, PATH, **given)
    assert (refused.status_code, said.lower() in refused.text.lower()) == (400, True)
    assert len(rulesets(place.context())) == 1


def test_a_step_of_a_restricted_process_goes_to_nobody_else(
    place: Installation, person: Callable[[str], Browser]
) -> None:
    context, dco = place.context(), person("dco.team")
    rule = next(
        rule
        for rule in context.escalation_policy.rung
        if rule in context.law.rules and context.law.rules[rule].process == "safeguarding_referral"
    )
    path = f"/policy/{rule}/{context.escalation_policy.steps(rule)[0].id}"
    refused = post(dco, path, **form(dco, path) | {"to-service": "yes"})
    assert refused.status_code == 400 and "restricted" in refused.text


def test_the_page_and_the_command_change_the_same(
    place: Installation, person: Callable[[str], Browser], team: Team
) -> None:
    team.asked("9 Feb 2026")
    context = place.context()
    env = {"SENDFLOW_HOME": str(context.settings.home), "SENDFLOW_TODAY": "2026-02-10"}
    step = context.escalation_policy.step(RULE, STEP)
    assert step is not None
    by_page = propose_step(context, StepChange(RULE, STEP, form_of(step)._replace(distance=2)))
    tried = json.loads(sendflow("policy", "try", RULE, STEP, "distance=2", "--json", env=env).stdout)
    assert tried["month"] == [row.model_dump(mode="json") for row in by_page.month] != []
    done = sendflow("policy", "set", RULE, STEP, "distance=2", "--actor", "dco.team", env=env)
    assert done.exit_code == 0, done.output
    now = place.context().escalation_policy.step(RULE, STEP)
    assert now is not None and now.weeks == 2
    assert sendflow("policy", "set", RULE, "none", "distance=2", "--actor", "dco.team", env=env).exit_code == 2
    assert sendflow("policy", "set", RULE, STEP, "to=", "--actor", "dco.team", env=env).exit_code == 1
    assert f"{RULE} 2. {STEP}: 2 weeks after the start" in sendflow("policy", env=env).stdout


def test_a_header_of_a_tracker_is_learned_on_a_page_and_by_the_command(
    place: Installation, person: Callable[[str], Browser]
) -> None:
    dco = person("dco.team")
    assert "not understood" in text_of(dco.get("/columns?header=Northshire+number").text)
    reference = words_form(dco, "/columns/column.reference")
    more = reference | {"words": f"{reference['words']}\nNorthshire number\n\n"}
    check = text_of(post(dco, "/columns/column.reference", **more).text)
    assert "Check before it is recorded" in check and "Header Northshire number Now not read Then Ref" in check
    assert "There is none of the last three days" in check and history(place.context(), TRACKER) == []
    done = post(dco, "/columns/column.reference", **more | {"step": "record"})
    assert "for the next import" in done.text
    again = post(dco, "/columns/column.reference", **reference | {"words": "Ref", "step": "record"})
    assert again.status_code == 400 and "changed meanwhile" in again.text
    assert "understood as: Ref" in text_of(dco.get("/columns?header=northshire+NUMBER").text)
    assert 'value="northshire NUMBER"' in dco.get("/columns?header=northshire+NUMBER").text, "and it is not lost"
    assert "Macro" not in dco.get("/columns").text
    env = {"SENDFLOW_HOME": str(place.context().settings.home), "SENDFLOW_TODAY": "2026-02-10"}
    assert "Northshire number" in sendflow("columns", env=env).stdout
    assert sendflow("columns", "set", "words.yes", "yes", "ja", "--actor", "dco.team", env=env).exit_code == 0
    assert [each.via for each in history(place.context(), TRACKER)] == ["columns", "page"]
    council = words_form(dco, "/columns/column.la")
    twice = post(dco, "/columns/column.la", **council | {"words": "Ref\nCouncil"})
    assert twice.status_code == 400 and "stands for" in twice.text
    assert dco.get("/columns/none").status_code == 404
    auditor = person("aud")
    assert auditor.get("/columns").status_code == 403
    assert auditor.get("/policy").status_code == 200
    assert auditor.get(PATH).status_code == 403


def test_what_each_header_would_mean_is_the_same_on_the_page_and_by_the_command(
    place: Installation, person: Callable[[str], Browser], tmp_path: Path
) -> None:
    dco, context = person("dco.team"), place.context()
    env = {"SENDFLOW_HOME": str(context.settings.home), "SENDFLOW_TODAY": "2026-02-10"}
    tracker = tmp_path / "tracker.csv"
    mine = SOUND | {"Speech and Language Therapy returned": "", "Advice chased on": "3 March 2026"}
    tracker.write_text("\n".join((",".join(mine), ",".join(mine.values()))), "utf-8")
    id_ = files.stage(context, tracker.read_bytes(), "dco.team", datetime.now(UTC))
    assert work.work_on(context, id_, "dco.team")
    assert sorted(headers_sent(context, "dco.team")) == sorted(mine)
    assert headers_sent(context, "admin.team") == [], "another account's headers are not shown"
    called = "Speech and Language Therapy returned"
    endings = words_form(dco, "/columns/answers.endings")
    fewer = [word for word in endings["words"].splitlines() if word != "returned"]
    check = text_of(post(dco, "/columns/answers.endings", **endings | {"words": "\n".join(fewer)}).text)
    assert f"Header {called} Now {called} Then no longer read" in check
    assert "may hold answers: the import would ask" in check
    by_page = propose_words(context, "answers.endings", fewer, headers_sent(context, "dco.team"))
    result = sendflow("columns", "try", "answers.endings", *fewer, "--tracker", str(tracker), "--json", env=env)
    assert (result.exit_code, json.loads(result.stdout)) == (1, by_page.model_dump(mode="json"))
    assert by_page.left_out == ["returned"] and {each.then for each in by_page.differ} == {None}
    assert f"{len(by_page.differ) - 50} more are not shown" in check
    given = post(
        dco, "/columns/answers.endings", **endings | {"words": "\n".join(fewer), "headers": "Ref\tDOB\tOur ref"}
    )
    assert "Ref and Our ref would mean the same" in text_of(given.text)
    assert "No header would mean Local authority" in text_of(given.text)
    noise = words_form(dco, "/columns/answers.noise")
    more = noise | {"words": noise["words"] + "\nplease", "headers": f"{called} please"}
    assert f"Header {called} please Now not read Then {called}" in text_of(
        post(dco, "/columns/answers.noise", **more).text
    )
    short = words_form(dco, "/columns/answers.short")
    assert "recd = received" in short["words"]
    post(dco, "/columns/answers.short", **short | {"words": "ret = returned\nrtnz = returned", "step": "record"})
    assert columns_in_force(place.context()).answers.short == {"ret": "returned", "rtnz": "returned"}


def test_the_headers_of_a_recorded_tracker_stay_for_its_person(
    place: Installation, person: Callable[[str], Browser]
) -> None:
    dco, context = person("dco.team"), place.context()
    content = "\n".join((",".join(SOUND), ",".join(SOUND.values()))).encode()
    id_ = files.stage(context, content, "dco.team", datetime.now(UTC))
    assert work.work_on(context, id_, "dco.team")
    files.begin(context, files.one_of(context, id_, "dco.team"))
    assert work.work_on(context, id_, "dco.team")
    assert files.one_of(context, id_, "dco.team").state == files.State.RECORDED
    assert sorted(headers_sent(context, "dco.team")) == sorted(SOUND)
    reference = words_form(dco, "/columns/column.reference")
    check = text_of(post(dco, "/columns/column.reference", **reference | {"words": "Case ref"}).text)
    assert "AB001" not in check and "No header would mean Ref: the import would refuse the file" in check
