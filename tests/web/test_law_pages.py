"""Law on the pages: rules and dates are those of the commands; a pack is tried, and adopted by two people."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest

from casework.rule_packs import adoptions, dry_run
from config.law import load_law
from models.database import transact
from tests.casework.test_rule_packs import FEWER_WEEKS, MISREAD, pack
from tests.support.calling import sendflow
from tests.support.team import Team
from tests.web.conftest import Browser, browser_of
from tests.web.test_children_pages import _give
from tests.web.test_retention_page import post
from tests.web.test_same_as_the_commands import text_of
from web.installation import Installation

TODAY = "10 Feb 2026"
RULE = "ehc_body_advice_respond"


@pytest.fixture
def people(team: Team) -> Iterator[Callable[[str], Browser]]:
    team.opened("2 Feb 2026")
    team.record("2 Feb 2026", "ehc_assessment_requested", "6 Oct 2025", case="NX90002", la="northshire")
    packs = team.home / "packs"
    pack(packs / "fewer-weeks", statute__ehc_needs_assessment=FEWER_WEEKS, pack=MISREAD)
    pack(packs / "silent", statute__ehc_needs_assessment=FEWER_WEEKS)
    pack(packs / "broken", statute__ehc_needs_assessment="[rule.x\n")
    (packs / "Not A Pack").mkdir()
    team.first = replace(team.first, settings=replace(team.first.settings, second_person=frozenset({"adoptions"})))
    team._contexts.clear()
    for account, role in (("dco.team", "dco"), ("admin.team", "administrator"), ("aud", "auditor")):
        transact(team.first.engine, partial(_give, account=account, role=role))
    made: list[Installation] = []

    def open_as(account: str) -> Browser:
        context = team.context(TODAY)
        made.append(Installation(context.settings, context))
        return browser_of(made[-1]).sign_in(account)

    yield open_as
    for each in made:
        each.close()


def test_every_rule_is_listed_and_has_a_page_with_its_versions(people: Callable[[str], Browser]) -> None:
    auditor = people("aud")
    listed = auditor.get("/law").text
    for rule in load_law().rules.values():
        assert f'href="/law/rules/{rule.id}"' in listed
    for rule in list(load_law().rules.values())[::12]:
        page = text_of(auditor.get(f"/law/rules/{rule.id}").text)
        for period in rule.period:
            assert period.repealed or " ".join(period.text.split()) in page
            assert period.cite is None or period.cite in page, rule.id
    assert auditor.get("/law?search=reg+8(1)").text.count("/law/rules/") < 20
    assert "No rule is like that" in auditor.get("/law?search=zzzz").text
    assert auditor.get("/law/rules/none").status_code == 404


@pytest.mark.parametrize("day", ["2026-03-02", "2026-04-03", "2028-02-29"])
def test_the_calculator_says_what_due_says_and_the_day_is_in_no_address(
    people: Callable[[str], Browser], day: str
) -> None:
    said = orjson.loads(sendflow("due", RULE, "--on", day, "--json").stdout)
    year, month, number = day.split("-")
    answer = post(people("aud"), f"/law/rules/{RULE}", **{"on-day": number, "on-month": month, "on-year": year})
    assert str(answer.url).endswith(f"/law/rules/{RULE}")
    for name in ("strict_due", "act_by"):
        assert f'datetime="{said[name]}"' in answer.text
    assert f'action="/law/rules/{RULE}#answer"' in answer.text and 'id="answer"' in answer.text, "it is in sight"
    page = text_of(answer.text)
    assert f"Due {int(said['due'][8:])} " in page and all(step[:12] in page for step in said["steps"])


def test_a_day_after_the_calendar_ends_has_no_working_day_to_act_by_in_words(people: Callable[[str], Browser]) -> None:
    answer = post(people("aud"), f"/law/rules/{RULE}", **{"on-day": "2", "on-month": "3", "on-year": "2090"})
    page = text_of(answer.text)
    assert "Due 13 April 2090" in page and "act_by" not in page.lower()
    assert "The last working day before it is not known" in page


@pytest.mark.parametrize(
    "form",
    [{}, {"on-day": "31", "on-month": "2", "on-year": "2026"}, {"on-day": "1", "on-month": "1", "on-year": "1950"}],
    ids=["no day", "no such day", "before the law"],
)
def test_a_wrong_day_is_refused_with_a_sentence(people: Callable[[str], Browser], form: dict[str, str]) -> None:
    refused = post(people("aud"), f"/law/rules/{RULE}", **form)
    assert (refused.status_code, "There is a problem" in refused.text, "--" in text_of(refused.text)) == (
        400,
        True,
        False,
    )


def test_a_pack_is_tried_as_the_command_tries_it(people: Callable[[str], Browser], team: Team) -> None:
    auditor = people("aud")
    listed = auditor.get("/law/packs").text
    assert "fewer-weeks" in listed and "Not A Pack" not in listed
    page = auditor.get("/law/packs/fewer-weeks").text
    found = dry_run(team.context(TODAY), team.home / "packs" / "fewer-weeks")
    assert found.moved
    for each in found.moved:
        assert each.case_ref in page and f'datetime="{each.due}"' in page and f'datetime="{each.due_then}"' in page
    assert "late" in text_of(page) and found.in_force[0] in text_of(page)
    assert "Adopt the pack" not in page, "an auditor adopts nothing"
    silent = people("dco.team").get("/law/packs/silent").text
    assert "say in pack.toml why" in text_of(silent) and "Adopt the pack" not in silent
    broken = auditor.get("/law/packs/broken")
    assert (broken.status_code, "cannot be read" in broken.text) == (400, True)
    for missing in ("none", "Not%20A%20Pack", "%2e%2e"):
        assert auditor.get(f"/law/packs/{missing}").status_code == 404


def test_a_pack_is_adopted_by_two_people_each_in_their_own_name(people: Callable[[str], Browser], team: Team) -> None:
    path = "/law/packs/fewer-weeks"
    first: Any = post(people("dco.team"), path)
    assert "You have asked for this adoption" in text_of(first.text) and "Error: " not in first.text
    assert "Adopt the pack" not in first.text and adoptions(team.context(TODAY)) == []
    post(people("dco.team"), path)
    assert adoptions(team.context(TODAY)) == [], "the same person agrees to nothing"
    assert "dco.team has asked for this adoption" in text_of(people("admin.team").get(path).text)
    assert post(people("aud"), path).status_code == 403
    second = post(people("admin.team"), path)
    assert "Adoption 1 is recorded" in second.text and "by admin.team" in text_of(second.text)
    assert [each.actor for each in adoptions(team.context(TODAY))] == ["admin.team"]
    assert Path(team.home / "law").is_dir()


def test_a_check_of_the_law_watch_is_recorded_in_the_name_of_the_account(
    people: Callable[[str], Browser], team: Team
) -> None:
    dco = people("dco.team")
    assert "Nobody has checked it yet." in text_of(dco.get("/law/watch").text)
    for form in ({"watch": "send_regulations"}, {"watch": "none", "found": "unchanged"}):
        refused = post(dco, "/law/watch", **form)
        assert (refused.status_code, "There is a problem" in refused.text) == (400, True)
    done = post(dco, "/law/watch", watch="send_regulations", found="unchanged")
    assert "Your check is recorded" in done.text
    env = {"SENDFLOW_HOME": str(team.home), "SENDFLOW_TODAY": "2026-02-10"}
    said = {each["id"]: each for each in orjson.loads(sendflow("law-watch", "--json", env=env).stdout)}
    assert said["send_regulations"]["last"]["actor"] == "dco.team" and not said["send_regulations"]["due"]
    assert sum(each["due"] for each in said.values()) == len(said) - 1
    assert "Record the check" not in people("aud").get("/law/watch").text
